"""Returns: what is counted of what was given, and mutual credit."""

from __future__ import annotations

from .entries import Published
from .licenses import ClaimView
from .message import Heard, Said, Text


class NewSettlement(Heard, frozen=True, kw_only=True):
    """Count what a member gave and others received, as a contribution or towards a claim."""

    claim: Text | None = None  # the entry that raised it, and `:number` if it is not 0
    member: Text | None = None
    dry_run: bool = False


class SettledView(Said, frozen=True, kw_only=True):
    """What was counted; without entries there was nothing to count."""

    entries: list[Published]
    lines: int
    unsettled: int  # received lines of the member that this did not count
    contributed: int
    dry_run: bool = False


class ContributionView(Said, frozen=True, kw_only=True):
    """What a member contributed on a day, counted by the charter's fractions."""

    member: str
    chain: str
    day_ms: int  # when the day began, UTC
    amount: int


class AccountView(Said, frozen=True, kw_only=True):
    """What a chain has of a class of mutual credit, in quanta and in words."""

    chain: str
    member: str | None
    identity: str | None
    is_closed: bool  # its identity has left: what is not 0 is carried by the others
    balance: int  # counted: each line for both sides or for neither
    balance_text: str
    own_balance: int  # by its own entries; more than the counted one if it received what nobody gave
    promised: int
    promised_text: str
    expected: int
    expected_text: str
    floor: int  # how far this chain may go by the rules; 0 for all but the first of an identity
    is_overdrawn: bool  # whether all chains of its identity together are below the charter's floor


class CreditClassView(Said, frozen=True, kw_only=True):
    """A class of mutual credit: all balances and what is in transit make 0."""

    resource_class: str
    unit: str
    floor: int
    floor_text: str
    ceiling: int
    ceiling_text: str
    transit: int
    transit_text: str
    accounts: list[AccountView]


class CreditView(Said, frozen=True, kw_only=True):
    """What members of the node contributed and owe, and everybody's mutual credit."""

    contributions: list[ContributionView]
    claims: list[ClaimView]
    classes: list[CreditClassView]
