"""The gate: which own entries may leave this node, and why the others wait.

Drives one release machine an own chain (spec: 16-release). What was published
here is withheld until it is released; what peers name is out already. All
calls are made in the ledger's thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mycelia_protocol import release
from mycelia_protocol.chain import key_of_open
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.frontier import Tip
from mycelia_protocol.release import Guard, Holds, Place, Record

from .config import Home
from .faults import StoreFault
from .install import Install
from .keystore import Keystore
from .stored import Stored

if TYPE_CHECKING:
    from .ledger import Ledger

SUSPENDED_MS = 60_000  # by so much the clocks part when the process was stopped, or set back with its machine


class Waiting(NamedTuple):
    """Own entries that have not left this node."""

    chain: bytes
    entries: int
    why: str | None  # None: they leave with the next news
    is_retired: bool


class Gate:
    """The own chains of one node."""

    def __init__(
        self, ledger: Ledger, install: Install, *, clock: Callable[[], int], monotonic_ms: Callable[[], int]
    ) -> None:
        self._ledger, self._install, self._clock, self._monotonic_ms = ledger, install, clock, monotonic_ms
        self._gap_ms = clock() - monotonic_ms()
        self._is_suspended = False
        self._keys: dict[bytes, bytes] = {}
        self._guards: dict[bytes, Guard] = {}
        self._withheld: dict[bytes, dict[bytes, int]] = {}  # chain -> ids with their sequences, in order
        self._missed: dict[bytes, Place] = {}  # the highest own entry that a peer named and that was not held then
        ledger.gate = self
        ledger.subscribe(self._accepted)

    @property
    def chains(self) -> Collection[bytes]:
        """The own chains."""
        return self._guards.keys()

    def watch(self, chain: bytes, key: bytes) -> None:
        """Begin to guard an own chain."""
        stored = self._ledger.stored(0, -1, chain=chain)
        line = [Place(one.entry.header.sequence, one.entry.id) for one in stored]
        known = self._install.records.get(key)
        guard = release.begin(known, max(line, default=None), holds=self._holds(chain), now_ms=self._clock())
        if len(self._ledger.tips_of(chain)) > 1:
            guard = release.retired(guard)
        self._keys[chain], self._guards[chain] = key, guard
        out = guard.record.released
        self._withheld[chain] = {
            place.id: place.sequence
            for place in line
            if guard.record.is_retired or out is None or place.sequence > out.sequence
        }
        if guard.record != known:
            self._install.save({key: guard.record})

    def is_retired(self, chain: bytes) -> bool:
        """Return whether an own chain is no longer written on."""
        return chain in self._guards and self._guards[chain].record.is_retired

    def missing(self, chain: bytes) -> Place | None:
        """Return the highest entry of an own chain that was released, or that a peer named, and is not held here."""
        guard, holds = self._guards.get(chain), self._holds(chain)
        known = () if guard is None else (guard.record.released, self._missed.get(chain))
        return max((place for place in known if place is not None and not holds(place)), default=None)

    def last_out(self, chain: bytes) -> Tip | None:
        """Return the highest entry of a chain that is held here and left this node, as far as is known."""
        return max(self.tips(self._ledger.ends_of(chain)), key=lambda tip: tip.sequence, default=None)

    def check_write(self, chain: bytes) -> None:
        """Refuse to write on a chain that was restored.

        Raises:
            Refused: rule `release.restored`.
        """
        if chain in self._guards:
            release.check_write(self._guards[chain])

    # What happens

    def _accepted(self, batch: Sequence[Stored]) -> None:
        for stored in batch:
            entry = stored.entry
            is_here = entry.header.incarnation == self._ledger.incarnation
            if entry.header.kind == "open" and (key := key_of_open(entry)) in self._install.records:
                if is_here:
                    self._keys[entry.chain] = key
                    self._guards[entry.chain] = release.opened(self._install.records[key], now_ms=self._clock())
                    self._withheld[entry.chain] = {}
                elif entry.chain not in self._guards:  # its moment is not of this run: others may hold more of it
                    self.watch(entry.chain, key)
            if entry.chain not in self._guards:
                continue
            if is_here:
                self._withheld[entry.chain][entry.id] = entry.header.sequence
            elif not self.is_retired(entry.chain) and len(self._ledger.tips_of(entry.chain)) > 1:
                self._set({entry.chain: release.retired(self._guards[entry.chain])})

    def heard(self, peer: bytes, tips: Iterable[Tip]) -> bool:
        """Note the own tips of a frontier that a peer has said; return whether the exchange is finished."""
        self._notice_suspend()
        heads: dict[bytes, list[Place]] = {chain: [] for chain in self._guards}
        for tip in tips:
            if tip.chain in heads:
                heads[tip.chain].append(Place(tip.sequence, tip.id))
        changed = {}
        for chain, named in heads.items():
            holds = self._holds(chain)
            for head in filter(holds, named):
                self._is_out(chain, head.id)
            missed = [head for head in named if not holds(head)]
            if missed:
                self._missed[chain] = max(*missed, self._missed.get(chain, missed[0]))
            changed[chain] = release.heard(self._guards[chain], peer, named, holds=holds, now_ms=self._clock())
        self._set(changed)
        return all(peer in one.met or one.record.is_retired for one in self._guards.values())

    def equal(self, peer: bytes) -> None:
        """Note that a peer holds the same set: it acknowledges all that was released, and so it reports.

        Of a chain of which nothing was released it holds nothing, then.
        """
        changed = {}
        for chain, guard in self._guards.items():
            out = guard.record.released
            if out is None or peer in guard.met:
                heads = [] if out is None else [out]
                guard = release.heard(guard, peer, heads, holds=self._holds(chain), now_ms=self._clock())
            changed[chain] = guard if out is None else release.acknowledged(guard, peer, out)
        self._set(changed)

    def left(self, peer: bytes) -> None:
        """Note that a peer is gone."""
        for chain, guard in self._guards.items():
            self._guards[chain] = release.left(guard, peer)

    def overrule(self) -> None:
        """Note that the user takes the release on themselves."""
        for chain, guard in self._guards.items():
            self._guards[chain] = release.overruled(guard)

    def was_suspended(self) -> bool:
        """Return whether a suspend was noticed since this was asked last."""
        self._notice_suspend()
        was, self._is_suspended = self._is_suspended, False
        return was

    def _notice_suspend(self) -> None:
        gap_ms = self._clock() - self._monotonic_ms()
        if abs(gap_ms - self._gap_ms) > SUSPENDED_MS:
            for chain, guard in self._guards.items():
                self._guards[chain] = release.resumed(guard, now_ms=self._clock())
            self._is_suspended = True
        self._gap_ms = gap_ms

    # What leaves

    def release(self, *, by_hand: bool = False) -> None:
        """Release what may be released: its records are on the disk first.

        Raises:
            StoreFault: the disk refuses; nothing is released.
        """
        self._notice_suspend()
        ready: dict[bytes, Guard] = {}
        for chain, ids in self._withheld.items():
            if ids:
                name, sequence = next(reversed(ids.items()))
                try:
                    ready[chain] = release.releasing(
                        self._guards[chain], Place(sequence, name), now_ms=self._clock(), by_hand=by_hand
                    )
                except (Refused, Premature):
                    continue
        self._set(ready)
        for chain in ready:
            self._withheld[chain] = {}

    @property
    def withheld(self) -> frozenset[bytes]:
        """The ids of all entries that have not left this node."""
        return frozenset(name for ids in self._withheld.values() for name in ids)

    def tips(self, tips: Iterable[Tip]) -> list[Tip]:
        """Return tips as peers are told them: below what is withheld."""
        shown: dict[Tip, None] = {}
        for tip in tips:
            ids = self._withheld.get(tip.chain, {})
            entry = self._ledger.entry_of(tip.id) if tip.id in ids else None
            while entry is not None and entry.id in ids:
                back = entry.header.backlink
                entry = None if back is None else self._ledger.entry_of(back)
            if entry is not None:
                shown[Tip(tip.chain, entry.header.sequence, entry.id)] = None
            elif tip.id not in ids:
                shown[tip] = None
        return sorted(shown)

    def open(self, runs: Iterable[list[Entry]]) -> list[list[Entry]]:
        """Return runs without what is withheld; own entries are sealed one by one, so a run may be cut anywhere."""
        withheld = self.withheld
        cut = ([entry for entry in run if entry.id not in withheld] for run in runs)
        return [run for run in cut if run]

    def waiting(self) -> list[Waiting]:
        """Return the own chains of which something has not left, or which are retired."""
        found = []
        for chain, guard in self._guards.items():
            why = None
            try:
                release.check_release(guard, now_ms=self._clock())
            except (Refused, Premature) as error:
                why = error.message
            if self._withheld[chain] or guard.record.is_retired:
                found.append(Waiting(chain, len(self._withheld[chain]), why, guard.record.is_retired))
        return found

    def _set(self, changed: dict[bytes, Guard]) -> None:
        """Take guards over, with their records on the disk."""
        records: dict[bytes, Record] = {
            self._keys[chain]: guard.record
            for chain, guard in changed.items()
            if guard.record != self._guards[chain].record
        }
        if records:
            self._install.save(records)
        self._guards |= changed

    def _holds(self, chain: bytes) -> Holds:
        def holds(place: Place) -> bool:
            entry = self._ledger.entry_of(place.id)
            return entry is not None and (entry.chain, entry.header.sequence) == (chain, place.sequence)

        return holds

    def _is_out(self, chain: bytes, name: bytes | None) -> None:
        """Withhold no longer what a peer holds already."""
        ids = self._withheld[chain]
        while ids and name is not None and (entry := self._ledger.entry_of(name)) is not None:
            ids.pop(name, None)
            name = entry.header.backlink


@contextlib.contextmanager
def guarded(home: Home, ledger: Ledger, keystore: Keystore, *, clock: Callable[[], int]) -> Iterator[Keystore]:
    """Guard the chains of a home until the block ends; members whose chain was restored get a new one.

    Raises:
        StoreFault: the records are damaged, or in use by a copy of the home.
    """
    public = [member.public for member in keystore.members()]
    install = Install.open(home, os.environ, keys=public, entropy=secrets.token_bytes)
    try:
        gate = Gate(ledger, install, clock=clock, monotonic_ms=lambda: time.monotonic_ns() // 1_000_000)
        keystore.register = install.register
        keystore.finish(ledger)
        for member in keystore.members():
            for chain in (*keystore.former(member.name), member.chain):
                opening = ledger.entry_of(chain)
                if chain not in gate.chains and opening is not None:
                    gate.watch(chain, key_of_open(opening))
            if gate.is_retired(member.chain) or ledger.entry_of(member.chain) is None:
                with contextlib.suppress(StoreFault):  # without its root keys it stays as it is, and `doctor` says so
                    keystore.renew(member.name, ledger)
        yield keystore
    finally:
        ledger.gate = None
        install.close()
