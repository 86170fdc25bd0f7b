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


class Bodies:
    """The bodies in one store; `retention_ms` is how long those without an expiry are kept, None for ever."""

    def __init__(self, connection: sqlite3.Connection, *, retention_ms: int | None = None) -> None:
        self._connection, self.retention_ms = connection, retention_ms

    def is_over(self, header: Header, now_ms: int) -> bool:
        """Return whether the body of this header has had its time."""
        term_ms = self.retention_ms if header.expiry is None else header.expiry
        return term_ms is not None and now_ms - header.time_ms >= term_ms

    def is_dropped(self, arrival: int) -> bool:
        """Return whether the body of an entry was dropped for good."""
        return self._connection.execute("select 1 from dropped where arrival=?", (arrival,)).fetchone() is not None

    def note(self, held: Iterable[tuple[int, Header]]) -> None:
        """Note that the bodies of these entries, by arrival number, are held."""
        self._connection.executemany(
            "insert or replace into bodies(arrival, time_ms, until_ms) values (?, ?, ?)",
            ((arrival, header.time_ms, _until_ms(header)) for arrival, header in held),
        )

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
        found = self._connection.execute(
            "select arrival from bodies where until_ms <= ? limit ?", (now_ms, limit)
        ).fetchall()
        if self.retention_ms is not None and len(found) < limit:
            found += self._connection.execute(
                "select arrival from bodies where time_ms <= ? and until_ms is null limit ?",
                (now_ms - self.retention_ms, limit - len(found)),
            ).fetchall()
        return [arrival for (arrival,) in found]

    def drop(self, arrivals: Collection[int]) -> None:
        """Drop the bodies of entries, held or not, for good."""
        each = [(arrival,) for arrival in arrivals]
        self._connection.executemany("update entries set body=null where arrival=?", each)
        self._connection.executemany("delete from bodies where arrival=?", each)
        self._connection.executemany("insert or ignore into dropped(arrival) values (?)", each)

    def overwrite(self) -> None:
        """Empty the log beside the file, where dropped bytes may still stand; outside a transaction."""
        self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()


def _until_ms(header: Header) -> int | None:
    return None if header.expiry is None else min(header.time_ms + header.expiry, INT64_MAX)
