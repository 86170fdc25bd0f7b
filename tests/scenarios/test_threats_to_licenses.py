"""Somebody wants what a license does not give him: what his node could sign, and what everybody else makes of it."""

from __future__ import annotations

import pytest

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Claim, Fact, Owing, ResourceId
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.compose import Content, NeedTail, OfferTail
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from tests.builders import CELL, HOUR_MS, Commons, Member, on
from tests.dealings import dealt
from tests.people import Person, found, identity

CLASSES = {"design": ResourceClass("piece"), "bread": ResourceClass("loaf"), "money": ResourceClass("EUR", 1, 100)}
PREDICATES = ("company-wage", "nonprofit", "surplus-to-workers", "worker-coop")


class Town:
    """A lab that designs, a co-op, a company with wage labour, and the union whose word counts about them."""

    def __init__(self) -> None:
        sections: dict[str, Value] = {"issuers": {one: [identity("union")] for one in PREDICATES}}
        self.commons = Commons(found_charter("Oost", seed=bytes(16), classes=CLASSES, sections=sections))
        self.lab, self.coop, self.big, self.union = (
            found(self.commons, name) for name in ("lab", "coop", "big", "union")
        )

    def design(self, license_: str) -> ResourceId:
        return self.lab.act("raise", 1, resource_class="design", license=license_)

    def word(self, about: Person, predicate: str, *, by: Person | None = None) -> bytes:
        """Return what the union says of somebody, for an hour."""
        ends = self.commons.now_ms + HOUR_MS
        return (by or self.union).say(compose.attest(about.identity, predicate, 1, ends)).id

    def permit(self, design: ResourceId, *, by: Member, use: str = "commercial", ends_in: int = HOUR_MS) -> Content:
        return compose.permit(design, self.big.identity, use, self.commons.now_ms + ends_in)


def cite(design: ResourceId, use: str = "commercial", *cites: bytes, process: bytes | None = None) -> Content:
    """Return the use of a design."""
    return compose.event("cite", resource=design, use=use, cites=cites, process=process)


def shared(town: Town, by: Member, license_: str) -> ResourceId:
    """Let somebody copy a design of the lab to pass it on; return the copy."""
    return by.act("copy", 1, resource=town.design(license_), resource_class="design", use="share", license=license_)


def told(member: Member, content: Content) -> str:
    """Return what everybody tells whoever would sign this."""
    with pytest.raises(Refused) as refused:
        member.say(content)
    return str(refused.value)


def claims(member: Member) -> list[Claim]:
    """Return what a chain owes by its own accumulators."""
    return [fact for fact in member.prefix.facts.values() if isinstance(fact, Claim)]


def sell(town: Town, lot: ResourceId, amount: int) -> None:
    """Let the co-op sell bread of a lot to the company, for money."""
    coop, big = town.coop, town.big
    need = coop.need(amount, resource_class="money")
    tail = OfferTail(resource=lot, reciprocal=need.id)
    coop.offer(5, resource_class="bread", tail=tail)
    line = big.commit(big.row(big.offer(amount, resource_class="money"), (need, amount)), (need, amount)), 0
    delivered = big.on("deliver", line, cites=[coop.accept(need, line)])
    coop.say(on("receive", line, cites=[delivered]))


@pytest.fixture
def town() -> Town:
    return Town()


class TestAMicroscopeUnderThePeerProductionLicense:
    """The story: a co-op may sell it, a company with wage labour may not, and learns what would help."""

    def test_is_sold_by_a_co_op(self, town: Town) -> None:
        words = [town.word(town.coop, one) for one in ("worker-coop", "surplus-to-workers")]

        assert town.coop.why_not(cite(town.design("ppl"), "commercial", *words)) == "valid"

    def test_is_refused_to_a_company_that_is_told_the_row_and_the_way(self, town: Town) -> None:
        content = cite(town.design("ppl"), "commercial", town.word(town.big, "company-wage"))

        said = told(town.big, content)

        assert "P4" in said
        assert "permit" in said
        assert "P6" in said

    def test_is_sold_by_the_company_once_the_lab_permits_it(self, town: Town) -> None:
        design = town.design("ppl")
        permit = town.lab.say(town.permit(design, by=town.lab)).id

        content = cite(design, "commercial", town.word(town.big, "company-wage"), permit)

        assert town.big.why_not(content) == "valid"


