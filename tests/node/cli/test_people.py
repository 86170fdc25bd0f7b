"""Commons and identities from the command line, without a running node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mycelia_node.phrase import phrase_of
from mycelia_protocol.roots import Roots
from tests.node.cli.conftest import Mycelia

WORDS = 24


@pytest.fixture
def oost(mycelia: Mycelia) -> Mycelia:
    """Return the command line of a home that founded a tree."""
    assert (
        mycelia(
            "commons", "new", "--name", "anna", "--commons", "Oost", "--membership", "tree", "--rate", "100/0/60000"
        ).code
        == 0
    )
    return mycelia


class TestACommons:
    def test_is_founded_with_an_identity_that_its_charter_names(self, mycelia: Mycelia) -> None:
        made = mycelia("commons", "new", "--name", "anna", "--membership", "stewards", "--json").json

        shown = mycelia("commons", "show", "--json").json
        assert shown["founders"] == [made["identity"]]
        assert shown["membership"] == {"stewards": 1}

    def test_comes_back_from_its_own_charter_file(self, oost: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "oost.toml"
        file.write_text(oost("commons", "show", "--toml").out)

        there = ("--home", str(tmp_path / "other"), "--json")
        again = oost("commons", "new", "--charter", str(file), "--name", "bo", *there)

        assert again.code == 0
        assert again.json["commons"] == "Oost"
        one, other = oost("commons", "show", "--json").json, oost("commons", "show", *there).json
        assert one["network"] != other["network"]
        assert (one["membership"], one["classes"]) == (other["membership"], other["classes"])
        assert one["toml"].count("rate") == other["toml"].count("rate") == 1

    def test_says_in_its_charter_file_when_headers_may_go(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "oost.toml"
        file.write_text('name = "Oost"\nretention = "365 d"\nwitnesses = 2\n[classes]\nfood = "kg"\n')

        assert mycelia("commons", "new", "--charter", str(file), "--name", "anna").code == 0

        shown = mycelia("commons", "show", "--json").json
        assert (shown["retention_ms"], shown["witnesses"]) == (365 * 86_400_000, 2)
        assert 'retention = "365 d"\nwitnesses = 2\n' in shown["toml"]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("name = ", "not TOML"),
            ('name = "Oost"\ncolour = "red"\n[classes]\nfood = "kg"\n', "no key 'colour'"),
            ('name = "Oost"\n', "no table [classes]"),
            ('name = "Oost"\ndrift = 3\n[classes]\nfood = "kg"\n', "Drift is no duration"),
            ('name = "Oost"\nmembership = "mine"\n[classes]\nfood = "kg"\n', "membership is not understood"),
            ('name = "Oost"\nfounders = ["x"]\n[classes]\nfood = "kg"\n', "cid.form"),
            ('name = "Oost"\n[classes]\nfood = 3\n', "unit of 'food'"),
            ('name = "Oost"\n[classes]\nfood = "kg"\n[rate]\nentry = "1 s"\n', "rate is not understood"),
            ('name = "Oost"\nwitnesses = true\n[classes]\nfood = "kg"\n', "witnesses is True"),
            ('name = "Oost"\nmax_amount = "much"\n[classes]\nfood = "kg"\n', "limits.amount"),
        ],
    )
    def test_is_not_founded_by_a_file_that_is_wrong(
        self, mycelia: Mycelia, home: Path, tmp_path: Path, text: str, why: str
    ) -> None:
        (tmp_path / "wrong.toml").write_text(text)

        refused = mycelia("commons", "new", "--charter", str(tmp_path / "wrong.toml"))

        assert refused.code != 0
        assert why in refused.err.replace("\n", " ")
        assert "Traceback" not in refused.err
        assert not (home / "ledger.sqlite").exists()
        assert not list(home.glob("keys/*"))

    def test_has_several_founders_whose_keys_were_prepared(self, mycelia: Mycelia, tmp_path: Path) -> None:
        other = str(tmp_path / "bo")
        prepared = mycelia("id", "prepare", "bo", "--home", other, "--json").json["identity"]

        mycelia("commons", "new", "--name", "anna", "--membership", "stewards", "--founder", prepared)

        assert prepared in mycelia("commons", "show", "--json").json["founders"]
        run_file = str(tmp_path / "oost.run")
        assert mycelia("export", run_file).code == 0
        assert mycelia("init", "--join", run_file, "--name", "eve", "--home", str(tmp_path / "eve")).code == 1
        assert mycelia("init", "--join", run_file, "--name", "bo", "--home", other).code == 0
        found = mycelia("commons", "members", "--home", other, "--json").json["identities"]
        assert {one["status"] for one in found} == {"member"}
        assert prepared in {one["identity"] for one in found}

    def test_lists_who_is_in(self, oost: Mycelia) -> None:
        oost("member", "add", "bo")

        found = oost("commons", "members", "--json").json["identities"]

        assert sorted((one["depth"], one["status"]) for one in found) == [(0, "member"), (1, "member")]

    def test_gives_invitations_and_takes_no_others(self, oost: Mycelia) -> None:
        invited = oost("commons", "invite", "--as", "anna", "--json").json

        assert oost("member", "add", "bo", "--invitation", invited["text"]).code == 0
        again = oost("member", "add", "cleo", "--invitation", invited["text"][:-2])
        assert again.code == 4
        assert "invitation.text" in again.err
        assert oost("commons", "invite", "--hours", "0").code == 2
        assert oost("commons", "admit", "bafyrei").code != 0

    def test_is_joined_only_where_a_peer_answers(self, oost: Mycelia, tmp_path: Path) -> None:
        text = oost("commons", "invite", "--json").json["text"]

        alone = oost("commons", "join", text, "--home", str(tmp_path / "bo"))

        assert alone.code == 1
        assert "names no peer" in alone.err
        assert oost("commons", "join", "mycelia1abc", "--home", str(tmp_path / "bo")).code == 4
        assert not (tmp_path / "bo" / "ledger.sqlite").exists()


class TestAnIdentity:
    def test_has_a_phrase_that_is_shown_only_when_asked_for(self, anna: Mycelia) -> None:
        refused, shown = anna("id", "phrase"), anna("id", "phrase", "--yes")

        assert refused.code == 2
        assert len(shown.out.split()) == WORDS
        assert not any(word in refused.out + refused.err for word in [shown.out.strip()])

    def test_loses_its_root_keys_here_only_to_who_has_the_phrase(self, anna: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "words"
        file.write_text("abandon " * WORDS)
        assert anna("id", "forget-root", "--phrase-file", str(file)).code == 2
        file.write_text(anna("id", "phrase", "--yes").out)

        assert anna("id", "forget-root", "--phrase-file", str(file)).code == 0

        assert anna("id", "rotate").code == 1
        assert "restore-root" in anna("id", "rotate").err
        assert anna("id", "restore-root", "anna", "--phrase-file", str(file)).code == 0
        assert anna("id", "rotate").code == 0
        strange = tmp_path / "strange.txt"
        strange.write_text(phrase_of(Roots(bytes(32))))
        assert anna("id", "forget-root", "--phrase-file", str(file)).code == 0
        assert "never were" in anna("id", "restore-root", "anna", "--phrase-file", str(strange)).err
        assert anna("id", "restore-root", "anna", "--phrase-file", str(file)).code == 0
        file.write_text("abandon " * (WORDS - 1) + "art")
        assert anna("id", "restore-root", "anna", "--phrase-file", str(file)).code == 2

    def test_shows_its_chains_and_where_each_stands(self, anna: Mycelia) -> None:
        anna("id", "delegate", "bot", "--kinds", "offer,row", "--class", "food=50", "--days", "3")
        [before] = anna("id", "show", "--json").json["identities"]
        bot = next(one["chain"] for one in before["chains"] if one["form"] == "delegated")

        assert anna("id", "revoke", bot, "--as", "anna").code == 0

        [after] = anna("id", "show", "--as", "anna", "--json").json["identities"]
        assert {one["form"] for one in after["chains"]} == {"founding", "delegated"}
        assert "partly" in {one["counts"] for one in after["chains"]}

    def test_is_restored_by_its_phrase(self, anna: Mycelia, tmp_path: Path) -> None:
        file = tmp_path / "words"
        file.write_text(anna("id", "phrase", "--yes").out)
        [one] = anna("id", "show", "--json").json["identities"]
        lost = one["chains"][0]["chain"]

        done = anna("id", "restore", "anna2", "--lost", lost, "--rotate", "--phrase-file", str(file), "--json")

        assert [entry["kind"] for entry in done.json["entries"]] == ["id.revoke", "id.rotate"]
        assert anna("need", "food", "3", "--at", "52.37,4.89", "--as", "anna2").code == 0

    def test_is_not_ended_by_mistake(self, anna: Mycelia) -> None:
        assert anna("id", "close").code == 2
        assert anna("id", "close", "--yes").code == 0
        assert anna("id", "show", "--json").json["identities"][0]["status"] == "closed"

    def test_never_shows_a_secret(self, anna: Mycelia, home: Path) -> None:
        """Everything that commands print, beside the phrase when it is asked for, holds no seed in any form."""
        invitation = anna("commons", "invite", "--json").json["text"]
        secrets = []
        for file in home.glob("keys/*"):
            document = json.loads(file.read_text())
            secrets += [value for key, value in document.items() if key in {"seed", "root"}]
        assert len(secrets) == 2
        words = (
            ["status"], ["member", "ls"], ["id", "show"], ["commons", "show"], ["commons", "members"], ["log"],
            ["id", "delegate", "bot"], ["id", "rotate", "--as", "anna"], ["verify"], ["id", "guardians", "x"],
        )  # fmt: skip

        shown = "".join(anna(*one, *more).out + anna(*one, *more).err for one in words for more in ([], ["--json"]))

        for secret in secrets:
            assert secret not in shown
            assert secret not in invitation
