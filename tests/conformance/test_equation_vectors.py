"""The vectors of chapter 26: what expressions are worth, what an equation gives whom, and what may be distributed."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from mycelia_protocol.envelope import read_entry
from mycelia_protocol.equations import Contribution, distribution, read
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.expressions import evaluate, parse

from .test_checkpoint_vectors import _state
from .test_consent_vectors import Replay, judged
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
    return {
        "shares": [
            [share.to.hex(), str(share.amount), share.bucket, share.rule, share.kind, _name(share.line),
             str(share.claim), str(share.remaining)]
            for share in done.shares
        ],
        "rest": str(done.rest),
        "after": [[name, _name(line), str(paid)] for (name, line), paid in sorted(done.after.items())],
    }  # fmt: skip


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
    "state": _state,
}
