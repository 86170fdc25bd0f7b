"""Expressions: arithmetic over a few names, exact and bounded, that gives everybody the same number.

Nothing is evaluated by Python, and no float is near: numbers are fractions. Libraries for
formulas compute with floats, or hand the text to the interpreter.

    >>> evaluate(parse("min(quantity, 8) * valuePerUnit / 2"), {"quantity": Fraction(10), "valuePerUnit": Fraction(5)})
    Fraction(20, 1)

Spec: 26-equation, "Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .errors import Refused

NAMES = ("quantity", "valuePerUnit", "pricePerUnit", "valuePerUnitOfUse", "value")
MAX_LENGTH, MAX_DEPTH = 128, 8
_TOKEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)|([A-Za-z]+)|([-+*/(),])")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Expression:
    """A number, a name, or an operation on expressions: its `of` is what `parts` are combined by."""

    of: str
    number: Fraction = Fraction(0)
    parts: tuple[Expression, ...] = ()


def decimal(text: str) -> Fraction | None:
    """Return what a decimal literal says, None if it is none."""
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


@lru_cache(maxsize=1024)  # a distribution asks for the same few, for each contribution
def parse(text: str) -> Expression:
    """Return what a text means.

    Raises:
        Refused: rule `equation.expression`.
    """
    if not 0 < len(text) <= MAX_LENGTH or not text.isascii():
        raise _refused(f"it has 1 to {MAX_LENGTH} characters of ASCII")
    reader = _Reader(_tokens(text))
    found = reader.sum(0)
    if reader.next is not None:
        raise _refused(f"nothing is expected at {reader.next!r}")
    return found


def evaluate(expression: Expression, values: Mapping[str, Fraction]) -> Fraction:
    """Return the number; what is divided by 0 is 0, and so is a name that is not known."""
    parts = [evaluate(part, values) for part in expression.parts]
    match expression.of:
        case "number":
            return expression.number
        case "+":
            return parts[0] + parts[1]
        case "-":
            return parts[0] - parts[1]
        case "*":
            return parts[0] * parts[1]
        case "/":
            return parts[0] / parts[1] if parts[1] else Fraction(0)
        case "min":
            return min(parts)
        case "max":
            return max(parts)
        case name:
            return values.get(name, Fraction(0))


class _Reader:
    """Recursive descent: one function for each production of the grammar."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at = tokens, 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def sum(self, depth: int) -> Expression:
        found = self._product(depth)
        while self.next in ("+", "-"):
            found = Expression(self._take(), parts=(found, self._product(depth)))
        return found

    def _product(self, depth: int) -> Expression:
        found = self._factor(depth)
        while self.next in ("*", "/"):
            found = Expression(self._take(), parts=(found, self._factor(depth)))
        return found

    def _factor(self, depth: int) -> Expression:
        if depth == MAX_DEPTH:
            raise _refused(f"it is nested deeper than {MAX_DEPTH}")
        word = self._take()
        if word == "(":
            found = self.sum(depth + 1)
            self._expect(")")
            return found
        if word in ("min", "max"):
            self._expect("(")
            parts = [self.sum(depth + 1)]
            while self.next == ",":
                self._take()
                parts.append(self.sum(depth + 1))
            self._expect(")")
            return Expression(word, parts=tuple(parts))
        number = decimal(word)
        if number is not None:
            return Expression("number", number)
        if word not in NAMES:
            raise _refused(f"{word!r} is no name, which are {', '.join(NAMES)}")
        return Expression(word)

    def _take(self) -> str:
        token = self.next
        if token is None:
            raise _refused("something is missing at its end")
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise _refused(f"{token!r} is expected, not {found!r}")


def _tokens(text: str) -> list[str]:
    found, at = list[str](), 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise _refused(f"{text[at]!r} is no part of an expression")
        found.append(match[0])
        at = match.end()
        if match[1] and at < len(text) and (text[at].isalnum() or text[at] == "."):
            raise _refused("a number has 1 to 9 digits, and as many after a point")
    return found


def _refused(why: str) -> Refused:
    return Refused("equation.expression", why)
