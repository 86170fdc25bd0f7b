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
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frontier import Tip, first_wanted, wanted
from mycelia_protocol.messages import Asked, Credited, Heads, Left, Pinged, Ponged, Pulled, Runs
from mycelia_protocol.session import Event, Greeted, Session

from .budget import CHECK, Budgets, cost_of
from .config import Settings
from .conversation import Conversation, Link, PeerState
from .faults import StoreFault
from .gossip import Gossip
from .ledger import Ledger
from .pulling import Pulls
from .stored import Ingested, Stored

__all__ = ["Link", "PeerState", "Sync"]

MAX_CONVERSATIONS = 128
MAX_LINKS_OF_PEER = 4  # streams of one proven id at a time: one that lasts, and what replaces it
MISSED_HEARTBEATS = 2
LAST_WORD_S = 1.0  # for a peer to take the goodbye
_ODD = ("session.network", "session.version", "session.self")  # meetings that go wrong without anybody's fault
_LEAST_PAUSE_S = 0.01
_SERVE_BYTES = 128 * 1024
_MAX_OWN_TIPS = 4096  # that a peer may name
_SERVE_IDS = 16  # asked ids that are answered at a time: each may bring a run of up to 64 entries

log = logging.getLogger("mycelia.sync")

OnLedger = Callable[..., Awaitable[Any]]  # runs a function in the ledger's own thread


