"""Whatever members say, in whatever order it arrives: what holds of all histories of what flows.

What the accumulators hold is set against sums made here, entry by entry, by the words of the chapters. A longer run:
`MYCELIA_HISTORY_STEPS=25000 pytest tests/scenarios/test_random_histories.py`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol.accounts import Sheet, sheet
from mycelia_protocol.accumulators import AcceptedLine, Allowance, CommittedLine, Mark, Resource, Taken
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.balances import counted
from mycelia_protocol.books import Books
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.designs import ACTION, AMOUNT, CLASS, RESOURCE, RESOURCE_NUMBER, TO, TO_NUMBER
from mycelia_protocol.kinds.kind import lines_about
from mycelia_protocol.standing import Standing
from tests.builders import HOUR_MS, Member
from tests.node.ledgers import Clock, as_runs, hear, new_ledger
from tests.node.test_folds import booked_in, recounted, said_of
from tests.scenarios.histories import CEILING, COST, FLOOR, STRETCH_HOURS, TOP, History

SEEDS = range(5)
STEPS = int(os.environ.get("MYCELIA_HISTORY_STEPS", "3000"))
ORDERS = 3
MADE, USED = ("raise", "produce", "copy"), ("lower", "consume")
# Nothing that members may say of what flows is left out.
SAID = {
    "need", "offer", "row", "commit", "accept", "deliver", "receive", "cancel", "release", "withdraw", "agreement",
    "agree", "process", "recipe", "capacity", "attest", "permit", "settle", "allot", "take", "equation", "distribute",
}  # fmt: skip
ALONE = {f"event {name}" for name, action in ACTIONS.items() if "transfer" not in name}


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def history(request: pytest.FixtureRequest) -> History:
    """What eight members said on two islands, one of them with two programs."""
    made = History(request.param)
    made.go_on(STEPS)
    return made


@pytest.fixture(scope="module")
def sheets(history: History) -> list[tuple[Sheet, Standing]]:
    """The books of some peers, who heard everything in different orders, and what stands for them."""
    dice, found = Random(1), []
    for _ in range(ORDERS):
        entries = list(history.commons.valid)
        dice.shuffle(entries)
        standing = Standing(history.commons.held.get, history.commons.members.heirs)
        books = Books(standing, history.commons.held.get)
        forks = dict(history.forks)
        for entry in entries:
            standing.add(entry)
            books.add(entry)
            if forks and dice.random() < 0.01:
                note_fork(books, *forks.popitem())
        for fork in forks.items():
            note_fork(books, *fork)
        found.append((sheet(books), standing))
    return found


def note_fork(books: Books, chain: bytes, sequence: int) -> None:
    """Tell standing and books of a fork."""
    books.standing.note_fork(chain, sequence)
    books.note_fork(chain, sequence)


def own(member: Member, *kinds: str) -> Iterator[Entry]:
    """Yield what one program said validly of some kinds."""
    return (entry for entry in member.own.values() if entry.header.kind in kinds)


def forked(history: History) -> set[bytes]:
    return set(history.forks)


class TestTheHistory:
    def test_has_as_much_said_as_steps_were_asked_for(self, history: History) -> None:
        assert len(history.commons.held) >= STEPS * 4 // 5

    def test_has_everything_that_can_be_said(self, history: History) -> None:
        assert set(history.accepted) >= SAID

    @pytest.mark.parametrize("action", ACTIONS)
    def test_has_every_action_many_times(self, history: History, action: str) -> None:
        alone, together = history.accepted[f"event {action}"], history.accepted[f"received {action}"]

        assert alone + together >= STEPS // 500
        assert (alone > 0) == (f"event {action}" in ALONE)

    def test_asks_for_more_than_there_is(self, history: History) -> None:
        asked = {"event.stock", "event.away", "offer.stock", "budget.cap", "allot.amount", "license.denied"}

        assert set(history.refused) >= asked

    def test_forks(self, history: History) -> None:
        assert history.twin is not None
        assert history.twin.prefix.sequence > min(history.forks.values())
        assert history.members[-2].prefix.sequence > min(history.forks.values())


class TestStock:
    def test_is_never_below_zero_or_below_what_is_offered(self, history: History) -> None:
        for member in history.members:
            for fact in member.prefix.facts.values():
                if isinstance(fact, Resource):
                    assert 0 <= fact.offered_accounting <= fact.accounting
                    assert 0 <= fact.offered_onhand <= fact.onhand
                    assert all(amount > 0 for *_, amount in fact.away)

    def test_is_what_was_made_and_received_less_what_was_used_and_given(self, history: History) -> None:
        for member in history.members:
            owned, at_hand = Counter[str](), Counter[str]()
            for (record, *_), fact in member.prefix.facts.items():
                if record == "resource" and isinstance(fact, Resource):
                    owned[fact.resource_class] += fact.accounting
                    at_hand[fact.resource_class] += fact.onhand + sum(amount for *_, amount in fact.away)

            assert (+owned, +at_hand) == self.summed(history, member)

    @staticmethod
    def summed(history: History, member: Member) -> tuple[Counter[str], Counter[str]]:
        """Return rights and what is in hand of each class, added up from the headers (chapter 20, "What is made")."""
        owned, at_hand, facts = Counter[str](), Counter[str](), member.prefix.facts
        for entry in own(member, "event"):
            action, amount = str(entry.header.terms[ACTION]), entry.header.terms[AMOUNT]
            is_of_stock = action in USED and entry.header.terms[RESOURCE] is not None
            if action in MADE or is_of_stock:
                by = cast(int, amount) if action in MADE else -cast(int, amount)
                owned[about(member, entry)] += by
                at_hand[about(member, entry)] += by
        for entry in own(member, "deliver", "receive"):
            for line in lines_about(entry):
                given = entry.header.kind == "deliver"
                fact = facts["committed" if given else "accepted", *line]
                assert isinstance(fact, CommittedLine | AcceptedLine)
                intent = history.commons.held[fact.offer if isinstance(fact, CommittedLine) else fact.need]
                action, moves = tail(intent)
                sides = ACTIONS[action].gives if given else ACTIONS[action].takes
                for column, does in zip((owned, at_hand), sides, strict=True):
                    column[str(intent.header.terms[0])] += (-fact.amount if given else fact.amount) * (does and moves)
        return +owned, +at_hand


def tail(intent: Entry) -> tuple[str, bool]:
    """Return the action of a need or an offer, and whether it moves stock: it has a tail, and gives of a resource."""
    terms = intent.header.terms
    if intent.header.kind == "offer":
        return (str(terms[5]), terms[7] is not None) if len(terms) > 5 else ("transfer", False)
    return (str(terms[6]), terms[8] is None) if len(terms) > 6 else ("transfer", False)


class TestTime:
    def test_that_a_thing_has_to_give_is_offered_once(self, history: History) -> None:
        for member in history.members:
            withdrawn = {entry.header.links[0] for entry in own(member, "withdraw")}
            offered = Counter[int]()
            for entry in own(member, "offer"):
                action, moves = tail(entry)
                if action == "use" and moves and entry.id not in withdrawn:
                    offered[cast(int, entry.header.terms[3]) // HOUR_MS] += cast(int, entry.header.terms[1])
            buckets = [fact.amount for fact in member.prefix.facts.values() if isinstance(fact, Taken)]

            assert all(amount <= STRETCH_HOURS for amount in buckets)
            assert sum(buckets) == sum(offered.values())


class TestABudget:
    def test_is_not_overdrawn_by_anybody(self, history: History) -> None:
        for member in history.members:
            taken = sum(
                cast(int, history.commons.held[link].header.terms[4])
                for entry in own(member, "take")
                for link in entry.header.links
            )
            passed = sum(cast(int, entry.header.terms[4]) for entry in own(member, "allot"))
            burnt = COST * (baked(member) + promised(history, member))
            left = sum(fact.left for fact in member.prefix.facts.values() if isinstance(fact, Allowance))

            assert left == taken - passed - burnt
            assert left >= 0

    def test_is_not_overdrawn_by_all_together(self, history: History, sheets: list[tuple[Sheet, Standing]]) -> None:
        honest = [member for member in history.members if member.chain not in forked(history)]
        of_all = sum(account.produced for (_, name), account in sheets[0][0].accounts.items() if name == "bread")

        assert sum(cast(int, entry.header.terms[4]) for entry in own(history.board, "allot")) <= CEILING
        assert COST * sum(baked(member) + promised(history, member) for member in honest) <= CEILING
        assert sum(map(baked, honest)) <= of_all
        assert COST * of_all <= CEILING


def baked(member: Member) -> int:
    """Return how many loaves one program made."""
    return sum(
        cast(int, entry.header.terms[AMOUNT])
        for entry in own(member, "event")
        if entry.header.terms[ACTION] == "produce" and about(member, entry) == "bread"
    )


def promised(history: History, member: Member) -> int:
    """Return how many loaves one program promised to make for others, without those that it took back."""
    lines = [fact for fact in member.prefix.facts.values() if isinstance(fact, CommittedLine)]
    open_ = [line for line in lines if not line.marks & (Mark.RELEASED | Mark.CANCELLED)]
    offers = [(line, history.commons.held[line.offer]) for line in open_]
    return sum(line.amount for line, offer in offers if (tail(offer)[0], offer.header.terms[0]) == ("produce", "bread"))


def about(member: Member, entry: Entry) -> str:
    """Return the class that an own event is about."""
    header = entry.header
    if header.terms[CLASS] is not None:
        return str(header.terms[CLASS])
    made = member.prefix.facts.get(("resource", entry.id, 0))  # a copy of what somebody else keeps
    at, number = (TO, TO_NUMBER) if header.terms[ACTION] == "copy" else (RESOURCE, RESOURCE_NUMBER)
    if made is None:
        named = header.dep(cast(int, header.terms[at]))
        made = member.prefix.facts["resource", named, cast(int, header.terms[number])]
    return cast(Resource, made).resource_class


class TestMutualCredit:
    def test_adds_up_to_nothing(self, history: History, sheets: list[tuple[Sheet, Standing]]) -> None:
        one = counted(sheets[0][1], {"hours"})["hours"]

        assert sum(one.balances.values()) + one.transit == 0

    def test_stays_within_the_limits_of_each_program(self, history: History) -> None:
        for member in history.members:
            for fact in [fact for (record, *_), fact in member.prefix.facts.items() if record == "credit"]:
                balance, promised, expected = cast(tuple[int, int, int], fact)
                assert balance - promised >= FLOOR
                assert balance + expected <= TOP


class TestBooks:
    def test_are_the_same_whatever_came_first(self, sheets: list[tuple[Sheet, Standing]]) -> None:
        said = [
            (found.inventory.stocks, found.accounts, found.contributions, found.flows, found.places, found.balances)
            for found, _ in sheets
        ]
        stands = [{name: standing.status(line) for name, line in standing.lines.items()} for _, standing in sheets]

        assert said[0] == said[1] == said[2]
        assert stands[0] == stands[1] == stands[2]

    def test_have_nothing_below_zero(self, sheets: list[tuple[Sheet, Standing]]) -> None:
        for stock in sheets[0][0].inventory.stocks.values():
            assert min(stock.accounting, stock.onhand) >= 0

    def test_say_of_who_did_not_fork_what_her_own_chain_says(
        self, history: History, sheets: list[tuple[Sheet, Standing]]
    ) -> None:
        stocks = sheets[0][0].inventory.stocks
        for member in (one for one in history.members if one.chain not in forked(history)):
            for (record, *name), fact in member.prefix.facts.items():
                if record == "resource" and isinstance(fact, Resource):
                    stock = stocks[cast(tuple[bytes, int], tuple(name))]
                    assert (stock.accounting, stock.onhand) == (fact.accounting, fact.onhand)


class TestPeers:
    """Real ledgers, which hear single entries in an order of their own and wait for what these stand on."""

    def test_that_heard_the_same_say_the_same(self, tmp_path: Path) -> None:
        history = History(99)
        history.go_on(700)
        law, clock = history.commons.charter, Clock(history.commons.now_ms)

        peers = [self.peer(tmp_path / str(seed), law, clock, history, seed) for seed in (1, 2)]

        for one in peers:
            refused = {name for name in history.commons.held if (held := one.get(name)) and held.refused}
            valid = {entry.id for entry in history.commons.valid}
            assert not refused & valid
            assert not one.verify().faults
        assert peers[0].digest() == peers[1].digest()
        stocks = [sheet(one.books).inventory.stocks for one in peers]
        assert stocks[0] == stocks[1]
        for one in peers:
            one.close()

    def test_have_at_every_moment_the_books_that_they_would_have_if_all_was_counted_at_once(
        self, tmp_path: Path
    ) -> None:
        history = History(98)
        history.go_on(1500)
        ledger = new_ledger(tmp_path, law=history.commons.charter, clock=Clock(history.commons.now_ms))
        entries, moments = list(history.commons.held.values()), 0

        for at in range(0, len(entries), 5):
            ledger.ingest(as_runs(entries[at : at + 5]))
            if at % 50 == 0:
                assert said_of(ledger.standing) | booked_in(ledger) == recounted(ledger), at
                moments += 1

        assert moments > 20
        assert history.forks
        ledger.close()

    def peer(self, path: Path, law: Charter, clock: Clock, history: History, seed: int) -> Ledger:
        """Return a ledger that heard everything."""
        ledger = new_ledger(path, law=law, clock=clock, seed=seed)
        hear(ledger, history.commons.held.values(), Random(seed))
        return ledger
