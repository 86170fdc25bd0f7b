"""The demo: real peers in real processes allocate the Houston food network, and all end with one ledger.

Each peer hosts some of the members, each member's agent decides alone from what its
peer has seen, and every peer validates everything. Afterwards the outcome is compared
with the optimum that a planner with all figures could reach.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import houston as instances
from .fleet import Answer, Fleet, PeerEnded
from .houston import Instance
from .town import charter_of
from .worker import prepare

SETTLE_S = 240  # a run that has not settled by then has failed
ARRIVE_S = 60  # for the first signals to reach everybody
LOOK_S = 0.5
ROUNDS = 2  # in which every agent must decide nothing


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demo is: `done` of `total` in a phase, and a sentence about it."""

    phase: str
    done: int
    total: int
    text: str


Report = Callable[[Progress], None]


class DemoFailed(Exception):
    """The demo cannot begin; the message is a sentence for people."""


def houston(
    *,
    peers: int = 6,
    keep: Path | None = None,
    seed: int = 1,
    report: Report,
    points: int | None = None,
    areas: int | None = None,
) -> dict[str, object]:
    """Run the demo and return its figures; `held` says whether all of it held.

    `keep` is an empty or new directory for the peers' homes, which are otherwise
    thrown away. `points` and `areas` take a part of the instance.

    Raises:
        DemoFailed: the arguments make no sense, or an extra is not installed.
        PeerEnded: a peer process failed, or the peers do not reach each other.
    """
    for needed in ("libp2p", "ortools"):
        if find_spec(needed) is None:
            raise DemoFailed(f"{needed} is not installed; the demo needs `mycelia[peer,solve]`")
    whole = instances.load()
    instance = whole.part(points or len(whole.points), areas or len(whole.areas))
    if not 1 <= peers <= len(instance.points) + len(instance.areas):
        raise DemoFailed(f"{peers} peers, from 1 to {len(instance.points) + len(instance.areas)} are possible")
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="mycelia-houston-") as homes:
            os.environ["MYCELIA_STATE"] = str(Path(homes) / "state")  # what leaves no homes leaves no records of them
            return _run_until_signal(instance, peers, Path(homes), seed, report)
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise DemoFailed(f"{keep} is not an empty directory; choose a new one")
    keep.mkdir(parents=True, exist_ok=True)
    return _run_until_signal(instance, peers, keep, seed, report)


def held(figures: dict[str, object]) -> bool:
    """Return whether a run did what it must: one ledger everywhere, valid, verified, within every limit."""
    return bool(
        figures["converged"] and figures["verified"] and figures["overcommitted"] == 0 and figures["rejected"] == 0
    )


def _run_until_signal(instance: Instance, peers: int, homes: Path, seed: int, report: Report) -> dict[str, object]:
    """Run the demo; SIGTERM, like Ctrl-C, ends every peer and clears up first."""

    async def run() -> dict[str, object]:
        task = asyncio.current_task()
        if task is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await _run(instance, peers, homes, seed, report)

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


async def _run(instance: Instance, peers: int, homes: Path, seed: int, report: Report) -> dict[str, object]:
    began = time.monotonic()
    size = {"peers": peers, "points": len(instance.points), "areas": len(instance.areas), "seed": seed}
    places = [homes / f"peer-{number + 1}" for number in range(peers)]
    members = len(instance.points) + len(instance.areas)
    hosts = [prepare(home) for home in places]
    charter = charter_of(os.urandom(16), hosts, slots=-(-members // peers)).raw.hex()
    orders = [{"home": str(home), "index": number, "charter": charter, **size} for number, home in enumerate(places)]
    async with Fleet(orders, logs=homes) as fleet:
        await _start(fleet, peers, report)
        optimum = asyncio.create_task(asyncio.to_thread(instances.optimum, instance))
        offers = await _publish(fleet, peers, members, report)
        await fleet.ask_all("begin", offers=offers)
        converged = await _settle(fleet, report)
        faults = await _verify(fleet, peers, report)
        scores = await fleet.ask_all("score")
        states = await fleet.ask_all("state")
        best = await optimum
    report(Progress("compare", 1, 1, "compared with the optimum"))
    score = scores[0]
    return {
        "peers": peers,
        "members": members,
        "entries": score["entries"],
        "needs": score["needs"],
        "offers": score["offers"],
        "lines": score["lines"],
        "committed_lb": score["committed"],
        "welfare": score["welfare"] / instances.TENTHS,
        "optimum": best / instances.TENTHS,
        "ratio": round(score["welfare"] / best, 6),
        "overcommitted": max(other["overcommitted"] for other in scores),
        "converged": converged and _is_settled(states) and all(other == score for other in scores),
        "verified": not faults,
        "rejected": max(other["rejected"] for other in scores),
        "stale": sum(state["stale"] for state in states),
        "coordination_per_commitment": round(score["coordination_per_commitment"], 3),
        "entries_per_commitment": round(score["entries_per_commitment"], 3),
        "seconds": round(time.monotonic() - began, 1),
    }


async def _start(fleet: Fleet, peers: int, report: Report) -> None:
    addresses: list[str] = []
    for number in range(peers):
        report(Progress("start", number, peers, f"starting {peers} peers"))
        addresses.append((await fleet.started(number))["addresses"][0])
    for number in range(1, peers):
        report(Progress("connect", number, peers, "connecting every peer to every other"))
        await fleet.ask(number, "connect", addresses=addresses[:number])


async def _publish(fleet: Fleet, peers: int, members: int, report: Report) -> dict[str, int]:
    """Have every member come in and publish, wait until everybody counts everywhere, and return whose each offer is."""
    report(Progress("publish", 0, peers * members, f"{members} members publish their needs and offers"))
    answers = await fleet.ask_all("settle_in", now_ms=time.time_ns() // 1_000_000)
    try:
        async with asyncio.timeout(ARRIVE_S):
            while (seen := await _seen(fleet)) < peers * members:
                report(Progress("publish", seen, peers * members, "signals spread from peer to peer"))
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise PeerEnded(f"the first signals did not reach every peer within {ARRIVE_S} s") from error
    return {offer: at for answer in answers for offer, at in answer["offers"].items()}


async def _seen(fleet: Fleet) -> int:
    return sum(state["signals"] for state in await fleet.ask_all("state"))


async def _settle(fleet: Fleet, report: Report) -> bool:
    """Wait until all peers hold the same and nobody has anything left to do; return whether that came in time."""
    ends_at = time.monotonic() + SETTLE_S
    while time.monotonic() < ends_at:
        states = await fleet.ask_all("state")
        if _is_settled(states):
            return True
        firm, pending = min(state["firm"] for state in states), max(state["pending"] for state in states)
        spread = len({state["digest"] for state in states})
        phase = "settle" if firm and not pending and spread == 1 else "allocate"
        text = f"{firm} lines firm, {pending} pending, {spread} different ledgers"
        report(Progress(phase, firm, firm + pending + (not firm), text))
        await asyncio.sleep(LOOK_S)
    return False


def _is_settled(states: Sequence[Answer]) -> bool:
    return len({state["digest"] for state in states}) == 1 and all(
        state["quiet_rounds"] >= ROUNDS and not state["pending"] and not state["awaiting"] for state in states
    )


async def _verify(fleet: Fleet, peers: int, report: Report) -> list[str]:
    report(Progress("verify", 0, peers, "every peer validates its whole ledger again from bytes"))
    return [fault for answer in await fleet.ask_all("verify") for fault in answer["faults"]]
