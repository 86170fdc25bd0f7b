"""Parse denial of service: what a hostile peer may cost is bounded, and the others are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mycelia_node import budget
from mycelia_node.budget import Budget, Budgets
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry
from mycelia_protocol.frontier import Tip
from mycelia_protocol.messages import Left, Pinged
from mycelia_protocol.session import Session
from tests.builders import NOW_MS, Commons, charter, note
from tests.node.links import FAST, Meadow, MemoryPeer, link_pair, meadow, same, until
from tests.node.virtual import run

KIB = 1024
BURST, REFILL_PER_S = 512 * KIB, 64 * KIB
FLOOD_S = 60
ENOUGH = 2 * (BURST + REFILL_PER_S * FLOOD_S)  # to see that nothing bounds it


class TestABudget:
    def test_lets_a_burst_pass_and_then_what_it_refills(self) -> None:
        own = Budget(now_s=0)

        own.spend(budget.BURST, now_s=0)
        assert own.pause_s(now_s=0) == 0
        own.spend(3 * budget.REFILL_PER_S, now_s=0)

        assert [own.pause_s(now_s=at) for at in (0, 1, 2.5, 3, 9)] == [3, 2, 0.5, 0, 0]

    def test_holds_no_more_than_the_burst(self) -> None:
        own = Budget(now_s=0)

        own.give_back(budget.BURST)
        own.spend(budget.BURST + 1, now_s=10**6)

        assert own.pause_s(now_s=10**6) > 0

    def test_is_not_touched_by_what_brings_something_new(self) -> None:
        own = Budget(now_s=0)

        for _ in range(1000):
            own.spend(budget.BURST, now_s=0)
            own.give_back(budget.BURST)

        assert own.pause_s(now_s=0) == 0

    def test_forgives_faults_with_time(self) -> None:
        own = Budget(now_s=0)

        own.charge(budget.MAX_FAULTS, now_s=0)
        assert own.banned_s(now_s=0) == 0
        own.charge(2, now_s=0)

        assert [own.banned_s(now_s=at) for at in (0, 60, 120)] == [120, 60, 0]

    def test_is_the_same_for_each_stream_of_a_peer_and_there_are_not_too_many(self) -> None:
        all_of_them = Budgets()
        own = all_of_them.of(b"own", now_s=0)

        for number in range(budget.MAX_PEERS - 1):
            all_of_them.of(b"%d" % number, now_s=0)
        assert all_of_them.of(b"own", now_s=0) is own

        for number in range(budget.MAX_PEERS):
            all_of_them.of(b"other %d" % number, now_s=0)
        assert all_of_them.of(b"own", now_s=0) is not own


class Hostile:
    """A peer that speaks the protocol and means ill."""

    def __init__(self, victim: MemoryPeer) -> None:
        self.near, self.far = link_pair(b"hostile", victim.node)
        self.state = victim.converse(self.far)
        self.session = Session(charter=charter(), node=b"hostile", is_dialer=True, clock_ms=NOW_MS)
        self.heard: list[Any] = []
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while data := await self.near.read():
            for event in self.session.receive(data):
                self.heard.append(event)
                if isinstance(event, Pinged):
                    self.session.send_pong(event.token, bytes(32))

    async def greeted(self) -> None:
        await self.near.write(self.session.to_send())
        await until(lambda: self.session.is_open)

    async def flood(self, say: Callable[[], None]) -> int:
        """Say it again as soon as it was read, for a minute; return how many bytes were."""
        loop, before = asyncio.get_running_loop(), len(self.near.written)
        end = loop.time() + FLOOD_S
        while loop.time() < end and not self.near.is_closed and len(self.near.written) - before < ENOUGH:
            if self.far.is_idle:
                if self.session.credit > 0:
                    say()
                with contextlib.suppress(ConnectionError):
                    await self.near.write(self.session.to_send())
            await asyncio.sleep(0.001)
        return len(self.near.written) - before

    async def end(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


def known(place: Meadow, victim: MemoryPeer) -> Iterator[list[list[Entry]]]:
    """Yield what the victim holds already."""
    stored = [one.entry for one in victim.ledger.stored() if one.entry.chain == victim.chain]
    while True:
        yield [stored]


def orphaned(place: Meadow, victim: MemoryPeer) -> Iterator[list[list[Entry]]]:
    """Yield authentic entries that name what nobody holds, all at one place of a chain."""
    commons = Commons()
    author = commons.member("hostile")
    victim.ledger.ingest([[author.opening]])
    number = 0
    while True:
        runs = []
        for _ in range(40):
            unknown = digest(b"%d" % number)
            content = note()._replace(deps=unknown)
            runs.append([author.draft(content)])
            number += 1
        yield runs


class TestAFloodOf:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(budget, "BURST", BURST)
        monkeypatch.setattr(budget, "REFILL_PER_S", REFILL_PER_S)

    @pytest.mark.parametrize("what", [known, orphaned])
    def test_entries_that_bring_nothing_is_read_slowly(self, tmp_path: Path, what: Any) -> None:
        def say(hostile: Hostile, place: Meadow, victim: MemoryPeer) -> Callable[[], None]:
            source = what(place, victim)
            return lambda: hostile.session.send_runs(next(source))

        read = self._bytes_read(tmp_path, say)

        assert REFILL_PER_S * FLOOD_S / 20 < read <= BURST + REFILL_PER_S * (FLOOD_S + 2)

    def test_heads_that_nobody_holds_is_read_slowly(self, tmp_path: Path) -> None:
        def say(hostile: Hostile, place: Meadow, victim: MemoryPeer) -> Callable[[], None]:
            numbers = iter(range(10**9))
            names = (digest(b"%d" % number) for number in numbers)
            return lambda: hostile.session.send_heads([Tip(next(names), 1, next(names)) for _ in range(300)])

        read = self._bytes_read(tmp_path, say)

        assert read <= (BURST + REFILL_PER_S * (FLOOD_S + 2)) / 4  # a look-up costs more than its bytes

    def test_questions_is_read_slowly(self, tmp_path: Path) -> None:
        def say(hostile: Hostile, place: Meadow, victim: MemoryPeer) -> Callable[[], None]:
            numbers = iter(range(10**9))
            return lambda: hostile.session.send_ask([digest(b"%d" % next(numbers)) for _ in range(200)])

        read = self._bytes_read(tmp_path, say)

        assert read <= (BURST + REFILL_PER_S * (FLOOD_S + 2)) / 8

    def _bytes_read(self, home: Path, say: Callable[[Hostile, Meadow, MemoryPeer], Callable[[], None]]) -> int:
        """Flood a peer for a minute while another publishes; return how much of the flood was read."""
        read = 0

        async def story() -> None:
            nonlocal read
            async with meadow(home, replace(FAST, heartbeat_s=5.0)) as place:
                victim, honest = place.peer("victim"), place.peer("honest")
                victim.publish(30)
                place.join(victim, honest)
                hostile = Hostile(victim)
                await hostile.greeted()
                flooding = asyncio.create_task(hostile.flood(say(hostile, place, victim)))
                for _ in range(10):
                    fresh = honest.publish()
                    await until(lambda: victim.holds(fresh), 2)  # noqa: B023
                    await asyncio.sleep(5)
                read = await flooding
                assert not hostile.near.is_closed
                await hostile.end()

        run(story())
        return read


class TestAPeerThatForges:
    def test_is_sent_away_and_turned_away_until_time_has_forgiven_it(self, tmp_path: Path) -> None:
        async def story() -> None:
            async with meadow(tmp_path) as place:
                victim, bo = place.peer("victim"), place.peer("bo")
                opening = bo.ledger.stored()[0].entry
                first = Hostile(victim)
                await first.greeted()
                forged = [[opening._replace(signature=bytes([at]) * 64)] for at in range(budget.MAX_FAULTS + 1)]
                first.session.send_runs(forged)
                await first.near.write(first.session.to_send())
                assert (await goodbye(first)).code == "malformed"

                second = Hostile(victim)
                said = await goodbye(second)
                assert (said.code, said.text) == (
                    "busy",
                    "this node has had too many faults from here; come again in 60 s",
                )

                await asyncio.sleep(budget.FORGIVEN_S)
                third = Hostile(victim)
                await third.greeted()
                place.join(victim, bo)
                await until(same(victim, bo))
                for hostile in (first, second, third):
                    await hostile.end()

        run(story())

    def test_costs_a_check_for_each_signature_that_is_bad(self, tmp_path: Path) -> None:
        author = Commons().member("author")
        run_of_many = [author.opening, *(author.say(note()) for _ in range(20))]
        forged = [entry._replace(signature=bytes(64)) for entry in run_of_many]

        async def story() -> None:
            async with meadow(tmp_path) as place:
                report = place.peer("victim").ledger.ingest([forged])

                assert report.vain_checks == 21
                assert [fault.rule for fault in report.faults] == ["chain.seal"]

        run(story())


class TestAPeerThatBringsWhatIsNew:
    def test_is_never_slowed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(budget, "BURST", 600 * KIB)
        monkeypatch.setattr(budget, "REFILL_PER_S", 1)

        async def story() -> None:
            async with meadow(tmp_path) as place:
                anna, bo = place.peer("anna"), place.peer("bo")
                anna.publish(8_000)
                began = asyncio.get_running_loop().time()

                near, _ = place.join(anna, bo)
                await until(same(anna, bo))

                assert len(near.written) > 2 * 600 * KIB
                assert asyncio.get_running_loop().time() - began < 2

        run(story())


async def goodbye(hostile: Hostile) -> Left:
    """Return what the victim said last."""
    await hostile.near.write(hostile.session.to_send() if not hostile.near.is_closed else b"")
    await until(lambda: any(isinstance(one, Left) for one in hostile.heard))
    return next(one for one in hostile.heard if isinstance(one, Left))
