"""`warrant`: a chain points at two pasts of another one, and may from then on leave what rests on the second.

Whoever wants to leave publishes a warrant of its own: to rely on somebody else's would be to ask for its verdict.
"""

from __future__ import annotations

from ..accumulators import Warranted
from ..errors import Refused
from .kind import Judged, Kind, is_natural, nothing


def _judge(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 2 or not is_natural(terms[0]) or not is_natural(terms[1]) or terms[0] >= terms[1]:
        raise Refused("warrant.terms", "a warrant has two terms, indices of dependencies in rising order")
    one, other = (judged.dep(term, "warrant.terms") for term in terms)
    place, again = one.header, other.header
    if one.chain == judged.prefix.chain or one.chain != other.chain:
        raise Refused("warrant.fork", "the two entries are not of one other chain")
    if place.sequence != again.sequence or place.backlink != again.backlink:
        raise Refused("warrant.fork", "the two entries do not follow the same entry")
    before = judged.facts.warranted(one.chain)
    sequence = place.sequence if before is None else min(before, place.sequence)
    judged.facts["warrant", one.chain, -1] = Warranted(sequence)


WARRANT = Kind("warrant", ("one", "other"), ("warrant.terms", "warrant.fork"), _judge, nothing)
