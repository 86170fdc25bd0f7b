"""Budgets: a limit that holds with no coordination. `spec/vectors/budget.json` has every rule."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import compose, keys, statements
from mycelia_protocol.accumulators import Allotted, Allowance, Purse
from mycelia_protocol.budgets import is_sustainable, quotient, shares
from mycelia_protocol.charter import MAX_AMOUNT, ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds.budgets import MAX_PURSE
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.standing import Status
from mycelia_protocol.validation import judge
from tests.builders import HOUR_MS, Commons, Member, on
from tests.dealings import branch
from tests.people import Council, council

GRAMS_A_LOAF = 900
CO2 = {"unit": "g", "scope": "hard", "source": "a table of 2024", "factors": {"produce bread": [GRAMS_A_LOAF, 1]}}
WATER = {"unit": "l", "scope": "soft", "source": "the river board", "factors": {"produce bread": [3, 1]}}


class Town(Commons):
    """A commons whose board says how much its ovens may cost the air."""

    def __init__(self, **budgets: Any) -> None:
        sections: dict[str, Any] = {"budgets": budgets or {"co2": CO2}, "magisteria": [council("board")]}
        classes = {"bread": ResourceClass("loaf"), "flour": ResourceClass("kg")}
        super().__init__(found_charter("Oost", seed=bytes(16), classes=classes, sections=sections))
        self.board = Council(self, "board")
        self.anna, self.bo, self.cleo = (self.member(name) for name in ("anna", "bo", "cleo"))

    def threshold(self, amount: int) -> Entry:
        """Issue a ceiling."""
        return self.board.say(self.ceiling(amount))

    def ceiling(
        self, amount: int, *, begins_in: int = 0, chain: bytes | None = None, by: tuple[int, ...] = ()
    ) -> Content:
        """Return a ceiling of an hour that the board's keys sign for a chain of it, the first if none is named."""
        begin_ms = self.now_ms + begins_in
        return statements.threshold(
            "co2", "ceiling", amount, begin_ms=begin_ms, end_ms=begin_ms + HOUR_MS, event=self.board.chain,
            chain=chain or self.board.chain, root=self.board.root(None, *by),
        )  # fmt: skip

    def allot(self, giver: Member, source: Entry, to: Member, amount: int, *, ends_in: int = HOUR_MS) -> Entry:
        """Give a part of a ceiling or of an allowance to somebody, who takes it."""
        entry = giver.say(compose.allot(source.id, to.chain, "budget", "co2", amount, self.now_ms + ends_in))
        to.say(compose.take([entry.id]))
        return entry

    def bake(self, member: Member, loaves: int) -> str:
        """Bake, or return the rule that refuses it."""
        return member.why_not(compose.event("produce", amount=loaves, resource_class="bread"))


def left_of(member: Member) -> int:
    """Return all that is left of a member's allowances."""
    return sum(fact.left for fact in member.prefix.facts.values() if isinstance(fact, Allowance))


class TestAQuotient:
    """Context-based sustainability (McElroy): 1000 for 10, 30 and 60 people, of which they used 90, 310 and 500.

    Source: thresholds and allocations of context-based sustainability (McElroy); computed by another program.
    """

    def test_sets_what_was_used_against_what_each_head_was_allotted(self) -> None:
        allotted = shares(1000, {"a": 10, "b": 30, "c": 60})

        assert allotted == {"a": 100, "b": 300, "c": 600}
        found = {name: quotient(used, allotted[name]) for name, used in (("a", 90), ("b", 310), ("c", 500))}
        assert {name: round(float(one or 0), 4) for name, one in found.items()} == {"a": 0.9, "b": 1.0333, "c": 0.8333}
        assert found["b"] == Fraction(31, 30)

    def test_keeps_a_ceiling_and_reaches_a_floor(self) -> None:
        assert is_sustainable(100, 100, sense="ceiling")
        assert not is_sustainable(101, 100, sense="ceiling")
        assert is_sustainable(100, 100, sense="floor")
        assert not is_sustainable(99, 100, sense="floor")

    def test_is_none_where_nothing_was_allotted(self) -> None:
        assert quotient(5, 0) is None

    @given(st.integers(0, 10**15), st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), max_size=9))
    def test_has_shares_that_add_up(self, amount: int, weights: dict[str, int]) -> None:
        found = shares(amount, weights)

        assert sum(found.values()) == (amount if any(weights.values()) else 0)
        total = sum(weights.values())
        for name, share in found.items():
            assert not total or abs(share - Fraction(amount * weights[name], total)) < 1


