"""The rate in a ledger: the tat outlives a restart, belongs to its branch, and is summed up anew by `verify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol.canonical import Value
from mycelia_protocol.chain import next_time
from mycelia_protocol.compose import withdraw
from mycelia_protocol.envelope import Entry, seal
from mycelia_protocol.errors import Refused
from mycelia_protocol.rates import Rate
from tests.builders import NOW_MS, Commons, charter, note
from tests.node.ledgers import Clock, a_need, as_runs, new_ledger, open_ledger, pair, pull

LAW = charter(rate=Rate(burst_ms=5_000, entry_ms=1_000, kib_ms=100))
FIFTH_MS = 500  # from when on a fifth entry fits the burst


def tats(ledger: Ledger, chain: bytes) -> list[int]:
    return [branch.prefix.tat - NOW_MS for branch in ledger._branches.of(chain)]


def forked() -> tuple[Commons, bytes, list[Entry]]:
    """Return a chain of `open` and three entries, of which two are on another branch, all at one moment."""
    commons = Commons(LAW)
    anna = commons.member("anna")
    first = anna.say(note())
    other = anna.draft(a_need())
    header = anna.draft(note()).header._replace(sequence=3, backlink=other.id, time=other.header.time + 1)
    further = seal(header, anna.pair, network=LAW.network)
    second = anna.say(note())
    return commons, anna.chain, [anna.opening, first, second, other, further]


class TestALedgerUnderARate:
    def test_refuses_to_publish_what_would_come_too_soon_and_stores_nothing(self, tmp_path: Path) -> None:
        clock = Clock()
        ledger = new_ledger(tmp_path, clock=clock, law=LAW)
        chain = ledger.open_chain(pair("anna")).id
        ledger.publish(pair("anna"), chain, [a_need()] * 3)

        with pytest.raises(Refused, match="500 ms too soon"):
            ledger.publish(pair("anna"), chain, [a_need()])
        assert (ledger.count(), tats(ledger, chain)) == (4, [4_400])

        clock.now_ms += FIFTH_MS
        ledger.publish(pair("anna"), chain, [a_need()])

    def test_publishes_an_exit_at_any_time_but_its_body_only_within_the_burst(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path, law=LAW)
        chain = ledger.open_chain(pair("anna")).id
        one, other, _ = ledger.publish(pair("anna"), chain, [a_need()] * 3)
        body: dict[str, Value] = {"why": "x" * 800}

        ledger.publish(pair("anna"), chain, [withdraw(one.id)], [body])
        assert tats(ledger, chain) == [4_500]
        with pytest.raises(Refused, match=r"5500 ms ahead of its rate"):
            ledger.publish(pair("anna"), chain, [withdraw(other.id)], [{"why": "x" * 10_000}])
        ledger.publish(pair("anna"), chain, [withdraw(other.id)])

        assert tats(ledger, chain) == [4_500]

    def test_remembers_over_a_restart_what_was_said(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path, law=LAW)
        chain = ledger.open_chain(pair("anna")).id
        ledger.publish(pair("anna"), chain, [a_need()] * 3)
        ledger.close()

        ledger = open_ledger(tmp_path)

        assert tats(ledger, chain) == [4_400]
        with pytest.raises(Refused, match=r"ahead of its rate"):
            ledger.publish(pair("anna"), chain, [a_need()])

    def test_remembers_what_was_said_too_soon_by_others(self, tmp_path: Path) -> None:
        commons = Commons(LAW)
        anna = commons.member("anna")
        for _ in range(3):
            anna.say(note())
        anna.misstep(note())
        ledger = new_ledger(tmp_path, law=LAW)

        ledger.ingest(as_runs(commons.held.values()))
        ledger.close()
        ledger = open_ledger(tmp_path)

        assert tats(ledger, anna.chain) == [5_500]
        assert [one.refused and one.refused[0] for one in ledger.stored()] == [None] * 4 + ["rate.cell"]

    def test_counts_each_branch_of_a_fork_from_where_they_parted(self, tmp_path: Path) -> None:
        _, chain, entries = forked()
        ledger = new_ledger(tmp_path, law=LAW)
        runs: list[list[Entry]] = []
        for entry in entries:  # a branch in one run: above a fork that is known nothing is kept
            if runs and runs[-1][-1].id == entry.header.backlink:
                runs[-1].append(entry)
            else:
                runs.append([entry])
        ledger.ingest(runs)
        assert tats(ledger, chain) == [3_300, 4_400]
        ledger.close()

        ledger = open_ledger(tmp_path)

        assert tats(ledger, chain) == [3_300, 4_400]
        assert all(one.is_valid for one in ledger.stored())

    def test_gives_every_peer_the_same_verdicts_whatever_came_first(self, tmp_path: Path) -> None:
        commons = Commons(LAW)
        for name in ("anna", "bo"):
            member = commons.member(name)
            for number in range(30):
                member._take(member.draft(note(), time=next_time(NOW_MS + 400 * number, member.prefix.time)))
        one = new_ledger(tmp_path / "one", law=LAW, clock=Clock(NOW_MS + 60_000))
        other = new_ledger(tmp_path / "other", law=LAW, clock=Clock(NOW_MS + 60_000))
        entries = list(commons.held.values())

        one.ingest(as_runs(entries))
        other.ingest(as_runs([*entries[31:], *entries[:31]]))

        verdicts = {stored.entry.id: stored.refused for stored in one.stored()}
        assert {stored.entry.id: stored.refused for stored in other.stored()} == verdicts
        assert {refused and refused[0] for refused in verdicts.values()} == {None, "rate.cell"}


class TestVerification:
    def test_sums_the_tat_up_anew(self, tmp_path: Path) -> None:
        _, _, entries = forked()
        ledger = new_ledger(tmp_path, law=LAW)
        ledger.ingest(as_runs(entries))
        assert ledger.verify().is_good

        ledger._store.connection.execute("update facts set value=x'A1208100' where record='r' and branch=1")

        assert any("accumulators" in fault for fault in ledger.verify().faults)


class TestACommonsWithoutARate:
    def test_keeps_no_tat(self, tmp_path: Path) -> None:
        source, target = new_ledger(tmp_path / "source"), new_ledger(tmp_path / "target")
        chain = source.open_chain(pair("anna")).id
        source.publish(pair("anna"), chain, [a_need()] * 100)

        assert pull(source, target) == 101
        assert target._store.connection.execute("select count(*) from facts").fetchone() == (0,)
