"""Standing: what valid entries add up to, in any order. `spec/vectors/standing.json` has every status."""

from __future__ import annotations

import random

import pytest

from mycelia_protocol import compose
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.field import is_open
from mycelia_protocol.standing import Standing, Status
from tests.builders import Commons, Line, Member, accept, note, on

HOLD_MS, UNTIL_MS = 600_000, 1_800_000


@pytest.fixture
def commons() -> Commons:
    return Commons()


class TestALine:
    def test_goes_from_pending_to_firm_to_done(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        seen = [commons.status(line)]

        taken = anna.accept(need, line)
        seen.append(commons.status(line))
        given = bo.on("deliver", line, cites=[taken])
        seen.append(commons.status(line))
        anna.on("receive", line, cites=[given])

        assert [*seen, commons.status(line)] == [Status.PENDING, Status.FIRM, Status.FIRM, Status.DONE]

    def test_is_void_when_an_accept_meets_a_release(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        anna.accept(need, line)
        commons.wait(HOLD_MS + 1)

        bo.on("release", line)

        assert commons.status(line) is Status.VOID

    def test_is_disputed_when_a_deliver_meets_a_lapse_and_done_if_received_after_all(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        taken = anna.accept(need, line)
        commons.wait(UNTIL_MS + commons.charter.grace_ms + 1)
        anna.on("lapse", line)

        given = bo.on("deliver", line, cites=[taken])
        assert commons.status(line) is Status.DISPUTED
        anna.on("receive", line, cites=[given])
        assert commons.status(line) is Status.DONE

    def test_is_given_up_by_citing_even_an_invalid_exit(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        bo.say(note(anna.accept(need, line)))
        false = bo.misstep(on("release", line))
        assert commons.status(line) is Status.FIRM

        anna.say(note(false))

        assert commons.status(line) is Status.VOID
        assert anna.accepted(need) == commons.standing.accepted(need.id) == 0

    def test_is_not_live_while_its_capacity_is_still_committed(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        cancel = anna.on("cancel", line)
        known = next(iter(commons.standing.lines.values()))

        assert not commons.standing.is_live(known)
        assert commons.standing.committed(known.offer) == 6
        bo.on("release", line, cites=[cancel])
        assert commons.standing.committed(known.offer) == 0


class TestAnEffectiveEntry:
    def test_rests_on_valid_needs_accepts_and_delivers(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        taken = anna.accept(need, line)
        given = bo.on("deliver", line, cites=[taken])
        anna.on("receive", line, cites=[given])

        assert all(commons.standing.is_effective(entry) for entry in commons.valid)

    def test_lacks_the_need_that_is_invalid(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        urgent = compose.need("food", 5, anna.need().header.terms[2], begin_ms=0, end_ms=commons.now_ms + 9, urgency=-1)  # type: ignore[arg-type]
        bad = anna.misstep(urgent)
        row = bo.row(bo.offer(), (bad, 5))

        assert commons.standing.lacking(row) == [bad.id]

    def test_lacks_the_accept_that_is_invalid(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        commons.wait(HOLD_MS + 1)
        late = anna.misstep(accept(need, line))

        given = bo.on("deliver", line, cites=[late])

        assert commons.standing.lacking(given) == [line_commit(line)]
        assert commons.status(line) is Status.PENDING


class TestAFork:
    def test_of_a_provider_honours_the_first_accept_that_fits(self, commons: Commons) -> None:
        anna, cy, bo = commons.member("anna"), commons.member("cy"), commons.member("bo")
        one, other, offer = anna.need(), cy.need(), bo.offer(10)
        branch = forked(bo)
        given = bo.commit(bo.row(offer, (one, 10)), (one, 10)), 0
        again = branch.commit(branch.row(offer, (other, 9)), (other, 9)), 0
        commons.standing.note_fork(bo.chain, bo.prefix.sequence - 1)
        assert {commons.status(given), commons.status(again)} == {Status.DISPLACED}

        cy.accept(other, again)
        commons.wait(1)
        anna.accept(one, given)

        assert (commons.status(again), commons.status(given)) == (Status.FIRM, Status.DISPLACED)
        assert commons.standing.committed(offer.id) == 9

    def test_of_a_receiver_honours_what_fits_her_need(self, commons: Commons) -> None:
        anna, bo, cy = commons.member("anna"), commons.member("bo"), commons.member("cy")
        need = anna.need(6)
        given, more = bo.pledge(need, 6), cy.pledge(need, 6)
        branch = forked(anna)
        anna.accept(need, given)
        commons.wait(1)

        branch.accept(need, more)
        commons.standing.note_fork(anna.chain, anna.prefix.sequence)

        assert (commons.status(given), commons.status(more)) == (Status.FIRM, Status.DISPLACED)
        assert commons.standing.accepted(need.id) == 6

    def test_takes_no_exit_back_to_the_time_before_it(self, commons: Commons) -> None:
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        anna.accept(need, line)
        branch = forked(bo)
        bo.on("cancel", line)
        branch.offer()
        assert commons.status(line) is Status.VOID

        commons.standing.note_fork(bo.chain, bo.prefix.sequence)

        assert commons.status(line) is Status.FIRM

    def test_shuts_what_was_published_after_it(self, commons: Commons) -> None:
        anna = commons.member("anna")
        old, new = anna.need(), anna.need()

        commons.standing.note_fork(anna.chain, anna.prefix.sequence)

        assert [commons.standing.needs[need.id].forked for need in (old, new)] == [False, True]
        assert not is_open(commons.standing.needs[new.id], commons.now_ms)


class TestStanding:
    @pytest.mark.parametrize("seed", range(12))
    def test_is_the_same_in_any_order_and_agrees_with_the_chains(self, seed: int) -> None:
        dice = random.Random(seed)
        commons, members = wander(dice, steps=400)
        expected = view(commons.standing)
        print(f"seed {seed}: {len(commons.valid)} valid of {len(commons.held)}, {expected[0]}")

        for _ in range(3):
            arrived = [*commons.valid, *dice.sample(commons.valid, 9)]
            dice.shuffle(arrived)
            standing = Standing(commons.held.get)
            for entry in arrived:
                standing.add(entry)
            assert view(standing) == expected

        for member in members:
            for intent in member.own.values():
                if intent.header.kind == "offer":
                    assert commons.standing.committed(intent.id) == member.committed(intent) <= amount(intent)
                if intent.header.kind == "need":
                    firm = [line for line in commons.standing.lines_by(intent.id) if bound(commons, line.id)]
                    assert sum(line.amount for line in firm) <= member.accepted(intent) <= amount(intent)
                    assert commons.standing.accepted(intent.id) <= member.accepted(intent)


def wander(dice: random.Random, *, steps: int) -> tuple[Commons, list[Member]]:
    """Return a commons after many random sayings, most of them valid, with several intents a chain."""
    commons = Commons()
    members = [commons.member(name) for name in ("anna", "bo", "cy")]
    for member in members:
        for _ in range(2):
            member.need(dice.randint(3, 9), ends_in=99 * UNTIL_MS)
            member.offer(dice.randint(3, 9), ends_in=99 * UNTIL_MS)
    for _ in range(steps):
        if dice.random() < 0.05:
            commons.wait(dice.choice([1000, HOLD_MS // 2, UNTIL_MS]))
        member = dice.choice(members)
        try:
            content = random_content(dice, commons, member)
            if dice.random() < 0.1 and not member.judge(member.draft(content)).is_valid:
                member.misstep(content)
            else:
                member.say(content)
        except Refused:
            continue
    return commons, members


def random_content(dice: random.Random, commons: Commons, member: Member) -> compose.Content:
    """Return something that a member might say, sensibly or not."""
    entries = list(commons.held.values())
    own = {entry.id for entry in entries if entry.chain == member.chain}
    commits = [entry for entry in entries if entry.header.kind == "commit"]
    commits = [entry for entry in commits if own & {entry.id, *entry.header.links}] or commits
    lines: list[Line] = [(entry, number) for entry in commits for number in range(len(entry.header.terms) // 2 - 1)]
    cites = dice.sample(entries, min(len(entries), dice.randint(0, 5)))
    kind = dice.choice(["row", "commit", "commit", "accept", "accept", "accept", "deliver", "deliver", "receive",
                        "receive", "release", "lapse", "cancel", "withdraw"])  # fmt: skip
    needs = [entry for entry in entries if entry.header.kind == "need"]
    mine = [entry for entry in entries if entry.chain == member.chain]
    pairs: list[Line] = [(need, dice.randint(1, 4)) for need in dice.sample(needs, dice.randint(1, 2))]
    rows = [entry for entry in mine if entry.header.kind == "row"]
    if kind == "row" or (kind == "commit" and not rows):
        return member.row_content(dice.choice([entry for entry in mine if entry.header.kind == "offer"]), *pairs)
    if kind == "commit":
        row = rows[-1]
        named = [row.header.dep(int(at or 0)) for at in row.header.terms[3::2]]
        return member.commit_content(row, *[(name, dice.randint(1, 3)) for name in named])
    if kind == "withdraw" and dice.random() < 0.1:
        return compose.withdraw(dice.choice(mine).id)
    if kind == "withdraw" or not lines:
        return note(*cites[:1])
    line = dice.choice(lines)
    about = [entry for entry in entries if line_commit(line) in entry.header.links and dice.random() < 0.5]
    if kind == "accept":
        asked = [need for need in needs if need.chain == member.chain]
        serves = [need for need in asked if need.id in commons.held[line_commit(line)].header.links]
        return accept(dice.choice(serves or asked), line, cites=cites)
    return on(kind, line, cites=about)


def view(standing: Standing) -> tuple[dict[str, int], list[object]]:
    """Return how many lines stand where, and everything else that a standing says, sorted."""
    statuses = {line.id: standing.status(line) for line in standing.lines.values()}
    counted = {status.value: list(statuses.values()).count(status) for status in Status}
    intents = sorted((intent.id, intent.withdrawn) for intent in (*standing.needs.values(), *standing.offers.values()))
    sums = sorted((name, standing.committed(name), standing.accepted(name)) for name, _ in intents)
    rows = sorted((offer, row.id) for offer, row in standing.rows.items())
    return counted, [sorted(statuses.items()), intents, sums, rows]


def bound(commons: Commons, line: tuple[bytes, int]) -> bool:
    return commons.status(line) in (Status.FIRM, Status.DONE)


def amount(intent: Entry) -> int:
    value = intent.header.terms[1]
    assert isinstance(value, int)
    return value


def line_commit(line: Line) -> bytes:
    return line[0].id if isinstance(line[0], Entry) else line[0]


def forked(member: Member) -> Member:
    """Return a second installation with the same key and past: whatever both say is a fork."""
    twin = Member.__new__(Member)
    twin.__dict__.update(member.__dict__)
    twin.own = dict(member.own)
    prefix = member.prefix
    twin.prefix = type(prefix)(prefix.chain, prefix.key, prefix.tip, prefix.sequence, prefix.time,
                               dict(prefix.facts), twin.own.get)  # fmt: skip
    return twin
