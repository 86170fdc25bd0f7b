"""Recipes: what an amount takes, down to what nobody says how it is made, and costs (spec 25, "Recipes")."""

from __future__ import annotations

import random
from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from mycelia_protocol import compose
from mycelia_protocol.budgets import read_budgets
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.recipes import MAX_RECIPES, Part, Recipe, footprint, read_recipe, scaled
from tests.builders import Commons
from tests.protocol.test_books import keep

CO2: Any = {"co2": {"unit": "g", "scope": "soft", "source": "a table of 2024", "factors": {
    "consume grain": [2, 5], "produce flour": [1, 10], "produce bread": [900, 1], "work baking": [1, 3],
}}}  # fmt: skip
CLASSES = {
    "grain": ResourceClass("kg", 1, 1000), "flour": ResourceClass("kg", 1, 1000), "bran": ResourceClass("kg", 1, 1000),
    "bread": ResourceClass("loaf"), "baking": ResourceClass("h", 1, 4), "oven": ResourceClass("piece"),
}  # fmt: skip
BUDGET = read_budgets(CO2, CLASSES)["co2"]


def goes(action: str, resource_class: str, amount: int) -> Part:
    return Part(True, action, resource_class, amount)


def comes(action: str, resource_class: str, amount: int) -> Part:
    return Part(False, action, resource_class, amount)


MILLING = Recipe(b"mill", b"", "milling", (
    goes("consume", "grain", 1000), comes("produce", "flour", 800), comes("produce", "bran", 200),
))  # fmt: skip
LOAF = Recipe(b"loaf", b"", "loaf", (
    goes("consume", "flour", 500), goes("use", "oven", 1), goes("work", "baking", 1), comes("produce", "bread", 1),
), cites=(MILLING.id,))  # fmt: skip
KNOWN = {one.id: one for one in (MILLING, LOAF)}


class TestAScaledRecipe:
    def test_takes_as_many_runs_as_the_amount_asks_for(self) -> None:
        found = scaled(LOAF, "bread", 30, lambda _: None)

        assert found.runs == {LOAF.id: 30}
        assert found.goes_in == {("consume", "flour"): 15_000, ("use", "oven"): 30, ("work", "baking"): 30}
        assert not found.comes_out

    def test_asks_for_ten_masks_the_cloth_elastic_and_hours_of_ten(self) -> None:
        """Source: dependent demand in network resource planning (NRP)."""
        mask = Recipe(b"mask", b"", "mask", (
            goes("consume", "cloth", 2), goes("consume", "elastic", 30), goes("work", "sewing", 1),
            comes("produce", "mask", 4),
        ))  # fmt: skip

        assert scaled(mask, "mask", 10, lambda _: None).goes_in == {
            ("consume", "cloth"): 5, ("consume", "elastic"): 75, ("work", "sewing"): Fraction(5, 2),
        }  # fmt: skip

    def test_follows_what_is_used_up_to_the_recipe_that_makes_it(self) -> None:
        found = scaled(LOAF, "bread", 30, KNOWN.get)

        assert found.runs == {LOAF.id: 30, MILLING.id: Fraction(75, 4)}
        assert found.goes_in == {("consume", "grain"): 18_750, ("use", "oven"): 30, ("work", "baking"): 30}

    def test_shows_what_comes_out_besides_and_sets_it_against_nothing(self) -> None:
        assert scaled(LOAF, "bread", 30, KNOWN.get).comes_out == {("produce", "bran"): 3_750}
        assert scaled(MILLING, "bran", 200, KNOWN.get).comes_out == {("produce", "flour"): 800}

    def test_makes_no_oven_because_one_was_used(self) -> None:
        smith = Recipe(b"a smith", b"", "oven", (goes("work", "baking", 400), comes("produce", "oven", 1)))
        loaf = LOAF._replace(cites=(smith.id,))

        assert scaled(loaf, "bread", 1, {smith.id: smith}.get).runs == {LOAF.id: 1}

    def test_takes_of_several_recipes_for_one_thing_the_one_with_the_least_id(self) -> None:
        other = MILLING._replace(id=b"a mill", parts=(goes("consume", "grain", 2000), comes("produce", "flour", 800)))
        loaf = LOAF._replace(cites=(MILLING.id, other.id))

        assert scaled(loaf, "bread", 8, (KNOWN | {other.id: other}).get).runs == {LOAF.id: 8, other.id: 5}

    def test_adds_up_what_several_recipes_need_of_one(self) -> None:
        cake = Recipe(b"cake", b"", "cake", (goes("consume", "flour", 300), comes("produce", "oven", 1)), LOAF.cites)
        feast = Recipe(b"feast", b"", "feast", (
            goes("consume", "bread", 1), goes("consume", "oven", 1), comes("deliverService", "baking", 1),
        ), cites=(LOAF.id, cake.id))  # fmt: skip

        assert scaled(feast, "baking", 1, (KNOWN | {cake.id: cake}).get).runs[MILLING.id] == 1

    def test_refuses_a_class_that_does_not_come_out(self) -> None:
        with pytest.raises(ValueError, match="no flour comes out of loaf"):
            scaled(LOAF, "flour", 1, KNOWN.get)

    def test_refuses_a_circle(self) -> None:
        hen = Recipe(b"hen", b"", "hen", (goes("consume", "grain", 1), comes("produce", "flour", 1)), cites=(b"egg",))
        egg = Recipe(b"egg", b"", "egg", (goes("consume", "flour", 1), comes("produce", "grain", 1)), cites=(b"hen",))

        with pytest.raises(ValueError, match="circle"):
            scaled(hen, "flour", 1, {hen.id: hen, egg.id: egg}.get)

    def test_refuses_a_tower_and_holds_below_it(self) -> None:
        tower = {_name(at): _doubling(at) for at in range(MAX_RECIPES + 1)}
        *_, below, top = tower.values()

        assert sum(scaled(below, "flour", 1, tower.get).runs.values()) == 2**MAX_RECIPES - 1
        with pytest.raises(ValueError, match="more than 256"):
            scaled(top, "flour", 1, tower.get)

    def test_refuses_numbers_that_nobody_reads(self) -> None:
        tower = {_name(at): _dividing(at) for at in range(60)}

        assert scaled(tower[_name(10)], "flour", 1, tower.get).runs[_name(0)].denominator == 2 ** (52 * 11)
        with pytest.raises(ValueError, match="more than 2048 bits"):
            scaled(tower[_name(59)], "flour", 1, tower.get)

    def test_counts_a_recipe_once_for_each_class_that_it_is_run_for(self) -> None:
        names = [f"class-{at}" for at in range(20)]
        parts = (*(goes("consume", name, 1) for name in names), *(comes("produce", name, 1) for name in names))
        tower = {_name(at): Recipe(_name(at), b"", "all", parts, (_name(at - 1),) if at else ()) for at in range(14)}

        assert len(scaled(tower[_name(12)], "class-0", 1, tower.get).runs) == 13
        with pytest.raises(ValueError, match="more than 256"):
            scaled(tower[_name(13)], "class-0", 1, tower.get)

    @pytest.mark.parametrize("seed", range(8))
    def test_takes_of_two_amounts_what_it_takes_of_their_sum(self, seed: int) -> None:
        dice = random.Random(seed)
        one, other = (dice.randrange(1, 1000) for _ in range(2))

        parts = [scaled(LOAF, "bread", amount, KNOWN.get).acts for amount in (one, other, one + other)]

        assert {act: parts[0][act] + parts[1][act] for act in parts[0]} == parts[2], f"seed {seed}"


