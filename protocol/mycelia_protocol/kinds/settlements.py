"""`settle`: the provider's own count of what she gave and the other side confirmed.

A settled line counts once: as a contribution to the commons, or towards a claim
that its chain owes. The amount is that of the line; nobody states it here.
"""

from __future__ import annotations

from typing import cast

from ..accumulators import CommittedLine, Contributed, Mark
from ..actions import ACTIONS
from ..charter import DAY_MS, Open
from ..envelope import Entry, Header, Term
from ..errors import Refused
from ..reciprocity import MOST, Settled
from .claims import claim as claim_of
from .credit import class_of, need_of
from .intents import action_of, has_tail
from .kind import Judged, Kind, is_natural, line_refs, nothing

GROUP = 5
MAX_SETTLED = 16
PAYS = frozenset({"transfer", "transferAllRights"})  # actions by which a claim is paid


def settled_lines(header: Header) -> list[Settled]:
    """Return what a settle states.

    Raises:
        Refused: rule `settle.terms`.
    """
    terms, count = header.terms, len(header.deps) // 32
    if len(terms) % GROUP or not 0 < len(terms) // GROUP <= MAX_SETTLED:
        raise Refused("settle.terms", f"the terms are 1 to {MAX_SETTLED} groups of {GROUP}")
    return [_group(header, terms[at : at + GROUP], count) for at in range(0, len(terms), GROUP)]


def _group(header: Header, group: list[Term], count: int) -> Settled:
    receive, commit, line, claim, number = group
    if not (_is_index(receive, count) and _is_index(commit, count) and is_natural(line)):
        raise Refused("settle.terms", "a group is receive, commit, line, claim and its number")
    named = header.dep(cast(int, receive)), (header.dep(cast(int, commit)), line)
    if claim is None and number is None:
        return Settled(*named)
    if not (_is_index(claim, count) and is_natural(number)):
        raise Refused("settle.terms", "a claim is an entry and a number, or both are null")
    return Settled(*named, (header.dep(cast(int, claim)), number))


def _is_index(term: Term, count: int) -> bool:
    return is_natural(term) and term < count


def _judge(judged: Judged) -> None:
    for settled in settled_lines(judged.header):
        given = judged.facts.committed(settled.line)
        if given is None or given.marks & Mark.INHERITED or not given.marks & Mark.DELIVERED:
            raise Refused("settle.line", "the line is not one that this chain committed to and delivered")
        if given.marks & Mark.SETTLED:
            raise Refused("settle.again", "the line was settled before")
        _check_receipt(judged, settled, given)
        judged.facts["committed", *settled.line] = given.marked(Mark.SETTLED)
        if settled.claim is None:
            _contribute(judged, given)
        else:
            _pay(judged, settled.claim, given)


def _check_receipt(judged: Judged, settled: Settled, given: CommittedLine) -> None:
    receive = judged.deps[settled.receive]
    if receive.header.kind != "receive" or not judged.facts.speaks_for(receive.chain, given.receiver):
        raise Refused("settle.receive", "the entry named is no receive by the receiver of the line")
    if settled.line not in line_refs(receive.header, 0, "settle.receive"):
        raise Refused("settle.receive", "the receive named is about other lines")
    other = judged.lineage.speaker(receive.chain)
    if judged.grant is None or other is None:
        if not isinstance(judged.charter.membership, Open):
            raise Refused("settle.other", "here an identity confirms, and one that is not one's own")
    elif other.identity == judged.grant.identity:
        raise Refused("settle.other", "the receiver is the same identity: nobody confirms her own work")


def is_gift(offer: Entry | None) -> bool:
    """Return whether lines of an own offer can be contributions: nothing is asked for in return, not custody alone."""
    if offer is None or not has_tail(offer.header):  # what goes below a checkpoint has none (chapter 19)
        return True
    return offer.header.terms[-1] is None and not ACTIONS[cast(str, action_of(offer.header))].is_custody


def _contribute(judged: Judged, given: CommittedLine) -> None:
    if not is_gift(judged.prefix.own(given.offer)):
        raise Refused("settle.gift", "the offer asked for a return, or was of custody alone: that is no contribution")
    name = class_of(judged, given.need)
    factor = judged.charter.contribution.get(cast(str, name))
    if factor is None:
        raise Refused("settle.class", f"{name!r} does not count as a contribution here")
    key = ("contribution", judged.prefix.chain, judged.header.time_ms // DAY_MS)
    before = judged.facts.get(key)
    so_far = before.amount if isinstance(before, Contributed) else 0
    judged.facts[key] = Contributed(min(so_far + factor.of(given.amount), MOST))


def _pay(judged: Judged, name: tuple[bytes, int], given: CommittedLine) -> None:
    claim = claim_of(judged, name)
    if claim is None:
        raise Refused("settle.claim", "there is no such claim against this chain")
    if not judged.facts.speaks_for(given.receiver, claim.creditor):
        raise Refused("settle.claim", "the line went to somebody else than the creditor")
    if class_of(judged, given.need) != claim.resource_class:
        raise Refused("settle.claim", f"the claim is of {claim.resource_class}")
    if action_of(need_of(judged, given.need).header) not in PAYS:
        raise Refused("settle.claim", f"a claim is paid by {' or '.join(sorted(PAYS))}, not by what goes home again")
    if claim.paid >= claim.amount:
        raise Refused("settle.claim", "the claim is paid")
    judged.facts["claim", *name] = claim._replace(paid=min(claim.paid + given.amount, claim.amount))


SETTLE = Kind(
    "settle",
    ("*receive", "*commit", "*line", "*claim", "*claim-number"),
    (
        "settle.terms",
        "settle.line",
        "settle.again",
        "settle.receive",
        "settle.other",
        "settle.gift",
        "settle.class",
        "settle.claim",
    ),
    _judge,
    nothing,
)
