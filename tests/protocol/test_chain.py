"""A chain, read aloud (spec 05): place, authenticity by descent, time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import chain, keys
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed

NETWORK = bytes([7]) * 32
PAIR = keys.keypair(bytes(32))
START = 1_700_000_000_000 << 16


def opening(pair: keys.KeyPair = PAIR) -> Entry:
    header = Header(None, 0, None, START, "open", 0, bytes(8), b"", None, None, 0, [pair.public, None])
    return seal(header, pair, network=NETWORK)


def after(before: Entry, pair: keys.KeyPair = PAIR, *, text: str = "") -> Entry:
    place = before.header.sequence + 1
    header = Header(before.chain, place, before.id, START + place, "x.note", 0, bytes(8), b"", None, None, 0, [text])
    return seal(header, pair, network=NETWORK)


def grown(length: int) -> list[Entry]:
    entries = [opening()]
    while len(entries) < length:
        entries.append(after(entries[-1]))
    return entries


def refusal(run: list[Entry]) -> str:
    with pytest.raises(Malformed) as refused:
        chain.check_run(run)
    return refused.value.rule


CHAIN = grown(66)


class TestAChain:
    def test_begins_with_an_open_that_names_its_key(self) -> None:
        assert chain.key_of_open(CHAIN[0]) == PAIR.public

    def test_has_no_key_in_any_later_entry(self) -> None:
        with pytest.raises(Malformed, match=r"chain\.open"):
            chain.key_of_open(CHAIN[1])

    def test_refuses_an_entry_that_skips_a_place(self) -> None:
        assert refusal([CHAIN[0], CHAIN[2]]) == "chain.sequence"

    def test_refuses_an_entry_with_another_past(self) -> None:
        fork = after(CHAIN[1], text="another word")

        assert refusal([fork, CHAIN[3]]) == "chain.backlink"

    def test_refuses_an_entry_of_another_chain(self) -> None:
        other = keys.keypair(bytes([1]) * 32)

        assert refusal([CHAIN[0], after(opening(other), other)]) == "chain.same"

    def test_may_fork_and_each_branch_is_a_run(self) -> None:
        fork = after(CHAIN[1], text="another word")

        for run in ([*CHAIN[:3]], [*CHAIN[:2], fork]):
            chain.check_run(run)
            assert chain.sealed_length(run, PAIR.public, network=NETWORK) == 3
        assert (fork.chain, fork.header.sequence) == (CHAIN[2].chain, CHAIN[2].header.sequence)
        assert fork.id != CHAIN[2].id


class TestARun:
    @given(start=some.integers(0, 65), length=some.integers(1, 64))
    def test_is_any_stretch_of_up_to_64_entries(self, start: int, length: int) -> None:
        chain.check_run(CHAIN[start : start + length])

    def test_is_not_empty_and_not_longer(self) -> None:
        assert refusal([]) == "chain.run"
        assert refusal(CHAIN[:65]) == "chain.run"

    def test_counts_bodies_among_its_bytes(self) -> None:
        heavy = [entry._replace(body=bytes(32 * 1024)) for entry in CHAIN[:2]]

        assert refusal(heavy) == "chain.run"

    @given(good=some.sets(some.integers(0, 9)), bad=some.sets(some.integers(0, 9)))
    def test_is_authentic_up_to_its_highest_good_signature_whatever_else_it_carries(
        self, good: set[int], bad: set[int]
    ) -> None:
        run = [
            entry if place in good - bad else entry._replace(signature=bytes(64) if place in bad else None)
            for place, entry in enumerate(CHAIN[:10])
        ]

        assert chain.sealed_length(run, PAIR.public, network=NETWORK) == max(good - bad, default=-1) + 1

    @given(cuts=some.sets(some.integers(1, 19)), good=some.sets(some.integers(0, 19)))
    def test_is_authentic_to_the_same_place_however_it_was_cut_at_sealed_entries(
        self, cuts: set[int], good: set[int]
    ) -> None:
        whole = [entry if place in good else entry._replace(signature=None) for place, entry in enumerate(CHAIN[:20])]
        borders = [0, *sorted(cut for cut in cuts if cut - 1 in good), 20]

        pieces = [whole[start:end] for start, end in pairwise(borders)]
        authentic = {
            entry.id for piece in pieces for entry in piece[: chain.sealed_length(piece, PAIR.public, network=NETWORK)]
        }

        assert authentic == {entry.id for entry in whole[: max(good, default=-1) + 1]}


class TestTime:
    @given(now_ms=some.integers(0, 2**46), after=some.lists(some.integers(1, 2**62), max_size=4))
    def test_moves_past_everything_it_follows_and_never_behind_the_clock(self, now_ms: int, after: list[int]) -> None:
        time = chain.next_time(now_ms, *after)

        assert time > 0
        assert all(time > earlier for earlier in after)
        assert time >> 16 >= now_ms
