"""Sharing between homes: an organisation earns, and everybody computes the same shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mycelia_node import models
from mycelia_node.deeds import line_name
from mycelia_node.desk import Desk
from mycelia_node.faults import BadInput
from mycelia_node.keystore import Keystore
from mycelia_node.sharing import Sharing
from mycelia_protocol import cid, compose
from mycelia_protocol.equations import Bucket, Equation, Rule, write
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds.kind import line_refs
from tests.builders import Commons, line_id, note
from tests.dealings import branch, dealt
from tests.people import found

from .ledgers import Clock, as_runs, new_ledger
from .test_treasury import deal, say
from .test_witnessing import peopled

FAIR = """
rest = "anna"

[values]
care = "20"

[[bucket]]
share = 50
to = "anna"

[[bucket]]
share = 950
[[bucket.rule]]
name = "work"
kind = "debt"
claim = "quantity * valuePerUnit"
class = "care"
"""
GREEDY = 'rest = "anna"\n[[bucket]]\nshare = 1000\nto = "anna"\n'


class Bakery:
    """Anna's bakery, where Bo and Cleo work, and which Bo pays in food."""

    def __init__(self) -> None:
        self.town = peopled("bo", "cleo")
        self.anna = self.town["anna"].desk
        self.sharing = Sharing(self.anna, self.town.clock)

    def equate(self, text: str = FAIR) -> models.Published:
        """Set an equation."""
        published = self.sharing.equate(models.NewEquation(text=text))
        self.town.meet()
        return published

    def income(self) -> str:
        """Receive 10 kg; return the line."""
        received = deal(self.town, "bo", "anna", 100, "food").header
        return line_name(line_refs(received, 0, "receive.terms")[0])

    def distribute(self, line: str, *, dry_run: bool = False) -> models.DistributionView:
        """Distribute an income."""
        view = self.sharing.distribute(models.NewDistribution(line=line, dry_run=dry_run))
        self.town.meet()
        return view

    def identity(self, name: str) -> str:
        """Return whose a name is."""
        found = self.town["anna"].ledger.members.identity_of(self.town[name].keystore.member(name).chain)
        assert found is not None
        return cid.text(found)


@pytest.fixture
def bakery() -> Iterator[Bakery]:
    bakery = Bakery()
    yield bakery
    bakery.town.close()


class TestAnIncome:
    def test_is_shared_among_those_who_worked_and_everybody_computes_the_same(self, bakery: Bakery) -> None:
        deal(bakery.town, "bo", "anna", 1, "care")
        deal(bakery.town, "cleo", "anna", 3, "care")
        bakery.equate()
        line = bakery.income()
        rehearsed = bakery.distribute(line, dry_run=True)
        view = bakery.distribute(line)

        # 10 kg: 5 % are 0.5 kg; of 9.5 kg a quarter hour at 20 an hour is a quarter: 2.3, rounded down, and 7.1
        gets = {one.to: (one.amount_text, one.remaining_text) for one in view.shares}
        assert gets == {
            bakery.identity("anna"): ("0.5 kg", "0 kg"),
            bakery.identity("bo"): ("2.3 kg", "2.7 kg"),
            bakery.identity("cleo"): ("7.1 kg", "7.9 kg"),
        }
        assert view.rest_text == "0.1 kg"
        assert sum(one.amount for one in view.shares) + view.rest == view.income == 100
        assert rehearsed.shares == view.shares
        chain = view.chain
        for name in ("bo", "cleo"):
            desk = bakery.town[name].desk
            assert Sharing(desk, bakery.town.clock).distributions(chain) == bakery.sharing.distributions() == [view]

    def test_pays_what_is_still_due_next_time_and_the_earlier_one_stays_what_it_was(self, bakery: Bakery) -> None:
        deal(bakery.town, "bo", "anna", 4, "care")
        bakery.equate()
        first = bakery.distribute(bakery.income())
        second = bakery.distribute(bakery.income())
        bakery.equate(GREEDY)
        third = bakery.distribute(bakery.income())

        assert [one.amount for one in first.shares] == [5, 95]
        assert [one.amount for one in second.shares] == [5, 95]
        assert second.shares[1].remaining_text == "1 kg"
        assert [one.amount for one in third.shares] == [100]
        assert bakery.sharing.distributions() == [first, second, third]

    def test_from_before_the_equation_is_not_shared_and_no_later_one_is_taken(self, bakery: Bakery) -> None:
        early = bakery.income()
        with pytest.raises(BadInput, match="no equation stood"):
            bakery.distribute(early)
        fair = bakery.equate()
        line = bakery.income()
        greedy = bakery.equate(GREEDY)
        commit = bakery.anna.entry(line.partition(":")[0]).entry.id
        with pytest.raises(Refused) as refused:
            say(bakery.town["anna"], compose.distribute(bakery.anna.entry(greedy.id).entry.id, (commit, 0)), "anna")

        assert refused.value.rule == "distribute.equation"
        assert bakery.distribute(line).equation == fair.id

    def test_is_shared_once(self, bakery: Bakery) -> None:
        bakery.equate()
        line = bakery.income()
        bakery.distribute(line.partition(":")[0])
        with pytest.raises(Refused) as refused:
            bakery.distribute(line)

        assert refused.value.rule == "distribute.again"