class TestWhoUsesItAllTheSame:
    def test_owes_and_made_nothing_by_that(self, town: Town) -> None:
        design, process = town.design("ppl"), town.big.say(compose.process()).id
        before = dict(town.big.prefix.facts)

        town.big.misstep(cite(design, process=process))

        assert town.big.prefix.facts == before

    def test_is_refused_with_the_words_about_somebody_else(self, town: Town) -> None:
        words = [town.word(town.coop, one) for one in ("worker-coop", "surplus-to-workers")]

        assert town.big.why_not(cite(town.design("ppl"), "commercial", *words)) == "license.denied"

    def test_is_refused_with_an_issuers_own_word_about_a_chain_of_its_own(self, town: Town) -> None:
        ends, shop = town.commons.now_ms + HOUR_MS, town.union.install("shop")
        design = town.design("ppl")
        for user in (town.union, shop):
            said = [compose.attest(user.chain, one, 1, ends) for one in ("worker-coop", "surplus-to-workers")]
            words = [town.union.say(one).id for one in said]

            assert user.why_not(cite(design, "commercial", *words)) == "license.denied"

    def test_is_refused_with_a_permit_of_no_number(self, town: Town) -> None:
        design = town.design("ppl")
        content = town.permit(design, by=town.lab)
        permit = town.lab.misstep(content._replace(terms=[content.terms[0], False, *content.terms[2:]]))

        assert town.big.why_not(cite(design, "commercial", permit.id)) == "license.denied"

    def test_is_refused_with_the_words_of_a_friend(self, town: Town) -> None:
        words = [town.word(town.big, one, by=town.coop) for one in ("worker-coop", "surplus-to-workers")]

        assert town.big.why_not(cite(town.design("ppl"), "commercial", *words)) == "license.denied"

    def test_is_refused_after_the_words_ran_out(self, town: Town) -> None:
        words = [town.word(town.coop, one) for one in ("worker-coop", "surplus-to-workers")]
        design = town.design("ppl")
        town.commons.wait(HOUR_MS + 1)

        assert town.coop.why_not(cite(design, "commercial", *words)) == "license.denied"

    def test_is_refused_with_what_an_issuer_says_of_herself(self, town: Town) -> None:
        """Her own `attest` is invalid, but from outside an entry is only known to be hers."""
        union, ends = town.union, town.commons.now_ms + HOUR_MS
        words = [
            union.misstep(compose.attest(union.identity, one, 1, ends)).id
            for one in ("worker-coop", "surplus-to-workers")
        ]

        assert union.why_not(cite(town.design("ppl"), "commercial", *words)) == "license.denied"

    def test_is_refused_with_a_permit_that_he_signed_himself(self, town: Town) -> None:
        design = town.design("ppl")
        forged = town.big.misstep(town.permit(design, by=town.big)).id

        assert town.big.why_not(cite(design, "commercial", forged)) == "license.denied"

    def test_is_refused_with_a_permit_for_another_thing_of_the_same_lab(self, town: Town) -> None:
        design, other = town.design("ppl"), town.design("ppl")
        permit = town.lab.say(town.permit(other, by=town.lab)).id

        assert town.big.why_not(cite(design, "commercial", permit)) == "license.denied"

    @pytest.mark.parametrize("terms", [[], [0], [9, 0, b"", "commercial", 1], [None] * 5, [0, 0, "x", "y", 2**60]])
    def test_crashes_nobody_by_words_out_of_shape(self, town: Town, terms: list[object]) -> None:
        bent: list[Entry] = []
        for kind in ("attest", "permit"):
            bent.append(town.lab.misstep(Content(kind, terms, b"")))  # type: ignore[arg-type]

        content = cite(town.design("ppl"), "commercial", *(one.id for one in bent))

        assert town.big.why_not(content) == "license.denied"


class TestPassingOnWhatIsShareAlike:
    def test_under_no_license_by_way_of_a_stock_that_was_there_is_refused(self, town: Town) -> None:
        stock = town.coop.act("raise", 1, resource_class="design")
        process = town.coop.say(compose.process()).id
        town.coop.say(cite(town.design("sharealike"), "adapt", process=process))

        content = compose.event("produce", amount=5, resource=stock, process=process)

        assert town.coop.why_not(content) == "license.sharealike"

    def test_under_its_license_into_a_stock_that_was_there_is_valid(self, town: Town) -> None:
        stock = town.coop.act("raise", 1, resource_class="design", license="sharealike")
        process = town.coop.say(compose.process()).id
        town.coop.say(cite(town.design("sharealike"), "adapt", process=process))

        assert town.coop.why_not(compose.event("produce", amount=5, resource=stock, process=process)) == "valid"


