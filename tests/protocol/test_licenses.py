"""Laws that hold for every table of a license, the built-in ones and those that a commons may write."""

from __future__ import annotations

from itertools import chain, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import compose
from mycelia_protocol.errors import Malformed
from mycelia_protocol.licenses import (
    BUILT_IN,
    NO_ROW,
    USES,
    Duties,
    Profile,
    Row,
    Verdict,
    combined,
    decide,
    read_issuers,
)
from tests.builders import HOUR_MS
from tests.scenarios.test_threats_to_licenses import Town, cite, claims, sell

NAMES = sorted({one for table in BUILT_IN.values() for row in table.rows for one in (*row.all, *row.any, *row.none)})
PROFILES = st.sampled_from(list(BUILT_IN.values()))
FACTS = st.frozensets(st.sampled_from(NAMES))
VERDICTS = st.builds(
    lambda profile, use, facts, hours: decide(profile, use, facts, lambda _: hours),
    PROFILES, st.sampled_from(USES), FACTS, st.integers(0, 80),
)  # fmt: skip
SETS = st.lists(VERDICTS, max_size=6)


def plainly(profile: Profile, use: str, facts: frozenset[str], hours: int) -> str:
    """Return the row that decides, as the chapter words it; written without the code that it checks."""
    for row in profile.rows:
        asks = [use in row.uses, all(one in facts for one in row.all), not any(one in facts for one in row.none)]
        asks.append(not row.any or any(one in facts for one in row.any))
        asks.append(row.contribution is None or hours >= row.contribution[0])
        if all(asks):
            return row.name
    return NO_ROW


class TestAVerdict:
    @given(PROFILES, st.sampled_from(USES), FACTS, st.integers(0, 80))
    def test_is_that_of_the_first_row_that_holds(
        self, profile: Profile, use: str, facts: frozenset[str], hours: int
    ) -> None:
        verdict = decide(profile, use, facts, lambda _: hours)

        assert (verdict.profile, verdict.row) == (profile.name, plainly(profile, use, facts, hours))

    @pytest.mark.parametrize("profile", BUILT_IN.values(), ids=lambda one: one.name)
    def test_of_a_known_license_never_lacks_a_row(self, profile: Profile) -> None:
        """So that whoever is refused is told why in words, whatever is true of him."""
        about = sorted(set(chain.from_iterable((*row.all, *row.any, *row.none) for row in profile.rows)))

        for use, *truths in product(USES, *([False, True] for _ in about)):
            facts = {name for name, is_true in zip(about, truths, strict=True) if is_true}
            assert decide(profile, str(use), facts).row != NO_ROW

    def test_is_no_where_no_row_speaks_of_the_use(self) -> None:
        silent = Profile("silent", "Silent", "nobody", (Row("only", True, "to pass on", uses=("share",)),))

        verdict = decide(silent, "commercial", set(NAMES), lambda _: 10**9)

        assert (verdict.is_allowed, verdict.row) == (False, NO_ROW)

    @given(PROFILES, st.sampled_from(USES), FACTS, FACTS)
    def test_does_not_hang_on_what_no_row_asks(
        self, profile: Profile, use: str, facts: frozenset[str], more: frozenset[str]
    ) -> None:
        asked = set(chain.from_iterable((*row.all, *row.any, *row.none) for row in profile.rows))

        assert decide(profile, use, facts) == decide(profile, use, facts | (more - asked))

    @given(PROFILES, st.sampled_from(USES), FACTS, st.integers(0, 80), st.integers(0, 80))
    def test_is_not_stricter_for_who_gave_more(
        self, profile: Profile, use: str, facts: frozenset[str], one: int, other: int
    ) -> None:
        less, more = sorted((one, other))

        first, second = decide(profile, use, facts, lambda _: less), decide(profile, use, facts, lambda _: more)

        assert second.is_allowed >= first.is_allowed

    @pytest.mark.parametrize("name", ["ppl", "ppl-civicwise"])
    @given(use=st.sampled_from(USES), facts=FACTS)
    def test_under_the_peer_production_license_is_yes_with_a_permit(
        self, name: str, use: str, facts: frozenset[str]
    ) -> None:
        assert decide(BUILT_IN[name], use, facts | {"permit"}).row == "P6"

    @pytest.mark.parametrize("name", ["ppl", "ppl-civicwise"])
    @given(facts=FACTS, hours=st.integers(0, 10**9))
    def test_under_the_peer_production_license_is_no_for_wage_labour_that_contributes(
        self, name: str, facts: frozenset[str], hours: int
    ) -> None:
        verdict = decide(BUILT_IN[name], "commercial", (facts | {"company-wage"}) - {"permit"}, lambda _: hours)

        assert not verdict.is_allowed


