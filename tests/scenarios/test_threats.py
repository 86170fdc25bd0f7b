"""The threats, one test of its name each: what an attacker tries, and what honest peers are left with.

Real ledgers in virtual time. Those that need processes are in `tests/network/test_takeover.py`, floods in
`tests/node/test_flood.py`, signatures and bytes in `tests/conformance`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose, keys, statements
from mycelia_protocol.canonical import INT64_MAX
from mycelia_protocol.chain import next_time
from mycelia_protocol.charter import Tree
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed
from mycelia_protocol.standing import Standing, Status
from mycelia_protocol.validation import judge
from tests.builders import CELL, HOUR_MS, INCARNATION, NOW_MS, Commons, Member
from tests.node.ledgers import Clock, a_need, as_runs, new_ledger, pair, pull
from tests.people import Person, delegated, found, key_of, keyset, law, moment
from tests.protocol.test_standing import forked

YEARS_MS = 365 * 24 * HOUR_MS


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[list[Ledger]]:
    """Return three empty ledgers of one commons."""
    made = [new_ledger(tmp_path / name, seed=number) for number, name in enumerate(("anna", "bo", "cleo"))]
    yield made
    for ledger in made:
        ledger.close()


def after(opening: Entry, before: Entry, content: Content, *, network: bytes) -> Entry:
    """Return what eve signs after an entry of hers, whatever else she said there."""
    header = Header(
        opening.id, before.header.sequence + 1, before.id, before.header.time + (5 << 16), content.kind, 0,
        INCARNATION, content.deps, None, None, 0, content.terms,
    )  # fmt: skip
    return seal(header, pair("eve"), network=network)


class TestDoubleCommittingByFork:
    def test_gives_the_same_standing_in_every_order_of_arrival_and_no_more_than_the_amount(self) -> None:
        commons = Commons()
        anna, bo, eve = (commons.member(name) for name in ("anna", "bo", "eve"))
        needs = anna.need(10), bo.need(10)
        offer = eve.offer(10)
        other = forked(eve)
        lines = []
        for branch, need in ((eve, needs[0]), (other, needs[1])):
            row = branch.row(offer, (need, 10))
            lines.append((branch.commit(row, (need, 10)), 0))
        anna.accept(needs[0], lines[0])
        bo.accept(needs[1], lines[1])
        fork_at = offer.header.sequence + 1
        late = [entry for entry in commons.valid if entry.chain == eve.chain or entry.header.kind == "accept"]
        early = [entry for entry in commons.valid if entry not in late]

        seen = set()
        for order in permutations(late):
            standing = Standing(commons.held.get)
            for entry in (*early, *order):
                standing.add(entry)
            standing.note_fork(eve.chain, fork_at)
            seen.add(tuple(standing.status(standing.lines[commit.id, number]) for commit, number in lines))

        assert len(seen) == 1
        assert sorted(seen.pop()) == [Status.DISPLACED, Status.FIRM]


class TestRotatingAKeyAndThenForking:
    def test_is_still_a_fork_of_one_chain(self) -> None:
        commons = Commons(law(None))
        eve = found(commons, "eve")
        first = eve.rotate()
        before = eve.own[first.header.backlink or b""]
        header = first.header._replace(kind="x.org.example.other", terms=[], deps=b"")

        second = seal(header, eve.pair, network=commons.charter.network)

        assert second.chain == first.chain == eve.chain
        assert (second.header.sequence, second.header.backlink) == (first.header.sequence, before.id)
        assert second.id != first.id


class TestAForkPublishedYearsLater:
    def test_is_admitted_and_takes_from_nobody_what_stood_below_it(self, ledgers: list[Ledger]) -> None:
        anna, bo, _ = ledgers
        opening = anna.open_chain(pair("eve"))
        [kept, first] = [anna.publish(pair("eve"), opening.id, [a_need(5)])[0] for _ in range(2)]
        pull(anna, bo)
        standing = bo.standing
        assert {kept.id, first.id} <= set(standing.needs)

        second = after(opening, kept, compose.withdraw(kept.id), network=anna.network)
        bo.ingest(as_runs([second]))

        assert not bo.standing.needs[kept.id].forked
        assert not bo.standing.needs[kept.id].withdrawn
        assert first.id not in bo.standing.needs  # nobody had named it
        assert len(bo.tips_of(opening.id)) == 2


class TestManyProofsOfOneFork:
    def test_say_no_more_than_one(self, ledgers: list[Ledger]) -> None:
        """Eve signs ever lesser ids for one place, and shows others to anna than to bo."""
        anna, bo, _ = ledgers
        opening = anna.open_chain(pair("eve"))
        pull(anna, bo)
        proofs = [after(opening, opening, a_need(amount), network=anna.network) for amount in range(1, 40)]
        proofs.sort(key=lambda entry: entry.id, reverse=True)

        for one, shown in ((anna, proofs[::2]), (bo, proofs[1::2])):
            one.ingest(as_runs(shown[:2]))
            known = one.digest(), one.count()
            report = one.ingest(as_runs(shown[2:]))

            assert (report.accepted, report.faults) == ([], [])
            assert (one.digest(), one.count()) == known
        assert pull(anna, bo) == pull(bo, anna) == 0
        assert anna.digest() == bo.digest()


class TestContentSignedAgain:
    def test_is_the_same_entry(self) -> None:
        header = Header(None, 0, None, 1 << 16, "open", 0, INCARNATION, b"", None, None, 0, [bytes(32), None])

        one, other = (seal(header, pair(name), network=bytes(32)) for name in ("anna", "bo"))

        assert one.id == other.id
        assert one.signature != other.signature


class TestTheRightIdWithAWrongSignature:
    @pytest.mark.parametrize("seed", range(5))
    def test_first_does_not_poison_the_good_copy(self, ledgers: list[Ledger], seed: int) -> None:
        anna, bo, _ = ledgers
        opening = anna.open_chain(pair("eve"))
        entry = anna.publish(pair("eve"), opening.id, [a_need()])[0]
        bad = [entry._replace(signature=Random(seed + n).randbytes(64)) for n in range(3)]
        arriving = [opening, *bad, entry, *bad]
        dice = Random(seed)
        tail = arriving[1:]
        dice.shuffle(tail)
        for one in (opening, *tail):
            bo.ingest([[one]])

        held = bo.get(entry.id)
        assert held
        assert held.entry.signature == entry.signature
        assert bo.digest() == anna.digest()


class TestAReplayFromAnotherNetwork:
    def test_is_not_authentic_for_any_kind_of_signature(self) -> None:
        commons, other = Commons(law(None)), Commons(law(None, grace_ms=5000))
        anna = found(commons, "anna")
        at = moment(commons, anna.chain)
        opening = statements.rooted(key_of("laptop"), anna.identity, anna.chain, at=at, root=abroad_of(anna, other))

        stolen = Member(commons, "laptop", commons.now_ms, opening)

        assert stolen.opening not in commons.valid
        contexts = {keys.ENTRY, b"mycelia/1/identity\0", b"mycelia/1/invite\0"}
        message = bytes(32)
        for context in contexts:
            good = keys.sign(anna.pair, context, network=commons.charter.network, digest=message)
            judged = [
                keys.verify(anna.pair.public, good, one, network=network, digest=message)
                for one in contexts
                for network in (commons.charter.network, other.charter.network)
            ]
            assert judged.count(True) == 1


def abroad_of(person: Person, other: Commons) -> statements.Signers:
    """Return a person's root keys as they sign in another commons."""
    return person.root()._replace(network=other.charter.network)


