"""Two nodes in processes of their own: every way to publish reaches the other one, and both end cleanly."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from mycelia_node import client
from tests.network.nodes import HERE, Node, Nodes, mycelia, until

pytestmark = pytest.mark.network


def published(node: Node) -> list[str]:
    """Publish a need in each of the four ways; return the ids."""
    ids = [mycelia(node.home, "need", "food", "1 kg", "--at", HERE, "--until", "+2h")["id"]]
    with client.connect(node.home) as here:
        ids.append(here.need("food", "2 kg", at=HERE, until="+2h").id)

    async def one() -> str:
        async with client.aconnect(node.home) as here:
            return (await here.need("food", "3 kg", at=(52.37, 4.89), until="+2h")).id

    ids.append(asyncio.run(one()))
    door = json.loads((node.home / "api.json").read_text())
    answer = httpx.post(
        f"{door['url']}/v1/needs",
        headers={"authorization": f"Bearer {door['token']}"},
        json={"resource_class": "food", "amount": "4 kg", "at": HERE, "until": "+2h"},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    return [*ids, answer.json()["id"]]


class TestTwoNodes:
    def test_exchange_what_is_published_in_every_way(self, nodes: Nodes) -> None:
        anna = nodes.founded("anna").start()
        bo = nodes.invited("bo", anna).start()
        assert mycelia(anna.home, "peer", "add", bo.address)["is_connected"]

        ids = [*published(anna), *published(bo)]

        until(lambda: anna.holds(*ids) and bo.holds(*ids))
        until(lambda: anna.digest() == bo.digest())
        shown = mycelia(bo.home, "field", "--kind", "need")
        assert sorted(one["id"] for one in shown["signals"]) == sorted(ids)
        assert mycelia(bo.home, "verify")["faults"] == []
        for node in (anna, bo):
            code, took_s = node.stop()
            assert code == 0, node.log.read_text()
            assert took_s < 3
            assert not (node.home / "api.json").exists()

    def test_meet_again_after_either_was_away(self, nodes: Nodes) -> None:
        anna = nodes.founded("anna").start()
        bo = nodes.joined("bo", anna).start()  # remembers whom it joined
        until(lambda: anna.digest() == bo.digest())

        assert anna.stop()[0] == 0
        with bo.client() as here:
            alone = here.need("food", "1 kg", at=HERE, until="+2h").id
        anna.start()

        until(lambda: anna.holds(alone), 10)

    def test_that_both_dial_each_other_end_as_one_conversation(self, nodes: Nodes) -> None:
        anna = nodes.founded("anna").start()
        bo = nodes.joined("bo", anna).start()

        for node, other in ((anna, bo), (bo, anna)):
            with node.client() as here:
                assert here.add_peer(other.address).is_connected

        for node in (anna, bo):
            with node.client() as here:
                assert [peer.is_connected for peer in here.peers()] == [True]
