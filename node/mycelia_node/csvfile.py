"""Signals from a spreadsheet: every bad row is named by line and column, no good row is lost."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .faults import StoreFault
from .models import NewSignal

REQUIRED = ("kind", "class", "amount", "at")
OPTIONAL = ("until", "begin", "urgency", "member", "note")

_COLUMN_OF_RULE = {
    "intent.class": "class",
    "intent.amount": "amount",
    "intent.cell": "at",
    "intent.window": "until",
    "need.urgency": "urgency",
}


class BadRow(NamedTuple):
    """A row that cannot be published: its line in the file, the column, and why."""

    line: int
    column: str
    message: str


@dataclass(slots=True)
class Sheet:
    """What a file says."""

    signals: list[tuple[int, NewSignal]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def column_of(name: str | None) -> str:
    """Return the column that a field or rule is about."""
    return _COLUMN_OF_RULE.get(name or "", name or "row")


def read(file: Path) -> Sheet:
    """Return the signals of a CSV file.

    Raises:
        StoreFault: it is no CSV file with the columns kind, class, amount and at.
    """
    sheet = Sheet()
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            columns = reader.fieldnames or []
            missing = [name for name in REQUIRED if name not in columns]
            unknown = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
            if missing or unknown:
                what = f"lacks {', '.join(missing)}" if missing else f"has the unknown column {unknown[0]!r}"
                raise StoreFault(f"{file.name}:1: the heading line {what}", f"use {', '.join((*REQUIRED, *OPTIONAL))}")
            for row in reader:
                _take(sheet, reader.line_num, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise StoreFault(f"{file.name} is not CSV in UTF-8: {error}", "save it again as CSV, UTF-8") from error
    return sheet


def _take(sheet: Sheet, line: int, row: dict[str, str]) -> None:
    if None in row or None in row.values():
        sheet.bad.append(BadRow(line, "row", "the row has not as many cells as the heading"))
        return
    cells = {name: value.strip() for name, value in row.items()}
    bad = [BadRow(line, name, "the cell is empty") for name in REQUIRED if not cells[name]]
    if cells["kind"] not in ("need", "offer", ""):
        bad.append(BadRow(line, "kind", f"{cells['kind']!r} is neither need nor offer"))
    urgency = cells.get("urgency") or "0"
    if not (urgency.isascii() and urgency.isdigit() and len(urgency) <= 10):
        bad.append(BadRow(line, "urgency", f"{urgency!r} is not a whole number"))
    if bad:
        sheet.bad += bad
        return
    signal = NewSignal(
        kind="need" if cells["kind"] == "need" else "offer",
        resource_class=cells["class"],
        amount=cells["amount"],
        at=cells["at"],
        until=cells.get("until") or None,
        begin=cells.get("begin") or None,
        urgency=int(urgency),
        member=cells.get("member") or None,
        note=cells.get("note") or None,
    )
    sheet.signals.append((line, signal))
