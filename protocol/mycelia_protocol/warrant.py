"""The warrant document: two pasts of one chain, provable to whoever has the chain's key, and to nobody false.

Each side is a seal path: the header at which the pasts part, and those after it up
to one whose signature is good. It stands for itself, outside every chain.

Spec: 15-warrant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .canonical import Value, decode, encode
from .chain import MAX_RUN_BYTES, check_run
from .envelope import Entry, is_signed_by, read_entry
from .errors import Malformed

VERSION = 1
SIGNATURE_BYTES = 64
MAX_BYTES = 2 * (MAX_RUN_BYTES + 1024)  # two runs, their signatures and array heads


class Warrant(NamedTuple):
    """What a good document proves: that a chain claims one place twice."""

    chain: bytes
    sequence: int
    one: bytes  # the two ids at that place, the lesser first
    other: bytes


def write(one: Sequence[Entry], other: Sequence[Entry]) -> bytes:
    """Return the document of two runs of one chain that part at their first entries, each sealed at its end."""
    paths = sorted((one, other), key=lambda path: path[0].id)
    return encode([VERSION, *(_written(path) for path in paths)])


def check(document: bytes, *, network: bytes, key: bytes, chain: bytes) -> Warrant:
    """Return what a document proves of a chain and its key.

    Raises:
        Malformed: rule `warrant.form`, `warrant.fork`, `chain.seal`, or what `check_run` and `read_entry` raise.
    """
    one, other = (_path(path) for path in _paths(document))
    place, again = one[0].header, other[0].header
    if not one[0].id < other[0].id or (place.sequence, place.backlink) != (again.sequence, again.backlink):
        raise Malformed("warrant.fork", "the paths do not part after one entry, the lesser id first")
    for path in (one, other):
        check_run(path)
        if path[0].chain != chain:
            raise Malformed("warrant.fork", "the paths are of another chain")
        if not is_signed_by(path[-1], key, network=network):
            raise Malformed("chain.seal", "the signature at the end of a path is bad")
    return Warrant(chain, place.sequence, one[0].id, other[0].id)


def _written(path: Sequence[Entry]) -> Value:
    return [[entry.raw for entry in path], path[-1].signature]


def _paths(document: bytes) -> tuple[Value, Value]:
    try:
        value = decode(document, max_bytes=MAX_BYTES)
    except Malformed as error:
        raise Malformed("warrant.form", f"no canonical document: {error.message}") from error
    if not isinstance(value, list) or len(value) != 3 or type(value[0]) is not int or value[0] != VERSION:
        raise Malformed("warrant.form", f"a warrant is its version, {VERSION}, and two paths")
    return value[1], value[2]


def _path(path: Value) -> list[Entry]:
    if isinstance(path, list) and len(path) == 2:
        headers, signature = path
        if isinstance(headers, list) and headers and isinstance(signature, bytes) and len(signature) == SIGNATURE_BYTES:
            raws = [header for header in headers if isinstance(header, bytes)]
            if len(raws) == len(headers):
                return [*(read_entry(raw) for raw in raws[:-1]), read_entry(raws[-1], signature)]
    raise Malformed("warrant.form", "a path is its headers and one signature of 64 bytes")
