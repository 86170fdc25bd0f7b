"""The frontier: the tips of all chains that a peer holds, and the digest of everything behind them.

A forked chain has two tips. Equal digests mean equal sets of entries; equal
frontiers mean that nobody has anything to pull.

    >>> held = [Tip(b"c" * 32, 7, b"i" * 32)]
    >>> first_wanted(held, Tip(b"c" * 32, 9, b"j" * 32))
    8
    >>> [first_wanted(held, Tip(b"c" * 32, 7, b"j" * 32), attempt) for attempt in range(6)]
    [7, 6, 5, 3, 0, None]

Spec: 10-frontier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from .cid import digest
from .envelope import Entry


class Tip(NamedTuple):
    """The last entry of a branch of a chain."""

    chain: bytes
    sequence: int
    id: bytes


MAX_TIPS = 2  # branches of one chain that a peer keeps


def tip_of(entry: Entry) -> Tip:
    """Return the tip that an entry is while nothing stands after it."""
    return Tip(entry.chain, entry.header.sequence, entry.id)


def frontier(entries: Collection[Entry]) -> list[Tip]:
    """Return the tips of a set of entries: those that no other entry of the set names as its backlink.

    They come sorted, and at most two a chain: the highest ones, of equal height the lesser ids
    (rule `frontier.tips`).
    """
    followed = {entry.header.backlink for entry in entries}
    tips = {tip_of(entry) for entry in entries if entry.id not in followed}
    kept: dict[bytes, int] = {}
    chosen = []
    for tip in sorted(tips, key=lambda tip: (tip.chain, -tip.sequence, tip.id)):
        kept[tip.chain] = kept.get(tip.chain, 0) + 1
        if kept[tip.chain] <= MAX_TIPS:
            chosen.append(tip)
    return sorted(chosen)


def first_wanted(held: Iterable[Tip], tip: Tip, attempt: int = 0) -> int | None:
    """Return the first sequence to pull so that a tip that is not held links to what is held.

    `held` are the own tips of the tip's chain, `attempt` counts the pulls for this tip that did
    not link. The first try asks for what stands after the own highest tip, or for the tip itself
    when it stands no higher (a fork); the next ones go back by 1, 2, 4, ... places from there. None:
    even the first entry was pulled and did not link, so the other side does not hold what it says.

    Spec: 10-frontier, "What to pull".
    """
    start = min(max((own.sequence + 1 for own in held if own.chain == tip.chain), default=0), tip.sequence)
    if attempt == 0:
        return start
    before = start - (1 << (attempt - 2)) if attempt > 1 else start
    return None if before <= 0 else max(0, start - (1 << (attempt - 1)))


def wanted(held: Mapping[bytes, Iterable[Tip]], tips: Iterable[Tip], have: Callable[[Tip], bool]) -> dict[bytes, int]:
    """Return what to pull on hearing of `tips`: chain to first sequence, the earliest of its branches.

    `held` gives the own tips by chain; `have` says whether an entry is held, as a tip or below one.
    """
    firsts: dict[bytes, int] = {}
    for tip in tips:
        if not have(tip):
            first = first_wanted(held.get(tip.chain, ()), tip) or 0
            firsts[tip.chain] = min(first, firsts.get(tip.chain, first))
    return firsts


def set_digest(ids: Iterable[bytes]) -> bytes:
    """Return the digest of a set of entries: sha2-256 over their ids, sorted and joined."""
    return digest(b"".join(sorted(ids)))
