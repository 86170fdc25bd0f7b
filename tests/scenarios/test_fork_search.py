"""Standing when chains fork, over all small cases: what still holds, and that the search would notice.

Every set of entries that liars and late messages can bring about is folded: two branches of a provider, of a receiver,
of both, with lines that were signed below the fork and lines that were signed after it.

Run `python -m tests.scenarios.test_fork_search` for the larger cases; they take minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import permutations
from time import process_time

import pytest

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Draft, NeedFacts, OfferFacts
from mycelia_protocol.envelope import Entry
from mycelia_protocol.standing import Line, Standing, Status
from mycelia_protocol.validation import judge
from tests.scenarios.consent_states import LAW
from tests.scenarios.fork_world import Case, History, State, World

BOUND = (Status.FIRM, Status.DONE)
OVER = (Status.VOID, Status.DISPUTED, Status.DISPLACED)
LIES = frozenset({"commit", "accept", "deliver", "release", "lapse", "cancel"})

CASES = {
    "a provider forks before two receivers": Case((2,), (1, 1), moves=3),
    "a provider forks after a promise": Case((2,), (1, 1), promised=True, moves=2),
    "a provider forks after an accept": Case((2,), (1, 1), promised=True, accepted=True, moves=3),
    "a receiver forks before two providers": Case((1, 1), (2,), moves=2),
    "a receiver forks after an accept": Case((1, 1), (2,), promised=True, accepted=True, moves=2),
    "both fork": Case((2,), (2,), moves=2),
    "both fork, and the provider lies": Case((2,), (2,), promised=True, moves=1, liar=True),
    "a provider forks, and everybody lies": Case((2,), (1,), promised=True, moves=1, lies=LIES),
    "a receiver forks, and everybody lies": Case((1,), (2,), promised=True, moves=1, lies=LIES),
}
DEEP = {
    "a provider forks, and everybody lies": Case((2,), (1,), promised=True, moves=2, lies=LIES),
    "a receiver forks, and everybody lies": Case((1,), (2,), promised=True, moves=2, lies=LIES),
    "everybody lies": Case((2,), (1, 1), promised=True, moves=2, lies=LIES),
    "a receiver forks before two providers": Case((1, 1), (2,), moves=3),
    "a receiver forks after an accept": Case((1, 1), (2,), promised=True, accepted=True, moves=3),
    "both fork": Case((2,), (2,), moves=3),
    "both fork, and the provider lies": Case((2,), (2,), promised=True, moves=2, liar=True),
}


def reached(world: World) -> set[State]:
    """Return every state that sayings lead to."""
    seen, todo = {world.start()}, [world.start()]
    while todo:
        for then in world.moves(todo.pop()):
            if then not in seen:
                seen.add(then)
                todo.append(then)
    return seen


def fold(world: World, state: State, order: list[Entry | tuple[bytes, int]] | None = None) -> Standing:
    """Return the standing of the valid entries of a state, in this order of arrival."""
    standing = Standing(world.held.get)
    for news in news_of(world, state) if order is None else order:
        if isinstance(news, Entry):
            standing.add(news)
        else:
            standing.note_fork(*news)
    return standing


def news_of(world: World, state: State) -> list[Entry | tuple[bytes, int]]:
    """Return all that arrives in a state: valid entries, and forks."""
    return [*(entry for entry in world.entries(state) if entry.id in world.valid), *world.forks(state).items()]


def view(standing: Standing) -> object:
    """Return all that a standing says."""
    intents = [*standing.needs.values(), *standing.offers.values()]
    return (
        sorted((line.id, standing.status(line)) for line in standing.lines.values()),
        sorted((one.id, one.forked, one.withdrawn, standing.committed(one.id), standing.accepted(one.id))
               for one in intents),
        sorted((offer, tuple(standing.tentative(offer))) for offer in standing.offers),
    )  # fmt: skip


def broken(world: World, state: State) -> Iterator[str]:
    """Yield the invariants that a state breaks."""
    standing = fold(world, state)
    statuses = {line.id: standing.status(line) for line in standing.lines.values()}
    for offer in standing.offers.values():
        lines = [
            line for line in standing.lines_by(offer.id) if statuses[line.id] not in (Status.VOID, Status.DISPLACED)
        ]
        if sum(line.amount for line in lines) > offer.amount:
            yield "live or delivered lines exceed the offer"
        if standing.committed(offer.id) > offer.amount:
            yield "the committed sum exceeds the offer"
    for need in standing.needs.values():
        if sum(line.amount for line in standing.lines_by(need.id) if statuses[line.id] in BOUND) > need.amount:
            yield "firm and done lines exceed the need"
        if standing.accepted(need.id) > need.amount:
            yield "the accepted sum exceeds the need"
    for line in standing.lines.values():
        yield from _broken_line(standing, line, statuses[line.id])
    for at, (_, author) in enumerate(world.roles):
        if world.roles.count(("provider", author)) + world.roles.count(("receiver", author)) == 1:
            yield from _broken_chain(world, standing, state, at)


def _broken_line(standing: Standing, line: Line, status: Status) -> Iterator[str]:
    forked, marks = standing.forked_at, line.marks
    accepted = marks.get(("accept", line.receiver))
    if status in BOUND and accepted is None:
        yield "a chain was bound that did not bind itself"
    is_old = line.sequence < forked.get(line.provider, 99) and accepted is not None
    is_old = is_old and accepted is not None and accepted < forked.get(line.receiver, 99)
    leaves = [("release", line.provider), ("cancel", line.provider), ("lapse", line.receiver),
              ("cancel", line.receiver)]  # fmt: skip
    stays = all(marks.get(mark, 99) >= forked.get(mark[1], 99) for mark in leaves)
    given_up = line.gave_up.get((line.provider, line.receiver), 99)
    stays = stays and given_up >= forked.get(line.receiver, 99)
    if is_old and stays and status not in BOUND:
        yield "what both signed below every fork has lost its effect"
    if {line.provider, line.receiver}.isdisjoint(forked) and status is Status.DISPLACED:
        yield "two honest chains were displaced"


def _broken_chain(world: World, standing: Standing, state: State, at: int) -> Iterator[str]:
    """Yield what an unforked chain suffers from the forks of others."""
    history = state[at]
    prefix = world.after(history)
    for name in history:
        for record, seen in (("need", standing.accepted), ("offer", standing.committed)):
            fact = prefix.facts.get((record, name, -1))
            kept = (
                fact.accepted if isinstance(fact, NeedFacts) else fact.committed if isinstance(fact, OfferFacts) else 0
            )
            if record == "need" and "commit" in world.case.lies:
                kept = min(kept, seen(name))  # she counts lines of invalid commits, too
            if name in (standing.needs if record == "need" else standing.offers) and kept != seen(name):
                yield "an honest chain counts otherwise than the standing"
    for line in standing.lines.values():
        if prefix.chain in (line.provider, line.receiver) and standing.status(line) not in OVER:
            ends = "receive" if prefix.chain == line.receiver else "deliver"
            if (ends, prefix.chain) not in line.marks and _left(world, history, line) is None:
                yield "an honest chain cannot leave"
    yield from _broken_freedom(world, standing, state, at)


def _broken_freedom(world: World, standing: Standing, state: State, at: int) -> Iterator[str]:
    """Yield what keeps an unforked chain from leaving a late line at once by a warrant of its own."""
    history = state[at]
    mine = world.after(history).chain
    places: dict[tuple[bytes, int], list[bytes]] = {}
    for entry in world.entries(state):
        places.setdefault((entry.chain, entry.header.sequence), []).append(entry.id)
    for line in standing.lines.values():
        accepted = line.marks.get(("accept", line.receiver))
        gone = {(kind, mine) for kind in ("release", "lapse", "cancel", "deliver", "receive")}
        if mine not in (line.provider, line.receiver) or accepted is None or gone & line.marks.keys():
            continue
        other, place = (line.provider, line.sequence) if mine == line.receiver else (line.receiver, accepted)
        if standing.is_forked(other, place):
            warrant = compose.warrant(*places[other, standing.forked_at[other]][:2])
            exit_ = compose.on_lines("lapse" if mine == line.receiver else "release", [line.id])
            then = world.say(history, [warrant, exit_], is_late=False)
            if then is None:
                yield "an honest chain cannot leave a late line without a debt"
            elif fold(world, (*state[:at], then, *state[at + 1 :])).status(line) not in OVER:
                yield "a late line outlives the exit of an honest chain"


def _left(world: World, history: History, line: Line) -> History | None:
    """Return the history with a cancel of the line, None if the rules refuse it."""
    return world.say(history, [compose.on_lines("cancel", [line.id])], is_late=True)


@cache
def searched(label: str) -> tuple[World, tuple[State, ...]]:
    """Return a case and the states that were reached in it."""
    world = World(CASES[label])
    return world, tuple(sorted(reached(world)))


def found(label: str) -> set[str]:
    """Return the invariants that are broken somewhere in a case."""
    world, states = searched(label)
    return {invariant for state in states for invariant in broken(world, state)}


class TestAForkedChain:
    @pytest.mark.parametrize("label", CASES)
    def test_takes_from_nobody_what_was_not_there(self, label: str) -> None:
        began = process_time()

        seen = found(label)

        print(f"{label}: {len(searched(label)[1])} sets, {process_time() - began:.1f} s")
        assert not seen

    @pytest.mark.parametrize("label", CASES)
    def test_stands_the_same_in_any_order_of_arrival(self, label: str) -> None:
        world, states = searched(label)
        dice = random.Random(5)
        for state in dice.sample(states, min(len(states), 400)):
            news = news_of(world, state)
            expected = view(fold(world, state))
            for _ in range(5):
                dice.shuffle(news)
                assert view(fold(world, state, news)) == expected

    def test_stands_the_same_in_every_order_of_the_entries_that_meet(self) -> None:
        world, states = searched("a provider forks before two receivers")
        displaced = [state for state in states if Status.DISPLACED in _statuses(world, state)]
        folds = 0
        for state in random.Random(6).sample(displaced, 12):
            news = news_of(world, state)
            quiet = [one for one in news if isinstance(one, Entry) and one.header.kind in ("open", "need", "offer")]
            loud = [one for one in news if one not in quiet][:7]
            rest = [one for one in news if one not in quiet and one not in loud]
            expected = view(fold(world, state))
            for order in permutations(loud):
                folds += 1
                assert view(fold(world, state, [*order, *quiet, *rest])) == expected
        print(f"{folds} orders")

    def test_has_verdicts_that_nobody_else_changes(self) -> None:
        world, states = searched("both fork, and the provider lies")
        for state in random.Random(7).sample(states, 200):
            for history in state:
                for at in range(3, len(history) + 1):
                    entry, before = world.held[history[at - 1]], world.after(history[: at - 1])
                    own = {name: world.held[name] for name in history[: at - 1] if name in world.valid}
                    prefix = replace(before, facts=dict(before.facts), own=own.get)
                    alone = {name: world.held[name] for name in (*history[:at], *entry.header.links)}

                    assert judge(entry, prefix, alone.get, LAW).is_valid == (entry.id in world.valid)


def _statuses(world: World, state: State) -> set[Status]:
    standing = fold(world, state)
    return {standing.status(line) for line in standing.lines.values()}


def _nothing_is_displaced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Standing, "status", Standing._signed_status)


def _exits_count_after_the_fork(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Standing, "_has", lambda self, line, kind, author: (kind, author) in line.marks)


def _the_first_to_arrive_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mycelia_protocol.standing.sorted", lambda lines, key: lines, raising=False)


def _warrants_open_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Draft, "warranted", lambda self, chain: None)


SUMS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "fold that displaces nothing": ("a provider forks before two receivers", _nothing_is_displaced),
    "warrant that opens nothing": ("a provider forks before two receivers", _warrants_open_nothing),
    "exit that counts after the fork": ("a provider forks after an accept", _exits_count_after_the_fork),
}
ORDERS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "preference for what came first": _the_first_to_arrive_is_kept,
}


class TestTheSearch:
    @pytest.mark.parametrize("mutant", SUMS)
    def test_catches_a_planted(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        label, plant = SUMS[mutant]
        plant(monkeypatch)

        seen = found(label)

        print(f"{mutant}: {sorted(seen)}")
        assert seen

    @pytest.mark.parametrize("mutant", ORDERS)
    def test_catches_an_order_by(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        world, states = searched("a provider forks before two receivers")
        ORDERS[mutant](monkeypatch)

        differing = [
            state
            for state in states
            if view(fold(world, state)) != view(fold(world, state, news_of(world, state)[::-1]))
        ]

        assert differing


if __name__ == "__main__":
    for title, case in DEEP.items():
        deep = World(case)
        sets = reached(deep)
        print(title, len(sets), {invariant for state in sets for invariant in broken(deep, state)}, flush=True)