class TestWashingALicenseOff:
    """A company copies what it may copy, so that somebody else, or itself, may do what it may not."""

    @pytest.mark.parametrize("use", ["share", "noncommercial"])
    def test_by_a_copy_that_states_none_is_refused(self, town: Town, use: str) -> None:
        content = compose.event("copy", amount=1, resource=town.design("ppl"), use=use)

        assert town.big.why_not(content) == "license.copy"

    def test_by_a_copy_of_a_copy_is_refused(self, town: Town) -> None:
        copied = shared(town, town.big, "ppl")

        assert town.big.why_not(compose.event("copy", amount=1, resource=copied)) == "license.copy"

    def test_by_adding_a_copy_to_ones_own_stock_is_refused(self, town: Town) -> None:
        stock, copied = town.big.act("raise", 1, resource_class="design"), shared(town, town.big, "ppl")

        assert town.big.why_not(compose.event("move", amount=1, resource=copied, to=stock)) == "license.copy"

    def test_by_a_copy_under_the_license_leaves_it_to_it(self, town: Town) -> None:
        copied, wage = shared(town, town.coop, "ppl"), town.word(town.big, "company-wage")

        assert town.big.why_not(cite(copied, "commercial", wage)) == "license.denied"

    def test_by_permitting_ones_own_copy_is_refused(self, town: Town) -> None:
        copied = shared(town, town.coop, "ppl")

        assert town.coop.why_not(town.permit(copied, by=town.coop)) == "permit.resource"


class TestKeepingTheMakersShare:
    def sold(self, town: Town, lot: ResourceId, amount: int = 1000) -> list[Claim]:
        """Sell bread of a lot; return what the co-op owes then."""
        sell(town, lot, amount)
        return claims(town.coop)

    def baked(self, town: Town, into: ResourceId | None = None) -> ResourceId:
        process = town.coop.say(compose.process()).id
        town.coop.say(cite(town.design("ovn"), process=process))
        if into is None:
            return town.coop.act("produce", 5, resource_class="bread", process=process)
        town.coop.act("produce", 5, resource=into, process=process)
        return into

    def test_is_seen_in_what_is_sold_from_the_lot(self, town: Town) -> None:
        assert [claim.amount for claim in self.sold(town, self.baked(town))] == [20]

    def test_by_baking_into_a_stock_that_was_there_does_not_help(self, town: Town) -> None:
        stock = town.coop.act("raise", 1, resource_class="bread")

        assert [claim.amount for claim in self.sold(town, self.baked(town, stock))] == [20]

    def test_by_moving_it_to_a_stock_that_was_there_does_not_help(self, town: Town) -> None:
        lot, stock = self.baked(town), town.coop.act("raise", 1, resource_class="bread")
        town.coop.act("move", 5, resource=lot, to=stock)

        assert [claim.amount for claim in self.sold(town, stock)] == [20]

    def test_is_over_for_what_was_paid_and_stands_for_what_came_since(self, town: Town) -> None:
        design = town.design("ovn")
        for _ in range(3):
            process = town.coop.say(compose.process()).id
            town.coop.say(cite(design, process=process))
            sell(town, town.coop.act("produce", 5, resource_class="bread", process=process), 1000)
            paid = dealt(town.coop, town.lab, 20, "money")
            [owed] = [name[1:] for name, fact in town.coop.prefix.facts.items() if is_open(fact)]
            [owing] = [fact for fact in town.coop.prefix.facts.values() if isinstance(fact, Owing)]
            assert owing.claims == (owed,)
            town.coop.say(compose.settle([paid.settled(owed)]))

        assert [claim.paid for claim in claims(town.coop)] == [20, 20, 20]

    def test_by_giving_more_things_for_one_need_than_are_noted_is_refused(self, town: Town) -> None:
        need, lots = town.coop.need(1000, resource_class="money"), [self.mixed(town, 9), self.mixed(town, 8)]
        asked = [OfferTail(resource=lot, reciprocal=need.id) for lot in lots]
        town.coop.offer(1, resource_class="bread", tail=asked[0])

        with pytest.raises(Refused, match="at most 16 licensed things") as refused:
            town.coop.offer(1, resource_class="bread", tail=asked[1])
        assert refused.value.rule == "offer.commercial"

    def mixed(self, town: Town, things: int) -> ResourceId:
        """Bake by so many designs."""
        process = town.coop.say(compose.process()).id
        for _ in range(things):
            town.coop.say(cite(town.design("ovn"), process=process))
        return town.coop.act("produce", 1, resource_class="bread", process=process)

    def test_by_being_paid_before_the_lot_is_offered_is_refused(self, town: Town) -> None:
        lot, need = self.baked(town), town.coop.need(10, resource_class="money")
        town.big.give(town.coop, 10, offer=town.big.offer(10, resource_class="money"), need=need)

        with pytest.raises(Refused, match=r"0\.1 EUR was accepted for that need") as refused:
            town.coop.offer(1, resource_class="bread", tail=OfferTail(resource=lot, reciprocal=need.id))
        assert refused.value.rule == "offer.commercial"

    def test_and_selling_on_from_another_lot_is_refused_until_it_is_paid(self, town: Town) -> None:
        lot = self.baked(town)
        rest = town.coop.act("move", 4, resource=lot, cell=CELL)
        town.coop.act("raise", 4, resource=lot)
        sell(town, lot, 1000)
        town.commons.wait(31 * 24 * HOUR_MS)
        need = town.coop.need(10, resource_class="money")

        with pytest.raises(Refused, match=r"0\.2 EUR of money were due") as refused:
            town.coop.offer(1, resource_class="bread", tail=OfferTail(resource=rest, reciprocal=need.id))
        assert refused.value.rule == "license.suspended"

    def test_by_putting_two_lots_together_keeps_the_share_of_both(self, town: Town) -> None:
        lot, other = self.baked(town), self.baked(town)
        town.coop.act("move", 5, resource=lot, to=other)

        assert [claim.amount for claim in self.sold(town, other)] == [20, 20]

    def test_by_consuming_it_in_another_process_does_not_help(self, town: Town) -> None:
        lot, process = self.baked(town), town.coop.say(compose.process()).id
        town.coop.act("consume", 5, resource=lot, process=process)
        toast = town.coop.act("produce", 5, resource_class="bread", process=process)

        assert [claim.amount for claim in self.sold(town, toast)] == [20]

    @pytest.mark.parametrize("action", ["copy", "transfer"])
    def test_by_giving_it_as_a_leg_that_money_comes_for_does_not_help(self, town: Town, action: str) -> None:
        content = bartered(town, shared(town, town.coop, "ovn"), action)

        assert town.coop.why_not(content) == "agree.commercial"

    def test_by_allotting_an_offer_of_copies_does_not_help(self, town: Town) -> None:
        lot = shared(town, town.coop, "ovn")
        offer = town.coop.offer(1, resource_class="design", tail=OfferTail("copy", lot))
        content = compose.allot(offer.id, town.big.chain, "offer", "design", 1, town.commons.now_ms + HOUR_MS)

        assert town.coop.why_not(content) == "allot.source"


