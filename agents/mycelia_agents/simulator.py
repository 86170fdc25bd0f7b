"""The simulator: several ledgers and their agents in one process, in virtual time, from one seed.

Ledgers, rules, agents and runtime are those of a live node; only the wire is replaced by
delays drawn from the seed. The same seed gives the same draws of delays and wake-ups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from mycelia_node.ledger import Ledger
from mycelia_protocol.envelope import Entry

from .runtime import Runtime

ALL = 1_000_000_000


@dataclass(slots=True)
class Clock:
    """Virtual milliseconds; a ledger takes it as its clock."""

    now_ms: int

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms


@dataclass(frozen=True, slots=True)
class Delay:
    """How long what one ledger accepts takes to reach another, in milliseconds."""

    least_ms: int = 150
    most_ms: int = 900


class Wire:
    """Carries what each ledger publishes to all others, late, in order on each way."""

    def __init__(self, ledgers: Sequence[Ledger], *, delay: Delay, seed: int) -> None:
        self._ledgers = ledgers
        self._delay = delay
        self._random = Random(seed)  # noqa: S311  delays to be repeated from a seed, no secret
        self._sent = [0] * len(ledgers)
        self._known: list[set[bytes]] = [set() for _ in ledgers]  # what reached a ledger by wire
        self._under_way: list[tuple[int, int, int, list[Entry]]] = []  # (due, number, receiver, entries)
        self._last_due: dict[tuple[int, int], int] = {}
        self._number = 0
        self._groups: Sequence[set[int]] = ()
        self._healed_ms = 0

    def part(self, groups: Sequence[set[int]], until_ms: int) -> None:
        """Let nothing pass between groups of ledgers before a time: a network that falls apart and heals."""
        self._groups, self._healed_ms = groups, until_ms

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    def deliver(self, now_ms: int) -> None:
        """Hand over everything that is due."""
        due: dict[int, list[list[Entry]]] = {}
        while self._under_way and self._under_way[0][0] <= now_ms:
            _, _, receiver, entries = heappop(self._under_way)
            self._known[receiver].update(entry.id for entry in entries)
            due.setdefault(receiver, []).extend([entry] for entry in entries)
        for receiver, runs in due.items():
            self._ledgers[receiver].ingest(runs)

    def collect(self, now_ms: int) -> None:
        """Send what the ledgers themselves have published since the last call."""
        for sender, ledger in enumerate(self._ledgers):
            news = ledger.stored(self._sent[sender], ALL)
            if not news:
                continue
            self._sent[sender] = news[-1].arrival
            own = [stored.entry for stored in news if stored.entry.id not in self._known[sender]]
            for receiver in range(len(self._ledgers) if own else 0):
                if receiver != sender:
                    self._send(sender, receiver, own, now_ms)

    def _send(self, sender: int, receiver: int, entries: list[Entry], now_ms: int) -> None:
        due = now_ms + self._random.randint(self._delay.least_ms, self._delay.most_ms)
        if not all((sender in group) == (receiver in group) for group in self._groups):
            due = max(due, self._healed_ms)
        due = max(due, self._last_due.get((sender, receiver), 0))
        self._last_due[sender, receiver] = due
        self._number += 1
        heappush(self._under_way, (due, self._number, receiver, entries))


def settle(
    runtimes: Sequence[Runtime], wire: Wire, clock: Clock, *, within_ms: int, rounds: int = 2, tick_ms: int = 100
) -> bool:
    """Run until every member has decided nothing for `rounds` rounds; return whether that came in time."""
    end_ms = clock.now_ms + within_ms
    while clock.now_ms < end_ms:
        clock.now_ms += tick_ms
        wire.deliver(clock.now_ms)
        for runtime in runtimes:
            runtime.step(clock.now_ms)
        wire.collect(clock.now_ms)
        if wire.is_empty and all(runtime.quiet_rounds >= rounds for runtime in runtimes):
            return True
    return False
