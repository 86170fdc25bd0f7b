"""The command line and running nodes, in processes of their own: ready lines, signals, kills, two nodes that meet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mycelia_node import client
from tests.node.cli.test_keys import forms

pytestmark = pytest.mark.network

MYCELIA = (sys.executable, "-m", "mycelia_agents.cli")
HERE = ("--at", "52.37,4.89")
DEADLINE_S = 60


def mycelia(home: Path, *words: str, code: int = 0) -> Any:
    """Run a command and return its data."""
    environment = {**os.environ, "MYCELIA_HOME": str(home)}
    done = subprocess.run(
        [*MYCELIA, *words, "--json"], env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


class Running:
    """A node that runs in a process."""

    def __init__(self, home: Path) -> None:
        environment = {**os.environ, "MYCELIA_HOME": str(home)}
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (it ends with the node)
        self.process = subprocess.Popen(
            [*MYCELIA, "up", "--json"], env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    @property
    def address(self) -> str:
        """Where other nodes dial it."""
        return str(self.ready["addresses"][0])

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal and return the exit code and what else was said."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out

    def logged(self) -> str:
        """Return what it said on standard error so far."""
        self.log.seek(0)
        return self.log.read()


Start = Callable[[Path], Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts nodes; those that still run at the end are killed."""
    started: list[Running] = []

    def one(home: Path) -> Running:
        started.append(Running(home))
        return started[-1]

    yield one
    for node in started:
        if node.process.poll() is None:
            node.process.kill()
            node.process.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the home of anna."""
    mycelia(tmp_path / "anna", "init", "--name", "anna")
    return tmp_path / "anna"


@pytest.mark.network
class TestARunningNode:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_says_where_it_is_and_stops_cleanly(self, home: Path, start: Start, number: int) -> None:
        node = start(home)

        assert node.ready["event"] == "ready"
        assert node.ready["api_url"].startswith("http://127.0.0.1:")
        assert Path(node.ready["token_file"]).stat().st_mode & 0o077 == 0
        assert node.end(number) == (0, '{"event":"stopped"}\n')
        assert not (home / "api.json").exists()

    def test_stops_though_somebody_watches(self, home: Path, start: Start) -> None:
        node = start(home)
        with client.connect(home) as script:
            watch = script.watch(after=script.status().last_event)
            mycelia(home, "need", "food", "1", *HERE)
            next(watch)

            assert node.end(signal.SIGTERM)[0] == 0
            watch.close()  # type: ignore[attr-defined]

    def test_is_what_commands_talk_to(self, home: Path, start: Start) -> None:
        start(home)

        need = mycelia(home, "need", "food", "1", "kg", *HERE)["id"]

        assert mycelia(home, "status")["started_ms"] is not None
        assert [one["id"] for one in mycelia(home, "field")["signals"]] == [need]
        assert mycelia(home, "why", need[:18])["is_effective"]
        assert mycelia(home, "need", "gold", "1", *HERE, code=4)["error"]["rule"] == "intent.class"
        assert mycelia(home, "verify")["faults"] == []

    def test_says_and_logs_no_secret(self, home: Path, start: Start) -> None:
        node = start(home)
        kept = json.loads((home / "keys" / "anna.json").read_text())
        root = json.loads((home / "keys" / "anna.root").read_text())["root"]
        phrase = mycelia(home, "id", "phrase", "--yes")["phrase"]
        shares = [mycelia(home, "id", "share", name)["share"] for name in ("anna", "bo")]
        mycelia(home, "id", "holders", "anna", *shares, "--needed", "2")
        other = json.loads((home / "keys" / "bo.root").read_text())["root"]

        said = [mycelia(home, *words) for words in (["id", "rotate"], ["id", "rotate"], ["status"], ["doctor"])]
        statement = said[1]["statement"]
        said.append(mycelia(home, "id", "sign", statement, "--yes"))
        said.append(mycelia(home, "id", "publish", said[-1]["statement"]))
        said.append(mycelia(home, "need", "gold", "1", *HERE, code=4))
        text = json.dumps(said) + node.end(signal.SIGTERM)[1] + node.logged()

        assert said[-2]["kind"] == "id.rotate"
        for secret in (kept["seed"], kept["box"], root, other):
            for form in forms(bytes.fromhex(secret)):
                assert form not in text
        assert phrase not in text

    def test_that_was_killed_lost_nothing_and_is_in_nobodys_way(self, home: Path, start: Start) -> None:
        node = start(home)
        need = mycelia(home, "need", "food", "1", *HERE)["id"]

        node.end(signal.SIGKILL)

        assert (home / "api.json").exists()
        assert mycelia(home, "show", need)["id"] == need
        assert mycelia(home, "status")["started_ms"] is None
        assert start(home).end(signal.SIGTERM)[0] == 0

    def test_is_the_only_one_of_its_home(self, home: Path, start: Start) -> None:
        start(home)

        refused = mycelia(home, "up", code=1)["error"]

        assert refused["code"] == "home"

    def test_is_spoken_to_in_five_lines(self, home: Path, start: Start) -> None:
        start(home)
        script = (
            "from mycelia_node import client\n"
            "with client.connect() as node:\n"
            "    said = node.need('food', '12 kg', at=(52.37, 4.89), until='+2d')\n"
            "    print(said.id)\n"
        )
        environment = {**os.environ, "MYCELIA_HOME": str(home)}

        printed = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()

        assert mycelia(home, "show", printed)["kind"] == "need"


@pytest.mark.network
class TestTwoNodes:
    def test_meet_by_an_address_and_exchange_what_is_published(self, home: Path, start: Start, tmp_path: Path) -> None:
        anna = start(home)
        mycelia(tmp_path / "bo", "init", "--name", "bo", "--join", anna.address)
        start(tmp_path / "bo")
        assert mycelia(tmp_path / "bo", "peer", "add", anna.address)["is_connected"]

        with client.connect(tmp_path / "bo", timeout_s=DEADLINE_S) as bo:
            watch = bo.watch(kind="need", after=bo.status().last_event)
            need = mycelia(home, "need", "food", "1", *HERE)["id"]
            assert next(watch).data["id"] == need
        with client.connect(home) as script:
            watch = script.watch(kind="offer", after=script.status().last_event)
            offer = mycelia(tmp_path / "bo", "offer", "food", "1", *HERE)["id"]
            assert next(watch).data["id"] == offer

        digests = {mycelia(one, "status")["digest"] for one in (home, tmp_path / "bo")}
        assert len(digests) == 1


class TestStarting:
    HEAVY = (
        "libp2p", "trio", "uvicorn", "starlette", "ortools", "nacl", "httpx", "h3", "sqlite_utils", "pandas",
        "asyncio", "socket", "sqlite3", "cbor2",
    )  # fmt: skip

    def imported(self, *words: str) -> set[str]:
        """Return what a command imports."""
        script = (
            "import runpy, sys\n"
            f"sys.argv = ['mycelia', *{words!r}]\n"
            "try:\n    runpy.run_module('mycelia_agents.cli', run_name='__main__')\n"
            "except SystemExit:\n    pass\n"
            "print(*sys.modules, sep='\\n', file=sys.stderr)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
        return set(done.stderr.split())

    @pytest.mark.parametrize("words", [("--help",), ("need", "--help"), ("completion", "bash"), ("peer",)])
    def test_with_a_question_for_help_imports_no_network_and_no_ledger(self, words: tuple[str, ...]) -> None:
        assert not self.imported(*words) & set(self.HEAVY)

    def test_with_a_question_for_the_version_imports_next_to_nothing(self) -> None:
        assert not self.imported("--version") & {*self.HEAVY, "cyclopts", "rich", "msgspec", "importlib.metadata"}

    def test_tells_the_version_of_the_distribution(self) -> None:
        from importlib.metadata import version

        told = subprocess.run([*MYCELIA, "--version"], capture_output=True, text=True, timeout=60, check=True)

        assert told.stdout.strip() == version("mycelia")
