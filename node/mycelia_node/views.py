"""Views: what the ledger holds, as the API says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mycelia_protocol import cid, privacy
from mycelia_protocol.accumulators import Claim, FactKey
from mycelia_protocol.amounts import format_amount
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter, ResourceClass
from mycelia_protocol.envelope import Header, Term, read_body
from mycelia_protocol.errors import Malformed, Refused
from mycelia_protocol.kinds import KINDS
from mycelia_protocol.kinds.budgets import BUDGET
from mycelia_protocol.standing import Line, Standing

from . import models
from .projections import Signal
from .quarantine import Awaiting
from .stored import Stored

LawOf = Callable[[bytes], Charter]  # the charter that a chain is judged by now
ClassOf = Callable[[bytes, int], str | None]  # of the resource, need or offer that an entry and a number name


def unknown_class(_entry: bytes, _number: int) -> None:
    """Say of nothing what class it is of: a stream of entries looks nothing up."""


def entry_view(
    law_of: LawOf, stored: Stored, said: dict[str, Value] | Refused | None = None, *, class_of: ClassOf = unknown_class
) -> models.EntryView:
    """Return an entry as the API says it.

    Args:
        said: What a private body was opened to, or why it was not.
        class_of: The class of what another entry made, for amounts of things that are named and not described.
    """
    entry, header = stored.entry, stored.entry.header
    content = _content(entry.body)
    is_private = content is not None and privacy.is_sealed(content)
    if is_private:
        content = said if isinstance(said, dict) else None
    return models.EntryView(
        id=cid.text(entry.id),
        arrival=stored.arrival,
        chain=cid.text(entry.chain),
        sequence=header.sequence,
        backlink=None if header.backlink is None else cid.text(header.backlink),
        time_ms=header.time_ms,
        kind=header.kind,
        terms=_named(header.kind, header.terms),
        deps=[cid.text(link) for link in header.links],
        verdict="valid" if stored.is_valid else "invalid",
        rule=stored.refused[0] if stored.refused else None,
        message=stored.refused[1] if stored.refused else None,
        body=None if content is None else {key: _readable(value) for key, value in content.items()},
        is_private=is_private,
        closed_by=said.rule if is_private and isinstance(said, Refused) else None,
        amount_text=_amount_text(law_of(entry.chain), header, class_of),
    )


def _amount_text(law: Charter, header: Header, class_of: ClassOf) -> str | None:
    """Return the amounts that an entry states in their units; None where it is not known of what one is."""
    named = _named(header.kind, header.terms)
    amounts = _column(named.get("amount"))
    if header.kind == "threshold" or named.get("of") == BUDGET:
        budget = law.budgets.get(str(named.get("impact") or named.get("name")))
        return None if budget is None else f"{amounts[0]} {budget.unit}"
    units = [law.classes.get(name or "") for name in _counted(header, named, class_of)]
    texts = [
        format_amount(amount, unit)
        for amount, unit in zip(amounts, units, strict=False)
        if type(amount) is int and amount > 0 and unit is not None
    ]
    return ", ".join(texts) if texts and len(texts) == len(amounts) else None


def _counted(header: Header, named: Mapping[str, models.Named], class_of: ClassOf) -> list[str | None]:
    """Return for each amount of an entry the class that it is one of, as far as that is known."""
    if header.kind == "allot" or named.get("class") is not None:
        return [str(one) for one in _column(named.get("class") or named.get("name"))]
    at = _column(named.get("need" if header.kind in ("row", "commit") else "resource"))
    number, links = named.get("resource_number"), header.links
    things = [links[one] if type(one) is int and 0 <= one < len(links) else None for one in at]
    return [None if one is None else class_of(one, number if type(number) is int else 0) for one in things]


def _column(value: models.Named) -> list[int | str | bool | None]:
    return value if isinstance(value, list) else [value]


def _named(kind: str, terms: list[Term]) -> dict[str, models.Named]:
    fields = KINDS[kind].fields if kind in KINDS else ()
    single = [name for name in fields if not name.startswith("*")]
    repeated = [name[1:] for name in fields if name.startswith("*")]
    if len(terms) == len(single) - (KINDS[kind].tail if fields else 0):
        single = single[: len(terms)]
    if not fields or len(terms) < len(single) or (not repeated and len(terms) != len(single)):
        return {"terms": [_plain(term) for term in terms]}
    named: dict[str, models.Named] = {name: _plain(term) for name, term in zip(single, terms, strict=False)}
    rest = terms[len(single) :]
    for at, name in enumerate(repeated):
        named[name] = [_plain(term) for term in rest[at :: len(repeated)]]
    return named


def _plain(term: Term) -> int | str | bool | None:
    return term.hex() if isinstance(term, bytes) else term


def _content(block: bytes | None) -> dict[str, Value] | None:
    if block is None:
        return None
    try:
        return read_body(block)
    except Malformed:
        return None  # a body is nobody's law: one that cannot be read is simply not shown


def _readable(value: Value) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, dict):
        return {key: _readable(one) for key, one in value.items()}
    return value


def signal_view(law_of: LawOf, signal: Signal) -> models.SignalView:
    """Return a signal as the API says it."""
    intent = signal.intent
    resource_class = law_of(intent.chain).classes[intent.resource_class]
    return models.SignalView(
        id=cid.text(intent.id),
        kind="need" if intent.kind == "need" else "offer",
        chain=cid.text(intent.chain),
        action=intent.action,
        resource_class=intent.resource_class,
        amount=intent.amount,
        remaining=signal.remaining,
        pending=signal.pending,
        firm=signal.firm,
        done=signal.done,
        tentative=signal.tentative,
        amount_text=format_amount(intent.amount, resource_class),
        remaining_text=format_amount(signal.remaining, resource_class),
        cell=f"{intent.cell:x}",
        begin_ms=intent.begin_ms,
        end_ms=intent.end_ms,
        urgency=intent.urgency,
        strength=signal.strength,
        withdrawn=intent.withdrawn,
        forked=intent.forked,
    )


def line_view(law_of: LawOf, standing: Standing, line: Line) -> models.LineView:
    """Return a line as the API says it."""
    offer = standing.offers.get(line.offer)
    resource_class = law_of(offer.chain).classes[offer.resource_class] if offer else None
    return models.LineView(
        commit=cid.text(line.commit),
        number=line.number,
        offer=cid.text(line.offer),
        need=cid.text(line.need),
        amount=line.amount,
        amount_text=format_amount(line.amount, resource_class) if resource_class else str(line.amount),
        status=standing.status(line),
        hold_ms=line.hold,
        until_ms=line.until,
    )


def claim_view(
    classes: Mapping[str, ResourceClass], key: FactKey, claim: Claim, member: str | None = None
) -> models.ClaimView:
    """Return what a chain owes as the API says it."""
    (_, name, number), of = key, classes[claim.resource_class]
    return models.ClaimView(
        id=cid.text(name) + (f":{number}" if number else ""),
        member=member,
        creditor=cid.text(claim.creditor),
        resource_class=claim.resource_class,
        amount=claim.amount,
        amount_text=format_amount(claim.amount, of),
        paid=claim.paid,
        paid_text=format_amount(claim.paid, of),
        due_ms=claim.due_ms,
        ground=cid.text(claim.ground) if claim.ground else None,
    )


def awaiting_view(awaiting: Awaiting) -> models.AwaitingView:
    """Return a waiting run as the API says it."""
    return models.AwaitingView(
        id=cid.text(awaiting.id),
        chain=cid.text(awaiting.chain),
        sequence=awaiting.sequence,
        missing=sorted(cid.text(name) for name in awaiting.missing),
        until_ms=awaiting.until_ms,
    )
