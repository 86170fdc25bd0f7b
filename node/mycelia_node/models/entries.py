"""Entries: what was published, what it says, why it was judged so, and proofs about chains."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from .message import Heard, Named, Said, Text


class EntryView(Said, frozen=True, kw_only=True):
    """An entry, with its terms by name."""

    id: str
    arrival: int
    chain: str
    sequence: int
    backlink: str | None
    time_ms: int
    kind: str
    terms: dict[str, Named]
    deps: list[str]
    verdict: Literal["valid", "invalid"]
    rule: str | None
    message: str | None
    body: dict[str, Any] | None  # as its author wrote it, bytes in hex; of a private one, what was sealed
    is_private: bool = False
    closed_by: str | None = None  # the rule by which a private body could not be opened here
    amount_text: str | None = None  # of what states amounts: in their units, several with commas between


class LineView(Said, frozen=True, kw_only=True):
    """A line between a provider and a receiver, and where it stands."""

    commit: str
    number: int
    offer: str
    need: str
    amount: int
    amount_text: str
    status: str
    hold_ms: int
    until_ms: int


class WhyView(Said, frozen=True, kw_only=True):
    """Which rules an entry was judged by, and what came of it."""

    id: str
    verdict: Literal["valid", "invalid", "awaiting", "unknown"]
    is_effective: bool
    checked: list[str]
    rule: str | None
    message: str | None
    law: str | None
    remedy: str | None
    waits_for: list[str]
    lines: list[LineView]
    withdrawn: bool = False


class Published(Said, frozen=True, kw_only=True):
    """An entry that was published, or would be with `dry_run`; with a `statement` it is none before others sign."""

    id: str  # empty if there is a statement
    chain: str
    sequence: int
    kind: str
    dry_run: bool = False
    statement: str | None = None  # the text that other holders of root keys sign first
    not_begun: int = 0  # of a `take` that names nothing: how many allots it left out, for their ceiling has not begun


class NewWithdrawal(Heard, frozen=True, kw_only=True):
    """Withdraw an own need or offer."""

    id: Text
    dry_run: bool = False


class NewRetraction(Heard, frozen=True, kw_only=True):
    """Ask everybody to delete the bodies of own entries, all of one chain."""

    ids: Annotated[list[Text], Meta(min_length=1, max_length=32)]
    dry_run: bool = False


class ProofFile(Said, frozen=True, kw_only=True):
    """The proof that a chain has two pasts, for who holds neither."""

    network: str
    open: str  # the header of the chain's `open`, in hex
    warrant: str  # the document of chapter 15, in base64


class ProofView(Said, frozen=True, kw_only=True):
    """What such a proof shows: the key of a chain signed two entries for one place."""

    network: str
    chain: str
    key: str  # did:key
    sequence: int
    entries: list[str]


class NewWarrant(Heard, frozen=True, kw_only=True):
    """Publish what this node holds of a chain's two pasts, through a member."""

    chain: Text
    member: Text | None = None
    dry_run: bool = False


class NewCheckpoint(Heard, frozen=True, kw_only=True):
    """Sum up all that a member's chain said so far."""

    member: Text | None = None
    dry_run: bool = False


class LogQuery(Heard, frozen=True, kw_only=True):
    """Which entries are listed."""

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    kind: Text | None = None
    chain: Text | None = None


class ChainQuery(Heard, frozen=True, kw_only=True):
    """Whose it is; without a chain, what members of the node said."""

    chain: Text | None = None
