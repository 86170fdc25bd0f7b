"""Root keys of two holders at the command line: two homes that hand each other texts and run files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node.cli.conftest import Mycelia


@pytest.fixture
def bo(anna: Mycelia, tmp_path: Path) -> Mycelia:
    """Return the command line of a second home in anna's commons."""
    meet(anna, anna, tmp_path, "init", "--name", "bo", "--home", str(tmp_path / "bo"), "--join")
    return lambda *words: anna(*words, "--home", str(tmp_path / "bo"))


def meet(source: Mycelia, target: Mycelia, place: Path, *words: str) -> None:
    """Carry everything from one home to another."""
    file = str(place / "all.run")
    assert source("export", file).code == 0
    assert target(*(words or ("import",)), file).code == 0


def shared(anna: Mycelia, bo: Mycelia) -> None:
    """Let both name both as the holders."""
    shares = [one("id", "share", name, "--json").json["share"] for one, name in ((anna, "anna"), (bo, "for anna"))]
    for one, name in ((anna, "anna"), (bo, "for anna")):
        assert one("id", "holders", name, *shares, "--needed", "2").code == 0


class TestTwoHolders:
    def test_sign_what_one_of_them_asks_for(self, anna: Mycelia, bo: Mycelia, tmp_path: Path) -> None:
        shared(anna, bo)
        assert anna("id", "rotate").out.startswith("Rotated by entry")
        meet(anna, bo, tmp_path)
        drafted = anna("id", "rotate")

        asked = bo("id", "sign", drafted.out)
        signed = bo("id", "sign", drafted.out, "--yes")
        said = anna("id", "publish", signed.out, "--json")

        assert (drafted.code, "More holders must sign this" in drafted.err) == (0, True)
        assert (asked.code, asked.out) == (2, "")
        assert "2 root keys of which 2 sign, and the next ones are those of 2 holders known here" in asked.err
        assert "Enough have signed" in signed.err
        assert said.json["kind"] == "id.rotate"
        assert anna("verify", "--json").json["faults"] == []

    def test_are_both_needed_from_then_on(self, anna: Mycelia, bo: Mycelia, tmp_path: Path) -> None:
        self.test_sign_what_one_of_them_asks_for(anna, bo, tmp_path)
        meet(anna, bo, tmp_path)
        chain = anna("member", "ls", "--json").json["members"][0]["chain"]

        for words in (("revoke", chain), ("close", "--yes"), ("rotate",)):
            drafted = anna("id", *words, "--json").json
            assert drafted["statement"].startswith("myceliasign1")
            alone = anna("id", "publish", drafted["statement"])
            assert (alone.code, "1 of 2 holders have signed" in alone.err) == (2, True)
        assert anna("id", "show", "--json").json["identities"][0]["status"] == "member"

    def test_bring_back_a_device_together(self, anna: Mycelia, bo: Mycelia, tmp_path: Path) -> None:
        self.test_sign_what_one_of_them_asks_for(anna, bo, tmp_path)
        meet(anna, bo, tmp_path)
        words = tmp_path / "words"
        words.write_text(anna("id", "phrase", "--yes").out)
        drafted = bo("id", "restore", "anna", "--phrase-file", str(words))
        assert drafted.out.startswith("myceliasign1")

        signed = bo("id", "sign", drafted.out, "--yes")  # the other part is kept in this home
        said = bo("id", "publish", signed.out)

        assert "speak for identity" in signed.err
        assert said.out.startswith("Published open")
        assert bo("need", "food", "3", "--at", "52.37,4.89", "--as", "anna").code == 0

    def test_of_a_founder_prepare_before_the_commons_is_there(self, mycelia: Mycelia, tmp_path: Path) -> None:
        homes = [("anna", str(tmp_path / "home")), ("helper", str(tmp_path / "other"))]
        shares = [mycelia("id", "share", name, "--home", home, "--json").json["share"] for name, home in homes]
        for name, home in homes:
            assert mycelia("id", "holders", name, *shares, "--needed", "2", "--home", home).code == 0

        prepared = mycelia("id", "prepare", "anna", "--json").json["identity"]
        made = mycelia("commons", "new", "--name", "anna", "--membership", "stewards", "--json").json
        drafted = mycelia("id", "rotate")

        assert made["identity"] == prepared
        assert drafted.out.startswith("myceliasign1")

    def test_are_told_what_they_pasted_wrongly(self, anna: Mycelia) -> None:
        for words, code, why in (
            (("id", "sign", "myceliasign1abc"), 4, "statement.text"),
            (("id", "publish", "hello"), 4, "statement.text"),
            (("id", "publish"), 2, "No statement was given"),
            (("id", "holders", "anna", "myceliashare1", "--needed", "1"), 4, "share.text"),
            (("id", "holders", "anna", "--needed", "1"), 2, "0 holders"),
            (("id", "restore", "anna", "--by", "x", "--kept"), 2, "number of a holder"),
        ):
            refused = anna(*words)
            assert (refused.code, refused.out) == (code, "")
            assert why in refused.err
