"""`recipe`, `process`, `capacity`: how a thing is made, that it is being made, what a thing can do in a time.

A recipe is knowledge that anybody may follow (ValueFlows RecipeProcess with its
RecipeFlows); a process is what one chain's events go into and come out of.
"""

from __future__ import annotations

from ..accumulators import Capacity
from ..actions import ACTIONS
from ..errors import Refused
from ..names import is_name
from .kind import Judged, Kind, is_natural, nothing
from .stock import own_resource, resource_id

IO = {"i": "input", "o": "output"}
FLOW = 4  # terms of a flow: i or o, action, class, amount
MAX_BUCKET_MS = 40_000 * 86_400_000


def _judge_recipe(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) <= 1 or (len(terms) - 1) % FLOW:
        raise Refused("recipe.terms", "a recipe has a name, then flows of four terms: i or o, action, class, amount")
    if not is_name(terms[0]):
        raise Refused(
            "recipe.terms",
            f"{terms[0]!r} is no name, such as sour-dough: lower-case letters and digits, dotted or dashed",
        )
    for at in range(1, len(terms), FLOW):
        io, name, resource_class, amount = terms[at : at + FLOW]
        action = ACTIONS.get(name) if isinstance(name, str) else None
        if action is None or not isinstance(io, str) or IO.get(io, " ") not in action.inputOutput.lower():
            way = {"i": "goes into", "o": "comes out of"}.get(str(io), "goes neither into nor out of")
            raise Refused("recipe.flow", f"{name!r} is no action of what {way} a process")
        if resource_class not in judged.charter.classes:
            raise Refused("recipe.flow", f"class {resource_class!r} is not in the charter")
        if not is_natural(amount) or not 0 < amount <= judged.charter.max_amount:
            raise Refused("recipe.flow", f"amount {amount!r}, an integer above 0 is expected")


def _judge_process(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 1:
        raise Refused("process.terms", "a process has one term, the recipe that it follows or null")
    if terms[0] is not None and judged.dep(terms[0], "process.terms").header.kind != "recipe":
        raise Refused("process.recipe", "a process follows a recipe, or none")


def _judge_capacity(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 5:
        raise Refused("capacity.terms", "a capacity has the terms resource, number, class, amount, stretch of time")
    at, number, resource_class, amount, bucket_ms = terms
    name = resource_id(judged, at, number, "capacity.terms")
    if name is None:
        raise Refused("capacity.terms", "a capacity is of a resource")
    held = own_resource(judged, name, "capacity.resource")
    if held.capacity:
        raise Refused("capacity.resource", "the resource has a capacity already")
    if type(resource_class) is not str or resource_class not in judged.charter.classes:
        raise Refused("capacity.class", f"class {resource_class!r} is not in the charter")
    if not is_natural(amount) or not 0 < amount <= judged.charter.max_amount:
        raise Refused("capacity.amount", f"amount {amount!r}, an integer from 1 to {judged.charter.max_amount}")
    if not is_natural(bucket_ms) or not 0 < bucket_ms <= MAX_BUCKET_MS:
        raise Refused("capacity.amount", f"{bucket_ms!r} ms, an integer from 1 to {MAX_BUCKET_MS} is expected")
    judged.facts["resource", *name] = held._replace(capacity=judged.entry.id)
    judged.facts["capacity", judged.entry.id, -1] = Capacity(resource_class, amount, bucket_ms)


RECIPE = Kind(
    "recipe",
    ("name", "*io", "*action", "*class", "*amount"),
    ("recipe.terms", "recipe.flow"),
    _judge_recipe,
    nothing,
)
PROCESS = Kind("process", ("recipe",), ("process.terms", "process.recipe"), _judge_process, nothing)
CAPACITY = Kind(
    "capacity",
    ("resource", "number", "class", "amount", "bucket_ms"),
    ("capacity.terms", "capacity.resource", "capacity.class", "capacity.amount"),
    _judge_capacity,
    nothing,
)
