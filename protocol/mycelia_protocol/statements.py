"""Statements: composing what is said about identities, signed by root keys where they must.

    >>> from mycelia_protocol.identity import KeySet, commitment, identity_of
    >>> root, spare, phone = (keys.keypair(bytes([number]) * 32) for number in (1, 2, 3))
    >>> keyset = KeySet(1, (root.public,), commitment(1, (spare.public,)), 0, ())
    >>> at = Moment(1 << 16, bytes(8))
    >>> opening = founding(phone.public, keyset, nonce=bytes(16), at=at, root=Signers(bytes(32), {0: root}))
    >>> len(opening.terms), opening.terms[1] == identity_of(phone.public, bytes(16), keyset)
    (10, True)

Spec: 13-identity, 14-membership.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import invitation as invitations
from . import keys
from .compose import Content, Moment, ordered
from .envelope import INCARNATION_BYTES, Entry, Header, Term
from .identity import KeySet, identity_of, moment_after, sign
from .invitation import Invitation

NO_MOMENT = Moment(0, bytes(INCARNATION_BYTES))  # of statements that may be said at any time


class Signers(NamedTuple):
    """Root keys that sign, by their place in the key set, on a network; `places` of all signers, if others sign too."""

    network: bytes
    pairs: Mapping[int, keys.KeyPair]
    places: bytes | None = None

    def signed(self, kind: str, deps: bytes, terms: Sequence[Term], moment: Moment = NO_MOMENT) -> Content:
        """Return the content with its signatures as the last term; of an `open` with the moment that is signed."""
        header = Header(None, 0, None, moment.time, kind, 0, moment.incarnation, deps, None, None, 0, [*terms, b""])
        seals = sign(self.pairs, header, network=self.network, places=self.places)
        content = Content(kind, [*terms, seals], deps)
        return content if moment is NO_MOMENT else content._replace(moment=moment)


def founding(
    key: bytes,
    keyset: KeySet,
    *,
    nonce: bytes,
    at: Moment,
    root: Signers,
    box: bytes | None = None,
    invitation: Invitation | None = None,
) -> Content:
    """Return the `open` with which an identity begins, on a chain of `key`; `nonce` is 16 random bytes."""
    identity = identity_of(key, nonce, keyset)
    terms: list[Term] = [key, identity, box, nonce, *keyset.terms]
    if invitation is None:
        return root.signed("open", b"", terms, at)
    return root.signed("open", invitation.sponsor, [*terms, *invitations.terms_for(invitation, identity)], at)


def rooted(
    key: bytes, identity: bytes, event: bytes, *, at: Moment, root: Signers, box: bytes | None = None
) -> Content:
    """Return the `open` of another installation, signed by the root keys of the key event."""
    return root.signed("open", event, [key, identity, box, 0], at)


def delegated(key: bytes, identity: bytes, delegation: Entry, *, box: bytes | None = None) -> Content:
    """Return the `open` of the one chain that an `id.delegate` allows."""
    moment = Moment(*moment_after(delegation))
    return Content("open", [key, identity, box, 0], delegation.id, moment)


def delegate(
    key: bytes,
    *,
    kinds: Iterable[str] | None = None,
    expires_ms: int | None = None,
    depth: int = 0,
    daily: Mapping[str, int | None] | None = None,
    box: bytes | None = None,
) -> Content:
    """Return a delegation to a key: of some kinds, until a time, of some classes with the most of each a day."""
    terms: list[Term] = [key, box, None if kinds is None else " ".join(sorted(set(kinds))), expires_ms, depth]
    for name, most in sorted((daily or {}).items()):
        terms += [name, most]
    return Content("id.delegate", terms, b"")


def rotate(event: bytes, keyset: KeySet, *, root: Signers, keep: Iterable[bytes] = ()) -> Content:
    """Return a rotation to the committed keys; `keep` are entries of the rooted chains that shall live on."""
    deps, index = ordered(event, *keep)
    return root.signed("id.rotate", deps, [index[event], *keyset.terms])


def revoke(
    cut: bytes, *, heir: bytes | None = None, event: bytes | None = None, root: Signers | None = None
) -> Content:
    """Return a revocation that keeps the chain of `cut` up to it: by root keys, or by who delegated the chain."""
    if event is None or root is None:
        return Content("id.revoke", [0, heir, None, None], cut)
    deps, index = ordered(cut, event)
    return root.signed("id.revoke", deps, [index[cut], heir, index[event]])


def inherit(revoke: bytes, cut: bytes) -> Content:
    """Return the word of an heir that it takes over the chain that a revocation cut after `cut`."""
    deps, index = ordered(revoke, cut)
    return Content("id.inherit", [index[revoke], index[cut]], deps)


def recover(event: bytes, keyset: KeySet, *, keep: Iterable[bytes] = ()) -> Content:
    """Return the proposal of new root keys for an identity; `keep` are entries of the rooted chains that shall live."""
    deps, index = ordered(event, *keep)
    return Content("id.recover", [index[event], *keyset.terms], deps)


def consent(subject: bytes) -> Content:
    """Return a guardian's consent to a recovery, or a founder's to an enactment."""
    return Content("consent", [0], subject)


def complete(
    recovery: bytes, event: bytes, keyset: KeySet, consents: Iterable[bytes], *, keep: Iterable[bytes] = ()
) -> Content:
    """Return the end of a recovery: from here on the new root keys are in force."""
    deps, index = ordered(recovery, event, *consents, *keep)
    return Content("id.complete", [index[recovery], index[event], *keyset.terms], deps)


def threshold(
    impact: str, sense: str, amount: int, *, begin_ms: int, end_ms: int, event: bytes, chain: bytes, root: Signers
) -> Content:
    """Return a limit of an impact, signed by the root keys of a magisterium for one chain of it."""
    deps, index = ordered(event, chain)
    return root.signed("threshold", deps, [impact, sense, amount, begin_ms, end_ms, index[event]])


def close(event: bytes, *, root: Signers, keep: Iterable[bytes] = ()) -> Content:
    """Return the end of an identity; `keep` are the last entries of its chains that shall count."""
    deps, index = ordered(event, *keep)
    return root.signed("id.close", deps, [index[event]])


def admit(names: Iterable[tuple[bytes, bytes | None]]) -> Content:
    """Return an admission of identities, each with the key of the invitation that it used, or None."""
    return Content("admit", [term for pair in names for term in pair], b"")


def enact(changes: Mapping[str, int | str], *, previous: bytes | None = None) -> Content:
    """Return an enactment of these changes, after another one or after the root charter."""
    terms: list[Term] = [None if previous is None else 0]
    for name, value in sorted(changes.items()):
        terms += [name, value]
    return Content("enact", terms, previous or b"")


def adopt(enact: bytes, consents: Iterable[bytes]) -> Content:
    """Return the adoption of an enactment, with the founders' consents to it."""
    deps, index = ordered(enact, *consents)
    return Content("adopt", [index[enact]], deps)
