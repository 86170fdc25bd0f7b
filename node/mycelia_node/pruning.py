"""Pruning: headers below settled checkpoints go, a few at a time, and nothing that is shown or judged changes.

The chapter's table says what may go. A node keeps more: all about lines of which
the need or the offer is not over, and whatever something that stays names. So what
is held names only what is held, and what is not over stands where it stood.

Spec: 19-checkpoint, "What goes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from mycelia_protocol.accumulators import Checkpointed, LineId, Prefix
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.flows import commit_lines
from mycelia_protocol.kinds.kind import ABOUT_LINES, lines_about
from mycelia_protocol.kinds.rows import OFFER_AT
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.lines import Status
from mycelia_protocol.pruning import droppable, is_settled
from mycelia_protocol.state import State, write
from mycelia_protocol.validation import extend, judge

from . import reading
from .branches import Branches
from .folds import Folds
from .gone import Base
from .store import ChainRow, Store, entry_of
from .stored import Stored, stored_of

BATCH = 500  # headers that go at a time; the ledger serves others in between
_PAGE = 2000
_OPEN = (Status.PENDING, Status.FIRM)


@dataclass(slots=True)
class Pruned:
    """What went, or would go."""

    chains: int = 0
    headers: int = 0
    size: int = 0  # bytes of headers, signatures and bodies


class _Unit(NamedTuple):
    """A sealed run: it goes as a whole or stays as a whole, for what stays must keep its seal."""

    chain: int
    arrivals: range
    names: frozenset[bytes]
    links: frozenset[bytes]
    size: int


class Pruning:
    """One pass over a store. Each step is made under the ledger's lock."""

    def __init__(
        self,
        store: Store,
        branches: Branches,
        folds: Folds,
        charter: Charter,
        lineage: Lineage,
        get: Callable[[bytes], Stored | None],
    ) -> None:
        self._store, self._branches, self._folds = store, branches, folds
        self._charter, self._lineage, self._get = charter, lineage, get
        self._over: set[bytes] = set()  # needs and offers
        self._units: dict[int, _Unit] = {}  # by the arrival of their first entry
        self._unit_of: dict[bytes, int] = {}  # of everything in a unit
        self._seen = 0  # up to which arrival what stays was asked for what it names
        self.report = Pruned()

    def steps(self, now_ms: int, *, dry_run: bool = False) -> Iterator[Pruned]:
        """Let headers go; yields what went so far after each step.

        Raises:
            StoreFault: the disk refuses; what went before stays gone.
        """
        yield self.report
        bases = list[tuple[int, Base]]()
        for chain, checkpoint in list(self._settled(now_ms)):
            bases.append(self._sum_up(chain, checkpoint))
            yield self.report
        self._seen = last = self._store.last_arrival()
        while self._units and last > 0:
            last = self._spare_named(last)
            yield self.report
        chains = {unit.chain for unit in self._units.values()}
        self.report.chains = len(chains)
        if dry_run:
            self.report.headers = sum(len(unit.arrivals) for unit in self._units.values())
            self.report.size = sum(unit.size for unit in self._units.values())
            yield self.report
            return
        with self._store.transaction():
            for number, base in bases:
                if number in chains:
                    self._store.gone.settle(number, base)
            self._store.gone.note_over(self._over)
        while self._units:
            self._drop_some()
            yield self.report

    def _settled(self, now_ms: int) -> Iterator[tuple[ChainRow, Entry]]:
        """Yield each chain with its last settled checkpoint, if headers below it are held."""
        said: dict[bytes, list[tuple[bytes, int]]] = {}
        for stored in self._valid("witness"):
            entry, members = stored.entry, self._folds.members
            fork = self._branches.fork_of(entry.chain)
            is_sure = fork is None or fork.sequence > entry.header.sequence
            if is_sure and members.counts(entry.chain, entry.header.sequence):
                seen = entry.header.dep(cast(int, entry.header.terms[0]))
                said.setdefault(seen, []).append((self._name(entry.chain), entry.header.time_ms))
        found: dict[bytes, Entry] = {}
        for stored in self._valid("checkpoint"):
            entry = stored.entry
            fork = self._branches.fork_of(entry.chain)
            if is_settled(
                said.get(entry.id, ()),
                author=self._name(entry.chain),
                is_forked=fork is not None and fork.sequence <= entry.header.sequence,
                charter=self._charter,
                now_ms=now_ms,
            ):
                known = found.get(entry.chain)
                if known is None or known.header.sequence < entry.header.sequence:
                    found[entry.chain] = entry
        for chain, entry in found.items():
            row = self._store.chain(chain)
            if row is not None:
                yield row, entry

    def _valid(self, kind: str) -> list[Stored]:
        return [stored for stored in reading.stored(self._store, 0, -1, None, kind) if stored.is_valid]

    def _name(self, chain: bytes) -> bytes:
        return self._folds.members.identity_of(chain) or chain

    def _sum_up(self, chain: ChainRow, checkpoint: Entry) -> tuple[int, Base]:
        """Note what of a chain may go; return its state below the checkpoint, judged again up to there."""
        base = self._store.gone.base(chain.number)
        below = [stored_of(row) for row in self._store.below(chain.number, checkpoint.header.sequence)]
        held = {stored.entry.id: stored for stored in below}

        def own(name: bytes) -> Entry | None:
            stored = held.get(name)
            return stored.entry if stored is not None and stored.is_valid else None

        if base is None:
            prefix = Prefix(chain.id, chain.key, b"", -1, 0, {}, own)
        else:
            prefix = base.prefix(self._entry, own, self._charter, self._lineage)
        for stored in below:
            if stored.entry.header.sequence > prefix.sequence:
                extend(prefix, stored.entry, judge(stored.entry, prefix, self._entry, self._charter, self._lineage))
        if base is None or base.sequence < checkpoint.header.sequence:
            verdict = judge(checkpoint, prefix, self._entry, self._charter, self._lineage)
            noted = cast(Checkpointed, verdict.changes["checkpoint", chain.id, -1])
            base = Base(checkpoint.id, checkpoint.header.sequence, write(State.of(prefix)), noted.peaks)
        time_ms = checkpoint.header.time_ms
        going = droppable([(stored.entry, stored.is_valid) for stored in below], prefix.facts, time_ms)
        over = {entry.id for entry in going if not held[entry.id].is_valid or self._is_over(entry, time_ms)}
        self._note_units(chain.number, below, over)
        return chain.number, base

    def _note_units(self, chain: int, below: list[Stored], going: set[bytes]) -> None:
        unit: list[Stored] = []
        for stored in below:
            unit.append(stored)
            if stored.entry.signature is None:
                continue
            names = frozenset(one.entry.id for one in unit)
            if names <= going:
                links = frozenset(link for one in unit for link in one.entry.header.links) - names
                size = sum(len(one.entry.raw) + len(one.entry.body or b"") for one in unit) + 64
                first = unit[0].arrival
                self._units[first] = _Unit(chain, range(first, first + len(unit)), names, links, size)
                self._unit_of.update(dict.fromkeys(names, first))
            unit = []

    def _is_over(self, entry: Entry, time_ms: int) -> bool:
        """Whether no need or offer that a valid entry is about still adds up from it."""
        return all(self._is_intent_over(intent, time_ms) for intent in self._intents_of(entry))

    def _intents_of(self, entry: Entry) -> Iterable[bytes]:
        header, lines = entry.header, self._folds.standing.lines
        if header.kind in ("need", "offer"):
            return [entry.id]
        if header.kind == "row":
            return [header.dep(cast(int, header.terms[OFFER_AT]))]
        if header.kind == "withdraw":
            return header.links
        refs = list[LineId]()
        if header.kind == "commit":
            refs = [(entry.id, number) for number in range(len(commit_lines(entry)))]
        elif header.kind in ABOUT_LINES:
            refs = list(lines_about(entry))
        return [intent for ref in refs if (line := lines.get(ref)) for intent in (line.need, line.offer)]

    def _is_intent_over(self, name: bytes, time_ms: int) -> bool:
        standing = self._folds.standing
        intent = standing.needs.get(name) or standing.offers.get(name)
        if intent is not None and intent.resource_class in self._charter.credit:
            return False  # a balance is the sum of all that was ever given (chapter 23)
        if intent is not None and name not in self._over:
            if intent.end_ms >= time_ms or any(standing.status(line) in _OPEN for line in standing.lines_by(name)):
                return False
            self._over.add(name)
        return True

    def _spare_named(self, last: int) -> int:
        """Keep what a page of entries names that stay, from the last down: an entry names only what came before it."""
        page = self._store.rows_until(last, _PAGE)
        for row in page:
            entry = entry_of(row)
            if entry.header.deps and entry.id not in self._unit_of:
                self._spare(entry.header.links)
        return page[-1].arrival - 1 if page else 0

    def _spare(self, names: Iterable[bytes]) -> None:
        """Keep entries with the run that seals them, and what these name."""
        names = list(names)
        while names:
            first = self._unit_of.get(names.pop())
            if first is not None and (unit := self._units.pop(first, None)) is not None:
                names += unit.links
                for name in unit.names:
                    del self._unit_of[name]

    def _drop_some(self) -> None:
        """Let the latest units go: whatever names them went before."""
        for stored in reading.stored(self._store, self._seen, -1, None, None):
            self._spare(stored.entry.header.links)
            self._seen = stored.arrival
        arrivals: list[int] = []
        for first in sorted(self._units, reverse=True):
            unit = self._units.pop(first)
            arrivals += unit.arrivals
            self.report.size += unit.size
            if len(arrivals) >= BATCH:
                break
        with self._store.transaction():
            self._store.gone.drop(arrivals)
        self.report.headers += len(arrivals)

    def _entry(self, name: bytes) -> Entry | None:
        stored = self._get(name)
        return None if stored is None else stored.entry
