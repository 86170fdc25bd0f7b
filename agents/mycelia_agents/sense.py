"""Sensing: from a ledger's standing to what one member's agent observes.

The signals are the same for all members of a node and are made once for each change
of the ledger; what a member owns is added to them. Only valid entries are counted:
standing holds no others, and invalid exits are never cited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mycelia_node.ledger import Ledger
from mycelia_protocol.accumulators import LineId
from mycelia_protocol.balances import left
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.kind import lines_about
from mycelia_protocol.standing import Intent, Line, Standing, Status

from .agent import Claim, GivenLine, LostLine, Observation, OwnNeed, OwnOffer, PendingLine, Signal, Silence

EXITS = ("release", "lapse", "cancel")
BATCH = 5_000


@dataclass(slots=True)
class _Chain:
    """What one chain has published, so far as its agent asks."""

    place: int = 0
    offers: list[bytes] = field(default_factory=list)
    needs: list[bytes] = field(default_factory=list)


class Sense:
    """The view of one ledger that agents share; `refresh` brings it up to date."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._arrival = 0
        self._chains: dict[bytes, _Chain] = {}
        self._exits: dict[LineId, list[Entry]] = {}
        self._withdraws: dict[bytes, bytes] = {}  # by intent: the entry that withdrew it
        self._signals: tuple[Signal, ...] = ()

    def refresh(self) -> bool:
        """Take in what the ledger has accepted since the last call; return whether that was anything."""
        before = self._arrival
        while news := self._ledger.stored(after=self._arrival, limit=BATCH):
            for stored in news:
                self._arrival = stored.arrival
                chain = self._chains.setdefault(stored.entry.chain, _Chain())
                chain.place = max(chain.place, stored.entry.header.sequence)
                if stored.refused is None:
                    self._note(stored.entry, chain)
        if self._arrival != before:
            self._signals = self._make_signals(self._ledger.standing)
        return self._arrival != before

    def observe(self, chain: bytes, costs: Mapping[int, int], now_ms: int) -> Observation:
        """Return what the agent of `chain` observes, with the costs that it alone knows."""
        standing, own = self._ledger.standing, self._chains.get(chain, _Chain())
        signals = tuple(signal for signal in self._signals if signal.end_ms > now_ms) if own.offers else ()
        return Observation(
            now_ms,
            own.place,
            tuple(self._own_offer(standing, standing.offers[one]) for one in own.offers),
            tuple(self._own_need(standing, standing.needs[one]) for one in own.needs),
            signals,
            costs,
        )

    def _note(self, entry: Entry, chain: _Chain) -> None:
        header = entry.header
        if header.kind == "offer":
            chain.offers.append(entry.id)
        elif header.kind == "need":
            chain.needs.append(entry.id)
        elif header.kind in EXITS:
            for line in lines_about(entry):
                self._exits.setdefault(line, []).append(entry)
        elif header.kind == "withdraw":
            self._withdraws[header.links[0]] = entry.id

    def _make_signals(self, standing: Standing) -> tuple[Signal, ...]:
        claims: dict[bytes, list[Claim]] = {}
        for offer, row in standing.rows.items():
            intent = standing.offers.get(offer)
            if intent is not None and not intent.withdrawn:
                for need, amount in standing.tentative(offer):
                    claims.setdefault(need, []).append(Claim(row.id, offer, intent.cell, amount))
        return tuple(
            Signal(
                need.id,
                need.chain,
                need.resource_class,
                need.amount,
                need.cell,
                need.urgency,
                need.end_ms,
                _used(standing, need.id),
                tuple(claims.get(need.id, ())),
            )
            for need in sorted(standing.needs.values(), key=lambda need: need.id)
            if not need.withdrawn
        )

    def _own_offer(self, standing: Standing, offer: Intent) -> OwnOffer:
        row = standing.rows.get(offer.id)
        header = None if row is None else self._ledger.entry_of(row.id)
        freed = {("release", offer.chain), ("cancel", offer.chain)}
        lines = list(standing.lines_by(offer.id))
        return OwnOffer(
            offer.id,
            offer.resource_class,
            0 if offer.withdrawn else offer.amount,
            offer.cell,
            offer.end_ms,
            None if row is None else row.id,
            0 if header is None else header.header.time_ms,
            tuple(standing.tentative(offer.id)),
            tuple(self._given(standing, line) for line in lines if not line.marks.keys() & freed),
            _silences(lines),
        )

    def _given(self, standing: Standing, line: Line) -> GivenLine:
        cites = [exit_.id for exit_ in self._exits.get(line.id, ()) if exit_.chain == line.receiver]
        is_accepted = ("accept", line.receiver) in line.marks
        if line.need in self._withdraws and not is_accepted:
            cites.append(self._withdraws[line.need])
        return GivenLine(
            line.id,
            line.need,
            line.amount,
            line.hold,
            standing.status(line) in (Status.FIRM, Status.DONE),
            bool(cites),
            ("deliver", line.provider) in line.marks,
            tuple(cites),
        )

    def _own_need(self, standing: Standing, need: Intent) -> OwnNeed:
        pending, lost, accepted = list[PendingLine](), list[LostLine](), 0
        for line in standing.lines_by(need.id):
            status = standing.status(line)
            if status in (Status.FIRM, Status.DONE):
                accepted += line.amount
            elif status is Status.PENDING and not self._is_overdrawn(standing, line, need.resource_class):
                pending.append(self._pending(standing, line))
            elif _is_unfreed(line):
                exits = [exit_.id for exit_ in self._exits.get(line.id, ()) if exit_.chain == line.provider]
                lost.append(LostLine(line.id, tuple(exits)))
        amount = 0 if need.withdrawn else need.amount
        return OwnNeed(need.id, amount, need.cell, need.urgency, accepted, tuple(pending), tuple(lost))

    def _is_overdrawn(self, standing: Standing, line: Line, resource_class: str) -> bool:
        """Return whether a line of mutual credit promises what nobody gave its provider (chapter 23)."""
        limits, members = self._ledger.charter.credit.get(resource_class), self._ledger.members
        if limits is None:
            return False
        identity = members.identity_of(line.provider)
        person = None if identity is None else members.person(identity)
        chains, floor = ((line.provider,), 0) if person is None else (person.chains, limits.floor)
        return left(standing, chains, resource_class) < floor

    def _pending(self, standing: Standing, line: Line) -> PendingLine:
        commit = self._ledger.entry_of(line.commit)
        committed_ms = 0 if commit is None else commit.header.time_ms
        cell = standing.offers[line.offer].cell if line.offer in standing.offers else 0
        return PendingLine(line.id, line.row, cell, line.amount, line.hold, committed_ms)


def _silences(lines: Iterable[Line]) -> tuple[Silence, ...]:
    """Return which needs let released lines run out, how many, and until when the last was held."""
    held: dict[bytes, list[int]] = {}
    for line in lines:
        answers = {("accept", line.receiver), ("cancel", line.receiver)}
        if ("release", line.provider) in line.marks and not line.marks.keys() & answers:
            held.setdefault(line.need, []).append(line.hold)
    return tuple(Silence(need, len(holds), max(holds)) for need, holds in held.items())


def _used(standing: Standing, need: bytes) -> int:
    """Return what is gone of a need: what its chain counts as accepted, and what waits for its answer."""
    pending = (line.amount for line in standing.lines_by(need) if standing.status(line) is Status.PENDING)
    return standing.accepted(need) + sum(pending)


def _is_unfreed(line: Line) -> bool:
    """Return whether the need's chain accepted the line and has not freed it, nor cited the provider's exit."""
    freed = {("lapse", line.receiver), ("cancel", line.receiver)}
    if ("accept", line.receiver) not in line.marks or line.marks.keys() & freed:
        return False
    return (line.provider, line.receiver) not in line.gave_up
