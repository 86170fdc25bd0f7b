"""Projections: what the ledger's entries look like to somebody who wants to act.

Pure over their arguments and rebuildable at any moment; nothing here is law.
"""

from __future__ import annotations

from dataclasses import dataclass

from mycelia_protocol.field import free, is_open, remaining, strength
from mycelia_protocol.standing import Intent, Standing, Status

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Signal:
    """A need or offer in the field: what is left of it, and how strong it still is."""

    intent: Intent
    remaining: int  # quanta that nobody has taken on, or that are not committed
    pending: int  # in lines that are committed and not yet accepted
    firm: int
    done: int
    tentative: int  # in rows: meant, not promised
    strength: int  # millionths


def field(
    standing: Standing,
    now_ms: int,
    *,
    kind: str | None = None,
    resource_class: str | None = None,
    half_life_ms: int = DAY_MS,
    everything: bool = False,
) -> list[Signal]:
    """Return the open signals, strongest first; `everything` adds those that are over or used up."""
    claims = _claims(standing)
    intents = [*standing.needs.values(), *standing.offers.values()]
    signals = [
        _signal(standing, intent, now_ms, half_life_ms, claims.get(intent.id, 0))
        for intent in intents
        if kind in (None, intent.kind)
        and resource_class in (None, intent.resource_class)
        and (everything or is_open(intent, now_ms))
    ]
    kept = [signal for signal in signals if everything or signal.remaining]
    return sorted(kept, key=lambda signal: (-signal.strength, -signal.intent.urgency, signal.intent.id))


def _signal(standing: Standing, intent: Intent, now_ms: int, half_life_ms: int, tentative: int) -> Signal:
    by_status = dict.fromkeys(Status, 0)
    for line in standing.lines_by(intent.id):
        by_status[standing.status(line)] += line.amount
    left = remaining(standing, intent.id) if intent.kind == "need" else free(standing, intent.id)
    return Signal(
        intent,
        left,
        by_status[Status.PENDING],
        by_status[Status.FIRM],
        by_status[Status.DONE],
        tentative,
        strength(now_ms - intent.published_ms, half_life_ms),
    )


def _claims(standing: Standing) -> dict[bytes, int]:
    """Return what rows mean to give and have not committed, by need and by offer."""
    claims: dict[bytes, int] = {}
    for offer in standing.rows:
        for need, amount in standing.tentative(offer):
            for intent in (need, offer):
                claims[intent] = claims.get(intent, 0) + amount
    return claims
