"""Agreements: lines that bind together or not at all. `spec/vectors/agreement.json` has every rule."""

from __future__ import annotations

import pytest

from mycelia_protocol import compose
from mycelia_protocol.standing import Status
from tests.agreements import ring
from tests.builders import HOUR_MS


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
