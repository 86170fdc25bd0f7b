"""The vectors of `spec/vectors`: how they are found, and how their JSON spells values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mycelia_protocol.canonical import Value

SPEC = Path(__file__).parents[2] / "spec"

Vector = dict[str, Any]


def vectors(chapter: str) -> list[Vector]:
    """Return the vectors of one file, in their order."""
    found = json.loads((SPEC / "vectors" / f"{chapter}.json").read_text("utf-8"))
    assert isinstance(found, list)
    return found


def chapters() -> list[str]:
    """Return the names of all vector files."""
    return sorted(path.stem for path in (SPEC / "vectors").glob("*.json"))


def spelled(value: Value) -> dict[str, Any]:
    """Return a value as the vectors spell it: one key, its type, and numbers as text (spec/README, "Vectors")."""
    if value is None:
        return {"null": None}
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return {"array": [spelled(item) for item in value]}
    return {"map": [[key, spelled(item)] for key, item in value.items()]}


def unspelled(spelling: dict[str, Any]) -> Value:
    """Return the value that a vector spells."""
    ((kind, inner),) = spelling.items()
    match kind:
        case "int":
            return int(inner)
        case "bytes":
            return bytes.fromhex(inner)
        case "array":
            return [unspelled(item) for item in inner]
        case "map":
            return {key: unspelled(item) for key, item in inner}
        case _:
            plain: Value = inner
            return plain
