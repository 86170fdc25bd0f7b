"""What books say beside what was done: who is what, what is needed, offered, promised, agreed and owed, and recipes.

Rows for the export of chapter 25, in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterator

from mycelia_protocol import cid
from mycelia_protocol.accumulators import Claim, LineId
from mycelia_protocol.actions import PLAIN
from mycelia_protocol.books import Books, Receipt
from mycelia_protocol.field import free, remaining
from mycelia_protocol.kinds.attestations import PREDICATE, SUBJECT, VALUE
from mycelia_protocol.kinds.settlements import settled_lines
from mycelia_protocol.lines import Intent, Status

from . import models
from .bookrows import Rows, maybe, name_of
from .ledger import Ledger

AGENTS = {
    "individual": "Person", "organization": "Organization", "worker-coop": "Organization", "other-coop": "Organization",
    "nonprofit": "Organization", "public": "Organization", "company-wage": "Organization",
    "company-other": "Organization", "ecological-agent": "EcologicalAgent",
}  # fmt: skip
_BINDING = frozenset({Status.PENDING, Status.FIRM, Status.DONE})


def agents(ledger: Ledger) -> dict[str, str]:
    """Return what identities are attested to be, by those whose word counts; nobody of whom two things are said."""
    found: dict[str, set[str]] = {}
    for stored in ledger.stored(0, -1, kind="attest"):
        entry, issuers = stored.entry, ledger.charter.issuers
        subject, predicate, value = (entry.header.terms[at] for at in (SUBJECT, PREDICATE, VALUE))
        if not stored.is_valid or not value or predicate not in AGENTS or not isinstance(subject, bytes):
            continue
        counts = ledger.members.counts(entry.chain, entry.header.sequence)
        if counts and ledger.members.identity_of(entry.chain) in issuers.get(str(predicate), ()):
            found.setdefault(cid.text(subject), set()).add(AGENTS[str(predicate)])
    return {party: kinds.pop() for party, kinds in sorted(found.items()) if len(kinds) == 1}


def intents(books: Books, rows: Rows) -> list[models.IntentRow]:
    """Return all needs and offers that count."""
    standing = books.standing
    known = [*standing.needs.values(), *standing.offers.values()]
    return [_intent(books, rows, intent) for intent in sorted(known, key=lambda one: one.id)]


def _intent(books: Books, rows: Rows, intent: Intent) -> models.IntentRow:
    tail, name, is_need = books.tails.get(intent.id), intent.resource_class, intent.kind == "need"
    left = 0 if intent.withdrawn else (remaining if is_need else free)(books.standing, intent.id)
    other = None if tail is None or tail.other is None else cid.text(tail.other)
    return models.IntentRow(
        id=cid.text(intent.id), kind=intent.kind, action=PLAIN if tail is None else tail.action,
        party=rows.party_text(intent.chain), resource_class=name, unit=rows.unit(name),
        amount=rows.amount(name, intent.amount), left=rows.amount(name, max(left, 0)), cell=f"{intent.cell:x}",
        begin_ms=intent.begin_ms, end_ms=intent.end_ms, published_ms=intent.published_ms,
        resource=maybe(None if tail is None else tail.resource),
        process=other if is_need else None, reciprocal=None if is_need else other, is_withdrawn=intent.withdrawn,
    )  # fmt: skip


def commitments(books: Books, rows: Rows) -> list[models.CommitmentRow]:
    """Return all lines that wait for their accept, bind, or are done."""
    return list(_commitments(books, rows))


def _commitments(books: Books, rows: Rows) -> Iterator[models.CommitmentRow]:
    standing = books.standing
    for _, line in sorted(standing.lines.items()):
        status, offer, tail = standing.status(line), standing.offers.get(line.offer), books.tails.get(line.offer)
        if status not in _BINDING or offer is None:
            continue
        agreed, name = standing.agreements.of(line.id), offer.resource_class
        yield models.CommitmentRow(
            id=name_of(line.id), action=PLAIN if tail is None else tail.action, provider=rows.party_text(line.provider),
            receiver=rows.party_text(line.receiver), resource_class=name, unit=rows.unit(name),
            amount=rows.amount(name, line.amount), need=cid.text(line.need), offer=cid.text(line.offer),
            due_ms=line.until, status=str(status), agreement=cid.text(agreed[0]) if agreed else None,
        )  # fmt: skip


def agreements(books: Books, rows: Rows) -> list[models.AgreementRow]:
    """Return all agreements that everybody agreed to."""
    known = books.standing.agreements
    return [
        models.AgreementRow(
            id=cid.text(name), end_ms=one.end_ms, parties=sorted({rows.party_text(chain) for chain in one.parties})
        )
        for name, one in sorted(known.known.items())
        if known.is_complete(name)
    ]


def claims(ledger: Ledger, books: Books, rows: Rows) -> list[models.ClaimRow]:
    """Return what is owed for what came in return, of chains that did not fork."""
    found = list[models.ClaimRow]()
    for chain in sorted(tip.chain for tip in ledger.frontier()):
        if chain in books.standing.forked_at:
            continue
        for (_, name, number), claim in sorted(ledger.facts_of(chain, "claim").items()):
            if isinstance(claim, Claim):
                of = claim.resource_class
                found.append(models.ClaimRow(
                    id=name_of((name, number)), debtor=rows.party_text(chain), creditor=rows.party_text(claim.creditor),
                    resource_class=of, unit=rows.unit(of), amount=rows.amount(of, claim.amount),
                    paid=rows.amount(of, claim.paid), due_ms=claim.due_ms, is_paid=claim.paid >= claim.amount,
                    event=_event(books, chain, name),
                ))  # fmt: skip
    return found


def settled(ledger: Ledger) -> dict[LineId, tuple[bytes, int]]:
    """Return of each line that was counted towards a claim which one that is."""
    standing, found = ledger.books.standing, dict[LineId, tuple[bytes, int]]()
    for stored in ledger.stored(0, -1, kind="settle"):
        entry, place = stored.entry, stored.entry.header.sequence
        counts = stored.is_valid and ledger.keeps(entry) and ledger.members.counts(entry.chain, place)
        if counts and not standing.is_forked(entry.chain, place):
            found |= {one.line: one.claim for one in settled_lines(entry.header) if one.claim is not None}
    return found


def _event(books: Books, chain: bytes, receive: bytes) -> str | None:
    """Return the event of the books that a claim arose by: the line of a receipt that has but one."""
    record = books.records.get(chain, {}).get(receive)
    return name_of(record.lines[0]) if isinstance(record, Receipt) and len(record.lines) == 1 else None


def recipes(books: Books, rows: Rows) -> list[models.RecipeRow]:
    """Return all recipes that count."""
    return [
        models.RecipeRow(
            id=cid.text(recipe.id), name=recipe.name, party=rows.party_text(recipe.chain),
            cites=[cid.text(one) for one in recipe.cites if one in books.recipes],
            flows=[
                models.RecipeFlowRow(
                    is_input=part.is_input, action=part.action, resource_class=part.resource_class,
                    unit=rows.unit(part.resource_class), amount=rows.amount(part.resource_class, part.amount),
                )
                for part in recipe.parts
            ],
        )
        for recipe in sorted(books.recipes.values(), key=lambda one: one.id)
    ]  # fmt: skip
