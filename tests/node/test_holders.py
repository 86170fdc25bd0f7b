"""Root keys that several people hold, each on a node of their own: what one drafts, others sign and somebody says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mycelia_node import drafts, models
from mycelia_node.drafts import Draft
from mycelia_node.faults import BadInput, StoreFault
from mycelia_node.hall import stated
from mycelia_protocol import cid
from mycelia_protocol.errors import Malformed, Refused
from mycelia_protocol.holders import SHARED_KEYS, Holders
from mycelia_protocol.identity import keyset_of
from mycelia_protocol.membership import Status
from mycelia_protocol.roots import Roots

from .test_people import joined, need
from .towns import Home, Town, Tree

NEEDED, NAMES = 2, ("anna", "bo", "cleo")


@pytest.fixture
def town() -> Iterator[Town]:
    """Return a town where anna's identity is held by anna, bo and cleo, of whom two sign."""
    town = Town(Tree(3, 4, True))
    for name in NAMES[1:]:
        joined(town, name)
    share_out(town)
    for _ in range(2):  # one commits to the holders, the next hands over
        say(town, town["anna"].hall.rotate(models.NewRotation(member="anna")), "bo")
    town.meet()
    yield town
    town.close()


def held_name(name: str) -> str:
    """Return under which name somebody keeps their part of anna's root keys."""
    return name if name == "anna" else "for anna"


def share_out(town: Town, needed: int = NEEDED) -> None:
    """Let everybody give the others a share, and name the holders."""
    shares = [town[name].hall.share(models.NewShare(name=held_name(name))).share for name in NAMES]
    for name in NAMES:
        town[name].keystore.keep_holders(held_name(name), Holders(needed, tuple(map(drafts.read_share, shares))))


def sign(home: Home, text: str) -> models.SignedView:
    return home.hall.sign(models.NewSignature(statement=text))


def say(town: Town, done: models.Published, *signers: str) -> models.Published:
    """Let holders sign what one of them drafted, and publish it on anna's chain, unless it was published already."""
    text = done.statement
    if text is None:
        return done
    town.meet("anna", *signers)
    for name in signers:
        text = sign(town[name], text).statement
    return town["anna"].hall.state(models.NewStatement(copies=[text], member="anna"))


def threshold(home: Home, identity: str) -> int:
    person = home.hall.people.person(home.hall.people.identities(identity)[0])
    return home.hall.people.keyset(person).threshold


def annas(town: Town) -> str:
    return town["anna"].hall.identity("anna").identity


