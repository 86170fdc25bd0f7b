"""Homes of one commons in one process: ledgers that hand each other what they hold, with a clock of the test's own.

>>> town = Town(Tree(3, 4, True))
>>> town["anna"].hall.commons().members
1
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from random import Random
from typing import Any

from mycelia_node.desk import Desk
from mycelia_node.hall import Hall
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_protocol.charter import Charter, Membership, ResourceClass, Tree, found
from tests.builders import NOW_MS

__all__ = ["Home", "Town", "Tree"]


class Home:
    """A ledger, its keys, and what can be asked of both."""

    def __init__(self, town: Town, path: Path, charter: Charter, keystore: Keystore) -> None:
        self.town, self.keystore = town, keystore
        self.ledger = Ledger.create(path, charter, clock=town.clock, entropy=town.dice.randbytes)
        self.desk = Desk(self.ledger, keystore, town.clock)
        self.hall = Hall(self.desk, town.clock, town.dice.randbytes)


class Town:
    """Homes by name; the first one founds the commons."""

    def __init__(self, membership: Membership | None = None, *, seed: int = 7, **numbers: Any) -> None:
        self.dice, self.now_ms = Random(seed), NOW_MS
        self.folder = Path(tempfile.mkdtemp(prefix="mycelia-town-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        keystore = self._keystore("anna")
        identity = keystore.prepare("anna")
        assert identity is not None
        classes = {"food": ResourceClass("kg", 1, 10), "care": ResourceClass("h", 1, 4)}
        self.charter = found(
            "Oost",
            seed=bytes(16),
            classes=classes,
            membership=membership,
            founders=[identity],
            **numbers,
        )
        self.homes = {"anna": Home(self, self.folder / "anna", self.charter, keystore)}
        keystore.finish(self["anna"].ledger)

    def __getitem__(self, name: str) -> Home:
        return self.homes[name]

    def clock(self) -> int:
        """Return the town's time."""
        return self.now_ms

    def settle(self, name: str) -> Home:
        """Make an empty home in this commons."""
        self.homes[name] = Home(self, self.folder / name, self.charter, self._keystore(name))
        return self[name]

    def meet(self, *names: str) -> None:
        """Let homes hand each other everything, and do what waits to be done, until nothing moves."""
        homes = [self[name] for name in names or self.homes]
        while True:
            before = [home.ledger.digest() for home in homes]
            for home in homes:
                home.hall.people.tend()
                for other in homes:
                    wanted = {tip.chain: 0 for tip in home.ledger.frontier()}
                    runs, _ = home.ledger.runs_for(wanted, 0, 1 << 30)
                    report = other.ledger.ingest(runs)
                    assert not report.faults, report.faults
            if [home.ledger.digest() for home in homes] == before:
                return

    def close(self) -> None:
        """Close every ledger."""
        for home in self.homes.values():
            home.ledger.close()

    def _keystore(self, name: str) -> Keystore:
        return Keystore(self.folder / name / "keys", entropy=self.dice.randbytes)
