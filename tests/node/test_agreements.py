"""Agreements between homes: lines that bind together or not at all, with three real ledgers and no id pasted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mycelia_node import client, models
from mycelia_node.deeds import Deeds
from mycelia_node.desk import NotFound
from mycelia_node.faults import BadInput
from mycelia_node.roundtable import Roundtable
from mycelia_protocol import cid, compose
from mycelia_protocol.errors import Refused
from tests.builders import CELL, HOUR_MS

from .served import HERE, TOKEN, LonePeer
from .test_client import serving
from .test_treasury import say
from .test_witnessing import peopled

RING = ("anna", "bo", "cy")  # each gives to the next, the last to the first


class Ring:
    """Three homes: wood for Bo, a chair for Cy, lessons for Anna."""

    def __init__(self) -> None:
        self.town = peopled("bo", "cy")
        self.deeds = {name: Deeds(self.town[name].desk, self.town.clock) for name in RING}
        self.tables = {name: Roundtable(self.town[name].desk, self.deeds[name]) for name in RING}
        begin_ms, end_ms = self.town.now_ms, self.town.now_ms + 48 * HOUR_MS
        offers = [
            say(self.town[name], compose.offer("food", 10, CELL, begin_ms=begin_ms, end_ms=end_ms), name)
            for name in RING
        ]
        needs = [
            say(self.town[name], compose.need("food", 10, CELL, begin_ms=begin_ms, end_ms=end_ms, urgency=0), name)
            for name in RING
        ]
        self.offers, self.needs = [[cid.text(one.id) for one in ones] for ones in (offers, needs)]
        self.legs = [f"{self.offers[at]}:{self.needs[(at + 1) % 3]}:0.{at + 1} kg" for at in range(3)]

    def promise(self, *names: str) -> None:
        """Have somebody promise the leg that they give, once."""
        for name in names:
            at = RING.index(name)
            if any(cid.text(line.offer) == self.offers[at] for line in self.town[name].ledger.standing.lines.values()):
                continue
            offer, need, amount = self.legs[at].split(":")
            self.deeds[name].commit(models.NewCommitment(offer=offer, need=need, amount=amount, conditional=True))
        self.town.meet()

    def proposed(self, **words: Any) -> str:
        """Bring an agreement of all three to where it can be signed; return its id."""
        self.promise("bo", "cy")
        view = self.tables["anna"].propose(models.NewAgreement(legs=self.legs, **words))
        self.town.meet()
        return view.entries[-1].id

    def sign(self, agreement: str, *names: str) -> None:
        """Have somebody sign it, and tell everybody."""
        for name in names:
            self.tables[name].agree(models.NewAgree(agreement=agreement))
            self.town.meet()

    def act(self, name: str, kind: Any, *lines: str) -> list[str]:
        """Have somebody do something, about all lines if none are named, and tell everybody."""
        view = self.deeds[name].act(models.NewDeed(kind=kind, lines=list(lines), everything=not lines))
        self.town.meet()
        return view.lines

    def seen(self, agreement: str, name: str = "cy") -> models.AgreementView:
        return self.tables[name].agreement(agreement)

    def stands(self, agreement: str) -> set[str | None]:
        """Return where the legs stand, as everybody sees it."""
        found = [{leg.line: leg.status for leg in self.seen(agreement, name).legs} for name in RING]
        assert found[0] == found[1] == found[2]
        return set(found[0].values())


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring = Ring()
    yield ring
    ring.town.close()


class TestAProposal:
    def test_names_offers_needs_and_amounts_and_promises_the_own_lines(self, ring: Ring) -> None:
        ring.promise("bo", "cy")
        view = ring.tables["anna"].propose(models.NewAgreement(legs=ring.legs))

        assert [one.kind for one in view.entries] == ["row", "commit", "agreement"]
        assert len(view.legs) == len(set(view.legs)) == 3
        ring.town.meet()
        assert ring.stands(view.entries[-1].id) == {"pending"}

    def test_takes_lines_by_their_names_or_by_what_has_but_one(self, ring: Ring) -> None:
        ring.promise(*RING)
        lines = [leg.line for leg in ring.seen(ring.proposed()).legs]
        again = ring.tables["cy"].propose(
            models.NewAgreement(legs=[lines[0], lines[1].partition(":")[0], ring.offers[2]])
        )
        without = ring.tables["bo"].propose(models.NewAgreement(legs=[leg.rpartition(":")[0] for leg in ring.legs]))

        assert again.legs == without.legs == lines

    def test_promises_for_nobody_else(self, ring: Ring) -> None:
        before = ring.town["anna"].ledger.count()
        with pytest.raises(BadInput, match="nobody else can") as refused:
            ring.tables["anna"].propose(models.NewAgreement(legs=ring.legs))

        assert f"mycelia commit {ring.offers[1]} {ring.needs[2]} AMOUNT --conditional" in refused.value.remedy
        assert ring.town["anna"].ledger.count() == before

    def test_is_rehearsed_without_a_trace(self, ring: Ring) -> None:
        ring.promise("bo", "cy")
        before = ring.town["anna"].ledger.count()
        early = ring.tables["anna"].propose(models.NewAgreement(legs=ring.legs, dry_run=True))
        later = ring.tables["bo"].propose(models.NewAgreement(legs=[ring.offers[1], ring.offers[2]], dry_run=True))

        assert ([one.kind for one in early.entries], early.legs[0].count(":")) == (["row"], 2)
        assert [one.kind for one in later.entries] == ["agreement"]
        assert ring.town["anna"].ledger.count() == before

    def test_ends_before_the_first_promise_does(self, ring: Ring) -> None:
        with pytest.raises(Refused) as late:
            ring.proposed(until="+47d")
        with pytest.raises(Refused) as early:
            ring.proposed(until=ring.town.now_ms - 1)

        assert (late.value.rule, early.value.rule) == ("agreement.leg", "agreement.end")

    @pytest.mark.parametrize("leg", ["bafy", "{0}:{0}:1", "{1}:{1}:1", "{0}:{1}:much", "{0}:{1}:-1", "{0}:7", "", "::"])
    def test_of_a_leg_that_is_none_is_refused_in_words(self, ring: Ring, leg: str) -> None:
        ring.promise("bo", "cy")
        with pytest.raises((BadInput, NotFound, Refused)):
            ring.tables["anna"].propose(
                models.NewAgreement(legs=[leg.format(ring.offers[0], ring.needs[1]), ring.legs[1]])
            )

    def test_has_two_legs_or_more(self, ring: Ring) -> None:
        with pytest.raises(BadInput, match="two legs"):
            ring.tables["anna"].propose(models.NewAgreement(legs=ring.legs[:1]))


class TestAnAgreement:
    def test_binds_once_all_have_signed(self, ring: Ring) -> None:
        agreement = ring.proposed()
        seen = []
        for name in RING:
            view = ring.seen(agreement)
            seen.append((view.state, sum(party.has_signed for party in view.parties), ring.stands(agreement)))
            ring.sign(agreement, name)
        view = ring.seen(agreement)

        assert seen == [("waits", 0, {"pending"}), ("waits", 1, {"pending"}), ("waits", 2, {"pending"})]
        assert (view.state, ring.stands(agreement)) == ("complete", {"firm"})

    def test_says_what_everybody_gives_and_gets(self, ring: Ring) -> None:
        view = ring.seen(ring.proposed(), "bo")
        bo = next(party for party in view.parties if party.member == "bo")

        assert (bo.gives, bo.gets, view.waits_here) == (["0.2 kg food"], ["0.1 kg food"], ["bo"])
        assert [party.member for party in view.parties if party.identity] == [None, "bo", None]

    def test_is_delivered_and_received_as_any_line_is(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, *RING)
        given = [ring.act(name, "deliver") for name in RING]
        got = [ring.act(name, "receive") for name in RING]

        assert sorted(given) == sorted(got) == sorted([leg.line] for leg in ring.seen(agreement).legs)
        assert ring.stands(agreement) == {"done"}
        assert all(ring.town[name].ledger.verify().faults == [] for name in RING)

    def test_is_delivered_apart_from_lines_of_no_agreement(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, *RING)
        new = models.NewCommitment(offer=ring.offers[0], need=ring.needs[1], amount=4)
        [single] = ring.deeds["anna"].commit(new).lines
        ring.town.meet()
        assert ring.act("bo", "accept") == [single]
        view = ring.deeds["anna"].act(models.NewDeed(kind="deliver", everything=True))

        assert (len(view.entries), set(view.lines)) == (2, {single, ring.seen(agreement, "anna").legs[0].line})

    def test_that_ends_unsigned_lapses_for_who_was_to_receive(self, ring: Ring) -> None:
        agreement = ring.proposed(until="+2h")
        ring.sign(agreement, "anna", "bo")
        ring.town.now_ms += 2 * HOUR_MS + 1
        early = ring.act("bo", "lapse")
        ring.town.now_ms += ring.town.charter.grace_ms
        late = ring.act("bo", "lapse")

        assert (early, late) == ([], [ring.seen(agreement).legs[0].line])

    def test_is_not_delivered_while_somebody_has_not_signed(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, "anna", "bo")
        line = ring.seen(agreement).legs[0].line

        assert ring.act("anna", "deliver") == ring.act("anna", "release") == []
        with pytest.raises(Refused) as early:
            ring.act("anna", "deliver", line)
        assert early.value.rule == "deliver.agreement"

    def test_that_ends_unsigned_is_left_by_all_without_a_debt(self, ring: Ring) -> None:
        agreement = ring.proposed(until="+2h")
        ring.sign(agreement, "anna", "bo")
        ring.town.now_ms += 3 * HOUR_MS

        assert ring.seen(agreement).state == "expired"
        assert (len(ring.act("anna", "release")), len(ring.act("bo", "release"))) == (1, 1)
        assert "void" in ring.stands(agreement)
        with pytest.raises(Refused) as late:
            ring.sign(agreement, "cy")
        assert late.value.rule == "agree.end"

    def test_is_left_because_another_left_it(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, *RING)
        lines = [leg.line for leg in ring.seen(agreement).legs]
        ring.act("cy", "cancel", lines[2])

        assert ring.act("anna", "deliver") == []
        assert (ring.act("anna", "release"), ring.act("bo", "release")) == ([lines[0]], [lines[1]])
        assert (ring.stands(agreement), ring.seen(agreement).owed) == ({"void"}, [])

    def test_shows_what_is_owed_by_who_took_and_left(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, *RING)
        lines = [leg.line for leg in ring.seen(agreement).legs]
        ring.act("anna", "deliver")
        ring.act("bo", "receive")
        ring.act("bo", "cancel", lines[1])

        assert ring.seen(agreement, "anna").owed == [lines[1]]

    def test_is_signed_by_its_parties_once(self, ring: Ring) -> None:
        agreement = ring.proposed()
        ring.sign(agreement, "bo")
        with pytest.raises(Refused) as again:
            ring.sign(agreement, "bo")
        with pytest.raises(BadInput, match="is a need"):
            ring.sign(ring.needs[0], "bo")

        assert again.value.rule == "agree.again"

    def test_of_others_is_not_signed(self, ring: Ring) -> None:
        town = ring.town
        town.settle("dan").keystore.create("dan", town["dan"].ledger)
        town.meet()
        agreement = ring.proposed()
        desk = town["dan"].desk
        table = Roundtable(desk, Deeds(desk, town.clock))
        with pytest.raises(Refused) as refused:
            table.agree(models.NewAgree(agreement=agreement))

        assert refused.value.rule == "agree.party"
        assert (len(table.agreements()), len(table.agreements(everything=True))) == (0, 1)

    def test_is_rehearsed_without_a_trace(self, ring: Ring) -> None:
        agreement, before = ring.proposed(), ring.town["bo"].ledger.count()
        view = ring.tables["bo"].agree(models.NewAgree(agreement=agreement, dry_run=True))

        assert (view.dry_run, [one.kind for one in view.entries]) == (True, ["agree"])
        assert ring.town["bo"].ledger.count() == before


class TestALineForAgreements:
    def test_is_not_accepted_alone_and_not_freed_with_all_others(self, ring: Ring) -> None:
        ring.promise("anna")
        [line] = ring.town["bo"].ledger.standing.lines

        assert ring.act("bo", "accept") == ring.act("anna", "release") == []
        with pytest.raises(Refused) as alone:
            ring.act("bo", "accept", f"{cid.text(line[0])}:0")
        assert alone.value.rule.startswith("accept.")
        assert ring.act("anna", "release", f"{cid.text(line[0])}:0")

    def test_is_freed_with_all_others_when_its_time_is_over(self, ring: Ring) -> None:
        ring.promise("anna")
        ring.town.now_ms += 49 * HOUR_MS

        assert len(ring.act("anna", "release")) == 1

    def test_is_not_held_for_a_time(self, ring: Ring) -> None:
        new = models.NewCommitment(offer=ring.offers[0], need=ring.needs[1], conditional=True, hold="+1h")
        with pytest.raises(BadInput, match="alone"):
            ring.deeds["anna"].commit(new)


class TestAList:
    def test_begins_with_what_waits_for_somebody_here(self, ring: Ring) -> None:
        waiting = ring.proposed()
        signed = ring.tables["cy"].propose(models.NewAgreement(legs=ring.legs, until="+1h")).entries[-1].id
        ring.town.meet()
        ring.sign(signed, *RING)
        view = ring.tables["bo"].agreements()

        assert [(one.id, one.state) for one in view] == [(waiting, "waits"), (signed, "complete")]


class TestOverTheApi:
    def test_the_same_is_said(self, tmp_path: Path) -> None:
        peer = LonePeer(tmp_path)
        bo = peer.keystore.create("bo", peer.ledger)
        with serving(peer) as url, client.connect(url=url, token=TOKEN) as node:
            assert node.agreements() == node.agreements(everything=True) == []
            legs = []
            for giver, taker in (("anna", "bo"), ("bo", "anna")):
                offer = node.offer("food", 3, at=HERE, member=giver).id
                legs.append(f"{offer}:{node.need('food', 3, at=HERE, member=taker).id}")
            agreement = node.propose(models.NewAgreement(legs=legs, member="anna")).entries[-1].id
            waits = node.agreement(agreement[:18]).waits_here
            node.agree(models.NewAgree(agreement=agreement, member="bo"))
            node.agree(models.NewAgree(agreement=agreement))
            [view] = node.agreements()

            assert (sorted(waits), view.state, view.id) == (["anna", "bo"], "complete", agreement)
            assert cid.text(bo.chain) in [party.chain for party in view.parties]
            for name in ("bafyreiaaaaaaaaaaa", legs[0].partition(":")[0]):
                with pytest.raises(client.NodeError):
                    node.agreement(name)
        peer.ledger.close()
