"""The kinds: how a line goes from a plan to a transfer, and out again. `spec/vectors/kinds.json` has every rule."""

from __future__ import annotations

import pytest

from mycelia_protocol import compose
from mycelia_protocol.envelope import Entry, Term
from mycelia_protocol.kinds.intents import is_cell
from tests.builders import CELL, Commons, Line, Member, accept, note, on

HOLD_MS, UNTIL_MS = 600_000, 1_800_000


@pytest.fixture
def commons() -> Commons:
    return Commons()


@pytest.fixture
def anna(commons: Commons) -> Member:
    return commons.member("anna")


@pytest.fixture
def bo(commons: Commons) -> Member:
    return commons.member("bo")


class TestARow:
    def test_holds_what_is_not_committed(self, anna: Member, bo: Member) -> None:
        need, offer = anna.need(20), bo.offer(10)
        bo.commit(bo.row(offer, (need, 6)), (need, 6))

        assert bo.why_not(bo.row_content(offer, (need, 5))) == "row.capacity"
        assert bo.why_not(bo.row_content(offer, (need, 4))) == "valid"

    def test_is_replaced_by_the_next_one(self, anna: Member, bo: Member) -> None:
        need, offer = anna.need(), bo.offer()
        first = bo.row(offer, (need, 6))
        second = bo.row(offer, (need, 3))

        assert bo.why_not(bo.commit_content(first, (need, 3))) == "commit.row"
        assert bo.why_not(bo.commit_content(second, (need, 3))) == "valid"

    def test_keeps_two_offers_of_one_chain_apart(self, anna: Member, bo: Member) -> None:
        need, one, other = anna.need(), bo.offer(6), bo.offer(4)
        bo.commit(bo.row(one, (need, 6)), (need, 6))

        row = bo.row(other, (need, 4))

        bo.commit(row, (need, 4))
        assert (bo.committed(one), bo.committed(other)) == (6, 4)


class TestACommit:
    def test_takes_from_the_row_what_it_firms(self, anna: Member, bo: Member) -> None:
        need = anna.need()
        row = bo.row(bo.offer(), (need, 6))
        bo.commit(row, (need, 4))

        assert bo.why_not(bo.commit_content(row, (need, 3))) == "commit.capacity"
        assert bo.why_not(bo.commit_content(row, (need, 2))) == "valid"

    def test_counts_all_of_its_lines_or_none(self, commons: Commons, anna: Member, bo: Member) -> None:
        need, other, offer = anna.need(), commons.member("cy").need(2), bo.offer()
        row = bo.row(offer, (need, 5), (other, 5))

        assert bo.why_not(bo.commit_content(row, (need, 5), (other, 3))) == "commit.amount"
        assert bo.committed(offer) == 0


class TestAnAccept:
    def test_takes_many_providers_up_to_the_need(self, commons: Commons, anna: Member, bo: Member) -> None:
        need = anna.need(10)
        lines = [bo.pledge(need, 6), commons.member("cy").pledge(need, 4), commons.member("dora").pledge(need, 1)]

        assert anna.why_not(accept(need, *lines)) == "accept.quantity"
        assert anna.why_not(accept(need, *lines[:2])) == "valid"
        assert anna.accepted(need) == 10

    def test_keeps_two_needs_of_one_chain_apart(self, anna: Member, bo: Member) -> None:
        one, other, offer = anna.need(5), anna.need(5), bo.offer(10)
        commit = bo.commit(bo.row(offer, (one, 5), (other, 5)), (one, 5), (other, 5))

        assert anna.why_not(accept(one, (commit, 1))) == "accept.line"
        anna.accept(one, (commit, 0))
        anna.accept(other, (commit, 1))
        assert (anna.accepted(one), anna.accepted(other)) == (5, 5)

    def test_survives_any_shape_of_the_commit_that_it_names(self, anna: Member, bo: Member) -> None:
        need = anna.need()
        odd_terms: list[list[Term]] = [
            [], [0], [0, 1], [0, 1, 2], [0, 1, 2, 0], [True, 1, 2, 0, 1], [0, 1, 2, 7, 1], [0, 1, 2, "a", b""]
        ]  # fmt: skip
        for terms in odd_terms:
            odd = bo.misstep(compose.Content("commit", terms, need.id))

            assert anna.why_not(accept(need, (odd, 0))) == "accept.line"


