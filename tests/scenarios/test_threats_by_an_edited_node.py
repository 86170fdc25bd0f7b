"""Eve controls her own node and edits its code: it signs whatever she wants. What three honest peers make of that.

Each peer is a real ledger that takes in everything that was said, in an order of its own. All name the same rule,
count the same, and go on serving whoever comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose, statements
from mycelia_protocol.accumulators import ResourceId
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.compose import Content, OfferTail
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.equations import Bucket, Equation, write
from mycelia_protocol.inventory import Inventory, Stock
from mycelia_protocol.reciprocity import Settled
from mycelia_protocol.standing import Status
from tests.builders import HOUR_MS, INCARNATION, Commons, Line, Member, accept, line_id, on
from tests.dealings import branch, dealt, pledged
from tests.node.ledgers import Clock, as_runs, hear, new_ledger
from tests.people import Council, council, found, identity

CLASSES = {
    "bread": ResourceClass("loaf"), "care": ResourceClass("h", 1, 4), "design": ResourceClass("piece"),
    "euro": ResourceClass("EUR", 1, 100),
}  # fmt: skip
CO2: dict[str, Value] = {
    "unit": "g",
    "scope": "hard",
    "source": "a table of 2024",
    "factors": {"produce bread": [900, 1]},
}
PEERS = ("anna's", "bo's", "cleo's")


class Town(Commons):
    """A commons with a board that limits what ovens may cost the air, a union whose word counts, and Eve."""

    def __init__(self) -> None:
        sections: dict[str, Value] = {
            "budgets": {"co2": CO2}, "magisteria": [council("board")],
            "issuers": {"company-wage": [identity("union")]}, "contribution": {"care": [3, 2]},
        }  # fmt: skip
        super().__init__(found_charter("Oost", seed=bytes(16), classes=CLASSES, sections=sections))
        self.board = Council(self, "board")
        self.eve, self.anna, self.bo, self.union = (found(self, name) for name in ("eve", "anna", "bo", "union"))

    def allowed(self, member: Member, grams: int) -> None:
        """Let a member burn so much."""
        begin_ms = self.now_ms - len(self.board.own)  # so that each is a word of its own
        limit = statements.threshold(
            "co2", "ceiling", grams, begin_ms=begin_ms, end_ms=self.now_ms + HOUR_MS, event=self.board.chain,
            chain=self.board.chain, root=self.board.root(),
        )  # fmt: skip
        source = self.board.say(limit)
        given = compose.allot(source.id, member.chain, "budget", "co2", grams, self.now_ms + HOUR_MS)
        member.say(compose.take([self.board.say(given).id]))


class Peers:
    """Three honest peers."""

    def __init__(self, path: Path, town: Town, seed: int) -> None:
        self.town, self.dice = town, Random(seed)
        clock = Clock(town.now_ms)
        self.ledgers = [
            new_ledger(path / name, law=town.charter, clock=clock, seed=at) for at, name in enumerate(PEERS)
        ]

    def hear(self) -> None:
        """Let each peer take in all that was said, in an order of its own."""
        for ledger in self.ledgers:
            hear(ledger, self.town.held.values(), self.dice)

    def refuse(self, entry: Entry) -> str:
        """Return the rule that every peer names, or "valid"; all of them count the same and serve who comes next."""
        self.hear()
        self.serve()
        told = {self.verdict(ledger, entry) for ledger in self.ledgers}
        assert len(told) == 1, told
        return told.pop()

    def verdict(self, ledger: Ledger, entry: Entry) -> str:
        """Return the rule that a peer names."""
        stored = ledger.get(entry.id)
        assert stored is not None
        return "valid" if stored.refused is None else stored.refused[0]

    def why(self, entry: Entry) -> str:
        """Return what the first peer says."""
        stored = self.ledgers[0].get(entry.id)
        assert stored is not None
        assert stored.refused is not None
        return stored.refused[1]

    def stocks(self, ledger: Ledger) -> dict[ResourceId, Stock]:
        """Return what a peer's books hold of everybody."""
        return Inventory(ledger.books).stocks

    def serve(self) -> None:
        """See that each peer takes in what an honest member says next, shows it, and agrees with all others."""
        need = self.town.bo.need(1, resource_class="bread")
        for ledger in self.ledgers:
            ledger.ingest(as_runs([need]))
            assert need.id in ledger.standing.needs
            assert not ledger.verify().faults
        assert len({ledger.digest() for ledger in self.ledgers}) == 1
        lines = [
            {name: ledger.standing.status(line) for name, line in ledger.standing.lines.items()}
            for ledger in self.ledgers
        ]
        assert lines[0] == lines[1] == lines[2]
        first, *others = (self.stocks(ledger) for ledger in self.ledgers)
        assert all(one == first for one in others)


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture(params=[1, 2], ids=lambda seed: f"seed {seed}")
def peers(tmp_path: Path, town: Town, request: pytest.FixtureRequest) -> Iterator[Peers]:
    made = Peers(tmp_path, town, request.param)
    yield made
    for ledger in made.ledgers:
        ledger.close()


