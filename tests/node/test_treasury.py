"""The treasury between homes: what is counted for whom, and what everybody sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mycelia_node import client, models
from mycelia_node.bookroom import Bookroom
from mycelia_node.faults import BadInput
from mycelia_node.treasury import Treasury, signed
from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Credit, LineId
from mycelia_protocol.balances import counted
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from tests.builders import CELL, HOUR_MS
from tests.dealings import dealt, found, reciprocal

from .served import TOKEN, LonePeer
from .test_client import serving
from .test_pruning import DAY_MS, Village
from .test_witnessing import peopled
from .towns import Home, Town

SECTIONS = {"contribution": {"care": [3, 2]}, "credit": {"food": [-40, 100]}}


@pytest.fixture
def town() -> Iterator[Town]:
    town = peopled("bo", sections=SECTIONS)
    yield town
    town.close()


def say(home: Home, content: Content, name: str) -> Entry:
    """Have a member of a home say something."""
    [entry] = home.ledger.publish(home.keystore.pair(name), home.keystore.member(name).chain, [content])
    home.town.meet()
    return entry


def deal(
    town: Town, giver: str, taker: str, amount: int, resource_class: str, *, is_received: bool = True, at: str = "",
    need: Entry | None = None, tail: compose.OfferTail | None = None,
) -> Entry:  # fmt: skip
    """Bring a line from its need to its receipt; return the last entry. The taker may be at another's home."""
    one, other = town[giver], town[at or taker]
    window = {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
    if need is None:
        need = say(other, a_need(resource_class, amount, window), taker)
    offer = say(one, an_offer(resource_class, amount, window, tail), giver)
    lines, end_ms = [(need.id, amount)], window["end_ms"]
    row = say(one, compose.row(offer=offer.id, previous=None, lines=lines), giver)
    commit = say(one, compose.commit(row=row.id, hold_ms=end_ms, until_ms=end_ms, lines=lines), giver)
    accept = say(other, compose.accept(need=need.id, lines=[(commit.id, 0)]), taker)
    deliver = say(one, compose.on_lines("deliver", [(commit.id, 0)], [accept.id]), giver)
    if not is_received:
        return deliver
    return say(other, compose.on_lines("receive", [(commit.id, 0)], [deliver.id]), taker)


def a_need(
    resource_class: str, amount: int, window: dict[str, int], tail: compose.NeedTail | None = None
) -> Content:  # fmt: skip
    begin_ms, end_ms = window.values()
    return compose.need(resource_class, amount, CELL, begin_ms=begin_ms, end_ms=end_ms, urgency=0, tail=tail)


def an_offer(
    resource_class: str, amount: int, window: dict[str, int], tail: compose.OfferTail | None = None
) -> Content:  # fmt: skip
    begin_ms, end_ms = window.values()
    return compose.offer(resource_class, amount, CELL, begin_ms=begin_ms, end_ms=end_ms, tail=tail)


def sold(town: Town) -> Entry:
    """Have Anna sell Bo what she made by his design, for 150 quanta of care: she owes him 3. Return her receipt."""
    anna, bo, window = town["anna"], town["bo"], {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
    design = say(bo, compose.event("raise", resource_class="care", amount=1, license="ovn"), "bo")
    process = say(anna, compose.process(), "anna")
    say(anna, compose.event("cite", resource=(design.id, 0), process=process.id, use="commercial"), "anna")
    bread = say(anna, compose.event("produce", resource_class="care", amount=5, process=process.id), "anna")
    back = say(anna, a_need("care", 150, window), "anna")
    tail = compose.OfferTail(resource=(bread.id, 0), reciprocal=back.id)
    say(anna, an_offer("care", 5, window, tail), "anna")
    return deal(town, "bo", "anna", 150, "care", need=back)


class TestSettling:
    def test_counts_every_line_that_was_received_and_that_counts_once(self, town: Town) -> None:
        for _ in range(17):
            deal(town, "anna", "bo", 5, "care")
        deal(town, "anna", "bo", 5, "care", is_received=False)
        deal(town, "anna", "bo", 3, "food")
        treasury = Treasury(town["anna"].desk)

        rehearsed = treasury.settle(models.NewSettlement(dry_run=True))
        view = treasury.settle(models.NewSettlement())
        again = treasury.settle(models.NewSettlement())

        assert (rehearsed.lines, rehearsed.contributed) == (view.lines, view.contributed) == (17, 17 * 7)
        assert [entry.kind for entry in view.entries] == ["settle", "settle"]  # sixteen lines stand in one
        assert (again.lines, again.entries, again.unsettled) == (0, [], 1)

    def test_is_seen_by_others_as_valid_and_effective(self, town: Town) -> None:
        deal(town, "anna", "bo", 5, "care")
        [entry] = Treasury(town["anna"].desk).settle(models.NewSettlement()).entries
        town.meet()

        why = town["bo"].desk.why(entry.id)

        assert (why.verdict, why.is_effective) == ("valid", True)

    def test_leaves_out_what_another_own_chain_confirms(self, town: Town) -> None:
        anna = town["anna"]
        anna.hall.delegate(models.NewDelegation(name="bot", member="anna"))
        deal(town, "anna", "bot", 5, "care", at="anna")

        view = Treasury(anna.desk).settle(models.NewSettlement(member="anna"))

        assert (view.lines, view.unsettled) == (0, 1)

    def test_leaves_out_what_was_given_for_a_return(self, town: Town) -> None:
        window = {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
        price = say(town["anna"], a_need("food", 5, window), "anna")
        deal(town, "anna", "bo", 5, "care", tail=compose.OfferTail(reciprocal=price.id))
        deal(town, "anna", "bo", 5, "care")

        view = Treasury(town["anna"].desk).settle(models.NewSettlement())

        assert (view.lines, view.unsettled, view.contributed) == (1, 1, 7)

    def test_pays_a_claim_with_no_more_lines_than_it_takes(self, town: Town) -> None:
        raised, treasury = sold(town), Treasury(town["anna"].desk)
        for amount in (2, 1, 9):
            deal(town, "anna", "bo", amount, "care")
        [owed] = treasury.credit().claims

        view = treasury.settle(models.NewSettlement(claim=owed.id))

        assert (owed.id, owed.amount_text, owed.paid) == (cid.text(raised.id), "0.75 h", 0)
        assert (view.lines, view.unsettled, view.contributed) == (2, 1, 0)
        assert [one.paid for one in treasury.credit().claims] == [3]
        assert treasury.settle(models.NewSettlement()).contributed == 13

    def test_pays_no_claim_with_what_was_only_lent(self, town: Town) -> None:
        sold(town)
        window = {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
        lent, treasury = compose.OfferTail("transferCustody"), Treasury(town["anna"].desk)
        need = say(town["bo"], a_need("care", 1, window, compose.NeedTail("transferCustody")), "bo")
        deal(town, "anna", "bo", 1, "care", need=need, tail=lent)
        deal(town, "anna", "bo", 2, "care")
        [owed] = treasury.credit().claims

        view = treasury.settle(models.NewSettlement(claim=owed.id))

        assert (view.lines, view.unsettled) == (1, 1)

    def test_of_a_claim_that_nobody_has_is_refused_in_words(self, town: Town) -> None:
        with pytest.raises(BadInput, match="owes nothing"):
            Treasury(town["anna"].desk).settle(models.NewSettlement(claim=opening_of(town["anna"])))


class TestCredit:
    def test_shows_everybodys_balance_and_what_is_on_its_way(self, town: Town) -> None:
        deal(town, "anna", "bo", 30, "food")
        deal(town, "anna", "bo", 5, "food", is_received=False)

        [food] = Treasury(town["bo"].desk).credit().classes

        assert [(one.balance_text, one.member, one.is_overdrawn) for one in food.accounts] == [
            ("-3.5 kg", None, False),
            ("3 kg", "bo", False),
        ]
        assert (food.floor_text, food.ceiling_text, food.transit_text) == ("-4 kg", "10 kg", "0.5 kg")
        assert food.accounts[1].expected == 5

    def test_shows_what_somebody_who_left_still_owes(self, town: Town) -> None:
        deal(town, "anna", "bo", 30, "food")
        town["anna"].hall.close(models.NewClosure())
        town.meet()

        [food] = Treasury(town["bo"].desk).credit().classes

        assert [(one.balance, one.is_closed) for one in food.accounts] == [(-30, True), (30, False)]

    def test_shows_what_was_contributed_by_day(self, town: Town) -> None:
        deal(town, "anna", "bo", 5, "care")
        treasury = Treasury(town["anna"].desk)
        treasury.settle(models.NewSettlement())

        [one] = treasury.credit().contributions

        assert (one.member, one.amount, one.day_ms % 86_400_000) == ("anna", 7, 0)

    def test_is_nothing_where_the_charter_has_none(self) -> None:
        town = Town()
        assert Treasury(town["anna"].desk).credit() == models.CreditView(contributions=[], claims=[], classes=[])
        town.close()

    def test_is_the_same_after_everything_is_judged_again(self, town: Town) -> None:
        deal(town, "anna", "bo", 30, "food")
        treasury = Treasury(town["bo"].desk)
        treasury.settle(models.NewSettlement())
        before = treasury.credit()

        assert town["bo"].ledger.verify().is_good
        assert treasury.credit() == before

    def test_is_the_same_where_old_headers_went(self, tmp_path: Path) -> None:
        village = Village(tmp_path, law=reciprocal(retention_ms=DAY_MS, witnesses=2))
        anna, bo = found(village.commons, "anna"), found(village.commons, "bo")
        for _ in range(3):
            dealt(anna, bo, 7, "hours")
            dealt(anna, bo, 7, "food")
        village.settle(anna, bo)

        went = village.prune()

        lean, full = (counted(home.standing, {"hours"}) for home in (village.lean, village.full))
        assert went > 0
        assert lean == full
        assert lean["hours"].balances == {anna.chain: -21, bo.chain: 21}
        village.reopen()
        dealt(anna, bo, 5, "hours")
        village.tell()
        village.check()
        accounts = village.lean.facts_of(anna.chain, "credit").values()
        assert list(accounts) == [Credit(-26)]
        village.close()

    @pytest.mark.parametrize(("quanta", "text"), [(-1, "-0.25 h"), (-40, "-10 h"), (0, "0 h"), (3, "0.75 h")])
    def test_is_said_with_its_sign(self, quanta: int, text: str) -> None:
        assert signed(quanta, ResourceClass("h", 1, 4)) == text


class TestOverTheApi:
    def test_the_same_is_said(self, tmp_path: Path) -> None:
        peer = LonePeer(tmp_path, law=reciprocal())
        with serving(peer) as url, client.connect(url=url, token=TOKEN) as node:
            [hours] = node.credit().classes

            assert (hours.floor, hours.ceiling, [one.member for one in hours.accounts]) == (-40, 100, ["anna"])
            assert node.settle(dry_run=True).lines == node.settle().lines == 0
            for claim in ("bafyreigone", f"{opening_of(peer)}:7", f"{opening_of(peer)}:many"):
                with pytest.raises(client.NodeError):
                    node.settle(claim=claim)
        peer.ledger.close()


def opening_of(home: Home | LonePeer) -> str:
    """Return the id of the opening of a home's member."""
    return cid.text(home.keystore.members()[0].chain)


class TestACancel:
    """In a commons whose charter says that leaving a line costs a twentieth of it, within thirty days."""

    @pytest.fixture
    def town(self) -> Iterator[Town]:
        town = peopled("bo", sections={"cancel": {"per_mille": 50, "due_days": 30}})
        yield town
        town.close()

    def test_is_owed_until_it_is_paid_and_meanwhile_nothing_is_accepted(self, town: Town) -> None:
        anna, bo = town["anna"], town["bo"]
        line = self.pledged(town, "bo", "anna", 40)
        say(anna, compose.on_lines("cancel", [line]), "anna")
        treasury = Treasury(anna.desk)
        [owed] = treasury.credit().claims
        assert [(one.left, one.unit, one.is_suspended) for one in Bookroom(bo.desk).claims()] == [("0.2", "kg", False)]

        town.now_ms += 31 * DAY_MS
        with pytest.raises(Refused, match=r"0\.2 kg of food were due at 2023-12-14 22:13 UTC"):
            self.pledged(town, "bo", "anna", 7)
        deal(town, "anna", "bo", 2, "food")
        treasury.settle(models.NewSettlement(claim=owed.id))
        town.meet()

        assert self.pledged(town, "bo", "anna", 7)
        assert [one.left for one in Bookroom(bo.desk).claims()] == []

    def test_that_nobody_will_be_paid_for_keeps_nobody_out_for_ever(self, town: Town) -> None:
        say(town["anna"], compose.on_lines("cancel", [self.pledged(town, "bo", "anna", 40)]), "anna")
        town.now_ms += 31 * DAY_MS
        [late] = Bookroom(town["bo"].desk).claims()

        town.now_ms += 30 * DAY_MS
        assert self.pledged(town, "bo", "anna", 7)
        [still] = Bookroom(town["bo"].desk).claims()

        assert (late.is_suspended, late.left) == (True, "0.2")
        assert (still.is_suspended, still.left) == (False, "0.2")

    @staticmethod
    def pledged(town: Town, giver: str, taker: str, amount: int) -> LineId:
        """Bring a line to its accept."""
        window = {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
        need = say(town[taker], a_need("food", amount, window), taker)
        offer = say(town[giver], an_offer("food", amount, window), giver)
        row = say(town[giver], compose.row(offer=offer.id, previous=None, lines=[(need.id, amount)]), giver)
        until_ms = window["end_ms"]
        commit = say(
            town[giver],
            compose.commit(row=row.id, hold_ms=until_ms, until_ms=until_ms, lines=[(need.id, amount)]),
            giver,
        )
        say(town[taker], compose.accept(need=need.id, lines=[(commit.id, 0)]), taker)
        return commit.id, 0
