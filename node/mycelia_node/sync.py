"""Sync: drives one session per peer, so that every peer ends with the same set of entries.

On meeting, both sides say their whole frontier; what one lacks it pulls; what
arrives is ingested, its missing dependencies are asked for, and what became new
here is announced to the others. Digests are compared every few seconds, and
frontiers are said again where they differ.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mycelia_protocol.charter import Charter
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frontier import Tip, first_wanted, wanted
from mycelia_protocol.messages import Asked, Credited, Heads, Left, Pinged, Ponged, Pulled, Runs
from mycelia_protocol.session import Event, Greeted, Session

from .config import Settings
from .gossip import Gossip
from .ledger import Ingested, Ledger, Stored

MAX_FAULTS = 8  # of one peer, until its connection is closed
MISSED_HEARTBEATS = 2
MAX_ANSWERING = 4096  # ids that a peer may have asked for at a time
_SERVE_BYTES = 128 * 1024
_SERVE_IDS = 16  # asked ids that are answered at a time: each may bring a run of up to 64 entries

log = logging.getLogger("mycelia.sync")


class Link(Protocol):
    """A stream of bytes to one peer: libp2p's in a node, a pair of queues in a test."""

    is_dialer: bool

    async def read(self) -> bytes: ...
    async def write(self, data: bytes) -> None: ...
    async def close(self) -> None: ...
    async def disconnect(self) -> None: ...


OnLedger = Callable[..., Awaitable[Any]]  # runs a function in the ledger's own thread


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


@dataclass(slots=True)
class Conversation:
    """One peer that is being talked to."""

    link: Link
    session: Session
    state: PeerState
    held: dict[bytes, set[bytes]] = field(default_factory=dict)  # chain -> tips the peer is known to hold
    serving: deque[tuple[dict[bytes, int], int]] = field(default_factory=deque)  # pulls and where they stand
    attempts: dict[bytes, int] = field(default_factory=dict)  # chain -> pulls that did not link
    answering: dict[bytes, None] = field(default_factory=dict)  # ids the peer asked for, until credit allows
    asked: set[bytes] = field(default_factory=set)
    faults: int = 0
    missed: int = 0
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