def is_open(fact: Fact) -> bool:
    return isinstance(fact, Claim) and fact.paid < fact.amount


def bartered(town: Town, lot: ResourceId, action: str) -> Content:
    """Propose that the co-op gives the company of a lot, and gets money; return its agree without publishing it."""
    coop, big, ends = town.coop, town.big, town.commons.now_ms + HOUR_MS
    asked, paid = big.need(1, resource_class="design", tail=NeedTail(action)), coop.need(5, resource_class="money")
    offer = coop.offer(1, resource_class="design", tail=OfferTail(action, lot))
    legs = []
    for giver, of, need, amount in ((coop, offer, asked, 1), (big, big.offer(5, resource_class="money"), paid, 5)):
        row = giver.row(of, (need, amount))
        commit = giver.say(compose.commit(row=row.id, hold_ms=0, until_ms=ends, lines=[(need.id, amount)]))
        legs.append(((commit.id, 0), need.id))
    return compose.agree(big.say(compose.agreement(end_ms=ends, legs=legs)).id, legs)


class TestWhoAdaptsAThingWhoseSourceIsAskedFor:
    """Keeping the source to oneself: the thing is not used again until others can go on from what was made of it."""

    def test_owes_the_source_within_thirty_days(self, town: Town) -> None:
        design, process = town.design("coopyleft"), town.coop.say(compose.process()).id

        town.coop.say(cite(design, "adapt", process=process))
        [claim] = claims(town.coop)

        assert (claim.creditor, claim.resource_class, claim.amount, claim.paid) == (town.lab.chain, "design", 1, 0)
        assert claim.due_ms == town.commons.now_ms + 30 * 24 * HOUR_MS

    def test_uses_it_no_more_when_that_is_over(self, town: Town) -> None:
        design, process = town.design("coopyleft"), town.coop.say(compose.process()).id
        town.coop.say(cite(design, "adapt", process=process))

        town.commons.wait(31 * 24 * HOUR_MS)

        assert town.coop.why_not(cite(design, "noncommercial")) == "license.suspended"

    def test_uses_it_again_once_the_source_is_there(self, town: Town) -> None:
        design, process = town.design("coopyleft"), town.coop.say(compose.process()).id
        town.coop.say(cite(design, "adapt", process=process))
        town.commons.wait(31 * 24 * HOUR_MS)

        town.coop.act("produce", 1, resource_class="design", license="coopyleft", process=process)

        assert town.coop.why_not(cite(design, "noncommercial")) == "valid"

    def test_pays_with_no_source_of_something_else(self, town: Town) -> None:
        design = town.design("coopyleft")
        one, other = (town.coop.say(compose.process()).id for _ in range(2))
        town.coop.say(cite(design, "adapt", process=one))
        town.coop.say(cite(design, "adapt", process=other))

        town.coop.act("produce", 1, resource_class="design", license="coopyleft", process=other)

        assert [claim.paid for claim in claims(town.coop)] == [0, 1]
