"""`need` and `offer`: what a receiver asks for and what a provider could give (ValueFlows Intent)."""

from __future__ import annotations

from functools import lru_cache

from ..errors import Refused
from .kind import Judged, Kind, nothing

MAX_URGENCY = 1_000_000_000
CLASS, AMOUNT, CELL, BEGIN_MS, END_MS, URGENCY = range(6)
_SPANS = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1000, "seconds"))


def _judge_need(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 6:
        raise Refused("need.terms", "a need has the terms class, amount, cell, begin, end, urgency")
    _check_intent(judged)
    urgency = terms[URGENCY]
    if type(urgency) is not int or not 0 <= urgency <= MAX_URGENCY:
        raise Refused("need.urgency", f"urgency is {urgency!r}, an integer from 0 to {MAX_URGENCY} is expected")


def _judge_offer(judged: Judged) -> None:
    if len(judged.header.terms) != 5:
        raise Refused("offer.terms", "an offer has the terms class, amount, cell, begin, end")
    _check_intent(judged)


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

NEED = Kind("need", (*_FIELDS, "urgency"), ("need.terms", *_INTENT_RULES, "need.urgency"), _judge_need, nothing)
OFFER = Kind("offer", _FIELDS, ("offer.terms", *_INTENT_RULES), _judge_offer, nothing)
