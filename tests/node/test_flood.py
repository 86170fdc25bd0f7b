"""Dependency withholding and orphan flood: memory stays flat, and a flood pushes out nobody but itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from mycelia_node import intake, quarantine
from mycelia_node.ledger import Ledger
from mycelia_protocol.chain import next_time
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry, Header, read_entry, seal, write_header
from mycelia_protocol.keys import KeyPair
from mycelia_protocol.rates import Rate
from tests.builders import INCARNATION, NOW_MS, Commons, charter, note
from tests.node.ledgers import Clock, as_runs, new_ledger, open_ledger, pair

FLOODER, HONEST = b"flooder", b"honest"
ORPHANS = 100_000
RUN = 8  # entries of an orphaned run
BATCH = 50  # runs at a time, about a frame


def opening_of(key: KeyPair, ledger: Ledger) -> Entry:
    header = Header(None, 0, None, NOW_MS << 16, "open", 0, INCARNATION, b"", None, None, 0, [key.public, None])
    return seal(header, key, network=ledger.network)


def orphans(key: KeyPair, opening: Entry, ledger: Ledger, number: int) -> list[Entry]:
    """Return a run after `opening`, one of many that its author has signed, each entry naming what nobody holds."""
    run, before = list[Entry](), opening
    for at in range(RUN):
        unknown = digest(b"%d %d" % (number, at))
        time = next_time(NOW_MS, before.header.time)
        header = Header(opening.id, at + 1, before.id, time, "x.flood", 0, INCARNATION, unknown, None, None, 0, [])
        is_last = at == RUN - 1
        before = seal(header, key, network=ledger.network) if is_last else read_entry(write_header(header))
        run.append(before)
    return run


def flood(ledger: Ledger, authors: int) -> Iterator[list[Entry]]:
    """Yield orphaned runs of that many authors in turn, for ever."""
    keys = [pair(f"flooder {number}") for number in range(authors)]
    openings = [opening_of(key, ledger) for key in keys]
    ledger.ingest(as_runs(openings), FLOODER)
    number = 0
    while True:
        at = number % authors
        yield orphans(keys[at], openings[at], ledger, number)
        number += 1


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def waits(ledger: Ledger, entry: Entry) -> bool:
    return entry.id in {one.id for one in ledger.awaiting()}


class TestAHundredThousandOrphans:
    def test_leave_memory_flat_and_honest_entries_come_through(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        need, offer = anna.need(), bo.offer()
        row = bo.row(offer, (need, 3))
        ledger = new_ledger(tmp_path)
        ledger.ingest([[bo.opening, offer, row]], FLOODER)  # an honest author, by way of the peer that floods
        ledger.ingest([[cleo.opening]], HONEST)
        source, half = flood(ledger, authors=250), 0.0

        for number in range(ORPHANS // RUN // BATCH):
            ledger.ingest([next(source) for _ in range(BATCH)], FLOODER)
            assert [one.is_valid for one in ledger.ingest([[cleo.need()]], HONEST).accepted] == [True]
            if number == ORPHANS // RUN // BATCH // 2:
                half = peak_mib()
        assert peak_mib() - half < 4

        kept = ledger._quarantine
        assert kept._bytes <= quarantine.MAX_BYTES
        assert 2_000 < kept.awaiting_count <= quarantine.MAX_BYTES // quarantine.LEAST_RUN_BYTES
        assert len(kept._wakes) <= kept.awaiting_count * RUN
        ledger.ingest([[anna.opening, need]], HONEST)
        assert ledger.entry_of(row.id) == row


class TestTheRoomOfTheQuarantine:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mycelia_node.quarantine.MAX_BYTES", 40 * quarantine.LEAST_RUN_BYTES)

    def test_is_not_taken_from_an_honest_peer_by_one_that_floods(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        rows = waiting_rows(ledger, authors=5)
        ledger.ingest(as_runs(rows), HONEST)
        source = flood(ledger, authors=100)

        for _ in range(300):
            ledger.ingest([next(source)], FLOODER)

        assert all(waits(ledger, row) for row in rows)

    def test_is_not_taken_from_an_honest_author_by_one_that_floods_through_the_same_peer(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        source = flood(ledger, authors=3)
        for _ in range(100):
            ledger.ingest([next(source)], FLOODER)

        rows = waiting_rows(ledger, authors=5)
        ledger.ingest(as_runs(rows), FLOODER)
        for _ in range(100):
            ledger.ingest([next(source)], FLOODER)

        assert all(waits(ledger, row) for row in rows)

    def test_is_not_won_by_a_peer_that_comes_again_under_other_names(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        rows = waiting_rows(ledger, authors=5)
        ledger.ingest(as_runs(rows), HONEST)
        source = flood(ledger, authors=100)

        for number in range(300):
            name = b"name %d" % number
            ledger.ingest([next(source)], name)
            ledger.left(name)

        assert all(waits(ledger, row) for row in rows)

    def test_keeps_of_one_chain_the_first_that_can_be_judged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mycelia_node.quarantine.MAX_RUNS_OF_CHAIN", 3)
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        runs = as_runs([bo.say(note(need)) for _ in range(5)])
        ledger = new_ledger(tmp_path)
        ledger.ingest([[bo.opening]], HONEST)

        ledger.ingest(runs, HONEST)
        ledger.ingest([[anna.opening, need]], HONEST)

        assert ledger.awaiting() == []
        assert [ledger.get(run[0].id) is not None for run in runs] == [True] * 3 + [False] * 2

    def test_is_the_same_after_a_change_that_failed_and_after_a_restart(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        source = flood(ledger, authors=3)
        for _ in range(20):
            ledger.ingest([next(source)], FLOODER)
        kept = ledger._quarantine
        before = (kept._bytes, {name: share.size for name, share in kept._shares.items()})

        ledger._forget()
        assert (kept._bytes, {name: share.size for name, share in kept._shares.items()}) == before
        ledger.close()
        kept = open_ledger(tmp_path)._quarantine

        assert (kept._bytes, set(kept._shares)) == (before[0], {b""})


class TestAPeerThatWithholds:
    def test_is_asked_for_what_it_made_others_wait_for_and_nobody_else_is(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        source = flood(ledger, authors=1)
        run = next(source)

        assert ledger.ingest([run], FLOODER).missing == {link for entry in run for link in entry.header.links}
        assert ledger.ingest([], HONEST).missing == frozenset()

    def test_cannot_have_others_charged_for_what_their_entries_wake(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, author = commons.member("anna"), commons.member("author")
        need = anna.need()
        waits_for_her = author.draft(note(need))
        place = waits_for_her.header._replace(sequence=5, backlink=waits_for_her.id, time=waits_for_her.header.time + 1)
        out_of_place = seal(place, author.pair, network=commons.charter.network)
        ledger = new_ledger(tmp_path)
        ledger.ingest(as_runs([author.opening, waits_for_her, out_of_place]), FLOODER)
        assert len(ledger.awaiting()) == 2

        report = ledger.ingest([[anna.opening, need]], HONEST)

        assert report.faults == []
        assert [one.entry.id for one in report.accepted] == [anna.opening.id, need.id, waits_for_her.id]
        assert ledger.awaiting() == []

    def test_cannot_have_it_remembered_without_end_what_never_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "MAX_SOUGHT", 4)
        ledger, key = new_ledger(tmp_path), pair("flooder")
        opening = opening_of(key, ledger)
        nowhere = [
            seal(
                Header(digest(b"c%d" % at), 5, digest(b"b%d" % at), NOW_MS << 16, "x.flood", 0, INCARNATION, b"", None,
                       None, 0, []),
                key,
                network=ledger.network,
            )
            for at in range(16)
        ]  # fmt: skip
        names = b"".join(sorted(entry.id for entry in nowhere))
        time = next_time(NOW_MS, opening.header.time)
        header = Header(opening.id, 1, opening.id, time, "x.flood", 0, INCARNATION, names, None, None, 0, [])
        ledger.ingest([[opening], [seal(header, key, network=ledger.network)]], FLOODER)

        report = ledger.ingest(as_runs(nowhere), FLOODER)

        assert len(report.unlinked) == 16
        assert len(ledger._intake._sought) == 4

    def test_and_leaves_has_its_question_put_to_others(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        asked = ledger.ingest([next(flood(ledger, authors=1))], FLOODER).missing

        ledger.left(FLOODER)

        assert ledger.ingest([], HONEST).missing == asked


class TestAChainFarBeyondItsRate:
    LAW = charter(rate=Rate(burst_ms=5_000, entry_ms=1_000, kib_ms=0))

    def test_gets_in_no_faster_than_its_rate_valid_or_not(self, tmp_path: Path) -> None:
        commons, clock = Commons(self.LAW), Clock()
        anna = commons.member("anna")
        for _ in range(400):
            anna._take(anna.draft(note()))
        ledger, held = new_ledger(tmp_path, clock=clock, law=self.LAW), list[int]()

        for _ in range(4):
            ledger.ingest(as_runs(commons.held.values()), FLOODER)
            held.append(ledger.count())
            clock.now_ms += 60_000

        room = (self.LAW.drift_ms + 5_000) // 1_000 + 1
        assert held == [room, room + 60, room + 120, room + 180]

    def test_is_taken_in_like_any_other_while_it_keeps_to_it(self, tmp_path: Path) -> None:
        commons, clock = Commons(self.LAW), Clock()
        anna = commons.member("anna")
        for _ in range(300):
            commons.wait(1_000)
            anna.say(note())
        clock.now_ms = commons.now_ms - self.LAW.drift_ms
        ledger = new_ledger(tmp_path, clock=clock, law=self.LAW)

        ledger.ingest(as_runs(commons.held.values()), HONEST)

        assert ledger.count() == 301
        assert ledger.awaiting() == []


def waiting_rows(ledger: Ledger, *, authors: int) -> list[Entry]:
    """Return an entry each of some authors, whose chains the ledger holds up to it, and which names what it lacks."""
    commons = Commons()
    need = commons.member("withheld").need()
    members = [commons.member(f"honest {number}") for number in range(authors)]
    ledger.ingest(as_runs(member.opening for member in members), HONEST)
    return [member.say(note(need)) for member in members]
