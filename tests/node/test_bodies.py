"""Bodies that go: after their expiry, after the holder's own term, or because their author retracted them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mycelia_node.bodies import DAY_MS
from mycelia_node.chores import BATCH, evaporate, now_and_then
from mycelia_node.faults import StoreFault
from mycelia_node.ledger import Ledger
from mycelia_node.schema import SCHEMA_VERSION
from mycelia_protocol import compose
from mycelia_protocol.canonical import INT64_MAX, Value
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from tests.builders import NOW_MS
from tests.node.ledgers import Clock, a_need, new_ledger, open_ledger, pair, pull

WORDS = "the door behind the bakery"
NOTE: dict[str, Value] = {"note": WORDS}
SECOND = 1000


class Town:
    """A ledger with a chain of Anna's, under a clock that the test moves."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.ledger = new_ledger(path, clock=self.clock)
        self.chain = self.ledger.open_chain(pair("anna")).id

    def say(self, content: compose.Content, *, note: bool = False, expiry: int | None = None) -> Entry:
        """Publish on Anna's chain."""
        [entry] = self.ledger.publish(pair("anna"), self.chain, [content], [NOTE if note else None], [expiry])
        return entry

    def need(self, *, expiry: int | None = None) -> Entry:
        """Publish a need with a note."""
        return self.say(a_need(), note=True, expiry=expiry)

    def has_body(self, entry: Entry) -> bool:
        """Whether the ledger holds the body of an entry, in memory and on the disk."""
        return body_of(self.ledger, entry) is not None

    def reopen(self) -> None:
        """Close the ledger and open it again."""
        self.ledger.close()
        self.ledger = open_ledger(self.path, clock=self.clock)


def body_of(ledger: Ledger, entry: Entry) -> bytes | None:
    held = ledger.entry_of(entry.id)
    assert held is not None
    return held.body


