"""Future and past dating: wrong clocks, ten years either way, harm nobody but who has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mycelia_node.conversation import PeerState
from mycelia_node.desk import Desk
from mycelia_node.faults import StoreFault
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_protocol.chain import COUNTER_BITS
from mycelia_protocol.charter import DAY_MS
from mycelia_protocol.compose import need
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Premature
from tests.builders import CELL, HOUR_MS, NOW_MS, charter, note
from tests.node.ledgers import Clock, a_need, new_ledger, open_ledger, pair, pull

TEN_YEARS_MS = 3653 * DAY_MS
DRIFT_MS = charter().drift_ms


def author(home: Path, name: str, clock: Clock) -> tuple[Ledger, bytes]:
    """Return a ledger under a clock, and the chain of its one member."""
    ledger = new_ledger(home / name, clock=clock, seed=len(name))
    return ledger, ledger.open_chain(pair(name)).id


def say(ledger: Ledger, chain: bytes, name: str, clock: Clock) -> Entry:
    """Publish a need for the hour that the clock shows."""
    content = need("food", 1, CELL, begin_ms=clock(), end_ms=clock() + HOUR_MS, urgency=0)
    return ledger.publish(pair(name), chain, [content])[0]


class TestAnAuthorTenYearsAhead:
    def test_is_held_back_and_never_invalid(self, tmp_path: Path) -> None:
        ahead, here = Clock(NOW_MS + TEN_YEARS_MS), Clock()
        far, chain = author(tmp_path, "far", ahead)
        entry = say(far, chain, "far", ahead)
        ledger = new_ledger(tmp_path / "here", clock=here)

        assert pull(far, ledger) == 0
        here.now_ms += TEN_YEARS_MS - DRIFT_MS - 1
        ledger.ingest([])
        assert ledger.count() == 0

        here.now_ms += 1
        ledger.ingest([])
        assert ledger.count() == 2
        stored = ledger.get(entry.id)
        assert stored is not None
        assert stored.is_valid

    def test_does_not_pull_an_honest_chain_ahead(self, tmp_path: Path) -> None:
        ahead, here = Clock(NOW_MS + TEN_YEARS_MS), Clock()
        far, chain = author(tmp_path, "far", ahead)
        entry = say(far, chain, "far", ahead)
        ledger, own = author(tmp_path, "anna", here)
        pull(far, ledger)

        with pytest.raises(Premature):
            ledger.publish(pair("anna"), own, [note(entry)])
        fresh = say(ledger, own, "anna", here)

        assert fresh.header.time_ms == NOW_MS


class TestAnAuthorTenYearsBack:
    def test_is_let_in_and_pulls_nobody_back(self, tmp_path: Path) -> None:
        back, here = Clock(NOW_MS - TEN_YEARS_MS), Clock()
        old, chain = author(tmp_path, "old", back)
        entry = say(old, chain, "old", back)
        ledger, own = author(tmp_path, "anna", here)

        assert pull(old, ledger) == 2
        [fresh] = ledger.publish(pair("anna"), own, [note(entry)])

        assert all(stored.is_valid for stored in ledger.stored())
        assert fresh.header.time_ms == NOW_MS


class TestPeersWithClocksTenYearsApart:
    def test_hold_the_same_with_the_same_verdicts_once_their_clocks_are_right(self, tmp_path: Path) -> None:
        clocks = {"far": Clock(NOW_MS + TEN_YEARS_MS), "old": Clock(NOW_MS - TEN_YEARS_MS), "anna": Clock()}
        authors = {name: author(tmp_path, name, clock) for name, clock in clocks.items()}
        for name, (ledger, chain) in authors.items():
            say(ledger, chain, name, clocks[name])

        for clock in clocks.values():
            clock.now_ms = NOW_MS + TEN_YEARS_MS
        for ledger, _ in authors.values():
            for other, _ in authors.values():
                pull(other, ledger)

        verdicts = [{one.entry.id: one.refused for one in ledger.stored()} for ledger, _ in authors.values()]
        assert verdicts[0] == verdicts[1] == verdicts[2]
        assert len(verdicts[0]) == 6
        assert set(verdicts[0].values()) == {None}


class TestPublishing:
    def test_names_an_entry_that_lies_ahead_by_the_drift_and_goes_no_further_than_that(self, tmp_path: Path) -> None:
        ahead, here = Clock(NOW_MS + DRIFT_MS), Clock()
        far, chain = author(tmp_path, "far", ahead)
        entry = say(far, chain, "far", ahead)
        ledger, own = author(tmp_path, "anna", here)
        assert pull(far, ledger) == 2

        [fresh] = ledger.publish(pair("anna"), own, [note(entry)])

        assert fresh.header.time == entry.header.time + 1
        assert fresh.header.time_ms == NOW_MS + DRIFT_MS

    def test_refuses_to_name_an_entry_further_ahead_than_the_drift(self, tmp_path: Path) -> None:
        ahead, here = Clock(NOW_MS + DRIFT_MS), Clock()
        far, chain = author(tmp_path, "far", ahead)
        entry = say(far, chain, "far", ahead)
        ledger, own = author(tmp_path, "anna", here)
        pull(far, ledger)

        here.now_ms -= 1  # the clock was set back since
        with pytest.raises(StoreFault, match="behind a named entry"):
            ledger.publish(pair("anna"), own, [note(entry)])

        assert ledger.count() == 3

    def test_refuses_while_the_clock_is_behind_the_own_chain_by_more_than_the_drift(self, tmp_path: Path) -> None:
        clock = Clock()
        ledger, chain = author(tmp_path, "anna", clock)
        latest = say(ledger, chain, "anna", clock).header.time
        ledger.close()

        clock.now_ms -= DRIFT_MS + 1
        ledger = open_ledger(tmp_path / "anna", clock=clock)
        with pytest.raises(StoreFault, match="behind this chain's last entry"):
            ledger.publish(pair("anna"), chain, [a_need()])

        clock.now_ms += 1
        [fresh] = ledger.publish(pair("anna"), chain, [a_need()])
        assert fresh.header.time == latest + 1
        assert fresh.header.time >> COUNTER_BITS == NOW_MS


class TestTheStatus:
    def warnings(self, home: Path, *skews_ms: int | None) -> list[str]:
        ledger = new_ledger(home)
        desk = Desk(ledger, Keystore(home / "keys", entropy=os.urandom), Clock())
        peers = [PeerState(node=f"peer {at}", clock_skew_ms=skew) for at, skew in enumerate(skews_ms)]
        return desk.status(peers=peers).warnings

    def test_names_a_peer_whose_clock_differs_by_more_than_half_the_drift(self, tmp_path: Path) -> None:
        [warning] = self.warnings(tmp_path, 0, None, DRIFT_MS // 2, -DRIFT_MS // 2 - 1_000)

        assert warning == "the clock of peer 3 differs from this one by 61 s: set the wrong one"

    def test_blames_this_clock_when_three_peers_differ(self, tmp_path: Path) -> None:
        [warning] = self.warnings(tmp_path, 70_000, 0, 75_000, 80_000)

        assert warning == "the clocks of 3 peers differ from this one by over 60 s: set this one"

    def test_has_nothing_to_say_of_clocks_that_agree(self, tmp_path: Path) -> None:
        assert self.warnings(tmp_path, 0, 900, -DRIFT_MS // 2) == []
