"""The keystore: each member a key and a chain, readable by the owner alone, never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from random import Random

import pytest

from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.memberfile import Plan
from mycelia_protocol.roots import Roots
from tests.node.ledgers import new_ledger, open_ledger


def keystore(path: Path) -> Keystore:
    return Keystore(path / "keys", entropy=Random(5).randbytes)


class TestAMember:
    def test_has_a_key_and_a_chain_of_their_own(self, tmp_path: Path) -> None:
        ledger, keys = new_ledger(tmp_path), keystore(tmp_path)

        anna, bo = keys.create("anna", ledger), keys.create("bo", ledger)

        assert anna.chain != bo.chain
        assert keys.pair("anna").public == anna.public
        assert keys.owner(bo.chain) == bo
        assert ledger.count() == 2

    def test_is_there_again_after_a_restart(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        anna = keystore(tmp_path).create("anna", ledger)

        assert keystore(tmp_path).members() == [anna]

    def test_has_a_key_file_that_only_the_owner_reads(self, tmp_path: Path) -> None:
        keystore(tmp_path).create("anna", new_ledger(tmp_path))

        [file] = (tmp_path / "keys").glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_is_made_once(self, tmp_path: Path) -> None:
        ledger, keys = new_ledger(tmp_path), keystore(tmp_path)
        keys.create("anna", ledger)

        with pytest.raises(StoreFault, match="already"):
            keys.create("anna", ledger)

    @pytest.mark.parametrize("name", ["", "../anna", "a/b", "x" * 80, "\n", "a\0b", "\U00020000" * 63])
    def test_has_a_usable_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(StoreFault, match="not a usable name"):
            keystore(tmp_path).create(name, new_ledger(tmp_path))
        with pytest.raises(StoreFault, match="not a usable name"):
            keystore(tmp_path).keep_roots(name, Roots(bytes(32)))

    def test_whose_making_was_cut_short_is_finished_at_the_next_start(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        keystore(tmp_path).create("anna", ledger)
        [file] = (tmp_path / "keys").glob("*.json")
        document = json.loads(file.read_text())
        file.write_text(json.dumps({**document, "chain": None}))

        keys = keystore(tmp_path)
        keys.finish(ledger)

        assert keys.member("anna").chain.hex() == document["chain"]
        assert ledger.count() == 1

    def test_never_shows_a_secret(self, tmp_path: Path) -> None:
        ledger, keys = new_ledger(tmp_path), keystore(tmp_path)
        keys.create("anna", ledger)
        [file] = (tmp_path / "keys").glob("*.json")
        seed = json.loads(file.read_text())["seed"]

        shown = f"{keys.members()} {keys.pair('anna')!r} {keys.member('anna')}"

        assert seed not in shown
        assert keys.pair("anna").secret.hex() not in shown


class TestRootKeys:
    def test_that_others_count_on_are_not_written_over(self, tmp_path: Path) -> None:
        keys = keystore(tmp_path)
        keys.keep_roots("for cleo", Roots(bytes(32)))

        with pytest.raises(StoreFault, match="other root keys"):
            keys.prepare("for cleo", roots=Roots(b"1" * 32))
        assert keys.roots("for cleo") == Roots(bytes(32))

    @pytest.mark.parametrize("plan", [Plan(), Plan(identity=bytes(32))], ids=["a person", "a bot"])
    def test_outlive_a_member_that_comes_to_nothing(self, tmp_path: Path, plan: Plan) -> None:
        keys = keystore(tmp_path)
        keys.keep_roots("for cleo", Roots(bytes(32)))
        keys.prepare("for cleo", plan)
        keys.discard("for cleo")
        keys.prepare("bo")
        keys.discard("bo")

        assert keys.roots("for cleo") == Roots(bytes(32))
        assert keys.roots("bo") is None


class TestChoosing:
    def test_takes_the_only_member(self, tmp_path: Path) -> None:
        ledger, keys = new_ledger(tmp_path), keystore(tmp_path)
        anna = keys.create("anna", ledger)

        assert keys.member() == anna

    def test_asks_which_of_several(self, tmp_path: Path) -> None:
        ledger, keys = new_ledger(tmp_path), keystore(tmp_path)
        keys.create("anna", ledger)
        keys.create("bo", ledger)

        with pytest.raises(BadInput, match="2 members"):
            keys.member()
        with pytest.raises(BadInput, match="no member"):
            keys.member("cleo")

    def test_says_which_file_is_damaged(self, tmp_path: Path) -> None:
        ledger: Ledger = new_ledger(tmp_path)
        keystore(tmp_path).create("anna", ledger)
        [file] = (tmp_path / "keys").glob("*.json")
        file.write_text("{")

        with pytest.raises(StoreFault, match=r"anna\.json cannot be read"):
            keystore(tmp_path).members()
        ledger.close()
        open_ledger(tmp_path)
