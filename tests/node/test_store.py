"""The store: one file, exclusively, and a sentence for each way in which it can be unusable."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mycelia_node.faults import StoreFault
from mycelia_node.store import SCHEMA_VERSION, Store, short
from tests.node.ledgers import new_ledger, open_ledger, pair


class TestAFile:
    def test_that_is_missing_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(StoreFault, match="there is no ledger") as caught:
            open_ledger(tmp_path)

        assert "mycelia init" in str(caught.value)

    def test_is_made_once(self, tmp_path: Path) -> None:
        new_ledger(tmp_path).close()

        with pytest.raises(StoreFault, match="already"):
            new_ledger(tmp_path)

    def test_that_is_torn_is_not_used(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        ledger.open_chain(pair("anna"))
        ledger.close()
        file = tmp_path / "ledger.sqlite"
        file.write_bytes(b"torn" + file.read_bytes()[4:2000])

        with pytest.raises(StoreFault, match="torn or not a ledger"):
            open_ledger(tmp_path)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
    def test_that_is_cut_short_is_not_used(self, tmp_path: Path, share: float) -> None:
        ledger = new_ledger(tmp_path)
        ledger.open_chain(pair("anna"))
        ledger.close()
        file = tmp_path / "ledger.sqlite"
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

        with pytest.raises(StoreFault, match="torn or not a ledger"):
            open_ledger(tmp_path)

    def test_that_a_cut_short_start_left_behind_is_finished(self, tmp_path: Path) -> None:
        Store(tmp_path / "ledger.sqlite", create=True).close()

        new_ledger(tmp_path).open_chain(pair("anna"))

    def test_cannot_stand_where_there_is_no_directory(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("a file")

        with pytest.raises(StoreFault, match="cannot be used"):
            new_ledger(tmp_path / "home")

    def test_of_another_program_is_left_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "ledger.sqlite"
        with sqlite3.connect(file) as foreign:
            foreign.execute("create table birds(name)")
        foreign.close()
        before = file.read_bytes()

        with pytest.raises(StoreFault, match="another program's file"):
            open_ledger(tmp_path)

        assert file.read_bytes() == before

    def test_of_a_newer_version_asks_for_an_update(self, tmp_path: Path) -> None:
        new_ledger(tmp_path).close()
        with sqlite3.connect(tmp_path / "ledger.sqlite") as newer:
            newer.execute(f"pragma user_version={SCHEMA_VERSION + 1}")
        newer.close()

        with pytest.raises(StoreFault, match="newer version") as caught:
            open_ledger(tmp_path)

        assert "update Mycelia" in str(caught.value)

    def test_is_used_by_one_process_at_a_time(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        script = "import sys; from pathlib import Path; from mycelia_node.store import Store; Store(Path(sys.argv[1]))"

        other = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "ledger.sqlite")], capture_output=True, text=True, check=False
        )

        assert "another process uses the ledger" in other.stderr
        ledger.close()
        open_ledger(tmp_path)


class TestTheIndexedName:
    @pytest.mark.parametrize(
        ("name", "number"), [(bytes(32), 0), (b"\xff" * 32, -1), (b"\x7f" + b"\xff" * 31, 2**63 - 1)]
    )
    def test_is_the_beginning_of_the_id_as_a_signed_integer(self, name: bytes, number: int) -> None:
        assert short(name) == number
