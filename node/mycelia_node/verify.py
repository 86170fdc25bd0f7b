"""Verification: every stored entry judged again, from its bytes, as if it had just arrived.

Nothing that the store says of an entry is believed: form, digest, link, seal,
verdict and facts are all recomputed. Entries that wait are listed, not failed.
Where headers went, what stands below is compared with the checkpoint instead.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from mycelia_protocol import chain as chains
from mycelia_protocol.accumulators import Fact, FactKey, Prefix
from mycelia_protocol.charter import Charter
from mycelia_protocol.cid import text
from mycelia_protocol.envelope import Entry, is_signed_by
from mycelia_protocol.errors import Malformed, Premature
from mycelia_protocol.frontier import Tip
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.state import State, write
from mycelia_protocol.validation import Verdict, extend, judge

from .facts import StoredFacts
from .faults import StoreFault
from .gone import Base
from .store import Row, Store, entry_of, short
from .stored import refusal

_PAGE = 500  # entries that are verified at a time; others are served in between


@dataclass(slots=True)
class VerifyReport:
    """What was looked at, and what is wrong, in sentences."""

    entries: int = 0
    invalid: int = 0  # kept by their place, refused by a rule: that is not a fault
    faults: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether everything is as it should be."""
        return not self.faults


@dataclass(slots=True)
class _Branch:
    prefix: Prefix
    facts: dict[FactKey, Fact]
    path: set[bytes]
    unsealed: list[Entry]
    base: Base | None = None  # what stands below its checkpoint is vouched for by it


