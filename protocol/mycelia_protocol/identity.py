"""Identities: who speaks through a chain, by keys that can be changed, lost and won back.

An identity is a log of key events: its inception, which stands in the `open` of
its first installation, then rotations and recoveries, each of which names the
one before. Every installation has a chain and a key of its own; the identity
delegates to it. What an identity's root keys sign is a *statement*: the kind,
the dependencies and the terms of the entry that carries it, whoever's chain
that entry stands on.

Here are the shapes and the signatures; `lineage` follows them through the entries
that a chain rests on.

    >>> from mycelia_protocol.keys import keypair
    >>> root, spare = keypair(bytes(32)), keypair(bytes([1]) * 32)
    >>> keyset = KeySet(1, (root.public,), commitment(1, (spare.public,)), 0, ())
    >>> is_revealed(keyset, 1, (spare.public,)), is_revealed(keyset, 1, (root.public,))
    (True, False)

Spec: 13-identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

from . import keys
from .canonical import Value, encode
from .cid import DIGEST_BYTES, digest
from .envelope import INCARNATION_BYTES, Entry, Header, Term
from .errors import Refused

CONTEXT = b"mycelia/1/identity\0"
NONCE_BYTES = 16
MAX_KEYS = 8
MAX_GUARDIANS = 16
SEAL_BYTES = 1 + keys.SIGNATURE_BYTES  # the place of a key, and its signature

DELEGATED_TERMS, ROOTED_TERMS, FOUNDING_TERMS, INVITED_TERMS = 4, 5, 10, 14  # the forms of a named `open`
KEYSET_AT = {"open": 4, "id.rotate": 1, "id.recover": 1, "id.complete": 2}  # where the five terms of a key set begin


class KeySet(NamedTuple):
    """The root keys in force from a key event on, the digest of the next ones, and the guardians."""

    threshold: int
    keys: tuple[bytes, ...]
    next: bytes
    consents: int  # how many guardians a recovery needs; 0 without guardians
    guardians: tuple[bytes, ...]

    @property
    def terms(self) -> list[Term]:
        """The five terms of the key set, as a header carries them."""
        return [self.threshold, b"".join(self.keys), self.next, self.consents, b"".join(self.guardians)]


def commitment(threshold: int, public: Sequence[bytes]) -> bytes:
    """Return the digest that commits to the next root keys without showing them."""
    return digest(encode([threshold, b"".join(public)]))


def is_revealed(keyset: KeySet, threshold: int, public: Sequence[bytes]) -> bool:
    """Return whether these are the keys that a key set committed to as its next."""
    return commitment(threshold, public) == keyset.next


def identity_of(key: bytes, nonce: bytes, keyset: KeySet) -> bytes:
    """Return the identity that an inception makes: by its first installation's key, a nonce and its key set."""
    return digest(CONTEXT + encode(cast(Value, [key, nonce, *keyset.terms])))


def moment_after(delegation: Entry) -> tuple[int, bytes]:
    """Return time and incarnation of the one `open` that an `id.delegate` allows."""
    return delegation.header.time + 1, delegation.id[:INCARNATION_BYTES]


def statement(header: Header, places: bytes) -> bytes:
    """Return the digest that root keys at these places sign: of kind, dependencies and all terms but the signatures.

    An `open` is signed with its moment and its signers, too: so that nobody can make a second chain of one word.
    """
    moment = (header.time, header.incarnation, places) if header.kind == "open" else ()
    return digest(encode(cast(Value, [header.kind, header.deps, *moment, *header.terms[:-1]])))


def sign(pairs: Mapping[int, keys.KeyPair], header: Header, *, network: bytes, places: bytes | None = None) -> bytes:
    """Return the signatures over the statement of a header, each after the place of its key in the key set.

    `places` are those of all who sign, if others sign too: an `open` is signed with them.
    """
    message = statement(header, bytes(sorted(pairs)) if places is None else places)
    return b"".join(
        bytes([place]) + keys.sign(pairs[place], CONTEXT, network=network, digest=message) for place in sorted(pairs)
    )


def read_keyset(terms: Sequence[Term], at: int) -> KeySet | None:
    """Return the key set that stands in five terms, or None if they have another shape."""
    if len(terms) < at + 5:
        return None
    threshold, joined, following, consents, guardians = terms[at : at + 5]
    public, names = _split(joined, MAX_KEYS), _split(guardians, MAX_GUARDIANS)
    if not public or names is None or type(threshold) is not int or not 0 < threshold <= len(public):
        return None
    if type(consents) is not int or not 0 <= consents <= len(names) or (consents == 0) != (not names):
        return None
    if type(following) is not bytes or len(following) != DIGEST_BYTES:
        return None
    return KeySet(threshold, public, following, consents, names)


def _split(joined: Term, most: int) -> tuple[bytes, ...] | None:
    """Return the parts of 32 bytes, sorted and unique, that were joined."""
    if type(joined) is not bytes or len(joined) % DIGEST_BYTES or len(joined) > most * DIGEST_BYTES:
        return None
    parts = tuple(joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES))
    return None if any(one >= other for one, other in pairwise(parts)) else parts


def keyset_of(entry: Entry) -> KeySet | None:
    """Return the key set that an entry declares, or None: it is of another kind or shape."""
    at = KEYSET_AT.get(entry.header.kind)
    if at is None or (entry.header.kind == "open" and len(entry.header.terms) < FOUNDING_TERMS):
        return None
    return read_keyset(entry.header.terms, at)


def check_signatures(header: Header, keyset: KeySet, *, network: bytes) -> None:
    """Refuse `identity.signature` unless the last term holds good signatures of enough root keys, and no bad one."""
    seals = header.terms[-1]
    if type(seals) is not bytes or len(seals) % SEAL_BYTES:
        raise Refused("identity.signature", f"the signatures are parts of {SEAL_BYTES} bytes")
    parts = [seals[at : at + SEAL_BYTES] for at in range(0, len(seals), SEAL_BYTES)]
    places = [part[0] for part in parts]
    if any(one >= other for one, other in pairwise(places)) or any(place >= len(keyset.keys) for place in places):
        raise Refused("identity.signature", "the signatures name places of root keys, in order, each once")
    if len(parts) < keyset.threshold:
        raise Refused("identity.signature", f"{len(parts)} signatures, {keyset.threshold} are needed")
    message = statement(header, bytes(places))
    for part in parts:
        if not keys.verify(keyset.keys[part[0]], part[1:], CONTEXT, network=network, digest=message):
            raise Refused("identity.signature", f"the signature of root key {part[0]} is not good")
