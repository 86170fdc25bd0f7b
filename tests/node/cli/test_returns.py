"""`mycelia settle` and `mycelia credit`: a commons with both, from its charter file on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from .conftest import Mycelia

CHARTER = """
name = "Oost"

[classes]
care = "h/4"
hours = "h/4"

[contribution]
care = [3, 2]

[credit]
hours = [-40, 100]
"""


@pytest.fixture
def oost(mycelia: Mycelia, home: Path, tmp_path: Path) -> Mycelia:
    """Return the command line of a home in a commons with contributions and credit."""
    file = tmp_path / "oost.toml"
    file.write_text(CHARTER)
    made = mycelia("commons", "new", "--name", "anna", "--charter", str(file))
    assert made.code == 0, made.err
    return mycelia


class TestACharterFile:
    def test_says_what_counts_and_what_is_credit_and_says_it_again(self, oost: Mycelia) -> None:
        shown = tomllib.loads(oost("commons", "show", "--toml").out)

        assert shown["contribution"] == {"care": [3, 2]}
        assert shown["credit"] == {"hours": [-40, 100]}

    @pytest.mark.parametrize(
        ("before", "after", "rule"),
        [
            ("care = [3, 2]", "food = [3, 2]", "none of the classes"),
            ("care = [3, 2]", "care = [6, 4]", "lowest terms"),
            ("[-40, 100]", "[40, 100]", "the floor is at most 0"),
            ("[-40, 100]", '"much"', "two integers"),
            ("[-40, 100]", "[-0.5, 100]", "floats are not allowed"),
        ],
    )
    def test_that_is_wrong_is_refused_in_a_sentence(
        self, mycelia: Mycelia, home: Path, tmp_path: Path, before: str, after: str, rule: str
    ) -> None:
        file = tmp_path / "wrong.toml"
        file.write_text(CHARTER.replace(before, after))

        refused = mycelia("commons", "new", "--charter", str(file))

        assert refused.code in (2, 4)
        assert rule in refused.err
        assert "Traceback" not in refused.err


class TestSettle:
    def test_says_when_there_is_nothing(self, oost: Mycelia) -> None:
        said = oost("settle")

        assert (said.code, said.out) == (0, "")
        assert "Nothing can be settled" in said.err
        assert oost("settle", "--dry-run", "--json").json == {
            "entries": [], "lines": 0, "unsettled": 0, "contributed": 0, "dry_run": True,
        }  # fmt: skip

    def test_refuses_a_claim_that_there_is_not(self, oost: Mycelia) -> None:
        chain = oost("member", "ls", "--json").json["members"][0]["chain"]

        for claim in (chain, f"{chain}:7", f"{chain}:x", "bafyreigone"):
            refused = oost("settle", "--claim", claim)
            assert refused.code != 0
            assert "Traceback" not in refused.err


class TestCredit:
    def test_shows_floor_ceiling_and_own_balance(self, oost: Mycelia) -> None:
        said = oost("credit")

        assert said.out.startswith("hours: from -10 h to 25 h, 0 h in transit\nCHAIN")
        assert "anna" in said.out
        [one] = oost("credit", "--json").json["classes"]
        assert (one["floor"], one["ceiling"], one["accounts"][0]["balance_text"]) == (-40, 100, "0 h")

    def test_says_where_there_is_none(self, anna: Mycelia) -> None:
        said = anna("credit")

        assert (said.code, said.out) == (0, "")
        assert "no mutual credit" in said.err
