"""Inventory: what each chain has, counted again from its events and lines.

On a chain that did not fork this is what the chain's own accumulators hold (chapter 20). Of a forked one
the branches are not believed: what was said early counts, and of what was said late only lines that both
sides signed and that the standing honours. They are met as far as the early stock goes; the rest is *overdrawn*.
So are the lines of a chain that was cut which an heir delivered.

Spec: 25-books, "Stock".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from .accumulators import LineId, ResourceId
from .actions import ACTIONS
from .books import Books, Event, Lot, Receipt, Stated, Tail
from .charter import MAX_AMOUNT

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
    source: ResourceId | bytes | None = None  # what all of it was moved from, or the offer of the line that brought it

    @property
    def extent(self) -> int:
        """The most that it can come to when all that left it is back."""
        return max(self.accounting, self.onhand + sum(self.away.values()))


class Shelf:
    """What one chain has by its own early entries, and what it did; of a forked chain what it said late comes on top.

    It is counted from what the chain said, and what that names for ever: nothing that others say changes it.
    """

    def __init__(self, books: Books, chain: bytes) -> None:
        self._books, self._chain = books, chain
        self.changes = books.changes[chain]
        self.stocks: dict[ResourceId, Stock] = {}
        self.same: dict[ResourceId, ResourceId] = {}  # one receipt told in two branches: the name it goes by
        self.counted: list[tuple[Event, str]] = []  # the events that count, and the class that each is about
        self.acts: Counter[tuple[bytes | None, str, str]] = Counter()  # their sums by process, action and class
        for record in books.early(chain):
            if isinstance(record, Event):
                self._act(record)
            else:
                self._sign(record)

    def receive(self, line: LineId, stated: Stated, made: ResourceId) -> ResourceId | None:
        """Put what a line brings where its need says; return the resource."""
        tail = self._books.tails.get(stated.need)
        if tail is None or tail.chain != self._chain or tail.other is not None or not any(ACTIONS[tail.action].takes):
            return None
        held = self._own(tail.resource)
        if held is None or held.extent + stated.amount > MAX_AMOUNT:
            held = self._make(made, tail.resource_class)
            held.accountable = self._chain if ACTIONS[tail.action].takes[0] else stated.provider
            held.source = stated.offer
        elif held.source != stated.offer:
            held.source = None
        accounting, onhand = ACTIONS[tail.action].takes
        _add(held, stated.amount if accounting else 0, stated.amount if onhand else 0)
        if ACTIONS[tail.action].locationEffect:
            held.cell = tail.cell
        return held.id

    def deliver_late(self, tail: Tail, amount: int) -> None:
        """Take from the early stock what was delivered late; what is not there is overdrawn."""
        name = cast(ResourceId, tail.resource)
        held = self._own(name) or self._make(self.same.get(name, name), tail.resource_class)
        gives_rights, gives_hold = ACTIONS[tail.action].gives
        if gives_rights:
            met = min(amount, held.accounting)
            held.accounting -= met
            held.overdrawn_accounting += amount - met
        if gives_hold:
            met = min(amount, held.onhand)
            held.onhand -= met
            held.overdrawn_onhand += amount - met

    def _act(self, event: Event) -> None:
        action, held = ACTIONS[event.action], self._own(event.resource)
        resource_class = event.resource_class or ("" if held is None else held.resource_class)
        self.counted.append((event, resource_class))
        self.acts[event.process, event.action, resource_class] += event.amount
        accounting, onhand = (SIGNS[effect] * event.amount for effect in (action.accountingEffect, action.onhandEffect))
        if event.resource is None and max(accounting, onhand) > 0:
            held = self._make((event.id, 0), resource_class)
            held.process = event.process or b""
        if held is not None:
            if max(accounting, onhand) > 0 and not (action.pairsWith or action.containedEffect):
                held.source = None
            _add(held, accounting, onhand)
            self._part(event, held)
            if action.createResource != "optionalTo":  # those set it of the second resource
                _place(held, event)
        if action.createResource == "optionalTo":
            to = self._own(event.to)
            if to is None:
                to = self._make((event.id, 0), resource_class)
                to.process = (b"" if held is None else held.process) or (event.id if action.name == "copy" else b"")
                if held is not None:
                    to.cell, to.stage, to.state = held.cell, held.stage, held.state
                    to.source = held.id if action.name == "move" else None
            elif held is None or to.source != held.id:
                to.source = None
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
            stated = self._books.stated(name, self._chain)
            if stated is None:
                continue
            if receipt.kind == "receive":
                self.receive(name, stated, (receipt.id, place))
                continue
            tail = self._books.tails.get(stated.offer)
            held = None if tail is None else self._own(tail.resource)
            if tail is not None and held is not None:
                accounting, onhand = ACTIONS[tail.action].gives
                _add(held, -stated.amount if accounting else 0, -stated.amount if onhand else 0)

    def _own(self, name: ResourceId | None) -> Stock | None:
        return None if name is None else self.stocks.get(self.same.get(name, name))

    def _make(self, name: ResourceId, resource_class: str) -> Stock:
        held = self.stocks[name] = Stock(name, self._chain, resource_class, accountable=self._chain)
        return held


class Inventory:
    """All stock, by resource, and what is met of each line of a forked chain.

    `before` is an earlier inventory of the same books: the shelves of chains that said nothing since stay as they are.
    """

    def __init__(self, books: Books, before: Inventory | None = None) -> None:
        known: Mapping[bytes, Shelf] = {} if before is None else before.shelves
        self.shelves: dict[bytes, Shelf] = {chain: self._shelf(books, chain, known) for chain in sorted(books.records)}
        early = (lot for lot in books.lots.values() if not books.standing.is_forked(lot.chain, lot.sequence))
        ordered = sorted(early, key=lambda lot: (lot.sequence, lot.id), reverse=True)
        self._lots, self._tails = {lot.resource: lot for lot in ordered}, books.tails
        delivered, received = books.late()
        for line, named in received:
            shelf = self.shelves[line.receiver]
            stated = Stated(line.need, line.offer, line.amount, line.provider)
            found = shelf.receive(line.id, stated, named[0])
            if found is not None:
                shelf.same.update({name: found for name in named if name != found})
        for line in delivered:
            tail = books.tails.get(line.offer)
            if tail is not None and tail.resource is not None and any(ACTIONS[tail.action].gives):
                self.shelves[line.provider].deliver_late(tail, line.amount)
        self.stocks: dict[ResourceId, Stock] = {}
        self.same: dict[ResourceId, ResourceId] = {}
        for shelf in self.shelves.values():
            self.stocks.update(shelf.stocks)
            self.same.update(shelf.same)

    @property
    def counted(self) -> Iterator[tuple[Event, str]]:
        """Yield the events that count, and the class that each is about."""
        return (one for shelf in self.shelves.values() for one in shelf.counted)

    def lot_of(self, stock: Stock) -> Lot | None:
        """Return the lot of a resource: what is said of it, or of what all of it was made from."""
        while (lot := self._lots.get(stock.id)) is None:
            source = self._tails.get(stock.source) if isinstance(stock.source, bytes) else None
            name = stock.source if isinstance(stock.source, tuple) else None if source is None else source.resource
            found = None if name is None else self.stocks.get(self.same.get(name, name))
            if found is None:
                return None
            stock = found
        return lot

    def of(self, chain: bytes) -> list[Stock]:
        """Return what a chain has, and what it had."""
        return [stock for _, stock in sorted(self.stocks.items()) if stock.chain == chain]

    def _shelf(self, books: Books, chain: bytes, known: Mapping[bytes, Shelf]) -> Shelf:
        shelf = known.get(chain)
        is_same = shelf is not None and shelf.changes == books.changes[chain]
        is_told_by_others = chain in books.standing.forked_at or books.standing.has_heirs(chain)
        return Shelf(books, chain) if shelf is None or not is_same or is_told_by_others else shelf


def _add(held: Stock, accounting: int, onhand: int) -> None:
    held.accounting, held.onhand = held.accounting + accounting, held.onhand + onhand


def _place(held: Stock, event: Event) -> None:
    held.cell = held.cell if event.cell is None else event.cell
    held.stage = held.stage if event.stage is None else event.stage
    held.state = held.state if event.state is None else event.state
