"""Nodes that are killed without warning, again and again, while people publish: nothing acknowledged is lost."""

from __future__ import annotations

import itertools
import os
import queue
import random
import threading
import time

import pytest

from mycelia_node.client import NodeError
from tests.network.nodes import HERE, Node, Nodes, until

pytestmark = pytest.mark.network

KILLS = 20
AT_A_TIME = 25  # needs that are published between two kills of a node, unless the kill comes first


class Publisher:
    """Publishes needs through a node's API, one by one, until the node is gone; notes what was acknowledged."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.acknowledged: list[str] = []
        self.fresh: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def _publish(self) -> None:
        try:
            with self.node.client() as here:
                for number in range(AT_A_TIME):
                    name = here.need("food", number + 1, at=HERE, until="+2h").id
                    self.acknowledged.append(name)
                    self.fresh.put(name)
        except NodeError:
            pass  # it was killed: what it had not acknowledged may be there or not

    def wait_for(self, count: int) -> None:
        """Return once so many more were acknowledged."""
        for _ in range(count):
            self.fresh.get(timeout=30)

    def end(self) -> list[str]:
        """Return all that was acknowledged, once the publisher has stopped."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.acknowledged


def waiting(node: Node) -> list[str]:
    """Return why own entries have not left a node; each was asked what the other holds, so nothing need wait."""
    with node.client() as here:
        return [f"{one.waiting} entries: {one.why}" for one in here.status().release]


class TestNodesThatAreKilledAtRandom:
    def test_end_equal_and_hold_whatever_was_acknowledged(self, nodes: Nodes) -> None:
        seed = int(os.environ.get("MYCELIA_TEST_SEED", str(random.randrange(2**32))))
        print(f"MYCELIA_TEST_SEED={seed}")
        dice = random.Random(seed)
        anna = nodes.founded("anna").start()
        bo = nodes.joined("bo", anna).start()
        with anna.client() as here:
            here.add_peer(bo.address)
        acknowledged: list[str] = []
        killed = {anna: 0, bo: 0}

        for round_ in itertools.count():
            publishers = [Publisher(node) for node in (anna, bo)]
            victims = [(anna,), (bo,), (anna, bo)][min(round_ % 4, 2)]  # mostly both: starting is what takes long
            for node in victims:
                publishers[(anna, bo).index(node)].wait_for(dice.randrange(AT_A_TIME))
                time.sleep(dice.uniform(0, 0.02))  # a random point, not a meeting point
                node.kill()
                killed[node] += 1
            for node in victims:
                node.launch()
            for node in victims:
                node.wait()
            acknowledged += [name for publisher in publishers for name in publisher.end()]
            if sum(killed.values()) >= KILLS:
                break

        assert min(killed.values()) >= KILLS // 4
        until(lambda: not any(map(waiting, (anna, bo))), 60, or_say=lambda: list(map(waiting, (anna, bo))))
        until(lambda: anna.digest() == bo.digest(), 30, or_say=lambda: (anna.digest(), bo.digest()))
        held = {node: set(node.ids()) for node in (anna, bo)}
        assert len(set(acknowledged)) == len(acknowledged)
        assert not set(acknowledged) - held[anna]
        assert not set(acknowledged) - held[bo]
        for node in (anna, bo):
            with node.client() as here:
                assert here.verify().faults == []
            assert node.stop()[0] == 0
