"""Keys at rest, from the command line: sealed, changed, laid open, and never shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

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


class Memory(KeyringBackend):
    """A keyring that forgets with the test."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def ring() -> Iterator[Memory]:
    """Have the system keep secrets in memory."""
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.mark.usefixtures("cheap")
class TestTheSystemsKeyring:
    def test_keeps_the_secret_and_nobody_is_asked(self, anna: Mycelia, ring: Memory) -> None:
        done = anna("keys", "protect", "--keyring")

        assert (done.code, "the system's keyring keeps" in done.out) == (0, True)
        assert anna("need", "food", "1", "--at", "52.37,4.89").code == 0
        [secret] = ring.held.values()
        assert secret not in done.out + done.err

    def test_is_left_for_a_passphrase_or_none(self, anna: Mycelia, ring: Memory, paper: Path) -> None:
        anna("keys", "protect", "--keyring")
        assert anna("keys", "protect", "--keyring").code == 0
        assert len(ring.held) == 1

        assert anna("keys", "protect", "--passphrase-file", str(paper)).code == 0
        assert ring.held == {}
        assert anna("need", "food", "1", "--at", "52.37,4.89").code == 1
        assert anna("keys", "protect", "--keyring", "--plain").code == 2

    def test_that_lost_the_secret_is_said(self, anna: Mycelia, ring: Memory) -> None:
        anna("keys", "protect", "--keyring")
        ring.held.clear()

        said = anna("need", "food", "1", "--at", "52.37,4.89")

        assert (said.code, "no longer has the secret" in said.err) == (1, True)

    def test_that_is_not_there_is_said_and_nothing_changes(self, anna: Mycelia) -> None:
        before = keyring.get_keyring()
        keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
        said = anna("keys", "protect", "--keyring")
        keyring.set_keyring(before)

        assert (said.code, "keyring cannot be used" in said.err) == (1, True)
        assert anna("keys", "show", "--json").json["sealed"] is False


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
        kept, phrase = json.loads((home / "keys" / "anna.json").read_text()), anna("id", "phrase", "--yes").out.strip()
        root = json.loads((home / "keys" / "anna.root").read_text())["root"]
        seeds = [bytes.fromhex(secret) for secret in (kept["seed"], kept["box"], root)]
        steps = [anna("keys", "protect", "--passphrase-file", str(paper), "--json"), anna("member", "ls")]
        monkeypatch.setenv(FILE, str(paper))
        steps += [
            anna(*words)
            for words in (
                ["need", "food", "12", "kg", "--at", "52.37,4.89", "--until", "+2d"],
                ["log", "--json"],
                ["id", "show", "--json"],
                ["keys", "show"],
                ["id", "share", "anna"],
                ["id", "rotate", "--json"],
                ["id", "phrase"],  # refused: standard output is no terminal
                ["doctor", "--json"],
                ["keys", "protect", "--plain"],
                ["member", "ls", "--json"],
            )
        ]

        assert [step.code for step in steps] == [0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]
        said = "".join(step.out + step.err for step in steps)
        assert not [form for seed in seeds for form in forms(seed) if form in said]
        assert WORDS not in said
        assert phrase not in said

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
            (["--plain", "--passphrase-file", "x"], "exclude each other"),
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
