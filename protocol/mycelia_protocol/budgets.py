"""Budgets: what an act costs the world, who has how much of it, and whether that is within the limits.

A charter says which impacts are counted, and what a quantum of which class costs by
which action. Quotients say how what was used stands to what was allotted.

    >>> budgets = read_budgets({"co2": {"unit": "g", "scope": "hard", "source": "DEFRA 2024",
    ...     "factors": {"produce bread": [900, 1]}}}, {"bread"})
    >>> budgets["co2"].of("produce", "bread", 3)
    2700

Spec: 24-budget.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import cast

from .actions import ACTIONS
from .canonical import Value
from .cid import is_digest
from .errors import Malformed
from .names import is_name

MAX_MAGISTERIA = 64
MAX_BUDGETS = 16
MAX_FACTORS = 256
MAX_TEXT_BYTES = 256
MAX_NUMBER = 1_000_000_000
SCOPES = ("hard", "soft")
COUNTED = frozenset(ACTIONS)
_FIELDS = {"unit", "scope", "source", "factors"}


@dataclass(frozen=True, slots=True)
class Budget:
    """An impact that is counted: in which unit, whether there is an end to it, and what costs how much of it."""

    unit: str
    is_hard: bool
    source: str
    factors: Mapping[tuple[str, str], tuple[int, int]]  # by action and class: numerator and denominator

    def of(self, action: str, resource_class: str, amount: int) -> int:
        """Return the impact of an amount in quanta, rounded up; 0 where nothing is counted."""
        factor = self.factors.get((action, resource_class))
        return 0 if factor is None else -(-amount * factor[0] // factor[1])


def read_magisteria(value: Value, _classes: object = None) -> tuple[bytes, ...]:
    """Return the identities that issue limits.

    Raises:
        Malformed: rule `charter.magisteria`.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_MAGISTERIA or not all(map(is_digest, value)):
        raise Malformed("charter.magisteria", f"the magisteria are 1 to {MAX_MAGISTERIA} identities")
    names = tuple(cast(list[bytes], value))
    if any(one >= other for one, other in pairwise(names)):
        raise Malformed("charter.magisteria", "the magisteria are sorted and unique")
    return names


def read_budgets(value: Value, classes: Collection[str]) -> dict[str, Budget]:
    """Return the impacts that are counted, by name.

    Raises:
        Malformed: rule `charter.budgets`.
    """
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_BUDGETS:
        raise Malformed("charter.budgets", f"the budgets are a map of 1 to {MAX_BUDGETS} impacts")
    for name in value:
        if not is_name(name):
            raise Malformed("charter.budgets", f"{name!r} is no name of an impact")
    return {name: _budget(name, one, classes) for name, one in value.items()}


def _budget(name: str, value: Value, classes: Collection[str]) -> Budget:
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise Malformed("charter.budgets", f"{name} is a map of {', '.join(sorted(_FIELDS))}")
    unit, scope, source, factors = (value[field] for field in ("unit", "scope", "source", "factors"))
    for text in (unit, source):
        if not isinstance(text, str) or not 0 < len(text.encode()) <= MAX_TEXT_BYTES:
            raise Malformed("charter.budgets", f"unit and source of {name} are text of 1 to {MAX_TEXT_BYTES} bytes")
    if scope not in SCOPES or not isinstance(factors, dict) or not 0 < len(factors) <= MAX_FACTORS:
        raise Malformed("charter.budgets", f"{name} is hard or soft and has 1 to {MAX_FACTORS} factors")
    read = {_key(name, key, classes): _factor(name, key, pair) for key, pair in factors.items()}
    return Budget(cast(str, unit), scope == "hard", cast(str, source), read)


def _key(name: str, key: str, classes: Collection[str]) -> tuple[str, str]:
    action, _, resource_class = key.partition(" ")
    if action not in COUNTED or resource_class not in classes:
        raise Malformed("charter.budgets", f"{key!r} of {name} is no action and class of this charter")
    return action, resource_class


def _factor(name: str, key: str, value: Value) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:
        numerator, denominator = value
        if type(numerator) is int and type(denominator) is int:
            is_within = 0 < numerator <= MAX_NUMBER and 0 < denominator <= MAX_NUMBER
            if is_within and gcd(numerator, denominator) == 1:
                return numerator, denominator
    raise Malformed("charter.budgets", f"{key} of {name} is two integers from 1 to {MAX_NUMBER}, in lowest terms")


def shares(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return an amount split by weights, in whole quanta that add up to it: the largest remainders are rounded up.

    The weights say by which key: heads, needs, contributions, what each used before, or 1 each. Equal
    remainders go by name. Where all weights are 0 nobody gets anything.
    """
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(weights, 0)
    parts = {name: divmod(amount * weight, total) for name, weight in weights.items()}
    left = amount - sum(whole for whole, _ in parts.values())
    first = sorted(parts, key=lambda name: (-parts[name][1], name))[:left]
    return {name: whole + (name in first) for name, (whole, _) in parts.items()}


def quotient(used: int, allotted: int) -> Fraction | None:
    """Return how what was used stands to what was allotted, None where nothing was (McElroy)."""
    return Fraction(used, allotted) if allotted else None


def is_sustainable(used: int, allotted: int, *, sense: str) -> bool:
    """Return whether a ceiling is kept, or a floor reached."""
    return used <= allotted if sense == "ceiling" else used >= allotted
