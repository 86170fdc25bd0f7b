"""The frontier: what a peer says it holds, and where to pull from when another holds more."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.frontier import Tip, first_wanted, frontier, reduced, set_digest, tip_of, wanted
from mycelia_protocol.keys import keypair

CHAIN, OTHER = b"c" * 32, b"d" * 32
NETWORK = bytes(32)
PAIR = keypair(bytes(32))


def tip(sequence: int, name: bytes = b"i", chain: bytes = CHAIN) -> Tip:
    return Tip(chain, sequence, name * 32)


def opening(mark: int = 0) -> Entry:
    header = Header(None, 0, None, mark + 1, "open", 0, bytes(8), b"", None, None, 0, [PAIR.public, None])
    return seal(header, PAIR, network=NETWORK)


def after(before: Entry, mark: int = 0, deps: Iterable[bytes] = ()) -> Entry:
    place, named = before.header.sequence + 1, b"".join(sorted(deps))
    header = Header(before.chain, place, before.id, place << 16, "x.test", 0, bytes(8), named, None, None, 0, [mark])
    return seal(header, PAIR, network=NETWORK)


class TestAFrontier:
    def test_of_nothing_is_empty(self) -> None:
        assert frontier([]) == []

    def test_names_the_last_entry_of_each_chain_in_order(self) -> None:
        first, second = opening(0), opening(1)
        end = after(after(first))

        tips = frontier([first, second, after(first), end])

        assert tips == sorted([tip_of(end), tip_of(second)])

    def test_names_both_branches_of_a_fork(self) -> None:
        first = opening()
        left, right = after(first, 1), after(first, 2)
        end = after(left)

        assert frontier([first, left, right, end]) == sorted([tip_of(left), tip_of(right)])

    def test_names_the_same_two_of_many_everywhere(self) -> None:
        first = opening()
        branches = [after(first, mark) for mark in range(4)]
        end = after(branches[0])
        least = sorted(branch.id for branch in branches)[:2]

        assert [named.id for named in frontier([first, *branches, end])] == least
        assert frontier([end, *reversed(branches), first]) == frontier([first, *branches, end])


class TestWhatIsPulledFirst:
    def test_is_everything_of_an_unknown_chain(self) -> None:
        assert first_wanted([], tip(9)) == 0

    def test_is_what_stands_after_the_own_tip(self) -> None:
        assert first_wanted([tip(4, b"h")], tip(9)) == 5

    def test_is_the_tip_itself_when_it_stands_no_higher_than_the_own(self) -> None:
        assert first_wanted([tip(12, b"h")], tip(9)) == 9
        assert first_wanted([tip(9, b"h")], tip(9)) == 9

    def test_is_what_stands_after_the_higher_of_two_own_branches(self) -> None:
        assert first_wanted([tip(3, b"g"), tip(7, b"h")], tip(9)) == 8

    def test_has_nothing_to_do_with_other_chains(self) -> None:
        assert first_wanted([tip(4, b"h", OTHER)], tip(9)) == 0

    def test_goes_back_faster_and_faster_until_the_first_entry_and_then_gives_up(self) -> None:
        held = [tip(20, b"h")]

        assert [first_wanted(held, tip(21), attempt) for attempt in range(9)] == [
            *(21, 20, 19, 17, 13, 5, 0),
            *(None, None),
        ]

    def test_gives_up_at_once_after_the_whole_chain_did_not_link(self) -> None:
        assert first_wanted([], tip(9), 1) is None

    @settings(deadline=None)
    @given(st.integers(0, 2**40), st.integers(0, 2**40))
    def test_reaches_the_first_entry_in_few_pulls(self, own: int, other: int) -> None:
        firsts = [first_wanted([tip(own, b"h")], tip(other), attempt) for attempt in range(50)]
        tried = [first for first in firsts if first is not None]

        assert tried[-1] == 0
        assert tried == sorted(set(tried), reverse=True)
        assert firsts[len(tried) :] == [None] * (50 - len(tried))
        assert len(tried) <= max(own, other).bit_length() + 3


class TestWhatIsWanted:
    def test_is_nothing_that_is_held(self) -> None:
        assert wanted({CHAIN: [tip(4)]}, [tip(4), tip(3, b"h")], lambda _: True) == {}

    def test_is_the_earliest_place_of_the_branches_that_are_not(self) -> None:
        tips = [tip(9, b"h"), tip(3, b"k"), tip(5, b"m", OTHER)]

        assert wanted({CHAIN: [tip(6)]}, tips, lambda _: False) == {CHAIN: 3, OTHER: 0}


class TestASetDigest:
    @settings(deadline=None)
    @given(st.lists(st.binary(min_size=32, max_size=32), unique=True))
    def test_is_the_same_in_any_order(self, ids: list[bytes]) -> None:
        tips = [Tip(name, 3, name) for name in ids]

        assert set_digest(tips) == set_digest(reversed(tips))

    def test_tells_sets_apart(self) -> None:
        one, other = tip(3), tip(4)

        assert len({set_digest(tips) for tips in ([], [one], [other], [one, other])}) == 4


class TestWhatIsKept:
    def test_is_everything_of_a_chain_that_did_not_fork(self) -> None:
        first = opening()
        entries = {entry.id: entry for entry in (first, after(first), after(after(first)))}

        assert reduced(entries) == set(entries)

    @pytest.mark.parametrize("seed", range(40))
    def test_is_the_same_for_all_who_met_whatever_they_met_before(self, seed: int) -> None:
        """Peers that hold any parts of a world keep the same once each has what the others keep."""
        dice = random.Random(seed)
        world = forked_world(dice)
        peers = [closed(world, dice.sample(sorted(world), len(world) // 2)) for _ in range(3)]
        whole = {name: entry for peer in peers for name, entry in peer.items()}

        while True:
            before = [set(peer) for peer in peers]
            for peer in peers:
                for other in peers:
                    peer |= {name: other[name] for name in told(other)}
            if [set(peer) for peer in peers] == before:
                break

        kept = [reduced(peer) for peer in peers]
        assert kept[0] == kept[1] == kept[2] == reduced(whole)
        assert len({set_digest(frontier(list(peer.values()))) for peer in peers}) == 1


def told(entries: dict[bytes, Entry]) -> set[bytes]:
    """Return what a peer tells others of a set: what is kept of it, and a proof of each fork."""
    return reduced(entries) | {tip.id for tip in frontier(entries.values())}


def forked_world(dice: random.Random) -> dict[bytes, Entry]:
    """Return entries of four chains that part here and there, and name each other."""
    world: dict[bytes, Entry] = {}
    for mark in range(4):
        first = opening(mark)
        world[first.id] = first
    for mark in range(60):
        before = dice.choice(sorted(world.values(), key=lambda entry: -entry.header.sequence)[: 4 + mark // 4])
        deps = [name for name in dice.sample(sorted(world), min(2, mark // 3)) if world[name].chain != before.chain]
        entry = after(before, mark, deps)
        world[entry.id] = entry
    return world


def closed(world: dict[bytes, Entry], names: list[bytes]) -> dict[bytes, Entry]:
    """Return these entries with all that they stand on and name."""
    held: dict[bytes, Entry] = {}
    todo = list(names)
    while todo:
        entry = world[todo.pop()]
        if entry.id not in held:
            held[entry.id] = entry
            todo += [*entry.header.links, *([entry.header.backlink] if entry.header.backlink else [])]
    return held
