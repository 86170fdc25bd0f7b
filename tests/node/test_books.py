"""The books of homes: the same at each, as rows, as tables and as ValueFlows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet
import pytest
from pyld import jsonld

from mycelia_node import bookfiles, bookgraph, bookroom, models
from mycelia_node.bookroom import Bookroom
from mycelia_node.faults import BadInput
from mycelia_node.treasury import Treasury
from mycelia_node.workshop import Workshop
from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import ResourceId
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.compose import NeedTail, OfferTail
from mycelia_protocol.errors import Refused
from tests.builders import CELL, HOUR_MS

from .test_treasury import deal, say
from .test_treasury import sold as sale
from .test_witnessing import peopled
from .towns import Town
from .valueflows import AGENTS, CLASSES, DOMAINS

SPEC = Path(__file__).parents[2] / "spec"
VF = "https://w3id.org/valueflows/ont/vf#"
OM2 = "http://www.ontology-of-units-of-measure.org/resource/om-2/"
FACTORS: Any = {"food": [1, 10], "care": [1, 10]}


@pytest.fixture
def town() -> Iterator[Town]:
    measures: Any = {"mass": {"unit": "kg", "source": "scales", "factors": FACTORS}}
    town = peopled("bo", sections={"measures": measures})
    yield town
    town.close()


@pytest.fixture
def sold(town: Town) -> ResourceId:
    """Return what bo received of a lot of anna's, and used half of in a process that yielded less."""
    anna, bo, window = town["anna"], town["bo"], {"begin_ms": town.now_ms, "end_ms": town.now_ms + HOUR_MS}
    lot = say(anna, compose.event("raise", amount=125, resource_class="food"), "anna").id, 0
    need = say(bo, compose.need("food", 100, CELL, urgency=0, tail=NeedTail(), **window), "bo")
    offer = say(anna, compose.offer("food", 125, CELL, tail=OfferTail(resource=lot), **window), "anna")
    lines, end_ms = [(need.id, 100)], town.now_ms + HOUR_MS
    row = say(anna, compose.row(offer=offer.id, previous=None, lines=lines), "anna")
    commit = say(anna, compose.commit(row=row.id, hold_ms=end_ms, until_ms=end_ms, lines=lines), "anna")
    accept = say(bo, compose.accept(need=need.id, lines=[(commit.id, 0)]), "bo")
    deliver = say(anna, compose.on_lines("deliver", [(commit.id, 0)], [accept.id]), "anna")
    got = say(bo, compose.on_lines("receive", [(commit.id, 0)], [deliver.id]), "bo").id, 0
    process = say(bo, compose.process(), "bo").id
    say(bo, compose.event("consume", amount=50, resource=got, process=process, state="dry"), "bo")
    say(bo, compose.event("produce", amount=47, resource_class="care", process=process, cell=CELL), "bo")
    return got


