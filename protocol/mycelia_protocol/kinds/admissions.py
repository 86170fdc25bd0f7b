"""`admit`: a member lets identities in, each on a slot of its own."""

from __future__ import annotations

from ..accumulators import Admitted
from ..charter import Open, Stewards, Tree
from ..cid import DIGEST_BYTES
from ..errors import Refused
from .kind import Judged, Kind, nothing

MAX_ADMITTED = 16


def _judge(judged: Judged) -> None:
    terms, chain, facts = judged.header.terms, judged.prefix.chain, judged.facts
    names = terms[0::2]
    if not 0 < len(names) <= MAX_ADMITTED or len(terms) % 2 or len(set(names)) != len(names):
        raise Refused("admit.terms", f"the terms are 1 to {MAX_ADMITTED} pairs of an identity and an invitation")
    for term in terms[0::2]:
        if type(term) is not bytes or len(term) != DIGEST_BYTES:
            raise Refused("admit.terms", "an identity is 32 bytes")
    for term in terms[1::2]:
        if term is not None and (type(term) is not bytes or len(term) != DIGEST_BYTES):
            raise Refused("admit.terms", "an invitation is a key of 32 bytes, or null")
    policy, own = judged.charter.membership, judged.grant
    if isinstance(policy, Open):
        raise Refused("admit.policy", "this commons is open: nobody needs to be admitted")
    is_steward = own is not None and own.identity in judged.charter.founders
    if own is None or not own.is_founding or (isinstance(policy, Stewards) and not is_steward):
        raise Refused("admit.policy", "this chain has no admissions to give")
    for term in terms:
        if type(term) is bytes:
            if facts.admitted(term) or term == chain:
                raise Refused("admit.again", "this chain admitted that identity, or used that invitation, before")
            facts["admitted", term, -1] = Admitted(1)
    count = facts.admitted(chain) + len(names)
    if isinstance(policy, Tree) and count > policy.slots:
        raise Refused("admit.slots", f"{count} admissions, an identity has {policy.slots}")
    facts["admitted", chain, -1] = Admitted(count)


ADMIT = Kind(
    "admit",
    ("*identity", "*invitation"),
    ("admit.terms", "admit.policy", "admit.again", "admit.slots"),
    _judge,
    nothing,
)
