"""Inventory: what each chain has, counted again from its events and lines.

On a chain that did not fork this is what the chain's own accumulators hold (chapter 20). Of a forked one
the branches are not believed: what was said early counts, and of what was said late only lines that both
sides signed and that the standing honours. They are met as far as the early stock goes; the rest is *overdrawn*.

Spec: 25-books, "Stock".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .accumulators import LineId, ResourceId
from .actions import ACTIONS
from .books import Books, Event, Receipt
from .charter import MAX_AMOUNT
from .lines import Line

SIGNS = {"": 0, "increment": 1, "decrement": -1, "decrementIncrement": -1, "incrementTo": 0}
Away = tuple[str, ResourceId | None]  # by which action it left, and in which container


@dataclass(slots=True)
class Stock:
    """A resource as the books have it (ValueFlows EconomicResource)."""

    id: ResourceId
    chain: bytes
    resource_class: str
    accounting: int = 0
    onhand: int = 0
    overdrawn_accounting: int = 0  # given away of it by lines that nothing was left for
    overdrawn_onhand: int = 0
    away: dict[Away, int] = field(default_factory=dict)
    accountable: bytes = b""  # the chain that has the rights, as far as this one's word goes
    process: bytes = b""  # that it was made in
    cell: int | None = None
    stage: str | None = None
    state: str | None = None
    container: ResourceId | None = None

    @property
    def extent(self) -> int:
        """The most that it can come to when all that left it is back."""
        return max(self.accounting, self.onhand) + sum(self.away.values())


class Inventory:
    """All stock, by resource, and what is met of each line of a forked chain."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.stocks: dict[ResourceId, Stock] = {}
        self.same: dict[ResourceId, ResourceId] = {}  # one receipt told in two branches: the name it goes by
        self.counted: list[tuple[Event, str]] = []  # the events that count, and the class that each is about
        for chain in sorted(books.records):
            for record in books.early(chain):
                if isinstance(record, Event):
                    self._act(record)
                else:
                    self._sign(record)
        delivered, received = books.late()
        for line, named in received:
            self._receive_late(line, named)
        for line in delivered:
            self._deliver_late(line)

    def of(self, chain: bytes) -> list[Stock]:
        """Return what a chain has, and what it had."""
        return [stock for _, stock in sorted(self.stocks.items()) if stock.chain == chain]

    def _act(self, event: Event) -> None:
        action, held = ACTIONS[event.action], None if event.resource is None else self._own(event.resource, event.chain)
        resource_class = event.resource_class or ("" if held is None else held.resource_class)
        self.counted.append((event, resource_class))
        accounting, onhand = (SIGNS[effect] * event.amount for effect in (action.accountingEffect, action.onhandEffect))
        if event.resource is None and max(accounting, onhand) > 0:
            held = self._make((event.id, 0), event.chain, resource_class)
            held.process = event.process or b""
        if held is not None:
            _add(held, accounting, onhand)
            self._part(event, held)
            if action.createResource != "optionalTo":  # those set it of the second resource
                _place(held, event)
        if action.createResource == "optionalTo":
            to = None if event.to is None else self._own(event.to, event.chain)
            if to is None:
                to = self._make((event.id, 0), event.chain, resource_class)
                to.process = (b"" if held is None else held.process) or (event.id if action.name == "copy" else b"")
                if held is not None:
                    to.cell, to.stage, to.state = held.cell, held.stage, held.state
            _add(to, event.amount if action.accountingEffect else 0, event.amount if action.onhandEffect else 0)
            _place(to, event)

    def _part(self, event: Event, held: Stock) -> None:
        """Note what leaves by an action that has a way back, and what comes back (as chapter 20 does)."""
        action = ACTIONS[event.action]
        if not (action.pairsWith or action.containedEffect):
            return
        is_back = action.inputOutput == "output"
        way = "combine" if action.containedEffect else action.pairsWith if is_back else action.name
        key = (way, event.to if action.containedEffect else None)
        left = held.away.pop(key, 0) + (-event.amount if is_back else event.amount)
        if left > 0:
            held.away[key] = left
        if action.containedEffect == "update":
            held.container = event.to
        elif action.containedEffect == "remove" and key not in held.away and held.container == event.to:
            held.container = None

    def _sign(self, receipt: Receipt) -> None:
        for place, name in enumerate(receipt.lines):
            stated = self._books.stated(name, receipt.chain)
            if stated is None:
                continue
            if receipt.kind == "receive":
                self._receive(receipt.chain, name, stated.need, stated.amount, (receipt.id, place))
            else:
                tail = self._books.tails.get(stated.offer)
                held = None if tail is None or tail.resource is None else self._own(tail.resource, receipt.chain)
                if tail is not None and held is not None:
                    accounting, onhand = ACTIONS[tail.action].gives
                    _add(held, -stated.amount if accounting else 0, -stated.amount if onhand else 0)

    def _receive(self, chain: bytes, line: LineId, need: bytes, amount: int, made: ResourceId) -> ResourceId | None:
        """Put what a line brings where its need says; return the resource."""
        tail = self._books.tails.get(need)
        if tail is None or tail.chain != chain or tail.other is not None or not any(ACTIONS[tail.action].takes):
            return None
        held = None if tail.resource is None else self._own(tail.resource, chain)
        if held is None or held.extent + amount > MAX_AMOUNT:
            held = self._make(made, chain, tail.resource_class)
            known = self._books.standing.lines.get(line)
            held.accountable = chain if ACTIONS[tail.action].takes[0] or known is None else known.provider
        accounting, onhand = ACTIONS[tail.action].takes
        _add(held, amount if accounting else 0, amount if onhand else 0)
        return held.id

    def _receive_late(self, line: Line, named: list[ResourceId]) -> None:
        found = self._receive(line.receiver, line.id, line.need, line.amount, named[0])
        if found is not None:
            self.same.update({name: found for name in named if name != found})

    def _deliver_late(self, line: Line) -> None:
        """Take from the early stock what a line gave that was delivered late; what is not there is overdrawn."""
        tail = self._books.tails.get(line.offer)
        if tail is None or tail.resource is None or not any(ACTIONS[tail.action].gives):
            return
        name = self.same.get(tail.resource, tail.resource)
        held = self.stocks.get(name) or self._make(name, line.provider, tail.resource_class)
        if held.chain != line.provider:
            return
        gives_rights, gives_hold = ACTIONS[tail.action].gives
        if gives_rights:
            met = min(line.amount, held.accounting)
            held.accounting, held.overdrawn_accounting = (
                held.accounting - met, held.overdrawn_accounting + line.amount - met,
            )  # fmt: skip
        if gives_hold:
            met = min(line.amount, held.onhand)
            held.onhand, held.overdrawn_onhand = held.onhand - met, held.overdrawn_onhand + line.amount - met

    def _own(self, name: ResourceId, chain: bytes) -> Stock | None:
        held = self.stocks.get(self.same.get(name, name))
        return held if held is not None and held.chain == chain else None

    def _make(self, name: ResourceId, chain: bytes, resource_class: str) -> Stock:
        held = self.stocks[name] = Stock(name, chain, resource_class, accountable=chain)
        return held


def _add(held: Stock, accounting: int, onhand: int) -> None:
    held.accounting, held.onhand = held.accounting + accounting, held.onhand + onhand


def _place(held: Stock, event: Event) -> None:
    held.cell = held.cell if event.cell is None else event.cell
    held.stage = held.stage if event.stage is None else event.stage
    held.state = held.state if event.state is None else event.state