class TestHolders:
    def test_take_over_an_identity_by_two_rotations(self, town: Town) -> None:
        for name in NAMES:
            assert threshold(town[name], annas(town)) == NEEDED

    def test_follow_an_identity_from_its_beginning(self) -> None:
        town = Town(None)
        shares = [town["anna"].hall.share(models.NewShare(name=name)).share for name in ("dora", "for dora")]
        holders = Holders(2, tuple(map(drafts.read_share, shares)))
        home = town["anna"]
        home.keystore.keep_holders("dora", holders)

        home.hall.create_member(models.NewMember(name="dora"))
        rotated = home.hall.rotate(models.NewRotation(member="dora"))
        signed = sign(home, rotated.statement or "")  # both parts are kept on this node
        home.hall.state(models.NewStatement(copies=[signed.statement], member="dora"))

        keyset = home.hall.people.keyset(home.hall.people.of("dora"))
        assert (keyset.threshold, keyset.keys) == (2, holders.keys(0))
        town.close()

    def test_rotate_together(self, town: Town) -> None:
        before = town["anna"].hall.identity("anna").event
        drafted = town["anna"].hall.rotate(models.NewRotation(member="anna"))
        assert (drafted.id, town["anna"].hall.identity("anna").event) == ("", before)

        signed = sign(town["bo"], drafted.statement or "")
        rotated = town["anna"].hall.state(models.NewStatement(copies=[signed.statement], member="anna"))
        town.meet()

        assert (signed.signed, signed.needed) == (2, 2)
        assert town["cleo"].hall.identities()  # it knows the same event as anna
        events = {one.event for name in NAMES for one in town[name].hall.identities() if one.identity == annas(town)}
        assert events == {rotated.id}

    def test_see_for_which_chain_a_limit_is_before_they_sign_it(self, town: Town) -> None:
        people = town["anna"].hall.people
        drafted = stated(people.threshold("anna", "co2", "ceiling", 500, begin_ms=0, end_ms=1))

        shown = sign(town["bo"], drafted.statement or "")

        chain = cid.text(town["anna"].keystore.member("anna").chain)
        assert shown.meaning == f"Issues a ceiling of 500 for co2, by identity {annas(town)}, once, on chain {chain}."

    def test_are_each_as_good_as_the_others(self, town: Town) -> None:
        """Anna's own part is not needed: hers is signed over by the two others."""
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")
        text = draft._replace(seals=b"").text()

        one, other = sign(town["bo"], text).statement, sign(town["cleo"], text).statement
        said = town["anna"].hall.state(models.NewStatement(copies=[one, other], member="anna"))

        assert said.kind == "id.rotate"

    def test_cut_a_chain_together_with_its_heir(self, town: Town) -> None:
        anna = town["anna"]
        bot = anna.hall.delegate(models.NewDelegation(name="bot", member="anna")).member
        assert bot
        own = cid.text(anna.keystore.member("anna").chain)
        drafted = anna.hall.revoke(models.NewRevocation(member="anna", chain=own, heir=bot.chain))
        signed = sign(town["cleo"], drafted.statement or "")
        anna.hall.state(models.NewStatement(copies=[signed.statement], member="bot"))
        town.meet()

        cut = next(one for one in town["cleo"].hall.people.person(cid.link(annas(town))).chains if cid.text(one) == own)
        assert town["cleo"].ledger.members.heirs(cut) == (cid.link(bot.chain),)
        assert "takes over" in signed.meaning

    def test_end_an_identity_together(self, town: Town) -> None:
        say(town, town["anna"].hall.close(models.NewClosure(member="anna")), "cleo")
        town.meet()

        assert town["bo"].hall.people.person(cid.link(annas(town))).status is Status.CLOSED

    def test_are_not_asked_for_a_delegation(self, town: Town) -> None:
        done = town["anna"].hall.delegate(models.NewDelegation(name="bot", member="anna"))

        assert done.member
        assert need(town["anna"], "bot").id

    def test_are_replaced_by_others(self, town: Town) -> None:
        share_out(town, needed=3)

        say(town, town["anna"].hall.rotate(models.NewRotation(member="anna")), "bo")
        with pytest.raises(BadInput, match="2 of 3 holders have signed"):
            say(town, town["anna"].hall.rotate(models.NewRotation(member="anna")), "bo")
        say(town, town["anna"].hall.rotate(models.NewRotation(member="anna")), "bo", "cleo")

        assert threshold(town["anna"], annas(town)) == 3

    def test_need_new_shares_when_theirs_are_used_up(self, town: Town) -> None:
        anna = town["anna"]
        for _ in range(SHARED_KEYS - 2):  # the first set is in force, and each commits to the one after it
            say(town, anna.hall.rotate(models.NewRotation(member="anna")), "bo")
        with pytest.raises(StoreFault, match="used up"):
            anna.hall.rotate(models.NewRotation(member="anna"))
        town.meet()

        share_out(town)
        for _ in range(3):
            say(town, anna.hall.rotate(models.NewRotation(member="anna")), "bo")
        assert threshold(anna, annas(town)) == NEEDED


class TestAnotherDevice:
    def test_begins_when_the_holders_have_signed_for_it(self, town: Town) -> None:
        new, words = town.settle("new"), town["anna"].hall.phrase("anna")
        town.meet()
        drafted = new.hall.restore(models.NewRestoration(name="anna", phrase=words))
        waiting = new.keystore.waiting()
        new.hall.people.tend()  # as at each start: it goes on waiting

        texts = [sign(town[name], drafted.statement or "") for name in NAMES[1:] if asked(town[name], drafted)]
        said = new.hall.state(models.NewStatement(copies=[texts[0].statement]))
        town.meet()

        assert (drafted.member, waiting, new.keystore.waiting()) == (None, ["anna"], [])
        assert new.hall.identity("anna").identity == annas(town)
        assert need(new, "anna").chain == said.chain
        assert "speak for identity" in texts[0].meaning

    def test_is_named_by_a_rotation_that_would_end_it(self, town: Town) -> None:
        new, words = town.settle("new"), town["anna"].hall.phrase("anna")
        town.meet()
        opening = new.hall.restore(models.NewRestoration(name="anna", phrase=words))
        texts = [sign(town[name], opening.statement or "") for name in NAMES[1:] if asked(town[name], opening)]
        said = new.hall.state(models.NewStatement(copies=[texts[0].statement]))
        town.meet()
        drafted = town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or ""
        draft = drafts.read(drafted)
        event = draft.header.named(draft.terms[0])
        assert event is not None
        ending = draft._replace(deps=event, terms=(0, *draft.terms[1:]), seals=b"").text()

        shown = [town["bo"].hall.sign(models.NewSignature(statement=one, dry_run=True)) for one in (drafted, ending)]

        assert "keeps all chains that root keys opened" in shown[0].meaning
        assert f"ends {said.chain}" in shown[1].meaning

    def test_is_signed_for_by_the_holders_that_are_named(self, town: Town) -> None:
        """Anna's phrase opens it, bo cannot be reached: so cleo, the third holder, signs."""
        new, anna = town.settle("new"), town["anna"]
        town.meet()
        new.keystore.keep_holders("anna", anna.keystore.holders("anna")[-1])
        wish = models.NewRestoration(name="anna", phrase=anna.hall.phrase("anna"), by=[1, 3])
        with pytest.raises(BadInput, match="2 of the holders sign"):
            new.hall.restore(models.NewRestoration(name="anna", phrase=wish.phrase, by=[1, 9]))

        drafted = new.hall.restore(wish)
        again = new.hall.restore(wish)  # the first text was lost

        assert not asked(town["bo"], again)
        signed = sign(town["cleo"], again.statement or "")
        assert new.hall.state(models.NewStatement(copies=[signed.statement])).kind == "open"
        assert drafted.member is None

    def test_cuts_the_lost_one_afterwards(self, town: Town) -> None:
        words, own = town["anna"].hall.phrase("anna"), cid.text(town["anna"].keystore.member("anna").chain)
        new = town.settle("new")
        town.meet()

        with pytest.raises(BadInput, match="one thing at a time"):
            new.hall.restore(models.NewRestoration(name="anna", phrase=words, lost=[own]))
        assert new.keystore.waiting() == []


class TestGuardiansOfSeveral:
    def test_give_the_identity_back_to_new_holders(self, town: Town) -> None:
        anna, bo = town["anna"], town["bo"]
        guardians = [bo.hall.identity("bo").identity]
        say(town, anna.hall.rotate(models.NewRotation(member="anna", guardians=guardians)), "bo")
        new = town.settle("new")
        town.meet()
        shares = [new.hall.share(models.NewShare(name=name)).share for name in ("back", "other")]
        new.keystore.keep_holders("back", Holders(2, tuple(map(drafts.read_share, shares))))

        recovery = bo.hall.recover(models.NewRecovery(request=new.hall.ask_recovery("back", annas(town))))
        town.now_ms += town.charter.recovery_ms + 60_000
        bo.hall.complete(models.NewStep(id=recovery.id))
        town.meet()
        drafted = new.hall.restore(models.NewRestoration(name="back"))
        signed = sign(new, drafted.statement or "")
        new.hall.state(models.NewStatement(copies=[signed.statement]))

        assert threshold(new, annas(town)) == 2
        assert new.hall.identity("back").identity == annas(town)


class TestAStatement:
    def test_is_signed_by_nobody_who_holds_no_part(self, town: Town) -> None:
        drafted = town["anna"].hall.rotate(models.NewRotation(member="anna"))
        eve = joined(town, "eve", "bo")

        with pytest.raises(BadInput, match="no root keys kept here"):
            sign(eve, drafted.statement or "")

    def test_says_what_it_means_before_it_is_signed(self, town: Town) -> None:
        drafted = town["anna"].hall.rotate(models.NewRotation(member="anna"))
        asked_of = models.NewSignature(statement=drafted.statement or "", dry_run=True)

        shown = town["bo"].hall.sign(asked_of)

        assert (shown.signed, shown.statement) == (1, drafted.statement)
        assert annas(town) in shown.meaning
        assert "3 root keys of which 2 sign, and the next ones are those of 3 holders known here" in shown.meaning

    def test_that_would_hand_over_to_strangers_says_so(self, town: Town) -> None:
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")
        terms = (*draft.terms[:3], bytes(32), *draft.terms[4:])
        text = draft._replace(terms=terms, seals=b"").text()

        shown = town["bo"].hall.sign(models.NewSignature(statement=text, dry_run=True))

        assert "whose the next ones are is not known here" in shown.meaning

    def test_is_not_said_with_too_few_signatures(self, town: Town) -> None:
        drafted = town["anna"].hall.rotate(models.NewRotation(member="anna"))

        with pytest.raises(BadInput, match="1 of 2 holders have signed"):
            town["anna"].hall.state(models.NewStatement(copies=[drafted.statement or ""], member="anna"))

    def test_is_judged_like_any_other_entry(self, town: Town) -> None:
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")
        first = town["anna"].keystore.member("anna").chain  # the inception, which committed to other root keys
        bare = draft._replace(deps=first, seals=b"").text()
        for name in ("bo", "cleo"):
            bare = sign(town[name], bare).statement
        with pytest.raises(Refused) as refused:
            town["anna"].hall.state(models.NewStatement(copies=[bare], member="anna"))
        assert refused.value.rule == "rotate.revealed"

    def test_with_a_bad_signature_is_not_passed_on(self, town: Town) -> None:
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")
        for seals in (draft.seals[:1] + bytes(64), b"\x09" + draft.seals[1:]):
            with pytest.raises(BadInput, match="is not good"):
                sign(town["bo"], draft._replace(seals=seals).text())

    def test_is_merged_with_copies_of_itself_alone(self, town: Town) -> None:
        one = town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or ""
        other = town["anna"].hall.close(models.NewClosure(member="anna")).statement or ""

        with pytest.raises(BadInput, match="do not say the same"):
            town["anna"].hall.state(models.NewStatement(copies=[one, other], member="anna"))

    def test_of_another_commons_is_refused(self, town: Town) -> None:
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")

        with pytest.raises(BadInput, match="another commons"):
            sign(town["bo"], draft._replace(network=bytes(32)).text())

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "id.delegate"}, {"kind": "open"}, {"terms": ()}, {"terms": (0,) * 6}, {"terms": (b"", None, 7)},
            {"kind": "id.revoke", "terms": (0, 0, 0)}, {"kind": "id.revoke", "terms": (-1, b"x", 10**9)},
            {"kind": "id.close", "terms": (None,)}, {"kind": "open", "terms": (0, 0, 0, 0), "places": b"\x00"},
            {"deps": b""}, {"deps": b"short"}, {"seals": b"short"}, {"network": b""},
        ],
    )  # fmt: skip
    def test_of_any_other_form_is_one_sentence(self, town: Town, change: dict[str, object]) -> None:
        draft = drafts.read(town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or "")
        text = draft._replace(**{"seals": b"", **change}).text()  # type: ignore[arg-type]

        with pytest.raises((BadInput, Malformed)):
            town["bo"].hall.sign(models.NewSignature(statement=text))

    def test_is_read_whole_or_not_at_all(self, town: Town) -> None:
        text = town["anna"].hall.rotate(models.NewRotation(member="anna")).statement or ""

        assert drafts.read(f" {text[:40]}\n{text[40:]} ").text() == text
        for bad in (text[:-1], text[1:], text[:30] + "!" + text[31:], "", text + "A" * 50_000):
            with pytest.raises(Malformed, match=r"statement\.text"):
                drafts.read(bad)


class TestAShare:
    def test_is_the_same_until_its_keys_are_in_use(self, town: Town) -> None:
        again = [town["bo"].hall.share(models.NewShare(name=name)).share for name in ("x", "x")]
        used = town["bo"].hall.share(models.NewShare(name="for anna")).share

        assert again[0] == again[1]
        assert drafts.read_share(used) != town["bo"].keystore.holders("for anna")[-1].shares[1]

    def test_offers_no_key_that_an_event_has_shown(self, town: Town) -> None:
        anna = town["anna"]
        offered = drafts.read_share(anna.hall.share(models.NewShare(name="anna")).share)

        shown = {key for one in anna.ledger.stored(0, -1) if (keyset := keyset_of(one.entry)) for key in keyset.keys}
        assert not shown & set(offered)

    def test_is_read_whole_or_not_at_all(self) -> None:
        text = drafts.write_share(tuple(Roots(bytes(32)).pair(number).public for number in range(16)))

        assert drafts.write_share(drafts.read_share(text)) == text
        for bad in (text[:-1], "x" + text, "", "myceliashare1"):
            with pytest.raises(Malformed, match=r"share\.text"):
                drafts.read_share(bad)

    def test_is_each_holders_own(self) -> None:
        one, other = (tuple(Roots(bytes([seed]) * 32).pair(number).public for number in range(16)) for seed in (1, 2))

        drafts.check_holders(2, [one, other])
        for needed, shares in ((2, [one, one]), (3, [one, other]), (0, [one]), (1, [])):
            with pytest.raises(BadInput):
                drafts.check_holders(needed, shares)


def asked(home: Home, drafted: models.Restored) -> bool:
    """Return whether somebody's root keys are among those that an `open` names as its signers."""
    draft, keyset = home.hall.people.draft([drafted.statement or ""])
    assert isinstance(draft, Draft)
    try:
        home.hall.people.sign(draft, keyset)
    except BadInput:
        return False
    return True
