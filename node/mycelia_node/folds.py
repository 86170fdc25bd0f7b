"""Folds: what the accepted entries add up to, kept in memory and brought up to date as they come in.

Four are kept: who counts (members), by which law each chain is judged now, and the
standing of lines and intents and the books (chapter 25), which read only what counts. All are
built on first use; of a chain of which something else counts than before, all is counted again.
What the books add up to is kept until something comes in, and then counted of the chains that spoke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from mycelia_protocol.accounts import Sheet, sheet
from mycelia_protocol.accumulators import AcceptedLine, LineId
from mycelia_protocol.books import BOOKED, Books
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import KINDS as MEMBERSHIP
from mycelia_protocol.membership import Members
from mycelia_protocol.standing import Standing
from mycelia_protocol.traces import Traces

from . import reading
from .branches import Branches
from .reduction import Reduction
from .store import Store
from .stored import Stored

_PAGE = 1000


class Folds:
    """The folds of one ledger. Every call is made under the ledger's lock."""

    def __init__(
        self,
        store: Store,
        branches: Branches,
        lineage: Lineage,
        charter: Charter,
        entry_of: Callable[[bytes], Entry | None],
        reduction: Reduction,
    ) -> None:
        self._store, self._branches, self._lineage, self._reduction = store, branches, lineage, reduction
        self._charter, self._entry_of = charter, entry_of
        self._standing: Standing | None = None
        self._members: Members | None = None
        self._books: Books | None = None
        self._sheet: Sheet | None = None  # the latest one that was asked for
        self._traces: Traces | None = None
        self._is_current = False  # whether nothing came in since that sheet
        self._laws: dict[bytes, Charter] | None = None  # of the chains that adopted one

    @property
    def standing(self) -> Standing:
        """The fold over all valid entries that count."""
        if self._standing is None:
            standing, after = self._empty(), 0
            while batch := reading.stored(self._store, after, _PAGE, None, None):
                self._count([standing], batch)
                after = batch[-1].arrival
            self._note_forks(standing, self._store.forked_chains())
            self._standing = standing
        return self._standing

    @property
    def books(self) -> Books:
        """The books of all valid entries that count, as they are now."""
        if self._books is None:
            books = Books(self.standing, self._entry_of, self._accepted)
            for kind in sorted(BOOKED):
                self._count([books], self._of_kind(kind))
            self._books = books
        return self._books

    @property
    def sheet(self) -> Sheet:
        """What the books say now; nobody changes it."""
        if self._sheet is None or not self._is_current:
            self._sheet = sheet(self.books, self._party, self._charter.measures, self._sheet)
            self._is_current = True
        return self._sheet

    @property
    def traces(self) -> Traces:
        """The steps of the books as they are now, ready to be followed."""
        inventory = self.sheet.inventory
        if self._traces is None or self._traces.inventory is not inventory:
            self._traces = Traces(self.books, inventory)
        return self._traces

    @property
    def members(self) -> Members:
        """The fold of who counts."""
        if self._members is None:
            members = Members(self._charter, self._entry_of)
            for kind in sorted(MEMBERSHIP):
                for stored in self._of_kind(kind):
                    members.add(stored.entry)
            for chain in self._store.forked_chains():
                self._note_fork(members, chain)
            self._members = members
        return self._members

    @property
    def has_laws(self) -> bool:
        """Whether the laws were built."""
        return self._laws is not None

    @property
    def laws(self) -> dict[bytes, Charter]:
        """The charters of the chains that adopted one; all others are judged by the root charter."""
        if self._laws is None:
            self._laws = dict(self._adopted(self._of_kind("adopt")))
        return self._laws

    def forget(self) -> None:
        """Build the standing and the books anew on next use."""
        self._standing = self._books = self._sheet = self._traces = None

    def take(self, accepted: list[Stored]) -> None:
        """Bring up to date what was built; of chains of which other things count than before, all is counted again."""
        self._is_current = False
        shrunk, woken = self._reduction.take(accepted)
        accepted = [*(one for one in accepted if self._reduction.keeps(one.entry)), *woken]
        changed = set(shrunk)
        if shrunk:
            self._laws = None
        elif self._laws is not None:
            self._laws.update(self._adopted(accepted))
        if self._members is not None:
            changed |= self._take_members(self._members, accepted, is_shrunk=bool(shrunk))
        changed = {name for name in changed if any(one.prefix.sequence > 0 for one in self._branches.of(name))}
        if self._standing is not None:
            folds = [fold for fold in (self._standing, self._books) if fold is not None]
            self._recount(folds, changed)
            self._count(folds, (one for one in accepted if one.entry.chain not in changed))
            self._note_forks(self._standing, changed | {stored.entry.chain for stored in accepted})

    def _take_members(self, members: Members, accepted: list[Stored], *, is_shrunk: bool) -> set[bytes]:
        """Count members; return the chains of which something else counts than before, or other heirs speak."""
        named = [one.entry for one in accepted if one.is_valid and one.entry.header.kind in MEMBERSHIP]
        forked = [chain for chain in {one.entry.chain for one in accepted} if len(self._branches.of(chain)) > 1]
        if not (named or forked or is_shrunk):
            return set()
        last, heirs = members.last(), members.all_heirs()
        if is_shrunk:
            self._members = None
            members = self.members
        else:
            for entry in named:
                members.add(entry)
            for chain in forked:
                self._note_fork(members, chain)
        return _differing(last, members.last()) | _differing(heirs, members.all_heirs())

    def _accepted(self, chain: bytes, line: LineId) -> AcceptedLine | None:
        """Return what a chain knows of a line that it accepted, also where the commit's header has gone."""
        found = (branch.facts.get(("accepted", *line)) for branch in self._branches.of(chain))
        return next((fact for fact in found if isinstance(fact, AcceptedLine)), None)

    def _party(self, chain: bytes) -> bytes:
        return self.members.identity_of(chain) or chain

    def _empty(self) -> Standing:
        return Standing(
            self._entry_of, self._heirs_of, self._lineage.inheritance, self._store.gone.is_over, self._backed
        )

    def _backed(self, threshold: bytes) -> bool:
        return self.members.is_backed(threshold)

    def _heirs_of(self, chain: bytes) -> Sequence[bytes]:
        return self.members.heirs(chain)

    def _recount(self, folds: Sequence[Standing | Books], chains: set[bytes]) -> None:
        if chains:
            for fold in folds:
                fold.forget(chains)
            for chain in chains:
                self._count(folds, self._branches.stored(chain))

    def _note_fork(self, members: Members, chain: bytes) -> None:
        fork = self._branches.fork_of(chain)
        if fork is not None:
            members.note_fork(chain, fork.sequence)

    def _count(self, folds: Sequence[Standing | Books], batch: Iterable[Stored]) -> None:
        for stored in batch:
            entry = stored.entry
            is_valid = stored.refused is None and self._reduction.keeps(entry)
            if is_valid and self.members.counts(entry.chain, entry.header.sequence):
                for fold in folds:
                    fold.add(entry)

    def _note_forks(self, standing: Standing, chains: Iterable[bytes]) -> None:
        for chain in chains:
            fork = self._branches.fork_of(chain)
            if fork is not None:
                standing.note_fork(chain, fork.sequence)

    def _adopted(self, batch: Iterable[Stored]) -> dict[bytes, Charter]:
        laws = {}
        for stored in batch:
            header = stored.entry.header
            if header.kind == "adopt" and stored.is_valid:
                self._lineage.begin()
                law = self._lineage.law(header.dep(cast(int, header.terms[0])))
                laws[stored.entry.chain] = law or self._charter
        return laws

    def _of_kind(self, kind: str) -> list[Stored]:
        found = reading.stored(self._store, 0, -1, None, kind)
        return [stored for stored in found if stored.is_valid and self._reduction.keeps(stored.entry)]


def _differing(one: Mapping[bytes, object], other: Mapping[bytes, object]) -> set[bytes]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