class TestDatingInTheFutureOrThePast:
    @pytest.mark.parametrize("years", [10, -10])
    def test_is_held_or_let_in_and_never_judged_by_a_clock(
        self, ledgers: list[Ledger], tmp_path: Path, years: int
    ) -> None:
        anna, bo, _ = ledgers
        clock = Clock(NOW_MS + years * YEARS_MS)
        eve = new_ledger(tmp_path / "eve", clock=clock, seed=9)
        opening = eve.open_chain(pair("eve"))
        eve.publish(pair("eve"), opening.id, [Content("x.org.example.note", [], b"")])
        pull(eve, bo)

        assert bo.count() == (0 if years > 0 else 2)
        honest = bo.open_chain(pair("bo"))
        assert honest.header.time_ms == NOW_MS
        assert not [stored for stored in bo.stored() if not stored.is_valid]
        assert anna.count() == 0
        eve.close()


class TestWithholdingADependency:
    def test_makes_nobody_wait_but_the_author(self, ledgers: list[Ledger]) -> None:
        anna, bo, cleo = ledgers
        hidden = anna.open_chain(pair("anna"))
        opening = bo.open_chain(pair("bo"))
        bo.ingest(as_runs([hidden]))
        naming = bo.publish(pair("bo"), opening.id, [Content("x.org.example.note", [], hidden.id)])[0]
        honest = cleo.open_chain(pair("cleo"))

        report = cleo.ingest(as_runs([opening, naming]))
        cleo.publish(pair("cleo"), honest.id, [a_need()])

        assert report.missing == {hidden.id}
        assert cleo.get(naming.id) is None
        cleo.ingest(as_runs([hidden]))
        assert cleo.get(naming.id)


