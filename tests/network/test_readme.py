"""The README's commands and script, as it prints them, on a real node."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from tests.docs.documents import README, block
from tests.network.nodes import HERE, Node, Nodes, mycelia, until

pytestmark = pytest.mark.network


def commands() -> list[list[str]]:
    """Return the words of each command under "Run a peer"."""
    lines = block(README, "", "mycelia up").splitlines()
    return [shlex.split(line, comments=True) for line in lines]


class TestRunAPeer:
    def test_is_done_by_its_commands(self, nodes: Nodes) -> None:
        home = nodes.place / "home"
        for name, *words in commands():
            assert name == "mycelia"
            if words == ["up"]:
                nodes.all.append(Node(home).start())
            else:
                said = mycelia(home, *words)

        [signal] = said["signals"]
        assert (signal["kind"], signal["amount_text"]) == ("need", "12 kg")


class TestThePublishingScript:
    def test_publishes_and_then_prints_every_offer(self, nodes: Nodes) -> None:
        node = nodes.founded("anna").start()
        script = subprocess.Popen(
            [sys.executable, "-u", "-c", block(README, "python", "client.connect()")],
            env={**os.environ, "MYCELIA_HOME": str(node.home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: mycelia(node.home, "field")["signals"])
            offer = mycelia(node.home, "offer", "food", "40 kg", "--at", HERE)

            assert script.stdout is not None
            name, _, terms = script.stdout.readline().partition(" ")
            assert (name, "'amount': 40000" in terms) == (offer["id"], True)
        finally:
            script.kill()
            script.communicate()
