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

from mycelia_node import bookfiles, models
from mycelia_node.bookroom import Bookroom
from mycelia_node.faults import BadInput
from mycelia_node.treasury import Treasury
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


class TestTables:
    def test_are_read_back_as_they_were_written(self, town: Town, sold: ResourceId, tmp_path: Path) -> None:
        view = Bookroom(town["anna"].desk).books()

        bookfiles.write_tables(view, "csv", tmp_path / "deep" / "books")
        bookfiles.write_tables(view, "parquet", tmp_path / "deep" / "books")

        for name in bookfiles.TABLES:
            rows = [_asdict(row) for row in getattr(view, name)]
            path = tmp_path / "deep" / "books" / name
            assert pyarrow.parquet.read_table(path.with_suffix(".parquet")).to_pylist() == rows
            with path.with_suffix(".csv").open(newline="") as file:
                read = list(csv.DictReader(file))
            assert [row.get("amount") for row in read] == [row.get("amount") for row in rows]
            assert len(read) == len(rows)
            assert bool(rows) == (name != "claims")


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
        assert (seen.member, view.claims) == (None, [seen])
        assert msgspec.structs.replace(seen, member="anna") == row
        assert row.creditor == next(iter(Bookroom(town["anna"].desk).accounts(party=row.creditor))).party
        assert (tmp_path / "claims.csv").read_text().count(cid.text(raised.id)) == 1

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


class TestValueFlows:
    def test_has_the_context_of_the_chapter(self) -> None:
        assert bookfiles.context() == json.loads((SPEC / "books.jsonld").read_text())["@context"]

    def test_is_what_another_processor_reads(self, town: Town, sold: ResourceId) -> None:
        document = bookfiles.jsonld(Bookroom(town["anna"].desk).books())

        [expanded] = jsonld.expand(document, {"documentLoader": _no_network})
        nodes = {node["@id"]: node for node in expanded["@graph"]}

        assert len(nodes) == len(expanded["@graph"]) == len(document["@graph"])
        kinds = {kind for node in nodes.values() for kind in node["@type"]}
        assert {VF + name for name in ("Agent", "EconomicEvent", "EconomicResource", "Process")} <= kinds
        [transfer] = [node for node in nodes.values() if node.get(VF + "action") == [{"@id": VF + "transfer"}]]
        assert transfer["@type"] == [VF + "EconomicEvent"]
        for end in ("provider", "receiver", "resourceInventoriedAs", "toResourceInventoriedAs"):
            assert transfer[VF + end][0]["@id"] in nodes, end
        assert transfer[VF + "provider"] != transfer[VF + "receiver"]
        assert VF + "resourceConformsTo" not in transfer
        [measure] = transfer[VF + "resourceQuantity"]
        assert measure["@type"] == [OM2 + "Measure"]
        assert measure[OM2 + "hasUnit"] == [{"@id": OM2 + "kilogram"}]
        decimal = "http://www.w3.org/2001/XMLSchema#decimal"
        assert measure[OM2 + "hasNumericalValue"] == [{"@type": decimal, "@value": "10"}]

    def test_has_resources_in_the_words_of_the_ontology(self, town: Town, sold: ResourceId) -> None:
        [expanded] = jsonld.expand(
            bookfiles.jsonld(Bookroom(town["anna"].desk).books()), {"documentLoader": _no_network}
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
            bookfiles.jsonld(Bookroom(town["anna"].desk).books()), {"documentLoader": _no_network}
        ))  # fmt: skip

        used = {name.split('"')[0] for name in text.split(VF)[1:]}
        assert used <= TERMS | set(ACTIONS)
        assert '@value": 1' not in text, "a number that is no text"

    @pytest.mark.parametrize(("value", "unit"), [("2/3", "1%2F3%20kg"), ("2", "loaf")])
    def test_counts_what_is_no_decimal_in_a_part_of_the_unit(self, value: str, unit: str) -> None:
        measure = bookfiles._measure(value, "kg" if "/" in value else "loaf")

        assert measure == {"type": "Measure", "hasNumericalValue": "2", "hasUnit": f"urn:mycelia:unit:{unit}"}


TERMS = {
    "Agent", "EconomicEvent", "EconomicResource", "Process", "ResourceSpecification", "action", "provider", "receiver",
    "resourceConformsTo", "resourceInventoriedAs", "toResourceInventoriedAs", "resourceQuantity", "effortQuantity",
    "inputOf", "outputOf", "toLocation", "hasPointInTime", "stage", "state", "conformsTo", "accountingQuantity",
    "onhandQuantity", "primaryAccountable", "containedIn", "currentLocation", "inScopeOf",
}  # fmt: skip


def _values(measures: list[dict[str, Any]]) -> list[Decimal]:
    return [Decimal(value["@value"]) for one in measures for value in one[OM2 + "hasNumericalValue"]]


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
