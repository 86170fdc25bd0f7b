"""Charter files: the charter of a commons as people write it, in TOML, and back.

Durations are text like "2 min" or "3 d"; what is left out takes its usual value. Where identities
are named, "founder" is who founds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from mycelia_protocol import canonical, cid
from mycelia_protocol import charter as charters
from mycelia_protocol.charter import Charter, Membership, Open, ResourceClass, Stewards, Tree
from mycelia_protocol.errors import Malformed
from mycelia_protocol.rates import Rate

from .faults import BadInput

_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12}) ?(ms|s|min|h|d)")
_CLASS = re.compile(r"([^/]+?)(?:/([0-9]{1,9}))?")
_DURATIONS = {
    "drift": "drift_ms",
    "grace": "grace_ms",
    "recovery": "recovery_ms",
    "retention": "retention_ms",
    "max_window": "max_window_ms",
}
_TABLES = ("profiles", "budgets", "cancel", "contribution", "credit", "measures")  # as the charter has them
FOUNDER = "founder"
_NAMING = ("issuers", "magisteria")  # with identities, which people write as text
_SECTIONS = (*_NAMING, *_TABLES)
_KEYS = {
    "name",
    "classes",
    "membership",
    "founders",
    "threshold",
    "max_amount",
    "rate",
    "witnesses",
    "licenses",
    *_SECTIONS,
    *_DURATIONS,
}


def read(text: str, *, seed: bytes, founder: bytes) -> Charter:
    """Return the charter that a file describes, founded by `founder` and whom it names.

    Raises:
        BadInput: it is no TOML, or a key or value is not what a charter has.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput("charter", f"the file is not TOML: {error}", "mend the line it names") from error
    unknown = sorted(document.keys() - _KEYS)
    if unknown:
        raise BadInput("charter", f"there is no key {unknown[0]!r}", f"use {', '.join(sorted(_KEYS))}")
    numbers: dict[str, Any] = {
        field: _duration(key, document[key]) for key, field in _DURATIONS.items() if key in document
    }
    if "rate" in document:
        numbers["rate"] = _rate(document["rate"])
    numbers |= {key: document[key] for key in ("max_amount", "witnesses", "licenses") if key in document}
    numbers["sections"] = {key: document[key] for key in _TABLES if key in document}
    if isinstance(profiles := document.get("profiles"), dict):
        numbers["sections"]["profiles"] = {name: in_order(one) for name, one in profiles.items()}
    numbers["sections"] |= {key: _linked(document[key], founder) for key in _NAMING if key in document}
    classes = document.get("classes")
    if not isinstance(classes, dict):
        raise BadInput("charter", "there is no table [classes]", 'write lines like food = "kg/1000" below [classes]')
    try:
        return found(
            str(document.get("name", "")),
            {name: _class(name, unit) for name, unit in classes.items()},
            membership=_membership(document.get("membership", "open")),
            founders=[founder, *_founders(document.get("founders", []))],
            seed=seed,
            threshold=document.get("threshold", 0),
            **numbers,
        )
    except (Malformed, TypeError, ValueError) as error:
        raise BadInput("charter", str(error), "see chapter 06 of the spec") from error


def in_order(profile: Any) -> Any:
    """Return the table of a license profile with the names in its rows sorted, as a charter has them."""
    if not isinstance(profile, dict) or not isinstance(profile.get("rows"), list):
        return profile
    return profile | {"rows": [_row(row) for row in profile["rows"]]}


