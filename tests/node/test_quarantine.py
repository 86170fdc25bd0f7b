"""The quarantine: what cannot be judged yet waits, bounded, and wakes when what it names has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node import quarantine
from mycelia_node.quarantine import MAX_ASKED
from mycelia_protocol.chain import next_time
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import MAX_DEPS, seal
from tests.builders import HOUR_MS, NOW_MS, Commons
from tests.node.ledgers import Clock, a_need, new_ledger, open_ledger


class TestTheQuarantine:
    def test_holds_an_entry_until_what_it_names_arrives(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        row = bo.row(offer, (need, 3))
        ledger = new_ledger(tmp_path)

        report = ledger.ingest([[bo.opening, offer, row]])
        assert report.missing == {need.id}
        assert ledger.count() == 0
        assert [one.id for one in ledger.awaiting()] == [row.id]
        ledger.ingest([[anna.opening, need]])

        assert ledger.count() == 5
        assert ledger.awaiting() == []

    def test_survives_a_restart(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        ledger = new_ledger(tmp_path)
        ledger.ingest([[bo.opening, offer, bo.row(offer, (need, 3))]])
        ledger.close()

        ledger = open_ledger(tmp_path)
        ledger.ingest([[anna.opening, need]])

        assert ledger.count() == 5

    def test_remembers_over_a_restart_what_has_come_already(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        one, other, offer = anna.need(), cleo.need(), bo.offer()
        row = bo.row(offer, (one, 3), (other, 2))
        ledger = new_ledger(tmp_path)
        ledger.ingest([[bo.opening, offer, row], [anna.opening, one]])
        ledger.close()

        ledger = open_ledger(tmp_path)
        assert ledger.ingest([]).missing == {other.id}
        ledger.ingest([[cleo.opening, other]])

        assert ledger.awaiting() == []
        assert ledger.entry_of(row.id) == row

    def test_does_not_ask_for_what_waits_already(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        row, later = bo.row(offer, (need, 3)), bo.offer()
        ledger = new_ledger(tmp_path)

        report = ledger.ingest([[bo.opening, offer], [row], [later]])

        assert report.missing == {need.id}

    def test_holds_a_run_whose_inner_entry_lies_in_the_future(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        ahead = anna.draft(a_need(), time=next_time(NOW_MS + HOUR_MS))
        place = anna.draft(a_need()).header._replace(sequence=2, backlink=ahead.id)
        ledger = new_ledger(tmp_path)
        ledger.ingest([[anna.opening]])

        report = ledger.ingest([[ahead, seal(place, anna.pair, network=ledger.network)]])

        assert report.accepted == []
        assert len(ledger.awaiting()) == 1

    def test_holds_what_lies_in_the_future_until_the_clock_is_there(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        clock = Clock(NOW_MS - HOUR_MS)
        ledger = new_ledger(tmp_path, clock=clock)

        ledger.ingest([[anna.opening]])
        assert ledger.count() == 0
        assert ledger.awaiting()[0].until_ms == NOW_MS - commons.charter.drift_ms
        clock.now_ms = NOW_MS
        ledger.ingest([])

        assert ledger.count() == 1

    def test_lets_runs_wait_for_a_run_that_waits(self, tmp_path: Path) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        row, later = bo.row(offer, (need, 3)), bo.offer()
        ledger = new_ledger(tmp_path)
        ledger.ingest([[bo.opening, offer]])

        ledger.ingest([[row], [later]])
        assert len(ledger.awaiting()) == 2
        ledger.ingest([[anna.opening, need]])

        assert ledger.count() == 6
        assert ledger.awaiting() == []

    def test_stays_bounded_under_a_flood_of_orphans(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mycelia_node.quarantine.MAX_RUNS_OF_CHAIN", 4)
        monkeypatch.setattr("mycelia_node.quarantine.MAX_BYTES", 10 * 4096)
        ledger = new_ledger(tmp_path)
        for number in range(6):
            commons = Commons()
            anna, bo = commons.member("anna"), commons.member(f"bo {number}")
            ledger.ingest([[bo.opening]])
            need, offer = anna.need(amount=number + 1), bo.offer()
            rows = [offer, *(bo.row(offer, (need, 1)) for _ in range(8))]
            for row in rows:
                ledger.ingest([[row]])

        waiting = ledger.awaiting()
        assert len(waiting) <= 10
        assert max(sum(one.chain == other.chain for other in waiting) for one in waiting) <= 4


class TestWhatAPeerMadeUp:
    def test_is_asked_of_others_a_part_at_a_time_once_it_has_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quarantine, "ASKED_IN_TURN", 4)
        commons, ledger = Commons(), new_ledger(tmp_path)
        made_up = [bytes([chain, number]) * 16 for chain in range(40) for number in range(MAX_DEPS)]
        for chain in range(40):
            eve = commons.member(f"eve {chain}")
            names = b"".join(sorted(made_up[chain * MAX_DEPS : (chain + 1) * MAX_DEPS]))
            odd = eve.draft(Content("x.org.example.note", [], names))
            ledger.ingest([[eve.opening], [odd]], b"eve")
        ledger.left(b"eve")

        asked = [ledger.ingest([], b"anna").missing for _ in range(40 * 4 + 4)]

        assert max(map(len, asked)) <= MAX_ASKED < len(made_up)
        assert frozenset().union(*asked) == set(made_up)
        assert len(set(asked[:3])) == 1
        ledger.close()
