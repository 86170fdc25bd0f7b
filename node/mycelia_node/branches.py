"""Chains and their branches in memory: where each one ends, and what its prefix adds up to.

A chain has one branch until somebody signs two entries for one place; then it
has two or more, each with a prefix, accumulators and a past of its own. Branches
are read from the store when they are asked for, and forgotten when a change fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mycelia_protocol.accumulators import Grant, Prefix, Version
from mycelia_protocol.chain import key_of_open
from mycelia_protocol.charter import Charter
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry
from mycelia_protocol.frontier import Fork
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.validation import Verdict, extend, judge

from .facts import StoredFacts
from .store import Branch as BranchRow
from .store import ChainRow, Store
from .stored import Stored, stored_of

MAX_BRANCHES = 256  # of one chain, beyond which one must be relied on: that costs somebody an entry


@dataclass(slots=True)
class Branch:
    """A branch: its prefix, and where it stands in the store."""

    chain: ChainRow
    number: int
    prefix: Prefix
    facts: StoredFacts
    parted: int = 0  # from which place on it goes another way than the first branch, if it is not that one
    apart: set[bytes] = field(default_factory=set)  # its ids from there on

    @property
    def row(self) -> BranchRow:
        """The branch as the store keeps it."""
        return BranchRow(self.chain.number, self.number, self.prefix.sequence, self.prefix.tip, self.prefix.time)

    def extend(self, entry: Entry, verdict: Verdict) -> None:
        """Move the branch on to an entry."""
        extend(self.prefix, entry, verdict)
        if self.number:
            self.apart.add(entry.id)


class Branches:
    """All chains of a store. `get` gives a held entry by id, also one of the change under way."""

    def __init__(self, store: Store, charter: Charter, lineage: Lineage, get: Callable[[bytes], Stored | None]) -> None:
        self._store, self._charter, self._lineage, self._get = store, charter, lineage, get
        self._known: dict[bytes, list[Branch]] = {}
        self._forks: dict[bytes, tuple[int, Fork]] = {}  # with the number of branches that were looked at

    def forget(self) -> None:
        """Drop what memory knows: the store is asked again."""
        self._known.clear()
        self._forks.clear()

    def chain(self, chain: bytes) -> ChainRow | None:
        """Return number and key of a chain, None if it is not held."""
        branches = self._known.get(chain)
        return branches[0].chain if branches else self._store.chain(chain)

    def of(self, chain: bytes) -> list[Branch]:
        """Return the branches of a chain, first seen first; none if it is not held."""
        branches = self._known.get(chain)
        if branches is None:
            row = self._store.chain(chain)
            if row is None:
                return []
            stored = self._store.branches(row.number)
            branches = [self._load(row, one) for one in stored]
            self._part(branches)
            self._known[chain] = branches
        return branches

    def fork_of(self, chain: bytes) -> Fork | None:
        """Return the lowest place of a chain that two entries claim, and the two least of these, if there is one."""
        branches = self.of(chain)
        if len(branches) < 2:
            return None
        known = self._forks.get(chain)
        if known is None or known[0] != len(branches):
            fork = self._find_fork(branches)
            if fork is None:
                return None  # the second branch has no entry of its own yet
            known = self._forks[chain] = len(branches), fork
        return known[1]

    def above(self, chain: bytes, fork: Fork) -> set[bytes]:
        """Return the ids of a forked chain from the fork on."""
        rows = self._store.whole(self.of(chain)[0].chain.number, fork.sequence)
        return {digest(row.raw) for row in rows}

    def stored(self, chain: bytes) -> Iterator[Stored]:
        """Yield all that is held of a chain."""
        row = self.chain(chain)
        return iter(()) if row is None else map(stored_of, self._store.whole(row.number))

    def arrival(self, chain: bytes, sequence: int) -> int:
        """Return the arrival of the first entry of a chain from a place on, 0 if nothing of it is held."""
        row = self.chain(chain)
        return (row and self._store.first_arrival(row.number, sequence)) or 0

    def _find_fork(self, branches: list[Branch]) -> Fork | None:
        first, *others = branches
        sequence = min(branch.parted for branch in others)
        apart = {name for branch in others if branch.parted == sequence for name in branch.apart}
        names = {name for name in apart if (entry := self._entry(name)) and entry.header.sequence == sequence}
        names |= {past.id for past in self._down(first.prefix.tip, sequence) if past.header.sequence == sequence}
        if len(names) < 2:
            return None
        one, other, *_ = sorted(names)
        return Fork(sequence, one, other)

    def _part(self, branches: list[Branch]) -> None:
        """Find out where the other branches of a chain parted from the first, as they come from the store."""
        if len(branches) > 1:
            first = {past.id for past in self._down(branches[0].prefix.tip, 0)}
            for branch in branches[1:]:
                for past in self._down(branch.prefix.tip, 0):
                    if past.id in first:
                        break
                    branch.apart.add(past.id)
                    branch.parted = past.header.sequence

    def ending_before(self, entry: Entry) -> Branch | None:
        """Return the branch at whose tip an entry links on, if memory knows one: then the entry is not held."""
        backlink = entry.header.backlink
        for branch in self._known.get(entry.chain, ()):
            if branch.prefix.tip == backlink:
                return branch
        return None

    def begin(self, entry: Entry) -> Branch:
        """Return the branch of a new chain, standing just before its `open`."""
        branch = self._new(self._store.add_chain(entry.id, key_of_open(entry)), 0)
        self._known[entry.id] = [branch]
        return branch

    def after(self, entry: Entry, *, is_relied_on: bool) -> Branch | None:
        """Return the branch that ends before `entry`, forking one off if need be.

        None if there are too many: what nobody relies on is then as good as the proof that is held.
        """
        branches = self.of(entry.chain)
        backlink = entry.header.backlink or b""
        for branch in branches:
            if branch.prefix.tip == backlink:
                return branch
        if len(branches) >= MAX_BRANCHES and not is_relied_on:
            return None
        fork = self._new(branches[0].chain, len(branches))
        fork.parted = entry.header.sequence
        for past in self._down(backlink, 0):
            if not any(past.id in branch.apart for branch in branches):
                break
            fork.apart.add(past.id)
            fork.parted = past.header.sequence
        branches.append(fork)
        self._resume(fork)
        for past in reversed(list(self._down(backlink, fork.prefix.sequence + 1))):
            extend(fork.prefix, past, judge(past, fork.prefix, self._entry, self._charter, self._lineage))
        return fork

    def _load(self, row: ChainRow, stored: BranchRow) -> Branch:
        branch = self._new(row, stored.branch)
        prefix = branch.prefix
        prefix.tip, prefix.sequence, prefix.time = stored.id, stored.sequence, stored.time
        grant = branch.facts.get(("grant", row.id, -1))
        prefix.grant = grant if isinstance(grant, Grant) else None
        version = branch.facts.get(("version", row.id, -1))
        prefix.version = version if isinstance(version, Version) else None
        return branch

    def _resume(self, branch: Branch) -> None:
        """Set a branch on the checkpoint below which headers went, if there is one."""
        base = self._store.gone.base(branch.chain.number)
        if base is None:
            return
        at, prefix = base.prefix(self._entry, branch.prefix.own, self._charter, self._lineage), branch.prefix
        branch.facts.update(at.facts)
        prefix.tip, prefix.sequence, prefix.time, prefix.grant, prefix.version = (
            at.tip, at.sequence, at.time, at.grant, at.version,
        )  # fmt: skip

    def _new(self, row: ChainRow, number: int) -> Branch:
        facts = StoredFacts(self._store.connection, row.number, number)
        prefix = Prefix(row.id, row.key, b"", -1, 0, facts, lambda _: None)
        branch = Branch(row, number, prefix, facts)
        prefix.own = self._own_of(branch)
        return branch

    def _own_of(self, branch: Branch) -> Callable[[bytes], Entry | None]:
        def own(name: bytes) -> Entry | None:
            stored = self._get(name)
            if stored is None or stored.refused is not None or stored.entry.chain != branch.chain.id:
                return None
            if branch.number and (name in branch.apart or stored.entry.header.sequence >= branch.parted):
                return stored.entry if name in branch.apart else None
            branches = self._known.get(branch.chain.id, ())
            if len(branches) > 1 and any(name in other.apart for other in branches):
                return None
            return stored.entry

        return own

    def _down(self, name: bytes, lowest: int) -> Iterator[Entry]:
        """Yield an entry and all before it that are held, down to a place."""
        link: bytes | None = name
        while link is not None and (entry := self._entry(link)) is not None and entry.header.sequence >= lowest:
            yield entry
            link = entry.header.backlink

    def _entry(self, name: bytes) -> Entry | None:
        stored = self._get(name)
        return None if stored is None else stored.entry