class TestPromisingForSomebodyElse:
    def test_of_her_offer_is_refused(self, town: Town, peers: Peers) -> None:
        offer, need = town.anna.offer(10, resource_class="bread"), town.bo.need(10, resource_class="bread")

        row = town.eve.misstep(compose.row(offer=offer.id, previous=None, lines=[(need.id, 10)]))

        assert peers.refuse(row) == "row.offer"

    def test_by_a_commit_of_her_row_is_refused(self, town: Town, peers: Peers) -> None:
        need = town.bo.need(10, resource_class="bread")
        row = town.anna.row(town.anna.offer(10, resource_class="bread"), (need, 10))

        commit = town.eve.misstep(town.eve.commit_content(row, (need, 10)))

        assert peers.refuse(commit) == "commit.row"
        assert not any(ledger.standing.lines for ledger in peers.ledgers)

    def test_by_accepting_for_her_is_refused(self, town: Town, peers: Peers) -> None:
        need = town.anna.need(10, resource_class="bread")
        line: Line = town.bo.commit(town.bo.row(town.bo.offer(10, resource_class="bread"), (need, 10)), (need, 10)), 0

        taken = town.eve.misstep(accept(need, line))

        assert peers.refuse(taken) == "accept.need"
        assert {one.standing.status(one.standing.lines[line_id(line)]) for one in peers.ledgers} == {Status.PENDING}

    def test_in_her_own_chain_is_not_authentic_and_not_kept(self, town: Town, peers: Peers) -> None:
        content = compose.offer("bread", 10, 0, begin_ms=town.now_ms, end_ms=town.now_ms + HOUR_MS)
        anna = town.anna.prefix
        header = Header(
            anna.chain, anna.sequence + 1, anna.tip, anna.time + 1, content.kind, 0, INCARNATION, content.deps, None,
            None, 0, content.terms,
        )  # fmt: skip
        forged = seal(header, town.eve.pair, network=town.charter.network)
        peers.hear()

        for ledger in peers.ledgers:
            [fault] = ledger.ingest(as_runs([forged])).faults
            assert fault.rule == "chain.seal"
            assert ledger.get(forged.id) is None
        peers.serve()


class TestTakingALicensedDesign:
    def test_for_sale_by_a_company_is_refused_with_the_row_and_the_way_to_pay(self, town: Town, peers: Peers) -> None:
        design = town.anna.act("raise", 1, resource_class="design", license="ppl")
        word = town.union.say(compose.attest(town.eve.identity, "company-wage", 1, town.now_ms + HOUR_MS)).id

        sold = town.eve.misstep(compose.event("cite", resource=design, use="commercial", cites=[word]))

        assert peers.refuse(sold) == "license.denied"
        assert "P4" in peers.why(sold)
        assert "P6" in peers.why(sold)

    def test_that_she_calls_her_own_is_refused(self, town: Town, peers: Peers) -> None:
        design = town.anna.act("raise", 1, resource_class="design", license="ppl")

        sold = town.eve.misstep(compose.event("cite", resource=design))

        assert peers.refuse(sold) == "event.use"


class TestCreditingHerself:
    def test_for_what_nobody_received_is_refused(self, town: Town, peers: Peers) -> None:
        deal = dealt(town.eve, town.bo, 40, "care", is_received=False)
        assert deal.deliver is not None

        credit = town.eve.misstep(compose.settle([Settled(deal.deliver.id, line_id(deal.line), None)]))

        assert peers.refuse(credit) == "settle.receive"

    def test_twice_for_one_receipt_is_refused(self, town: Town, peers: Peers) -> None:
        deal = dealt(town.eve, town.bo, 40, "care")
        town.eve.say(compose.settle([deal.settled()]))

        credit = town.eve.misstep(compose.settle([deal.settled()]))

        assert peers.refuse(credit) == "settle.again"

    def test_for_what_she_gave_another_chain_of_hers_is_refused(self, town: Town, peers: Peers) -> None:
        deal = dealt(town.eve, town.eve.install("laptop"), 40, "care")

        credit = town.eve.misstep(compose.settle([deal.settled()]))

        assert peers.refuse(credit) == "settle.other"


class TestOverdrawingABudget:
    def test_is_refused(self, town: Town, peers: Peers) -> None:
        town.allowed(town.eve, 1000)
        town.eve.act("produce", 1, resource_class="bread")

        more = town.eve.misstep(compose.event("produce", amount=1, resource_class="bread"))

        assert peers.refuse(more) == "budget.cap"

    def test_by_taking_twice_what_was_allotted_is_refused(self, town: Town, peers: Peers) -> None:
        town.allowed(town.eve, 1000)
        [taken] = [entry for entry in town.valid if entry.header.kind == "take"]

        again = town.eve.misstep(compose.take(taken.header.links))

        assert peers.refuse(again) == "take.again"

    def test_from_two_partitions_counts_on_neither_side_of_her_fork(self, town: Town, peers: Peers) -> None:
        town.allowed(town.eve, 2000)
        sides = ((town.eve, 1), (branch(town.eve), 2))
        baked = [side.act("produce", loaves, resource_class="bread") for side, loaves in sides]

        peers.hear()

        peers.serve()
        for ledger in peers.ledgers:
            assert ledger.standing.forked_at[town.eve.chain]
            assert not set(peers.stocks(ledger)) & set(baked)

    def test_by_others_in_another_partition_is_not_possible(self, town: Town, peers: Peers) -> None:
        for member in (town.eve, town.bo):
            town.allowed(member, 1000)
            member.act("produce", 1, resource_class="bread")

        more = [one.misstep(compose.event("produce", amount=1, resource_class="bread")) for one in (town.eve, town.bo)]

        assert [peers.refuse(entry) for entry in more] == ["budget.cap"] * 2


