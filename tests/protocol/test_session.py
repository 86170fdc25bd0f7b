"""The sync session: who says what, when, and that two peers always end with the same set."""

from __future__ import annotations

import pytest

from mycelia_protocol import frames, messages
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frontier import Tip, tip_of
from mycelia_protocol.session import (
    Asked,
    Greeted,
    Heads,
    Left,
    Pinged,
    Ponged,
    Pulled,
    Runs,
)
from tests.protocol.sessions import OOST, WEST, chain, exchange, greeted, hello, member, rule_of, wire


class TestAGreeting:
    def test_is_told_to_both_sides_with_node_and_clock(self) -> None:
        one, other = member(b"one", is_dialer=True), member(b"other", is_dialer=False)

        heard_by_one, heard_by_other = exchange(one, other)

        assert heard_by_one == [Greeted(OOST.network, OOST, b"other", 1_000)]
        assert heard_by_other == [Greeted(OOST.network, OOST, b"one", 1_000)]
        assert one.is_open
        assert other.is_open

    def test_is_begun_by_the_dialer_alone(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert listener.to_send() == b""

    def test_comes_before_everything_else(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(Heads((), True))) == "session.hello"

    def test_comes_once(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(hello(), hello())) == "session.hello"

    def test_is_refused_by_a_peer_of_another_network_which_names_both(self) -> None:
        stranger, listener = member(b"one", is_dialer=True, charter=WEST), member(b"other", is_dialer=False)

        with pytest.raises(Malformed) as refusal:
            list(listener.receive(stranger.to_send()))
        listener.send_refusal(refusal.value)
        (left,) = stranger.receive(listener.to_send())

        assert isinstance(left, Left)
        assert left.code == "network"
        assert left.text.count("bafyrei") == 2
        assert stranger.is_over
        assert listener.is_over

    def test_is_refused_in_another_version_whatever_else_it_holds(self) -> None:
        later = frames.write(b"\x83\x65hello\x02\xa0")

        assert rule_of(member(b"one", is_dialer=False), later) == "session.version"

    def test_is_refused_by_the_node_that_sent_it(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(hello(node=b"one"))) == "session.self"

    def test_is_not_preceded_by_anything_the_driver_says(self) -> None:
        with pytest.raises(ValueError, match="before the hellos"):
            member(b"one", is_dialer=True).send_heads([], complete=True)


class TestANewcomer:
    def test_is_given_the_charter(self) -> None:
        newcomer, listener = member(b"new", is_dialer=True, charter=None), member(b"other", is_dialer=False)

        heard_by_newcomer, heard_by_listener = exchange(newcomer, listener)

        assert heard_by_newcomer == [Greeted(OOST.network, OOST, b"other", 1_000)]
        assert heard_by_listener == [Greeted(None, None, b"new", 1_000)]
        assert not listener.is_open

    def test_may_ask_for_nothing_else(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert rule_of(listener, wire(hello(None), Pulled({bytes(32): 0}))) == "session.newcomer"

    def test_takes_no_charter_but_that_of_the_network_in_the_hello(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(), messages.Chartered(WEST.raw))) == "session.network"

    def test_takes_no_charter_that_breaks_the_law_of_charters(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(), messages.Chartered(b"\x80"))).startswith("charter.")

    def test_learns_nothing_from_another_newcomer(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(None))) == "session.network"

    def test_is_the_only_one_who_is_given_a_charter(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert rule_of(listener, wire(hello(), messages.Chartered(OOST.raw))) == "session.hello"


class TestMembers:
    def test_say_which_tips_they_hold(self) -> None:
        one, other = greeted()
        tip = tip_of(chain(3)[-1])

        one.send_heads([tip], complete=True)

        assert exchange(one, other)[1] == [Heads((tip,), True)]

    def test_say_that_they_hold_nothing(self) -> None:
        one, other = greeted()

        one.send_heads([], complete=True)

        assert exchange(one, other)[1] == [Heads((), True)]

    def test_say_only_the_latest_about_a_chain_while_the_other_does_not_read(self) -> None:
        one, other = greeted()
        entries = chain(20)

        for entry in entries:
            one.send_heads([tip_of(entry)])

        assert exchange(one, other)[1] == [Heads((tip_of(entries[-1]),), False)]

    def test_complete_a_large_frontier_with_its_last_frame_alone(self) -> None:
        one, other = greeted()
        tips = [Tip(number.to_bytes(32, "big"), 2**62, bytes(32)) for number in range(3_000)]

        one.send_heads(tips, complete=True)
        heard = [event for event in exchange(one, other)[1] if isinstance(event, Heads)]

        assert [event.complete for event in heard] == [False] * (len(heard) - 1) + [True]
        assert [tip for event in heard for tip in event.tips] == tips

    def test_pull_from_the_earliest_place_they_named(self) -> None:
        one, other = greeted()

        one.send_pull({bytes(32): 9})
        one.send_pull({bytes(32): 4})
        one.send_pull({bytes(32): 6})

        assert exchange(one, other)[1] == [Pulled({bytes(32): 4})]

    def test_ask_for_ids_once_and_sorted_in_frames_of_256(self) -> None:
        one, other = greeted()
        ids = [number.to_bytes(32, "big") for number in range(300)]

        one.send_ask(reversed(ids))
        one.send_ask(ids)
        heard = [event for event in exchange(one, other)[1] if isinstance(event, Asked)]

        assert [len(event.ids) for event in heard] == [256, 44]
        assert sorted(id for event in heard for id in event.ids) == ids

    def test_send_runs_that_arrive_as_they_were(self) -> None:
        one, other = greeted()
        entries = chain(5)
        runs = (tuple(entries[:3]), tuple(entries[3:]))

        one.send_runs(runs)
        (event,) = exchange(one, other)[1]

        assert isinstance(event, Runs)
        assert event.runs == runs

    def test_answer_a_ping_with_its_token(self) -> None:
        one, other = greeted()

        one.send_ping(b"1" * 32)
        (ping,) = exchange(one, other)[1]
        assert isinstance(ping, Pinged)
        other.send_pong(ping.token, b"2" * 32)

        assert exchange(one, other)[0] == [Ponged(ping.token, b"2" * 32)]
        assert not one.is_waiting

    def test_do_not_ping_again_before_the_pong(self) -> None:
        other = greeted()[1]

        assert rule_of(other, wire(Pinged(1, bytes(32)), Pinged(2, bytes(32)))) == "session.ping"

    def test_do_not_pong_unasked(self) -> None:
        other = greeted()[1]

        assert rule_of(other, wire(Ponged(1, bytes(32)))) == "session.ping"

    def test_part_with_a_code_and_a_sentence_and_nothing_after_it(self) -> None:
        one, other = greeted()

        one.send_heads([], complete=True)
        one.send_bye("closing", "the node is shutting down")
        one.send_heads([], complete=True)

        assert exchange(one, other)[1] == [Left("closing", "the node is shutting down")]
        assert list(other.receive(b"garbage after the bye")) == []
        assert one.to_send() == b""

    def test_part_with_a_sentence_that_is_cut_to_what_may_be_said(self) -> None:
        one, other = greeted()

        one.send_bye("closing", "€" * 600)

        assert exchange(one, other)[1] == [Left("closing", "€" * 170)]
