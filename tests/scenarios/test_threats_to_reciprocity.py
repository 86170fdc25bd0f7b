"""Somebody edits the code of his own node and credits himself: what everybody else is left with.

He can sign whatever he likes; what he signs against a rule is invalid for all, and what nobody gave counts for nobody.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from mycelia_protocol import compose, statements
from mycelia_protocol.balances import by_person, counted, overdrawn
from mycelia_protocol.charter import Tree
from mycelia_protocol.compose import Content, NeedTail, OfferTail
from mycelia_protocol.envelope import Entry
from mycelia_protocol.reciprocity import Settled
from mycelia_protocol.standing import Standing
from tests.builders import Line, Member, accept, line_id, note, on
from tests.dealings import (
    Commons,
    account,
    branch,
    contributed,
    dealt,
    found,
    pledged,
    reciprocal,
    settle,
)  # fmt: skip
from tests.people import Person

FLOOR = -40


class Town:
    """Eve, who has edited her node, and two who have not."""

    def __init__(self) -> None:
        self.commons = Commons(reciprocal())
        self.eve, self.bo, self.cleo = (found(self.commons, name) for name in ("eve", "bo", "cleo"))

    def refuses(self, member: Member, content: Content) -> str:
        """Return the rule by which everybody refuses what was signed all the same, and leave it in its place."""
        refused = member.judge(member.draft(content)).refused
        assert refused is not None
        before = contributed(member), account(member)
        member.misstep(content)
        assert (contributed(member), account(member)) == before
        return refused.rule

    def balance(self, member: Member) -> int:
        """Return what everybody counts for a chain."""
        return counted(self.commons.standing, {"hours"})["hours"].balances.get(member.chain, 0)


@pytest.fixture
def town() -> Town:
    return Town()


class TestCreditingOneself:
    def test_without_a_receipt_is_refused(self, town: Town) -> None:
        deal = dealt(town.eve, town.bo, 8, "care", is_received=False)
        assert deal.deliver

        for confirmation in (deal.deliver, deal.accept, deal.need):
            content = compose.settle([Settled(confirmation.id, line_id(deal.line))])
            assert town.refuses(town.eve, content) == "settle.receive"

    @pytest.mark.parametrize("action", ["raise", "produce"])
    def test_with_hours_out_of_nothing_is_refused(self, town: Town, action: str) -> None:
        content = compose.event(action, amount=1000, resource_class="hours")

        assert town.refuses(town.eve, content) == "event.class"

    def test_for_what_was_sold_is_refused(self, town: Town) -> None:
        price, need = town.eve.need(8), town.bo.need(8, resource_class="care")
        offer = town.eve.offer(8, resource_class="care", tail=OfferTail(reciprocal=price.id))
        line = town.eve.commit(town.eve.row(offer, (need, 8)), (need, 8)), 0
        delivered = town.eve.on("deliver", line, cites=[town.bo.accept(need, line)])
        received = town.bo.on("receive", line, cites=[delivered])

        assert town.refuses(town.eve, compose.settle([Settled(received.id, line_id(line))])) == "settle.gift"

    def test_for_giving_back_what_was_borrowed_is_refused(self, town: Town) -> None:
        need = town.bo.need(8, resource_class="care", tail=NeedTail("transferCustody"))
        offer = town.eve.offer(8, resource_class="care", tail=OfferTail("transferCustody"))
        line = town.eve.commit(town.eve.row(offer, (need, 8)), (need, 8)), 0
        delivered = town.eve.on("deliver", line, cites=[town.bo.accept(need, line)])
        received = town.bo.on("receive", line, cites=[delivered])

        assert town.refuses(town.eve, compose.settle([Settled(received.id, line_id(line))])) == "settle.gift"

    def test_with_the_receipt_of_another_own_chain_is_refused(self, town: Town) -> None:
        phone = town.eve.install("eve's phone")

        assert town.refuses(town.eve, settle(dealt(town.eve, phone, 8, "care"))) == "settle.other"
        assert town.refuses(phone, settle(dealt(phone, town.eve, 8, "care"))) == "settle.other"

    def test_with_the_receipt_of_a_chain_without_identity_is_refused_behind_a_membrane(self) -> None:
        commons = Commons(reciprocal(Tree(3, 3, False), ["eve"]))
        eve = found(commons, "eve")
        ghost = Member(commons, "ghost", commons.now_ms)  # its open is invalid here, and is signed all the same

        assert eve.why_not(settle(dealt(eve, ghost, 8, "care"))) == "settle.other"

    def test_with_the_receipt_of_an_identity_that_nobody_let_in_counts_where_strangers_count(self) -> None:
        commons = Commons(reciprocal(Tree(3, 3, False), ["eve"]))
        eve = found(commons, "eve")
        puppet = Person(commons, "puppet", invitation=eve.invite("puppet"))
        deal = dealt(eve, puppet, 8, "care")
        entry = eve.say(settle(deal))

        standing = Standing(commons.held.get, commons.members.heirs)
        for one in commons.valid:
            if commons.members.counts(one.chain, one.header.sequence):
                standing.add(one)

        assert standing.lacking(entry) == [line_id(deal.line)[0]]  # the puppet's receipt is not there to confirm it

    def test_twice_for_one_line_is_refused(self, town: Town) -> None:
        deal = dealt(town.eve, town.bo, 8, "care")
        town.eve.say(settle(deal))

        assert town.refuses(town.eve, settle(deal)) == "settle.again"
        again = compose.settle([deal.settled((town.eve.opening.id, 0))])
        assert town.refuses(town.eve, again) == "settle.again"
        assert contributed(town.eve) == 12

    def test_with_an_amount_that_she_made_up_is_refused(self, town: Town) -> None:
        deal = dealt(town.eve, town.bo, 8, "care")
        plain = settle(deal)

        assert town.refuses(town.eve, plain._replace(terms=[*plain.terms, 1_000_000])) == "settle.terms"
        need = town.bo.need(8, resource_class="care")
        row = town.eve.row(town.eve.offer(900, resource_class="care"), (need, 900))
        assert town.refuses(town.eve, town.eve.commit_content(row, (need, 900))) == "commit.amount"

    def test_with_a_receipt_about_another_line_is_refused(self, town: Town) -> None:
        small, large = (dealt(town.eve, town.bo, amount, "care", is_received=amount == 1) for amount in (1, 900))
        assert small.receive

        content = compose.settle([Settled(small.receive.id, line_id(large.line))])

        assert town.refuses(town.eve, content) == "settle.receive"

    def test_for_a_line_that_others_delivered_is_refused(self, town: Town) -> None:
        assert town.refuses(town.eve, settle(dealt(town.bo, town.cleo, 8, "care"))) == "settle.line"

    def test_for_a_line_whose_commit_was_invalid_is_refused(self, town: Town) -> None:
        """Bo is in league with her and confirms what she could never promise."""
        need = town.bo.need(8, resource_class="care")
        row = town.eve.row(town.eve.offer(8, resource_class="care"))
        line: Line = town.eve.misstep(town.eve.commit_content(row, (need, 8))), 0
        accepted = town.bo.accept(need, line)
        delivered = town.eve.misstep(on("deliver", line, cites=[accepted]))
        received = town.bo.on("receive", line, cites=[delivered])

        content = compose.settle([Settled(received.id, line_id(line))])

        assert town.refuses(town.eve, content) == "settle.line"


class TestSpendingBelowTheFloor:
    def offered(self, town: Town, spender: Member, receiver: Member, amount: int) -> tuple[Entry, Content]:
        need = receiver.need(amount, resource_class="hours")
        row = spender.row(spender.offer(amount, resource_class="hours"), (need, amount))
        return need, spender.commit_content(row, (need, amount))

    def test_is_refused(self, town: Town) -> None:
        _, content = self.offered(town, town.eve, town.bo, 41)

        assert town.refuses(town.eve, content) == "commit.credit"

    def test_in_many_small_promises_is_refused(self, town: Town) -> None:
        for _ in range(4):
            pledged(town.eve, town.bo, 10, "hours")

        _, content = self.offered(town, town.eve, town.cleo, 1)

        assert town.refuses(town.eve, content) == "commit.credit"

    def test_on_two_chains_of_hers_is_refused(self, town: Town) -> None:
        phone = town.eve.install("eve's phone")
        dealt(town.eve, town.bo, 40, "hours")

        _, content = self.offered(town, phone, town.cleo, 1)

        assert town.refuses(phone, content) == "commit.credit"

    def test_on_a_chain_that_takes_over_from_her_first_is_refused(self, town: Town) -> None:
        """Else who cuts her own chain again and again would owe the floor each time."""
        eve = town.eve
        dealt(eve, town.bo, 40, "hours")
        phone = eve.install("eve's phone")
        cut = eve.prefix.tip
        revoke = phone.say(statements.revoke(cut, heir=phone.chain, event=eve.event, root=eve.root()))
        phone.say(statements.inherit(revoke.id, cut))

        _, content = self.offered(town, phone, town.cleo, 1)

        assert town.refuses(phone, content) == "commit.credit"

    def test_on_two_first_chains_of_hers_is_valid_and_she_is_seen_to_be_overdrawn(self, town: Town) -> None:
        """No rule of one chain sees that the root keys signed two of its kind."""
        town.commons.wait(1000)
        second = found(town.commons, "eve")
        dealt(town.eve, town.bo, 40, "hours")
        dealt(second, town.cleo, 40, "hours")

        one, members = counted(town.commons.standing, {"hours"})["hours"], town.commons.members
        assert second.identity == town.eve.identity
        assert by_person(one, members.identity_of)[second.identity] == 2 * FLOOR
        assert overdrawn(one, town.commons.charter.credit["hours"], members.identity_of) == {second.identity}

    def test_by_an_heir_that_delivers_what_was_cancelled_is_refused(self, town: Town) -> None:
        eve = town.eve
        deal = pledged(eve, town.bo, 40, "hours")
        eve.on("cancel", deal.line)
        dealt(eve, town.cleo, 40, "hours")
        phone = eve.install("eve's phone")
        cut = eve.prefix.tip
        revoke = phone.say(statements.revoke(cut, heir=phone.chain, event=eve.event, root=eve.root()))
        phone.say(statements.inherit(revoke.id, cut))

        content = on("deliver", deal.line, cites=[deal.need, deal.accept])

        assert town.refuses(phone, content) == "deliver.credit"

    def test_in_league_with_somebody_puts_him_below_his_floor_for_all_to_see(self, town: Town) -> None:
        """What no verdict can see (spec 23, "What holds"): his entries are valid, and what he spends he owes."""
        need, content = self.offered(town, town.eve, town.bo, 90)
        line: Line = town.eve.misstep(content), 0
        accepted = town.bo.accept(need, line)
        delivered = town.eve.misstep(on("deliver", line, cites=[accepted]))
        town.bo.on("receive", line, cites=[delivered])
        assert (account(town.bo).balance, town.balance(town.bo)) == (90, 0)

        dealt(town.bo, town.cleo, 90, "hours")

        assert account(town.bo).balance == 0
        assert (town.balance(town.bo), town.balance(town.cleo)) == (-90, 90)
        assert town.balance(town.bo) < FLOOR

    def test_from_two_partitions_is_valid_on_each_and_seen_by_all_once_they_meet(self, town: Town) -> None:
        eve, commons = town.eve, town.commons
        eve.say(note())
        twin = branch(eve)
        dealt(eve, town.bo, 40, "hours")
        dealt(twin, town.cleo, 39, "hours")

        seen = set()
        late = [entry for entry in commons.valid if entry.header.kind in ("commit", "accept", "receive")]
        for order in permutations(late):
            standing = Standing(commons.held.get)
            for entry in (*commons.valid, *order):
                standing.add(entry)
            standing.note_fork(eve.chain, 2)
            one = counted(standing, {"hours"})["hours"]
            assert sum(one.balances.values()) + one.transit == 0
            seen.add(tuple(sorted(one.balances.items())))

        assert len(seen) == 1
        assert dict(seen.pop()) == {eve.chain: -79, town.bo.chain: 40, town.cleo.chain: 39}

    def test_from_two_partitions_of_one_offer_counts_once(self, town: Town) -> None:
        eve = town.eve
        needs = [one.need(40, resource_class="hours") for one in (town.bo, town.cleo)]
        offer = eve.offer(40, resource_class="hours")
        twin = branch(eve)
        for side, receiver, need in ((eve, town.bo, needs[0]), (twin, town.cleo, needs[1])):
            line: Line = side.commit(side.row(offer, (need, 40)), (need, 40)), 0
            delivered = side.on("deliver", line, cites=[receiver.say(accept(need, line))])
            receiver.on("receive", line, cites=[delivered])

        town.commons.standing.note_fork(eve.chain, offer.header.sequence + 1)

        assert town.balance(eve) == FLOOR
        assert sorted((town.balance(town.bo), town.balance(town.cleo))) == [0, 40]


class TestReceivingAboveTheCeiling:
    def test_is_refused_by_the_receivers_side(self) -> None:
        commons = Commons(reciprocal(credit={"hours": [-500, 100]}))
        eve, bo = found(commons, "eve"), found(commons, "bo")
        need = bo.need(101, resource_class="hours")
        line: Line = eve.commit(eve.row(eve.offer(101, resource_class="hours"), (need, 101)), (need, 101)), 0

        assert bo.why_not(accept(need, line)) == "accept.credit"
