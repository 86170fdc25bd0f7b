"""Reciprocity in the charter: what of each class counts as a contribution, and which classes are credit.

    >>> contribution = read_contribution({"care": [3, 2]}, {"care"})
    >>> contribution["care"].of(5)
    7
    >>> read_credit({"hours": [-40, 100]}, {"hours"})
    {'hours': Limits(floor=-40, ceiling=100)}

Spec: 23-reciprocity.
"""

from __future__ import annotations

from collections.abc import Collection
from math import gcd
from typing import NamedTuple

from .canonical import Value
from .errors import Malformed

MOST = 2**53 - 1  # of a balance, as of an amount
MAX_FACTOR = 1_000_000
MAX_DAYS = 3660


class Factor(NamedTuple):
    """How much credit a quantum of a class is worth to the commons: `numerator/denominator`."""

    numerator: int
    denominator: int

    def of(self, amount: int) -> int:
        """Return the contribution of an amount in quanta, rounded down."""
        return amount * self.numerator // self.denominator


class Limits(NamedTuple):
    """How far a balance of mutual credit goes, in quanta: `floor <= 0 <= ceiling`."""

    floor: int
    ceiling: int


class Cancelling(NamedTuple):
    """What a cancel costs: a part of the line, in thousandths, due after so many days."""

    per_mille: int
    due_days: int


class Settled(NamedTuple):
    """A line, the receipt that confirms it, and the claim that it pays, if any."""

    receive: bytes
    line: tuple[bytes, int]  # commit and number
    claim: tuple[bytes, int] | None = None


def read_contribution(value: Value, classes: Collection[str]) -> dict[str, Factor]:
    """Return what each class counts as a contribution.

    Raises:
        Malformed: rule `charter.contribution`.
    """
    found = {}
    for name, (numerator, denominator) in _pairs(value, classes, "charter.contribution"):
        if not (0 < numerator <= MAX_FACTOR and 0 < denominator <= MAX_FACTOR and gcd(numerator, denominator) == 1):
            raise Malformed(
                "charter.contribution", f"{name} counts {numerator}/{denominator}: 1 to {MAX_FACTOR} each, lowest terms"
            )
        found[name] = Factor(numerator, denominator)
    return found


def read_credit(value: Value, classes: Collection[str]) -> dict[str, Limits]:
    """Return the classes of mutual credit, each with its floor and ceiling.

    Raises:
        Malformed: rule `charter.credit`.
    """
    found = {}
    for name, (floor, ceiling) in _pairs(value, classes, "charter.credit"):
        if not -MOST <= floor <= 0 < ceiling <= MOST:
            raise Malformed(
                "charter.credit", f"{name} goes from {floor} to {ceiling}: the floor is at most 0, the ceiling above it"
            )
        found[name] = Limits(floor, ceiling)
    return found


def read_cancel(value: Value, _classes: object = None) -> Cancelling:
    """Return what a cancel costs.

    Raises:
        Malformed: rule `charter.cancel`.
    """
    if not isinstance(value, dict) or set(value) != {"per_mille", "due_days"}:
        raise Malformed("charter.cancel", "it has `per_mille` and `due_days`, and no more")
    per_mille, days = value["per_mille"], value["due_days"]
    if type(per_mille) is not int or not 0 < per_mille <= 1000 or type(days) is not int or not 0 < days <= MAX_DAYS:
        raise Malformed("charter.cancel", f"the part is 1 to 1000 thousandths, the days are 1 to {MAX_DAYS}")
    return Cancelling(per_mille, days)


def _pairs(value: Value, classes: Collection[str], rule: str) -> list[tuple[str, tuple[int, int]]]:
    if not isinstance(value, dict) or not value:
        raise Malformed(rule, "a map of resource classes, at least one, to two integers each is expected")
    pairs = []
    for name, parts in value.items():
        if name not in classes:
            raise Malformed(rule, f"{name!r} is none of the classes of this charter")
        if not isinstance(parts, list) or len(parts) != 2:
            raise Malformed(rule, f"{name} has two integers")
        one, other = parts
        if type(one) is not int or type(other) is not int:
            raise Malformed(rule, f"{name} has two integers")
        pairs.append((name, (one, other)))
    return pairs
