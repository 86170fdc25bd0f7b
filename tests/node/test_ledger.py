"""The ledger: one door, durable, the same set in any order of arrival."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from mycelia_node.faults import StoreFault
from mycelia_protocol import compose
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.standing import Status
from tests.builders import HOUR_MS, NOW_MS, Commons
from tests.node.ledgers import Clock, a_need, as_runs, new_ledger, open_ledger, pair, pull, unsealed


def a_history(seed: int) -> Commons:
    """Return a commons in which some promises were made, kept and broken."""
    dice, commons = Random(seed), Commons()
    anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
    for _ in range(6):
        receiver, provider = dice.sample([anna, bo, cleo], 2)
        need = receiver.need(amount=10)
        line = provider.pledge(need, dice.randint(1, 10))
        commons.wait(1000)
        act = dice.choice(["accept", "deliver", "receive", "refuse", "cancel"])
        if act == "refuse":
            receiver.on("cancel", line)
            continue
        accept = receiver.accept(need, line)
        if act in ("deliver", "receive"):
            delivery = provider.on("deliver", line, cites=[accept])
            if act == "receive":
                receiver.on("receive", line, cites=[delivery])
        if act == "cancel":
            provider.on("cancel", line)
    return commons


class TestPublishing:
    def test_gives_entries_that_are_there_after_reopening(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        chain = ledger.open_chain(pair("anna")).id

        [need] = ledger.publish(pair("anna"), chain, [a_need()], [{"note": "for Sunday"}])
        ledger.close()

        stored = open_ledger(tmp_path).get(need.id)
        assert stored is not None
        assert stored.entry == need
        assert stored.is_valid

    def test_stores_nothing_of_a_batch_that_a_rule_refuses(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        chain = ledger.open_chain(pair("anna")).id

        with pytest.raises(Refused, match=r"intent\.amount"):
            ledger.publish(pair("anna"), chain, [a_need(), a_need(amount=0)])

        assert ledger.count() == 1
        assert ledger.publish(pair("anna"), chain, [a_need()])[0].header.sequence == 1

    def test_refuses_to_name_what_is_not_held(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        chain = ledger.open_chain(pair("anna")).id

        with pytest.raises(Premature):
            ledger.publish(pair("anna"), chain, [compose.withdraw(b"?" * 32)])

    def test_refuses_while_the_clock_runs_behind_the_own_chain(self, tmp_path: Path) -> None:
        clock = Clock()
        ledger = new_ledger(tmp_path, clock=clock)
        chain = ledger.open_chain(pair("anna")).id
        clock.now_ms -= HOUR_MS

        with pytest.raises(StoreFault, match="clock"):
            ledger.publish(pair("anna"), chain, [a_need()])

    def test_refuses_to_name_what_the_clock_runs_behind(self, tmp_path: Path) -> None:
        commons, clock = Commons(), Clock(NOW_MS - HOUR_MS)
        anna = commons.member("anna")
        need = anna.need()
        ledger = new_ledger(tmp_path, clock=clock)
        chain = ledger.open_chain(pair("bo")).id
        clock.now_ms = NOW_MS
        ledger.ingest([[anna.opening, need]])
        clock.now_ms = NOW_MS - HOUR_MS

        with pytest.raises(StoreFault, match="a named entry"):
            ledger.publish(pair("bo"), chain, [compose.withdraw(need.id)])

    def test_can_be_rehearsed_without_a_trace(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        chain = ledger.open_chain(pair("anna")).id

        [entry] = ledger.rehearse(pair("anna"), chain, [a_need()])

        assert entry.header.sequence == 1
        assert ledger.count() == 1
        assert ledger.entry_of(entry.id) is None

    def test_tells_its_listeners_after_the_commit(self, tmp_path: Path) -> None:
        ledger = new_ledger(tmp_path)
        told: list[bytes] = []
        stop = ledger.subscribe(lambda batch: told.extend(stored.entry.id for stored in batch))

        opened = ledger.open_chain(pair("anna"))
        stop()
        ledger.publish(pair("anna"), opened.id, [a_need()])

        assert told == [opened.id]


class TestIngesting:
    @pytest.mark.parametrize("seed", range(5))
    def test_ends_with_the_same_set_and_standing_in_any_order_of_arrival(self, tmp_path: Path, seed: int) -> None:
        commons = a_history(seed)
        entries = list(commons.held.values())
        clock = Clock(commons.now_ms)
        ledgers = [new_ledger(tmp_path / str(number), clock=clock) for number in range(4)]

        for number, ledger in enumerate(ledgers):
            shuffled = list(entries)
            Random(seed * 10 + number).shuffle(shuffled)
            while ledger.count() < len(entries):  # what did not link is offered again, as a session does
                ledger.ingest(as_runs(shuffled))

        assert len({ledger.digest() for ledger in ledgers}) == 1
        for ledger in ledgers:
            assert ledger.awaiting() == []
            for line in commons.standing.lines.values():
                assert ledger.standing.status(ledger.standing.lines[line.id]) is commons.standing.status(line)

    def test_verifies_one_signature_for_a_run(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        run = [anna.opening, *(anna.need() for _ in range(20))]
        ledger = new_ledger(tmp_path)

        report = ledger.ingest([unsealed(run)])

        assert len(report.accepted) == 21
        assert ledger.get(run[5].id).entry.signature is None  # type: ignore[union-attr]

    def test_keeps_what_is_good_of_a_run_and_charges_for_the_rest(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        run = [anna.opening, anna.need(), anna.need()]
        forged = [run[0], run[1], run[2]._replace(signature=bytes(64))]
        ledger = new_ledger(tmp_path)

        report = ledger.ingest([forged])

        assert [stored.entry.id for stored in report.accepted] == [run[0].id, run[1].id]
        assert [fault.rule for fault in report.faults] == ["chain.seal"]

    def test_is_not_poisoned_by_a_bad_signature_that_comes_first(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        need = anna.need()
        ledger = new_ledger(tmp_path)
        ledger.ingest([[anna.opening]])

        ledger.ingest([[need._replace(signature=bytes(64))]])
        report = ledger.ingest([[need]])

        assert [stored.entry.id for stored in report.accepted] == [need.id]

    def test_never_stores_a_signature_that_it_has_not_verified(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        run = [anna.opening, anna.need()._replace(signature=bytes(64)), anna.need()]
        ledger = new_ledger(tmp_path)

        ledger.ingest([run])

        assert ledger.get(run[1].id).entry.signature is None  # type: ignore[union-attr]
        assert ledger.verify().is_good

    def test_keeps_the_place_of_an_entry_that_a_rule_refuses(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        bad = anna.misstep(a_need(amount=0))
        good = anna.need()
        ledger = new_ledger(tmp_path)

        ledger.ingest([[anna.opening, bad, good]])

        stored = ledger.get(bad.id)
        assert stored is not None
        assert stored.refused is not None
        assert stored.refused[0] == "intent.amount"
        assert ledger.get(good.id).is_valid  # type: ignore[union-attr]
        assert set(ledger.standing.needs) == {good.id}

    def test_says_from_where_it_needs_a_chain_that_does_not_link(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        needs = [anna.need() for _ in range(5)]
        ledger = new_ledger(tmp_path)

        report = ledger.ingest([[needs[4]]])

        assert report.unlinked == {anna.chain: 4}
        assert report.accepted == []

    def test_ignores_what_it_holds(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        ledger = new_ledger(tmp_path)
        ledger.ingest([[anna.opening]])

        report = ledger.ingest([[anna.opening], [anna.opening, anna.need()]])

        assert len(report.accepted) == 1


class TestAFork:
    def forked(self) -> tuple[list[Entry], list[Entry], Entry]:
        """Return two branches of one chain and the entry that they share."""
        left, right = Commons(), Commons()
        anna, twin = left.member("anna"), right.member("anna")
        first = [anna.need(amount=1), anna.need(amount=2)]
        second = [twin.need(amount=3), twin.need(amount=4), twin.need(amount=5)]
        return first, second, anna.opening

    def test_is_stored_whichever_branch_comes_first(self, tmp_path: Path) -> None:
        first, second, opening = self.forked()
        one, other = new_ledger(tmp_path / "one"), new_ledger(tmp_path / "other")

        one.ingest([[opening, *first], second])
        other.ingest([[opening, *second], first])

        assert one.digest() == other.digest()
        assert one.frontier() == other.frontier()
        assert {tip.id for tip in one.frontier()} == {first[0].id, second[0].id}
        assert one.verify().is_good
        assert other.verify().is_good

    def test_keeps_the_accumulators_of_its_branches_apart(self, tmp_path: Path) -> None:
        left, right = Commons(), Commons()
        bo = left.member("bo")
        need = bo.need(amount=10)
        for other in (right,):
            other.held |= left.held
        anna, twin = left.member("anna"), right.member("anna")
        offer, twin_offer = anna.offer(10), twin.offer(10)
        assert offer.id == twin_offer.id
        row, twin_row = anna.row(offer, (need, 10)), twin.row(twin_offer, (need, 9))
        commit, twin_commit = anna.commit(row, (need, 10)), twin.commit(twin_row, (need, 9))
        ledger = new_ledger(tmp_path)

        ledger.ingest([[bo.opening, need], [anna.opening, offer, row, commit], [twin_row, twin_commit]])

        assert ledger.get(commit.id).is_valid  # type: ignore[union-attr]
        assert ledger.get(twin_commit.id).is_valid  # type: ignore[union-attr]
        assert ledger.verify().is_good

    def test_counts_what_somebody_relies_on_whenever_the_standing_was_asked_for(self, tmp_path: Path) -> None:
        left, right = Commons(), Commons()
        bo = left.member("bo")
        need = bo.need(amount=10)
        right.held |= left.held
        anna, twin = left.member("anna"), right.member("anna")
        offer = anna.offer(10)
        twin.offer(10)
        row, twin_row = anna.row(offer, (need, 10)), twin.row(offer, (need, 9))
        commit, twin_commit = anna.commit(row, (need, 10)), twin.commit(twin_row, (need, 9))
        late, early = new_ledger(tmp_path / "late"), new_ledger(tmp_path / "early")

        for ledger in (late, early):
            ledger.ingest([[bo.opening, need], [anna.opening, offer, row, commit]])
            assert ledger is late or ledger.standing.forked_at == {}
            ledger.ingest([[twin_row, twin_commit]])

        for ledger in (late, early):
            statuses = {ledger.standing.status(line) for line in ledger.standing.lines.values()}
            assert ledger.standing.forked_at == {anna.chain: 2}
            assert statuses == set()  # nobody relies on these commits
        assert late.digest() == early.digest()
        left.held |= right.held
        accept = bo.accept(need, (twin_commit, 0))
        for ledger in (late, early):
            ledger.ingest([[accept]])
            standing = ledger.standing
            assert {line.commit: standing.status(line) for line in standing.lines.values()} == {
                twin_commit.id: Status.FIRM
            }
            assert ledger.standing.committed(offer.id) == 9

    def test_travels_to_another_ledger_and_survives_a_restart(self, tmp_path: Path) -> None:
        first, second, opening = self.forked()
        source = new_ledger(tmp_path / "source")
        source.ingest([[opening, *first], second])
        source.close()
        source = open_ledger(tmp_path / "source")
        target = new_ledger(tmp_path / "target")

        assert pull(source, target) == 6
        assert source.digest() == target.digest()


class TestRuns:
    def test_bring_an_empty_ledger_to_the_same_set(self, tmp_path: Path) -> None:
        commons = a_history(7)
        source = new_ledger(tmp_path / "source", clock=Clock(commons.now_ms))
        source.ingest(as_runs(commons.held.values()))
        target = new_ledger(tmp_path / "target", clock=Clock(commons.now_ms))

        pull(source, target)

        assert source.digest() == target.digest()
        assert target.verify().is_good

    def test_are_cut_only_after_a_seal(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        entries = [anna.opening, *(anna.need() for _ in range(199))]
        ledger = new_ledger(tmp_path)
        ledger.ingest([unsealed(entries[at : at + 50]) for at in range(0, 200, 50)])

        runs, _ = ledger.runs_for({anna.chain: 0}, 0, 1 << 20)

        assert [len(run) for run in runs] == [50, 50, 50, 50]
        assert all(run[-1].signature for run in runs)

    def test_of_an_id_lead_up_to_a_seal(self, tmp_path: Path) -> None:
        commons = Commons()
        anna = commons.member("anna")
        entries = [anna.opening, *(anna.need() for _ in range(9))]
        ledger = new_ledger(tmp_path)
        ledger.ingest([unsealed(entries)])

        [run] = ledger.runs_of_ids([entries[4].id, b"unknown".ljust(32)])

        assert [entry.id for entry in run] == [entry.id for entry in entries[4:]]


class TestFinding:
    def test_takes_what_people_paste(self, tmp_path: Path) -> None:
        from mycelia_protocol.cid import text

        ledger = new_ledger(tmp_path)
        opened = ledger.open_chain(pair("anna"))

        pasted = (text(opened.id), text(opened.id)[:20] + "…", opened.id.hex(), opened.id.hex()[:8])
        for word in pasted:
            assert ledger.find(word) == [opened.id]
        for word in ("", "zz", "bafyrei", "bafyrei!!!!!!!", text(b"?" * 32)):
            assert ledger.find(word) == []