class TestGovernanceThatSaysTwoThings:
    def test_splits_no_validity(self) -> None:
        commons = Commons(law(None, ["anna"]))
        anna, bo, cleo = (found(commons, name) for name in ("anna", "bo", "cleo"))
        rivals = [anna.say(statements.enact({"grace_ms": ms})) for ms in (5, 6)]
        consents = [anna.say(statements.consent(one.id)) for one in rivals]
        for person, enact, consent in zip((bo, cleo), rivals, consents, strict=True):
            person.say(statements.adopt(enact.id, [consent.id]))

        need = bo.need(5)
        line = cleo.pledge(need, 5)
        bo.accept(need, line)

        assert commons.status(line) is Status.FIRM
        assert bo.why_not(statements.adopt(rivals[1].id, [consents[1].id])) == "adopt.previous"


class TestAStolenRootKey:
    def test_is_outlived_by_the_keys_that_were_committed_to(self) -> None:
        commons = Commons(law(None))
        anna = found(commons, "anna")
        laptop, thief = anna.install("laptop"), anna.install("thief")
        thief.say(statements.revoke(laptop.chain, event=anna.chain, root=anna.root()))
        assert thief.why_not(statements.rotate(anna.chain, keyset("thief"), root=anna.root())) == "rotate.revealed"

        anna.rotate(laptop)

        assert commons.members.counts(laptop.chain, 10**6)
        assert not commons.members.counts(thief.chain, 0)


class TestAStolenBotKey:
    def test_counts_for_nothing_above_the_cut(self) -> None:
        commons = Commons(law(None))
        anna = found(commons, "anna")
        given = anna.say(statements.delegate(key_of("bot"), kinds=["offer"], daily={"food": 10}))
        bot = delegated(anna, "bot", anna.identity, given)
        honest = bot.offer(4)
        stolen = bot.offer(6)

        anna.say(statements.revoke(honest.id))

        assert commons.members.counts(bot.chain, honest.header.sequence)
        assert not commons.members.counts(bot.chain, stolen.header.sequence)


class TestSybilInvitees:
    def test_are_bounded_by_slots_however_they_admit_each_other(self) -> None:
        commons = Commons(law(Tree(2, 3, True), ["anna"]))
        people: list[Person] = [found(commons, "anna")]
        for number in range(40):
            sponsor = people[number // 3]
            people.append(Person(commons, f"sybil {number}", invitation=sponsor.invite(str(number))))
            for one in people:
                one.why_not(statements.admit([(people[-1].identity, None)]))

        inside = sum(str(person.status) == "member" for person in commons.members.persons())

        assert inside <= 1 + 2 + 4 + 8


class TestAnEntryDatedBeforeTheRevocation:
    @pytest.mark.parametrize("later_ms", [0, 1, 10 * HOUR_MS])
    def test_counts_as_little_as_any_other_above_the_cut(self, later_ms: int) -> None:
        commons = Commons(law(None))
        anna = found(commons, "anna")
        given = anna.say(statements.delegate(key_of("bot"), kinds=["offer"], daily={"food": 10}))
        bot = delegated(anna, "bot", anna.identity, given)
        cut = bot.offer(4)
        commons.wait(later_ms)
        anna.say(statements.revoke(cut.id))

        backdated = bot.draft(compose.offer("food", 1, CELL, begin_ms=NOW_MS, end_ms=NOW_MS + HOUR_MS),
                              time=cut.header.time + 1)  # fmt: skip

        assert bot.judge(backdated).is_valid  # nobody can know when it was signed
        assert not commons.members.counts(bot.chain, backdated.header.sequence)
        assert commons.members.counts(bot.chain, cut.header.sequence)


class TestATimeThatNoClockCanReach:
    def test_ends_the_authors_chain_and_nobody_elses(self) -> None:
        commons = Commons()
        anna, eve = commons.member("anna"), commons.member("eve")
        last = eve.draft(Content("x.org.example.note", [], b""), time=INT64_MAX)

        assert judge(last, eve.prefix, commons.held.get, commons.charter).is_valid
        with pytest.raises(Malformed):
            seal(last.header._replace(time=next_time(0, INT64_MAX)), eve.pair, network=bytes(32))
        assert anna.need(3)
