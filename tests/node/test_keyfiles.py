"""Key files at rest: sealed under a passphrase, whatever moment the power fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from mycelia_node import config, keyfiles, lock, passphrase
from mycelia_node.config import Home
from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.keyfiles import LOCK, KeyFiles
from mycelia_node.keystore import Keystore
from mycelia_node.lock import LEAST, Limits, Unlocked
from tests.node.ledgers import new_ledger

WORDS = "correct horse battery"
OTHER = "staple of the other day"


class Cut(Exception):
    """The power fails."""


def keystore(path: Path, words: str = WORDS) -> Keystore:
    return Keystore(path / "keys", entropy=Random(5).randbytes, passphrase=lambda: words, limits=LEAST)


def with_anna_and_bo(path: Path) -> Keystore:
    kept, ledger = keystore(path), new_ledger(path)
    kept.create("anna", ledger)
    kept.create("bo", ledger)
    ledger.close()
    return kept


def secrets_of(kept: Keystore) -> list[bytes]:
    roots = [kept.roots(name) for name in ("anna", "bo")]
    return [kept.pair(name).secret[:32] for name in ("anna", "bo")] + [one.seed for one in roots if one]


def on_disk(path: Path) -> str:
    return "".join(file.read_text() for file in sorted((path / "keys").iterdir()))


class TestSealedFiles:
    def test_open_with_the_passphrase(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        secrets, members = secrets_of(kept), kept.members()

        kept.files.protect(WORDS)

        assert keystore(tmp_path).members() == members
        assert secrets_of(keystore(tmp_path)) == secrets

    def test_hold_no_secret_that_can_be_read(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        (tmp_path / "keys" / "anna.json.new").write_bytes((tmp_path / "keys" / "anna.json").read_bytes())
        secrets = secrets_of(kept)

        kept.files.protect(WORDS)

        assert len(secrets) == 4
        assert all(secret.hex() not in on_disk(tmp_path) for secret in secrets)

    def test_refuse_another_passphrase(self, tmp_path: Path) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)

        with pytest.raises(StoreFault, match="the passphrase does not open the keys"):
            keystore(tmp_path, OTHER).members()

    def test_take_a_member_made_later(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        kept.files.protect(WORDS)

        kept.prepare("cleo")

        again = keystore(tmp_path)
        assert again.waiting() == ["cleo"]
        assert again.prepared("cleo") == kept.prepared("cleo")
        assert (tmp_path / "keys" / "cleo.json").read_text().startswith('{"sealed"')

    def test_refuse_to_change_places(self, tmp_path: Path) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)
        anna, bo = tmp_path / "keys" / "anna.json", tmp_path / "keys" / "bo.json"
        first, second = anna.read_bytes(), bo.read_bytes()

        anna.write_bytes(second)
        bo.write_bytes(first)

        with pytest.raises(StoreFault, match=r"anna\.json was changed, or belongs elsewhere"):
            keystore(tmp_path).members()

    @pytest.mark.parametrize("cut", [10, 40, 100, -4])
    def test_refuse_to_be_cut_short(self, tmp_path: Path, cut: int) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)
        anna = tmp_path / "keys" / "anna.json"

        anna.write_bytes(anna.read_bytes()[:cut])

        with pytest.raises(StoreFault, match=r"anna\.json"):
            keystore(tmp_path).members()

    def test_refuse_a_plain_file_among_them(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        plain = (tmp_path / "keys" / "anna.json").read_bytes()
        kept.files.protect(WORDS)

        (tmp_path / "keys" / "anna.json").write_bytes(plain)

        with pytest.raises(StoreFault, match="is not sealed, as all others are"):
            keystore(tmp_path).members()

    def test_say_so_when_their_lock_is_gone(self, tmp_path: Path) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)

        (tmp_path / "keys" / LOCK).unlink()

        with pytest.raises(StoreFault, match="its lock is gone"):
            keystore(tmp_path).members()

    def test_open_with_a_new_passphrase_alone_after_a_change(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        kept.files.protect(WORDS)

        keystore(tmp_path).files.protect(OTHER)

        assert len(keystore(tmp_path, OTHER).members()) == 2
        with pytest.raises(StoreFault, match="does not open"):
            keystore(tmp_path).members()

    def test_are_plain_again_when_laid_open(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)
        before = on_disk(tmp_path)
        kept.files.protect(WORDS)

        keystore(tmp_path).files.lay_open()

        assert on_disk(tmp_path) == before

    def test_ask_once(self, tmp_path: Path) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)
        asked: list[str] = []

        def answer() -> str:
            asked.append(WORDS)
            return WORDS

        kept = Keystore(tmp_path / "keys", entropy=Random(6).randbytes, passphrase=answer)
        kept.members()
        kept.roots("anna")
        kept.roots("bo")

        assert len(asked) == 1

    def test_open_with_the_first_line_of_a_file(self, tmp_path: Path) -> None:
        with_anna_and_bo(tmp_path).files.protect(WORDS)
        paper = tmp_path / "paper.txt"
        paper.write_text(f"{WORDS}\nand nothing else\n")

        kept = passphrase.keystore(Home(tmp_path), paper)

        assert len(kept.members()) == 2

    def test_take_no_short_passphrase(self, tmp_path: Path) -> None:
        kept = with_anna_and_bo(tmp_path)

        with pytest.raises(BadInput, match="7 letters"):
            kept.files.protect("seventh")
        assert not kept.files.are_sealed


class TestTheLock:
    def test_takes_letters_however_a_keyboard_writes_them(self) -> None:
        document = lock.write_lock("caf\u00e9 caf\u00e9", Unlocked(bytes(32), False), limits=LEAST, entropy=bytes)

        assert lock.open_lock(document, "cafe\u0301 cafe\u0301").key == bytes(32)

    def test_does_not_open_when_it_was_made_lenient(self) -> None:
        document = json.loads(lock.write_lock(WORDS, Unlocked(bytes(32), False), limits=LEAST, entropy=bytes))

        with pytest.raises(StoreFault, match="does not open"):
            lock.open_lock(json.dumps({**document, "mixed": True}).encode(), WORDS)

    @pytest.mark.parametrize(
        "change",
        [{"limits": [1, 2**40]}, {"limits": [10**9, 8192]}, {"limits": [0, 0]}, {"limits": ["a"]}, {"salt": ""},
         {"salt": "zz"}, {"mixed": 1}, {"sealed": 5}],
    )  # fmt: skip
    def test_that_asks_for_the_impossible_is_damaged(self, change: dict[str, object]) -> None:
        document = json.loads(lock.write_lock(WORDS, Unlocked(bytes(32), False), limits=LEAST, entropy=bytes))

        with pytest.raises(StoreFault, match="the lock of the key files is damaged"):
            lock.open_lock(json.dumps({**document, **change}).encode(), WORDS)

    def test_never_shows_its_key(self) -> None:
        assert bytes([7]).hex() * 32 not in repr(Unlocked(bytes([7]) * 32, False))

    def test_costs_what_it_says(self) -> None:
        document = lock.write_lock(WORDS, Unlocked(bytes(32), False), limits=Limits(2, 16384), entropy=bytes)

        assert json.loads(document)["limits"] == [2, 16384]


Change = Callable[[KeyFiles], None]


class TestAPowerCut:
    """Before each write and each removal, in turn: everything opens with the one passphrase or the other."""

    @pytest.mark.parametrize(
        ("sealed_before", "change"),
        [
            (False, lambda files: files.protect(WORDS)),
            (True, lambda files: files.protect(OTHER)),
            (True, lambda files: files.lay_open()),
        ],
        ids=["sealing", "another passphrase", "laying open"],
    )
    @pytest.mark.parametrize("writes", range(8))
    def test_leaves_all_keys_readable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed_before: bool, change: Change, writes: int
    ) -> None:
        kept = with_anna_and_bo(tmp_path)
        secrets = secrets_of(kept)
        if sealed_before:
            kept.files.protect(WORDS)
        left = writes

        def until_the_cut(path: Path, data: bytes) -> None:
            nonlocal left
            if left == 0:
                path.with_name(path.name + ".new").write_bytes(data[: len(data) // 2])
                raise Cut
            left -= 1
            config.write_private(path, data)

        with monkeypatch.context() as patch:
            patch.setattr(keyfiles, "write_private", until_the_cut)
            try:
                change(keystore(tmp_path).files)
            except Cut:
                assert left == 0

        opening = [words for words in (WORDS, OTHER) if opens(tmp_path, words)]
        assert opening
        assert secrets_of(keystore(tmp_path, opening[0])) == secrets
        keystore(tmp_path, opening[0]).files.protect(OTHER)  # what was cut short is finished
        assert secrets_of(keystore(tmp_path, OTHER)) == secrets


def opens(path: Path, words: str) -> bool:
    try:
        return len(keystore(path, words).members()) == 2
    except StoreFault:
        return False
