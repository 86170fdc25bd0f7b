"""The transport: libp2p over TCP, Noise and Yamux. The only file that knows it.

Gives the rest of the node two things: `Network`, which listens and dials, and
`Link`, one long-lived stream to one peer that reads and writes bytes. Its
defaults are unsafe in several ways (it accepts plaintext dialers, one handler's
exception ends the host, a cancelled write corrupts the connection); this file
is where they are made safe. Importing it costs about a second and 85 MB, so it
is imported only to use the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import multiaddr
import trio
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport

from .bridge import TrioThread

SYNC = TProtocol("/mycelia/sync/1")
READ_BYTES = 64 * 1024
DIAL_TIMEOUT_S = 10
WRITE_TIMEOUT_S = 20
LINGER_S = 0.5  # for the other side to close as well

log = logging.getLogger("mycelia.net")


class Link:
    """One stream to one peer. Reads and writes are called from asyncio, one of each at a time."""

    def __init__(self, thread: TrioThread, host: IHost, stream: INetStream, *, is_dialer: bool) -> None:
        self._thread, self._host, self._stream = thread, host, stream
        self._over = trio.Event()
        self.is_dialer = is_dialer
        self.node: ID = stream.muxed_conn.peer_id
        self.peer: bytes = self.node.to_bytes()

    async def read(self) -> bytes:
        """Return the next bytes, empty when the other side has closed or is gone."""
        return await self._thread.call(self._read)

    async def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            ConnectionError: the peer is gone, or does not take anything in time; the whole
                connection is closed then, for a half-written frame cannot be taken back.
        """
        await self._thread.call(self._write, data)

    async def close(self) -> None:
        """Close the stream; both directions end."""
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            await asyncio.wait_for(self._thread.call(self._close), 5)

    async def disconnect(self) -> None:
        """Close the whole connection to the peer."""
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            await asyncio.wait_for(self._thread.call(self._disconnect), 5)

    async def _read(self) -> bytes:
        try:
            return bytes(await self._stream.read(READ_BYTES))
        except Exception as error:  # noqa: BLE001  (the library has a dozen kinds of "gone")
            log.debug("read from %s ended: %r", self.node, error)
            return b""

    async def _write(self, data: bytes) -> None:
        try:
            with trio.fail_after(WRITE_TIMEOUT_S):
                await self._stream.write(data)
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await self._disconnect()
            raise
        except Exception as error:
            await self._disconnect()
            raise ConnectionError(f"peer {self.node} takes nothing more") from error

    async def _close(self) -> None:
        with contextlib.suppress(Exception), trio.move_on_after(LINGER_S):
            await self._stream.close_write()  # type: ignore[attr-defined]
            while await self._stream.read(READ_BYTES):
                pass  # until the other side is done: a reset would overtake the goodbye that stands before it
        await self._reset()

    async def _reset(self) -> None:
        with contextlib.suppress(Exception), trio.move_on_after(2):
            await self._stream.reset()
        self._over.set()

    async def _disconnect(self) -> None:
        await self._reset()
        with contextlib.suppress(Exception), trio.move_on_after(2):
            await self._host.disconnect(self.node)

    async def until_over(self) -> None:
        """Wait on the transport's side until the link was closed on ours."""
        await self._over.wait()


