"""Reduction: what is kept of forked chains, so that a forker's further pasts cost others nothing.

Of a chain with two pasts the rest of the set needs what stands below the fork,
and what somebody relied on; and two entries that prove it, which count for
nothing. Everything else of it may lie in the store, and is neither said nor sent.

Spec: 10-frontier, "What is kept of a forked chain".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mycelia_protocol.envelope import Entry
from mycelia_protocol.frontier import Fork, is_certain

from .branches import Branches
from .store import Store
from .stored import Stored


class Reduction:
    """What is kept in one ledger. Every call is made under the ledger's lock."""

    def __init__(self, store: Store, branches: Branches, get: Callable[[bytes], Stored | None]) -> None:
        self._store, self._branches, self._get = store, branches, get
        self._known: dict[bytes, Fork] | None = None
        self._relied: set[bytes] | None = None  # late entries that something kept names, or stands on

    def keeps(self, entry: Entry) -> bool:
        """Return whether an entry counts."""
        forks = self._forks
        return not forks or is_certain(entry, forks.get(entry.chain)) or entry.id in self._late()

    def says(self, entry: Entry) -> bool:
        """Return whether an entry is sent: it counts, or it proves a fork."""
        if self.keeps(entry):
            return True
        fork = self._branches.fork_of(entry.chain)
        return fork is not None and entry.id in (fork.one, fork.other)

    def take(self, accepted: Iterable[Stored]) -> tuple[set[bytes], list[Stored]]:
        """Bring up to date; return the chains of which something is kept no longer, and what is kept from now on."""
        accepted = list(accepted)
        shrunk = set[bytes]()
        before = self._late()
        for chain in {one.entry.chain for one in accepted}:
            fork = self._branches.fork_of(chain)
            known = self._forks.get(chain)
            if fork is not None and (known is None or fork.sequence < known.sequence):
                self._forks[chain] = fork
                shrunk.add(chain)
        if shrunk:
            self._relied = None
            changed = before ^ self._late()
            return shrunk | {one.entry.chain for name in changed if (one := self._get(name))}, []
        if not self._forks:
            return shrunk, []
        fresh = {one.entry.id for one in accepted}
        woken = [name for one in accepted if self.keeps(one.entry) for name in self._rely(one.entry)]
        return shrunk, [one for name in woken if name not in fresh and (one := self._get(name))]

    @property
    def _forks(self) -> dict[bytes, Fork]:
        if self._known is None:
            found = {chain: self._branches.fork_of(chain) for chain in self._store.forked_chains()}
            self._known = {chain: fork for chain, fork in found.items() if fork is not None}
        return self._known

    def _late(self) -> set[bytes]:
        if self._relied is None:
            self._relied = set()
            late = {name for chain, fork in self._forks.items() for name in self._branches.above(chain, fork)}
            if late:  # whoever names one of them came after the first
                first = min(self._branches.arrival(chain, fork.sequence) for chain, fork in self._forks.items())
                for entry in self._store.naming(late, first):
                    if is_certain(entry, self._forks.get(entry.chain)):
                        self._rely(entry)
        return self._relied

    def _rely(self, entry: Entry) -> list[bytes]:
        """Keep what an entry names, what that names and stands on; return what was not kept before."""
        relied, found = self._late(), []
        names = [*entry.header.links]
        while names:
            stored = self._get(names.pop())
            if stored is None or stored.entry.id in relied:
                continue
            below = stored.entry
            if not is_certain(below, self._forks.get(below.chain)):
                relied.add(below.id)
                found.append(below.id)
                names += [*below.header.links, *([below.header.backlink] if below.header.backlink else [])]
        return found
