"""Accounts: what everybody gave, received, made and used up, by class; where it went; what processes balance.

A party is an identity, or a chain that has none. A line counts for both sides or for neither, so
what was given is what was received. Events of a chain that forked count where they are early.

Spec: 25-books, "Accounts", "Flows" and "Balances of processes".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from .actions import ACTIONS
from .books import Books
from .inventory import Inventory
from .measures import Measure, is_balanced

_COLUMNS = {"produce": "produced", "consume": "consumed", "raise": "raised", "lower": "lowered"}


@dataclass(slots=True)
class Account:
    """What one party did and has of one class, in quanta."""

    given: int = 0
    received: int = 0
    in_transit: int = 0  # delivered by it, and not received
    produced: int = 0
    consumed: int = 0
    raised: int = 0
    lowered: int = 0
    rights: int = 0
    on_hand: int = 0
    overdrawn: int = 0  # given away on a forked chain by lines that nothing was left for


class Flow(NamedTuple):
    """What went from one to the other of a class: parties, or the cells of offers and needs."""

    source: bytes | int
    target: bytes | int
    resource_class: str


class Balance(StrEnum):
    """How a process stands in a measure."""

    OPEN = "open"  # nothing came out of it yet, or nothing went in
    BALANCED = "balanced"
    IMBALANCE = "imbalance"


class Balanced(NamedTuple):
    """What went into a process and what came out, in the unit of a measure."""

    measure: str
    goes_in: Fraction
    comes_out: Fraction

    @property
    def balance(self) -> Balance:
        """Whether the two sides agree within the tolerance."""
        if not self.goes_in or not self.comes_out:
            return Balance.OPEN
        return Balance.BALANCED if is_balanced(self.goes_in, self.comes_out) else Balance.IMBALANCE


@dataclass(slots=True)
class Sheet:
    """What books say at one moment."""

    inventory: Inventory
    accounts: dict[tuple[bytes, str], Account] = field(default_factory=dict)  # by party and class
    contributions: Counter[tuple[bytes, str]] = field(default_factory=Counter)  # given and received, for nothing
    flows: Counter[Flow] = field(default_factory=Counter)  # between parties
    places: Counter[Flow] = field(default_factory=Counter)  # between cells
    balances: dict[bytes, list[Balanced]] = field(default_factory=dict)  # by process


def sheet(
    books: Books,
    party: Callable[[bytes], bytes] = lambda chain: chain,
    measures: Mapping[str, Measure] | None = None,
) -> Sheet:
    """Return what the books say; `party` gives the identity that a chain speaks for, or the chain."""
    found, sums = Sheet(Inventory(books)), _Sums(measures or {})

    def account(chain: bytes, resource_class: str) -> Account:
        return found.accounts.setdefault((party(chain), resource_class), Account())

    standing = books.standing
    for moved in books.moved():
        giver, resource_class, amount = (
            account(moved.provider, moved.resource_class),
            moved.resource_class,
            moved.amount,
        )
        if not moved.is_done:
            giver.in_transit += amount
            continue
        giver.given += amount
        account(moved.receiver, resource_class).received += amount
        parties = party(moved.provider), party(moved.receiver)
        found.flows[Flow(*parties, resource_class)] += amount
        need, offer = standing.needs.get(moved.need), standing.offers[moved.offer]
        if need is not None:
            found.places[Flow(offer.cell, need.cell, resource_class)] += amount
        tail, into = books.tails.get(moved.offer), books.tails.get(moved.need)
        if (tail is None or tail.other is None) and parties[0] != parties[1]:
            found.contributions[parties[0], resource_class] += amount
        if into is not None and into.other is not None:
            sums.add(into.other, moved.action, resource_class, amount)
    for event, resource_class in found.inventory.counted:
        column = _COLUMNS.get(event.action)
        if column is not None:
            kept = account(event.chain, resource_class)
            setattr(kept, column, getattr(kept, column) + event.amount)
        if event.process is not None:
            sums.add(event.process, event.action, resource_class, event.amount)
    for stock in found.inventory.stocks.values():
        kept = account(stock.chain, stock.resource_class)
        kept.rights += stock.accounting
        kept.on_hand += stock.onhand
        kept.overdrawn += max(stock.overdrawn_accounting, stock.overdrawn_onhand)
    found.balances = {process: sums.of(process) for process in sorted(sums.sides) if process in books.processes}
    return found


class _Sums:
    """What goes in and comes out of each process, by measure."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self._measures = measures
        self.sides: dict[bytes, dict[str, list[Fraction]]] = {}

    def add(self, process: bytes, name: str, resource_class: str, amount: int) -> None:
        """Add what an action of the table moves into or out of a process; what moves nothing is not measured."""
        action = ACTIONS[name]
        if action.inputOutput not in ("input", "output") or not (action.accountingEffect or action.onhandEffect):
            return
        for measure, one in sorted(self._measures.items()):
            if resource_class in one.factors:
                side = self.sides.setdefault(process, {}).setdefault(measure, [Fraction(0), Fraction(0)])
                side[action.inputOutput == "output"] += one.of(resource_class, amount)

    def of(self, process: bytes) -> list[Balanced]:
        """Return each measure of a process, by name."""
        return [Balanced(measure, *side) for measure, side in sorted(self.sides[process].items())]
