"""Runs on their way: how sealed stretches of chains stand in a message, and how they are packed into frames.

A run travels as one flat array: header, signature or null, body or null of each
entry. Only sealed signatures travel, and the last entry always has one. Where a
run is too large for a frame it is cut, and only after a sealed entry.

    >>> read([[b"not a header", None, None]])
    Traceback (most recent call last):
    mycelia_protocol.errors.Malformed: envelope.form: ...

Spec: 11-session, "Runs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .canonical import Value
from .chain import check_run
from .envelope import Entry, read_entry
from .errors import Malformed
from .frames import MAX_PAYLOAD_BYTES
from .keys import SIGNATURE_BYTES

Run = tuple[Entry, ...]

_MESSAGE_OVERHEAD = 16  # tag and array heads of an `entries` message, rounded up
_RUN_OVERHEAD = 3  # its array head
_ENTRY_OVERHEAD = 8  # the heads of header, signature and body


def fields(run: Sequence[Entry]) -> list[Value]:
    """Return a run as it travels: header, signature or null, body or null of each entry, flat."""
    return [part for entry in run for part in (entry.raw, entry.signature, entry.body)]


def read(value: Value) -> tuple[Run, ...]:
    """Return the linked runs of an `entries` message; signatures are carried along, not checked.

    Raises:
        Malformed: `session.form`; `chain.seal` when a run does not end in a signature;
            or what the entries and their links break (`envelope.*`, `chain.*`).
    """
    if type(value) is not list or not value:
        raise Malformed("session.form", "the entries are an array of runs, at least one")
    return tuple(_read_run(run) for run in value)


def _read_run(value: Value) -> Run:
    if type(value) is not list or not value or len(value) % 3:
        raise Malformed("session.form", "a run is a flat array of header, signature and body")
    run = tuple([_read_entry(*value[at : at + 3]) for at in range(0, len(value), 3)])
    check_sealed(run)
    return run


def _read_entry(raw: Value, signature: Value, body: Value) -> Entry:
    if type(raw) is not bytes:
        raise Malformed("session.form", "a header travels as bytes")
    if signature is not None and (type(signature) is not bytes or len(signature) != SIGNATURE_BYTES):
        raise Malformed("session.form", "a signature is 64 bytes or null")
    if body is not None and type(body) is not bytes:
        raise Malformed("session.form", "a body is bytes or null")
    return read_entry(raw, signature, body)


def check_sealed(run: Sequence[Entry]) -> None:
    """Refuse a run that does not link or whose last entry carries no signature.

    Raises:
        Malformed: `chain.run`, `chain.same`, `chain.sequence`, `chain.backlink` or `chain.seal`.
    """
    check_run(run)
    if run[-1].signature is None:
        raise Malformed("chain.seal", "the last entry of a run has no signature")


def pack(runs: Iterable[Sequence[Entry]]) -> Iterator[tuple[Run, ...]]:
    """Return the runs in groups that fit a frame each, in order, cut after sealed entries where they must be.

    Raises:
        Malformed: a run that a reader would refuse, as `check_sealed`.
    """
    group: list[Run] = []
    size = _MESSAGE_OVERHEAD
    for piece in (piece for run in runs for piece in _pieces(run)):
        more = _size(piece)
        if group and size + more > MAX_PAYLOAD_BYTES:
            yield tuple(group)
            group, size = [], _MESSAGE_OVERHEAD
        group.append(piece)
        size += more
    if group:
        yield tuple(group)


def _pieces(run: Sequence[Entry]) -> Iterator[Run]:
    check_sealed(run)
    rest = tuple(run)
    while not _fits(rest):
        # A run with one seal, at its end, always fits (rule `chain.run`): here is another one inside.
        cut = max(at for at in range(1, len(rest)) if rest[at - 1].signature is not None and _fits(rest[:at]))
        yield rest[:cut]
        rest = rest[cut:]
    yield rest


def _fits(run: Run) -> bool:
    return _MESSAGE_OVERHEAD + _size(run) <= MAX_PAYLOAD_BYTES


def _size(run: Run) -> int:
    """An upper bound of the bytes that a run takes in a message."""
    return _RUN_OVERHEAD + sum(
        _ENTRY_OVERHEAD + len(entry.raw) + len(entry.signature or b"") + len(entry.body or b"") for entry in run
    )
