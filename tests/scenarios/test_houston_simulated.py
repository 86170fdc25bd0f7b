"""The Houston food network in virtual time: real ledgers, real rules, real agents, a slow wire."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from mycelia_agents import houston, town
from mycelia_agents.houston import Instance
from mycelia_agents.runtime import Hosted, Runtime
from mycelia_agents.simulator import Clock, Delay, Wire, settle
from mycelia_agents.town import Score
from mycelia_node.ledger import Ledger
from mycelia_protocol.keys import keypair

START_MS = 1_750_000_000_000


@dataclass
class Outcome:
    """What a simulated town ended with."""

    settled: bool
    scores: list[Score]
    digests: set[bytes]
    awaiting: int
    refused: list[str]


def live(instance: Instance, home: Path, *, peers: int, seed: int, delay: Delay, apart_ms: int = 0) -> Outcome:
    """Let the town live until it settles; for `apart_ms` its peers are two halves that hear nothing of each other."""
    print(f"seed {seed}")
    random, clock = Random(seed), Clock(START_MS)
    charter = town.charter_of(random.randbytes(16))
    with ExitStack() as stack:
        ledgers = []
        for peer in range(peers):
            (home / str(peer)).mkdir()
            ledger = Ledger.create(home / str(peer), charter, clock=clock, entropy=random.randbytes)
            stack.callback(ledger.close)
            ledgers.append(ledger)
        hosted: list[list[Hosted]] = [[] for _ in ledgers]
        points = {}
        for at, resident in enumerate(town.residents(instance, seed=seed, now_ms=START_MS)):
            ledger, pair = ledgers[at % peers], keypair(random.randbytes(32))
            chain = ledger.open_chain(pair).id
            [intent] = ledger.publish(pair, chain, [resident.intent], [{"note": resident.note}])
            points[intent.id] = at
            hosted[at % peers].append(Hosted(resident.name, chain, pair, resident.agent, resident.costs))
        wire = Wire(ledgers, delay=delay, seed=seed)
        wire.collect(START_MS)
        clock.now_ms += delay.most_ms
        wire.deliver(clock.now_ms)
        runtimes = [
            Runtime(ledger, members, seed=seed + at, now_ms=clock.now_ms)
            for at, (ledger, members) in enumerate(zip(ledgers, hosted, strict=True))
        ]
        if apart_ms:
            wire.part([set(range(peers // 2)), set(range(peers // 2, peers))], clock.now_ms + apart_ms)
        settled = settle(runtimes, wire, clock, within_ms=300_000)
        return Outcome(
            settled,
            [town.score(ledger, instance, points) for ledger in ledgers],
            {ledger.digest() for ledger in ledgers},
            sum(len(ledger.awaiting()) for ledger in ledgers),
            [text for runtime in runtimes for text in runtime.refused],
        )


class TestTheSimulatedTown:
    def test_allocates_nearly_all_that_a_planner_could(self, tmp_path: Path) -> None:
        instance = houston.load()

        outcome = live(instance, tmp_path, peers=3, seed=1, delay=Delay())

        score = outcome.scores[0]
        assert outcome.settled
        assert len(outcome.digests) == 1
        assert all(other == score for other in outcome.scores)
        assert score.welfare / houston.optimum(instance) >= 0.96
        assert score.lines <= 400
        assert score.entries_per_commitment <= 3
        assert (score.pending, score.overcommitted, score.rejected, outcome.awaiting) == (0, 0, 0, 0)

    @pytest.mark.parametrize("seed", range(4))
    def test_stays_within_every_limit_on_a_wire_slower_than_its_patience(self, tmp_path: Path, seed: int) -> None:
        instance = houston.load().part(24, 12)

        outcome = live(instance, tmp_path, peers=4, seed=seed, delay=Delay(1_000, 5_000))

        assert outcome.settled
        assert len(outcome.digests) == 1
        score = outcome.scores[0]
        assert all(other == score for other in outcome.scores)
        assert (score.pending, score.overcommitted, score.rejected, outcome.awaiting) == (0, 0, 0, 0)
        assert score.welfare > 0

    @pytest.mark.parametrize("seed", range(3))
    def test_heals_after_both_halves_have_allocated_apart(self, tmp_path: Path, seed: int) -> None:
        instance = houston.load().part(40, 16)

        outcome = live(instance, tmp_path, peers=4, seed=seed, delay=Delay(), apart_ms=60_000)

        assert outcome.settled
        assert len(outcome.digests) == 1
        score = outcome.scores[0]
        assert all(other == score for other in outcome.scores)
        assert (score.pending, score.overcommitted, score.rejected, outcome.awaiting) == (0, 0, 0, 0)
        assert score.welfare / houston.optimum(instance) >= 0.8

    def test_ends_the_same_from_the_same_seed(self, tmp_path: Path) -> None:
        outcomes = []
        for run in ("first", "second"):
            (tmp_path / run).mkdir()
            outcomes.append(live(houston.load().part(12, 6), tmp_path / run, peers=3, seed=9, delay=Delay()))

        assert outcomes[0] == outcomes[1]

    def test_serves_everybody_when_there_is_plenty(self, tmp_path: Path) -> None:
        whole = houston.load()
        instance = Instance(whole.points, whole.areas[:6], tuple(row[:6] for row in whole.costs))

        outcome = live(instance.part(60, 6), tmp_path, peers=2, seed=5, delay=Delay())

        assert outcome.settled
        asked = sum(area.amount for area in instance.areas)
        assert outcome.scores[0].committed >= asked * 0.98
