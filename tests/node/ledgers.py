"""Ledgers for the tests of the node: real ones, under a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry
from mycelia_protocol.keys import KeyPair, keypair
from tests.builders import CELL, HOUR_MS, NOW_MS, charter


class Clock:
    """Milliseconds that pass when the test says so."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def new_ledger(path: Path, *, clock: Clock | None = None, law: Charter | None = None, seed: int = 1) -> Ledger:
    """Return an empty ledger in a directory."""
    return Ledger.create(path, law or charter(), clock=clock or Clock(), entropy=Random(seed).randbytes)


def open_ledger(path: Path, *, clock: Clock | None = None, seed: int = 2) -> Ledger:
    """Return the ledger that a directory holds."""
    return Ledger.open(path, clock=clock or Clock(), entropy=Random(seed).randbytes)


def pair(name: str) -> KeyPair:
    """Return the key pair of a name."""
    return keypair(name.encode().ljust(32, b"."))


def a_need(amount: int = 10) -> compose.Content:
    """Return what a need says."""
    return compose.need("food", amount, CELL, begin_ms=NOW_MS, end_ms=NOW_MS + HOUR_MS, urgency=3)


def as_runs(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return entries as runs of one, as live heads arrive."""
    return [[entry] for entry in entries]


def hear(ledger: Ledger, entries: Iterable[Entry], dice: Random) -> None:
    """Let a ledger take in entries one by one, in an order of its own, and again until it waits for none of them."""
    shuffled = list(entries)
    dice.shuffle(shuffled)
    for entry in shuffled:
        assert not ledger.ingest(as_runs([entry])).faults
    for _ in range(100):  # what stands on a late entry of a forked chain is linked step by step, as that is asked for
        if not ledger.ingest(as_runs(shuffled)).accepted and not ledger.awaiting():
            return
    raise AssertionError(f"still waits: {ledger.awaiting()}")


def unsealed(run: Sequence[Entry]) -> list[Entry]:
    """Return a run as it travels: only its last entry signed."""
    return [*(entry._replace(signature=None) for entry in run[:-1]), run[-1]]


def pull(source: Ledger, target: Ledger) -> int:
    """Bring everything that the source holds to the target; return how many entries were new."""
    wanted = {tip.chain: 0 for tip in source.frontier()}
    accepted, after = 0, 0
    while True:
        runs, following = source.runs_for(wanted, after, 64 * 1024)
        accepted += len(target.ingest(runs).accepted)
        if following is None:
            return accepted
        after = following
