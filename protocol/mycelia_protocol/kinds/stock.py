"""Stock: what an own resource holds, keeps for its offers, gives away and takes in.

A resource is the inventory record of one chain (ValueFlows EconomicResource). What
the chain has rights to (accounting) and what it has in hand (onhand) are apart, and
neither falls below what is offered of it: what was promised can be delivered.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from ..accumulators import Capacity, CommittedLine, Into, OfferFacts, Reserve, Resource, ResourceId, Taken
from ..actions import ACTIONS
from ..charter import MAX_AMOUNT
from ..envelope import Entry, Term
from ..errors import Refused
from ..times import duration_text
from .kind import Judged, is_natural

USE = "use"


class Change(NamedTuple):
    """What is added to accounting and onhand of a resource."""

    accounting: int
    onhand: int


def change(sides: tuple[bool, bool], amount: int) -> Change:
    """Return an amount on those of the two sides, accounting and onhand, that an action moves."""
    return Change(*(amount if moves else 0 for moves in sides))


def resource_id(judged: Judged, index: Term, number: Term, rule: str) -> ResourceId | None:
    """Return the resource that two terms name, None where both are null; `rule` is refused for anything else."""
    if index is None and number is None:
        return None
    if not is_natural(number):
        raise Refused(rule, f"{number!r} is not the number of a resource")
    return judged.dep(index, rule).id, number


def own_resource(judged: Judged, name: ResourceId, rule: str) -> Resource:
    """Return an own resource, or refuse `rule`."""
    found = judged.facts.resource(name)
    if found is None:
        raise Refused(rule, "the resource is not one of this chain")
    return found


def extent(held: Resource) -> int:
    """Return the most that a resource can come to when all that left it is back."""
    return max(held.accounting, held.onhand + sum(amount for *_, amount in held.away))


def add(judged: Judged, name: ResourceId, by: Change) -> None:
    """Add to an own resource; the caller has seen that nothing falls below what is offered of it."""
    held = cast(Resource, judged.facts.resource(name))
    judged.facts["resource", *name] = held._replace(
        accounting=held.accounting + by.accounting, onhand=held.onhand + by.onhand
    )


def check_free(judged: Judged, held: Resource, wanted: Change, rule: str) -> None:
    """Refuse `rule` unless so much of a resource is there and not offered."""
    free = Change(held.accounting - held.offered_accounting, held.onhand - held.offered_onhand)
    for name, asked, most in (("owned", wanted.accounting, free.accounting), ("in hand", wanted.onhand, free.onhand)):
        if asked > most:
            amount, rest = (judged.amount_text(held.resource_class, one) for one in (asked, most))
            raise Refused(rule, f"{amount} is more than the {rest} that are {name} and not offered")


def reserve(judged: Judged, action: str, name: ResourceId, amount: int) -> None:
    """Keep an amount of an own resource for the offer that is judged (rules `offer.stock`, `offer.bucket`)."""
    held, offer = own_resource(judged, name, "offer.resource"), judged.entry.id
    if action == USE:
        _reserve_time(judged, held, amount)
        return
    kept = change(ACTIONS[action].gives, amount)
    check_free(judged, held, kept, "offer.stock")
    _keep(judged, name, kept)
    if any(kept):
        judged.facts["reserve", offer, -1] = Reserve(action, *name, amount)


def _reserve_time(judged: Judged, held: Resource, amount: int) -> None:
    capacity = judged.facts.get(("capacity", held.capacity, -1))
    if not isinstance(capacity, Capacity):
        raise Refused("offer.resource", "nothing says how much of its time the resource has to give")
    if held.onhand <= 0:
        raise Refused("offer.stock", "the resource is not in hand")
    resource_class, _, _, begin_ms, end_ms = cast(tuple[str, int, int, int, int], judged.header.terms[:5])
    stretch = begin_ms // capacity.bucket_ms
    if resource_class != capacity.resource_class or (end_ms - 1) // capacity.bucket_ms != stretch:
        length = duration_text(capacity.bucket_ms)
        raise Refused("offer.bucket", f"its time is given in {capacity.resource_class}, within one stretch of {length}")
    key = ("bucket", held.capacity, stretch)
    before = judged.facts.get(key)
    taken = before.amount if isinstance(before, Taken) else 0
    if taken + amount > capacity.amount:
        asked, most = (judged.amount_text(capacity.resource_class, one) for one in (taken + amount, capacity.amount))
        raise Refused("offer.bucket", f"{asked} in all is more than the {most} of that time")
    judged.facts[key] = Taken(taken + amount)
    judged.facts["reserve", judged.entry.id, -1] = Reserve(USE, held.capacity, stretch, amount)


def give(judged: Judged, line: CommittedLine) -> None:
    """Take what a line delivers from the resource that its offer gives of."""
    kept = judged.facts.reserve(line.offer)
    if kept is None:
        return
    judged.facts["reserve", line.offer, -1] = kept._replace(amount=kept.amount - line.amount)
    if kept.action != USE:
        given = change(ACTIONS[kept.action].gives, line.amount)
        _keep(judged, (kept.resource, kept.number), Change(-given.accounting, -given.onhand))
        add(judged, (kept.resource, kept.number), Change(-given.accounting, -given.onhand))


def put(judged: Judged, need: bytes, amount: int, place: int) -> None:
    """Put what the `place`-th line of a `receive` brings into a resource, if its need says so."""
    into = judged.facts.get(("into", need, -1))
    if not isinstance(into, Into) or into.process:
        return
    taken = change(ACTIONS[into.action].takes, amount)
    name: ResourceId = (into.resource, into.number)
    held = judged.facts.resource(name) if into.resource else None
    if held is not None and extent(held) + amount <= MAX_AMOUNT:
        add(judged, name, taken)
    elif any(taken):
        judged.facts["resource", judged.entry.id, place] = Resource(into.resource_class, *taken)


def let_go(judged: Judged, offer: Entry, facts: OfferFacts) -> None:
    """Keep for a withdrawn offer no more than its open lines need."""
    kept = judged.facts.reserve(offer.id)
    if kept is not None:
        _unreserve(judged, offer.id, kept, cast(int, offer.header.terms[1]) - facts.committed)


def free_line(judged: Judged, line: CommittedLine) -> None:
    """Give back what a withdrawn offer kept for a line that is released or cancelled."""
    kept = judged.facts.reserve(line.offer)
    if kept is not None and judged.facts.offer(line.offer).withdrawn:
        _unreserve(judged, line.offer, kept, line.amount)


def _unreserve(judged: Judged, offer: bytes, kept: Reserve, amount: int) -> None:
    judged.facts["reserve", offer, -1] = kept._replace(amount=kept.amount - amount)
    if kept.action == USE:
        taken = cast(Taken, judged.facts["bucket", kept.resource, kept.number])
        judged.facts["bucket", kept.resource, kept.number] = Taken(taken.amount - amount)
    else:
        back = change(ACTIONS[kept.action].gives, -amount)
        _keep(judged, (kept.resource, kept.number), back)


def _keep(judged: Judged, name: ResourceId, more: Change) -> None:
    held = cast(Resource, judged.facts.resource(name))
    judged.facts["resource", *name] = held._replace(
        offered_accounting=held.offered_accounting + more.accounting,
        offered_onhand=held.offered_onhand + more.onhand,
    )
