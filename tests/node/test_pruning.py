"""Headers that go: a node without them judges, shows and says what one with all of them does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mycelia_node.chores import prune
from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.accumulators import LineId
from mycelia_protocol.charter import Charter
from mycelia_protocol.envelope import Entry, seal
from mycelia_protocol.errors import ProtocolError, Refused
from mycelia_protocol.frontier import tip_of
from mycelia_protocol.kinds.checkpoints import MIN_DISTANCE
from mycelia_protocol.lines import Status
from tests.builders import HOUR_MS, Commons, Member, accept, charter, note, on

from .ledgers import Clock, new_ledger, open_ledger, unsealed
from .links import Meadow, MemoryPeer, meadow, same, until

DAY_MS = 24 * HOUR_MS
LAW = charter(retention_ms=DAY_MS, witnesses=2)


class Village:
    """A commons in memory, and two homes that are told everything: one prunes, the other keeps all."""

    def __init__(self, folder: Path, names: str = "abcd", law: Charter = LAW) -> None:
        self.commons, self.clock, self.folder = Commons(law), Clock(), folder
        self.members = [self.commons.member(name) for name in names]
        self.lean = new_ledger(folder / "lean", clock=self.clock, law=law, seed=1)
        self.full = new_ledger(folder / "full", clock=self.clock, law=law, seed=2)
        self._told = 0

    def tell(self, *, together: int = 1) -> None:
        """Bring what is new to both homes: entries of one chain that follow each other may share a seal."""
        fresh = list(self.commons.held.values())[self._told :]
        self._told += len(fresh)
        runs: list[list[Entry]] = []
        for entry in fresh:
            if runs and entry.header.backlink == runs[-1][-1].id and len(runs[-1]) < together:
                runs[-1].append(entry)
            else:
                runs.append([entry])
        self.bring([unsealed(run) for run in runs])

    def bring(self, runs: list[list[Entry]]) -> None:
        """Bring runs to both homes; what the lean one misses it asks the other for."""
        assert not self.full.ingest(runs).awaiting
        report = self.lean.ingest(runs)
        while report.missing:
            report = self.lean.ingest(self.full.runs_of_ids(sorted(report.missing)))
        assert not report.faults, report.faults
        assert not self.lean.awaiting()

    def wait(self, ms: int) -> None:
        self.commons.wait(ms)
        self.clock.now_ms += ms

    def settle(self, *members: Member) -> None:
        """Sum up what these said, have it witnessed, and let the retention pass."""
        self.wait(2 * HOUR_MS)
        for member in members:
            member.notes(MIN_DISTANCE)
            checkpoint = member.checkpoint()
            for witness in [one for one in self.members if one is not member][:2]:
                witness.say(compose.witness(checkpoint.id))
        self.tell()
        self.wait(DAY_MS)

    def prune(self) -> int:
        """Let the lean home prune; return how many headers went."""
        *_, report = self.lean.prune_steps()
        return report.headers

    def reopen(self) -> None:
        """Close the lean home and open it again."""
        self.lean.close()
        self.lean = open_ledger(self.folder / "lean", clock=self.clock)

    def check(self) -> None:
        """Check that nothing tells the homes apart but what is over."""
        assert self.lean.digest() == self.full.digest()
        assert self.lean.frontier() == self.full.frontier()
        ours, theirs = self.lean.standing, self.full.standing
        for mine, others in ((ours.needs, theirs.needs), (ours.offers, theirs.offers)):
            for name, intent in mine.items():
                is_open = intent.end_ms >= self.clock.now_ms
                assert others[name] == intent or (not is_open and others[name] == intent._replace(withdrawn=True))
            assert all(others[name].end_ms < self.clock.now_ms - DAY_MS for name in others.keys() - mine.keys())
        for name in [*ours.needs, *ours.offers]:
            if not self.lean._store.gone.is_over(name):
                assert set(ours.lines_of.get(name, ())) == set(theirs.lines_of.get(name, ()))
                assert (ours.accepted(name), ours.committed(name)) == (theirs.accepted(name), theirs.committed(name))
                assert ours.tentative(name) == theirs.tentative(name)
        for line_id, line in ours.lines.items():
            assert ours.status(line) == theirs.status(theirs.lines[line_id])
        lost = theirs.lines.keys() - ours.lines.keys()
        assert not {theirs.status(theirs.lines[line]) for line in lost} & {Status.PENDING, Status.FIRM}
        for ledger in (self.lean, self.full):
            assert ledger.verify().faults == []

    def close(self) -> None:
        self.lean.close()
        self.full.close()


@pytest.fixture
def village(tmp_path: Path) -> Village:
    return Village(tmp_path)


def traded(village: Village) -> tuple[Entry, LineId]:
    """Have a need met and everything about it said; return the need and the line."""
    anna, bo = village.members[:2]
    need = anna.need(5)
    line = bo.pledge(need, 5)
    given = bo.on("deliver", line, cites=[anna.accept(need, line)])
    anna.on("receive", line, cites=[given])
    commit, number = line
    assert isinstance(commit, Entry)
    return need, (commit.id, number)


class TestWhatIsOver:
    def test_goes_once_its_checkpoints_are_settled(self, village: Village) -> None:
        need, line = traded(village)
        village.settle(*village.members[:2])
        held = len(village.lean.stored(limit=1000))

        gone = village.prune()

        assert gone >= 2 * MIN_DISTANCE
        assert village.lean.gone == gone == held - len(village.lean.stored(limit=1000))
        assert village.lean.get(need.id) is None
        assert line not in village.lean.standing.lines
        village.check()
        village.close()

    def test_stays_until_the_retention_has_passed(self, village: Village) -> None:
        traded(village)
        village.settle(*village.members[:2])
        village.wait(-1)

        assert village.prune() == 0
        village.close()

    def test_stays_without_enough_witnesses(self, village: Village) -> None:
        [anna, bo, *_] = village.members
        anna.notes(MIN_DISTANCE)
        bo.say(compose.witness(anna.checkpoint().id))
        village.tell()
        village.wait(DAY_MS)

        assert village.prune() == 0
        village.close()

    def test_goes_by_itself_where_the_operator_wants_it(self, village: Village) -> None:
        traded(village)
        village.settle(*village.members[:2])

        async def on_ledger(function: Callable[..., Any], *args: Any) -> Any:
            return function(*args)

        asyncio.run(prune(village.lean, on_ledger))

        assert village.lean.gone > 0
        village.check()
        village.close()

    def test_is_only_counted_in_a_rehearsal(self, village: Village) -> None:
        traded(village)
        village.settle(*village.members[:2])

        *_, rehearsed = village.lean.prune_steps(dry_run=True)

        assert village.lean.gone == 0
        assert rehearsed.headers == village.prune()
        village.close()

    def test_stays_gone_after_a_restart_and_goes_once(self, village: Village) -> None:
        traded(village)
        village.settle(*village.members[:2])
        gone = village.prune()

        village.reopen()

        assert (village.lean.gone, village.prune()) == (gone, 0)
        village.check()
        village.close()


class TestWhatIsNotOver:
    def test_stays_with_all_that_it_adds_up_from(self, village: Village) -> None:
        [anna, bo, *_] = village.members
        need = anna.need(9, ends_in=60 * DAY_MS)
        line = bo.pledge(need, 5)
        accepted = anna.accept(need, line)
        given = bo.on("deliver", line, cites=[accepted])
        anna.on("receive", line, cites=[given])
        village.settle(anna, bo)

        village.prune()

        assert village.lean.get(accepted.id) is not None
        assert village.lean.standing.accepted(need.id) == 5
        village.check()
        village.close()

    def test_goes_on_from_a_past_that_went(self, village: Village) -> None:
        [anna, bo, *_] = village.members
        traded(village)
        village.settle(anna, bo)
        village.prune()

        traded(village)
        village.tell()
        village.settle(anna, bo)

        assert village.prune() > 0
        village.check()
        village.close()


class TestWhatIsNamedAfterAll:
    def test_is_asked_for_and_comes_back_with_the_verdict_that_it_had(self, village: Village) -> None:
        need, _ = traded(village)
        village.settle(*village.members[:2])
        gone = village.prune()

        late = village.members[2].say(note(need))
        village.tell()

        stored = village.lean.get(need.id)
        assert stored is not None
        assert stored.is_valid
        assert stored == village.full.get(need.id)
        assert village.lean.get(late.id) is not None
        assert village.lean.gone == gone - 1
        village.check()
        village.close()

    def test_waits_where_nobody_has_it(self, village: Village) -> None:
        need, _ = traded(village)
        village.settle(*village.members[:2])
        village.prune()
        late = village.members[2].say(note(need))

        report = village.lean.ingest([[late]])

        assert (report.missing, report.accepted) == (frozenset({need.id}), [])
        village.close()

    def test_comes_back_with_its_seal(self, village: Village) -> None:
        anna = village.members[0]
        first, *_ = anna.notes(MIN_DISTANCE)
        village.tell(together=10)
        village.settle(anna)
        village.prune()

        village.members[2].say(note(first))
        village.tell()

        assert village.lean.runs_of_ids([first.id]) == village.full.runs_of_ids([first.id])
        village.check()
        village.close()


class TestVerification:
    @pytest.mark.parametrize(
        "harm",
        [
            "update gone set refused='kind.known: x' where refused is null",
            "update gone set id=randomblob(32) where sequence=3",
            "delete from gone where sequence=3",
            "update bases set state=zeroblob(9)",
            "update bases set peaks=x'80'",
            "update entries set refused='kind.known: x' where sequence=0",
            "delete from bases",
        ],
    )
    def test_finds_what_a_checkpoint_does_not_vouch_for(self, village: Village, harm: str) -> None:
        traded(village)
        village.settle(*village.members[:2])
        village.prune()

        village.lean._store.connection.execute(harm)

        assert village.lean.verify().faults
        village.close()

    def test_checks_the_accumulators_of_a_chain_that_was_cut_short(self, village: Village) -> None:
        traded(village)
        village.settle(*village.members[:2])
        village.prune()

        village.lean._store.connection.execute("delete from facts where record='a'")

        assert any("accumulators" in fault for fault in village.lean.verify().faults)
        village.close()


class TestWhatStandsBelow:
    def test_is_not_taken_in(self, village: Village) -> None:
        anna = village.members[0]
        past = anna.notes(3)
        village.settle(anna)
        village.prune()
        second = Commons(LAW).member("a")
        assert second.opening == anna.opening
        other = second.notes(3)

        report = village.lean.ingest([[entry] for entry in other])

        assert (report.accepted, report.faults) == ([], [])
        assert village.lean.tips_of(anna.chain) == village.full.tips_of(anna.chain)
        assert past[0].id != other[0].id or village.lean.verify().is_good
        village.close()

    def test_is_known_when_it_is_heard_of(self, village: Village) -> None:
        need, _ = traded(village)
        village.settle(*village.members[:2])
        village.prune()

        assert village.lean.get(need.id) is None
        assert village.lean.have(tip_of(need))
        village.close()

    def test_is_not_said_to_whom_it_would_not_link_for(self, village: Village) -> None:
        anna = village.members[0]
        anna.notes(3)
        village.settle(anna)
        village.prune()

        runs, _ = village.lean.runs_for({anna.chain: 2}, 0, 1 << 20)

        assert runs == []
        village.close()


class TestAForkAbove:
    def test_is_judged_from_the_checkpoint_on(self, village: Village) -> None:
        anna = village.members[0]
        traded(village)
        village.settle(*village.members[:2])
        before = anna.prefix.tip
        village.prune()
        one = anna.say(note())
        village.tell()
        header = one.header._replace(kind="x.org.example.other")
        village.bring([[seal(header, anna.pair, network=LAW.network)]])

        assert before == one.header.backlink
        assert len(village.lean.parting(anna.chain)) == 2
        village.check()
        village.reopen()
        village.check()
        village.close()


async def lean_among_three(place: Meadow) -> tuple[MemoryPeer, MemoryPeer, MemoryPeer, Entry]:
    """Return three peers of whom the first let go of what it said long ago, and a need that went."""
    anna, bo, cleo = (place.peer(name, law=LAW) for name in ("anna", "bo", "cleo"))
    place.join(anna, bo)
    place.join(anna, cleo)
    need, *_ = anna.publish(MIN_DISTANCE)
    place.clock.now_ms += 2 * HOUR_MS
    [summed_up] = anna.ledger.publish(anna.key, anna.chain, [anna.ledger.summed_up(anna.chain)])
    await until(same(anna, bo, cleo))
    for witness in (bo, cleo):
        witness.ledger.publish(witness.key, witness.chain, [compose.witness(summed_up.id)])
    await until(same(anna, bo, cleo))
    place.clock.now_ms += DAY_MS
    *_, pruned = anna.ledger.prune_steps()
    assert pruned.headers == MIN_DISTANCE
    return anna, bo, cleo, need


class TestBetweenPeers:
    @pytest.mark.asyncio
    async def test_what_went_is_fetched_again_when_it_is_named(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo, need = await lean_among_three(place)

            late = cleo.ledger.publish(cleo.key, cleo.chain, [note(need)])

            await until(lambda: anna.holds([*late, need]))
            await until(same(anna, bo, cleo))

    @pytest.mark.asyncio
    async def test_a_newcomer_is_given_what_is_whole_and_finds_the_rest_elsewhere(self, tmp_path: Path) -> None:
        async with meadow(tmp_path) as place:
            anna, bo, cleo, need = await lean_among_three(place)
            dan = place.peer("dan", law=LAW)
            near, _ = place.join(dan, anna)
            await until(lambda: anna.ledger.tips_of(dan.chain))
            fresh = [entry for _ in range(5) for entry in anna.publish()]
            await until(lambda: bo.holds(fresh))
            [state] = dan.sync.peers()

            assert dan.ledger.tips_of(anna.chain) == []
            assert state.is_connected
            assert len(near.other.written) < 20_000

            place.join(dan, bo)
            await until(same(anna, bo, cleo, dan))
            assert dan.holds([need])
            assert not dan.ledger.awaiting()


def wander(village: Village, dice: Random) -> None:
    """Let somebody do something."""
    commons, member = village.commons, dice.choice(village.members)
    standing = commons.standing
    try:
        match dice.randrange(13):
            case 0 | 1:
                member.need(dice.randint(1, 9), ends_in=dice.choice((HOUR_MS, DAY_MS, 5 * DAY_MS)))
            case 2 | 3:
                open_ = [one for one in standing.needs.values() if one.end_ms > commons.now_ms]
                if open_:
                    need = dice.choice(open_)
                    member.pledge(commons.held[need.id], dice.randint(1, need.amount), capacity=9)
            case 4 | 5 | 6 | 7 | 8:
                line = dice.choice(list(standing.lines.values()))
                kind = dice.choice(("accept", "deliver", "receive", "release", "cancel", "lapse"))
                owner = next(
                    one
                    for one in village.members
                    if one.chain == (line.provider if kind in ("deliver", "release") else line.receiver)
                )
                cites = [
                    entry
                    for entry in commons.valid
                    if entry.chain in (line.provider, line.receiver)
                    and entry.chain != owner.chain
                    and entry.header.kind in ("accept", "deliver", "lapse")
                    and line.commit in entry.header.links
                ][:2]
                named = (line.commit, line.number)
                said = accept(commons.held[line.need], named) if kind == "accept" else on(kind, named, cites=cites)
                (owner.say if dice.random() < 0.8 else owner.misstep)(said)
            case 9:
                member.say(note(*dice.sample(list(commons.held.values()), 2)))
            case 10:
                name = dice.choice([*standing.needs, *standing.offers])
                kind = "need" if name in standing.needs else "offer"
                owner = next(one for one in village.members if one.chain == commons.held[name].chain)
                owner.say(compose.withdraw(name))
                assert kind
            case 11:
                member.checkpoint()
            case 12:
                seen = [entry for entry in commons.valid if entry.header.kind == "checkpoint"]
                member.say(compose.witness(dice.choice(seen).id))
    except (ProtocolError, Refused, IndexError, StopIteration, AssertionError):
        return


@pytest.mark.parametrize("seed", range(6))
def test_any_history_is_the_same_for_who_prunes(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    dice = Random(seed)
    village = Village(tmp_path)
    gone = 0
    for step in range(420):
        wander(village, dice)
        if dice.random() < 0.15:
            village.wait(dice.choice((60_000, HOUR_MS, DAY_MS // 3)))
        if dice.random() < 0.1:
            village.tell(together=dice.choice((1, 5)))
        if step % 60 == 59:
            village.tell()
            gone += village.prune()
            village.check()
            if dice.random() < 0.3:
                village.reopen()
    assert gone > 0
    village.close()


def test_a_ledger_of_which_nothing_can_go_says_so(tmp_path: Path) -> None:
    ledger: Ledger = new_ledger(tmp_path)

    *_, report = ledger.prune_steps()

    assert (report.chains, report.headers, report.size) == (0, 0, 0)
    ledger.close()
