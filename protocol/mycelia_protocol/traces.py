"""Traces: from what a resource was made, and what was made of it.

The steps are those that events and lines took: a resource or process on the one side, one on the other. A
resource is followed by the sequences of its own chain: what left it before something came in carries nothing of
that. A process is one: whatever went into it is in whatever came out. Each step is taken once, so a trace ends.

Spec: 25-books, "Track and trace".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain as joined
from typing import NamedTuple

from .accumulators import LineId, ResourceId
from .actions import ACTIONS, PLAIN
from .books import Books, Event, Receipt
from .inventory import Inventory, Stock
from .lines import NEVER

PROCESS = -1  # the number of a node that is a process
Node = tuple[bytes, int]  # a resource, or a process under the number -1


class Step(NamedTuple):
    """What went from one resource or process to another one, and by which entries."""

    source: Node | None  # None: from outside the books
    target: Node | None  # None: out of the books, such as used up
    left: int  # sequence at which it left the source, on the source's chain; never, where another's chain names it
    came: int  # sequence at which it came to the target, on the target's chain
    action: str
    resource_class: str
    amount: int
    entry: bytes  # the event, or the `receive`; of what is on its way the `deliver`
    giver: bytes
    taker: bytes
    line: LineId | None = None


class Recalled(NamedTuple):
    """What is downstream of a lot: who has how much of it, and what has left the books or is on its way."""

    stocks: list[Stock]
    in_transit: list[Step]  # delivered, and not received
    unbooked: list[Step]  # received by somebody who keeps no stock of it


class Traces:
    """The steps of all books, ready to be followed: those of late entries too, for a recall is for safety."""

    def __init__(self, books: Books, inventory: Inventory) -> None:
        self._books, self.inventory = books, inventory
        self._from: dict[Node, list[Step]] = {}
        self._to: dict[Node, list[Step]] = {}
        for step in joined(self._alone(), self._lines()):
            if step.source is not None:
                self._from.setdefault(step.source, []).append(step)
            if step.target is not None:
                self._to.setdefault(step.target, []).append(step)

    def trace(self, resource: ResourceId) -> list[Step]:
        """Return the steps that led to a resource, back to what was raised, grown or designed; the nearest first."""
        return self._follow(resource, self._to, is_forward=False)

    def track(self, resource: ResourceId) -> list[Step]:
        """Return the steps that lead on from a resource; the nearest first."""
        return self._follow(resource, self._from, is_forward=True)

    def recall(self, resource: ResourceId) -> Recalled:
        """Return everything that may hold something of a lot, the lot included."""
        start = self.inventory.same.get(resource, resource)
        steps = self.track(start)
        names = {start, *(step.target for step in steps if step.target is not None and step.target[1] != PROCESS)}
        stocks = [self.inventory.stocks[name] for name in sorted(names) if name in self.inventory.stocks]
        gone = [step for step in steps if step.target is None and step.line is not None]
        return Recalled(
            stocks, [step for step in gone if step.came == NEVER], [step for step in gone if step.came != NEVER]
        )

    def _follow(self, start: Node, steps: dict[Node, list[Step]], *, is_forward: bool) -> list[Step]:
        """Return all steps that hang together from a node on, by distance; each is taken once."""
        rest: dict[Node, list[Step]] = {}  # not taken yet, those last that are taken first
        taken: list[Step] = []
        ahead: list[tuple[Node, int]] = [(self.inventory.same.get(start, start), -1 if is_forward else NEVER)]
        while ahead:
            found: list[tuple[Node, int]] = []
            for node, at in ahead:
                if node not in rest:
                    rest[node] = sorted(steps.get(node, ()), key=_place(is_forward=is_forward))
                left = rest[node]
                while left and (left[-1].left >= at if is_forward else left[-1].came <= at):
                    step = left.pop()
                    taken.append(step)
                    there, then = (step.target, step.came) if is_forward else (step.source, step.left)
                    if there is not None:
                        found.append((there, (-1 if is_forward else NEVER) if there[1] == PROCESS else then))
            ahead = found
        return taken

    def _alone(self) -> Iterator[Step]:
        """Yield what chains did alone."""
        classes = {event.id: resource_class for event, resource_class in self.inventory.counted}
        for chain, records in self._books.records.items():
            for record in records.values():
                if isinstance(record, Event):
                    resource_class = classes.get(record.id, record.resource_class)
                    for source, target in _ends(record):
                        yield Step(
                            self._named(source), self._named(target),
                            record.sequence if _is_of(source, records) else NEVER, record.sequence,
                            record.action, resource_class, record.amount, record.id, chain, chain,
                        )  # fmt: skip

    def _lines(self) -> Iterator[Step]:
        said: dict[LineId, dict[str, list[tuple[Receipt, int]]]] = {}
        for records in self._books.records.values():
            for record in records.values():
                if isinstance(record, Receipt):
                    for place, line in enumerate(record.lines):
                        said.setdefault(line, {}).setdefault(record.kind, []).append((record, place))
        for line, by in sorted(said.items()):
            if "deliver" in by:
                yield from self._line(line, by["deliver"], by.get("receive", []))

    def _line(self, line: LineId, given: list[tuple[Receipt, int]], taken: list[tuple[Receipt, int]]) -> Iterator[Step]:
        known = self._books.standing.lines.get(line)
        if known is None:
            return
        tail, into = self._books.tails.get(known.offer), self._books.tails.get(known.need)
        source = None if tail is None else self._named(tail.resource)
        offer = self._books.standing.offers.get(known.offer)
        action = PLAIN if tail is None else tail.action
        resource_class = "" if offer is None else offer.resource_class
        own = [receipt.sequence for receipt, _ in given if receipt.chain == known.provider]
        left = min(own, default=NEVER)  # an heir's place is none of this chain
        for receipt, place in taken:
            made = self._named((receipt.id, place))
            target: Node | None = None
            if into is not None and into.chain == receipt.chain:  # an heir's receipt is in nobody's stock
                put = made if made in self.inventory.stocks else self._named(into.resource)
                target = put if into.other is None else (into.other, PROCESS)
            yield Step(
                source, target, left, receipt.sequence, action, resource_class, known.amount, receipt.id,
                known.provider, known.receiver, line,
            )  # fmt: skip
        if not taken:
            entry = min(receipt.id for receipt, _ in given)
            yield Step(
                source, None, left, NEVER, action, resource_class, known.amount, entry, known.provider,
                known.receiver, line,
            )  # fmt: skip

    def _named(self, node: Node | None) -> Node | None:
        return None if node is None else self.inventory.same.get(node, node)


def _is_of(node: Node | None, records: Mapping[bytes, object]) -> bool:
    """Whether a node is of the chain that said all this: of another's thing no place on its chain is known."""
    return node is None or node[1] == PROCESS or node[0] in records


def _ends(event: Event) -> Iterator[tuple[Node | None, Node | None]]:
    """Yield between which nodes an event leads, by its row of the table of actions."""
    action, first, second = ACTIONS[event.action], event.resource, event.to
    process = None if event.process is None else (event.process, PROCESS)
    made: Node = (event.id, 0)
    if action.createResource == "optionalTo":
        yield first, second or made
    elif action.createResource == "optional" and "increment" in (action.accountingEffect, action.onhandEffect):
        yield process, first or made
    elif action.inputOutput == "output":
        yield second or process, first
        if second is not None and process is not None:
            yield process, first
    elif first is not None or process is not None:
        yield first, second or process
        if second is not None and process is not None:
            yield first, process


def _name(step: Step) -> tuple[bytes, LineId, Node, Node]:
    none = (b"", -2)
    return step.entry, step.line or none, step.source or none, step.target or none


def _place(*, is_forward: bool) -> Callable[[Step], tuple[int, object]]:
    """Return by what steps are sorted so that the last one is taken first."""
    return lambda step: (step.left if is_forward else -step.came, _name(step))
