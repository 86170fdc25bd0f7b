"""The outbox of a session: what is still to be said, kept as intentions and framed only when it is taken.

A peer that reads slowly makes nobody's memory grow: heads of a chain replace
the older heads of that chain, pulls of a chain melt into the earliest place,
credit adds up. Only entries are queued as bytes, and no more than the credit.

    >>> outbox = Outbox(in_flight_bytes=1000, drain_bytes=1000)
    >>> outbox.add_pulls({bytes(32): 9})
    >>> outbox.add_pulls({bytes(32): 4})
    >>> outbox.drain()[-1]
    4

Spec: 11-session, rule `session.credit`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from .envelope import Entry
from .errors import Malformed
from .frames import write
from .frontier import MAX_TIPS, Tip
from .messages import (
    MAX_ASKED,
    MAX_HEADS,
    MAX_WANTED,
    Asked,
    Chartered,
    Credited,
    Heads,
    Hello,
    Left,
    Message,
    Pinged,
    Ponged,
    Pulled,
    Runs,
)
from .messages import write as write_message
from .runs import pack

_Item = TypeVar("_Item")


class Outbox:
    """What one side still has to say."""

    def __init__(self, in_flight_bytes: int, drain_bytes: int) -> None:
        self.hello: Hello | None = None
        self.charter: Chartered | None = None
        self.ping: Pinged | None = None
        self.pong: Ponged | None = None
        self.credited = 0
        self._in_flight_bytes = in_flight_bytes
        self._drain_bytes = drain_bytes
        self._heads: dict[bytes, list[Tip]] = {}
        self._completes = False
        self._pulls: dict[bytes, int] = {}
        self._asks: dict[bytes, None] = {}
        self._entries: deque[bytes] = deque()
        self._queued = 0  # payload bytes in `_entries`
        self._in_flight = 0  # payload bytes that were taken and not credited yet
        self._bye: bytes | None = None  # the frame of a bye; empty once it was taken

    @property
    def is_closed(self) -> bool:
        """Whether a bye was said or waits to be taken."""
        return self._bye is not None

    @property
    def credit(self) -> int:
        """Payload bytes of entries that may still be added; below 0 when the last addition overshot."""
        return self._in_flight_bytes - self._in_flight - self._queued

    def restore(self, size: int) -> None:
        """Note that the other side has consumed `size` bytes.

        Raises:
            Malformed: rule `session.credit`: that many were never in flight.
        """
        if size > self._in_flight:
            raise Malformed("session.credit", f"credit for {size} bytes, {self._in_flight} are in flight")
        self._in_flight -= size

    def add_heads(self, tips: Iterable[Tip], *, complete: bool) -> None:
        """Replace what waits to be said about the chains of these tips."""
        fresh: dict[bytes, list[Tip]] = {}
        for tip in tips:
            fresh.setdefault(tip.chain, []).append(tip)
        for chain, own in fresh.items():
            self._heads[chain] = own[:MAX_TIPS]
        self._completes = self._completes or complete

    def add_pulls(self, wanted: Mapping[bytes, int]) -> None:
        """Want these chains from the earliest place that was named."""
        for chain, first in wanted.items():
            self._pulls[chain] = min(first, self._pulls.get(chain, first))

    def add_asks(self, ids: Iterable[bytes]) -> None:
        """Want these entries."""
        self._asks.update(dict.fromkeys(ids))

    def add_runs(self, runs: Sequence[Sequence[Entry]]) -> None:
        """Queue runs as frames, cut where they must be."""
        if runs and self.credit <= 0:
            raise ValueError("no credit is left for more runs")
        for group in pack(runs):
            payload = write_message(Runs(group))
            self._entries.append(payload)
            self._queued += len(payload)

    def close(self, bye: Left) -> None:
        """Drop everything that waits and say goodbye."""
        self._bye = write(write_message(bye))
        self.hello = self.charter = self.ping = self.pong = None
        self.credited = self._queued = 0
        for waiting in (self._heads, self._pulls, self._asks, self._entries):
            waiting.clear()
        self._completes = False

    def drain(self) -> bytes:
        """Return whole frames, up to the drain bound, and forget them."""
        if self._bye is not None:
            bye, self._bye = self._bye, b""
            return bye
        taken: list[bytes] = []
        size = 0
        for payload in self._payloads():
            taken.append(write(payload))
            size += len(payload)
            if size >= self._drain_bytes:
                break
        return b"".join(taken)

    def _payloads(self) -> Iterator[bytes]:
        for message in self._control():
            yield write_message(message)
        while self._entries and self._in_flight + len(self._entries[0]) <= self._in_flight_bytes:
            payload = self._entries.popleft()
            self._queued -= len(payload)
            self._in_flight += len(payload)
            yield payload

    def _control(self) -> Iterator[Message]:
        """Everything but entries: small, coalesced, and said first."""
        for name in ("hello", "charter", "pong", "ping"):
            message: Message | None = getattr(self, name)
            if message is not None:
                setattr(self, name, None)
                yield message
        if self.credited:
            credited, self.credited = self.credited, 0
            yield Credited(credited)
        while self._asks:
            yield Asked(tuple(sorted(_take(self._asks, MAX_ASKED))))
        while self._pulls:
            yield Pulled({chain: self._pulls.pop(chain) for chain in list(islice(self._pulls, MAX_WANTED))})
        while self._heads or self._completes:
            chains = list(islice(self._heads, MAX_HEADS // MAX_TIPS))
            tips = tuple(tip for chain in chains for tip in self._heads.pop(chain))
            complete = self._completes and not self._heads
            self._completes = self._completes and not complete
            yield Heads(tips, complete)


def _take(waiting: dict[_Item, None], most: int) -> list[_Item]:
    taken = list(islice(waiting, most))
    for item in taken:
        del waiting[item]
    return taken
