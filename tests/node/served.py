"""A peer without a network: a real ledger, keys and bus behind the real API, for tests of what it says."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from mycelia_node import api
from mycelia_node.config import Settings
from mycelia_node.events import Bus
from mycelia_node.faults import BadInput
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.stored import Stored
from mycelia_node.sync import PeerState
from mycelia_node.views import entry_view
from mycelia_protocol.charter import Charter
from tests import builders

_Result = TypeVar("_Result")

TOKEN = "a token of this test"
HERE = "52.37,4.89"


class LonePeer:
    """What the API needs of a peer, with nobody to talk to."""

    def __init__(self, home: Path, law: Charter | None = None) -> None:
        self.now_ms = builders.NOW_MS
        self.ledger = Ledger.create(home, law or builders.charter(), clock=self.clock, entropy=os.urandom)
        self.keystore = Keystore(home / "keys", entropy=os.urandom)
        self.anna = self.keystore.create("anna", self.ledger)
        self.bus = Bus(boot="b00f")
        self.settings = Settings()
        self.api_token, self.started_ms = TOKEN, self.now_ms
        self.node_id, self.addresses = "12D3KooWnode", ["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWnode"]
        self.ledger.subscribe(self._tell)

    def clock(self) -> int:
        """Return the time, which stands still."""
        return self.now_ms

    def peers(self) -> list[PeerState]:
        """Return nobody."""
        return []

    async def connect(self, address: str) -> PeerState:
        """Reach nobody."""
        raise ConnectionError(f"{address} does not answer")

    async def release(self, act: Callable[[], _Result]) -> _Result:
        """Run what releases entries."""
        return act()

    async def forget(self, peer: str) -> list[str]:
        """Know nobody."""
        raise BadInput("peer", f"no address of {peer!r} is remembered", "see `mycelia peer ls`")

    async def on_ledger(self, function: Callable[..., _Result], *args: Any) -> _Result:
        """Run a function on the ledger, in this thread."""
        return function(*args)

    def _tell(self, batch: list[Stored]) -> None:
        for stored in batch:
            self.bus.publish("entry", entry_view(self.ledger.law_of, stored))


@contextlib.asynccontextmanager
async def asked(peer: LonePeer, *, token: str = TOKEN, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client of the API, without a socket."""
    transport = httpx.ASGITransport(app=api.build(peer), raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}", "host": host}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers) as http:
        yield http
    await asyncio.sleep(0)


def need(**changes: Any) -> dict[str, Any]:
    """Return a need as JSON, with good defaults."""
    return {"resource_class": "food", "amount": "1.5 kg", "at": HERE, "until": "+2h", **changes}