class Network:
    """A listening host. Inbound links are handed to `on_link`, in the asyncio loop."""

    def __init__(self, thread: TrioThread, host: IHost) -> None:
        self._thread, self._host = thread, host

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, seed: bytes, listen: Sequence[str], on_link: Callable[[Link], None]
    ) -> AsyncIterator[Network]:
        """Listen on multiaddrs with the identity of a 32-byte seed, until the block ends.

        Raises:
            ConnectionError: an address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        logging.getLogger("libp2p").setLevel(logging.CRITICAL)
        addresses = [_listenable(address) for address in listen]
        async with TrioThread() as thread:
            host = _make_host(seed)

            async def on_stream(stream: INetStream) -> None:
                link = Link(thread, host, stream, is_dialer=False)
                loop.call_soon_threadsafe(on_link, link)
                await link.until_over()

            host.set_stream_handler(SYNC, _safe(on_stream))

            async def run(task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
                async with host.run(listen_addrs=addresses):
                    task_status.started()
                    await trio.sleep_forever()

            async def start() -> None:
                with trio.fail_after(DIAL_TIMEOUT_S):
                    await thread.nursery.start(run)
                if len(host.get_addrs()) < len(addresses):  # the library goes on without saying so
                    raise OSError("the system refuses")

            try:
                await thread.call(start)
            except Exception as error:
                raise ConnectionError(f"cannot listen on {', '.join(listen)}: {error}") from error
            try:
                yield cls(thread, host)
            finally:
                await _close_host(thread, host)

    @property
    def node(self) -> ID:
        """This host's peer id."""
        return self._host.get_id()

    @property
    def addresses(self) -> list[str]:
        """Full multiaddrs under which this host can be dialled."""
        return [str(address) for address in self._host.get_addrs()]

    async def dial(self, address: str) -> Link:
        """Open a link to the peer at a full multiaddr (ending in /p2p/ID).

        Raises:
            ConnectionError: not an address, nobody there, or not this protocol.
        """
        try:
            return await self._thread.call(self._dial, address)
        except Exception as error:
            raise ConnectionError(f"cannot reach {address}: {_said(error)}") from error

    async def _dial(self, address: str) -> Link:
        info = info_from_p2p_addr(multiaddr.Multiaddr(address))
        network = self._host.get_network()
        if isinstance(network, Swarm):
            network.unblock_peer(info.peer_id)  # else nobody who was away once is dialled again for a minute
        self._host.get_peerstore().clear_addrs(info.peer_id)  # else an old address may be dialled instead
        try:
            with trio.fail_after(DIAL_TIMEOUT_S):
                await self._host.connect(info)
                stream = await self._host.new_stream(info.peer_id, [SYNC])
        except Exception:
            with contextlib.suppress(Exception), trio.move_on_after(2):
                await self._host.disconnect(info.peer_id)  # a connection that gives no stream: dial afresh next time
            raise
        return Link(self._thread, self._host, stream, is_dialer=True)


def _listenable(text: str) -> multiaddr.Multiaddr:
    """Return a multiaddr, unless somebody listens there: the library would share the port, and half the peers with it.

    Raises:
        ConnectionError: it is taken, not on this machine, or not an address.
    """
    try:
        address = multiaddr.Multiaddr(text)
        parts = {protocol.name: value for protocol, value in address.items()}
        host, port = parts.get("ip4") or parts["ip6"], int(parts["tcp"] or 0)  # a name would mean every interface
        with socket.socket(socket.AF_INET6 if "ip6" in parts else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, ValueError, LookupError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not like /ip4/127.0.0.1/tcp/4001"
        raise ConnectionError(f"cannot listen on {text}: {why}") from error
    return address


def _make_host(seed: bytes) -> IHost:
    pair = create_new_key_pair(seed)
    noise = NoiseTransport(pair, noise_privkey=create_noise_key_pair().private_key)
    return new_host(
        key_pair=pair,
        connection_config=ConnectionConfig(max_connections_per_peer=1),  # else a dial waits out 250 ms
        sec_opt={TProtocol(NOISE): noise},  # Noise only: by default plaintext dialers are let in
    )


def _safe(handler: Callable[[INetStream], Awaitable[None]]) -> Callable[[INetStream], Awaitable[None]]:
    """A handler's exception would end the whole host: keep it to its stream."""

    async def wrapper(stream: INetStream) -> None:
        try:
            await handler(stream)
        except Exception:
            log.warning("a stream handler failed", exc_info=True)
            with contextlib.suppress(Exception):
                await stream.reset()

    return wrapper


async def _close_host(thread: TrioThread, host: IHost) -> None:
    async def close() -> None:
        with trio.move_on_after(2):
            await host.close()

    with contextlib.suppress(Exception):
        await thread.call(close)


def _said(error: BaseException) -> str:
    if isinstance(error, SwarmException):
        return "nobody answers there"  # the library's sentence is about its caches and its counts
    if isinstance(error, trio.TooSlowError):
        return f"no answer in {DIAL_TIMEOUT_S} s"
    return str(error) or type(error).__name__


def new_seed() -> bytes:
    """Return a fresh seed for a host's identity."""
    return secrets.token_bytes(32)
