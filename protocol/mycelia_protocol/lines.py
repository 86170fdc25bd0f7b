"""Intents, lines and rows: what a standing is made of.

They say what was signed; where a line stands is for the fold to say.

Spec: 09-standing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from .accumulators import LineId
from .actions import PLAIN

Mark = tuple[str, bytes]  # what was signed about a line, and the chain that signed it
NEVER = 2**63  # beyond every sequence: where a chain forked that did not


class Status(StrEnum):
    """Where a line stands."""

    PENDING = "pending"
    FIRM = "firm"
    DONE = "done"
    VOID = "void"
    DISPUTED = "disputed"  # void, though delivered
    DISPLACED = "displaced"  # signed after a fork, and not within what is left


class Intent(NamedTuple):
    """A valid need or offer (ValueFlows Intent)."""

    id: bytes
    chain: bytes
    sequence: int
    kind: str
    resource_class: str
    amount: int
    cell: int
    begin_ms: int
    end_ms: int
    urgency: int  # 0 in an offer
    published_ms: int
    withdrawn: bool = False
    forked: bool = False  # published where its chain had forked, or after
    allotment: bytes | None = None  # the allot that it is a part of
    action: str = PLAIN


@dataclass(slots=True)
class Signed:
    """What was signed about a line: each mark with the lowest sequence that it stands at, and the first accept."""

    marks: dict[Mark, int] = field(default_factory=dict)
    accept: tuple[int, bytes] = (NEVER, b"")  # time and id
    exits: set[tuple[bytes, bytes, int]] | None = None  # whose exit was cited, by whom, and where; few lines have one


@dataclass(slots=True)
class Line:
    """A line of a valid commit, with everything that was signed about it."""

    commit: bytes
    number: int
    sequence: int  # of the commit
    provider: bytes
    receiver: bytes
    row: bytes
    offer: bytes
    need: bytes
    amount: int
    hold: int
    until: int
    signed: Signed = field(default_factory=Signed)

    @property
    def marks(self) -> dict[Mark, int]:
        """What was signed about the line by whom, and the lowest sequence of that."""
        return self.signed.marks

    @property
    def gave_up(self) -> dict[tuple[bytes, bytes], int]:
        """Who cited whose exit, as (author of the exit, who cited it), and the lowest sequence of that."""
        found: dict[tuple[bytes, bytes], int] = {}
        for by, author, at in self.signed.exits or ():
            found[by, author] = min(at, found.get((by, author), NEVER))
        return found

    @property
    def id(self) -> LineId:
        """The commit's id and the line's number in it."""
        return (self.commit, self.number)


class Allot(NamedTuple):
    """What another chain was given: of a threshold, of an allowance, or of a need or an offer."""

    id: bytes
    chain: bytes
    sequence: int
    source: bytes
    to: bytes
    of: str
    name: str
    amount: int
    expires_ms: int


@dataclass(slots=True)
class Row:
    """The latest valid row of an offer: what it means to give to whom."""

    id: bytes
    offer: bytes
    chain: bytes
    sequence: int
    lines: tuple[tuple[bytes, int], ...]
