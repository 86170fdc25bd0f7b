"""Facts on disk: each record has a letter of its own, and comes back as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from mycelia_node import facts, schema
from mycelia_node.facts import StoredFacts
from mycelia_node.faults import StoreFault
from mycelia_node.store import Store
from mycelia_protocol.accumulators import RECORDS, AcceptedLine, Fact, FactKey, NeedFacts
from mycelia_protocol.cid import digest

NAME = bytes(range(32))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store without anything."""
    store = Store(tmp_path / "ledger.sqlite", create=True)
    yield store.connection
    store.close()


def accepted(amount: int) -> Fact:
    """Return some fact of a line."""
    return AcceptedLine(NAME, bytes(32), amount, 7)


class TestARecord:
    def test_has_a_letter_that_no_other_has(self) -> None:
        assert len({facts.letter_of(record) for record in RECORDS}) == len(RECORDS)


class TestFacts:
    MANY: dict[FactKey, Fact] = {  # noqa: RUF012
        ("need", NAME, -1): NeedFacts(accepted=3),
        **{("accepted", NAME, number): accepted(number) for number in (0, 15, 16, 17, 2**40)},
    }

    def test_come_back_as_they_were_written(self, disk: sqlite3.Connection) -> None:
        written = StoredFacts(disk, 1, 0)
        written.update(self.MANY)
        written.save()

        read = StoredFacts(disk, 1, 0)

        assert dict(read) == self.MANY
        assert {key: read.get(key) for key in self.MANY} == self.MANY

    def test_are_of_one_branch_of_one_chain(self, disk: sqlite3.Connection) -> None:
        for chain, branch in ((1, 0), (1, 1), (2, 0)):
            one = StoredFacts(disk, chain, branch)
            one["accepted", NAME, 0] = accepted(10 * chain + branch)
            one.save()

        assert StoredFacts(disk, 1, 1)["accepted", NAME, 0] == accepted(11)
        assert StoredFacts(disk, 3, 0).get(("accepted", NAME, 0)) is None

    def test_change_where_they_stand(self, disk: sqlite3.Connection) -> None:
        for amount in (1, 2, 3):
            again = StoredFacts(disk, 1, 0)  # as after a restart
            again["accepted", NAME, amount % 2] = accepted(amount)
            again.save()

        assert dict(StoredFacts(disk, 1, 0)) == {("accepted", NAME, 1): accepted(3), ("accepted", NAME, 0): accepted(2)}
        assert disk.execute("select count(*) from facts").fetchone() == (1,)

    def test_that_are_not_saved_are_seen_before_those_on_disk(self, disk: sqlite3.Connection) -> None:
        known = StoredFacts(disk, 1, 0)
        known.update(self.MANY)
        known.save()

        known["accepted", NAME, 16] = accepted(99)

        assert known.of("accepted")["accepted", NAME, 16] == accepted(99)
        assert list(known.of("accepted")) == sorted(key for key in self.MANY if key[0] == "accepted")
        assert dict(known)["accepted", NAME, 17] == accepted(17)

    def test_of_the_same_first_bytes_are_told_apart(self, disk: sqlite3.Connection) -> None:
        other = NAME[:8] + bytes(24)
        for name, amount in ((NAME, 1), (other, 2)):
            one = StoredFacts(disk, 1, 0)
            one["accepted", name, 0] = accepted(amount)
            one.save()

        assert StoredFacts(disk, 1, 0)["accepted", NAME, 0] == accepted(1)
        assert StoredFacts(disk, 1, 0)["accepted", other, 0] == accepted(2)

    def test_that_an_older_file_has_as_cbor_are_read_as_they_were(self, disk: sqlite3.Connection) -> None:
        written = StoredFacts(disk, 1, 0)
        written.update(self.MANY)
        written.save()
        for number, letter, value in disk.execute("select number, record, value from facts").fetchall():
            older = cbor2.dumps(facts.read_facts(facts.name_of(letter), value))
            disk.execute("update facts set value=? where number=?", (older, number))

        schema.migrate(disk, 4)

        assert dict(StoredFacts(disk, 1, 0)) == self.MANY

    def test_that_cannot_be_read_say_what_to_do(self, disk: sqlite3.Connection) -> None:
        written = StoredFacts(disk, 1, 0)
        written.update(self.MANY)
        written.save()
        disk.execute("update facts set value=x'A1'")

        with pytest.raises(StoreFault, match="cannot be read") as caught:
            StoredFacts(disk, 1, 0).get(("need", NAME, -1))

        assert "backup" in str(caught.value)

    def test_that_memory_has_no_room_for_are_read_and_changed_on_the_disk(
        self, disk: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(facts, "_CACHED_ROWS", 64)
        keys: list[FactKey] = [("need", digest(number.to_bytes(4)), -1) for number in range(101)]
        many: dict[FactKey, Fact] = {key: NeedFacts(accepted=number) for number, key in enumerate(keys[:-1])}
        known = StoredFacts(disk, 1, 0)
        known.update(many)
        known.save()

        for key in (keys[0], keys[-2]):
            known[key] = NeedFacts(withdrawn=True)
        known.save()

        assert known.get(keys[1]) == NeedFacts(accepted=1)
        assert known.get(keys[-1]) is None
        assert known.get(keys[0]) == NeedFacts(withdrawn=True)
        assert len(StoredFacts(disk, 1, 0)) == len(many)
