"""Messages: what two peers may say to each other, each one canonical array with its tag first.

A message is read into a value that says what was heard, and written from the
same value. Shapes alone are checked here: who may say what, and when, is the
business of `session`. Runs are parsed and linked; their signatures are not
verified, because that needs the key of the chain.

    >>> read(write(Credited(65_000)))
    Credited(size=65000)

Spec: 11-session, rule `session.form`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from .canonical import INT64_MAX, Value, decode, encode
from .charter import MAX_CHARTER_BYTES
from .cid import DIGEST_BYTES
from .errors import Malformed
from .frames import MAX_PAYLOAD_BYTES
from .frontier import MAX_TIPS, Tip
from .runs import Run
from .runs import fields as fields_of
from .runs import read as read_runs

VERSION = 1
MAX_NODE_BYTES = 64
MAX_CLOCK_MS = 2**53 - 1
MAX_ASKED = 256
MAX_TEXT_BYTES = 512
MAX_HEADS = 800  # tips in one frame: 77 bytes each at most
MAX_WANTED = 1400  # chains in one frame: 43 bytes each at most

_CODE = re.compile(r"[a-z][a-z-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of each side; `network` is None for a newcomer who has no charter yet."""

    network: bytes | None
    node: bytes
    clock_ms: int


@dataclass(frozen=True, slots=True)
class Chartered:
    """The charter's bytes, for a newcomer."""

    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heads:
    """Tips that the sender holds; `complete` once it has named all of them since the hello."""

    tips: tuple[Tip, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Pulled:
    """Chains that the sender wants, each from a sequence on."""

    wanted: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Runs:
    """Linked runs, not yet verified; `size` is what `credit` gives back once they are consumed."""

    runs: tuple[Run, ...] = field(repr=False)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Entries that the sender wants by id, sorted."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Credited:
    """The sender has consumed `size` more bytes of entries."""

    size: int


@dataclass(frozen=True, slots=True)
class Pinged:
    """Is anybody there? With the digest of the set that the sender holds."""

    token: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Ponged:
    """The answer to a ping: its token, and the digest of the set that the sender holds."""

    token: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Left:
    """The sender says goodbye: a stable code for programs, a sentence for people."""

    code: str
    text: str


Message = Hello | Chartered | Heads | Pulled | Runs | Asked | Credited | Pinged | Ponged | Left


def read(payload: bytes) -> Message:
    """Return the message that a frame's payload encodes.

    Raises:
        Malformed: not canonical (`canonical.*`), not a message (`session.form`), another protocol
            version (`session.version`), or runs that break `envelope.*`, `chain.*`.
    """
    fields = decode(payload, max_bytes=MAX_PAYLOAD_BYTES)
    if type(fields) is not list or not fields or type(fields[0]) is not str:
        raise Malformed("session.form", "a message is an array that begins with its tag")
    reader = _READERS.get(fields[0])
    if reader is None:
        raise Malformed("session.form", f"{fields[0][:32]!r} is not the tag of a message")
    length, parse = reader
    if fields[0] == "hello" and not _is_version(fields):
        raise Malformed("session.version", f"protocol version {fields[1:2]}, this is version {VERSION}")
    if len(fields) != length:
        raise Malformed("session.form", f"`{fields[0]}` has {length} fields, not {len(fields)}")
    message = parse(*fields[1:])
    return message if type(message) is not Runs else Runs(message.runs, len(payload))


def write(message: Message) -> bytes:
    """Return the payload of a message that a conforming peer may send.

    Raises:
        Malformed: a field lies outside the canonical profile.
    """
    return encode(_fields(message))


def _fields(message: Message) -> list[Value]:
    match message:
        case Hello(network, node, clock_ms):
            return ["hello", VERSION, network, node, clock_ms]
        case Chartered(raw):
            return ["charter", raw]
        case Heads(tips, complete):
            return ["heads", [part for tip in tips for part in tip], complete]
        case Pulled(wanted):
            return ["pull", [part for pair in wanted.items() for part in pair]]
        case Runs(runs):
            return ["entries", [fields_of(run) for run in runs]]
        case Asked(ids):
            return ["ask", b"".join(ids)]
        case Credited(size):
            return ["credit", size]
        case Pinged(token, digest):
            return ["ping", token, digest]
        case Ponged(token, digest):
            return ["pong", token, digest]
        case Left(code, text):
            return ["bye", code, text]
        case _:
            assert_never(message)


def _is_version(fields: list[Value]) -> bool:
    return len(fields) > 1 and type(fields[1]) is int and fields[1] == VERSION


def _hello(_version: Value, network: Value, node: Value, clock_ms: Value) -> Hello:
    if type(node) is not bytes or not 0 < len(node) <= MAX_NODE_BYTES:
        raise Malformed("session.form", f"a node id is 1 to {MAX_NODE_BYTES} bytes")
    return Hello(None if network is None else _digest(network), node, _natural(clock_ms, most=MAX_CLOCK_MS))


def _charter(raw: Value) -> Chartered:
    if type(raw) is not bytes or len(raw) > MAX_CHARTER_BYTES:
        raise Malformed("session.form", f"a charter is at most {MAX_CHARTER_BYTES} bytes")
    return Chartered(raw)


def _heads(flat: Value, complete: Value) -> Heads:
    if type(complete) is not bool:
        raise Malformed("session.form", "`complete` is true or false")
    tips = tuple(Tip(_digest(chain), _natural(place), _digest(id)) for chain, place, id in _grouped(flat, 3))
    if not tips and not complete:
        raise Malformed("session.form", "heads without a tip say something only when they complete")
    branches = Counter(tip.chain for tip in tips)
    if len(set(tips)) != len(tips) or any(count > MAX_TIPS for count in branches.values()):
        raise Malformed("frontier.tips", f"heads name a tip once, and at most {MAX_TIPS} of one chain")
    return Heads(tips, complete)


def _pull(flat: Value) -> Pulled:
    pairs = [(_digest(chain), _natural(first)) for chain, first in _grouped(flat, 2)]
    wanted = dict(pairs)
    if not pairs or len(wanted) != len(pairs):
        raise Malformed("session.form", "a pull names at least one chain, and each once")
    return Pulled(wanted)


def _ask(joined: Value) -> Asked:
    if type(joined) is not bytes or not 0 < len(joined) <= MAX_ASKED * DIGEST_BYTES or len(joined) % DIGEST_BYTES:
        raise Malformed("session.form", f"an ask is 1 to {MAX_ASKED} ids of 32 bytes, joined")
    ids = tuple(joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES))
    if any(one >= other for one, other in pairwise(ids)):
        raise Malformed("session.form", "the ids of an ask are sorted and unique")
    return Asked(ids)


