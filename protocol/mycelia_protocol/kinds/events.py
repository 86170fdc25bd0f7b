"""`event`: what one agent did with its own resources (ValueFlows EconomicEvent, provider and receiver one).

What takes two is a need, an offer and a line with its `deliver` and `receive`. Every
action is judged by its row of the table in `actions`: there is no branch for any of them.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from ..accumulators import Resource, ResourceId, Use
from ..actions import ACTIONS, CITING, Action
from ..charter import MAX_AMOUNT
from ..envelope import Entry, Header
from ..errors import Refused
from ..licenses import USES
from ..names import is_name
from .designs import (
    ACTION,
    AMOUNT,
    CELL,
    CLASS,
    EFFORT_MS,
    LICENSE,
    PROCESS,
    RESOURCE,
    RESOURCE_NUMBER,
    STATE,
    TERMS,
    TO,
    TO_NUMBER,
    USE,
    license_of,
)
from .intents import is_cell
from .kind import Judged, Kind, is_natural
from .licensing import MAX_USES, check_copy, check_downstream, check_use, owe_source, publish_source
from .stock import Change, add, change, check_free, extent, own_resource, resource_id

MAX_AWAY = 64  # ways and containers of one resource: each event about it reads and writes them all
MAX_CONTAINERS = 64  # that a thing is in, through others: putting it there reads them all

_SIGNS = {"": 0, "increment": 1, "decrement": -1, "decrementIncrement": -1, "incrementTo": 0}
_LICENSABLE = frozenset({"produce", "raise", "copy"})
_NAMED_ONCE = frozenset({"consume", "use", "cite", "work", "deliverService"})  # of a resource, or of a class


def _judge(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != TERMS:
        raise Refused("event.terms", f"an event has {TERMS} terms, from action to license")
    action = ACTIONS.get(cast(str, terms[ACTION]))
    if action is None or action.name.startswith("transfer"):
        raise Refused("event.action", f"{terms[ACTION]!r} is no action of one agent; two need and offer")
    amount = _amount(judged, action)
    resource = resource_id(judged, terms[RESOURCE], terms[RESOURCE_NUMBER], "event.resource")
    to = resource_id(judged, terms[TO], terms[TO_NUMBER], "event.resource")
    _check_resources(judged, action, resource, to)
    resource_class = _class_of(judged, action, resource, to)
    _check_second(judged, action, resource, to)
    process = _process(judged, action)
    _check_attributes(judged, action)
    _note_use(judged, action, resource, resource_class, process)
    _note_output(judged, action, process)
    made = _move(judged, action, Move(amount, resource_class, resource, to, process))
    license_ = terms[LICENSE]
    if license_ is not None and not (made is not None and action.name in _LICENSABLE and is_name(license_)):
        raise Refused("event.license", "a license is the name of a profile, stated where a resource is made")
    if made is not None and action.name in _LICENSABLE:  # a part that is moved is the thing itself
        held, stated = cast(Resource, judged.facts.resource(made)), cast("str | None", license_)
        check_downstream(judged, judged.facts.uses(held.process), stated)
        if action.name == "copy":
            check_copy(judged, _kept(judged, held.process), stated)
        if license_ is not None and held.process:
            publish_source(judged, held.process, held.resource_class, cast(str, license_))


def _amount(judged: Judged, action: Action) -> int:
    """Return the amount, 0 where none is stated and none is needed (rule `event.amount`)."""
    amount, effort = judged.header.terms[AMOUNT], judged.header.terms[EFFORT_MS]
    most = judged.charter.max_amount
    if amount is not None and (not is_natural(amount) or not 0 < amount <= most):
        raise Refused("event.amount", f"amount {amount!r}, an integer from 1 to {most} is expected")
    if effort is not None and not (action.eventQuantity == "both" and is_natural(effort) and effort > 0):
        raise Refused("event.amount", "an effort in milliseconds is stated of `use` alone, above 0")
    if amount is None and effort is None and action.name != "cite":
        raise Refused("event.amount", f"`{action.name}` states how much")
    return amount or 0


def _check_resources(judged: Judged, action: Action, resource: ResourceId | None, to: ResourceId | None) -> None:
    """Refuse unless the event names the resources that its action is about (rules `event.resource`, `event.own`)."""
    name, terms = action.name, judged.header.terms
    has_class = terms[CLASS] is not None
    makes_or_names = name in _NAMED_ONCE or (action.createResource == "optional" and name != "lower")
    if makes_or_names and (resource is None) != has_class:
        raise Refused("event.resource", f"`{name}` names a resource or states a class, one of them")
    if not makes_or_names and (resource is None or (has_class and name != "copy")):
        raise Refused("event.resource", f"`{name}` names the resource and states no class")
    wants_to = bool(action.containedEffect)
    if (to is None) if wants_to else (to is not None and action.createResource != "optionalTo"):
        raise Refused("event.resource", f"`{name}` {'names' if wants_to else 'does not name'} a second resource")
    if to is None and action.locationEffect == "updateTo" and terms[CELL] is None:
        raise Refused("event.resource", f"`{name}` names a second resource or a place")
    if to is not None and to == resource:
        raise Refused("event.resource", "the two resources differ")
    if resource is not None and name in CITING and judged.deps[resource[0]].chain != judged.prefix.chain:
        _check_foreign(judged.deps[resource[0]], resource[1])
    elif resource is not None:
        own_resource(judged, resource, "event.own")
    if to is not None:
        own_resource(judged, to, "event.own")


def _check_foreign(entry: Entry, number: int) -> None:
    """Refuse unless another chain's entry has the form of one that made a resource (rule `event.own`)."""
    terms = entry.header.terms
    made = entry.header.kind == "event" and number == 0 and len(terms) == TERMS and type(terms[CLASS]) is str
    if not made:
        raise Refused("event.own", "what is named of another chain is no event that made a resource of a class")