def _row(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    lists = {key: row[key] for key in ("uses", "all", "any", "none") if isinstance(row.get(key), list)}
    return row | {key: sorted(one) for key, one in lists.items() if all(isinstance(name, str) for name in one)}


def found(
    name: str, classes: dict[str, ResourceClass], *, membership: Membership, founders: Sequence[bytes], **more: Any
) -> Charter:
    """Return a new charter with each founder once.

    Raises:
        Malformed: a value breaks a `charter.*` rule.
    """
    return charters.found(name, classes=classes, membership=membership, founders=set(founders), **more)


def write(charter: Charter) -> str:
    """Return the file that describes a charter; whoever founds by it founds another commons like it."""
    policy = policy_of(charter.membership)
    lines = [
        f"name = {_quoted(charter.name)}",
        f"drift = {_quoted(_written(charter.drift_ms))}",
        f"grace = {_quoted(_written(charter.grace_ms))}",
        f"recovery = {_quoted(_written(charter.recovery_ms))}",
        f"max_amount = {charter.max_amount}",
        f"max_window = {_quoted(_written(charter.max_window_ms))}",
    ]
    if charter.retention_ms is not None:
        lines.append(f"retention = {_quoted(_written(charter.retention_ms))}")
    if charter.witnesses != charters.DEFAULT_WITNESSES:
        lines.append(f"witnesses = {charter.witnesses}")
    if charter.licenses:
        lines.append(f"licenses = [{', '.join(map(_quoted, charter.licenses))}]")
    if charter.founders:
        lines += [f"threshold = {charter.threshold}", "founders = ["]
        lines += [*(f'  "{cid.text(one)}",' for one in charter.founders), "]"]
    if "open" in policy:
        lines.append('membership = "open"')
    if charter.magisteria:
        lines += ["magisteria = [", *(f'  "{cid.text(one)}",' for one in charter.magisteria), "]"]
    lines += ["", "[classes]"]
    for key, one in sorted(charter.classes.items()):
        if one.numerator == 1:
            parts = f"/{one.denominator}" if one.denominator > 1 else ""
            lines.append(f"{_quoted(key)} = {_quoted(one.unit + parts)}")
        else:
            lines.append(f"{_quoted(key)} = [{_quoted(one.unit)}, {one.numerator}, {one.denominator}]")
    if charter.rate is not None:
        lines += ["", "[rate]", *(f"{key} = {_quoted(_written(ms))}" for key, ms in _rate_of(charter.rate).items())]
    for key, value in policy.items():
        if isinstance(value, dict):
            lines += ["", f"[membership.{key}]", *(f"{name} = {str(one).lower()}" for name, one in value.items())]
        elif key != "open":
            lines += ["", "[membership]", f"{key} = {value}"]
    return "\n".join(lines) + "\n" + _sections(charter)


def _sections(charter: Charter) -> str:
    """Return the tables that other chapters read, as the charter has them; identities as text."""
    import tomli_w

    document = canonical.decode(charter.raw, max_bytes=charters.MAX_CHARTER_BYTES)
    assert isinstance(document, dict)  # it was read before
    tables = {key: document[key] for key in (*_TABLES, "issuers") if key in document}
    return "\n" + tomli_w.dumps(_told(tables)) if tables else ""


def _told(value: Any) -> Any:
    """Return a table with its identities as text."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_told(one) for one in value]
    return cid.text(value) if isinstance(value, bytes) else value


def _linked(value: Any, founder: bytes) -> Any:
    """Return lists of identities as the charter has them: sorted; `founder` is who founds."""
    if isinstance(value, dict):
        return {key: _linked(one, founder) for key, one in value.items()}
    if isinstance(value, list):
        return sorted({founder if one == FOUNDER else cid.link(str(one)) for one in value})
    return value


def policy_of(membership: Membership) -> dict[str, Any]:
    """Return a membership policy as a map of one key."""
    match membership:
        case Open():
            return {"open": True}
        case Tree(slots, depth, is_liable):
            return {"tree": {"slots": slots, "depth": depth, "liable": is_liable}}
        case Stewards(threshold):
            return {"stewards": threshold}


def _membership(value: object) -> Membership:
    match value:
        case "open":
            return Open()
        case {"stewards": int(threshold), **more} if not more:
            return Stewards(threshold)
        case {"tree": {"slots": int(slots), "depth": int(depth), **tree}, **more} if not more:
            is_liable = tree.pop("liable", True)
            if not tree and isinstance(is_liable, bool):
                return Tree(slots, depth, is_liable)
    raise BadInput(
        "charter", "the membership is not understood",
        'use "open", stewards = 2, or a table [membership.tree] with slots, depth and liable',
    )  # fmt: skip


def _rate(value: object) -> Rate:
    if not isinstance(value, dict) or set(value) != {"entry", "kib", "burst"}:
        raise BadInput("charter", "the rate is not understood", "give the durations entry, kib and burst below [rate]")
    weights = {key: _duration(key, one) for key, one in value.items()}
    return Rate(burst_ms=weights["burst"], entry_ms=weights["entry"], kib_ms=weights["kib"])


def _rate_of(rate: Rate) -> dict[str, int]:
    return {"entry": rate.entry_ms, "kib": rate.kib_ms, "burst": rate.burst_ms}


def _founders(value: object) -> list[bytes]:
    if not isinstance(value, list):
        raise BadInput("charter", "the founders are a list of identities", "leave it out to found alone")
    return [cid.link(str(one)) for one in value]


def _class(name: str, value: object) -> ResourceClass:
    match value:
        case str() if match := _CLASS.fullmatch(value):
            return ResourceClass(match[1], 1, int(match[2] or 1))
        case [str(unit), int(numerator), int(denominator)]:
            return ResourceClass(unit, numerator, denominator)
    raise BadInput("charter", f"the unit of {name!r} is not understood", 'write it like "kg/1000"')


def _duration(key: str, value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadInput("charter", f"{key} is no duration", 'write it like "2 min", "12 h" or "3 d"')
    return int(match[1]) * _UNITS[match[2]]


def _written(ms: int) -> str:
    sizes = sorted(_UNITS.items(), key=lambda one: -one[1])
    name = next(name for name, size in sizes if ms and ms % size == 0) if ms else "ms"
    return f"{ms // _UNITS[name]} {name}"


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    hard = {'"', "\\", "\x7f"}
    return '"' + "".join(f"\\u{ord(one):04x}" if one in hard or one < " " else one for one in text) + '"'
