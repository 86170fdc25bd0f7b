"""Standing when chains fork, crash and are taken over, over all small cases; with lies that others name.

A chain that comes back without its last entries either writes on, which is a fork, or is cut and has an heir, or is
never heard of again: the last is contained, for nobody has to say anything.

Run `python -m tests.scenarios.test_crash_search` for the larger cases; they take minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from time import process_time

import pytest

from mycelia_protocol import compose
from mycelia_protocol.accumulators import AcceptedLine, NeedFacts, OfferFacts
from mycelia_protocol.standing import Standing, Status
from tests.scenarios.crash_world import CrashWorld
from tests.scenarios.fork_world import Case, State
from tests.scenarios.test_fork_search import BOUND, OVER, view

CASES = {
    "a provider crashes after an accept": Case(
        (1,), (1,), promised=True, accepted=True, moves=2, lies=frozenset({"release"}), crashed="provider"
    ),
    "a receiver crashes after an accept": Case(
        (1,), (1,), promised=True, accepted=True, moves=3, crashed="receiver"
    ),
    "a receiver forks and crashes, and providers lie": Case(
        (1, 1), (2,), promised=True, moves=1, lies=frozenset({"commit", "deliver", "release"}), crashed="receiver"
    ),
    "a provider forks and crashes": Case((2,), (1,), promised=True, accepted=True, moves=1, crashed="provider"),
}  # fmt: skip
DEEP = {
    "a provider crashes before two receivers": Case((1,), (1, 1), promised=True, moves=2, crashed="provider"),
    "a provider forks and crashes after an accept": Case(
        (2,), (1,), promised=True, accepted=True, moves=2, crashed="provider"
    ),
    "a provider forks and crashes before two receivers": Case((2,), (1, 1), promised=True, moves=2, crashed="provider"),
    "a receiver forks and crashes before two providers": Case((1, 1), (2,), promised=True, moves=2, crashed="receiver"),
    "a provider crashes, and everybody lies": Case(
        (1,), (1, 1), promised=True, accepted=True, moves=2,
        lies=frozenset({"commit", "accept", "deliver", "release", "lapse", "cancel"}), crashed="provider",
    ),
}  # fmt: skip
MOST = 400_000  # of a larger case, drawn by lot


def reached(world: CrashWorld, most: int | None = None) -> Iterator[State]:
    """Yield every state that sayings lead to, or so many drawn by lot."""
    seen, todo, dice = {world.start()}, [world.start()], random.Random(4)
    while todo and (most is None or len(seen) < most):
        if most is not None:
            at = dice.randrange(len(todo))
            todo[at], todo[-1] = todo[-1], todo[at]
        state = todo.pop()
        yield state
        for then in world.moves(state):
            if then not in seen:
                seen.add(then)
                todo.append(then)


def broken(world: CrashWorld, state: State) -> Iterator[str]:
    """Yield the invariants that a state breaks."""
    standing = world.standing(state)
    statuses = {line.id: standing.status(line) for line in standing.lines.values()}
    for offer in standing.offers.values():
        live = sum(line.amount for line in standing.lines_by(offer.id) if statuses[line.id] not in OVER)
        if max(live, standing.committed(offer.id)) > offer.amount:
            yield "live or delivered lines exceed the offer"
        if live > standing.committed(offer.id):
            yield "more lines are live than are counted"
    for need in standing.needs.values():
        bound = sum(line.amount for line in standing.lines_by(need.id) if statuses[line.id] in BOUND)
        if max(bound, standing.accepted(need.id)) > need.amount:
            yield "firm and done lines exceed the need"
    for line in standing.lines.values():
        if statuses[line.id] in BOUND and ("accept", line.receiver) not in line.marks:
            yield "a chain was bound that did not bind itself"
        is_given = {("deliver", line.provider), ("accept", line.receiver)} <= line.marks.keys()
        if statuses[line.id] is Status.VOID and is_given and not _left_by_heir(world, standing, line.marks):
            yield "a delivered line is void, and nobody who may have said so"
    for at, (_, author) in enumerate(world.roles[:-1]):
        if author != world.lost and author not in standing.forked_at:
            yield from _broken_chain(world, standing, state, at)


def _left_by_heir(world: CrashWorld, standing: Standing, marks: dict[tuple[str, bytes], int]) -> bool:
    """Whether the heir freed a line that the cut chain had delivered, which it need not know, or either forked."""
    return any((kind, world.heir) in marks for kind in ("release", "cancel")) or bool(standing.forked_at)


def _broken_chain(world: CrashWorld, standing: Standing, state: State, at: int) -> Iterator[str]:
    """Yield what a chain that neither forked nor crashed suffers from another one that did."""
    prefix = world.after(state[at])
    counts = {key[1:] for key, fact in prefix.facts.items() if isinstance(fact, AcceptedLine)} <= standing.lines.keys()
    for (_, name, _), fact in prefix.facts.items():
        if isinstance(fact, NeedFacts) and counts and fact.accepted != standing.accepted(name):
            yield "an honest chain counts otherwise than the standing"
        if isinstance(fact, OfferFacts) and fact.committed != standing.committed(name):
            yield "an honest chain counts otherwise than the standing"
    for line in standing.lines.values():
        ended = {("receive", prefix.chain), ("lapse", prefix.chain), ("deliver", prefix.chain)} & line.marks.keys()
        is_bound = prefix.chain in (line.provider, line.receiver) and standing.status(line) not in OVER
        cancel = compose.on_lines("cancel", [line.id])
        if is_bound and not ended and world.say(state[at], [cancel], is_late=True) is None:
            yield "an honest chain cannot leave"


@cache
def searched(label: str) -> tuple[CrashWorld, tuple[State, ...]]:
    """Return a case and the states that were reached in it."""
    world = CrashWorld(CASES[label])
    return world, tuple(sorted(reached(world)))


def found(label: str) -> set[str]:
    """Return the invariants that are broken somewhere in a case."""
    world, states = searched(label)
    return {invariant for state in states for invariant in broken(world, state)}


class TestAChainThatCrashed:
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
        for state in dice.sample(states, min(len(states), 200)):
            entries = world.counted(state)
            expected = view(world.standing(state))
            for _ in range(3):
                dice.shuffle(entries)
                assert view(world.standing(state, entries)) == expected

    def test_is_finished_by_its_heir(self) -> None:
        world, states = searched("a provider crashes after an accept")
        marks = {mark for state in states for line in world.standing(state).lines.values() for mark in line.marks}

        assert {(kind, world.heir) for kind in ("deliver", "release", "cancel")} <= marks


def _what_exceeds_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Standing, "_is_inherited", lambda self, line: False)
    patch.setattr(Standing, "status", Standing._signed_status)


def _what_heirs_left_is_not_given_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Standing, "_is_told", lambda self, author, by, party, at: by == party)


def _heirs_are_strangers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mycelia_protocol.accumulators.Draft.speaks_for", lambda self, author, party: author == party)


MUTANTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "fold that displaces nothing": ("a provider crashes before two receivers", _what_exceeds_is_kept),
    "fold that gives up no heir's exit": ("a provider crashes after an accept", _what_heirs_left_is_not_given_up),
    "rule that hears no heir": ("a provider crashes after an accept", _heirs_are_strangers),
}


class TestTheSearch:
    @pytest.mark.parametrize("mutant", MUTANTS)
    def test_catches_a_planted(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        label, plant = MUTANTS[mutant]
        plant(monkeypatch)
        world = CrashWorld({**CASES, **DEEP}[label])

        seen = next((invariant for state in reached(world) for invariant in broken(world, state)), None)

        print(f"{mutant}: {seen}")
        assert seen


if __name__ == "__main__":
    for title, case in {**CASES, **DEEP}.items():
        deep = CrashWorld(case)
        sets = list(reached(deep, MOST))
        print(title, len(sets), {invariant for state in sets for invariant in broken(deep, state)}, flush=True)
