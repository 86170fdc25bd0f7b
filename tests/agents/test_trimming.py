"""Trimming: one public order, the same for everybody."""

from __future__ import annotations

from hypothesis import given as given_any
from hypothesis import strategies as some

from mycelia_agents.trimming import COST_PER_CELL, UNREACHABLE, distance, granted, rank

from .observations import HERE, THERE, name


class TestTheOrderOfClaims:
    def test_is_urgency_less_a_cost_for_each_cell_then_the_hash(self) -> None:
        near = rank(urgency=600, cells=1, need=name("n"), row=name("r"))
        far = rank(urgency=600, cells=2, need=name("n"), row=name("r"))

        assert near < far
        assert near[0] == COST_PER_CELL - 600

    def test_breaks_ties_by_need_and_row(self) -> None:
        ranks = {rank(urgency=1, cells=1, need=name("n"), row=name(f"row {n}")) for n in range(9)}

        assert len(ranks) == 9

    @given_any(
        left=some.integers(0, 300),
        claims=some.lists(some.tuples(some.integers(0, 5), some.integers(1, 100)), min_size=1, max_size=12),
    )
    def test_grants_together_no_more_than_is_left_and_no_less_than_it_could(
        self, left: int, claims: list[tuple[int, int]]
    ) -> None:
        ranked = [
            (rank(urgency=600, cells=cells, need=name("n"), row=name(f"row {at}")), amount)
            for at, (cells, amount) in enumerate(claims)
        ]

        grants = [
            granted(left, amount, own, [other for at, other in enumerate(ranked) if at != mine])
            for mine, (own, amount) in enumerate(ranked)
        ]

        assert sum(grants) == min(left, sum(amount for _, amount in ranked))


class TestDistance:
    def test_counts_cells_of_the_grid(self) -> None:
        assert distance(HERE, HERE) == 0
        assert distance(HERE, THERE) == distance(THERE, HERE) > 0

    def test_is_unreachable_rather_than_refused_where_the_grid_has_none(self) -> None:
        assert distance(HERE, 0x87446CA8AFFFFFF) == UNREACHABLE
