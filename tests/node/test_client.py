"""The clients against the real API on a loopback port: what they give, raise and resume."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mycelia_node import api, client, models
from mycelia_node.client.events import Event
from mycelia_node.events import Bus

from . import client_generation
from .served import HERE, TOKEN, LonePeer


@contextlib.contextmanager
def serving(peer: LonePeer) -> Iterator[str]:
    """Serve a peer from a thread of its own; gives the URL."""
    started: list[str] = []
    is_up, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with api.serving(peer) as url:
            started.append(url)
            is_up.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert is_up.wait(20)
    try:
        yield started[0]
    finally:
        stop.set()
        thread.join(20)


@pytest.fixture
def peer(tmp_path: Path) -> LonePeer:
    return LonePeer(tmp_path)


@pytest.fixture
def url(peer: LonePeer) -> Iterator[str]:
    with serving(peer) as url:
        yield url


class TestTheSynchronousClient:
    def test_is_the_asynchronous_one_without_waiting(self) -> None:
        written = (client_generation.CLIENT / "synchronous.py").read_text()
        source = (client_generation.CLIENT / "asynchronous.py").read_text()

        assert written == client_generation.synchronous(source)

    def test_publishes_in_a_line(self, url: str) -> None:
        with client.connect(url=url, token=TOKEN) as node:
            said = node.need("food", "1.5 kg", at=(52.37, 4.89), until="+2h")

            assert node.field().signals[0].id == said.id
            assert node.show(said.id[:18]).kind == "need"
            assert node.why(said.id).is_effective

    def test_does_everything_that_the_api_does(self, url: str) -> None:
        with client.connect(url=url, token=TOKEN) as node:
            offer = node.offer("food", 15, at=HERE, until="+2h", dry_run=True)
            bo = node.create_member("bo")
            kept = node.offer("food", 15, at=HERE, until="+2h", member="bo")
            gone = node.withdraw(kept.id)

            assert (offer.dry_run, kept.chain, gone.kind) == (True, bo.chain, "withdraw")
            assert [one.kind for one in node.log(kind="withdraw")] == ["withdraw"]
            assert node.verify().faults == []
            assert node.import_runs(node.export_runs()).accepted == 0
            assert node.status().entries == 4
            assert [member.name for member in node.members()] == ["anna", "bo"]
            assert node.peers() == []

    def test_asks_for_the_books(self, url: str) -> None:
        with client.connect(url=url, token=TOKEN) as node:
            assert node.accounts() == []
            lot = node.event(models.NewEvent(action="raise", resource_class="food", amount="12 kg")).id

            [account] = node.accounts(party=node.members()[0].name, resource_class="food")
            assert (account.raised, account.on_hand) == ("12", "12")
            assert [step.action for step in node.trace(lot)] == ["raise"]
            assert node.trace(lot, forward=True) == []
            assert [row.id for row in node.recall(lot).stock] == [lot]
            assert [row.action for row in node.books().events] == ["raise"]

    def test_raises_what_a_rule_refuses_by_its_name(self, url: str) -> None:
        with client.connect(url=url, token=TOKEN) as node, pytest.raises(client.Refused) as refused:
            node.need("gold", 1, at=HERE)

        assert refused.value.rule == "intent.class"

    def test_raises_the_kind_of_what_went_wrong(self, url: str) -> None:
        with client.connect(url=url, token="another") as node, pytest.raises(client.WrongToken):
            node.status()
        with client.connect(url=url, token=TOKEN) as node:
            with pytest.raises(client.NotFound):
                node.show("bafyreiaaaaaaaaaa")
            with pytest.raises(client.BadRequest):
                node.need("food", "1 lb", at=HERE)
            with pytest.raises(client.NodeError, match="does not answer"):
                node.add_peer("/ip4/127.0.0.1/tcp/9/p2p/x")

    def test_says_that_no_node_runs(self, tmp_path: Path) -> None:
        with pytest.raises(client.NodeDown, match="mycelia up"):
            client.connect(tmp_path / "nowhere")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with client.connect(url=url, token=TOKEN) as node, pytest.raises(client.NodeDown):
                node.status()

    def test_gives_up_on_a_node_that_does_not_answer(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with client.connect(url=url, token=TOKEN, timeout_s=0.2) as node, pytest.raises(client.Timeout):
                node.status()

    def test_watches_entries_as_they_are_accepted(self, url: str) -> None:
        with client.connect(url=url, token=TOKEN) as node:
            begin = node.status().last_event
            said = [node.need("food", 1, at=HERE, until="+2h").id for _ in range(3)]
            node.offer("food", 1, at=HERE, until="+2h")

            watch = node.watch(after=begin, kind="need")

            assert [next(watch).data["id"] for _ in said] == said


class Cut:
    """A line between client and node that breaks again and again, in the middle of whatever is said."""

    def __init__(self, port: int, every_bytes: int) -> None:
        self._port, self._every_bytes, self.breaks = port, every_bytes, 0

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[str]:
        """Listen; gives the URL."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _carry(self, near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        far, into = await asyncio.open_connection("127.0.0.1", self._port)
        into.write(await near.readuntil(b"\r\n\r\n"))
        left = self._every_bytes
        while left > 0 and (data := await far.read(min(left, 997))):
            left -= len(data)
            out.write(data)
            await out.drain()
        self.breaks += 1
        into.close()
        out.transport.abort()


