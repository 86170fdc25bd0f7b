"""Frames: how a stream of bytes is cut into messages, whatever the chunks it arrives in.

A frame is a length of four bytes, big-endian, and that many bytes, 1 to 65,536.
A length outside that range is refused as soon as its four bytes are read, so a
reader never holds more than one unfinished frame and the chunk it was given.

    >>> frames = Frames()
    >>> frames.feed(write(b"spores")[:5])
    >>> frames.next() is None
    True
    >>> frames.feed(write(b"spores")[5:])
    >>> frames.next()
    b'spores'

Spec: 11-session, rule `session.frame`.
"""

from __future__ import annotations

from .errors import Malformed

LENGTH_BYTES = 4
MAX_PAYLOAD_BYTES = 64 * 1024


class Frames:
    """The reading end of a stream: chunks in by `feed`, whole payloads out by `next`."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def buffered(self) -> int:
        """Bytes that are held and not yet taken out."""
        return len(self._buffer)

    def peek(self, at: int, length: int) -> bytes:
        """Return up to `length` of the held bytes, from `at` on, and leave them."""
        return bytes(self._buffer[at : at + length])

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the payload of the next frame, or None until more bytes have come.

        Raises:
            Malformed: a length of 0 or above the bound (rule `session.frame`); all that is held is dropped.
        """
        if len(self._buffer) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if not 0 < length <= MAX_PAYLOAD_BYTES:
            self._buffer.clear()
            raise Malformed("session.frame", f"a frame of {length} bytes, 1 to {MAX_PAYLOAD_BYTES} are allowed")
        end = LENGTH_BYTES + length
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[LENGTH_BYTES:end])
        del self._buffer[:end]
        return payload

    def drop(self) -> None:
        """Forget all that is held: the stream is over."""
        self._buffer.clear()


def write(payload: bytes) -> bytes:
    """Return the frame around a payload.

    Raises:
        Malformed: rule `session.frame`: the payload is empty or too large.
    """
    if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
        raise Malformed("session.frame", f"a frame of {len(payload)} bytes, 1 to {MAX_PAYLOAD_BYTES} are allowed")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload
