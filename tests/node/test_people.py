"""What members do about identities, over real ledgers, keys and files, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from mycelia_node import models
from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.hall import read_request
from mycelia_node.ledger import Ledger
from mycelia_node.memberfile import Plan
from mycelia_node.phrase import phrase_of, roots_of
from mycelia_protocol import cid, invitation, statements
from mycelia_protocol.charter import Stewards
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, seal
from mycelia_protocol.errors import Malformed, Premature, Refused
from mycelia_protocol.identity import KeySet
from mycelia_protocol.keys import KeyPair, did, keypair
from mycelia_protocol.roots import Roots
from mycelia_protocol.statements import Signers
from tests.builders import CELL

from .ledgers import pull
from .towns import Home, Town, Tree

FOOD = {"resource_class": "food", "amount": "5 kg", "at": CELL, "until": "+9d"}


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town(Tree(3, 4, True))
    yield town
    town.close()


def joined(town: Town, name: str, sponsor: str = "anna") -> Home:
    """Let somebody in by an invitation, in a home of their own."""
    text = town[sponsor].hall.invite(models.NewInvitation(member=sponsor)).text
    home = town.settle(name)
    home.keystore.prepare(name, Plan(invitation=text))
    town.meet()
    return home


def need(home: Home, member: str) -> models.Published:
    [published] = home.desk.publish([models.NewSignal(kind="need", member=member, **FOOD)])  # type: ignore[arg-type]
    return published


def statuses(home: Home) -> list[str]:
    return sorted(one.status for one in home.hall.identities())


class TestAnInvitation:
    def test_lets_a_newcomer_in_without_anybody_doing_more(self, town: Town) -> None:
        bo = joined(town, "bo")

        assert statuses(bo) == statuses(town["anna"]) == ["member", "member"]
        need(bo, "bo")
        town.meet()
        assert [one.kind for one in town["anna"].desk.field().signals] == ["need"]

    def test_leaves_a_newcomer_visibly_pending_while_the_sponsor_is_away(self, town: Town) -> None:
        joined(town, "bo")
        text = town["anna"].hall.invite(models.NewInvitation()).text
        cleo = town.settle("cleo")
        cleo.keystore.prepare("cleo", Plan(invitation=text))

        town.meet("bo", "cleo")
        need(cleo, "cleo")
        town.meet("bo", "cleo")

        assert "pending" in statuses(town["bo"])
        assert town["bo"].desk.field().signals == []

        town.meet()

        assert statuses(town["bo"]) == ["member"] * 3
        assert len(town["bo"].desk.field().signals) == 1

    def test_is_kept_by_one_sponsor_though_another_here_cannot(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        anna = town["anna"]
        anna.hall.create_member(models.NewMember(name="bo"))
        stuck = anna.keystore.member("anna").chain
        guests = [town.settle("guest of anna"), town.settle("guest of bo")]
        for guest, sponsor in zip(guests, ("anna", "bo"), strict=True):
            text = anna.hall.invite(models.NewInvitation(member=sponsor)).text
            pull(anna.ledger, guest.ledger)
            guest.keystore.create(f"guest of {sponsor}", guest.ledger, Plan(invitation=text))
            pull(guest.ledger, anna.ledger)
        publish = anna.ledger.publish

        def refuse(pair: KeyPair, chain: bytes, contents: Sequence[Content]) -> list[Entry]:
            if chain == stuck:
                raise Refused("rate.cell", "too much")
            return publish(pair, chain, contents)

        monkeypatch.setattr(anna.ledger, "publish", refuse)
        with pytest.raises(Refused, match=r"rate\.cell"):
            anna.hall.people.tend()

        assert statuses(anna) == ["member", "member", "member", "pending"]

    def test_waits_for_the_sponsors_chain_before_its_own_begins(self, town: Town) -> None:
        text = town["anna"].hall.invite(models.NewInvitation()).text
        bo = town.settle("bo")
        with pytest.raises(Premature):
            bo.hall.create_member(models.NewMember(name="bo", invitation=text))

        assert bo.keystore.waiting() == ["bo"]
        with pytest.raises(BadInput, match="waits for its sponsor"):
            bo.keystore.member("bo")

        town.meet()
        assert bo.keystore.waiting() == []

    def test_is_for_one_newcomer(self, town: Town) -> None:
        text = town["anna"].hall.invite(models.NewInvitation()).text
        for name in ("bo", "eve"):
            town.settle(name).keystore.prepare(name, Plan(invitation=text))
        town.meet()

        assert statuses(town["anna"]) == ["member", "member", "pending"]

    def test_is_refused_when_it_has_ended_or_is_another_commons(self, town: Town) -> None:
        other = Town(Tree(1, 1, True), seed=8, grace_ms=5000)
        text = town["anna"].hall.invite(models.NewInvitation(hours=1)).text
        with pytest.raises(BadInput, match="another commons"):
            other["anna"].hall.create_member(models.NewMember(name="x", invitation=text))
        other.close()

        town.now_ms += 3_600_000
        with pytest.raises(BadInput, match="has ended"):
            town["anna"].hall.create_member(models.NewMember(name="x", invitation=text))

    def test_runs_out_with_the_slots(self, town: Town) -> None:
        for name in ("bo", "cleo", "dora"):
            town["anna"].hall.create_member(models.NewMember(name=name))

        with pytest.raises(BadInput, match="no admission left"):
            town["anna"].hall.invite(models.NewInvitation(member="anna"))
        eve = town["anna"].hall.create_member(models.NewMember(name="eve"))  # bo has slots of his own
        assert town["anna"].hall.identity("eve").depth == 2
        assert eve.chain


class TestStewards:
    def test_admit_by_hand_until_they_are_enough(self) -> None:
        town = Town(Stewards(1))
        text = town["anna"].hall.invite(models.NewInvitation()).text
        bo = town.settle("bo")
        bo.keystore.prepare("bo", Plan(invitation=text))
        town.meet()

        assert statuses(bo) == ["member", "member"]
        with pytest.raises(BadInput, match="no admission left"):
            bo.hall.invite(models.NewInvitation())
        town.close()


class TestABot:
    def test_speaks_within_its_grant(self, town: Town) -> None:
        anna = town["anna"]
        done = anna.hall.delegate(
            models.NewDelegation(name="bot", member="anna", kinds=["need"], daily={"food": "9 kg"}, hours=24)
        )

        assert done.member
        need(anna, "bot")
        with pytest.raises(Refused) as refused:
            need(anna, "bot")
        assert refused.value.rule == "grant.cap"

    def test_elsewhere_is_named_by_its_key(self, town: Town) -> None:
        anna = town["anna"]
        done = anna.hall.delegate(models.NewDelegation(key=did(bytes(32))))

        assert done.member is None
        with pytest.raises(BadInput, match="no did:key"):
            anna.hall.delegate(models.NewDelegation(key="did:key:zQ3sh"))
        with pytest.raises(BadInput, match="to whom"):
            anna.hall.delegate(models.NewDelegation())
        with pytest.raises(BadInput, match="no class"):
            anna.hall.delegate(models.NewDelegation(name="bot", daily={"gold": None}))
        assert anna.keystore.waiting() == []

    def test_is_cut_by_who_delegated_it_without_root_keys(self, town: Town) -> None:
        anna = town["anna"]
        bot = anna.hall.delegate(models.NewDelegation(name="bot")).member
        assert bot
        first = need(anna, "bot")
        anna.keystore.forget_roots("anna")

        anna.hall.revoke(models.NewRevocation(member="anna", chain=bot.chain, cut=first.id))
        need(anna, "bot")

        assert len(anna.desk.field().signals) == 1
        assert {chain.counts for chain in anna.hall.identity("anna").chains} == {"whole", "partly"}


class TestALostDevice:
    def test_is_cut_and_followed_by_another_with_one_act(self, town: Town) -> None:
        bo = joined(town, "bo")
        words = bo.hall.phrase("bo")
        kept = need(bo, "bo")
        town.meet()
        lost = bo.keystore.member("bo").chain

        new = town.settle("bo again")
        town.meet("anna", "bo again")
        done = new.hall.restore(models.NewRestoration(name="bo", phrase=words, lost=[cid.text(lost)], rotate=True))
        thief = need(bo, "bo")  # whoever has the device goes on
        town.meet()

        assert done.member
        assert [one.kind for one in done.entries] == ["id.revoke", "id.rotate"]
        rotation = new.desk.entry(done.entries[1].id).entry
        assert kept.id in map(cid.text, rotation.header.links)  # what root keys signed below stays
        for home in (town["anna"], bo, new):
            shown = [one.id for one in home.desk.field().signals]
            assert kept.id in shown
            assert thief.id not in shown
        assert need(new, "bo").id
        cut = next(chain for chain in new.hall.identity("bo").chains if chain.chain == cid.text(lost))
        assert (cut.counts, cut.heirs) == ("partly", [done.member.chain])
        new.desk.withdraw(models.NewWithdrawal(id=kept.id))  # what the lost device promised is the new one's affair now
        town.meet()
        assert kept.id not in [one.id for one in town["anna"].desk.field().signals]

    def test_gives_back_its_admissions_once_it_is_cut(self, town: Town) -> None:
        """Whoever has the key forks the chain low: what nobody named is left aside, until a cut names it."""
        anna, bo = town["anna"], joined(town, "bo")
        words, chain = anna.hall.phrase("anna"), anna.keystore.member("anna").chain
        opening, first = (anna.ledger.stored(chain=chain)[at].entry for at in (0, 1))
        header = first.header._replace(kind="x.org.example.theft", terms=[], deps=b"", body_digest=None, body_length=0)
        fork = seal(header, anna.keystore.pair("anna"), network=anna.ledger.network)
        assert header.backlink == opening.id

        bo.ledger.ingest([[fork]])
        town.meet("bo", "anna")
        assert statuses(bo) == statuses(anna) == ["member", "pending"]

        new = town.settle("anna again")
        town.meet("bo", "anna again")
        new.hall.restore(models.NewRestoration(name="anna", phrase=words, lost=[cid.text(chain)]))
        town.meet()

        assert {tuple(statuses(home)) for home in town.homes.values()} == {("member", "member")}

    def test_needs_the_right_phrase(self, town: Town) -> None:
        anna = town["anna"]
        words = anna.hall.phrase().split()
        for bad, why in (
            (words[:-1], "24 words"),
            ([*words[:-1], "mycelium"], "word 24"),
            ([*phrase_of(Roots(bytes(32))).split()[:23], "abandon"], "belong together"),
        ):
            with pytest.raises(BadInput, match=why):
                anna.hall.restore(models.NewRestoration(name="again", phrase=" ".join(bad)))
        with pytest.raises(BadInput, match="no identity here"):
            anna.hall.restore(models.NewRestoration(name="again", phrase=phrase_of(Roots(bytes(32)))))
        assert roots_of(" ".join(words).upper()).seed == roots_of(" ".join(words)).seed

    def test_is_not_mended_for_an_identity_that_only_names_the_same_root_key(self) -> None:
        town = Town()
        anna, mallory = town["anna"], keypair(b"m" * 32)
        roots = anna.keystore.roots("anna")
        assert roots is not None
        own = keypair(b"r" * 32)
        both = tuple(sorted((own.public, roots.pair(0).public)))
        root = Signers(town.charter.network, {both.index(own.public): own})
        for number in range(8):  # some of these come before hers in the list
            keyset, nonce = KeySet(1, both, bytes(32), 0, ()), bytes([number]) * 16
            opening = statements.founding(
                mallory.public, keyset, nonce=nonce, at=anna.ledger.moment(b""), root=root, invitation=None
            )
            anna.ledger.open_chain(mallory, opening)
        identity = anna.hall.identity("anna").identity

        anna.hall.restore(models.NewRestoration(name="again", phrase=anna.hall.phrase("anna")))

        assert anna.hall.identity("again").identity == identity
        town.close()

    def test_of_a_stranger_has_nobody_here_for_its_heir(self, monkeypatch: pytest.MonkeyPatch) -> None:
        town = Town()
        bo = town.settle("bo")
        bo.keystore.create("bo", bo.ledger)
        delegated = bo.hall.delegate(models.NewDelegation(name="bot"))
        assert delegated.member is not None
        town.meet()
        heir = cid.text(town["anna"].keystore.member("anna").chain)
        bo.hall.revoke(models.NewRevocation(member="bo", chain=delegated.member.chain, heir=heir))
        town.meet("bo")
        tried: list[object] = []
        monkeypatch.setattr(town["anna"].ledger, "publish", lambda *said: tried.append(said))

        town.meet()

        assert tried == []
        town.close()

    def test_cannot_be_mended_where_the_root_keys_were_taken_away(self, town: Town) -> None:
        anna = town["anna"]
        anna.keystore.forget_roots("anna")

        with pytest.raises(StoreFault, match="not on this node"):
            anna.hall.rotate(models.NewRotation())
        with pytest.raises(BadInput, match="does not keep"):
            anna.hall.phrase()


class TestGuardians:
    def test_give_back_an_identity_whose_device_and_phrase_are_lost(self, town: Town) -> None:
        anna, bo, cleo = town["anna"], joined(town, "bo"), joined(town, "cleo")
        guardians = [home.hall.identity().identity for home in (bo, cleo)]
        anna.hall.rotate(models.NewRotation(guardians=guardians, consents=2))
        town.meet()
        identity = anna.hall.identity().identity
        published = need(anna, "anna")
        town.meet()

        new = town.settle("new")
        town.meet("bo", "cleo", "new")
        request = new.hall.ask_recovery("anna", identity)
        recovery = bo.hall.recover(models.NewRecovery(request=request))
        town.meet("bo", "cleo", "new")
        cleo.hall.consent(models.NewStep(id=recovery.id))
        with pytest.raises(Refused) as early:
            cleo.hall.complete(models.NewStep(id=recovery.id))
        town.now_ms += town.charter.recovery_ms + 60_000
        cleo.hall.complete(models.NewStep(id=recovery.id))
        town.meet("bo", "cleo", "new")
        lost = anna.keystore.member().chain
        done = new.hall.restore(models.NewRestoration(name="anna", lost=[cid.text(lost)]))
        town.meet()

        assert early.value.rule == "complete.delay"
        assert done.member
        assert done.member.chain in {chain.chain for one in bo.hall.identities() for chain in one.chains}
        assert new.hall.identity("anna").identity == identity
        assert published.id in [one.id for one in bo.desk.field().signals]

    def test_are_vetoed_by_the_next_root_keys(self, town: Town) -> None:
        anna, bo = town["anna"], joined(town, "bo")
        anna.hall.rotate(models.NewRotation(guardians=[bo.hall.identity().identity]))
        town.meet()
        request = bo.hall.ask_recovery("thief", anna.hall.identity().identity)
        recovery = bo.hall.recover(models.NewRecovery(request=request))
        town.now_ms += town.charter.recovery_ms + 60_000
        bo.hall.complete(models.NewStep(id=recovery.id))
        town.meet()

        anna.hall.rotate(models.NewRotation())
        town.meet()

        with pytest.raises(BadInput, match="no identity here"):
            bo.hall.restore(models.NewRestoration(name="thief"))

    def test_take_no_request_that_is_not_whole(self, town: Town) -> None:
        text = town["anna"].hall.ask_recovery("anna", town["anna"].hall.identity().identity)

        assert cid.text(read_request(text)[0]) == town["anna"].hall.identity().identity
        for bad in (text[:-1], "x" + text, text[:30] + "!" + text[31:], ""):
            with pytest.raises(Malformed, match=r"request\.text"):
                read_request(bad)


class TestAnEnd:
    def test_leaves_what_was_said_and_takes_what_comes_later(self, town: Town) -> None:
        bo = joined(town, "bo")
        kept = need(bo, "bo")
        bo.hall.close(models.NewClosure())
        later = need(bo, "bo")
        town.meet()

        shown = [one.id for one in town["anna"].desk.field().signals]
        assert kept.id in shown
        assert later.id not in shown
        assert "closed" in statuses(town["anna"])


class TestACharter:
    def test_changes_for_the_chains_that_adopt_it(self, town: Town) -> None:
        anna, bo = town["anna"], joined(town, "bo")
        enact = bo.hall.amend(models.NewAmendment(changes={"classes.bikes": "1/1 piece", "limits.amount": 60}))
        town.meet()
        with pytest.raises(Refused) as early:
            bo.hall.adopt(models.NewStep(id=enact.id))
        anna.hall.consent(models.NewStep(id=enact.id))
        town.meet()
        bo.hall.adopt(models.NewStep(id=enact.id))

        bike = models.NewSignal(kind="offer", resource_class="bikes", amount="2", at=CELL)
        [offered] = bo.desk.publish([bike])
        town.meet()

        assert early.value.rule == "adopt.consents"
        with pytest.raises(Refused, match="not in the charter"):
            anna.desk.publish([bike])
        need(bo, "bo")  # 5 kg are 50 quanta, which is allowed; 6.1 kg are not
        with pytest.raises(Refused) as capped:
            bo.desk.publish([models.NewSignal(kind="need", **{**FOOD, "amount": 61})])  # type: ignore[arg-type]
        assert capped.value.rule == "intent.amount"
        [shown] = anna.desk.field(resource_class="bikes").signals
        assert (shown.id, shown.amount_text) == (offered.id, "2 piece")
        assert anna.ledger.verify().faults == []

    def test_is_still_there_after_a_restart(self, town: Town) -> None:
        anna = town["anna"]
        enact = anna.hall.amend(models.NewAmendment(changes={"grace_ms": 5}))
        anna.hall.adopt(models.NewStep(id=enact.id))
        chain = anna.keystore.member().chain
        anna.ledger.close()

        again = anna.ledger = Ledger.open(town.folder / "anna", clock=town.clock, entropy=town.dice.randbytes)

        assert again.law_of(chain).grace_ms == 5
        version = again.version_of(chain)
        assert version
        assert version.number == 1


class TestTheMembrane:
    def test_keeps_nothing_of_who_was_not_invited(self, town: Town) -> None:
        outside = Town(None, seed=9)
        stranger = town.settle("stranger")
        text = invitation.text(
            invitation.invite(
                outside["anna"].keystore.pair("anna"), town["anna"].keystore.member().chain, seed=bytes(32),
                expires_ms=town.now_ms + 10_000, network=town.charter.network, peers=[],
            )
        )  # fmt: skip
        stranger.keystore.prepare("stranger", Plan(invitation=text))
        town.meet()

        assert stranger.keystore.waiting() == ["stranger"]
        assert town["anna"].ledger.count() == 1
        outside.close()
