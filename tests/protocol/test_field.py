"""The field, read aloud (spec 12)."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import field
from mycelia_protocol.compose import withdraw
from mycelia_protocol.envelope import Entry
from mycelia_protocol.standing import Standing
from tests.builders import HOUR_MS, NOW_MS, Commons, Line, Member, note

AGES = some.integers(-(2**40), 2**45)
HALF_LIVES = some.integers(1, 2**42)


class Market:
    """Anna needs 10; Bo and Cleo offer 10 each."""

    def __init__(self) -> None:
        self.commons = Commons()
        self.anna, self.bo, self.cleo = (self.commons.member(name) for name in ("anna", "bo", "cleo"))
        self.need = self.anna.need(10)
        self.offers = {self.bo: self.bo.offer(10), self.cleo: self.cleo.offer(10)}

    def pledge(self, member: Member, amount: int) -> Line:
        """Commit to the need; return the line."""
        row = member.row(self.offers[member], (self.need, amount))
        return member.commit(row, (self.need, amount)), 0

    def accept(self, *lines: Line) -> Entry:
        """Accept lines for the need."""
        return self.anna.accept(self.need, *lines)

    @property
    def remaining(self) -> int:
        return field.remaining(self.commons.standing, self.need.id)

    def free(self, member: Member) -> int:
        return field.free(self.commons.standing, self.offers[member].id)


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
    def test_is_open_until_its_end(self) -> None:
        market = Market()
        intent = market.commons.standing.needs[market.need.id]

        assert field.is_open(intent, NOW_MS - 1)
        assert field.is_open(intent, NOW_MS + HOUR_MS - 1)
        assert not field.is_open(intent, NOW_MS + HOUR_MS)

    def test_is_not_open_once_withdrawn(self) -> None:
        market = Market()

        market.anna.say(withdraw(market.need.id))

        assert not field.is_open(market.commons.standing.needs[market.need.id], NOW_MS)


class TestANeed:
    def test_asks_for_all_of_it_at_first(self) -> None:
        assert Market().remaining == 10

    def test_asks_for_no_less_when_somebody_means_to_serve_it(self) -> None:
        market = Market()

        market.bo.row(market.offers[market.bo], (market.need, 6))

        assert (market.remaining, market.free(market.bo)) == (10, 10)

    def test_asks_for_less_with_every_commit_and_no_less_with_its_accept(self) -> None:
        market = Market()

        line = market.pledge(market.bo, 6)
        assert market.remaining == 4
        market.accept(line)
        assert market.remaining == 4

    def test_never_asks_for_less_than_nothing(self) -> None:
        market = Market()

        market.pledge(market.bo, 8)
        market.pledge(market.cleo, 8)

        assert market.remaining == 0

    def test_asks_again_for_what_was_released_before_it_was_accepted(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)

        market.commons.wait(HOUR_MS)
        market.bo.on("release", line)

        assert market.remaining == 10

    def test_goes_on_using_an_accepted_line_that_its_provider_left_until_it_says_that_it_knows(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)
        market.accept(line)

        exit_ = market.bo.on("cancel", line)
        assert market.remaining == 2
        market.anna.say(note(exit_))
        assert market.remaining == 10

    def test_is_free_of_a_line_that_it_left_itself(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)
        market.accept(line)

        market.anna.on("cancel", line)

        assert market.remaining == 10

    def test_is_met_by_what_it_received_after_all(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)
        accepted = market.accept(line)
        market.commons.wait(HOUR_MS)
        market.anna.on("lapse", line)

        delivered = market.bo.on("deliver", line, cites=[accepted])
        assert market.remaining == 10
        market.anna.on("receive", line, cites=[delivered])
        assert market.remaining == 2


class TestAnOffer:
    def test_is_free_of_what_its_own_chain_released(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)
        assert market.free(market.bo) == 2

        market.commons.wait(HOUR_MS)
        market.bo.on("release", line)

        assert market.free(market.bo) == 10

    def test_is_not_free_of_a_line_that_the_receiver_left_until_its_own_chain_says_so(self) -> None:
        market = Market()
        line = market.pledge(market.bo, 8)

        refusal = market.anna.on("cancel", line)
        assert market.free(market.bo) == 2
        market.bo.on("release", line, cites=[refusal])
        assert market.free(market.bo) == 10


class TestTheField:
    @given(order=some.randoms(use_true_random=False))
    def test_is_the_same_in_any_order_of_arrival(self, order: Random) -> None:
        market = Market()
        lines = [market.pledge(market.bo, 3), market.pledge(market.cleo, 4)]
        market.accept(*lines)
        market.bo.on("cancel", lines[0])
        arrived = list(market.commons.valid)
        order.shuffle(arrived)

        seen = Standing(market.commons.held.get)
        for entry in arrived:
            seen.add(entry)

        assert field.remaining(seen, market.need.id) == market.remaining == 3
        assert field.free(seen, market.offers[market.bo].id) == market.free(market.bo) == 10


class TestTheTableOfTheChapter:
    def test_is_the_codes(self) -> None:
        chapter = (Path(__file__).parents[2] / "spec" / "12-field.md").read_text("utf-8")
        table = json.loads(chapter.split("```json\n")[1].split("```")[0])

        assert table == [field.strength(step, field.STEPS) for step in range(field.STEPS)]
