"""The field as people see it: what is open, how much of it, and how strong it still is."""

from __future__ import annotations

from mycelia_node.projections import DAY_MS, Signal, field
from tests.builders import HOUR_MS, Commons


def by_kind(signals: list[Signal]) -> dict[str, Signal]:
    return {signal.intent.kind: signal for signal in signals}


class TestTheField:
    def test_shows_what_nobody_has_taken_on(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need(amount=10)
        line = bo.pledge(need, 4, capacity=6)

        pending = by_kind(field(commons.standing, commons.now_ms))
        anna.accept(need, line)
        firm = by_kind(field(commons.standing, commons.now_ms))

        assert (pending["need"].remaining, pending["need"].pending, pending["need"].firm) == (6, 4, 0)
        assert (pending["offer"].remaining, pending["offer"].pending) == (2, 4)
        assert (firm["need"].remaining, firm["need"].pending, firm["need"].firm) == (6, 0, 4)

    def test_leaves_out_what_is_over_withdrawn_or_used_up(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, brief = anna.need(amount=4), anna.need(ends_in=HOUR_MS // 2)
        bo.pledge(need, 4, capacity=9)

        shown = field(commons.standing, commons.now_ms + HOUR_MS // 2)

        assert {signal.intent.id for signal in shown}.isdisjoint({need.id, brief.id})
        assert len(field(commons.standing, commons.now_ms + HOUR_MS // 2, everything=True)) == 3

    def test_is_strongest_first_and_fades_by_half_in_a_half_life(self) -> None:
        commons = Commons()
        anna = commons.member("anna")
        old = anna.need(ends_in=3 * DAY_MS)
        commons.wait(DAY_MS)
        new = anna.need(ends_in=3 * DAY_MS)

        shown = field(commons.standing, commons.now_ms)

        assert [(signal.intent.id, signal.strength) for signal in shown] == [(new.id, 1_000_000), (old.id, 500_000)]

    def test_can_be_asked_for_a_kind_or_a_class(self) -> None:
        commons = Commons()
        anna = commons.member("anna")
        anna.need(resource_class="food")
        anna.need(resource_class="care")
        anna.offer(resource_class="care")

        assert len(field(commons.standing, commons.now_ms, kind="need")) == 2
        assert len(field(commons.standing, commons.now_ms, resource_class="care")) == 2

    def test_counts_as_tentative_only_what_a_row_has_not_committed(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(amount=10), bo.offer(10)
        row = bo.row(offer, (need, 7))

        before = by_kind(field(commons.standing, commons.now_ms))
        bo.commit(row, (need, 5))
        after = by_kind(field(commons.standing, commons.now_ms))

        assert (before["need"].tentative, before["offer"].tentative) == (7, 7)
        assert (after["need"].tentative, after["offer"].tentative) == (2, 2)
