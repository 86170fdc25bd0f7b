"""`mycelia settle` and `mycelia credit`: a commons with both, from its charter file on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

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


class TestClaimsDue:
    def test_stand_with_the_accounts_until_they_are_paid(self, mycelia: Mycelia) -> None:
        assert mycelia("init", "--name", "anna", "--class", "bread=piece", "--class", "care=h/4").code == 0
        assert mycelia("member", "add", "bo").code == 0

        def said(*words: str) -> Any:
            return mycelia(*words, "--json").json

        here = ("--at", "52.37,4.89", "--until", "+2d")
        design = said("event", "raise", "bread", "1", "--license", "ovn", "--as", "bo")["id"]
        process = said("process", "--as", "anna")["id"]
        mycelia("event", "cite", "--of", design, "--process", process, "--use", "commercial", "--as", "anna")
        bread = said("event", "produce", "bread", "5", "--process", process, "--as", "anna")["id"]
        back = said("need", "care", "25", *here, "--as", "anna")["id"]
        mycelia("offer", "bread", "5", *here, "--of", bread, "--for", back, "--as", "anna")
        mycelia("commit", said("offer", "care", "25", *here, "--as", "bo")["id"], back)
        for command, name in (("accept", "anna"), ("deliver", "bo"), ("receive", "anna")):
            assert mycelia(command, "--all", "--as", name).code == 0

        [claim] = said("account", "anna")["claims"]
        shown = mycelia("account")

        assert (claim["member"], claim["left"], claim["unit"]) == ("anna", "0.5", "h")
        assert (claim["design"], claim["is_suspended"]) == (design, False)
        assert "0.5 h" in shown.out
        assert "mycelia settle --claim" in shown.err
        assert said("account", "bo")["claims"] == said("account", "--class", "bread")["claims"] == []


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


class TestACancel:
    def test_says_what_it_costs_and_how_it_is_paid(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "oost.toml"
        file.write_text('name = "Oost"\n[classes]\nfood = "kg/1000"\n[cancel]\ndue_days = 7\nper_mille = 100\n')
        assert mycelia("commons", "new", "--name", "anna", "--charter", str(file)).code == 0
        assert mycelia("member", "add", "bo").code == 0
        here = ("--at", "52.37,4.89", "--json")
        need = mycelia("need", "food", "4", *here, "--as", "anna").json["id"]
        offer = mycelia("offer", "food", "4", *here, "--as", "bo").json["id"]
        [line] = mycelia("commit", offer, need, "--json").json["lines"]
        mycelia("accept", "--all", "--as", "anna")

        said = mycelia("cancel", line, "--as", "bo")

        claim = mycelia("account", "--json").json["claims"][0]["id"]
        assert "costs 0.4 kg of food" in said.err
        unpaid = mycelia("settle", "--claim", claim, "--as", "bo")
        assert (unpaid.code, unpaid.out) == (0, "")
        assert "Nothing pays this claim yet" in unpaid.err
        assert f"mycelia settle --claim {claim[:18]}" in said.err

    def test_of_nothing_does_not_propose_to_cancel_all(self, oost: Mycelia) -> None:
        refused = oost("cancel")

        assert refused.code == 2
        assert "--all" not in refused.err


class TestALineOfOneOfSeveralMembers:
    def test_is_accepted_delivered_and_received_by_whose_side_it_is(self, oost: Mycelia) -> None:
        assert oost("member", "add", "bo").code == 0
        here = ("--at", "52.37,4.89", "--json")
        need = oost("need", "care", "4", *here, "--as", "anna").json["id"]
        offer = oost("offer", "care", "4", *here, "--as", "bo").json["id"]
        [line] = oost("commit", offer, need, "--json").json["lines"]

        for command in ("accept", "deliver", "receive"):
            done = oost(command, line)
            assert done.code == 0, done.err

        assert "this node has 2 members" in oost("receive", "--all").err.casefold()
        assert "this node has 2 members" in oost("cancel", line).err.casefold()  # either of them could
