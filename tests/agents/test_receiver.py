"""The first receiver: accept what fits, several lines an accept, and cite every exit."""

from __future__ import annotations

from hypothesis import given as given_any
from hypothesis import strategies as some

from mycelia_agents.agent import Accept, Cancel, Wait
from mycelia_agents.policies import Receiver
from mycelia_protocol.envelope import MAX_DEPS

from .observations import NOW_MS, THERE, lost_line, name, need, pending, receiver_sees

POLICY = Receiver()


class TestAReceiver:
    def test_accepts_several_commits_at_once(self) -> None:
        [accept] = POLICY.decide(receiver_sees(need(100, pending("a", 30), pending("b", 40))))

        assert isinstance(accept, Accept)
        assert set(accept.lines) == {(name("a"), 0), (name("b"), 0)}

    def test_waits_a_little_for_more_to_share_the_accept(self) -> None:
        actions = POLICY.decide(receiver_sees(need(100, pending("a", 30, age_ms=1_000))))

        assert actions == [Wait(NOW_MS - 1_000 + POLICY.gather_ms)]

    def test_does_not_wait_once_the_need_is_full(self) -> None:
        [accept] = POLICY.decide(receiver_sees(need(100, pending("a", 30, age_ms=0), accepted=70)))

        assert isinstance(accept, Accept)

    def test_takes_the_nearer_line_when_only_one_fits(self) -> None:
        far, near = pending("far", 80, cell=THERE), pending("near", 80)

        [accept] = POLICY.decide(receiver_sees(need(100, far, near)))

        assert isinstance(accept, Accept)
        assert accept.lines == ((name("near"), 0),)

    def test_leaves_to_its_hold_what_does_not_fit(self) -> None:
        assert POLICY.decide(receiver_sees(need(100, pending("a", 40), accepted=70))) == []

    def test_leaves_a_line_whose_release_may_be_under_way(self) -> None:
        assert POLICY.decide(receiver_sees(need(100, pending("a", 40, hold_in_ms=POLICY.spare_ms - 1)))) == []

    def test_cites_the_exits_of_accepted_lines_with_the_accept_that_fills_them_again(self) -> None:
        [accept] = POLICY.decide(receiver_sees(need(100, pending("a", 40), lost=(lost_line("gone", "release"),))))

        assert accept == Accept(name("need"), ((name("a"), 0),), (name("release"),))

    def test_frees_a_lost_line_by_itself_when_nothing_is_to_accept(self) -> None:
        actions = POLICY.decide(receiver_sees(need(100, lost=(lost_line("gone", "release"),))))

        assert actions == [Cancel(((name("gone"), 0),), (name("release"),))]

    def test_is_done_when_nothing_is_pending(self) -> None:
        assert POLICY.decide(receiver_sees(need(100, accepted=60))) == []

    def test_names_no_more_than_an_accept_has_room_for(self) -> None:
        lines = [pending(f"c{n}", 1) for n in range(80)]
        lost = tuple(lost_line(f"gone {n}", f"exit {n}") for n in range(40))

        [accept] = POLICY.decide(receiver_sees(need(100, *lines, lost=lost)))

        assert isinstance(accept, Accept)
        assert 1 + len({commit for commit, _ in accept.lines}) + len(accept.cites) <= MAX_DEPS

    @given_any(
        amount=some.integers(1, 200),
        accepted=some.integers(0, 200),
        lines=some.lists(some.integers(1, 80), max_size=30),
    )
    def test_never_accepts_more_than_is_left(self, amount: int, accepted: int, lines: list[int]) -> None:
        own = need(amount, *(pending(f"c{n}", much) for n, much in enumerate(lines)), accepted=min(accepted, amount))
        worth = {(name(f"c{n}"), 0): much for n, much in enumerate(lines)}

        actions = POLICY.decide(receiver_sees(own))

        taken = sum(worth[line] for action in actions if isinstance(action, Accept) for line in action.lines)
        assert own.accepted + taken <= amount
