"""Release over all small cases: nothing honest is released twice, and the search would notice if it were."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from time import process_time
from types import SimpleNamespace

import pytest

from mycelia_protocol import release
from mycelia_protocol.release import Guard, Place, Record
from tests.scenarios.release_search import MACHINE, Case, Result, search

DATA, MACHINES = frozenset({"data", "partial"}), frozenset({"machine", "live", "partial"})
CASES = {
    "data rolled back, two peers": Case(2, 0, 3, DATA),
    "data rolled back, a peer and a liar": Case(1, 1, 2, DATA),
    "copies beside each other, and a rollback": Case(1, 0, 3, frozenset({"copy", "data"})),
    "copies beside each other, two peers": Case(2, 0, 3, frozenset({"copy", "partial"})),
    "a copy on another machine": Case(2, 0, 3, frozenset({"moved"})),
    "machine rolled back, two peers": Case(2, 0, 2, MACHINES),
    "machine rolled back, a peer and a liar": Case(1, 1, 2, MACHINES),
    "turned back when both peers had acknowledged": Case(2, 0, 3, MACHINES, known=2),
}
DEEP = {
    "data rolled back further, a peer and a liar": Case(1, 1, 3, DATA),
    "machine rolled back further, two peers": Case(2, 0, 3, MACHINES),
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
        assert searched(label).broken == [], searched(label).trace

    def test_sends_in_every_case(self) -> None:
        assert all("send" in searched(label).kinds for label in CASES)

    def test_is_excused_only_where_the_whole_machine_was_turned_back(self) -> None:
        excused = {label for label in CASES if searched(label).excused}

        assert excused == {label for label in CASES if label.startswith("machine")}

    def test_was_searched_in_hundreds_of_thousands_of_states(self) -> None:
        assert sum(searched(label).states for label in CASES) > 300_000


def without_restore(record: Record | None, *_: object, now_ms: int, **__: object) -> Guard:
    """Begin as if data were never behind their record."""
    return Guard(record or Record(), now_ms)


def without_pull(guard: Guard, peer: bytes, heads: object, *, now_ms: int, **_: object) -> Guard:
    """Count an exchange as finished before the own tail that the peer named was pulled."""
    return release.heard(guard, peer, heads, holds=lambda place: True, now_ms=now_ms)  # type: ignore[arg-type]


def nothing(*_: object, **__: object) -> None:
    """Check nothing."""


MUTANTS: dict[str, tuple[dict[str, object], str]] = {  # what is changed, and the case that shows it
    "the record is written after sending": ({"writes_first": False}, "data rolled back, two peers"),
    "data behind the record are used": ({"begin": without_restore}, "data rolled back, two peers"),
    "data without a record are used": ({"begin": without_restore}, "a copy on another machine"),
    "a copy beside the home is used": ({"begin": without_restore}, "copies beside each other, two peers"),
    "no exchange before sending": ({"check_peer": nothing}, "machine rolled back further, two peers"),
    "an unfinished exchange counts": ({"heard": without_pull}, "machine rolled back, two peers"),
    "a suspended process goes on": ({"resumed": lambda guard, **_: guard}, "machine rolled back, two peers"),
}


def without_reports(guard: Guard, place: Place, **_: object) -> Guard:
    """Release without a head check."""
    return replace(guard, record=guard.record._replace(released=place))


class TestTheSearch:
    def test_notices_that_there_is_no_head_check(self) -> None:
        label = "turned back when both peers had acknowledged"

        found = search(CASES[label], SimpleNamespace(**{**vars(MACHINE), "releasing": without_reports}))

        assert searched(label).excused == 0
        assert found.excused or found.broken

    @pytest.mark.parametrize("mutant", MUTANTS)
    def test_notices(self, mutant: str) -> None:
        change, label = MUTANTS[mutant]

        found = search({**CASES, **DEEP}[label], SimpleNamespace(**{**vars(MACHINE), **change}))

        assert found.broken, mutant


if __name__ == "__main__":
    for name, case in {**CASES, **DEEP}.items():
        began, result = process_time(), search(case)
        print(f"{name}: {result.states} states in {process_time() - began:.0f} s, broken: {result.broken}")
