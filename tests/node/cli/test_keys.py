"""Keys at rest, from the command line: sealed, changed, laid open, and never shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from mycelia_node.keystore import Keystore
from mycelia_node.lock import LEAST, MODERATE, Limits
from mycelia_node.passphrase import FILE, WORD
from tests.node.cli.conftest import Mycelia

WORDS = "correct horse battery"


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Return a file with a passphrase."""
    file = tmp_path / "passphrase.txt"
    file.write_text(f"{WORDS}\n")
    return file


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have passphrases cost as little as they can; what they cost otherwise has a test of its own."""
    usual = Keystore.__init__.__kwdefaults__ or {}
    monkeypatch.setattr(Keystore.__init__, "__kwdefaults__", {**usual, "limits": LEAST})


def forms(secret: bytes) -> list[str]:
    return [secret.hex(), base64.b64encode(secret).decode().rstrip("="), base64.urlsafe_b64encode(secret).decode()[:-1]]


class TestKeys:
    def test_are_plain_at_first_and_init_says_so(self, mycelia: Mycelia) -> None:
        made = mycelia("init", "--name", "anna")

        assert "are plain, readable by you alone: `mycelia keys protect` seals them" in made.err
        assert mycelia("keys", "show", "--json").json["sealed"] is False

    def test_are_sealed_at_a_cost_that_who_guesses_pays_each_time(self, anna: Mycelia, home: Path, paper: Path) -> None:
        anna("keys", "protect", "--passphrase-file", str(paper))

        [lock] = [json.loads(file.read_text()) for file in (home / "keys").iterdir() if "salt" in file.read_text()]
        assert Limits(*lock["limits"]) == MODERATE

    @pytest.mark.usefixtures("cheap")
    def test_are_never_shown_in_a_session(
        self, anna: Mycelia, home: Path, paper: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seeds = [
            bytes.fromhex(json.loads((home / "keys" / "anna.json").read_text())["seed"]),
            bytes.fromhex(json.loads((home / "keys" / "anna.root").read_text())["root"]),
        ]
        steps = [anna("keys", "protect", "--passphrase-file", str(paper), "--json"), anna("member", "ls")]
        monkeypatch.setenv(FILE, str(paper))
        steps += [
            anna(*words)
            for words in (
                ["need", "food", "12", "kg", "--at", "52.37,4.89", "--until", "+2d"],
                ["log", "--json"],
                ["id", "show", "--json"],
                ["keys", "show"],
                ["keys", "protect", "--plain"],
                ["member", "ls", "--json"],
            )
        ]

        assert [step.code for step in steps] == [0, 1, 0, 0, 0, 0, 0, 0]
        said = "".join(step.out + step.err for step in steps)
        assert not [form for seed in seeds for form in forms(seed) if form in said]
        assert WORDS not in said

    @pytest.mark.usefixtures("cheap")
    def test_ask_in_one_sentence_when_nobody_can_answer(
        self, anna: Mycelia, paper: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        anna("keys", "protect", "--passphrase-file", str(paper))

        unasked = anna("member", "ls")
        monkeypatch.setenv(WORD, "another passphrase")
        wrong = anna("member", "ls")

        assert unasked.code == wrong.code == 1
        assert "The keys of this home are sealed, and nobody can be asked." in unasked.err
        assert "The passphrase does not open the keys." in wrong.err
        assert "Traceback" not in unasked.err + wrong.err

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["--plain", "--passphrase-file", "x"], "--plain takes no passphrase"),
            ([], "There is no terminal to ask on"),
            (["--passphrase-file", "/nowhere/at/all"], "No passphrase can be read from /nowhere/at/all"),
            (["--passphrase-file", "/dev/null"], "It has 0 letters"),
        ],
    )
    def test_stay_as_they_are_when_no_passphrase_is_given(self, anna: Mycelia, words: list[str], why: str) -> None:
        refused = anna("keys", "protect", *words)

        assert refused.code != 0
        assert why in refused.err
        assert anna("keys", "show", "--json").json["sealed"] is False
