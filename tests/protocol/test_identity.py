"""Identities, read aloud (spec 13). Single verdicts are vectors, done in tests/conformance."""

from __future__ import annotations

import random

import pytest

from mycelia_protocol import compose, statements
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.identity import KeySet, commitment, is_revealed
from mycelia_protocol.lineage import MAX_PATH, MAX_STEPS, Lineage
from mycelia_protocol.validation import judge
from tests.builders import CELL, HOUR_MS, Commons, Member
from tests.people import Person, delegated, found, key_of, keyset, law, moment, root_pair


def commons() -> Commons:
    return Commons(law(None))


class TestAnIdentity:
    def test_speaks_through_several_installations_with_a_key_each(self) -> None:
        anna = found(commons(), "anna")

        laptop, phone = anna.install("laptop"), anna.install("phone")

        assert len({anna.pair.public, laptop.pair.public, phone.pair.public}) == 3
        assert {one.prefix.grant.identity for one in (anna, laptop, phone) if one.prefix.grant} == {anna.identity}

    def test_outlives_the_theft_of_its_root_keys(self) -> None:
        anna = found(commons(), "anna")
        stolen = anna.root()

        rotated = anna.rotate()

        late = statements.rotate(rotated.id, keyset("thief", 2), root=stolen)
        assert anna.why_not(late) == "rotate.revealed"
        at = moment(anna.commons, rotated.id)
        thief = statements.rooted(key_of("thief"), anna.identity, rotated.id, at=at, root=stolen)
        with pytest.raises(AssertionError):
            Opened(anna.commons, "thief", thief)

    def test_is_not_shown_by_the_commitment_to_its_next_keys(self) -> None:
        keys = root_pair("anna", 1).public, root_pair("anna", 2).public
        one = KeySet(1, keys[:1], commitment(2, keys), 0, ())

        assert is_revealed(one, 2, keys)
        assert not is_revealed(one, 1, keys)
        assert not is_revealed(one, 2, keys[:1])


class Opened(Member):
    """A chain whose `open` must be valid."""

    def __init__(self, commons: Commons, name: str, opening: compose.Content) -> None:
        super().__init__(commons, name, commons.now_ms, opening)
        assert self.opening in commons.valid


class TestABot:
    def test_does_what_it_was_granted_and_nothing_else(self) -> None:
        anna = found(commons(), "anna")
        given = anna.say(statements.delegate(key_of("bot"), kinds=["offer"], daily={"food": 50}))
        bot = delegated(anna, "bot", anna.identity, given)

        assert bot.offer(50)
        assert bot.why_not(compose.withdraw(bot.prefix.tip)) == "grant.kind"

    def test_with_a_stolen_key_spends_at_most_its_caps(self) -> None:
        dice = random.Random(5)
        anna = found(commons(), "anna")
        given = anna.say(statements.delegate(key_of("bot"), kinds=["offer"], daily={"food": 50}))
        thief = delegated(anna, "bot", anna.identity, given)

        days = 4
        for _ in range(300):
            thief.commons.now_ms += dice.randrange(days * 24 * HOUR_MS // 300)
            content = compose.offer(
                "food", dice.randrange(1, 40), CELL, begin_ms=0, end_ms=thief.commons.now_ms + HOUR_MS
            )
            thief.why_not(content)

        offered = sum(one.header.terms[1] for one in thief.own.values() if one.header.kind == "offer")  # type: ignore[misc]
        print(f"seed 5: {offered} offered in {days} days")
        assert 50 < offered <= 50 * (days + 1)

    def test_cannot_pass_on_more_than_it_has_however_often(self) -> None:
        anna = found(commons(), "anna")
        giver: Member = anna
        for depth in range(7, -1, -1):
            given = giver.say(statements.delegate(key_of(f"bot {depth}"), depth=depth))
            giver = delegated(giver, f"bot {depth}", anna.identity, given)

        assert giver.why_not(statements.delegate(key_of("one more"))) == "delegate.attenuation"


class TestALineage:
    def test_follows_many_rotations_but_not_without_end(self) -> None:
        anna = found(commons(), "anna")
        refused = "valid"
        rotations = 0
        while refused == "valid":
            content = anna.rotation()
            refused = anna.why_not(content)
            if refused == "valid":
                anna.event, anna.number, rotations = anna.prefix.tip, anna.number + 1, rotations + 1

        assert refused == "identity.path"
        assert 30 < rotations <= MAX_PATH

    def test_is_bounded_in_number_too(self) -> None:
        """Guardians whose sponsors stand in long rows, none of them the same."""
        world = Commons(law(None))
        guardians = []
        for number in range(16):
            one = found(world, f"{number}")
            for depth in range(MAX_PATH // 16):
                one = Person(world, f"{number} {depth}", invitation=one.invite("next"))
            guardians.append(one)
        anna = found(world, "anna", guardians=[one.identity for one in guardians], consents=14)
        fresh = keyset("anna again")
        proposal = anna.say(statements.recover(anna.event, fresh))
        consents = [one.say(statements.consent(proposal.id)) for one in guardians]
        world.wait(world.charter.recovery_ms + HOUR_MS)

        def complete(by: int) -> Content:
            return statements.complete(proposal.id, anna.event, fresh, [one.id for one in consents[:by]])

        assert anna.why_not(complete(16)) == "identity.path"
        assert anna.why_not(complete(14)) == "valid"

    def test_far_too_deep_is_refused_by_a_reader_who_has_read_nothing(self) -> None:
        anna = found(commons(), "anna")
        for _ in range(400):  # deeper than any interpreter follows
            content = anna.rotation()
            anna.event, anna.number = anna._take(anna.draft(content)).id, anna.number + 1
        last = anna.draft(anna.rotation())

        cold = judge(last, anna.prefix, anna.commons.held.get, anna.commons.charter).refused

        assert cold is not None
        assert cold.rule == "identity.path"

    def test_is_the_same_whoever_has_read_what_before(self) -> None:
        world = commons()
        anna = found(world, "anna")
        for _ in range(MAX_STEPS + 20):
            content = anna.rotation()
            anna.event, anna.number = anna._take(anna.draft(content)).id, anna.number + 1
        entries = [entry for entry in world.held.values() if entry.header.kind == "id.rotate"]
        warm, seen = Lineage(world.held.get, world.charter), set()
        for entry in random.Random(3).sample(entries, len(entries)):
            read = _read(warm, entry)
            seen.add(read)
            assert read == _read(Lineage(world.held.get, world.charter), entry)
        assert seen == {"good", "identity.path"}

    def test_of_a_verdict_needs_no_more_than_is_named(self) -> None:
        """What stands on other chains, or comes later, changes no verdict."""
        world = commons()
        anna, bo = found(world, "anna"), found(world, "bo")
        laptop = anna.install("laptop")
        before = dict(world.held)
        content = statements.revoke(laptop.chain, event=anna.event, root=anna.root())
        entry = anna.draft(content)
        verdict = anna.judge(entry)

        bo.rotate()
        anna.commons.held[b"?" * 32] = bo.need(3)
        Person(world, "cleo")

        assert anna.judge(entry) == verdict == judge(entry, anna.prefix, before.get, world.charter)


def _read(lineage: Lineage, entry: Entry) -> str:
    lineage.begin()
    try:
        return "good" if lineage.event(entry) else "bad"
    except Refused as refused:
        return refused.rule
