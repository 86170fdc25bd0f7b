"""The project's validation beside a second, literal reading of its chapters, over vectors and random histories."""

from __future__ import annotations

import random

import pytest

from mycelia_protocol.accumulators import OfferFacts
from mycelia_protocol.compose import Content, need, withdraw
from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.kinds.intents import is_cell
from mycelia_protocol.rates import Rate
from tests.builders import CELL, Commons, Member, charter, note
from tests.protocol.test_standing import random_content, wander

from .literal import History, _is_cell
from .test_consent_vectors import Replay
from .vectors import Vector, vectors

JUDGED = [
    pytest.param(vector, id=vector["name"])
    for chapter in ("kinds", "validation", "warrant")
    for vector in vectors(chapter)
    if vector["do"] == "judge" and vector.get("expect", {}).get("verdict") != "awaiting"
]


class TestALiteralReading:
    @pytest.mark.parametrize("vector", JUDGED)
    def test_agrees_on_every_vector(self, vector: Vector) -> None:
        replay, entry = Replay(vector["given"]), read_entry(bytes.fromhex(vector["given"]["judge"]))
        _, prefix, own = replay.judge(entry)
        past = [one for one in replay.held.values() if one.id in own]

        verdict = History(entry, past, prefix.time, replay.held, replay.charter).verdict()

        assert verdict == vector.get("refuse", "valid")

    @pytest.mark.parametrize("seed", range(6))
    def test_agrees_on_whatever_is_said_after_a_random_history(self, seed: int) -> None:
        dice = random.Random(seed)
        commons, members = wander(dice, steps=250)

        seen = [self._compared(commons, member, member.draft(random_content(dice, commons, member)))
                for member in members for _ in range(60)]  # fmt: skip

        print(f"seed {seed}: {seen.count('valid')} valid of {len(seen)}, by {len(set(seen))} rules")
        assert len(set(seen)) > 5

    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_on_a_chain_that_tries_its_rate(self, seed: int) -> None:
        dice = random.Random(seed)
        commons = Commons(charter(rate=Rate(5_000, 1_000, 100)))
        anna = commons.member("anna")
        needs, seen = [anna.need()], []
        for _ in range(150):
            commons.wait(dice.choice([0, 0, 300, 900, 2_000]))
            said = dice.choice([note(), withdraw(dice.choice(needs).id), Content("gossip", [], b""), None])
            entry = anna.draft(said or need("food", 1, CELL, begin_ms=0, end_ms=commons.now_ms + 9, urgency=0))
            seen.append(self._compared(commons, anna, entry))
            anna._take(entry)
            if said is None and seen[-1] == "valid":
                needs.append(entry)

        print(f"seed {seed}: {[(rule, seen.count(rule)) for rule in sorted(set(seen))]}")
        assert set(seen) == {"valid", "rate.cell", "kind.known", "withdraw.again"}

    @pytest.mark.parametrize("seed", range(3))
    def test_finds_the_sums_that_the_accumulators_keep(self, seed: int) -> None:
        commons, members = wander(random.Random(seed), steps=250)
        for member in members:
            past = list(member.own.values())
            history = History(past[-1], past[:-1], 0, commons.held, commons.charter)
            history.own.append(past[-1])
            for intent in past:
                if intent.header.kind == "need":
                    assert history.accepted(intent.id) == member.accepted(intent)
                if intent.header.kind == "offer":
                    facts = member.prefix.facts.get(("offer", intent.id, -1))
                    assert history.committed(intent.id) == (facts.committed if isinstance(facts, OfferFacts) else 0)

    def test_knows_the_same_cells(self) -> None:
        dice = random.Random(3)
        for _ in range(2000):
            cell = CELL ^ (1 << dice.randrange(64)) ^ (dice.randrange(2) << dice.randrange(64))
            assert is_cell(cell) == _is_cell(f"{cell:064b}")

    def _compared(self, commons: Commons, member: Member, entry: Entry) -> str:
        refused = member.judge(entry).refused
        literal = History(entry, list(member.own.values()), member.prefix.time, commons.held, commons.charter).verdict()
        assert literal == ("valid" if refused is None else refused.rule)
        return literal
