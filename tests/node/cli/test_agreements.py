"""Agreements on the command line, without a running node."""

from __future__ import annotations

import pytest

from .conftest import Mycelia

HERE = ("--at", "52.37,4.89", "--until", "+2d")


@pytest.fixture
def pair(mycelia: Mycelia) -> Mycelia:
    """A home with two members, anna and bo."""
    assert mycelia("init", "--name", "anna", "--class", "food=kg/1000", "--class", "goods=piece").code == 0
    assert mycelia("member", "add", "bo").code == 0
    return mycelia


def swap(pair: Mycelia) -> tuple[str, str]:
    """Publish bread for Bo and a chair for Anna, with the needs; return the legs."""
    legs = []
    for giver, taker, what, amount in (("anna", "bo", "food", "2.5"), ("bo", "anna", "goods", "1")):
        offer = pair("offer", what, amount, *HERE, "--as", giver, "--json").json["id"]
        need = pair("need", what, amount, *HERE, "--as", taker, "--json").json["id"]
        legs.append(f"{offer[:18]}:{need[:18]}…:{amount}")
    return legs[0], legs[1]


def proposed(pair: Mycelia) -> str:
    """Bring a swap to where it can be signed; return its id."""
    return str(pair("agreement", "propose", *swap(pair), "--as", "anna", "--json").json["entries"][-1]["id"])


class TestAProposal:
    def test_is_of_lines_in_human_units(self, pair: Mycelia) -> None:
        made = pair("agreement", "propose", *swap(pair), "--as", "anna")

        assert (made.code, "of 2 legs" in made.out) == (0, True)
        assert "mycelia agreement sign" in made.err

    def test_is_rehearsed_without_a_trace(self, pair: Mycelia) -> None:
        before = pair("status", "--json").json["entries"]
        legs = swap(pair)
        tried = pair("agreement", "propose", *legs, "--as", "anna", "--dry-run")

        assert "Nothing was published" in tried.out
        assert pair("status", "--json").json["entries"] == before + 4

    @pytest.mark.parametrize("legs", [(), ("bafyreiaaaaaaaaaaa",), ("bafyreiaaaaaaaaaaa", "x"), ("a:b:c", "d:e:f")])
    def test_of_what_is_no_leg_is_refused_in_words(self, pair: Mycelia, legs: tuple[str, ...]) -> None:
        refused = pair("agreement", "propose", *legs, "--as", "anna")

        assert refused.code in (1, 2)
        assert (len(refused.err.splitlines()), "Traceback" in refused.err) == (3, False)

    def test_takes_what_was_promised_for_it(self, pair: Mycelia) -> None:
        legs = swap(pair)
        lines = [
            pair("commit", *leg.split(":"), "--conditional", "--json").json["lines"][0] for leg in legs
        ]  # fmt: skip
        made = pair("agreement", "propose", *lines, "--as", "bo", "--json").json

        assert (made["legs"], [one["kind"] for one in made["entries"]]) == (lines, ["agreement"])


class TestAnAgreement:
    def test_is_signed_delivered_and_received(self, pair: Mycelia) -> None:
        agreement = proposed(pair)
        first = pair("agreement", "sign", agreement[:18], "--as", "anna")
        second = pair("agreement", "sign", agreement)

        assert "It waits for bo." in first.err
        assert "is complete" in second.out
        assert "All have signed" in second.err
        for command in ("deliver", "receive"):
            for name in ("anna", "bo"):
                assert pair(command, "--all", "--as", name).code == 0
        assert {leg["status"] for leg in pair("agreement", "show", agreement, "--json").json["legs"]} == {"done"}

    def test_is_shown_with_who_gives_and_gets_what(self, pair: Mycelia) -> None:
        shown = pair("agreement", "show", proposed(pair)[:18])
        words = [line.split() for line in shown.out.splitlines()]

        assert "waits for anna, bo" in shown.out
        assert ["anna", "no", "2.5", "kg", "food,", "1", "piece", "goods"] in [
            [*one[:4], f"{one[4]},", *one[5:]] for one in words if len(one) == 8
        ]  # fmt: skip
        assert "mycelia agreement sign" in shown.err

    def test_is_listed_with_whom_it_waits_for(self, pair: Mycelia) -> None:
        empty = pair("agreement", "ls")
        agreement = proposed(pair)
        pair("agreement", "sign", agreement, "--as", "anna")
        listed = pair("agreement", "ls")

        assert (empty.code, empty.out, "Propose one" in empty.err) == (0, "", True)
        assert agreement[:18] in listed.out
        assert listed.out.splitlines()[1].endswith("bo")

    def test_is_rehearsed_without_a_trace(self, pair: Mycelia) -> None:
        agreement = proposed(pair)

        assert "Nothing was published" in pair("agreement", "sign", agreement, "--dry-run").out
        assert len(pair("agreement", "show", agreement, "--json").json["waits_here"]) == 2

    def test_that_cannot_be_signed_names_the_rule_and_the_way(self, pair: Mycelia) -> None:
        agreement = proposed(pair)
        pair("agreement", "sign", agreement)
        pair("member", "add", "cy")

        again, stranger = pair("agreement", "sign", agreement), pair("agreement", "sign", agreement, "--as", "cy")

        assert (again.code, stranger.code) == (4, 4)
        assert "agree.again" in again.err
        assert "agree.party" in stranger.err

    @pytest.mark.parametrize("command", ["show", "sign"])
    def test_that_nobody_holds_is_unknown(self, pair: Mycelia, command: str) -> None:
        unknown = pair("agreement", command, "bafyreiaaaaaaaaaaa", "--json")

        assert unknown.code == 1
        assert unknown.json["error"]["code"] == "unknown"

    def test_is_no_need(self, pair: Mycelia) -> None:
        need = swap(pair)[0].split(":")[1]

        assert "mycelia agreement ls" in pair("agreement", "show", need).err
