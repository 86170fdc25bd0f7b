"""Gossip: news are gathered for a while, said once, and lost neither by a burst nor by a failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mycelia_node.gossip import Announce, Gossip
from tests.node.links import until

pytestmark = pytest.mark.asyncio

WAIT_MS = 20


@contextlib.asynccontextmanager
async def gossiping(announce: Announce) -> AsyncIterator[Gossip]:
    """Give gossip that runs for as long as the block."""
    gossip = Gossip(announce, wait_ms=WAIT_MS)
    running = asyncio.create_task(gossip.run())
    yield gossip
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


class TestNews:
    async def test_that_come_close_together_are_one_word(self) -> None:
        said: list[frozenset[bytes]] = []

        async def announce(chains: frozenset[bytes]) -> None:
            said.append(chains)

        async with gossiping(announce) as gossip:
            for chain in (b"a", b"b", b"a", b"c"):
                gossip.changed([chain])
            await until(lambda: said)

        assert said == [frozenset({b"a", b"b", b"c"})]

    async def test_that_come_while_others_are_said_are_said_next(self) -> None:
        said: list[frozenset[bytes]] = []
        busy = asyncio.Event()

        async def announce(chains: frozenset[bytes]) -> None:
            said.append(chains)
            await busy.wait()

        async with gossiping(announce) as gossip:
            gossip.changed([b"a"])
            await until(lambda: said)
            gossip.changed([b"b"])
            busy.set()
            await until(lambda: len(said) == 2)

        assert said == [frozenset({b"a"}), frozenset({b"b"})]

    async def test_that_cannot_be_said_do_not_end_the_telling(self) -> None:
        said: list[frozenset[bytes]] = []

        async def announce(chains: frozenset[bytes]) -> None:
            said.append(chains)
            if len(said) == 1:
                raise OSError("the disk is gone")

        async with gossiping(announce) as gossip:
            gossip.changed([b"a"])
            await until(lambda: said)
            gossip.changed([b"b"])
            await until(lambda: len(said) == 2)

        assert said[1] == frozenset({b"b"})

    async def test_are_nothing_while_nothing_changes(self) -> None:
        said: list[frozenset[bytes]] = []

        async def announce(chains: frozenset[bytes]) -> None:
            said.append(chains)

        async with gossiping(announce) as gossip:
            gossip.changed([b"a"])
            await until(lambda: said)
            turns = 0
            while turns < 50:
                await asyncio.sleep(0)
                turns += 1

        assert len(said) == 1
