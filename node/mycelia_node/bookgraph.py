"""Books as a graph in the words of ValueFlows 1.0, written as JSON-LD (chapter 25, "Exports").

Names are those of the ontology, each only on the classes that are in its domain; what it has no word
for is in the namespace `myc:`. Amounts are exact decimals as text, never floats.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote

from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.amounts import decimal_text
from mycelia_protocol.kinds.lots import LAST_MS

from . import models

Node = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONTOLOGY = "http://www.ontology-of-units-of-measure.org/resource/om-2/"
OM2 = {
    "%": "percent", "g": "gram", "kg": "kilogram", "t": "tonne", "l": "litre", "L": "litre", "ml": "millilitre",
    "m": "metre", "km": "kilometre", "m2": "squareMetre", "m3": "cubicMetre", "h": "hour", "s": "second-Time",
    "min": "minute-Time", "d": "day", "J": "joule", "MJ": "megajoule", "kWh": "kilowattHour", "piece": "one",
    "one": "one",
}  # fmt: skip
_YEAR_10000_MS = 253_402_300_800_000


def context() -> Node:
    """Return the JSON-LD context of books, as it stands beside chapter 25."""
    found: Node = json.loads((files(__package__) / "books.jsonld").read_text("utf-8"))["@context"]
    return found


def jsonld(view: models.BooksView) -> Node:
    """Return books as a JSON-LD document, with its context inside."""
    known = {one.id: one for one in view.intents}
    agreed = {one.id: one.agreement for one in view.commitments}
    owed = {one.id for one in view.claims}
    nodes = [
        *_agents(view),
        *(_class(name, unit) for name, unit in view.classes.items()),
        *map(_process, view.processes),
        *_stages([*view.stock, *view.events]),
        *_places([*view.stock, *view.events, *view.intents]),
        *_lots(view.stock),
        *map(_resource, view.stock),
        *(_event(row, agreed, owed) for row in view.events),
        *map(_intent, view.intents),
        *(_proposal(row, known) for row in view.intents),
        *(_commitment(row, known) for row in view.commitments),
        *map(_agreement, view.agreements),
        *map(_claim, view.claims),
        *(node for row in view.recipes for node in _recipe(row)),
    ]
    graph = [*nodes, *_units(nodes)]
    return {"@context": context(), "id": _urn("commons", view.network), "rdfs:label": view.name, "@graph": graph}


def _agents(view: models.BooksView) -> Iterable[Node]:
    names = {row.party: row.member for row in view.accounts}
    parties = [
        *(party for row in view.events for party in (row.provider, row.receiver)),
        *(party for row in view.stock for party in (row.party, row.accountable)),
        *(party for row in view.commitments for party in (row.provider, row.receiver)),
        *(party for row in view.claims for party in (row.debtor, row.creditor)),
        *(party for one in view.agreements for party in one.parties),
        *(row.party for row in view.intents),
        *(row.party for row in view.recipes),
        *(row.party for row in view.processes),
    ]
    for party in sorted({*names, *parties}):
        kind = view.agents.get(party, "Agent")
        yield _without_none({"id": _urn("agent", party), "type": kind, "name": names.get(party)})


def _class(name: str, unit: str) -> Node:
    return {
        "id": _urn("class", name), "type": "ResourceSpecification", "name": name, "defaultUnitOfResource": _unit(unit),
    }  # fmt: skip


def _stages(rows: Iterable[models.StockRow | models.EventRow]) -> Iterable[Node]:
    for stage in sorted({row.stage for row in rows if row.stage is not None}):
        yield {"id": _urn("stage", stage), "type": "ProcessSpecification", "name": stage}


def _places(rows: Iterable[models.StockRow | models.EventRow | models.IntentRow]) -> Iterable[Node]:
    for cell in sorted({row.cell for row in rows if row.cell is not None}):
        yield {"id": _urn("cell", cell), "type": "SpatialThing", "cell": cell}


def _lots(rows: Iterable[models.StockRow]) -> Iterable[Node]:
    for name, code, expires_ms in sorted({(row.lot, row.lot_code, row.expires_ms) for row in rows if row.lot}, key=str):
        yield _without_none({
            "id": _maybe("lot", name), "type": "BatchLotRecord", "batchLotCode": code,
            "expirationDate": None if expires_ms is None else _moment(expires_ms),
        })  # fmt: skip


def _units(nodes: Iterable[Node]) -> Iterable[Node]:
    """Return a node for each unit that others name."""
    own = {f"om2:{name}": (text, f"{ONTOLOGY}{name}") for text, name in OM2.items()}
    for name in sorted({text for node in nodes for text in _unit_ids(node)}):
        label, identifier = own.get(name, (unquote(name.removeprefix("urn:mycelia:unit:")), None))
        yield _without_none({"id": name, "type": "Unit", "label": label, "omUnitIdentifier": identifier})


def _unit_ids(node: Node) -> Iterable[str]:
    for key, value in node.items():
        if key in ("hasUnit", "defaultUnitOfResource"):
            yield value
        elif isinstance(value, dict):
            yield from _unit_ids(value)


def _process(row: models.ProcessRow) -> Node:
    return _without_none({
        "id": _urn("process", row.id), "type": "Process", "inScopeOf": _urn("agent", row.party),
        "recipe": _maybe("recipe", row.recipe),
    })  # fmt: skip


def _resource(row: models.StockRow) -> Node:
    overdrawn = _measure(row.overdrawn, row.unit) if row.overdrawn != "0" else None
    return _without_none({
        "id": _urn("resource", row.id),
        "type": "EconomicResource",
        "conformsTo": _urn("class", row.resource_class),
        "accountingQuantity": _measure(row.accounting, row.unit),
        "onhandQuantity": _measure(row.onhand, row.unit),
        "primaryAccountable": _urn("agent", row.accountable),
        "custodian": _urn("agent", row.party),
        "chain": _urn("chain", row.chain),
        "currentLocation": _maybe("cell", row.cell),
        "containedIn": _maybe("resource", row.container),
        "ofBatchLot": _maybe("lot", row.lot),
        "stage": _maybe("stage", row.stage),
        "state": row.state,
        "overdrawn": overdrawn,
    })


def _event(row: models.EventRow, agreed: Mapping[str, str | None], owed: Collection[str]) -> Node:
    to_output = ACTIONS[row.action].inputOutput == "output"
    is_named = row.resource is not None or row.to is not None  # either the resources or their class, not both
    effort = None if not row.effort_ms else _measure(decimal_text(Fraction(row.effort_ms, 1000)), "s")
    return _without_none({
        "id": _urn("event", row.id),
        "type": "EconomicEvent",
        "action": row.action,
        "provider": _urn("agent", row.provider),
        "receiver": _urn("agent", row.receiver),
        "resourceConformsTo": None if is_named else _urn("class", row.resource_class),
        "resourceInventoriedAs": _maybe("resource", row.resource),
        "toResourceInventoriedAs": _maybe("resource", row.to),
        "effortQuantity": effort,
        **_quantity(row.action, row.amount, row.unit),
        "inputOf": None if to_output else _maybe("process", row.process),
        "outputOf": _maybe("process", row.process) if to_output else None,
        "toLocation": _maybe("cell", row.cell),
        "eventStage": _maybe("stage", row.stage),
        "state": row.state,
        "hasPointInTime": _moment(row.time_ms),
        "fulfills": _urn("commitment", row.id) if row.id in agreed else None,
        "realizationOf": _maybe("agreement", agreed.get(row.id)),
        "settles": _maybe("claim", row.settles) if row.settles in owed else None,
    })


def _intent(row: models.IntentRow) -> Node:
    side = "receiver" if row.kind == "need" else "provider"
    return _without_none({
        "id": _urn("intent", row.id),
        "type": "Intent",
        "action": row.action,
        side: _urn("agent", row.party),
        "resourceConformsTo": _urn("class", row.resource_class),
        "resourceInventoriedAs": _maybe("resource", row.resource) if row.kind == "offer" else None,
        **_quantity(row.action, row.amount, row.unit),
        "availableQuantity": _measure(row.left, row.unit),
        "inputOf": _maybe("process", row.process),
        "hasBeginning": _moment(row.begin_ms),
        "hasEnd": _moment(row.end_ms),
        "finished": row.is_withdrawn,
    })


def _proposal(row: models.IntentRow, known: Mapping[str, object]) -> Node:
    return _without_none({
        "id": _urn("proposal", row.id),
        "type": "Proposal",
        "purpose": "request" if row.kind == "need" else "offer",
        "publishes": _urn("intent", row.id),
        "reciprocal": _maybe("intent", row.reciprocal) if row.reciprocal in known else None,
        "eligibleLocation": _urn("cell", row.cell),
        "hasBeginning": _moment(row.begin_ms),
        "hasEnd": _moment(row.end_ms),
        "created": _moment(row.published_ms),
    })


def _commitment(row: models.CommitmentRow, known: Mapping[str, models.IntentRow]) -> Node:
    need = known.get(row.need)
    return _without_none({
        "id": _urn("commitment", row.id),
        "type": "Commitment",
        "action": row.action,
        "provider": _urn("agent", row.provider),
        "receiver": _urn("agent", row.receiver),
        "resourceConformsTo": _urn("class", row.resource_class),
        **_quantity(row.action, row.amount, row.unit),
        "satisfies": [_urn("intent", name) for name in (row.need, row.offer) if name in known],
        "inputOf": _maybe("process", need.process) if need is not None else None,
        "due": _moment(row.due_ms),
        "finished": row.status == "done",
        "status": row.status,
        "clauseOf": _maybe("agreement", row.agreement),
    })


def _agreement(row: models.AgreementRow) -> Node:
    parties = [_urn("agent", party) for party in row.parties]
    return _without_none({
        "id": _urn("agreement", row.id), "type": "Agreement", "party": parties, "ends": _moment(row.end_ms),
    })  # fmt: skip


def _claim(row: models.ClaimRow) -> Node:
    return _without_none({
        "id": _urn("claim", row.id),
        "type": "Claim",
        "action": "transfer",
        "provider": _urn("agent", row.debtor),
        "receiver": _urn("agent", row.creditor),
        "resourceConformsTo": _urn("class", row.resource_class),
        "resourceQuantity": _measure(row.amount, row.unit),
        "paid": _measure(row.paid, row.unit),
        "due": _moment(row.due_ms),
        "finished": row.is_paid,
        "triggeredBy": _maybe("event", row.event),
    })


def _recipe(row: models.RecipeRow) -> Iterable[Node]:
    name = _urn("recipe", row.id)
    cites = [_urn("recipe", one) for one in row.cites]
    yield {
        "id": name, "type": "RecipeProcess", "name": row.name, "author": _urn("agent", row.party),
        **({"cites": cites} if cites else {}),
    }  # fmt: skip
    for place, flow in enumerate(row.flows):
        yield {
            "id": f"{_urn('flow', row.id)}:{place}",
            "type": "RecipeFlow",
            "action": flow.action,
            "resourceConformsTo": _urn("class", flow.resource_class),
            **_quantity(flow.action, flow.amount, flow.unit),
            "recipeInputOf" if flow.is_input else "recipeOutputOf": name,
        }


def _quantity(action: str, amount: str, unit: str) -> Node:
    if amount == "0":
        return {}
    is_effort = ACTIONS[action].eventQuantity == "effort"
    return {"effortQuantity" if is_effort else "resourceQuantity": _measure(amount, unit)}


def _moment(time_ms: int) -> str:
    """Return a moment as a time stamp; what lies beyond the calendar ends with it."""
    return (_EPOCH + timedelta(milliseconds=min(time_ms, LAST_MS))).isoformat(timespec="milliseconds")


def _measure(value: str, unit: str) -> Node:
    """Return a measure with exact decimal text; a fraction that has none is counted in its denominator."""
    if "/" in value:
        numerator, _, denominator = value.partition("/")
        return {"type": "Measure", "hasNumericalValue": numerator, "hasUnit": _unit(f"1/{denominator} {unit}")}
    return {"type": "Measure", "hasNumericalValue": value, "hasUnit": _unit(unit)}


def _unit(unit: str) -> str:
    return f"om2:{OM2[unit]}" if unit in OM2 else _urn("unit", unit)


def _urn(what: str, name: str) -> str:
    """Return a name of its own for each thing: one entry is an event, and the resource that it made another."""
    return f"urn:mycelia:{what}:{quote(name, safe=':')}"


def _maybe(what: str, name: str | None) -> str | None:
    return None if name is None else _urn(what, name)


def _without_none(node: Mapping[str, Any]) -> Node:
    return {key: value for key, value in node.items() if value is not None}