class Sync:
    """All conversations of a node."""

    def __init__(
        self, ledger: Ledger, on_ledger: OnLedger, *, node: bytes, clock: Callable[[], int], settings: Settings
    ) -> None:
        self._ledger, self._on_ledger, self._node = ledger, on_ledger, node
        self._clock, self._settings = clock, settings
        self._conversations: dict[bytes, Conversation] = {}
        self._pulling: dict[bytes, tuple[int, float]] = {}  # chain -> (sequence, until) of a pull under way
        self._gossip = Gossip(self._announce, wait_ms=settings.gossip_ms)
        self._unsubscribe: Callable[[], None] | None = None

    def peers(self) -> list[PeerState]:
        """Return the peers that are being talked to."""
        return [one.state for one in self._conversations.values()]

    def is_connected(self, node: str) -> bool:
        """Return whether a peer is being talked to."""
        return any(one.state.node == node for one in self._conversations.values())

    async def run(self) -> None:
        """Announce, compare and repair, until cancelled."""
        loop = asyncio.get_running_loop()

        def accepted(batch: list[Stored]) -> None:
            chains = {stored.entry.chain for stored in batch}
            with contextlib.suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(self._gossip.changed, chains)

        self._unsubscribe = self._ledger.subscribe(accepted)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._gossip.run())
                tasks.create_task(self._beat())
        finally:
            self._unsubscribe()

    # One conversation

    async def converse(self, link: Link, state: PeerState) -> None:
        """Talk over a link until either side ends it; the reason stands in `state.last_error`."""
        session = Session(
            charter=self._ledger.charter, node=self._node, is_dialer=link.is_dialer, clock_ms=self._clock()
        )
        here = Conversation(link, session, state)
        here.speak.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(here))
                try:
                    await self._read(here)
                finally:
                    here.speak.set()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(asyncio.wait({writer})), 2)
                    writer.cancel()
        except* ConnectionError as errors:
            state.last_error = state.last_error or str(errors.exceptions[0])
        finally:
            if self._conversations.get(self._key(here)) is here:
                del self._conversations[self._key(here)]
            state.is_connected = False
            await link.close()

    async def _read(self, here: Conversation) -> None:
        while not here.session.is_over:
            data = await here.link.read()
            if not data:
                here.state.last_error = here.state.last_error or "the peer closed the connection"
                here.session.send_bye("closing", "the stream has ended")
                return
            try:
                for event in here.session.receive(data):
                    await self._hear(here, event)
            except Malformed as error:
                here.state.last_error = error.explain()
                log.warning("peer %s: %s", here.state.node, error)
                here.session.send_refusal(error)
            here.speak.set()

    async def _write(self, here: Conversation) -> None:
        while True:
            await here.speak.wait()
            here.speak.clear()
            await self._serve(here)
            while data := here.session.to_send():
                await here.link.write(data)
            if here.session.is_over:
                return

    async def _serve(self, here: Conversation) -> None:
        """Put as much of what was asked for and pulled on its way as the credit allows."""
        while here.answering and here.session.is_open and here.session.credit > 0:
            ids = list(here.answering)[:_SERVE_IDS]
            for name in ids:
                del here.answering[name]
            runs = await self._on_ledger(self._ledger.runs_of_ids, ids)
            if runs:
                here.session.send_runs(runs)
                here.state.sent += sum(len(run) for run in runs)
        while here.serving and here.session.is_open and here.session.credit > 0:
            firsts, after = here.serving[0]
            budget = min(here.session.credit, _SERVE_BYTES)
            runs, following = await self._on_ledger(self._ledger.runs_for, firsts, after, budget)
            if runs:
                here.session.send_runs(runs)
                here.state.sent += sum(len(run) for run in runs)
            if following is None:
                here.serving.popleft()
            else:
                here.serving[0] = (firsts, following)
            while data := here.session.to_send():
                await here.link.write(data)

    async def _hear(self, here: Conversation, event: Event) -> None:
        match event:
            case Greeted():
                await self._greet(here, event)
            case Heads(tips):
                here.learn(tips)
                await self._pull(here, tips)
            case Pulled(firsts):
                here.serving.append((dict(firsts), 0))
            case Runs(runs, size):
                await self._take(here, runs)
                here.session.send_credit(size)
            case Asked(ids):
                here.answering.update(dict.fromkeys(ids[: MAX_ANSWERING - len(here.answering)]))
            case Pinged(token, digest):
                mine = await self._on_ledger(self._ledger.digest)
                here.session.send_pong(token, mine)
            case Ponged(_, digest):
                here.missed = 0
                if digest != await self._on_ledger(self._ledger.digest):
                    await self._say_frontier(here)
            case Left(code, text):
                here.state.last_error = f"the peer said goodbye ({code}): {text}"
            case Credited():
                pass

    async def _greet(self, here: Conversation, greeted: Greeted) -> None:
        here.state.clock_skew_ms = greeted.clock_ms - self._clock()
        if greeted.network is None:
            return  # a newcomer: it is given the charter and leaves
        other = self._conversations.get(greeted.node)
        if other is not None and not self._prefers(here, other, greeted.node):
            here.session.send_bye("twin", "this peer is talked to over another stream")
            return
        if other is not None:
            other.session.send_bye("twin", "this peer is talked to over another stream")
            other.speak.set()
        self._conversations[greeted.node] = here
        here.state.is_connected, here.state.since_ms, here.state.last_error = True, self._clock(), None
        await self._say_frontier(here)

    def _prefers(self, fresh: Conversation, old: Conversation, node: bytes) -> bool:
        """Of two streams to one peer keep the lesser node's dial, on both sides; of equal ones the newer."""
        if fresh.link.is_dialer == old.link.is_dialer:
            return True
        return fresh.link.is_dialer == (self._node < node)

    def _key(self, here: Conversation) -> bytes:
        return next((node for node, one in self._conversations.items() if one is here), b"")

    async def _say_frontier(self, here: Conversation) -> None:
        tips = await self._on_ledger(self._ledger.frontier)
        if here.session.is_open:
            here.session.send_heads(tips, complete=True)
            here.speak.set()

    # Pulling

    async def _pull(self, here: Conversation, tips: tuple[Tip, ...]) -> None:
        now = asyncio.get_running_loop().time()
        unknown = [tip for tip in tips if not self._is_pulling(tip, now)]
        firsts: Mapping[bytes, int] = await self._on_ledger(self._wanted, unknown)
        for tip in unknown:
            if tip.chain in firsts:
                self._pulling[tip.chain] = (tip.sequence, now + self._settings.pull_timeout_s)
        if firsts and here.session.is_open:
            here.session.send_pull(firsts)

    def _is_pulling(self, tip: Tip, now: float) -> bool:
        sequence, until = self._pulling.get(tip.chain, (-1, 0.0))
        return tip.sequence <= sequence and now < until

    def _wanted(self, tips: list[Tip]) -> Mapping[bytes, int]:
        """Runs in the ledger's thread."""
        held = {tip.chain: self._ledger.tips_of(tip.chain) for tip in tips}
        return wanted(held, tips, self._ledger.have)

    async def _take(self, here: Conversation, runs: tuple[tuple[Any, ...], ...]) -> None:
        report: Ingested = await self._on_ledger(self._ledger.ingest, runs)
        here.state.received += len(report.accepted)
        for run in runs:
            if (chain := run[0].chain) not in report.unlinked:
                here.attempts.pop(chain, None)
        for stored in report.accepted:
            pulling = self._pulling.get(stored.entry.chain)
            if pulling is not None and pulling[0] <= stored.entry.header.sequence:
                del self._pulling[stored.entry.chain]
        if report.faults:
            here.faults += len(report.faults)
            here.state.last_error = report.faults[-1].explain()
            log.warning("peer %s: %s", here.state.node, report.faults[-1])
        if here.faults > MAX_FAULTS:
            here.session.send_bye("malformed", f"too many faults, the last: {report.faults[-1]}")
            return
        if report.unlinked:
            firsts = await self._on_ledger(self._earlier, here, report.unlinked)
            here.session.send_pull(firsts)
        asked = report.missing - here.asked
        if asked and here.session.is_open:
            here.asked |= asked
            here.session.send_ask(asked)
        here.asked &= report.missing

    def _earlier(self, here: Conversation, unlinked: Mapping[bytes, int]) -> dict[bytes, int]:
        """Where to pull from when a run did not link: from the own tip, then further and further back."""
        firsts: dict[bytes, int] = {}
        for chain, needed in unlinked.items():
            attempt = here.attempts.get(chain, 0)
            here.attempts[chain] = attempt + 1
            first = first_wanted(self._ledger.tips_of(chain), Tip(chain, needed, b""), attempt)
            if first is not None:
                firsts[chain] = first
        return firsts

    # All conversations

    async def _announce(self, chains: frozenset[bytes]) -> None:
        tips: list[Tip] = await self._on_ledger(self._tips_of_all, chains)
        for here in list(self._conversations.values()):
            news = {tip.chain for tip in tips if not here.knows(tip)}
            if news and here.session.is_open:
                said = [tip for tip in tips if tip.chain in news]
                here.session.send_heads(said)
                here.learn(said)
                here.speak.set()

    def _tips_of_all(self, chains: frozenset[bytes]) -> list[Tip]:
        return [tip for chain in chains for tip in self._ledger.tips_of(chain)]

    async def _beat(self) -> None:
        """Every heartbeat: wake what waited for the clock, ask each peer for its digest, drop who is silent."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            if self._ledger.awaiting():
                await self._on_ledger(self._ledger.ingest, ())
            digest = await self._on_ledger(self._ledger.digest)
            for here in list(self._conversations.values()):
                if here.session.is_waiting:
                    here.missed += 1
                    if here.missed >= MISSED_HEARTBEATS:
                        here.state.last_error = "the peer does not answer"
                        await here.link.disconnect()
                elif here.session.is_open:
                    here.session.send_ping(digest)
                    here.speak.set()


async def charter_from(link: Link, *, node: bytes, clock_ms: int) -> Charter:
    """Return the charter of the peer at the other end, as a newcomer.

    Raises:
        ConnectionError: the peer left without giving one.
        Malformed: it did not keep to the protocol.
    """
    session = Session(charter=None, node=node, is_dialer=link.is_dialer, clock_ms=clock_ms)
    while True:
        while data := session.to_send():
            await link.write(data)
        data = await link.read()
        if not data:
            raise ConnectionError("the peer closed the connection without giving a charter")
        for event in session.receive(data):
            if isinstance(event, Greeted) and event.charter is not None:
                session.send_bye("closing", "thank you")
                await link.write(session.to_send())
                return event.charter
            if isinstance(event, Left):
                raise ConnectionError(f"the peer said goodbye ({event.code}): {event.text}")
