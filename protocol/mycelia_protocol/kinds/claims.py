"""Claims: what a chain owes, noted by the entry that raised it, and in a list of what it is owed for.

Spec: 21-license, "Accumulators"; 23-reciprocity, "What a cancel costs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..accumulators import Claim, Owing, ResourceId
from ..times import moment_text
from .kind import Judged

ClaimId = tuple[bytes, int]  # the entry that raised a claim, and a number


MAX_OPEN = 64  # unpaid claims in one list, which is read whole and written whole


def note(judged: Judged, raised: Mapping[ClaimId, Claim], listed: Iterable[ClaimId], owed_for: ResourceId) -> None:
    """Note claims, and which are listed now under what they are owed for."""
    for name, owed in raised.items():
        judged.facts["claim", *name] = owed
    judged.facts["owing", *owed_for] = Owing(tuple(sorted(listed)))


def unpaid(judged: Judged, owed_for: ResourceId) -> Iterator[tuple[ClaimId, Claim]]:
    """Yield the claims for something that are not paid, in the order of their names."""
    owing = judged.facts.get(("owing", *owed_for))
    for name in owing.claims if isinstance(owing, Owing) else ():
        known = claim(judged, name)
        if known is not None and known.paid < known.amount:
            yield name, known


def claim(judged: Judged, name: ClaimId) -> Claim | None:
    """Return a claim against this chain, None if there is none of that name."""
    fact = judged.facts.get(("claim", *name))
    return fact if isinstance(fact, Claim) else None


def left_text(judged: Judged, owed: Claim) -> str:
    """Return how much of a claim was due, and when, for who reads why something is refused."""
    left = judged.amount_text(owed.resource_class, owed.amount - owed.paid)
    return f"{left} of {owed.resource_class} were due at {moment_text(owed.due_ms)}"
