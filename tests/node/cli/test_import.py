"""Spreadsheets and run files: bad rows by line and column, good rows published; torn files explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Mycelia

SHEET = """kind,class,amount,unit,lat,lon,urgency,note
need,food,5,kg,52.3,4.9,3,"two
lines"
offer,food,x,kg,52.3,4.9,,
offer,food,7,lb,52.3,4.9,,
offer,food,7,kg,52.3,4.9,,ok
want,food,7,kg,52.3,4.9,,
offer,gold,7,kg,52.3,4.9,,
offer,food,7,kg,95,4.9,,
offer,food,,kg,52.3,4.9,,
offer,food,1,kg,52.3,4.9,,,,,
"""


def sheet(tmp_path: Path, text: str) -> str:
    """Write a CSV file and return its name."""
    file = tmp_path / "signals.csv"
    file.write_text(text, "utf-8")
    return str(file)


class TestASpreadsheet:
    def test_loses_no_good_row_and_names_every_bad_one(self, anna: Mycelia, tmp_path: Path) -> None:
        taken = anna("import", sheet(tmp_path, SHEET), "--json")

        assert taken.code == 1
        assert [row["line"] for row in taken.json["published"]] == [2, 6]
        assert [(row["line"], row["column"]) for row in taken.json["bad"]] == [
            (4, "amount"), (5, "amount"), (7, "kind"), (8, "class"), (9, "lat"), (10, "amount"), (11, "note"),
        ]  # fmt: skip
        assert len(anna("field", "--json").json["signals"]) == 2

    def test_says_for_people_what_is_wrong_where(self, anna: Mycelia, tmp_path: Path) -> None:
        taken = anna("import", sheet(tmp_path, SHEET))

        assert taken.out == "Published 2 of 9 rows.\n"
        assert "line 5, column amount: food is counted in kg, not in lb" in taken.err

    def test_that_is_good_is_taken_in_whole(self, anna: Mycelia, tmp_path: Path) -> None:
        text = "kind;class;amount;cell;until\noffer;food;2;881969ce5dfffff;+2d\nneed;water;1.5 l;881969ce5dfffff;\n"

        assert anna("import", sheet(tmp_path, "\ufeff" + text)).code == 0
        assert len(anna("field", "--json").json["signals"]) == 2

    def test_may_name_the_member_of_each_row(self, anna: Mycelia, tmp_path: Path) -> None:
        anna("member", "add", "bo")
        text = "kind,class,amount,cell,member\n" + "".join(
            f"offer,food,1,881969ce5dfffff,{name}\n" for name in ("bo", "anna", "", "carl", "bo")
        )

        taken = anna("import", sheet(tmp_path, text), "--as", "anna", "--json").json

        assert [row["line"] for row in taken["published"]] == [2, 3, 4, 6]
        assert [(row["line"], row["column"]) for row in taken["bad"]] == [(5, "member")]

    @pytest.mark.parametrize(
        ("head", "named"),
        [
            ("kind,class,amont,cell", "'amont' is no column"),
            ("kind,class,cell", "lacks amount"),
            ("kind,class,amount,lat", "lacks lat and lon, or cell"),
            ("kind,kind,class,amount,cell", "twice"),
            ("", "lacks amount"),
        ],
    )
    def test_needs_column_names_that_are_understood(self, anna: Mycelia, tmp_path: Path, head: str, named: str) -> None:
        refused = anna("import", sheet(tmp_path, head + "\n"))

        assert refused.code == 2
        assert named in refused.err


class TestARunFile:
    def test_carries_a_ledger_to_a_peer_that_is_never_met(self, anna: Mycelia, tmp_path: Path) -> None:
        file, bo = tmp_path / "oost.run", ("--home", str(tmp_path / "bo"))
        anna("export", str(file))
        anna("init", "--name", "bo", "--join", str(file), *bo)
        anna("need", "food", "1", "--at", "52.3,4.9")
        anna("export", str(file))

        taken = anna("import", str(file), "--json", *bo)

        assert (taken.code, taken.json["accepted"]) == (0, 1)

    @pytest.mark.parametrize(
        ("cut", "rule"), [(40, "runfile.truncated"), (-3, "runfile.truncated"), (0, "runfile.form")]
    )
    def test_that_is_torn_is_refused_by_name(self, anna: Mycelia, tmp_path: Path, cut: int, rule: str) -> None:
        file = tmp_path / "oost.run"
        anna("export", str(file))
        file.write_bytes(file.read_bytes()[:cut])

        refused = anna("import", str(file), "--json")

        assert (refused.code, refused.json["error"]["rule"]) == (4, rule)

    def test_of_another_commons_is_refused(self, anna: Mycelia, tmp_path: Path) -> None:
        file, other = tmp_path / "west.run", ("--home", str(tmp_path / "west"))
        anna("init", "--commons", "West", *other)
        anna("export", str(file), *other)

        refused = anna("import", str(file), "--json")

        assert (refused.code, refused.json["error"]["rule"]) == (4, "runfile.network")

    def test_that_is_not_there_is_explained(self, anna: Mycelia, tmp_path: Path) -> None:
        refused = anna("import", str(tmp_path / "nothing.run"))

        assert refused.code == 1
        assert "nothing.run" in refused.err
