"""Agreements: lines that bind together or not at all. `spec/vectors/agreement.json` has every rule."""

from __future__ import annotations

import pytest

from mycelia_protocol import compose, statements
from mycelia_protocol.compose import Content, Leg
from mycelia_protocol.standing import Status
from tests.agreements import conditional, ring
from tests.builders import HOUR_MS, Commons, Member, note
from tests.people import delegated, found, key_of

DAY_MS = 24 * HOUR_MS


class TestAnAgreement:
    @pytest.mark.parametrize("size", [2, 3])
    def test_binds_nobody_until_the_last_party_agrees(self, size: int) -> None:
        deal = ring(size)

        for member in deal.members[:-1]:
            deal.agree(member)
            assert deal.statuses() == [Status.PENDING] * size
        deal.agree(deal.members[-1])

        assert deal.statuses() == [Status.FIRM] * size

    def test_has_legs_that_are_not_accepted_alone(self) -> None:
        deal = ring(2)
        leg, need = deal.legs[0]

        assert deal.members[1].why_not(compose.accept(need=need, lines=[leg])) == "accept.hold"

    def test_is_delivered_once_all_agrees_are_cited(self) -> None:
        deal = ring(2)
        anna, bo = deal.members
        first, second = deal.agree(anna), deal.agree(bo)

        assert anna.why_not(deal.on("deliver", 0)) == "deliver.agreement"
        delivered = anna.say(deal.on("deliver", 0, second))
        bo.say(deal.on("receive", 0, delivered))
        bo.say(deal.on("deliver", 1, first))

        assert deal.statuses() == [Status.DONE, Status.FIRM]

    def test_is_left_without_a_debt_after_its_end_if_somebody_has_not_agreed(self) -> None:
        deal = ring(2)
        anna, _ = deal.members
        deal.agree(anna)
        assert anna.why_not(deal.on("release", 0)) == "release.ground"
        assert anna.why_not(deal.on("lapse", 1)) == "lapse.time"
        deal.commons.wait(2 * HOUR_MS)

        assert anna.why_not(deal.on("release", 0)) == "valid"
        assert anna.why_not(deal.on("lapse", 1)) == "valid"

    def test_is_left_without_a_debt_where_another_leg_was_left(self) -> None:
        deal = ring(3)
        deal.agree_all()
        anna, bo, _ = deal.members
        cancelled = bo.say(deal.on("cancel", 1))

        assert deal.statuses() == [Status.VOID] * 3
        assert anna.why_not(deal.on("release", 0)) == "release.ground"
        assert anna.why_not(deal.on("release", 0, cancelled)) == "valid"

    def test_holds_whoever_has_taken_to_what_it_is_to_give(self) -> None:
        deal = ring(3)
        agrees = deal.agree_all()
        anna, bo, cleo = deal.members
        delivered = anna.say(deal.on("deliver", 0, *agrees))
        bo.say(deal.on("receive", 0, delivered))
        cancelled = cleo.say(deal.on("cancel", 2))

        assert deal.statuses() == [Status.DONE, Status.FIRM, Status.VOID]
        assert bo.why_not(deal.on("release", 1, cancelled)) == "release.ground"
        assert deal.commons.standing.owing(deal.agreement.id) == []
        bo.say(deal.on("cancel", 1))
        assert deal.commons.standing.owing(deal.agreement.id) == [deal.legs[1][0]]


class TestAStrangerWhoAgrees:
    def test_leaves_no_trace_with_who_names_that(self) -> None:
        deal = ring(2)
        anna, _ = deal.members
        eve, dora = (anna.commons.member(name) for name in ("eve", "dora"))

        dora.say(note(eve.misstep(deal.agree_content())))
        assert not dora.prefix.facts
        dora.say(note(deal.agree(anna)))
        assert [key[:2] for key in dora.prefix.facts] == [("agrees", deal.agreement.id)]


class TestABotThatAgrees:
    def test_counts_what_it_accepts_against_what_it_may_take_a_day(self) -> None:
        bot, bo = bargainers(daily=10)
        first = [conditional(bo, bot, 6, until=3 * DAY_MS), conditional(bot, bo, 1, until=3 * DAY_MS)]
        bot.commons.wait(DAY_MS)
        second = [conditional(bo, bot, 6, until=3 * DAY_MS), conditional(bot, bo, 1, until=3 * DAY_MS)]

        assert bot.why_not(agreed(bo, first)) == "valid"
        assert bot.why_not(agreed(bo, second)) == "grant.cap"

    def test_counts_nothing_that_another_party_accepts(self) -> None:
        bot, bo = bargainers(daily=10)
        legs = [conditional(bo, bot, 6), conditional(bot, bo, 1), conditional(bo, found(bo.commons, "cleo"), 9)]

        assert bot.why_not(agreed(bo, legs)) == "valid"


def bargainers(*, daily: int) -> tuple[Member, Member]:
    """Return a bot that may write of so much food a day, and another member."""
    commons = Commons()
    anna, bo = found(commons, "anna"), found(commons, "bo")
    delegation = anna.say(statements.delegate(key_of("bot"), daily={"food": daily}))
    return delegated(anna, "bot", anna.identity, delegation), bo


def agreed(proposer: Member, legs: list[Leg]) -> Content:
    """Propose an agreement; return an agree to it without publishing it."""
    proposal = proposer.say(compose.agreement(end_ms=proposer.commons.now_ms + HOUR_MS // 2, legs=legs))
    return compose.agree(proposal.id, legs)
