"""The first provider: draw, claim, wait, trim, commit, release."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as some

from mycelia_agents.agent import Commit, PublishRow, Release, Signal, Silence, Wait
from mycelia_agents.policies import SoftmaxProvider
from mycelia_protocol.envelope import MAX_DEPS

from .observations import HERE, NOW_MS, THERE, claim, given_line, name, offer, provider_sees, signal

POLICY = SoftmaxProvider(b"seed")


def first_draws(*signals: Signal, count: int = 400) -> Counter[bytes]:
    """Return how often each need was the first of a row, over many seeds."""
    first: Counter[bytes] = Counter()
    for seed in range(count):
        [row] = SoftmaxProvider(seed.to_bytes(4, "big")).decide(provider_sees(offer(10), *signals))
        assert isinstance(row, PublishRow)
        first[row.lines[0][0]] += 1
    return first


class TestAProviderWithFreeCapacity:
    def test_claims_a_need_before_committing_to_it(self) -> None:
        actions = POLICY.decide(provider_sees(offer(60), signal("bread", 100)))

        assert actions == [PublishRow(name("offer"), None, ((name("bread"), 60),))]

    def test_fills_what_it_drew_and_goes_on_with_the_rest(self) -> None:
        [row] = POLICY.decide(provider_sees(offer(60), signal("bread", 40), signal("milk", 50)))

        assert isinstance(row, PublishRow)
        assert sum(amount for _, amount in row.lines) == 60
        assert row.lines[0][1] in (40, 50)

    def test_draws_in_proportion_to_the_exponential_of_net_value(self) -> None:
        signals = signal("near", urgency=610), signal("far", urgency=600)  # a point apart: e to 1

        first = first_draws(*signals)

        assert 1.9 < first[name("near")] / first[name("far")] < 3.9

    def test_subtracts_the_roads_that_it_alone_knows(self) -> None:
        near, far = signal("near", urgency=600, cell=HERE), signal("far", urgency=650, cell=THERE)

        [row] = POLICY.decide(provider_sees(offer(100), near, far, costs={HERE: 10, THERE: 640}))

        assert isinstance(row, PublishRow)
        assert row.lines[0][0] == name("near")

    def test_serves_nobody_at_a_loss(self) -> None:
        assert POLICY.decide(provider_sees(offer(), signal("far", urgency=600), costs={HERE: 600})) == []

    def test_leaves_alone_what_others_serve_or_claim(self) -> None:
        taken = signal("bread", 100, used=30, claims=(claim("their row", 70),))

        assert POLICY.decide(provider_sees(offer(), taken)) == []

    def test_does_not_spend_an_entry_on_crumbs(self) -> None:
        own = offer(100, lines=(given_line("c", 99, is_firm=True),))

        assert POLICY.decide(provider_sees(own, signal("bread"))) == []

    def test_does_nothing_once_its_window_has_ended(self) -> None:
        late = provider_sees(offer(), signal("bread"), now_ms=offer().end_ms)

        assert POLICY.decide(late) == []

    def test_answers_the_same_to_the_same_observation(self) -> None:
        seen = provider_sees(offer(60), *(signal(f"need {n}", 7) for n in range(20)))

        assert POLICY.decide(seen) == POLICY.decide(seen)

    def test_draws_anew_after_each_own_entry(self) -> None:
        signals = [signal(f"need {n}", 100) for n in range(50)]

        rows = {str(POLICY.decide(provider_sees(offer(10), *signals, place=place))) for place in range(10)}

        assert len(rows) > 5

    def test_names_no_more_needs_than_a_row_has_room_for(self) -> None:
        [row] = POLICY.decide(provider_sees(offer(100), *(signal(f"need {n}", 2) for n in range(60))))

        assert isinstance(row, PublishRow)
        assert len(row.lines) + 2 <= MAX_DEPS


class TestAProviderWithARow:
    def test_lets_it_stand_for_longer_than_signals_take(self) -> None:
        own = offer(60, row="row", row_age_ms=1_000, tentative={"bread": 60})

        assert POLICY.decide(provider_sees(own, signal("bread"))) == [Wait(NOW_MS + 2_000)]

    def test_commits_what_nobody_else_claims(self) -> None:
        own = offer(60, row="row", row_age_ms=3_000, tentative={"bread": 60})

        [commit] = POLICY.decide(provider_sees(own, signal("bread")))

        assert isinstance(commit, Commit)
        assert (commit.row, commit.lines) == (name("row"), ((name("bread"), 60),))
        assert NOW_MS < commit.hold_ms < commit.until_ms

    def test_yields_an_over_claimed_need_to_whoever_stands_nearer(self) -> None:
        own = offer(60, cell=THERE, row="row", row_age_ms=3_000, tentative={"bread": 60})
        contested = signal("bread", 100, cell=HERE, claims=(claim("their row", 100),))

        assert POLICY.decide(provider_sees(own, contested)) == []

    def test_moves_what_was_trimmed_to_another_need_and_keeps_the_rest(self) -> None:
        own = offer(60, row="row", row_age_ms=3_000, tentative={"bread": 30, "milk": 30})
        full = signal("bread", 100, used=100)

        [row] = POLICY.decide(provider_sees(own, full, signal("milk", 30), signal("rice", 100)))

        assert row == PublishRow(name("offer"), name("row"), ((name("milk"), 30), (name("rice"), 30)))

    def test_commits_the_part_that_survived_if_the_rest_finds_no_need(self) -> None:
        own = offer(60, row="row", row_age_ms=3_000, tentative={"bread": 60})

        [commit] = POLICY.decide(provider_sees(own, signal("bread", 100, used=75)))

        assert isinstance(commit, Commit)
        assert commit.lines == ((name("bread"), 25),)


class TestAProviderWithLines:
    def test_waits_for_the_answer_until_the_hold_has_run_out(self) -> None:
        own = offer(10, lines=(given_line("c", hold_ms=NOW_MS + 500),))

        assert POLICY.decide(provider_sees(own)) == [Wait(NOW_MS + 500 + POLICY.late_ms + 1)]

    def test_releases_a_line_that_nobody_accepted(self) -> None:
        own = offer(10, lines=(given_line("c", hold_ms=NOW_MS - POLICY.late_ms - 1),))

        assert POLICY.decide(provider_sees(own)) == [Release(((name("c"), 0),), ())]

    def test_releases_at_once_what_the_receiver_left_and_says_why(self) -> None:
        own = offer(10, lines=(given_line("c", cites=(name("refusal"),)),))

        assert POLICY.decide(provider_sees(own)) == [Release(((name("c"), 0),), (name("refusal"),))]

    def test_never_releases_a_delivered_line(self) -> None:
        own = offer(10, lines=(given_line("c", cites=(name("lapse"),), is_delivered=True),))

        assert POLICY.decide(provider_sees(own)) == []

    def test_gives_released_capacity_to_somebody_else(self) -> None:
        own = offer(10, row="row", row_age_ms=60_000)

        [row] = POLICY.decide(provider_sees(own, signal("bread")))

        assert row == PublishRow(name("offer"), name("row"), ((name("bread"), 10),))

    def test_tries_a_need_again_whose_receiver_let_one_line_run_out(self) -> None:
        own = offer(10, silences=(Silence(name("bread"), 1, NOW_MS),))

        [row] = POLICY.decide(provider_sees(own, signal("bread")))

        assert isinstance(row, PublishRow)

    @pytest.mark.parametrize("lines", [2, 3, 5])
    def test_leaves_a_silent_need_alone_twice_as_long_after_each_line(self, lines: int) -> None:
        own = offer(10, silences=(Silence(name("bread"), lines, NOW_MS),))
        end_ms = NOW_MS + POLICY.hold_ms * 2**lines

        assert POLICY.decide(provider_sees(own, signal("bread"), now_ms=end_ms - 1)) == []
        assert POLICY.decide(provider_sees(own, signal("bread"), now_ms=end_ms)) != []

    def test_is_done_when_everything_is_firm(self) -> None:
        own = offer(10, row="row", row_age_ms=60_000, lines=(given_line("c", 10, is_firm=True),))

        assert POLICY.decide(provider_sees(own, signal("bread"))) == []


class TestEveryRow:
    @given_any(
        capacity=some.integers(1, 1_000),
        needs=some.lists(some.tuples(some.integers(1, 500), some.integers(0, 500), some.integers(0, 500)), max_size=40),
        seed=some.binary(max_size=4),
    )
    def test_stays_within_the_capacity_and_what_is_unclaimed(
        self, capacity: int, needs: list[tuple[int, int, int]], seed: bytes
    ) -> None:
        signals = [
            signal(f"need {at}", amount, used=min(used, amount), claims=(claim(f"row {at}", claimed),))
            for at, (amount, used, claimed) in enumerate(needs)
        ]

        actions = SoftmaxProvider(seed).decide(provider_sees(offer(capacity), *signals))

        room = {one.need: one.unclaimed(name("offer")) for one in signals}
        for action in actions:
            assert isinstance(action, PublishRow)
            assert sum(amount for _, amount in action.lines) <= capacity
            assert all(0 < amount <= room[need] for need, amount in action.lines)

    @pytest.mark.parametrize("seed", range(20))
    def test_leaves_no_need_overfilled_when_all_see_all_rows(self, seed: int) -> None:
        print(f"seed {seed}")
        need, rows = f"need {seed}", {"row a": (70, HERE), "row b": (50, THERE), "row c": (40, HERE)}

        total = 0
        for row, (amount, cell) in rows.items():
            others = tuple(claim(other, much, cell=where) for other, (much, where) in rows.items() if other != row)
            own = offer(amount, cell=cell, row=row, row_age_ms=3_000, tentative={need: amount})
            for action in POLICY.decide(provider_sees(own, signal(need, 100, claims=others))):
                assert isinstance(action, Commit)
                total += sum(much for _, much in action.lines)

        assert total == 100
