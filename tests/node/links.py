"""Peers in memory: real sync over real ledgers, joined by links that a test can cut, freeze and count."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mycelia_node.config import Settings
from mycelia_node.sync import PeerState, Sync
from mycelia_protocol.charter import Charter
from mycelia_protocol.compose import Content, need
from mycelia_protocol.envelope import Entry
from mycelia_protocol.keys import KeyPair
from mycelia_protocol.session import Session
from tests.builders import CELL, HOUR_MS
from tests.node.ledgers import Clock, new_ledger, pair

FAST = Settings(gossip_ms=5, heartbeat_s=0.15, repair_s=0.1, pull_timeout_s=0.5, redial_s=0.05, hello_timeout_s=0.5)
PATIENT = replace(FAST, heartbeat_s=60.0)  # no comparison of digests helps


async def until(condition: Callable[[], object], within_s: float = 20) -> None:
    """Return once a condition holds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come about in time"
        await asyncio.sleep(0.01)


class MemoryLink:
    """One end of a stream."""

    def __init__(self, peer: bytes, *, is_dialer: bool) -> None:
        self.peer, self.is_dialer = peer, is_dialer
        self.other: MemoryLink
        self.is_closed = self.is_frozen = self.was_disconnected = False
        self.written = bytearray()
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        """Return the next bytes."""
        return await self._incoming.get()

    @property
    def is_idle(self) -> bool:
        """Whether everything that came was read."""
        return self._incoming.empty()

    async def write(self, data: bytes) -> None:
        """Hand bytes to the other end."""
        if self.is_closed:
            raise ConnectionError("the link is cut")
        self.written += data
        if not self.is_frozen:
            self.other._incoming.put_nowait(data)

    async def close(self) -> None:
        """End both directions."""
        self.cut()

    async def disconnect(self) -> None:
        """End the connection."""
        self.was_disconnected = True
        self.cut()

    def cut(self) -> None:
        """End both directions, at once."""
        for end in (self, self.other):
            if not end.is_closed:
                end.is_closed = True
                end._incoming.put_nowait(b"")


def link_pair(dialer: bytes, listener: bytes) -> tuple[MemoryLink, MemoryLink]:
    """Return the two ends of a stream: the dialer's and the listener's."""
    near, far = MemoryLink(listener, is_dialer=True), MemoryLink(dialer, is_dialer=False)
    near.other, far.other = far, near
    return near, far


class MemoryPeer:
    """A ledger with sync, and a member who publishes."""

    def __init__(
        self, home: Path, name: str, *, clock: Clock, settings: Settings = FAST, law: Charter | None = None, seed: int
    ) -> None:
        self.node, self.clock = name.encode(), clock
        self.ledger = new_ledger(home / name, clock=clock, seed=seed, law=law)
        self.sync = Sync(self.ledger, self._on_ledger, node=self.node, clock=clock, settings=settings)
        self.key, self.chain = self.member(name)
        self.tasks: list[asyncio.Task[None]] = []

    async def _on_ledger(self, function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)  # as in a node, others may go on meanwhile
        return function(*args)

    def member(self, name: str) -> tuple[KeyPair, bytes]:
        """Open the chain of a member."""
        key = pair(name)
        return key, self.ledger.open_chain(key).id

    def publish(self, count: int = 1, *, amount: int = 1) -> list[Entry]:
        """Publish needs."""
        return self.ledger.publish(self.key, self.chain, [self.content(amount)] * count)

    def content(self, amount: int = 1) -> Content:
        """Return a need for an hour from now on."""
        return need("food", amount, CELL, begin_ms=self.clock(), end_ms=self.clock() + HOUR_MS, urgency=0)

    def converse(self, link: MemoryLink) -> PeerState:
        """Talk over a link; return what is known of the other end."""
        state = PeerState(node=link.peer.decode())
        self.tasks.append(asyncio.create_task(self.sync.converse(link, state)))
        return state

    def holds(self, entries: list[Entry]) -> bool:
        """Whether all these entries are held."""
        return all(self.ledger.get(entry.id) for entry in entries)


class Meadow:
    """Peers of one test, which end with it."""

    def __init__(self, home: Path, settings: Settings = FAST) -> None:
        self.home, self.settings, self.clock = home, settings, Clock()
        self.peers: list[MemoryPeer] = []
        self._running: list[asyncio.Task[None]] = []

    def peer(self, name: str, *, clock: Clock | None = None, law: Charter | None = None) -> MemoryPeer:
        """Make a peer and run its sync."""
        made = MemoryPeer(
            self.home, name, clock=clock or self.clock, settings=self.settings, law=law, seed=len(self.peers)
        )
        self.peers.append(made)
        self._running.append(asyncio.create_task(made.sync.run()))
        return made

    def join(self, dialer: MemoryPeer, listener: MemoryPeer) -> tuple[MemoryLink, MemoryLink]:
        """Let one peer dial another."""
        near, far = link_pair(dialer.node, listener.node)
        dialer.converse(near)
        listener.converse(far)
        return near, far

    async def end(self) -> None:
        """End all that runs; what failed is raised."""
        talks = [task for peer in self.peers for task in peer.tasks]
        for task in (*talks, *self._running):
            task.cancel()
        outcomes = await asyncio.gather(*talks, *self._running, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome


@contextlib.asynccontextmanager
async def meadow(home: Path, settings: Settings = FAST) -> AsyncIterator[Meadow]:
    """Give a meadow whose peers end with the block."""
    place = Meadow(home, settings)
    try:
        yield place
    finally:
        await place.end()


def digests(*peers: MemoryPeer) -> set[bytes]:
    """Return the digests of what peers hold; one digest when they hold the same."""
    return {peer.ledger.digest() for peer in peers}


def same(*peers: MemoryPeer) -> Callable[[], bool]:
    """Return the condition that peers hold the same."""
    return lambda: len(digests(*peers)) == 1


async def hear(link: Any, session: Session, heard: list[Any], enough: Callable[[], bool]) -> None:
    """Read from a link until a condition holds."""
    async with asyncio.timeout(20):
        while not enough():
            heard.extend(session.receive(await link.read()))
