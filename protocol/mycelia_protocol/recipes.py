"""Recipes: what an amount of something takes, down through the recipes of what goes in, and what that costs.

A recipe is advice (chapter 20): nothing here says what was done, only what would be. All numbers
are exact fractions; what is never half, such as an impact, is rounded up once, at the end.

    >>> loaf = Recipe(b"loaf", b"", "loaf", (Part(True, "consume", "flour", 500), Part(False, "produce", "bread", 1)))
    >>> scaled(loaf, "bread", 30, lambda _: None).goes_in
    {('consume', 'flour'): Fraction(15000, 1)}

Spec: 25-books, "Recipes".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, TypeVar, cast

from .actions import ACTIONS
from .budgets import Budget
from .envelope import Entry
from .kinds.processes import FLOW

# How far one is followed down: a peer who publishes a tower of them keeps nobody busy.
MAX_RECIPES = 256  # each once for each class that it is run for
MAX_BITS = 2048  # of a number of runs or an amount, above and below the line together: it is to be read by people
Act = tuple[str, str]  # action and class
_Key = TypeVar("_Key")


class Part(NamedTuple):
    """What goes into one run, or comes out (ValueFlows RecipeFlow)."""

    is_input: bool
    action: str
    resource_class: str
    amount: int


class Recipe(NamedTuple):
    """How something is made (ValueFlows RecipeProcess), and what the recipe cites, such as those of its inputs."""

    id: bytes
    chain: bytes
    name: str
    parts: tuple[Part, ...]
    cites: tuple[bytes, ...] = ()

    def yields(self, resource_class: str) -> int:
        """Return how much of a class comes out of one run."""
        return self.yielded().get(resource_class, 0)

    def yielded(self) -> dict[str, int]:
        """Return how much comes out of one run, by class."""
        found: dict[str, int] = {}
        for part in self.parts:
            if not part.is_input:
                found[part.resource_class] = found.get(part.resource_class, 0) + part.amount
        return found


@dataclass(slots=True)
class Scaled:
    """What an amount takes: all in quanta, and not rounded."""

    runs: dict[bytes, Fraction] = field(default_factory=dict)  # by recipe, those that are asked first
    goes_in: dict[Act, Fraction] = field(default_factory=dict)  # what none of the recipes makes, and work
    comes_out: dict[Act, Fraction] = field(default_factory=dict)  # besides what it is all done for
    acts: dict[Act, Fraction] = field(default_factory=dict)  # everything that is done in all runs


class Wanted(NamedTuple):
    """Why a recipe is run: for a class of what comes out."""

    recipe: bytes
    resource_class: str


def read_recipe(entry: Entry) -> Recipe:
    """Return what a valid `recipe` says."""
    name, *terms = entry.header.terms
    groups = (terms[at : at + FLOW] for at in range(0, len(terms), FLOW))
    parts = tuple(
        Part(io == "i", str(action), str(resource_class), cast(int, amount))
        for io, action, resource_class, amount in groups
    )
    return Recipe(entry.id, entry.chain, str(name), parts, entry.header.links)


def scaled(recipe: Recipe, resource_class: str, amount: int, recipe_of: Callable[[bytes], Recipe | None]) -> Scaled:
    """Return what `amount` quanta of a class take by a recipe, and by those of its inputs that it cites.

    `recipe_of` gives a recipe that counts by its id, None for any other id.

    Raises:
        ValueError: the class does not come out of it; more recipes are cited than are followed; a number gets
            longer than is read; or they are cited in a circle, which recipes that are entries never are, for a link
            is a digest.
    """
    if not recipe.yields(resource_class):
        raise ValueError(f"no {resource_class} comes out of {recipe.name}")
    first, found = Wanted(recipe.id, resource_class), Scaled()
    known, made = _followed(recipe, first, recipe_of)
    asked = dict.fromkeys(made, Fraction(0)) | {first: Fraction(amount)}
    for wanted in _in_order(made):
        runner = known[wanted.recipe]
        runs = asked[wanted] / runner.yields(wanted.resource_class)
        _add(found.runs, runner.id, runs)
        for part in runner.parts:
            act, much = (part.action, part.resource_class), part.amount * runs
            _add(found.acts, act, much)
            maker = made[wanted].get(part.resource_class) if _is_used_up(part) else None
            if maker is not None:
                _add(asked, maker, much)
            elif part.is_input:
                _add(found.goes_in, act, much)
            elif part.resource_class != wanted.resource_class:
                _add(found.comes_out, act, much)
    return found


def _add(sums: dict[_Key, Fraction], key: _Key, much: Fraction) -> None:
    total = sums[key] = sums.get(key, Fraction(0)) + much
    if total.numerator.bit_length() + total.denominator.bit_length() > MAX_BITS:
        raise ValueError(f"what it takes are numbers of more than {MAX_BITS} bits")


def footprint(acts: Mapping[Act, Fraction], budget: Budget) -> Fraction:
    """Return what all that costs of an impact, by the factors of the charter; not rounded."""
    found = (much * Fraction(*budget.factors[act]) for act, much in acts.items() if act in budget.factors)
    return sum(found, Fraction(0))


def _is_used_up(part: Part) -> bool:
    """Whether an input is gone afterwards, as what is consumed: what is used, cited or worked is not made anew."""
    return part.is_input and ACTIONS[part.action].gives[0]


Made = dict[Wanted, dict[str, Wanted]]  # by recipe and what it is run for: for each class that goes in, who makes it


def _followed(
    recipe: Recipe, first: Wanted, recipe_of: Callable[[bytes], Recipe | None]
) -> tuple[dict[bytes, Recipe], Made]:
    known: dict[bytes, Recipe] = {recipe.id: recipe}
    yielded: dict[bytes, dict[str, int]] = {}
    made, ahead = Made(), [first]
    while ahead:
        wanted = ahead.pop()
        if wanted in made:
            continue
        makers = made.setdefault(wanted, {})
        if len(made) > MAX_RECIPES:
            raise ValueError(f"{recipe.name} rests on more than {MAX_RECIPES} recipes")
        cited = [one for one in map(recipe_of, sorted(known[wanted.recipe].cites)) if one is not None]
        yielded.update((one.id, one.yielded()) for one in cited if one.id not in yielded)
        for resource_class in sorted({part.resource_class for part in known[wanted.recipe].parts if _is_used_up(part)}):
            maker = next((one for one in cited if resource_class in yielded[one.id]), None)
            if maker is not None:
                known[maker.id] = maker
                makers[resource_class] = Wanted(maker.id, resource_class)
        ahead += makers.values()
    return known, made


def _in_order(made: Made) -> list[Wanted]:
    """Return the recipes so that all that ask for one stand before it."""
    try:
        return list(TopologicalSorter({one: makers.values() for one, makers in made.items()}).static_order())[::-1]
    except CycleError as circle:
        raise ValueError("recipes that cite each other in a circle say nothing") from circle
