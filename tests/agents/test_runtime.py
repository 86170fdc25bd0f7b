"""The runtime: what agents see of a real ledger, and what becomes of what they decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mycelia_agents.agent import (
    Accept,
    Action,
    Cancel,
    Claim,
    Commit,
    Lapse,
    Observation,
    PublishRow,
    Release,
    Silence,
    Wait,
)
from mycelia_agents.runtime import Hosted, Pace, Runtime
from mycelia_agents.simulator import Clock
from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.compose import Content
from mycelia_protocol.keys import keypair

from .observations import HERE, NOW_MS, THERE

HOLD_MS, UNTIL_MS, GRACE_MS = 10_000, 20_000, 1_000


@dataclass
class Scripted:
    """An agent that does what a test tells it, and keeps what it saw."""

    seen: list[Observation] = field(default_factory=list)
    script: list[Callable[[Observation], list[Action]]] = field(default_factory=list)

    def decide(self, observation: Observation) -> list[Action]:
        """Return what the next step of the script says."""
        self.seen.append(observation)
        return self.script.pop(0)(observation) if self.script else []


class Village:
    """One ledger with a receiver and two providers, each run by a scripted agent."""

    def __init__(self, home: Path) -> None:
        self.clock, random = Clock(NOW_MS), Random(7)
        charter = found("Village", seed=bytes(16), classes={"food": ResourceClass("lb")}, grace_ms=GRACE_MS)
        self.ledger = Ledger.create(home, charter, clock=self.clock, entropy=random.randbytes)
        window: dict[str, Any] = {"begin_ms": NOW_MS, "end_ms": NOW_MS + 1_000_000}
        self.members: dict[str, Hosted] = {}
        self.ids: dict[str, bytes] = {}
        contents = {
            "receiver": compose.need("food", 100, HERE, urgency=600, **window),
            "provider": compose.offer("food", 80, HERE, **window),
            "other": compose.offer("food", 50, THERE, **window),
        }
        for member, content in contents.items():
            pair = keypair(random.randbytes(32))
            chain = self.ledger.open_chain(pair).id
            self.members[member] = Hosted(member, chain, pair, Scripted(), {})
            self.ids[member] = self.publish(member, content)
        pace = Pace(first_ms=1, reaction_min_ms=0, reaction_max_ms=0, round_ms=1)
        self.runtime = Runtime(self.ledger, list(self.members.values()), seed=1, now_ms=NOW_MS, pace=pace)

    def publish(self, member: str, content: Content) -> bytes:
        """Publish for a member, past its agent, and return the id."""
        who = self.members[member]
        [entry] = self.ledger.publish(who.pair, who.chain, [content])
        return entry.id

    def agent(self, member: str) -> Scripted:
        """Return the agent of a member."""
        agent = self.members[member].agent
        assert isinstance(agent, Scripted)
        return agent

    def sees(self, member: str) -> Observation:
        """Return what a member sees now."""
        self.step()
        return self.agent(member).seen[-1]

    def does(self, member: str, *actions: Action) -> None:
        """Have a member's agent decide these actions next."""
        self.agent(member).script.append(lambda _: list(actions))
        self.step()

    def step(self, ms: int = 10) -> None:
        """Let time pass, and everybody decide."""
        self.clock.now_ms += ms
        self.runtime.step(self.clock.now_ms)

    def committed(self, amount: int = 60) -> bytes:
        """Have the provider claim and commit to the need; return the commit's id."""
        self.does("provider", PublishRow(self.ids["provider"], None, ((self.ids["receiver"], amount),)))
        row = self.sees("provider").offers[0].row
        assert row is not None
        hold, until = self.clock.now_ms + HOLD_MS, self.clock.now_ms + UNTIL_MS
        self.does("provider", Commit(row, hold, until, ((self.ids["receiver"], amount),)))
        return self.sees("receiver").needs[0].pending[0].line[0]

    def accepted(self) -> bytes:
        """Have the receiver accept that; return the commit's id."""
        commit = self.committed()
        self.does("receiver", Accept(self.ids["receiver"], ((commit, 0),)))
        return commit


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    village = Village(tmp_path)
    yield village
    village.ledger.close()


