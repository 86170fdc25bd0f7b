"""Release between peers: real sync over guarded ledgers, joined by links in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mycelia_node.gate import Gate
from mycelia_node.install import Install
from mycelia_protocol.release import Place, Record
from tests.node.ledgers import pair
from tests.node.links import Meadow, MemoryPeer, meadow, same, until


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def guard(peer: MemoryPeer, place: Path, stack: ExitStack, record: Record | None = None) -> Gate:
    """Guard a peer's chain from now on, as after a start with this record."""
    place.mkdir()
    install = Install(place)
    stack.callback(install.close)
    install.save({peer.key.public: record or Record()})
    gate = Gate(peer.ledger, install, clock=peer.clock, monotonic_ms=peer.clock)
    gate.watch(peer.chain, peer.key.public)
    return gate


@pytest.mark.asyncio
class TestTwoPeers:
    async def test_release_to_each_other_when_they_meet(self, tmp_path: Path, stack: ExitStack) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = _guarded_pair(place, tmp_path, stack)
            entries = anna.publish(3)

            place.join(anna, bo)

            await until(lambda: bo.holds(entries))
            await until(same(anna, bo))

    async def test_go_on_releasing_what_is_published_later(self, tmp_path: Path, stack: ExitStack) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = _guarded_pair(place, tmp_path, stack)
            place.join(anna, bo)
            await until(same(anna, bo))

            entries = anna.publish(2)

            await until(lambda: bo.holds(entries))
            assert anna.ledger.gate is not None
            assert anna.ledger.gate.waiting() == []

    async def test_release_the_chain_of_a_member_who_joins_later(self, tmp_path: Path, stack: ExitStack) -> None:
        async with meadow(tmp_path) as place:
            anna, bo = _guarded_pair(place, tmp_path, stack)
            place.join(anna, bo)
            await until(same(anna, bo))

            anna.ledger.gate._install.register(pair("eve").public)  # type: ignore[union-attr]
            key, chain = anna.member("eve")
            entries = anna.ledger.publish(key, chain, [anna.content()])

            await until(lambda: bo.holds(entries))

    async def test_hold_back_what_a_peer_who_knows_less_cannot_vouch_for(
        self, tmp_path: Path, stack: ExitStack
    ) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cy = (place.peer(name) for name in ("anna", "bo", "cy"))
            [known] = anna.publish()
            released = Place(known.header.sequence, known.id)
            gate = guard(anna, tmp_path / "state", stack, Record(released, frozenset({b"cy"})))
            cy.ledger.ingest(anna.ledger.runs_for({anna.chain: 0}, 0, 1 << 20)[0])
            fresh = anna.publish()

            place.join(anna, bo)
            await until(lambda: bo.holds([known]))
            waiting = gate.waiting()
            place.join(anna, cy)

            await until(lambda: bo.holds(fresh) and cy.holds(fresh))
            assert waiting[0].why == "0 of 1 peers hold what was released before"
            await until(same(anna, bo, cy))


def _guarded_pair(place: Meadow, path: Path, stack: ExitStack) -> tuple[MemoryPeer, MemoryPeer]:
    anna, bo = place.peer("anna"), place.peer("bo")
    guard(anna, path / "state of anna", stack)
    guard(bo, path / "state of bo", stack)
    return anna, bo
