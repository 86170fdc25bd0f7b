"""The store: entries, tips and facts of one home, in one SQLite file.

WAL, synchronous=FULL: what a transaction has committed survives kill -9 and a
power cut. Rows are integers and byte strings; the arrival number is the order
of acceptance, contiguous inside a run. (chain, sequence) is not unique, for
forks are storable. The schema is made and migrated with sqlite-utils; the hot
path uses the connection directly, which is several times faster.

This module knows bytes and rows. What may be stored is the ledger's business.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mycelia_protocol.cid import DIGEST_BYTES, digest
from mycelia_protocol.envelope import Entry, Header, deps_of, read_entry

from .bodies import Bodies
from .faults import StoreFault
from .gone import Gone
from .schema import APPLICATION_ID, SCHEMA_VERSION, migrate

__all__ = ["SCHEMA_VERSION", "Branch", "ChainRow", "Row", "Store", "entry_of", "short"]


_ENDLESS = 2**63 - 1  # above every sequence


class Row(NamedTuple):
    """A stored entry as its columns."""

    arrival: int
    raw: bytes
    signature: bytes | None
    body: bytes | None
    refused: str | None  # "rule: message" of an invalid entry


class ChainRow(NamedTuple):
    """A chain: its number in this store, its id and its key."""

    number: int
    id: bytes
    key: bytes


class Branch(NamedTuple):
    """A branch of a chain, by its tip; branch 0 is the first seen."""

    chain: int
    branch: int
    sequence: int
    id: bytes
    time: int


class Store:
    """One open SQLite file, exclusively locked for this process."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.exists():
            raise StoreFault(f"there is no ledger at {path}", "make one with `mycelia init`")
        self._lock = _lock(path)
        try:
            self.connection = self._connect(create=create)
        except BaseException:
            os.close(self._lock)
            raise
        self.bodies = Bodies(self.connection)
        self.gone = Gone(self.connection, self.bodies)

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            (application,) = connection.execute("pragma application_id").fetchone()
            (version,) = connection.execute("pragma user_version").fetchone()
            (tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreFault(
                f"{self.path} is torn or not a ledger ({error})",
                "restore it from a backup, or pull it again from a peer",
            ) from error
        if tables and application != APPLICATION_ID:
            connection.close()
            raise StoreFault(f"{self.path} is another program's file", "choose another home")
        if _ends_inside_a_page(self.path, connection):
            connection.close()
            raise StoreFault(
                f"{self.path} is torn or not a ledger (its last page is cut short)",
                "restore it from a backup, or pull it again from a peer",
            )
        if version > SCHEMA_VERSION:
            connection.close()
            raise StoreFault(f"{self.path} was written by a newer version of Mycelia", "update Mycelia")
        try:
            connection.execute("pragma page_size=8192")  # counts for a new file alone
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.execute("pragma wal_autocheckpoint=2000")
            connection.execute("pragma cache_size=-16000")
            connection.execute("pragma secure_delete=on")  # what is dropped does not stay in the file's free pages
            if version < SCHEMA_VERSION:
                migrate(connection, version)
        except sqlite3.Error as error:
            connection.close()
            raise StoreFault(f"{self.path} cannot be set up ({error})", "free some space and try again") from error
        return connection

    def close(self) -> None:
        """Close the file and let others open it."""
        self.connection.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything done inside as one, or nothing of it.

        Raises:
            StoreFault: the disk is full or fails; nothing was stored.
        """
        try:
            self.connection.execute("begin immediate")
            yield
            self.connection.execute("commit")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("rollback")
            if isinstance(error, sqlite3.Error):
                raise StoreFault(f"the disk refused to store: {error}", "free some space and try again") from error
            raise

    def setting(self, name: str) -> bytes | None:
        """Return a stored setting."""
        row = self.connection.execute("select value from settings where name=?", (name,)).fetchone()
        return None if row is None else row[0]

    def set_setting(self, name: str, value: bytes) -> None:
        """Store a setting."""
        self.connection.execute("insert or replace into settings(name, value) values (?, ?)", (name, value))

    def chain(self, chain: bytes) -> ChainRow | None:
        """Return a chain by id."""
        row = self.connection.execute("select number, id, key from chains where id=?", (chain,)).fetchone()
        return None if row is None else ChainRow(*row)

    def add_chain(self, chain: bytes, key: bytes) -> ChainRow:
        """Store a new chain and return it with its number."""
        cursor = self.connection.execute("insert into chains(id, key) values (?, ?)", (chain, key))
        return ChainRow(int(cursor.lastrowid or 0), chain, key)

    def branches(self, chain: int) -> list[Branch]:
        """Return the branches of a chain, first seen first."""
        rows = self.connection.execute(
            "select chain, branch, sequence, id, time from tips where chain=? order by branch", (chain,)
        )
        return [Branch(*row) for row in rows]

    def tips(self) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield (chain id, sequence, entry id) of every branch, by chain id."""
        yield from self.connection.execute(
            "select chains.id, tips.sequence, tips.id from tips join chains on chains.number=tips.chain "
            "order by chains.id, tips.sequence, tips.id"
        )

    def forked_chains(self) -> list[bytes]:
        """Return the ids of the chains that have two branches."""
        rows = self.connection.execute(
            "select chains.id from tips join chains on chains.number=tips.chain group by tips.chain having count(*) > 1"
        )
        return [name for (name,) in rows]

    def set_tips(self, branches: Iterable[Branch]) -> None:
        """Move branches on to their new tips."""
        self.connection.executemany(
            "insert or replace into tips(chain, branch, sequence, id, time) values (?, ?, ?, ?, ?)", branches
        )

    def add_entries(self, rows: Iterable[tuple[int, Entry, str | None]], first_arrival: int) -> None:
        """Store (chain number, entry, refusal) rows under consecutive arrival numbers."""
        rows = list(rows)
        self.connection.executemany(
            "insert into entries(arrival, chain, sequence, kind, name, header, signature, body, refused) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (arrival, chain, entry.header.sequence, entry.header.kind, short(entry.id), entry.raw,
                 entry.signature, entry.body, refused)
                for arrival, (chain, entry, refused) in enumerate(rows, first_arrival)
            ),
        )  # fmt: skip
        self.bodies.note(
            (arrival, entry.header)
            for arrival, (_, entry, _) in enumerate(rows, first_arrival)
            if entry.body is not None
        )

    def last_arrival(self) -> int:
        """Return the arrival number of the entry accepted last, 0 in an empty store."""
        (arrival,) = self.connection.execute("select max(arrival) from entries").fetchone()
        return int(arrival or 0)

    def find(self, name: bytes) -> Row | None:
        """Return an entry by its id."""
        rows = self.connection.execute(
            "select arrival, header, signature, body, refused from entries where name=?", (short(name),)
        )
        return next((Row(*row) for row in rows if digest(row[1]) == name), None)

    def names_like(self, low: int, high: int) -> Iterator[bytes]:
        """Yield the ids whose 8-byte prefix, as a signed integer, lies in a range."""
        for (header,) in self.connection.execute("select header from entries where name between ? and ?", (low, high)):
            yield digest(header)

    def at(self, chain: int, sequence: int) -> list[Row]:
        """Return the entries of a chain at a place: one, or more of a forked chain."""
        rows = self.connection.execute(
            "select arrival, header, signature, body, refused from entries where chain=? and sequence=?",
            (chain, sequence),
        )
        return [Row(*row) for row in rows]

    def below(self, chain: int, sequence: int) -> Iterator[Row]:
        """Yield what is held of a chain below a place, in order."""
        return self._stretch(chain, 0, sequence)

    def whole(self, chain: int, first: int = 0) -> Iterator[Row]:
        """Yield what is held of a chain from a place on, in order."""
        return self._stretch(chain, first, _ENDLESS)

    def _stretch(self, chain: int, first: int, end: int) -> Iterator[Row]:
        rows = self.connection.execute(
            "select arrival, header, signature, body, refused from entries where chain=? and sequence>=? and "
            "sequence<? order by sequence",
            (chain, first, end),
        )
        return (Row(*row) for row in rows)

    def place(self, arrival: int) -> tuple[bytes, int, str, int]:
        """Return what the columns say of an entry: chain id, sequence, kind, first 8 bytes of its id."""
        chain, sequence, kind, name = self.connection.execute(
            "select chains.id, sequence, kind, name from entries left join chains on chains.number=chain "
            "where arrival=?",
            (arrival,),
        ).fetchone()
        return chain, sequence, kind, name

    def first_arrival(self, chain: int, sequence: int) -> int | None:
        """Return the earliest arrival of a chain's entries from a place on."""
        (arrival,) = self.connection.execute(
            "select min(arrival) from entries where chain=? and sequence>=?", (chain, sequence)
        ).fetchone()
        return None if arrival is None else int(arrival)

    def rows(
        self, after: int, limit: int, *, chain: int | None = None, kind: str | None = None
    ) -> list[tuple[int, Row]]:
        """Return (chain number, row) in order of acceptance, after an arrival number."""
        where, values = ["arrival > ?"], [after]
        for column, value in (("+chain", chain), ("+kind", kind)):
            if value is not None:
                where.append(f"{column}=?")
                values.append(value)  # type: ignore[arg-type]
        cursor = self.connection.execute(
            "select chain, arrival, header, signature, body, refused from entries "  # noqa: S608  (column names are ours)
            f"where {' and '.join(where)} order by arrival limit ?",
            (*values, limit),
        )
        return [(row[0], Row(*row[1:])) for row in cursor]

    def rows_until(self, arrival: int, limit: int) -> list[Row]:
        """Return rows in order of acceptance backwards, from an arrival number on."""
        rows = self.connection.execute(
            "select arrival, header, signature, body, refused from entries where arrival<=? order by arrival desc "
            "limit ?",
            (arrival, limit),
        )
        return [Row(*row) for row in rows]

    def naming(self, names: Container[bytes], after: int) -> Iterator[Entry]:
        """Yield the entries accepted after an arrival number that name one of these."""
        rows = self.connection.execute(
            "select header, signature, body from entries where arrival>? order by arrival", (after,)
        )
        for raw, signature, body in rows:
            deps = deps_of(raw)
            if any(deps[at : at + DIGEST_BYTES] in names for at in range(0, len(deps), DIGEST_BYTES)):
                yield read_entry(raw, signature, body)

    def keep_body(self, arrival: int, header: Header, body: bytes) -> None:
        """Keep the body of an entry that was held without one."""
        self.connection.execute("update entries set body=? where arrival=?", (body, arrival))
        self.bodies.note([(arrival, header)])


def entry_of(row: Row) -> Entry:
    """Return the entry of a row."""
    return read_entry(row.raw, row.signature, row.body)


def short(name: bytes) -> int:
    """Return the first 8 bytes of an id as the signed integer that is indexed."""
    return int.from_bytes(name[:8], "big", signed=True)


def _lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreFault(
            f"{path.parent} cannot be used: {error.strerror}", "mend that, or choose another home"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreFault(
            f"another process uses the ledger at {path.parent}", "stop it, or talk to it through its API", locked=True
        ) from error
    return handle


def _ends_inside_a_page(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether the file was cut short where SQLite does not look; a log beside it may still hold the page."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return False
    (page_bytes,) = connection.execute("pragma page_size").fetchone()
    return bool(path.stat().st_size % page_bytes)
