"""Books: what everybody has and did, the same whatever came first, and what became of a lot."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from mycelia_protocol import compose
from mycelia_protocol.accounts import Account, Balance, Sheet, sheet
from mycelia_protocol.accumulators import AcceptedLine, LineId, Resource, ResourceId
from mycelia_protocol.books import Books, Stated
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.compose import NeedTail, OfferTail
from mycelia_protocol.envelope import Entry
from mycelia_protocol.inventory import Stock
from mycelia_protocol.measures import read_measures
from mycelia_protocol.standing import Standing
from mycelia_protocol.traces import Traces
from tests.builders import CELL, Commons, Member, charter, on
from tests.people import found as person
from tests.protocol.test_heirs import Heir
from tests.protocol.test_resource import Market

SEEDS = range(8)
MASS: Any = {"mass": {"unit": "kg", "source": "scales", "factors": {"flour": [1, 1000], "bread": [1, 1000]}}}
CLASSES = {name: ResourceClass("kg", 1, 1000) for name in ("flour", "bread", "crumbs")}


def keep(commons: Commons, entries: list[Entry], forks: dict[bytes, int] | None = None) -> Books:
    """Return the books of a commons, fed in this order."""
    standing = Standing(commons.held.get, commons.members.heirs, is_backed=commons.members.is_backed)
    books = Books(standing, commons.held.get)
    feed(books, entries)
    for chain, sequence in (forks or {}).items():
        books.note_fork(chain, sequence)
    return books


def feed(books: Books, entries: list[Entry]) -> None:
    """Tell standing and books what counts."""
    for entry in entries:
        books.standing.add(entry)
        books.add(entry)


def of(commons: Commons) -> Sheet:
    return sheet(keep(commons, commons.valid), measures=commons.charter.measures)


def said(found: Sheet) -> tuple[object, ...]:
    """Return everything that a sheet says, to compare."""
    stocks = dict(found.inventory.stocks)
    return stocks, found.accounts, found.contributions, found.flows, found.places, found.balances


def bakery() -> Commons:
    return Commons(found("Oost", seed=bytes(16), classes=CLASSES, sections={"measures": MASS}))


def sell(lot: ResourceId, by: Member, to: Member, amount: int, resource_class: str = "flour") -> ResourceId:
    offer = by.offer(amount, resource_class=resource_class, tail=OfferTail(resource=lot))
    return by.give(to, amount, offer=offer, need=to.need(amount, resource_class=resource_class, tail=NeedTail()))


def bake(baker: Member, flour: ResourceId, loaves: int, *, each: int = 500) -> list[ResourceId]:
    process = baker.say(compose.process()).id
    baker.act("consume", loaves * each, resource=flour, process=process)
    return [baker.act("produce", each, resource_class="bread", process=process) for _ in range(loaves)]


class TestAnAccount:
    def test_has_what_both_signed_on_both_sides(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        lot = anna.act("raise", 10, resource_class="food")
        anna.give(bo, 4, offer=anna.offer(10, tail=OfferTail(resource=lot)), need=bo.need(4, tail=NeedTail()))

        accounts = of(commons).accounts

        assert accounts[anna.chain, "food"] == Account(given=4, raised=10, rights=6, on_hand=6)
        assert accounts[bo.chain, "food"] == Account(received=4, rights=4, on_hand=4)

    def test_has_what_is_on_its_way_with_neither(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = bo.need(4)
        line = anna.pledge(need, 4)
        accept = bo.accept(need, line)
        anna.on("deliver", line, cites=[accept])

        found = of(commons)

        assert found.accounts == {(anna.chain, "food"): Account(in_transit=4)}
        assert not found.flows

    def test_counts_as_a_contribution_what_was_given_for_nothing_in_return(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        gift = anna.give(bo, 2, offer=anna.offer(2), need=bo.need(2))
        price = anna.need(1, resource_class="care")
        anna.give(bo, 3, offer=anna.offer(3, tail=OfferTail(reciprocal=price.id)), need=bo.need(3, tail=NeedTail()))

        found = of(commons)

        assert gift
        assert found.contributions == {(anna.chain, "food"): 2}
        assert found.accounts[anna.chain, "food"].given == 5
        assert list(found.places.values()) == [5]
        assert next(iter(found.places))[:2] == (CELL, CELL)


class TestAProcess:
    @pytest.mark.parametrize(
        ("bread", "crumbs", "balance"),
        [(880, 120, Balance.BALANCED), (880, 100, Balance.BALANCED), (880, 70, Balance.IMBALANCE)],
    )
    def test_balances_within_two_in_a_hundred(self, bread: int, crumbs: int, balance: Balance) -> None:
        """1.000 kg goes in, .88 kg of bread and .12 kg of what evaporates come out; a gap of 5 in 100 is an imbalance.

        Source: the thermodynamic account of Bauwens and Pazaitis, P2P Accounting for Planetary Survival (2019).
        """
        factors = {name: [1, 1000] for name in CLASSES}
        mass: Any = {"mass": {"unit": "kg", "source": "scales", "factors": factors}}
        commons = Commons(found("Oost", seed=bytes(16), classes=CLASSES, sections={"measures": mass}))
        anna = commons.member("anna")
        flour, process = anna.act("raise", 1000, resource_class="flour"), anna.say(compose.process()).id
        anna.act("consume", 1000, resource=flour, process=process)
        assert [one.balance for one in of(commons).balances[process]] == [Balance.OPEN]
        anna.act("produce", bread, resource_class="bread", process=process)
        anna.act("produce", crumbs, resource_class="crumbs", process=process)

        [weighed] = of(commons).balances[process]

        assert weighed.goes_in == 1
        assert weighed.comes_out == Fraction(bread + crumbs, 1000)
        assert weighed.balance is balance

    def test_is_fed_by_what_others_bring(self) -> None:
        commons = bakery()
        anna, bo = commons.member("anna"), commons.member("bo")
        process = anna.say(compose.process()).id
        need = anna.need(1000, resource_class="flour", tail=NeedTail("consume", process=process))
        lot = bo.act("raise", 1000, resource_class="flour")
        bo.give(anna, 1000, offer=bo.offer(1000, resource_class="flour", tail=OfferTail("consume", lot)), need=need)

        [weighed] = of(commons).balances[process]

        assert weighed.goes_in == 1

    def test_is_measured_by_what_the_charter_says(self) -> None:
        assert read_measures(MASS, CLASSES)["mass"].of("flour", 500) == Fraction(1, 2)


class TestARecall:
    def test_finds_the_four_loaves_of_an_unsafe_lot_and_no_other(self) -> None:
        """All 4 loaves downstream of an unsafe lot of flour, and 0 that are not.

        Source: track and trace of ValueFlows.
        """
        commons = bakery()
        mill, one, other = (commons.member(name) for name in ("mill", "anna", "bo"))
        unsafe, sound = (mill.act("raise", 9000, resource_class="flour") for _ in range(2))
        bad = [*bake(one, sell(unsafe, mill, one, 1000), 2), *bake(other, sell(unsafe, mill, other, 1000), 2)]
        good = bake(other, sell(sound, mill, other, 1000), 2)
        eaten = sell(bad[0], one, other, 500, "bread")
        books = keep(commons, commons.valid)
        traces = Traces(books, sheet(books).inventory)

        recalled = traces.recall(unsafe)
        loaves = {stock.id: stock.onhand for stock in recalled.stocks if stock.resource_class == "bread"}

        assert loaves == {bad[0]: 0, eaten: 500, **dict.fromkeys(bad[1:], 500)}
        assert not set(good) & {stock.id for stock in recalled.stocks}
        assert {step.source for step in traces.trace(eaten)} >= {bad[0], unsafe}
        assert sound not in {step.source for step in traces.trace(eaten)}
        assert [stock.id for stock in traces.recall(eaten).stocks] == [eaten]

    def test_spares_what_left_a_bin_before_the_lot_came_in(self) -> None:
        commons = bakery()
        anna = commons.member("anna")
        bin_ = anna.act("raise", 1000, resource_class="flour")
        before = bake(anna, bin_, 1)
        lot = anna.act("raise", 1000, resource_class="flour")
        anna.act("move", 1000, resource=lot, to=bin_)
        after = bake(anna, bin_, 1)
        books = keep(commons, commons.valid)

        names = {stock.id for stock in Traces(books, sheet(books).inventory).recall(lot).stocks}

        assert set(after) <= names
        assert not set(before) & names

    def test_tells_what_is_on_its_way_and_what_nobody_booked(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        lot = anna.act("raise", 10, resource_class="food")
        offer = anna.offer(10, tail=OfferTail(resource=lot))
        need = bo.need(4)
        anna.give(bo, 3, offer=offer, need=bo.need(3))
        line = anna.commit(anna.row(offer, (need, 4)), (need, 4)), 0
        anna.on("deliver", line, cites=[bo.accept(need, line)])
        books = keep(commons, commons.valid)

        recalled = Traces(books, sheet(books).inventory).recall(lot)

        assert [(step.taker, step.amount) for step in recalled.in_transit] == [(bo.chain, 4)]
        assert [(step.taker, step.amount) for step in recalled.unbooked] == [(bo.chain, 3)]

    def test_ends_where_a_thing_comes_home(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        drill = anna.act("raise", 1, resource_class="food")
        custody = "transferCustody"
        lent = anna.give(
            bo, 1, offer=anna.offer(1, tail=OfferTail(custody, drill)), need=bo.need(1, tail=NeedTail(custody))
        )
        back = anna.need(1, tail=NeedTail(custody, to=drill))
        bo.give(anna, 1, offer=bo.offer(1, tail=OfferTail(custody, lent)), need=back)
        books = keep(commons, commons.valid)
        traces = Traces(books, sheet(books).inventory)

        assert [stock.id for stock in traces.recall(drill).stocks] == sorted([drill, lent])
        assert len(traces.track(drill)) == 2


class TestAForkedChain:
    def test_gives_of_a_lot_that_it_sold_twice_only_what_was_there(self) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        lot = anna.act("raise", 10, resource_class="food")
        offers = [anna.offer(5, tail=OfferTail(resource=lot)) for _ in range(2)]
        fork = anna.prefix.sequence + 1
        twin = copy.copy(anna)  # what she says from here on, she says on a branch of its own
        twin.prefix, twin.own = replace(anna.prefix, facts=dict(anna.prefix.facts)), dict(anna.own)
        twin.prefix.own = twin.own.get
        got = [anna.give(bo, 5, offer=one, need=bo.need(5, tail=NeedTail())) for one in offers]
        more = twin.offer(5, tail=OfferTail(resource=twin.act("raise", 5, resource_class="food")))
        sold = twin.give(cleo, 5, offer=more, need=cleo.need(5, tail=NeedTail()))

        found = sheet(keep(commons, commons.valid, {anna.chain: fork})).inventory

        assert (found.stocks[lot].onhand, found.stocks[lot].overdrawn_onhand) == (0, 0)
        assert [found.stocks[name].onhand for name in (*got, sold)] == [5, 5, 5]
        [invented] = [one for one in found.of(anna.chain) if one.id != lot]
        assert (invented.onhand, invented.overdrawn_onhand) == (0, 5)

    def test_shows_as_overdrawn_what_was_not_there_before(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        early = anna.act("raise", 2, resource_class="food")
        fork = anna.prefix.sequence + 1
        late = anna.act("raise", 10, resource_class="food")
        anna.give(bo, 6, offer=anna.offer(10, tail=OfferTail(resource=late)), need=bo.need(6, tail=NeedTail()))

        books = keep(commons, commons.valid, {anna.chain: fork})
        found = sheet(books)

        assert found.inventory.stocks[early].onhand == 2
        assert (found.inventory.stocks[late].onhand, found.inventory.stocks[late].overdrawn_onhand) == (0, 6)
        assert found.accounts[anna.chain, "food"] == Account(given=6, raised=2, rights=2, on_hand=2, overdrawn=6)


class TestAReceipt:
    def test_that_two_chains_wrote_of_one_line_is_that_with_the_least_place_whatever_came_first(self) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        need = bo.need(4)
        line = anna.pledge(need, 4)
        deliver = anna.on("deliver", line, cites=[bo.accept(need, line)])
        cleo.notes(9)
        late, early = cleo.misstep(on("receive", line, cites=[deliver])), bo.on("receive", line, cites=[deliver])

        found = [keep(commons, [*commons.valid, late]).receipts(), keep(commons, [late, *commons.valid]).receipts()]

        assert [receipt.id for one in found for receipt, _ in one.values()] == [early.id, early.id]


class TestWhatHasGone:
    def test_leaves_in_stock_what_was_received_by_a_commit_that_nobody_holds(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        got = anna.give(bo, 4, offer=anna.offer(4), need=bo.need(4, tail=NeedTail()))
        kept = {entry.id: entry for entry in commons.valid if entry.chain == bo.chain}
        books = Books(Standing(kept.get), kept.get, lambda _, line: _accepted(bo, line))
        for entry in kept.values():
            books.add(entry)

        assert sheet(books).inventory.stocks[got].onhand == bo.stock(got).onhand == 4

    def test_is_nothing_where_a_commit_says_nothing_of_use(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = bo.need(4)
        row = anna.row(anna.offer(4), (need, 4))
        commit = anna.misstep(compose.commit(row=need.id, hold_ms=1, until_ms=1, lines=[(need.id, 4)]))
        books = keep(commons, commons.valid)

        assert books.stated((commit.id, 0), bo.chain) == Stated(need.id, b"", 4, anna.chain)
        assert books.stated((commit.id, 1), bo.chain) is None
        assert books.stated((row.id, 0), bo.chain) is None


class TestAnHeir:
    def test_receives_into_nobodys_stock(self) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        lot = anna.act("raise", 10, resource_class="food")
        need, offer = bo.need(4, tail=NeedTail()), anna.offer(10, tail=OfferTail(resource=lot))
        line = anna.commit(anna.row(offer, (need, 4)), (need, 4)), 0
        deliver = anna.on("deliver", line, cites=[bo.accept(need, line)])
        receive = cleo.draft(on("receive", line, cites=[deliver]))  # as if she had taken over from bo
        commons.held[receive.id] = receive
        heirs = {bo.chain: (cleo.chain,)}
        books = Books(Standing(commons.held.get, lambda chain: heirs.get(chain, ())), commons.held.get)
        feed(books, [*commons.valid, receive])

        found = sheet(books)

        assert found.accounts[bo.chain, "food"] == Account(received=4)
        assert set(found.inventory.stocks) == {lot}
        recalled = Traces(books, found.inventory).recall(lot)
        assert [step.amount for step in recalled.unbooked] == [4]

    def test_gives_out_of_the_stock_of_the_chain_that_was_cut(self) -> None:
        commons = Commons()
        anna, bo = person(commons, "anna"), person(commons, "bo")
        lot = anna.act("raise", 10, resource_class="food")
        need, offer = bo.need(6, tail=NeedTail()), anna.offer(10, tail=OfferTail(resource=lot))
        line = anna.commit(anna.row(offer, (need, 6)), (need, 6)), 0
        accept = bo.accept(need, line)
        heir = Heir(anna, anna.install("a new phone"), None)
        deliver = heir.on("deliver", line, need, accept)
        bo.on("receive", line, cites=[deliver, heir.inherit])

        books = keep(commons, commons.valid)
        first = sheet(books)
        again = sheet(books, before=first)

        for stocks in (first.inventory.stocks, again.inventory.stocks):
            assert stocks[lot].onhand == stocks[lot].accounting == 4
            assert sum(stock.onhand for stock in stocks.values()) == 10


class TestAnyHistory:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_comes_to_what_the_chains_themselves_count(self, seed: int) -> None:
        market = history(seed)
        stocks = of(market.commons).inventory.stocks

        for member in market.members:
            own = {name: member.stock(name) for name in market.resources(member)}
            mine = {name: stock for name, stock in stocks.items() if stock.chain == member.chain}
            assert {name: _held(stock) for name, stock in mine.items()} == {
                name: _kept(one) for name, one in own.items()
            }

    @pytest.mark.parametrize("seed", SEEDS)
    def test_is_told_the_same_whatever_came_first_and_however_often(self, seed: int) -> None:
        market, dice = history(seed), random.Random(seed)
        forks = {market.members[0].chain: 40} if seed % 2 else {}
        expected = said(sheet(keep(market.commons, market.commons.valid, forks)))
        for _ in range(3):
            arrived = [*market.commons.valid, *dice.sample(market.commons.valid, 50)]
            dice.shuffle(arrived)
            assert said(sheet(keep(market.commons, arrived, forks))) == expected

    @pytest.mark.parametrize("seed", SEEDS)
    def test_is_told_the_same_after_a_chain_was_taken_back_and_counted_again(self, seed: int) -> None:
        market = history(seed)
        books = keep(market.commons, market.commons.valid)
        expected = said(sheet(books))
        chain = market.members[1].chain

        books.standing.forget({chain})
        books.forget({chain})
        others = [entry for entry in market.commons.valid if entry.chain != chain]
        assert said(sheet(books)) == said(sheet(keep(market.commons, others)))
        feed(books, [entry for entry in market.commons.valid if entry.chain == chain])
        assert said(sheet(books)) == expected

    @pytest.mark.parametrize("seed", SEEDS)
    def test_gives_what_is_received_and_shows_no_stock_below_nothing(self, seed: int) -> None:
        market = history(seed)
        for forked in (None, *market.members):
            forks = {} if forked is None else {forked.chain: 30}
            found = sheet(keep(market.commons, market.commons.valid, forks))

            given = sum(one.given for one in found.accounts.values())
            assert given == sum(one.received for one in found.accounts.values()) == sum(found.flows.values())
            assert given or forked
            for stock in found.inventory.stocks.values():
                assert min(stock.accounting, stock.onhand, *stock.away.values(), 0) == 0, stock

    @pytest.mark.parametrize("seed", SEEDS)
    def test_can_be_traced_to_an_end_both_ways(self, seed: int) -> None:
        market = history(seed)
        books = keep(market.commons, market.commons.valid)
        found = sheet(books)
        traces = Traces(books, found.inventory)

        for name in found.inventory.stocks:
            back = traces.trace(name)
            assert len(back) == len(set(back))
            for step in back:
                if step.source is not None:
                    assert name in {one.target for one in traces.track(step.source)}


def _accepted(member: Member, line: LineId) -> AcceptedLine | None:
    fact = member.prefix.facts.get(("accepted", *line))
    return fact if isinstance(fact, AcceptedLine) else None


def history(seed: int) -> Market:
    market = Market(seed)
    for _ in range(300):
        market.step()
    return market


def _held(stock: Stock) -> tuple[object, ...]:
    away = sorted((way, *(container or (b"", 0)), amount) for (way, container), amount in stock.away.items())
    return stock.resource_class, stock.accounting, stock.onhand, tuple(away)


def _kept(held: Resource) -> tuple[object, ...]:
    return held.resource_class, held.accounting, held.onhand, held.away


def test_the_charter_states_nothing_by_itself() -> None:
    assert charter().measures == {}