class TestBooks:
    def test_are_the_same_in_every_home(self, town: Town, sold: ResourceId) -> None:
        one, other = (Bookroom(town[name].desk).books() for name in ("anna", "bo"))

        assert _nameless(one) == _nameless(other)
        assert [(row.action, row.is_line) for row in one.events] == [
            ("raise", False), ("transfer", True), ("consume", False), ("produce", False),
        ]  # fmt: skip
        assert {(row.goes_in, row.comes_out, row.balance) for row in one.balances} == {("5", "4.7", "imbalance")}
        assert {(row.between, row.amount) for row in one.flows} == {("party", "10"), ("cell", "10")}

    def test_follow_what_comes_in(self, town: Town, sold: ResourceId) -> None:
        room = Bookroom(town["anna"].desk)
        bo = room.accounts()[-1].party
        before = {row.resource_class: row.on_hand for row in room.accounts(party=bo)}

        say(town["bo"], compose.event("lower", amount=10, resource=sold), "bo")

        after = {row.resource_class: row.on_hand for row in room.accounts(party=bo)}
        assert (before, after) == ({"care": "11.75", "food": "5"}, {"care": "11.75", "food": "4"})

    def test_are_of_one_moment_though_others_say_something_while_they_are_written(
        self, town: Town, sold: ResourceId, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bookroom, "_PAGE", 1)
        room = Bookroom(town["bo"].desk)
        before, steps = msgspec.json.encode(room.books()), room.books_steps()
        seen = [next(steps)]

        for amount, view in enumerate(steps, 1):
            say(town["bo"], compose.event("lower", amount=amount, resource=sold), "bo")
            seen.append(view)

        assert len(seen) > 6
        assert msgspec.json.encode(seen[-1]) == before != msgspec.json.encode(room.books())

    def test_say_whose_accounts_they_are_to_who_asks(self, town: Town, sold: ResourceId) -> None:
        room = Bookroom(town["anna"].desk)
        [anna] = room.accounts(party="anna")

        assert (anna.member, anna.given, anna.raised, anna.on_hand, anna.contributed) == (
            "anna",
            "10",
            "12.5",
            "2.5",
            "10",
        )
        assert room.accounts(party=anna.party[:12]) == [anna]
        assert room.accounts(party="anna", resource_class="care") == []
        for party, name in (("nobody", None), ("bafyrei", None), (None, "gold")):
            with pytest.raises(BadInput):
                room.accounts(party=party, resource_class=name)

    def test_trace_and_recall(self, town: Town, sold: ResourceId) -> None:
        room = Bookroom(town["bo"].desk)
        lot = room.trace(cid.text(sold[0]))[-1].target
        assert lot is not None

        recalled = room.recall(lot)

        assert {(row.resource_class, row.onhand) for row in recalled.stock} == {
            ("food", "2.5"), ("food", "5"), ("care", "11.75"),
        }  # fmt: skip
        assert [step.action for step in room.trace(lot, forward=True)] == ["transfer", "consume", "produce"]
        with pytest.raises(BadInput, match="made no resource"):
            room.recall(cid.text(town["bo"].keystore.member("bo").chain))


class TestALot:
    @pytest.fixture
    def labelled(self, town: Town, sold: ResourceId) -> str:
        """Return the lot that bo's food is of, by what anna wrote on hers."""
        room, shop = Bookroom(town["anna"].desk), Workshop(town["anna"].desk)
        lot = room.trace(cid.text(sold[0]))[-1].target
        assert lot is not None
        shop.lot(models.NewLot(resource=lot, code="L-2026/117", expires="2027-03-01T00:00:00+00:00"))
        town.meet()
        return lot

    def test_is_recalled_by_what_is_on_the_label(self, town: Town, labelled: str) -> None:
        room = Bookroom(town["bo"].desk)

        assert room.recall("L-2026/117") == room.recall(labelled)
        assert {row.lot_code for row in room.recall(labelled).stock if row.resource_class == "food"} == {"L-2026/117"}
        assert {row.lot for row in room.recall(labelled).stock if row.resource_class == "care"} == {None}

    def test_asks_which_is_meant_where_several_things_are_labelled_so(self, town: Town, labelled: str) -> None:
        other = say(town["anna"], compose.event("raise", amount=1, resource_class="food"), "anna")
        say(town["anna"], compose.lot((other.id, 0), "L-2026/117", None), "anna")

        with pytest.raises(BadInput, match="on several things"):
            Bookroom(town["bo"].desk).recall("L-2026/117")

    def test_is_a_record_of_valueflows_that_its_resources_are_of(self, town: Town, labelled: str) -> None:
        document = bookgraph.jsonld(Bookroom(town["bo"].desk).books())
        [expanded] = jsonld.expand(document, {"documentLoader": _no_network})
        nodes = expanded["@graph"]

        [record] = _of(nodes, "BatchLotRecord")

        assert record[VF + "batchLotCode"] == [{"@value": "L-2026/117"}]
        assert record[VF + "expirationDate"] == [
            {"@type": "http://www.w3.org/2001/XMLSchema#dateTimeStamp", "@value": "2027-03-01T00:00:00.000+00:00"}
        ]
        of_it = [node for node in nodes if node.get(VF + "ofBatchLot") == [{"@id": record["@id"]}]]
        assert len(of_it) == 2


