"""Pulling: which chain is being pulled from whom, so that one peer at a time brings each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mycelia_protocol.frontier import Tip

from .conversation import Conversation
from .stored import Stored

MAX_PULLS = 65_536  # chains with a pull under way; the oldest make room
PATIENCE = 12  # pull timeouts that a pull may last while its peer sends other things that are accepted


@dataclass(slots=True)
class _Pull:
    """A pull under way: up to which place, since when, from whom."""

    sequence: int
    since: float
    source: Conversation

    def is_alive(self, now: float, timeout_s: float) -> bool:
        """Whether it may still be answered: a busy peer sends much else before."""
        heard = min(self.source.accepted_at, self.since + (PATIENCE - 1) * timeout_s)
        return now < max(self.since, heard) + timeout_s


class Pulls:
    """The pulls of one node, by chain; times are the loop's, in seconds."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._under_way: dict[bytes, _Pull] = {}

    def will_bring(self, tip: Tip, now: float) -> bool:
        """Return whether a pull will bring a tip. Who said that it holds what never came holds up nobody again."""
        pull = self._under_way.get(tip.chain)
        if pull is None or tip.sequence > pull.sequence:
            return False
        if pull.is_alive(now, self._timeout_s):
            return True
        pull.source.keeps_word = False
        pull.source.state.last_error = "a chain that it says it holds did not come: perhaps its old headers went there"
        del self._under_way[tip.chain]
        return False

    def begin(self, source: Conversation, tip: Tip, now: float) -> None:
        """Note that a tip is pulled from a peer; from the same one, since it was first asked for its chain."""
        if source.keeps_word:
            before = self._under_way.get(tip.chain)
            since = before.since if before is not None and before.source is source else now
            self._under_way[tip.chain] = _Pull(tip.sequence, since, source)
        while len(self._under_way) > MAX_PULLS:
            del self._under_way[next(iter(self._under_way))]

    def note_accepted(self, source: Conversation, accepted: Iterable[Stored]) -> None:
        """Note what a peer brought: a pull is over, or goes on from when the peer brought something last."""
        for stored in accepted:
            pull = self._under_way.get(stored.entry.chain)
            if pull is not None and pull.sequence <= stored.entry.header.sequence:
                del self._under_way[stored.entry.chain]
            elif pull is not None and pull.source is source:
                pull.since = source.accepted_at
