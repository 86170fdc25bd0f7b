"""The budget of a peer: what it may cost this node without bringing it anything.

Every byte that is read is paid for, and so is what it makes this node look up and
verify; bytes of entries that were accepted are given back, so whoever brings what
is new is never slowed. A budget refills with time. Below nothing, the peer is not
read until it has refilled: what a flood costs is bounded, and nobody is cut off
for being eager. Faults are counted apart and forgiven with time; with too many
the peer is sent away, and not talked to until some are forgiven.

The clock is an argument.

    >>> budget = Budget(now_s=0.0)
    >>> budget.spend(BURST + REFILL_PER_S // 2, now_s=0.0)
    >>> budget.pause_s(now_s=0.0), budget.pause_s(now_s=0.5)
    (0.5, 0.0)
"""

from __future__ import annotations

from mycelia_protocol.messages import Asked, Heads, Pinged, Pulled
from mycelia_protocol.session import Event

# In bytes. Honest peers bring back nearly all of it; the rest is frontiers, said again, and entries that crossed.
BURST = 16 * 1024 * 1024
REFILL_PER_S = 1024 * 1024
CHECK = 4096  # a signature that was verified in vain: some 60 us, as for so many bytes of entries
LOOKUP = 256  # a tip, a chain or an id that has to be looked up
PING = 64 * 1024  # the digest of the whole set may have to be made anew
MAX_FAULTS = 8
FORGIVEN_S = 60.0  # for one fault to be forgiven
MAX_PEERS = 1024


def cost_of(event: Event) -> int:
    """Return what it costs to answer what a peer says, beside its bytes."""
    match event:
        case Heads(tips):
            return LOOKUP * len(tips)
        case Pulled(firsts):
            return LOOKUP * len(firsts)
        case Asked(ids):
            return LOOKUP * len(ids)
        case Pinged():
            return PING
    return 0


class Budget:
    """What one peer has left."""

    def __init__(self, *, now_s: float) -> None:
        self._left: float = BURST
        self._faults = 0.0
        self._at_s = now_s

    def spend(self, size: int, *, now_s: float) -> None:
        """Take `size` bytes, or what costs as much."""
        self._refill(now_s)
        self._left -= size

    def give_back(self, size: float) -> None:
        """Return what was spent on something new."""
        self._left = min(BURST, self._left + size)

    def pause_s(self, *, now_s: float) -> float:
        """Return for how long the peer is not to be read."""
        self._refill(now_s)
        return max(0.0, -self._left / REFILL_PER_S)

    def charge(self, faults: int, *, now_s: float) -> None:
        """Note faults: things that no honest peer sends."""
        self._refill(now_s)
        self._faults += faults

    def banned_s(self, *, now_s: float) -> float:
        """Return for how long the peer is not to be talked to."""
        self._refill(now_s)
        return max(0.0, (self._faults - MAX_FAULTS) * FORGIVEN_S)

    def _refill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._left = min(BURST, self._left + passed_s * REFILL_PER_S)
        self._faults = max(0.0, self._faults - passed_s / FORGIVEN_S)


class Budgets:
    """The budgets of peers by their proven ids, so that a new stream does not begin anew."""

    def __init__(self) -> None:
        self._of: dict[bytes, Budget] = {}

    def of(self, peer: bytes, *, now_s: float) -> Budget:
        """Return the budget of a peer; whoever was unheard of for longest makes room."""
        budget = self._of.pop(peer, None) or Budget(now_s=now_s)
        self._of[peer] = budget
        while len(self._of) > MAX_PEERS:
            del self._of[next(iter(self._of))]
        return budget