class TestAFootprint:
    def test_counts_every_act_of_every_run(self) -> None:
        exact = footprint(scaled(LOAF, "bread", 30, KNOWN.get).acts, BUDGET)

        # 18,750 g of grain at 2/5, 15,000 of flour at 1/10, 30 loaves at 900, 30 quarter hours at 1/3
        assert exact == 7_500 + 1_500 + 27_000 + 10

    def test_is_rounded_up_once_and_so_is_at_most_what_the_acts_cost_one_by_one(self) -> None:
        acts = scaled(LOAF, "bread", 1, KNOWN.get).acts
        exact = footprint(acts, BUDGET)
        one_by_one = sum(BUDGET.of(*act, ceil(much)) for act, much in acts.items())

        assert exact == 1200 + Fraction(1, 3)
        assert ceil(exact) == 1201 <= one_by_one

    def test_is_nothing_where_nothing_is_counted(self) -> None:
        assert footprint({("use", "oven"): Fraction(3)}, BUDGET) == 0


class TestARecipeThatIsPublished:
    def test_is_in_the_books_with_what_it_cites_until_it_counts_no_more(self) -> None:
        commons = Commons(found("Oost", seed=bytes(16), classes=CLASSES, sections={"budgets": CO2}))
        anna, bo = commons.member("anna"), commons.member("bo")
        milling = anna.say(compose.recipe("milling", _terms(MILLING)))
        loaf = bo.say(compose.recipe("loaf", _terms(LOAF), cites=[milling.id]))

        books = keep(commons, commons.valid)

        assert books.recipes[loaf.id] == LOAF._replace(id=loaf.id, chain=bo.chain, cites=(milling.id,))
        assert scaled(read_recipe(loaf), "bread", 30, books.recipes.get).runs == {loaf.id: 30, milling.id: 18.75}
        books.forget([anna.chain])
        assert scaled(read_recipe(loaf), "bread", 30, books.recipes.get).runs == {loaf.id: 30}


def _name(at: int) -> bytes:
    return at.to_bytes(2, "big")


def _dividing(at: int) -> Recipe:
    """Return a recipe of which one run yields an enormous amount of what the next one takes a little of."""
    parts = (goes("consume", "flour", 1), comes("produce", "flour", 2**52))
    return Recipe(_name(at), b"", "drop", parts, cites=(_name(at - 1),) if at else ())


def _doubling(at: int) -> Recipe:
    """Return a recipe that refines two of what the one below it makes into one."""
    parts = goes("consume", "flour", 2), comes("produce", "flour", 1)
    return Recipe(_name(at), b"", "tower", parts, () if at == 0 else (_name(at - 1),))


def _terms(recipe: Recipe) -> list[tuple[str, str, str, int]]:
    return [("i" if part.is_input else "o", *part[1:]) for part in recipe.parts]
