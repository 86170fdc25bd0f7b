"""The vectors of chapter 25: what the books say, in whatever order the entries came."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from mycelia_protocol.accounts import Sheet, sheet
from mycelia_protocol.accumulators import Fact, FactKey
from mycelia_protocol.books import Books, Lot
from mycelia_protocol.charter import Charter
from mycelia_protocol.duties import claims_due
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.inventory import Stock
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import Members
from mycelia_protocol.quotients import Quotient, quotients
from mycelia_protocol.recipes import footprint, scaled
from mycelia_protocol.standing import Standing
from mycelia_protocol.traces import Step, Traces

from .test_consent_vectors import Replay, _members, forks_of
from .test_schema import SCHEMA, value_of
from .test_vectors import _charter
from .vectors import Vector, vectors

FOUND = vectors("books")
Given = dict[str, Any]


class TestAVector:
    @pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in FOUND])
    def test_holds(self, vector: Vector) -> None:
        do = DEEDS[vector["do"]]

        if "refuse" in vector:
            with pytest.raises(ProtocolError) as refusal:
                do(vector["given"])
            assert refusal.value.rule == vector["refuse"]
            assert refusal.value.explain()
        else:
            assert do(vector["given"]) == vector["expect"]

    @pytest.mark.parametrize(
        "vector", [pytest.param(vector, id=vector["name"]) for vector in FOUND if vector["do"] != "charter"]
    )
    def test_is_the_same_in_any_order_of_arrival(self, vector: Vector) -> None:
        dice = random.Random(25)
        for _ in range(4):
            assert ORDERED[vector["do"]](vector["given"], dice) == vector["expect"]


class TestTheVectors:
    def test_have_names_of_their_own_and_one_end_each(self) -> None:
        assert len({vector["name"] for vector in FOUND}) == len(FOUND)
        for vector in FOUND:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)

    def test_have_the_shape_of_the_grammar_where_they_accept_a_charter(self) -> None:
        accepted = [vector for vector in FOUND if vector["do"] == "charter" and "expect" in vector]

        assert accepted
        for vector in accepted:
            assert SCHEMA.accepts("charter", value_of(bytes.fromhex(vector["given"]["bytes"]))), vector["name"]


def kept(given: Given, dice: random.Random | None = None) -> dict[str, Any]:
    """Return what the books of a vector say, the entries told in their order, or as the dice have it, and twice."""
    books, members, charter = _read(given, dice)

    def party(chain: bytes) -> bytes:
        return members.identity_of(chain) or chain

    found = sheet(books, party, charter.measures)
    told = _told(found) | _owed(Replay(given), books) | _followed(given, Traces(books, found.inventory))
    if charter.budgets:
        told["quotients"] = _quotients(quotients(books, found, charter.budgets, party))
    return told


def scale(given: Given, dice: random.Random | None = None) -> dict[str, Any]:
    """Return what an amount takes by a recipe of a vector, and what that would cost."""
    books, _, charter = _read(given, dice)
    recipe = books.recipes[bytes.fromhex(given["recipe"])]
    found = scaled(recipe, given["class"], int(given["amount"]), books.recipes.get)
    exact = {name: footprint(found.acts, budget) for name, budget in sorted(charter.budgets.items())}
    return {
        "runs": {name.hex(): str(runs) for name, runs in found.runs.items()},
        "goes_in": [[*act, str(much)] for act, much in sorted(found.goes_in.items())],
        "comes_out": [[*act, str(much)] for act, much in sorted(found.comes_out.items())],
        "footprints": {name: [str(one), str(ceil(one))] for name, one in exact.items()},
    }


def _read(given: Given, dice: random.Random | None) -> tuple[Books, Members, Charter]:
    replay = Replay(given)
    arrived: list[Entry] = list(replay.valid)
    if dice is not None:
        arrived += replay.valid
        dice.shuffle(arrived)
    members = _members(replay, arrived)
    lineage = Lineage(replay.held.get, replay.charter)
    standing = Standing(replay.held.get, members.heirs, lineage.inheritance, is_backed=members.is_backed)
    books = Books(standing, replay.held.get)
    for chain, sequence in forks_of(replay).items():
        books.note_fork(chain, sequence)
    for entry in arrived:
        if members.counts(entry.chain, entry.header.sequence):
            books.standing.add(entry)
            books.add(entry)
    return books, members, replay.charter


def _told(found: Sheet) -> dict[str, Any]:
    accounts: dict[str, dict[str, dict[str, str]]] = {}
    for (party, name), one in sorted(found.accounts.items()):
        columns = {column: str(getattr(one, column)) for column in one.__slots__ if getattr(one, column)}
        accounts.setdefault(party.hex(), {})[name] = columns
    contributions: dict[str, dict[str, str]] = {}
    for (party, name), amount in sorted(found.contributions.items()):
        contributions.setdefault(party.hex(), {})[name] = str(amount)
    return {
        "stocks": {
            _name(name): _stock(stock, found.inventory.lot_of(stock))
            for name, stock in sorted(found.inventory.stocks.items())
        },
        "accounts": accounts,
        "contributions": contributions,
        **{
            name: [[_end(flow.source), _end(flow.target), flow.resource_class, str(amount)] for flow, amount in flows]
            for name, flows in (("flows", sorted(found.flows.items())), ("places", sorted(found.places.items())))
        },
        "balances": {
            process.hex(): {one.measure: [str(one.goes_in), str(one.comes_out), str(one.balance)] for one in measured}
            for process, measured in found.balances.items()
        },
    }


def _owed(replay: Replay, books: Books) -> dict[str, Any]:
    claims: dict[bytes, list[dict[FactKey, Fact]]] = {}
    named = {entry.header.backlink for entry in replay.held.values()}
    for entry in replay.held.values():
        if entry.id not in named:
            facts = replay.after(entry).facts
            claims.setdefault(entry.chain, []).append({key: one for key, one in facts.items() if key[0] == "claim"})
    told = {
        _name(one.id): {
            "chain": one.chain.hex(),
            "creditor": one.claim.creditor.hex(),
            "class": one.claim.resource_class,
            "amount": str(one.claim.amount),
            "paid": str(one.claim.paid),
            "due": str(one.claim.due_ms),
            "for": _name((one.claim.ground, one.claim.ground_number)),
        }
        for one in claims_due(books, claims)
    }
    return {"claims": told} if told else {}


def _quotients(found: list[Quotient]) -> list[list[str]]:
    return sorted(
        [
            one.impact, one.sense, str(one.begin_ms), str(one.end_ms), (one.party or b"").hex(), str(one.allowed),
            str(one.used), "" if one.ratio is None else str(one.ratio),
        ]
        for one in found
    )  # fmt: skip


def _followed(given: Given, traces: Traces) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "recall" in given:
        recalled = traces.recall(_resource(given["recall"]))
        told["recall"] = {
            "stocks": [_name(stock.id) for stock in recalled.stocks],
            "in_transit": _lines(recalled.in_transit),
            "unbooked": _lines(recalled.unbooked),
        }
    if "trace" in given:
        told["trace"] = sorted({step.entry.hex() for step in traces.trace(_resource(given["trace"]))})
    return told


def _stock(stock: Stock, lot: Lot | None) -> dict[str, Any]:
    numbers = ("accounting", "onhand", "overdrawn_accounting", "overdrawn_onhand")
    texts = ("cell", "stage", "state")
    return {
        "chain": stock.chain.hex(),
        "class": stock.resource_class,
        "accountable": stock.accountable.hex(),
        **{name: str(getattr(stock, name)) for name in numbers if getattr(stock, name)},
        **{name: str(getattr(stock, name)) for name in texts if getattr(stock, name) is not None},
        **({"away": str(sum(stock.away.values()))} if stock.away else {}),
        **({"container": _name(stock.container)} if stock.container else {}),
        **({"process": stock.process.hex()} if stock.process else {}),
        **({"lot": lot.id.hex()} if lot else {}),
    }


def _lines(steps: list[Step]) -> list[str]:
    return sorted(_name(step.line) for step in steps if step.line is not None)


def _end(end: bytes | int) -> str:
    return end.hex() if isinstance(end, bytes) else str(end)


def _name(name: tuple[bytes, int]) -> str:
    return f"{name[0].hex()}:{name[1]}"


def _resource(text: str) -> tuple[bytes, int]:
    name, _, number = text.partition(":")
    return bytes.fromhex(name), int(number)


ORDERED: dict[str, Callable[[Given, random.Random | None], object]] = {"books": kept, "scale": scale}
DEEDS: dict[str, Callable[[Given], object]] = {"charter": _charter, "books": kept, "scale": scale}
