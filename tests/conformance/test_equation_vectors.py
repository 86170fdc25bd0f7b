"""The vectors of chapter 26: what expressions are worth, what an equation gives whom, and what may be distributed."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.equations import Contribution, Distribution, distribution, read
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.expressions import evaluate, parse
from mycelia_protocol.incomes import distributed
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.standing import Standing

from .test_checkpoint_vectors import _state
from .test_consent_vectors import Replay, _members, forks_of, judged
from .vectors import Vector, vectors

FOUND = vectors("equation")
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


class TestTheVectors:
    def test_have_names_of_their_own_and_one_end_each(self) -> None:
        assert len({vector["name"] for vector in FOUND}) == len(FOUND)
        for vector in FOUND:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)


def _expression(given: Given) -> object:
    values = {name: Fraction(text) for name, text in given["values"].items()}
    return {"value": str(evaluate(parse(given["text"]), values))}


def _distribution(given: Given) -> object:
    contributions = [
        Contribution(
            _line(one["line"]), bytes.fromhex(one["by"]), one["action"], one["class"], bytes.fromhex(one["process"]),
            Fraction(one["quantity"]), int(one["time_ms"]),
        )
        for one in given["contributions"]
    ]  # fmt: skip
    random.Random(26).shuffle(contributions)
    before = {(name, _line(line)): int(paid) for name, line, paid in given["before"]}
    equation, income = read(bytes.fromhex(given["document"])), int(given["income"])
    done = distribution(equation, income, Fraction(given["quantum"]), contributions, before)
    assert sum(share.amount for share in done.shares) + done.rest == income
    return _told(done)


def _told(done: Distribution) -> dict[str, Any]:
    return {
        "shares": [
            [share.to.hex(), str(share.amount), share.bucket, share.rule, share.kind, _name(share.line),
             str(share.claim), str(share.remaining)]
            for share in done.shares
        ],
        "rest": str(done.rest),
        "after": [[name, _name(line), str(paid)] for (name, line), paid in sorted(done.after.items())],
    }  # fmt: skip


def _incomes(given: Given) -> object:
    """Return how a chain distributed its incomes, from the entries of a vector in two orders."""
    replay, chain = Replay(given), bytes.fromhex(given["chain"])
    mixed = random.Random(26).sample(replay.valid, len(replay.valid))
    told = [_told_incomes(replay, arrived, chain) for arrived in (replay.valid, [*mixed, *mixed])]
    assert told[0] == told[1]
    return {"distributions": told[0]}


def _told_incomes(replay: Replay, arrived: list[Entry], chain: bytes) -> list[dict[str, Any]]:
    members = _members(replay, arrived)
    standing = Standing(replay.held.get, members.heirs, Lineage(replay.held.get, replay.charter).inheritance)
    for forked, sequence in forks_of(replay).items():
        standing.note_fork(forked, sequence)
    counted = [entry for entry in arrived if members.counts(entry.chain, entry.header.sequence)]
    for entry in counted:
        standing.add(entry)
    said = [entry for entry in counted if entry.chain == chain]
    distributes, receives = ([one for one in said if one.header.kind == kind] for kind in ("distribute", "receive"))
    return [
        {"distribute": one.said.id.hex(), "income": str(one.amount), **_told(one.done)}
        for one in distributed(
            chain, distributes, receives, standing, replay.held.get, members.identity_of, replay.charter.classes
        )
    ]


def _line(text: str) -> tuple[bytes, int]:
    commit, _, number = text.partition(":")
    return bytes.fromhex(commit), int(number)


def _name(line: tuple[bytes, int] | None) -> str | None:
    return None if line is None else f"{line[0].hex()}:{line[1]}"


def _judge(given: Given) -> object:
    replay = Replay(given)
    refused = replay.judge(read_entry(bytes.fromhex(given["judge"])))[0].refused
    if refused is not None:
        raise refused
    return judged(replay, given)


DEEDS: dict[str, Callable[[Given], object]] = {
    "expression": _expression,
    "distribution": _distribution,
    "judge": _judge,
    "incomes": _incomes,
    "state": _state,
}
