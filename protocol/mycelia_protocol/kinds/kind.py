"""What a kind is: a name, the rules it is judged by, and one function that applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TypeGuard, TypeVar

from ..accumulators import Draft, Grant, LineId, Prefix
from ..amounts import amount_text
from ..charter import Charter
from ..envelope import Entry, Header, Term
from ..errors import Refused
from ..lineage import Lineage

ABOUT_LINES = {"accept": 1, "deliver": 0, "receive": 0, "release": 0, "lapse": 0, "cancel": 0}  # and terms before them
MAX_REMEMBERED = 4096
T = TypeVar("T")
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

    def amount_text(self, name: str, quanta: int) -> str:
        """Return quanta of a class as people read them, for the message of a refusal."""
        return amount_text(self.charter.classes, name, quanta)

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
    refs = _pairs(header, skip)
    if refs is None or not 0 < len(refs) <= MAX_LINES or (len(refs) > 1 and len(set(refs)) != len(refs)):
        raise Refused(rule, f"the terms name 1 to {MAX_LINES} lines, each once, as (commit, line) pairs")
    return refs


def amounts_by_dep(header: Header, skip: int, rule: str) -> list[tuple[bytes, int]]:
    """Return the (dependency, amount) pairs that terms name after `skip` fields.

    Raises:
        Refused: `rule`, unless each dependency stands once with an amount of 1 or more.
    """
    pairs = _pairs(header, skip)
    if pairs is None or len(dict(pairs)) != len(pairs) or not all(amount for _, amount in pairs):
        raise Refused(rule, "lines are (need, amount) pairs, each need once, with an amount of 1 or more")
    return pairs


def check_amount(amount: int, rule: str, most: int) -> None:
    """Refuse `rule` for an amount that is more than the charter allows."""
    if amount > most:
        raise Refused(rule, f"{amount} is more than {most}, the most that the charter allows")


def remembered(read: Callable[[Entry], tuple[T, ...]]) -> Callable[[Entry], tuple[T, ...]]:
    """Remember what was read of the last headers; they are kept, so that none takes another's place in memory."""
    known: dict[int, tuple[Header, tuple[T, ...]]] = {}

    @wraps(read)
    def reading(entry: Entry) -> tuple[T, ...]:
        header = entry.header
        found = known.get(id(header))
        if found is None:
            if len(known) >= MAX_REMEMBERED:
                known.clear()
            found = known[id(header)] = header, read(entry)
        return found[1]

    return reading


@remembered
def lines_about(entry: Entry) -> tuple[LineId, ...]:
    """Return the lines that an entry of one of the kinds of `ABOUT_LINES` names.

    Raises:
        Refused: `<kind>.terms`.
    """
    kind = entry.header.kind
    return tuple(line_refs(entry.header, ABOUT_LINES[kind], f"{kind}.terms"))


def _pairs(header: Header, skip: int) -> list[tuple[bytes, int]] | None:
    """Return what terms name as (index of a dependency, integer of 0 or more) pairs; None if they are not that."""
    terms, deps = header.terms, header.deps
    if (len(terms) - skip) % 2:
        return None
    pairs = []
    for at, number in zip(terms[skip::2], terms[skip + 1 :: 2], strict=True):
        if type(at) is not int or type(number) is not int or at < 0 or number < 0 or at * 32 >= len(deps):
            return None
        pairs.append((deps[at * 32 : at * 32 + 32], number))
    return pairs
