"""Dialling: keeps one peer connected. The transport does not dial again by itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from .sync import Link, PeerState, Sync

MAX_REDIAL_S = 60.0
CONNECT_TIMEOUT_S = 30

Dial = Callable[[str], Awaitable[Link]]


class Dialler:
    """One address: dialled at once, and again whenever the peer is lost, after pauses that double."""

    def __init__(self, address: str, *, dial: Dial, sync: Sync, redial_s: float) -> None:
        self.state = PeerState(node=address.rpartition("/p2p/")[2], address=address)
        self._address, self._dial, self._sync, self._redial_s = address, dial, sync, redial_s
        self._dice = random.Random()  # noqa: S311  (jitter, not a secret)
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self, start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]) -> None:
        """Begin to dial, in a task of the node."""
        self._running = start(self._run())

    async def connected(self) -> PeerState:
        """Return the state of the peer once it is talked to; dial at once if it is not.

        Raises:
            ConnectionError: it cannot be reached at the moment.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                while (state := self._sync.state_of(self.state.node)) is None:
                    self._tried.clear()
                    self._wake.set()
                    await self._tried.wait()
                    state, error = self._sync.state_of(self.state.node), self.state.last_error
                    if state is None and error and "(twin)" not in error:  # a twin: the other stream comes up
                        raise ConnectionError(error)
                return state
        except TimeoutError as error:
            raise ConnectionError(f"{self._address} does not answer") from error

    async def _run(self) -> None:
        """Dial, talk, wait, dial again, until cancelled."""
        wait_s = self._redial_s
        while True:
            if self._sync.state_of(self.state.node) is not None or await self._lasts(wait_s):
                wait_s = self._redial_s
            else:
                wait_s = min(2 * wait_s, MAX_REDIAL_S)
            self._tried.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s * (0.5 + self._dice.random())):
                    await self._wake.wait()
            self._wake.clear()

    async def stop(self) -> None:
        """Dial no more, and end the conversation if it was dialled."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _lasts(self, wait_s: float) -> bool:
        """Dial and talk; whether that went well for longer than the wait before it."""
        try:
            link = await self._dial(self._address)
        except ConnectionError as error:
            self.state.last_error = str(error)
            return False
        started = asyncio.get_running_loop().time()
        greeted: list[bool] = []

        def on_greeted() -> None:
            greeted.append(True)
            self._tried.set()

        await self._sync.converse(link, self.state, on_greeted=on_greeted)
        return bool(greeted) and asyncio.get_running_loop().time() - started > wait_s
