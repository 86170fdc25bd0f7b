"""Pruning: when the headers below a checkpoint may go, and which of them do.

Nothing here drops anything: these are the decisions, pure, the clock an argument.

    >>> from mycelia_protocol.charter import ResourceClass, found
    >>> charter = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg")}, retention_ms=1000, witnesses=2)
    >>> said = [(b"anna", 5000), (b"bo", 5400), (b"bo", 5200), (b"author", 5000)]
    >>> is_settled(said, author=b"author", is_forked=False, charter=charter, now_ms=6200)
    True
    >>> is_settled(said, author=b"author", is_forked=False, charter=charter, now_ms=6199)
    False

Spec: 19-checkpoint, "What goes".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import cast

from .accumulators import AcceptedLine, CommittedLine, Fact, FactKey, LineId, Mark, NeedFacts, OfferFacts
from .charter import Charter
from .envelope import Entry
from .kinds.flows import commit_lines
from .kinds.intents import END_MS, has_tail
from .kinds.kind import ABOUT_LINES, lines_about

KEPT = frozenset({
    "open", "consent", "enact", "adopt", "admit", "warrant", "checkpoint", "witness", "retract",
    "agreement", "agree",
    "event", "process", "recipe", "capacity", "lot", "settle", "threshold", "allot", "take",
    "attest", "permit",  # what books are made of
})  # fmt: skip
IDENTITY = "id."
_GIVEN = Mark.RELEASED | Mark.DELIVERED | Mark.CANCELLED
_TAKEN = Mark.RECEIVED | Mark.LAPSED | Mark.CANCELLED | Mark.CITES_RELEASE | Mark.CITES_CANCEL


def is_settled(
    witnesses: Iterable[tuple[bytes, int]], *, author: bytes, is_forked: bool, charter: Charter, now_ms: int
) -> bool:
    """Return whether the headers below a valid checkpoint may go, by the clock of who asks.

    `witnesses` are identities, or chains without one, and when they said so, in milliseconds; so is
    `author`; `is_forked` says whether the checkpoint's chain forked at its place or below. The age is
    that of the witness who made them enough: an author can date a checkpoint back, and others do not.
    """
    if charter.retention_ms is None or is_forked:
        return False
    first: dict[bytes, int] = {}
    for name, at_ms in witnesses:
        first[name] = min(at_ms, first.get(name, at_ms))
    first.pop(author, None)
    times = sorted(first.values())
    return len(times) >= charter.witnesses and times[charter.witnesses - 1] + charter.retention_ms <= now_ms


def droppable(below: Sequence[tuple[Entry, bool]], facts: Mapping[FactKey, Fact], time_ms: int) -> list[Entry]:
    """Return which entries below a settled checkpoint of that time go.

    `below` are all of them with whether each is valid, `facts` those of the checkpoint's state.
    """
    intents = {entry.id for entry, is_valid in below if is_valid and _is_open(entry, facts, time_ms)}
    booked = {entry.id for entry, is_valid in below if is_valid and has_tail(entry.header)}
    legs = {(name, number) for record, name, number in facts if record == "leg"}  # an agreement is read as a whole
    for (_, name, number), fact in facts.items():
        if (name, number) in legs and isinstance(fact, CommittedLine | AcceptedLine):
            booked.add(fact.offer if isinstance(fact, CommittedLine) else fact.need)
    live, lines = intents | booked, set(legs)
    for (_, name, number), fact in facts.items():
        if isinstance(fact, OfferFacts) and fact.row is not None and name in intents:
            live.add(fact.row)
        elif isinstance(fact, CommittedLine) and (fact.offer in booked or not fact.marks & _GIVEN):
            lines.add((name, number))
        elif isinstance(fact, AcceptedLine) and fact.marks & Mark.ACCEPTED:
            if not fact.marks & Mark.RECEIVED:
                live.add(fact.need)  # a late `receive` reads it, and does not name it
            if fact.need in booked or not fact.marks & _TAKEN:
                lines.add((name, number))

    def is_kept(entry: Entry, *, is_valid: bool) -> bool:
        kind = entry.header.kind
        if kind in KEPT or kind.startswith(IDENTITY):
            return True
        if not is_valid:
            return False
        return entry.id in live or _is_booked_row(entry, booked) or not lines.isdisjoint(_lines_of(entry))

    return [entry for entry, is_valid in below if not is_kept(entry, is_valid=is_valid)]


def _is_open(entry: Entry, facts: Mapping[FactKey, Fact], time_ms: int) -> bool:
    header = entry.header
    if header.kind not in ("need", "offer"):
        return False
    fact = facts.get((header.kind, entry.id, -1))
    withdrawn = isinstance(fact, NeedFacts | OfferFacts) and fact.withdrawn
    return not withdrawn and cast(int, header.terms[END_MS]) >= time_ms


def _is_booked_row(entry: Entry, booked: Set[bytes]) -> bool:
    return entry.header.kind == "row" and entry.header.dep(cast(int, entry.header.terms[0])) in booked


def _lines_of(entry: Entry) -> list[LineId]:
    kind = entry.header.kind
    if kind == "commit":
        return [(entry.id, number) for number in range(len(commit_lines(entry)))]
    return list(lines_about(entry)) if kind in ABOUT_LINES else []
