"""Gossip: telling peers which tips changed, hop by hop, gathered so that a busy chain is one word.

Gossip is a hint that makes the next pull early; the periodic comparison of
digests is what makes it complete.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

log = logging.getLogger("mycelia.gossip")

Announce = Callable[[frozenset[bytes]], Awaitable[None]]


class Gossip:
    """Gathers the chains whose tips changed and announces them at most once in `wait_ms`."""

    def __init__(self, announce: Announce, *, wait_ms: int) -> None:
        self._announce, self._wait_s = announce, wait_ms / 1000
        self._changed: set[bytes] = set()
        self._news = asyncio.Event()

    def changed(self, chains: Iterable[bytes]) -> None:
        """Note that chains have new tips."""
        self._changed.update(chains)
        self._news.set()

    async def run(self) -> None:
        """Announce what changes, until cancelled."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._wait_s)
            self._news.clear()
            chains, self._changed = frozenset(self._changed), set()
            try:
                await self._announce(chains)
            except Exception:
                log.exception("news of %d chains were not announced", len(chains))
