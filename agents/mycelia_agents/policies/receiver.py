"""The receiver of a first network: accept what fits, nearest first, several lines an accept.

What does not fit is left to its hold: the provider then releases it for nothing, one
entry instead of the two of a refusal. When a provider leaves a line that was accepted
(release and accept crossed), the exit is cited by the next accept, or by a cancel if none
is due: before that the amount stays used, and nobody could fill it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mycelia_protocol.accumulators import LineId
from mycelia_protocol.envelope import MAX_DEPS

from ..agent import Accept, Action, Cancel, Observation, OwnNeed, PendingLine, Wait
from ..trimming import Rank, distance, rank

MAX_CITES = MAX_DEPS // 2  # of exits in one entry, so that lines find room beside them


@dataclass(frozen=True, slots=True)
class Receiver:
    """Accepts for its needs.

    `gather_ms`: how long a line waits for others to share its accept.
    `spare_ms`: how long before the end of its hold a line is not touched any more, as the
    provider might release it before the accept arrives.
    """

    gather_ms: int = 3_000
    spare_ms: int = 1_000

    def decide(self, observation: Observation) -> list[Action]:
        """Return what each need answers now, or when to look again."""
        return [action for need in observation.needs for action in self._answer(need, observation.now_ms)]

    def _answer(self, need: OwnNeed, now_ms: int) -> list[Action]:
        fitting = self._fitting(need, now_ms)
        cites = sorted({exit_ for lost in need.lost for exit_ in lost.exits})[:MAX_CITES]
        if not fitting:
            return [_give_up(need)] if cites else []
        due_ms = min(line.committed_ms for line in fitting) + self.gather_ms
        is_full = need.accepted + sum(line.amount for line in fitting) == need.amount
        if now_ms < due_ms and not is_full:
            return [Wait(due_ms)]
        return [Accept(need.need, _first(fitting, MAX_DEPS - 1 - len(cites)), tuple(cites))]

    def _fitting(self, need: OwnNeed, now_ms: int) -> list[PendingLine]:
        """Return the pending lines that fit together into what is left of the need, in the order of trimming."""
        left, fitting = need.amount - need.accepted, []
        for line in sorted(need.pending, key=lambda line: _order(need, line)):
            if line.amount <= left and now_ms + self.spare_ms <= line.hold_ms:
                fitting.append(line)
                left -= line.amount
        return fitting


def _give_up(need: OwnNeed) -> Cancel:
    lost = [line for line in need.lost if line.exits][: MAX_CITES // 2]
    return Cancel(tuple(line.line for line in lost), tuple(sorted({line.exits[0] for line in lost})))


def _first(lines: list[PendingLine], most_commits: int) -> tuple[LineId, ...]:
    """Return as many lines as stand in `most_commits` commits; the rest follows in the next accept."""
    named: list[LineId] = []
    commits: set[bytes] = set()
    for line in lines:
        commits.add(line.line[0])
        if len(commits) > most_commits:
            break
        named.append(line.line)
    return tuple(named)


def _order(need: OwnNeed, line: PendingLine) -> tuple[Rank, LineId]:
    return rank(urgency=need.urgency, cells=distance(line.cell, need.cell), need=need.need, row=line.row), line.line
