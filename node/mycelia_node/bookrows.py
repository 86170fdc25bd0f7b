"""The rows of books as people and programs read them: ids as text, amounts as decimals in the unit of their class.

One `Rows` writes what one moment of the books says; it remembers what it wrote of parties and amounts, which
stand in many rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from mycelia_protocol import cid
from mycelia_protocol.accounts import Account, Flow, Sheet
from mycelia_protocol.accumulators import LineId, ResourceId
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.amounts import decimal_text
from mycelia_protocol.books import Books, Event, Lot, Moved, Receipt
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.inventory import Stock
from mycelia_protocol.quotients import quotients
from mycelia_protocol.traces import PROCESS, Node, Step

from . import models
from .ledger import Ledger

_UNKNOWN = ResourceClass("")  # of a class that the root charter does not have
_STANDS = {
    ("ceiling", True): "kept", ("ceiling", False): "exceeded", ("floor", True): "reached", ("floor", False): "missed",
}  # fmt: skip
Settled = Mapping[LineId, tuple[bytes, int]]  # the claim that each line was counted towards
_Key = tuple[int, str]  # by which events are sorted: time, then id


class Rows:
    """Writes the rows of one moment. `names` are the members of this node, by party."""

    def __init__(self, ledger: Ledger, names: Mapping[bytes, str]) -> None:
        self._charter, self._names = ledger.charter, names
        identity_of = ledger.members.identity_of

        @cache
        def party(chain: bytes) -> bytes:
            return identity_of(chain) or chain

        @cache
        def text(chain: bytes) -> str:
            return cid.text(party(chain))

        @cache
        def amount(resource_class: str, quanta: int) -> str:
            return decimal_text(quanta * self._charter.classes.get(resource_class, _UNKNOWN).quantum)

        self.party, self.party_text, self.amount = party, text, amount

    def unit(self, resource_class: str) -> str:
        """Return the unit of a class."""
        return self._charter.classes.get(resource_class, _UNKNOWN).unit

    def member(self, chain: bytes) -> str | None:
        """Return the name of the member of this node that a chain speaks for."""
        return self._names.get(self.party(chain))

    def accounts(self, found: Sheet) -> list[models.AccountRow]:
        """Return all accounts, those of own members first."""
        ordered = sorted(found.accounts.items(), key=lambda one: (one[0][0] not in self._names, one[0]))
        return [
            models.AccountRow(
                party=cid.text(party), member=self._names.get(party), resource_class=name, unit=self.unit(name),
                contributed=self.amount(name, found.contributions[party, name]),
                **{column: self.amount(name, getattr(one, column)) for column in Account.__slots__},
            )
            for (party, name), one in ordered
        ]  # fmt: skip

    def stock(self, stock: Stock, lot: Lot | None) -> models.StockRow:
        """Return what is to be said of a resource, and of its lot."""
        name = stock.resource_class
        return models.StockRow(
            id=name_of(stock.id), chain=cid.text(stock.chain), party=self.party_text(stock.chain),
            member=self.member(stock.chain), resource_class=name, unit=self.unit(name),
            accounting=self.amount(name, stock.accounting), onhand=self.amount(name, stock.onhand),
            away=self.amount(name, sum(stock.away.values())),
            overdrawn=self.amount(name, max(stock.overdrawn_accounting, stock.overdrawn_onhand)),
            accountable=self.party_text(stock.accountable), process=cid.text(stock.process) if stock.process else None,
            cell=_cell(stock.cell), stage=stock.stage, state=stock.state, container=maybe(stock.container),
            lot=None if lot is None else cid.text(lot.id), lot_code=None if lot is None else lot.code,
            expires_ms=None if lot is None else lot.expires_ms,
        )  # fmt: skip

    def event(self, event: Event, name: str, stocks: Mapping[ResourceId, Stock]) -> tuple[_Key, models.EventRow]:
        """Return what one did with its own, and where it stands among all events."""
        party, made = self.party_text(event.chain), (event.id, 0) if (event.id, 0) in stocks else None
        row = models.EventRow(
            id=cid.text(event.id), action=event.action, provider=party, receiver=party, resource_class=name,
            unit=self.unit(name), amount=self.amount(name, event.amount), effort_ms=event.effort_ms,
            resource=maybe(event.resource or made), to=maybe(event.to or (event.resource and made)),
            cell=_cell(event.cell), process=None if event.process is None else cid.text(event.process),
            stage=event.stage, state=event.state, time_ms=event.time >> 16, is_line=False, settles=None,
        )  # fmt: skip
        return (event.time, row.id), row

    def lines(self, books: Books, found: Sheet, settled: Settled) -> Iterator[tuple[_Key, models.EventRow]]:
        """Yield the lines that are done, and where each stands among all events; `settled` says of what claims."""
        receipts = books.receipts()
        for moved in books.moved():
            received = receipts.get(moved.line)
            if moved.is_done and received is not None:
                row = self._line(books, found, moved, received, settled)
                yield (received[0].time, row.id), row

    def _line(
        self, books: Books, found: Sheet, moved: Moved, received: tuple[Receipt, int], settled: Settled
    ) -> models.EventRow:
        receipt, number = received
        name, into, offered = moved.resource_class, books.tails.get(moved.need), books.tails.get(moved.offer)
        made, need = (receipt.id, number), books.standing.needs.get(moved.need)
        is_own, is_moved = into is not None and into.chain == receipt.chain, ACTIONS[moved.action].locationEffect
        to = made if made in found.inventory.stocks else into.resource if into is not None and is_own else None
        return models.EventRow(
            id=name_of(moved.line), action=moved.action, provider=self.party_text(moved.provider),
            receiver=self.party_text(moved.receiver), resource_class=name, unit=self.unit(name),
            amount=self.amount(name, moved.amount), effort_ms=0,
            resource=maybe(None if offered is None else offered.resource), to=maybe(to),
            process=cid.text(into.other) if into is not None and into.other else None,
            cell=_cell(need.cell) if need is not None and is_moved else None, stage=None, state=None,
            time_ms=receipt.time >> 16, is_line=True, settles=maybe(settled.get(moved.line)),
        )  # fmt: skip

    def processes(self, books: Books) -> list[models.ProcessRow]:
        """Return all processes."""
        return [
            models.ProcessRow(
                id=cid.text(one.id), party=self.party_text(one.chain),
                recipe=cid.text(one.recipe) if one.recipe in books.recipes else None,
            )
            for _, one in sorted(books.processes.items())
        ]  # fmt: skip

    def flows(self, between: str, flows: Mapping[Flow, int]) -> list[models.FlowRow]:
        """Return what went from where to where."""
        return [
            models.FlowRow(
                between=between, source=_end(flow.source), target=_end(flow.target),
                resource_class=flow.resource_class, unit=self.unit(flow.resource_class),
                amount=self.amount(flow.resource_class, amount),
            )
            for flow, amount in sorted(flows.items())
        ]  # fmt: skip

    def balances(self, books: Books, found: Sheet) -> list[models.BalanceRow]:
        """Return what went into each process and came out, by measure."""
        return [
            models.BalanceRow(
                process=cid.text(process), party=self.party_text(books.processes[process].chain),
                measure=one.measure, unit=self._charter.measures[one.measure].unit,
                goes_in=decimal_text(one.goes_in), comes_out=decimal_text(one.comes_out), balance=str(one.balance),
            )
            for process, measured in found.balances.items()
            for one in measured
        ]  # fmt: skip

    def quotients(self, books: Books, found: Sheet) -> list[models.QuotientRow]:
        """Return how what was done stands to each limit: of the whole, then of everybody."""
        budgets = self._charter.budgets
        return [
            models.QuotientRow(
                impact=one.impact, unit=budgets[one.impact].unit, sense=one.sense, begin_ms=one.begin_ms,
                end_ms=one.end_ms, party=None if one.party is None else cid.text(one.party),
                member=None if one.party is None else self._names.get(one.party), allowed=one.allowed, used=one.used,
                quotient=None if one.ratio is None else str(one.ratio),
                stands=None if one.is_sustainable is None else _STANDS[one.sense, one.is_sustainable],
            )
            for one in quotients(books, found, budgets, self.party)
        ]  # fmt: skip

    def step(self, step: Step) -> models.StepView:
        """Return what led from one thing to another."""
        name = step.resource_class
        return models.StepView(
            source=_node(step.source), target=_node(step.target), action=step.action, resource_class=name,
            unit=self.unit(name), amount=self.amount(name, step.amount), entry=cid.text(step.entry),
            line=maybe(step.line), giver=self.party_text(step.giver), taker=self.party_text(step.taker),
            giver_member=self.member(step.giver), taker_member=self.member(step.taker),
        )  # fmt: skip


def name_of(name: tuple[bytes, int]) -> str:
    """Return how a resource, a line or a claim is called: its entry, and its number unless that is 0."""
    return cid.text(name[0]) + (f":{name[1]}" if name[1] else "")


def maybe(name: tuple[bytes, int] | None) -> str | None:
    """Return how something is called, None if there is nothing."""
    return None if name is None else name_of(name)


def _node(node: Node | None) -> str | None:
    return cid.text(node[0]) if node is not None and node[1] == PROCESS else maybe(node)


def _cell(cell: int | None) -> str | None:
    return None if cell is None else f"{cell:x}"


def _end(end: bytes | int) -> str:
    return cid.text(end) if isinstance(end, bytes) else f"{end:x}"
