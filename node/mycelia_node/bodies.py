"""Bodies: which ones a store holds, and which go: after their expiry, after the holder's own term, or retracted.

Headers stay, so nothing else changes. What was dropped is never taken in again,
and its bytes are overwritten in the file.

Spec: 17-privacy, "Bodies that go".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from mycelia_protocol.canonical import INT64_MAX
from mycelia_protocol.envelope import Header, read_header

DAY_MS = 86_400_000
_PAGE = 1000
_UNDATED = "retention"  # the setting that says that bodies without an expiry are noted, too


class Bodies:
    """The bodies in one store: those that have an end, and all of them where the holder sets a term."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.retention_ms: int | None = None

    def keep(self, retention_ms: int | None) -> None:
        """Keep bodies without an expiry for so long from now on; None: for ever, and then they are not even noted."""
        is_noted = self._notes_undated()
        if retention_ms is not None and not is_noted:
            self._connection.execute("insert into settings(name, value) values (?, ?)", (_UNDATED, b""))
            self.note_all()
        if retention_ms is None and is_noted:
            self._connection.execute("delete from settings where name=?", (_UNDATED,))
            self._connection.execute("delete from bodies where not is_dated")
        self.retention_ms = retention_ms

    def _notes_undated(self) -> bool:
        found = self._connection.execute("select 1 from settings where name=?", (_UNDATED,))
        return found.fetchone() is not None

    def is_over(self, header: Header, now_ms: int) -> bool:
        """Return whether the body of this header has had its time."""
        term_ms = self.retention_ms if header.expiry is None else header.expiry
        return term_ms is not None and now_ms - header.time_ms >= term_ms

    def is_dropped(self, arrival: int) -> bool:
        """Return whether the body of an entry was dropped for good."""
        return self._connection.execute("select 1 from dropped where arrival=?", (arrival,)).fetchone() is not None

    def note(self, held: Iterable[tuple[int, Header]]) -> None:
        """Note that the bodies of these entries, by arrival number, are held, if they may ever be over."""
        keys = [(*_key(header), arrival) for arrival, header in held]
        if not all(is_dated for is_dated, *_ in keys) and not self._notes_undated():
            keys = [key for key in keys if key[0]]
        self._connection.executemany("insert or replace into bodies(is_dated, at_ms, arrival) values (?, ?, ?)", keys)

    def note_all(self) -> None:
        """Note every body that the store holds."""
        after = 0
        while page := self._connection.execute(
            "select arrival, header from entries where arrival > ? and body is not null order by arrival limit ?",
            (after, _PAGE),
        ).fetchall():
            self.note((arrival, read_header(raw)) for arrival, raw in page)
            after = page[-1][0]

    def over(self, now_ms: int, limit: int) -> list[int]:
        """Return the arrival numbers of entries whose bodies have had their time, at most so many."""
        found = self._before(True, now_ms, limit)
        if self.retention_ms is not None and len(found) < limit:
            found += self._before(False, now_ms - self.retention_ms, limit - len(found))
        return found

    def _before(self, is_dated: bool, until_ms: int, limit: int) -> list[int]:
        query = "select arrival from bodies where is_dated=? and at_ms <= ? limit ?"
        return [arrival for (arrival,) in self._connection.execute(query, (is_dated, until_ms, limit))]

    def drop(self, arrivals: Collection[int]) -> None:
        """Drop the bodies of entries, held or not, for good."""
        for arrival in arrivals:
            (raw,) = self._connection.execute("select header from entries where arrival=?", (arrival,)).fetchone()
            self._connection.execute("update entries set body=null where arrival=?", (arrival,))
            self._connection.execute(
                "delete from bodies where is_dated=? and at_ms=? and arrival=?", (*_key(read_header(raw)), arrival)
            )
            self._connection.execute("insert or ignore into dropped(arrival) values (?)", (arrival,))

    def overwrite(self) -> None:
        """Empty the log beside the file, where dropped bytes may still stand; outside a transaction."""
        self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()


def _key(header: Header) -> tuple[bool, int]:
    """Return what bodies are ordered by: their end where they have one, else their beginning."""
    if header.expiry is None:
        return False, header.time_ms
    return True, min(header.time_ms + header.expiry, INT64_MAX)
