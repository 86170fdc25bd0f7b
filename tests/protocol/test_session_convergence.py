"""Two sessions and a replica behind each: whatever they begin with, they end with equal sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.envelope import Entry, Header, Term, seal
from mycelia_protocol.frontier import Tip, first_wanted, frontier, reduced, set_digest, tip_of, wanted
from mycelia_protocol.keys import keypair
from mycelia_protocol.session import Asked, Event, Greeted, Heads, Limits, Pulled, Runs, Session

OOST = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
SIZES = st.lists(st.integers(1, 2_000), min_size=1, max_size=3)
MOST_IN_A_RUN = 4  # so that a run also fits the small credit that some of these tests give


def session(node: bytes, *, is_dialer: bool, limits: Limits) -> Session:
    return Session(charter=OOST, node=node, is_dialer=is_dialer, clock_ms=1_000, limits=limits)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


class Author:
    """A chain and its key; `write` seals one more entry after any entry of the chain."""

    def __init__(self, number: int) -> None:
        self.pair = keypair(number.to_bytes(32, "big"))
        self.open = self._seal(None, "open", b"", [self.pair.public, None])
        self.branches = [self.open]  # the ends of its branches, at most two

    def write(self, before: Entry, *, mark: int = 0, deps: Iterable[bytes] = ()) -> Entry:
        entry = self._seal(before, "x.test", b"".join(sorted(deps)), [mark])
        self.branches = [entry if end is before else end for end in self.branches]
        if entry not in self.branches:
            self.branches.append(entry)
        return entry

    def _seal(self, before: Entry | None, kind: str, deps: bytes, terms: list[Term]) -> Entry:
        place = before.header.sequence + 1 if before else 0
        chain, backlink = (before.chain, before.id) if before else (None, None)
        header = Header(chain, place, backlink, place + 1, kind, 0, bytes(8), deps, None, None, 0, terms)
        return seal(header, self.pair, network=OOST.network)


class Replica:
    """A set of entries in the order of acceptance; what cites an unknown entry waits."""

    def __init__(self) -> None:
        self.held: dict[bytes, Entry] = {}
        self.waiting: list[Entry] = []
        self.has_stalled = False

    def tips(self, of_chain: bytes | None = None) -> list[Tip]:
        return frontier([entry for entry in self.held.values() if of_chain in (None, entry.chain)])

    def take(self, entries: Iterable[Entry]) -> list[Entry]:
        """Accept what links and cites only what is held; return what was new."""
        before = len(self.held)
        self.waiting += [entry for entry in entries if entry.id not in self.held]
        progress = True
        while progress:
            ready = [entry for entry in self.waiting if self._may_accept(entry)]
            for entry in ready:
                if self._may_accept(entry):
                    self.held[entry.id] = entry
            progress = bool(ready)
            self.waiting = [entry for entry in self.waiting if entry.id not in self.held]
        return list(self.held.values())[before:]

    def _may_accept(self, entry: Entry) -> bool:
        header = entry.header
        links = header.backlink is None or header.backlink in self.held
        return entry.id not in self.held and links and all(link in self.held for link in header.links)

    def runs_for(self, firsts: dict[bytes, int]) -> list[list[Entry]]:
        runs: list[list[Entry]] = []
        for entry in self.held.values():
            if entry.chain in firsts and entry.header.sequence >= firsts[entry.chain]:
                if runs and runs[-1][-1].id == entry.header.backlink and len(runs[-1]) < MOST_IN_A_RUN:
                    runs[-1].append(entry)
                else:
                    runs.append([entry])
        return runs


class Peer:
    """A driver as small as it can be: a replica behind a session."""

    def __init__(self, replica: Replica, session: Session) -> None:
        self.replica, self.session = replica, session
        self.siblings: list[Peer] = []  # the same replica's conversations with others
        self.backlog: list[list[Entry]] = []
        self.sought: dict[Tip, int] = {}
        self.asked: set[bytes] = set()

    def act(self, event: Event) -> None:
        match event:
            case Greeted():
                self.session.send_heads(self.replica.tips(), complete=True)
            case Heads(tips):
                held = {tip.chain: self.replica.tips(tip.chain) for tip in tips}
                self.sought.update({tip: 0 for tip in tips if tip.id not in self.replica.held})
                self.session.send_pull(wanted(held, tips, lambda tip: tip.id in self.replica.held))
            case Asked(ids):
                self.backlog += [[self.replica.held[name]] for name in ids if name in self.replica.held]
            case Pulled(firsts):
                self.backlog += self.replica.runs_for(dict(firsts))
            case Runs(runs, size):
                self._take([entry for run in runs for entry in run])
                self.session.send_credit(size)
            case _:
                pass
        while self.backlog and self.session.credit > 0:
            self.session.send_runs([self.backlog.pop(0)])

    def _take(self, entries: list[Entry]) -> None:
        accepted = self.replica.take(entries)
        self.replica.has_stalled |= bool(self.replica.waiting)
        news = [tip for one in {entry.chain for entry in accepted} for tip in self.replica.tips(one)]
        for sibling in self.siblings:
            sibling.session.send_heads(news)
        for entry in entries:
            tip = tip_of(entry)
            if (tip in self.sought or entry.id in self.asked) and self.is_unlinked(entry):
                self.sought[tip] = self.sought.get(tip, 0) + 1
                first = first_wanted(self.replica.tips(tip.chain), tip, self.sought[tip])
                assert first is not None
                self.session.send_pull({tip.chain: first})
        named = {link for entry in self.replica.waiting for link in entry.header.links}
        missing = named - self.replica.held.keys() - {entry.id for entry in self.replica.waiting} - self.asked
        if missing:
            self.asked |= missing
            self.session.send_ask(missing)

    def is_unlinked(self, entry: Entry) -> bool:
        below = {waiting.id: waiting for waiting in self.replica.waiting}
        while entry.id in below:
            link = entry.header.backlink
            if link is None or link in self.replica.held:
                return False
            if link not in below:
                return True
            entry = below[link]
        return False


@st.composite
def worlds(draw: st.DrawFn, *, forks: bool) -> tuple[Replica, Replica]:
    """Two replicas that each hold a closed part of one world, accepted in their own order."""
    authors = [Author(number) for number in range(1, draw(st.integers(1, 4)) + 1)]
    world = [author.open for author in authors]
    for mark in range(draw(st.integers(0, 24))):
        author = draw(st.sampled_from(authors))
        before = draw(st.sampled_from(author.branches))
        if forks and len(author.branches) == 1 and draw(st.booleans()):
            before = draw(st.sampled_from([one for one in world if one.chain == author.open.id]))
        foreign = [one for one in world if one.chain != author.open.id]
        cited = draw(st.lists(st.sampled_from(foreign), max_size=1)) if foreign else []
        world.append(author.write(before, mark=mark, deps=[entry.id for entry in cited]))
    places = st.sets(st.sampled_from(range(len(world))), max_size=3)
    orders = st.permutations(world)
    return part(draw(orders), draw(places)), part(draw(orders), draw(places))


def part(world: Iterable[Entry], lost: set[int]) -> Replica:
    """What a replica accepts of a world of which some entries never came."""
    replica = Replica()
    replica.take(entry for at, entry in enumerate(world) if at not in lost)
    replica.waiting.clear()
    return replica


def link(left: Replica, right: Replica, in_flight_bytes: int = 512 * 1024) -> tuple[Peer, Peer]:
    limits = Limits(in_flight_bytes=in_flight_bytes)
    return (
        Peer(left, session(b"one", is_dialer=True, limits=limits)),
        Peer(right, session(b"other", is_dialer=False, limits=limits)),
    )


def talk(links: list[tuple[Peer, Peer]], sizes: list[int]) -> int:
    """Let all talk until they are silent; return how many `entries` messages it took."""
    frames_of_entries, is_silent = 0, False
    while not is_silent:
        is_silent = True
        for one, other in links:
            for speaker, listener in ((one, other), (other, one)):
                data = speaker.session.to_send()
                is_silent = is_silent and not data
                for chunk in cut(data, sizes):
                    for event in listener.session.receive(chunk):
                        frames_of_entries += isinstance(event, Runs)
                        listener.act(event)
    return frames_of_entries


class TestTwoPeers:
    @settings(deadline=None)
    @given(worlds(forks=False), SIZES, st.sampled_from([1_500, 10**6]))
    def test_end_with_equal_sets_and_never_wait_for_a_citation(
        self, world: tuple[Replica, Replica], sizes: list[int], in_flight_bytes: int
    ) -> None:
        left, right = world
        union = left.held.keys() | right.held.keys()

        talk([link(left, right, in_flight_bytes)], sizes)

        assert left.held.keys() == right.held.keys() == union
        assert set_digest(left.tips()) == set_digest(right.tips())
        assert not left.has_stalled
        assert not right.has_stalled

    @settings(deadline=None)
    @given(worlds(forks=True), SIZES)
    def test_keep_the_same_though_chains_fork(self, world: tuple[Replica, Replica], sizes: list[int]) -> None:
        left, right = world
        union = left.held | right.held

        talk([link(left, right)], sizes)

        assert reduced(left.held) == reduced(right.held) == reduced(union)
        assert set_digest(left.tips()) == set_digest(right.tips())

    def test_send_no_entries_when_they_hold_the_same(self) -> None:
        left, right = Replica(), Replica()
        author = Author(1)
        entries = [author.open, author.write(author.open)]
        left.take(entries)
        right.take(entries)

        assert talk([link(left, right)], [65_536]) == 0


class TestALineOfPeers:
    @settings(deadline=None)
    @given(worlds(forks=True), SIZES)
    def test_passes_news_on_from_one_to_the_next(self, world: tuple[Replica, Replica], sizes: list[int]) -> None:
        left, middle, right = world[0], Replica(), world[1]
        union = left.held | right.held
        here, there = link(left, middle), link(middle, right)
        here[1].siblings, there[0].siblings = [there[0]], [here[1]]

        talk([here, there], sizes)

        assert reduced(left.held) == reduced(middle.held) == reduced(right.held) == reduced(union)
