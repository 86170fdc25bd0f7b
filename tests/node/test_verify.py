"""Verification believes nothing that the store says: every kind of damage is found and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node.ledger import Ledger
from tests.builders import Commons
from tests.node.ledgers import Clock, as_runs, new_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return a ledger with an accepted line and an entry that a rule refuses."""
    commons = Commons()
    anna, bo = commons.member("anna"), commons.member("bo")
    need = anna.need()
    line = bo.pledge(need, 5)
    anna.accept(need, line)
    ledger = new_ledger(tmp_path, clock=Clock(commons.now_ms))
    ledger.ingest(as_runs(commons.held.values()))
    return ledger


def damage(ledger: Ledger, statement: str) -> None:
    ledger._store.connection.execute(statement)


class TestVerification:
    def test_finds_nothing_in_a_ledger_that_is_sound(self, ledger: Ledger) -> None:
        report = ledger.verify()

        assert report.is_good
        assert report.entries == ledger.count()

    def test_goes_step_by_step_and_takes_in_what_comes_meanwhile(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        for _ in range(600):
            anna.need()
        ledger = new_ledger(tmp_path, clock=Clock(commons.now_ms))
        ledger.ingest(as_runs(commons.held.values()))

        steps = ledger.verify_steps()
        assert next(steps).entries == 500
        ledger.ingest([[anna.need()]])

        *_, report = steps
        assert report.is_good
        assert report.entries == 602

    @pytest.mark.parametrize(
        ("statement", "sentence"),
        [
            ("update entries set header=x'00' where arrival=3", "not what it was accepted as"),
            ("update entries set signature=zeroblob(64) where arrival=3", "signature"),
            ("update entries set signature=null where kind='accept'", "no seal"),
            ("update entries set refused='intent.amount: 0' where kind='need'", "but stored as"),
            ("update facts set value=x'81FF92C200' where record='n'", "accumulators"),
            ("update facts set value=x'A1' where record='n'", "accumulators"),
            ("delete from facts", "accumulators"),
            ("update entries set name=name+1 where kind='accept'", "not where the index says"),
            ("update entries set kind='offer' where kind='accept'", "not where the index says"),
            ("update entries set chain=99 where kind='accept'", "not where the index says"),
            ("update tips set sequence=sequence-1 where chain=1", "tips differ"),
            ("delete from entries where kind='row'", "not what it was accepted as"),
        ],
    )
    def test_finds_damage(self, ledger: Ledger, statement: str, sentence: str) -> None:
        damage(ledger, statement)

        report = ledger.verify()

        assert not report.is_good
        assert any(sentence in fault for fault in report.faults), report.faults