def _class_of(judged: Judged, action: Action, resource: ResourceId | None, to: ResourceId | None) -> str:
    """Return the class that the event is about (rule `event.class`)."""
    stated = judged.header.terms[CLASS]
    if resource is not None:
        held = judged.facts.resource(resource)
        of = held.resource_class if held is not None else judged.deps[resource[0]].header.terms[CLASS]
        if stated is not None and stated != of:  # of a copy, so that others know what it is
            raise Refused("event.class", f"what is copied is {of!r}, not {stated!r}")
        stated = of
    if type(stated) is not str or stated not in judged.charter.classes:
        raise Refused("event.class", f"class {stated!r} is not in the charter")
    other = None if to is None else judged.facts.resource(to)
    if other is not None and not action.containedEffect and other.resource_class != stated:
        raise Refused("event.class", f"{stated} does not become {other.resource_class}")
    if stated in judged.charter.credit and (action.accountingEffect or action.onhandEffect):
        raise Refused("event.class", f"{stated} is mutual credit: it is given and received, and nothing else")
    return stated


def _check_second(judged: Judged, action: Action, resource: ResourceId | None, to: ResourceId | None) -> None:
    """Refuse what would promise a thing twice, or put it into itself (rules `event.capacity`, `event.container`)."""
    if resource is None or to is None:
        return
    if action.containedEffect == "update":
        _check_container(judged, resource, to)
    if action.name == "move":
        one, other = (own_resource(judged, name, "event.own").capacity for name in (resource, to))
        if one and one != other:
            raise Refused("event.capacity", "what has a capacity is not added to what has another one, or none")


def _check_container(judged: Judged, resource: ResourceId, container: ResourceId) -> None:
    """Refuse a container that lies, through own containers, in the thing itself, or in too many of them."""
    outside, open_ = {container}, [container]
    while open_:
        for way, name, number, _ in own_resource(judged, open_.pop(), "event.own").away:
            if way == "combine" and (name, number) not in outside:
                outside.add((name, number))
                open_.append((name, number))
        if resource in outside:
            raise Refused("event.container", "the container lies in what would be put into it")
        if len(outside) > MAX_CONTAINERS:
            raise Refused("event.container", f"a thing lies in at most {MAX_CONTAINERS} containers, one in the other")


def _process(judged: Judged, action: Action) -> bytes:
    """Return the own process that the event is an input or output of, b"" if none (rule `event.process`)."""
    at = judged.header.terms[PROCESS]
    if at is None:
        return b""
    process = judged.dep(at, "event.process")
    if process.header.kind != "process" or judged.prefix.own(process.id) is None or not action.inputOutput:
        raise Refused("event.process", f"`{action.name}` goes into or comes out of a valid process of one's own")
    return process.id


