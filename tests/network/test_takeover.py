"""The takeover drill: real peers, a thief with real keys, and one command each by which the owner gets out.

The thief has its own program: it signs what it likes and hands it to honest peers as a run file or over the wire.
What it gains is stated by the assertions; what honest peers keep, too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_node.memberfile import Plan
from mycelia_node.peer import now_ms
from mycelia_protocol import cid, compose, keys, runfile, statements
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.identity import NONCE_BYTES
from mycelia_protocol.invitation import invite
from mycelia_protocol.invitation import text as invitation_text
from mycelia_protocol.roots import Roots
from tests.network.nodes import HERE, Node, Nodes, mycelia, until

pytestmark = pytest.mark.network

CELL = int("881969c9b7fffff", 16)
YEARS_MS = 10 * 365 * 86_400_000


class Thief:
    """Somebody with a stolen key and a copy of the ledger, who keeps to no law but that of signatures."""

    def __init__(self, node: Node, place: Path, *, ahead_ms: int = 0) -> None:
        self.place = place
        shutil.copytree(node.home / "keys", place / "keys")
        with node.client() as here:
            data = here.export_runs()
        charter, runs = runfile.read(data)
        self.ledger = Ledger.create(place, charter, clock=lambda: now_ms() + ahead_ms, entropy=os.urandom)
        self.ledger.ingest(list(runs))
        self.keys = Keystore(place / "keys", entropy=os.urandom)

    def say(self, member: str, *contents: Content) -> list[Entry]:
        """Sign and publish with a stolen key."""
        return self.ledger.publish(self.keys.pair(member), self.keys.member(member).chain, list(contents))

    def hand_to(self, node: Node) -> Any:
        """Give everything to a node, as a file."""
        file = self.place / "loot.run"
        runs, _ = self.ledger.runs_for({tip.chain: 0 for tip in self.ledger.frontier()}, 0, 1 << 30)
        file.write_bytes(b"".join(runfile.write(self.ledger.charter, runs)))
        return mycelia(node.home, "import", str(file))


def offer(amount: int, *, ahead_ms: int = 0) -> Content:
    at_ms = now_ms() + ahead_ms
    return compose.offer("food", amount, CELL, begin_ms=at_ms, end_ms=at_ms + 86_400_000)


def commons_of(nodes: Nodes, *names: str) -> list[Node]:
    """Return running nodes: the first founds a tree of three slots, the others are invited into it."""
    first = nodes.place / names[0]
    mycelia(first, "commons", "new", "--name", names[0], "--commons", "Oost", "--membership", "tree", "--slots", "3")
    all_ = [Node(first).start()]
    nodes.all.append(all_[0])
    for name in names[1:]:
        text = mycelia(first, "commons", "invite", "--as", names[0])["text"]
        mycelia(nodes.place / name, "commons", "join", text, "--name", name)
        all_.append(Node(nodes.place / name).start())
        nodes.all.append(all_[-1])
    until(lambda: all(len(members(node)) == len(names) for node in all_), or_say=lambda: [members(one) for one in all_])
    until(lambda: len({node.digest() for node in all_}) == 1)
    return all_


def members(node: Node) -> list[str]:
    with node.client() as here:
        return [one.identity for one in here.identities() if one.status == "member"]


def signals(node: Node) -> set[str]:
    with node.client() as here:
        return {one.id for one in here.field().signals if not one.forked}


def names_of(entries: Sequence[Entry]) -> set[str]:
    return {cid.text(entry.id) for entry in entries}


def words_of(node: Node, name: str) -> Path:
    file = node.home.parent / f"{name}.words"
    file.write_text(mycelia(node.home, "id", "phrase", "--as", name, "--yes")["phrase"])
    return file


def chain_of(node: Node, name: str) -> str:
    with node.client() as here:
        return next(one.chain for one in here.members() if one.name == name)


class TestAStolenInstallationKey:
    def test_gains_only_what_stands_below_the_cut(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        words, kept = words_of(bo, "bo"), mycelia(bo.home, "need", "food", "3 kg", "--at", HERE)["id"]
        until(lambda: anna.holds(kept))
        thief = Thief(bo, nodes.place / "thief")
        bo.kill()  # the device is in the thief's hands
        loot = thief.say("bo", offer(5), offer(7))
        lost = cid.text(thief.keys.member("bo").chain)

        # One command, on anybody's node:
        done = mycelia(anna.home, "id", "restore", "bo", "--lost", lost, "--rotate", "--phrase-file", str(words))
        thief.hand_to(anna)

        assert [one["kind"] for one in done["entries"]] == ["id.revoke", "id.rotate"]
        assert signals(anna) == {kept}
        assert not signals(anna) & names_of(loot)
        mine = mycelia(anna.home, "need", "food", "1 kg", "--at", HERE, "--as", "bo")["id"]
        assert signals(anna) == {kept, mine}
        with pytest.raises(Refused, match=r"identity\.signature"):  # nor do the stolen keys make another installation
            thief.ledger.open_chain(
                keys.keypair(bytes(32)),
                statements.rooted(
                    keys.keypair(bytes(32)).public,
                    cid.link(mycelia(anna.home, "id", "show", "--as", "bo")["identities"][0]["identity"]),
                    thief.keys.member("bo").chain,
                    at=thief.ledger.moment(thief.keys.member("bo").chain),
                    root=Roots(bytes(32)).signers(0, network=thief.ledger.network),
                ),
            )


class TestAStolenBotKey:
    def test_gains_at_most_its_caps_until_it_is_revoked(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        mycelia(bo.home, "id", "delegate", "bot", "--kinds", "offer", "--class", "food=50", "--as", "bo")
        bot = chain_of(bo, "bot")
        until(lambda: anna.digest() == bo.digest())
        thief = Thief(bo, nodes.place / "thief")
        loot = thief.say("bot", offer(40_000))
        with pytest.raises(Refused, match=r"grant\.cap"):
            thief.say("bot", offer(40_000))
        with pytest.raises(Refused, match=r"grant\.kind"):
            thief.say("bot", compose.withdraw(loot[0].id))
        thief.hand_to(anna)
        assert signals(anna) == names_of(loot)

        mycelia(bo.home, "id", "revoke", bot, "--cut", bot, "--as", "bo")  # nothing that this bot said was honest
        until(lambda: anna.digest() == bo.digest())

        assert signals(anna) == signals(bo) == set()


class TestALostLaptopWithABackup:
    def test_writes_on_a_new_chain_of_the_same_identity(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        bo.stop()
        backup = nodes.place / "backup"
        shutil.copytree(bo.home, backup)
        bo.start()
        late = mycelia(bo.home, "need", "food", "3 kg", "--at", HERE)["id"]
        until(lambda: anna.holds(late))
        before = chain_of(bo, "bo")
        bo.stop()
        shutil.rmtree(bo.home)
        shutil.copytree(backup, bo.home)

        bo.start()  # the one command

        assert chain_of(bo, "bo") != before
        again = mycelia(bo.home, "need", "food", "2 kg", "--at", HERE, "--as", "bo")["id"]
        until(lambda: anna.holds(again) and bo.holds(late), or_say=lambda: mycelia(bo.home, "doctor", code=1))
        assert signals(anna) == {late, again}
        assert len(members(anna)) == 2
        assert not forked(anna)


class TestAMaliciousSponsor:
    def test_brings_no_more_than_its_slots(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        eve = Thief(bo, nodes.place / "eve")
        bo.stop()  # she is bo: nobody else speaks by this key
        dice = Random(5)
        for number in range(50):
            one = invite(
                eve.keys.pair("bo"), eve.keys.member("bo").chain, seed=dice.randbytes(32),
                expires_ms=now_ms() + 3_600_000, network=eve.ledger.network, peers=(),
            )  # fmt: skip
            eve.keys.create(f"puppet {number}", eve.ledger, Plan(invitation=invitation_text(one)))
            eve.say(f"puppet {number}", offer(1000))
        puppets = [dice.randbytes(NONCE_BYTES * 2) for _ in range(3)]
        with pytest.raises(Refused, match=r"admit\.slots"):
            eve.say("bo", statements.admit((name, None) for name in [*puppets, bytes(32)]))
        admitted = [eve.keys.identity(f"puppet {number}") for number in range(3)]
        eve.say("bo", statements.admit((name, None) for name in admitted if name))

        eve.hand_to(anna)

        assert len(members(anna)) == 2 + 3
        assert len(signals(anna)) == 3


def forked(node: Node) -> list[str]:
    with node.client() as here:
        entries = here.log(limit=1000)
    places = [(entry.chain, entry.sequence) for entry in entries]
    return [entry.id for entry in entries if places.count((entry.chain, entry.sequence)) > 1]


class TestAForkPublishedLate:
    def test_is_kept_as_a_proof_and_gives_the_forker_nothing(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        thief = Thief(bo, nodes.place / "thief")
        published = mycelia(bo.home, "offer", "food", "3 kg", "--at", HERE)["id"]
        until(lambda: anna.holds(published))

        branch = thief.say("bo", offer(5), offer(6))
        thief.hand_to(anna)

        until(lambda: anna.digest() == bo.digest())
        for node in (anna, bo):
            assert {published, cid.text(branch[0].id)} <= set(forked(node))
            assert signals(node) == set()
            assert mycelia(node.home, "verify")["faults"] == []
        [finding] = [one for one in mycelia(bo.home, "doctor", code=1)["findings"] if one["finding"] == "forked"]
        assert set(finding["entries"]) == {published, cid.text(branch[0].id)}


class TestAClockTenYearsAhead:
    def test_is_held_back_and_takes_nobody_along(self, nodes: Nodes) -> None:
        anna, bo = commons_of(nodes, "anna", "bo")
        ahead = Thief(bo, nodes.place / "ahead", ahead_ms=YEARS_MS)
        loot = ahead.say("bo", offer(5, ahead_ms=YEARS_MS))

        report = ahead.hand_to(anna)

        assert report["accepted"] == 0
        assert report["awaiting"] == 1
        assert not anna.holds(*names_of(loot))
        mine = mycelia(anna.home, "need", "food", "1 kg", "--at", HERE, "--as", "anna")["id"]
        [entry] = [one for one in mycelia(anna.home, "log", "--limit", "1000")["entries"] if one["id"] == mine]
        assert abs(entry["time_ms"] - now_ms()) < 60_000
        assert signals(anna) == {mine}
