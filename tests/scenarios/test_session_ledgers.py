"""Real ledgers behind real sessions, in memory and in virtual time: they end with the same entries, all accepted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol.chain import next_time
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.frontier import first_wanted, tip_of, wanted
from mycelia_protocol.keys import KeyPair, keypair
from mycelia_protocol.session import Asked, Event, Greeted, Heads, Pulled, Runs, Session

OOST = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
NOW_MS = 1_700_000_000_000


class Peer:
    """One end of a conversation: what a driver does, with nothing around it."""

    def __init__(self, ledger: Ledger, node: bytes, *, is_dialer: bool) -> None:
        self.ledger = ledger
        self.session = Session(charter=OOST, node=node, is_dialer=is_dialer, clock_ms=NOW_MS)
        self.siblings: list[Peer] = []
        self.attempts: dict[bytes, int] = {}
        self.asked: set[bytes] = set()

    def act(self, event: Event) -> None:
        match event:
            case Greeted():
                self.session.send_heads(self.ledger.frontier(), complete=True)
            case Heads(tips):
                held = {tip.chain: self.ledger.tips_of(tip.chain) for tip in tips}
                self.session.send_pull(wanted(held, tips, self.ledger.have))
            case Pulled(firsts):
                self._serve(dict(firsts))
            case Asked(ids):
                self.session.send_runs(self.ledger.runs_of_ids(ids))
            case Runs(runs, size):
                self._take(runs)
                self.session.send_credit(size)
            case _:
                pass

    def _serve(self, firsts: dict[bytes, int]) -> None:
        after: int | None = 0
        while after is not None:
            runs, after = self.ledger.runs_for(firsts, after, 65_536)
            self.session.send_runs(runs)

    def _take(self, runs: tuple[tuple[Entry, ...], ...]) -> None:
        report = self.ledger.ingest(runs)
        assert not report.faults
        news = [tip for chain in {one.entry.chain for one in report.accepted} for tip in self.ledger.tips_of(chain)]
        for sibling in self.siblings:
            sibling.session.send_heads(news)
        for run in runs:
            if run[0].chain in report.unlinked:
                attempt = self.attempts[run[-1].id] = self.attempts.get(run[-1].id, 0) + 1
                first = first_wanted(self.ledger.tips_of(run[0].chain), tip_of(run[-1]), attempt)
                assert first is not None
                self.session.send_pull({run[0].chain: first})
        self.session.send_ask(report.missing - self.asked)
        self.asked |= report.missing


def link(left: Ledger, right: Ledger, number: int = 0) -> tuple[Peer, Peer]:
    return Peer(left, b"left%d" % number, is_dialer=True), Peer(right, b"right%d" % number, is_dialer=False)


def talk(*links: tuple[Peer, Peer]) -> None:
    """Let all talk until they are silent."""
    is_silent = False
    while not is_silent:
        is_silent = True
        for one, other in links:
            for speaker, listener in ((one, other), (other, one)):
                data = speaker.session.to_send()
                is_silent = is_silent and not data
                for event in listener.session.receive(data):
                    listener.act(event)


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[list[Ledger]]:
    """Three empty ledgers of one commons."""
    with ExitStack() as stack:
        made = []
        for number in range(3):
            home = tmp_path / str(number)
            home.mkdir()
            made.append(Ledger.create(home, OOST, clock=lambda: NOW_MS, entropy=bytes))
            stack.callback(made[-1].close)
        yield made


def pair_of(number: int) -> KeyPair:
    return keypair(number.to_bytes(32, "big"))


def say(*cites: Entry) -> Content:
    return Content("x.test", [], b"".join(sorted({entry.id for entry in cites})))


def fork(before: Entry, pair: KeyPair, mark: int) -> Entry:
    """An entry after `before` that its author's ledger knows nothing of."""
    place, time = before.header.sequence + 1, next_time(NOW_MS, before.header.time)
    header = Header(before.chain, place, before.id, time, "x.test", 0, bytes(8), b"", None, None, 0, [mark])
    return seal(header, pair, network=OOST.network)


class TestLedgersThatMeet:
    @pytest.mark.parametrize("seed", range(6))
    def test_end_with_the_same_entries_whatever_was_said_where(self, ledgers: list[Ledger], seed: int) -> None:
        chance = random.Random(seed)
        chains = [(ledger, pair_of(2 * at + number)) for at, ledger in enumerate(ledgers) for number in (0, 1)]
        opened = [(ledger, pair, ledger.open_chain(pair)) for ledger, pair in chains]
        for _ in range(chance.randrange(3, 6)):
            for _ in range(chance.randrange(12)):
                ledger, pair, opening = chance.choice(opened)
                known = [stored.entry for stored in ledger.stored(limit=-1)]
                cites = chance.sample(known, min(len(known), chance.randrange(3)))
                ledger.publish(pair, opening.chain, [say(*cites)] * chance.randrange(1, 4))
            one, other = chance.sample(ledgers, 2)
            talk(link(one, other))

        first, second = link(ledgers[0], ledgers[1]), link(ledgers[1], ledgers[2], 1)
        first[1].siblings, second[0].siblings = [second[0]], [first[1]]
        talk(first, second)

        assert len({ledger.digest() for ledger in ledgers}) == 1
        assert [ledger.awaiting() for ledger in ledgers] == [[], [], []]

    def test_accept_chains_that_cite_each_other_when_they_pull_them_one_by_one(self, ledgers: list[Ledger]) -> None:
        home, away, _ = ledgers
        anna, bo = home.open_chain(pair_of(1)), home.open_chain(pair_of(2))
        (first,) = home.publish(pair_of(1), anna.chain, [say()])
        (answer,) = home.publish(pair_of(2), bo.chain, [say(first)])
        home.publish(pair_of(1), anna.chain, [say(answer)])

        for chain in (anna.chain, bo.chain):
            away.ingest(home.runs_for({chain: 0}, 0, 65_536)[0])

        assert away.awaiting() == []
        assert away.digest() == home.digest()

    def test_find_the_place_where_a_chain_forked(self, ledgers: list[Ledger]) -> None:
        home, away, _ = ledgers
        opening = home.open_chain(pair_of(1))
        entries = [opening, *home.publish(pair_of(1), opening.chain, [say()] * 40)]
        away.ingest([entries[:12]])
        branch = [fork(entries[11], pair_of(1), 1)]
        while len(branch) < 25:
            branch.append(fork(branch[-1], pair_of(1), 1))
        away.ingest([branch])

        talk(link(home, away))

        assert home.digest() == away.digest()
        assert len(home.frontier()) == len(away.frontier()) == 2
        assert home.count() == 41 + 25