class Sync:
    """All conversations of a node."""

    def __init__(
        self, ledger: Ledger, on_ledger: OnLedger, *, node: bytes, clock: Callable[[], int], settings: Settings
    ) -> None:
        self._ledger, self._on_ledger, self._node = ledger, on_ledger, node
        self._clock, self._settings = clock, settings
        self._conversations: dict[bytes, Conversation] = {}
        self._links: Counter[bytes] = Counter()  # by proven id, greeted or not
        self._pulls = Pulls(settings.pull_timeout_s)
        self._budgets = Budgets()
        self._gossip = Gossip(self._announce, wait_ms=settings.gossip_ms)
        self._unsubscribe: Callable[[], None] | None = None

    def peers(self) -> list[PeerState]:
        """Return the peers that are being talked to."""
        return [one.state for one in self._conversations.values()]

    def state_of(self, node: str) -> PeerState | None:
        """Return the state of a peer that is being talked to."""
        return next((state for state in self.peers() if state.node == node), None)

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

    async def converse(self, link: Link, state: PeerState, *, on_greeted: Callable[[], None] = lambda: None) -> None:
        """Talk over a link until either side ends it; the reason stands in `state.last_error`.

        Nothing that a peer says and no fault of this node gets out of here: the link is closed, the node goes on.
        """
        session = Session(
            charter=self._ledger.charter, node=self._node, is_dialer=link.is_dialer, clock_ms=self._clock()
        )
        budget = self._budgets.of(link.peer, now_s=_now_s())
        here = Conversation(link, session, state, budget, on_greeted)
        if banned_s := budget.banned_s(now_s=_now_s()):
            session.send_bye("busy", f"this node has had too many faults from here; come again in {banned_s:.0f} s")
        if self._links.total() >= MAX_CONVERSATIONS or self._links[link.peer] >= MAX_LINKS_OF_PEER:
            session.send_bye("busy", f"this node talks to {MAX_CONVERSATIONS} peers, or too often to this one, already")
        self._links[link.peer] += 1
        here.speak.set()
        reader = asyncio.create_task(self._guard(here, self._read(here)))
        writer = asyncio.create_task(self._guard(here, self._write(here)))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links[link.peer] -= 1
            is_gone = not self._links[link.peer]
            if is_gone:
                del self._links[link.peer]
            if self._conversations.get(link.peer) is here:
                del self._conversations[link.peer]
            state.is_connected = False
            await self._part(here, reader, writer)
            if is_gone:
                await self._on_ledger(self._ledger.left, link.peer)
        if self._ledger.gate is not None and link.peer not in self._conversations:
            await self._on_ledger(self._ledger.gate.left, link.peer)

    async def _guard(self, here: Conversation, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ConnectionError as error:
            here.state.last_error = here.state.last_error or str(error)
        except StoreFault as fault:
            here.state.last_error = str(fault)
            log.error("peer %s: %s", here.state.node, fault)
            here.session.send_bye("busy", "this node cannot store anything at the moment")
        except Exception:
            here.state.last_error = "this node failed; its log says where"
            log.exception("the conversation with %s failed", here.state.node)
            here.session.send_bye("closing", "this node failed")
        finally:
            here.speak.set()

    async def _part(self, here: Conversation, reader: asyncio.Task[None], writer: asyncio.Task[None]) -> None:
        """Let the last word out, and take the link down."""
        if not here.session.is_over:
            here.session.send_bye("closing", "the node has no further use for the session")
        here.speak.set()
        reader.cancel()
        await asyncio.wait({writer}, timeout=LAST_WORD_S)
        is_torn = writer.cancel()  # in the middle of a frame
        await asyncio.wait({reader, writer})
        if is_torn:
            await here.link.disconnect()
            return
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                if data := here.session.to_send():  # what the writer did not live to say
                    await here.link.write(data)
        await here.link.close()

    async def _read(self, here: Conversation) -> None:
        greeted_by = asyncio.get_running_loop().time() + self._settings.hello_timeout_s  # however slowly it drips
        while not here.session.is_over:
            try:
                async with asyncio.timeout_at(None if here.session.is_open else greeted_by):
                    data = await here.link.read()
            except TimeoutError:
                here.state.last_error = "the peer does not say hello"
                here.session.send_bye("closing", "no hello came")
                return
            if not data:
                here.state.last_error = here.state.last_error or "the peer closed the connection"
                here.session.send_bye("closing", "the stream has ended")
                return
            here.missed = 0
            here.budget.spend(len(data), now_s=_now_s())
            try:
                for event in here.session.receive(data):
                    await self._hear(here, event)
            except Malformed as error:
                here.state.last_error = error.explain()
                log.warning("peer %s: %s", here.state.node, error)
                here.budget.charge(error.rule not in _ODD, now_s=_now_s())
                here.session.send_refusal(error)
            here.speak.set()
            await self._slow_down(here)

    async def _slow_down(self, here: Conversation) -> None:
        """Read no further while a peer costs more than it brings; the transport makes it wait."""
        while not here.session.is_over and (pause_s := here.budget.pause_s(now_s=_now_s())):
            if not here.is_slowed:
                log.warning("peer %s costs more than it brings and is read slowly", here.state.node)
                here.is_slowed = True
            await asyncio.sleep(max(pause_s, _LEAST_PAUSE_S))

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
        if self._ledger.gate is not None and not here.has_said:
            return  # nothing before the frontier exchange (rule `release.met`)
        while here.answering and here.session.is_open and here.session.credit > 0:
            ids = list(here.answering)[:_SERVE_IDS]
            for name in ids:
                del here.answering[name]
            runs = self._for_peer(here, await self._on_ledger(self._ledger.runs_of_ids, ids))
            if runs:
                here.session.send_runs(runs)
                here.state.sent += sum(len(run) for run in runs)
        while here.session.is_open and here.session.credit > 0 and here.next_pull():
            budget = min(here.session.credit, _SERVE_BYTES)
            found, following = await self._on_ledger(self._ledger.runs_for, here.serving, here.served, budget)
            runs = self._for_peer(here, found)
            if runs:
                here.session.send_runs(runs)
                here.state.sent += sum(len(run) for run in runs)
            if following is None:
                here.serving = {}
            else:
                here.served = following
            while data := here.session.to_send():
                await here.link.write(data)

    async def _hear(self, here: Conversation, event: Event) -> None:
        here.budget.spend(cost_of(event), now_s=_now_s())
        match event:
            case Greeted():
                await self._greet(here, event)
            case Heads(tips, complete):
                here.learn(tips)
                await self._pull(here, tips)
                await self._meet(here, tips, complete=complete)
            case Pulled(firsts):
                here.pull(await self._on_ledger(self._held_of, firsts))
            case Runs(runs, size):
                await self._take(here, runs, size)
                here.session.send_credit(size)
            case Asked(ids):
                here.ask(ids)
            case Pinged(token, digest):
                mine = await self._on_ledger(self._ledger.digest)
                here.session.send_pong(token, mine)
            case Ponged(_, digest):
                if digest == await self._on_ledger(self._ledger.digest):
                    if self._ledger.gate is not None:
                        await self._on_ledger(self._ledger.gate.equal, here.link.peer)
                        if self._ledger.gate.withheld:
                            self.tell_own()
                elif self._is_repair_due(here):
                    await self._repair(here)
            case Left(code, text):
                here.state.last_error = f"the peer said goodbye ({code}): {text}"
            case Credited():
                pass

    async def _greet(self, here: Conversation, greeted: Greeted) -> None:
        here.state.clock_skew_ms = greeted.clock_ms - self._clock()
        if greeted.network is None:
            return  # a newcomer: it is given the charter and leaves
        other = self._conversations.get(here.link.peer)  # the proven id: a hello may claim anything
        if other is not None and not self._prefers(here, other):
            here.session.send_bye("twin", "this peer is talked to over another stream")
            return
        if other is not None:
            other.session.send_bye("twin", "this peer is talked to over another stream")
            other.speak.set()
        self._conversations[here.link.peer] = here
        here.state.is_connected, here.state.since_ms, here.state.last_error = True, self._clock(), None
        here.on_greeted()
        await self._say_frontier(here)

    def _prefers(self, fresh: Conversation, old: Conversation) -> bool:
        """Of two streams to one peer keep the lesser node's dial, on both sides; of equal ones the newer."""
        if fresh.link.is_dialer == old.link.is_dialer:
            return True
        return fresh.link.is_dialer == (self._node < fresh.link.peer)

    def _is_repair_due(self, here: Conversation) -> bool:
        return asyncio.get_running_loop().time() - here.said_at >= self._settings.repair_s

    async def _repair(self, here: Conversation) -> None:
        """Begin anew with a peer that holds another set: say everything, and ask again for what never came."""
        here.attempts.clear()
        here.asked.clear()
        await self._say_frontier(here)
        await self._take(here, (), 0)

    async def _say_frontier(self, here: Conversation) -> None:
        tips = await self._on_ledger(lambda: self._told(self._ledger.frontier()))
        if here.session.is_open:
            here.session.send_heads(tips, complete=True)
            here.said_at = asyncio.get_running_loop().time()
            here.speak.set()

    def _held_of(self, firsts: Mapping[bytes, int]) -> dict[bytes, int]:
        """Runs in the ledger's thread."""
        return {chain: first for chain, first in firsts.items() if self._ledger.tips_of(chain)}

    # Own entries, and when they leave

    def _told(self, tips: list[Tip]) -> list[Tip]:
        """Return tips as peers are told them; what may leave is released before. Runs in the ledger's thread."""
        gate = self._ledger.gate
        if gate is None:
            return tips
        gate.release()
        return gate.tips(tips)

    def tell_own(self) -> None:
        """Announce the own chains, of which more may have been released."""
        if self._ledger.gate is not None:
            self._gossip.changed(self._ledger.gate.chains)

    def _for_peer(self, here: Conversation, runs: list[list[Entry]]) -> list[list[Entry]]:
        """Return runs without own chains, unless the frontier exchange with the peer is finished."""
        gate = self._ledger.gate
        return runs if gate is None or here.is_met else [run for run in runs if run[0].chain not in gate.chains]

    async def _meet(self, here: Conversation, tips: tuple[Tip, ...], *, complete: bool) -> None:
        """Note what the peer holds of own chains; once all of that is held here, own entries may go to it."""
        gate = self._ledger.gate
        if gate is None:
            return
        named = [tip for tip in tips if tip.chain in gate.chains]
        if not here.has_said or complete:
            here.own = list({*here.own, *named})[:_MAX_OWN_TIPS]
        here.has_said = here.has_said or complete
        if not here.has_said or (here.is_met and not complete):
            return
        here.is_met = await self._on_ledger(gate.heard, here.link.peer, here.own)
        if here.is_met:
            here.own = []
            for chain in gate.chains:
                here.held.pop(chain, None)  # what was held back is named again
            self._gossip.changed(gate.chains)

    # Pulling

    async def _pull(self, here: Conversation, tips: tuple[Tip, ...]) -> None:
        now = _now_s()
        unknown = [tip for tip in tips if not self._pulls.will_bring(tip, now)]
        firsts: Mapping[bytes, int] = await self._on_ledger(self._wanted, unknown)
        for tip in unknown:
            if tip.chain in firsts:
                self._pulls.begin(here, tip, now)
        if firsts and here.session.is_open:
            here.session.send_pull(firsts)

    def _wanted(self, tips: list[Tip]) -> Mapping[bytes, int]:
        """Runs in the ledger's thread."""
        held = {tip.chain: self._ledger.tips_of(tip.chain) for tip in tips}
        return wanted(held, tips, self._ledger.have)

    async def _take(self, here: Conversation, runs: tuple[tuple[Any, ...], ...], size: int) -> None:
        report: Ingested = await self._on_ledger(self._ledger.ingest, runs, here.link.peer)
        here.state.received += len(report.accepted)
        for run in runs:
            if (chain := run[0].chain) not in report.unlinked:
                here.attempts.pop(chain, None)
        if report.accepted:
            here.accepted_at = asyncio.get_running_loop().time()
            if not here.is_met:
                await self._meet(here, (), complete=False)
        self._pulls.note_accepted(here, report.accepted)
        here.budget.spend(CHECK * report.vain_checks, now_s=_now_s())
        if runs:
            here.budget.give_back(size * min(1, len(report.accepted) / sum(map(len, runs))))
        if report.faults:
            here.budget.charge(len(report.faults), now_s=_now_s())
            here.state.last_error = report.faults[-1].explain()
            log.warning("peer %s: %s", here.state.node, report.faults[-1])
        if report.faults and here.budget.banned_s(now_s=_now_s()):
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
            first = first_wanted(self._ledger.tips_of(chain), Tip(chain, needed, b""), here.attempt(chain))
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
        return self._told([tip for chain in chains for tip in self._ledger.tips_of(chain)])

    async def _beat(self) -> None:
        """Every heartbeat: wake what waited for the clock, ask each peer for its digest, drop who is silent."""
        async with asyncio.TaskGroup() as leaving:
            while True:
                await asyncio.sleep(self._settings.heartbeat_s)
                try:
                    await self._compare(leaving)
                except StoreFault as fault:
                    log.error("%s", fault)
                except Exception:
                    log.exception("a heartbeat failed; the next one comes")

    async def _compare(self, leaving: asyncio.TaskGroup) -> None:
        if await self._on_ledger(self._ledger.awaiting):
            await self._on_ledger(self._ledger.ingest, ())
        if self._ledger.gate is not None and await self._on_ledger(self._ledger.gate.was_suspended):
            for here in list(self._conversations.values()):  # every exchange begins anew
                here.session.send_bye("closing", "this node was suspended and begins anew")
                here.speak.set()
        digest = await self._on_ledger(self._ledger.digest)
        for here in list(self._conversations.values()):
            if here.session.is_waiting:
                here.missed += 1
                if here.missed == MISSED_HEARTBEATS:
                    here.state.last_error = "the peer does not answer"
                    leaving.create_task(here.link.disconnect())
            elif here.session.is_open:
                here.session.send_ping(digest)
                here.speak.set()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