class TestAProviderSees:
    def test_the_need_and_who_claims_how_much_of_it(self, village: Village) -> None:
        village.does("provider", PublishRow(village.ids["provider"], None, ((village.ids["receiver"], 60),)))

        [signal] = village.sees("other").signals

        row = village.sees("provider").offers[0].row
        assert signal.claims == (Claim(row or b"", village.ids["provider"], HERE, 60),)
        assert signal.unclaimed(village.ids["provider"]) == 100
        assert signal.unclaimed(village.ids["other"]) == 40

    def test_a_committed_line_as_use_and_no_longer_as_claim(self, village: Village) -> None:
        village.committed(60)

        [signal] = village.sees("other").signals

        assert (signal.used, signal.claims) == (60, ())
        [own] = village.sees("provider").offers
        assert (own.free, own.tentative) == (20, ())

    def test_whether_a_line_was_accepted(self, village: Village) -> None:
        village.accepted()

        [line] = village.sees("provider").offers[0].lines

        assert line.is_firm
        assert not line.is_given_up

    def test_a_refusal_with_the_entry_to_cite(self, village: Village) -> None:
        commit = village.committed()
        village.does("receiver", Cancel(((commit, 0),)))

        [line] = village.sees("provider").offers[0].lines
        assert line.is_given_up
        village.does("provider", Release((line.line,), line.cites))

        assert village.runtime.refused == []
        assert village.sees("provider").offers[0].free == 80

    def test_which_need_let_its_line_run_out(self, village: Village) -> None:
        commit = village.committed()
        hold_ms = village.sees("provider").offers[0].lines[0].hold_ms
        village.step(HOLD_MS + 1_000)
        village.does("provider", Release(((commit, 0),)))

        assert village.sees("provider").offers[0].silences == (Silence(village.ids["receiver"], 1, hold_ms),)

    def test_no_withdrawn_need(self, village: Village) -> None:
        village.publish("receiver", compose.withdraw(village.ids["receiver"]))

        assert village.sees("provider").signals == ()

    def test_a_withdrawal_as_a_ground_to_release_what_was_not_accepted(self, village: Village) -> None:
        village.committed()
        village.publish("receiver", compose.withdraw(village.ids["receiver"]))

        [line] = village.sees("provider").offers[0].lines
        assert line.is_given_up
        village.does("provider", Release((line.line,), line.cites))

        assert village.runtime.refused == []


class TestAReceiverSees:
    def test_pending_lines_with_their_place_and_hold(self, village: Village) -> None:
        committed_at = village.clock.now_ms
        village.committed()

        [need] = village.sees("receiver").needs
        [line] = need.pending

        assert (line.amount, line.cell, need.accepted) == (60, HERE, 0)
        assert committed_at <= line.committed_ms < line.hold_ms

    def test_an_accepted_line_that_its_provider_cancelled_as_lost_until_the_exit_is_cited(
        self, village: Village
    ) -> None:
        commit = village.accepted()
        exit_ = village.publish("provider", compose.on_lines("cancel", [(commit, 0)]))

        [lost] = village.sees("receiver").needs[0].lost
        assert lost.exits == (exit_,)
        assert village.sees("other").signals[0].unclaimed(village.ids["other"]) == 40
        village.does("receiver", Cancel((lost.line,), lost.exits))

        assert village.runtime.refused == []
        assert village.sees("receiver").needs[0].lost == ()
        assert village.sees("other").signals[0].unclaimed(village.ids["other"]) == 100


class TestTheRuntime:
    def test_counts_what_a_rule_refuses_and_goes_on(self, village: Village) -> None:
        commit = village.committed()

        village.does("provider", Release(((commit, 0),)), Wait(village.clock.now_ms + 50))

        assert ["release.ground" in text for text in village.runtime.refused] == [True]
        assert village.sees("provider").offers[0].lines

    def test_carries_a_lapse_once_until_and_grace_have_passed(self, village: Village) -> None:
        commit = village.accepted()
        village.step(UNTIL_MS + GRACE_MS + 1_000)

        village.does("receiver", Lapse(((commit, 0),)))

        assert village.runtime.refused == []
        assert village.sees("other").signals[0].unclaimed(village.ids["other"]) == 100

    def test_counts_rounds_in_which_everybody_decided_nothing(self, village: Village) -> None:
        for _ in range(4):
            village.step()
        assert village.runtime.quiet_rounds >= 2

        village.publish("receiver", compose.withdraw(village.ids["receiver"]))
        village.step()
        assert village.runtime.quiet_rounds <= 1

    def test_is_not_quiet_while_somebody_waits(self, village: Village) -> None:
        village.agent("provider").script = [lambda seen: [Wait(seen.now_ms)]] * 5

        for _ in range(4):
            village.step()

        assert village.runtime.quiet_rounds == 0
