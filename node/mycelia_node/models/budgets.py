"""Budgets: limits, allowances and quotients."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .message import Heard, Moment, Said, Text


class NewThreshold(Heard, frozen=True, kw_only=True):
    """A limit to issue, by the root keys of a magisterium."""

    impact: Text
    sense: Literal["ceiling", "floor"] = "ceiling"
    amount: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    begin: Moment | None = None
    until: Moment | None = None
    member: Text | None = None


class NewAllot(Heard, frozen=True, kw_only=True):
    """A part of an own ceiling, allowance, need or offer for another chain."""

    source: Text
    to: Text  # the chain, or an entry in it
    amount: str | int
    until: Moment | None = None  # as long as the source lasts, if not said
    member: Text | None = None
    dry_run: bool = False


class NewTake(Heard, frozen=True, kw_only=True):
    """What was allotted, to be taken; all that is there if nothing is named."""

    allots: Annotated[list[Text], Meta(max_length=16)] = []
    member: Text | None = None
    dry_run: bool = False


class ThresholdView(Said, frozen=True, kw_only=True):
    """A limit."""

    id: str
    sense: str
    amount: int
    begin_ms: int
    end_ms: int


class BudgetShare(Said, frozen=True, kw_only=True):
    """How one chain stands to a limit; what it passed on is not its own."""

    chain: str
    member: str | None
    allotted: int
    spent: int
    left: int
    untaken: int  # allotted, and can be taken now
    overdrawn: int
    quotient: str | None  # spent / allotted, in lowest terms


class QuotientRow(Said, frozen=True, kw_only=True):
    """What was used of an impact in the time of a limit, by how much of it was allowed."""

    impact: str
    unit: str
    sense: str
    begin_ms: int
    end_ms: int
    party: str | None  # None: the whole
    member: str | None
    allowed: int
    used: int
    quotient: str | None  # used / allowed, in lowest terms
    stands: str | None  # kept, exceeded, reached or missed; None of a party's part of a floor


class BudgetView(Said, frozen=True, kw_only=True):
    """An impact that is counted, its limits, and how everybody stands to them."""

    impact: str
    unit: str
    scope: Literal["hard", "soft"]
    source: str
    factors: dict[str, str]
    thresholds: list[ThresholdView]
    allotted: int
    spent: int
    shares: list[BudgetShare]
    quotients: list[QuotientRow]  # of what was done (chapter 25)
