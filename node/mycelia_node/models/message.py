"""What every message is, said or heard, and the types that many of them share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Place = str | int | tuple[float, float]
Moment = str | int
Named = int | str | bool | list[int | str | bool | None] | None  # a term, or the column of a repeated one


class Said(Struct, frozen=True, kw_only=True):
    """What the node says."""


class Heard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the node hears: unknown fields are errors, not silence."""


class Problem(Said, frozen=True, kw_only=True):
    """Why something was not done (RFC 9457), with the rule and what to try."""

    status: int
    code: str
    title: str  # what
    detail: str  # why
    remedy: str  # what to try
    rule: str | None = None
    type: str = "about:blank"
