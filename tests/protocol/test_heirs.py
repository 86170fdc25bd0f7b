"""Heirs, read aloud (spec 13, "Heirs"): what a lost chain promised is still promised, and can be kept by another."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import permutations

import pytest

from mycelia_protocol import compose, statements
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import KINDS, Members
from mycelia_protocol.standing import Standing, Status
from tests.builders import Commons, Line, Member, line_id, note, on
from tests.people import Person, found, law

HALF_HOUR = 1_800_000
ACTS = ("commit", "accept", "deliver", "deliver", "receive", "receive", "release", "lapse", "cancel", "heir", "wait")


class Town:
    """Bo needs something, and Anna promised it with a phone that is lost now; or Bo lost hers."""

    def __init__(self) -> None:
        self.commons = Commons(law(None))
        self.anna, self.bo = found(self.commons, "anna"), found(self.commons, "bo")
        self.need = self.bo.need(10)
        self.line: Line = self.anna.pledge(self.need, 6)
        self.accept = self.bo.accept(self.need, self.line)

    @property
    def commit(self) -> Entry:
        return self.commons.held[line_id(self.line)[0]]

    def lose(self, person: Person, at: Entry | None = None) -> Heir:
        """Cut the chain of a person where it ends, or after an entry, and have another installation take it over."""
        return Heir(person, person.install(f"{person.name}'s new phone"), at)

    def stand(self, entries: list[Entry] | None = None) -> Standing:
        """Fold what counts anew."""
        return folded(self.commons, self.commons.valid if entries is None else entries)

    def status(self) -> Status:
        standing = self.stand()
        return standing.status(standing.lines[line_id(self.line)])


def folded(commons: Commons, arrived: list[Entry]) -> Standing:
    """Return what entries add up to, of those that count."""
    members = Members(commons.charter, commons.held.get)
    for entry in arrived:
        if entry.header.kind in KINDS:
            members.add(entry)
    standing = Standing(commons.held.get, members.heirs, Lineage(commons.held.get, commons.charter).inheritance)
    for entry in arrived:
        if members.counts(entry.chain, entry.header.sequence):
            standing.add(entry)
    return standing


class Heir:
    """A chain that took another one over."""

    def __init__(self, person: Person, chain: Member, at: Entry | None) -> None:
        self.chain = chain
        self.cut = person.prefix.tip if at is None else at.id
        self.revoke = chain.say(statements.revoke(self.cut, heir=chain.chain, event=person.event, root=person.root()))
        self.inherit = chain.say(statements.inherit(self.revoke.id, self.cut))

    def on(self, kind: str, line: Line, *cites: Entry) -> Entry:
        return self.chain.say(on(kind, line, cites=cites))

    def why_not(self, kind: str, line: Line, *cites: Entry) -> str:
        return self.chain.why_not(on(kind, line, cites=cites))


@pytest.fixture
def town() -> Town:
    return Town()


class TestTheHeirOfAProvider:
    def test_delivers_what_was_promised_and_it_is_done(self, town: Town) -> None:
        heir = town.lose(town.anna)

        delivered = heir.on("deliver", town.line, town.need, town.accept)
        town.bo.on("receive", town.line, cites=[delivered, heir.inherit])

        assert town.status() is Status.DONE

    def test_names_the_need_so_that_all_know_the_receiver(self, town: Town) -> None:
        heir = town.lose(town.anna)

        assert heir.why_not("deliver", town.line, town.accept) == "deliver.line"

    def test_gets_nothing_that_stands_above_the_cut(self, town: Town) -> None:
        heir = town.lose(town.anna, at=town.anna.opening)

        assert heir.why_not("deliver", town.line, town.need, town.accept) == "deliver.line"

    def test_can_leave_by_the_same_doors(self, town: Town) -> None:
        heir = town.lose(town.anna)

        assert heir.why_not("release", town.line, town.need, town.accept) == "release.ground"
        heir.on("cancel", town.line, town.need)
        assert heir.why_not("deliver", town.line, town.need, town.accept) == "deliver.open"
        assert town.status() is Status.VOID

    def test_has_no_more_capacity_than_before(self, town: Town) -> None:
        heir = town.lose(town.anna)
        heir.on("cancel", town.line, town.need)
        offer = next(iter(town.stand().offers))

        assert heir.chain.why_not(compose.row(offer=offer, previous=None, lines=[(town.need.id, 6)])) == "row.offer"

    def test_is_not_heard_by_a_receiver_who_was_not_told(self, town: Town) -> None:
        heir = town.lose(town.anna)

        delivered = heir.on("deliver", town.line, town.need, town.accept)

        assert town.bo.why_not(on("receive", town.line, cites=[delivered])) == "receive.deliver"

    def test_may_deliver_what_the_lost_chain_had_released_but_nobody_is_promised_twice(self) -> None:
        town = Town()
        eve = found(town.commons, "eve")
        other = eve.need(10)
        offer = town.anna.offer(6)
        row = town.anna.row(offer, (town.need, 4))
        late: Line = town.anna.commit(row, (town.need, 4), hold=1), 0
        accept = town.bo.accept(town.need, late)
        town.commons.wait(10)
        town.anna.on("release", late)
        again: Line = town.anna.commit(town.anna.row(offer, (other, 6)), (other, 6)), 0
        eve.accept(other, again)
        heir = town.lose(town.anna)

        delivered = heir.on("deliver", late, town.need, accept)
        town.bo.on("receive", late, cites=[delivered, heir.inherit])

        standing = town.stand()
        assert standing.status(standing.lines[line_id(late)]) is Status.DISPLACED
        assert standing.status(standing.lines[line_id(again)]) is Status.FIRM
        assert standing.committed(offer.id) == 6

    def test_makes_nothing_done_that_the_lost_chain_had_cancelled_though_there_is_room(self, town: Town) -> None:
        town.anna.on("cancel", town.line)
        heir = town.lose(town.anna)

        delivered = heir.on("deliver", town.line, town.need, town.accept)
        town.bo.on("receive", town.line, cites=[delivered, heir.inherit])

        assert town.status() is Status.DISPLACED

    def test_delivers_what_it_cancelled_above_the_cut(self, town: Town) -> None:
        below = town.anna.prefix.tip
        town.anna.on("cancel", town.line)
        heir = town.lose(town.anna, at=town.commons.held[below])

        delivered = heir.on("deliver", town.line, town.need, town.accept)
        town.bo.on("receive", town.line, cites=[delivered, heir.inherit])

        assert town.status() is Status.DONE


class TestTheHeirOfAReceiver:
    def test_receives_what_was_accepted_and_it_is_done(self, town: Town) -> None:
        delivered = town.anna.on("deliver", town.line, cites=[town.accept])
        heir = town.lose(town.bo)

        heir.on("receive", town.line, town.accept, delivered)

        assert town.status() is Status.DONE

    def test_names_the_accept(self, town: Town) -> None:
        delivered = town.anna.on("deliver", town.line, cites=[town.accept])
        heir = town.lose(town.bo)

        assert heir.why_not("receive", town.line, delivered) == "receive.line"

    def test_lets_go_in_time_and_the_provider_may_then_release(self, town: Town) -> None:
        town.anna.say(note(town.accept))
        heir = town.lose(town.bo)
        assert heir.why_not("lapse", town.line, town.accept) == "lapse.time"
        town.commons.wait(HALF_HOUR + town.commons.charter.grace_ms + 1)

        lapsed = heir.on("lapse", town.line, town.accept)

        assert town.anna.why_not(on("release", town.line, cites=[lapsed])) == "release.ground"
        town.anna.on("release", town.line, cites=[lapsed, heir.inherit])
        assert town.status() is Status.VOID

    def test_cannot_have_it_counted_again(self, town: Town) -> None:
        heir = town.lose(town.bo)
        heir.on("cancel", town.line, town.accept)
        delivered = town.anna.on("deliver", town.line, cites=[town.accept])

        assert heir.why_not("receive", town.line, town.accept, delivered) == "receive.quantity"

    def test_withdraws_the_need_that_nobody_can_serve_any_more(self, town: Town) -> None:
        heir = town.lose(town.bo)

        heir.chain.say(compose.withdraw(town.need.id))

        assert town.stand().needs[town.need.id].withdrawn
        assert heir.chain.why_not(compose.withdraw(town.need.id)) == "withdraw.again"


class TestAnHeir:
    def test_is_none_for_chains_of_others(self, town: Town) -> None:
        heir = town.lose(town.anna)

        assert heir.chain.why_not(compose.withdraw(town.need.id)) == "withdraw.intent"

    def test_whom_the_fold_does_not_know_changes_nothing(self, town: Town) -> None:
        """A revocation by root keys that were since replaced is valid, and its chain does not hold."""
        phone = town.anna.install("a thief's phone")
        cut = town.anna.prefix.tip
        town.anna.rotate(town.anna)
        revoke = phone.say(statements.revoke(cut, heir=phone.chain, event=town.anna.chain, root=town.anna.root(0)))
        phone.say(statements.inherit(revoke.id, cut))

        phone.say(on("cancel", town.line, cites=[town.need]))

        assert town.status() is Status.FIRM

    def test_of_many_is_as_good_as_another(self, town: Town) -> None:
        one, two = town.lose(town.anna), Heir(town.anna, town.anna.install("tablet"), None)

        delivered = two.on("deliver", town.line, town.need, town.accept)
        one.on("deliver", town.line, town.need, town.accept)
        town.bo.on("receive", town.line, cites=[delivered, two.inherit])

        assert town.status() is Status.DONE

    def test_of_an_heir_does_not_inherit_without_a_word_of_the_root_keys(self, town: Town) -> None:
        phone = town.lose(town.anna)
        tablet = town.anna.install("tablet")
        cut = phone.chain.prefix.tip
        revoke = tablet.say(statements.revoke(cut, heir=tablet.chain, event=town.anna.event, root=town.anna.root()))
        tablet.say(statements.inherit(revoke.id, cut))
        deliver = on("deliver", town.line, cites=[town.need, town.accept])
        assert tablet.why_not(deliver) == "deliver.line"

        again = tablet.say(
            statements.revoke(phone.cut, heir=tablet.chain, event=town.anna.event, root=town.anna.root())
        )
        tablet.say(statements.inherit(again.id, phone.cut))

        assert tablet.why_not(deliver) == "valid"

    def test_is_the_same_in_any_order_of_arrival(self, town: Town) -> None:
        heir = town.lose(town.anna)
        delivered = heir.on("deliver", town.line, town.need, town.accept)
        received = town.bo.on("receive", town.line, cites=[delivered, heir.inherit])
        first = [entry for entry in town.commons.valid if entry.id not in (received.id, delivered.id, heir.revoke.id)]

        for last in permutations((received, delivered, heir.revoke)):
            standing = town.stand([*first, *last])
            assert standing.status(standing.lines[line_id(town.line)]) is Status.DONE


class TestWhateverIsSaid:
    @pytest.mark.parametrize("seed", range(25))
    def test_nobody_is_promised_twice(self, seed: int) -> None:
        """Lost chains and their heirs say whatever the rules let them, each without knowing of the other."""
        dice = random.Random(seed)
        commons = Commons(law(None))
        anna, bo, eve = (found(commons, name) for name in ("anna", "bo", "eve"))
        needs = [bo.need(10), eve.need(8)]
        offers = [anna.offer(9), anna.offer(5)]
        chains: list[Member] = [anna, bo, eve]
        lines: list[Line] = []
        said: list[Entry] = []
        for _ in range(90):
            act = dice.choice(ACTS)
            if act == "wait":
                commons.wait(dice.choice([1, 1, 700_000, HALF_HOUR]))
            elif act == "heir" and len(chains) < 7:
                person = dice.choice([anna, bo])
                below = [entry for entry in commons.valid if entry.chain == person.chain]
                heir = Heir(person, person.install(f"{len(chains)}"), dice.choice(below[-4:]))
                chains.append(heir.chain)
                said.append(heir.inherit)
            elif act == "commit":
                need, offer = dice.choice(needs), dice.choice(offers)
                with suppress(Refused):
                    amount = dice.randint(1, 6)
                    row = anna.row(offer, (need, amount))
                    lines.append((anna.commit(row, (need, amount), hold=dice.choice([1, 900_000, 900_000])), 0))
            elif act == "accept" and lines:
                line = dice.choice(lines)
                need = next(one for one in needs if one.id in commons.held[line_id(line)[0]].header.links)
                with suppress(Refused):
                    said.append((bo if need.chain == bo.chain else eve).accept(need, line))
            elif lines and act in ("deliver", "receive", "release", "lapse", "cancel"):
                line = dice.choice(lines)
                about = [one for one in said if line_id(line)[0] in one.header.links or one.header.kind == "id.inherit"]
                cites = [one for one in [*needs, *about[-24:]] if dice.random() < 0.9]
                with suppress(Refused):
                    said.append(dice.choice(chains).say(on(act, line, cites=cites)))

        standing = folded(commons, commons.valid)
        for intent in (*standing.offers.values(), *standing.needs.values()):
            counted = standing.committed(intent.id) if intent.kind == "offer" else standing.accepted(intent.id)
            bound = {Status.FIRM, Status.DONE} | ({Status.PENDING} if intent.kind == "offer" else set())
            live = [line.amount for line in standing.lines_by(intent.id) if standing.status(line) in bound]
            assert counted <= intent.amount
            assert sum(live) <= intent.amount
        again = folded(commons, dice.sample(commons.valid, len(commons.valid)))
        assert {line: again.status(again.lines[line]) for line in again.lines} == {
            line: standing.status(standing.lines[line]) for line in standing.lines
        }
