"""A peer of the demo: one process with a node, its members and their agents.

Started as `python -m mycelia_agents.worker` with a JSON object as its only argument. It
reads one JSON command a line from stdin and answers each with one JSON line on stdout:
`{"ok": ...}` or `{"error": "..."}`. When stdin ends, whoever started it is gone, and it stops.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mycelia_node.config import Home
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.memberfile import Plan
from mycelia_node.peer import Peer, now_ms
from mycelia_node.people import People
from mycelia_protocol import charter as charters
from mycelia_protocol.invitation import text
from mycelia_protocol.standing import Status

from . import houston, town
from .runtime import Hosted, Runtime

HOST = "host"  # the member of each peer that founds the commons and admits the others
INVITED_MS = 3_600_000
TICK_S = 0.1
Answer = dict[str, Any]


class Worker:
    """Answers the coordinator's commands for one running peer."""

    def __init__(self, peer: Peer, *, index: int, peers: int, points: int, areas: int, seed: int) -> None:
        self._peer = peer
        self._instance = houston.load().part(points, areas)
        self._index, self._peers, self._seed = index, peers, seed
        self._points: dict[bytes, int] = {}  # of the whole town, by offer
        self._hosted: list[Hosted] = []
        self._runtime: Runtime | None = None
        self.commands: dict[str, Callable[[Answer], Awaitable[Answer]]] = {
            "connect": self._connect,
            "settle_in": self._settle_in,
            "begin": self._begin,
            "state": self._state,
            "verify": self._verify,
            "score": self._score,
        }

    async def run_agents(self) -> None:
        """Let the agents live, once they have begun, until cancelled."""
        while True:
            if self._runtime is not None:
                await self._peer.on_ledger(self._runtime.step, now_ms())
            await asyncio.sleep(TICK_S)

    async def _connect(self, command: Answer) -> Answer:
        for address in command["addresses"]:
            with suppress(ConnectionError):  # it is dialled again until it answers; what counts is that signals arrive
                await self._peer.connect(address)
        return {}

    async def _settle_in(self, command: Answer) -> Answer:
        """Make this peer's members and publish what they need or offer."""
        offers = await self._peer.on_ledger(self._publish_intents, command["now_ms"])
        return {"offers": offers}

    def _publish_intents(self, at_ms: int) -> dict[str, int]:
        ledger, keystore, offers = self._peer.ledger, self._peer.keystore, {}
        people = People(ledger, keystore, now_ms, os.urandom)
        everybody = town.residents(self._instance, seed=self._seed, now_ms=at_ms)
        for at in range(self._index, len(everybody), self._peers):
            resident = everybody[at]
            invited = people.invite(HOST, INVITED_MS, ())
            member = keystore.create(resident.name, ledger, Plan(invitation=text(invited)))
            pair = keystore.pair(resident.name)
            [intent] = ledger.publish(pair, member.chain, [resident.intent], [{"note": resident.note}])
            if resident.intent.kind == "offer":
                offers[intent.id.hex()] = at
            self._hosted.append(Hosted(resident.name, member.chain, pair, resident.agent, resident.costs))
        people.tend()  # the host admits them all
        return offers

    async def _begin(self, command: Answer) -> Answer:
        self._points = {bytes.fromhex(offer): at for offer, at in command["offers"].items()}
        seed = self._seed * 1_000 + self._index
        self._runtime = Runtime(self._peer.ledger, self._hosted, seed=seed, now_ms=now_ms())
        return {}

    async def _state(self, command: Answer) -> Answer:
        return await self._peer.on_ledger(self._look)

    def _look(self) -> Answer:
        ledger, runtime = self._peer.ledger, self._runtime
        standing = ledger.standing
        statuses = [standing.status(line) for line in standing.lines.values()]
        return {
            "entries": ledger.count(),
            "signals": len(standing.needs) + len(standing.offers),
            "digest": ledger.digest().hex(),
            "awaiting": len(ledger.awaiting()),
            "pending": statuses.count(Status.PENDING),
            "firm": statuses.count(Status.FIRM),
            "quiet_rounds": 0 if runtime is None else runtime.quiet_rounds,
            "stale": 0 if runtime is None else len(runtime.refused),
        }

    async def _verify(self, command: Answer) -> Answer:
        report = await self._peer.on_ledger(self._peer.ledger.verify)
        return {"entries": report.entries, "faults": [str(fault) for fault in report.faults]}

    async def _score(self, command: Answer) -> Answer:
        score = await self._peer.on_ledger(town.score, self._peer.ledger, self._instance, self._points)
        return {
            "entries": score.entries,
            "needs": score.needs,
            "offers": score.offers,
            "lines": score.lines,
            "pending": score.pending,
            "committed": score.committed,
            "welfare": score.welfare,
            "overcommitted": score.overcommitted,
            "rejected": score.rejected,
            "coordination_per_commitment": score.coordination_per_commitment,
            "entries_per_commitment": score.entries_per_commitment,
        }


async def serve(order: Answer, answers: IO[str]) -> None:
    """Run the peer that `order` describes until stdin ends or the coordinator says `stop`."""
    async with Peer.running(Path(order["home"])) as peer:
        numbers = {name: order[name] for name in ("index", "peers", "points", "areas", "seed")}
        worker = Worker(peer, **numbers)
        agents = asyncio.create_task(worker.run_agents())
        _answer(answers, {"ok": {"addresses": list(peer.addresses)}})
        try:
            await _answer_commands(worker, agents, answers)
        finally:
            agents.cancel()
            await asyncio.gather(agents, return_exceptions=True)


async def _answer_commands(worker: Worker, agents: asyncio.Task[None], answers: IO[str]) -> None:
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "stop":
            return
        if agents.done():
            agents.result()  # an agent's exception ends this process with its traceback in the log
        try:
            answer: Answer = {"ok": await worker.commands[command["do"]](command)}
        except Exception as error:  # noqa: BLE001  whatever it is, the coordinator must hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        _answer(answers, answer)


def _answer(answers: IO[str], answer: Answer) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def prepare(home: Path) -> bytes:
    """Make the keys of a peer's host before the commons is founded; return the identity that it will have."""
    home.mkdir(parents=True, exist_ok=True)
    identity = Keystore(Home(home).keys, entropy=os.urandom).prepare(HOST)
    assert identity is not None  # an identity begins with these keys
    return identity


def main() -> None:
    """Run one worker; only answers reach the real stdout, whatever libraries print."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.argv[1])
    charter = charters.read(bytes.fromhex(order["charter"]))
    Ledger.create(Path(order["home"]), charter, clock=now_ms, entropy=os.urandom).close()
    asyncio.run(serve(order, answers))


if __name__ == "__main__":
    main()
