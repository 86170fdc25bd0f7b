"""The quarantine: authentic runs that cannot be judged yet, bounded, kept on disk, woken by what they wait for.

A run waits because an entry that it names is not held, or because it lies
further in the future than the charter's drift. Nothing in here is in the set:
it has no verdict, no place in the frontier, and may be dropped and pulled again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cbor2

from mycelia_protocol.envelope import Entry, read_entry

from .store import Store

MAX_RUNS = 4096
MAX_BYTES = 16 * 1024 * 1024
MAX_RUNS_OF_CHAIN = 64


class Awaiting(NamedTuple):
    """A run that waits: by its last entry, and for what."""

    chain: bytes
    sequence: int
    id: bytes
    missing: frozenset[bytes]
    until_ms: int  # 0, or the time from which the run is no longer in the future


class _Waiting(NamedTuple):
    awaiting: Awaiting
    size: int


class Quarantine:
    """The waiting runs of a store. All writes happen inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, _Waiting] = {}
        self._wakes: dict[bytes, set[int]] = {}
        self._names: set[bytes] = set()
        self._bytes = 0
        self._load()

    def _load(self) -> None:
        missing: dict[int, set[bytes]] = {}
        for name, number in self._store.connection.execute("select id, number from missing"):
            missing.setdefault(number, set()).add(name)
        rows = self._store.connection.execute(
            "select number, chain, sequence, tip, size, until_ms from waiting order by number"
        )
        for number, chain, sequence, tip, size, until_ms in rows:
            wanted = frozenset(missing.get(number, ()))
            self._index(number, _Waiting(Awaiting(chain, sequence, tip, wanted, until_ms), size))

    def reload(self) -> None:
        """Forget what memory holds and read the store again, after a transaction that failed."""
        self._runs, self._wakes, self._names, self._bytes = {}, {}, set(), 0
        self._load()

    def __contains__(self, name: bytes) -> bool:
        return name in self._names

    @property
    def awaiting_count(self) -> int:
        """How many runs wait."""
        return len(self._runs)

    def awaiting(self) -> list[Awaiting]:
        """Return what waits, oldest first."""
        return [waiting.awaiting for waiting in self._runs.values()]

    def missing(self) -> frozenset[bytes]:
        """Return the ids that would wake something and do not wait here themselves."""
        return frozenset(self._wakes.keys() - self._names)

    def put(self, run: Sequence[Entry], missing: frozenset[bytes], until_ms: int) -> None:
        """Keep a run until `missing` are held and the clock has reached `until_ms`; the oldest make room."""
        tip = run[-1]
        if tip.id in self._names:
            return
        data = cbor2.dumps([[entry.raw, entry.signature, entry.body] for entry in run])
        of_chain = [number for number, waiting in self._runs.items() if waiting.awaiting.chain == tip.chain]
        for number in of_chain[: max(0, len(of_chain) - MAX_RUNS_OF_CHAIN + 1)]:
            self._drop(number)
        while self._runs and (len(self._runs) >= MAX_RUNS or self._bytes + len(data) > MAX_BYTES):
            self._drop(next(iter(self._runs)))
        cursor = self._store.connection.execute(
            "insert into waiting(chain, sequence, tip, size, until_ms, run) values (?, ?, ?, ?, ?, ?)",
            (tip.chain, tip.header.sequence, tip.id, len(data), until_ms, data),
        )
        number = int(cursor.lastrowid or 0)
        self._store.connection.executemany(
            "insert into missing(id, number) values (?, ?)", [(name, number) for name in missing]
        )
        awaiting = Awaiting(tip.chain, tip.header.sequence, tip.id, missing, until_ms)
        self._index(number, _Waiting(awaiting, len(data)))

    def woken_by(self, names: Iterable[bytes], now_ms: int) -> Iterator[list[Entry]]:
        """Take out and yield the runs that waited for `names` and now wait for nothing more."""
        for name in names:
            for number in sorted(self._wakes.get(name, ())):
                waiting = self._runs[number]
                left = waiting.awaiting.missing - {name}
                self._wakes[name].discard(number)
                self._store.connection.execute("delete from missing where id=? and number=?", (name, number))
                self._runs[number] = waiting._replace(awaiting=waiting.awaiting._replace(missing=left))
                if not left and waiting.awaiting.until_ms <= now_ms:
                    yield self._take(number)
            if not self._wakes.get(name, True):
                del self._wakes[name]

    def due(self, now_ms: int) -> Iterator[list[Entry]]:
        """Take out and yield the runs that waited for the clock alone."""
        for number, waiting in list(self._runs.items()):
            if not waiting.awaiting.missing and waiting.awaiting.until_ms <= now_ms:
                yield self._take(number)

    def _index(self, number: int, waiting: _Waiting) -> None:
        self._runs[number] = waiting
        self._names.add(waiting.awaiting.id)
        self._bytes += waiting.size
        for name in waiting.awaiting.missing:
            self._wakes.setdefault(name, set()).add(number)

    def _take(self, number: int) -> list[Entry]:
        (data,) = self._store.connection.execute("select run from waiting where number=?", (number,)).fetchone()
        self._drop(number)
        return [read_entry(*parts) for parts in cbor2.loads(data)]

    def _drop(self, number: int) -> None:
        waiting = self._runs.pop(number)
        self._names.discard(waiting.awaiting.id)
        self._bytes -= waiting.size
        for name in waiting.awaiting.missing:
            numbers = self._wakes.get(name)
            if numbers is not None:
                numbers.discard(number)
                if not numbers:
                    del self._wakes[name]
        self._store.connection.execute("delete from waiting where number=?", (number,))
        self._store.connection.execute("delete from missing where number=?", (number,))
