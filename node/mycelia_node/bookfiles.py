"""Files of books: tables as CSV or Parquet, and ValueFlows 1.0 as JSON-LD (chapter 25, "Exports").

Amounts are exact decimals as text in every one of them: none of them is ever a float.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.amounts import decimal_text

from . import models
from .faults import BadInput

Node = dict[str, Any]
TABLES: dict[str, type[msgspec.Struct]] = {
    "accounts": models.AccountRow,
    "stock": models.StockRow,
    "events": models.EventRow,
    "flows": models.FlowRow,
    "balances": models.BalanceRow,
    "claims": models.ClaimRow,
}
OM2 = {
    "%": "percent", "g": "gram", "kg": "kilogram", "t": "tonne", "l": "litre", "L": "litre", "ml": "millilitre",
    "m": "metre", "km": "kilometre", "m2": "squareMetre", "m3": "cubicMetre", "h": "hour", "s": "second-Time",
    "min": "minute-Time", "d": "day", "J": "joule", "MJ": "megajoule", "kWh": "kilowattHour", "piece": "one",
    "one": "one",
}  # fmt: skip


def context() -> Node:
    """Return the JSON-LD context of books, as it stands beside chapter 25."""
    found: Node = json.loads((files(__package__) / "books.jsonld").read_text("utf-8"))["@context"]
    return found


def write_csv(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows under the names of their fields; the first line is there without any row, too."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(row.__struct_fields__)
        writer.writerows([_cell(getattr(one, field)) for field in row.__struct_fields__] for one in rows)


def write_parquet(rows: Sequence[msgspec.Struct], row: type[msgspec.Struct], path: Path) -> None:
    """Write rows as a Parquet file: text, integers and truth values.

    Raises:
        BadInput: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadInput("parquet", "Parquet needs pyarrow", "install `mycelia[books]`, or write CSV") from None
    kinds = {int: pyarrow.int64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([
        (field.name, kinds.get(field.type, pyarrow.string())) for field in msgspec.structs.fields(row)
    ])  # fmt: skip
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([msgspec.structs.asdict(one) for one in rows], schema), path)


def write_tables(view: models.BooksView, ending: str, folder: Path) -> list[Path]:
    """Write all tables of books into a directory, made if it is not there; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    write, paths = (write_csv if ending == "csv" else write_parquet), []
    for name, row in TABLES.items():
        path = folder / f"{name}.{ending}"
        write(getattr(view, name), row, path)
        paths.append(path)
    return paths


def jsonld(view: models.BooksView) -> Node:
    """Return books as a JSON-LD document in the words of ValueFlows 1.0, with its context inside."""
    graph = [
        *_agents(view),
        *({"id": _urn("class", name), "type": "ResourceSpecification", "label": name} for name in view.classes),
        *map(_process, view.processes),
        *_places([*view.stock, *view.events]),
        *map(_resource, view.stock),
        *map(_event, view.events),
    ]
    return {"@context": context(), "id": _urn("commons", view.network), "label": view.name, "@graph": graph}


def _agents(view: models.BooksView) -> Iterable[Node]:
    names = {row.party: row.member for row in view.accounts}
    for row in view.events:
        names |= {party: names.get(party) for party in (row.provider, row.receiver)}
    names |= {party: names.get(party) for row in view.stock for party in (row.party, row.accountable)}
    for party, member in sorted(names.items()):
        yield _without_none({"id": _urn("agent", party), "type": "Agent", "label": member})


def _places(rows: Iterable[models.StockRow | models.EventRow]) -> Iterable[Node]:
    for cell in sorted({row.cell for row in rows if row.cell is not None}):
        yield {"id": _urn("cell", cell), "type": "SpatialThing", "cell": cell}


def _process(row: models.ProcessRow) -> Node:
    return {"id": _urn("process", row.id), "type": "Process", "inScopeOf": _urn("agent", row.party)}


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
        "stage": _maybe("stage", row.stage),
        "state": row.state,
        "overdrawn": overdrawn,
    })


def _event(row: models.EventRow) -> Node:
    to_output = ACTIONS[row.action].inputOutput == "output"
    is_named = row.resource is not None or row.to is not None  # either the resources or their class, not both
    effort = None if not row.effort_ms else _measure(decimal_text(Fraction(row.effort_ms, 1000)), "s")
    is_effort = ACTIONS[row.action].eventQuantity == "effort"
    quantity = _measure(row.amount, row.unit) if row.amount != "0" else None
    return _without_none({
        "id": _urn("event", row.id),
        "type": "EconomicEvent",
        "action": row.action,
        "provider": _urn("agent", row.provider),
        "receiver": _urn("agent", row.receiver),
        "resourceConformsTo": None if is_named else _urn("class", row.resource_class),
        "resourceInventoriedAs": _maybe("resource", row.resource),
        "toResourceInventoriedAs": _maybe("resource", row.to),
        "resourceQuantity": None if is_effort else quantity,
        "effortQuantity": quantity if is_effort else effort,
        "inputOf": None if to_output else _maybe("process", row.process),
        "outputOf": _maybe("process", row.process) if to_output else None,
        "toLocation": _maybe("cell", row.cell),
        "stage": _maybe("stage", row.stage),
        "state": row.state,
        "hasPointInTime": datetime.fromtimestamp(row.time_ms / 1000, UTC).isoformat(timespec="milliseconds"),
    })


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


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
