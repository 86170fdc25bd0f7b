"""Agreements of several legs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .entries import Published
from .message import Heard, Said, Text


class NewAgreement(Heard, frozen=True, kw_only=True):
    """Propose that lines are clauses of one another; lines of own offers that are not there yet are promised."""

    legs: Annotated[list[Text], Meta(max_length=15)]  # each as offer:need:amount, or commit:number
    until: int | Text | None = None  # until when all must have signed: a day, if it is not given
    member: Text | None = None
    dry_run: bool = False


class NewAgree(Heard, frozen=True, kw_only=True):
    """Sign an agreement, for every member of the node that is a party or for one."""

    agreement: Text
    member: Text | None = None
    dry_run: bool = False


class AgreementQuery(Heard, frozen=True, kw_only=True):
    """Which agreements: those that members of the node are parties of, or all."""

    everything: bool = False


class LegView(Said, frozen=True, kw_only=True):
    """A line of an agreement: who gives what to whom, and where it stands."""

    line: str  # as the id of its commit and `:number`
    provider: str
    receiver: str
    offer: str | None  # None where the commit does not count
    need: str
    resource_class: str
    amount: int
    amount_text: str
    until_ms: int
    status: str | None


class PartyView(Said, frozen=True, kw_only=True):
    """Who gives or receives by an agreement, and whether that one signed."""

    chain: str
    member: str | None
    identity: str | None
    has_signed: bool
    gives: list[str]
    gets: list[str]


class AgreementView(Said, frozen=True, kw_only=True):
    """An agreement: its legs, its parties, and whether it binds."""

    id: str
    proposer: str
    end_ms: int
    state: Literal["complete", "expired", "waits"]
    waits_here: list[str]  # members of the node that are asked for their word
    legs: list[LegView]
    parties: list[PartyView]
    owed: list[str]  # legs that somebody left though it had received by the agreement


class ProposedView(Said, frozen=True, kw_only=True):
    """What was proposed, after the lines that were promised for it."""

    entries: list[Published]
    legs: list[str]  # each as the id of its commit and `:number`, or as it was named while it is not promised
    dry_run: bool = False
