"""Counted balances: what the standing says that everybody has of each class of mutual credit.

A chain's own account (chapter 08) is what rules ask; it may hold a receipt of
something that was never validly given. Here a line counts for both sides or for
neither, so that all balances and what is on its way make 0, whoever lies.

    >>> from mycelia_protocol.standing import Standing
    >>> counted(Standing(lambda _: None), {"hours"})
    {'hours': Counted(balances={}, transit=0)}

Spec: 23-reciprocity, "Counted balances".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from .standing import Standing, Status


@dataclass(slots=True)
class Counted:
    """The balances of one class by chain, those that are not 0, and what was delivered and not received yet."""

    balances: dict[bytes, int] = field(default_factory=dict)
    transit: int = 0


def counted(standing: Standing, classes: Collection[str]) -> dict[str, Counted]:
    """Return what the lines of these classes add up to; the sum of all balances and the transit is 0."""
    found = {name: Counted() for name in sorted(classes)}
    for line in standing.lines.values():
        offer = standing.offers.get(line.offer)
        if offer is None or offer.resource_class not in found or not standing.is_delivered(line):
            continue
        status, one = standing.status(line), found[offer.resource_class]
        if status is Status.DISPLACED:
            continue
        _add(one.balances, line.provider, -line.amount)
        if status is Status.DONE:
            _add(one.balances, line.receiver, line.amount)
        else:
            one.transit += line.amount
    return found


def left(standing: Standing, chain: bytes, resource_class: str) -> int:
    """Return the counted balance of a chain, less what it has promised: all its lines that are pending or firm."""
    total = 0
    for line in standing.lines.values():
        offer = standing.offers.get(line.offer)
        if offer is None or offer.resource_class != resource_class or chain not in (line.provider, line.receiver):
            continue
        status, is_delivered = standing.status(line), standing.is_delivered(line)
        if status is Status.DISPLACED:
            continue
        if line.provider == chain and (is_delivered or standing.is_live(line)):
            total -= line.amount
        if line.receiver == chain and status is Status.DONE:
            total += line.amount
    return total


def _add(balances: dict[bytes, int], chain: bytes, amount: int) -> None:
    balances[chain] = balances.get(chain, 0) + amount
    if not balances[chain]:
        del balances[chain]
