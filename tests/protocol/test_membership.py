"""Membership, read aloud (spec 14): a fold over the set, whatever arrives when."""

from __future__ import annotations

import random

import pytest

from mycelia_protocol import lineage, openings, statements
from mycelia_protocol.accumulators import Grant
from mycelia_protocol.charter import Stewards, Tree
from mycelia_protocol.envelope import Entry
from mycelia_protocol.membership import KINDS, Members, Status
from tests.builders import Commons, Member
from tests.people import Person, delegated, found, key_of, law


def seen(commons: Commons, entries: list[Entry] | None = None) -> Members:
    members = Members(commons.charter, commons.held.get)
    for entry in commons.valid if entries is None else entries:
        if entry.header.kind in KINDS:
            members.add(entry)
    return members


def told(members: Members) -> tuple[object, ...]:
    return tuple(members.persons()), tuple(sorted(members.last().items()))


class TestATree:
    def test_lets_nobody_in_whom_nobody_inside_admitted(self) -> None:
        commons = Commons(law(Tree(2, 3, True), ["anna"]))
        anna = found(commons, "anna")
        bo = Person(commons, "bo", invitation=anna.invite("bo"))

        assert not seen(commons).counts(bo.chain, 0)

        anna.admit(bo.identity)

        assert seen(commons).counts(bo.chain, 10**9)

    def test_bounds_what_a_malicious_sponsor_can_bring(self) -> None:
        """Six accounts on three slots, each of which brings six more: three a sponsor, and no deeper than allowed."""
        slots, depth = 3, 2
        commons = Commons(law(Tree(slots, depth, True), ["anna"]))
        ring: list[Person] = [found(commons, "anna")]
        for step in range(depth + 1):
            following = []
            for sponsor in ring[: slots + 1]:
                puppets = [
                    Person(commons, f"{sponsor.name}-{step}-{number}", invitation=sponsor.invite(f"{number}"))
                    for number in range(6)
                ]
                for puppet in puppets:
                    sponsor.why_not(statements.admit([(puppet.identity, None)]))
                following += puppets
            ring = following

        inside = [one for one in seen(commons).persons() if one.status is Status.MEMBER]

        assert len(inside) == 1 + slots + slots * slots

    def test_makes_a_sponsor_answer_for_an_invitee_that_forks(self) -> None:
        commons = Commons(law(Tree(2, 3, True), ["anna"]))
        anna = found(commons, "anna")
        bo, eve = (Person(commons, name, invitation=anna.invite(name)) for name in ("bo", "eve"))
        anna.admit(eve.identity)
        members = seen(commons)
        members.note_fork(eve.chain, 0)
        anna.admit(bo.identity)

        members.add(anna.own[anna.prefix.tip])

        assert members.counts(eve.chain, 0)
        assert not members.counts(bo.chain, 0)


class TestStewards:
    def test_admit_together(self) -> None:
        commons = Commons(law(Stewards(2), ["anna", "bo", "cleo"]))
        anna, bo, cleo = (found(commons, name) for name in ("anna", "bo", "cleo"))
        dora = Person(commons, "dora", invitation=anna.invite("dora"))

        anna.admit(dora.identity)
        alone = seen(commons).person(dora.identity)
        cleo.admit(dora.identity)
        together = seen(commons).person(dora.identity)

        assert bo.chain
        assert alone
        assert alone.status is Status.PENDING
        assert together
        assert together.status is Status.MEMBER


class TestTheFold:
    def test_reads_whoever_was_seen_already_no_second_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lineage, "_MAX_KNOWN", 2)  # more chains than a verdict remembers
        commons = Commons(law(Tree(9, 4, False), ["anna"]))
        anna = found(commons, "anna")
        for number in range(6):
            Person(commons, f"guest {number}", invitation=anna.invite(f"guest {number}"))
        members = seen(commons)
        members.persons()
        read: list[bytes] = []

        def check_open(self: lineage.Lineage, entry: Entry) -> Grant | None:
            read.append(entry.id)
            return openings.check_open(self, entry)

        monkeypatch.setattr(lineage, "check_open", check_open)

        late = Person(commons, "late", invitation=anna.invite("late"))
        read.clear()
        members.add(commons.held[late.chain])
        members.persons()

        assert set(read) <= {late.chain, anna.chain}
        assert len(members.persons()) == 8

    @pytest.mark.parametrize("seed", range(6))
    def test_is_the_same_in_any_order_and_with_any_repetition(self, seed: int) -> None:
        dice = random.Random(seed)
        commons = Commons(law(Tree(3, 4, True), ["anna", "bo"]))
        people: list[Person] = [found(commons, "anna"), found(commons, "bo")]
        chains: list[tuple[Person, Member]] = [(one, one) for one in people]
        for step in range(60):
            person, chain = dice.choice(chains)
            match dice.randrange(7):
                case 0 if len(people) < 9:
                    name = f"person {step}"
                    people.append(Person(commons, name, invitation=person.invite(name)))
                    chains.append((people[-1], people[-1]))
                case 1:
                    person.why_not(statements.admit([(dice.choice(people).identity, None)]))
                case 2:
                    chains.append((person, person.install(f"device {step}")))
                case 3 if chain.prefix.grant and chain.prefix.grant.identity == person.identity:
                    given = statements.delegate(key_of(f"bot {step}"))
                    if chain.why_not(given) == "valid":
                        delegation = chain.own[chain.prefix.tip]
                        chains.append((person, delegated(chain, f"bot {step}", person.identity, delegation)))
                case 4:
                    person.why_not(person.rotation(*dice.sample([one for _, one in chains], 1)))
                case 5:
                    person.why_not(statements.revoke(chain.prefix.tip, event=person.event, root=person.root()))
                case _:
                    chain.why_not(statements.revoke(dice.choice(chains)[1].chain))
        expected = told(seen(commons))
        print(f"seed {seed}: {len(commons.valid)} valid entries, {len(commons.held)} held")

        for _ in range(10):
            arrived: list[Entry] = [*commons.valid, *dice.sample(commons.valid, len(commons.valid) // 2)]
            dice.shuffle(arrived)
            members = seen(commons, arrived[: len(arrived) // 2])
            told(members)  # looked at in between, too
            for entry in arrived[len(arrived) // 2 :]:
                if entry.header.kind in KINDS:
                    members.add(entry)

            assert told(members) == expected
