"""A node that cannot judge signatures does not start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mycelia_node.faults import StoreFault
from mycelia_node.peer import Peer
from mycelia_protocol import keys


class TestANode:
    def test_does_not_start_where_every_signature_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def start() -> None:
            async with Peer.running(tmp_path):
                pytest.fail("it runs")

        monkeypatch.setattr(keys, "verify", lambda *_, **__: True)

        with pytest.raises(StoreFault, match="judges 22 known signatures wrongly"):
            asyncio.run(start())
        assert list(tmp_path.iterdir()) == []
