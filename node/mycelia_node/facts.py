"""Facts on disk: the accumulators of one branch of a chain, read when asked for, written with their entries.

A row of the table holds the facts of one record about one thing whose numbers lie together: the lines of a commit
are named together by what follows it, and written together. Rows stand in the order in which they were first written,
for a tree that is sorted by ids has a page to write for each of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from functools import cache
from itertools import count, islice
from typing import Any, cast

from msgspec import MsgspecError, msgpack

from mycelia_protocol.accumulators import RECORDS, Fact, FactKey

from .faults import StoreFault
from .store import short

_LETTERS = {
    "need": "n", "offer": "o", "committed": "c", "accepted": "a", "cited": "x", "grant": "g", "spent": "s",
    "admitted": "m", "rate": "r", "version": "v",
    "warrant": "w", "inherited": "i", "heir": "h", "checkpoint": "k", "witness": "t",
    "resource": "R", "process": "P", "reserve": "V", "into": "I", "capacity": "C", "bucket": "B", "claim": "L",
    "return": "T", "statement": "N",
    "allotted": "A", "allowance": "W", "purse": "U", "footprint": "F", "overdrawn": "O",
    "licensed": "D", "owing": "E",
    "contribution": "G", "credit": "K", "currency": "Y",
    "agrees": "H", "agreed": "J", "leg": "M",
    "equation": "Q", "superseded": "Z", "distributed": "S",
}  # fmt: skip
_NAMES = {letter: record for record, letter in _LETTERS.items()}
_CACHED_ROWS = 131_072  # of one branch
_NUMBERS_BITS = 4  # of the numbers in one row; -1, which numbers nothing, has one of its own

Row = tuple[str, bytes, int]  # record, id, and where the numbers lie
_NOTHING: dict[int, Fact] = {}
_ENCODER = msgpack.Encoder()


class StoredFacts(MutableMapping[FactKey, Fact]):
    """A mapping over the facts table; changes gather until `save`."""

    def __init__(self, connection: sqlite3.Connection, chain: int, branch: int) -> None:
        self._connection, self._chain, self._branch = connection, chain, branch
        self._known: dict[Row, dict[int, Fact]] = {}
        self._is_stored: dict[str, bool] = {}  # by record: whether some were there when it was first asked
        self._empty: set[str] = set()  # records of which there is nothing, stored or not
        self._numbers: dict[Row, int] = {}  # of rows that were read or written
        self._unsaved: set[Row] = set()

    def __getitem__(self, key: FactKey) -> Fact:
        fact = self.get(key)
        if fact is None:
            raise KeyError(key)
        return cast(Fact, fact)

    def get(self, key: FactKey, default: Any = None) -> Any:
        """Return a fact, or None: asked dozens of times an entry, so not by way of an exception."""
        record, name, number = key
        if record in self._empty:
            return default
        row = (record, name, number >> _NUMBERS_BITS)
        facts = self._known.get(row)
        if facts is None:
            facts = self._load(row)
        return facts.get(number, default)

    def __setitem__(self, key: FactKey, fact: Fact) -> None:
        record, name, number = key
        row = (record, name, number >> _NUMBERS_BITS)
        facts = self._known.get(row)
        if facts is None:
            facts = self._load(row) or self._known.setdefault(row, {})
            self._empty.discard(record)
        facts[number] = fact
        self._unsaved.add(row)

    def __delitem__(self, key: FactKey) -> None:
        raise TypeError("facts are never forgotten by a rule")

    def __iter__(self) -> Iterator[FactKey]:
        return iter(self._read("A", "z"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, record: str) -> dict[FactKey, Fact]:
        """Return all facts of one record, sorted by their keys."""
        found = self._read(letter_of(record), letter_of(record))
        return {key: fact for key, fact in sorted(found.items()) if key[0] == record}

    def save(self) -> None:
        """Write what changed, inside the caller's transaction."""
        if not self._unsaved:
            return
        changed = [row for row in self._unsaved if row in self._numbers]
        self._connection.executemany(
            "update facts set value=? where number=?",
            [(write_facts(self._known[row]), self._numbers[row]) for row in changed],
        )
        (last,) = self._connection.execute("select max(number) from facts").fetchone()
        fresh = self._unsaved.difference(changed)
        self._numbers.update(zip(fresh, count((last or 0) + 1), strict=False))
        self._connection.executemany(
            "insert into facts(number, chain, branch, record, name, id, place, value) values (?, ?, ?, ?, ?, ?, ?, ?)",
            [(self._numbers[row], *self._columns(row), write_facts(self._known[row])) for row in fresh],
        )
        self._unsaved = set()
        if len(self._known) > _CACHED_ROWS:
            self._forget_older()

    def _forget_older(self) -> None:
        """Drop from memory the half of the rows that came first; all of them lie on the disk."""
        for row in list(islice(self._known, len(self._known) // 2)):
            del self._known[row]
            self._numbers.pop(row, None)
            self._is_stored[row[0]] = True

    def _columns(self, row: Row) -> tuple[int, int, str, int, bytes, int]:
        record, name, place = row
        return self._chain, self._branch, _LETTERS[record], short(name), name, place

    def _read(self, first: str, last: str) -> dict[FactKey, Fact]:
        """Return the facts of this branch whose letters lie between two, and all that are not saved."""
        stored = self._connection.execute(
            "select record, id, place, value from facts where chain=? and branch=? and record between ? and ?",
            (self._chain, self._branch, first, last),
        )
        rows = {(_NAMES[letter], name, place): value for letter, name, place, value in stored}
        found = {row: read_facts(row[0], value) for row, value in rows.items() if row not in self._unsaved}
        found |= {row: self._known[row] for row in self._unsaved}
        return {(record, name, number): fact for (record, name, _), of in found.items() for number, fact in of.items()}

    def _load(self, row: Row) -> dict[int, Fact]:
        """Return the facts of a row; nothing is remembered of records that were never stored."""
        record = row[0]
        if record not in self._is_stored:
            self._is_stored[record] = self._has_any(_LETTERS[record])
            if not self._is_stored[record]:
                self._empty.add(record)
        if not self._is_stored[record]:
            return _NOTHING
        found = self._connection.execute(
            "select number, value from facts where chain=? and branch=? and record=? and name=? and id=? and place=?",
            self._columns(row),
        ).fetchone()
        facts = self._known[row] = {} if found is None else read_facts(record, found[1])
        if found is not None:
            self._numbers[row] = found[0]
        return facts

    def _has_any(self, letter: str) -> bool:
        row = self._connection.execute(
            "select 1 from facts where chain=? and branch=? and record=? limit 1", (self._chain, self._branch, letter)
        ).fetchone()
        return row is not None


def letter_of(record: str) -> str:
    """Return what a record is called on disk."""
    return _LETTERS[record]


def name_of(letter: str) -> str:
    """Return the record that a letter on disk stands for."""
    return _NAMES[letter]


def write_facts(facts: dict[int, Fact]) -> bytes:
    """Return the bytes that facts are stored as, by their numbers."""
    return _ENCODER.encode(facts)


def read_facts(record: str, value: bytes) -> dict[int, Fact]:
    """Return the facts of stored bytes, by their numbers.

    Raises:
        StoreFault: the bytes are none that `write_facts` returns.
    """
    try:
        return cast(dict[int, Fact], _decoder(record).decode(value))
    except MsgspecError as error:
        raise StoreFault(
            f"the accumulators of a chain cannot be read ({error})", "restore the ledger from a backup"
        ) from error


@cache
def _decoder(record: str) -> msgpack.Decoder[Any]:
    return msgpack.Decoder(dict[int, RECORDS[record]])  # type: ignore[valid-type]


def read_fact(record: str, parts: list[object]) -> Fact:
    """Return a fact of its parts, as older files have them."""
    return cast(Fact, RECORDS[record](*map(_frozen, parts)))


def read_key(data: bytes) -> FactKey:
    """Return the key of a fact as older files have it: record letter, id, number and 1."""
    return _NAMES[data[:1].decode()], data[1:33], int.from_bytes(data[33:], "big") - 1


def _frozen(part: object) -> object:
    return tuple(_frozen(one) for one in part) if isinstance(part, list) else part
