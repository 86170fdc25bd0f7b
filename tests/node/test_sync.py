"""Sync: peers over links in memory end with the same set, whatever the links and the peers do to them."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mycelia_node.desk import Desk
from mycelia_node.keystore import Keystore
from mycelia_protocol.compose import Content
from mycelia_protocol.session import Session
from tests.builders import HOUR_MS, NOW_MS, charter, note
from tests.node.ledgers import Clock, open_ledger
from tests.node.links import FAST, PATIENT, hear, link_pair, meadow, same, until

pytestmark = pytest.mark.asyncio


def quoting(*names: bytes) -> Content:
    """Return an entry of a custom kind that names others."""
    return Content("x.org.example.note", [], b"".join(sorted(names)))


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

    @pytest.mark.parametrize("seed", [0, 7, 8, 11])
    async def test_with_many_pasts_is_kept_alike_and_so_is_what_others_rely_on(self, tmp_path: Path, seed: int) -> None:
        """Four peers each know another past of a chain, parted at places of their own, and say that they saw it."""
        dice = random.Random(seed)
        async with meadow(tmp_path) as place:
            peers = [place.peer(name) for name in ("anna", "bo", "cleo", "dora")]
            anna = peers[0]
            base = [one.entry for one in anna.ledger.stored()] + anna.publish(6)
            for peer in peers[1:]:
                peer.ledger.ingest([[entry] for entry in base[: dice.randint(1, 7)]])
            for number, peer in enumerate(peers):
                content = peer.content(number + 2)
                late = peer.ledger.publish(anna.key, anna.chain, [content] * dice.randint(1, 90))
                if peer is not anna and dice.random() < 0.7:
                    peer.ledger.publish(peer.key, peer.chain, [note(dice.choice(late))])

            for one, other in pairwise(peers):
                place.join(one, other)

            await until(same(*peers))
            kept = [
                {one.entry.id for one in peer.ledger.stored(limit=-1) if peer.ledger.keeps(one.entry)} for peer in peers
            ]
            assert kept[0] == kept[1] == kept[2] == kept[3]
            assert not any(peer.ledger.awaiting() for peer in peers)
            assert len({str(sorted(peer.ledger.standing.needs)) for peer in peers}) == 1
            assert all(peer.ledger.verify().is_good for peer in peers)

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
            desk = Desk(bo.ledger, Keystore(tmp_path / "keys", entropy=os.urandom), behind)
            shown = desk.status(peers=bo.sync.peers(), addresses=(), node="bo", started_ms=0, last_event=None)
            assert [warning.partition(" ")[0] for warning in shown.warnings] == ["the", str(len(shown.awaiting))]
            assert "differs from this one by 3600 s" in shown.warnings[0]
            assert "is this clock behind?" in shown.warnings[1]
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
