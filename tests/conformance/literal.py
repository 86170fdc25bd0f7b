"""Chapters 07 and 08 read literally: every rule asked of the whole history, no accumulator, no code of the kinds.

Slow on purpose. Where this and the project's validation differ, one of them has misread the spec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry

Line = tuple[bytes, int]
FREEING = ("deliver", "receive", "release", "lapse", "cancel", "withdraw", "id.revoke", "warrant")
FOLLOWING = {"accept": 1, "deliver": 0, "receive": 0, "release": 0, "lapse": 0, "cancel": 0}


def is_natural(term: Any) -> bool:
    return type(term) is int and term >= 0


def index(entry: Entry, term: Any) -> bytes | None:
    """Return the id that a term points to, if it is an index."""
    links = entry.header.links
    return links[term] if is_natural(term) and term < len(links) else None


def lines_about(entry: Entry) -> list[Line]:
    """Return the lines that an entry is about, none if its pairs have another shape."""
    kind, terms = entry.header.kind, entry.header.terms
    if kind not in FOLLOWING:
        return []
    rest: list[Any] = terms[FOLLOWING[kind] :]
    pairs = [(index(entry, at), number) for at, number in zip(rest[::2], rest[1::2], strict=False)]
    good = all(link is not None and is_natural(number) for link, number in pairs)
    if not good or len(rest) % 2 or not 1 <= len(pairs) <= 64 or len(set(pairs)) < len(pairs):
        return []
    return [(link, number) for link, number in pairs if link is not None]


def amounts(entry: Entry, skip: int, most: int) -> list[tuple[bytes, int]] | None:
    """Return the (dependency, amount) pairs of a row or a commit, None if they have another shape."""
    rest: list[Any] = entry.header.terms[skip:]
    pairs = [(index(entry, at), amount) for at, amount in zip(rest[::2], rest[1::2], strict=False)]
    good = all(link is not None and type(amount) is int and 0 < amount <= most for link, amount in pairs)
    if not good or len(rest) % 2 or len({link for link, _ in pairs}) < len(pairs):
        return None
    return [(link, amount) for link, amount in pairs if link is not None]


def commit_lines(commit: Entry) -> list[tuple[bytes, int]]:
    """Return the lines that `accept.line` sees in an entry."""
    terms = commit.header.terms
    shaped = commit.header.kind == "commit" and len(terms) > 3 and all(map(is_natural, terms[:3]))
    return (amounts(commit, 3, 2**63 - 1) or []) if shaped else []


class History:
    """The own past of an entry that is judged: its valid entries in order, and everything that is held."""

    def __init__(
        self, entry: Entry, own: Sequence[Entry], latest: int, held: Mapping[bytes, Entry], law: Charter
    ) -> None:
        self.entry, self.own, self.latest, self.held, self.law = entry, list(own), latest, held, law
        self.by_id = {one.id: one for one in own}
        self.time = entry.header.time >> 16
        self.terms: list[Any] = entry.header.terms

    def verdict(self) -> str:
        """Return "valid" or the first rule that says no, in the order of chapter 08."""
        return next(self._faults(), "valid")

    def _faults(self) -> Iterator[str]:
        header = self.entry.header
        if header.time <= max([self.latest, *(self.held[link].header.time for link in header.links)]):
            yield "chain.time"
        if header.charter_version != 0:
            yield "version.adopted"
        rules = getattr(self, f"_{header.kind}", None) if header.kind.isalpha() else None
        if rules is None and not header.kind.startswith("x."):
            yield "kind.known"
        if not self.rate_allows():
            yield "rate.cell"
        if rules is not None:
            yield from rules()

    def rate_allows(self) -> bool:
        """Whether `rate.cell` lets the entry pass: the tat is summed up anew from the chain's `open`."""
        rate, past = self.law.rate, list[Entry]()
        if rate is None or self.entry.header.kind in FREEING:
            return True
        link = self.entry.header.backlink
        while link is not None:
            past.append(self.held[link])
            link = past[-1].header.backlink
        tat = 0
        for one in (*reversed(past), self.entry):
            is_free = one.header.kind in FREEING and one.id in self.by_id
            size = one.header.body_length + (0 if is_free else len(one.raw))
            weight = rate.kib_ms * ((size + 1023) // 1024) + (0 if is_free else rate.entry_ms)
            if weight:
                tat = max(tat, one.header.time >> 16) + weight
        return tat - self.time <= rate.burst_ms

    def did(self, kinds: str, line: Line) -> bool:
        """Whether an own entry of one of these kinds is about the line."""
        return any(one.header.kind in kinds.split() and line in lines_about(one) for one in self.own)

    def cited(self) -> Iterator[Entry]:
        """Yield what the entry cites of other chains."""
        for one in (*self.own, self.entry):
            yield from (self.held[link] for link in one.header.links if self.held[link].chain != self.entry.chain)

    def cites(self, kinds: str, line: Line, author: bytes) -> bool:
        """Whether the entry cites an entry of one of these kinds about the line, by this chain."""
        return any(
            one.header.kind in kinds.split() and one.chain == author and line in lines_about(one)
            for one in self.cited()
        )

    def cites_withdraw(self, intent: bytes, author: bytes) -> bool:
        return any(
            one.header.kind == "withdraw" and one.chain == author and len(one.header.terms) == 1
            and index(one, one.header.terms[0]) == intent for one in self.cited()
        )  # fmt: skip

    def warranted(self, chain: bytes) -> int:
        """Return the lowest place of a chain that an own warrant shows, beyond all places if there is none."""
        shown = [self.held[link].header for one in self.own if one.header.kind == "warrant" for link in one.header.links
                 if self.held[link].chain == chain and one.header.links.index(link) in one.header.terms]  # fmt: skip
        return min([2**63, *(header.sequence for header in shown)])

    def late_accepts(self, line: Line, receiver: bytes) -> bool:
        """Whether an own warrant shows the receiver's fork, and every cited accept of hers lies there or above."""
        forked_at = self.warranted(receiver)
        accepts = [one.header.sequence for one in self.cited() if one.header.kind == "accept"
                   and one.chain == receiver and line in lines_about(one)]  # fmt: skip
        return min([2**62, *accepts]) >= forked_at

    def withdrawn(self, intent: bytes) -> bool:
        return any(one.header.kind == "withdraw" and index(one, one.header.terms[0]) == intent for one in self.own)

    def is_own(self, name: bytes | None, kind: str) -> bool:
        return name in self.by_id and self.by_id[name].header.kind == kind

    def own_line(self, line: Line) -> tuple[bytes, int] | None:
        """Return (need, amount) of a line of an own commit."""
        lines = commit_lines(self.by_id[line[0]]) if self.is_own(line[0], "commit") else []
        return lines[line[1]] if line[1] < len(lines) else None

    def rows(self, offer: bytes) -> list[Entry]:
        return [one for one in self.own if one.header.kind == "row" and index(one, one.header.terms[0]) == offer]

    def committed(self, offer: bytes) -> int:
        rows = {row.id for row in self.rows(offer)}
        return sum(
            amount
            for one in self.own
            if one.header.kind == "commit" and index(one, one.header.terms[0]) in rows
            for number, (_, amount) in enumerate(commit_lines(one))
            if not self.did("release cancel", (one.id, number))
        )

    def counts(self, line: Line) -> bool:
        """Whether an accepted line counts in its need's sum, before the judged entry speaks."""
        left = self.did("lapse cancel", line) or self.cites("release cancel", line, self.held[line[0]].chain)
        return self.did("accept", line) and (self.did("receive", line) or not left)

    def accepted(self, need: bytes) -> int:
        lines = {line for one in self.own if one.header.kind == "accept" for line in lines_about(one)}
        stated = {line: commit_lines(self.held[line[0]])[line[1]] for line in lines}
        return sum(amount for line, (named, amount) in stated.items() if named == need and self.counts(line))

    def amount(self, intent: bytes) -> Any:
        return self.held[intent].header.terms[1]

    def _open(self) -> Iterator[str]:
        if self.terms[1:] != [None]:
            yield "open.identity"
        if self.entry.header.deps:
            yield "open.deps"

    def _need(self) -> Iterator[str]:
        if len(self.terms) != 6:
            yield "need.terms"
            return
        yield from self._intent()
        if not is_natural(self.terms[5]) or self.terms[5] > 10**9:
            yield "need.urgency"

    def _offer(self) -> Iterator[str]:
        if len(self.terms) != 5:
            yield "offer.terms"
            return
        yield from self._intent()

    def _intent(self) -> Iterator[str]:
        named, amount, cell, begin, end = self.terms[:5]
        if type(named) is not str or named not in self.law.classes:
            yield "intent.class"
        if not is_natural(amount) or not 1 <= amount <= self.law.max_amount:
            yield "intent.amount"
        if not is_natural(cell) or not _is_cell(f"{cell:064b}"):
            yield "intent.cell"
        is_window = is_natural(begin) and is_natural(end) and begin < end
        if not is_window or not self.time < end <= self.time + self.law.max_window_ms:
            yield "intent.window"

    def _row(self) -> Iterator[str]:
        lines = amounts(self.entry, 3, self.law.max_amount) if len(self.terms) >= 3 else None
        offer = index(self.entry, self.terms[0]) if lines is not None else None
        previous = index(self.entry, self.terms[1]) if lines is not None else None
        if lines is None or offer is None or (previous is None and self.terms[1] is not None):
            yield "row.terms"
            return
        if not self.is_own(offer, "offer"):
            yield "row.offer"
            return
        if self.withdrawn(offer):
            yield "row.open"
        if previous != (self.rows(offer)[-1].id if self.rows(offer) else None):
            yield "row.version"
        if self.terms[2] is not None:
            yield "row.joint"
        for name, _ in lines:
            need = self.held[name]
            terms = need.header.terms
            is_foreign_need = need.header.kind == "need" and need.chain != self.entry.chain
            if not is_foreign_need or len(terms) != 6 or type(terms[1]) is not int or type(terms[4]) is not int:
                yield "row.need"
            elif terms[0] != self.held[offer].header.terms[0]:
                yield "row.class"
        if self.committed(offer) + sum(amount for _, amount in lines) > self.amount(offer):
            yield "row.capacity"

    def _commit(self) -> Iterator[str]:
        shaped = len(self.terms) > 3 and all(map(is_natural, self.terms[:3]))
        lines = amounts(self.entry, 3, self.law.max_amount) if shaped else None
        row = index(self.entry, self.terms[0]) if lines is not None else None
        if lines is None or row is None:
            yield "commit.terms"
            return
        offer = index(self.by_id[row], self.by_id[row].header.terms[0]) if self.is_own(row, "row") else None
        if offer is None or self.rows(offer)[-1].id != row:
            yield "commit.row"
            return
        if self.withdrawn(offer):
            yield "commit.open"
        if not self.time < self.terms[1] <= self.terms[2]:
            yield "commit.hold"
        left = dict(amounts(self.by_id[row], 3, self.law.max_amount) or [])
        for one in self.own:
            if one.header.kind == "commit" and index(one, one.header.terms[0]) == row:
                for need, amount in commit_lines(one):
                    left[need] -= amount
        for need, amount in lines:
            if amount > left.get(need, 0):
                yield "commit.capacity"
                return
            if amount > self.amount(need):
                yield "commit.amount"
            ends = [self.held[intent].header.terms[4] for intent in (need, offer)]
            if any(self.time > end for end in ends):  # type: ignore[operator]
                yield "commit.window"
            if self.cites_withdraw(need, self.held[need].chain):
                yield "commit.withdrawn"

    def _accept(self) -> Iterator[str]:
        lines = lines_about(self.entry)
        need = index(self.entry, self.terms[0]) if lines else None
        if need is None:
            yield "accept.terms"
            return
        if not self.is_own(need, "need"):
            yield "accept.need"
        total = self.accepted(need)
        for line in lines:
            commit = self.held[line[0]]
            stated = commit_lines(commit)
            if commit.chain == self.entry.chain or line[1] >= len(stated) or stated[line[1]][0] != need:
                yield "accept.line"
                return
            hold: Any = commit.header.terms[1]
            if self.time > hold:
                yield "accept.hold"
            if self.withdrawn(need):
                yield "accept.withdrawn"
            if self.did("accept cancel", line):
                yield "accept.again"
            if self.cites("release cancel", line, commit.chain):
                yield "accept.exited"
            total += stated[line[1]][1]
            if total > self.amount(need):
                yield "accept.quantity"

    def _deliver(self) -> Iterator[str]:
        for line in self._lines():
            stated = self.own_line(line)
            if stated is None:
                yield "deliver.line"
                return
            receiver = self.held[stated[0]].chain
            if self.did("release cancel deliver", line):
                yield "deliver.open"
            if not self.cites("accept", line, receiver):
                yield "deliver.accept"
            if self.cites("lapse cancel", line, receiver):
                yield "deliver.exited"
        yield from self._shape()

    def _receive(self) -> Iterator[str]:
        again: dict[bytes, int] = {}
        for line in self._lines():
            if not self.did("accept", line):
                yield "receive.line"
                return
            if self.did("receive", line):
                yield "receive.again"
            if not self.cites("deliver", line, self.held[line[0]].chain):
                yield "receive.deliver"
            if not self.counts(line):
                need, amount = commit_lines(self.held[line[0]])[line[1]]
                again[need] = again.get(need, 0) + amount
                if self.accepted(need) + again[need] > self.amount(need):
                    yield "receive.quantity"
        yield from self._shape()

    def _release(self) -> Iterator[str]:
        for line in self._lines():
            stated = self.own_line(line)
            if stated is None:
                yield "release.line"
                return
            receiver = self.held[stated[0]].chain
            hold: Any = self.by_id[line[0]].header.terms[1]
            if self.did("release cancel deliver", line):
                yield "release.open"
            late = self.time > hold or self.cites_withdraw(stated[0], receiver)
            unseen = not self.cites("accept", line, receiver)
            is_forked = self.late_accepts(line, receiver)
            if not (self.cites("lapse cancel", line, receiver) or is_forked or (unseen and late)):
                yield "release.ground"
        yield from self._shape()

    def _lapse(self) -> Iterator[str]:
        for line in self._lines():
            if not self.did("accept", line):
                yield "lapse.line"
                return
            if self.did("lapse cancel receive", line):
                yield "lapse.open"
            commit = self.held[line[0]]
            if commit.header.sequence >= self.warranted(commit.chain):
                continue
            until: Any = commit.header.terms[2]
            if not self.time - self.law.grace_ms > until:
                yield "lapse.time"
            if self.cites("deliver", line, self.held[line[0]].chain):
                yield "lapse.delivered"
        yield from self._shape()

    def _cancel(self) -> Iterator[str]:
        for line in self._lines():
            if self.own_line(line) is not None:
                if self.did("release cancel deliver", line):
                    yield "cancel.open"
                continue
            commit = self.held[line[0]]
            stated = [] if commit.chain == self.entry.chain else commit_lines(commit)
            is_mine = line[1] < len(stated) and self.is_own(stated[line[1]][0], "need")
            if not is_mine and not self.did("accept cancel", line):
                yield "cancel.line"
            elif self.did("lapse cancel receive", line):
                yield "cancel.open"
        yield from self._shape()

    def _warrant(self) -> Iterator[str]:
        one, other = (index(self.entry, term) for term in self.terms) if len(self.terms) == 2 else (None, None)
        if one is None or other is None or one >= other:
            yield "warrant.terms"
            return
        first, second = self.held[one], self.held[other]
        same = {(entry.chain, entry.header.sequence, entry.header.backlink) for entry in (first, second)}
        if len(same) > 1 or first.chain == self.entry.chain:
            yield "warrant.fork"

    def _withdraw(self) -> Iterator[str]:
        intent = index(self.entry, self.terms[0]) if len(self.terms) == 1 else None
        if intent is None:
            yield "withdraw.terms"
            return
        if not self.is_own(intent, "need") and not self.is_own(intent, "offer"):
            yield "withdraw.intent"
        if self.withdrawn(intent):
            yield "withdraw.again"

    def _lines(self) -> list[Line]:
        return lines_about(self.entry)

    def _shape(self) -> Iterator[str]:
        """Yield the rule of the shape if there were no lines to ask about."""
        if not self._lines():
            yield f"{self.entry.header.kind}.terms"


def _is_cell(bits: str) -> bool:
    """Whether 64 bits, written from the highest to the lowest, have the form of an H3 cell."""
    resolution, base = int(bits[8:12], 2), int(bits[12:19], 2)
    digits = [int(bits[at : at + 3], 2) for at in range(19, 64, 3)]
    fixed = len(bits) == 64 and bits[:8] == "00001000"
    return fixed and base < 122 and max(digits[:resolution], default=0) < 7 and set(digits[resolution:]) <= {7}