class TestSellingALotTwice:
    @pytest.fixture
    def lot(self, town: Town) -> tuple[bytes, int]:
        return town.eve.act("raise", 5, resource_class="bread")

    def test_by_two_offers_is_refused(self, town: Town, peers: Peers, lot: tuple[bytes, int]) -> None:
        town.eve.offer(5, resource_class="bread", tail=OfferTail(resource=lot))

        content = compose.offer(
            "bread",
            5,
            0x08928308280FFFFF,
            begin_ms=town.now_ms,
            end_ms=town.now_ms + HOUR_MS,
            tail=OfferTail(resource=lot),
        )

        assert peers.refuse(town.eve.misstep(content)) == "offer.stock"

    def test_by_an_offer_and_an_event_is_refused(self, town: Town, peers: Peers, lot: tuple[bytes, int]) -> None:
        town.eve.offer(5, resource_class="bread", tail=OfferTail(resource=lot))

        eaten = town.eve.misstep(compose.event("lower", amount=1, resource=lot))

        assert peers.refuse(eaten) == "event.stock"

    def test_by_delivering_one_line_twice_is_refused(self, town: Town, peers: Peers, lot: tuple[bytes, int]) -> None:
        deal = pledged(town.eve, town.bo, 5, "bread")
        town.eve.on("deliver", deal.line, cites=[deal.accept])

        again = town.eve.misstep(on("deliver", deal.line, cites=[deal.accept]))

        assert peers.refuse(again) == "deliver.open"

    def test_on_two_branches_binds_no_more_than_one_and_the_same_one_for_all(
        self, town: Town, peers: Peers, lot: tuple[bytes, int]
    ) -> None:
        needs = [one.need(5, resource_class="bread") for one in (town.anna, town.bo)]
        offer = town.eve.offer(5, resource_class="bread", tail=OfferTail(resource=lot))
        twin = branch(town.eve)
        lines = []
        for side, receiver, need in ((town.eve, town.anna, needs[0]), (twin, town.bo, needs[1])):
            line: Line = side.commit(side.row(offer, (need, 5)), (need, 5)), 0
            receiver.say(accept(need, line))
            lines.append(line_id(line))

        peers.hear()

        peers.serve()
        for ledger in peers.ledgers:
            standing = ledger.standing
            assert sorted(standing.status(standing.lines[line]) for line in lines) == [Status.DISPLACED, Status.FIRM]
            assert standing.committed(offer.id) == 5


class TestChangingAnEquation:
    @staticmethod
    def equation(town: Town, to: Member, previous: Entry | None = None) -> Content:
        """Return an equation by which all goes to one."""
        document = write(Equation(to.chain, {}, (Bucket(1000, to.chain),)), {})
        return compose.equation(document, None if previous is None else previous.id)

    @pytest.fixture
    def income(self, town: Town) -> Callable[[], Line]:
        def received() -> Line:
            return dealt(town.bo, town.eve, 100, "euro").line

        return received

    def test_is_refused_for_what_was_earned_before(self, town: Town, peers: Peers, income: Callable[[], Line]) -> None:
        fair = town.eve.say(self.equation(town, town.bo))
        line = income()
        greedy = town.eve.say(self.equation(town, town.eve, fair))

        shared = town.eve.misstep(compose.distribute(greedy.id, line_id(line)))

        assert peers.refuse(shared) == "distribute.equation"

    def test_leaves_the_old_one_for_what_was_earned_before(
        self, town: Town, peers: Peers, income: Callable[[], Line]
    ) -> None:
        fair = town.eve.say(self.equation(town, town.bo))
        line = income()
        town.eve.say(self.equation(town, town.eve, fair))

        shared = town.eve.say(compose.distribute(fair.id, line_id(line)))

        assert peers.refuse(shared) == "valid"

    def test_by_distributing_an_income_twice_is_refused(
        self, town: Town, peers: Peers, income: Callable[[], Line]
    ) -> None:
        fair = town.eve.say(self.equation(town, town.bo))
        line = income()
        town.eve.say(compose.distribute(fair.id, line_id(line)))

        again = town.eve.misstep(compose.distribute(fair.id, line_id(line)))

        assert peers.refuse(again) == "distribute.again"

    def test_of_somebody_elses_chain_is_refused(self, town: Town, peers: Peers, income: Callable[[], Line]) -> None:
        theirs = town.bo.say(self.equation(town, town.bo))
        line = income()

        shared = town.eve.misstep(compose.distribute(theirs.id, line_id(line)))

        assert peers.refuse(shared) == "distribute.equation"
