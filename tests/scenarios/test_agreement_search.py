"""Agreements over all small cases: all or nothing on unforked chains, and that the search would notice.

Run `python -m tests.scenarios.test_agreement_search` for the larger cases; they take minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from time import process_time

import pytest

from mycelia_protocol.accumulators import AcceptedLine, LineId, Mark
from mycelia_protocol.agreements import Agreements
from mycelia_protocol.kinds import Judged, agreements, exits, flows, legs
from mycelia_protocol.standing import Line, Standing, Status
from tests.scenarios.agreement_search import Observer, Result, search
from tests.scenarios.agreement_world import Case, World

EXITS = frozenset({"release", "lapse", "cancel", "decline"})
TWO, RING = ((0, 1), (1, 0)), ((0, 1), (1, 2), (2, 0))
CASES = {
    "two legs": Case(TWO, ((0, 1),)),
    "an invalid commit": Case(TWO, ((0, 1),), bad=frozenset({1}), lies=frozenset({"agree", "release"})),
}
DEEP = {
    "invalid agrees": Case(TWO, ((0, 1),), lies=frozenset({"agree"}), without=frozenset({"accept"})),
    "a gift among three": Case(((0, 1), (1, 2)), ((0, 1),), without=frozenset({"accept", "lapse"})),
    "invalid releases": Case(TWO, ((0, 1),), lies=frozenset({"release"})),
    "invalid exits and agrees": Case(TWO, ((0, 1),), lies=EXITS | {"agree"}),
    "a leg in two agreements": Case((*TWO, (1, 0)), ((0, 1), (0, 2)), without=frozenset({"accept", "lapse"})),
    "a ring of three": Case(RING, ((0, 1, 2),), without=frozenset({"accept"})),
}


@cache
def searched(label: str) -> Result:
    """Return what the search of a case saw; each is searched once."""
    return search(CASES[label])


class TestAgreementsOnUnforkedChains:
    @pytest.mark.parametrize("label", CASES)
    def test_hold_in_every_state_that_liars_and_late_messages_can_reach(self, label: str) -> None:
        began = process_time()

        result = searched(label)

        print(f"{label}: {result.states} states, {result.steps} steps, {process_time() - began:.1f} s")
        assert not result.broken

    def test_come_to_every_end_that_there_is(self) -> None:
        seen = searched("two legs").statuses

        assert {(Status.FIRM,) * 2, (Status.DONE,) * 2, (Status.VOID,) * 2, (Status.DONE, Status.FIRM)} <= seen

    def test_stand_the_same_in_any_order_of_arrival(self) -> None:
        world = World(CASES["two legs"])
        observer, dice = Observer(world), random.Random(3)
        state = world.start
        for _ in range(400):
            state = dice.choice([then for _, _, then in world.moves(state)] or [world.start])
            entries = observer.entries(state)
            dice.shuffle(entries)
            standing = Standing(world.held.get)
            for entry in entries:
                standing.add(entry)
            lines = [standing.lines[leg] for leg, _ in world.legs]
            assert [standing.status(line) for line in lines] == observer.statuses(state)


def _nobody_is_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flows, "is_complete", lambda facts, agreement: True)


def _left_though_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(legs, "is_complete", lambda facts, agreement: False)


def _who_took_may_leave(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flows, "note_took", lambda facts, line: None)


def _exits_of_others_open_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("mycelia_protocol.validation.note_exit", lambda facts, line, dep: None)


def _own_cancels_open_all(patch: pytest.MonkeyPatch) -> None:
    def free(judged: Judged, line: LineId, taken: AcceptedLine, mark: Mark) -> None:
        free_need(judged, line, taken, mark)
        legs.note_left(judged.facts, line)

    free_need = exits._free_need
    patch.setattr(exits, "_free_need", free)


def _firm_with_one_agree(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agreements, "is_complete", lambda self, agreement: bool(self.agreed.get(agreement)))


def _firm_whoever_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Standing, "_is_off", lambda self, line, agreement: False)


def _void_though_delivered(patch: pytest.MonkeyPatch) -> None:
    def status(self: Standing, line: Line) -> Status:
        complete = self.agreements.of(line.id)
        off = all(self._is_off(line, one) for one in complete)
        return Status.PENDING if not complete else Status.VOID if off else Status.FIRM

    patch.setattr(Standing, "_status_of_leg", status)


def _accepted_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flows, "line_of", lambda judged, line, rule: line_of(judged, line, rule)._replace(hold=2**62))


def _agreed_beside_an_exit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agreements, "_check_given", lambda judged, one: None)


line_of = flows.line_of
MUTANTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "deliver that waits for nobody": ("two legs", _nobody_is_waited_for),
    "release though all agreed": ("two legs", _left_though_complete),
    "release by who took": ("two legs", _who_took_may_leave),
    "exit that opens nothing": ("two legs", _exits_of_others_open_nothing),
    "cancel that opens all": ("two legs", _own_cancels_open_all),
    "standing that asks one": ("two legs", _firm_with_one_agree),
    "standing that ignores who left": ("two legs", _firm_whoever_left),
    "standing that voids what was given": ("two legs", _void_though_delivered),
    "leg that is accepted alone": ("two legs", _accepted_alone),
    "agree of what is not there": ("an invalid commit", _agreed_beside_an_exit),
}


class TestTheSearch:
    @pytest.mark.parametrize("mutant", MUTANTS)
    def test_catches_a_planted(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        label, plant = MUTANTS[mutant]
        plant(monkeypatch)

        result = search(CASES[label], stop_when_broken=True)

        print(f"{mutant}: {sorted(result.broken)}")
        assert result.broken


if __name__ == "__main__":
    for title, case in {**CASES, **DEEP}.items():
        outcome = search(case, most=3_000_000)
        print(f"{title}: {outcome.states} states, {outcome.steps} steps, broken: {sorted(outcome.broken)}", flush=True)
