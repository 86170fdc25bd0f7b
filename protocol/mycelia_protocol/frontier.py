"""The frontier: the tips of all chains that a peer holds, and the digest of everything behind them.

Of a forked chain the tips are two entries that prove the fork, any two; from there
on is kept only what something that is kept relies on. Equal digests mean that the
same entries are kept; equal frontiers mean that nobody has anything to pull.

    >>> held = [Tip(b"c" * 32, 7, b"i" * 32)]
    >>> first_wanted(held, Tip(b"c" * 32, 9, b"j" * 32))
    8
    >>> [first_wanted(held, Tip(b"c" * 32, 7, b"j" * 32), attempt) for attempt in range(6)]
    [7, 6, 5, 3, 0, None]

Spec: 10-frontier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from .cid import digest
from .envelope import Entry


class Tip(NamedTuple):
    """The last entry of a branch of a chain."""

    chain: bytes
    sequence: int
    id: bytes


MAX_TIPS = 2  # that are said of one chain


def tip_of(entry: Entry) -> Tip:
    """Return the tip that an entry is while nothing stands after it."""
    return Tip(entry.chain, entry.header.sequence, entry.id)


class Fork(NamedTuple):
    """Where a chain first has two pasts, and a proof: the two entries of least id here that claim that place."""

    sequence: int
    one: bytes
    other: bytes


def forks_of(entries: Iterable[Entry]) -> dict[bytes, Fork]:
    """Return the chains of which two entries claim one place, each with its lowest fork."""
    claims: dict[bytes, dict[int, set[bytes]]] = {}
    for entry in entries:
        claims.setdefault(entry.chain, {}).setdefault(entry.header.sequence, set()).add(entry.id)
    forks = {}
    for chain, places in claims.items():
        forked = [sequence for sequence, ids in places.items() if len(ids) > 1]
        if forked:
            one, other, *_ = sorted(places[min(forked)])
            forks[chain] = Fork(min(forked), one, other)
    return forks


def reduced(entries: Mapping[bytes, Entry]) -> set[bytes]:
    """Return the ids of those entries of a set that are kept: all but late ones on which nothing that is kept relies.

    Kept are the entries of chains that did not fork, those below a fork, and what any of them
    names, with everything below that on its chain, and what that names, and so on.

    Spec: 10-frontier, "What is kept of a forked chain".
    """
    forks = forks_of(entries.values())
    kept: set[bytes] = set()
    found = [entry for entry in entries.values() if is_certain(entry, forks.get(entry.chain))]
    while found:
        entry = found.pop()
        if entry.id not in kept:
            kept.add(entry.id)
            below = [entry.header.backlink] if entry.header.backlink else []
            found += [entries[link] for link in (*entry.header.links, *below) if link in entries]
    return kept


def is_certain(entry: Entry, fork: Fork | None) -> bool:
    """Return whether an entry is kept whoever relies on it: its chain did not fork at its place or below."""
    return fork is None or entry.header.sequence < fork.sequence


def frontier(entries: Collection[Entry]) -> list[Tip]:
    """Return the tips of a set of entries: of a forked chain a proof, of any other its last entry; sorted."""
    forks = forks_of(entries)
    followed = {entry.header.backlink for entry in entries}
    tips = [tip_of(entry) for entry in entries if entry.id not in followed and entry.chain not in forks]
    for chain, fork in forks.items():
        tips += [Tip(chain, fork.sequence, fork.one), Tip(chain, fork.sequence, fork.other)]
    return sorted(tips)


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
    Nothing is wanted where a chain is known to have forked, or above.
    """
    firsts: dict[bytes, int] = {}
    for tip in tips:
        own = list(held.get(tip.chain, ()))
        if not have(tip) and not (len(own) > 1 and tip.sequence >= own[0].sequence):
            first = first_wanted(held.get(tip.chain, ()), tip) or 0
            firsts[tip.chain] = min(first, firsts.get(tip.chain, first))
    return firsts


def set_digest(tips: Iterable[Tip]) -> bytes:
    """Return the digest of a set of entries, by its frontier: sha2-256 over chain, sequence and id of each tip, sorted.

    A forked chain stands there once, with the place and 32 zero bytes: any proof is as good as another.
    Whatever is kept stands below a tip, or is named from below one.
    """
    lines = []
    for chain, (first, *others) in groupby(sorted(tips), key=lambda tip: tip.chain):
        lines.append(chain + first.sequence.to_bytes(8, "big") + (bytes(32) if others else first.id))
    return digest(b"".join(lines))