class TestAnExit:
    def test_frees_the_need_only_once_it_is_cited(self, commons: Commons, anna: Member, bo: Member) -> None:
        need = anna.need(6)
        first, second = bo.pledge(need, 6), commons.member("cy").pledge(need, 6)
        anna.accept(need, first)
        cancel = bo.on("cancel", first)

        assert anna.why_not(accept(need, second)) == "accept.quantity"
        assert anna.why_not(accept(need, second, cites=[cancel])) == "valid"

    def test_frees_the_capacity_for_the_next_row(self, commons: Commons, anna: Member, bo: Member) -> None:
        need, offer = anna.need(), bo.offer(6)
        line = bo.commit(bo.row(offer, (need, 6)), (need, 6)), 0
        assert bo.why_not(bo.row_content(offer, (need, 1))) == "row.capacity"

        commons.wait(HOLD_MS + 1)
        bo.on("release", line)

        assert bo.why_not(bo.row_content(offer, (need, 6))) == "valid"

    @pytest.mark.parametrize("kind", ["release", "cancel", "deliver"])
    def test_is_over_once_the_line_was_delivered(self, kind: str, anna: Member, bo: Member) -> None:
        line, _ = delivered(anna, bo)

        assert bo.why_not(on(kind, line)) == f"{kind}.open"

    def test_of_the_receiver_is_a_ground_for_the_provider_at_once(self, anna: Member, bo: Member) -> None:
        need = anna.need()
        line = bo.pledge(need, 6)
        taken = anna.accept(need, line)
        cancel = anna.on("cancel", line)

        assert bo.why_not(on("release", line, cites=[taken])) == "release.ground"
        assert bo.why_not(on("release", line, cites=[cancel])) == "valid"

    def test_of_a_stranger_is_none(self, commons: Commons, anna: Member, bo: Member) -> None:
        line = bo.pledge(anna.need(), 6)
        stranger = commons.member("cy").misstep(on("cancel", line))

        assert bo.why_not(on("release", line, cites=[stranger])) == "release.ground"

    def test_waits_for_until_and_grace_where_it_lapses(self, commons: Commons, anna: Member, bo: Member) -> None:
        need = anna.need()
        line = bo.pledge(need, 6)
        anna.accept(need, line)

        commons.wait(UNTIL_MS + commons.charter.grace_ms)
        assert anna.why_not(on("lapse", line)) == "lapse.time"
        commons.wait(1)
        assert anna.why_not(on("lapse", line)) == "valid"


class TestAReceipt:
    def test_counts_a_cancelled_line_again_within_the_need(self, commons: Commons, anna: Member, bo: Member) -> None:
        line, deliver = delivered(anna, bo, need=6)
        anna.on("cancel", line)
        need = next(iter(commons.standing.needs))

        anna.on("receive", line, cites=[deliver])

        assert anna.accepted(commons.held[need]) == 6

    def test_is_refused_when_the_need_was_filled_again(self, commons: Commons, anna: Member, bo: Member) -> None:
        line, deliver = delivered(anna, bo, need=6)
        anna.on("cancel", line)
        need = commons.held[next(iter(commons.standing.needs))]
        anna.accept(need, commons.member("cy").pledge(need, 6))

        assert anna.why_not(on("receive", line, cites=[deliver])) == "receive.quantity"

    def test_goes_on_counting_whatever_exit_is_cited_later(self, commons: Commons, anna: Member, bo: Member) -> None:
        line, deliver = delivered(anna, bo, need=6)
        anna.on("receive", line, cites=[deliver])
        anna.say(note(bo.misstep(on("cancel", line))))

        assert anna.accepted(commons.held[next(iter(commons.standing.needs))]) == 6


class TestACell:
    @pytest.mark.parametrize("cell", [CELL, 0x8029FFFFFFFFFFF, 0x8F2830828052D25])
    def test_has_the_form_of_h3(self, cell: int) -> None:
        assert is_cell(cell)

    @pytest.mark.parametrize("cell", [0, -1, 2**63, CELL | 1 << 63, CELL + 1, CELL & ~7, 2**200])
    def test_has_no_other_form(self, cell: int) -> None:
        assert not is_cell(cell)


def delivered(anna: Member, bo: Member, *, need: int = 10) -> tuple[Line, Entry]:
    """Return a line of 6 that bo delivered, and the deliver."""
    asked = anna.need(need)
    line = bo.pledge(asked, 6)
    return line, bo.on("deliver", line, cites=[anna.accept(asked, line)])
