"""The field, read aloud (spec 12)."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import field
from mycelia_protocol.standing import Intent, Line, Mark, Standing

AGES = some.integers(-(2**40), 2**45)
HALF_LIVES = some.integers(1, 2**42)
NEED, OFFER, HERE, THERE = (bytes([number]) * 32 for number in range(4))


def intent(*, end_ms: int = 100, withdrawn: bool = False) -> Intent:
    return Intent(NEED, HERE, "need", "food", 10, 0, 0, end_ms, 0, 0, withdrawn)


def standing(*lines: tuple[int, set[Mark]]) -> Standing:
    """Return a need of 10 and an offer of 10, and lines between them with these amounts and marks."""
    seen = Standing(lambda _: None)
    seen.needs[NEED] = intent()
    seen.offers[OFFER] = intent()
    for number, (amount, marks) in enumerate(lines):
        line = Line(bytes(32), number, THERE, HERE, OFFER, NEED, amount, 1, 2, marks)
        seen.lines[line.id] = line
        seen.lines_of.setdefault(NEED, []).append(line.id)
        seen.lines_of.setdefault(OFFER, []).append(line.id)
    return seen


class TestStrength:
    def test_is_whole_at_first(self) -> None:
        assert field.strength(0, 1) == field.strength(0, 10**12) == field.FULL

    @given(age=AGES, more=some.integers(0, 2**40), half_life=HALF_LIVES)
    def test_never_rises_with_age(self, age: int, more: int, half_life: int) -> None:
        assert field.FULL >= field.strength(age, half_life) >= field.strength(age + more, half_life) >= 0

    @given(age=AGES, half_life=HALF_LIVES, longer=some.integers(0, 2**40))
    def test_never_falls_with_a_longer_half_life(self, age: int, half_life: int, longer: int) -> None:
        assert field.strength(age, half_life) <= field.strength(age, half_life + longer)

    @given(half_life=HALF_LIVES, age=some.integers(0, 2**45))
    def test_halves_with_every_half_life(self, half_life: int, age: int) -> None:
        assert field.strength(age + half_life, half_life) == field.strength(age, half_life) // 2

    def test_follows_the_exact_curve_in_every_step_of_its_table(self) -> None:
        for step in range(field.STEPS):
            left = field.strength(step, field.STEPS)

            # left is the floor of FULL * 2**(-step/64), said without roots
            assert left**64 << step <= field.FULL**64 < (left + 1) ** 64 << step

    def test_of_something_from_the_future_is_that_of_now(self) -> None:
        assert field.strength(-1, 1000) == field.FULL

    def test_is_nothing_after_twenty_half_lives_and_for_ever(self) -> None:
        assert field.strength(20, 1) == field.strength(10**30, 1) == 0


class TestAnIntent:
    def test_is_open_until_its_end_unless_withdrawn(self) -> None:
        assert field.is_open(intent(), 99)
        assert not field.is_open(intent(), 100)
        assert not field.is_open(intent(withdrawn=True), 0)


class TestANeed:
    def test_asks_for_all_of_it_at_first(self) -> None:
        assert field.remaining(standing(), NEED) == 10

    def test_asks_for_less_with_every_live_line(self) -> None:
        accepted = {("accept", HERE)}
        done = accepted | {("deliver", THERE), ("receive", HERE)}

        assert field.remaining(standing((1, set()), (2, accepted), (3, done)), NEED) == 4

    def test_never_asks_for_less_than_nothing(self) -> None:
        assert field.remaining(standing((8, set()), (8, set())), NEED) == 0

    def test_asks_again_for_what_was_released_before_it_was_accepted(self) -> None:
        assert field.remaining(standing((8, {("release", THERE)})), NEED) == 10

    def test_goes_on_using_an_accepted_line_that_its_provider_left_until_it_says_that_it_knows(self) -> None:
        left: set[Mark] = {("accept", HERE), ("cancel", THERE)}
        known = left | {(f"exit by {THERE.hex()}", HERE)}

        assert field.remaining(standing((8, left)), NEED) == 2
        assert field.remaining(standing((8, known)), NEED) == 10

    def test_is_free_of_a_line_that_it_left_itself(self) -> None:
        for exit_ in ("lapse", "cancel"):
            assert field.remaining(standing((8, {("accept", HERE), (exit_, HERE)})), NEED) == 10

    def test_is_met_by_what_it_received_after_all(self) -> None:
        late: set[Mark] = {("accept", HERE), ("lapse", HERE), ("deliver", THERE), ("receive", HERE)}

        assert field.remaining(standing((8, late)), NEED) == 2

    def test_does_not_depend_on_the_order_of_its_lines(self) -> None:
        lines: list[tuple[int, set[Mark]]] = [(1, set()), (2, {("accept", HERE)}), (3, {("release", THERE)})]

        for order in permutations(lines):
            assert field.remaining(standing(*order), NEED) == 7


class TestAnOffer:
    def test_is_free_but_for_what_its_chain_committed_and_did_not_free(self) -> None:
        seen = standing((3, set()), (4, {("release", THERE)}), (2, {("accept", HERE), ("cancel", THERE)}))

        assert field.free(seen, OFFER) == 7

    def test_is_not_free_of_a_line_that_the_receiver_left_until_it_frees_it_itself(self) -> None:
        lapsed: set[Mark] = {("accept", HERE), ("lapse", HERE)}

        assert field.free(standing((3, lapsed)), OFFER) == 7
        assert field.free(standing((3, lapsed | {("release", THERE)})), OFFER) == 10


class TestTheTableOfTheChapter:
    def test_is_the_codes(self) -> None:
        chapter = (Path(__file__).parents[2] / "spec" / "12-field.md").read_text("utf-8")
        table = json.loads(chapter.split("```json\n")[1].split("```")[0])

        assert table == [field.strength(step, field.STEPS) for step in range(field.STEPS)]
