"""The search over agreements: every state of a case, and what must hold in each and at each step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from mycelia_protocol.accumulators import (
    AcceptedLine,
    Agreed,
    Agrees,
    Cited,
    CommittedLine,
    LegOf,
    Mark,
    NeedFacts,
    OfferFacts,
)
from mycelia_protocol.envelope import Entry
from mycelia_protocol.standing import Standing, Status
from tests.scenarios.agreement_world import EARLY_MS, EXITS, LATE_MS, Case, Saying, State, World
from tests.scenarios.consent_states import NOTE, SAID_MS, said

_CLOSED = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED


@dataclass
class Result:
    """What a search saw."""

    states: int = 0
    steps: int = 0
    broken: dict[str, State] = field(default_factory=dict)
    statuses: set[tuple[Status, ...]] = field(default_factory=set)


class Observer:
    """Someone who holds every entry of a state."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._standings: dict[object, Standing] = {}

    def entries(self, state: State) -> list[Entry]:
        """Return the valid entries of a state, as a standing is fed with them."""
        world = self.world
        entries = [*world.intents, *world.commits, *(world.held[one.id] for one in sorted(state.valid))]
        for reader in range(len(world.chains)):
            exits = b"".join(sorted(self._given_up(state, reader)))
            if exits:
                entries.append(said(world.chains[reader], NOTE, (), exits, f"note of {reader}", SAID_MS))
        return entries

    def _given_up(self, state: State, reader: int) -> Iterator[bytes]:
        """Yield the exits about lines that a chain receives that it has named."""
        facts = state.facts[reader]
        for at, ((commit, number), _) in enumerate(self.world.legs):
            provider, receiver = self.world.case.legs[at]
            if receiver == reader:
                taken, cited = facts.get(("accepted", commit, number)), facts.get(("cited", commit, number))
                for kind, mark in (("release", Mark.CITES_RELEASE), ("cancel", Mark.CITES_CANCEL)):
                    is_marked = isinstance(taken, AcceptedLine) and taken.marks & mark
                    if is_marked or (isinstance(cited, Cited) and kind in dict(cited.by)):
                        yield Saying(provider, kind, at).id

    def standing(self, state: State) -> Standing:
        """Return what a state adds up to."""
        entries = self.entries(state)
        key = tuple((entry.id, entry.header.deps) for entry in entries)
        if key not in self._standings:
            standing = Standing(self.world.held.get)
            for entry in entries:
                standing.add(entry)
            self._standings[key] = standing
        return self._standings[key]

    def statuses(self, state: State) -> list[Status]:
        """Return where each leg stands; an invalid commit has no lines."""
        standing = self.standing(state)
        lines = [standing.lines.get(leg) for leg, _ in self.world.legs]
        return [Status.VOID if line is None else standing.status(line) for line in lines]

    def broken(self, state: State) -> Iterator[str]:
        """Yield what a state breaks."""
        world, statuses = self.world, self.statuses(state)
        for at, legs in enumerate(world.case.agreements):
            parties = {party for leg in legs for party in world.case.legs[leg]}
            agreed = {one.author for one in state.valid if one.kind == "agree" and one.about == at}
            if agreed == parties:
                yield from self._broken_agreement(state, at, statuses)
        yield from self._broken_sums(state)
        for at, status in enumerate(statuses):
            yield from self._broken_leg(state, at, status)

    def _complete(self, state: State) -> Iterator[tuple[int, ...]]:
        """Yield the legs of each agreement to which all its parties agreed validly."""
        for at, legs in enumerate(self.world.case.agreements):
            parties = {party for leg in legs for party in self.world.case.legs[leg]}
            if all(Saying(party, "agree", at) in state.valid for party in parties):
                yield legs

    def _broken_agreement(self, state: State, at: int, statuses: list[Status]) -> Iterator[str]:
        world, legs = self.world, self.world.case.agreements[at]
        if not world.case.bad.isdisjoint(legs):
            yield "all agreed to a leg that nobody committed to"
        here = [statuses[leg] for leg in legs]
        if Status.PENDING in here:
            yield "all agreed, and a leg binds nobody"
        for leg in legs:
            provider, _ = world.case.legs[leg]
            took = any(Saying(provider, "receive", one) in state.valid for one in legs)
            others = [one for one in state.valid if one.kind in EXITS and one.about in legs and one.author != provider]
            delivered = Saying(provider, "deliver", leg) in state.valid
            if statuses[leg] is Status.FIRM and others and not took and not delivered:
                yield "somebody is bound who has taken nothing, while others left"

    def _broken_leg(self, state: State, at: int, status: Status) -> Iterator[str]:
        world = self.world
        (commit, number), _ = world.legs[at]
        provider, receiver = world.case.legs[at]
        given = state.facts[provider].get(("committed", commit, number))
        taken = state.facts[receiver].get(("accepted", commit, number))
        if isinstance(given, CommittedLine) and not given.marks & _CLOSED:
            content = world.contents[Saying(provider, "cancel", at)]
            if not world.ask(state.facts[provider], provider, content, LATE_MS)[0].is_valid:
                yield "a provider cannot leave"
            release = world.contents[Saying(provider, "release", at)]
            if status is Status.VOID and self._is_left_by_another(state, provider):
                verdict, _ = world.ask(world.informed(state, provider), provider, release, EARLY_MS)
                if not verdict.is_valid:
                    yield "a void leg is not released without a debt"
        accepted = taken.marks if isinstance(taken, AcceptedLine) and taken.marks & Mark.ACCEPTED else 0
        if accepted and not accepted & (Mark.RECEIVED | Mark.LAPSED | Mark.CANCELLED):
            content = world.contents[Saying(receiver, "decline", at)]
            if not world.ask(state.facts[receiver], receiver, content, LATE_MS)[0].is_valid:
                yield "a receiver cannot leave"
        delivered = Saying(provider, "deliver", at) in state.valid
        if delivered and any(Saying(provider, kind, at) in state.valid for kind in ("release", "cancel")):
            yield "a delivered leg was freed by its provider"
        if delivered and status is Status.VOID and accepted:
            yield "a delivered leg is void"
        if status is Status.FIRM and not any(at in legs for legs in self._complete(state)):
            yield "a leg is firm though somebody has not agreed"
        if delivered and not self._may_be_delivered(state, at):
            yield "a leg is delivered though somebody has not agreed"
        if status in (Status.FIRM, Status.DONE) and not isinstance(taken, AcceptedLine):
            yield "a chain was bound that did not bind itself"

    def _is_left_by_another(self, state: State, party: int) -> bool:
        return any(one.kind in EXITS and one.author != party for one in state.valid)

    def _may_be_delivered(self, state: State, at: int) -> bool:
        """Whether somebody said to have agreed of all parties, truly or not: nobody else's word is asked."""
        for number, legs in enumerate(self.world.case.agreements):
            parties = {party for leg in legs for party in self.world.case.legs[leg]}
            if at in legs and all(state.exists(Saying(party, "agree", number)) for party in parties):
                return True
        return False

    def _broken_sums(self, state: State) -> Iterator[str]:
        standing = self.standing(state)
        for facts in state.facts:
            for (_, name, _), fact in facts.items():
                if isinstance(fact, NeedFacts) and fact.accepted != standing.accepted(name) and not self.world.case.bad:
                    yield "the accepted sum is not that of the lines"
                elif isinstance(fact, OfferFacts) and fact.committed != standing.committed(name):
                    yield "the committed sum is not that of the lines"

    def broken_step(self, state: State, saying: Saying, ms: int) -> Iterator[str]:
        """Yield what a valid saying breaks by being valid."""
        if saying.kind not in ("release", "lapse"):
            return
        facts = state.facts[saying.author]
        (commit, number), _ = self.world.legs[saying.about]
        leg = facts.get(("leg", commit, number))
        if not isinstance(leg, LegOf):
            return
        agreed, agrees = facts["agreed", leg.agreement, -1], facts.get(("agrees", leg.agreement, -1))
        assert isinstance(agreed, Agreed)
        knows_all = isinstance(agrees, Agrees) and set(agreed.parties) <= dict(agrees.by).keys()
        exits = [one for one in state.valid | state.lies if one.kind in EXITS and one != saying]
        if not exits and knows_all and not (saying.kind == "lapse" and ms == LATE_MS):
            yield "somebody who knows that all agreed leaves first, without a debt"
        mine = [one for one in exits if one.author == saying.author and one.kind in ("cancel", "decline")]
        if exits and len(mine) == len(exits) and knows_all and not (saying.kind == "lapse" and ms == LATE_MS):
            yield "somebody frees herself by a cancel of her own"
        if saying.kind == "release":
            given = facts["committed", commit, number]
            assert isinstance(given, CommittedLine)
            took = {one.about for one in state.valid if one.kind == "receive" and one.author == saying.author}
            legs = {leg for legs in self.world.case.agreements if saying.about in legs for leg in legs}
            if took & legs and not given.marks & (Mark.CITES_LAPSE | Mark.CITES_CANCEL):
                yield "somebody who has taken leaves what she is to give, without a debt"


def search(case: Case, *, stop_when_broken: bool = False, most: int | None = None) -> Result:
    """Visit every state of a case, or so many drawn by lot; stop at the first thing broken if asked."""
    world, result, dice = World(case), Result(), random.Random(9)
    observer = Observer(world)
    seen, todo = {world.start}, [world.start]
    while todo and (most is None or len(seen) < most):
        if most is not None:
            at = dice.randrange(len(todo))
            todo[at], todo[-1] = todo[-1], todo[at]
        state = todo.pop()
        found = list(observer.broken(state))
        result.statuses.add(tuple(observer.statuses(state)))
        for saying, ms, then in world.moves(state):
            result.steps += 1
            if saying is not None and saying in then.valid:
                found += observer.broken_step(state, saying, ms)
            if then not in seen:
                seen.add(then)
                todo.append(then)
        for invariant in found:
            result.broken.setdefault(invariant, state)
        if found and stop_when_broken:
            break
    result.states = len(seen)
    return result
