"""Amounts as people write them, and the whole quanta that entries hold.

A charter gives each resource class a unit and a quantum; the ledger counts quanta,
never floats. Text is read exactly: nothing rounds what somebody typed.

    >>> from mycelia_protocol.charter import ResourceClass
    >>> flour = ResourceClass("kg", 1, 1000)
    >>> parse_amount("12.5", flour), format_amount(12_500, flour)
    (12500, '12.5 kg')

Spec: 06-charter, "Amounts".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from .charter import MAX_AMOUNT, ResourceClass
from .errors import Malformed

MAX_TEXT = 40  # characters

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?", re.ASCII)


def parse_amount(text: str, resource_class: ResourceClass) -> int:
    """Return the quanta that decimal `text` states in the unit of `resource_class`.

    Raises:
        Malformed: rule `amount.text`: another form, not a whole number of quanta, zero, or too many.
    """
    match = _AMOUNT.fullmatch(text) if len(text) <= MAX_TEXT else None
    if match is None:
        raise Malformed("amount.text", f"{text[:MAX_TEXT]!r} is not decimal text of at most {MAX_TEXT} characters")
    whole, decimals = match[1], match[2] or ""
    quanta = Fraction(int(whole + decimals), 10 ** len(decimals)) / resource_class.quantum
    if quanta.denominator != 1:
        raise Malformed("amount.text", f"{text} is not a multiple of {format_amount(1, resource_class)}")
    if not 0 < quanta <= MAX_AMOUNT:
        most = format_amount(MAX_AMOUNT, resource_class)
        raise Malformed("amount.text", f"{text} is not between {format_amount(1, resource_class)} and {most}")
    return int(quanta)


def format_amount(quanta: int, resource_class: ResourceClass) -> str:
    """Return quanta as text: the shortest exact decimal, else a fraction, then the unit."""
    return f"{decimal_text(quanta * resource_class.quantum)} {resource_class.unit}"


def amount_text(classes: Mapping[str, ResourceClass], name: str, quanta: int) -> str:
    """Return quanta of a class in its unit, or the bare number where the class is none of these."""
    return format_amount(quanta, classes[name]) if name in classes else str(quanta)


def decimal_text(value: Fraction) -> str:
    """Return a fraction as the shortest exact decimal, or as a fraction where there is none."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(value.numerator * 10**places // value.denominator).rjust(places + 1, "0")
    return digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}"