def _bye(code: Value, text: Value) -> Left:
    if type(code) is not str or not _CODE.fullmatch(code):
        raise Malformed("session.form", "the code of a bye is 1 to 32 lower-case letters and dashes")
    if type(text) is not str or len(text.encode()) > MAX_TEXT_BYTES:
        raise Malformed("session.form", f"the sentence of a bye is text of at most {MAX_TEXT_BYTES} bytes")
    return Left(code, text)


def _grouped(flat: Value, size: int) -> Iterable[list[Value]]:
    if type(flat) is not list or len(flat) % size:
        raise Malformed("session.form", f"a flat array of {size} fields a line is expected")
    return (flat[at : at + size] for at in range(0, len(flat), size))


def _digest(value: Value) -> bytes:
    if type(value) is not bytes or len(value) != DIGEST_BYTES:
        raise Malformed("session.form", "an id or digest is 32 bytes")
    return value


def _natural(value: Value, *, least: int = 0, most: int = INT64_MAX) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Malformed("session.form", f"an integer from {least} to {most} is expected")
    return value


_READERS: dict[str, tuple[int, Callable[..., Message]]] = {
    "hello": (5, _hello),
    "charter": (2, _charter),
    "heads": (3, _heads),
    "pull": (2, _pull),
    "entries": (2, lambda value: Runs(read_runs(value))),
    "ask": (2, _ask),
    "credit": (2, lambda size: Credited(_natural(size, least=1))),
    "ping": (3, lambda token, digest: Pinged(_natural(token), _digest(digest))),
    "pong": (3, lambda token, digest: Ponged(_natural(token), _digest(digest))),
    "bye": (3, _bye),
}
