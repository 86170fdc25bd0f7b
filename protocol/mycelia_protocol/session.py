"""The sync session: one peer's side of a conversation, as a machine of bytes in, events and bytes out.

A session knows no socket, clock, store or key. Its driver hands it what was
read (`receive`), acts on the events, says what it wants said (`send_*`) and
writes what `to_send` gives. What is to be said is kept as intentions, not as
bytes: heads and pulls that wait behind a slow peer melt into the latest ones,
so the memory of a session is bounded whatever the other side does.

    >>> from mycelia_protocol.charter import ResourceClass, found
    >>> charter = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
    >>> here = Session(charter=charter, node=b"here", is_dialer=True, clock_ms=1)
    >>> there = Session(charter=charter, node=b"there", is_dialer=False, clock_ms=2)
    >>> [type(event).__name__ for event in there.receive(here.to_send())]
    ['Greeted']

Spec: 11-session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import charter as charters
from .charter import Charter
from .cid import text
from .envelope import Entry
from .errors import Malformed
from .frames import Frames
from .frontier import Tip
from .messages import (
    MAX_TEXT_BYTES,
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
    read,
)
from .outbox import Outbox

__all__ = [
    "Asked",
    "Credited",
    "Event",
    "Greeted",
    "Heads",
    "Left",
    "Limits",
    "Pinged",
    "Ponged",
    "Pulled",
    "Runs",
    "Session",
]

MAX_IN_FLIGHT_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session; the protocol's own unless a test wants them smaller."""

    in_flight_bytes: int = MAX_IN_FLIGHT_BYTES  # of `entries` payload, sent and not yet credited
    drain_bytes: int = 256 * 1024  # what one `to_send` gives at most, plus one frame


@dataclass(frozen=True, slots=True)
class Greeted:
    """The hellos are exchanged; `charter` and `network` are None where the other is a newcomer."""

    network: bytes | None
    charter: Charter | None
    node: bytes
    clock_ms: int


Event = Greeted | Heads | Pulled | Runs | Asked | Credited | Pinged | Ponged | Left


