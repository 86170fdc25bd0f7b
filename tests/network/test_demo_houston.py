"""The demo, as people run it: peers in processes of their own, over libp2p."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mycelia_agents import demo
from mycelia_agents.demo import DemoFailed, Progress
from mycelia_agents.fleet import PeerEnded
from mycelia_node.ledger import Ledger

pytestmark = pytest.mark.network


def silent(step: Progress) -> None:
    """Report to nobody."""


def workers(of: int | Path) -> list[int]:
    """Return the ids of running peer processes: those that a process started, or those with homes in a directory."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines() if "mycelia_agents.worker" in line]
    return [int(pid) for pid, ppid, args in rows if (int(ppid) == of if isinstance(of, int) else str(of) in args)]


class TestTheDemo:
    def test_ends_with_one_verified_ledger_on_every_peer(self, tmp_path: Path) -> None:
        homes, phases = tmp_path / "homes", list[str]()

        figures = demo.houston(peers=3, points=24, areas=12, keep=homes, report=lambda step: phases.append(step.phase))

        assert demo.held(figures), figures
        assert figures["members"] == 36
        assert figures["lines"]
        assert figures["ratio"] >= 0.8  # type: ignore[operator]
        assert list(dict.fromkeys(phases)) == ["start", "connect", "publish", "allocate", "settle", "verify", "compare"]
        assert workers(of=os.getpid()) == []
        ledgers = [Ledger.open(homes / f"peer-{n}", clock=lambda: 0, entropy=os.urandom) for n in (1, 2, 3)]
        assert len({ledger.digest() for ledger in ledgers}) == 1
        assert {ledger.count() for ledger in ledgers} == {figures["entries"]}
        for ledger in ledgers:
            ledger.close()

    def test_says_which_peer_died_and_leaves_none_running(self) -> None:
        def kill_one(step: Progress) -> None:
            if step.phase == "allocate":
                os.kill(workers(of=os.getpid())[0], signal.SIGKILL)

        with pytest.raises(PeerEnded, match=r"peer \d was killed by signal 9"):
            demo.houston(peers=2, points=4, areas=2, report=kill_one)

        assert workers(of=os.getpid()) == []

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_nothing_behind_when_told_to_end(self, tmp_path: Path, end: signal.Signals) -> None:
        code = (
            "import os, signal\n"
            "from mycelia_agents import demo\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "def stop(step):\n"
            f"    if step.phase == 'allocate': os.kill(os.getpid(), {end.value})\n"
            "demo.houston(peers=2, points=4, areas=2, report=stop)\n"
        )
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env=environment) as process:
            process.communicate(timeout=90)

        assert process.returncode in (-end, 128 + end)
        assert workers(of=tmp_path) == []
        assert list(tmp_path.iterdir()) == []

    def test_refuses_a_directory_that_is_not_empty(self, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").touch()

        with pytest.raises(DemoFailed, match="not an empty directory"):
            demo.houston(peers=2, points=4, areas=2, keep=tmp_path, report=silent)

    def test_refuses_more_peers_than_members(self) -> None:
        with pytest.raises(DemoFailed, match="from 1 to 6"):
            demo.houston(peers=7, points=4, areas=2, report=silent)
