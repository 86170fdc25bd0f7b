"""Licenses: what they say, who attests and permits what, and what is owed."""

from __future__ import annotations

from typing import Literal

from .message import Heard, Moment, Said, Text


class NewAttestation(Heard, frozen=True, kw_only=True):
    """What a member says of somebody."""

    subject: Text  # an identity, its beginning, or a member of this node
    predicate: Text
    denies: bool = False  # that it is not so
    until: Moment | None = None
    evidence: Text | None = None  # the content id of a document, or an entry or its beginning
    member: Text | None = None
    dry_run: bool = False


class NewPermit(Heard, frozen=True, kw_only=True):
    """A permission to use an own licensed thing, whatever its license says."""

    resource: Text
    licensee: Text
    use: Literal["adapt", "commercial", "noncommercial", "share"]
    until: Moment | None = None
    member: Text | None = None
    dry_run: bool = False


class RowView(Said, frozen=True, kw_only=True):
    """A row of a license: if all of this holds, this is the verdict."""

    name: str
    is_allowed: bool
    why: str
    uses: list[str]
    all: list[str]
    any: list[str]
    none: list[str]
    contribution: list[int] | None  # at least so much, within so many days
    duties: dict[str, int]


class ProfileView(Said, frozen=True, kw_only=True):
    """A license as a table."""

    name: str
    title: str
    source: str
    is_own: bool  # written by this commons
    is_allowed: bool
    rows: list[RowView]


class ClaimView(Said, frozen=True, kw_only=True):
    """What a member owes for what came in return (Claim)."""

    id: str  # of the entry that raised it, and `:number` if it is not 0
    member: str | None  # who owes, if it is one of this node
    creditor: str  # a chain
    resource_class: str
    amount: int
    amount_text: str
    paid: int
    paid_text: str
    due_ms: int
    ground: str | None  # what it is owed for


class AttestationView(Said, frozen=True, kw_only=True):
    """What somebody said of who uses a thing, and what that rests on."""

    id: str
    issuer: str  # an identity, or a chain that speaks for none
    predicate: str
    is_true: bool
    expires_ms: int
    evidence: str | None  # the content id of a document or an entry
    counts: bool  # the charter names the issuer for this


class LicenseView(Said, frozen=True, kw_only=True):
    """Why an event may use a licensed thing, or may not."""

    entry: str
    design: str
    license: str
    use: str
    is_allowed: bool
    row: str | None
    why: str
    rule: str | None
    duties: dict[str, int]
    attestations: list[AttestationView]
    claims: list[ClaimView]
