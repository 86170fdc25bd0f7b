"""Spreadsheets of needs and offers: every bad row by line and column, no good row lost.

>>> rows = read(["kind,class,amount,unit,cell\\n", "need,food,12.5,kg,881969ce5dfffff\\n"], now_ms=0)
>>> next(rows).signal.amount
'12.5 kg'
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from . import models, signals
from .faults import BadInput

COLUMNS = ("kind", "class", "amount", "unit", "lat", "lon", "cell", "urgency", "begin", "until", "member", "note")
_NEEDED = {"kind", "class", "amount"}
_COLUMN_OF = {"at": "lat", "resource_class": "class"}
_COLUMN_OF_RULE = {
    "intent.class": "class", "intent.amount": "amount", "intent.cell": "cell", "intent.window": "until",
    "need.urgency": "urgency",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A row that says something, and the line that it begins on."""

    line: int
    signal: models.NewSignal


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not published: where, and a sentence on why."""

    line: int
    column: str
    message: str


def read(lines: Iterable[str], *, now_ms: int, member: str | None = None) -> Iterator[Row | BadRow]:
    """Yield the rows of a file; `member` publishes those that name none.

    Raises:
        BadInput: the line of column names is missing or not understood.
    """
    source = iter(lines)
    head = next(source, "")
    delimiter = ";" if head.count(";") > head.count(",") else ","
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    _check_names(names)
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        line = reader.line_num + 2  # the names are line 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(line, names[0], str(error))
            continue
        if any(cell.strip() for cell in cells):
            yield _row(line, names, cells, now_ms, member)


def _check_names(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise BadInput("column", f"{unknown[0]!r} is no column", f"use {', '.join(COLUMNS)}")
    if len(set(names)) < len(names):
        raise BadInput("column", "a column name stands twice", "name each column once")
    missing = sorted(_NEEDED - set(names))
    if not {"lat", "lon"} <= set(names) and "cell" not in names:
        missing.append("lat and lon, or cell")
    if missing:
        raise BadInput(
            "column", f"the first line lacks {', '.join(missing)}", "begin the file with a line of column names"
        )


def _row(line: int, names: Sequence[str], cells: Sequence[str], now_ms: int, member: str | None) -> Row | BadRow:
    if len(cells) > len(names):
        return BadRow(line, names[-1], f"the row has {len(cells)} cells for {len(names)} columns")
    values = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
    try:
        return Row(line, _signal(values, now_ms, member))
    except BadInput as error:
        return BadRow(line, _COLUMN_OF.get(error.field, error.field), f"{error.message}; {error.remedy}")


def _signal(values: dict[str, str], now_ms: int, member: str | None) -> models.NewSignal:
    kind = values["kind"].lower()
    if kind not in ("need", "offer"):
        raise BadInput("kind", f"{values['kind']!r} is no kind of signal", "write need or offer")
    for name in ("class", "amount"):
        if not values.get(name):
            raise BadInput(name, "the cell is empty", "fill it in")
    urgency = values.get("urgency") or "0"
    if not urgency.isascii() or not urgency.isdigit() or len(urgency) > 15:
        raise BadInput(
            "urgency", f"{urgency[:40]!r} is not a whole number from 0", "write tenths of a point, such as 30"
        )
    for name in ("begin", "until"):
        if values.get(name):
            signals.moment(name, values[name], now_ms)
    return models.NewSignal(
        kind="need" if kind == "need" else "offer",
        resource_class=values["class"],
        amount=f"{values['amount']} {values.get('unit', '')}".strip(),
        at=_place(values),
        begin=values.get("begin") or None,
        until=values.get("until") or None,
        urgency=int(urgency),
        member=values.get("member") or member,
        note=values.get("note") or None,
    )


def _place(values: dict[str, str]) -> str:
    if cell := values.get("cell"):
        try:
            signals.place(cell)
        except BadInput as error:
            raise BadInput("cell", error.message, error.remedy) from error
        return cell
    for name in ("lat", "lon"):
        try:
            float(values.get(name) or "")
        except ValueError as error:
            why = f"{values.get(name, '')!r} is not a number of degrees"
            raise BadInput(name, why, "write degrees such as 52.37") from error
    place = f"{values['lat']},{values['lon']}"
    signals.place(place)
    return place


def batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in their order, in batches of one member each: what is published at once, all or none."""
    for _, group in groupby(rows, key=lambda row: row.signal.member):
        while batch := list(islice(group, size)):
            yield batch


def bad_row(line: int, what: str, why: str, remedy: str, rule: str | None) -> BadRow:
    """Return the row that the node refused: the column is the one that its rule or its words name."""
    named = what.partition(" is not usable")[0]
    column = _COLUMN_OF_RULE.get(rule or "", _COLUMN_OF.get(named, named if named in COLUMNS else "member"))
    return BadRow(line, column, f"{why.rstrip('.')} (rule {rule})" if rule else f"{why}; {remedy}")
