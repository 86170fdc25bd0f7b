"""Small commons with agreements, driven by the project's own `judge`: all that a few chains can ever say about legs.

As in the search of consent: whoever likes cites any foreign entry that exists, at any moment or never, and liars
publish what a rule refuses, which others may cite. Time is free: a guard that reads the clock passes or fails at the
author's choice. A state is the facts that rules can read and which entries exist, so chains are of any length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mycelia_protocol import compose
from mycelia_protocol.accumulators import CommittedLine, Fact, FactKey, OfferFacts, Prefix
from mycelia_protocol.compose import Content, Leg
from mycelia_protocol.envelope import Entry
from mycelia_protocol.validation import Verdict, extend, judge
from tests.builders import CELL, NOW_MS
from tests.scenarios.consent_states import END_MS, LAW, NOTE, SAID_MS, chain, name, said

EARLY_MS = NOW_MS + 10
CLOSE_MS = NOW_MS + 1000  # where agreements end
PAST_MS = CLOSE_MS + LAW.grace_ms + 1
UNTIL_MS = PAST_MS + 1000
LATE_MS = UNTIL_MS + LAW.grace_ms + 1
TIMES = (EARLY_MS, PAST_MS, LATE_MS)
EXITS = ("release", "lapse", "cancel", "decline")  # a decline is a receiver's cancel
GIVEN, TAKEN = ("deliver", "release", "cancel"), ("receive", "lapse", "decline", "accept")


class Facts(dict[FactKey, Fact]):
    """What the rules of a chain can read. A world has each of them once, so they are the same if they are one."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]


class Saying(NamedTuple):
    """What a chain can say once: a kind, and the leg or the agreement that it is about."""

    author: int
    kind: str
    about: int

    @property
    def id(self) -> bytes:
        """The id of the entry that says it."""
        return name(f"{self.kind} {self.about} by {self.author}")


class State(NamedTuple):
    """What each chain's rules can read, and what was said: validly, or against a rule."""

    facts: tuple[Facts, ...]
    valid: frozenset[Saying]
    lies: frozenset[Saying]

    def exists(self, saying: Saying) -> bool:
        """Whether an entry says it, valid or not."""
        return saying in self.valid or saying in self.lies


@dataclass(frozen=True)
class Case:
    """Who gives to whom by which leg, which legs are whose clauses, and what may be said against a rule."""

    legs: tuple[tuple[int, int], ...]  # (provider, receiver)
    agreements: tuple[tuple[int, ...], ...]
    lies: frozenset[str] = frozenset()  # kinds
    bad: frozenset[int] = frozenset()  # legs whose commit is invalid
    without: frozenset[str] = frozenset()  # kinds that nobody says, to keep a case small


