"""The gate: own entries leave a node once the head check has passed; a restored home goes on with new chains."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from mycelia_node import models
from mycelia_node.archive import Archive
from mycelia_node.config import Home
from mycelia_node.desk import Desk
from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.gate import guarded
from mycelia_node.hall import Hall
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.people import People
from mycelia_protocol import cid, runfile
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.frontier import Tip
from tests.node.ledgers import Clock, a_need, new_ledger, open_ledger

ANNA, BO = b"anna", b"bo"
ROOT = Path(__file__).parents[2]


class House:
    """A home that is in use: its ledger, its only member and its gate."""

    def __init__(self, ledger: Ledger, keys: Keystore) -> None:
        assert ledger.gate is not None
        self.ledger, self.keys, self.gate = ledger, keys, ledger.gate
        self.member = keys.member("anna")

    def publish(self, name: str = "anna") -> Entry:
        """Publish a need."""
        [entry] = self.ledger.publish(self.keys.pair(name), self.keys.member(name).chain, [a_need()])
        return entry

    def told(self) -> list[Tip]:
        """Return the own tips that peers are told, after what may be released was."""
        self.gate.release()
        return [tip for tip in self.gate.tips(self.ledger.frontier()) if tip.chain == self.member.chain]

    def sent(self) -> list[Entry]:
        """Return what a peer that pulls is sent."""
        runs, _ = self.ledger.runs_for({self.member.chain: 0}, 0, 1 << 20)
        return [entry for run in runs for entry in run]


@contextmanager
def house(path: Path, clock: Clock | None = None) -> Iterator[House]:
    """Use the home of a path until the block ends; make it if there is none."""
    clock = clock or Clock()
    is_new = not (path / "ledger.sqlite").exists()
    ledger = new_ledger(path, clock=clock) if is_new else open_ledger(path, clock=clock, seed=len(os.urandom(1)))
    try:
        if is_new:
            Keystore(path / "keys", entropy=Random(7).randbytes).create("anna", ledger)
        with guarded(Home(path), ledger, Keystore(path / "keys", entropy=os.urandom), clock=clock) as keys:
            yield House(ledger, keys)
    finally:
        ledger.close()


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYCELIA_STATE", str(tmp_path / "state"))


def release_one(path: Path) -> Tip:
    """Publish an entry in the home of a path and release it to anna; return its tip."""
    with house(path) as home:
        home.publish()
        home.gate.heard(ANNA, home.told())
        [tip] = home.told()
        home.gate.equal(ANNA)
        return tip


def a_bot(home: House) -> tuple[bytes, Entry]:
    """Delegate to a bot of this node; return its chain and the first thing that it says."""
    _, bot = People(home.ledger, home.keys, Clock(), os.urandom).delegate("anna", name="bot")
    assert bot is not None
    return bot.chain, home.publish("bot")


class TestOwnEntries:
    def test_are_sealed_and_used_at_once_and_stay_until_a_peer_has_spoken(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            entry = home.publish()

            assert home.ledger.get(entry.id)
            assert home.told() == []
            assert home.sent() == []
            [waiting] = home.gate.waiting()
            assert (waiting.entries, waiting.why) == (2, "no peer has said yet what it holds")

    def test_leave_after_the_first_exchange(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            entry = home.publish()
            before = home.ledger.digest()

            assert home.gate.heard(ANNA, [])

            assert home.told() == [Tip(home.member.chain, 1, entry.id)]
            assert entry.id in [one.id for one in home.sent()]
            assert home.gate.waiting() == []
            assert home.ledger.digest() != before

    def test_wait_for_the_peer_that_knows_the_chain(self, tmp_path: Path) -> None:
        tip = release_one(tmp_path / "home")

        with house(tmp_path / "home") as home:
            fresh = home.publish()
            home.gate.heard(BO, [])
            held_back = home.told()
            home.gate.heard(ANNA, [tip])

            assert held_back == [tip]
            assert home.told() == [Tip(home.member.chain, 2, fresh.id)]

    def test_wait_no_longer_once_the_peer_that_lagged_holds_the_same(self, tmp_path: Path) -> None:
        tip = release_one(tmp_path / "home")

        with house(tmp_path / "home") as home:
            fresh = home.publish()
            home.gate.equal(ANNA)  # says nothing before the exchange
            home.gate.heard(ANNA, [Tip(home.member.chain, 0, home.member.chain)])  # she was killed, and lost the rest
            lagging = home.told()
            home.gate.equal(ANNA)  # she has pulled it since

            assert lagging == [tip]
            assert home.told() == [Tip(home.member.chain, 2, fresh.id)]

    def test_of_a_bot_that_was_delegated_here_wait_like_all_others(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            home.gate.heard(ANNA, [])
            home.told()
            bot, entry = a_bot(home)
            home.gate.release()
            held_back = home.ledger.runs_of_ids([entry.id])
            home.gate.equal(ANNA)  # so she holds nothing of the bot's chain
            home.gate.release()
            [[sent]] = home.ledger.runs_of_ids([entry.id])

            assert bot in home.gate.chains
            assert held_back == []
            assert sent == entry

    def test_of_a_bot_are_not_said_twice_after_a_rollback(self, tmp_path: Path) -> None:
        path = tmp_path / "home"
        with house(path) as home:
            bot, _ = a_bot(home)
            shutil.copytree(path, tmp_path / "backup")  # with the log of the file, as a backup of a running node
            offer = home.publish("bot")
            home.gate.heard(ANNA, [])
            home.gate.release()
            assert home.ledger.runs_of_ids([offer.id])
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "backup", path)

        with house(path) as home:
            assert home.gate.is_retired(bot)

    def test_wait_for_an_own_tail_that_a_peer_names(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            home.publish()

            assert not home.gate.heard(ANNA, [Tip(home.member.chain, 9, bytes(32))])
            assert home.told() == []

    def test_leave_in_a_run_file_of_a_node_that_meets_nobody(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            entry = home.publish()

            _, runs = runfile.read(b"".join(Archive(home.ledger).export()))

            assert entry.id in [one.id for run in runs for one in run]

    def test_stay_out_of_a_run_file_where_a_peer_may_know_better(self, tmp_path: Path) -> None:
        release_one(tmp_path / "home")
        with house(tmp_path / "home") as home:
            entry = home.publish()

            _, runs = runfile.read(b"".join(Archive(home.ledger).export()))

            assert entry.id not in [one.id for run in runs for one in run]

    def test_leave_when_the_user_says_so(self, tmp_path: Path) -> None:
        release_one(tmp_path / "home")
        with house(tmp_path / "home") as home:
            entry = home.publish()

            assert Desk(home.ledger, home.keys, Clock()).own.release() == []

            assert home.told() == [Tip(home.member.chain, 2, entry.id)]

    def test_wait_again_after_a_suspend(self, tmp_path: Path) -> None:
        clock, tip = Clock(), release_one(tmp_path / "home")
        with house(tmp_path / "home", clock) as home:
            home.gate.heard(ANNA, [tip])
            clock.now_ms += 600_000
            home.publish()

            assert home.told() == [tip]
            assert home.gate.was_suspended()
            assert not home.gate.was_suspended()


class TestARestoredHome:
    def test_goes_on_with_a_new_chain_after_a_rollback(self, tmp_path: Path) -> None:
        path = tmp_path / "home"
        with house(path) as home:
            first = home.member.chain
        shutil.copytree(path, tmp_path / "backup")
        release_one(path)
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "backup", path)

        with house(path) as home:
            assert home.member.chain != first
            assert home.keys.former("anna") == [first]
            assert home.publish().chain == home.member.chain
            with pytest.raises(Refused, match=r"release\.restored"):
                home.ledger.publish(home.keys.pair("anna"), first, [a_need()])
            assert [one.is_retired for one in Desk(home.ledger, home.keys, Clock()).own.waiting() if one.why] == [True]

    def test_stays_so_at_the_next_start(self, tmp_path: Path) -> None:
        self.test_goes_on_with_a_new_chain_after_a_rollback(tmp_path)
        with house(tmp_path / "home") as home:
            second = home.member.chain

        with house(tmp_path / "home") as home:
            assert home.member.chain == second

    def test_goes_on_with_a_new_chain_where_its_records_are_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release_one(tmp_path / "home")
        with house(tmp_path / "home") as home:
            first = home.member.chain
        monkeypatch.setenv("MYCELIA_STATE", str(tmp_path / "elsewhere"))

        with house(tmp_path / "home") as home:
            assert home.keys.former("anna") == [first]
            home.gate.release()
            assert [tip.chain for tip in home.gate.tips(home.ledger.frontier())] == [home.member.chain]

    def test_shares_no_chain_with_its_copy(self, tmp_path: Path) -> None:
        release_one(tmp_path / "home")
        shutil.copytree(tmp_path / "home", tmp_path / "copy")
        with house(tmp_path / "copy") as copy:
            copy.publish()
            copy.gate.overrule()
            copy.told()
            first = copy.member.chain

        with house(tmp_path / "home") as home:
            assert home.member.chain != first

    def test_does_not_run_beside_its_copy(self, tmp_path: Path) -> None:
        release_one(tmp_path / "home")
        shutil.copytree(tmp_path / "home", tmp_path / "copy")

        with house(tmp_path / "home"), pytest.raises(StoreFault, match="another home"), house(tmp_path / "copy"):
            pass

    def test_whose_machine_was_set_back_takes_its_own_tail_back(self, tmp_path: Path) -> None:
        path, state = tmp_path / "home", tmp_path / "state"
        with house(path) as home:
            home.gate.heard(ANNA, [])
            home.told()
        shutil.copytree(path, tmp_path / "old home")
        shutil.copytree(state, tmp_path / "old state")
        tip = release_one(path)
        with house(path) as home:
            tail = home.sent()
        for old, place in ((tmp_path / "old home", path), (tmp_path / "old state", state)):
            shutil.rmtree(place)
            shutil.copytree(old, place)

        with house(path) as home:
            assert not home.gate.heard(ANNA, [tip])
            home.ledger.ingest([tail])
            assert home.gate.heard(ANNA, [tip])
            home.publish()
            assert home.told()[0].sequence == 2


class TestTheChainOfARestoredHome:
    @pytest.fixture
    def bo(self, tmp_path: Path) -> Iterator[Ledger]:
        """Return what bo holds: all three needs of anna, whose home was then set back to the first."""
        path = tmp_path / "home"
        bo = new_ledger(tmp_path / "bo")
        with house(path) as home:
            home.gate.heard(BO, [])
            home.publish()
            home.told()
        shutil.copytree(path, tmp_path / "backup")
        with house(path) as home:
            home.gate.heard(BO, home.told())
            home.publish()
            home.publish()
            home.told()
            bo.ingest(home.ledger.runs_for({home.member.chain: 0}, 0, 1 << 20)[0])
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "backup", path)
        yield bo
        bo.close()

    def test_is_cut_at_the_highest_entry_that_a_peer_named(self, tmp_path: Path, bo: Ledger) -> None:
        with house(tmp_path / "home") as home:
            [old] = home.keys.former("anna")
            hall, [tip] = hall_of(home), bo.tips_of(old)
            wish = models.NewRevocation(chain=cid.text(old), heir=cid.text(home.member.chain))
            with pytest.raises(BadInput, match="others hold entry 3 of it, this node 1"):
                hall.revoke(wish)
            home.gate.heard(BO, [tip])
            bring(bo, home.ledger, old)
            home.gate.heard(BO, [tip])

            hall.revoke(wish)
            home.told()
            bring(home.ledger, bo, home.member.chain)

            assert bo.members.last()[old] == 3
            assert bo.members.heirs(old) == (home.member.chain,)
            assert bo.verify().faults == []

    def test_is_not_cut_where_nobody_else_could_see_it(self, tmp_path: Path, bo: Ledger) -> None:
        with house(tmp_path / "home") as home:
            [old] = home.keys.former("anna")
            last = home.ledger.ends_of(old)[0]
            wish = models.NewRevocation(chain=cid.text(old), cut=cid.text(last.id))
            with pytest.raises(BadInput, match="no peer has said yet that it holds"):
                hall_of(home).revoke(wish)

            home.gate.heard(BO, [last, Tip(old, 2**40, bytes(32))])  # one who lies cannot hold it up

            assert hall_of(home).revoke(wish).kind == "id.revoke"
            assert home.ledger.members.last()[old] == 1

    def test_is_found_by_the_status_until_it_is_cut(self, tmp_path: Path, bo: Ledger) -> None:
        with house(tmp_path / "home") as home:
            [old] = home.keys.former("anna")
            hall, desk = hall_of(home), Desk(home.ledger, home.keys, Clock())
            [restored] = [one for one in desk.status().release if one.is_retired]
            [behind] = desk.status().behind
            shown = {one.chain: one.to_cut for one in hall.identity("anna").chains}

            assert (restored.is_cut, restored.heir) == (False, cid.text(home.member.chain))
            assert (behind.chain, behind.held, behind.known) == (cid.text(old), 1, 3)
            assert shown == {cid.text(old): True, cid.text(home.member.chain): False}

            bring(bo, home.ledger, old)
            home.gate.heard(BO, bo.tips_of(old))
            hall.revoke(models.NewRevocation(chain=cid.text(old), heir=restored.heir))

            assert desk.status().behind == []
            assert [one.is_cut for one in desk.status().release if one.is_retired] == [True]

    def test_leaves_nothing_half_done_where_it_cannot_be_cut(self, tmp_path: Path, bo: Ledger) -> None:
        with house(tmp_path / "home") as home:
            [old] = home.keys.former("anna")
            words = hall_of(home).phrase("anna")
            with pytest.raises(BadInput, match="others hold entry 3"):
                hall_of(home).restore(models.NewRestoration(name="again", phrase=words, lost=[cid.text(old)]))

            assert [one.name for one in home.keys.members()] == ["anna"]

    def test_is_no_obstacle_to_other_root_keys(self, tmp_path: Path, bo: Ledger) -> None:
        with house(tmp_path / "home") as home:
            rotated = hall_of(home).rotate(models.NewRotation(member="anna"))
            home.told()
            bring(home.ledger, bo, home.member.chain)

            assert bo.get(cid.link(rotated.id))
            assert bo.awaiting() == []


class TestAnOwnChain:
    def test_is_behind_while_a_peer_names_more_of_it(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            entry = home.publish()
            desk = Desk(home.ledger, home.keys, Clock())
            home.gate.heard(ANNA, [Tip(home.member.chain, 9, bytes(32)), Tip(home.member.chain, 7, bytes(32))])
            [behind] = desk.own.behind()

            assert (behind.member, behind.held, behind.known) == ("anna", entry.header.sequence, 9)

    def test_is_not_behind_once_it_has_what_was_named(self, tmp_path: Path) -> None:
        with house(tmp_path / "home") as home:
            home.publish()
            home.gate.heard(ANNA, [])
            home.gate.heard(ANNA, home.told())

            assert Desk(home.ledger, home.keys, Clock()).own.behind() == []


def hall_of(home: House) -> Hall:
    """Return the hall of a home in use."""
    return Hall(Desk(home.ledger, home.keys, Clock()), Clock(), os.urandom)


def bring(source: Ledger, target: Ledger, chain: bytes) -> None:
    """Hand over what one ledger gives away of a chain."""
    runs, _ = source.runs_for({chain: 0}, 0, 1 << 20)
    assert target.ingest(runs).faults == []


KILLED = """
import os, signal, sys
from pathlib import Path
from mycelia_node import install
from tests.node.test_gate import house
write, left = install.write_private, [int(sys.argv[2])]
def dying(path, data):
    left[0] -= 1
    if left[0] == 0 and sys.argv[3] == "before": os.kill(os.getpid(), signal.SIGKILL)
    write(path, data)
    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)
install.write_private = dying
with house(Path(sys.argv[1])) as home:
    for _ in range(3):
        home.publish()
        home.gate.heard(b"anna", [])
        for tip in home.told():
            print(tip.sequence, tip.id.hex(), flush=True)
"""


@pytest.mark.network
class TestKillMinus9:
    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("write", range(1, 5))
    def test_never_leaves_a_tip_told_that_the_record_lacks(self, tmp_path: Path, write: int, moment: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(write), moment],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = [line.split() for line in done.stdout.splitlines()]

        assert done.returncode == -signal.SIGKILL, done.stderr
        with house(tmp_path / "home") as home:
            assert home.keys.former("anna") == []
            released = [one.released for one in home.gate._install.records.values() if one.released]
            assert all(int(sequence) <= released[0].sequence for sequence, _ in told)
            assert all(home.ledger.get(bytes.fromhex(name)) for _, name in told)
