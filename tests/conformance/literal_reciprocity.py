"""Chapter 23 read literally: accounts and settles asked of the whole history, with no accumulator of the project.

Without heirs: what is inherited is left to the vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mycelia_protocol.envelope import Entry

from .literal import History, Line, commit_lines, index, is_natural, lines_about

CUSTODY = ("accept", "dropoff", "modify", "pickup", "transferCustody")
FOUNDING_TERMS = 10  # and more, in an `open` that begins an identity


class Reciprocal(History):
    """The own past of an entry under a charter with contributions and credit."""

    def class_of(self, line: Line) -> Any:
        """Return the class of a line: the first term of its need."""
        return self.held[self.stated(line)[0]].header.terms[0]

    def stated(self, line: Line) -> tuple[bytes, int]:
        return commit_lines(self.held[line[0]])[line[1]]

    def told(self, kind: str) -> list[Line]:
        """Return the lines that own entries of a kind are about."""
        return [line for one in self.own if one.header.kind == kind for line in lines_about(one)]

    def sums(self, name: str) -> tuple[int, int, int]:
        """Return balance, promised and expected of the chain before the entry, but for what it cites itself."""

        def total(lines: list[Line]) -> int:
            return sum(self.stated(line)[1] for line in lines if self.class_of(line) == name)

        commits = [one for one in self.own if one.header.kind == "commit"]
        committed = [(one.id, number) for one in commits for number in range(len(commit_lines(one)))]
        open_ = [line for line in committed if not self.did("release cancel deliver", line)]
        awaited = [line for line in self.told("accept") if self.counts(line) and not self.did("receive", line)]
        return total(self.told("receive")) - total(self.told("deliver")), total(open_), total(awaited)

    def opened(self, chain: bytes) -> list[Any]:
        return self.held[chain].header.terms

    def _commit(self) -> Iterator[str]:
        yield from super()._commit()
        row = self.held[self.entry.header.links[self.terms[0]]]
        name: Any = self.held[row.header.links[row.header.terms[0]]].header.terms[0]  # type: ignore[index]
        if name in self.law.credit:
            floor = self.law.credit[name].floor if len(self.opened(self.entry.chain)) >= FOUNDING_TERMS else 0
            balance, promised, _ = self.sums(name)
            if balance - promised - sum(amount for _, amount in commit_lines(self.entry)) < floor:
                yield "commit.credit"

    def _accept(self) -> Iterator[str]:
        yield from super()._accept()
        yield from self._rises(lines_about(self.entry), "accept.credit")

    def _receive(self) -> Iterator[str]:
        yield from super()._receive()
        yield from self._rises([line for line in lines_about(self.entry) if not self.counts(line)], "receive.credit")

    def _rises(self, lines: list[Line], rule: str) -> Iterator[str]:
        for name, limits in self.law.credit.items():
            more = sum(self.stated(line)[1] for line in lines if self.class_of(line) == name)
            balance, _, expected = self.sums(name)
            if more and balance + expected + more > limits.ceiling:
                yield rule

    def _settle(self) -> Iterator[str]:
        groups = [self.terms[at : at + 5] for at in range(0, len(self.terms), 5)]
        if not 1 <= len(groups) <= 16 or not all(self._is_group(group) for group in groups):
            yield "settle.terms"
            return
        links, seen = self.entry.header.links, {(group[0], group[1]) for one in self.own for group in _groups(one)}
        for receive, commit, number, claim, _ in groups:
            line = (links[commit], number)
            if self.own_line(line) is None or not self.did("deliver", line):
                yield "settle.line"
                return
            if line in seen:
                yield "settle.again"
            seen.add(line)
            said = self.held[links[receive]]
            receiver = self.held[self.stated(line)[0]].chain
            if said.header.kind != "receive" or said.chain != receiver or line not in lines_about(said):
                yield "settle.receive"
                return
            one, other = self.opened(self.entry.chain)[1], self.opened(receiver)[1]
            if (one == other and one is not None) or (None in (one, other) and self.law.founders):
                yield "settle.other"
            if claim is None and not self.is_given(line):
                yield "settle.gift"
            if claim is None and self.class_of(line) not in self.law.contribution:
                yield "settle.class"

    def is_given(self, line: Line) -> bool:
        """Whether the offer of an own line asks for nothing in return, and gives more than custody."""
        row = self.by_id[self.held[line[0]].header.links[self.held[line[0]].header.terms[0]]]  # type: ignore[index]
        terms: list[Any] = self.held[row.header.links[row.header.terms[0]]].header.terms  # type: ignore[index]
        return len(terms) == 5 or (terms[9] is None and terms[5] not in CUSTODY)

    def _is_group(self, group: list[Any]) -> bool:
        if len(group) != 5 or not is_natural(group[2]):
            return False
        is_plain = group[3:] == [None, None]
        is_claim = index(self.entry, group[3]) is not None and is_natural(group[4])
        return all(index(self.entry, at) is not None for at in group[:2]) and (is_plain or is_claim)


def _groups(entry: Entry) -> list[Line]:
    """Return the lines that a valid settle counted."""
    terms: list[Any] = entry.header.terms
    if entry.header.kind != "settle":
        return []
    return [(entry.header.links[terms[at + 1]], terms[at + 2]) for at in range(0, len(terms), 5)]
