"""Sync: peers over links in memory end with the same set, whatever the links and the peers do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mycelia_node import sync
from mycelia_node.faults import StoreFault
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.compose import Content
from mycelia_protocol.frontier import Tip
from mycelia_protocol.session import Session
from tests.builders import HOUR_MS, NOW_MS, charter
from tests.node.ledgers import Clock, open_ledger
from tests.node.links import FAST, PATIENT, MemoryPeer, digests, link_pair, meadow, until

pytestmark = pytest.mark.asyncio


def same(*peers: MemoryPeer) -> Callable[[], bool]:
    """Return the condition that peers hold the same."""
    return lambda: len(digests(*peers)) == 1


class TestTwoPeers:
    async def test_catch_up_on_meeting(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            of_anna, of_bo = anna.publish(20), bo.publish(30)

            place.join(anna, bo)

            await until(same(anna, bo))
            assert anna.holds(of_bo)
            assert bo.holds(of_anna)

    async def test_hear_live_what_is_published(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            place.join(anna, bo)
            await until(same(anna, bo))

            fresh = anna.publish()

            await until(lambda: bo.holds(fresh))
            assert same(anna, bo)()

    async def test_pull_a_large_history_within_the_credit(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, replace(FAST, heartbeat_s=2.0)) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            anna.publish(3000)

            near, _ = place.join(bo, anna)

            await until(same(anna, bo), 60)
            assert bo.ledger.count() == 3002
            assert len(near.other.written) < 2 * sum(len(one.entry.raw) for one in anna.ledger.stored(0, 4000))

    async def test_show_how_far_their_clocks_are_apart(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo", clock=Clock(NOW_MS - 60_000))
            place.join(anna, bo)

            await until(same(anna, bo))

            [of_bo], [of_anna] = anna.sync.peers(), bo.sync.peers()
            assert (of_bo.clock_skew_ms, of_anna.clock_skew_ms) == (-60_000, 60_000)

    async def test_know_in_the_end_why_they_parted(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            near, far = link_pair(anna.node, bo.node)
            of_bo, _ = anna.converse(near), bo.converse(far)
            await until(lambda: of_bo.is_connected)

            bo.tasks[-1].cancel()

            await until(lambda: not of_bo.is_connected)
            assert of_bo.last_error is not None
            assert of_bo.last_error.startswith("the peer said goodbye (closing)")
            assert anna.sync.peers() == []


class TestAChainOfThree:
    async def test_carries_news_hop_by_hop(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            place.join(anna, bo)
            place.join(bo, cleo)
            await until(same(anna, bo, cleo))

            fresh = anna.publish(3)
            await until(lambda: cleo.holds(fresh))
            back = cleo.publish(3)

            await until(lambda: anna.holds(back))
            assert same(anna, bo, cleo)()

    async def test_heals_after_a_partition(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            place.join(anna, bo)
            near, _ = place.join(bo, cleo)
            await until(same(anna, bo, cleo))

            near.cut()
            await until(lambda: not cleo.sync.peers())
            apart = [*anna.publish(40), *bo.publish(40), *cleo.publish(40)]
            place.join(cleo, bo)

            await until(same(anna, bo, cleo))
            assert anna.holds(apart)

    async def test_ends_equal_though_every_link_breaks_again_and_again(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            for round_ in range(8):
                links = [place.join(anna, bo)[0], place.join(cleo, bo)[0]]
                for peer in (anna, bo, cleo):
                    peer.publish(round_)
                await until(lambda: any(len(link.other.written) > 200 for link in links))  # noqa: B023
                for link in links:
                    link.cut()
            place.join(anna, bo)
            place.join(bo, cleo)

            await until(same(anna, bo, cleo))


class TestARing:
    async def test_settles_without_telling_the_same_for_ever(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            peers = [place.peer(name) for name in ("anna", "bo", "cleo", "dirk")]
            ends = [place.join(one, other) for one, other in zip(peers, peers[1:] + peers[:1], strict=True)]
            peers[0].publish(50)
            await until(same(*peers))

            peers[1].publish()
            await until(same(*peers))

            sent = sum(len(end.written) for pair in ends for end in pair)
            held = sum(len(one.entry.raw) + 64 for one in peers[0].ledger.stored(0, 1000))
            assert sent < 10 * held


class TestTwins:
    @pytest.mark.parametrize("turn", [False, True])
    async def test_end_as_one_stream_that_both_sides_keep(self, tmp_path: Path, turn: bool) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            first, second = (bo, anna) if turn else (anna, bo)

            of_first, of_second = place.join(first, second), place.join(second, first)

            await until(lambda: sum(not link.is_closed for link in (of_first[0], of_second[0])) == 1)
            fresh = anna.publish()
            await until(lambda: bo.holds(fresh))
            kept = next(link for link in (of_first[0], of_second[0]) if not link.is_closed)
            assert kept.peer == bo.node  # dialled by the lesser node
            assert [len(peer.sync.peers()) for peer in (anna, bo)] == [1, 1]

    async def test_of_one_dialer_end_as_the_newer(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            old, _ = place.join(anna, bo)
            await until(same(anna, bo))

            new, _ = place.join(anna, bo)

            await until(lambda: old.is_closed)
            fresh = bo.publish()
            await until(lambda: anna.holds(fresh))
            assert not new.is_closed

    async def test_are_told_by_the_proven_id_and_not_by_what_a_hello_claims(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            place.join(anna, bo)
            await until(same(anna, bo))

            liar, far = link_pair(b"liar", anna.node)
            anna.converse(far)
            session = Session(charter=charter(), node=b"bo", is_dialer=True, clock_ms=NOW_MS)
            await liar.write(session.to_send())

            await until(lambda: len(anna.sync.peers()) == 2)
            fresh = anna.publish()
            await until(lambda: bo.holds(fresh))


class TestDependencies:
    async def test_that_are_missing_are_asked_for(self, tmp_path: Path) -> None:
        async with meadow(tmp_path, PATIENT) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            [wish] = anna.publish()
            bo.ledger.ingest([[one.entry] for one in anna.ledger.stored()])
            quote = bo.ledger.publish(bo.key, bo.chain, [quoting(wish.id)])
            near, far = link_pair(bo.node, cleo.node)
            cleo.converse(far)
            session = Session(charter=charter(), node=bo.node, is_dialer=True, clock_ms=NOW_MS)
            heard: list[Any] = []

            await near.write(session.to_send())
            await hear(near, session, heard, lambda: any(type(one).__name__ == "Heads" for one in heard))
            session.send_runs([[one.entry] for one in bo.ledger.stored(0, chain=bo.chain)])
            await near.write(session.to_send())
            await hear(near, session, heard, lambda: type(heard[-1]).__name__ == "Asked")

            assert heard[-1].ids == (wish.id,)
            assert [one.missing for one in cleo.ledger.awaiting()] == [frozenset({wish.id})]
            session.send_runs([[one.entry] for one in anna.ledger.stored(0, chain=anna.chain)])
            await near.write(session.to_send())
            await until(lambda: cleo.holds(quote))
            assert cleo.ledger.awaiting() == []


class TestAForkedChain:
    async def test_on_both_sides_ends_with_both_branches_everywhere(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo = place.peer("anna"), place.peer("bo"), place.peer("cleo")
            anna.publish(5)
            bo.ledger.ingest([[one.entry] for one in anna.ledger.stored()])
            anna.publish(3)
            bo.ledger.publish(anna.key, anna.chain, [bo.content(7)] * 6)

            place.join(anna, bo)
            place.join(bo, cleo)

            await until(same(anna, bo, cleo))
            assert len(cleo.ledger.tips_of(anna.chain)) == 2

    async def test_far_back_is_found_by_growing_steps(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo")
            anna.publish(2)
            bo.ledger.ingest([[one.entry] for one in anna.ledger.stored()])
            for _ in range(120):
                anna.publish()
                bo.ledger.publish(anna.key, anna.chain, [bo.content(7)])

            place.join(anna, bo)

            await until(same(anna, bo))


class TestAnEntryFromTheFuture:
    async def test_is_held_listed_and_taken_when_the_clock_catches_up(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            behind = Clock(NOW_MS - HOUR_MS)
            anna, bo = place.peer("anna"), place.peer("bo", clock=behind)
            fresh = anna.publish(3)
            place.join(anna, bo)

            await until(lambda: bo.ledger.awaiting())
            assert not bo.holds(fresh)
            assert bo.ledger.awaiting()[0].until_ms > behind.now_ms
            [of_anna] = bo.sync.peers()
            assert of_anna.clock_skew_ms == HOUR_MS
            assert anna.holds([one.entry for one in bo.ledger.stored()])  # the other way nothing waits

            behind.now_ms = NOW_MS
            await until(same(anna, bo))
            assert bo.ledger.awaiting() == []

    async def test_still_waits_after_a_restart(self, tmp_path: Path) -> None:
        behind = Clock(NOW_MS - HOUR_MS)
        async with meadow(tmp_path) as place:
            anna, bo = place.peer("anna"), place.peer("bo", clock=behind)
            fresh = anna.publish(3)
            place.join(anna, bo)
            await until(lambda: bo.ledger.awaiting())
            bo.ledger.close()

        ledger = open_ledger(tmp_path / "bo", clock=behind)
        assert ledger.awaiting()
        behind.now_ms = NOW_MS
        ledger.ingest(())
        assert ledger.awaiting() == []
        assert all(ledger.get(entry.id) for entry in fresh)
        ledger.close()


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
            forged = [[opening._replace(signature=bytes([number]) * 64)] for number in range(1, sync.MAX_FAULTS + 2)]
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

            def full(_: object) -> Any:
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

            def full(_: object) -> Any:
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


def quoting(*names: bytes) -> Content:
    """Return an entry of a custom kind that names others."""
    return Content("x.org.example.note", [], b"".join(sorted(names)))


async def hear(link: Any, session: Session, heard: list[Any], enough: Callable[[], bool]) -> None:
    """Read from a link until a condition holds."""
    async with asyncio.timeout(20):
        while not enough():
            heard.extend(session.receive(await link.read()))
