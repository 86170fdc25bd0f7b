"""Things: what members make, use, keep and can do."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .message import Heard, Place, Said, Text


class NewEvent(Heard, frozen=True, kw_only=True):
    """Something that a member did with own resources, or with a design of somebody else's (EconomicEvent)."""

    action: Text  # of one agent, by its ValueFlows name
    amount: str | int | None = None
    resource_class: Text | None = None  # of what is made, or of what has no record
    resource: Text | None = None  # an id, or its beginning, and `:number` if it is not 0
    into: Text | None = None  # the second resource: where it is moved, copied or put to
    process: Text | None = None
    at: Place | None = None
    precise: bool = False
    stage: Text | None = None
    state: Text | None = None
    effort: Text | None = None  # a duration such as "4 h", of `use`
    use: Literal["adapt", "commercial", "noncommercial", "share"] | None = None  # of what is licensed
    license: Text | None = None  # of what is made
    cites: Annotated[list[Text], Meta(max_length=16)] = []  # attestations and permits
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class NewProcess(Heard, frozen=True, kw_only=True):
    """A process to begin; a recipe says how it usually goes."""

    recipe: Text | None = None
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class Flow(Heard, frozen=True, kw_only=True):
    """What goes into one run of a recipe, or comes out."""

    io: Literal["input", "output"]
    action: Text
    resource_class: Text
    amount: str | int


class NewRecipe(Heard, frozen=True, kw_only=True):
    """How something is made: what goes in and comes out of one run."""

    name: Text
    flows: Annotated[list[Flow], Meta(min_length=1, max_length=64)]
    cites: Annotated[list[Text], Meta(max_length=16)] = []  # recipes of what goes in
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class NewCapacity(Heard, frozen=True, kw_only=True):
    """How much of a class an own resource can do in each stretch of time."""

    resource: Text
    resource_class: Text
    amount: str | int
    each: Text = "1 d"
    member: Text | None = None
    dry_run: bool = False


class NewLot(Heard, frozen=True, kw_only=True):
    """What an own resource is labelled with, and after which moment it should not be used."""

    resource: Text
    code: Text
    expires: Text | int | None = None
    member: Text | None = None
    dry_run: bool = False


class StretchView(Said, frozen=True, kw_only=True):
    """A stretch of time that is not over, of which a thing's owner offered something."""

    begin_ms: int
    offered: int
    offered_text: str
    free_text: str  # what can still be offered


class CapacityView(Said, frozen=True, kw_only=True):
    """How much a resource can do in each stretch of time, and of which stretches something is offered."""

    resource_class: str
    amount: int
    amount_text: str
    stretch_ms: int
    offered: list[StretchView]


class ResourceView(Said, frozen=True, kw_only=True):
    """A resource of a member (EconomicResource): rights and custody apart, in quanta and in words."""

    id: str  # of the entry that made it, and `:number` if it is not 0
    member: str
    chain: str
    resource_class: str
    accounting: int
    accounting_text: str
    onhand: int
    onhand_text: str
    offered_accounting: int
    offered_onhand: int
    free_text: str  # in hand, with the rights to it, and not offered
    away: int
    away_text: str
    process: str | None
    cell: str | None  # where it was last, as the books have it
    stage: str | None
    state: str | None
    container: str | None
    lot_code: str | None
    capacity: CapacityView | None


class StockQuery(Heard, frozen=True, kw_only=True):
    """What may be asked of the stock."""

    member: str | None = None
    everything: bool = False
