"""Exchange by file: spreadsheets of needs and offers, and run files between peers that never meet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .failures import Failure, failure_of
from .options import DEFAULTS, As, Options
from .output import give, progress, tell

if TYPE_CHECKING:
    from mycelia_node.csvfile import BadRow, Row

    from .door import Node

_BATCH = 200


def import_(file: Path, /, *, member: As = None, options: Options = DEFAULTS) -> int:
    """Publish the needs and offers of a CSV file, or take in the entries of a run file.

    A CSV file has a line of column names. kind (need or offer), class, amount, and lat and lon
    or cell must be there; unit, urgency, begin, until, member and note may. Bad rows are
    reported by line and column, good rows are published.

    Args:
        file: A file that ends in .csv, or a run file.
        member: Who publishes the rows of a CSV file that name no member.
    """
    if file.suffix.lower() == ".csv":
        return _import_csv(file, member, options)
    from .door import opened

    data = file.read_bytes()
    with opened(options.place) as node:
        view = node.import_runs(data)
    give(options, view, f"{view.accepted} new entries, {view.awaiting} runs wait, {len(view.faults)} faults.")
    for fault in view.faults:
        tell(fault)
    return 1 if view.faults else 0


def _import_csv(file: Path, member: str | None, options: Options) -> int:
    from mycelia_node import csvfile

    from .door import now_ms, opened

    try:
        lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise Failure(
            "input", f"{file} was not read", f"it is not UTF-8: {error.reason}", "save it as UTF-8"
        ) from error
    bad: list[BadRow] = []
    good: list[Row] = []
    for row in csvfile.read(lines, now_ms=now_ms(), member=member):
        good.append(row) if isinstance(row, csvfile.Row) else bad.append(row)
    with opened(options.place) as node:
        published: list[tuple[int, str]] = []
        for batch in csvfile.batches(good, _BATCH):
            published += _publish(node, batch, bad)
            progress(f"{len(published)} rows published")
        progress("")
    bad.sort(key=lambda row: row.line)
    rows = [{"line": line, "id": id} for line, id in published]
    faults = [{"line": row.line, "column": row.column, "message": row.message} for row in bad]
    did = f"Published {len(published)} of {len(published) + len(bad)} rows."
    give(options, {"published": rows, "bad": faults}, did)
    for row in bad:
        tell(f"line {row.line}, column {row.column}: {row.message}")
    return 1 if bad else 0


def _publish(node: Node, batch: list[Row], bad: list[BadRow]) -> list[tuple[int, str]]:
    """Publish a member's rows at once; if one is refused, each by itself, so that no good row is lost."""
    from mycelia_node import csvfile

    try:
        published = node.publish([row.signal for row in batch])
    except Exception as error:
        failure = failure_of(error)
        if failure is None or failure.code in ("down", "timeout", "token"):
            raise
        if len(batch) > 1:
            return [line for row in batch for line in _publish(node, [row], bad)]
        bad.append(csvfile.bad_row(batch[0].line, failure.what, failure.why, failure.remedy, failure.rule))
        return []
    return [(row.line, one.id) for row, one in zip(batch, published, strict=True)]


def export(file: Annotated[str, Parameter(allow_leading_hyphen=True)], /, *, options: Options = DEFAULTS) -> None:
    """Write everything that this node holds to a run file, for a peer that it never meets.

    Args:
        file: The file to write; - is stdout.
    """
    from .door import opened

    if file == "-" and options.json:
        raise Failure("usage", "nothing was written", "stdout takes either the run file or JSON", "name a file")
    with opened(options.place) as node:
        data = node.export_runs()
    if file == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    draft = Path(f"{file}.new")  # whole or not at all
    draft.write_bytes(data)
    draft.replace(file)
    give(options, {"file": file, "bytes": len(data)}, f"Wrote {len(data)} bytes to {file}.")
    tell("Next: the other peer takes it in with `mycelia import`.")
