"""A town: the Houston instance as members with agents, and what their ledger adds up to.

Shared by the demo and the simulated scenarios: who lives on which peer, what each
publishes, and the figures that are compared with the optimum. A peer's ledger is
scored from its standing alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.charter import DAY_MS, Charter, ResourceClass, Tree, found
from mycelia_protocol.compose import Content
from mycelia_protocol.standing import Standing, Status

from .agent import Agent
from .houston import Instance
from .policies import Receiver, SoftmaxProvider

FOOD = "food"
COORDINATION = ("row", "commit", "accept", "release", "lapse", "cancel")


@dataclass(frozen=True, slots=True)
class Resident:
    """A member of the town: one offer or one need, and what its agent alone knows."""

    name: str
    intent: Content
    note: str
    agent: Agent
    costs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Score:
    """What one ledger adds up to; welfare in tenths of a point."""

    entries: int
    needs: int
    offers: int
    lines: int
    pending: int
    committed: int
    welfare: int
    overcommitted: int  # offers whose live lines exceed capacity, and needs whose firm lines exceed the amount
    rejected: int
    kinds: Mapping[str, int]

    @property
    def coordination_per_commitment(self) -> float:
        """Rows for each firm line."""
        return self.kinds.get("row", 0) / self.lines if self.lines else 0.0

    @property
    def entries_per_commitment(self) -> float:
        """Rows, commits, accepts and exits for each firm line."""
        return sum(self.kinds.get(kind, 0) for kind in COORDINATION) / self.lines if self.lines else 0.0


def charter_of(seed: bytes, founders: Sequence[bytes] = (), slots: int = 1) -> Charter:
    """Return the founding charter of the town: food, by the pound; with founders, who let everybody else in."""
    membership = Tree(slots, 1, is_liable=True) if founders else None
    return found("Houston", seed=seed, classes={FOOD: ResourceClass("lb")}, membership=membership, founders=founders)


def residents(instance: Instance, *, seed: int, now_ms: int) -> list[Resident]:
    """Return every member, points first; the same seed gives their agents the same draws."""
    window: dict[str, Any] = {"begin_ms": now_ms, "end_ms": now_ms + DAY_MS}
    points = [
        Resident(
            f"point-{at + 1}",
            compose.offer(FOOD, point.capacity, point.cell, **window),
            point.name,
            SoftmaxProvider(sha256(f"{seed}/point-{at + 1}".encode()).digest()),
            instance.roads(at),
        )
        for at, point in enumerate(instance.points)
    ]
    areas = [
        Resident(
            f"zip-{area.name}",
            compose.need(FOOD, area.amount, area.cell, urgency=area.urgency, **window),
            f"ZIP {area.name}",
            Receiver(),
            {},
        )
        for area in instance.areas
    ]
    return points + areas


def score(ledger: Ledger, instance: Instance, points: Mapping[bytes, int]) -> Score:
    """Return what a ledger adds up to; `points` tells which point published an offer."""
    standing = ledger.standing
    areas = {area.cell: at for at, area in enumerate(instance.areas)}
    firm = [line for line in standing.lines.values() if standing.status(line) in (Status.FIRM, Status.DONE)]
    pending = sum(standing.status(line) is Status.PENDING for line in standing.lines.values())
    kinds: Counter[str] = Counter()
    rejected = 0
    for stored in ledger.stored(limit=ledger.count()):
        kinds[stored.entry.header.kind] += 1
        rejected += stored.refused is not None
    return Score(
        entries=ledger.count(),
        needs=len(standing.needs),
        offers=len(standing.offers),
        lines=len(firm),
        pending=pending,
        committed=sum(line.amount for line in firm),
        welfare=instance.welfare(
            (points[line.offer], areas[standing.needs[line.need].cell], line.amount) for line in firm
        ),
        overcommitted=_overcommitted(standing),
        rejected=rejected,
        kinds=dict(kinds),
    )


def _overcommitted(standing: Standing) -> int:
    live: Counter[bytes] = Counter()
    firm: Counter[bytes] = Counter()
    for line in standing.lines.values():
        if standing.is_live(line):
            live[line.offer] += line.amount
        if standing.status(line) in (Status.FIRM, Status.DONE):
            firm[line.need] += line.amount
    over_offers = sum(live[offer.id] > offer.amount for offer in standing.offers.values())
    return over_offers + sum(firm[need.id] > need.amount for need in standing.needs.values())
