"""Durability: what was acknowledged is there after kill -9, and a full disk refuses in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from mycelia_node.faults import StoreFault
from mycelia_protocol.envelope import Entry
from tests.node.ledgers import a_need, new_ledger, open_ledger, pair

KILLED = """
import sys, os
from pathlib import Path
from mycelia_node.ledger import Ledger
from tests.node.ledgers import a_need, open_ledger, pair
ledger = open_ledger(Path(sys.argv[1]))
chain = ledger.frontier()[0].chain
while True:
    [entry] = ledger.publish(pair("anna"), chain, [a_need()])
    sys.stdout.write(entry.id.hex() + "\\n")
    sys.stdout.flush()
"""


class TestKillMinus9:
    def test_loses_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        ledger.open_chain(pair("anna"))
        ledger.close()
        dice, acknowledged = Random(11), list[str]()
        root = Path(__file__).parents[2]

        for _ in range(5):
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root,
                env={**os.environ, "PYTHONPATH": str(root)},
            )  # fmt: skip
            assert process.stdout is not None
            for _ in range(dice.randint(1, 40)):
                acknowledged.append(process.stdout.readline().strip())
            process.kill()
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
            process.wait()
            process.stdout.close()

        ledger = open_ledger(tmp_path)
        assert acknowledged
        assert all(ledger.entry_of(bytes.fromhex(name)) for name in acknowledged)
        assert ledger.verify().is_good


class TestAFullDisk:
    def test_refuses_in_a_sentence_and_serves_on(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        chain = ledger.open_chain(pair("anna")).id
        connection = ledger._store.connection
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count={pages + 1}")

        stored: list[Entry] = []

        def publish_until_refused() -> None:
            for _ in range(100):
                stored.extend(ledger.publish(pair("anna"), chain, [a_need()], [{"note": "x" * 4000}]))

        with pytest.raises(StoreFault, match="full"):
            publish_until_refused()

        assert all(ledger.entry_of(entry.id) for entry in stored)
        assert ledger.count() == len(stored) + 1
        connection.execute("pragma max_page_count=1000000")
        assert ledger.publish(pair("anna"), chain, [a_need()])
        assert ledger.verify().is_good
