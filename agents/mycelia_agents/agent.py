"""What an agent is: a pure function from what it observes to what it does.

An observation is a value: what the agent's chain owns, the signals that it can see
and what it alone knows (its own roads). Actions are values too: the runtime turns
them into entries. The same agent runs in the simulator and on a live node, and
asked twice about one observation it answers the same.

The place for what comes later: a policy that rehearses its patch reads the same
`signals`, and joint rows are further actions here and further kinds in the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mycelia_protocol.accumulators import LineId


@dataclass(frozen=True, slots=True)
class Claim:
    """What an offer's latest row still holds for a need: meant, not yet committed."""

    row: bytes
    offer: bytes
    cell: int  # where the offer stands
    amount: int


@dataclass(frozen=True, slots=True)
class Signal:
    """A need as the field shows it to everybody."""

    need: bytes
    chain: bytes
    resource_class: str
    amount: int
    cell: int
    urgency: int
    end_ms: int
    used: int  # pending lines, and all that its chain counts as accepted
    claims: tuple[Claim, ...]

    def others(self, offer: bytes) -> list[Claim]:
        """Return the claims of all offers but one."""
        return [claim for claim in self.claims if claim.offer != offer]

    def unclaimed(self, offer: bytes) -> int:
        """Return what nobody serves and no other offer means to serve."""
        return max(0, self.amount - self.used - sum(claim.amount for claim in self.others(offer)))


@dataclass(frozen=True, slots=True)
class GivenLine:
    """A line that this chain committed to and has not freed."""

    line: LineId
    need: bytes
    amount: int
    hold_ms: int
    is_firm: bool  # accepted, neither void nor disputed
    is_given_up: bool  # the receiver lapsed or cancelled it: it may be released at once
    is_delivered: bool
    cites: tuple[bytes, ...]  # the receiver's exits, which a release rests on


@dataclass(frozen=True, slots=True)
class Silence:
    """A need that let lines of this offer run out, neither accepted nor refused."""

    need: bytes
    lines: int
    since_ms: int  # the latest hold that ran out


@dataclass(frozen=True, slots=True)
class OwnOffer:
    """An offer of this chain, with its latest row and its lines."""

    offer: bytes
    resource_class: str
    capacity: int
    cell: int
    end_ms: int
    row: bytes | None
    row_at_ms: int
    tentative: tuple[tuple[bytes, int], ...]  # what the row still holds, by need
    lines: tuple[GivenLine, ...]
    silences: tuple[Silence, ...] = ()

    @property
    def free(self) -> int:
        """Capacity that no line uses; what the row holds is counted as free."""
        return self.capacity - sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class PendingLine:
    """A line committed for a need of this chain, still waiting for its answer."""

    line: LineId
    row: bytes
    cell: int  # where the offer stands
    amount: int
    hold_ms: int
    committed_ms: int


@dataclass(frozen=True, slots=True)
class LostLine:
    """An accepted line that its provider left; it uses the need until this chain cites that exit."""

    line: LineId
    exits: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OwnNeed:
    """A need of this chain, with what it accepted and what waits for an answer."""

    need: bytes
    amount: int
    cell: int
    urgency: int
    accepted: int  # accepted lines that are neither void nor disputed
    pending: tuple[PendingLine, ...]
    lost: tuple[LostLine, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one member's agent may read when it decides."""

    now_ms: int
    place: int  # sequence of the own chain's tip: it moves on with every own entry
    offers: tuple[OwnOffer, ...] = ()
    needs: tuple[OwnNeed, ...] = ()
    signals: tuple[Signal, ...] = ()  # every need that is open, for who has an offer
    costs: Mapping[int, int] = field(default_factory=dict)  # local knowledge: cost of a quantum, by cell


@dataclass(frozen=True, slots=True)
class PublishRow:
    """State the next row of an own offer."""

    offer: bytes
    previous: bytes | None
    lines: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Firm (need, amount) lines of an own row."""

    row: bytes
    hold_ms: int
    until_ms: int
    lines: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Accept:
    """Make commit lines of an own need binding."""

    need: bytes
    lines: tuple[LineId, ...]
    cites: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Free lines that this chain committed to, on a ground that the rules know."""

    lines: tuple[LineId, ...]
    cites: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Lapse:
    """Free accepted lines whose `until` and grace have passed."""

    lines: tuple[LineId, ...]
    cites: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Leave a line, or refuse it before it was accepted."""

    lines: tuple[LineId, ...]
    cites: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now, but look again at `until_ms` even if nothing changes; nothing is signed."""

    until_ms: int


Action = PublishRow | Commit | Accept | Release | Lapse | Cancel | Wait


class Agent(Protocol):
    """Anything that decides. Randomness, if any, is an argument of its constructor."""

    def decide(self, observation: Observation) -> list[Action]:
        """Return what to do now; an empty list means that nothing is left to do or to wait for."""
        ...
