"""Root keys: from one secret seed as many as an identity will ever rotate to.

Key n + 1 is what key n's key set commits to. People write the seed down as a
phrase of 24 words (BIP-39); whoever has it has the identity.

    >>> roots = Roots(bytes(32))
    >>> roots.keyset(0).next == commitment(1, (roots.pair(1).public,))
    True

Spec: 03-keys, "Root keys and the recovery phrase".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .cid import digest
from .identity import KeySet, commitment
from .keys import KeyPair, keypair
from .statements import Signers

CONTEXT = b"mycelia/1/root\0"
SEED_BYTES = 32
MAX_NUMBER = 128


@dataclass(frozen=True, slots=True)
class Roots:
    """The root keys of one identity; `seed` is a secret of 32 random bytes."""

    seed: bytes = field(repr=False)

    def pair(self, number: int) -> KeyPair:
        """Return root key `number`: 0 is the inception's, each rotation takes the next."""
        return keypair(digest(CONTEXT + self.seed + number.to_bytes(4, "big")))

    def keyset(self, number: int, guardians: Iterable[bytes] = (), consents: int = 0) -> KeySet:
        """Return a key set of one root key that commits to the next; without `consents` all guardians are needed."""
        guarding = tuple(sorted(set(guardians)))
        following = self._committed(number + 1)
        return KeySet(1, (self.pair(number).public,), following, consents or len(guarding), guarding)

    def number_of(self, keyset: KeySet) -> int | None:
        """Return which root key a key set has, or None if it is of another seed."""
        return next((number for number in range(MAX_NUMBER) if self.pair(number).public in keyset.keys), None)

    def number_after(self, keyset: KeySet) -> int | None:
        """Return to which of these root keys, alone, a key set commits, or None if it commits to others."""
        numbers = (number for number in range(MAX_NUMBER) if keyset.next == self._committed(number))
        return next(numbers, None)

    def _committed(self, number: int) -> bytes:
        return commitment(1, (self.pair(number).public,))

    def signers(self, number: int, *, network: bytes) -> Signers:
        """Return root key `number` as the one that signs on a network."""
        return Signers(network, {0: self.pair(number)})

    def signers_of(self, keyset: KeySet, *, network: bytes, places: bytes | None = None) -> Signers:
        """Return those of these root keys that are in a key set, as who signs; `places` are those of all signers."""
        number = self.number_of(keyset)
        if number is None:
            return Signers(network, {}, places)
        pair = self.pair(number)
        place = keyset.keys.index(pair.public)
        return Signers(network, {place: pair} if places is None or place in places else {}, places)
