"""Actions: what each of the nineteen actions of ValueFlows 1.0 does to resources, as data.

One row an action, the eleven behaviours of the ontology by their names, and what
happens between two agents: ValueFlows says for some actions that a transfer is
implied where provider and receiver differ, and the last column is what that comes to.

    >>> ACTIONS["consume"].accountingEffect, ACTIONS["consume"].between
    ('decrement', '-- ..')
    >>> sorted(name for name, action in ACTIONS.items() if action.is_bilateral)[:3]
    ['accept', 'consume', 'copy']

Spec: 20-resource, "Actions". Source: ValueFlows 1.0, `all_vf.TTL`.
"""

from __future__ import annotations

from typing import NamedTuple


class Action(NamedTuple):
    """The behaviours of an action, by the names of the ontology; "" where it has none."""

    name: str
    inputOutput: str  # the names are those of ValueFlows
    pairsWith: str
    createResource: str
    eventQuantity: str
    accountingEffect: str
    onhandEffect: str
    locationEffect: str
    containedEffect: str
    accountableEffect: str
    stageEffect: str
    stateEffect: str
    # accounting and onhand of the provider's resource, then of the receiver's; "" where it takes one agent alone
    between: str

    @property
    def is_bilateral(self) -> bool:
        """Whether needs and offers can be of this action."""
        return bool(self.between)

    @property
    def gives(self) -> tuple[bool, bool]:
        """Whether accounting and onhand of the provider's resource fall when a line is delivered."""
        return self.between[:1] == "-", self.between[1:2] == "-"

    @property
    def takes(self) -> tuple[bool, bool]:
        """Whether accounting and onhand of the receiver's resource rise when a line is received."""
        return self.between[3:4] == "+", self.between[4:5] == "+"

    @property
    def is_custody(self) -> bool:
        """Whether custody alone passes between two: what is lent, brought or mended goes home again."""
        return self.gives == self.takes == (False, True)


_UP, _DOWN, _BOTH, _TO = "increment", "decrement", "decrementIncrement", "incrementTo"
_COLUMNS = (
    # name, input or output, pairs with, creates, quantity, accounting, onhand,
    # location, contained, accountable, stage, state, between two agents
    ("produce", "output", "", "optional", "resource", _UP, _UP, "new", "", "new", "update", "update", ".. ++"),
    ("consume", "input", "", "", "resource", _DOWN, _DOWN, "", "", "", "", "update", "-- .."),
    ("use", "input", "", "", "both", "", "", "", "", "", "", "update", ".. .."),
    ("cite", "input", "", "", "resource", "", "", "", "", "", "", "update", ""),
    ("work", "input", "", "", "effort", "", "", "", "", "", "", "", ".. .."),
    ("deliverService", "outputInput", "", "", "resource", "", "", "", "", "", "", "", "-- ++"),
    ("pickup", "input", "dropoff", "", "resource", "", _DOWN, "update", "", "", "", "update", ".- .+"),
    ("dropoff", "output", "pickup", "", "resource", "", _UP, "update", "", "", "update", "update", ".- .+"),
    ("accept", "input", "modify", "", "resource", "", _DOWN, "update", "", "", "", "update", ".- .+"),
    ("modify", "output", "accept", "", "resource", "", _UP, "update", "", "", "update", "update", ".- .+"),
    ("combine", "input", "", "", "resource", "", _DOWN, "", "update", "", "", "update", ""),
    ("separate", "output", "", "", "resource", "", _UP, "", "remove", "", "update", "update", ""),
    ("transferAllRights", "", "", "optionalTo", "resource", _BOTH, "", "", "", "updateTo", "", "updateTo", "-. +."),
    ("transferCustody", "", "", "optionalTo", "resource", "", _BOTH, "updateTo", "", "", "", "updateTo", ".- .+"),
    ("transfer", "", "", "optionalTo", "resource", _BOTH, _BOTH, "updateTo", "", "updateTo", "", "updateTo", "-- ++"),
    ("move", "", "", "optionalTo", "resource", _BOTH, _BOTH, "updateTo", "", "", "", "updateTo", ""),
    ("copy", "", "", "optionalTo", "resource", _TO, _TO, "new", "", "new", "", "updateTo", ".. ++"),
    ("raise", "", "", "optional", "resource", _UP, _UP, "", "", "new", "", "update", ""),
    ("lower", "", "", "optional", "resource", _DOWN, _DOWN, "", "", "new", "", "update", ""),
)
ACTIONS = {columns[0]: Action(*columns) for columns in _COLUMNS}
PLAIN = "transfer"  # what a need or offer is of that names no action
CITING = frozenset({"cite", "use", "copy"})  # what may be done with a resource that another chain keeps