class Verification:
    """One pass over a store."""

    def __init__(self, store: Store, charter: Charter) -> None:
        self._store, self._charter = store, charter
        self._held: dict[bytes, Entry] = {}
        self._valid: set[bytes] = set()
        self._branches: dict[bytes, list[_Branch]] = {}
        self._lineage = Lineage(self._held_entry, charter)
        self._after = 0  # the arrival number of the entry verified last
        self.report = VerifyReport()

    def steps(self, lock: AbstractContextManager[object]) -> Iterator[VerifyReport]:
        """Yield the report so far after each page of entries; `lock` is held for a page at a time.

        Entries that come in meanwhile are verified too. What all of them add up to is compared last.
        """
        is_done = False
        while not is_done:
            with lock:
                is_done = self._check_page()
            yield self.report

    def _check_page(self) -> bool:
        """Verify a page of entries; whether it was the last one."""
        try:
            page = self._store.rows(self._after, _PAGE)
            for _, row in page:
                self._check(row)
                self._after = row.arrival
                self.report.entries += 1
            if len(page) == _PAGE:
                return False
            self._check_seals()
            self._check_tips_and_facts()
        except sqlite3.DatabaseError as error:
            self._fault(f"the file is torn after entry {self.report.entries} ({error})")
        return True

    def _check(self, row: Row) -> None:
        try:
            entry = entry_of(row)
            branch = self._branch_before(entry)
            if branch.base is not None and entry.header.sequence <= branch.base.sequence:
                self._check_below(row, entry, branch, branch.base)
                return
            verdict = judge(entry, branch.prefix, self._held.get, self._charter, self._lineage)
        except (Malformed, Premature) as error:
            self._fault(f"entry {row.arrival} is not what it was accepted as: {error}")
            return
        extend(branch.prefix, entry, verdict)
        branch.path.add(entry.id)
        self._held[entry.id] = entry._replace(body=None)
        self._compare_verdict(row, entry, verdict)
        self._check_place(row, entry)
        if entry.signature is None:
            branch.unsealed.append(entry)
        elif is_signed_by(entry, branch.prefix.key, network=self._charter.network):
            branch.unsealed.clear()
        else:
            self._fault(f"the signature of {text(entry.id)} is not good")

    def _check_below(self, row: Row, entry: Entry, branch: _Branch, base: Base) -> None:
        """Count what a checkpoint vouches for: its verdict is in the root, its place and id are, too."""
        self._held[entry.id] = entry._replace(body=None)
        self._check_place(row, entry)
        if row.refused is None:
            self._valid.add(entry.id)
        else:
            self.report.invalid += 1
        if entry.signature and not is_signed_by(entry, branch.prefix.key, network=self._charter.network):
            self._fault(f"the signature of {text(entry.id)} is not good")
        if entry.id == base.checkpoint:
            branch.unsealed = [] if entry.signature else [entry]
            self._resume(branch, base)

    def _check_place(self, row: Row, entry: Entry) -> None:
        if self._store.place(row.arrival) != (entry.chain, entry.header.sequence, entry.header.kind, short(entry.id)):
            self._fault(f"{text(entry.id)} is not where the index says")

    def _compare_verdict(self, row: Row, entry: Entry, verdict: Verdict) -> None:
        found = None if verdict.refused is None else verdict.refused.rule
        stored = refusal(row.refused)
        if found is None:
            self._valid.add(entry.id)
        else:
            self.report.invalid += 1
        if found != (stored[0] if stored else None):
            self._fault(f"{text(entry.id)} is {found or 'valid'}, but stored as {row.refused or 'valid'}")

    def _branch_before(self, entry: Entry) -> _Branch:
        if entry.header.sequence == 0:
            branch = self._new_branch(entry.chain, chains.key_of_open(entry))
            row = self._store.chain(entry.chain)
            branch.base = None if row is None else self._store.gone.base(row.number)
            self._branches[entry.chain] = [branch]
            return branch
        first = self._branches.get(entry.chain, [None])[0]
        if first is not None and first.base is not None and entry.header.sequence <= first.base.sequence:
            return first
        before = self._held.get(entry.header.backlink or b"")
        if before is None:
            raise Malformed("chain.backlink", "the entry before it is not held")
        chains.check_link(entry, before)
        branches = self._branches[entry.chain]
        return next((one for one in branches if one.prefix.tip == before.id), None) or self._fork(branches, before)

    def _resume(self, branch: _Branch, base: Base) -> None:
        """Set a branch on the checkpoint below which headers went."""
        row = self._store.chain(branch.prefix.chain)
        if row is None or not self._store.gone.is_sound(row.number, base, self._held[base.checkpoint]):
            raise Malformed("state.peaks", "what stands below the checkpoint is not what it sums up")
        at = base.prefix(self._held.get, branch.prefix.own, self._charter, self._lineage)
        branch.facts.update(at.facts)
        at.facts, branch.prefix, branch.base = branch.facts, at, base
        branch.path.update(name for _, name, _ in self._store.gone.below(row.number, base.sequence))
        branch.path.add(base.checkpoint)

    def _fork(self, branches: list[_Branch], before: Entry) -> _Branch:
        base, path, link = branches[0].base, list[Entry](), before.id
        while link and (base is None or link != base.checkpoint):
            path.append(self._held[link])
            link = self._held[link].header.backlink or b""
        fork = self._new_branch(before.chain, branches[0].prefix.key)
        if base is not None:
            self._resume(fork, base)
        for past in reversed(path):
            fork.path.add(past.id)
            extend(fork.prefix, past, judge(past, fork.prefix, self._held.get, self._charter, self._lineage))
        branches.append(fork)
        return fork

    def _new_branch(self, chain: bytes, key: bytes) -> _Branch:
        facts: dict[FactKey, Fact] = {}
        path: set[bytes] = set()

        def own(name: bytes) -> Entry | None:
            return self._held[name] if name in path and name in self._valid else None

        return _Branch(Prefix(chain, key, b"", -1, 0, facts, own), facts, path, [])

    def _check_seals(self) -> None:
        for chain, branches in self._branches.items():
            for branch in branches:
                if branch.unsealed:
                    self._fault(f"{len(branch.unsealed)} entries at the end of chain {text(chain)} have no seal")

    def _check_tips_and_facts(self) -> None:
        stored_tips = {Tip(*row) for row in self._store.tips()}
        tips = {
            Tip(chain, branch.prefix.sequence, branch.prefix.tip)
            for chain, branches in self._branches.items()
            for branch in branches
        }
        if stored_tips != tips:
            self._fault(f"{len(stored_tips ^ tips)} tips differ from those that the entries lead to")
        for chain, branches in self._branches.items():
            row = self._store.chain(chain)
            for number, branch in enumerate(branches):
                if row is not None and not self._is_summed_up(row.number, number, branch):
                    self._fault(f"the accumulators of chain {text(chain)} differ from those that its entries add up to")

    def _is_summed_up(self, chain: int, number: int, branch: _Branch) -> bool:
        """Whether the stored accumulators of a branch are what its entries add up to, but for what says nothing."""
        state, stored = State.of(branch.prefix), StoredFacts(self._store.connection, chain, number)
        try:
            return write(state._replace(facts=stored)) == write(state)
        except StoreFault:  # what is stored are no facts at all
            return False

    def _held_entry(self, name: bytes) -> Entry | None:
        return self._held.get(name)

    def _fault(self, sentence: str) -> None:
        self.report.faults.append(sentence)