class TestAnOrganisationWithTwoPasts:
    def test_shares_an_income_once_and_alike_whichever_past_came_first(self, tmp_path: Path) -> None:
        commons = Commons()
        org, bo, cleo = (found(commons, name) for name in ("org", "bo", "cleo"))
        rule = Rule("work", "quantity", "debt", resource_class="care")
        document = write(Equation(org.chain, {}, (Bucket(500, bo.identity), Bucket(500, rules=(rule,)))))
        fair = org.say(compose.equation(document))
        dealt(bo, org, 8, "care")
        incomes = [line_id(dealt(cleo, org, amount, "food").line) for amount in (50, 30)]
        late = dealt(bo, org, 4, "care", is_received=False)
        assert late.deliver is not None
        said, twin = list(commons.held), branch(org)
        org.on("receive", late.line, cites=[late.deliver])
        one = [org.say(compose.distribute(fair.id, line)) for line in incomes]
        twin.need(1)
        twin.on("receive", late.line, cites=[late.deliver])
        other = [twin.say(compose.distribute(fair.id, line)) for line in reversed(incomes)]
        bo.say(note(one[-1], other[-1]))

        pasts = [[name for name in own if name not in said] for own in (org.own, twin.own)]
        told = [
            shared(tmp_path / str(at), commons, [*said, *first, *second, *commons.held], org.chain)
            for at, (first, second) in enumerate((pasts, pasts[::-1]))
        ]

        assert told[0] == told[1]
        assert sorted(view.income for view in told[0]) == [30, 50]


def shared(home: Path, commons: Commons, order: list[bytes], chain: bytes) -> list[models.DistributionView]:
    """Return what a home that hears of entries in this order says of the incomes of a chain."""
    clock = Clock(commons.now_ms)
    ledger = new_ledger(home, law=commons.charter, clock=clock)
    entries = [commons.held[name] for name in dict.fromkeys(order)]
    for entry in entries:
        ledger.ingest(as_runs([entry]))
    while ledger.ingest(as_runs(entries)).accepted or ledger.awaiting():  # a forked chain is linked step by step
        pass
    assert all(ledger.get(entry.id) for entry in entries)
    desk = Desk(ledger, Keystore(home / "keys", entropy=Random(1).randbytes), clock)
    return Sharing(desk, clock).distributions(cid.text(chain))


class TestAnEquation:
    def test_is_shown_as_it_was_set(self, bakery: Bakery) -> None:
        first, second = bakery.equate(), bakery.equate(GREEDY)
        views = bakery.sharing.equations()

        assert [(one.id, one.is_latest) for one in views] == [(first.id, False), (second.id, True)]
        assert [one.share for one in views[0].buckets] == [50, 950]
        assert (views[0].buckets[1].rules[0].name, views[0].values) == ("work", {"care": ["20", "0", "0"]})

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ('rest = "anna"', 'rest = "nobody"'),
            ('rest = "anna"', "rest = 5"),
            ("share = 950", "share = 951"),
            ("share = 950", "share = 0.5"),
            ("share = 950", "share = 99999999999999999999"),
            ("quantity *", "hours *"),
            ('"debt"', '"gift"'),
            ('care = "20"', "care = 20"),
            ('name = "work"', "name = 1979-05-27"),
            ("[[bucket.rule]]", "[bucket.rule]"),
            ("[values]", "[other]"),
            ('class = "care"', 'process = "bafynothing"'),
            ('class = "care"', 'begin = "yesterday"'),
            ('class = "care"', 'begin = "0001-01-01"'),
            ("[[bucket]]", "[[["),
            pytest.param("share = 950", f"share = {'9' * 5000}", id="a share of 5,000 digits"),
            pytest.param("share = 950", f"share = {'[' * 5000}", id="a share in 5,000 brackets"),
        ],
    )
    def test_that_is_wrong_is_refused_in_a_sentence(self, bakery: Bakery, before: str, after: str) -> None:
        assert before in FAIR
        with pytest.raises((BadInput, Refused, LookupError)):
            bakery.equate(FAIR.replace(before, after))
