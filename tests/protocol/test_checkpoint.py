"""Checkpoints: what a chain may say of itself, and that it makes no difference to have dropped what went."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Checkpointed
from mycelia_protocol.checkpoint import MAX_PROOF_BYTES, check_below, check_proof, prove, resume
from mycelia_protocol.envelope import Entry, seal
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.kinds.checkpoints import MIN_DISTANCE, checkpoint_of, checkpointed
from mycelia_protocol.pruning import droppable
from mycelia_protocol.state import State, read, write
from mycelia_protocol.validation import Verdict, judge
from tests.builders import HOUR_MS, Commons, Member, note, on

from .test_standing import random_content, wander


def past_of(member: Member) -> list[tuple[Entry, bool]]:
    """Return all entries of a member's chain, and whether each is valid."""
    mine = [entry for entry in member.commons.held.values() if entry.chain == member.chain]
    return [(entry, entry.id in member.own) for entry in mine]


def told(member: Member, verdict: Verdict) -> bytes:
    """Return what a verdict changes, as a state spells it."""
    return write(State.of(member.prefix)._replace(facts=verdict.changes))


class TestACheckpoint:
    def test_sums_up_what_was_refused_too(self) -> None:
        anna = Commons().member("anna")
        anna.misstep(compose.withdraw(anna.opening.id))
        anna.notes(MIN_DISTANCE)

        summed = anna.checkpoint()

        assert checkpointed(anna.prefix).checkpoint == summed.id

    def test_grows_from_the_peaks_of_the_one_before_and_never_reads_below_it(self) -> None:
        anna = Commons().member("anna")
        anna.notes(MIN_DISTANCE)
        first = anna.checkpoint()
        anna.notes(MIN_DISTANCE)
        asked = list[bytes]()

        def held(name: bytes) -> Entry | None:
            asked.append(name)
            return anna.commons.held[name]

        again = checkpoint_of(anna.prefix, held)

        assert again == checkpoint_of(anna.prefix, anna.commons.held.get)
        assert min(anna.commons.held[name].header.sequence for name in asked) == first.header.sequence

    def test_that_is_refused_costs_nobody_its_past_again(self) -> None:
        anna = Commons().member("anna")
        anna.notes(MIN_DISTANCE)
        content = checkpoint_of(anna.prefix, anna.commons.held.get)

        wrong = anna.misstep(content._replace(terms=[content.terms[0], bytes(32), None]))

        noted = checkpointed(anna.prefix)
        assert (noted.sequence, noted.checkpoint) == (wrong.header.sequence, None)
        assert anna.why_not(checkpoint_of(anna.prefix, anna.commons.held.get)) == "checkpoint.distance"
        anna.notes(MIN_DISTANCE)
        assert anna.why_not(checkpoint_of(anna.prefix, anna.commons.held.get)) == "valid"

    @pytest.mark.parametrize(("last", "rule"), [(1984, "checkpoint.distance"), (1969, "checkpoint.root")])
    def test_keeps_a_distance_of_a_64th_of_a_long_chain(self, last: int, rule: str) -> None:
        anna = Commons().member("anna")
        anna.notes(40)
        noted = Checkpointed(last, None, (bytes(32),) * last.bit_count())
        prefix = replace(anna.prefix, sequence=1999, facts={("checkpoint", anna.chain, -1): noted})
        header = anna.draft(note()).header._replace(
            sequence=2000, kind="checkpoint", terms=[bytes(32), bytes(32), None]
        )
        entry = seal(header, anna.pair, network=anna.commons.charter.network)

        refused = judge(entry, prefix, anna.commons.held.get, anna.commons.charter).refused

        assert refused is not None
        assert refused.rule == rule

    def test_is_not_read_by_any_other_entry(self) -> None:
        anna = Commons().member("anna")
        anna.notes(MIN_DISTANCE)

        def held(name: bytes) -> Entry | None:
            raise AssertionError("an ordinary entry reads nothing of its chain")

        assert judge(anna.draft(note()), anna.prefix, held, anna.commons.charter).is_valid


class TestAState:
    @pytest.mark.parametrize("seed", range(4))
    def test_is_read_back_as_it_was_written_whatever_was_said(self, seed: int) -> None:
        _, members = wander(random.Random(seed), steps=150)
        for member in members:
            data = write(State.of(member.prefix))

            assert write(read(data)) == data


