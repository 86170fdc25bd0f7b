"""`mycelia equation`, `mycelia distribute` and what acts on lines, at one home: what they say and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Mycelia

SHARES = """
rest = "anna"

[[bucket]]
share = 50
to = "anna"

[[bucket]]
share = 950

[[bucket.rule]]
name = "work"
claim = "quantity"
kind = "once"
"""


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    """Return the file of an equation."""
    file = tmp_path / "shares.toml"
    file.write_text(SHARES)
    return file


class TestAnEquation:
    def test_is_checked_set_and_shown(self, anna: Mycelia, shares: Path) -> None:
        nothing = anna("equation", "show")
        checked = anna("equation", "check", str(shares))
        said = anna("equation", "set", str(shares), "--json")
        shown = anna("equation", "show")

        assert "No equation yet" in nothing.err
        assert "The rules allow this equation" in checked.out
        assert said.json["kind"] == "equation"
        assert "95 %" in shown.out
        assert "quantity" in shown.out
        assert "Nothing was distributed yet" in anna("equation", "shares").err
        assert anna("equation", "shares", "--json").json == {"distributions": []}
        assert len(anna("equation", "show", "--json").json["equations"]) == 1

    @pytest.mark.parametrize("text", ["rest = ", "", "rest = 'anna'", SHARES.replace("950", "951"), "\x00"])
    def test_that_is_wrong_is_refused_in_a_sentence(self, anna: Mycelia, shares: Path, text: str) -> None:
        shares.write_text(text)
        refused = anna("equation", "set", str(shares))

        assert refused.code in (2, 4)
        assert "Traceback" not in refused.err
        assert refused.err

    def test_in_a_file_that_there_is_not_is_said_so(self, anna: Mycelia, tmp_path: Path) -> None:
        refused = anna("equation", "set", str(tmp_path / "none.toml"))

        assert refused.code != 0
        assert "Traceback" not in refused.err

    def test_shares_nothing_that_is_no_income(self, anna: Mycelia, shares: Path) -> None:
        entry = anna("equation", "set", str(shares), "--json").json["id"]
        for line in (entry, f"{entry}:0", f"{entry}:x", "bafynothing"):
            refused = anna("distribute", line, "--dry-run")
            assert refused.code != 0
            assert "Traceback" not in refused.err


class TestLines:
    @pytest.mark.parametrize("kind", ["accept", "deliver", "receive", "free", "lapse"])
    def test_are_said_to_be_none_where_there_are_none(self, anna: Mycelia, kind: str) -> None:
        said = anna(kind, "--all")

        assert (said.code, said.out) == (0, "")
        assert said.err
        assert anna(kind).code == 2

    def test_that_there_are_not_are_refused(self, anna: Mycelia) -> None:
        for kind in ("deliver", "cancel"):
            refused = anna(kind, "bafynothing:0")
            assert refused.code != 0
            assert "Traceback" not in refused.err

    def test_need_two_intents_that_there_are(self, anna: Mycelia) -> None:
        need = anna("need", "food", "5", "kg", "--at", "52.37,4.89", "--json").json["id"]
        offer = anna("offer", "food", "5", "kg", "--at", "52.37,4.89", "--json").json["id"]
        swapped = anna("commit", need, offer)
        alone = anna("commit", offer, need)

        assert swapped.code == 2
        assert "is no offer" in swapped.err
        assert alone.code == 4
        assert "row.need" in alone.err
