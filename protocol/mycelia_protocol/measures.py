"""Measures: what a charter says that things weigh or hold, and whether what went into a process came out of it.

A measure (mass, energy) has a unit and a factor for each class: what one quantum of it counts.
Sums are exact; of the larger side one part in fifty may be missing, for what clings to the pan.

    >>> measures = read_measures({"mass": {"unit": "kg", "source": "scales",
    ...     "factors": {"flour": [1, 1000], "bread": [4, 5]}}}, {"flour", "bread"})
    >>> measures["mass"].of("flour", 500)
    Fraction(1, 2)
    >>> is_balanced(Fraction(100), Fraction(98)), is_balanced(Fraction(100), Fraction(97))
    (True, False)

Spec: 25-books, "Balances of processes".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import cast

from .canonical import Value
from .errors import Malformed
from .names import is_name

MAX_MEASURES = 16
MAX_FACTORS = 256
MAX_TEXT_BYTES = 256
MAX_NUMBER = 1_000_000_000
TOLERANCE = 50  # one part in so many
_FIELDS = {"unit", "factors", "source"}


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured, in which unit; how much of it is in a quantum of each class, and who says so."""

    unit: str
    source: str
    factors: Mapping[str, tuple[int, int]]  # by class: numerator and denominator

    def of(self, resource_class: str, amount: int) -> Fraction:
        """Return how much of it is in an amount in quanta; 0 where the charter says nothing of the class."""
        numerator, denominator = self.factors.get(resource_class, (0, 1))
        return Fraction(amount * numerator, denominator)


def is_balanced(one: Fraction, other: Fraction) -> bool:
    """Return whether two sums differ by no more than a fiftieth of the larger."""
    return abs(one - other) * TOLERANCE <= max(one, other)


def read_measures(value: Value, classes: Collection[str]) -> dict[str, Measure]:
    """Return what is measured, by name.

    Raises:
        Malformed: rule `charter.measures`.
    """
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_MEASURES or not all(map(is_name, value)):
        raise Malformed("charter.measures", f"the measures are a map of 1 to {MAX_MEASURES} names")
    return {name: _measure(name, one, classes) for name, one in value.items()}


def _measure(name: str, value: Value, classes: Collection[str]) -> Measure:
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise Malformed("charter.measures", f"{name} is a map of {', '.join(sorted(_FIELDS))}")
    unit, source, factors = (value[field] for field in ("unit", "source", "factors"))
    for text in (unit, source):
        if not isinstance(text, str) or not 0 < len(text.encode()) <= MAX_TEXT_BYTES:
            raise Malformed("charter.measures", f"unit and source of {name} are text of 1 to {MAX_TEXT_BYTES} bytes")
    if not isinstance(factors, dict) or not 0 < len(factors) <= MAX_FACTORS:
        raise Malformed("charter.measures", f"{name} has 1 to {MAX_FACTORS} factors")
    read = {key: _factor(name, key, pair, classes) for key, pair in factors.items()}
    return Measure(cast(str, unit), cast(str, source), read)


def _factor(name: str, key: str, value: Value, classes: Collection[str]) -> tuple[int, int]:
    if key not in classes:
        raise Malformed("charter.measures", f"{key!r} of {name} is no class of this charter")
    if isinstance(value, list) and len(value) == 2:
        numerator, denominator = value
        if type(numerator) is int and type(denominator) is int:
            is_within = 0 < numerator <= MAX_NUMBER and 0 < denominator <= MAX_NUMBER
            if is_within and gcd(numerator, denominator) == 1:
                return numerator, denominator
    raise Malformed("charter.measures", f"{key} of {name} is two integers from 1 to {MAX_NUMBER}, in lowest terms")
