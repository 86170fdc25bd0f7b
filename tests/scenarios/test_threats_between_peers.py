"""Threats that need more than one peer or party: eclipse, false reports, who vanishes, who denies.

`THREATS` says where every threat is tested; the test of it finds each place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose
from mycelia_protocol.canonical import decode
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, write_body
from mycelia_protocol.errors import Refused
from mycelia_protocol.standing import Status
from mycelia_protocol.validation import Verdict
from tests.builders import HOUR_MS, Commons, on
from tests.node.ledgers import a_need, as_runs, new_ledger, pair, pull
from tests.scenarios.test_threats import after

ROOT = Path(__file__).parents[2]

THREATS = {
    "capacity committed twice by a fork": "tests/scenarios/test_threats.py::TestDoubleCommittingByFork",
    "a restored or copied disk": "tests/scenarios/test_release_search.py::TestRelease",
    "a death at any point of a release": "tests/node/test_dying.py::TestAHomeThatDiesAtAnyPoint",
    "a key that rotates, then a fork": "tests/scenarios/test_threats.py::TestRotatingAKeyAndThenForking",
    "an old fork that is published years later": "tests/scenarios/test_threats.py::TestAForkPublishedYearsLater",
    "an old fork below a checkpoint": "tests/protocol/test_checkpoint.py::TestWhoHasDroppedHeaders",
    "a checkpoint that makes others work": "tests/node/test_checkpoints.py::TestACheckpointOfALongChain",
    "a signature on the edge": "tests/protocol/test_verdicts.py::TestTheVerdictAtTheStart",
    "content that is signed again": "tests/scenarios/test_threats.py::TestContentSignedAgain",
    "the right id with a wrong signature": "tests/scenarios/test_threats.py::TestTheRightIdWithAWrongSignature",
    "another form of the same bytes, depth and size": "tests/protocol/test_canonical.py::TestDecoding",
    "a replay in another network, or as another type": "tests/scenarios/test_threats.py::TestAReplayFromAnotherNetwork",
    "a date in the future or the past": "tests/scenarios/test_threats.py::TestDatingInTheFutureOrThePast",
    "clocks ten years apart": "tests/node/test_clocks.py::TestPeersWithClocksTenYearsApart",
    "a dependency that is withheld": "tests/scenarios/test_threats.py::TestWithholdingADependency",
    "a flood of orphans": "tests/node/test_flood.py::TestAHundredThousandOrphans",
    "a chain beyond its rate": "tests/node/test_flood.py::TestAChainFarBeyondItsRate",
    "an eclipse, a split view": "tests/scenarios/test_threats_between_peers.py::TestASplitView",
    "a receiver who denies": "tests/scenarios/test_threats_between_peers.py::TestAReceiverWhoDenies",
    "every order of sayings, and liars": "tests/scenarios/test_consent_search.py::TestConsentOnUnforkedChains",
    "a party that vanishes": "tests/scenarios/test_threats_between_peers.py::TestAPartyThatVanishes",
    "governance that says two things": "tests/scenarios/test_threats.py::TestGovernanceThatSaysTwoThings",
    "a date before the revocation": "tests/scenarios/test_threats.py::TestAnEntryDatedBeforeTheRevocation",
    "a stolen key of a bot": "tests/scenarios/test_threats.py::TestAStolenBotKey",
    "a stolen root key": "tests/scenarios/test_threats.py::TestAStolenRootKey",
    "a false report": "tests/scenarios/test_threats_between_peers.py::TestAFalseReport",
    "sybils who invite each other": "tests/scenarios/test_threats.py::TestSybilInvitees",
    "a peer that costs more than it brings": "tests/node/test_budget.py::TestAFloodOf",
    "a hostile session": "tests/protocol/test_session_fuzz.py::TestAHostilePeer",
    "a deleted body that is guessed": "tests/scenarios/test_threats_between_peers.py::TestGuessingADeletedBody",
    "a promise for somebody else": "tests/scenarios/test_threats_by_an_edited_node.py::TestPromisingForSomebodyElse",
    "a licensed design without right": "tests/scenarios/test_threats_by_an_edited_node.py::TestTakingALicensedDesign",
    "credit for oneself": "tests/scenarios/test_threats_by_an_edited_node.py::TestCreditingHerself",
    "a budget overdrawn": "tests/scenarios/test_threats_by_an_edited_node.py::TestOverdrawingABudget",
    "a lot that is sold twice": "tests/scenarios/test_threats_by_an_edited_node.py::TestSellingALotTwice",
    "a changed value equation": "tests/scenarios/test_threats_by_an_edited_node.py::TestChangingAnEquation",
    "a private body that others read": "tests/protocol/test_privacy.py::TestAPrivateBody",
}


@pytest.mark.parametrize("threat", THREATS)
def test_has_a_test_of_its_name(threat: str) -> None:
    file, _, name = THREATS[threat].partition("::")

    assert f"class {name}:" in (ROOT / file).read_text()


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[list[Ledger]]:
    """Return three empty ledgers of one commons."""
    made = [new_ledger(tmp_path / name, seed=number) for number, name in enumerate(("anna", "bo", "cleo"))]
    yield made
    for ledger in made:
        ledger.close()


class TestASplitView:
    """Eve shows anna one past of her chain and bo another."""

    @pytest.fixture
    def branches(self, ledgers: list[Ledger]) -> tuple[Entry, Entry, Entry]:
        anna, bo, _ = ledgers
        opening = anna.open_chain(pair("eve"))
        here, there = (after(opening, opening, a_need(amount), network=anna.network) for amount in (1, 2))
        anna.ingest(as_runs([here]))
        bo.ingest(as_runs([opening, there]))
        return opening, here, there

    def test_lasts_until_the_two_meet_in_whichever_direction(
        self, ledgers: list[Ledger], branches: tuple[Entry, Entry, Entry]
    ) -> None:
        anna, bo, cleo = ledgers
        opening, here, there = branches
        assert [len(one.tips_of(opening.id)) for one in (anna, bo)] == [1, 1]

        pull(anna, cleo)
        pull(bo, cleo)
        pull(anna, bo)
        pull(bo, anna)

        for one in ledgers:
            assert {tip.id for tip in one.tips_of(opening.id)} == {here.id, there.id}
            assert one.standing.forked_at == {opening.id: 1}
            assert not one.standing.needs  # nobody relied on either
        assert anna.digest() == bo.digest() == cleo.digest()

    def test_cannot_be_upheld_by_a_peer_that_lets_through_one_branch_only(
        self, ledgers: list[Ledger], branches: tuple[Entry, Entry, Entry]
    ) -> None:
        anna, bo, cleo = ledgers
        opening, here, there = branches
        honest = bo.open_chain(pair("bo"))
        [citing] = bo.publish(pair("bo"), honest.id, [Content("x.org.example.note", [], there.id)])
        cleo.ingest(as_runs([opening, here]))  # all that eve lets cleo have

        report = cleo.ingest(as_runs([honest, citing]))  # one entry from anybody who saw the other

        assert report.missing == {there.id}
        cleo.ingest(as_runs([there]))
        assert len(cleo.tips_of(opening.id)) == 2
        assert cleo.entry_of(citing.id)
        assert anna.count() == 2


class TestAFalseReport:
    def test_of_a_fork_is_invalid_and_its_target_stands(self) -> None:
        commons = Commons()
        anna, eve = commons.member("anna"), commons.member("eve")
        first, second = anna.need(1), anna.need(2)

        pairs = [(first, second), (anna.opening, first), (first, eve.opening)]

        for one, other in pairs:
            assert eve.why_not(compose.warrant(one.id, other.id)) == "warrant.fork"
        assert not commons.standing.forked_at
        assert commons.status(eve.pledge(first, 1)) is Status.PENDING

    def test_by_a_peer_whose_rules_are_broken_changes_no_verdict_of_others(
        self, ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        anna, bo, cleo = ledgers
        opening = anna.open_chain(pair("anna"))
        [need] = anna.publish(pair("anna"), opening.id, [a_need()])

        def refuse(*_: object, **__: object) -> Verdict:
            return Verdict(Refused("need.amount", "planted"), {})

        with monkeypatch.context() as broken:
            broken.setattr("mycelia_node.ledger.judge", refuse)
            pull(anna, bo)
        told = [stored for stored in bo.stored() if not stored.is_valid]
        pull(bo, cleo)

        assert told
        assert all(stored.is_valid for stored in cleo.stored())
        assert need.id in cleo.standing.needs
        assert cleo.digest() == anna.digest()


class TestAPartyThatVanishes:
    """Anna receives, bo provides: whoever stays has a way out that needs nothing more from the other.

    Each cites all that the other has said. Only who cancels owes something.
    """

    @pytest.mark.parametrize(
        ("last", "stays", "exits"),
        [
            ("commit", "anna", ["cancel"]),
            ("commit", "bo", ["cancel", "release"]),
            ("accept", "anna", ["cancel", "lapse"]),
            ("accept", "bo", ["cancel", "deliver"]),
            ("deliver", "anna", ["cancel", "receive"]),
            ("deliver", "bo", []),
        ],
    )
    def test_leaves_the_other_an_exit_after_each_step(self, last: str, stays: str, exits: list[str]) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need(10)
        line = bo.pledge(need, 5)
        accepts = [] if last == "commit" else [anna.accept(need, line)]
        delivers = [bo.on("deliver", line, cites=accepts)] if last == "deliver" else []

        commons.wait(commons.charter.grace_ms + 24 * HOUR_MS)
        member, kinds, cited = (
            (anna, ("cancel", "lapse", "receive"), delivers)
            if stays == "anna"
            else (bo, ("cancel", "deliver", "release"), accepts)
        )
        left = [kind for kind in kinds if member.judge(member.draft(on(kind, line, cites=cited))).is_valid]

        assert left == exits


class TestAReceiverWhoDenies:
    def test_to_have_seen_a_commit_holds_the_capacity_no_longer_than_was_said(self) -> None:
        commons = Commons()
        anna, bo, cleo = (commons.member(name) for name in ("anna", "bo", "cleo"))
        need, other = anna.need(10), cleo.need(10)
        offer = bo.offer(10)
        line = bo.commit(bo.row(offer, (need, 10)), (need, 10), hold=600_000), 0
        assert bo.why_not(on("release", line)) == "release.ground"

        commons.wait(600_000 + commons.charter.grace_ms + 1)
        bo.on("release", line)

        assert commons.status(line) is Status.VOID
        assert bo.committed(offer) == 0
        assert anna.why_not(compose.accept(need=need.id, lines=[(line[0].id, 0)])) != "valid"
        again = bo.commit(bo.row(offer, (other, 10)), (other, 10)), 0
        assert commons.status(again) is not Status.VOID


class TestGuessingADeletedBody:
    def test_fails_with_the_whole_dictionary_and_without_the_nonce(self, ledgers: list[Ledger]) -> None:
        anna, bo, _ = ledgers
        words = ("yes", "no", "maybe")
        opening = anna.open_chain(pair("anna"))
        [entry] = anna.publish(pair("anna"), opening.id, [a_need()], [{"note": "yes"}])
        pull(anna, bo)
        held = bo.get(entry.id)
        assert held
        said, block = held.entry.header.body_digest, entry.body
        assert block
        value = decode(block, max_bytes=len(block))
        assert isinstance(value, list)
        nonce, _ = value
        assert isinstance(nonce, bytes)

        guesses = {digest(write_body({"note": word}, bytes([n]) * 16)) for word in words for n in range(256)}

        assert said not in guesses
        assert said in {digest(write_body({"note": word}, nonce)) for word in words}  # whoever was told it can guess