class TestABudget:
    def test_ends_where_it_ends(self) -> None:
        town = Town()
        town.allot(town.board, town.threshold(4000), town.anna, 4000)

        assert town.bake(town.anna, 4) == "valid"
        assert town.bake(town.anna, 1) == "budget.cap"
        with pytest.raises(Refused, match="500 g of co2 more than this chain has left"):
            town.anna.act("produce", 1, resource_class="bread")

    def test_passes_from_hand_to_hand(self) -> None:
        town = Town()
        first = town.allot(town.board, town.threshold(4000), town.anna, 4000)
        town.allot(town.anna, first, town.bo, 1000)

        assert (left_of(town.anna), left_of(town.bo)) == (3000, 1000)
        assert town.bake(town.bo, 1) == "valid"

    def test_is_counted_where_its_limit_is_soft(self) -> None:
        town = Town(water=WATER)

        assert town.bake(town.anna, 5) == "valid"
        [overdrawn] = [fact for key, fact in town.anna.prefix.facts.items() if key[0] == "overdrawn"]
        assert overdrawn == (15,)

    def test_is_overdrawn_by_no_more_than_can_be_counted(self) -> None:
        town = Town(water=WATER | {"factors": {"produce bread": [1024, 1]}})

        assert town.bake(town.anna, MAX_AMOUNT // 1024) == "valid"
        assert town.bake(town.anna, 1) == "budget.cap"
        assert town.bake(town.bo, MAX_AMOUNT) == "budget.cap"

    def test_binds_nobody_who_makes_other_things(self) -> None:
        town = Town()

        assert town.anna.why_not(compose.event("raise", amount=5, resource_class="flour")) == "valid"


class TestWhoWantsMore:
    """Somebody edits the program of his node and tries."""

    def test_spends_no_allowance_on_both_sides_of_a_partition(self) -> None:
        town = Town()
        source = town.threshold(2000)
        town.allot(town.board, source, town.anna, 1000)
        town.allot(town.board, source, town.bo, 1000)

        baked = [town.bake(member, 1) for member in (town.anna, town.bo, town.anna, town.bo)]

        assert baked == ["valid", "valid", "budget.cap", "budget.cap"]

    def test_takes_nothing_that_is_for_others_nor_twice(self) -> None:
        town = Town()
        allot = town.allot(town.board, town.threshold(2000), town.anna, 1000)

        assert town.bo.why_not(compose.take([allot.id])) == "take.allot"
        assert town.anna.why_not(compose.take([allot.id])) == "take.again"

    def test_gains_nothing_by_an_allowance_that_a_friend_did_not_have(self) -> None:
        town = Town()
        first = town.allot(town.board, town.threshold(2000), town.anna, 1000)
        forged = town.anna.misstep(compose.allot(first.id, town.bo.chain, "budget", "co2", 1500, town.now_ms + HOUR_MS))

        assert town.bo.why_not(compose.take([forged.id])) == "take.allot"

    def test_is_seen_where_a_friend_gives_away_what_it_had_a_second_time(self) -> None:
        town = Town()
        first = town.allot(town.board, town.threshold(2000), town.anna, 1000)
        town.allot(town.anna, first, town.cleo, 1000)
        forged = town.anna.misstep(compose.allot(first.id, town.bo.chain, "budget", "co2", 1000, town.now_ms + HOUR_MS))
        took = town.bo.say(compose.take([forged.id]))

        assert not town.standing.is_allotted(forged.id)
        assert town.standing.lacking(took) == [forged.id]

    def test_keeps_nobody_busy_with_ever_so_many_crumbs(self) -> None:
        town = Town()
        first = town.allot(town.board, town.threshold(2000), town.anna, 2000)
        for _ in range(MAX_PURSE):
            town.allot(town.anna, first, town.bo, 1, ends_in=HOUR_MS // 2)
        given = compose.allot(first.id, town.bo.chain, "budget", "co2", 1, town.now_ms + HOUR_MS)
        crumb = town.anna.say(given)

        assert town.bo.why_not(compose.take([crumb.id])) == "take.purse"
        town.wait(HOUR_MS // 2 + 1)
        assert town.bo.why_not(compose.take([crumb.id])) == "valid"
        [purse] = [fact for fact in town.bo.prefix.facts.values() if isinstance(fact, Purse)]
        assert len(purse.allots) == 1

    def test_has_the_signatures_of_a_ceiling_verified_once_however_often_it_is_taken_from(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        town, verified = Town(), list[bytes]()
        content = compose.allot(town.threshold(100).id, town.bo.chain, "budget", "co2", 10, town.now_ms + HOUR_MS)
        take = town.bo.draft(compose.take([town.board.say(content).id]))
        lineage, verify = Lineage(town.held.get, town.charter), keys.verify

        def counted(public: bytes, *more: Any, **named: Any) -> bool:
            verified.append(public)
            return verify(public, *more, **named)

        monkeypatch.setattr(keys, "verify", counted)
        costs = list[int]()
        for _ in range(3):
            assert judge(take, town.bo.prefix, town.held.get, town.charter, lineage).is_valid
            costs.append(len(verified))

        assert costs[0] == costs[1] == costs[2] > 0

    def test_makes_no_promise_out_of_a_part_that_was_never_there(self) -> None:
        town = Town()
        offer, need = town.anna.offer(10, resource_class="flour"), town.cleo.need(50, resource_class="flour")
        content = compose.allot(offer.id, town.bo.chain, "offer", "flour", 40, town.now_ms + HOUR_MS)
        forged = town.anna.misstep(content)
        town.bo.say(compose.take([forged.id]))
        part = town.bo.offer(40, resource_class="flour", tail=compose.OfferTail(allotment=forged.id))
        line = town.bo.commit(town.bo.row(part, (need, 40)), (need, 40)), 0
        town.cleo.accept(need, line)

        assert town.status(line) is Status.DISPLACED

    def test_makes_no_promise_out_of_a_part_of_a_part_that_was_never_there(self) -> None:
        town = Town()
        offer, ends = town.anna.offer(10, resource_class="flour"), town.now_ms + HOUR_MS
        forged = town.anna.misstep(compose.allot(offer.id, town.bo.chain, "offer", "flour", 40, ends))
        town.bo.say(compose.take([forged.id]))
        part = town.bo.offer(40, resource_class="flour", tail=compose.OfferTail(allotment=forged.id))
        given = town.bo.say(compose.allot(part.id, town.cleo.chain, "offer", "flour", 40, ends))
        town.cleo.say(compose.take([given.id]))
        of_part = town.cleo.offer(40, resource_class="flour", tail=compose.OfferTail(allotment=given.id))
        need = town.member("dora").need(40, resource_class="flour")
        line = town.cleo.commit(town.cleo.row(of_part, (need, 40)), (need, 40)), 0

        assert not town.standing.is_allotted(given.id)
        assert town.status(line) is Status.DISPLACED

    def test_undoes_nothing_that_two_others_did_by_a_part_of_hers(self) -> None:
        """Anna allots, Bo gives of it to Cleo, and then Anna forks below the allot."""
        town = Town()
        offer, twin = town.anna.offer(10, resource_class="flour"), branch(town.anna)
        given = town.anna.say(compose.allot(offer.id, town.bo.chain, "offer", "flour", 9, town.now_ms + HOUR_MS))
        town.bo.say(compose.take([given.id]))
        part = town.bo.offer(9, resource_class="flour", tail=compose.OfferTail(allotment=given.id))
        need = town.cleo.need(9, resource_class="flour")
        commit = town.bo.commit(town.bo.row(part, (need, 9)), (need, 9))
        accept = town.cleo.accept(need, (commit, 0))
        deliver = town.bo.on("deliver", (commit, 0), cites=[accept])

        town.standing.note_fork(town.anna.chain, twin.need(1, resource_class="flour").header.sequence)

        assert town.status((commit, 0)) is Status.DISPLACED
        town.cleo.on("receive", (commit, 0), cites=[deliver])
        assert town.status((commit, 0)) is Status.DONE

    def test_has_no_effective_part_of_what_was_given_where_its_giver_forked(self) -> None:
        town = Town()
        offer, twin = town.anna.offer(10, resource_class="flour"), branch(town.anna)
        given = town.anna.say(compose.allot(offer.id, town.bo.chain, "offer", "flour", 4, town.now_ms + HOUR_MS))
        took = town.bo.say(compose.take([given.id]))
        part = town.bo.offer(4, resource_class="flour", tail=compose.OfferTail(allotment=given.id))
        assert town.standing.is_effective(took)

        town.standing.note_fork(town.anna.chain, twin.need(1, resource_class="flour").header.sequence)

        assert town.standing.lacking(took) == town.standing.lacking(part) == [given.id]

    def test_makes_one_ceiling_of_one_word_of_the_board(self) -> None:
        town = Town()
        said = town.threshold(1000)
        again = Content("threshold", said.header.terms, said.header.deps)
        others = town.ceiling(1000, by=(1, 2))

        assert town.board.why_not(again) == town.board.why_not(others) == "threshold.again"
        assert town.board.why_not(town.ceiling(1001)) == "valid"

    def test_makes_no_second_ceiling_of_it_on_another_chain_of_the_board(self) -> None:
        town = Town()
        said, desk = town.ceiling(1000), town.board.install("desk")

        assert desk.why_not(said) == "threshold.chain"
        for_desk = town.ceiling(1000, chain=desk.chain)
        assert town.board.why_not(for_desk) == "threshold.chain"
        assert desk.why_not(for_desk) == "valid"

    def test_makes_none_as_the_heir_of_who_said_it(self) -> None:
        town = Town()
        said, desk, board = town.threshold(1000), town.board.install("desk"), town.board
        cut = desk.say(statements.revoke(said.id, heir=desk.chain, event=board.chain, root=board.root()))
        desk.say(statements.inherit(cut.id, said.id))

        assert desk.why_not(town.ceiling(1000)) == "threshold.chain"

    def test_takes_nothing_of_a_ceiling_before_it_begins(self) -> None:
        town = Town()
        ceiling = town.board.say(town.ceiling(1000, begins_in=HOUR_MS))
        ends = town.now_ms + 2 * HOUR_MS
        allot = town.board.say(compose.allot(ceiling.id, town.anna.chain, "budget", "co2", 1000, ends))

        assert town.anna.why_not(compose.take([allot.id])) == "take.early"
        town.wait(HOUR_MS)
        assert town.anna.why_not(compose.take([allot.id])) == "valid"

    def test_sets_no_ceiling_with_root_keys_that_were_rotated_out(self) -> None:
        town = Town()
        before = town.allot(town.board, town.threshold(1000), town.anna, 1000)
        town.board.rotate()
        after = town.allot(town.board, town.threshold(2000), town.anna, 2000)
        took = town.valid[-1]

        assert town.standing.is_allotted(before.id)
        assert not town.standing.is_allotted(after.id)
        assert town.standing.lacking(took) == [after.id]

    def test_issues_no_limits_and_the_board_makes_no_bread(self) -> None:
        town = Town()
        forged = statements.threshold(
            "co2",
            "ceiling",
            10**6,
            begin_ms=0,
            end_ms=1,
            event=town.board.chain,
            chain=town.board.chain,
            root=town.board.root(None, 0),
        )

        assert town.board.why_not(forged) == "identity.signature"
        assert town.bake(town.board, 1) == "magisterium.acts"


class TestAnyHistory:
    @pytest.mark.parametrize("seed", range(8))
    def test_spends_no_more_than_was_allotted_in_however_many_pieces(self, seed: int) -> None:
        dice, town = random.Random(seed), Town()
        source = town.threshold(30_000)
        members = [town.anna, town.bo, town.cleo]
        given_out: list[tuple[Member, Entry]] = []
        loaves, rules = {member.name: 0 for member in members}, set[str]()
        for _ in range(150):
            me, other = dice.sample(members, 2)
            match dice.choice(("allot", "pass", "bake", "bake")):
                case "allot":
                    giver, of = cast(Member, town.board), source
                case "pass" if given_out:
                    giver, of = dice.choice(given_out)
                case _:
                    if town.bake(me, size := dice.randint(1, 6)) == "valid":
                        loaves[me.name] += size
                    continue
            try:
                given_out.append((other, town.allot(giver, of, other, dice.randint(1, 4000))))
            except Refused as refused:
                rules.add(refused.rule)

        assert rules <= {"allot.amount", "allot.to"}, seed
        allotted = town.board.prefix.facts["allotted", source.id, -1]
        assert isinstance(allotted, Allotted)
        spent = sum(loaves.values()) * GRAMS_A_LOAF
        assert spent + sum(map(left_of, members)) <= allotted.amount <= 30_000
        assert spent > 0

    @pytest.mark.parametrize("seed", range(4))
    def test_keeps_an_offer_and_its_parts_within_its_amount(self, seed: int) -> None:
        dice, town = random.Random(seed), Town()
        offer, need = town.anna.offer(40, resource_class="flour"), town.cleo.need(400, resource_class="flour")
        promised, rules = 0, set[str]()
        for _ in range(60):
            amount = dice.randint(1, 9)
            try:
                if dice.random() < 0.5:
                    allot = town.anna.say(compose.allot(
                        offer.id, town.bo.chain, "offer", "flour", amount, town.now_ms + HOUR_MS
                    ))  # fmt: skip
                    town.bo.say(compose.take([allot.id]))
                    giver, part = town.bo, town.bo.offer(
                        amount, resource_class="flour", tail=compose.OfferTail(allotment=allot.id)
                    )  # fmt: skip
                else:
                    giver, part = town.anna, offer
                line = giver.commit(giver.row(part, (need, amount)), (need, amount)), 0
            except Refused as refused:
                rules.add(refused.rule)
                continue
            promised += amount
            if dice.random() < 0.2:
                giver.on("cancel", line)
                promised -= amount if giver is town.anna else 0
            assert promised <= 40, seed
            assert town.standing.committed(offer.id) == town.anna.committed(offer), seed
        assert rules <= {"allot.amount", "row.capacity"}, seed


def test_gives_back_what_a_cancelled_line_would_have_cost() -> None:
    factors = {"transfer bread": [GRAMS_A_LOAF, 1]}
    town = Town(co2={**CO2, "factors": factors})
    town.allot(town.board, town.threshold(4000), town.anna, 3600)
    need, offer = town.cleo.need(4, resource_class="bread"), town.anna.offer(4, resource_class="bread")
    line = town.anna.commit(town.anna.row(offer, (need, 4)), (need, 4)), 0

    assert left_of(town.anna) == 0
    town.anna.say(on("cancel", line))
    assert left_of(town.anna) == 3600
