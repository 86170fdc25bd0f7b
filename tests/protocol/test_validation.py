"""Validity: pure, permanent and shallow. `spec/vectors/validation.json` has every rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol.accumulators import Draft, Fact, FactKey
from mycelia_protocol.canonical import INT64_MAX, INT64_MIN
from mycelia_protocol.compose import Content, withdraw
from mycelia_protocol.envelope import Entry, Header, Term
from mycelia_protocol.errors import Premature
from mycelia_protocol.kinds import KINDS
from mycelia_protocol.rules import RULES
from mycelia_protocol.validation import Verdict, extend, judge
from tests.builders import INCARNATION, Commons, Member, accept, note, on


class TestAVerdict:
    def test_waits_for_what_is_named_and_not_held(self) -> None:
        anna = Commons().member("anna")
        unknown = [b"\1" * 32, b"\2" * 32]

        with pytest.raises(Premature) as premature:
            anna.say(Content("x.org.example.note", [], b"".join(unknown)))

        assert premature.value.missing == frozenset(unknown)

    def test_changes_nothing_by_itself(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        entry, before = anna.draft(accept(need, line)), dict(anna.prefix.facts)

        assert anna.judge(entry) == anna.judge(entry)
        assert anna.prefix.facts == before

    def test_never_asks_for_the_verdict_on_what_is_named(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        line = bo.pledge(anna.need(), 6)
        early = anna.misstep(on("lapse", line))

        assert bo.why_not(on("release", line, cites=[early])) == "valid"

    def test_reads_the_own_branch_of_a_forked_chain_alone(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        branch = bo.draft(bo.row_content(offer, (need, 6)))
        commons.held[branch.id] = branch
        bo.row(offer, (need, 1))

        assert bo.why_not(bo.commit_content(branch, (need, 6))) == "commit.row"

    def test_keeps_nothing_of_what_strangers_say_of_a_need(self) -> None:
        commons = Commons()
        anna, bo, eve = (commons.member(name) for name in ("anna", "bo", "eve"))
        need = anna.need()

        bo.say(note(eve.misstep(withdraw(need.id))))
        assert not bo.prefix.facts
        bo.say(note(anna.say(withdraw(need.id))))
        assert [key[:2] for key in bo.prefix.facts] == [("cited", need.id)]


class TestAnInvalidEntry:
    def test_keeps_its_place_and_its_time(self) -> None:
        anna = Commons().member("anna")
        odd = anna.misstep(Content("gossip", [], b""))

        after = anna.say(note())

        assert after.header.backlink == odd.id
        assert after.header.time > odd.header.time

    def test_cannot_turn_the_time_back(self) -> None:
        anna = Commons().member("anna")
        latest = anna.need().header.time
        back = anna.draft(note(), time=5)
        extend(anna.prefix, back, anna.judge(back))

        assert anna.prefix.time == latest

    def test_cites_nothing(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need()
        line = bo.pledge(need, 6)
        cancel = bo.on("cancel", line)
        anna.misstep(Content("gossip", [], cancel.id))

        assert anna.why_not(accept(need, line)) == "valid"


class TestADraft:
    def test_shows_what_changed_over_what_was(self) -> None:
        base: dict[FactKey, Fact] = {}
        commons = Commons()
        anna = commons.member("anna")
        need = anna.need()
        draft = Draft(base)

        draft["need", need.id, -1] = draft.need(need.id)._replace(accepted=5)

        assert draft.need(need.id).accepted == 5
        assert (len(draft), list(draft), base) == (1, [("need", need.id, -1)], {})

    def test_never_forgets(self) -> None:
        with pytest.raises(TypeError):
            del Draft({})["need", b"", -1]


def busy() -> tuple[Commons, Member, Member]:
    """Return a commons in which everything has happened once, some of it wrongly."""
    commons = Commons()
    anna, bo = commons.member("anna"), commons.member("bo")
    need, other, offer = anna.need(20), bo.need(3), bo.offer(20)
    row = bo.row(offer, (need, 12))
    commits = [bo.commit(row, (need, 3)) for _ in range(4)]
    accepted = anna.accept(need, (commits[0], 0), (commits[1], 0), (commits[2], 0))
    deliver = bo.on("deliver", (commits[0], 0), cites=[accepted])
    anna.on("receive", (commits[0], 0), cites=[deliver])
    bo.on("cancel", (commits[1], 0))
    anna.misstep(on("lapse", (commits[2], 0)))
    bo.misstep(Content("commit", [0], need.id))
    bo.misstep(Content("withdraw", [True], offer.id))
    anna.misstep(Content("need", ["food", None, 0, 0, "x", 0], b""))
    bo.misstep(Content("release", [0, INT64_MAX], commits[3].id))
    anna.misstep(accept(other, (commits[3], 0)))
    return commons, anna, bo


KIND_NAMES = [*(kind for kind in KINDS if kind != "open"), "x.org.example.note", "gossip"]
TERMS: st.SearchStrategy[Term] = st.one_of(
    st.integers(-1, 6),
    st.integers(INT64_MIN, INT64_MAX),
    st.sampled_from([1_700_000_100_000, INT64_MAX, "food"]),
    st.booleans(),
    st.none(),
    st.binary(max_size=3),
    st.text(max_size=3),
)
TIMES = st.one_of(st.integers(1, INT64_MAX), st.integers(1_700_000_000_100, 1_700_010_000_000).map(lambda ms: ms << 16))


class TestAnyHeader:
    @settings(max_examples=400, deadline=None)
    @given(data=st.data())
    def test_gets_a_verdict_or_waits(self, data: st.DataObject) -> None:
        commons, *members = busy()
        for _ in range(4):
            member = data.draw(st.sampled_from(members))
            links = data.draw(st.lists(st.sampled_from([*commons.held, b"?" * 32]), max_size=6, unique=True))
            entry = self._entry(data, member, b"".join(sorted(links)))
            if b"?" * 32 in links:
                with pytest.raises(Premature):
                    member.judge(entry)
                continue
            verdict = member.judge(entry)
            assert verdict.refused is None or verdict.refused.rule in RULES
            assert _spelled(verdict) == _spelled(self._judged_backwards(commons, member, entry))
            extend(member.prefix, entry, verdict)
            commons.held[entry.id] = entry
            if verdict.is_valid:
                member.own[entry.id] = entry
                commons.standing.add(entry)
                assert commons.standing.is_effective(entry) == (not commons.standing.lacking(entry))
        assert all(commons.standing.status(line) for line in commons.standing.lines.values())

    def _entry(self, data: st.DataObject, member: Member, deps: bytes) -> Entry:
        kind, terms = data.draw(st.sampled_from(KIND_NAMES)), data.draw(st.lists(TERMS, max_size=9))
        if data.draw(st.booleans()):  # close to the right shape: pairs of small numbers
            terms = data.draw(st.lists(st.integers(0, 5), max_size=7))
        prefix, time = member.prefix, data.draw(TIMES)
        if data.draw(st.booleans()):  # late enough for all that is named
            time = max(prefix.time, member.commons.now_ms << 16) + 100
        header = Header(
            member.chain, prefix.sequence + 1, prefix.tip, time, kind, 0, INCARNATION, deps, None, None, 0, list(terms)
        )
        return Entry(data.draw(st.binary(min_size=32, max_size=32)), member.chain, header, b"", None, None)

    def _judged_backwards(self, commons: Commons, member: Member, entry: Entry) -> Verdict:
        """Return the verdict with everything that is held or known handed over in another order."""
        facts = dict(reversed(list(member.prefix.facts.items())))
        held = dict(reversed(list(commons.held.items())))
        return judge(entry, replace(member.prefix, facts=facts), held.get, commons.charter)


def _spelled(verdict: Verdict) -> tuple[str, dict[FactKey, Fact]]:
    return str(verdict.refused), verdict.changes