class TestWhoHasDroppedHeaders:
    @pytest.mark.parametrize("seed", range(8))
    def test_judges_what_comes_after_as_who_has_them_all(self, seed: int) -> None:
        dice = random.Random(seed)
        commons, members = wander(dice, steps=200)
        pruned = [Pruned(member) for member in members if member.prefix.sequence >= MIN_DISTANCE]

        seen, asked = list[str](), 0
        for _ in range(150):
            one = dice.choice(pruned)
            entry = one.member.draft(random_content(dice, commons, one.member))
            whole = one.member.judge(entry)
            mine, proofs = one.judge(entry)
            asked += proofs
            seen.append("valid" if whole.refused is None else whole.refused.rule)
            assert (mine.refused and mine.refused.rule) == (whole.refused and whole.refused.rule)
            assert told(one.member, mine) == told(one.member, whole)

        print(f"seed {seed}: {seen.count('valid')} valid of {len(seen)}, {asked} proofs")
        assert asked
        assert seen.count("valid") > 10

    def test_refuses_a_commit_on_an_offer_that_had_ended_and_went(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(ends_in=9 * HOUR_MS), bo.offer(ends_in=1000)
        row = bo.row(offer, (need, 5))
        commons.wait(HOUR_MS)
        bo.notes(MIN_DISTANCE)
        pruned = Pruned(bo)

        verdict, proofs = pruned.judge(bo.draft(bo.commit_content(row, (need, 5))))

        assert verdict.refused is not None
        assert verdict.refused.rule == "commit.window"
        assert proofs == 1  # of the row; the offer is not asked for

    def test_asks_for_the_need_of_a_line_that_is_declined(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 5)
        anna.say(compose.withdraw(need.id))
        anna.notes(MIN_DISTANCE)
        pruned = Pruned(anna)
        entry = anna.draft(on("cancel", line))

        verdict, proofs = pruned.judge(entry)

        assert verdict.is_valid
        assert told(anna, verdict) == told(anna, anna.judge(entry))
        assert proofs == 1

    def test_admits_no_second_past_that_is_published_years_later(self) -> None:
        anna = Commons().member("anna")
        anna.notes(MIN_DISTANCE)
        summed = anna.checkpoint()
        told = past_of(anna)[5][0]
        other = seal(told.header._replace(terms=["years later"]), anna.pair, network=anna.commons.charter.network)

        with pytest.raises(Refused, match=r"checkpoint\.below"):
            check_below(other, summed)
        check_below(anna.draft(note()), summed)


class TestAProof:
    @pytest.mark.parametrize("count", [MIN_DISTANCE, 17, 31, 40])
    def test_shows_every_entry_below_with_its_verdict(self, count: int) -> None:
        anna = Commons().member("anna")
        anna.misstep(compose.withdraw(anna.opening.id))
        anna.notes(count - 2)
        below = past_of(anna)
        names = [(entry.id, is_valid) for entry, is_valid in below]
        summed = anna.checkpoint()

        for entry, is_valid in below:
            document = prove(entry, names, is_valid=is_valid)

            assert len(document) <= MAX_PROOF_BYTES
            assert check_proof(document, summed) == (entry._replace(signature=None), is_valid)


class Pruned:
    """A reader of one chain who holds a checkpoint's state and the headers that stay, and asks for what is named."""

    def __init__(self, member: Member) -> None:
        self.member, self.held = member, member.commons.held
        below = past_of(member)
        state, names = State.of(member.prefix), [(entry.id, is_valid) for entry, is_valid in below]
        self.summed = member.checkpoint()
        gone = {entry.id for entry in droppable(below, state.facts, self.summed.header.time_ms)}
        self.valid = {entry.id: entry for entry, is_valid in below if is_valid and entry.id not in gone}
        self.proofs = {
            entry.id: prove(entry, names, is_valid=is_valid) for entry, is_valid in below if entry.id in gone
        }
        self.valid[self.summed.id] = self.summed
        peaks = checkpointed(member.prefix).peaks
        self.prefix = resume(write(state), self.summed, peaks, self.valid.get, member.commons.charter.rate)
        self.shown = dict[bytes, Entry]()

    def known(self, name: bytes) -> Entry | None:
        """Return an entry that is held: not one that went."""
        return None if name in self.proofs else self.held.get(name)

    def judge(self, entry: Entry) -> tuple[Verdict, int]:
        """Return the verdict, and how many proofs had to be asked for."""
        law, shown, valid = self.member.commons.charter, dict[bytes, Entry](), dict(self.valid)
        prefix = replace(self.prefix, own=valid.get)
        while True:
            try:
                return judge(entry, prefix, lambda name: shown.get(name) or self.known(name), law), len(shown)
            except Premature as premature:
                for name in premature.missing:
                    proof = check_proof(self.proofs[name], self.summed)
                    shown[name] = proof.entry
                    if proof.is_valid:
                        valid[name] = proof.entry
