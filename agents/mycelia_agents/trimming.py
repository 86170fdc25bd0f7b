"""Trimming: who keeps what when rows claim more of a need than it has left.

A projection without legal effect: the only cut that binds is the receiver's accept.
Everybody who sees the same rows computes the same order, from public integers alone:
the need's urgency less a cost for each H3 cell between offer and need, then the hash
of need and row. No clock and no marks stand in it.

    >>> rank(urgency=600, cells=10, need=b"n" * 32, row=b"r" * 32)[0]
    -530

Spec: 12-field, "Trimming".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

COST_PER_CELL = 7  # tenths of a point: a cell of resolution 8 is 0.7 road miles across, as Houston drives
UNREACHABLE = 10_000  # cells, where the grid gives no distance: last, never refused

Rank = tuple[int, bytes]


def rank(*, urgency: int, cells: int, need: bytes, row: bytes, cost_per_cell: int = COST_PER_CELL) -> Rank:
    """Return the sort key of a claim on a need: the lowest is served first."""
    return (cost_per_cell * cells - urgency, sha256(need + row).digest())


def granted(left: int, amount: int, own: Rank, others: Iterable[tuple[Rank, int]]) -> int:
    """Return how much of a claim of `amount` remains when those ranked before it are served from `left`."""
    before = sum(claimed for other, claimed in others if other < own)
    return max(0, min(amount, left - before))


@lru_cache(maxsize=65_536)
def distance(cell: int, other: int) -> int:
    """Return how many H3 cells lie between two places of one resolution."""
    import h3

    try:
        return int(h3.grid_distance(h3.int_to_str(cell), h3.int_to_str(other)))
    except h3.H3BaseException:  # other resolution, too far apart, or across a pentagon
        return UNREACHABLE
