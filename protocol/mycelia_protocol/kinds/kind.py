"""What a kind is: a name, the rules it is judged by, and one function that applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from ..accumulators import Draft, Grant, LineId, Prefix
from ..charter import Charter
from ..envelope import Entry, Header, Term
from ..errors import Refused
from ..lineage import Lineage

ABOUT_LINES = {"accept": 1, "deliver": 0, "receive": 0, "release": 0, "lapse": 0, "cancel": 0}  # and terms before them
MAX_LINES = 64  # that one entry may name: whoever cites 32 such entries makes others note 2,048 lines, not 17,000


@dataclass(slots=True)
class Judged:
    """Everything that a rule may read about one entry; `facts` takes what the entry changes."""

    entry: Entry
    prefix: Prefix
    deps: Mapping[bytes, Entry]
    charter: Charter
    facts: Draft
    lineage: Lineage

    @property
    def grant(self) -> Grant | None:
        """What the chain may do for its identity; None without one."""
        return self.prefix.grant

    @property
    def header(self) -> Header:
        """The header of the entry that is judged."""
        return self.entry.header

    def dep(self, index: Term, rule: str) -> Entry:
        """Return the dependency that a term points to; `rule` is refused if it points nowhere."""
        if not is_natural(index) or index >= len(self.header.deps) // 32:
            raise Refused(rule, f"{index!r} is not the index of a dependency")
        return self.deps[self.header.dep(index)]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entry. `rules` are the names it checks, in order; `judge` raises or changes facts.

    `relies_on` gives the needs and commits that must be valid for the entry to be effective; what
    `deliver` and `receive` rely on is not in their headers, so `standing` knows it.
    """

    name: str
    fields: tuple[str, ...]
    rules: tuple[str, ...]
    judge: Callable[[Judged], None]
    relies_on: Callable[[Header], tuple[bytes, ...]]
    tail: int = 0  # how many of the last fields may all be left out


def is_natural(term: object) -> TypeGuard[int]:
    """Return whether a term is an integer of zero or more (a boolean is not)."""
    return type(term) is int and term >= 0


def nothing(header: Header) -> tuple[bytes, ...]:
    """Return no ids: the entry is effective as soon as it is valid."""
    return ()


def line_refs(header: Header, skip: int, rule: str) -> list[LineId]:
    """Return the lines that terms name after `skip` fields as (index of commit, line number) pairs.

    Raises:
        Refused: `rule`, unless there are 1 to 64 pairs, all of them distinct and in range.
    """
    terms, count = header.terms, len(header.deps) // 32
    refs: list[LineId] = []
    for at in range(skip, len(terms) - 1, 2):
        index, number = terms[at], terms[at + 1]
        if type(index) is not int or type(number) is not int or not 0 <= index < count or number < 0:
            raise Refused(rule, f"terms {at} and {at + 1} do not name a line of a dependency")
        refs.append((header.dep(index), number))
    if not 0 < len(refs) <= MAX_LINES or (len(terms) - skip) % 2 or len(set(refs)) != len(refs):
        raise Refused(rule, f"the terms name 1 to {MAX_LINES} lines, each once, as (commit, line) pairs")
    return refs


def amounts_by_dep(header: Header, skip: int, rule: str, most: int) -> list[tuple[bytes, int]]:
    """Return the (dependency, amount) pairs that terms name after `skip` fields.

    Raises:
        Refused: `rule`, unless each dependency stands once with an amount from 1 to `most`.
    """
    terms, count = header.terms, len(header.deps) // 32
    pairs: list[tuple[bytes, int]] = []
    for at in range(skip, len(terms) - 1, 2):
        index, amount = terms[at], terms[at + 1]
        if type(index) is not int or type(amount) is not int or not 0 <= index < count or not 0 < amount <= most:
            raise Refused(rule, f"terms {at} and {at + 1} are not a dependency and an amount from 1 to {most}")
        pairs.append((header.dep(index), amount))
    if (len(terms) - skip) % 2 or len({name for name, _ in pairs}) != len(pairs):
        raise Refused(rule, "lines are (need, amount) pairs, each need once")
    return pairs
