"""The frontier: the tips of all chains that a peer holds, and the digest of everything behind them.

A forked chain has two tips. Equal digests mean equal sets of entries; equal
frontiers usually do.

Spec: 10-frontier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .cid import digest


class Tip(NamedTuple):
    """The last entry of a branch of a chain."""

    chain: bytes
    sequence: int
    id: bytes


MAX_TIPS = 2  # branches of one chain that a peer keeps


def set_digest(ids: Iterable[bytes]) -> bytes:
    """Return the digest of a set of entries: sha2-256 over their ids, sorted and joined."""
    return digest(b"".join(sorted(ids)))
