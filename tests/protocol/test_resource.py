"""Resources: stock is what events and lines add up to. `spec/vectors/resource.json` has every rule."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mycelia_protocol import compose, state
from mycelia_protocol.accumulators import Reserve, Resource, ResourceId
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.books import Books
from mycelia_protocol.charter import MAX_AMOUNT, ResourceClass, found
from mycelia_protocol.compose import NeedTail, OfferTail
from mycelia_protocol.errors import Refused
from mycelia_protocol.inventory import Inventory, Stock
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

    def test_is_cell_by_cell_that_of_the_chapter(self) -> None:
        assert {name: tuple(action) for name, action in ACTIONS.items()} == {row[0]: row for row in ROWS}

    def test_pairs_what_leaves_with_what_comes_back(self) -> None:
        for name, action in ACTIONS.items():
            if action.pairsWith:
                assert ACTIONS[action.pairsWith].pairsWith == name

    def test_takes_between_two_no_more_than_it_brings_unless_it_is_used_up(self) -> None:
        for name, action in ACTIONS.items():
            if action.is_bilateral and name != "consume":
                assert all(to or not given for given, to in zip(action.gives, action.takes, strict=True)), name


def table() -> list[tuple[str, ...]]:
    """Return the rows of the table of actions as chapter 20 prints them."""
    text = (Path(__file__).parents[2] / "spec" / "20-resource.md").read_text()
    part = text.split("### Actions")[1].split("**Between two.**")[0]
    _, *lines = (line for line in part.splitlines() if line.startswith("| "))
    return [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in lines]


ROWS = table()
COLUMNS = (
    "name", "io", "pairs", "creates", "quantity", "accounting", "onhand", "location", "contained", "accountable",
    "stage", "state", "between",
)  # fmt: skip
EACH = pytest.mark.parametrize(
    "row", [dict(zip(COLUMNS, row, strict=True)) for row in ROWS], ids=lambda row: row["name"]
)
TIMES = {"": 0, "increment": 1, "decrement": -1, "decrementIncrement": -1, "incrementTo": 0}


class TestAnAction:
    """Every action against every column, by the words of the printed table alone."""

    @EACH
    def test_has_the_effects_of_its_row_and_no_others(self, anna: Member, row: dict[str, str]) -> None:
        if row["name"].startswith("transfer"):
            assert anna.why_not(compose.event(row["name"], amount=1, resource_class="food")) == "event.action"
            return
        lot, other = (anna.act("raise", 10, resource_class="food") for _ in range(2))
        self.prepare(anna, lot, other, row["pairs"] or row["contained"], 2)
        second = other if row["contained"] or row["creates"] == "optionalTo" else None
        said: dict[str, Any] = {"amount": 2, "resource": lot, "to": second}
        said |= {"cell": CELL} if row["location"] in ("update", "updateTo") else {}
        said |= {"stage": "baked"} if row["stage"] else {}
        said |= {"state": "dry"} if row["state"] else {}

        before = self.held(anna, lot), self.held(anna, other)
        anna.act(row["name"], **said)
        after = self.held(anna, lot), self.held(anna, other)

        rights, at_hand = TIMES[row["accounting"]], TIMES[row["onhand"]]
        about, comes = (1, 2) if row["creates"] == "optionalTo" else (0, 0)
        assert after[0].accounting == before[0].accounting + 2 * rights
        assert after[0].onhand == before[0].onhand + 2 * at_hand
        assert (after[1].accounting, after[1].onhand) == (before[1].accounting + comes, before[1].onhand + comes)
        assert after[about].cell == (CELL if row["location"] in ("update", "updateTo") else None)
        assert (after[about].stage, after[about].state) == (said.get("stage"), said.get("state"))
        assert after[0].container == (other if row["contained"] == "update" else None)
        assert {one.accountable for one in after} == {anna.chain}

    @EACH
    def test_says_nothing_that_its_row_has_no_effect_on(self, anna: Member, row: dict[str, str]) -> None:
        if row["name"].startswith("transfer"):
            return
        lot, other = (anna.act("raise", 10, resource_class="food") for _ in range(2))
        self.prepare(anna, lot, other, row["pairs"] or row["contained"], 6)
        second = other if row["contained"] or row["creates"] == "optionalTo" else None
        process = anna.say(compose.process()).id
        columns = (
            ("cell", CELL, "location", "event.cell"), ("stage", "baked", "stage", "event.state"),
            ("state", "dry", "state", "event.state"), ("process", process, "io", "event.process"),
        )  # fmt: skip
        for field, value, column, rule in columns:
            said: dict[str, Any] = {"amount": 1, "resource": lot, "to": second, field: value}
            why = anna.why_not(compose.event(row["name"], **said))
            assert why == ("valid" if row[column] else rule), field

    @staticmethod
    def prepare(anna: Member, lot: ResourceId, other: ResourceId, back: str, amount: int) -> None:
        """Have something of the lot away by the action that this one is the way back of."""
        if back in ("pickup", "accept"):
            anna.act(back, amount, resource=lot)
        elif back == "remove":
            anna.act("combine", amount, resource=lot, to=other)

    @staticmethod
    def held(anna: Member, name: ResourceId) -> Stock:
        """Return a resource as the books have it."""
        books = Books(anna.commons.standing, anna.commons.held.get)
        for entry in anna.commons.valid:
            books.add(entry)
        return Inventory(books).stocks[name]


class TestAPlace:
    def test_is_where_the_need_was_if_the_action_brings_a_thing_there(self, anna: Member, bo: Member) -> None:
        places = {}
        for row in (dict(zip(COLUMNS, row, strict=True)) for row in ROWS):
            if row["between"].endswith("+") or row["between"].endswith("+."):
                lot = anna.act("raise", 1, resource_class="food")
                offer = anna.offer(1, tail=OfferTail(row["name"], None if row["name"] == "produce" else lot))
                got = anna.give(bo, 1, offer=offer, need=bo.need(1, tail=NeedTail(row["name"])))
                places[row["name"]] = TestAnAction.held(anna, got).cell, bool(row["location"])

        assert {name for name, (_, has_effect) in places.items() if not has_effect} == {
            "deliverService", "transferAllRights",
        }  # fmt: skip
        assert all((cell == CELL) == has_effect for cell, has_effect in places.values())


class TestEightApples:
    """Eight in the books and one in hand, then made, eaten, lent, made over and given.

    Source: hREA, scenario "EconomicResource & EconomicEvent record interactions" (test/economic-resource), which has
    the numbers; its action `pass` is gone from ValueFlows 1.0.
    """

    def test_come_to_what_each_event_leaves(self, anna: Member, bo: Member) -> None:
        apples = anna.act("raise", 8, resource_class="food")

        def give(action: str, amount: int) -> ResourceId:
            offer = anna.offer(amount, tail=OfferTail(action, apples))
            return anna.give(bo, amount, offer=offer, need=bo.need(amount, tail=NeedTail(action)))

        give("transferCustody", 7)
        left = [anna.stock(apples)[1:3]]
        anna.act("produce", 8, resource=apples)
        left.append(anna.stock(apples)[1:3])
        anna.act("consume", 2, resource=apples)
        left.append(anna.stock(apples)[1:3])
        give("transferCustody", 1)
        left.append(anna.stock(apples)[1:3])
        give("transferAllRights", 1)
        left.append(anna.stock(apples)[1:3])
        got = give("transfer", 3)
        left.append(anna.stock(apples)[1:3])

        assert left == [(8, 1), (16, 9), (14, 7), (14, 6), (13, 6), (10, 3)]
        assert bo.stock(got)[1:3] == (3, 3)

    def test_are_where_they_were_moved_to_and_as_far_as_they_were_made(self, anna: Member) -> None:
        apples, cellar = (anna.act("raise", 8, resource_class="food") for _ in range(2))
        anna.act("move", 3, resource=apples, to=cellar, cell=CELL)
        anna.act("accept", 5, resource=cellar)
        anna.act("modify", 5, resource=cellar, stage="dried", state="pass")

        held = TestAnAction.held(anna, cellar)

        assert (held.accounting, held.onhand, held.cell, held.stage, held.state) == (11, 11, CELL, "dried", "pass")
        assert TestAnAction.held(anna, apples).cell is None


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

    def test_has_room_for_what_left_it_for_a_while(self, anna: Member) -> None:
        most = anna.act("raise", MAX_AMOUNT, resource_class="food")

        anna.act("pickup", 1, resource=most)
        anna.act("dropoff", 1, resource=most)

        assert anna.stock(most).onhand == MAX_AMOUNT

    def test_is_not_in_itself_however_many_boxes_lie_between(self, anna: Member) -> None:
        boxes = [anna.act("raise", 1, resource_class="food") for _ in range(5)]
        for inner, outer in pairwise(boxes):
            anna.act("combine", 1, resource=inner, to=outer)

        said = [anna.why_not(compose.event("combine", amount=1, resource=boxes[-1], to=box)) for box in boxes[:-1]]

        assert set(said) == {"event.container"}

    def test_does_not_promise_its_time_twice_by_moving_to_another_record(self, anna: Member) -> None:
        oven, other = (anna.act("raise", 1, resource_class="food") for _ in range(2))
        anna.say(compose.capacity(oven, "care", 8, 24 * HOUR_MS))

        assert anna.why_not(compose.event("move", amount=1, resource=oven, to=other)) == "event.capacity"

    def test_is_offered_once(self, anna: Member) -> None:
        lot = anna.act("raise", 10, resource_class="food")
        anna.offer(6, tail=OfferTail(resource=lot))

        assert anna.why_not(compose.event("consume", amount=5, resource=lot)) == "event.stock"
        with pytest.raises(Refused, match=r"0\.5 kg is more than the 0\.4 kg"):
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
        with pytest.raises(Refused, match=r"2\.25 h in all is more than the 2 h"):
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
