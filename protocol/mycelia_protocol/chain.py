"""A chain: one installation's entries, each naming the one before, and the sealed runs they travel in.

A chain begins with `open`, which names the key that signs the rest. A run is a
stretch of one chain whose last entry is sealed: one good signature vouches, by
backlinks, for every header below it. Two entries that claim one place are a
fork: both are kept, nothing here prefers the first seen.

Spec: 05-chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .envelope import Entry, is_signed_by
from .errors import Malformed
from .keys import PUBLIC_BYTES

MAX_RUN_ENTRIES = 64
MAX_RUN_BYTES = 63 * 1024  # with one seal and its array heads, a run always fits a frame of 64 KiB
COUNTER_BITS = 16


def check_link(entry: Entry, before: Entry) -> None:
    """Refuse `entry` unless it stands directly after `before` on the same chain.

    Raises:
        Malformed: rule `chain.sequence`, `chain.same` or `chain.backlink`. An entry that
            does not link has no place in a chain, so it is dropped, not kept as invalid.
    """
    header = entry.header
    if entry.chain != before.chain:
        raise Malformed("chain.same", "the entry belongs to another chain than the one before it")
    if header.sequence != before.header.sequence + 1:
        raise Malformed(
            "chain.sequence", f"sequence {header.sequence} after {before.header.sequence}, expected one more"
        )
    if header.backlink != before.id:
        raise Malformed("chain.backlink", f"backlink {_short(header.backlink)}, expected {_short(before.id)}")


def check_run(run: Sequence[Entry]) -> None:
    """Refuse entries that are not one linked stretch within the size of a run.

    Raises:
        Malformed: rule `chain.run`, or what `check_link` raises.
    """
    if not 0 < len(run) <= MAX_RUN_ENTRIES:
        raise Malformed("chain.run", f"{len(run)} entries, a run has 1 to {MAX_RUN_ENTRIES}")
    size = 0
    for entry in run:
        size += len(entry.raw) + len(entry.body or b"")
    if size > MAX_RUN_BYTES:
        raise Malformed("chain.run", f"a run is at most {MAX_RUN_BYTES} bytes")
    for before, entry in pairwise(run):
        check_link(entry, before)


def key_of_open(entry: Entry) -> bytes:
    """Return the public key that an `open` entry declares for its chain.

    Raises:
        Malformed: rule `chain.open`: not an `open`, or its terms are not [key, identity].
    """
    terms = entry.header.terms
    if entry.header.kind != "open" or len(terms) < 2:
        raise Malformed("chain.open", "a chain begins with `open`, whose first terms are a key and an identity")
    key = terms[0]
    if not isinstance(key, bytes) or len(key) != PUBLIC_BYTES:
        raise Malformed("chain.open", "the key of a chain is 32 bytes")
    return key


def sealed_length(run: Sequence[Entry], key: bytes, *, network: bytes) -> int:
    """Return how many entries of a linked run are authentic: all up to its highest good signature.

    The tip is tried first. When it fails, lower signatures are tried downwards, so a bad
    tip costs a sender its trust but never hides what was good (rule `chain.seal`).
    """
    for length in range(len(run), 0, -1):
        if is_signed_by(run[length - 1], key, network=network):
            return length
    return 0


def next_time(now_ms: int, *after: int) -> int:
    """Return the hybrid logical time of a new entry: the clock, or one tick after the latest of `after`."""
    return max(now_ms << COUNTER_BITS, *(time + 1 for time in after), 1)


def _short(link: bytes | None) -> str:
    return "null" if link is None else f"{link.hex()[:4]}…{link.hex()[-4:]}"
