"""The quarantine: authentic runs that cannot be judged yet, bounded, kept on disk, woken by what they wait for.

A run waits because an entry that it names is not held, or because it lies
further in the future than the charter's drift. Nothing in here is in the set:
it has no verdict, no place in the frontier, and may be dropped and pulled again.

Its room is shared by who brought what: when it is full, the peer that holds most
of it loses the newest run of the chain that holds most of that. So a flood pushes
out itself; what an honest peer or author brought stays, however long it lasts.
Peers that have left share one part, so that changing names gains nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import cbor2

from mycelia_protocol.envelope import Entry, read_entry

from .store import Store

MAX_BYTES = 16 * 1024 * 1024
MAX_RUNS_OF_CHAIN = 64  # later ones are dropped and pulled again: the first are the first that can be judged
MAX_ASKED = 1024  # ids that a peer is asked for at a time on behalf of who has left: a flood costs others no more
ASKED_IN_TURN = 256  # times that the same are asked for before others are
LEAST_RUN_BYTES = 4096  # what a run counts for at least, so there are at most 4,096
_MISSING_BYTES = 256  # what the index needs for an id that is waited for
_GONE = b""  # whoever brought it has left, or it was here before this process


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
    sender: bytes = _GONE


@dataclass(slots=True)
class _Share:
    """What one peer brought: of each chain the runs and their bytes."""

    runs: dict[bytes, list[int]] = field(default_factory=dict)  # in order of arrival
    bytes_of: Counter[bytes] = field(default_factory=Counter)
    size: int = 0

    def add(self, number: int, chain: bytes, size: int) -> None:
        self.runs.setdefault(chain, []).append(number)
        self.bytes_of[chain] += size
        self.size += size

    def remove(self, number: int, chain: bytes, size: int) -> None:
        self.runs[chain].remove(number)
        self.bytes_of[chain] -= size
        self.size -= size
        if not self.runs[chain]:
            del self.runs[chain], self.bytes_of[chain]

    def newest_of_largest(self) -> int:
        """Return the newest run of the chain that takes most room."""
        return self.runs[max(self.bytes_of, key=self.bytes_of.__getitem__)][-1]


class Quarantine:
    """The waiting runs of a store. All writes happen inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, _Waiting] = {}
        self._wakes: dict[bytes, set[int]] = {}
        self._names: set[bytes] = set()
        self._shares: dict[bytes, _Share] = {}
        self._of_chain: Counter[bytes] = Counter()
        self._timed: dict[int, None] = {}  # those that wait for the clock, in order of arrival
        self._bytes = 0
        self._asked = 0
        self._load({})

    def _load(self, senders: dict[int, bytes]) -> None:
        missing: dict[int, set[bytes]] = {}
        for name, number in self._store.connection.execute("select id, number from missing"):
            missing.setdefault(number, set()).add(name)
        rows = self._store.connection.execute(
            "select number, chain, sequence, tip, size, until_ms from waiting order by number"
        )
        for number, chain, sequence, tip, size, until_ms in rows:
            wanted = frozenset(missing.get(number, ()))
            awaiting = Awaiting(chain, sequence, tip, wanted, until_ms)
            self._index(number, _Waiting(awaiting, size, senders.get(number, _GONE)))

    def reload(self) -> None:
        """Forget what memory holds and read the store again, after a transaction that failed."""
        senders = {number: waiting.sender for number, waiting in self._runs.items()}
        self._runs, self._wakes, self._names, self._bytes = {}, {}, set(), 0
        self._shares, self._of_chain, self._timed = {}, Counter(), {}
        self._load(senders)

    def __contains__(self, name: bytes) -> bool:
        return name in self._names

    @property
    def awaiting_count(self) -> int:
        """How many runs wait."""
        return len(self._runs)

    def awaiting(self) -> list[Awaiting]:
        """Return what waits, oldest first."""
        return [waiting.awaiting for waiting in self._runs.values()]

    def missing(self, sender: bytes = _GONE) -> frozenset[bytes]:
        """Return the ids that would wake something and do not wait here themselves.

        Only what a peer brought is asked of it, and what nobody is here to answer for: else a
        peer could have this node ask everybody for ids that it made up.
        """
        wanted = set(self._missing_of(sender))
        if sender != _GONE and _GONE in self._shares:
            self._asked += 1
            chains = len(self._shares[_GONE].runs)
            wanted.update(islice(self._missing_of(_GONE, self._asked // ASKED_IN_TURN % chains), MAX_ASKED))
        return frozenset(wanted)

    def _missing_of(self, sender: bytes, first: int = 0) -> Iterator[bytes]:
        """Yield what the runs wait for that one peer brought, from one of their chains on."""
        share = self._shares.get(sender)
        chains = [] if share is None else list(share.runs.values())
        for number in (number for numbers in (*chains[first:], *chains[:first]) for number in numbers):
            yield from self._runs[number].awaiting.missing - self._names

    def wants(self, name: bytes) -> bool:
        """Return whether a run waits for this entry."""
        return name in self._wakes

    def left(self, sender: bytes) -> None:
        """Note that a peer has left: what it brought shares the room of all that have."""
        share = self._shares.pop(sender, None) if sender != _GONE else None
        for number in sorted(number for numbers in share.runs.values() for number in numbers) if share else ():
            waiting = self._runs[number] = self._runs[number]._replace(sender=_GONE)
            self._share(_GONE).add(number, waiting.awaiting.chain, waiting.size)

    def put(self, run: Sequence[Entry], missing: frozenset[bytes], until_ms: int, sender: bytes = _GONE) -> None:
        """Keep a run until `missing` are held and the clock has reached `until_ms`, if there is room for it."""
        tip = run[-1]
        if tip.id in self._names or self._of_chain[tip.chain] >= MAX_RUNS_OF_CHAIN:
            return
        data = cbor2.dumps([[entry.raw, entry.signature, entry.body] for entry in run])
        size = max(LEAST_RUN_BYTES, len(data) + _MISSING_BYTES * len(missing))
        cursor = self._store.connection.execute(
            "insert into waiting(chain, sequence, tip, size, until_ms, run) values (?, ?, ?, ?, ?, ?)",
            (tip.chain, tip.header.sequence, tip.id, size, until_ms, data),
        )
        number = int(cursor.lastrowid or 0)
        self._store.connection.executemany(
            "insert into missing(id, number) values (?, ?)", [(name, number) for name in missing]
        )
        awaiting = Awaiting(tip.chain, tip.header.sequence, tip.id, missing, until_ms)
        self._index(number, _Waiting(awaiting, size, sender))
        while self._bytes > MAX_BYTES:
            largest = max(self._shares.values(), key=lambda share: share.size)
            self._drop(largest.newest_of_largest())

    def woken_by(self, names: Iterable[bytes], now_ms: int) -> Iterator[tuple[bytes, list[Entry]]]:
        """Take out and yield, with who brought them, the runs that waited for `names` and for nothing more."""
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

    def due(self, now_ms: int) -> Iterator[tuple[bytes, list[Entry]]]:
        """Take out and yield, with who brought them, the runs that waited for the clock alone."""
        for number in list(self._timed):
            waiting = self._runs[number]
            if not waiting.awaiting.missing and waiting.awaiting.until_ms <= now_ms:
                yield self._take(number)

    def _index(self, number: int, waiting: _Waiting) -> None:
        self._runs[number] = waiting
        self._names.add(waiting.awaiting.id)
        self._bytes += waiting.size
        self._of_chain[waiting.awaiting.chain] += 1
        if waiting.awaiting.until_ms:
            self._timed[number] = None
        self._share(waiting.sender).add(number, waiting.awaiting.chain, waiting.size)
        for name in waiting.awaiting.missing:
            self._wakes.setdefault(name, set()).add(number)

    def _share(self, sender: bytes) -> _Share:
        return self._shares.setdefault(sender, _Share())

    def _take(self, number: int) -> tuple[bytes, list[Entry]]:
        sender = self._runs[number].sender
        (data,) = self._store.connection.execute("select run from waiting where number=?", (number,)).fetchone()
        self._drop(number)
        return sender, [read_entry(*parts) for parts in cbor2.loads(data)]

    def _drop(self, number: int) -> None:
        waiting = self._runs.pop(number)
        self._names.discard(waiting.awaiting.id)
        self._bytes -= waiting.size
        self._timed.pop(number, None)
        self._of_chain[waiting.awaiting.chain] -= 1
        if not self._of_chain[waiting.awaiting.chain]:
            del self._of_chain[waiting.awaiting.chain]
        share = self._shares[waiting.sender]
        share.remove(number, waiting.awaiting.chain, waiting.size)
        if not share.runs:
            del self._shares[waiting.sender]
        for name in waiting.awaiting.missing:
            numbers = self._wakes.get(name)
            if numbers is not None:
                numbers.discard(number)
                if not numbers:
                    del self._wakes[name]
        self._store.connection.execute("delete from waiting where number=?", (number,))
        self._store.connection.executemany(
            "delete from missing where id=? and number=?", [(name, number) for name in waiting.awaiting.missing]
        )
