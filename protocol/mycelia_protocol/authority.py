"""Authority: who may cut a chain of an identity, and which chain may take it over.

Spec: 13-identity, "Revocation" and "Heirs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .accumulators import MAX_DEPTH, Grant
from .cid import is_digest
from .envelope import Entry, Header, Term
from .errors import Refused
from .grants import check_use, speaking
from .identity import DELEGATED_TERMS, check_signatures

if TYPE_CHECKING:
    from .lineage import Lineage

CUT_AT, HEIR_AT, PREVIOUS_AT = range(3)  # in an `id.revoke`


def check_authority(lineage: Lineage, header: Header, previous: Term, identity: bytes) -> None:
    """Refuse unless the last term holds signatures of the root keys of a key event of `identity`."""
    event = lineage.event(lineage.named(header, previous, "identity.terms"))
    if event is None or event[0] != identity:
        raise Refused("identity.previous", "the entry named is no good key event of this identity")
    check_signatures(header, event[1], network=lineage.charter.network)


def check_statement(lineage: Lineage, entry: Entry, previous: Term, identity: bytes) -> None:
    """Refuse as `check_authority` does, of an entry that many others rest on: its signatures are verified once."""
    event = lineage.event(lineage.named(entry.header, previous, "identity.terms"))
    if event is None or event[0] != identity:
        raise Refused("identity.previous", "the entry named is no good key event of this identity")
    if not lineage.is_signed(entry, event[1]):
        raise Refused("identity.signature", "the signatures of root keys are not good, or too few")


def has_delegated(lineage: Lineage, giver: bytes, chain: bytes) -> bool:
    """Return whether a chain was delegated by `giver`, or by one that it delegated to in turn."""
    for _ in range(MAX_DEPTH):
        opening = cast(Entry, lineage.held(chain)).header
        if len(opening.terms) != DELEGATED_TERMS or not opening.deps:
            return False
        chain = cast(Entry, lineage.held(opening.dep(0))).chain
        if chain == giver:
            return True
    return False


def check_revocation(lineage: Lineage, entry: Entry, own: Grant | None) -> Entry:
    """Return the last entry that an `id.revoke` keeps (rules `revoke.*`, `identity.*`) by its chain's grant."""
    terms = entry.header.terms
    if len(terms) != 4 or not (terms[HEIR_AT] is None or is_digest(terms[HEIR_AT])):
        raise Refused("revoke.terms", "the terms are cut, heir, key event and signatures")
    cut = lineage.named(entry.header, terms[CUT_AT], "revoke.terms")
    own = speaking(own)
    revoked = lineage.grant(cut.chain)
    if revoked is None or revoked.identity != own.identity:
        raise Refused("revoke.cut", "the entry to keep is on no chain of this identity")
    if terms[PREVIOUS_AT] is not None:
        check_authority(lineage, entry.header, terms[PREVIOUS_AT], own.identity)
    elif terms[-1] is not None or not has_delegated(lineage, entry.chain, cut.chain):
        raise Refused("revoke.authority", "a chain revokes what it delegated itself; anything else root keys sign")
    return cut


def check_inheritance(lineage: Lineage, entry: Entry, own: Grant | None) -> Entry:
    """Return the last entry of the chain that an `id.inherit` takes over (rules `identity.own`, `inherit.*`)."""
    header, own = entry.header, speaking(own)
    if len(header.terms) != 2:
        raise Refused("inherit.terms", "the terms are a revocation and the entry that it keeps")
    revoke, cut = (lineage.named(header, term, "inherit.terms") for term in header.terms)
    if revoke.header.kind != "id.revoke" or cut.chain == entry.chain:
        raise Refused("inherit.revoke", "the entry named revokes no other chain")
    giver = lineage.grant(revoke.chain)
    if giver is None or giver.identity != own.identity:
        raise Refused("inherit.revoke", "the revocation is another identity's")
    try:
        check_use(giver, revoke.header)
        kept = check_revocation(lineage, revoke, giver)
    except Refused as refused:
        raise Refused("inherit.revoke", f"the revocation is against `{refused.rule}`") from refused
    if kept.id != cut.id or revoke.header.terms[HEIR_AT] != entry.chain:
        raise Refused("inherit.revoke", "the revocation keeps another entry, or names another heir")
    return cut
