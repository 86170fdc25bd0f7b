"""Recipes: what an amount takes, and what it would cost."""

from __future__ import annotations

from .message import Heard, Said, Text


class FootprintQuery(Heard, frozen=True, kw_only=True):
    """How much is wanted by which recipe; of which class, if several come out of it."""

    recipe: Text
    amount: Text
    resource_class: Text | None = None


class RunRow(Said, frozen=True, kw_only=True):
    """How many times a recipe is run; a number that need not be whole."""

    recipe: str
    name: str
    runs: str


class TakenRow(Said, frozen=True, kw_only=True):
    """What goes in or comes out by an action, as an exact number."""

    action: str
    resource_class: str
    unit: str
    amount: str


class FootprintRow(Said, frozen=True, kw_only=True):
    """What all that would cost of an impact, in its unit and by the factors of its source."""

    impact: str
    unit: str
    source: str
    amount: str  # rounded up
    exact: str
    each: str  # for one unit of what is wanted, exactly


class FootprintView(Said, frozen=True, kw_only=True):
    """What an amount takes by a recipe and by those that it cites, and what it would cost."""

    recipe: str
    name: str
    resource_class: str
    unit: str
    amount: str
    runs: list[RunRow]
    goes_in: list[TakenRow]  # what no recipe makes, and work
    comes_out: list[TakenRow]  # besides what is wanted
    footprints: list[FootprintRow]


class RecipeFlowRow(Said, frozen=True, kw_only=True):
    """What goes into one run of a recipe, or comes out."""

    is_input: bool
    action: str
    resource_class: str
    unit: str
    amount: str


class RecipeRow(Said, frozen=True, kw_only=True):
    """How something is made, and the recipes of what goes in."""

    id: str
    name: str
    party: str
    cites: list[str]
    flows: list[RecipeFlowRow]
