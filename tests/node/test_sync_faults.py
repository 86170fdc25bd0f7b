"""Sync with peers that are silent, greedy, lying or lost, and with faults of the own node: it goes on with the rest."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mycelia_node import budget, sync
from mycelia_node.faults import StoreFault
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.frontier import Tip
from mycelia_protocol.session import Session
from tests.builders import HOUR_MS, NOW_MS, charter
from tests.node.ledgers import Clock
from tests.node.links import FAST, PATIENT, hear, link_pair, meadow, same, until

pytestmark = pytest.mark.asyncio


class TestAPeerThat:
    async def test_stops_answering_is_dropped(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            near, far = link_pair(anna.node, bo.node)
            of_bo, _ = anna.converse(near), bo.converse(far)
            await until(same(anna, bo))

            far.is_frozen = True

            await until(lambda: near.was_disconnected)
            await until(lambda: not anna.sync.peers())
            assert of_bo.last_error == "the peer does not answer"

    async def test_never_says_hello_is_left(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna = place.peer("anna")
            silent, far = link_pair(b"silent", anna.node)
            state = anna.converse(far)

            await until(lambda: silent.is_closed)

            assert state.last_error == "the peer does not say hello"

    async def test_drips_a_hello_byte_by_byte_is_left_at_the_same_deadline(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna = place.peer("anna")
            slow, far = link_pair(b"slow", anna.node)
            state = anna.converse(far)
            frame = (60_000).to_bytes(4, "big") + bytes(100)

            async def drip() -> None:
                for byte in frame:
                    await slow.write(bytes([byte]))
                    await until(lambda: far.is_idle or slow.is_closed)

            with contextlib.suppress(ConnectionError):
                await drip()
            await until(lambda: slow.is_closed)

            assert state.last_error == "the peer does not say hello"

    async def test_opens_many_streams_leaves_room_for_others(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            for _ in range(sync.MAX_LINKS_OF_PEER + 3):
                _, far = link_pair(b"greedy", anna.node)
                anna.converse(far)
            place.join(anna, bo)

            await until(same(anna, bo))

    async def test_is_of_another_network_is_refused_by_name_and_others_are_served(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            other = found("West", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 10)})
            stranger = place.peer("stranger", law=other)
            near, far = link_pair(stranger.node, anna.node)
            of_anna, of_stranger = stranger.converse(near), anna.converse(far)
            place.join(anna, bo)

            await until(lambda: near.is_closed)
            await until(same(anna, bo))

            assert str(of_anna.last_error).startswith("the peer said goodbye (network): session.network: this is")
            assert str(of_stranger.last_error).startswith("this is network")
            assert stranger.ledger.count() == 1

    async def test_claims_what_it_does_not_hold_keeps_nobody_from_pulling(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, replace(FAST, pull_timeout_s=0.2)) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            place.join(anna, bo)
            await until(same(anna, bo))
            liar, far = link_pair(b"liar", bo.node)
            bo.converse(far)
            session = Session(charter=charter(), node=b"liar", is_dialer=True, clock_ms=NOW_MS)
            heard: list[Any] = []
            await liar.write(session.to_send())
            await hear(liar, session, heard, lambda: any(type(one).__name__ == "Heads" for one in heard))

            async def lie() -> None:
                place_ = 1 << 40
                while True:
                    session.send_heads([Tip(anna.chain, place_, place_.to_bytes(32, "big"))])
                    await liar.write(session.to_send())
                    place_ += 1
                    await asyncio.sleep(0.02)

            lying = asyncio.create_task(lie())
            for _ in range(3):
                fresh = anna.publish()
                await until(lambda: bo.holds(fresh), 5)  # noqa: B023
            lying.cancel()

    async def test_sends_forged_entries_is_sent_away_after_some(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            opening = bo.ledger.stored()[0].entry
            forged = [[opening._replace(signature=bytes([number]) * 64)] for number in range(1, budget.MAX_FAULTS + 2)]
            liar, far = link_pair(b"liar", anna.node)
            state = anna.converse(far)
            session = Session(charter=charter(), node=b"liar", is_dialer=True, clock_ms=NOW_MS)
            heard: list[Any] = []
            await liar.write(session.to_send())
            await hear(liar, session, heard, lambda: any(type(one).__name__ == "Heads" for one in heard))

            session.send_runs(forged)
            await liar.write(session.to_send())
            await hear(liar, session, heard, lambda: type(heard[-1]).__name__ == "Left")

            assert heard[-1].code == "malformed"
            assert "too many faults" in heard[-1].text
            assert state.last_error is not None
            assert anna.ledger.get(opening.id) is None

    async def test_pulls_without_end_and_gives_no_credit_costs_no_memory(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna = place.peer("anna")
            anna.publish(3000)
            greedy, far = link_pair(b"greedy", anna.node)
            state = anna.converse(far)
            session = Session(charter=charter(), node=b"greedy", is_dialer=True, clock_ms=NOW_MS)
            heard: list[Any] = []
            await greedy.write(session.to_send())
            await hear(greedy, session, heard, lambda: any(type(one).__name__ == "Heads" for one in heard))

            for number in range(300):
                unknown = {number.to_bytes(16, "big") + other.to_bytes(16, "big"): 0 for other in range(50)}
                session.send_pull({**unknown, anna.chain: number % 7})
                await greedy.write(session.to_send())
            await until(lambda: not far._incoming.qsize())
            await until(lambda: state.sent)

            [here] = anna.sync._conversations.values()
            assert len(here.serving) + len(here.pulled) <= 2
            assert len(far.written) < 1024 * 1024

    async def test_comes_to_a_full_house_is_told_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sync, "MAX_CONVERSATIONS", 1)
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            place.join(bo, anna)
            await until(same(anna, bo))

            near, far = link_pair(cleo.node, anna.node)
            of_anna, _ = cleo.converse(near), anna.converse(far)

            await until(lambda: near.is_closed)
            assert str(of_anna.last_error).startswith("the peer said goodbye (busy)")


class TestAFaultOfTheNode:
    async def test_a_full_disk_is_told_and_ends_when_there_is_space(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            place.join(anna, cleo)
            await until(same(anna, cleo))
            whole = bo.ledger.ingest

            def full(*_: object) -> Any:
                raise StoreFault("the disk refused to store: database or disk is full", "free some space")

            monkeypatch.setattr(bo.ledger, "ingest", full)
            fresh = anna.publish(3)
            near, far = link_pair(anna.node, bo.node)
            of_bo, of_anna = anna.converse(near), bo.converse(far)

            await until(lambda: near.is_closed)
            assert str(of_bo.last_error).startswith("the peer said goodbye (busy)")
            assert "disk is full" in str(of_anna.last_error)

            monkeypatch.setattr(bo.ledger, "ingest", whole)
            place.join(anna, bo)
            await until(same(anna, bo, cleo))
            assert cleo.holds(fresh)

    async def test_a_full_disk_outlives_heartbeats(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with meadow(tmp_path) as place:
            behind = Clock(NOW_MS - HOUR_MS)
            anna, bo = place.peer("anna"), place.peer("bo", clock=behind)
            anna.publish(3)
            place.join(anna, bo)
            await until(lambda: bo.ledger.awaiting())
            whole, calls = bo.ledger.ingest, list[int]()

            def full(*_: object) -> Any:
                calls.append(1)
                raise StoreFault("the disk refused to store: database or disk is full", "free some space")

            monkeypatch.setattr(bo.ledger, "ingest", full)
            await until(lambda: len(calls) >= 2)

            monkeypatch.setattr(bo.ledger, "ingest", whole)
            behind.now_ms = NOW_MS
            await until(same(anna, bo))

    async def test_that_nobody_foresaw_ends_one_conversation_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            place.join(bo, cleo)
            await until(same(bo, cleo))
            monkeypatch.setattr(bo.ledger, "runs_for", lambda *_: 1 // 0)

            near, far = link_pair(anna.node, bo.node)
            of_bo, of_anna = anna.converse(near), bo.converse(far)

            await until(lambda: near.is_closed)
            assert of_anna.last_error == "this node failed; its log says where"
            assert str(of_bo.last_error).startswith("the peer said goodbye (closing): this node failed")
            assert len(bo.sync.peers()) == 1
