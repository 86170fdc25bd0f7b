"""Small commons in which a chain forks and crashes: it is cut at some place, and a new chain takes over what is left.

What the cut chain said above the cut counts for nothing, and goes on being said and named: a restored copy, or a
thief, writes on. The heir knows what it names, and need not name what the cut chain did to a line below the cut. Who
speaks for whom is given here, and not asked of key events: that is chapter 13's, and has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Grant, Inherited, Prefix
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.flows import commit_lines
from mycelia_protocol.kinds.kind import line_refs
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.standing import Standing
from mycelia_protocol.validation import Verdict, judge
from tests.builders import NOW_MS
from tests.scenarios.consent_states import LAW, NOTE, chain
from tests.scenarios.fork_world import Case, History, State, World

HEIR, INHERIT = "heir", "id.inherit"
HEIR_MOVES = 2


class Heirs(Lineage):
    """A lineage that knows which entry a chain was cut at."""

    def inheritance(self, entry: Entry) -> Entry | None:
        return self.held(entry.header.dep(0))


class CrashWorld(World):
    """A case, its chains, and the heir of the one that crashed: the last actor."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.lost = chain(case.crashed, 0)
        self.heir = chain(HEIR, 0)
        self.lineage = Heirs(self.held.get, LAW)
        first = Prefix(self.heir, b"", self.heir, 0, NOW_MS << 16, {}, lambda _: None, grant=Grant(bytes(32)))
        opening = self.held[self.lost].header
        born = self._keep((self.heir,), Entry(self.heir, self.heir, opening, b"", None, None), first, is_valid=True)
        self.trunks[self.heir] = born
        self.roles.append((HEIR, self.heir))

    def judge(self, entry: Entry, prefix: Prefix) -> Verdict:
        grant = Grant(bytes(32)) if prefix.chain == chain(HEIR, 0) else None
        return judge(entry, replace(prefix, grant=grant), self.held.get, LAW, Heirs(self.held.get, LAW))

    def cut(self, state: State) -> Entry | None:
        """Return the last entry of the lost chain that counts, if it was cut."""
        return self.held[self.held[state[-1][1]].header.dep(0)] if len(state[-1]) > 1 else None

    def moves(self, state: State) -> Iterator[State]:
        yield from self._of_others(state)
        if len(state[-1]) == 1:
            yield from self._crash(state)
        elif len(state[-1]) < 2 + HEIR_MOVES:
            for content in self._inherited(state):
                then = self.said(state[-1], [content], is_late=True)
                if then is not None:
                    yield (*state[:-1], then)

    def _of_others(self, state: State) -> Iterator[State]:
        yield from super().moves(state)
        for at, (_, author) in enumerate(self.roles[:-1]):
            if author != self.lost and len(state[at]) - len(self.trunks[author]) < self.case.moves:
                for content in self._of_heir(state[-1]):
                    then = self.said(state[at], [content], is_late=False)
                    if then is not None:
                        yield (*state[:at], then, *state[at + 1 :])

    def _given(self, author: bytes, history: History, entries: list[Entry]) -> Iterator[tuple[list[Content], bool]]:
        """Yield what a provider could say; it also leaves early enough to commit anew, which its heir need not know."""
        yield from super()._given(author, history, entries)
        for commit in [name for name in history if self.held[name].header.kind == "commit" and name in self.valid]:
            yield [compose.on_lines("cancel", [(commit, 0)])], False

    def _of_heir(self, history: History) -> Iterator[Content]:
        """Yield what others could say about what the heir said, knowing who it is."""
        for entry in [self.held[name] for name in history[1:]]:
            known = sorted({history[1], entry.id})
            yield Content(NOTE, [], b"".join(known))
            if entry.header.kind == "deliver":
                yield compose.on_lines("receive", line_refs(entry.header, 0, "deliver.terms"), known)

    def _crash(self, state: State) -> Iterator[State]:
        """Yield the states in which the chain was cut, wherever: what stood above is lost."""
        lost = [history for history, (_, by) in zip(state, self.roles, strict=True) if by == self.lost]
        for name in dict.fromkeys(name for history in lost for name in history):
            cut = self.held[name]
            before = self.after(state[-1])
            entry = self._entry(before, Content(INHERIT, [0], cut.id), is_late=False)
            facts = {**before.facts, ("inherited", self.lost, -1): Inherited(cut.header.sequence)}
            prefix = replace(before, tip=entry.id, sequence=1, time=entry.header.time, facts=facts)
            yield (*state[:-1], self._keep((*state[-1], entry.id), entry, prefix, is_valid=True))

    def _inherited(self, state: State) -> Iterator[Content]:
        """Yield what the heir could say about a line that it took over, knowing as little as it likes."""
        entries = self.entries(state)
        for commit in [entry for entry in entries if entry.header.kind == "commit"]:
            line, need = [(commit.id, 0)], commit_lines(commit)[0].need
            about = [entry for entry in entries if commit.id in entry.header.links]
            if commit.chain == self.lost:
                accepts = [entry.id for entry in about if entry.header.kind == "accept"]
                exits = [entry.id for entry in about if entry.header.kind in ("lapse", "cancel")]
                yield compose.on_lines("deliver", line, [need, *accepts])
                yield compose.on_lines("release", line, [need, *exits])
                yield compose.on_lines("cancel", line, [need])
            elif self.held[need].chain == self.lost:
                for accept in [entry.id for entry in about if entry.header.kind == "accept"]:
                    yield compose.on_lines("lapse", line, [accept])
                    yield compose.on_lines("cancel", line, [accept])
                    for sent in [entry.id for entry in about if entry.header.kind == "deliver"]:
                        yield compose.on_lines("receive", line, [accept, sent])

    def counted(self, state: State) -> list[Entry]:
        """Return the valid entries that count: of the lost chain those up to the cut."""
        cut = self.cut(state)
        last = 99 if cut is None else cut.header.sequence
        entries = [entry for entry in self.entries(state) if entry.id in self.valid]
        return [entry for entry in entries if entry.chain != self.lost or entry.header.sequence <= last]

    def standing(self, state: State, entries: list[Entry] | None = None) -> Standing:
        """Return what a state adds up to, its entries in the order given."""
        cut = self.cut(state)
        standing = Standing(
            self.held.get,
            lambda of: [self.heir] if cut is not None and of == self.lost else [],
            self.lineage.inheritance,
        )
        for forked, sequence in self.forks(state).items():
            standing.note_fork(forked, sequence)
        for entry in self.counted(state) if entries is None else entries:
            standing.add(entry)
        return standing
