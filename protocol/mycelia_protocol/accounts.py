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
from functools import cache, cached_property
from typing import NamedTuple

from .actions import ACTIONS
from .books import Books, Moved
from .inventory import Inventory, Shelf
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


class Passage(NamedTuple):
    """What went into a process, or came out of it, of a class."""

    process: bytes
    is_output: bool
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


@dataclass
class Sheet:
    """What books say at one moment."""

    inventory: Inventory
    measures: Mapping[str, Measure]
    accounts: dict[tuple[bytes, str], Account] = field(default_factory=dict)  # by party and class
    contributions: Counter[tuple[bytes, str]] = field(default_factory=Counter)  # given and received, for nothing
    flows: Counter[Flow] = field(default_factory=Counter)  # between parties
    places: Counter[Flow] = field(default_factory=Counter)  # between cells
    passed: Counter[Passage] = field(default_factory=Counter)  # what went through processes

    def account(self, party: bytes, resource_class: str) -> Account:
        """Return the account of a party, begun if there is none."""
        found = self.accounts.get((party, resource_class))
        if found is None:
            found = self.accounts[party, resource_class] = Account()
        return found

    @cached_property
    def balances(self) -> dict[bytes, list[Balanced]]:
        """By process, each of its measures by name; weighed when they are first asked for."""
        sides: dict[bytes, dict[str, list[Fraction]]] = {}
        for (process, is_output, resource_class), amount in sorted(self.passed.items()):
            for name, measure in self.measures.items():
                if resource_class in measure.factors:
                    side = sides.setdefault(process, {}).setdefault(name, [Fraction(0), Fraction(0)])
                    side[is_output] += measure.of(resource_class, amount)
        return {process: [Balanced(name, *side) for name, side in sorted(of.items())] for process, of in sides.items()}


def sheet(
    books: Books,
    party: Callable[[bytes], bytes] = lambda chain: chain,
    measures: Mapping[str, Measure] | None = None,
    before: Sheet | None = None,
) -> Sheet:
    """Return what the books say; `party` gives the identity that a chain speaks for, or the chain.

    `before` is what the same books said earlier: what chains did that said nothing since is not counted again.
    """
    found = Sheet(Inventory(books, None if before is None else before.inventory), measures or {})
    party = cache(party)
    for moved in books.moved():
        _move(found, books, moved, party)
    for chain, shelf in found.inventory.shelves.items():
        _make(found, books, shelf, party(chain))
    return found


def _move(found: Sheet, books: Books, moved: Moved, party: Callable[[bytes], bytes]) -> None:
    """Count what passed between two, or is on its way."""
    giver, taker, resource_class, amount = (
        party(moved.provider), party(moved.receiver), moved.resource_class, moved.amount,
    )  # fmt: skip
    if not moved.is_done:
        found.account(giver, resource_class).in_transit += amount
        return
    found.account(giver, resource_class).given += amount
    found.account(taker, resource_class).received += amount
    found.flows[Flow(giver, taker, resource_class)] += amount
    need, offer = books.standing.needs.get(moved.need), books.standing.offers[moved.offer]
    if need is not None:
        found.places[Flow(offer.cell, need.cell, resource_class)] += amount
    tail, into = books.tails.get(moved.offer), books.tails.get(moved.need)
    if (tail is None or tail.other is None) and giver != taker and not ACTIONS[moved.action].is_custody:
        found.contributions[giver, resource_class] += amount
    if into is not None and into.other is not None:
        _pass(found, books, into.other, moved.action, resource_class, amount)


def _make(found: Sheet, books: Books, shelf: Shelf, party: bytes) -> None:
    """Count what one chain did alone, and what it has."""
    for (process, action, resource_class), amount in shelf.acts.items():
        column = _COLUMNS.get(action)
        if column is not None:
            kept = found.account(party, resource_class)
            setattr(kept, column, getattr(kept, column) + amount)
        if process is not None:
            _pass(found, books, process, action, resource_class, amount)
    for stock in shelf.stocks.values():
        kept = found.account(party, stock.resource_class)
        kept.rights += stock.accounting
        kept.on_hand += stock.onhand
        kept.overdrawn += max(stock.overdrawn_accounting, stock.overdrawn_onhand)


def _pass(found: Sheet, books: Books, process: bytes, name: str, resource_class: str, amount: int) -> None:
    """Count what an action of the table moves into or out of a process; what moves nothing is not measured."""
    action = ACTIONS[name]
    is_moved = action.accountingEffect or action.onhandEffect
    if action.inputOutput in ("input", "output") and is_moved and process in books.processes:
        found.passed[Passage(process, action.inputOutput == "output", resource_class)] += amount
