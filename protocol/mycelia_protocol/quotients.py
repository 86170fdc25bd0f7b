"""Quotients: how what was done stands to the limits, for everybody and for the whole (context-based sustainability).

Read from the events of the books and from what was allotted: what was promised and not done is
in no quotient. A ceiling is kept at 1 or below, a floor reached at 1 or above.

    >>> Quotient("co2", "ceiling", 0, 1000, b"b", allowed=300, used=310).ratio
    Fraction(31, 30)
    >>> Quotient("co2", "ceiling", 0, 1000, b"a", allowed=100, used=90).is_sustainable
    True

Spec: 25-books, "Quotients".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from .accounts import Sheet
from .books import Books
from .budgets import Budget, is_sustainable, quotient
from .kinds.budgets import BUDGET


class Span(NamedTuple):
    """What thresholds limit, and when: those that agree in all of it are one."""

    impact: str
    sense: str
    begin_ms: int
    end_ms: int


class Quotient(NamedTuple):
    """What was used of an impact in a time, and how much of it was allowed."""

    impact: str
    sense: str
    begin_ms: int
    end_ms: int
    party: bytes | None  # None: the whole
    allowed: int  # to a party what it was allotted and did not pass on, to the whole the thresholds
    used: int

    @property
    def ratio(self) -> Fraction | None:
        """Used by allowed; None where nothing was allowed."""
        return quotient(self.used, self.allowed)

    @property
    def is_sustainable(self) -> bool | None:
        """Whether the ceiling is kept, or the floor reached; None of a party's part of a floor, which nobody allots."""
        if self.sense == "floor" and self.party is not None:
            return None
        return is_sustainable(self.used, self.allowed, sense=self.sense)


def quotients(
    books: Books,
    found: Sheet,
    budgets: Mapping[str, Budget],
    party: Callable[[bytes], bytes] = lambda chain: chain,
) -> list[Quotient]:
    """Return of each limit the quotient of the whole, and those of everybody who was allotted or used some of it."""
    wholes, parts = Counter[Span](), dict[Span, Counter[bytes]]()
    for limit in books.limits.values():
        is_late = books.standing.is_forked(limit.chain, limit.sequence)
        if limit.impact in budgets and not is_late and books.standing.is_backed(limit.id):
            wholes[Span(limit.impact, limit.sense, limit.begin_ms, limit.end_ms)] += limit.amount
    for name, chain, amount in _allotted(books):
        limit = books.limits[name]
        span = Span(limit.impact, limit.sense, limit.begin_ms, limit.end_ms)
        parts.setdefault(span, Counter())[party(chain)] += amount
    acts = list(_acts(books, found, party))
    told = list[Quotient]()
    for span in sorted(wholes):
        used, allowed = Counter[bytes](), parts.get(span, Counter[bytes]())
        for who, at_ms, action, resource_class, amount in acts:
            cost = budgets[span.impact].of(action, resource_class, amount)
            if cost and span.begin_ms <= at_ms < span.end_ms:
                used[who] += cost
        told.append(Quotient(*span, None, wholes[span], used.total()))
        told += [Quotient(*span, who, allowed[who], used[who]) for who in sorted(used.keys() | allowed.keys())]
    return told


def _allotted(books: Books) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the threshold that allots which count go back to, and what chains have more or less of it by each."""
    allots = books.standing.allots
    for allot in allots.values():
        if allot.of != BUDGET or not books.standing.is_allotted(allot.id):
            continue
        first = allot
        while first.source in allots:  # it counts, so this ends
            first = allots[first.source]
        if first.source in books.limits:
            yield first.source, allot.to, allot.amount
            if allot.source in allots:
                yield first.source, allot.chain, -allot.amount


def _acts(books: Books, found: Sheet, party: Callable[[bytes], bytes]) -> Iterator[tuple[bytes, int, str, str, int]]:
    """Yield the events of the books: whose, when, by which action, of which class, how much."""
    for event, resource_class in found.inventory.counted:
        yield party(event.chain), event.time >> 16, event.action, resource_class, event.amount
    receipts = books.receipts()
    for moved in books.moved():
        received = receipts.get(moved.line)
        if moved.is_done and received is not None:
            yield party(moved.provider), received[0].time >> 16, moved.action, moved.resource_class, moved.amount