class TestTables:
    def test_are_read_back_as_they_were_written(self, town: Town, sold: ResourceId, tmp_path: Path) -> None:
        view = Bookroom(town["anna"].desk).books()

        bookfiles.write_tables(view, "csv", tmp_path / "deep" / "books")
        bookfiles.write_tables(view, "parquet", tmp_path / "deep" / "books")

        for name in bookfiles.TABLES:
            rows = [_asdict(row) for row in getattr(view, name)]
            path = tmp_path / "deep" / "books" / name
            table = pyarrow.parquet.read_table(path.with_suffix(".parquet"))
            amounts = {field.name for field in table.schema if str(field.type) == "decimal128(38, 9)"}
            assert amounts == bookfiles.AMOUNTS & set(table.schema.names)
            assert table.to_pylist() == [
                {key: Decimal(value) if key in amounts else value for key, value in row.items()} for row in rows
            ]
            with path.with_suffix(".csv").open(newline="") as file:
                read = list(csv.DictReader(file))
            assert [row.get("amount") for row in read] == [row.get("amount") for row in rows]
            assert len(read) == len(rows)
            assert rows or name in ("quotients", "due"), name  # it has no limits, and nobody owes

    def test_have_text_where_an_amount_is_no_decimal(self, tmp_path: Path) -> None:
        flows = [
            models.FlowRow(between="cell", source="1", target="2", resource_class="pie", unit="pie", amount=amount)
            for amount in ("1", "2/3")
        ]

        bookfiles.write_parquet(flows, models.FlowRow, tmp_path / "flows.parquet")

        assert [row["amount"] for row in pyarrow.parquet.read_table(tmp_path / "flows.parquet").to_pylist()] == [
            "1", "2/3",
        ]  # fmt: skip

    @pytest.mark.parametrize("unit", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
    def test_hold_nothing_that_a_spreadsheet_takes_for_a_formula(self, tmp_path: Path, unit: str) -> None:
        flow = models.FlowRow(between="cell", source="1", target="2", resource_class="pie", unit=unit, amount="1")

        bookfiles.write_csv([flow], models.FlowRow, tmp_path / "flows.csv")

        with (tmp_path / "flows.csv").open(newline="") as file:
            [row] = csv.DictReader(file)
        assert (row["unit"], row["amount"]) == (f"'{unit}", "1")


class TestClaimsDue:
    def test_are_the_same_at_every_home_and_in_the_tables(self, town: Town, tmp_path: Path) -> None:
        raised = sale(town)
        town.meet()
        [row] = Bookroom(town["anna"].desk).claims()
        [seen] = Bookroom(town["bo"].desk).claims()
        view = Bookroom(town["bo"].desk).books()
        bookfiles.write_tables(view, "csv", tmp_path)

        assert (row.id, row.member, row.left, row.unit, row.is_suspended) == (
            cid.text(raised.id), "anna", "0.75", "h", False,
        )  # fmt: skip
        assert (seen.member, view.due) == (None, [seen])
        assert msgspec.structs.replace(seen, member="anna") == row
        assert row.creditor == next(iter(Bookroom(town["anna"].desk).accounts(party=row.creditor))).party
        assert (tmp_path / "due.csv").read_text().count(cid.text(raised.id)) == 1

    def test_are_of_one_party_if_one_is_named(self, town: Town) -> None:
        sale(town)
        room = Bookroom(town["anna"].desk)

        assert len(room.claims(party="anna")) == 1
        assert room.claims(party=room.claims()[0].creditor) == []
        with pytest.raises(BadInput, match="no member"):
            room.claims(party="zoe")

    def test_go_as_they_are_paid(self, town: Town) -> None:
        sale(town)
        room, treasury = Bookroom(town["anna"].desk), Treasury(town["anna"].desk)
        left = []
        for amount in (2, 1):
            deal(town, "anna", "bo", amount, "care")
            [row] = room.claims()
            left.append(row.left)
            treasury.settle(models.NewSettlement(claim=row.id))
            town.meet()

        assert (left, room.claims(), Bookroom(town["bo"].desk).claims()) == (["0.75", "0.25"], [], [])
        view = Bookroom(town["bo"].desk).books()
        [claim] = view.claims
        assert [row.amount for row in view.events if row.settles == claim.id] == ["0.5", "0.25"]
        settling = [node["settles"] for node in bookgraph.jsonld(view)["@graph"] if "settles" in node]
        assert settling == [f"urn:mycelia:claim:{claim.id}"] * 2

    def test_suspend_the_use_of_the_design_after_their_time(self, town: Town) -> None:
        sale(town)
        anna = town["anna"]
        [row] = Bookroom(anna.desk).claims()
        town.now_ms = row.due_ms + 1
        [late] = Bookroom(anna.desk).claims()
        process = say(anna, compose.process(), "anna").id
        design = anna.desk.entry(row.design).entry.id, 0
        with pytest.raises(Refused) as refused:
            say(anna, compose.event("cite", resource=design, process=process, use="commercial"), "anna")

        assert (late.is_suspended, refused.value.rule) == (True, "license.suspended")

    def test_are_the_same_after_everything_is_judged_again(self, town: Town) -> None:
        sale(town)
        room = Bookroom(town["bo"].desk)
        before = room.claims()
        town["bo"].ledger.verify()

        assert room.claims() == before != []


class TestBooksThatAreKept:
    def test_take_in_what_comes_and_are_what_they_would_be_if_made_anew(self, town: Town, sold: ResourceId) -> None:
        anna, room = town["anna"], Bookroom(town["anna"].desk)
        kept = anna.ledger.books
        lot = say(anna, compose.event("raise", amount=7, resource_class="food"), "anna").id, 0
        say(anna, compose.event("consume", amount=2, resource=lot), "anna")

        assert anna.ledger.books is kept
        told = room.books()
        anna.ledger._folds.forget()
        assert anna.ledger.books is not kept
        assert room.books() == told
        assert cid.text(lot[0]) in {row.id for row in told.stock}


class TestValueFlows:
    def test_has_the_context_of_the_chapter(self) -> None:
        assert bookgraph.context() == json.loads((SPEC / "books.jsonld").read_text())["@context"]

    def test_is_what_another_processor_reads(self, town: Town, sold: ResourceId) -> None:
        document = bookgraph.jsonld(Bookroom(town["anna"].desk).books())

        [expanded] = jsonld.expand(document, {"documentLoader": _no_network})
        nodes = {node["@id"]: node for node in expanded["@graph"]}

        assert len(nodes) == len(expanded["@graph"]) == len(document["@graph"])
        kinds = {kind for node in nodes.values() for kind in node["@type"]}
        assert {VF + name for name in ("Agent", "EconomicEvent", "EconomicResource", "Process")} <= kinds
        [transfer] = [
            node
            for node in nodes.values()
            if node["@type"] == [VF + "EconomicEvent"] and node[VF + "action"] == [{"@id": VF + "transfer"}]
        ]
        assert transfer["@type"] == [VF + "EconomicEvent"]
        for end in ("provider", "receiver", "resourceInventoriedAs", "toResourceInventoriedAs"):
            assert transfer[VF + end][0]["@id"] in nodes, end
        assert transfer[VF + "provider"] != transfer[VF + "receiver"]
        assert VF + "resourceConformsTo" not in transfer
        [measure] = transfer[VF + "resourceQuantity"]
        assert measure["@type"] == [VF + "Measure"]
        assert measure[VF + "hasUnit"] == [{"@id": OM2 + "kilogram"}]
        decimal = "http://www.w3.org/2001/XMLSchema#decimal"
        assert measure[VF + "hasNumericalValue"] == [{"@type": decimal, "@value": "10"}]

    def test_has_resources_in_the_words_of_the_ontology(self, town: Town, sold: ResourceId) -> None:
        [expanded] = jsonld.expand(
            bookgraph.jsonld(Bookroom(town["anna"].desk).books()), {"documentLoader": _no_network}
        )
        nodes = {node["@id"]: node for node in expanded["@graph"]}

        got = nodes[f"urn:mycelia:resource:{cid.text(sold[0])}"]

        assert got[VF + "state"] == [{"@value": "dry"}]
        for name in ("conformsTo", "primaryAccountable"):
            assert got[VF + name][0]["@id"] in nodes
        values = [_values(got[VF + name]) for name in ("accountingQuantity", "onhandQuantity")]
        assert values == [[Decimal(5)], [Decimal(5)]]

    def test_uses_no_name_that_the_ontology_lacks(self, town: Town, sold: ResourceId) -> None:
        text = json.dumps(jsonld.expand(
            bookgraph.jsonld(Bookroom(town["anna"].desk).books()), {"documentLoader": _no_network}
        ))  # fmt: skip

        used = {name.split('"')[0] for name in text.split(VF)[1:]}
        assert used <= CLASSES | DOMAINS.keys() | set(ACTIONS) | {"offer", "request"}
        assert '@value": 1' not in text, "a number that is no text"

    def test_ends_with_the_calendar_what_somebody_promised_for_longer(self) -> None:
        longest = 2**63 - 1  # of `until` and the end of an agreement, which are any naturals

        assert bookgraph._moment(longest) == bookgraph._moment(253_402_300_799_999) == "9999-12-31T23:59:59.999+00:00"

    @pytest.mark.parametrize(("value", "unit"), [("2/3", "1%2F3%20kg"), ("2", "loaf")])
    def test_counts_what_is_no_decimal_in_a_part_of_the_unit(self, value: str, unit: str) -> None:
        measure = bookgraph._measure(value, "kg" if "/" in value else "loaf")

        assert measure == {"type": "Measure", "hasNumericalValue": "2", "hasUnit": f"urn:mycelia:unit:{unit}"}


class TestWhatIsMeantAndPromised:
    @pytest.fixture
    def agreed(self, town: Town) -> models.BooksView:
        """Return books with a recipe that is followed, and bread for care: an agreement of which one leg is done."""
        anna, bo, now = town["anna"], town["bo"], town.now_ms
        window, end_ms = {"begin_ms": now, "end_ms": now + HOUR_MS}, now + HOUR_MS
        recipe = say(anna, compose.recipe("supper", [
            ("i", "consume", "food", 20), ("i", "work", "care", 5), ("o", "deliverService", "care", 10),
        ]), "anna").id  # fmt: skip
        follows = say(bo, compose.process(recipe), "bo").id
        cites = say(bo, compose.recipe("feast", [("i", "consume", "care", 10)], [recipe]), "bo")
        assert cites.header.kind == "recipe"
        legs = []
        for giver, taker, name in ((anna, bo, "food"), (bo, anna, "care")):
            one, other = ("anna", "bo") if giver is anna else ("bo", "anna")
            tail = NeedTail("consume", process=follows) if taker is bo else None
            need = say(taker, compose.need(name, 10, CELL, urgency=0, tail=tail, **window), other)
            offer = say(
                giver, compose.offer(name, 10, CELL, tail=tail and OfferTail("consume"), **window), one
            )  # fmt: skip
            lines = [(need.id, 10)]
            row = say(giver, compose.row(offer=offer.id, previous=None, lines=lines), one)
            commit = say(giver, compose.commit(row=row.id, hold_ms=0, until_ms=end_ms, lines=lines), one)
            legs.append(((commit.id, 0), need.id))
        agreement = say(anna, compose.agreement(end_ms=end_ms, legs=legs), "anna").id
        mine = say(anna, compose.agree(agreement, legs), "anna").id
        his = say(bo, compose.agree(agreement, legs, [mine]), "bo").id
        deliver = say(anna, compose.on_lines("deliver", [legs[0][0]], [his]), "anna").id
        say(bo, compose.on_lines("receive", [legs[0][0]], [deliver]), "bo")
        view = Bookroom(anna.desk).books()
        [first, second] = [row.party for row in view.intents if row.kind == "need"]
        owed = models.ClaimRow(
            id=view.events[0].id, debtor=first, creditor=second, resource_class="food", unit="kg", amount="2",
            paid="0.5", due_ms=now, is_paid=False, event=view.events[0].id,
        )  # fmt: skip
        return msgspec.structs.replace(view, claims=[owed], agents={first: "Person", second: "EcologicalAgent"})

    @pytest.fixture
    def nodes(self, agreed: models.BooksView) -> list[dict[str, Any]]:
        """Return what another processor makes of them."""
        [expanded] = jsonld.expand(bookgraph.jsonld(agreed), {"documentLoader": _no_network})
        found: list[dict[str, Any]] = expanded["@graph"]
        return found

    def test_is_written_with_properties_that_the_ontology_has_on_its_class(self, nodes: list[dict[str, Any]]) -> None:
        for node in _all(nodes):
            [kind] = (name.removeprefix(VF) for name in node["@type"])
            assert kind in CLASSES
            for name in node:
                if name.startswith(VF):
                    on = DOMAINS[name.removeprefix(VF)].split()
                    assert kind in on or (kind in AGENTS and "Agent" in on), (kind, name)

    def test_names_nothing_that_is_not_in_the_graph(self, nodes: list[dict[str, Any]]) -> None:
        known = {node["@id"] for node in nodes} | {VF + name for name in (*ACTIONS, "offer", "request")}

        named = {
            (key, value["@id"])
            for node in _all(nodes)
            for key, values in node.items()
            if key.startswith(VF)
            for value in values
            if "@id" in value
        }

        assert len({key for key, _ in named}) > 12
        assert {one for _, one in named} <= known

    def test_has_a_request_and_an_offer_for_each_intent_and_a_commitment_that_satisfies_both(
        self, nodes: list[dict[str, Any]]
    ) -> None:
        commitments = [node for node in _of(nodes, "Commitment") if node[VF + "action"] == [{"@id": VF + "consume"}]]
        [done] = commitments
        intents = {node["@id"]: node for node in _of(nodes, "Intent")}
        purposes = {node[VF + "publishes"][0]["@id"]: node[VF + "purpose"][0]["@id"] for node in _of(nodes, "Proposal")}

        need, offer = (intents[one["@id"]] for one in done[VF + "satisfies"])

        assert purposes.keys() == intents.keys()
        assert [purposes[one["@id"]] for one in (need, offer)] == [VF + "request", VF + "offer"]
        assert (need[VF + "receiver"], offer[VF + "provider"]) == (done[VF + "receiver"], done[VF + "provider"])
        assert VF + "provider" not in need
        assert VF + "receiver" not in offer
        assert done[VF + "finished"] == [{"@value": True}]
        assert need[VF + "inputOf"] == done[VF + "inputOf"]
        stamp = "http://www.w3.org/2001/XMLSchema#dateTimeStamp"
        assert [done[VF + "due"][0]["@type"], need[VF + "hasEnd"][0]["@type"]] == [stamp, stamp]

    def test_has_both_clauses_of_an_agreement_and_what_it_came_to(self, nodes: list[dict[str, Any]]) -> None:
        [agreement] = _of(nodes, "Agreement")
        [event] = _of(nodes, "EconomicEvent")

        clauses = [node for node in _of(nodes, "Commitment") if VF + "clauseOf" in node]

        assert [node[VF + "clauseOf"] for node in clauses] == [[{"@id": agreement["@id"]}]] * 2
        assert event[VF + "realizationOf"] == [{"@id": agreement["@id"]}]
        assert event[VF + "fulfills"][0]["@id"] in {node["@id"] for node in clauses}
        assert {node[VF + "finished"][0]["@value"] for node in clauses} == {True, False}

    def test_has_recipes_with_their_flows_and_what_follows_them(self, nodes: list[dict[str, Any]]) -> None:
        supper, feast = sorted(_of(nodes, "RecipeProcess"), key=lambda node: str(node[VF + "name"]), reverse=True)
        name = [{"@id": supper["@id"]}]
        flows = _of(nodes, "RecipeFlow")

        goes_in = [node for node in flows if node.get(VF + "recipeInputOf") == name]
        [comes_out] = [node for node in flows if node.get(VF + "recipeOutputOf") == name]

        assert [node[VF + "action"][0]["@id"] for node in goes_in] == [VF + "consume", VF + "work"]
        assert [VF + "effortQuantity" in node for node in goes_in] == [False, True]
        assert _values(comes_out[VF + "resourceQuantity"]) == [Decimal("2.5")]
        assert feast["urn:mycelia:ns#cites"] == name
        assert [node["urn:mycelia:ns#recipe"] for node in _of(nodes, "Process")] == [name]

    def test_has_claims_and_what_everybody_is_attested_to_be(self, nodes: list[dict[str, Any]]) -> None:
        [claim] = _of(nodes, "Claim")
        [debtor], [creditor] = _of(nodes, "Person"), _of(nodes, "EcologicalAgent")

        assert claim[VF + "provider"] == [{"@id": debtor["@id"]}]
        assert claim[VF + "receiver"] == [{"@id": creditor["@id"]}]
        assert claim[VF + "triggeredBy"][0]["@id"] in {node["@id"] for node in _of(nodes, "EconomicEvent")}
        assert _values(claim[VF + "resourceQuantity"]) == [Decimal(2)]
        assert _values(claim["urn:mycelia:ns#paid"]) == [Decimal("0.5")]

    def test_has_each_unit_once_with_its_name_in_the_ontology_of_units(self, nodes: list[dict[str, Any]]) -> None:
        units = {node["@id"]: node for node in _of(nodes, "Unit")}

        kilogram = units[OM2 + "kilogram"]

        assert len(units) == len(_of(nodes, "Unit"))
        assert kilogram[VF + "label"] == [{"@value": "kg"}]
        assert kilogram[VF + "omUnitIdentifier"][0]["@value"] == OM2 + "kilogram"


def _of(nodes: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [node for node in nodes if node["@type"] == [VF + kind]]


def _all(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*nodes, *(inner for node in nodes for inner in _inner(node))]


def _inner(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the measures that stand inside a node."""
    for key, values in node.items():
        if not key.startswith("@"):
            yield from (value for value in values if "@type" in value and "@value" not in value)


def _values(measures: list[dict[str, Any]]) -> list[Decimal]:
    return [Decimal(value["@value"]) for one in measures for value in one[VF + "hasNumericalValue"]]


def _no_network(url: str, _: object) -> Any:
    raise AssertionError(f"{url} was asked for")


def _asdict(row: Any) -> dict[str, Any]:
    return {field: getattr(row, field) for field in row.__struct_fields__}


def _nameless(view: models.BooksView) -> Any:
    text = msgspec.json.encode(view).decode()
    for name in ("anna", "bo"):
        text = text.replace(f'"member":"{name}"', '"member":null')
    rows = json.loads(text)
    return {key: sorted(value, key=str) if isinstance(value, list) else value for key, value in rows.items()}