def _check_attributes(judged: Judged, action: Action) -> None:
    """Refuse a place, stage or state that the action does not set, or that is none (rules `event.cell`, `.state`)."""
    cell, stage, state = judged.header.terms[CELL : STATE + 1]
    if cell is not None and not (action.locationEffect and type(cell) is int and is_cell(cell)):
        raise Refused("event.cell", f"{cell!r} is no H3 cell, or `{action.name}` moves nothing")
    for term, effect in ((stage, action.stageEffect), (state, action.stateEffect)):
        if term is not None and not (effect and is_name(term)):
            raise Refused("event.state", f"{term!r} is no name, or `{action.name}` does not set it")


def _note_use(judged: Judged, action: Action, resource: ResourceId | None, resource_class: str, process: bytes) -> None:
    """Note that a licensed thing of another chain goes into a process, or into a copy (rule `event.use`)."""
    use, design = judged.header.terms[USE], None
    if resource is not None and action.name in CITING:
        entry = judged.deps[resource[0]]
        design = entry if entry.chain != judged.prefix.chain and license_of(entry) is not None else None
    if (design is None) != (use is None) or (use is not None and use not in USES):
        raise Refused(
            "event.use",
            f"what is licensed is used for one of {', '.join(USES)}; nothing else has a use",
        )
    if design is None or resource is None:
        held = None if resource is None or action.inputOutput == "output" else judged.facts.resource(resource)
        if held is not None and process:  # what goes in is in what comes out
            _note_uses(judged, process, judged.facts.uses(held.process))
        return
    duties = check_use(judged, design, resource, cast(str, license_of(design)), cast(str, use))
    into = process or (judged.entry.id if action.name == "copy" else b"")
    if into:
        said: Use = (*resource, cast(str, use))
        is_new = said not in judged.facts.uses(into)
        _note_uses(judged, into, (said,))
        if is_new and use == "adapt" and duties.source_days:
            owe_source(judged, into, resource, resource_class, duties.source_days)


def _note_uses(judged: Judged, into: bytes, more: tuple[Use, ...]) -> None:
    """Note that licensed things went into a process, a copy or a stock, or refuse `event.use`."""
    before = judged.facts.process(into)
    uses = tuple(sorted({*before.uses, *more}))
    if uses == before.uses:
        return
    if before.has_output:
        raise Refused("event.use", "something came out of that process before: what is licensed is named first")
    if len(uses) > MAX_USES:
        raise Refused("event.use", f"a process takes at most {MAX_USES} licensed things")
    judged.facts["process", into, -1] = before._replace(uses=uses)


def _note_output(judged: Judged, action: Action, process: bytes) -> None:
    """Note that something came out of a process: from then on nothing licensed goes in."""
    if process and action.inputOutput in ("output", "outputInput"):
        judged.facts["process", process, -1] = judged.facts.process(process)._replace(has_output=True)


def _blend(judged: Judged, into: ResourceId, process: bytes) -> None:
    """Note that an own resource now holds what comes of a process, with all licensed things that went into that.

    Else who has an unlicensed stock would rid of its license whatever he adds to it.
    """
    held, license_ = own_resource(judged, into, "event.own"), license_of(judged.deps[into[0]])
    before, more = judged.facts.uses(held.process), judged.facts.uses(process)
    if license_ is not None and process:
        publish_source(judged, process, held.resource_class, license_)
    kept = None if process == held.process else _kept(judged, process)
    if set(more) <= set(before) and kept is None:
        return
    check_downstream(judged, more, license_)
    check_copy(judged, kept, license_)
    _note_uses(judged, into[0], before + more)
    judged.facts["resource", *into] = held._replace(process=into[0])


def _kept(judged: Judged, process: bytes) -> str | None:
    """Return the license that copies keep of what is noted with a process, None if they need to keep none.

    What is noted with a copy, or with stock that something was added to, is there as it was; what is noted with
    a process went into something else.
    """
    if not judged.facts.uses(process):
        return None
    if process != judged.entry.id:
        made = judged.prefix.own(process)  # events stay (chapter 19)
        return None if made is None else license_of(made)
    terms = judged.header.terms
    return None if terms[USE] == "adapt" else license_of(judged.dep(terms[RESOURCE], "event.resource"))


class Move(NamedTuple):
    """How much of what goes where."""

    amount: int
    resource_class: str
    resource: ResourceId | None
    to: ResourceId | None
    process: bytes


