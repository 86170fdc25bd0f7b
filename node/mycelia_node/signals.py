"""Signals as people say them: amounts with units, places, times and urgency turned into entries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from mycelia_protocol import compose
from mycelia_protocol.amounts import parse_amount
from mycelia_protocol.charter import Charter
from mycelia_protocol.compose import Content, NeedTail, OfferTail
from mycelia_protocol.errors import Malformed, Refused
from mycelia_protocol.kinds.intents import is_cell

from .faults import BadInput

RESOLUTION = 6  # cells about 5 kilometres across: a part of a town, in which nobody finds a door
PRECISE = 8  # cells of about 0.7 square kilometres: a place, for who wants to be found
DEFAULT_UNTIL = "+7d"
_INTEGERS = 2**63  # larger ones cannot be written into an entry

_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(.*?)\s*")
_DURATION = re.compile(r"([0-9]{1,6}) ?([smhdw])")
_RELATIVE = re.compile(r"\+(\d{1,6})\s*([smhdw])")
_A_PLACE = "write a position like 52.37,4.89, or an H3 cell like 881969ce5dfffff"
_A_MOMENT = "write +2d, or a date as YYYY-MM-DDTHH:MM"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def intent(
    charter: Charter,
    kind: str,
    *,
    resource_class: str,
    amount: str | int,
    at: str | tuple[float, float] | int,
    now_ms: int,
    begin: str | int | None = None,
    until: str | int | None = None,
    urgency: int = 0,
    precise: bool = False,
    tail: NeedTail | OfferTail | None = None,
) -> Content:
    """Return the need or offer that these words mean.

    Args:
        amount: "12.5 kg" in the unit of the class, or "12.5"; an integer counts quanta.
        at: "LAT,LON", an H3 cell in hex, a (lat, lon) pair or a cell as integer. A position becomes
            a cell about 5 km across, or of 0.7 square kilometres if `precise`; a cell is taken as it is.
        begin, until: "+2d", ISO 8601, or milliseconds since the epoch; now, and in seven days.

    Raises:
        BadInput: with the field that is wrong.
        Refused: the charter has no such class (rule `intent.class`).
    """
    if kind == "offer" and urgency:
        raise BadInput("urgency", "an offer has none", "leave it out")
    if abs(urgency) >= _INTEGERS:
        raise BadInput(
            "urgency", f"{urgency} is beyond all numbers of the ledger", "write tenths of a point, such as 30"
        )
    quanta = amount_of(charter, resource_class, amount)
    cell = place(at, precise=precise)
    begin_ms = now_ms if begin is None else moment("begin", begin, now_ms)
    end_ms = moment("until", DEFAULT_UNTIL if until is None else until, now_ms)
    if isinstance(tail, OfferTail) or (kind == "offer" and tail is None):
        return compose.offer(resource_class, quanta, cell, begin_ms=begin_ms, end_ms=end_ms, tail=tail)
    return compose.need(
        resource_class, quanta, cell, begin_ms=begin_ms, end_ms=end_ms, urgency=urgency, tail=tail
    )  # fmt: skip


def amount_of(charter: Charter, resource_class: str, amount: str | int) -> int:
    """Return quanta of a class: an integer counts them, text is in the unit of the class.

    Raises:
        BadInput: it is no amount of the class.
        Refused: the charter has no such class (rule `intent.class`).
    """
    known = charter.classes.get(resource_class)
    if known is None:
        raise Refused("intent.class", f"class {resource_class!r} is not in the charter: {', '.join(charter.classes)}")
    expected = f"write an amount like '12 {known.unit}'"
    if isinstance(amount, int):
        if abs(amount) >= _INTEGERS:
            raise BadInput("amount", f"{amount} is beyond all numbers of the ledger", expected)
        return amount
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise BadInput("amount", f"{amount!r} is not an amount", expected)
    number, unit = match.groups()
    if unit not in ("", known.unit):
        raise BadInput("amount", f"{resource_class} is counted in {known.unit}, not in {unit}", expected)
    try:
        return parse_amount(number, known)
    except Malformed as error:
        raise BadInput("amount", error.message, expected) from error


def duration_of(field: str, text: str) -> int:
    """Return the milliseconds of a duration such as "4 h".

    Raises:
        BadInput: it is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise BadInput(field, f"{text!r} is no duration", 'write it like "4 h" or "1 d"')
    return int(match[1]) * _SECONDS[match[2]] * 1000


def place(at: str | tuple[float, float] | int, *, precise: bool = False) -> int:
    """Return the H3 cell of a place: of a position a coarse one, unless it is to be precise.

    Raises:
        BadInput: it is neither a position nor a cell.
    """
    if isinstance(at, int):
        cell = at
    elif isinstance(at, str) and "," not in at:
        try:
            cell = int(at, 16)
        except ValueError as error:
            raise BadInput("at", f"{at!r} is neither LAT,LON nor an H3 cell in hex", _A_PLACE) from error
    else:
        return _cell_of(at, PRECISE if precise else RESOLUTION)
    if not is_cell(cell):
        raise BadInput("at", f"{cell:x} is not an H3 cell", _A_PLACE)
    return cell


def _cell_of(at: str | tuple[float, float], resolution: int) -> int:
    try:
        parts = at.split(",") if isinstance(at, str) else at
        latitude, longitude = (float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise BadInput("at", f"{at!r} is not a position", _A_PLACE) from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        why = f"{latitude},{longitude} is not on Earth: latitude to 90, longitude to 180 degrees"
        raise BadInput("at", why, _A_PLACE)
    import h3

    return int(h3.latlng_to_cell(latitude, longitude, resolution), 16)


def moment(field: str, when: str | int, now_ms: int) -> int:
    """Return a moment in milliseconds since the epoch: "+2d", ISO 8601, or already that.

    Raises:
        BadInput: it is none of these.
    """
    if isinstance(when, int):
        if abs(when) >= _INTEGERS:
            raise BadInput(field, f"{when} is beyond all numbers of the ledger", _A_MOMENT)
        return when
    text = when.strip()
    if match := _RELATIVE.fullmatch(text):
        return now_ms + int(match[1]) * _SECONDS[match[2]] * 1000
    try:
        if text.isdigit():
            return int(text)
        parsed = datetime.fromisoformat(text)
        parsed = parsed if parsed.tzinfo else parsed.astimezone()  # some years have no local time
    except (ValueError, OverflowError) as error:
        raise BadInput(field, f"{when!r} is neither like +2d nor a date", _A_MOMENT) from error
    return int((parsed - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
