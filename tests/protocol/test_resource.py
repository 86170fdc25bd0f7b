"""Resources: stock is what events and lines add up to. `spec/vectors/resource.json` has every rule."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from mycelia_protocol import compose, state
from mycelia_protocol.accumulators import Reserve, Resource, ResourceId
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.compose import NeedTail, OfferTail
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds.events import MAX_AWAY
from tests.builders import CELL, HOUR_MS, Commons, Member, charter, on

SEEDS = range(12)


@pytest.fixture
def commons() -> Commons:
    return Commons()


@pytest.fixture
def anna(commons: Commons) -> Member:
    return commons.member("anna")


@pytest.fixture
def bo(commons: Commons) -> Member:
    return commons.member("bo")


class TestTheTable:
    def test_has_the_nineteen_actions_of_valueflows(self) -> None:
        assert len(ACTIONS) == 19

    def test_pairs_what_leaves_with_what_comes_back(self) -> None:
        for name, action in ACTIONS.items():
            if action.pairsWith:
                assert ACTIONS[action.pairsWith].pairsWith == name

    def test_takes_between_two_no_more_than_it_brings_unless_it_is_used_up(self) -> None:
        for name, action in ACTIONS.items():
            if action.is_bilateral and name != "consume":
                assert all(to or not given for given, to in zip(action.gives, action.takes, strict=True)), name


class TestAResource:
    def test_is_in_no_more_boxes_at_once_than_are_noted(self, anna: Member) -> None:
        lot = anna.act("raise", 100, resource_class="food")
        boxes = [anna.act("raise", 1, resource_class="food") for _ in range(MAX_AWAY + 1)]
        for box in boxes[:-1]:
            anna.act("combine", 1, resource=lot, to=box)

        assert anna.why_not(compose.event("combine", amount=1, resource=lot, to=boxes[-1])) == "event.away"
        anna.act("combine", 1, resource=lot, to=boxes[0])
        anna.act("separate", 2, resource=lot, to=boxes[0])
        anna.act("combine", 1, resource=lot, to=boxes[-1])
        assert len(anna.stock(lot).away) == MAX_AWAY

    def test_is_offered_once(self, anna: Member) -> None:
        lot = anna.act("raise", 10, resource_class="food")
        anna.offer(6, tail=OfferTail(resource=lot))

        assert anna.why_not(compose.event("consume", amount=5, resource=lot)) == "event.stock"
        with pytest.raises(Refused, match="5 is more than the 4"):
            anna.offer(5, tail=OfferTail(resource=lot))

    def test_goes_from_chain_to_chain_with_both_signatures(self, anna: Member, bo: Member) -> None:
        lot = anna.act("raise", 10, resource_class="food")
        offer, need = anna.offer(10, tail=OfferTail(resource=lot)), bo.need(4, tail=NeedTail())

        got = anna.give(bo, 4, offer=offer, need=need)

        assert anna.stock(lot)[1:5] == (6, 6, 6, 6)
        assert bo.stock(got)[1:5] == (4, 4, 0, 0)

    def test_is_lent_without_its_rights_and_comes_home(self, anna: Member, bo: Member) -> None:
        drill = anna.act("raise", 1, resource_class="food")
        lent = anna.give(
            bo, 1,
            offer=anna.offer(1, tail=OfferTail("transferCustody", drill)),
            need=bo.need(1, tail=NeedTail("transferCustody")),
        )  # fmt: skip
        assert (anna.stock(drill)[1:3], bo.stock(lent)[1:3]) == ((1, 0), (0, 1))
        assert bo.why_not(compose.event("consume", amount=1, resource=lent)) == "event.stock"

        bo.give(
            anna, 1,
            offer=bo.offer(1, tail=OfferTail("transferCustody", lent)),
            need=anna.need(1, tail=NeedTail("transferCustody", to=drill)),
        )  # fmt: skip
        assert (anna.stock(drill)[1:3], bo.stock(lent)[1:3]) == ((1, 1), (0, 0))

    def test_is_not_touched_by_work_for_a_process(self, anna: Member, bo: Member) -> None:
        process = anna.say(compose.process())
        need = anna.need(8, resource_class="care", tail=NeedTail("work", process=process.id))

        bo.give(anna, 8, offer=bo.offer(8, resource_class="care", tail=OfferTail("work")), need=need)

        assert not [fact for fact in anna.prefix.facts.values() if isinstance(fact, Resource)]

    def test_keeps_for_a_withdrawn_offer_what_its_open_lines_need(self, anna: Member, bo: Member) -> None:
        lot, need = anna.act("raise", 10, resource_class="food"), bo.need(8)
        offer = anna.offer(10, tail=OfferTail(resource=lot))
        line = anna.commit(anna.row(offer, (need, 3)), (need, 3)), 0

        anna.say(compose.withdraw(offer.id))
        assert anna.stock(lot).offered_onhand == 3
        anna.on("cancel", line)
        assert anna.stock(lot).offered_onhand == 0

    def test_says_how_far_it_goes_in_a_time(self) -> None:
        law = found(
            "Oost", seed=bytes(16), classes={"drill": ResourceClass("piece"), "hours": ResourceClass("h", 1, 4)}
        )
        commons = Commons(law)
        anna = commons.member("anna")
        drill = anna.act("raise", 1, resource_class="drill")
        anna.say(compose.capacity(drill, "hours", 8, 24 * HOUR_MS))
        tail = OfferTail("use", drill)
        begin = 24 * HOUR_MS - commons.now_ms % (24 * HOUR_MS)

        def offer(amount: int) -> Any:
            return anna.offer(amount, resource_class="hours", begins_in=begin, ends_in=begin + HOUR_MS, tail=tail)

        first = offer(5)
        with pytest.raises(Refused, match=r"9 is more than the 8"):
            offer(4)
        anna.say(compose.withdraw(first.id))
        offer(8)


class TestAForkedState:
    def test_is_written_and_read(self, anna: Member) -> None:
        lot = anna.act("raise", 10, resource_class="food")
        anna.act("pickup", 3, resource=lot)
        anna.offer(2, tail=OfferTail(resource=lot))
        anna.need(2, tail=NeedTail(to=lot))
        anna.say(compose.capacity(lot, "care", 8, HOUR_MS))

        kept = state.State.of(anna.prefix)

        assert state.read(state.write(kept)) == kept


class Market:
    """Members that do whatever comes to mind; what a rule refuses leaves no trace, some of it is published anyway."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.commons = Commons(charter(max_amount=40))
        self.members = [self.commons.member(name) for name in ("anna", "bo", "cleo")]
        self.open: list[tuple[Member, Member, Any, Any, Any]] = []  # provider, receiver, line, accept, deliver
        self.refused: Counter[str] = Counter()

    def step(self) -> None:
        """Let one member do one thing."""
        me, other = self.dice.sample(self.members, 2)
        if self.open and self.dice.random() < 0.4:
            self.go_on(self.open.pop(self.dice.randrange(len(self.open))))
        elif self.dice.random() < 0.5:
            self.trade(me, other)
        else:
            self.act(me)

    def act(self, me: Member) -> None:
        """Do something with something, rightly or not."""
        action, mine = self.dice.choice(sorted(ACTIONS)), self.resources(me)
        one, two = (self.dice.choice([None, *mine]) for _ in range(2))
        self.try_(me, compose.event(
            action, amount=self.dice.randint(1, 12), resource_class="food" if one is None else None, resource=one,
            to=two if self.dice.random() < 0.5 else None, cell=CELL if action == "move" else None,
        ))  # fmt: skip

    def trade(self, me: Member, other: Member) -> None:
        """Offer of a lot, for a need with a tail, and commit to it."""
        action = self.dice.choice([name for name, one in sorted(ACTIONS.items()) if one.is_bilateral])
        lot = self.dice.choice([None, *self.resources(me)])
        amount = self.dice.randint(1, 8)
        now = self.commons.now_ms
        window: dict[str, Any] = {"begin_ms": now, "end_ms": now + HOUR_MS}
        need = self.try_(other, compose.need("food", amount, CELL, urgency=0, tail=NeedTail(action), **window))
        offer = self.try_(me, compose.offer("food", 8, CELL, tail=OfferTail(action, lot), **window))
        if need is None or offer is None:
            return
        line = me.commit(me.row(offer, (need, amount)), (need, amount)), 0
        self.open.append((me, other, line, None, need))
        if self.dice.random() < 0.3:
            self.try_(me, compose.withdraw(offer.id))

    def go_on(self, deal: tuple[Member, Member, Any, Any, Any]) -> None:
        """Accept, deliver or receive what is open, or leave."""
        me, other, line, accept, need = deal
        if self.dice.random() < 0.2:
            self.try_(self.dice.choice([me, other]), on("cancel", line))
        elif accept is None:
            taken = other.why_not(compose.accept(need=need.id, lines=[(line[0].id, 0)]))
            if taken == "valid":
                self.open.append((me, other, line, self.commons.valid[-1], need))
        else:
            deliver = self.try_(me, on("deliver", line, cites=[accept]))
            if deliver is not None:
                self.try_(other, on("receive", line, cites=[deliver]))

    def try_(self, me: Member, content: compose.Content) -> Any:
        """Say it, if it is valid; if not, publish it against the rules one time in four."""
        try:
            return me.say(content)
        except Refused as refused:
            self.refused[refused.rule] += 1
            if self.dice.random() < 0.25:
                me.misstep(content)
            return None

    def resources(self, me: Member) -> list[ResourceId]:
        """Return what a member keeps records of."""
        return [key[1:] for key, fact in me.prefix.facts.items() if isinstance(fact, Resource)]


class TestAnyHistory:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_leaves_nothing_below_zero_or_below_what_is_offered(self, seed: int) -> None:
        market = Market(seed)

        for _ in range(300):
            market.step()
            for member in market.members:
                for name in market.resources(member):
                    held = member.stock(name)
                    assert 0 <= held.offered_accounting <= held.accounting, (seed, held)
                    assert 0 <= held.offered_onhand <= held.onhand, (seed, held)
                    assert all(one[-1] > 0 for one in held.away)

        assert {"event.stock", "offer.stock"} <= set(market.refused), "the dice never asked for too much"

    @pytest.mark.parametrize("seed", SEEDS)
    def test_keeps_no_more_for_an_offer_than_it_may_still_deliver(self, seed: int) -> None:
        market = Market(seed)
        for _ in range(300):
            market.step()

        for member in market.members:
            kept: Counter[ResourceId] = Counter()
            for fact in member.prefix.facts.values():
                if isinstance(fact, Reserve):
                    kept[fact.resource, fact.number] += fact.amount
            for name in market.resources(member):
                held = member.stock(name)
                assert max(held.offered_accounting, held.offered_onhand) <= kept[name], seed