def bytes_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.glob("ledger.sqlite*"))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town in a new directory."""
    return Town(tmp_path / "town")


@pytest.fixture
def elsewhere(tmp_path: Path, town: Town) -> Ledger:
    """Return the empty ledger of another node, under the same clock."""
    return new_ledger(tmp_path / "elsewhere", clock=town.clock, seed=9)


class TestAnExpiry:
    def test_keeps_the_body_until_its_time(self, town: Town) -> None:
        need = town.need(expiry=SECOND)
        town.clock.now_ms = need.header.time_ms + SECOND - 1

        assert town.ledger.evaporate(BATCH) == 0
        assert town.has_body(need)

    def test_lets_the_body_go_and_nothing_else(self, town: Town) -> None:
        need, kept = town.need(expiry=SECOND), town.need()
        town.clock.now_ms = need.header.time_ms + SECOND

        assert town.ledger.evaporate(BATCH) == 1

        assert (town.has_body(need), town.has_body(kept)) == (False, True)
        assert town.ledger.entry_of(need.id) == need._replace(body=None)
        assert town.ledger.verify().is_good

    def test_drops_some_at_a_time(self, town: Town) -> None:
        for _ in range(5):
            town.need(expiry=SECOND)
        town.clock.now_ms += SECOND

        assert [town.ledger.evaporate(2) for _ in range(4)] == [2, 2, 1, 0]

    def test_beyond_all_times_never_comes(self, town: Town) -> None:
        need = town.need(expiry=INT64_MAX)
        town.clock.now_ms += 40_000 * DAY_MS

        assert town.ledger.evaporate(BATCH) == 0
        assert town.has_body(need)

    def test_that_is_over_lets_no_body_in(self, town: Town, elsewhere: Ledger) -> None:
        need = town.need(expiry=SECOND)
        town.clock.now_ms += SECOND

        pull(town.ledger, elsewhere)

        assert body_of(elsewhere, need) is None

    def test_of_a_dropped_body_does_not_take_it_in_again_whatever_the_clock_says(self, town: Town) -> None:
        need = town.need(expiry=SECOND)
        town.clock.now_ms += SECOND
        town.ledger.evaporate(BATCH)
        town.clock.now_ms -= SECOND

        town.ledger.ingest([[need]])

        assert not town.has_body(need)

    def test_leaves_what_syncs_and_counts(self, town: Town, elsewhere: Ledger) -> None:
        need = town.need(expiry=SECOND)
        after = town.need()
        town.clock.now_ms += SECOND
        town.ledger.evaporate(BATCH)

        pull(town.ledger, elsewhere)

        assert elsewhere.frontier() == town.ledger.frontier()
        assert elsewhere.digest() == town.ledger.digest()
        assert (body_of(elsewhere, need), body_of(elsewhere, after)) == (None, after.body)
        assert set(elsewhere.standing.needs) == {need.id, after.id}

    def test_stays_with_the_entry_when_the_ledger_is_opened_again(self, town: Town) -> None:
        need = town.need(expiry=SECOND)
        town.reopen()
        town.clock.now_ms += SECOND

        assert town.ledger.evaporate(BATCH) == 1
        assert not town.has_body(need)


class TestARetention:
    def test_keeps_everything_if_there_is_none(self, town: Town) -> None:
        need = town.need()
        town.clock.now_ms += 10_000 * DAY_MS

        assert town.ledger.evaporate(BATCH) == 0
        assert town.has_body(need)

    def test_drops_bodies_without_an_expiry_when_they_are_older(self, town: Town) -> None:
        town.ledger.keep_bodies(30 * DAY_MS)
        old, dated = town.need(), town.need(expiry=90 * DAY_MS)
        town.clock.now_ms += 30 * DAY_MS

        assert town.ledger.evaporate(BATCH) == 1
        assert (town.has_body(old), town.has_body(dated)) == (False, True)

    def test_that_is_taken_back_keeps_everything_again(self, town: Town) -> None:
        town.ledger.keep_bodies(30 * DAY_MS)
        first = town.need()
        town.ledger.keep_bodies(None)
        second = town.need()
        town.clock.now_ms += 40 * DAY_MS

        assert town.ledger.evaporate(BATCH) == 0
        assert town.has_body(first)
        assert town.has_body(second)

    def test_that_is_set_again_finds_what_was_said_without_it(self, town: Town) -> None:
        need = town.need()
        town.ledger.keep_bodies(None)
        town.reopen()
        town.clock.now_ms += 40 * DAY_MS

        town.ledger.keep_bodies(30 * DAY_MS)

        assert town.ledger.evaporate(BATCH) == 1
        assert not town.has_body(need)

    def test_takes_in_no_older_ones(self, town: Town, elsewhere: Ledger) -> None:
        need = town.need()
        town.clock.now_ms += 30 * DAY_MS
        elsewhere.keep_bodies(30 * DAY_MS)

        pull(town.ledger, elsewhere)

        assert body_of(elsewhere, need) is None


class TestABodyThatComesBehindItsEntry:
    def test_is_kept_and_the_entry_has_its_place_once(self, town: Town, elsewhere: Ledger) -> None:
        first, second = town.need(), town.need()
        opening = town.ledger.entry_of(town.chain)
        assert opening is not None

        report = elsewhere.ingest([[opening], [first._replace(body=None)], [first], [first], [second]])

        assert [stored.entry for stored in report.accepted] == [opening, first, second]
        assert body_of(elsewhere, first) == first.body
        assert elsewhere.digest() == town.ledger.digest()
        assert elsewhere.verify().is_good


class TestARetract:
    def test_deletes_the_body_here_at_once_and_leaves_the_entry(self, town: Town) -> None:
        need = town.need()

        town.say(compose.retract([need.id]))

        assert town.ledger.entry_of(need.id) == need._replace(body=None)
        assert need.id in town.ledger.standing.needs
        assert town.ledger.verify().is_good

    def test_leaves_none_of_the_words_in_the_file(self, town: Town) -> None:
        need = town.need()
        assert WORDS.encode() in bytes_on_disk(town.path)

        town.say(compose.retract([need.id]))

        assert WORDS.encode() not in bytes_on_disk(town.path)

    def test_deletes_elsewhere_when_it_arrives(self, town: Town, elsewhere: Ledger) -> None:
        need = town.need()
        pull(town.ledger, elsewhere)
        assert body_of(elsewhere, need) == need.body

        town.say(compose.retract([need.id]))
        pull(town.ledger, elsewhere)

        assert body_of(elsewhere, need) is None

    def test_is_obeyed_when_both_arrive_in_one_run(self, town: Town, elsewhere: Ledger) -> None:
        need = town.need()
        opening, retract = town.ledger.entry_of(town.chain), town.say(compose.retract([need.id]))
        assert opening is not None
        told: list[Entry] = []
        elsewhere.subscribe(lambda batch: told.extend(stored.entry for stored in batch))

        elsewhere.ingest([[opening, need, retract]])

        assert body_of(elsewhere, need) is None
        assert [entry.body for entry in told] == [None, None, None]

    def test_lets_no_copy_of_the_body_in_again(self, town: Town) -> None:
        need = town.need()
        town.say(compose.retract([need.id]))
        town.reopen()

        town.ledger.ingest([[need]])

        assert not town.has_body(need)

    def test_is_served_without_the_body(self, town: Town) -> None:
        need = town.need()
        town.say(compose.retract([need.id]))

        runs, _ = town.ledger.runs_for({town.chain: 0}, 0, 1 << 20)

        assert all(entry.body is None for run in [*runs, *town.ledger.runs_of_ids([need.id])] for entry in run)

    def test_of_somebody_else_deletes_nothing(self, town: Town) -> None:
        need = town.need()
        bo = town.ledger.open_chain(pair("bo")).id

        with pytest.raises(Refused, match=r"retract\.own"):
            town.ledger.publish(pair("bo"), bo, [compose.retract([need.id])])

        assert town.has_body(need)

    def test_that_fails_to_be_stored_deletes_nothing(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        need = town.need()

        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr("mycelia_node.bodies.Bodies.drop", full)
        with pytest.raises(StoreFault):
            town.say(compose.retract([need.id]))

        assert town.has_body(need)


class TestEvaporation:
    def test_goes_on_in_batches_until_nothing_is_over_and_looks_again_later(self, town: Town) -> None:
        for _ in range(3):
            town.need(expiry=SECOND)
        town.clock.now_ms += SECOND

        slept = asyncio.run(_evaporated(town, rounds=2))

        assert slept == [7.0, 7.0]
        assert not any(entry.entry.body for entry in town.ledger.stored())

    def test_outlives_a_disk_that_refuses(self, town: Town) -> None:
        def refuse(_: int) -> int:
            raise StoreFault("the disk is full", "free some space")

        assert asyncio.run(_evaporated(town, rounds=3, act=refuse)) == [7.0, 7.0, 7.0]


async def _evaporated(town: Town, *, rounds: int, act: Callable[[int], int] | None = None) -> list[float]:
    slept: list[float] = []

    async def on_ledger(function: Callable[..., Any], *args: Any) -> Any:
        return (act or function)(*args)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == rounds:
            raise asyncio.CancelledError

    chore = partial(evaporate, town.ledger, on_ledger)
    with pytest.raises(asyncio.CancelledError):
        await now_and_then(chore, every_s=7.0, failed="bodies could not be dropped", sleep=sleep)
    return slept


_OF_VERSION_3 = (
    "drop table facts; "
    "create table facts(chain integer, branch integer, key blob, value blob, primary key (chain, branch, key)); "
)
_OF_VERSION_2 = _OF_VERSION_3 + "drop table gone; drop table over; drop table bases; "
OLDER = {
    1: f"{_OF_VERSION_2} drop table bodies; drop table dropped; pragma user_version=1",
    2: f"{_OF_VERSION_2} pragma user_version=2",
    3: f"{_OF_VERSION_3} pragma user_version=3",
}


class TestAFileOfAnOlderVersion:
    @pytest.mark.parametrize("version", OLDER)
    def test_is_brought_up_to_date_with_its_bodies(self, town: Town, version: int) -> None:
        dated, kept = town.need(expiry=SECOND), town.need()
        town.ledger.close()
        with sqlite3.connect(town.path / "ledger.sqlite") as old:
            old.executescript(OLDER[version])
        old.close()

        town.ledger = open_ledger(town.path, clock=town.clock)
        town.clock.now_ms = NOW_MS + 10 * SECOND

        assert town.ledger.evaporate(BATCH) == 1
        assert (town.has_body(dated), town.has_body(kept)) == (False, True)
        town.ledger.close()
        with sqlite3.connect(town.path / "ledger.sqlite") as now:
            assert now.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        now.close()
