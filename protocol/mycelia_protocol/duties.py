"""Duties: what everybody still owes by licenses and for cancels, read from the accumulators of chains.

    >>> from mycelia_protocol.books import Books
    >>> from mycelia_protocol.standing import Standing
    >>> claims_due(Books(Standing(lambda _: None), lambda _: None), {})
    []

Spec: 25-books, "Claims due".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .accumulators import Claim, Fact, FactKey, ResourceId
from .books import Books


class Due(NamedTuple):
    """A claim that is not paid: the entry that raised it and its number, whose debt it is, and what is owed."""

    id: ResourceId
    chain: bytes
    claim: Claim

    @property
    def left(self) -> int:
        """What is not paid yet, in quanta."""
        return self.claim.amount - self.claim.paid

    def is_suspended(self, at_ms: int, longest_ms: int | None = None) -> bool:
        """Return whether it is late: the thing it is for is not used, or, after a cancel, nothing is accepted.

        `longest_ms` is for how long that is at most, as after a cancel (chapter 23).
        """
        late_ms = at_ms - self.claim.due_ms
        return late_ms > 0 and (longest_ms is None or late_ms <= longest_ms)


def claims_due(books: Books, claims: Mapping[bytes, Sequence[Mapping[FactKey, Fact]]]) -> list[Due]:
    """Return the unpaid claims, by the chain that owes; `claims` gives the record of each branch of a chain."""
    found: list[Due] = []
    for chain, branches in sorted(claims.items()):
        for key in sorted({key for branch in branches for key in branch}):
            said = [branch.get(key) for branch in branches]
            known = [one for one in said if isinstance(one, Claim)]
            if not known or not books.is_booked(chain, key[1]):
                continue
            paid = min(one.paid for one in known) if len(known) == len(said) else 0
            if paid < known[0].amount:
                found.append(Due((key[1], key[2]), chain, known[0]._replace(paid=paid)))
    return found
