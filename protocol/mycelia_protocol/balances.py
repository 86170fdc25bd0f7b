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

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .reciprocity import Limits
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


def by_person(one: Counted, identity_of: Callable[[bytes], bytes | None]) -> dict[bytes, int]:
    """Return the balances of identities, all chains of each together, and of chains that speak for none."""
    found: dict[bytes, int] = {}
    for chain, balance in one.balances.items():
        _add(found, identity_of(chain) or chain, balance)
    return found


def overdrawn(one: Counted, limits: Limits, identity_of: Callable[[bytes], bytes | None]) -> set[bytes]:
    """Return the identities whose balance lies below the floor, and chains without one whose balance lies below 0."""
    speaking = {identity_of(chain) for chain in one.balances}
    found = by_person(one, identity_of).items()
    return {name for name, balance in found if balance < (limits.floor if name in speaking else 0)}


def left(standing: Standing, chains: Collection[bytes], resource_class: str) -> int:
    """Return the counted balance of chains together, less what they promised: their lines that are pending or firm."""
    total = 0
    for line in standing.lines.values():
        offer = standing.offers.get(line.offer)
        gives, takes = line.provider in chains, line.receiver in chains
        if offer is None or offer.resource_class != resource_class or not (gives or takes):
            continue
        status = standing.status(line)
        if status is Status.DISPLACED:
            continue
        if gives and (standing.is_live(line) or standing.is_delivered(line)):
            total -= line.amount
        if takes and status is Status.DONE:
            total += line.amount
    return total


def _add(balances: dict[bytes, int], chain: bytes, amount: int) -> None:
    balances[chain] = balances.get(chain, 0) + amount
    if not balances[chain]:
        del balances[chain]
