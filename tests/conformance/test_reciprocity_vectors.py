"""The vectors of chapter 23: what is settled, what is credited, and what everybody has of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from mycelia_protocol.accumulators import Claim
from mycelia_protocol.balances import counted, overdrawn
from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.standing import Standing
from mycelia_protocol.validation import Verdict
from tests.builders import Member
from tests.protocol.test_reciprocity import OPS, Trade, Village

from .literal_reciprocity import Reciprocal
from .test_checkpoint_vectors import _state
from .test_consent_vectors import Replay, _members, forks_of, judged
from .test_schema import SCHEMA, value_of
from .test_vectors import _charter
from .vectors import Vector, vectors

FOUND = vectors("reciprocity")
Given = dict[str, Any]
ELSEWHERE = r"heir|inherited|^(debt|raise|produce|consume|work)-"  # what the literal reading leaves out: claims, events


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


class TestTheVectors:
    def test_have_names_of_their_own_and_one_end_each(self) -> None:
        assert len({vector["name"] for vector in FOUND}) == len(FOUND)
        for vector in FOUND:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)

    @pytest.mark.parametrize("shape", ["charter", "state"])
    def test_have_the_shape_of_the_grammar_where_they_accept_one(self, shape: str) -> None:
        accepted = [vector for vector in FOUND if vector["do"] == shape and "expect" in vector]

        assert accepted
        for vector in accepted:
            assert SCHEMA.accepts(shape, value_of(bytes.fromhex(vector["given"]["bytes"]))), vector["name"]


class TestALiteralReading:
    @pytest.mark.parametrize(
        "vector",
        [
            pytest.param(vector, id=vector["name"])
            for vector in FOUND
            if vector["do"] == "judge" and "claims" not in vector["given"] and not re.search(ELSEWHERE, vector["name"])
        ],
    )
    def test_agrees_on_every_vector_without_heirs(self, vector: Vector) -> None:
        replay, entry = Replay(vector["given"]), read_entry(bytes.fromhex(vector["given"]["judge"]))
        _, prefix, own = replay.judge(entry)
        past = [one for one in replay.held.values() if one.id in own]

        verdict = Reciprocal(entry, past, prefix.time, replay.held, replay.charter).verdict()

        assert verdict == vector.get("refuse", "valid")

    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_on_whatever_is_tried_in_a_random_history(self, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        dice, seen, village = random.Random(seed), list[str](), Village()
        judge = Member.judge

        def compared(member: Member, entry: Entry) -> Verdict:
            verdict, commons = judge(member, entry), member.commons
            past, time = list(member.own.values()), member.prefix.time
            literal = Reciprocal(entry, past, time, commons.held, commons.charter).verdict()
            assert literal == ("valid" if verdict.refused is None else verdict.refused.rule)
            seen.append(literal)
            return verdict

        monkeypatch.setattr(Member, "judge", compared)
        trade = Trade(village)
        for _ in range(120):
            trade.step(dice.choice(OPS), dice.randrange(4), dice.randrange(4), dice.randint(1, 45))

        print(f"seed {seed}: {[(rule, seen.count(rule)) for rule in sorted(set(seen))]}")
        assert {"valid", "commit.credit", "deliver.open"} <= set(seen)


def _judge(given: Given) -> object:
    replay, entry = Replay(given), read_entry(bytes.fromhex(given["judge"]))
    for name, claim in given.get("claims", {}).items():
        raised, _, number = name.partition(":")
        replay.after(replay.held[entry.header.backlink or b""]).facts["claim", bytes.fromhex(raised), int(number)] = (
            Claim(
                bytes.fromhex(claim["creditor"]), claim["class"], int(claim["amount"]), int(claim["due_ms"]),
                int(claim["paid"]),
            )
        )  # fmt: skip
    refused = replay.judge(entry)[0].refused
    if refused is not None:
        raise refused
    return judged(replay, given)


def _balances(given: Given) -> object:
    replay, dice = Replay(given), random.Random(23)
    arrived = [*replay.valid, *replay.valid]
    dice.shuffle(arrived)
    members = _members(replay, arrived)
    standing = Standing(replay.held.get, members.heirs, Lineage(replay.held.get, replay.charter).inheritance)
    for chain, sequence in forks_of(replay).items():
        standing.note_fork(chain, sequence)
    for entry in arrived:
        if members.counts(entry.chain, entry.header.sequence):
            standing.add(entry)
    found = counted(standing, replay.charter.credit)
    for one in found.values():
        assert sum(one.balances.values()) + one.transit == 0
    return {
        name: {
            "balances": {chain.hex(): str(balance) for chain, balance in one.balances.items()},
            "transit": str(one.transit),
            "overdrawn": sorted(
                person.hex() for person in overdrawn(one, replay.charter.credit[name], members.identity_of)
            ),
        }
        for name, one in found.items()
    }


DEEDS: dict[str, Callable[[Given], object]] = {
    "charter": _charter,
    "judge": _judge,
    "balances": _balances,
    "state": _state,
}
