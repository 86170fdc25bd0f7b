"""Equations: how an income is shared, and who got what."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from .message import Heard, Said, Text


class NewEquation(Heard, frozen=True, kw_only=True):
    """Say how a member shares what it asks for from now on, in TOML."""

    text: Annotated[str, Meta(max_length=20_000)]
    member: Text | None = None
    dry_run: bool = False


class NewDistribution(Heard, frozen=True, kw_only=True):
    """Distribute an income: a received line, as its commit and `:number`, or a need or commit with but one."""

    line: Text
    member: Text | None = None
    dry_run: bool = False


class RuleView(Said, frozen=True, kw_only=True):
    """Which contributions a rule selects, and what each claims."""

    name: str
    kind: str
    claim: str
    action: str | None
    resource_class: str | None
    process: str | None
    begin_ms: int
    end_ms: int


class BucketView(Said, frozen=True, kw_only=True):
    """A part of an income, in thousandths."""

    share: int
    to: str | None
    division: str
    rules: list[RuleView]


class EquationView(Said, frozen=True, kw_only=True):
    """How a chain shares what it asks for."""

    id: str
    chain: str
    sequence: int
    is_latest: bool
    rest: str
    values: dict[str, list[str]]
    buckets: list[BucketView]


class PortionView(Said, frozen=True, kw_only=True):
    """What one beneficiary gets, and for what."""

    to: str
    amount: int
    amount_text: str
    bucket: int
    rule: str | None
    kind: str | None
    line: str | None
    claim_text: str
    remaining: int
    remaining_text: str


class DistributionView(Said, frozen=True, kw_only=True):
    """Who gets what of an income; the shares and the rest are all of it."""

    id: str
    chain: str
    equation: str
    line: str
    income: int
    income_text: str
    resource_class: str
    shares: list[PortionView]
    rest: int
    rest_text: str
    rest_to: str
    dry_run: bool = False
