"""Signals: needs and offers, and the field of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .message import Heard, Moment, Place, Said, Text


class SignalView(Said, frozen=True, kw_only=True):
    """A need or offer in the field."""

    id: str
    kind: Literal["need", "offer"]
    chain: str
    action: str  # what passes, by its ValueFlows name
    resource_class: str
    amount: int
    remaining: int
    pending: int
    firm: int
    done: int
    tentative: int
    amount_text: str
    remaining_text: str
    cell: str
    begin_ms: int
    end_ms: int
    urgency: int
    strength: int
    withdrawn: bool
    forked: bool


class FieldView(Said, frozen=True, kw_only=True):
    """The field at a moment; `last_event` continues it without a gap."""

    at_ms: int
    signals: list[SignalView]
    last_event: str | None


class NewOffer(Heard, frozen=True, kw_only=True):
    """An offer to publish."""

    resource_class: Text
    amount: str | int
    at: Place
    precise: bool = False  # a position is made coarse otherwise
    until: Moment | None = None
    begin: Moment | None = None
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    note_until: Moment | None = None  # then every holder drops the note
    to: Annotated[list[Text], Meta(max_length=31)] = []  # box keys: the note is for them, and for its author
    action: Text | None = None  # between two agents, by its ValueFlows name; `transfer` if none is named
    resource: Text | None = None  # of an offer: the own resource that it gives of
    reciprocal: Text | None = None  # of an offer: the own need for what is asked for in return
    allotment: Text | None = None  # the part of another chain's intent that this one was given
    dry_run: bool = False


class NewNeed(NewOffer, frozen=True, kw_only=True):
    """A need to publish."""

    urgency: int = 0
    stock: bool = False  # what is received makes a resource, line by line
    into: Text | None = None  # the own resource that it is added to instead
    process: Text | None = None  # the own process that it goes into


class NewSignal(NewNeed, frozen=True, kw_only=True):
    """A need or an offer to publish; the urgency of an offer is 0."""

    kind: Literal["need", "offer"]


class NewSignals(Heard, frozen=True, kw_only=True):
    """Several signals, published member by member; all of a member's or none."""

    signals: Annotated[list[NewSignal], Meta(min_length=1, max_length=1000)]


class FieldQuery(Heard, frozen=True, kw_only=True):
    """What of the field is shown."""

    kind: Literal["need", "offer"] | None = None
    resource_class: Text | None = None
    everything: bool = False
