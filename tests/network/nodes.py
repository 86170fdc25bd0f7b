"""Nodes in processes of their own, for tests: started, asked, killed, started again on the same home."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mycelia_node import client
from mycelia_node.client.synchronous import Client
from mycelia_node.config import Home
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.peer import now_ms
from mycelia_protocol.charter import Charter, ResourceClass, found

MYCELIA = (sys.executable, "-m", "mycelia_agents.cli")
DEADLINE_S = 60
HERE = "52.37,4.89"
FAST = {
    "MYCELIA_GOSSIP_MS": "20", "MYCELIA_HEARTBEAT_S": "1", "MYCELIA_REPAIR_S": "0.5", "MYCELIA_PULL_TIMEOUT_S": "1",
    "MYCELIA_REDIAL_S": "0.1",
}  # fmt: skip


def until(condition: Callable[[], object], within_s: float = 30, *, or_say: Callable[[], object] = lambda: "") -> None:
    """Return once a condition holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not come about in {within_s} s: {or_say()}"
        time.sleep(0.03)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mycelia(home: Path, *words: str, code: int = 0) -> Any:
    """Run a command on a home and return its data."""
    done = subprocess.run(
        [*MYCELIA, *words, "--home", str(home), "--json"],
        env={**os.environ, **FAST}, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


class Node:
    """The node of a home: at most one process at a time, always on the same port."""

    def __init__(self, home: Path, charter: Charter | None = None) -> None:
        self.home, self.charter, self.port = home, charter, free_port()
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}
        self.log = home.with_suffix(".log")

    def start(self) -> Node:
        """Start the process and return once it is ready."""
        return self.launch().wait()

    def launch(self) -> Node:
        """Start the process."""
        words = [*MYCELIA, "up", "--home", str(self.home), "--json", "--listen", f"/ip4/127.0.0.1/tcp/{self.port}"]
        with self.log.open("a") as said:
            self.process = subprocess.Popen(
                words, env={**os.environ, **FAST}, stdout=subprocess.PIPE, stderr=said, text=True
            )
        return self

    def wait(self) -> Node:
        """Return once the process is ready."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            assert ready.select(DEADLINE_S), f"the node does not come up: {self.log.read_text()}"
        line = self.process.stdout.readline()
        assert line, f"the node has ended: {self.log.read_text()}"
        self.ready = json.loads(line)
        assert self.ready["event"] == "ready", line
        return self

    @property
    def address(self) -> str:
        """Where others dial it."""
        return str(self.ready["addresses"][0])

    def kill(self) -> None:
        """End the process in the middle of whatever it does."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> tuple[int, float]:
        """Ask the process to end; return its exit code and how long it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, time.monotonic() - began

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """Give a client."""
        with client.connect(self.home) as here:
            yield here

    def digest(self) -> str:
        """Return the digest of what it holds."""
        with self.client() as here:
            return here.status().digest

    def holds(self, *ids: str) -> bool:
        """Whether it holds all these entries."""
        return set(ids) <= set(self.ids())

    def ids(self) -> list[str]:
        """Return the ids of all it holds, in order of acceptance."""
        found: list[str] = []
        with self.client() as here:
            after = 0
            while entries := here.log(after=after, limit=1000):
                found += [entry.id for entry in entries]
                after = entries[-1].arrival
        return found


class Nodes:
    """The nodes of one test; none outlives it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.all: list[Node] = []

    def founded(self, name: str, *, commons: str = "Oost") -> Node:
        """Return the node, not yet running, of a home that founds a commons."""
        classes = {"food": ResourceClass("kg", 1, 1000)}
        return self._add(name, found(commons, seed=commons.encode().ljust(16), classes=classes))

    def joined(self, name: str, other: Node) -> Node:
        """Return the node, not yet running, of a home in the commons of a running node, which it dials."""
        assert other.charter is not None
        node = self._add(name, other.charter)
        Home(node.home).remember_peer(other.address)
        return node

    def invited(self, name: str, other: Node) -> Node:
        """Return the node, not yet running, of a home that was given the charter by a running node."""
        mycelia(self.place / name, "init", "--name", name, "--join", other.address)
        self.all.append(Node(self.place / name))
        return self.all[-1]

    def _add(self, name: str, charter: Charter) -> Node:
        home = self.place / name
        ledger = Ledger.create(home, charter, clock=now_ms, entropy=os.urandom)
        Keystore(home / "keys", entropy=os.urandom).create(name, ledger)
        ledger.close()
        self.all.append(Node(home, charter))
        return self.all[-1]

    def end(self) -> None:
        """Kill what still runs."""
        for node in self.all:
            if node.process is not None and node.process.poll() is None:
                node.kill()
