"""Licenses and budgets on the command line, without a running node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mycelia_protocol import cid

from .conftest import Mycelia

CHARTER = """
name = "Oost"
magisteria = ["founder"]

[classes]
bread = "loaf"
design = "piece"

[budgets.co2]
unit = "g"
scope = "hard"
source = "a table of 2024"
factors = { "produce bread" = [900, 1] }

[issuers]
worker-coop = ["founder"]
surplus-to-workers = ["founder"]

[profiles.house]
title = "House rules"
source = "assembly of 2026"
rows = [{ name = "H1", allow = true, why = "members use it for anything", all = ["member"] }]
"""


@pytest.fixture
def oost(mycelia: Mycelia, tmp_path: Path) -> Mycelia:
    """A commons whose founder, bo, issues limits and attests; kim is a member."""
    file = tmp_path / "oost.toml"
    file.write_text(CHARTER)
    assert mycelia("commons", "new", "--charter", str(file), "--name", "bo").code == 0
    assert mycelia("member", "add", "kim").code == 0
    return mycelia


def chain_of(mycelia: Mycelia, name: str) -> str:
    """Return the chain of a member."""
    return str(next(one["chain"] for one in mycelia("member", "ls", "--json").json["members"] if one["name"] == name))


class TestACharter:
    def test_is_written_as_it_was_read(self, oost: Mycelia, tmp_path: Path) -> None:
        shown = oost("commons", "show", "--toml").out

        assert '"produce bread" = [' in shown
        assert "[[profiles.house.rows]]" in shown or "[profiles.house]" in shown
        assert "magisteria = [" in shown

    def test_is_summed_up_with_what_it_limits_and_whom_it_believes(self, oost: Mycelia) -> None:
        shown = {line[:10].strip(): line[10:] for line in oost("commons", "show").out.splitlines()}

        assert shown["budgets"] == "co2 in g (hard)"
        assert shown["attested"] == "surplus-to-workers, worker-coop"
        assert shown["profiles"] == "house"
        assert "cancel" not in shown

    def test_takes_the_names_of_a_profile_in_any_order(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "oost.toml"
        file.write_text(CHARTER.replace('all = ["member"]', 'uses = ["share", "adapt"], any = ["sse", "member"]'))

        assert mycelia("commons", "new", "--charter", str(file), "--name", "bo").code == 0
        row = mycelia("license", "show", "house", "--json").json["rows"][0]
        assert (row["uses"], row["any"]) == (["adapt", "share"], ["member", "sse"])


class TestALicense:
    def test_is_listed_where_there_is_no_commons_yet(self, mycelia: Mycelia) -> None:
        names = [one["name"] for one in mycelia("license", "ls", "--json").json["licenses"]]

        assert names[0] == "ppl"
        assert len(names) == 9

    def test_of_the_commons_stands_first(self, oost: Mycelia) -> None:
        first = oost("license", "ls", "--json").json["licenses"][0]

        assert (first["name"], first["is_own"]) == ("house", True)
        assert "members use it for anything" in oost("license", "show", "house").out

    def test_refuses_wage_labour_and_tells_the_row_and_the_way(self, mycelia: Mycelia) -> None:
        refused = mycelia("license", "check", "ppl", "--use", "commercial", "--actor", "company_wage", "--json")

        assert refused.code == 4
        assert (refused.json["allow"], refused.json["row"]) == (False, "P4")
        assert any(way.startswith("P6:") for way in refused.json["ways"])

    def test_can_be_tried_from_a_file(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "house.toml"
        file.write_text('title = "House"\nsource = "us"\n[[rows]]\nname = "H"\nallow = true\nwhy = "all may"\n')

        assert mycelia("license", "check", "house", "--file", str(file), "--use", "share").code == 0
        file.write_text('title = "House"\n')
        assert "title, source and rows" in mycelia("license", "show", "house", "--file", str(file)).err

    def test_can_be_tried_with_the_names_of_a_row_in_any_order(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "house.toml"
        row = 'name = "H"\nallow = true\nwhy = "all may"\nuses = ["share", "adapt"]\n'
        file.write_text(f'title = "House"\nsource = "us"\n[[rows]]\n{row}')

        assert mycelia("license", "check", "house", "--file", str(file), "--use", "adapt").code == 0

    def test_says_that_no_row_asks_for_a_word_that_was_mistyped(self, mycelia: Mycelia) -> None:
        words = ("license", "check", "ppl", "--use", "commercial", "--actor")

        assert "asks for workers-coop" in mycelia(*words, "workers-coop").err
        assert mycelia(*words, "worker-coop").err == ""

    def test_that_nobody_knows_is_named(self, oost: Mycelia) -> None:
        assert "no license 'mine'" in oost("license", "show", "mine").err

    def test_explains_what_a_use_rests_on(self, oost: Mycelia) -> None:
        oost("member", "add", "lee")
        design = oost("event", "raise", "design", "1", "--license", "ppl", "--as", "kim", "--json").json["id"]
        refused = oost("event", "cite", "--of", design, "--use", "commercial", "--as", "lee")
        words = [oost("attest", "lee", name, "--as", "bo", "--json").json["id"] for name in (
            "worker-coop", "surplus-to-workers"
        )]  # fmt: skip
        cites = [word for name in words for word in ("--cite", name)]
        used = oost("event", "cite", "--of", design, "--use", "commercial", *cites, "--as", "lee", "--json")

        assert "Row P5 of ppl says no" in refused.err
        assert "row P6" in refused.err
        said = oost("license", "explain", used.json["id"], "--json").json
        assert (said["is_allowed"], said["row"], said["license"]) == (True, "P2", "ppl")

    def test_explains_who_attests_what_on_which_evidence(self, oost: Mycelia, tmp_path: Path) -> None:
        oost("member", "add", "lee")
        statutes = tmp_path / "statutes.pdf"
        statutes.write_bytes(b"all gain goes to those who work here")
        design = oost("event", "raise", "design", "1", "--license", "ppl", "--as", "kim", "--json").json["id"]
        words = [
            oost("attest", "lee", name, "--evidence", str(statutes), "--as", by, "--json").json["id"]
            for name, by in (("worker-coop", "bo"), ("surplus-to-workers", "bo"), ("worker-coop", "kim"))
        ]
        cites = [word for name in words for word in ("--cite", name)]
        used = oost("event", "cite", "--of", design, "--use", "commercial", *cites, "--as", "lee", "--json").json["id"]

        said = oost("license", "explain", used, "--json").json["attestations"]

        digest = cid.text(cid.digest(statutes.read_bytes()))
        assert sorted((one["predicate"], one["counts"]) for one in said) == [
            ("surplus-to-workers", True), ("worker-coop", False), ("worker-coop", True),
        ]  # fmt: skip
        assert {one["evidence"] for one in said} == {digest}
        assert f"on the evidence of {digest[:18]}" in oost("license", "explain", used).out
        assert oost("show", words[0], "--json").json["terms"]["evidence"] == cid.digest(statutes.read_bytes()).hex()

    def test_rests_on_no_evidence_that_is_not_there(self, oost: Mycelia) -> None:
        mistyped = oost("attest", "kim", "worker-coop", "--evidence", "statutes.pfd", "--as", "bo")
        unread = oost("attest", "kim", "worker-coop", "--evidence", "b" * cid.CID_LENGTH, "--as", "bo")

        assert mistyped.code == 2
        assert "there is no file statutes.pfd" in mistyped.err.lower()
        assert unread.code != 0
        assert "cid.form" in unread.err

    def test_yields_to_a_permit(self, oost: Mycelia) -> None:
        oost("member", "add", "lee")
        design = oost("event", "raise", "design", "1", "--license", "ppl", "--as", "kim", "--json").json["id"]
        permit = oost("permit", design, "lee", "--use", "commercial", "--as", "kim", "--json").json["id"]
        used = oost("event", "cite", "--of", design, "--use", "commercial", "--cite", permit, "--as", "lee", "--json")

        assert oost("license", "explain", used.json["id"], "--json").json["row"] == "P6"


class TestWhatIsAttested:
    def test_is_what_an_agent_is_in_the_books(self, oost: Mycelia, tmp_path: Path) -> None:
        oost("member", "add", "lee")
        oost("attest", "kim", "worker-coop", "--as", "bo")
        oost("attest", "lee", "worker-coop", "--as", "kim")  # whose word does not count
        for name in ("kim", "lee"):
            assert oost("event", "raise", "design", "1", "--as", name).code == 0

        assert oost("books", "export", "--jsonld", str(tmp_path / "books.jsonld")).code == 0

        graph = json.loads((tmp_path / "books.jsonld").read_text())["@graph"]
        agents = {node["name"]: node["type"] for node in graph if node["id"].startswith("urn:mycelia:agent:")}
        assert agents == {"kim": "Organization", "lee": "Agent"}


class TestABudget:
    def test_is_spent_as_far_as_it_goes(self, oost: Mycelia) -> None:
        assert "no threshold yet" in oost("budget", "ls").out
        assert "budget.cap" in oost("event", "produce", "bread", "1", "--as", "kim").err
        limit = oost("budget", "threshold", "co2", "5000", "--as", "bo", "--json").json["id"]
        oost("budget", "allot", limit, chain_of(oost, "kim"), "4000", "--as", "bo")
        assert oost("budget", "take", "--as", "kim").code == 0

        assert oost("event", "produce", "bread", "3", "--as", "kim").code == 0
        assert "1400 g of co2 more" in oost("event", "produce", "bread", "3", "--as", "kim").err
        [budget] = oost("budget", "ls", "--json").json["budgets"]
        [share] = budget["shares"]
        assert (share["member"], share["allotted"], share["spent"], share["left"]) == ("kim", 4000, 2700, 1300)
        assert share["quotient"] == "27/40"

    def test_has_quotients_of_what_was_done_for_each_and_for_the_whole(self, oost: Mycelia) -> None:
        limit = oost("budget", "threshold", "co2", "5000", "--as", "bo", "--json").json["id"]
        oost("budget", "allot", limit, chain_of(oost, "kim"), "4000", "--as", "bo")
        assert oost("budget", "take", "--as", "kim").code == 0
        assert oost("event", "produce", "bread", "3", "--as", "kim").code == 0

        [budget] = oost("budget", "ls", "--json").json["budgets"]
        found = oost("books", "quotients", "--json").json["quotients"]

        assert [(row["member"], row["allowed"], row["used"], row["quotient"], row["stands"]) for row in found] == [
            (None, 5000, 2700, "27/50", "kept"), ("kim", 4000, 2700, "27/40", "kept"),
        ]  # fmt: skip
        assert budget["quotients"] == found
        for words in (("budget", "ls"), ("books", "quotients")):
            assert "27/50 = 0.5400" in oost(*words).out

    def test_teaches_where_there_is_no_limit(self, oost: Mycelia) -> None:
        none = oost("books", "quotients")

        assert (none.code, none.out) == (0, "")
        assert "mycelia budget threshold" in none.err

    def test_has_nothing_to_take_for_who_was_given_nothing(self, oost: Mycelia) -> None:
        assert "Nothing is allotted" in oost("budget", "take", "--as", "kim").err

    def test_takes_no_part_of_what_begins_later_and_says_so(self, oost: Mycelia) -> None:
        later = oost("budget", "threshold", "co2", "5000", "--begin", "+2d", "--as", "bo", "--json").json["id"]
        oost("budget", "allot", later, chain_of(oost, "kim"), "4000", "--as", "bo")
        alone = oost("budget", "take", "--as", "kim")
        limit = oost("budget", "threshold", "co2", "5000", "--as", "bo", "--json").json["id"]
        now = oost("budget", "allot", limit, chain_of(oost, "kim"), "1000", "--as", "bo", "--json").json["id"]

        taken = oost("budget", "take", "--as", "kim")

        assert "begins at" in alone.err
        assert now[:18] in taken.out
        assert "Left out what has not begun: 1." in taken.out
        assert "1000 g of co2" in taken.out

    def test_is_issued_by_those_whom_the_charter_names(self, oost: Mycelia) -> None:
        assert "threshold.authority" in oost("budget", "threshold", "co2", "5000", "--as", "kim").err

    def test_gives_parts_of_offers_to_other_chains(self, oost: Mycelia) -> None:
        oost("member", "add", "lee")
        offer = oost("offer", "bread", "10", "--at", "52.37,4.89", "--as", "kim", "--json").json["id"]
        allot = oost("budget", "allot", offer, chain_of(oost, "lee"), "4", "--as", "kim", "--json").json["id"]
        assert oost("budget", "take", "--as", "lee").code == 0
        part = oost(
            "offer", "bread", "4", "--at", "52.37,4.89", "--allotment", allot, "--as", "lee", "--until", "+1d"
        )  # fmt: skip

        assert part.code == 0
        assert "intent.allotment" in oost(
            "offer", "bread", "1", "--at", "52.37,4.89", "--allotment", allot, "--as", "lee", "--until", "+1d"
        ).err  # fmt: skip

    def test_part_of_an_intent_lasts_as_long_as_it_if_nothing_else_is_said(self, oost: Mycelia) -> None:
        oost("member", "add", "lee")
        need = oost("need", "bread", "10", "--at", "52.37,4.89", "--as", "kim", "--until", "+2d", "--json").json["id"]
        allot = oost("budget", "allot", need, "lee", "4", "--as", "kim", "--json").json["id"]
        taken = oost("budget", "take", "--as", "lee")

        part = oost("need", "bread", "3", "--at", "52.37,4.89", "--allotment", allot, "--as", "lee")

        assert "4 loaf of bread, a part of a need" in taken.out
        assert f"--allotment {allot[:18]}" in taken.err
        assert part.code == 0, part.err
        late = oost("need", "bread", "1", "--at", "52.37,4.89", "--allotment", allot, "--as", "lee", "--until", "+3d")
        assert "that part lasts until" in late.err.casefold()

    def test_shows_what_waits_to_be_taken_and_ids_that_can_be_pasted(self, oost: Mycelia) -> None:
        limit = oost("budget", "threshold", "co2", "5000", "--as", "bo", "--json").json["id"]
        identity = next(
            one["identity"] for one in oost("id", "show", "--as", "kim", "--json").json["identities"]
        )  # fmt: skip
        assert oost("budget", "allot", limit[:18], identity[:18], "4000", "--as", "bo").code == 0

        shown = oost("budget", "ls")

        assert limit[:18] in shown.out
        assert shown.out.splitlines()[2].split() == [chain_of(oost, "kim")[:18], "kim", "4000", "4000", "0", "0", "0"]
        assert "mycelia budget take" in shown.err

    @pytest.mark.parametrize("amount", ["0", "-5"])
    def test_of_nothing_is_refused_in_words_for_people(self, oost: Mycelia, amount: str) -> None:
        refused = oost("budget", "threshold", "co2", amount, "--as", "bo")

        assert refused.code == 2
        assert "openapi" not in refused.err
        assert "from 1 on" in refused.err

    def test_says_that_nothing_is_counted(self, mycelia: Mycelia) -> None:
        mycelia("init", "--name", "anna", "--class", "food=kg")

        assert "counts no impacts" in mycelia("budget", "ls").err
