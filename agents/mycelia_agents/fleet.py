"""A fleet of peer processes: start them, talk to them over their pipes, and leave none behind.

Each process reads commands from its stdin and ends when that closes, so even a
coordinator that is killed leaves nobody running.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_LIMIT = 2**24  # bytes of one answer
ANSWER_S = 60  # for a command
START_S = 180  # for a process to be up: several at once load the network library on a busy machine
STOP_S = 10  # for a process to close its files before it is made to end
Answer = dict[str, Any]


class PeerEnded(Exception):
    """A peer process failed, ended, did not answer or was not reached."""


class Fleet:
    """Peer processes, by number. Used as an asynchronous context, which ends every one of them."""

    def __init__(self, orders: Sequence[Mapping[str, object]], *, logs: Path) -> None:
        self._orders = orders
        self._logs = logs
        self._processes: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        try:
            for number, order in enumerate(self._orders):
                self._processes.append(await self._start(number, order))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def started(self, number: int) -> Answer:
        """Return what a peer says when it is up.

        Raises:
            PeerEnded: as `ask`.
        """
        return await self._answer(number, START_S)

    async def ask(self, number: int, do: str, **arguments: object) -> Answer:
        """Send a peer a command and return its answer.

        Raises:
            PeerEnded: it ended, took too long, or answered with an error.
        """
        stdin = self._processes[number].stdin
        if stdin is not None:
            with suppress(ConnectionError):  # then it has ended, and the answer says how
                stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
                await stdin.drain()
        return await self._answer(number, ANSWER_S)

    async def ask_all(self, do: str, **arguments: object) -> list[Answer]:
        """Send every peer a command and return their answers, by number.

        Raises:
            PeerEnded: as `ask`, for the first peer that fails.
        """
        return await asyncio.gather(*(self.ask(number, do, **arguments) for number in range(len(self._orders))))

    async def _answer(self, number: int, within_s: float) -> Answer:
        process = self._processes[number]
        try:
            async with asyncio.timeout(within_s):
                line = await process.stdout.readline() if process.stdout else b""
        except TimeoutError as error:
            raise PeerEnded(f"peer {number + 1} did not answer within {within_s:g} s") from error
        if not line:
            status = await process.wait()
            ending = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            raise PeerEnded(f"peer {number + 1} {ending}: {self._last_words(number)}")
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise PeerEnded(f"peer {number + 1} failed: {answer['error']}")
        result: Answer = answer["ok"]
        return result

    async def _start(self, number: int, order: Mapping[str, object]) -> asyncio.subprocess.Process:
        with self._log(number).open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mycelia_agents.worker", json.dumps(order),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=ANSWER_LIMIT,
                start_new_session=True,  # Ctrl-C reaches the coordinator alone, which then ends them in order
            )  # fmt: skip

    def _log(self, number: int) -> Path:
        return self._logs / f"peer-{number + 1}.log"

    def _last_words(self, number: int) -> str:
        lines = self._log(number).read_text(encoding="utf-8", errors="replace").splitlines()
        said = [words for line in lines if any(map(str.isalpha, words := line.strip(" |+-")))]
        return said[-1] if said else "it said nothing"

    async def _end(self) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        await asyncio.gather(*(_end_one(process) for process in self._processes))


async def _end_one(process: asyncio.subprocess.Process) -> None:
    """Wait for a process whose stdin is closed; ask, then force it, if it takes too long."""
    for insist in (process.terminate, process.kill):
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                insist()
        else:
            return
    await process.wait()
