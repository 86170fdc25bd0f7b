"""The book room: what everybody gave, made and has, and where a thing comes from and went (chapter 25)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from mycelia_protocol import cid
from mycelia_protocol.accumulators import ResourceId
from mycelia_protocol.charter import DAY_MS
from mycelia_protocol.duties import Due
from mycelia_protocol.traces import Step

from . import bookplans, models
from .bookrows import Rows, name_of
from .desk import Desk
from .faults import BadInput
from .keystore import Member

T = TypeVar("T")
_PAGE = 1000  # rows that are written at a time


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
        rows = self._rows().accounts(self._ledger.sheet)
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
        words = self._rows()
        rows = [self._claim(one, words) for one in self._ledger.claims_due()]
        return sorted((row for row in rows if row.party.startswith(wanted)), key=lambda row: (row.due_ms, row.id))

    def trace(self, resource: str, *, forward: bool = False) -> list[models.StepView]:
        """Return the steps that led to a resource, or on from it, the nearest first.

        Raises:
            NotFound, BadInput: there is no such resource.
        """
        name, traces = self._resource(resource), self._ledger.traces
        steps = traces.track(name) if forward else traces.trace(name)
        self._check_known(name, steps)
        return list(map(self._rows().step, steps))

    def recall(self, resource: str) -> models.RecallView:
        """Return everything that may hold something of a lot, and who has it.

        Raises:
            NotFound, BadInput: there is no such resource.
        """
        name = self._resource(resource)
        recalled = self._ledger.traces.recall(name)
        self._check_known(name, [*recalled.in_transit, *recalled.unbooked])
        rows, inventory = self._rows(), self._ledger.sheet.inventory
        return models.RecallView(
            resource=name_of(name),
            stock=[rows.stock(one, inventory.lot_of(one)) for one in recalled.stocks],
            in_transit=list(map(rows.step, recalled.in_transit)),
            unbooked=list(map(rows.step, recalled.unbooked)),
        )

    def stock(self, chain: bytes) -> dict[str, models.StockRow]:
        """Return the resources that the books know of a chain, by their ids."""
        rows, inventory = self._rows(), self._ledger.sheet.inventory
        found = (rows.stock(one, inventory.lot_of(one)) for one in inventory.stocks.values() if one.chain == chain)
        return {row.id: row for row in found}

    def books(self) -> models.BooksView:
        """Return all books."""
        *_, view = self.books_steps()
        return view

    def books_steps(self) -> Iterator[models.BooksView]:
        """Yield books that are written further at each step, and whole in the last; all are of the moment of the first.

        What is read from what goes on changing is read in the first step. The rest, most rows, is of a sheet
        that nobody changes: others use the ledger between the pages.
        """
        books, found, rows = self._ledger.books, self._ledger.sheet, self._rows()
        stocks, charter = found.inventory.stocks, self._ledger.charter
        lots = {name: found.inventory.lot_of(one) for name, one in stocks.items()}
        events, stock = list(rows.lines(books, found, bookplans.settled(self._ledger))), list[models.StockRow]()
        view = models.BooksView(
            network=cid.text(charter.network),
            name=charter.name,
            classes={name: one.unit for name, one in sorted(charter.classes.items())},
            accounts=rows.accounts(found),
            stock=stock,
            events=[],
            processes=rows.processes(books),
            flows=[*rows.flows("party", found.flows), *rows.flows("cell", found.places)],
            balances=rows.balances(books, found),
            due=self.claims(),
            quotients=rows.quotients(books, found),
            agents=bookplans.agents(self._ledger),
            intents=bookplans.intents(books, rows),
            commitments=bookplans.commitments(books, rows),
            agreements=bookplans.agreements(books, rows),
            claims=bookplans.claims(self._ledger, books, rows),
            recipes=bookplans.recipes(books, rows),
        )
        yield view
        for page in _pages(found.inventory.counted):
            events += [rows.event(event, name, stocks) for event, name in page]
            yield view
        for names in _pages(sorted(stocks)):
            stock += [rows.stock(stocks[name], lots[name]) for name in names]
            yield view
        view.events.extend(row for _, row in sorted(events, key=lambda one: one[0]))
        yield view

    def quotients(self) -> list[models.QuotientRow]:
        """Return how what was done stands to each limit: of the whole, then of everybody."""
        return self._rows().quotients(self._ledger.books, self._ledger.sheet)

    def _rows(self) -> Rows:
        """Return the writer of rows: of a person with bots, it names the member whose chain began the identity."""
        identity_of, members = self._ledger.members.identity_of, sorted(self._keystore.members(), key=self._began)
        return Rows(self._ledger, {identity_of(one.chain) or one.chain: one.name for one in members})

    def _began(self, member: Member) -> bool:
        opened = self._ledger.members.grant_of(member.chain)
        return opened is not None and opened.is_founding

    def _resource(self, text: str) -> ResourceId:
        """Return the resource of an id, or the one that is labelled so."""
        labelled = sorted({lot.resource for lot in self._ledger.books.lots.values() if lot.code == text})
        if len(labelled) > 1:
            those = ", ".join(name_of(one)[:16] for one in labelled[:4])
            raise BadInput("resource", f"{text} is on several things: {those}", "name one by its id")
        return labelled[0] if labelled else self._desk.resource_id(text)

    def _check_known(self, name: ResourceId, steps: Sequence[Step]) -> None:
        inventory = self._ledger.sheet.inventory
        if not steps and inventory.same.get(name, name) not in inventory.stocks:
            raise BadInput(
                "resource",
                "that entry made no resource",
                "see `mycelia stock` for ids and their numbers",
            )

    def _party_named(self, text: str) -> str:
        """Return the id that a pasted name means, or its beginning."""
        own = {member.name: member.chain for member in self._keystore.members()}
        if text in own:
            return cid.text(self._ledger.members.identity_of(own[text]) or own[text])
        if len(text) < len("bafyrei") + 1:
            raise BadInput("party", f"{text[:80]!r} is no member of this node", "name one, or the beginning of an id")
        return text

    def _claim(self, due: Due, words: Rows) -> models.DueRow:
        claim = due.claim
        name = claim.resource_class
        return models.DueRow(
            id=name_of(due.id), party=words.party_text(due.chain), member=words.member(due.chain),
            creditor=words.party_text(claim.creditor), resource_class=name, unit=words.unit(name),
            amount=words.amount(name, claim.amount), paid=words.amount(name, claim.paid),
            left=words.amount(name, due.left), due_ms=claim.due_ms,
            design=name_of((claim.ground, claim.ground_number)),
            is_suspended=due.is_suspended(self._desk.clock(), self._longest_ms(due)),
        )  # fmt: skip

    def _longest_ms(self, due: Due) -> int | None:
        """Return for how long what is owed for a cancel stops accepts at most; None of what is owed by a license."""
        raised, terms = self._ledger.get(due.id[0]), self._ledger.law_of(due.chain).cancel
        is_of_cancel = raised is not None and raised.entry.header.kind == "cancel"
        return terms.due_days * DAY_MS if is_of_cancel and terms is not None else None


def _pages(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while page := list(islice(rest, _PAGE)):
        yield page
