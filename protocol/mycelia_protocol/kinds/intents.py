"""`need` and `offer`: what a receiver asks for and what a provider could give (ValueFlows Intent).

The plain ones are transfers, of no resource in particular. Others have a tail that says of
which action they are, which own resource is given or added to, what it goes into.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from ..accumulators import Allowance, Into, ResourceId
from ..actions import ACTIONS, PLAIN
from ..envelope import Header
from ..errors import Refused
from ..times import moment_text
from .kind import Judged, Kind
from .licensing import check_returned, note_return
from .stock import own_resource, reserve, resource_id

MAX_URGENCY = 1_000_000_000
CLASS, AMOUNT, CELL, BEGIN_MS, END_MS, URGENCY = range(6)
NEED_TERMS, NEED_TAIL = 6, ("action", "allotment", "process", "to", "number")
OFFER_TERMS, OFFER_TAIL = 5, ("action", "allotment", "resource", "number", "reciprocal")
TAIL = 5  # terms
INTO_PROCESS = frozenset({"consume", "use", "work", "deliverService"})
_SPANS = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1000, "seconds"))


def has_tail(header: Header) -> bool:
    """Return whether an entry is a need or an offer with a tail."""
    plain = {"need": NEED_TERMS, "offer": OFFER_TERMS}.get(header.kind)
    return plain is not None and len(header.terms) == plain + TAIL


def allotment_of(header: Header) -> bytes | None:
    """Return the allot that a valid need or offer is a part of, None if it is none."""
    at = header.terms[-TAIL + 1] if has_tail(header) else None
    return None if at is None else header.dep(cast(int, at))


def _relies_on(header: Header) -> tuple[bytes, ...]:
    allotment = allotment_of(header)
    return () if allotment is None else (allotment,)


def action_of(header: Header) -> object:
    """Return the action that a need or an offer of any form states, `transfer` if it has no tail."""
    return header.terms[-TAIL] if has_tail(header) else PLAIN


def process_of(header: Header) -> bytes | None:
    """Return the own process that what is received for a valid need goes into, None if it names none."""
    at = header.terms[NEED_TERMS + 2] if has_tail(header) else None
    return None if at is None else header.dep(cast(int, at))


def given_of(header: Header) -> ResourceId | None:
    """Return the own resource that a valid offer gives of, None if it names none."""
    at, number = header.terms[OFFER_TERMS + 2 : OFFER_TERMS + 4] if has_tail(header) else (None, None)
    return None if at is None else (header.dep(cast(int, at)), cast(int, number))


def _judge_need(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) not in (NEED_TERMS, NEED_TERMS + TAIL):
        raise Refused("need.terms", "a need has the terms class, amount, cell, begin, end, urgency, perhaps its tail")
    _check_intent(judged)
    urgency = terms[URGENCY]
    if type(urgency) is not int or not 0 <= urgency <= MAX_URGENCY:
        raise Refused("need.urgency", f"urgency is {urgency!r}, an integer from 0 to {MAX_URGENCY} is expected")
    if len(terms) > NEED_TERMS:
        _judge_need_tail(judged)


def _judge_need_tail(judged: Judged) -> None:
    action, _, process_at, to_at, number = judged.header.terms[NEED_TERMS:]
    _check_tail(judged, action)
    resource_class, process = cast(str, judged.header.terms[CLASS]), b""
    if process_at is not None:
        into = judged.dep(process_at, "need.process")
        process = into.id
        is_own = into.header.kind == "process" and judged.prefix.own(process) is not None
        if not is_own or action not in INTO_PROCESS:
            raise Refused("need.process", f"{', '.join(sorted(INTO_PROCESS))} go into a valid process of one's own")
    to = resource_id(judged, to_at, number, "need.resource")
    if to is not None:
        held = own_resource(judged, to, "need.resource")
        if held.resource_class != resource_class or not any(ACTIONS[cast(str, action)].takes) or process:
            raise Refused("need.resource", f"{action!r} of {resource_class} adds nothing to that resource")
    judged.facts["into", judged.entry.id, -1] = Into(cast(str, action), resource_class, *(to or (b"", 0)), process)


def _judge_offer(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) not in (OFFER_TERMS, OFFER_TERMS + TAIL):
        raise Refused("offer.terms", "an offer has the terms class, amount, cell, begin, end, perhaps its tail")
    _check_intent(judged)
    if len(terms) > OFFER_TERMS:
        _judge_offer_tail(judged)


def _judge_offer_tail(judged: Judged) -> None:
    action, _, at, number, reciprocal = judged.header.terms[OFFER_TERMS:]
    _check_tail(judged, action)
    given = resource_id(judged, at, number, "offer.resource")
    if given is not None:
        held = own_resource(judged, given, "offer.resource")
        is_of_class = held.resource_class == judged.header.terms[CLASS]
        is_given = any(ACTIONS[cast(str, action)].gives) or action == "copy"
        if action != "use" and not (is_of_class and is_given):
            raise Refused("offer.resource", f"{action!r} gives nothing of that resource, or it is of another class")
        reserve(judged, cast(str, action), given, cast(int, judged.header.terms[AMOUNT]))
    if reciprocal is not None:
        need = judged.dep(reciprocal, "offer.reciprocal")
        if need.header.kind != "need" or judged.prefix.own(need.id) is None:
            raise Refused("offer.reciprocal", "what is asked for in return is a valid need of this chain")
        if given is not None:
            uses = judged.facts.uses(own_resource(judged, given, "offer.resource").process)
            note_return(judged, need, uses, "offer.commercial", judged.facts.need(need.id).accepted)
            check_returned(judged, uses)


def _check_tail(judged: Judged, action: object) -> None:
    known = ACTIONS.get(action) if isinstance(action, str) else None
    if known is None or not known.is_bilateral:
        raise Refused("intent.action", f"{action!r} is no action between two agents")
    _check_allotment(judged)


def _check_allotment(judged: Judged) -> None:
    """Refuse an intent that is not within what its chain was allotted of another (rule `intent.allotment`)."""
    header = judged.header
    at = header.terms[-TAIL + 1]
    if at is None:
        return
    allot = judged.dep(at, "intent.allotment")
    allowance = judged.facts.get(("allowance", allot.id, -1))
    if not isinstance(allowance, Allowance):
        raise Refused("intent.allotment", "what is named is no allot that this chain took")
    amount, end_ms = cast(int, header.terms[AMOUNT]), cast(int, header.terms[END_MS])
    if (allowance.of, allowance.name) != (header.kind, header.terms[CLASS]):
        raise Refused("intent.allotment", f"that is a part of a {allowance.of} of {allowance.name}")
    if end_ms > allowance.expires_ms:
        raise Refused("intent.allotment", f"that part lasts until {moment_text(allowance.expires_ms)}, and no longer")
    if amount > allowance.left:
        asked, left = (judged.amount_text(allowance.name, one) for one in (amount, allowance.left))
        raise Refused("intent.allotment", f"{asked} is more than the {left} that are left of it")
    judged.facts["allowance", allot.id, -1] = allowance._replace(left=allowance.left - amount)


def _check_intent(judged: Judged) -> None:
    header, charter = judged.header, judged.charter
    resource_class, amount, cell, begin_ms, end_ms = header.terms[:5]
    if type(resource_class) is not str or resource_class not in charter.classes:
        raise Refused("intent.class", f"class {resource_class!r} is not in the charter: {', '.join(charter.classes)}")
    if type(amount) is not int or not 0 < amount <= charter.max_amount:
        raise Refused("intent.amount", f"amount {amount!r}, an integer from 1 to {charter.max_amount} is expected")
    if type(cell) is not int or not is_cell(cell):
        raise Refused("intent.cell", f"{cell!r} does not have the form of an H3 cell")
    if type(begin_ms) is not int or type(end_ms) is not int or not 0 <= begin_ms < end_ms:
        raise Refused("intent.window", "a window begins at 0 or later and ends after it begins")
    if end_ms <= header.time_ms:
        raise Refused("intent.window", "the window ends before the entry that states it")
    if end_ms > header.time_ms + charter.max_window_ms:
        raise Refused("intent.window", f"the window ends more than {_span(charter.max_window_ms)} after the entry")


def _span(ms: int) -> str:
    """Return milliseconds in the largest unit of which they are a whole number, for people."""
    size, unit = next(((size, unit) for size, unit in _SPANS if ms % size == 0), (1, "ms"))
    return f"{ms // size} {unit}"


@lru_cache(maxsize=65_536)
def is_cell(cell: int) -> bool:
    """Return whether an integer has the form of an H3 cell index (mode 1, known digits, unused digits 7)."""
    if not 0 <= cell < 2**63 or cell >> 59 != 1 or (cell >> 56) & 7:
        return False
    resolution, base = (cell >> 52) & 15, (cell >> 45) & 127
    digits = [(cell >> (3 * (14 - place))) & 7 for place in range(15)]
    return base < 122 and all(d < 7 for d in digits[:resolution]) and all(d == 7 for d in digits[resolution:])


_INTENT_RULES = ("intent.class", "intent.amount", "intent.cell", "intent.window")
_FIELDS = ("class", "amount", "cell", "begin_ms", "end_ms")

_TAIL_RULES = ("intent.action", "intent.allotment")
NEED = Kind(
    "need",
    (*_FIELDS, "urgency", *NEED_TAIL),
    ("need.terms", *_INTENT_RULES, "need.urgency", *_TAIL_RULES, "need.process", "need.resource"),
    _judge_need,
    _relies_on,
    TAIL,
)
OFFER = Kind(
    "offer",
    (*_FIELDS, *OFFER_TAIL),
    (
        "offer.terms", *_INTENT_RULES, *_TAIL_RULES, "offer.resource", "offer.stock", "offer.bucket",
        "offer.reciprocal", "offer.commercial", "license.suspended",
    ),
    _judge_offer,
    _relies_on,
    TAIL,
)  # fmt: skip
