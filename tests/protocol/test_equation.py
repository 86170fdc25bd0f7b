"""Value equations, read aloud (spec 26): golden numbers, what always holds, and who cannot change the shares."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import compose, state
from mycelia_protocol.equations import (
    DIVISIONS,
    KINDS,
    MAX_BYTES,
    Bucket,
    Contribution,
    Distribution,
    Equation,
    Rule,
    Values,
    distribution,
    read,
    write,
)
from mycelia_protocol.errors import Refused
from mycelia_protocol.expressions import MAX_DEPTH, MAX_LENGTH, NAMES, evaluate, parse
from tests.builders import Commons, line_id
from tests.dealings import Deal, dealt, found, reciprocal

POOL, ANA, BEN = b"p" * 32, b"a" * 32, b"b" * 32
CARE = {"care": Values(Fraction(20))}
CENT = Fraction(1, 100)


def work(number: int, by: bytes, hours: int | Fraction, resource_class: str = "care", time_ms: int = 0) -> Contribution:
    """Return a contribution."""
    return Contribution((bytes([number]) * 32, 0), by, "work", resource_class, b"", Fraction(hours), time_ms)


def gets(done: Distribution, who: bytes) -> int:
    """Return what somebody gets in all."""
    return sum(share.amount for share in done.shares if share.to == who)


class TestTheGoldenNumbers:
    """The worked example of NRP's value equations: 1000 are 50 for the pool, 350 for Ana, 600 for Ben; 150 stay due.

    Source: value equations of network resource planning (NRP); computed by another program.
    """

    EQUATION = Equation(
        POOL, CARE,
        (
            Bucket(50, POOL),
            Bucket(150, rules=(Rule("loans", "quantity", "debt", resource_class="euro"),)),
            Bucket(800, rules=(
                Rule("ana", "value", "equity", resource_class="care", end_ms=1),
                Rule("ben", "value", "once", resource_class="care", begin_ms=1),
            )),
        ),
    )  # fmt: skip
    PEOPLE = (work(1, ANA, 300, "euro"), work(2, ANA, 10), work(3, BEN, 30, time_ms=1))

    def test_are_what_everybody_gets(self) -> None:
        done = distribution(self.EQUATION, 1000_00, CENT, self.PEOPLE, {})

        assert (gets(done, POOL), gets(done, ANA), gets(done, BEN), done.rest) == (50_00, 350_00, 600_00, 0)
        assert [(one.kind, one.remaining) for one in done.shares[1:]] == [
            ("debt", 150_00), ("equity", 200_00), ("once", 0),
        ]  # fmt: skip

    def test_of_the_next_income_leave_no_debt_and_nothing_for_who_counted_once(self) -> None:
        first = distribution(self.EQUATION, 1000_00, CENT, self.PEOPLE, {})
        second = distribution(self.EQUATION, 1000_00, CENT, self.PEOPLE, first.after)
        third = distribution(self.EQUATION, 1000_00, CENT, self.PEOPLE, second.after)

        assert (gets(second, ANA), gets(second, BEN), second.rest) == (950_00, 0, 0)
        assert (gets(third, ANA), gets(third, BEN), third.rest) == (800_00, 0, 150_00)


contributions = st.lists(
    st.builds(
        Contribution,
        st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 3)), st.sampled_from([ANA, BEN, b"c" * 32]),
        st.just("work"), st.sampled_from(["care", "food"]), st.just(b""), st.fractions(0, 10**6, max_denominator=100),
        st.integers(0, 5),
    ),
    max_size=12, unique_by=lambda one: one.line,
)  # fmt: skip
claims = st.sampled_from(["value", "quantity", "max(quantity - 3, 0) / 7", "1 / (quantity - 1)", "quantity * value"])


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Bucket, ...]:
    """Draw buckets of one rule each, which make at most the whole."""
    return tuple(
        Bucket(
            draw(st.integers(1, 250)),
            rules=(Rule(f"r{at}", draw(claims), draw(st.sampled_from(KINDS)), begin_ms=draw(st.integers(0, 2))),),
            division=draw(st.sampled_from(DIVISIONS)),
        )
        for at in range(draw(st.integers(1, 4)))
    )


buckets = cuts()


class TestEveryEquation:
    @given(buckets, contributions, st.integers(1, 2**53))
    def test_gives_exactly_the_income_in_any_order_and_more_than_once(
        self, cut: tuple[Bucket, ...], people: list[Contribution], income: int
    ) -> None:
        equation = Equation(POOL, CARE, cut)
        done = distribution(equation, income, CENT, people, {})
        later = distribution(equation, income, CENT, people, done.after)

        for one in (done, later):
            assert sum(share.amount for share in one.shares) + one.rest == income
            assert one.rest >= 0
            assert all(share.amount >= 0 for share in one.shares)
            assert all(share.remaining >= 0 for share in one.shares)
        assert distribution(equation, income, CENT, [*reversed(people), *people], {}) == done

    @given(buckets, contributions, st.integers(1, 2**40), st.fractions(0, 1000, max_denominator=50))
    def test_gives_no_less_for_a_greater_claim(
        self, cut: tuple[Bucket, ...], people: list[Contribution], income: int, more: Fraction
    ) -> None:
        cut = tuple(one._replace(rules=tuple(rule._replace(claim="quantity") for rule in one.rules)) for one in cut)
        equation, mine = Equation(POOL, CARE, cut), work(255, b"m" * 32, 5, time_ms=3)
        before = distribution(equation, income, CENT, [*people, mine], {})
        after = distribution(
            equation, income, CENT, [*people, mine._replace(quantity=mine.quantity + more)], {}
        )  # fmt: skip

        assert gets(after, mine.by) >= gets(before, mine.by)

    @given(buckets)
    def test_is_read_as_it_was_written(self, cut: tuple[Bucket, ...]) -> None:
        equation = Equation(POOL, CARE, cut)
        assert read(write(equation, {"care": ["20", "0", "0"]})) == equation


class TestAnExpression:
    @given(st.text(max_size=MAX_LENGTH + 2))
    def test_of_any_text_is_a_number_or_refused(self, text: str) -> None:
        with suppress(Refused):
            assert isinstance(evaluate(parse(text), {}), Fraction)

    @given(st.recursive(
        st.sampled_from(NAMES) | st.integers(0, 999).map(str),
        lambda part: st.tuples(part, st.sampled_from("+-*/"), part).map(lambda three: f"({' '.join(three)})"),
        max_leaves=6,
    ), st.lists(st.fractions(1, 9, max_denominator=9), min_size=5, max_size=5))  # fmt: skip
    def test_is_what_another_reader_of_the_same_grammar_makes_of_it(self, text: str, worth: list[Fraction]) -> None:
        values = dict(zip(NAMES, worth, strict=True))
        try:
            found = evaluate(parse(text), values)
        except Refused:
            assert len(text) > MAX_LENGTH or text.count("(") >= MAX_DEPTH
            return
        assert found == _by_stack(text, values)

    def test_stays_short_whatever_it_is_fed(self) -> None:
        most = evaluate(parse("*".join(["value"] * 21)), {"value": Fraction(2**63, 10**9 + 7)})

        assert most.numerator.bit_length() < 10_000


def _by_stack(text: str, values: dict[str, Fraction]) -> Fraction:
    """Evaluate a text in which every operation stands in brackets, by a stack."""
    stack, operators = list[Fraction](), list[str]()
    for token in text.replace("(", "").replace(")", " )").split():
        if token == ")":
            other, one, by = stack.pop(), stack.pop(), operators.pop()
            quotient = one / other if other else Fraction(0)
            stack.append({"+": one + other, "-": one - other, "*": one * other, "/": quotient}[by])
        elif token in "+-*/":
            operators.append(token)
        else:
            stack.append(values[token] if token in values else Fraction(token))
    return stack.pop()


FAIR = write(Equation(POOL, {}, (Bucket(1000, rules=(Rule("work", "quantity"),)),)))
GREEDY = write(Equation(POOL, {}, (Bucket(1000, POOL),)))


class Workshop:
    """An organisation, and Bo who pays it."""

    def __init__(self) -> None:
        self.commons = Commons(reciprocal())
        self.org, self.bo = (found(self.commons, name) for name in ("org", "bo"))

    def income(self) -> Deal:
        """Bring an income to the organisation."""
        return dealt(self.bo, self.org, 10, "food")


@pytest.fixture
def shop() -> Workshop:
    return Workshop()


class TestAnEquation:
    def test_that_came_after_the_fact_shares_nothing(self, shop: Workshop) -> None:
        fair = shop.org.say(compose.equation(FAIR))
        deal = shop.income()
        greedy = shop.org.say(compose.equation(GREEDY, fair.id))

        assert shop.org.why_not(compose.distribute(greedy.id, line_id(deal.line))) == "distribute.equation"
        shop.org.say(compose.distribute(fair.id, line_id(deal.line)))

    def test_in_reserve_is_no_choice(self, shop: Workshop) -> None:
        greedy = shop.org.say(compose.equation(GREEDY))
        fair = shop.org.say(compose.equation(FAIR, greedy.id))
        deal = shop.income()

        assert shop.org.why_not(compose.distribute(greedy.id, line_id(deal.line))) == "distribute.equation"
        shop.org.say(compose.distribute(fair.id, line_id(deal.line)))

    def test_shares_an_income_once(self, shop: Workshop) -> None:
        fair = shop.org.say(compose.equation(FAIR))
        deal = shop.income()
        shop.org.say(compose.distribute(fair.id, line_id(deal.line)))

        assert shop.org.why_not(compose.distribute(fair.id, line_id(deal.line))) == "distribute.again"

    def test_of_somebody_else_or_for_somebody_elses_income_is_refused(self, shop: Workshop) -> None:
        fair = shop.org.say(compose.equation(FAIR))
        other = shop.bo.say(compose.equation(FAIR))
        deal = shop.income()

        assert shop.org.why_not(compose.distribute(other.id, line_id(deal.line))) == "distribute.equation"
        assert shop.bo.why_not(compose.distribute(other.id, line_id(deal.line))) == "distribute.income"
        assert shop.bo.why_not(compose.distribute(fair.id, line_id(deal.line))) == "distribute.income"

    def test_that_was_refused_for_an_edited_node_is_refused_by_every_peer(self, shop: Workshop) -> None:
        """Eve edits her node so that it signs what the rules refuse: the entry keeps its place and counts nowhere."""
        fair = shop.org.say(compose.equation(FAIR))
        deal = shop.income()
        greedy = shop.org.say(compose.equation(GREEDY, fair.id))
        shop.org.misstep(compose.distribute(greedy.id, line_id(deal.line)))

        assert ("distributed", *line_id(deal.line)) not in shop.org.prefix.facts
        shop.org.say(compose.distribute(fair.id, line_id(deal.line)))

    def test_of_the_largest_size_fits_a_header(self, shop: Workshop) -> None:
        fair = shop.org.say(compose.equation(FAIR))
        rules = tuple(Rule(f"{at:04d}", "quantity") for at in range(36))
        document = write(Equation(POOL, {}, (Bucket(1000, rules=rules),)))
        assert MAX_BYTES - 60 < len(document) <= MAX_BYTES

        shop.org.say(compose.equation(document, fair.id))

    def test_and_what_it_shared_outlive_a_checkpoint(self, shop: Workshop) -> None:
        fair = shop.org.say(compose.equation(FAIR))
        deal = shop.income()
        shop.org.say(compose.equation(GREEDY, fair.id))
        shop.org.say(compose.distribute(fair.id, line_id(deal.line)))
        kept = state.State.of(shop.org.prefix)

        again, records = state.read(state.write(kept)).facts, {"equation", "superseded", "distributed"}

        assert {key[0] for key in again} >= records
        assert all(again[key] == fact for key, fact in kept.facts.items() if key[0] in records)
