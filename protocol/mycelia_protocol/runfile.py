"""The run file: a ledger, or a part of it, on its way between peers that never meet.

The same frames and `entries` messages as in a session, between a head that
carries the charter and an end that counts: a memory stick carries what a stream
carries. Reading is streaming and holds about one frame. The runs are parsed and
linked, not verified: whoever takes them in does that, as with any peer.

    >>> from mycelia_protocol.charter import ResourceClass, found
    >>> oost = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
    >>> charter, runs = read(write(oost, []))
    >>> charter.name, list(runs)
    ('Oost', [])

Spec: 11-session, "The run file".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from . import charter as charters
from . import frames, messages
from .canonical import Value, decode, encode
from .charter import Charter
from .cid import text
from .envelope import Entry
from .errors import Malformed
from .runs import Run, pack
from .runs import read as read_runs

HEAD = "mycelia-run"
VERSION = 1
_MAGIC = b"\x83\x6b" + HEAD.encode("ascii")  # how the payload of every head begins
_BITE_BYTES = 64 * 1024


def write(charter: Charter, runs: Iterable[Sequence[Entry]]) -> Iterator[bytes]:
    """Return the pieces of a run file, in order; each run is linked and ends sealed.

    Raises:
        Malformed: while iterating: a run that a reader would refuse (rules `chain.*`).
    """
    yield frames.write(encode([HEAD, VERSION, charter.raw]))
    tally = _Tally()
    for group in pack(runs):
        tally.add(group)
        yield frames.write(messages.write(messages.Runs(group)))
    yield frames.write(encode(tally.end()))


def read(source: bytes | Iterable[bytes]) -> tuple[Charter, Iterator[Run]]:
    """Return the charter of a run file and its runs, which are read as they are taken.

    `source` is the whole file or its chunks, of any size. Take the runs to the end: only then is
    it known that the file is complete. What came before a fault is good, and was yielded.

    Raises:
        Malformed: now or while iterating: rules `runfile.form`, `runfile.truncated`, `runfile.digest`,
            or what the charter, the entries and their links break.
    """
    reader = _Reader(source)
    head = reader.head()
    if not isinstance(head, list) or head[:1] != [HEAD] or len(head) != 3 or type(head[2]) is not bytes:
        raise Malformed("runfile.form", "this is not a run file: it does not begin with a head and a charter")
    if type(head[1]) is not int or head[1] != VERSION:
        raise Malformed("runfile.form", f"run file version {head[1]!r}, this is version {VERSION}")
    return charters.read(head[2]), reader.runs()


def check_network(charter: Charter, network: bytes) -> None:
    """Refuse a run file whose charter is not that of the network that takes it in.

    Raises:
        Malformed: rule `runfile.network`.
    """
    if charter.network != network:
        theirs, ours = text(charter.network)[:16], text(network)[:16]
        raise Malformed("runfile.network", f"the file is of network {theirs} ({charter.name}), this is {ours}")


class _Tally:
    """What the end of a file counts: entries, and a digest over their ids in the order of the file.

    Not the digest of the set: that needs all ids at once, this one runs along.
    """

    def __init__(self) -> None:
        self._count = 0
        self._ids = sha256()

    def add(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._count += len(run)
            for entry in run:
                self._ids.update(entry.id)

    def end(self) -> list[Value]:
        return ["end", self._count, self._ids.digest()]


class _Reader:
    """The frames of a file, with the faults of a file."""

    def __init__(self, source: bytes | Iterable[bytes]) -> None:
        chunks = [source] if isinstance(source, bytes) else source
        self._bites = (chunk[at : at + _BITE_BYTES] for chunk in chunks for at in range(0, len(chunk), _BITE_BYTES))
        self._frames = frames.Frames()

    def head(self) -> Value:
        """Return the first frame's value."""
        try:
            payload = self._next()
            return None if payload is None else decode(payload, max_bytes=frames.MAX_PAYLOAD_BYTES)
        except Malformed as error:
            begins_well = self._frames.peek(frames.LENGTH_BYTES, len(_MAGIC))
            if error.rule == "runfile.truncated" and begins_well and _MAGIC.startswith(begins_well):
                raise
            raise Malformed("runfile.form", f"this is not a run file: {error.message}") from error

    def runs(self) -> Iterator[Run]:
        """Return the runs up to the end, which must count them."""
        tally = _Tally()
        while (payload := self._next()) is not None:
            match decode(payload, max_bytes=frames.MAX_PAYLOAD_BYTES):
                case ["entries", value]:
                    found = read_runs(value)
                    tally.add(found)
                    yield from found
                case ["end", *_]:
                    self._check_end(payload, tally)
                    return
                case _:
                    raise Malformed("runfile.form", "a run file holds entries and an end, nothing else")
        raise Malformed("runfile.truncated", "the file stops before its end")

    def _check_end(self, payload: bytes, tally: _Tally) -> None:
        if payload != encode(tally.end()):
            raise Malformed("runfile.digest", "the end of the file counts other entries than it holds")
        if self._frames.buffered or next(self._bites, None) is not None:
            raise Malformed("runfile.form", "the file goes on after its end")

    def _next(self) -> bytes | None:
        """Return the next payload, or None where the file stops between two frames."""
        try:
            while (payload := self._frames.next()) is None:
                bite = next(self._bites, None)
                if bite is None:
                    if self._frames.buffered:
                        raise Malformed("runfile.truncated", "the file stops inside a frame")
                    return None
                self._frames.feed(bite)
        except Malformed as error:
            if error.rule != "session.frame":
                raise
            raise Malformed("runfile.form", error.message) from error
        return payload
