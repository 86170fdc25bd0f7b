"""Reciprocity, read aloud (spec 23): what is counted for whom, and what all balances make together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import compose, state, statements
from mycelia_protocol.accumulators import AcceptedLine, Claim, CommittedLine, Credit, Mark, credit_key
from mycelia_protocol.balances import counted
from mycelia_protocol.compose import Content
from mycelia_protocol.kinds.flows import FREED
from mycelia_protocol.reciprocity import Factor
from tests.builders import HOUR_MS, Commons, Line, Member, accept, note, on
from tests.dealings import (
    Deal,
    account,
    branch,
    contributed,
    dealt,
    found,
    pledged,
    reciprocal,
    settle,
)  # fmt: skip

FLOOR, CEILING = -40, 100


class Village:
    """Anna, with a phone beside her first chain, Bo and Cleo."""

    def __init__(self) -> None:
        self.commons = Commons(reciprocal())
        self.anna, self.bo, self.cleo = (found(self.commons, name) for name in ("anna", "bo", "cleo"))
        self.phone = self.anna.install("anna's phone")
        self.members: list[Member] = [self.anna, self.bo, self.cleo, self.phone]


@pytest.fixture
def village() -> Village:
    return Village()


class TestAContribution:
    def test_is_counted_once_the_other_side_confirmed_it(self, village: Village) -> None:
        deal = dealt(village.anna, village.bo, 5, "care")
        village.anna.say(settle(deal))

        assert contributed(village.anna) == 7
        assert village.anna.why_not(settle(deal)) == "settle.again"

    @pytest.mark.parametrize(("amount", "credit"), [(1, 1), (2, 3), (3, 4), (5, 7), (2**53 - 1, 13510798882111486)])
    def test_is_an_integer_rounded_down(self, amount: int, credit: int) -> None:
        assert Factor(3, 2).of(amount) == credit

    def test_is_summed_by_the_day_on_which_it_was_settled(self, village: Village) -> None:
        deals = [dealt(village.anna, village.bo, 4, "care") for _ in range(3)]
        village.anna.say(settle(deals[0]))
        village.anna.say(settle(deals[1]))
        village.commons.wait(24 * HOUR_MS)
        village.anna.say(settle(deals[2]))

        days = {key[2]: fact for key, fact in village.anna.prefix.facts.items() if key[0] == "contribution"}
        assert [fact for _, fact in sorted(days.items())] == [(12,), (6,)]

    def test_takes_sixteen_lines_in_one_entry(self, village: Village) -> None:
        deals = [dealt(village.anna, village.bo, 2, "care") for _ in range(16)]

        village.anna.say(settle(*deals))

        assert contributed(village.anna) == 48

    def test_is_effective_only_with_a_valid_receipt(self, village: Village) -> None:
        deal = dealt(village.anna, village.bo, 5, "care", is_received=False)
        hasty = deal._replace(receive=village.bo.misstep(on("receive", deal.line)))

        counted_early = village.anna.say(settle(hasty))

        assert not village.commons.standing.is_effective(counted_early)
        assert deal.deliver
        village.bo.on("receive", deal.line, cites=[deal.deliver])
        assert village.commons.standing.is_effective(counted_early)


class TestAClaim:
    def test_is_paid_by_lines_up_to_its_amount(self, village: Village) -> None:
        anna, bo = village.anna, village.bo
        key = ("claim", anna.opening.id, 2)
        anna.prefix.facts[key] = Claim(bo.chain, "food", 8, 0)
        claim = (anna.opening.id, 2)

        for paid in (5, 8):
            anna.say(compose.settle([dealt(anna, bo, 5, "food").settled(claim)]))
            fact = anna.prefix.facts[key]
            assert isinstance(fact, Claim)
            assert fact.paid == paid
        assert anna.why_not(compose.settle([dealt(anna, bo, 5, "food").settled(claim)])) == "settle.claim"
        assert contributed(anna) == 0

    def test_is_paid_to_its_creditor_alone(self, village: Village) -> None:
        anna = village.anna
        anna.prefix.facts["claim", anna.opening.id, 0] = Claim(village.bo.chain, "food", 8, 0)
        deal = dealt(anna, village.cleo, 5, "food")

        assert anna.why_not(compose.settle([deal.settled((anna.opening.id, 0))])) == "settle.claim"


class TestAnAccount:
    def test_moves_at_the_deliver_here_and_at_the_receive_there(self, village: Village) -> None:
        anna, bo = village.anna, village.bo
        deal = pledged(anna, bo, 30, "hours")
        assert (account(anna), account(bo)) == (Credit(0, 30, 0), Credit(0, 0, 30))

        delivered = anna.on("deliver", deal.line, cites=[deal.accept])
        assert (account(anna), account(bo)) == (Credit(-30), Credit(0, 0, 30))

        bo.on("receive", deal.line, cites=[delivered])
        assert (account(anna), account(bo)) == (Credit(-30), Credit(30))

    def test_is_in_the_state_with_its_sign(self, village: Village) -> None:
        dealt(village.anna, village.bo, 30, "hours")

        written = state.write(state.State.of(village.anna.prefix))

        assert state.read(written).facts[credit_key("hours")] == Credit(-30)

    def test_has_the_same_limits_under_every_enacted_charter(self) -> None:
        commons = Commons(reciprocal(founders=["anna"]))
        anna, bo = found(commons, "anna"), found(commons, "bo")
        enact = anna.say(statements.enact({"grace_ms": 5, "classes.heat": "1/1 kWh"}))
        anna.say(statements.adopt(enact.id, [anna.say(statements.consent(enact.id)).id]))

        need = bo.need(41, resource_class="hours")
        row = anna.row(anna.offer(41, resource_class="hours"), (need, 41))

        assert anna.why_not(anna.commit_content(row, (need, 41))) == "commit.credit"

    def test_of_another_class_there_is_none(self, village: Village) -> None:
        dealt(village.anna, village.bo, 500, "food")

        assert account(village.anna, "food") == account(village.bo, "food") == Credit()


class TestAMemberWhoLeaves:
    def test_returns_to_zero_and_it_is_shown(self, village: Village) -> None:
        anna, bo, cleo = village.anna, village.bo, village.cleo
        dealt(anna, bo, 30, "hours")
        dealt(bo, cleo, 10, "hours")
        dealt(cleo, anna, 10, "hours")
        dealt(bo, anna, 20, "hours")

        assert counted(village.commons.standing, {"hours"})["hours"].balances == {}


OPS = (
    "commit", "commit", "accept", "accept", "deliver", "deliver", "receive", "receive",
    "release", "cancel-here", "cancel-there", "lapse", "cite", "wait",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(OPS), st.integers(0, 3), st.integers(0, 3), st.integers(1, 50)), min_size=8, max_size=60
)


class Trade:
    """A history of lines of credit, in which everybody says whatever the rules let pass."""

    def __init__(self, village: Village) -> None:
        self.commons, self.members = village.commons, village.members
        self.deals: list[tuple[Member, Member, Deal]] = []
        self.promises: list[tuple[Member, Member, Line, object]] = []

    def step(self, op: str, who: int, whom: int, amount: int) -> None:
        if op == "wait":
            self.commons.wait(amount * 100_000)
        elif op == "commit":
            self.promise(self.members[who], self.members[whom], amount)
        elif op == "accept" and self.promises:
            provider, receiver, line, need = self.promises[amount % len(self.promises)]
            content = accept(need, line)  # type: ignore[arg-type]
            self.try_deal(provider, receiver, line, need, content)
        elif self.deals:
            self.go_on(op, amount % len(self.deals))

    def promise(self, provider: Member, receiver: Member, amount: int) -> None:
        if provider.chain == receiver.chain:
            return
        need = receiver.need(amount, resource_class="hours", ends_in=400 * HOUR_MS)
        offer = provider.offer(amount, resource_class="hours", ends_in=400 * HOUR_MS)
        row = provider.row(offer, (need, amount))
        commit = provider.draft(provider.commit_content(row, (need, amount)))
        if provider.judge(commit).is_valid:
            provider._take(commit)
            self.promises.append((provider, receiver, (commit, 0), need))

    def try_deal(self, provider: Member, receiver: Member, line: Line, need: object, content: Content) -> None:
        entry = receiver.draft(content)
        if receiver.judge(entry).is_valid:
            receiver._take(entry)
            self.deals.append((provider, receiver, Deal(need, line, entry)))  # type: ignore[arg-type]

    def go_on(self, op: str, at: int) -> None:
        provider, receiver, deal = self.deals[at]
        speaker, content = {
            "deliver": (provider, on("deliver", deal.line, cites=[deal.accept])),
            "receive": (receiver, on("receive", deal.line, cites=[deal.deliver] if deal.deliver else [])),
            "release": (provider, on("release", deal.line)),
            "cancel-here": (provider, on("cancel", deal.line)),
            "cancel-there": (receiver, on("cancel", deal.line)),
            "lapse": (receiver, on("lapse", deal.line)),
            "cite": (receiver, note(provider.own[provider.prefix.tip])),
        }[op]
        entry = speaker.draft(content)
        if not speaker.judge(entry).is_valid:
            return
        speaker._take(entry)
        if op == "deliver":
            self.deals[at] = (provider, receiver, deal._replace(deliver=entry))

    def transit(self) -> int:
        """Return what was delivered by its provider and not received by its receiver."""
        return sum(
            given.amount - (given.amount if self.is_received(key) else 0)
            for member in self.members
            for key, given in member.prefix.facts.items()
            if isinstance(given, CommittedLine) and given.marks & Mark.DELIVERED
        )

    def is_received(self, key: tuple[str, bytes, int]) -> bool:
        taken = [member.prefix.facts.get(("accepted", *key[1:])) for member in self.members]
        return any(isinstance(one, AcceptedLine) and one.marks & Mark.RECEIVED for one in taken)


def refolded(member: Member) -> Credit:
    """Return an account, read off the lines instead of kept up."""
    lines = list(member.prefix.facts.values())
    given = [one for one in lines if isinstance(one, CommittedLine)]
    taken = [one for one in lines if isinstance(one, AcceptedLine) and one.marks & Mark.ACCEPTED]
    over = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED
    return Credit(
        sum(one.amount for one in taken if one.marks & Mark.RECEIVED)
        - sum(one.amount for one in given if one.marks & Mark.DELIVERED),
        sum(one.amount for one in given if not one.marks & over),
        sum(one.amount for one in taken if not one.marks & (FREED | Mark.RECEIVED)),
    )


class TestAllAccounts:
    """The sum of all balances is 0, and none leaves its limits on either side; who leaves returns to 0 (above).

    Source: mutual credit as in Sardex and Credit Commons.
    """

    @given(STEPS)
    def test_make_zero_with_what_is_in_transit_and_stay_within_their_limits(
        self, steps: list[tuple[str, int, int, int]]
    ) -> None:
        village = Village()
        trade = Trade(village)
        for step in steps:
            trade.step(*step)

            for member in village.members:
                own, floor = account(member), 0 if member is village.phone else FLOOR
                assert own.balance - own.promised >= floor
                assert own.balance + own.expected <= CEILING
                assert own == refolded(member)
        assert sum(account(member).balance for member in village.members) + trade.transit() == 0

    @given(STEPS)
    def test_are_the_counted_balances_where_nobody_forked_or_lied(self, steps: list[tuple[str, int, int, int]]) -> None:
        village = Village()
        trade = Trade(village)
        for step in steps:
            trade.step(*step)

        seen = counted(village.commons.standing, {"hours"})["hours"]

        for member in village.members:
            assert seen.balances.get(member.chain, 0) == account(member).balance
        assert seen.transit == trade.transit()

    @given(STEPS, STEPS)
    def test_may_differ_after_a_fork_and_the_counted_ones_make_zero(
        self, before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]]
    ) -> None:
        village = Village()
        trade = Trade(village)
        for step in before:
            trade.step(*step)
        bo, twin = village.bo, branch(village.bo)
        bo.say(note())
        twin.say(Content("x.org.example.other", [], b""))
        trade.members.append(twin)
        for at, (op, who, whom, amount) in enumerate(after):
            trade.step(op, 4 if who == 1 and at % 2 else who, whom, amount)

        village.commons.standing.note_fork(bo.chain, trade_fork(bo, twin))
        seen = counted(village.commons.standing, {"hours"})["hours"]

        assert sum(seen.balances.values()) + seen.transit == 0
        for member in (village.anna, village.cleo, village.phone, bo, twin):
            own = account(member)
            assert own.balance - own.promised >= FLOOR
            assert own.balance + own.expected <= CEILING


def trade_fork(one: Member, other: Member) -> int:
    """Return the lowest place that both branches claim."""
    mine = {entry.header.sequence: entry.id for entry in one.own.values()}
    theirs = {entry.header.sequence: entry.id for entry in other.own.values()}
    return min(place for place in mine.keys() & theirs.keys() if mine[place] != theirs[place])
