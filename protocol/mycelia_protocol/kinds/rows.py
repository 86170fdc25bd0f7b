"""`row`: which needs an offer means to serve, tentatively; only the latest row counts."""

from __future__ import annotations

from typing import cast

from ..accumulators import OfferFacts
from ..envelope import Entry, Header
from ..errors import Refused
from .intents import AMOUNT, CLASS, END_MS, NEED_TERMS, TAIL, action_of
from .kind import Judged, Kind, amounts_by_dep, check_amount, remembered

OFFER_AT, PREVIOUS_AT, JOINT_AT, LINES_AT = range(4)
_NEED_FORMS = (NEED_TERMS, NEED_TERMS + TAIL)


@remembered
def row_lines(row: Entry) -> tuple[tuple[bytes, int], ...]:
    """Return what a row holds, as (need, amount) pairs.

    Raises:
        Refused: `row.terms`.
    """
    if len(row.header.terms) < LINES_AT:
        raise Refused("row.terms", "a row has the terms offer, previous, joint, then (need, amount) pairs")
    return tuple(amounts_by_dep(row.header, LINES_AT, "row.terms"))


def _judge(judged: Judged) -> None:
    header, lines = judged.header, row_lines(judged.entry)
    for _, amount in lines:
        check_amount(amount, "row.terms", judged.charter.max_amount)
    named, previous_at = judged.dep(header.terms[OFFER_AT], "row.terms"), header.terms[PREVIOUS_AT]
    previous = None if previous_at is None else judged.dep(previous_at, "row.terms").id
    offer = own_offer(judged, named, "row.offer")
    facts = judged.facts.offer(offer.id)
    if facts.withdrawn:
        raise Refused("row.open", "the offer is withdrawn")
    if previous != facts.row:
        raise Refused("row.version", "the row does not name the latest row of its offer")
    if header.terms[JOINT_AT] is not None:
        raise Refused("row.joint", "joint rows are not part of this version")
    for need, _ in lines:
        check_need(judged, judged.deps[need], offer)
    total = sum(amount for _, amount in lines)
    capacity = cast(int, offer.header.terms[AMOUNT])
    if facts.committed + total > capacity:
        name = cast(str, offer.header.terms[CLASS])
        committed, tentative, most = (judged.amount_text(name, one) for one in (facts.committed, total, capacity))
        raise Refused("row.capacity", f"{committed} committed and {tentative} in the row exceed the offer's {most}")
    judged.facts["offer", offer.id, -1] = OfferFacts(facts.withdrawn, facts.committed, judged.entry.id, lines)


def own_offer(judged: Judged, offer: Entry, rule: str) -> Entry:
    """Return `offer` if it is a valid offer of the judged entry's own prefix, else refuse `rule`."""
    if offer.header.kind != "offer" or judged.prefix.own(offer.id) is None:
        raise Refused(rule, "the offer is not a valid offer of this chain")
    return offer


def check_need(judged: Judged, need: Entry, offer: Entry) -> None:
    """Refuse unless `need` is another chain's, of the offer's class and action (rules `row.need` to `row.action`)."""
    terms = need.header.terms  # the need may be invalid: its shape is all that can be relied on
    has_shape = len(terms) in _NEED_FORMS and type(terms[AMOUNT]) is int and type(terms[END_MS]) is int
    if need.header.kind != "need" or not has_shape or need.chain == judged.prefix.chain:
        raise Refused("row.need", "a line names a need of another chain")
    if terms[CLASS] != offer.header.terms[CLASS]:
        raise Refused("row.class", f"the need is of class {terms[CLASS]!r}, the offer of {offer.header.terms[CLASS]!r}")
    if action_of(need.header) != action_of(offer.header):
        asked, offered = action_of(need.header), action_of(offer.header)
        raise Refused("row.action", f"the need is of action {asked!r}, the offer of {offered!r}")


def _relies_on(header: Header) -> tuple[bytes, ...]:
    return tuple(header.dep(cast(int, header.terms[at])) for at in range(LINES_AT, len(header.terms), 2))


ROW = Kind(
    "row",
    ("offer", "previous", "joint", "*need", "*amount"),
    (
        "row.terms",
        "row.offer",
        "row.open",
        "row.version",
        "row.joint",
        "row.need",
        "row.class",
        "row.action",
        "row.capacity",
    ),
    _judge,
    _relies_on,
)
