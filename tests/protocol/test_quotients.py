"""Quotients: how what was done stands to the limits (spec 25, "Quotients")."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from mycelia_protocol import compose, statements
from mycelia_protocol.accounts import sheet
from mycelia_protocol.compose import OfferTail
from mycelia_protocol.envelope import Entry
from mycelia_protocol.quotients import Quotient, quotients
from tests.builders import HOUR_MS, Member
from tests.protocol.test_books import keep
from tests.protocol.test_budget import Town

AIR: Any = {
    "co2": {"unit": "kg", "scope": "soft", "source": "a table of 2024", "factors": {
        "produce bread": [1, 1], "transfer flour": [1, 3],
    }},
    "soil": {"unit": "t", "scope": "soft", "source": "the farmers", "factors": {"raise flour": [1, 2]}},
}  # fmt: skip


@pytest.fixture
def town() -> Town:
    return Town(**AIR)


def of(town: Town, entries: list[Entry] | None = None, forks: dict[bytes, int] | None = None) -> list[Quotient]:
    books = keep(town, town.valid if entries is None else entries, forks)
    return quotients(books, sheet(books), town.charter.budgets, lambda chain: town.members.identity_of(chain) or chain)


def by_name(town: Town, found: list[Quotient]) -> dict[str, Quotient]:
    names = {member.chain: member.name for member in (town.anna, town.bo, town.cleo)}
    return {"" if one.party is None else names.get(one.party, "?"): one for one in found}


def limit(town: Town, amount: int, *, impact: str = "co2", sense: str = "ceiling", begin_in: int = 0) -> Entry:
    begin_ms = town.now_ms + begin_in
    return town.board.say(statements.threshold(
        impact, sense, amount, begin_ms=begin_ms, end_ms=begin_ms + HOUR_MS, event=town.board.chain,
        chain=town.board.chain, root=town.board.root(),
    ))  # fmt: skip


class TestAQuotient:
    def test_sets_what_each_did_against_what_each_was_allotted(self, town: Town) -> None:
        """1000 for 10, 30 and 60 heads, who use 90, 310 and 500.

        Source: thresholds and allocations of context-based sustainability (McElroy).
        """
        ceiling = limit(town, 1000)
        for member, share, used in ((town.anna, 100, 90), (town.bo, 300, 310), (town.cleo, 600, 500)):
            town.allot(town.board, ceiling, member, share)
            assert town.bake(member, used) == "valid"

        found = by_name(town, of(town))

        assert {name: one.ratio for name, one in found.items()} == {
            "": Fraction(9, 10), "anna": Fraction(9, 10), "bo": Fraction(31, 30), "cleo": Fraction(5, 6),
        }  # fmt: skip
        assert {name: one.is_sustainable for name, one in found.items()} == {
            "": True, "anna": True, "bo": False, "cleo": True,
        }  # fmt: skip

    def test_of_a_floor_is_of_the_whole_alone(self, town: Town) -> None:
        limit(town, 10, impact="soil", sense="floor")
        town.anna.act("raise", 15, resource_class="flour")

        found = by_name(town, of(town))

        assert (found[""].ratio, found[""].is_sustainable) == (Fraction(8, 10), False)
        assert (found["anna"].used, found["anna"].ratio, found["anna"].is_sustainable) == (8, None, None)
        town.anna.act("raise", 4, resource_class="flour")
        assert by_name(town, of(town))[""].is_sustainable

    def test_counts_a_part_that_is_passed_on_for_who_has_it_now(self, town: Town) -> None:
        ceiling = limit(town, 100)
        first = town.allot(town.board, ceiling, town.anna, 60)
        town.allot(town.anna, first, town.bo, 20)

        found = by_name(town, of(town))

        assert {name: one.allowed for name, one in found.items()} == {"": 100, "anna": 40, "bo": 20}

    def test_is_none_where_nothing_was_allowed(self, town: Town) -> None:
        limit(town, 100)
        town.bake(town.cleo, 5)

        found = by_name(town, of(town))["cleo"]

        assert (found.ratio, found.used, found.is_sustainable) == (None, 5, False)

    def test_counts_a_line_when_it_is_done_and_not_when_it_is_promised(self, town: Town) -> None:
        limit(town, 100)
        need, offer = (one(10, resource_class="flour") for one in (town.bo.need, town.anna.offer))
        line = town.anna.commit(town.anna.row(offer, (need, 10)), (need, 10)), 0

        promised = by_name(town, of(town))
        accept = town.bo.accept(need, line)
        deliver = town.anna.on("deliver", line, cites=[accept])
        town.bo.on("receive", line, cites=[deliver])
        done = by_name(town, of(town))

        assert promised[""].used == 0
        assert (done[""].used, done["anna"].used) == (4, 4)

    def test_asks_for_the_time_of_the_limit(self, town: Town) -> None:
        town.bake(town.anna, 1)
        town.wait(10)
        limit(town, 100)
        town.bake(town.anna, 2)
        town.wait(HOUR_MS)
        town.bake(town.anna, 4)

        assert by_name(town, of(town))["anna"].used == 2

    def test_takes_thresholds_for_one_time_together_and_others_apart(self, town: Town) -> None:
        limit(town, 100)
        limit(town, 50)
        limit(town, 7, begin_in=HOUR_MS)

        assert [(one.allowed, one.party) for one in of(town)] == [(150, None), (7, None)]

    def test_believes_no_threshold_of_a_magisterium_that_forked_below_it(self, town: Town) -> None:
        ceiling = limit(town, 100)

        assert of(town, forks={town.board.chain: ceiling.header.sequence}) == []
        assert of(town, forks={town.board.chain: ceiling.header.sequence + 1})

    def test_believes_no_threshold_of_root_keys_that_were_rotated_out_before_it(self, town: Town) -> None:
        limit(town, 100)
        town.board.rotate()
        limit(town, 50)

        assert [one.allowed for one in of(town)] == [100]

    @pytest.mark.parametrize("seed", range(4))
    def test_is_the_same_in_any_order_of_arrival(self, town: Town, seed: int) -> None:
        ceiling, dice = limit(town, 100), random.Random(seed)
        town.allot(town.board, ceiling, town.anna, 60)
        _sold(town, town.anna, town.bo)
        entries = [*town.valid, *town.valid]
        dice.shuffle(entries)

        assert of(town, entries) == of(town), f"seed {seed}"


def _sold(town: Town, giver: Member, taker: Member) -> None:
    lot = giver.act("raise", 30, resource_class="flour")
    offer = giver.offer(30, resource_class="flour", tail=OfferTail(resource=lot))
    giver.give(taker, 20, offer=offer, need=taker.need(20, resource_class="flour", tail=compose.NeedTail()))
