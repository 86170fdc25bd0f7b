"""A conversation: what a node keeps about one peer while it talks to it, all of it bounded.

Says nothing and decides nothing: that is the business of `sync`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mycelia_protocol.frontier import Tip
from mycelia_protocol.session import Session

from .budget import Budget

MAX_LEARNT = 65_536  # chains whose tips a peer is known to hold; the longest known make room
MAX_ANSWERING = 4096  # ids that a peer may have asked for at a time
MAX_ATTEMPTS = 4096  # chains that did not link; the longest known make room


class Link(Protocol):
    """A stream of bytes to one peer: libp2p's in a node, a pair of queues in a test."""

    is_dialer: bool
    peer: bytes  # the id that the transport has proven

    async def read(self) -> bytes: ...
    async def write(self, data: bytes) -> None: ...
    async def close(self) -> None: ...
    async def disconnect(self) -> None: ...


@dataclass(slots=True)
class PeerState:
    """What is known of a peer."""

    node: str
    address: str | None = None
    is_connected: bool = False
    since_ms: int | None = None
    clock_skew_ms: int | None = None
    received: int = 0
    sent: int = 0
    last_error: str | None = None


@dataclass(slots=True, eq=False)
class Conversation:
    """One peer that is being talked to."""

    link: Link
    session: Session
    state: PeerState
    budget: Budget
    on_greeted: Callable[[], None] = lambda: None
    held: dict[bytes, set[bytes]] = field(default_factory=dict)  # chain -> tips the peer is known to hold
    serving: dict[bytes, int] = field(default_factory=dict)  # the pull that is being answered
    served: int = 0  # arrival number up to which it was answered
    pulled: dict[bytes, int] = field(default_factory=dict)  # what was pulled since, melted into one
    attempts: dict[bytes, int] = field(default_factory=dict)  # chain -> pulls that did not link
    answering: dict[bytes, None] = field(default_factory=dict)  # ids the peer asked for, until credit allows
    asked: set[bytes] = field(default_factory=set)
    missed: int = 0
    is_slowed: bool = False  # it was said that the peer costs more than it brings
    accepted_at: float = 0.0  # when something of the peer's was accepted last
    said_at: float = 0.0  # when the whole frontier was said last
    keeps_word: bool = True  # what was pulled from the peer came
    own: list[Tip] = field(default_factory=list)  # tips of this node's chains that the peer named
    has_said: bool = False  # its whole frontier
    is_met: bool = False  # and all own tips that it named are held here
    speak: asyncio.Event = field(default_factory=asyncio.Event)

    def knows(self, tip: Tip) -> bool:
        """Whether the peer is known to hold a tip."""
        return tip.id in self.held.get(tip.chain, ())

    def learn(self, tips: Iterable[Tip]) -> None:
        """Note that the peer holds these tips, instead of what was known of their chains."""
        fresh: dict[bytes, set[bytes]] = {}
        for tip in tips:
            fresh.setdefault(tip.chain, set()).add(tip.id)
        self.held |= fresh
        while len(self.held) > MAX_LEARNT:
            del self.held[next(iter(self.held))]

    def pull(self, firsts: Mapping[bytes, int]) -> None:
        """Note that the peer wants these chains, from the earliest place it named."""
        for chain, first in firsts.items():
            self.pulled[chain] = min(first, self.pulled.get(chain, first))

    def next_pull(self) -> bool:
        """Begin to answer what was pulled, unless a pull is being answered; whether there is one now."""
        if not self.serving:
            self.serving, self.pulled, self.served = self.pulled, {}, 0
        return bool(self.serving)

    def ask(self, ids: Iterable[bytes]) -> None:
        """Note that the peer wants these entries, as many as there is room for."""
        for name in ids:
            if len(self.answering) < MAX_ANSWERING:
                self.answering[name] = None

    def attempt(self, chain: bytes) -> int:
        """Count a run that did not link, and return how many did not before it."""
        before = self.attempts.pop(chain, 0)
        self.attempts[chain] = before + 1
        while len(self.attempts) > MAX_ATTEMPTS:
            del self.attempts[next(iter(self.attempts))]
        return before
