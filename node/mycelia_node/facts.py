"""Facts on disk: the accumulators of one branch of a chain, read when asked for, written with their entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from typing import Any, cast

import cbor2

from mycelia_protocol.accumulators import RECORDS, Fact, FactKey

_LETTERS = {
    "need": b"n", "offer": b"o", "committed": b"c", "accepted": b"a", "cited": b"x", "grant": b"g", "spent": b"s",
    "admitted": b"m", "rate": b"r", "version": b"v",
    "warrant": b"w", "inherited": b"i", "heir": b"h", "checkpoint": b"k", "witness": b"t",
    "resource": b"R", "process": b"P", "reserve": b"V", "into": b"I", "capacity": b"C", "bucket": b"B", "claim": b"L",
    "return": b"T", "allotted": b"A", "allowance": b"W", "purse": b"U", "footprint": b"F", "overdrawn": b"O",
    "licensed": b"D", "owing": b"E",
    "contribution": b"G", "credit": b"K", "currency": b"Y",
    "agrees": b"H", "agreed": b"J", "leg": b"M",
    "equation": b"Q", "superseded": b"Z", "distributed": b"S",
}  # fmt: skip
_NAMES = {letter: record for record, letter in _LETTERS.items()}


class StoredFacts(MutableMapping[FactKey, Fact]):
    """A mapping over the facts table; changes gather in `unsaved` until `save`."""

    def __init__(self, connection: sqlite3.Connection, chain: int, branch: int) -> None:
        self._connection, self._chain, self._branch = connection, chain, branch
        self._known: dict[FactKey, Fact | None] = {}
        self._is_stored: dict[str, bool] = {}  # by record: whether some were there when it was first asked
        self.unsaved: dict[FactKey, Fact] = {}

    def __getitem__(self, key: FactKey) -> Fact:
        if key not in self._known:
            self._known[key] = self._load(key)
        fact = self._known[key]
        if fact is None:
            raise KeyError(key)
        return fact

    def get(self, key: FactKey, default: Any = None) -> Any:
        """Return a fact, or None: asked dozens of times an entry, so not by way of an exception."""
        if key not in self._known:
            self._known[key] = self._load(key)
        fact = self._known[key]
        return default if fact is None else fact

    def __setitem__(self, key: FactKey, fact: Fact) -> None:
        self._known[key] = fact
        self.unsaved[key] = fact

    def __delitem__(self, key: FactKey) -> None:
        raise TypeError("facts are never forgotten by a rule")

    def __iter__(self) -> Iterator[FactKey]:
        rows = self._connection.execute(
            "select key, value from facts where chain=? and branch=?", (self._chain, self._branch)
        )
        stored = {read_key(key): read_fact(read_key(key), value) for key, value in rows}
        return iter({**stored, **self.unsaved})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, record: str) -> dict[FactKey, Fact]:
        """Return all facts of one record, sorted by their keys."""
        letter = _LETTERS[record]
        rows = self._connection.execute(
            "select key, value from facts where chain=? and branch=? and key>=? and key<?",
            (self._chain, self._branch, letter, bytes([letter[0] + 1])),
        )
        found = {read_key(key): read_fact(read_key(key), value) for key, value in rows}
        found |= {key: fact for key, fact in self.unsaved.items() if key[0] == record}
        return dict(sorted(found.items()))

    def save(self) -> None:
        """Write what changed, inside the caller's transaction."""
        if self.unsaved:
            self._connection.executemany(
                "insert or replace into facts(chain, branch, key, value) values (?, ?, ?, ?)",
                [(self._chain, self._branch, write_key(key), cbor2.dumps(fact)) for key, fact in self.unsaved.items()],
            )
            self.unsaved = {}

    def _load(self, key: FactKey) -> Fact | None:
        record = key[0]
        if record not in self._is_stored:
            self._is_stored[record] = self._has_any(_LETTERS[record])
        if not self._is_stored[record]:
            return None  # what came since is known: most chains have no facts of most records
        row = self._connection.execute(
            "select value from facts where chain=? and branch=? and key=?", (self._chain, self._branch, write_key(key))
        ).fetchone()
        return None if row is None else read_fact(key, row[0])

    def _has_any(self, letter: bytes) -> bool:
        row = self._connection.execute(
            "select 1 from facts where chain=? and branch=? and key>=? and key<? limit 1",
            (self._chain, self._branch, letter, bytes([letter[0] + 1])),
        ).fetchone()
        return row is not None


def write_key(key: FactKey) -> bytes:
    """Return the bytes that a fact is stored under: record letter, id, line number."""
    record, name, number = key
    return _LETTERS[record] + name + (number + 1).to_bytes(8, "big")


def read_key(data: bytes) -> FactKey:
    """Return the key of stored bytes."""
    return _NAMES[data[:1]], data[1:33], int.from_bytes(data[33:], "big") - 1


def read_fact(key: FactKey, value: bytes) -> Fact:
    """Return the record of stored bytes."""
    parts = cbor2.loads(value)
    return cast(Fact, RECORDS[key[0]](*(_frozen(part) for part in parts)))


def _frozen(part: object) -> object:
    return tuple(_frozen(one) for one in part) if isinstance(part, list) else part
