"""`doctor` and `release`: what a restored home says, and the word that overrides."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mycelia_node.config import Home
from tests.node.cli.conftest import Mycelia

NEED = ("need", "food", "1 kg", "--at", "52.37,4.89", "--until", "+2d")


class TestDoctor:
    def test_tells_a_lone_node_what_waits_and_that_it_works(self, anna: Mycelia) -> None:
        published = anna(*NEED, "--json").json

        [finding] = anna("doctor", "--json").json["findings"]
        assert (finding["finding"], finding["entries"], finding["member"]) == ("waiting", 2, "anna")
        assert anna("show", published["id"]).code == 0
        assert "Not released: 2 entries of anna, no peer has said yet what it holds." in anna("status").err

    def test_tells_that_data_were_restored_and_that_the_member_has_a_new_chain(
        self, anna: Mycelia, home: Path, tmp_path: Path
    ) -> None:
        before = anna("member", "ls", "--json").json["members"][0]["chain"]
        shutil.copytree(home, tmp_path / "backup")
        anna(*NEED)
        anna("release", "--yes")
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "backup", home)

        outcome = anna("doctor", "--json")

        restored = [one for one in outcome.json["findings"] if one["finding"] == "restored"]
        assert outcome.code == 1
        assert [one["chain"] for one in restored] == [before]
        assert f"`mycelia id revoke {before[:18]} --heir " in restored[0]["try"]
        assert "others hold entry 1 of chain" in anna("doctor").out
        assert f"Chain {before[:18]} was restored and should be cut" in anna("id", "show").err
        assert "Others hold entry 1 of it" in anna("id", "revoke", before, "--as", "anna").err
        assert anna("member", "ls", "--json").json["members"][0]["chain"] != before
        assert anna(*NEED).code == 0

    def test_says_in_a_sentence_that_the_name_of_the_installation_is_damaged(self, anna: Mycelia, home: Path) -> None:
        anna("status")
        Home(home).install.write_text("../../elsewhere")

        outcome = anna("doctor")

        assert outcome.code == 1
        assert "install.id is damaged" in outcome.err


class TestRelease:
    def test_names_the_risk_before_it_does_anything(self, anna: Mycelia) -> None:
        anna(*NEED)

        outcome = anna("release")

        assert outcome.code == 2
        assert "set back" in outcome.err
        assert anna("doctor", "--json").json["findings"]

    def test_releases_when_it_is_confirmed(self, anna: Mycelia, home: Path) -> None:
        anna(*NEED)

        outcome = anna("release", "--yes", "--json")

        assert (outcome.code, outcome.json) == (0, {"release": []})
        assert anna("doctor", "--json").json == {"findings": []}
        record = Path(os.environ["MYCELIA_STATE"]) / Home(home).install.read_text() / "release.json"
        assert record.stat().st_mode & 0o777 == 0o600
