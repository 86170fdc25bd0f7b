"""`retract`: a chain asks everybody to delete bodies of its entries. The entries themselves stay, and count."""

from __future__ import annotations

from itertools import pairwise

from ..errors import Refused
from .kind import Judged, Kind, is_natural, nothing


def _judge(judged: Judged) -> None:
    terms = [term for term in judged.header.terms if is_natural(term)]
    if not terms or len(terms) != len(judged.header.terms) or any(one >= other for one, other in pairwise(terms)):
        raise Refused("retract.terms", "a retract has 1 to 32 terms, indices of dependencies in rising order")
    named = [judged.dep(term, "retract.terms") for term in terms]
    if any(entry.chain != judged.prefix.chain for entry in named):
        raise Refused("retract.own", "an entry named is of another chain")


RETRACT = Kind("retract", ("*entry",), ("retract.terms", "retract.own"), _judge, nothing)
