"""A peer: one home, running. Wires ledger, keys, transport, sync and API, and takes them down in turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mycelia_protocol import verdicts
from mycelia_protocol.charter import Charter
from mycelia_protocol.errors import ProtocolError

from . import chores, passphrase
from .bodies import DAY_MS
from .config import Home, Settings, settings, write_private
from .dialling import Dialler
from .events import Bus
from .faults import StoreFault
from .gate import guarded
from .keystore import Keystore
from .ledger import Ledger
from .newcomer import charter_from
from .people import People
from .stored import Stored
from .sync import PeerState, Sync
from .witnessing import Witnessing

if TYPE_CHECKING:
    from .net import Link, Network

_Result = TypeVar("_Result")

_SEED_BYTES = 32

log = logging.getLogger("mycelia.peer")


def now_ms() -> int:
    """Return milliseconds since the Unix epoch: the clock of a real node."""
    return time.time_ns() // 1_000_000


def check_verdicts() -> None:
    """Refuse to run where signatures are judged otherwise than by the law.

    Raises:
        StoreFault: some known case has another verdict here.

    Spec: 03-keys, "The verdict at the start".
    """
    if wrong := verdicts.differing():
        some = ", ".join(wrong[:3])
        what = f"the libsodium of this machine judges {len(wrong)} known signatures wrongly ({some})"
        raise StoreFault(what, "install PyNaCl from its own wheels")


class Peer:
    """A running node. Made by `Peer.running`."""

    def __init__(self, home: Home, ledger: Ledger, keystore: Keystore, chosen: Settings) -> None:
        self.home, self.ledger, self.keystore, self.settings = home, ledger, keystore, chosen
        ledger.keep_bodies(None if chosen.retention_days is None else chosen.retention_days * DAY_MS)
        self.bus = Bus(boot=secrets.token_hex(4))
        self.started_ms = now_ms()
        self.api_url = ""
        self.api_token = secrets.token_urlsafe(24)
        self.stopping = asyncio.Event()
        self._newcomers = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "mycelia-ledger")
        self._diallers: dict[str, Dialler] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # of links, diallers and sync; ended before the network is
        self._network: Network
        self._sync: Sync
        self._loop: asyncio.AbstractEventLoop

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls,
        home: Path,
        *,
        listen: Sequence[str] | None = None,
        api_port: int | None = None,
        dial: Sequence[str] = (),
        passphrase_file: Path | None = None,
        **more: Any,
    ) -> AsyncIterator[Peer]:
        """Run the node of a home until the block ends.

        Raises:
            StoreFault: the home cannot be used, or signatures cannot be judged here; the sentence says why.
            ConnectionError: an address cannot be listened on.
        """
        check_verdicts()
        place = Home(home)
        chosen = settings(
            place, os.environ, listen=tuple(listen) if listen is not None else None, api_port=api_port, **more
        )
        ledger = Ledger.open(home, clock=now_ms, entropy=secrets.token_bytes)
        try:
            keys = passphrase.keystore(place, passphrase_file)
            with guarded(place, ledger, keys, clock=now_ms) as keystore:
                peer = cls(place, ledger, keystore, chosen)
                async with peer._running(dial):
                    yield peer
        finally:
            ledger.close()

    @contextlib.asynccontextmanager
    async def _running(self, dial: Sequence[str]) -> AsyncIterator[None]:
        from .net import Network  # a second and 85 MB: only where the network is used

        unsubscribe = self.ledger.subscribe(self._tell)
        self._loop = asyncio.get_running_loop()
        try:
            async with Network.running(node_seed(self.home), self.settings.listen, self._welcome) as network:
                self._network = network
                node = network.node.to_bytes()
                self._sync = Sync(self.ledger, self.on_ledger, node=node, clock=now_ms, settings=self.settings)
                try:
                    self._start(self._sync.run())
                    self._start(self._tend())
                    self._begin_chores()
                    async with self._serving():
                        for address in dict.fromkeys((*self.home.known_peers(), *dial)):
                            self._keep_dialling(address)
                        yield
                finally:
                    self.stopping.set()
                    await self._end()
        finally:
            unsubscribe()
            self._thread.shutdown(wait=True)

    def _begin_chores(self) -> None:
        ledger, on_ledger, chosen = self.ledger, self.on_ledger, self.settings

        def begin(chore: Callable[[], Coroutine[Any, Any, None]], every_s: float, failed: str) -> None:
            self._start(chores.now_and_then(chore, every_s=every_s, failed=failed))

        begin(partial(chores.evaporate, ledger, on_ledger), chosen.evaporate_s, "bodies could not be dropped")
        if chosen.prune:
            begin(partial(chores.prune, ledger, on_ledger), chosen.prune_s, "headers could not be let go")
        if chosen.witness:
            witnessing = Witnessing(ledger, self.keystore)
            failed = "a checkpoint could not be witnessed"
            begin(partial(chores.witness, witnessing, on_ledger), chosen.witness_s, failed)

    def clock(self) -> int:
        """Return this node's milliseconds since the Unix epoch."""
        return now_ms()

    @property
    def addresses(self) -> list[str]:
        """Full multiaddrs under which this node can be dialled."""
        return self._network.addresses

    @property
    def node_id(self) -> str:
        """The node's transport identity, as text."""
        return str(self._network.node)

    def peers(self) -> list[PeerState]:
        """Return every peer that is dialled or talked to."""
        talking = self._sync.peers()
        known = {state.node for state in talking}
        return [*talking, *(one.state for one in self._diallers.values() if one.state.node not in known)]

    async def on_ledger(self, function: Callable[..., _Result], *args: Any) -> _Result:
        """Run a function in the ledger's own thread: the one place where asyncio waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def connect(self, address: str) -> PeerState:
        """Remember a peer, dial it now and whenever it is lost.

        Raises:
            ConnectionError: it cannot be reached at the moment (it stays remembered), or is this node.
        """
        if address.rpartition("/p2p/")[2] == self.node_id:
            raise ConnectionError("that is this node's own address")
        self.home.remember_peer(address)
        try:
            return await self._keep_dialling(address).connected()
        except ConnectionError as error:
            raise ConnectionError(
                f"{error} (it is remembered and dialled again; `mycelia peer rm` forgets it)"
            ) from error

    async def forget(self, peer: str) -> list[str]:
        """Forget a peer, by its address or node id: it is dialled no longer, and what we dialled is closed.

        Raises:
            BadInput: no address of it is remembered.
        """
        addresses = self.home.forget_peer(peer)
        for address in addresses:
            if (dialler := self._diallers.pop(address, None)) is not None:
                await dialler.stop()
        return addresses

    async def release(self, act: Callable[[], _Result]) -> _Result:
        """Run what releases entries, and tell the peers what is new to them."""
        result = await self.on_ledger(act)
        self._sync.tell_own()
        return result

    # Links

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Note that a task is over. One that fails takes down nothing else: the node goes on."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the node has failed", exc_info=error)

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _welcome(self, link: Link) -> None:
        if not self.stopping.is_set():
            self._start(self._sync.converse(link, PeerState(node=str(link.node))))

    def _keep_dialling(self, address: str) -> Dialler:
        dialler = self._diallers.get(address)
        if dialler is None:
            redial_s = self.settings.redial_s
            dialler = Dialler(address, dial=self._network.dial, sync=self._sync, redial_s=redial_s)
            self._diallers[address] = dialler
            dialler.start(self._start)
        return dialler

    # Telling

    def _tell(self, batch: list[Stored]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self._loop.call_soon_threadsafe(self._publish, batch)

    def _publish(self, batch: list[Stored]) -> None:
        from .views import entry_view

        for stored in batch:
            self.bus.publish("entry", entry_view(self.ledger.law_of, stored))
        if any(stored.entry.header.kind == "open" for stored in batch):
            self._newcomers.set()

    async def _tend(self) -> None:
        """Begin chains that waited, and admit those whom members here invited, whenever a chain has begun."""
        people = People(self.ledger, self.keystore, now_ms, secrets.token_bytes)
        while True:
            try:
                await self.on_ledger(people.tend)
            except (ProtocolError, StoreFault) as error:
                log.warning("nobody could be admitted: %s", error)
            await self._newcomers.wait()
            self._newcomers.clear()

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Serve the API on loopback and say where, in a file that only the owner reads."""
        from . import api

        async with api.serving(self) as url:
            self.api_url = url
            document = {"url": url, "token": self.api_token, "pid": os.getpid()}
            write_private(self.home.api, json.dumps(document).encode())
            try:
                yield
            finally:
                self.bus.close()
                self.home.api.unlink(missing_ok=True)


def node_seed(home: Home) -> bytes:
    """Return the seed of the node's transport identity, made on first use."""
    if not home.node_key.exists():
        write_private(home.node_key, secrets.token_bytes(_SEED_BYTES))
    seed = home.node_key.read_bytes()
    if len(seed) != _SEED_BYTES:
        raise StoreFault(f"{home.node_key} is damaged", "remove it: the node then gets a new transport identity")
    return seed


async def fetch_charter(address: str) -> Charter:
    """Return the charter of the commons that the peer at a multiaddr is a member of.

    Raises:
        ConnectionError: nobody there, or it gave none.
    """
    from .net import Network

    async with Network.running(secrets.token_bytes(_SEED_BYTES), (), lambda _: None) as network:
        link = await network.dial(address)
        try:
            async with asyncio.timeout(15):
                return await charter_from(link, node=network.node.to_bytes(), clock_ms=now_ms())
        except TimeoutError as error:
            raise ConnectionError(f"{address} does not answer") from error
        finally:
            await link.close()
