"""Small commons in which a chain forks, driven by the project's own `judge`: every set of entries that can come about.

An actor is a branch: a chain that forked has two, with one past. An actor may name any foreign entry that exists, at
any moment or never, so every order of arrival is contained; entries that are named and invalid are there too. An
entry's id is made of what it says and of the one before it, so that two ways to one set are one state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, Header
from mycelia_protocol.kinds.flows import commit_lines
from mycelia_protocol.validation import Verdict, extend, judge
from tests.builders import CELL, NOW_MS
from tests.scenarios.consent_states import END_MS, HOLD_MS, LATE_MS, LAW, NOTE, chain

History = tuple[bytes, ...]  # ids of an actor's entries, from its chain's first on
State = tuple[History, ...]  # one for each actor


@dataclass(frozen=True)
class Case:
    """Who forks, whether it promised something before, and how many entries may follow on each side."""

    providers: tuple[int, ...]  # how many branches each provider has
    receivers: tuple[int, ...]
    promised: bool = False  # the first line is committed to below every fork
    accepted: bool = False  # and accepted
    amount: int = 1
    moves: int = 4
    liar: bool = False  # providers also publish releases that a rule refuses
    lies: frozenset[str] = frozenset()  # and whoever likes these kinds, which others name
    crashed: str = ""  # "provider" or "receiver": the first one is cut somewhere, and a new chain takes it over


class World:
    """A case, and every entry that one of its actors could say next."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.held: dict[bytes, Entry] = {}
        self.valid: set[bytes] = set()
        self._after: dict[History, Prefix] = {}
        self._said: dict[object, History | None] = {}
        self.roles: list[tuple[str, bytes]] = []  # of each actor
        self.needs = [self._begin("receiver", at) for at in range(len(case.receivers))]
        self.offers = [self._begin("provider", at) for at in range(len(case.providers))]
        if case.promised:
            self._promise()
        self.trunks = {self.held[history[0]].chain: history for history in sorted(self._after, key=len)}
        for role, branches in (("provider", case.providers), ("receiver", case.receivers)):
            for at, count in enumerate(branches):
                self.roles += [(role, chain(role, at))] * count

    def start(self) -> State:
        """Return the state before anything else is said."""
        return tuple(self.trunks[author] for _, author in self.roles)

    def entries(self, state: State) -> list[Entry]:
        """Return all entries of a state, each once."""
        return [self.held[name] for name in dict.fromkeys(name for history in state for name in history)]

    def forks(self, state: State) -> dict[bytes, int]:
        """Return the lowest place of each chain that two entries of a state claim."""
        seen: set[tuple[bytes, int]] = set()
        forked: dict[bytes, int] = {}
        for entry in self.entries(state):
            place = (entry.chain, entry.header.sequence)
            if place in seen:
                forked[entry.chain] = min(place[1], forked.get(*place))
            seen.add(place)
        return forked

    def moves(self, state: State) -> Iterator[State]:
        """Yield the states that one more saying leads to."""
        entries = self.entries(state)
        for at, (role, author) in enumerate(self.roles):
            history = state[at]
            if role != "heir" and len(history) - len(self.trunks[author]) < self.case.moves:
                sayings = self._given(author, history, entries) if role == "provider" else self._taken(author, entries)
                for contents, is_late in sayings:
                    then = self.said(history, contents, is_late=is_late)
                    is_lie = contents[0].kind in self.case.lies or (self.case.liar and contents[0].kind == "release")
                    if then is None and is_lie:
                        then = self.said(history, contents, is_late=is_late, liar=True)
                    if then is not None:
                        yield (*state[:at], then, *state[at + 1 :])

    def say(self, history: History, contents: list[Content], *, is_late: bool, liar: bool = False) -> History | None:
        """Return the history with these contents, if they are valid; a liar says them although they are not."""
        for content in contents:
            before = self._after[history]
            entry = self._entry(before, content, is_late=is_late)
            own = {name: self.held[name] for name in history if name in self.valid}
            prefix = Prefix(before.chain, b"", before.tip, before.sequence, before.time, dict(before.facts), own.get)
            verdict = self.judge(entry, prefix)
            if verdict.is_valid == liar:
                return None
            extend(prefix, entry, verdict)
            history = self._keep((*history, entry.id), entry, prefix, is_valid=verdict.is_valid)
        return history

    def said(self, history: History, contents: list[Content], *, is_late: bool, liar: bool = False) -> History | None:
        """Return what `say` did when it was first asked: a verdict reads nothing else, so many states share it."""
        words = tuple((content.kind, tuple(content.terms), content.deps) for content in contents)
        asked = (history, words, is_late, liar)
        if asked not in self._said:
            self._said[asked] = self.say(history, contents, is_late=is_late, liar=liar)
        return self._said[asked]

    def judge(self, entry: Entry, prefix: Prefix) -> Verdict:
        """Return the project's verdict on an entry at the end of a prefix."""
        return judge(entry, prefix, self.held.get, LAW)

    def _given(self, author: bytes, history: History, entries: list[Entry]) -> Iterator[tuple[list[Content], bool]]:
        offer = self.offers[[by for role, by in dict.fromkeys(self.roles) if role == "provider"].index(author)]
        rows = [name for name in history if self.held[name].header.kind == "row"]
        for need in self.needs:
            lines = [(need, self.case.amount)]
            row = compose.row(offer=offer, previous=rows[-1] if rows else None, lines=lines)
            at = self._entry(self._after[history], row, is_late=False).id
            yield [row, compose.commit(row=at, hold_ms=HOLD_MS, until_ms=HOLD_MS, lines=lines)], False
            if rows and "commit" in self.case.lies:
                yield [compose.commit(row=rows[-1], hold_ms=HOLD_MS, until_ms=HOLD_MS, lines=lines)], False
        for commit in [name for name in history if self.held[name].header.kind == "commit" and name in self.valid]:
            about = [entry for entry in entries if commit in entry.header.links and entry.chain != author]
            if "deliver" in self.case.lies:
                yield [compose.on_lines("deliver", [(commit, 0)])], False
            for accept in [entry.id for entry in about if entry.header.kind == "accept"]:
                yield [compose.on_lines("deliver", [(commit, 0)], [accept])], False
            exits = [entry.id for entry in about if entry.header.kind in ("lapse", "cancel")]
            yield [compose.on_lines("release", [(commit, 0)], exits)], True
            yield [compose.on_lines("cancel", [(commit, 0)])], True

    def _taken(self, author: bytes, entries: list[Entry]) -> Iterator[tuple[list[Content], bool]]:
        for commit in [entry for entry in entries if entry.header.kind == "commit"]:
            need = commit_lines(commit)[0].need
            if self.held[need].chain != author:
                continue
            line = [(commit.id, 0)]
            yield [compose.accept(need=need, lines=line)], False
            yield [compose.on_lines("lapse", line)], True
            yield [compose.on_lines("cancel", line)], True
            if "lapse" in self.case.lies:
                yield [compose.on_lines("lapse", line)], False
            about = [entry for entry in entries if commit.id in entry.header.links and entry.chain == commit.chain]
            for entry in about:
                if entry.header.kind == "deliver":
                    yield [compose.on_lines("receive", line, [entry.id])], False
                elif entry.header.kind in ("release", "cancel"):
                    yield [Content(NOTE, [], entry.id)], False

    def _entry(self, before: Prefix, content: Content, *, is_late: bool) -> Entry:
        links = [content.deps[at : at + 32] for at in range(0, len(content.deps), 32)]
        named = [self.held[link].header.time for link in links if link in self.held]
        time = max([(LATE_MS if is_late else NOW_MS + 10) << 16, before.time + 1, *(one + 1 for one in named)])
        header = Header(before.chain, before.sequence + 1, before.tip, time, content.kind, 0, bytes(8), content.deps,
                        None, None, 0, content.terms)  # fmt: skip
        return Entry(sha256(repr(header).encode()).digest(), before.chain, header, b"", None, None)

    def _keep(self, history: History, entry: Entry, prefix: Prefix, *, is_valid: bool) -> History:
        self.held[entry.id] = entry
        self._after[history] = prefix
        if is_valid:
            self.valid.add(entry.id)
        return history

    def _begin(self, role: str, at: int) -> bytes:
        author = chain(role, at)
        prefix = Prefix(author, b"", author, 0, NOW_MS << 16, {}, lambda _: None)
        opening = Header(None, 0, None, NOW_MS << 16, "open", 0, bytes(8), b"", None, None, 0, [bytes(32), None])
        first = self._keep((author,), Entry(author, author, opening, b"", None, None), prefix, is_valid=True)
        window: dict[str, Any] = {"begin_ms": 0, "end_ms": END_MS}
        asked = compose.need("food", self.case.amount, CELL, **window, urgency=0)
        given = compose.offer("food", self.case.amount, CELL, **window)
        then = self.say(first, [asked if role == "receiver" else given], is_late=False)
        assert then is not None
        return then[-1]

    def _promise(self) -> None:
        lines = [(self.needs[0], self.case.amount)]
        provider = (chain("provider", 0), self.offers[0])
        row = self.say(provider, [compose.row(offer=self.offers[0], previous=None, lines=lines)], is_late=False)
        assert row is not None
        content = compose.commit(row=row[-1], hold_ms=HOLD_MS, until_ms=HOLD_MS, lines=lines)
        commit = self.say(row, [content], is_late=False)
        assert commit is not None
        if self.case.accepted:
            receiver = (chain("receiver", 0), self.needs[0])
            accept = compose.accept(need=self.needs[0], lines=[(commit[-1], 0)])
            assert self.say(receiver, [accept], is_late=False)

    def after(self, history: History) -> Prefix:
        """Return what a history adds up to for its own chain."""
        return self._after[history]
