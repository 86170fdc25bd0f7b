"""Builders of observations: each call says only what matters to its test."""

from __future__ import annotations

from hashlib import sha256

from mycelia_agents.agent import (
    Claim,
    GivenLine,
    LostLine,
    Observation,
    OwnNeed,
    OwnOffer,
    PendingLine,
    Signal,
    Silence,
)

HERE = 0x88446CA8A3FFFFF  # two cells of Houston, some ten apart
THERE = 0x88446CA8E7FFFFF
NOW_MS = 1_750_000_000_000
END_MS = NOW_MS + 86_400_000


def name(text: str) -> bytes:
    """Return an id that stands for something."""
    return sha256(text.encode()).digest()


def signal(
    need: str, amount: int = 100, *, urgency: int = 600, used: int = 0, cell: int = HERE, claims: tuple[Claim, ...] = ()
) -> Signal:
    """Return a need of food as the field shows it."""
    return Signal(name(need), name(f"chain of {need}"), "food", amount, cell, urgency, END_MS, used, claims)


def claim(row: str, amount: int, *, cell: int = HERE) -> Claim:
    """Return what another offer's row holds for a need."""
    return Claim(name(row), name(f"offer of {row}"), cell, amount)


def given_line(
    commit: str,
    amount: int = 10,
    *,
    hold_ms: int = NOW_MS + 5_000,
    is_firm: bool = False,
    is_delivered: bool = False,
    cites: tuple[bytes, ...] = (),
) -> GivenLine:
    """Return a line that the own chain committed to."""
    return GivenLine((name(commit), 0), name("need"), amount, hold_ms, is_firm, bool(cites), is_delivered, cites)


def offer(
    capacity: int = 100,
    *,
    cell: int = HERE,
    row: str | None = None,
    row_age_ms: int = 0,
    tentative: dict[str, int] | None = None,
    lines: tuple[GivenLine, ...] = (),
    silences: tuple[Silence, ...] = (),
) -> OwnOffer:
    """Return an own offer of food."""
    return OwnOffer(
        name("offer"),
        "food",
        capacity,
        cell,
        END_MS,
        None if row is None else name(row),
        NOW_MS - row_age_ms,
        tuple((name(need), amount) for need, amount in (tentative or {}).items()),
        lines,
        silences,
    )


def provider_sees(
    own: OwnOffer, *signals: Signal, costs: dict[int, int] | None = None, place: int = 1, now_ms: int = NOW_MS
) -> Observation:
    """Return what a provider observes; roads cost nothing unless said."""
    known = {HERE: 0, THERE: 0} if costs is None else costs
    return Observation(now_ms, place, (own,), (), signals, known)


def pending(
    commit: str, amount: int, *, number: int = 0, cell: int = HERE, age_ms: int = 5_000, hold_in_ms: int = 5_000
) -> PendingLine:
    """Return a line that waits for the own need's answer."""
    row = name(f"row of {commit}")
    return PendingLine((name(commit), number), row, cell, amount, NOW_MS + hold_in_ms, NOW_MS - age_ms)


def need(amount: int, *lines: PendingLine, accepted: int = 0, lost: tuple[LostLine, ...] = ()) -> OwnNeed:
    """Return an own need."""
    return OwnNeed(name("need"), amount, HERE, 600, accepted, lines, lost)


def lost_line(commit: str, exit_: str) -> LostLine:
    """Return an accepted line that its provider left by an exit."""
    return LostLine((name(commit), 0), (name(exit_),))


def receiver_sees(own: OwnNeed) -> Observation:
    """Return what a receiver observes."""
    return Observation(NOW_MS, 1, (), (own,))
