"""The runtime: sense, decide, act, for every member that a node hosts.

It owns no clock and no thread: whoever drives it calls `step` with the time, where the
ledger may be used. Each member wakes at its own seeded moments after a change, so that
not everybody acts on one stale view. A rule that refuses an action (the view was old)
is counted; the agent looks again and decides anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import assert_never

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.compose import Content
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.keys import KeyPair

from .agent import Accept, Action, Agent, Cancel, Commit, Lapse, PublishRow, Release, Wait
from .sense import Sense


@dataclass(slots=True)
class Hosted:
    """A member whose agent this runtime runs."""

    name: str
    chain: bytes
    pair: KeyPair
    agent: Agent
    costs: Mapping[int, int]
    due_ms: int = 0
    has_begun: bool = False  # its first decision comes at its own moment, whatever happens around it
    quiet_rounds: int = 0  # decisions in a row that found nothing to do or to wait for


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast members react. A wake-up lies between the two `reaction` values after its cause."""

    first_ms: int = 1_200  # first decisions are spread over this
    reaction_min_ms: int = 100
    reaction_max_ms: int = 1_200
    round_ms: int = 1_000  # how often a member looks again though nothing changed


class Runtime:
    """Runs the agents of one node's members on its ledger."""

    def __init__(self, ledger: Ledger, members: Sequence[Hosted], *, seed: int, now_ms: int, pace: Pace | None = None):
        self._ledger = ledger
        self._members = members
        self._pace = pace or Pace()
        self._random = Random(seed)  # noqa: S311  moments to be repeated from a seed, no secret
        self._sense = Sense(ledger)
        self.actions = 0
        self.refused: list[str] = []  # what rules said of actions on an old view
        for member in members:
            member.due_ms = now_ms + self._random.randrange(self._pace.first_ms)

    @property
    def quiet_rounds(self) -> int:
        """How many rounds in a row every member has decided nothing, with nothing to wait for."""
        return min((member.quiet_rounds for member in self._members), default=0)

    def step(self, now_ms: int) -> None:
        """Let every member that is due decide and act."""
        self._look(now_ms)
        for member in self._members:
            if member.due_ms <= now_ms:
                self._decide(member, now_ms)

    def _look(self, now_ms: int) -> None:
        if not self._sense.refresh():
            return
        for member in self._members:
            member.quiet_rounds = 0
            soon = now_ms + self._random.randint(self._pace.reaction_min_ms, self._pace.reaction_max_ms)
            if member.has_begun:
                member.due_ms = min(member.due_ms, soon)

    def _decide(self, member: Hosted, now_ms: int) -> None:
        member.has_begun = True
        actions = member.agent.decide(self._sense.observe(member.chain, member.costs, now_ms))
        signed = [content for content in map(_content, actions) if content is not None]
        for content in signed:
            self._act(member, content)
        if signed:
            self._look(now_ms)
        member.quiet_rounds = 0 if actions else member.quiet_rounds + 1
        again = min((action.until_ms for action in actions if isinstance(action, Wait)), default=now_ms)
        later = self._random.randint(self._pace.reaction_min_ms, self._pace.reaction_max_ms)
        member.due_ms = max(again, now_ms) + (later if actions else self._pace.round_ms)

    def _act(self, member: Hosted, content: Content) -> None:
        try:
            self._ledger.publish(member.pair, member.chain, [content])
        except ProtocolError as refusal:
            self.refused.append(f"{member.name}: {refusal}")
        else:
            self.actions += 1


def _content(action: Action) -> Content | None:
    match action:
        case PublishRow(offer, previous, lines):
            return compose.row(offer=offer, previous=previous, lines=lines)
        case Commit(row, hold_ms, until_ms, lines):
            return compose.commit(row=row, hold_ms=hold_ms, until_ms=until_ms, lines=lines)
        case Accept(need, lines, cites):
            return compose.accept(need=need, lines=lines, cites=cites)
        case Release(lines, cites):
            return compose.on_lines("release", lines, cites)
        case Lapse(lines, cites):
            return compose.on_lines("lapse", lines, cites)
        case Cancel(lines, cites):
            return compose.on_lines("cancel", lines, cites)
        case Wait():
            return None
        case _:
            assert_never(action)
