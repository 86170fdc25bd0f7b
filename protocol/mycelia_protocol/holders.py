"""Holders: several people who each have root keys of one identity, of which so many must sign.

Each holder has a root seed and gives the others a share: public keys in the order
of use. In each key set stands one key of every holder, and the next one of each in
the next key set, so that everybody can say what is revealed without asking again.

    >>> from mycelia_protocol.roots import Roots
    >>> anna, bo = Roots(bytes(32)), Roots(bytes([1]) * 32)
    >>> holders = Holders(2, (share(anna, 1), share(bo, 1)))
    >>> first = holders.keyset(0)
    >>> first.threshold, len(first.keys), holders.step_after(first)
    (2, 2, 1)

Spec: 13-identity, "Several holders".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .identity import KeySet, commitment
from .roots import Roots

SHARED_KEYS = 16  # how many changes of root keys a share lasts for, less one

Share = tuple[bytes, ...]


def share(roots: Roots, first: int) -> Share:
    """Return the public keys that a holder gives to the others, from a number on."""
    return tuple(roots.pair(number).public for number in range(first, first + SHARED_KEYS))


class Holders(NamedTuple):
    """Of several holders the shares, and how many of them must sign."""

    threshold: int
    shares: tuple[Share, ...]

    @property
    def steps(self) -> int:
        """How many key sets can be revealed: each commits to the one after it."""
        return min(map(len, self.shares)) - 1

    def keys(self, step: int) -> tuple[bytes, ...]:
        """Return the root keys of a step, one of each holder, sorted."""
        return tuple(sorted(one[step] for one in self.shares))

    def keyset(
        self, step: int, guardians: Iterable[bytes] = (), consents: int = 0, following: bytes | None = None
    ) -> KeySet:
        """Return the key set of a step, which commits to the next step, or to what is `following` instead.

        Without `consents` all guardians are needed.
        """
        guarding = tuple(sorted(set(guardians)))
        following = following or self.committed(step + 1)
        return KeySet(self.threshold, self.keys(step), following, consents or len(guarding), guarding)

    def committed(self, step: int) -> bytes:
        """Return the commitment to the root keys of a step."""
        return commitment(self.threshold, self.keys(step))

    def step_after(self, keyset: KeySet) -> int | None:
        """Return the step to whose root keys a key set commits, None if it commits to others."""
        return next((step for step in range(self.steps + 1) if self.committed(step) == keyset.next), None)
