"""A peer within the test's own process: what it raises, what it leaves behind, how fast it goes."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.peer import Peer, now_ms
from tests.builders import charter
from tests.node.links import until

pytestmark = [pytest.mark.network, pytest.mark.asyncio]

QUICK: dict[str, Any] = {"gossip_ms": 10, "heartbeat_s": 0.5, "repair_s": 0.2, "redial_s": 0.1}


@pytest.fixture
def homes(tmp_path: Path) -> list[Path]:
    """Return two homes of one commons, each with a member."""
    made = []
    for name in ("anna", "bo"):
        ledger = Ledger.create(tmp_path / name, charter(), clock=now_ms, entropy=os.urandom)
        Keystore(tmp_path / name / "keys", entropy=os.urandom).create(name, ledger)
        ledger.close()
        made.append(tmp_path / name)
    return made


def is_gone(home: Path) -> bool:
    """Whether nothing of a peer is left: no thread, no lock, no api.json."""
    Ledger.open(home, clock=now_ms, entropy=os.urandom).close()
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("mycelia")]
    return not names and not (home / "api.json").exists()


class TestAPeer:
    async def test_lets_through_what_its_body_raises_and_leaves_nothing(self, homes: list[Path]) -> None:
        with pytest.raises(LookupError, match="spores"):
            async with Peer.running(homes[0]):
                raise LookupError("spores")

        assert is_gone(homes[0])

    async def test_ends_when_its_task_is_cancelled(self, homes: list[Path]) -> None:
        running = asyncio.Event()

        async def run() -> None:
            async with Peer.running(homes[0]):
                running.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(run())
        await asyncio.wait_for(running.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert is_gone(homes[0])

    @pytest.mark.parametrize(
        ("more", "sentence"),
        [
            ({"listen": ("/ip4/203.0.113.1/tcp/1",)}, "cannot listen on /ip4/203"),
            ({"listen": ("nonsense",)}, "cannot listen on nonsense"),
            ({"listen": ("/dns4/localhost/tcp/0",)}, "cannot listen on /dns4/localhost"),
            ({"listen": ("/ip4/127.0.0.1/udp/0",)}, "cannot listen on /ip4/127.0.0.1/udp/0"),
        ],
    )
    async def test_that_cannot_begin_says_why_and_leaves_nothing(
        self, homes: list[Path], more: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ConnectionError, match=sentence):
            async with Peer.running(homes[0], **more):
                pass

        assert is_gone(homes[0])

    async def test_shares_its_port_with_nobody(self, homes: list[Path]) -> None:
        async with Peer.running(homes[0]) as anna:
            port = anna.addresses[0].split("/")[4]
            with pytest.raises(ConnectionError, match="Address already in use"):
                async with Peer.running(homes[1], listen=(f"/ip4/127.0.0.1/tcp/{port}",)):
                    pass

    async def test_does_not_begin_where_the_port_of_its_api_is_taken(self, homes: list[Path]) -> None:
        async with Peer.running(homes[0]) as anna:
            port = int(anna.api_url.rpartition(":")[2])
            with pytest.raises(ConnectionError, match=f"cannot listen on port {port}"):
                async with Peer.running(homes[1], api_port=port):
                    pass

    async def test_with_a_damaged_list_of_peers_says_which_file(self, homes: list[Path]) -> None:
        (homes[0] / "peers.json").write_text("{")

        with pytest.raises(StoreFault, match=r"peers\.json is damaged"):
            async with Peer.running(homes[0]):
                pass

        assert is_gone(homes[0])

    async def test_goes_on_when_a_part_of_it_fails(self, homes: list[Path], caplog: pytest.LogCaptureFixture) -> None:
        async def fail() -> None:
            raise LookupError("spores")

        async with Peer.running(homes[0]) as peer:
            peer._start(fail())
            await until(lambda: "a part of the node has failed" in caplog.text)
            assert await peer.on_ledger(peer.ledger.count) == 1

    async def test_ends_at_once_though_others_are_connected(self, homes: list[Path]) -> None:
        loop = asyncio.get_running_loop()
        async with Peer.running(homes[0], **QUICK) as anna:
            async with Peer.running(homes[1], **QUICK) as bo:
                assert (await bo.connect(anna.addresses[0])).is_connected
                began = loop.time()
            took_s = loop.time() - began

            await until(lambda: not anna.peers())
            assert took_s < 1.5

    async def test_forgets_a_peer_and_hangs_up(self, homes: list[Path]) -> None:
        async with Peer.running(homes[0], **QUICK) as anna, Peer.running(homes[1], **QUICK) as bo:
            await bo.connect(anna.addresses[0])

            assert await bo.forget(anna.node_id) == [anna.addresses[0]]

            await until(lambda: not anna.peers())
            assert bo.home.known_peers() == []
            with pytest.raises(BadInput, match="no address"):
                await bo.forget(anna.node_id)

    async def test_dials_at_once_when_asked_though_it_waits_to_redial(self, homes: list[Path]) -> None:
        patient = {**QUICK, "redial_s": 60.0}
        async with Peer.running(homes[0], **QUICK) as anna:
            address = anna.addresses[0]
        port = address.split("/")[4]
        async with Peer.running(homes[1], **patient) as bo:
            with pytest.raises(ConnectionError, match="nobody answers there"):
                await bo.connect(address)

            async with Peer.running(homes[0], listen=(f"/ip4/127.0.0.1/tcp/{port}",), **QUICK):
                assert (await bo.connect(address)).is_connected

    async def test_finds_a_peer_that_has_moved_to_another_port(self, homes: list[Path]) -> None:
        async with Peer.running(homes[1], **QUICK) as bo:
            for _ in range(2):
                async with Peer.running(homes[0], **QUICK) as anna:
                    assert (await bo.connect(anna.addresses[0])).is_connected
