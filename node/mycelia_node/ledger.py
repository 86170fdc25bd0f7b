"""The ledger: the one door through which entries come in, one's own and other people's.

`publish` and `ingest` share one acceptance function: link, authenticity,
verdict, place. What does not link or is not authentic is dropped; what a rule
refuses keeps its place and counts for nothing; what cannot be judged yet waits
in the quarantine and wakes on arrival. Each call is one durable transaction.

Synchronous and thread-safe. The clock and the entropy are arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from mycelia_protocol import charter as charters
from mycelia_protocol.accounts import Sheet
from mycelia_protocol.accumulators import Fact, FactKey, Version
from mycelia_protocol.books import Books
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter
from mycelia_protocol.compose import Content, Moment
from mycelia_protocol.duties import Due, claims_due
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed, Refused
from mycelia_protocol.frontier import Tip, set_digest
from mycelia_protocol.keys import KeyPair
from mycelia_protocol.kinds.checkpoints import checkpoint_of
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import Members
from mycelia_protocol.standing import Standing
from mycelia_protocol.traces import Traces
from mycelia_protocol.validation import judge

from . import reading
from .authoring import Authoring
from .branches import Branch, Branches
from .faults import StoreFault
from .folds import Folds
from .intake import Intake
from .pruning import Pruned, Pruning
from .quarantine import Awaiting, Quarantine
from .reduction import Reduction
from .store import Store, short
from .stored import Ingested, Stored, stored_of
from .verify import Verification, VerifyReport

if TYPE_CHECKING:
    from .gate import Gate

_CACHED_ENTRIES = 4096


class Ledger:
    """One home's entries, under one charter."""

    def __init__(self, store: Store, *, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        raw = store.setting("charter")
        if raw is None:
            raise StoreFault(f"the ledger at {store.path} has no charter", "make it again with `mycelia init`")
        self.charter: Charter = charters.read(raw)
        self.network = self.charter.network
        self._store, self._clock = store, clock
        self._authoring = Authoring(self.charter, self.entry_of, clock=clock, entropy=entropy)
        self.incarnation = self._authoring.incarnation
        self.gate: Gate | None = None  # what peers may see of the own chains; None: everything
        self._lock = threading.RLock()
        self._entries: dict[bytes, Stored] = {}
        self._arrival = store.last_arrival()
        self._fresh: list[tuple[Branch, Stored]] = []  # what the open transaction adds, each to its branch
        self._lineage = Lineage(self.entry_of, self.charter)
        self._branches = Branches(store, self.charter, self._lineage, self.get)
        self._quarantine = Quarantine(store)
        self._intake = Intake(
            self.charter,
            self._branches,
            self._quarantine,
            store.gone,
            get=self.get,
            admit=self._admit,
            keep_body=self._keep_body,
            regain=self._regain,
        )
        self._reduction = Reduction(store, self._branches, self.get)
        self._folds = Folds(store, self._branches, self._lineage, self.charter, self.entry_of, self._reduction)
        self._calls: list[Callable[[list[Stored]], None]] = []
        self._digest: tuple[int, frozenset[bytes], bytes] | None = None

    @classmethod
    def create(cls, path: Path, charter: Charter, *, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> Self:
        """Make an empty ledger under `charter` in the directory `path`.

        Raises:
            StoreFault: there is a ledger already, or the disk refuses.
        """
        store = Store(path / "ledger.sqlite", create=True)
        try:
            if store.setting("charter") is not None:  # a file without one is what a cut-short start left behind
                raise StoreFault(f"there is a ledger at {path} already", "choose another home")
            with store.transaction():
                store.set_setting("charter", charter.raw)
            return cls(store, clock=clock, entropy=entropy)
        except BaseException:
            store.close()
            raise

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> Self:
        """Open the ledger in the directory `path`.

        Raises:
            StoreFault: there is none, it is in use, torn, foreign or newer than this software.
        """
        store = Store(path / "ledger.sqlite")
        try:
            return cls(store, clock=clock, entropy=entropy)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the file and let others open it."""
        with self._lock:
            self._store.close()

    # Coming in

    def open_chain(self, pair: KeyPair, content: Content | None = None) -> Entry:
        """Publish the `open` of a new chain for this key and return it; without `content` it has no identity.

        Raises:
            Refused: a rule refuses it; nothing was stored.
            Premature: it names an entry that is not held.
        """
        with self._lock:
            entry = self._authoring.opening(pair, content)

            def begin() -> None:
                stored = self._admit(self._branches.begin(entry), entry)
                if stored.refused is not None:
                    raise Refused(*stored.refused)

            self._act(begin)
        return entry

    def moment(self, deps: bytes) -> Moment:
        """Return when an entry would be said now that names these.

        Raises:
            Premature: one of them is not held.
        """
        with self._lock:
            return self._authoring.moment(deps)

    def publish(
        self,
        pair: KeyPair,
        chain: bytes,
        contents: Sequence[Content],
        bodies: Sequence[dict[str, Value] | None] | None = None,
        expiries: Sequence[int | None] | None = None,
    ) -> list[Entry]:
        """Append entries to an own chain; durable when it returns, all of them or none.

        `expiries` are the milliseconds after which the bodies may go; None keeps them.

        Raises:
            Refused: a rule refuses one of them; nothing was stored.
            Premature: one names an entry that is not held.
            Malformed: a term or body lies outside the profile.
            StoreFault: the disk refuses, or the clock runs behind the chain by more than the drift.
        """
        with self._lock:
            if self.gate is not None:
                self.gate.check_write(chain)
            entries: list[Entry] = []
            nothing = [None] * len(contents)
            self._act(
                lambda: entries.extend(
                    self._append(pair, chain, content, body, expiry)
                    for content, body, expiry in zip(contents, bodies or nothing, expiries or nothing, strict=True)
                )
            )
            return entries

    def rehearse(self, pair: KeyPair, chain: bytes, contents: Sequence[Content]) -> list[Entry]:
        """Return what `publish` would append, checked by the same rules, and store nothing.

        Raises:
            Refused, Premature, Malformed, StoreFault: as `publish`.
        """
        with self._lock:
            try:
                return [self._append(pair, chain, content, None) for content in contents]
            finally:
                self._forget()

    def ingest(self, runs: Iterable[Sequence[Entry]], sender: bytes = b"") -> Ingested:
        """Take in runs from elsewhere, from a peer if `sender` names one. Bad input is reported, never raised.

        Raises:
            StoreFault: the disk refuses; nothing of this call was stored.
        """
        with self._lock:
            report = Ingested()
            report.accepted = self._act(lambda: self._intake.take(runs, report, self._clock(), sender))
            report.missing = self._quarantine.missing(sender)
            return report

    def left(self, sender: bytes) -> None:
        """Note that a peer has left: what it brought and still waits is nobody's now."""
        with self._lock:
            self._quarantine.left(sender)

    def _append(
        self, pair: KeyPair, chain: bytes, content: Content, body: dict[str, Value] | None, expiry: int | None = None
    ) -> Entry:
        branches = self._branches.of(chain)
        if not branches:
            raise Malformed("chain.same", "this ledger holds no such chain")
        entry = self._authoring.entry(pair, branches[0].prefix, content, body, expiry)
        stored = self._admit(branches[0], entry)
        if stored.refused is not None:
            raise Refused(*stored.refused)
        return entry

    def _admit(self, branch: Branch, entry: Entry) -> Stored:
        """The acceptance function: judge an authentic, linked entry, extend its branch, give it its place."""
        if entry.body is not None and self._store.bodies.is_over(entry.header, self._clock()):
            entry = entry._replace(body=None)
        verdict = judge(entry, branch.prefix, self.entry_of, self.charter, self._lineage)
        branch.extend(entry, verdict)
        refused = verdict.refused
        self._arrival += 1
        stored = Stored(self._arrival, entry, None if refused is None else (refused.rule, refused.message))
        self._fresh.append((branch, stored))
        self._entries[entry.id] = stored
        return stored

    def _keep_body(self, held: Stored, body: bytes) -> None:
        """Keep the body of an entry that was held without one, unless it was dropped or has had its time."""
        bodies, header = self._store.bodies, held.entry.header
        fresh = held.arrival - self._arrival + len(self._fresh) - 1
        if fresh >= 0:  # it came just now, and is nowhere but in memory
            if not bodies.is_over(header, self._clock()):
                whole = held._replace(entry=held.entry._replace(body=body))
                self._fresh[fresh] = self._fresh[fresh][0], whole
                self._entries[whole.entry.id] = whole
        elif not bodies.is_dropped(held.arrival) and not bodies.is_over(header, self._clock()):
            self._store.keep_body(held.arrival, header, body)
            self._entries.pop(held.entry.id, None)

    def _regain(self, entry: Entry) -> None:
        """Take in again what went, with the verdict that it had."""
        self._store.gone.regain(entry, short(entry.id))
        self._folds.forget()

    def _act(self, change: Callable[[], object]) -> list[Stored]:
        """Run a change as one durable transaction, then tell whoever listens; memory follows the disk."""
        try:
            with self._store.transaction():
                first = self._arrival + 1
                change()
                self._store.add_entries(
                    (
                        (branch.chain.number, one.entry, one.refused and ": ".join(one.refused))
                        for branch, one in self._fresh
                    ),
                    first,
                )
                touched = {id(branch): branch for branch, _ in self._fresh}.values()
                for branch in touched:
                    branch.facts.save()
                self._store.set_tips(branch.row for branch in touched)
                retracted = self._retract()
        except BaseException:
            self._forget()
            raise
        accepted = [_without_body(stored, retracted) for _, stored in self._fresh]
        self._fresh = []
        if retracted:
            self._forget_bodies(retracted)
        if len(self._entries) > _CACHED_ENTRIES:
            self._forget_older()
        if accepted:
            self._folds.take(accepted)
            for call in list(self._calls):
                call(accepted)
        return accepted

    def _retract(self) -> set[bytes]:
        """Drop the bodies that fresh entries retract; return the ids of their entries."""
        named = {
            header.dep(cast(int, term))
            for header in (one.entry.header for _, one in self._fresh if one.is_valid)
            if header.kind == "retract"
            for term in header.terms
        }
        if named:
            self._store.bodies.drop([stored.arrival for name in named if (stored := self.get(name))])
        return named

    def evaporate(self, limit: int) -> int:
        """Drop bodies that have had their time, at most so many; return how many (spec: 17-privacy).

        Raises:
            StoreFault: the disk refuses; nothing was dropped.
        """
        with self._lock:
            over = self._store.bodies.over(self._clock(), limit)
            if over:
                with self._store.transaction():
                    self._store.bodies.drop(over)
                self._forget_bodies()
            return len(over)

    def prune_steps(self, *, dry_run: bool = False) -> Iterator[Pruned]:
        """Let headers go that nothing needs any more, some at a time; yields what went so far.

        Raises:
            StoreFault: the disk refuses; what went before stays gone.

        Spec: 19-checkpoint, "What goes".
        """
        pruning = Pruning(self._store, self._branches, self._folds, self.charter, self._lineage, self.get)
        steps = pruning.steps(self._clock(), dry_run=dry_run)
        while True:
            with self._lock:
                report = next(steps, None)
                self._entries.clear()  # before anybody names what went
                if report is None:
                    self._folds.forget()
                    self._store.bodies.overwrite()
                    return
            yield report

    def keep_bodies(self, retention_ms: int | None) -> None:
        """Keep bodies without an expiry for so long from now on; None: for ever.

        Raises:
            StoreFault: the disk failed; the term is as it was.
        """
        with self._lock, self._store.transaction():
            self._store.bodies.keep(retention_ms)

    def _forget_bodies(self, names: Iterable[bytes] | None = None) -> None:
        """Drop from memory, and from the log of the file, what was dropped from the disk."""
        if names is None:
            self._entries.clear()
        else:
            for name in names:
                self._entries.pop(name, None)
        self._store.bodies.overwrite()

    def _forget(self) -> None:
        """Drop what memory knows beyond the disk."""
        self._branches.forget()
        self._entries.clear()
        self._fresh = []
        self._arrival = self._store.last_arrival()
        self._quarantine.reload()

    def _forget_older(self) -> None:
        """Drop from memory what came first of what lies on the disk, but for what is fresh: it is nowhere else."""
        kept = dict(islice(self._entries.items(), max(0, len(self._entries) - _CACHED_ENTRIES // 2), None))
        kept.update((fresh.entry.id, fresh) for _, fresh in self._fresh)
        self._entries = kept

    # Reading

    def get(self, name: bytes) -> Stored | None:
        """Return an accepted entry by id."""
        stored = self._entries.get(name)
        if stored is None:
            with self._lock:
                row = self._store.find(name)
                if row is None:
                    return None
                stored = stored_of(row)
                if len(self._entries) > _CACHED_ENTRIES + len(self._fresh):
                    self._forget_older()
                self._entries[name] = stored
        return stored

    def entry_of(self, name: bytes) -> Entry | None:
        """Return an authentic entry by id, whatever its verdict."""
        stored = self._entries.get(name) or self.get(name)
        return None if stored is None else stored.entry

    def find(self, text: str) -> list[bytes]:
        """Return the ids that a pasted id or a prefix of one means: hex, or CID text."""
        with self._lock:
            return reading.find(self._store, text)

    def frontier(self) -> list[Tip]:
        """Return the tips of all chains, sorted; of a forked one the proof (spec: 10-frontier)."""
        with self._lock:
            tips = [Tip(*row) for row in self._store.tips()]
            forked = {tip.chain for tip, following in pairwise(tips) if tip.chain == following.chain}
            if not forked:
                return tips
            proofs = [tip for chain in forked for tip in self.tips_of(chain)]
            return sorted([*(tip for tip in tips if tip.chain not in forked), *proofs])

    def tips_of(self, chain: bytes) -> list[Tip]:
        """Return what is said of one chain: its last entry, the proof if it is forked, nothing if it is not held."""
        with self._lock:
            fork = self._branches.fork_of(chain)
            if fork is not None:
                return [Tip(chain, fork.sequence, fork.one), Tip(chain, fork.sequence, fork.other)]
            return self.ends_of(chain)

    def ends_of(self, chain: bytes) -> list[Tip]:
        """Return the last entry of each branch of a chain that lies here, the branch that was seen first first."""
        with self._lock:
            row = self._branches.chain(chain)
            return [] if row is None else [Tip(chain, one.sequence, one.id) for one in self._store.branches(row.number)]

    def parting(self, chain: bytes) -> list[Entry]:
        """Return the two entries that prove the fork of a chain; none if it is not forked."""
        with self._lock:
            fork = self._branches.fork_of(chain)
            found = [] if fork is None else [self.entry_of(fork.one), self.entry_of(fork.other)]
            return [entry for entry in found if entry is not None]

    def keeps(self, entry: Entry) -> bool:
        """Return whether a held entry counts (spec: 10-frontier)."""
        with self._lock:
            return self._reduction.keeps(entry)

    def have(self, tip: Tip) -> bool:
        """Return whether the entry of a tip is held, went or waits."""
        with self._lock:
            return tip.id in self._quarantine or self.get(tip.id) is not None or tip.id in self._store.gone

    def count(self) -> int:
        """Return how many entries were accepted, with those whose headers went."""
        return self._arrival

    @property
    def gone(self) -> int:
        """How many headers went (spec: 19-checkpoint)."""
        with self._lock:
            return len(self._store.gone)

    def digest(self) -> bytes:
        """Return the digest of the set of entries (spec: 10-frontier), without what has not left this node."""
        with self._lock:
            hidden = frozenset[bytes]() if self.gate is None else self.gate.withheld
            if self._digest is None or self._digest[:2] != (self._arrival, hidden):
                tips = self.frontier() if self.gate is None else self.gate.tips(self.frontier())
                self._digest = (self._arrival, hidden, set_digest(tips))
            return self._digest[2]

    @property
    def last_arrival(self) -> int:
        """The number of the entry that was accepted last."""
        with self._lock:
            return self._arrival

    def summed_up(self, chain: bytes) -> Content:
        """Return the checkpoint that sums up all that a chain said so far.

        Raises:
            Malformed: no such chain is held.
        """
        with self._lock:
            branches = self._branches.of(chain)
            if not branches:
                raise Malformed("chain.same", "this ledger holds no such chain")
            return checkpoint_of(branches[0].prefix, self.entry_of)

    def stored(
        self, after: int = 0, limit: int = 1000, *, chain: bytes | None = None, kind: str | None = None
    ) -> list[Stored]:
        """Return accepted entries in order of acceptance, after an arrival number."""
        with self._lock:
            return reading.stored(self._store, after, limit, chain, kind)

    def opens(self) -> list[Entry]:
        """Return the `open` of every chain."""
        with self._lock:
            return [stored.entry for stored in reading.stored(self._store, 0, -1, None, "open")]

    def runs_for(self, wanted: Mapping[bytes, int], after: int, max_bytes: int) -> tuple[list[list[Entry]], int | None]:
        """Return sealed runs of the wanted chains (chain -> first sequence), in order of acceptance.

        At most about `max_bytes`, at least one run; the second value is the arrival number to
        go on after, None when there is nothing more.
        """
        with self._lock:
            runs, following = reading.runs_for(self._store, wanted, after, max_bytes, self._reduction.says)
            return runs if self.gate is None else self.gate.open(runs), following

    def runs_of_ids(self, names: Sequence[bytes]) -> list[list[Entry]]:
        """Return each held entry with its seal path: the run from it to the next sealed entry."""
        with self._lock:
            runs = [run for name in names if (run := reading.seal_path(self._store, self.get(name)))]
            return runs if self.gate is None else self.gate.open(runs)

    def awaiting(self) -> list[Awaiting]:
        """Return the runs that wait to be judged, oldest first."""
        with self._lock:
            return self._quarantine.awaiting()

    @property
    def standing(self) -> Standing:
        """The fold over all valid entries that count, built on first use and kept up to date by acceptance."""
        with self._lock:
            return self._folds.standing

    @property
    def books(self) -> Books:
        """The books (chapter 25), built on first use and kept up to date by acceptance."""
        with self._lock:
            return self._folds.books

    @property
    def sheet(self) -> Sheet:
        """What the books say now; kept until something is accepted, and changed by nobody."""
        with self._lock:
            return self._folds.sheet

    @property
    def traces(self) -> Traces:
        """What leads to everything in the books and on from it, as it is now."""
        with self._lock:
            return self._folds.traces

    @property
    def members(self) -> Members:
        """The fold of who counts, built on first use and kept up to date by acceptance."""
        with self._lock:
            return self._folds.members

    def law_of(self, chain: bytes) -> Charter:
        """Return the charter that a chain is judged by now: the root charter, or what it adopted."""
        if not self._folds.has_laws:  # later no lock is taken: events are told while the ledger works
            with self._lock:
                return self._folds.laws.get(chain, self.charter)
        return self._folds.laws.get(chain, self.charter)

    def facts_of(self, chain: bytes, record: str) -> dict[FactKey, Fact]:
        """Return the facts of one record of a chain at its tip; of a forked one those of its first branch."""
        with self._lock:
            branches = self._branches.of(chain)
            return branches[0].facts.of(record) if branches else {}

    def facts_of_branches(self, chain: bytes, record: str) -> list[dict[FactKey, Fact]]:
        """Return the facts of one record of a chain at the tip of each branch that lies here."""
        with self._lock:
            return [branch.facts.of(record) for branch in self._branches.of(chain)]

    def claims_due(self) -> list[Due]:
        """Return what everybody still owes by licenses and for cancels (spec: 25-books, "Claims due")."""
        books, chains = self.books, {tip.chain for tip in self.frontier()}
        claims = {chain: self.facts_of_branches(chain, "claim") for chain in chains}
        return claims_due(books, {chain: branches for chain, branches in claims.items() if any(branches)})

    def whole_from(self, chain: bytes) -> int:
        """Return the place from which on every header of a chain is held: 0 unless some of it went."""
        with self._lock:
            row = self._branches.chain(chain)
            return 0 if row is None else self._store.gone.whole_from(row.number)

    def version_of(self, chain: bytes) -> Version | None:
        """Return the charter version that a chain adopted last, None for the root charter."""
        with self._lock:
            branches = self._branches.of(chain)
            return branches[0].prefix.version if branches else None

    def verify_steps(self) -> Iterator[VerifyReport]:
        """Judge every stored entry again, from its bytes, a page at a time; yields the report so far."""
        return Verification(self._store, self.charter).steps(self._lock)

    def verify(self) -> VerifyReport:
        """Judge every stored entry again, from its bytes."""
        *_, report = self.verify_steps()
        return report

    def subscribe(self, call: Callable[[list[Stored]], None]) -> Callable[[], None]:
        """Have `call` told of accepted entries, after their commit, in the acting thread; returns the way out."""
        self._calls.append(call)
        return lambda: self._calls.remove(call)


def _without_body(stored: Stored, names: set[bytes]) -> Stored:
    """Return a stored entry without its body if it is one of these."""
    return stored._replace(entry=stored.entry._replace(body=None)) if stored.entry.id in names else stored
