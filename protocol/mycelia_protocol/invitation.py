"""Invitations: a member's word that whoever holds a secret may come in, as one text to paste.

The sponsor signs the public half of a fresh key and an end; the text carries
the secret half. Who uses it signs the new identity with it, so that nobody who
sees the entry later can use the invitation for another identity.

    >>> from mycelia_protocol import keys
    >>> sponsor = keys.keypair(bytes(32))
    >>> one = invite(sponsor, bytes(32), seed=bytes([7]) * 32, expires_ms=10**13, network=bytes(32), peers=["here"])
    >>> read(text(one)) == one, text(one)[:8]
    (True, 'mycelia1')

Spec: 14-membership, "Invitations".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import keys, pasted
from .canonical import INT64_MAX, Value, encode
from .cid import DIGEST_BYTES, digest
from .envelope import Entry, Header, Term
from .errors import Malformed, Refused
from .identity import FOUNDING_TERMS

CONTEXT = b"mycelia/1/invite\0"
PREFIX = "mycelia1"
MAX_TEXT = 4096
MAX_PEERS = 16


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an invitation's text says; the seed is a secret, whoever has it can come in."""

    network: bytes
    sponsor: bytes  # the chain that gives it
    expires_ms: int
    signature: bytes  # the sponsor's
    peers: tuple[str, ...]  # addresses to dial
    seed: bytes = field(repr=False)


def _word(key: bytes, expires_ms: int) -> bytes:
    return digest(encode([key, expires_ms]))


def invite(
    sponsor: keys.KeyPair, chain: bytes, *, seed: bytes, expires_ms: int, network: bytes, peers: Iterable[str]
) -> Invitation:
    """Return a new invitation by the chain of `sponsor`; `seed` is 32 fresh random bytes."""
    key = keys.keypair(seed).public
    signature = keys.sign(sponsor, CONTEXT, network=network, digest=_word(key, expires_ms))
    return Invitation(network, chain, expires_ms, signature, tuple(peers)[:MAX_PEERS], seed)


def terms_for(invitation: Invitation, identity: bytes) -> list[Term]:
    """Return the four terms with which an `open` of `identity` uses an invitation."""
    pair = keys.keypair(invitation.seed)
    signature = keys.sign(pair, CONTEXT, network=invitation.network, digest=identity)
    return [pair.public, invitation.expires_ms, invitation.signature, signature]


def check_invitation(header: Header, sponsor: Entry, *, network: bytes) -> None:
    """Refuse `open.invitation` unless the `open` before the signatures uses an invitation by `sponsor`'s chain."""
    key, expires_ms, word, consent = header.terms[FOUNDING_TERMS - 1 : FOUNDING_TERMS + 3]
    giver, identity = sponsor.header.terms[0] if sponsor.header.terms else None, header.terms[1]
    if not (
        type(key) is bytes
        and len(key) == keys.PUBLIC_BYTES
        and type(expires_ms) is int
        and 0 < expires_ms <= INT64_MAX
        and type(word) is bytes
        and type(consent) is bytes
        and type(giver) is bytes
        and type(identity) is bytes
    ):
        raise Refused("open.invitation", "an invitation is a key, an end and two signatures")
    if sponsor.header.kind != "open":
        raise Refused("open.invitation", "the entry named is no `open` of a sponsor's chain")
    if header.time_ms >= expires_ms:
        raise Refused("open.invitation", f"the invitation ended at {expires_ms}")
    if not keys.verify(giver, word, CONTEXT, network=network, digest=_word(key, expires_ms)):
        raise Refused("open.invitation", "the sponsor did not sign this invitation")
    if not keys.verify(key, consent, CONTEXT, network=network, digest=identity):
        raise Refused("open.invitation", "the invitation was not used for this identity")


def text(invitation: Invitation) -> str:
    """Return an invitation as one text to paste."""
    return pasted.write(PREFIX, [
        invitation.network, invitation.sponsor, invitation.seed, invitation.expires_ms, invitation.signature,
        list[Value](invitation.peers),
    ])  # fmt: skip


def read(word: str) -> Invitation:
    """Return the invitation that a text holds; white space in it is left out.

    Raises:
        Malformed: rule `invitation.text`: it is no invitation, or not all of one.
    """
    match pasted.read(word, PREFIX, rule="invitation.text", most=MAX_TEXT):
        case [bytes(network), bytes(sponsor), bytes(seed), int(expires_ms), bytes(signature), list(peers)]:
            if (
                {len(network), len(sponsor), len(seed)} == {DIGEST_BYTES}
                and len(signature) == keys.SIGNATURE_BYTES
                and len(peers) <= MAX_PEERS
                and 0 < expires_ms <= INT64_MAX
                and type(expires_ms) is int
            ):
                addresses = tuple(one for one in peers if isinstance(one, str))
                if len(addresses) == len(peers):
                    return Invitation(network, sponsor, expires_ms, signature, addresses, seed)
    raise Malformed("invitation.text", "the text is no invitation of this version")
