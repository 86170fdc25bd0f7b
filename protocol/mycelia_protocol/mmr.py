"""Merkle mountain ranges: one digest of a growing list, and short proofs of what stands in it.

The tree is that of RFC 6962: a leaf is hashed behind 0x00, a node behind 0x01.
Whoever keeps the peaks, one digest for each bit of the size, can append without
knowing the leaves; the root of the peaks is the tree head of RFC 6962.

    >>> row = grown(EMPTY, [leaf(b"a"), leaf(b"b"), leaf(b"c")])
    >>> row.size, len(row.peaks)
    (3, 2)
    >>> route = path([leaf(b"a"), leaf(b"b"), leaf(b"c")], 1)
    >>> climbed(leaf(b"b"), 1, 3, route) == root(row)
    True

Spec: 19-checkpoint, "Mountain".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .cid import digest

_LEAF, _NODE = b"\x00", b"\x01"


class Range(NamedTuple):
    """How many leaves there are, and the peaks of their mountains, highest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()


EMPTY = Range()


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return digest(_LEAF + data)


def grown(row: Range, leaves: Iterable[bytes]) -> Range:
    """Return the range with these leaf hashes after its own."""
    size, peaks = row.size, list(row.peaks)
    for top in leaves:
        size += 1
        bits = size
        while not bits & 1:  # two mountains of one height become one
            top, bits = _node(peaks.pop(), top), bits >> 1
        peaks.append(top)
    return Range(size, tuple(peaks))


def root(row: Range) -> bytes:
    """Return the tree head: the peaks, joined from the lowest up; that of no leaves is the digest of nothing."""
    if not row.peaks:
        return digest(b"")
    *higher, top = row.peaks
    for peak in reversed(higher):
        top = _node(peak, top)
    return top


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the inclusion path of the leaf hash at `index`, from the bottom up."""
    if len(leaves) <= 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*path(left, index), root(grown(EMPTY, right))]
    return [*path(right, index - split), root(grown(EMPTY, left))]


def climbed(start: bytes, index: int, size: int, route: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to from a leaf hash, or None if it has not the length for this place."""
    node, last, top = index, size - 1, start
    if not 0 <= index < size:
        return None
    for step in route:
        if last == 0:
            return None
        if node & 1 or node == last:
            top = _node(step, top)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            top = _node(top, step)
        node, last = node >> 1, last >> 1
    return top if last == 0 else None


def _node(left: bytes, right: bytes) -> bytes:
    return digest(_NODE + left + right)
