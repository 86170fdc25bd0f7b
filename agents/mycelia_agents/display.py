"""What people see of the demo: a progress display on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .demo import Progress, Report


@contextmanager
def progress() -> Iterator[Report]:
    """Give a function to report to; it writes to stderr, so that stdout stays for data."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.fields[phase]:9}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, phase="start")

        def report(step: Progress) -> None:
            bars.update(task, description=step.text, completed=step.done, total=step.total, phase=step.phase)

        yield report


def table(figures: dict[str, object]) -> str:
    """Return the figures of a run as text for people."""
    lines = [
        ("peers", "{peers} processes, {members} members, {entries} entries on each"),
        ("signals", "{needs} needs, {offers} offers"),
        ("lines", "{lines} firm, {committed_lb:,} lb"),
        ("welfare", "{welfare:,.1f} of {optimum:,.1f} points: ratio {ratio:.4f}"),
        ("entries", "{entries_per_commitment:.2f} a line ({coordination_per_commitment:.2f} rows)"),
        ("safety", "{overcommitted} overcommitted, {rejected} rejected entries, {stale} actions on an old view"),
        ("ledgers", "equal on every peer" if figures["converged"] else "NOT equal, or not settled in time"),
        ("chains", "verified from bytes on every peer" if figures["verified"] else "NOT all verified"),
        ("time", "{seconds} s"),
    ]
    return "\n".join(f"{name:9}{text.format(**figures)}" for name, text in lines)


def _lines() -> Report:
    seen: set[str] = set()

    def report(step: Progress) -> None:
        if step.phase not in seen:  # a line a phase: logs are read, not watched
            seen.add(step.phase)
            print(f"{step.phase}: {step.text}", file=sys.stderr, flush=True)

    return report
