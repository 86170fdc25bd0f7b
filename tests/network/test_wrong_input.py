"""What strangers send to a node's port: it says what is wrong where it can, survives, and serves the next one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from mycelia_node.net import Link, Network
from mycelia_node.peer import fetch_charter
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry
from mycelia_protocol.frames import write as frame
from mycelia_protocol.messages import Heads, Hello, Left, Runs
from mycelia_protocol.messages import write as payload
from mycelia_protocol.session import Event, Session
from tests.builders import Commons
from tests.network.nodes import HERE, Node, Nodes, mycelia, until

pytestmark = pytest.mark.network

READ_TIMEOUT_S = 20


@pytest.fixture(scope="module")
def anna(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Return the one node that all of this is sent to."""
    made = Nodes(tmp_path_factory.mktemp("nodes"))
    yield made.founded("anna").start()
    made.end()


@contextlib.asynccontextmanager
async def dialled(node: Node) -> AsyncIterator[tuple[Link, bytes]]:
    """Give a link to a node, and the id of who dials."""
    async with Network.running(secrets.token_bytes(32), (), lambda _: None) as network:
        link = await network.dial(node.address)
        try:
            yield link, network.node.to_bytes()
        finally:
            await link.close()


async def heard(link: Link, session: Session, enough: Callable[[list[Event]], object]) -> list[Event]:
    """Return what a node says, until that is enough or it has closed."""
    events: list[Event] = []
    async with asyncio.timeout(READ_TIMEOUT_S):
        while not enough(events):
            if session_says := session.to_send():
                await link.write(session_says)
            data = await link.read()
            if not data:
                break
            events += session.receive(data)
    return events


def last_word(node: Node, data: bytes, *, greets: bool = True, charter: Charter | None = None) -> Left | None:
    """Send bytes to a node, after a hello or instead of one; return the goodbye that it said, if it did."""

    async def talk() -> Left | None:
        async with dialled(node) as (link, here):
            law = charter or await fetch_charter(node.address)
            session = Session(charter=law, node=here, is_dialer=True, clock_ms=0)
            if greets:
                await heard(link, session, lambda events: any(isinstance(one, Heads) for one in events))
            else:
                session.to_send()
            with contextlib.suppress(ConnectionError):
                await link.write(data)
            events = await heard(link, session, lambda events: any(isinstance(one, Left) for one in events))
            return next((one for one in events if isinstance(one, Left)), None)

    return asyncio.run(talk())


def serves(node: Node) -> bool:
    """Whether a node gives an honest stranger all that it holds."""

    async def visit() -> int:
        charter = await fetch_charter(node.address)
        async with dialled(node) as (link, here):
            session = Session(charter=charter, node=here, is_dialer=True, clock_ms=0)
            events = await heard(link, session, lambda events: any(isinstance(one, Heads) for one in events))
            tips = [tip for event in events if isinstance(event, Heads) for tip in event.tips]
            session.send_heads([], complete=True)  # own entries go to whoever has said what it holds
            session.send_pull({tip.chain: 0 for tip in tips})
            expected = sum(tip.sequence + 1 for tip in tips)
            events = await heard(link, session, lambda events: count(events) >= expected)
            return count(events) - expected

    def count(events: list[Event]) -> int:
        return sum(len(run) for event in events if isinstance(event, Runs) for run in event.runs)

    return asyncio.run(visit()) == 0


def nested(depth: int) -> bytes:
    """Return arrays inside arrays."""
    return b"\x81" * depth + b"\x00"


class TestBytesThatAreNoMessages:
    @pytest.mark.parametrize(
        ("data", "rule"),
        [
            (bytes(4), "session.frame"),
            (b"\xff\xff\xff\xff", "session.frame"),
            (b"\x00\x01\x00\x01" + bytes(65_537), "session.frame"),
            (frame(nested(60_000)), "canonical."),
            (frame(b"\x82\x64ping\x18\x01"), "canonical."),
            (frame(b"\x9f\x64ping\xff"), "canonical."),
            (frame(b"\xff" * 100), "canonical."),
            (frame(b"\x81\x64pong"), "session.form"),
            (frame(b"\x81\x68greeting"), "session.form"),
        ],
        ids=["zero", "4 GiB", "64 KiB + 1", "deep", "long form", "indefinite", "garbage", "short", "unknown"],
    )
    @pytest.mark.parametrize("greets", [True, False], ids=["after a hello", "instead of a hello"])
    def test_are_answered_with_the_rule_they_break(self, anna: Node, data: bytes, rule: str, greets: bool) -> None:
        said = last_word(anna, data, greets=greets)

        assert said is not None
        assert said.code == "malformed"
        assert said.text.startswith(rule)

    def test_leave_the_node_as_it_was(self, anna: Node) -> None:
        assert serves(anna)

    def test_that_stop_in_the_middle_are_forgotten(self, anna: Node) -> None:
        async def talk() -> None:
            async with dialled(anna) as (link, here):
                hello = frame(payload(Hello(None, here, 0)))
                await link.write(hello[:-3])

        asyncio.run(talk())

        assert serves(anna)

    def test_on_the_bare_port_are_none_of_its_business(self, anna: Node) -> None:
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100_000), b"\x13/multistream/1.0.0\n\x0b/plaintext\n"):
            with socket.create_connection(("127.0.0.1", anna.port), timeout=10) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
        silent = [socket.create_connection(("127.0.0.1", anna.port), timeout=10) for _ in range(20)]

        assert serves(anna)
        for connection in silent:
            connection.close()


