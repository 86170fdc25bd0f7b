"""The book room: what everybody gave, made and has, and where a thing comes from and went (chapter 25).

Rows as people and programs read them: ids as text, amounts as exact decimals in the unit of their class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from mycelia_protocol import cid
from mycelia_protocol.accounts import Account, Flow, Sheet, sheet
from mycelia_protocol.accumulators import ResourceId
from mycelia_protocol.amounts import decimal_text
from mycelia_protocol.books import Books, Event, Moved
from mycelia_protocol.charter import DAY_MS, ResourceClass
from mycelia_protocol.duties import Due
from mycelia_protocol.inventory import Stock
from mycelia_protocol.quotients import quotients
from mycelia_protocol.traces import PROCESS, Node, Step, Traces

from . import bookplans, models
from .desk import Desk
from .faults import BadInput

_UNKNOWN = ResourceClass("")  # of a class that the root charter does not have

_STANDS = {
    ("ceiling", True): "kept", ("ceiling", False): "exceeded", ("floor", True): "reached", ("floor", False): "missed",
}  # fmt: skip


class Bookroom:
    """The books of one node, asked."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._ledger, self._keystore = desk, desk.ledger, desk.keystore

    def accounts(self, *, party: str | None = None, resource_class: str | None = None) -> list[models.AccountRow]:
        """Return everybody's accounts, or those of one: a member of this node, an identity or a chain.

        Raises:
            BadInput: nobody of that name is in the books of this node.
        """
        if resource_class is not None and resource_class not in self._ledger.charter.classes:
            known = ", ".join(sorted(self._ledger.charter.classes))
            raise BadInput("class", f"{resource_class[:80]!r} is no class of this commons", f"choose one of {known}")
        wanted = None if party is None else self._party_named(party)
        rows = self._accounts(self._sheet(self._ledger.books))
        rows = [row for row in rows if wanted is None or row.party.startswith(wanted)]
        if len({row.party for row in rows}) > 1 and wanted is not None:
            raise BadInput("party", f"{party!r} begins the ids of several parties", "write more of it")
        return [row for row in rows if resource_class in (None, row.resource_class)]

    def claims(self, *, party: str | None = None) -> list[models.DueRow]:
        """Return what everybody still owes by licenses and for cancels, or what one owes, the first that is due first.

        Raises:
            BadInput: nobody can be of that name.
        """
        wanted = "" if party is None else self._party_named(party)
        names = self._names()
        rows = [self._claim(one, names) for one in self._ledger.claims_due()]
        return sorted((row for row in rows if row.party.startswith(wanted)), key=lambda row: (row.due_ms, row.id))

    def trace(self, resource: str, *, forward: bool = False) -> list[models.StepView]:
        """Return the steps that led to a resource, or on from it, the nearest first.

        Raises:
            NotFound, BadInput: there is no such resource.
        """
        name, inventory, traces = self._followed(resource)
        steps = traces.track(name) if forward else traces.trace(name)
        self._check_known(name, inventory, steps)
        return [self._step(step) for step in steps]

    def recall(self, resource: str) -> models.RecallView:
        """Return everything that may hold something of a lot, and who has it.

        Raises:
            NotFound, BadInput: there is no such resource.
        """
        name, found, traces = self._followed(resource)
        recalled, names = traces.recall(name), self._names()
        self._check_known(name, found, [*recalled.in_transit, *recalled.unbooked])
        return models.RecallView(
            resource=_name(name),
            stock=[self._stock(stock, names) for stock in recalled.stocks],
            in_transit=[self._step(step) for step in recalled.in_transit],
            unbooked=[self._step(step) for step in recalled.unbooked],
        )

    def books(self) -> models.BooksView:
        """Return all books."""
        books = self._ledger.books
        found = self._sheet(books)
        rows, names = [*self._events(found), *self._lines(books, found)], self._names()
        charter, words = self._ledger.charter, bookplans.Words(self._party_text, self._unit, self._amount)
        return models.BooksView(
            network=cid.text(charter.network),
            name=charter.name,
            classes={name: one.unit for name, one in sorted(charter.classes.items())},
            accounts=self._accounts(found),
            stock=[self._stock(stock, names) for _, stock in sorted(found.inventory.stocks.items())],
            events=[row for _, _, row in sorted(rows, key=lambda one: one[:2])],
            processes=[
                models.ProcessRow(
                    id=cid.text(one.id), party=self._party_text(one.chain),
                    recipe=cid.text(one.recipe) if one.recipe in books.recipes else None,
                )
                for _, one in sorted(books.processes.items())
            ],
            flows=[*self._flows("party", found.flows), *self._flows("cell", found.places)],
            balances=list(self._balances(books, found)),
            due=self.claims(),
            quotients=self._quotients(books, found),
            agents=bookplans.agents(self._ledger),
            intents=bookplans.intents(books, words),
            commitments=bookplans.commitments(books, words),
            agreements=bookplans.agreements(books, words),
            claims=bookplans.claims(self._ledger, books, words),
            recipes=bookplans.recipes(books, words),
        )  # fmt: skip

    def quotients(self) -> list[models.QuotientRow]:
        """Return how what was done stands to each limit: of the whole, then of everybody."""
        books = self._ledger.books
        return self._quotients(books, self._sheet(books))

    def _sheet(self, books: Books) -> Sheet:
        return sheet(books, self._party, self._ledger.charter.measures)

    def _followed(self, resource: str) -> tuple[ResourceId, Sheet, Traces]:
        name, books = self._desk.resource_id(resource), self._ledger.books
        found = self._sheet(books)
        return name, found, Traces(books, found.inventory)

    def _check_known(self, name: ResourceId, found: Sheet, steps: Sequence[Step]) -> None:
        if not steps and found.inventory.same.get(name, name) not in found.inventory.stocks:
            raise BadInput(
                "resource",
                "that entry made no resource",
                "see `mycelia stock` for ids and their numbers",
            )

    def _party(self, chain: bytes) -> bytes:
        return self._ledger.members.identity_of(chain) or chain

    def _party_text(self, chain: bytes) -> str:
        return cid.text(self._party(chain))

    def _party_named(self, text: str) -> str:
        """Return the id that a pasted name means, or its beginning."""
        own = {member.name: member.chain for member in self._keystore.members()}
        if text in own:
            return self._party_text(own[text])
        if len(text) < len("bafyrei") + 1:
            raise BadInput("party", f"{text[:80]!r} is no member of this node", "name one, or the beginning of an id")
        return text

    def _names(self) -> dict[bytes, str]:
        return {self._party(member.chain): member.name for member in reversed(self._keystore.members())}

    def _accounts(self, found: Sheet) -> list[models.AccountRow]:
        names = self._names()
        return [
            models.AccountRow(
                party=cid.text(party), member=names.get(party), resource_class=name, unit=self._unit(name),
                contributed=self._amount(name, found.contributions[party, name]),
                **{column: self._amount(name, getattr(one, column)) for column in Account.__slots__},
            )
            for (party, name), one in sorted(found.accounts.items(), key=lambda one: (one[0][0] not in names, one[0]))
        ]  # fmt: skip

    def _claim(self, due: Due, names: dict[bytes, str]) -> models.DueRow:
        claim, party = due.claim, self._party(due.chain)
        name = claim.resource_class
        return models.DueRow(
            id=_name(due.id), party=cid.text(party), member=names.get(party),
            creditor=self._party_text(claim.creditor), resource_class=name, unit=self._unit(name),
            amount=self._amount(name, claim.amount), paid=self._amount(name, claim.paid),
            left=self._amount(name, due.left), due_ms=claim.due_ms, design=_name((claim.ground, claim.ground_number)),
            is_suspended=due.is_suspended(self._desk.clock(), self._longest_ms(due)),
        )  # fmt: skip

    def _longest_ms(self, due: Due) -> int | None:
        """Return for how long what is owed for a cancel stops accepts at most; None of what is owed by a license."""
        raised, terms = self._ledger.get(due.id[0]), self._ledger.law_of(due.chain).cancel
        is_of_cancel = raised is not None and raised.entry.header.kind == "cancel"
        return terms.due_days * DAY_MS if is_of_cancel and terms is not None else None

    def _stock(self, stock: Stock, names: dict[bytes, str]) -> models.StockRow:
        name = stock.resource_class
        return models.StockRow(
            id=_name(stock.id), chain=cid.text(stock.chain), party=self._party_text(stock.chain),
            member=names.get(self._party(stock.chain)), resource_class=name, unit=self._unit(name),
            accounting=self._amount(name, stock.accounting), onhand=self._amount(name, stock.onhand),
            away=self._amount(name, sum(stock.away.values())),
            overdrawn=self._amount(name, max(stock.overdrawn_accounting, stock.overdrawn_onhand)),
            accountable=self._party_text(stock.accountable), process=cid.text(stock.process) if stock.process else None,
            cell=_cell(stock.cell), stage=stock.stage, state=stock.state,
            container=_maybe(stock.container),
        )  # fmt: skip

    def _events(self, found: Sheet) -> Iterator[tuple[int, str, models.EventRow]]:
        for event, name in found.inventory.counted:
            party, made = self._party_text(event.chain), (event.id, 0)
            to = event.to or (made if event.resource is not None and made in found.inventory.stocks else None)
            resource = event.resource or (made if made in found.inventory.stocks else None)
            row = models.EventRow(
                id=cid.text(event.id), action=event.action, provider=party, receiver=party, resource_class=name,
                unit=self._unit(name), amount=self._amount(name, event.amount), effort_ms=event.effort_ms,
                resource=_maybe(resource), to=_maybe(to), cell=_cell(event.cell),
                process=_process(event), stage=event.stage, state=event.state, time_ms=event.time >> 16, is_line=False,
            )  # fmt: skip
            yield event.time, row.id, row

    def _lines(self, books: Books, found: Sheet) -> Iterator[tuple[int, str, models.EventRow]]:
        receipts = books.receipts()
        for moved in books.moved():
            received = receipts.get(moved.line)
            if not moved.is_done or received is None:
                continue
            name, into = moved.resource_class, books.tails.get(moved.need)
            offered = books.tails.get(moved.offer)
            made: ResourceId = (received[0].id, received[1])
            is_own = into is not None and into.chain == received[0].chain
            to = made if made in found.inventory.stocks else into.resource if into is not None and is_own else None
            row = models.EventRow(
                id=_name(moved.line), action=moved.action, provider=self._party_text(moved.provider),
                receiver=self._party_text(moved.receiver), resource_class=name, unit=self._unit(name),
                amount=self._amount(name, moved.amount), effort_ms=0,
                resource=_maybe(None if offered is None else offered.resource), to=_maybe(to),
                process=cid.text(into.other) if into is not None and into.other else None,
                cell=self._cell_of(books, moved), stage=None, state=None, time_ms=received[0].time >> 16, is_line=True,
            )  # fmt: skip
            yield received[0].time, row.id, row

    def _cell_of(self, books: Books, moved: Moved) -> str | None:
        need = books.standing.needs.get(moved.need)
        return None if need is None else _cell(need.cell)

    def _flows(self, between: str, flows: dict[Flow, int]) -> Iterator[models.FlowRow]:
        for flow, amount in sorted(flows.items()):
            name = flow.resource_class
            yield models.FlowRow(
                between=between, source=_end(flow.source), target=_end(flow.target), resource_class=name,
                unit=self._unit(name), amount=self._amount(name, amount),
            )  # fmt: skip

    def _balances(self, books: Books, found: Sheet) -> Iterator[models.BalanceRow]:
        for process, measured in found.balances.items():
            for one in measured:
                yield models.BalanceRow(
                    process=cid.text(process), party=self._party_text(books.processes[process].chain),
                    measure=one.measure, unit=self._ledger.charter.measures[one.measure].unit,
                    goes_in=decimal_text(one.goes_in), comes_out=decimal_text(one.comes_out), balance=str(one.balance),
                )  # fmt: skip

    def _quotients(self, books: Books, found: Sheet) -> list[models.QuotientRow]:
        budgets, names = self._ledger.charter.budgets, self._names()
        return [
            models.QuotientRow(
                impact=one.impact, unit=budgets[one.impact].unit, sense=one.sense, begin_ms=one.begin_ms,
                end_ms=one.end_ms, party=None if one.party is None else cid.text(one.party),
                member=None if one.party is None else names.get(one.party), allowed=one.allowed, used=one.used,
                quotient=None if one.ratio is None else str(one.ratio),
                stands=None if one.is_sustainable is None else _STANDS[one.sense, one.is_sustainable],
            )
            for one in quotients(books, found, budgets, self._party)
        ]  # fmt: skip

    def _step(self, step: Step) -> models.StepView:
        name = step.resource_class
        return models.StepView(
            source=_node(step.source), target=_node(step.target), action=step.action, resource_class=name,
            unit=self._unit(name), amount=self._amount(name, step.amount), entry=cid.text(step.entry),
            line=_maybe(step.line), giver=self._party_text(step.giver), taker=self._party_text(step.taker),
        )  # fmt: skip

    def _unit(self, resource_class: str) -> str:
        return self._ledger.charter.classes.get(resource_class, _UNKNOWN).unit

    def _amount(self, resource_class: str, quanta: int) -> str:
        return decimal_text(Fraction(quanta) * self._ledger.charter.classes.get(resource_class, _UNKNOWN).quantum)


def _process(event: Event) -> str | None:
    return None if event.process is None else cid.text(event.process)


def _node(node: Node | None) -> str | None:
    if node is None:
        return None
    return cid.text(node[0]) if node[1] == PROCESS else _name(node)


def _name(name: ResourceId) -> str:
    return cid.text(name[0]) + (f":{name[1]}" if name[1] else "")


def _maybe(name: ResourceId | None) -> str | None:
    return None if name is None else _name(name)


def _cell(cell: int | None) -> str | None:
    return None if cell is None else f"{cell:x}"


def _end(end: bytes | int) -> str:
    return cid.text(end) if isinstance(end, bytes) else f"{end:x}"
