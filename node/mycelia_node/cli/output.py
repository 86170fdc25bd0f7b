"""Data on stdout, talk on stderr; tables are drawn on a terminal and plain elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from .options import Options

SHORT = 18  # characters of an id that people see and can paste back


def give(options: Options, data: Any, text: str) -> None:
    """Print a result: one JSON object with `--json`, else the text."""
    if options.json:
        import msgspec

        text = msgspec.json.encode(data).decode()
    if text:
        print(text, flush=True)


def tell(text: str) -> None:
    """Say something that is not data."""
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    """Say on a terminal how far long work is, in the place of what was said before; nothing wipes it out."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Return whether somebody watches standard output."""
    return sys.stdout.isatty()


def short(name: str) -> str:
    """Return the beginning of an id, enough to paste back."""
    return name[:SHORT]


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under their columns, drawn by Rich on a terminal."""
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        return _drawn(columns, cells)
    widths = [max(len(row[at]) for row in [list(columns), *cells]) for at in range(len(columns))]
    lines = [[column.upper() for column in columns], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def told(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[list[str], list[list[object]]]:
    """Return a table without the columns in which no row says anything."""
    kept = [at for at in range(len(columns)) if any(str(row[at]) for row in rows)]
    return [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _drawn(columns: Sequence[str], cells: list[list[str]]) -> str:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in cells:
        drawn.add_row(*(escape(cell) for cell in row))
    console = Console()
    with console.capture() as capture:
        console.print(drawn)
    return capture.get().rstrip("\n")


def ago(at_ms: int) -> str:
    """Return a moment as people say it: "2 min ago", "in 3 h"."""
    seconds = time.time_ns() // 1_000_000_000 - at_ms // 1000
    size, unit = next(((size, unit) for size, unit in _SPANS if abs(seconds) >= size), (1, "s"))
    text = f"{abs(seconds) // size} {unit}"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def moment(at_ms: int) -> str:
    """Return a moment by this machine's clock, and how far away it is: "2026-05-01 18:00 (in 3 h)"."""
    try:
        local = time.strftime("%Y-%m-%d %H:%M", time.localtime(at_ms // 1000))
    except (OverflowError, OSError, ValueError):  # beyond what the platform can say
        return f"{at_ms} ms"
    return f"{local} ({ago(at_ms)})"


_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
