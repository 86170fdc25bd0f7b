"""The states of the search: what rules can read of a small commons, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from mycelia_protocol.accumulators import Mark
from mycelia_protocol.envelope import Entry, Header, Term
from tests.builders import NOW_MS, charter

LAW = charter()
SAID_MS = NOW_MS + 1  # everything that was said before
EARLY_MS = NOW_MS + 10
HOLD_MS = NOW_MS + 1000
LATE_MS = HOLD_MS + LAW.grace_ms + 1
END_MS = NOW_MS + 10_000_000

PROVIDERS = ("release", "cancel by provider", "deliver")
RECEIVERS = ("accept", "lapse", "cancel", "receive")
SAYINGS = (*RECEIVERS, *PROVIDERS)
MISSTEP = len(SAYINGS)  # bit n + MISSTEP: said n, but against a rule
CLOSED = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED
REMEMBERED = ("release", "cancel", "deliver")
NOTE = "x.org.example.note"
GIVEN_UP = Mark.CITES_RELEASE | Mark.CITES_CANCEL


class LineState(NamedTuple):
    """A line: what both chains' accumulators hold of it, and which entries about it exist."""

    offer: int
    need: int
    amount: int
    is_valid: bool  # whether its commit is
    given: int = 0  # marks of the provider's accumulator
    taken: int = -1  # marks of the receiver's, -1 while she has none
    cited: int = 0  # what she cited before, a bit for each of REMEMBERED
    said: int = 0  # what was said about it, a bit for each of SAYINGS

    def has(self, saying: str) -> bool:
        """Whether a valid entry said this."""
        return bool(self.said >> SAYINGS.index(saying) & 1)

    def exists(self, saying: str) -> bool:
        """Whether an entry said this, valid or not."""
        return self.has(saying) or bool(self.said >> (SAYINGS.index(saying) + MISSTEP) & 1)


class OfferState(NamedTuple):
    """An offer: its accumulator, and which needs' withdrawals its chain has cited about it."""

    withdrawn: bool = False
    committed: int = 0
    has_row: bool = False
    tentative: tuple[tuple[int, int], ...] = ()


class State(NamedTuple):
    """Everything that a rule can read, anywhere."""

    lines: tuple[LineState, ...]
    needs: tuple[tuple[bool, int], ...]  # withdrawn, accepted
    offers: tuple[OfferState, ...]
    cited: tuple[tuple[int, int], ...] = ()  # (provider, need) whose withdrawal it cited


@dataclass(frozen=True)
class Case:
    """A small world: who asks for how much, who offers how much, and what may go wrong."""

    needs: tuple[tuple[int, int], ...]  # (receiver's chain, quantity)
    offers: tuple[tuple[int, int], ...]  # (provider's chain, capacity)
    commits: int  # of an offer
    rows: bool = False  # rows are steps of their own, not only the step before a commit
    withdrawals: bool = False
    missteps: frozenset[str] = frozenset()  # sayings, and "commit", that may also be said against a rule
    amounts: tuple[int, ...] = (1,)


@cache
def name(text: str) -> bytes:
    """Return a readable id of 32 bytes."""
    return text.encode().ljust(32, b".")


@cache
def chain(role: str, number: int) -> bytes:
    """Return the id of a provider's or a receiver's chain."""
    return name(f"{role} {number}")


@cache
def said(author: bytes, content_kind: str, terms: tuple[Term, ...], deps: bytes, at: str, ms: int) -> Entry:
    """Return an entry as a rule sees it: nobody looks at its bytes here."""
    header = Header(author, 1, author, (ms << 16) + 1, content_kind, 0, bytes(8), deps, None, None, 0, list(terms))
    return Entry(name(at), author, header, b"", None, None)