class TestTheAsynchronousClient:
    @pytest.mark.asyncio
    async def test_resumes_a_watch_whose_line_breaks_without_gap_or_twin(self, peer: LonePeer) -> None:
        async with api.serving(peer) as url:
            cut = Cut(int(url.rpartition(":")[2]), every_bytes=6000)
            for number in range(60):
                peer.bus.publish("count", {"number": number})
            async with cut.line() as broken, client.aconnect(url=broken, token=TOKEN) as node:
                watch = node.watch(after="b00f-0")
                seen: list[Event] = [await anext(watch) for _ in range(40)]
                for number in range(60, 100):
                    peer.bus.publish("count", {"number": number, "padding": "x" * 300})
                seen += [await anext(watch) for _ in range(60)]
                await watch.aclose()  # type: ignore[attr-defined]

        assert cut.breaks >= 1
        assert [event.data["number"] for event in seen] == list(range(100))
        assert [event.id for event in seen] == [f"b00f-{number}" for number in range(1, 101)]

    @pytest.mark.asyncio
    async def test_goes_on_watching_a_node_that_was_started_again(self, peer: LonePeer, tmp_path: Path) -> None:
        home, again = tmp_path / "home", LonePeer(tmp_path / "again")
        home.mkdir()
        again.bus = Bus(boot="b002")
        again.api_token = "another token"

        async with api.serving(peer) as url:
            (home / "api.json").write_text(json.dumps({"url": url, "token": TOKEN}))
            node = client.aconnect(home)
            watch = node.watch(after="b00f-0")
            peer.bus.publish("count", {"number": 1})
            assert (await anext(watch)).data == {"number": 1}
        async with api.serving(again) as url:
            (home / "api.json").write_text(json.dumps({"url": url, "token": "another token"}))
            assert (await anext(watch)).kind == "reset"
            again.bus.publish("count", {"number": 2})
            assert (await anext(watch)).data == {"number": 2}
            await watch.aclose()  # type: ignore[attr-defined]
            await node.aclose()

    @pytest.mark.asyncio
    async def test_hears_that_the_node_does_not_remember_so_far(self, peer: LonePeer) -> None:
        async with api.serving(peer) as url, client.aconnect(url=url, token=TOKEN) as node:
            watch = node.watch(after="another-7")

            assert (await anext(watch)).kind == "reset"
            peer.bus.publish("count", {"number": 1})
            assert (await anext(watch)).data == {"number": 1}
            await watch.aclose()  # type: ignore[attr-defined]

    @pytest.mark.asyncio
    async def test_leaves_no_watcher_behind(self, peer: LonePeer) -> None:
        async with api.serving(peer) as url:
            async with client.aconnect(url=url, token=TOKEN) as node:
                watch = node.watch(after="another-7")
                await anext(watch)
                await watch.aclose()  # type: ignore[attr-defined]

            async with asyncio.timeout(5):
                while peer.bus.watchers:  # noqa: ASYNC110  (the server notices the closed line on its own)
                    await asyncio.sleep(0.01)

    @pytest.mark.asyncio
    async def test_raises_when_the_watch_finds_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from mycelia_node.client import asynchronous

        monkeypatch.setattr(asynchronous, "_RETRIES", 0)
        async with client.aconnect(url="http://127.0.0.1:9", token=TOKEN) as node:
            with pytest.raises(client.NodeDown):
                await anext(node.watch())

    @pytest.mark.asyncio
    async def test_publishes_many_at_once(self, peer: LonePeer) -> None:
        from mycelia_node.models import NewSignal

        signals = [NewSignal(kind="need", resource_class="food", amount=1, at=HERE, until="+2h") for _ in range(20)]
        async with api.serving(peer) as url, client.aconnect(url=url, token=TOKEN) as node:
            published = await node.publish(signals)

        assert [one.sequence for one in published] == list(range(1, 21))