class TestEntriesThatAreNotGood:
    def test_because_they_are_forged_are_refused_and_their_sender_is_left(self, anna: Node) -> None:
        before = anna.ids()
        forger = Commons().member("forger")
        forged = [[forger.opening._replace(signature=bytes([number]) * 64)] for number in range(1, 12)]

        said = last_word(anna, frame(payload(Runs(tuple(tuple(run) for run in forged)))))

        assert said is not None
        assert said.code == "malformed"
        assert said.text.startswith("too many faults")
        assert anna.ids() == before
        assert serves(anna)

    def test_because_they_stand_in_no_chain_are_dropped(self, anna: Node) -> None:
        before = anna.ids()
        member = Commons().member("far away")
        entries: list[Entry] = [member.need(amount=number + 1) for number in range(5)]

        async def talk() -> list[Event]:
            async with dialled(anna) as (link, here):
                charter = await fetch_charter(anna.address)
                session = Session(charter=charter, node=here, is_dialer=True, clock_ms=0)
                await heard(link, session, lambda events: any(isinstance(one, Heads) for one in events))
                session.send_runs([[entry] for entry in reversed(entries)])
                wanted = await heard(link, session, lambda events: len(events) >= 2)
                session.send_bye("closing", "enough")
                await link.write(session.to_send())
                return wanted

        assert asyncio.run(talk())

        assert anna.ids() == before
        assert serves(anna)


class TestAStranger:
    def test_of_another_network_is_refused_in_one_sentence_and_a_third_is_served(
        self, anna: Node, nodes: Nodes
    ) -> None:
        stranger = nodes.founded("stranger", commons="West").start()
        friend = nodes.joined("friend", anna).start()

        refused = mycelia(stranger.home, "peer", "add", anna.address, code=1)

        assert "this is network" in refused["error"]["why"]
        [listed] = mycelia(stranger.home, "peer", "ls")["peers"]
        assert not listed["is_connected"]
        assert listed["last_error"].startswith("the peer said goodbye (network): session.network: this is network")
        with anna.client() as here:
            name = here.need("food", "1 kg", at=HERE, until="+2h").id
        until(lambda: friend.holds(name))
        assert not stranger.holds(name)

    def test_that_opens_many_streams_leaves_room_for_others(self, anna: Node) -> None:
        async def crowd() -> None:
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(4):
                    network = await stack.enter_async_context(
                        Network.running(secrets.token_bytes(32), (), lambda _: None)
                    )
                    for _ in range(20):
                        await network.dial(anna.address)
                assert await asyncio.to_thread(serves, anna)

        asyncio.run(crowd())

    def test_with_a_wrong_token_is_sent_away(self, anna: Node) -> None:
        url = json.loads((anna.home / "api.json").read_text())["url"]

        answer = httpx.get(f"{url}/v1/status", headers={"authorization": "Bearer wrong"}, trust_env=False)

        assert answer.status_code == 401


class TestASecondNode:
    def test_on_a_home_that_is_in_use_says_so_and_leaves_the_first_alone(self, anna: Node) -> None:
        before = (anna.home / "api.json").read_text()

        refused = mycelia(anna.home, "up", code=1)

        assert "another process uses the ledger" in refused["error"]["why"] + refused["error"]["what"]
        assert (anna.home / "api.json").read_text() == before
        assert serves(anna)

    def test_on_a_port_that_is_in_use_says_so(self, anna: Node, nodes: Nodes) -> None:
        other = nodes.founded("other")

        refused = mycelia(other.home, "up", "--listen", f"/ip4/127.0.0.1/tcp/{anna.port}", code=1)

        assert "cannot listen on" in refused["error"]["why"] + refused["error"]["what"]
        port = json.loads((anna.home / "api.json").read_text())["url"].rpartition(":")[2]
        refused = mycelia(other.home, "up", "--api-port", port, code=1)
        assert f"cannot listen on port {port}" in refused["error"]["why"] + refused["error"]["what"]
