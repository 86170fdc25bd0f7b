"""Openings: the forms of an `open`, and what its chain may do for an identity.

Spec: 13-identity, "Forms of `open`".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .accumulators import Grant
from .charter import Open, Stewards
from .cid import DIGEST_BYTES, is_digest
from .envelope import Entry, Header
from .errors import Refused
from .grants import check_use, delegated
from .identity import (
    DELEGATED_TERMS,
    FOUNDING_TERMS,
    INVITED_TERMS,
    NONCE_BYTES,
    ROOTED_TERMS,
    check_signatures,
    identity_of,
    keyset_of,
    moment_after,
)
from .invitation import check_invitation

if TYPE_CHECKING:
    from .lineage import Lineage


def check_open(lineage: Lineage, entry: Entry) -> Grant | None:
    """Return what the chain of this `open` may do for its identity, None if it names none (rules `open.*`)."""
    header = entry.header
    terms, count = header.terms, len(header.terms)
    if terms[1:] == [None]:
        _check_deps(lineage, header, 0)
        if not isinstance(lineage.charter.membership, Open):
            raise Refused("open.invitation", "this commons is entered by invitation, with an identity")
        return None
    if count not in (DELEGATED_TERMS, ROOTED_TERMS, FOUNDING_TERMS, INVITED_TERMS) or not (
        is_digest(terms[1]) and (terms[2] is None or is_digest(terms[2]))
    ):
        raise Refused("open.identity", "the terms after the key are null, or those of a chain with an identity")
    if header.body_digest is not None or header.expiry is not None or header.charter_version:
        raise Refused("open.once", "the `open` of an identity's chain has no body, no expiry, and charter version 0")
    if count >= FOUNDING_TERMS:
        return _check_founding(lineage, header)
    _check_deps(lineage, header, 1)
    below = lineage.named(header, terms[3], "open.identity")
    if count == ROOTED_TERMS:
        return _check_rooted(lineage, header, below)
    return _check_delegated(lineage, header, below)


def _check_founding(lineage: Lineage, header: Header) -> Grant:
    terms = header.terms
    key, identity, nonce = cast(bytes, terms[0]), cast(bytes, terms[1]), terms[3]
    keyset = keyset_of(Entry(b"", b"", header, b"", None, None))
    if type(nonce) is not bytes or len(nonce) != NONCE_BYTES or keyset is None:
        raise Refused("open.identity", "an inception has a nonce, root keys, the digest of the next ones, guardians")
    is_invited = len(terms) == INVITED_TERMS
    _check_deps(lineage, header, 1 if is_invited else 0)
    if identity_of(key, nonce, keyset) != identity:
        raise Refused("open.inception", "the identity is not the digest of its inception")
    check_signatures(header, keyset, network=lineage.charter.network)
    if is_invited:
        sponsor = cast(Entry, lineage.held(header.dep(0)))
        check_invitation(header, sponsor, network=lineage.charter.network)
        _check_sponsor(lineage, sponsor)
    elif not isinstance(lineage.charter.membership, Open) and identity not in lineage.charter.founders:
        raise Refused("open.invitation", "this commons is entered by invitation")
    return Grant(identity, is_founding=True)


def _check_sponsor(lineage: Lineage, sponsor: Entry) -> None:
    grant = lineage.grant(sponsor.id)
    if grant is None or len(sponsor.header.terms) == DELEGATED_TERMS:
        raise Refused("open.invitation", "an invitation is given by a person's own installation, not by a bot")
    if isinstance(lineage.charter.membership, Stewards) and grant.identity not in lineage.charter.founders:
        raise Refused("open.invitation", "in this commons a founder invites")


def _check_rooted(lineage: Lineage, header: Header, below: Entry) -> Grant:
    event = lineage.event(below)
    if event is None or event[0] != header.terms[1]:
        raise Refused("identity.previous", "the entry named is no good key event of this identity")
    check_signatures(header, event[1], network=lineage.charter.network)
    return Grant(event[0])


def _check_delegated(lineage: Lineage, header: Header, below: Entry) -> Grant:
    delegation = below.header
    if delegation.kind != "id.delegate" or delegation.terms[:2] != [header.terms[0], header.terms[2]]:
        raise Refused("open.delegation", "the entry named delegates nothing to this key")
    giver = lineage.grant(below.chain)
    if giver is None or giver.identity != header.terms[1]:
        raise Refused("open.delegation", "the chain that delegates speaks for another identity, or for none")
    try:
        check_use(giver, delegation)
        grant = delegated(delegation, giver)
    except Refused as refused:
        raise Refused("open.delegation", f"the delegation is against `{refused.rule}`") from refused
    if (header.time, header.incarnation) != moment_after(below):
        raise Refused("open.once", "a delegated chain begins at the moment after its delegation, which names its start")
    return grant


def _check_deps(lineage: Lineage, header: Header, count: int) -> None:
    if len(header.deps) != count * DIGEST_BYTES:
        raise Refused("open.deps", f"this form of `open` names {count} entries, here are {len(header.links)}")
