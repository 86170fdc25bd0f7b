"""Lives of a home that end at every point at which something is written, and what it sends when it lives again.

Run as a process: `python -m tests.node.dying PLACE FLAW [AFTER]`. Each life is a fork of it, killed at the n-th call
of write, fsync or rename, statement of SQLite, or sending. A killed write has written half. After each death the
home starts again: as it is; with its data as they were before that life; and both after a power cut, which undoes
the renames that no fsync of their directory followed. What was sent, before and after, is kept by a peer. FLAW
plants an error: `late`, the record is written after sending; `unflushed`, nothing is flushed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mycelia_node.install import Install
from mycelia_protocol.release import Record
from tests.node.ledgers import a_need
from tests.node.test_gate import ANNA, BO, House, house

WRITE, FSYNC, REPLACE, CONNECT, SAVE = os.write, os.fsync, os.replace, sqlite3.connect, Install.save
AFTER = {  # whether the data are restored, whether the power was cut
    "restart": (False, False),
    "data restored": (True, False),
    "power cut": (False, True),
    "power cut, data restored": (True, True),
}


class Places(NamedTuple):
    """What lies where."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def sent(self) -> Path:
        return self.root / "sent"

    @property
    def undo(self) -> Path:
        """What a power cut takes back: files by name, with what they held, or null where there was none."""
        return self.root / "undo"


class Death:
    """Kills this process at the n-th point, and knows what a power cut would undo there."""

    def __init__(self, places: Places, at: int, *, flushes: bool = True) -> None:
        self._places, self._left, self._undo, self._flushes = places, at, dict[str, str | None](), flushes

    def point(self, half: Callable[[], object] = lambda: None) -> None:
        """Count a point; at the last, do half of what was to be done, and die."""
        self._left -= 1
        if self._left == 0:
            half()
            self._places.undo.write_text(json.dumps(self._undo))
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, handle: int, data: bytes) -> int:
        self.point(lambda: WRITE(handle, bytes(data)[: len(data) // 2]))
        return WRITE(handle, data)

    def fsync(self, handle: int) -> None:
        if not self._flushes:
            return
        self.point()
        FSYNC(handle)
        name = Path(f"/proc/self/fd/{handle}").readlink()
        self._undo = {path: held for path, held in self._undo.items() if Path(path).parent != name}

    def replace(self, source: Path, target: Path) -> None:
        self.point()
        held = Path(target).read_text() if Path(target).exists() else None
        self._undo.setdefault(str(target), held)
        REPLACE(source, target)

    def connect(self, *args: object, **more: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = CONNECT(*args, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(lambda _: self.point())
        return connection

    def plant(self) -> None:
        """Put the points into this process."""
        os.write, os.fsync = self.write, self.fsync  # type: ignore[assignment]
        os.replace, sqlite3.connect = self.replace, self.connect  # type: ignore[assignment]


def live(places: Places, flaw: str, death: Death) -> None:
    """Publish, release and send, until death or the end."""
    late: list[dict[bytes, Record]] = []

    def later(self: Install, records: Mapping[bytes, Record]) -> None:
        late.append(dict(records))

    if flaw == "late":
        Install.save = later  # type: ignore[method-assign]
    death.plant()
    with house(places.home) as home:
        for amount in (1, 2):
            publish(home, amount)
            home.gate.heard(ANNA, [])
            send(home, places, death.point)
            for records in late:
                SAVE(home.gate._install, records)
            late.clear()
        home.gate.equal(ANNA)


def live_again(places: Places) -> None:
    """Publish something else, and send it whoever has answered: the user says so."""
    with house(places.home) as home:
        publish(home, 9)
        home.gate.heard(BO, [])
        home.gate.overrule()
        send(home, places, lambda: None)


def publish(home: House, amount: int) -> None:
    home.ledger.publish(home.keys.pair("anna"), home.member.chain, [a_need(amount)])


def send(home: House, places: Places, point: Callable[[], object]) -> None:
    """Send all that may leave, one by one; a peer keeps it."""
    home.gate.release()
    runs, _ = home.ledger.runs_for({tip.chain: 0 for tip in home.ledger.frontier()}, 0, 1 << 20)
    for entry in [entry for run in runs for entry in run]:
        point()
        with places.sent.open("a") as sent:
            sent.write(f"{entry.chain.hex()} {entry.header.sequence} {entry.id.hex()}\n")
    point()


def forked(act: Callable[[], None]) -> int:
    """Run something in a process of its own; return its exit code, or the signal that killed it, negated."""
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, flaw: str, what: Sequence[str]) -> None:
    """Print each death, what followed, and the places at which two entries were sent."""
    places = Places(root / "now")
    os.environ["MYCELIA_STATE"] = str(places.root / "state")
    places.root.mkdir()
    with house(places.home):
        pass
    before, dead = root / "before", root / "dead"
    shutil.copytree(places.root, before)
    for at in range(1, 10_000):
        _put(before, places.root)
        if forked(lambda at=at: live(places, flaw, Death(places, at, flushes=flaw != "unflushed"))) == 0:  # type: ignore[misc]
            return
        shutil.rmtree(dead, ignore_errors=True)
        shutil.copytree(places.root, dead)
        for after, (is_restored, is_cut) in ((one, AFTER[one]) for one in what):
            _put(dead, places.root)
            if is_restored:
                _put(before / "home", places.home)
            if is_cut and not cut(places, is_restored=is_restored):
                continue
            code = forked(lambda: live_again(places))
            sent = [line.split() for line in places.sent.read_text().splitlines()] if places.sent.exists() else []
            twice = {(chain, place) for chain, place, name in sent for other in sent
                     if other[:2] == [chain, place] and other[2] != name}  # fmt: skip
            found = {"at": at, "after": after, "code": code, "sent": len(sent), "twice": len(twice)}
            print(json.dumps(found), flush=True)


def cut(places: Places, *, is_restored: bool) -> bool:
    """Undo what was not flushed; return whether there was anything."""
    undone = json.loads(places.undo.read_text())
    for name, held in undone.items():
        if is_restored and Path(name).is_relative_to(places.home):
            continue
        if held is None:
            Path(name).unlink(missing_ok=True)
        else:
            Path(name).write_text(held)
    return bool(undone)


def _put(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:] or list(AFTER))