def _move(judged: Judged, action: Action, move: Move) -> ResourceId | None:
    """Do what the action does to accounting and onhand; return the resource that it makes, if any."""
    by = Change(*(_SIGNS[effect] * move.amount for effect in (action.accountingEffect, action.onhandEffect)))
    made: ResourceId = (judged.entry.id, 0)
    if move.resource is None:
        if max(by) <= 0:
            return None  # of a class alone: no stock is touched
        _check_room(move.amount)
        judged.facts["resource", *made] = Resource(move.resource_class, *by, process=move.process)
        return made
    if any(by):
        held = own_resource(judged, move.resource, "event.own")
        check_free(judged, held, Change(-min(by.accounting, 0), -min(by.onhand, 0)), "event.stock")
        _part(judged, action, move)
        add(judged, move.resource, by)
        _check_room(extent(own_resource(judged, move.resource, "event.own")))
        if max(by) > 0:
            _blend(judged, move.resource, move.process)
    if action.createResource != "optionalTo":
        return None
    taken = change((bool(action.accountingEffect), bool(action.onhandEffect)), move.amount)
    if move.to is None:
        process, of = _made_in(judged, action, move.resource), judged.facts.resource(move.resource)
        capacity = of.capacity if of is not None and action.name == "move" else b""  # one for all its parts
        judged.facts["resource", *made] = Resource(move.resource_class, *taken, process=process, capacity=capacity)
        return made
    add(judged, move.to, taken)
    _check_room(extent(own_resource(judged, move.to, "event.own")))
    _blend(judged, move.to, _made_in(judged, action, move.resource))
    return None


def _check_room(amount: int) -> None:
    if amount > MAX_AMOUNT:
        raise Refused("event.amount", f"a resource holds at most {MAX_AMOUNT} quanta")


def _made_in(judged: Judged, action: Action, resource: ResourceId) -> bytes:
    """Return the process of what is split off: that of what it comes from; a copy has its own uses."""
    held = judged.facts.resource(resource)
    if held is not None and held.process:
        return held.process
    return judged.entry.id if action.name == "copy" else b""


def _part(judged: Judged, action: Action, move: Move) -> None:
    """Note what leaves by an action that has a way back, and let back no more than left (rule `event.away`)."""
    if not (action.pairsWith or action.containedEffect):
        return
    is_back = action.inputOutput == "output"
    way = "combine" if action.containedEffect else action.pairsWith if is_back else action.name
    key = (way, *(move.to if action.containedEffect and move.to else (b"", 0)))
    resource = cast(ResourceId, move.resource)
    held = own_resource(judged, resource, "event.own")
    away = {one[:3]: one[3] for one in held.away}
    left = away.get(key, 0)
    if is_back and move.amount > left:
        back, gone = (judged.amount_text(held.resource_class, one) for one in (move.amount, left))
        raise Refused("event.away", f"{back} comes back by `{action.name}`, {gone} had left by `{way}`")
    if not is_back and not left and len(away) >= MAX_AWAY:
        raise Refused("event.away", f"of one resource something is away in at most {MAX_AWAY} ways and containers")
    away[key] = left - move.amount if is_back else left + move.amount
    kept = tuple(sorted((*name, rest) for name, rest in away.items() if rest))
    judged.facts["resource", *resource] = held._replace(away=kept)


def _relies_on(header: Header) -> tuple[bytes, ...]:
    """Return the entry that made what is cited, used or copied; an own one is valid already."""
    at = header.terms[RESOURCE]
    return (header.dep(cast(int, at)),) if at is not None and header.terms[ACTION] in CITING else ()


_FIELDS = (
    "action", "class", "amount", "resource", "resource_number", "to", "to_number", "process", "cell", "stage",
    "state", "effort_ms", "use", "license",
)  # fmt: skip
EVENT = Kind(
    "event",
    _FIELDS,
    (
        "event.terms", "event.action", "event.amount", "event.resource", "event.own", "event.class",
        "event.capacity", "event.container", "event.process",
        "event.cell", "event.state", "event.use",
        "license.unknown", "license.allowed", "license.suspended", "license.denied",
        "event.stock", "event.away", "event.license", "license.sharealike", "license.copy",
    ),
    _judge,
    _relies_on,
)  # fmt: skip
