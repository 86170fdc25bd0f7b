"""Deals in a commons with contributions and mutual credit: a line from its need to its receipt, in one call.

>>> commons = Commons(reciprocal())
>>> anna, bo = found(commons, "anna"), found(commons, "bo")
>>> deal = dealt(anna, bo, 40, "hours")
>>> account(anna).balance, account(bo).balance
(-40, 40)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Contributed, Credit, credit_key
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter, Membership, ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.reciprocity import Settled

from .builders import Commons, Line, Member, line_id
from .people import found, identity

__all__ = ["Commons", "Deal", "account", "branch", "contributed", "dealt", "found", "pledged", "reciprocal", "settle"]


def reciprocal(
    membership: Membership | None = None, founders: Iterable[str] = (), *, retention_ms: int | None = None,
    witnesses: int = 3, **changes: Value,
) -> Charter:  # fmt: skip
    """Return a charter in which care counts one and a half, and hours are credit from -40 to 100."""
    classes = {"food": ResourceClass("kg", 1, 10), "care": ResourceClass("h", 1, 4), "hours": ResourceClass("h", 1, 4)}
    sections: dict[str, Value] = {"contribution": {"care": [3, 2]}, "credit": {"hours": [-40, 100]}}
    return found_charter(
        "Oost", seed=bytes(16), classes=classes, membership=membership, founders=map(identity, founders),
        sections=sections | changes, retention_ms=retention_ms, witnesses=witnesses,
    )  # fmt: skip


class Deal(NamedTuple):
    """A line with everything that was said about it; what was not said is None."""

    need: Entry
    line: Line
    accept: Entry
    deliver: Entry | None = None
    receive: Entry | None = None

    def settled(self, claim: tuple[bytes, int] | None = None) -> Settled:
        """Return what its provider can settle."""
        assert self.receive is not None
        return Settled(self.receive.id, line_id(self.line), claim)


def pledged(provider: Member, receiver: Member, amount: int, resource_class: str) -> Deal:
    """Bring a line to where both sides are bound."""
    need = receiver.need(amount, resource_class=resource_class)
    row = provider.row(provider.offer(amount, resource_class=resource_class), (need, amount))
    line: Line = provider.commit(row, (need, amount)), 0
    return Deal(need, line, receiver.accept(need, line))


def dealt(provider: Member, receiver: Member, amount: int, resource_class: str, *, is_received: bool = True) -> Deal:
    """Bring a line to its delivery, or to its receipt."""
    deal = pledged(provider, receiver, amount, resource_class)
    deal = deal._replace(deliver=provider.on("deliver", deal.line, cites=[deal.accept]))
    if not is_received or deal.deliver is None:
        return deal
    return deal._replace(receive=receiver.on("receive", deal.line, cites=[deal.deliver]))


def settle(*deals: Deal) -> Content:
    """Return a settle of received lines without publishing it."""
    return compose.settle([deal.settled() for deal in deals])


def contributed(member: Member) -> int:
    """Return what a chain contributed on all days together."""
    return sum(fact.amount for fact in member.prefix.facts.values() if isinstance(fact, Contributed))


def account(member: Member, resource_class: str = "hours") -> Credit:
    """Return the own account of a chain."""
    fact = member.prefix.facts.get(credit_key(resource_class), Credit())
    assert isinstance(fact, Credit)
    return fact


def branch(member: Member) -> Any:
    """Return a second program with the same key and past: whatever both say is a fork."""
    twin = Member.__new__(type(member))
    twin.__dict__.update(member.__dict__)
    twin.own = dict(member.own)
    twin.prefix = replace(member.prefix, facts=dict(member.prefix.facts), own=twin.own.get)
    return twin