ROWS = [
    ("ppl", "share", "same-license", "P0", False),
    ("ppl", "adapt", "attribution", "P0-adapt", False),
    ("ppl", "adapt", "attribution same-license", "P1", True),
    ("ppl", "commercial", "attribution worker-coop surplus-to-workers", "P2", True),
    ("ppl", "commercial", "attribution worker-coop", "P3", False),
    ("ppl", "commercial", "attribution company-wage", "P4", False),
    *(("ppl", "commercial", f"attribution {who}", "P5", False)
      for who in ("other-coop", "nonprofit", "public", "individual")),
    *(("ppl-civicwise", "commercial", f"attribution no-exploitation {who}", "P5-civic", True)
      for who in ("other-coop", "nonprofit")),
    ("ppl", "commercial", "attribution company-wage permit", "P6", True),
    ("copyfair", "noncommercial", "", "C1", True),
    ("copyfair", "commercial", "generative", "C1-generative", True),
    ("copyfair", "commercial", "permit", "C2-fee", True),
    ("copyfair", "commercial", "", "C2-else", False),
    ("coopyleft", "adapt", "", "Y1", True),
    ("coopyleft", "commercial", "sse workers-are-employees", "Y2", True),
    ("coopyleft", "commercial", "individual wage-portage no-freelancers", "Y3", True),
    ("coopyleft", "commercial", "sse", "Y4", False),
    ("ovn", "noncommercial", "", "O1", True),
    ("ovn", "commercial", "nonprofit", "O2", True),
    ("ovn", "commercial", "company-other", "O3", True),
    *(("csl", "commercial", who, "S1", True) for who in ("individual", "worker-coop")),
    ("csl", "commercial", "company-other", "S1-else", False),
    *(("cooperative", "commercial", who, "B1", True) for who in ("worker-coop", "nonprofit")),
    ("cooperative", "commercial", "company-other", "B2", True),
    ("fairshares", "commercial", "member", "F1", True),
    ("fairshares", "commercial", "", "F1-else", False),
]  # fmt: skip


class TestTheGoldenNumbers:
    """Source: the text of each license, row by row from P0 to F1."""

    @pytest.mark.parametrize(("name", "use", "facts", "row", "is_allowed"), ROWS)
    def test_of_the_decision_table_are_its_rows(
        self, name: str, use: str, facts: str, row: str, is_allowed: bool
    ) -> None:
        verdict = decide(BUILT_IN[name], use, set(facts.split()), lambda _: 0)

        assert (verdict.row, verdict.is_allowed) == (row, is_allowed)

    @pytest.mark.parametrize(("hours", "row"), [(39, "C2-else"), (40, "C2")])
    def test_of_hours_contributed_are_forty(self, hours: int, row: str) -> None:
        assert decide(BUILT_IN["copyfair"], "commercial", set(), lambda _: hours).row == row

    @pytest.mark.parametrize(("predicate", "owed"), [("worker-coop", 20), ("nonprofit", 5)])
    def test_of_a_sale_of_a_thousand_are_twenty_and_five(self, predicate: str, owed: int) -> None:
        """A claim of 2 in 100 of the benefit by who sells commercially, of 1 in 200 by who does not, in 30 days."""
        town = Town()
        design, process = town.design("ovn"), town.coop.say(compose.process()).id
        town.coop.say(cite(design, "commercial", town.word(town.coop, predicate), process=process))
        lot = town.coop.act("produce", 5, resource_class="bread", process=process)

        sell(town, lot, 1000)
        [claim] = claims(town.coop)

        assert (claim.amount, claim.creditor, claim.resource_class) == (owed, town.lab.chain, "money")
        assert claim.due_ms == town.commons.now_ms + 30 * 24 * HOUR_MS


class TestWhoseWordCounts:
    @pytest.mark.parametrize("name", ["permit", "attribution", "same-license"])
    def test_is_nobodys_about_what_everybody_sees(self, name: str) -> None:
        with pytest.raises(Malformed, match="nobody attests it"):
            read_issuers({name: [bytes(32)]})


class TestSeveralVerdicts:
    @given(SETS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))), st.sampled_from(USES))
    def test_combine_alike_in_any_order(self, pair: tuple[list[Verdict], list[Verdict]], use: str) -> None:
        assert combined(pair[0], use) == combined(pair[1], use)

    @given(SETS, st.sampled_from(USES))
    def test_count_once(self, found: list[Verdict], use: str) -> None:
        assert combined(found + found, use) == combined(found, use)

    @given(VERDICTS, st.sampled_from(USES))
    def test_are_that_one_if_there_is_one(self, one: Verdict, use: str) -> None:
        assert combined([one], use) == one

    @given(SETS, VERDICTS.filter(lambda one: not one.is_allowed), st.sampled_from(USES))
    def test_are_no_as_soon_as_one_is(self, found: list[Verdict], no: Verdict, use: str) -> None:
        assert not combined([*found, no], use).is_allowed

    @given(SETS, SETS, st.sampled_from(USES))
    def test_allow_together_no_more_than_each_part(self, one: list[Verdict], other: list[Verdict], use: str) -> None:
        together = combined(one + other, use)

        assert together.is_allowed <= (combined(one, use).is_allowed and combined(other, use).is_allowed)

    @given(SETS, st.sampled_from(USES))
    def test_that_allow_owe_all_that_each_asks(self, found: list[Verdict], use: str) -> None:
        together = combined(found, use)

        for one in found if together.is_allowed else ():
            assert together.duties.attribution >= one.duties.attribution
            assert together.duties.sharealike >= one.duties.sharealike
            assert together.duties.per_mille >= one.duties.per_mille
            assert not one.duties.source_days or 0 < together.duties.source_days <= one.duties.source_days
            assert not one.duties.due_days or 0 < together.duties.due_days <= one.duties.due_days

    @given(SETS, st.sampled_from(USES))
    def test_that_deny_owe_nothing(self, found: list[Verdict], use: str) -> None:
        together = combined(found, use)

        assert together.is_allowed or together.duties == Duties()
