"""Deeds: what is done about lines."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .entries import Published
from .message import Heard, Said, Text


class NewDeed(Heard, frozen=True, kw_only=True):
    """Do something about lines: those that are named, or all about which it can be done."""

    kind: Literal["accept", "deliver", "receive", "release", "lapse", "cancel"]
    lines: Annotated[list[Text], Meta(max_length=256)] = []
    everything: bool = False
    member: Text | None = None
    dry_run: bool = False


class NewCommitment(Heard, frozen=True, kw_only=True):
    """Promise an amount of an own offer to a need; all that is left of both, if none is given."""

    offer: Text
    need: Text
    amount: int | Text | None = None
    hold: int | Text | None = None  # until when it can be accepted: a day, if it is not given
    until: int | Text | None = None  # until when it will be delivered: as long as need and offer last
    conditional: bool = False  # for agreements alone: nobody can accept the line by itself
    member: Text | None = None
    dry_run: bool = False


class DeedView(Said, frozen=True, kw_only=True):
    """What was said about which lines; without entries there was nothing to do."""

    entries: list[Published]
    lines: list[str]  # each as the id of its commit and `:number`
    dry_run: bool = False
