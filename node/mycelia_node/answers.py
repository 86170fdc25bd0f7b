"""Answers: what others said about lines and agreements that a deed of an own chain rests on.

They are looked up among the valid entries that this node holds. Whether a deed may rest on them, the rules say.
"""

from __future__ import annotations

from mycelia_protocol.accumulators import Agreed, HeirOf, LegOf, LineId
from mycelia_protocol.kinds.kind import lines_about

from .ledger import Ledger

_PAGE = 1000
_EXITS = frozenset({"release", "lapse", "cancel"})


def answers(ledger: Ledger, chain: bytes, party: bytes, kind: str) -> dict[LineId, bytes]:
    """Return the first valid entry of a kind about each line, by a party or an heir that a chain was told of."""
    heirs = ledger.facts_of(chain, "heir")
    told = [key[1] for key, fact in heirs.items() if isinstance(fact, HeirOf) and party in fact.chains]
    found: dict[LineId, bytes] = {}
    for author in (party, *told):
        after = 0
        while page := ledger.stored(after, _PAGE, chain=author, kind=kind):
            after = page[-1].arrival
            for stored in page:
                if stored.is_valid:
                    lines = lines_about(stored.entry)
                    found |= dict.fromkeys((line for line in lines if line not in found), stored.entry.id)
    return found


def agrees(ledger: Ledger, agreement: bytes) -> dict[bytes, bytes]:
    """Return by chain the first valid `agree` to an agreement."""
    found: dict[bytes, bytes] = {}
    for stored in ledger.stored(0, -1, kind="agree"):
        header = stored.entry.header
        if stored.is_valid and header.named(header.terms[0]) == agreement:
            found.setdefault(stored.entry.chain, stored.entry.id)
    return found


def leg_of(ledger: Ledger, chain: bytes, line: LineId) -> LegOf | None:
    """Return a line as a leg of an agreement that a chain agreed to, if it is one."""
    fact = ledger.facts_of(chain, "leg").get(("leg", *line))
    return fact if isinstance(fact, LegOf) else None


def agreed_of(ledger: Ledger, chain: bytes, leg: LegOf) -> Agreed | None:
    """Return how a chain stands to the agreement of a leg; None of one that it took over, for heirs do not agree."""
    fact = ledger.facts_of(chain, "agreed").get(("agreed", leg.agreement, -1))
    return fact if isinstance(fact, Agreed) else None


def others_agreed(ledger: Ledger, chain: bytes, leg: LegOf) -> list[bytes] | None:
    """Return the `agree` of every other party, None while one lacks."""
    agreed = agreed_of(ledger, chain, leg)
    counted = ledger.standing.agreements.agreed.get(leg.agreement, set())
    if agreed is None or not counted.issuperset(agreed.parties):
        return None
    said = agrees(ledger, leg.agreement)
    return [said[party] for party in agreed.parties if party in said]


def exit_from(ledger: Ledger, chain: bytes, agreement: bytes) -> bytes | None:
    """Return an exit by another party of any leg of an agreement that a chain agreed to: one is enough to leave."""
    for (_, commit, number), leg in ledger.facts_of(chain, "leg").items():
        if not isinstance(leg, LegOf) or leg.agreement != agreement:
            continue
        known = ledger.standing.lines.get((commit, number))
        for kind in sorted({said for said, _ in known.marks} & _EXITS) if known else ():
            sides = {"release": (leg.provider,), "lapse": (leg.receiver,)}.get(kind, (leg.provider, leg.receiver))
            for party in sides:
                said = None if party == chain else answers(ledger, chain, party, kind).get((commit, number))
                if said is not None:
                    return said
    return None


def may_leave(ledger: Ledger, chain: bytes, leg: LegOf, now_ms: int, grace_ms: int = 0) -> bool:
    """Return whether an agreement that a chain took nothing of is off for it, as far as is known here."""
    agreed = agreed_of(ledger, chain, leg)
    if agreed is None or agreed.took:
        return False
    is_late = now_ms > agreed.end_ms + grace_ms and others_agreed(ledger, chain, leg) is None
    return is_late or agreed.left or exit_from(ledger, chain, leg.agreement) is not None
