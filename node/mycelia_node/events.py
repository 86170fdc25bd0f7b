"""Server-sent events: what the node tells whoever watches, with replay.

Ids name the run of the node (`boot-number`): a bare counter would start again
after a restart and hide events. A watcher that returns with its last id is told
everything since, or `reset` when the ring does not reach back so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

RING = 5000
QUEUE = 2000
PING_S = 15.0

_NUMBER = re.compile(r"[0-9]{1,18}")
_BEGIN = b"retry: 1000\nid: %s\n\n"  # an id without data: where the watch begins, told before anything happens
_RESET = b"retry: 1000\nid: %s\nevent: reset\ndata: {}\n\n"
_PING = b": ping\n\n"


class Bus:
    """Fans events out to watchers and keeps the last ones. Used from one asyncio loop."""

    def __init__(self, *, boot: str, ring: int = RING, queue: int = QUEUE) -> None:
        self._boot, self._last, self._queue = boot, 0, queue
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=ring)
        self._watchers: set[asyncio.Queue[bytes | None]] = set()
        self._is_closed = False

    @property
    def last_id(self) -> str:
        """The id of the latest event; a snapshot that carries it can be continued without a gap."""
        return f"{self._boot}-{self._last}"

    @property
    def watchers(self) -> int:
        """How many are watching."""
        return len(self._watchers)

    def publish(self, kind: str, payload: Any) -> None:
        """Tell every watcher; one that reads too slowly is ended and may return with its last id."""
        import msgspec

        self._last += 1
        data = msgspec.json.encode(payload)
        frame = b"id: %s\nevent: %s\ndata: %s\n\n" % (self.last_id.encode(), kind.encode(), data)
        self._ring.append((self._last, frame))
        for watcher in list(self._watchers):
            if watcher.full():
                self._end(watcher)
            else:
                watcher.put_nowait(frame)

    def close(self) -> None:
        """End every watch: the node stops."""
        self._is_closed = True
        for watcher in list(self._watchers):
            self._end(watcher)

    def since(self, event_id: str) -> list[bytes] | None:
        """Return the frames after an event, or None when the ring does not reach back to it."""
        boot, _, number = event_id.rpartition("-")
        if boot != self._boot or not _NUMBER.fullmatch(number) or int(number) > self._last:
            return None
        oldest = self._ring[0][0] if self._ring else self._last + 1
        return None if int(number) + 1 < oldest else [frame for at, frame in self._ring if at > int(number)]

    async def frames(self, event_id: str | None, *, ping_s: float = PING_S) -> AsyncIterator[bytes]:
        """Yield the frames of a watch, from after `event_id` if one is given."""
        watcher: asyncio.Queue[bytes | None] = asyncio.Queue(self._queue)
        if self._is_closed:
            return
        self._watchers.add(watcher)
        begin = self._begin(event_id)  # nothing awaited since the line above: no gap, no twin
        try:
            for frame in begin:
                yield frame
            while True:
                frame_or_end: bytes | None = _PING
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ping_s):  # receive inside the scope, yield outside it
                        frame_or_end = await watcher.get()
                if frame_or_end is None:
                    return
                yield frame_or_end
        finally:
            self._watchers.discard(watcher)

    def _begin(self, event_id: str | None) -> list[bytes]:
        replay = [] if event_id is None else self.since(event_id)
        if replay is None:
            return [_RESET % self.last_id.encode()]
        return replay or [_BEGIN % self.last_id.encode()]

    def _end(self, watcher: asyncio.Queue[bytes | None]) -> None:
        self._watchers.discard(watcher)
        while not watcher.empty():
            watcher.get_nowait()
        watcher.put_nowait(None)
