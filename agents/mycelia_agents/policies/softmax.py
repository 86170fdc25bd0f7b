"""The provider of a first network: draw needs by their net value, claim, wait, trim, commit.

One need is drawn with probability in proportion to exp(net value / temperature) over what is
unclaimed, and filled; then the next, until the capacity or the valuable needs are exhausted.
Drawing instead of taking the best keeps many agents who read one stale field from all running
to one need. The row is published and left standing for longer than signals usually take; then
every owner trims over-claimed needs by one public order, and what survives is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import exp
from random import Random

from mycelia_protocol.accumulators import LineId
from mycelia_protocol.envelope import MAX_DEPS

from ..agent import Action, Commit, GivenLine, Observation, OwnOffer, PublishRow, Release, Signal, Silence, Wait
from ..trimming import COST_PER_CELL, Rank, distance, granted, rank

Lines = tuple[tuple[bytes, int], ...]

MAX_LINES = MAX_DEPS - 2  # a row names its offer and the row before, too
MAX_DOUBLINGS = 12
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SoftmaxProvider:
    """Serves needs from its offers.

    `seed` makes its draws its own. `temperature` is in the unit of urgency and cost.
    `patience_ms`: how long a row stands before it is committed, more than twice the usual delay.
    `hold_ms`: how long a receiver has to accept; `late_ms` more and the line is released.
    `least_share`: capacity below one part in so many is not worth an entry.
    """

    seed: bytes
    temperature: int = 10
    patience_ms: int = 3_000
    hold_ms: int = 8_000
    late_ms: int = 2_000
    least_share: int = 50

    def decide(self, observation: Observation) -> list[Action]:
        """Return the next step of each own offer: release, row, commit or wait."""
        needs = {signal.need: signal for signal in observation.signals}
        return [action for offer in observation.offers for action in self._serve(offer, needs, observation)]

    def _serve(self, offer: OwnOffer, needs: Mapping[bytes, Signal], seen: Observation) -> list[Action]:
        now_ms = seen.now_ms
        over = [line for line in offer.lines if self._is_over(line, now_ms)]
        if over:
            return [_release(over)]
        waits: list[Action] = [
            Wait(line.hold_ms + self.late_ms + 1) for line in offer.lines if not (line.is_firm or line.is_delivered)
        ]
        if now_ms >= offer.end_ms or offer.capacity == 0:
            return waits
        due_ms = offer.row_at_ms + self.patience_ms
        if offer.tentative and now_ms < due_ms:
            return [*waits, Wait(due_ms)]
        kept = _trim(offer, needs)
        drawn = self._draw(offer, kept, needs, seen)
        if drawn:
            return [*waits, PublishRow(offer.offer, offer.row, _merge(kept, drawn))]
        if kept and offer.row is not None:
            return [*waits, Commit(offer.row, now_ms + self.hold_ms, now_ms + DAY_MS, kept)]
        return waits

    def _is_over(self, line: GivenLine, now_ms: int) -> bool:
        if line.is_delivered:
            return False
        return line.is_given_up or (not line.is_firm and now_ms > line.hold_ms + self.late_ms)

    def _draw(self, offer: OwnOffer, kept: Lines, needs: Mapping[bytes, Signal], seen: Observation) -> Lines:
        """Return new lines for the capacity that neither lines nor `kept` use."""
        rest = offer.free - sum(amount for _, amount in kept)
        least = max(1, offer.capacity // self.least_share)
        if rest < least:
            return ()
        worth = self._worth(offer, dict(kept), needs, seen, least)
        draws = sha256(self.seed + offer.offer + seen.place.to_bytes(8, "big")).digest()
        random = Random(draws)  # noqa: S311  choices to be repeated from a seed, no secret
        drawn: list[tuple[bytes, int]] = []
        while worth and rest >= least and len(kept) + len(drawn) < MAX_LINES:
            best = max(value for value, _ in worth.values())
            weights = [exp((value - best) / self.temperature) for value, _ in worth.values()]
            need = random.choices(list(worth), weights)[0]
            _, room = worth.pop(need)
            drawn.append((need, min(room, rest)))
            rest -= drawn[-1][1]
        return tuple(drawn)

    def _worth(
        self, offer: OwnOffer, kept: Mapping[bytes, int], needs: Mapping[bytes, Signal], seen: Observation, least: int
    ) -> dict[bytes, tuple[int, int]]:
        """Return net value a quantum, and room beside what is kept, of the needs that are worth an entry."""
        spared = {one.need for one in offer.silences if self._is_spared(one, seen.now_ms)}
        worth = {}
        for signal in needs.values():
            value = signal.urgency - _cost(offer, signal, seen.costs)
            room = signal.unclaimed(offer.offer) - kept.get(signal.need, 0)
            fits = room >= least and signal.resource_class == offer.resource_class
            if value > 0 and fits and signal.need not in spared:
                worth[signal.need] = (value, room)
        return worth

    def _is_spared(self, silence: Silence, now_ms: int) -> bool:
        """Return whether a need that does not answer is left alone: twice as long after each line that ran out.

        One may be bad luck. Without this, a receiver who is away would cost entries for ever.
        """
        if silence.lines < 2:
            return False
        return now_ms < silence.since_ms + (self.hold_ms << min(silence.lines, MAX_DOUBLINGS))


def _release(lines: list[GivenLine]) -> Release:
    """Release as many lines as one entry can name with everything that it rests on."""
    named: list[LineId] = []
    links: set[bytes] = set()
    cites: set[bytes] = set()
    for line in lines:
        wanted = links | {line.line[0], *line.cites}
        if len(wanted) > MAX_DEPS:
            break
        named.append(line.line)
        links, cites = wanted, cites | set(line.cites)
    return Release(tuple(named), tuple(sorted(cites)))


def _trim(offer: OwnOffer, needs: Mapping[bytes, Signal]) -> Lines:
    """Return what the own row keeps of each need once everybody's claims are served in their order."""
    kept = []
    for need, amount in offer.tentative:
        signal = needs.get(need)
        if signal is None or offer.row is None:
            continue
        own = _rank(signal, offer.cell, offer.row)
        others = [(_rank(signal, claim.cell, claim.row), claim.amount) for claim in signal.others(offer.offer)]
        grant = granted(signal.amount - signal.used, amount, own, others)
        if grant:
            kept.append((need, grant))
    return tuple(kept)


def _rank(signal: Signal, cell: int, row: bytes) -> Rank:
    return rank(urgency=signal.urgency, cells=distance(cell, signal.cell), need=signal.need, row=row)


def _cost(offer: OwnOffer, signal: Signal, costs: Mapping[int, int]) -> int:
    """Return what carrying a quantum costs: known roads, else the public cost a cell."""
    known = costs.get(signal.cell)
    return COST_PER_CELL * distance(offer.cell, signal.cell) if known is None else known


def _merge(kept: Lines, drawn: Lines) -> Lines:
    total: dict[bytes, int] = {}
    for need, amount in (*kept, *drawn):
        total[need] = total.get(need, 0) + amount
    return tuple(total.items())
