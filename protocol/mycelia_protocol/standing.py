"""Standing: what the valid entries add up to, the same in any order of arrival.

A line between a provider and a receiver is `pending`, `firm`, `done` or `void`,
read from marks that only ever accumulate. Evidence changes standing, never
validity. An exit voids if it is valid: its own dependencies are not asked.

Spec: 09-standing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, cast

from .accumulators import LineId
from .envelope import Entry
from .errors import Refused
from .kinds import KINDS
from .kinds.flows import commit_lines
from .kinds.intents import AMOUNT, BEGIN_MS, CELL, CLASS, END_MS, URGENCY
from .kinds.kind import line_refs
from .kinds.rows import LINES_AT, OFFER_AT

_ABOUT_LINES = frozenset({"accept", "deliver", "receive", "release", "lapse", "cancel"})

Mark = tuple[str, bytes]  # what was signed about a line, and the chain that signed it


class Status(StrEnum):
    """Where a line stands."""

    PENDING = "pending"
    FIRM = "firm"
    DONE = "done"
    VOID = "void"
    DISPUTED = "disputed"  # void, though delivered


class Intent(NamedTuple):
    """A valid need or offer (ValueFlows Intent)."""

    id: bytes
    chain: bytes
    kind: str
    resource_class: str
    amount: int
    cell: int
    begin_ms: int
    end_ms: int
    urgency: int  # 0 in an offer
    published_ms: int
    withdrawn: bool = False


@dataclass(slots=True)
class Line:
    """A line of a valid commit, with everything that was signed about it."""

    commit: bytes
    number: int
    provider: bytes
    receiver: bytes
    row: bytes
    offer: bytes
    need: bytes
    amount: int
    hold: int
    until: int
    marks: set[Mark] = field(default_factory=set)

    @property
    def id(self) -> LineId:
        """The commit's id and the line's number in it."""
        return (self.commit, self.number)


@dataclass(slots=True)
class Row:
    """The latest valid row of an offer: what it means to give to whom."""

    id: bytes
    offer: bytes
    sequence: int
    lines: tuple[tuple[bytes, int], ...]


class Standing:
    """The fold over valid entries. Feed it the valid entries in any order; twice is as good as once.

    `entry_of` gives any authentic entry by id; an added entry's dependencies must be held.
    """

    def __init__(self, entry_of: Callable[[bytes], Entry | None]) -> None:
        self._entry_of = entry_of
        self.needs: dict[bytes, Intent] = {}
        self.offers: dict[bytes, Intent] = {}
        self.rows: dict[bytes, Row] = {}  # by offer
        self.lines: dict[LineId, Line] = {}
        self.lines_of: dict[bytes, list[LineId]] = {}  # by need and by offer
        self._marks: dict[LineId, set[Mark]] = {}
        self._withdrawn: set[bytes] = set()

    def add(self, entry: Entry) -> None:
        """Count a valid entry."""
        kind = entry.header.kind
        if kind == "need" or kind == "offer":
            self._add_intent(entry)
        elif kind == "row":
            self._add_row(entry)
        elif kind == "commit":
            self._add_commit(entry)
        elif kind == "withdraw":
            self._withdraw(entry.header.dep(cast(int, entry.header.terms[0])))
        elif kind in _ABOUT_LINES:
            skip = 1 if kind == "accept" else 0
            for line in line_refs(entry.header, skip, f"{kind}.terms"):
                self._mark(line, kind, entry.chain)
        if entry.header.deps:
            self._note_exits(entry)

    def status(self, line: Line) -> Status:
        """Return where the line stands: the fold of its marks."""
        provider, receiver, marks = line.provider, line.receiver, line.marks
        accepted, delivered = ("accept", receiver) in marks, ("deliver", provider) in marks
        if delivered and ("receive", receiver) in marks:
            return Status.DONE
        given_up = (f"exit by {provider.hex()}", receiver) in marks
        by_receiver = given_up or ("lapse", receiver) in marks or ("cancel", receiver) in marks
        if by_receiver or ("release", provider) in marks or ("cancel", provider) in marks:
            return Status.DISPUTED if accepted and delivered and by_receiver else Status.VOID
        return Status.FIRM if accepted else Status.PENDING

    def is_live(self, line: Line) -> bool:
        """Return whether the line still means something to both: it is neither void nor disputed."""
        return self.status(line) not in (Status.VOID, Status.DISPUTED)

    def tentative(self, offer: bytes) -> list[tuple[bytes, int]]:
        """Return what the latest row of an offer still holds: (need, amount) that no commit has firmed."""
        row = self.rows.get(offer)
        if row is None:
            return []
        taken: dict[bytes, int] = {}
        for line in self.lines_by(offer):
            if line.row == row.id:
                taken[line.need] = taken.get(line.need, 0) + line.amount
        return [(need, amount - taken.get(need, 0)) for need, amount in row.lines if amount > taken.get(need, 0)]

    def lines_by(self, intent: bytes) -> Iterator[Line]:
        """Yield all lines of a need or an offer."""
        return (self.lines[line] for line in self.lines_of.get(intent, ()))

    def committed(self, offer: bytes) -> int:
        """Return how much of an offer its own chain counts as committed: all that it did not release or cancel."""
        return sum(
            line.amount
            for line in self.lines_by(offer)
            if not line.marks & {("release", line.provider), ("cancel", line.provider)}
        )

    def accepted(self, need: bytes) -> int:
        """Return how much of a need its own chain counts as accepted: all that it received or has not let go."""
        return sum(line.amount for line in self.lines_by(need) if self._counts_for_need(line))

    def is_effective(self, entry: Entry) -> bool:
        """Return whether a valid entry counts in full: nothing that it relies on is lacking."""
        return not self.lacking(entry)

    def lacking(self, entry: Entry) -> list[bytes]:
        """Return the needs and commits that a valid entry relies on and that lack a valid counterpart here.

        A row and a commit rely on their needs, an accept on its commits, a `deliver` on a valid
        accept of each of its lines, a `receive` on a valid `deliver`; everything else on nothing.
        """
        kind = entry.header.kind
        if kind == "deliver" or kind == "receive":
            lines = line_refs(entry.header, 0, f"{kind}.terms")
            return list(dict.fromkeys(line[0] for line in lines if not self._is_answered(line, kind)))
        relies_on = KINDS[kind].relies_on(entry.header) if kind in KINDS else ()
        return [name for name in relies_on if name not in self.needs and (name, 0) not in self.lines]

    def _is_answered(self, name: LineId, kind: str) -> bool:
        line = self.lines.get(name)
        if line is None:
            return False
        return (("accept", line.receiver) if kind == "deliver" else ("deliver", line.provider)) in line.marks

    def _counts_for_need(self, line: Line) -> bool:
        receiver, marks = line.receiver, line.marks
        freed = {("lapse", receiver), ("cancel", receiver), (f"exit by {line.provider.hex()}", receiver)}
        return ("accept", receiver) in marks and (("receive", receiver) in marks or not marks & freed)

    def _add_intent(self, entry: Entry) -> None:
        terms, kind = cast(list[int], entry.header.terms), entry.header.kind
        intent = Intent(
            entry.id,
            entry.chain,
            kind,
            str(terms[CLASS]),
            terms[AMOUNT],
            terms[CELL],
            terms[BEGIN_MS],
            terms[END_MS],
            terms[URGENCY] if kind == "need" else 0,
            entry.header.time_ms,
            entry.id in self._withdrawn,
        )
        (self.needs if kind == "need" else self.offers)[entry.id] = intent

    def _add_row(self, entry: Entry) -> None:
        header, terms = entry.header, cast(list[int], entry.header.terms)
        offer = header.dep(terms[OFFER_AT])
        latest = self.rows.get(offer)
        if latest is None or (header.sequence, entry.id) > (latest.sequence, latest.id):
            lines = tuple((header.dep(terms[at]), terms[at + 1]) for at in range(LINES_AT, len(terms), 2))
            self.rows[offer] = Row(entry.id, offer, header.sequence, lines)

    def _add_commit(self, entry: Entry) -> None:
        row = cast(Entry, self._entry_of(entry.header.dep(cast(int, entry.header.terms[0]))))
        offer = row.header.dep(cast(int, row.header.terms[OFFER_AT]))
        for number, stated in enumerate(commit_lines(entry)):
            line = (entry.id, number)
            if line in self.lines:
                continue
            receiver = cast(Entry, self._entry_of(stated.need)).chain
            marks = self._marks.setdefault(line, set())
            self.lines[line] = Line(
                entry.id, number, entry.chain, receiver, row.id, offer, stated.need,
                stated.amount, stated.hold, stated.until, marks,
            )  # fmt: skip
            self.lines_of.setdefault(stated.need, []).append(line)
            self.lines_of.setdefault(offer, []).append(line)

    def _withdraw(self, intent: bytes) -> None:
        self._withdrawn.add(intent)
        for intents in (self.needs, self.offers):
            if intent in intents:
                intents[intent] = intents[intent]._replace(withdrawn=True)

    def _mark(self, line: LineId, kind: str, author: bytes) -> None:
        self._marks.setdefault(line, set()).add((kind, author))

    def _note_exits(self, entry: Entry) -> None:
        """A receiver who cites a release or a provider's cancel, whatever its verdict, gives the line up."""
        for link in entry.header.links:
            exit_ = self._entry_of(link)
            if exit_ is None or exit_.header.kind not in ("release", "cancel") or exit_.chain == entry.chain:
                continue
            try:
                lines = line_refs(exit_.header, 0, "release.terms")
            except Refused:
                continue
            for line in lines:
                self._mark(line, f"exit by {exit_.chain.hex()}", entry.chain)