class World:
    """A case, its entries and its moves."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.held: dict[bytes, Entry] = {}
        self.chains = [chain("member", at) for at in range(1 + max(max(leg) for leg in case.legs))]
        self.own: list[dict[bytes, Entry]] = [{} for _ in self.chains]
        self.legs: list[Leg] = []
        self.intents: list[Entry] = []
        self.commits: list[Entry] = []
        self._facts: list[dict[FactKey, Fact]] = [{} for _ in self.chains]
        for at in range(len(case.legs)):
            self._promise(at)
        for at, legs in enumerate(case.agreements):
            self._hold(0, compose.agreement(end_ms=CLOSE_MS, legs=[self.legs[leg] for leg in legs]), f"agreement {at}")
        self.sayings = [one for one in self._sayings() if one.kind not in case.without]
        self.contents = {one: self._content(one) for one in self.sayings}
        for one in self.sayings:
            content = self.contents[one]
            self.held[one.id] = said(
                self.chains[one.author], content.kind, tuple(content.terms), content.deps, _text(one.id), SAID_MS
            )
        self._answers: dict[object, tuple[Verdict, Facts]] = {}
        self._known: dict[tuple[tuple[FactKey, Fact], ...], Facts] = {}

    def _hold(self, author: int, content: Content, at: str) -> Entry:
        entry = said(self.chains[author], content.kind, tuple(content.terms), content.deps, at, SAID_MS)
        self.held[entry.id] = self.own[author][entry.id] = entry
        return entry

    def _promise(self, at: int) -> None:
        """Ask, offer and commit: the line of a leg, which binds within an agreement alone."""
        provider, receiver = self.case.legs[at]
        need = self._hold(receiver, compose.need("food", 1, CELL, begin_ms=0, end_ms=END_MS, urgency=0), f"need {at}")
        offer = self._hold(provider, compose.offer("food", 1, CELL, begin_ms=0, end_ms=END_MS), f"offer {at}")
        row = self._hold(provider, compose.row(offer=offer.id, previous=None, lines=[(need.id, 1)]), f"row {at}")
        content = compose.commit(row=row.id, hold_ms=0, until_ms=UNTIL_MS, lines=[(need.id, 1)])
        commit = self._hold(provider, content, f"commit {at}")
        self.legs.append(((commit.id, 0), need.id))
        self.intents += [need, offer, row]
        if at in self.case.bad:
            del self.own[provider][commit.id]
            return
        self.commits.append(commit)
        self._facts[provider]["offer", offer.id, -1] = OfferFacts(False, 1, row.id)
        line = CommittedLine(offer.id, need.id, self.chains[receiver], 1, 0, UNTIL_MS)
        self._facts[provider]["committed", commit.id, 0] = line

    def _sayings(self) -> Iterator[Saying]:
        for at, legs in enumerate(self.case.agreements):
            for party in sorted({party for leg in legs for party in self.case.legs[leg]}):
                yield Saying(party, "agree", at)
        for at, (provider, receiver) in enumerate(self.case.legs):
            yield from (Saying(provider, kind, at) for kind in GIVEN)
            yield from (Saying(receiver, kind, at) for kind in TAKEN)

    def _content(self, saying: Saying) -> Content:
        if saying.kind == "agree":
            legs = [self.legs[leg] for leg in self.case.agreements[saying.about]]
            return compose.agree(name(f"agreement {saying.about}"), legs)
        line, need = self.legs[saying.about]
        if saying.kind == "accept":
            return compose.accept(need=need, lines=[line])
        return compose.on_lines("cancel" if saying.kind == "decline" else saying.kind, [line])

    @cached_property
    def start(self) -> State:
        """The state in which every leg is committed, agreements are proposed, and nothing else is said."""
        return State(tuple(self._only(facts) for facts in self._facts), frozenset(), frozenset())

    def ask(self, facts: Facts, author: int, content: Content, ms: int) -> tuple[Verdict, Facts]:
        """Return the project's verdict on what a chain would say now, and its facts after it."""
        asked = (facts, author, content.kind, tuple(content.terms), content.deps, ms)
        if asked not in self._answers:
            prefix = Prefix(self.chains[author], b"", b"", 0, 0, dict(facts), self.own[author].get)
            entry = said(self.chains[author], content.kind, tuple(content.terms), content.deps, "now", ms)
            verdict = judge(entry, prefix, self.held.get, LAW)
            extend(prefix, entry, verdict)
            self._answers[asked] = verdict, self._only(prefix.facts)
        return self._answers[asked]

    def _only(self, facts: Mapping[FactKey, Fact]) -> Facts:
        return self._known.setdefault(tuple(sorted(facts.items())), Facts(facts))

    def moves(self, state: State) -> Iterator[tuple[Saying | None, int, State]]:
        """Yield what can be said next, when, and the state that it leads to; no saying where something is cited."""
        for saying in self.sayings:
            if saying in state.valid:
                continue
            facts, lies = state.facts[saying.author], saying.kind in self.case.lies and saying not in state.lies
            for ms in TIMES:
                verdict, after = self.ask(facts, saying.author, self.contents[saying], ms)
                if verdict.is_valid:
                    yield (
                        saying,
                        ms,
                        State(_with(state.facts, saying.author, after), state.valid | {saying}, state.lies - {saying}),
                    )
                elif lies:
                    yield saying, ms, state._replace(lies=state.lies | {saying})
                    lies = False
        for reader in range(len(self.chains)):
            for saying in self.sayings:
                if saying.author != reader and state.exists(saying):
                    after = self.cite(state.facts[reader], reader, saying)
                    if after is not state.facts[reader]:
                        yield None, EARLY_MS, state._replace(facts=_with(state.facts, reader, after))

    def cite(self, facts: Facts, reader: int, saying: Saying) -> Facts:
        """Return the facts of a chain that has named what somebody said."""
        return self.ask(facts, reader, Content(NOTE, [], saying.id), EARLY_MS)[1]

    def informed(self, state: State, reader: int) -> Facts:
        """Return the facts of a chain that has named everything there is."""
        facts = state.facts[reader]
        for saying in sorted(state.valid | state.lies):
            if saying.author != reader:
                facts = self.cite(facts, reader, saying)
        return facts


def _with(facts: tuple[Facts, ...], at: int, after: Facts) -> tuple[Facts, ...]:
    return (*facts[:at], after, *facts[at + 1 :])


def _text(at: bytes) -> str:
    return at.decode().rstrip(".")
