"""Release over all small cases: nothing honest is released twice, and the search would notice if it were.

Run `python -m tests.scenarios.test_release_search` for the larger cases; they take minutes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from time import process_time
from types import SimpleNamespace

import pytest

from mycelia_protocol import release
from mycelia_protocol.release import Guard, Place, Record
from tests.scenarios.release_search import MACHINE, Result, search
from tests.scenarios.release_states import Case

DATA, MACHINES = frozenset({"data", "partial"}), frozenset({"machine", "live", "partial"})
CASES = {
    "data rolled back, two peers": Case(2, 0, 3, DATA),
    "data rolled back, a peer and a liar": Case(1, 1, 2, DATA),
    "data rolled back, a day, by hand, a peer that leaves": Case(1, 0, 3, frozenset({"data", "day", "hand", "leave"})),
    "data rolled back, by hand, a run file": Case(1, 0, 3, frozenset({"data", "hand"}), files=1),
    "copies beside each other, and a rollback": Case(1, 0, 3, frozenset({"copy", "data"})),
    "copies beside each other, two peers": Case(2, 0, 3, frozenset({"copy", "partial"})),
    "copies beside each other, by hand, a run file": Case(1, 0, 3, frozenset({"copy", "hand"}), files=1),
    "a copy on another machine": Case(2, 0, 3, frozenset({"moved"})),
    "a copy on another machine, by hand, a run file": Case(1, 0, 3, frozenset({"moved", "hand"}), files=1),
    "machine rolled back, two peers": Case(2, 0, 2, MACHINES),
    "machine rolled back, a peer and a liar": Case(1, 1, 2, MACHINES),
    "machine rolled back, a peer that acknowledged, a run file": Case(
        1, 0, 3, frozenset({"machine", "live"}), known=1, files=1
    ),
    "machine rolled back, a peer that leaves and reads a run file": Case(
        1, 0, 3, frozenset({"machine", "leave", "gossip"}), files=1
    ),
    "turned back when both peers had acknowledged": Case(2, 0, 3, MACHINES, known=2, are_excuses_taken=False),
    "turned back with one peer, a day, by hand": Case(
        1, 0, 3, frozenset({"machine", "live", "day", "hand", "leave"}), known=1, are_excuses_taken=False
    ),
    "two machines, one of which writes": Case(1, 0, 3, frozenset({"twin", "quiet", "leave"})),
}
FORKS = {  # what the promise leaves out, and the step without which there is no fork
    "turned back when both had acknowledged, by hand": (
        Case(2, 0, 3, frozenset({"machine", "hand"}), known=2, are_excuses_taken=False), "released by hand",
    ),
    "turned back when both had acknowledged, a day": (
        Case(2, 0, 3, frozenset({"machine", "day"}), known=2, are_excuses_taken=False), "a day passes",
    ),
    "two machines that both write": (Case(2, 0, 3, frozenset({"twin"}), known=2), "the other machine acts"),
}  # fmt: skip
DEEP = {
    "machine rolled back, peers that leave and meet": Case(2, 0, 3, frozenset({"machine", "leave", "gossip"})),
    "data rolled back further, a peer and a liar": Case(1, 1, 3, DATA),
    "data rolled back, a day, by hand, two peers that leave": Case(
        2, 0, 2, frozenset({"data", "day", "hand", "leave"})
    ),
    "data rolled back, two peers that leave and meet, a run file": Case(
        2, 0, 2, frozenset({"data", "leave", "gossip"}), files=1
    ),
    "machine rolled back further, two peers": Case(2, 0, 3, MACHINES),
    "machine rolled back, a day, two peers that leave": Case(2, 0, 2, frozenset({"machine", "live", "day", "leave"})),
    "machine rolled back, by hand, a run file": Case(2, 0, 2, frozenset({"machine", "hand"}), files=1),
    "two machines, one of which writes, two peers": Case(2, 0, 2, frozenset({"twin", "quiet"})),
    "data rolled back, two peers and a liar": Case(2, 1, 3, DATA),
    "machine resumed, a peer and a liar": Case(1, 1, 3, MACHINES),
    "machine rolled back, three peers": Case(3, 0, 3, frozenset({"machine"})),
    "everything, one peer": Case(1, 0, 4, frozenset({"data", "machine", "live", "copy", "partial"})),
}


@cache
def searched(label: str) -> Result:
    """Return what the search of a case saw; each is searched once."""
    return search(CASES[label])


class TestRelease:
    @pytest.mark.parametrize("label", CASES)
    def test_never_sends_two_entries_of_one_place(self, label: str) -> None:
        result = searched(label)

        print(f"{label}: {result.states} states")
        assert result.broken == [], result.trace
        assert "send" in result.kinds

    def test_is_excused_only_where_the_whole_machine_was_turned_back(self) -> None:
        excused = {label for label in CASES if searched(label).excused}

        assert excused == {label for label in CASES if label.startswith("machine")}

    @pytest.mark.parametrize("label", FORKS)
    def test_may_fork_where_the_promise_ends(self, label: str) -> None:
        case, step = FORKS[label]

        result = search(case)
        without = search(case._replace(powers=case.powers - STEPS[step]))

        assert result.broken == ["two entries at one place were released"]
        assert step in result.trace
        assert without.broken == []

    def test_was_searched_in_more_than_a_hundred_thousand_states(self) -> None:
        assert sum(searched(label).states for label in CASES) > 150_000


STEPS = {
    "released by hand": frozenset({"hand"}),
    "a day passes": frozenset({"day"}),
    "the other machine acts": frozenset({"twin"}),
}


def without_restore(record: Record | None, *_: object, now_ms: int, **__: object) -> Guard:
    """Begin as if data were never behind their record."""
    return Guard(record or Record(), now_ms)


def without_pull(guard: Guard, peer: bytes, heads: object, *, now_ms: int, **_: object) -> Guard:
    """Count an exchange as finished before the own tail that the peer named was pulled."""
    return release.heard(guard, peer, heads, holds=lambda place: True, now_ms=now_ms)  # type: ignore[arg-type]


def nothing(*_: object, **__: object) -> None:
    """Check nothing."""


def by_hand_whatever_befell(guard: Guard) -> Guard:
    """Let the user release a chain that was restored."""
    return replace(release.overruled(guard), record=guard.record._replace(is_retired=False))


def impatient(guard: Guard, peer: bytes, heads: object, *, now_ms: int, **more: object) -> Guard:
    """Be content with one report at once, as after 24 hours."""
    return release.heard(guard, peer, heads, now_ms=now_ms + release.PATIENCE_MS, **more)  # type: ignore[arg-type]


def without_reports(guard: Guard, place: Place, **_: object) -> Guard:
    """Release without a head check."""
    return replace(guard, record=guard.record._replace(released=place))


def a_file_of_anything(guard: Guard, place: Place, *, now_ms: int, by_hand: bool) -> Guard:
    """Write run files without asking."""
    return without_reports(guard, place) if by_hand else release.releasing(guard, place, now_ms=now_ms, by_hand=by_hand)


MUTANTS: dict[str, tuple[dict[str, object], str]] = {  # what is changed, and the case that shows it
    "the record is written after sending": ({"writes_first": False}, "data rolled back, two peers"),
    "data behind the record are used": ({"begin": without_restore}, "data rolled back, two peers"),
    "data without a record are used": ({"begin": without_restore}, "a copy on another machine"),
    "a copy beside the home is used": ({"begin": without_restore}, "copies beside each other, two peers"),
    "no exchange before sending": ({"check_peer": nothing}, "machine rolled back further, two peers"),
    "no head check": ({"releasing": without_reports}, "turned back when both peers had acknowledged"),
    "an unfinished exchange counts": ({"heard": without_pull}, "machine rolled back, two peers"),
    "a suspended process goes on": ({"resumed": lambda guard, **_: guard}, "machine rolled back, two peers"),
    "a restored chain is released by hand": (
        {"overruled": by_hand_whatever_befell}, "data rolled back, by hand, a run file",
    ),
    "one report is enough at once": ({"heard": impatient}, "turned back when both peers had acknowledged"),
    "who left is still met": (
        {"left": lambda guard, _: guard}, "machine rolled back, a peer that leaves and reads a run file",
    ),
    "a run file takes anything": (
        {"releasing": a_file_of_anything}, "machine rolled back, a peer that acknowledged, a run file",
    ),
}  # fmt: skip


class TestTheSearch:
    @pytest.mark.parametrize("mutant", MUTANTS)
    def test_notices(self, mutant: str) -> None:
        change, label = MUTANTS[mutant]

        found = search({**CASES, **DEEP}[label], SimpleNamespace(**{**vars(MACHINE), **change}))

        assert found.broken, mutant


if __name__ == "__main__":
    for name, case in {**CASES, **DEEP}.items():
        began, result = process_time(), search(case)
        print(f"{name}: {result.states} states in {process_time() - began:.0f} s, broken: {result.broken}")