class Session:
    """One side of a conversation. `charter` is None for a newcomer that only wants to be given it."""

    def __init__(
        self,
        *,
        charter: Charter | None,
        node: bytes,
        is_dialer: bool,
        clock_ms: int,
        limits: Limits = Limits(),
    ) -> None:
        self._charter = charter
        self._hello = Hello(charter.network if charter else None, node, clock_ms)
        self._limits = limits
        self._frames = Frames()
        self._outbox = Outbox(limits.in_flight_bytes, limits.drain_bytes)
        self._other: Hello | None = None
        self._is_over = False
        self._was_given = False  # a newcomer was given the charter
        self._unconsumed = 0  # bytes of entries that came in and were not credited yet
        self._pinged: int | None = None  # token of the own ping that waits for its pong
        self._asked_pong: int | None = None  # token of the other's ping that waits for ours
        self._tokens = 0
        self._speaks_first = is_dialer
        if is_dialer:
            self._outbox.hello = self._hello

    # What is.

    @property
    def is_open(self) -> bool:
        """Whether both sides are members who have greeted each other: now everything may be said."""
        return self._other is not None and None not in (self._charter, self._other.network) and not self._is_over

    @property
    def is_over(self) -> bool:
        """Whether a bye was said or heard, or the other side broke a rule: nothing more is read."""
        return self._is_over

    @property
    def credit(self) -> int:
        """Bytes of entries that may still be handed to `send_runs`; ask for no more runs at 0 or below."""
        return self._outbox.credit

    @property
    def is_waiting(self) -> bool:
        """Whether an own ping waits for its pong."""
        return self._pinged is not None

    @property
    def buffered(self) -> int:
        """Bytes that were received and not yet read."""
        return self._frames.buffered

    # What comes in.

    def receive(self, data: bytes) -> Iterator[Event]:
        """Take in the next bytes and return the events they complete, read one by one as they are taken.

        The bytes are held at once. An event that is not taken now comes with the next call, so
        chunk borders never change what happens, and what stands before a fault is not lost to it.

        Raises:
            Malformed: while iterating. The session is over; say why with `send_refusal`, then close.
        """
        if not self._is_over:
            self._frames.feed(data)
        return self._events()

    def _events(self) -> Iterator[Event]:
        while not self._is_over:
            try:
                payload = self._frames.next()
                if payload is None:
                    return
                event = self._hear(read(payload))
            except Malformed:
                self._end()
                raise
            if event is not None:
                yield event

    def _hear(self, message: Message) -> Event | None:
        # 1. A bye may stand anywhere, also instead of a hello.
        if isinstance(message, Left):
            self._end()
            return message
        # 2. The hello comes first, and once.
        if self._other is None:
            return self._hear_hello(message)
        # 3. A newcomer is given the charter, and nothing else is said.
        if not self.is_open:
            return self._hear_charter(message)
        # 4. Between members.
        match message:
            case Hello() | Chartered():
                raise Malformed("session.hello", "the hellos were said; neither they nor the charter come again")
            case Runs(size=size):
                self._unconsumed += size
                if self._unconsumed > self._limits.in_flight_bytes:
                    raise Malformed(
                        "session.credit",
                        f"{self._unconsumed} bytes of entries in flight, {self._limits.in_flight_bytes} are allowed",
                    )
            case Credited(size):
                self._outbox.restore(size)
            case Pinged(token):
                if self._asked_pong is not None:
                    raise Malformed("session.ping", f"ping {token} before the pong of {self._asked_pong}")
                self._asked_pong = token
            case Ponged(token):
                if self._pinged is None or token != self._pinged:
                    raise Malformed("session.ping", f"pong {token}, but the open ping is {self._pinged}")
                self._pinged = None
        return message

    def _hear_hello(self, message: Message) -> Event | None:
        if not isinstance(message, Hello):
            raise Malformed("session.hello", "the first message is a hello")
        here, there = self._hello, message
        if here.node == there.node:
            raise Malformed("session.self", "both ends of the stream are the same node")
        if here.network is None and there.network is None:
            raise Malformed("session.network", "neither side has a charter")
        if None not in (here.network, there.network) and here.network != there.network:
            raise Malformed(
                "session.network", f"this is network {_short(here.network)}, the other is {_short(there.network)}"
            )
        self._other = there
        if not self._speaks_first:
            self._outbox.hello = here
        if self._charter is None:
            return None  # greeted once the charter has come
        if there.network is None:
            self._outbox.charter = Chartered(self._charter.raw)
            return Greeted(None, None, there.node, there.clock_ms)
        return Greeted(there.network, self._charter, there.node, there.clock_ms)

    def _hear_charter(self, message: Message) -> Event:
        other = self._other
        if other is None or self._charter is not None or self._was_given or not isinstance(message, Chartered):
            raise Malformed("session.newcomer", "a newcomer is given the charter; nothing else is said")
        charter = charters.read(message.raw)
        if charter.network != other.network:
            raise Malformed("session.network", "the charter is not the one of the network in the hello")
        self._was_given = True
        return Greeted(charter.network, charter, other.node, other.clock_ms)

    # What goes out.

    def send_heads(self, tips: Iterable[Tip], *, complete: bool = False) -> None:
        """Say which tips are held: for each chain that is named all of its tips, at most two."""
        if self._may_send():
            self._outbox.add_heads(tips, complete=complete)

    def send_pull(self, wanted: Mapping[bytes, int]) -> None:
        """Ask for chains, each from the given sequence on."""
        if self._may_send():
            self._outbox.add_pulls(wanted)

    def send_ask(self, ids: Iterable[bytes]) -> None:
        """Ask for entries by id."""
        if self._may_send():
            self._outbox.add_asks(ids)

    def send_runs(self, runs: Sequence[Sequence[Entry]]) -> None:
        """Send runs, each linked and sealed at its end, in this order; mind `credit` first.

        Raises:
            Malformed: a run that the other side would refuse (rules `chain.*`).
            ValueError: there was no credit left.
        """
        if self._may_send():
            self._outbox.add_runs(runs)

    def send_credit(self, size: int) -> None:
        """Say that `size` more bytes of received entries (`Runs.size`) are consumed."""
        if not 0 < size <= self._unconsumed:
            raise ValueError(f"{size} bytes consumed, {self._unconsumed} were received")
        self._unconsumed -= size
        if self._may_send():
            self._outbox.credited += size

    def send_ping(self, digest: bytes) -> None:
        """Ask whether anybody is there and holds the set of this digest, unless such a question is open."""
        if self._may_send() and self._pinged is None:
            self._tokens += 1
            self._pinged = self._tokens
            self._outbox.ping = Pinged(self._tokens, digest)

    def send_pong(self, token: int, digest: bytes) -> None:
        """Answer the ping of that token with the digest of the own set."""
        if self._may_send() and token == self._asked_pong:
            self._asked_pong = None
            self._outbox.pong = Ponged(token, digest)

    def send_bye(self, code: str, text: str) -> None:
        """Say goodbye; whatever still waited to be said is dropped, and nothing more is read."""
        if not self._outbox.is_closed:
            self._outbox.close(Left(code, _clipped(text)))
        self._end()

    def send_refusal(self, error: Malformed) -> None:
        """Say goodbye because of the rule that the other side broke."""
        code = {"session.network": "network", "session.version": "version", "session.self": "self"}
        self.send_bye(code.get(error.rule, "malformed"), str(error))

    def to_send(self) -> bytes:
        """Return the next bytes to write, whole frames, and forget them; empty when there is nothing to say."""
        return self._outbox.drain()

    def _may_send(self) -> bool:
        if self._other is None and not self._is_over:
            raise ValueError("nothing is said before the hellos")
        return self.is_open

    def _end(self) -> None:
        self._is_over = True
        self._frames.drop()


def _clipped(sentence: str) -> str:
    return sentence.encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def _short(network: bytes | None) -> str:
    return "none" if network is None else text(network)[:16]
