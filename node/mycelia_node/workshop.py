"""The workshop: what members do with their own resources, and what they have.

Events, processes, recipes and capacities as people say them, turned into entries
of their chains; and the stock that these leave (chapter 20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Capacity, Resource, ResourceId, Taken
from mycelia_protocol.amounts import format_amount
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter, ResourceClass
from mycelia_protocol.compose import Content
from mycelia_protocol.kinds.designs import CLASS

from . import models, signals
from .bookroom import Bookroom
from .desk import Desk, published
from .faults import BadInput
from .keystore import Member

_IO = {"input": "i", "output": "o"}


class Workshop:
    """What is made, used and kept by the members of one node."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._ledger, self._keystore = desk, desk.ledger, desk.keystore
        self._room = Bookroom(desk)

    def event(self, new: models.NewEvent) -> models.Published:
        """Publish what a member did.

        Raises:
            NotFound, BadInput, StoreFault, Refused: a thing is unknown, or a rule refuses it.
        """
        member = self._keystore.member(new.member)
        law = self._ledger.law_of(member.chain)
        resource = self._resource(new.resource)
        content = compose.event(
            new.action,
            amount=self._amount(new, law, member, resource),
            resource_class=new.resource_class,
            resource=resource,
            to=self._resource(new.into),
            process=self._named(new.process),
            cell=None if new.at is None else signals.place(new.at, precise=new.precise),
            stage=new.stage,
            state=new.state,
            effort_ms=None if new.effort is None else signals.duration_of("effort", new.effort),
            use=new.use,
            license=new.license,
            cites=[self._desk.entry(name).entry.id for name in new.cites],
        )
        return self._publish(member, content, new.note, dry_run=new.dry_run)

    def process(self, new: models.NewProcess) -> models.Published:
        """Begin a process.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the recipe is unknown, or none.
        """
        member = self._keystore.member(new.member)
        return self._publish(member, compose.process(self._named(new.recipe)), new.note, dry_run=new.dry_run)

    def recipe(self, new: models.NewRecipe) -> models.Published:
        """Publish how something is made.

        Raises:
            NotFound, BadInput, StoreFault, Refused: an amount is none, a recipe is unknown, or a rule refuses a flow.
        """
        member = self._keystore.member(new.member)
        law = self._ledger.law_of(member.chain)
        flows = [
            (_IO[flow.io], flow.action, flow.resource_class, signals.amount_of(law, flow.resource_class, flow.amount))
            for flow in new.flows
        ]
        cites = [self._desk.entry(name).entry.id for name in new.cites]
        return self._publish(member, compose.recipe(new.name, flows, cites), new.note, dry_run=new.dry_run)

    def capacity(self, new: models.NewCapacity) -> models.Published:
        """Say how much an own resource can do in a time.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the resource is unknown, or a rule refuses it.
        """
        member = self._keystore.member(new.member)
        amount = signals.amount_of(self._ledger.law_of(member.chain), new.resource_class, new.amount)
        each_ms = signals.duration_of("each", new.each)
        content = compose.capacity(self._desk.resource_id(new.resource), new.resource_class, amount, each_ms)
        return self._publish(member, content, None, dry_run=new.dry_run)

    def lot(self, new: models.NewLot) -> models.Published:
        """Say what an own resource is labelled with.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the resource is unknown, or a rule refuses it.
        """
        member = self._keystore.member(new.member)
        expires_ms = None if new.expires is None else signals.moment("expires", new.expires, self._desk.clock())
        content = compose.lot(self._desk.resource_id(new.resource), new.code, expires_ms)
        return self._publish(member, content, None, dry_run=new.dry_run)

    def stock(self, *, member: str | None = None, everything: bool = False) -> list[models.ResourceView]:
        """Return the resources of a member, or of all members of this node; with `everything` also used-up ones.

        Raises:
            BadInput: there is no such member.
        """
        members = self._keystore.members() if member is None else [self._keystore.member(member)]
        found = [view for one in members for view in self._stock_of(one, self._room.stock(one.chain))]
        return [one for one in found if everything or one.accounting or one.onhand or one.away]

    def _stock_of(self, member: Member, rows: Mapping[str, models.StockRow]) -> Iterator[models.ResourceView]:
        classes = self._ledger.law_of(member.chain).classes
        for (_, name, number), held in self._ledger.facts_of(member.chain, "resource").items():
            if not isinstance(held, Resource):
                continue
            of = classes[held.resource_class]
            free = min(held.accounting - held.offered_accounting, held.onhand - held.offered_onhand)
            id, away = cid.text(name) + (f":{number}" if number else ""), sum(amount for *_, amount in held.away)
            row = rows.get(id)
            yield models.ResourceView(
                id=id,
                member=member.name,
                chain=cid.text(member.chain),
                resource_class=held.resource_class,
                accounting=held.accounting,
                accounting_text=format_amount(held.accounting, of),
                onhand=held.onhand,
                onhand_text=format_amount(held.onhand, of),
                offered_accounting=held.offered_accounting,
                offered_onhand=held.offered_onhand,
                free_text=format_amount(max(free, 0), of),
                away=away,
                away_text=format_amount(away, of),
                process=cid.text(held.process) if held.process else None,
                cell=row.cell if row else None,
                stage=row.stage if row else None,
                state=row.state if row else None,
                container=row.container if row else None,
                lot_code=row.lot_code if row else None,
                capacity=self._capacity(member.chain, classes, held.capacity),
            )

    def _capacity(self, chain: bytes, classes: Mapping[str, ResourceClass], name: bytes) -> models.CapacityView | None:
        """Return what a thing can do by the entry of this name, and what of it is offered from now on."""
        known = self._ledger.facts_of(chain, "capacity").get(("capacity", name, -1))
        if not isinstance(known, Capacity):
            return None
        of, now = classes[known.resource_class], self._desk.clock() // known.bucket_ms
        taken = {
            key[2]: fact.amount
            for key, fact in self._ledger.facts_of(chain, "bucket").items()
            if key[1] == name and key[2] >= now and isinstance(fact, Taken) and fact.amount
        }
        return models.CapacityView(
            resource_class=known.resource_class,
            amount=known.amount,
            amount_text=format_amount(known.amount, of),
            stretch_ms=known.bucket_ms,
            offered=[
                models.StretchView(
                    begin_ms=stretch * known.bucket_ms,
                    offered=amount,
                    offered_text=format_amount(amount, of),
                    free_text=format_amount(known.amount - amount, of),
                )
                for stretch, amount in sorted(taken.items())
            ],
        )

    def _amount(self, new: models.NewEvent, law: Charter, member: Member, resource: ResourceId | None) -> int | None:
        if new.amount is None or isinstance(new.amount, int):
            return new.amount
        resource_class = new.resource_class
        if resource_class is None and resource is not None:
            held = self._ledger.facts_of(member.chain, "resource").get(("resource", *resource))
            made_by = self._ledger.entry_of(resource[0])
            stated = made_by.header.terms[CLASS] if made_by is not None and made_by.header.kind == "event" else None
            resource_class = held.resource_class if isinstance(held, Resource) else str(stated or "")
        if not resource_class:
            raise BadInput("class", "it is not known what is counted", "name a resource, or a class with `--class`")
        return signals.amount_of(law, resource_class, new.amount)

    def _resource(self, text: str | None) -> ResourceId | None:
        return None if text is None else self._desk.resource_id(text)

    def _named(self, text: str | None) -> bytes | None:
        return None if text is None else self._desk.entry(text).entry.id

    def _publish(self, member: Member, content: Content, note: str | None, *, dry_run: bool) -> models.Published:
        pair = self._keystore.pair(member.name)
        if dry_run:
            [entry] = self._ledger.rehearse(pair, member.chain, [content])
        else:
            body: dict[str, Value] | None = {"note": note} if note else None
            [entry] = self._ledger.publish(pair, member.chain, [content], [body])
        return published(entry, dry_run=dry_run)
