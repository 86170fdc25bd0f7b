"""The recipe book: what an amount takes by a recipe and by those that it cites, and what it would cost (chapter 25)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from mycelia_protocol import cid
from mycelia_protocol.amounts import decimal_text
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.recipes import Act, Recipe, footprint, scaled

from . import models, signals
from .desk import Desk
from .faults import BadInput

_UNKNOWN = ResourceClass("")  # of a class that the root charter does not have


class Recipebook:
    """The recipes that count, scaled to what is wanted."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._ledger = desk, desk.ledger

    def footprint(self, query: models.FootprintQuery) -> models.FootprintView:
        """Return what an amount takes and would cost of each impact that the charter counts.

        Raises:
            NotFound, BadInput: there is no such recipe; or the class does not come out of it, or is not clear.
        """
        charter, recipes = self._ledger.charter, self._ledger.books.recipes
        recipe = recipes.get(self._desk.entry(query.recipe).entry.id)
        if recipe is None:
            raise BadInput("recipe", f"{query.recipe[:80]} is no recipe that counts", "name one: `mycelia log`")
        wanted = query.resource_class or _only(recipe)
        if wanted not in charter.classes:
            raise BadInput("class", f"{wanted[:80]!r} is no class of this commons", "choose what comes out of it")
        amount = signals.amount_of(charter, wanted, query.amount)
        try:
            found = scaled(recipe, wanted, amount, recipes.get)
        except ValueError as failure:
            raise BadInput("recipe", str(failure), "choose what comes out of it, or another recipe") from failure
        return models.FootprintView(
            recipe=cid.text(recipe.id), name=recipe.name, resource_class=wanted, unit=charter.classes[wanted].unit,
            amount=self._text(wanted, Fraction(amount)),
            runs=[
                models.RunRow(recipe=cid.text(name), name=recipes[name].name, runs=decimal_text(runs))
                for name, runs in found.runs.items()
            ],
            goes_in=self._rows(found.goes_in),
            comes_out=self._rows(found.comes_out),
            footprints=[
                models.FootprintRow(
                    impact=name, unit=budget.unit, source=budget.source, amount=str(ceil(exact)),
                    exact=decimal_text(exact), each=decimal_text(exact / amount / charter.classes[wanted].quantum),
                )
                for name, budget in sorted(charter.budgets.items())
                for exact in [footprint(found.acts, budget)]
            ],
        )  # fmt: skip

    def _rows(self, acts: Mapping[Act, Fraction]) -> list[models.TakenRow]:
        return [
            models.TakenRow(
                action=action, resource_class=name, unit=self._class(name).unit, amount=self._text(name, much)
            )
            for (action, name), much in sorted(acts.items())
        ]

    def _text(self, resource_class: str, quanta: Fraction) -> str:
        return decimal_text(quanta * self._class(resource_class).quantum)

    def _class(self, name: str) -> ResourceClass:
        return self._ledger.charter.classes.get(name, _UNKNOWN)


def _only(recipe: Recipe) -> str:
    """Return what comes out of a recipe, if it is one class."""
    classes = sorted({part.resource_class for part in recipe.parts if not part.is_input})
    if len(classes) != 1:
        said = f"{', '.join(classes) or 'nothing'} comes out of {recipe.name}"
        raise BadInput("class", said, "say which you mean: `--class`")
    return classes[0]
