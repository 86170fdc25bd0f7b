"""Legs of agreements, as the accumulators of one chain have them: what its deliveries and exits may rest on.

Spec: 22-agreement, "Accumulators".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..accumulators import Agreed, Agrees, CommittedLine, Draft, LegOf, LineId, Mark
from ..envelope import Entry
from .kind import Judged

EXITS = frozenset({"release", "lapse", "cancel"})
CONDITIONAL = 0  # the hold of lines that bind within an agreement alone


def is_complete(facts: Draft, agreement: bytes) -> bool:
    """Return whether an `agree` of every other party is cited."""
    agreed = _agreed(facts, agreement)
    return agreed is not None and set(agreed.parties) <= dict(_agrees(facts, agreement)).keys()


def leg(facts: Draft, line: LineId) -> LegOf | None:
    """Return the line as a leg of an agreement that this chain agreed to, if it is one."""
    fact = facts.get(("leg", *line))
    return fact if isinstance(fact, LegOf) else None


def may_release(judged: Judged, line: LineId, given: CommittedLine) -> bool:
    """Return whether the agreement, or that there is none, lets a conditional line go without a debt."""
    of = leg(judged.facts, line)
    if of is None:
        return not given.marks & Mark.INHERITED
    agreed = _agreed(judged.facts, of.agreement)
    if agreed is None:
        return False
    return _has_forker(judged, of.agreement, agreed.parties) or (
        _is_off(judged, of.agreement, agreed, 0) and not agreed.took
    )


def may_lapse(judged: Judged, line: LineId, marks: Mark | int) -> bool:
    """Return whether the agreement lets the receiver let a leg go before its time."""
    of = leg(judged.facts, line)
    agreed = None if of is None else _agreed(judged.facts, of.agreement)
    if of is None or agreed is None:
        return False
    if marks & Mark.CITES_DELIVER:  # who gave keeps the claim, whoever else forked; a forker's own word binds nobody
        return _has_forker(judged, of.agreement, (of.provider,))
    off = _is_off(judged, of.agreement, agreed, judged.charter.grace_ms)
    return off or _has_forker(judged, of.agreement, agreed.parties)


def note_left(facts: Draft, line: LineId) -> None:
    """Note an own release or lapse of a line: it breaks the agreement that the line is a leg of."""
    of = leg(facts, line)
    agreed = None if of is None else _agreed(facts, of.agreement)
    if of is not None and agreed is not None:
        facts["agreed", of.agreement, -1] = agreed._replace(left=True)


def note_took(facts: Draft, line: LineId) -> None:
    """Note an own receive of a line: who took under an agreement gives under it."""
    of = leg(facts, line)
    agreed = None if of is None else _agreed(facts, of.agreement)
    if of is not None and agreed is not None:
        facts["agreed", of.agreement, -1] = agreed._replace(took=True)


def note_agree(facts: Draft, agreement: bytes, dep: Entry) -> None:
    """Note that an `agree` of a party is cited, whatever its verdict."""
    by = dict(_agrees(facts, agreement))
    by[dep.chain] = min(dep.header.sequence, by.get(dep.chain, dep.header.sequence))
    facts["agrees", agreement, -1] = Agrees(tuple(sorted(by.items())))


def note_exit(facts: Draft, line: LineId, dep: Entry) -> None:
    """Note that an exit about a line is cited, if it is one by a party to a leg, or by its heir."""
    of, kind = leg(facts, line), dep.header.kind
    if of is None:
        return
    sides = {"release": (of.provider,), "lapse": (of.receiver,), "cancel": (of.provider, of.receiver)}
    if any(facts.speaks_for(dep.chain, side) for side in sides[kind]):
        note_left(facts, line)


def _is_off(judged: Judged, agreement: bytes, agreed: Agreed, grace_ms: int) -> bool:
    is_late = judged.header.time_ms > agreed.end_ms + grace_ms
    return agreed.left or (is_late and not is_complete(judged.facts, agreement))


def _has_forker(judged: Judged, agreement: bytes, parties: Iterable[bytes]) -> bool:
    """Whether an own warrant shows that one of these parties agreed where its chain has two pasts."""
    places = dict(_agrees(judged.facts, agreement))
    forks = {party: judged.facts.warranted(party) for party in parties}
    return any(at is not None and places.get(party, at) >= at for party, at in forks.items())


def _agreed(facts: Draft, agreement: bytes) -> Agreed | None:
    fact = facts.get(("agreed", agreement, -1))
    return fact if isinstance(fact, Agreed) else None


def _agrees(facts: Draft, agreement: bytes) -> tuple[tuple[bytes, int], ...]:
    fact = facts.get(("agrees", agreement, -1))
    return fact.by if isinstance(fact, Agrees) else ()
