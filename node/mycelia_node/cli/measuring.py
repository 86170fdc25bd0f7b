"""`bench ledger`: the ledger against the physical limit, in one run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from .answer import DEFAULT, Answer, Common, talking


def ledger(
    *, entries: Annotated[int, Parameter(help="How many entries.")] = 100_000, common: Common = DEFAULT
) -> Answer:
    """Measure append, ingest and reopening against libsodium's raw signing and verifying, in one run.

    Examples:
        mycelia bench ledger
        mycelia bench ledger --entries 10000 --json
    """
    from mycelia_node import bench

    with talking(f"measuring with {entries} entries"):
        found = bench.ledger(entries)
    width = max(len(name) for name in found)
    return Answer(found, "\n".join(f"{name.ljust(width)}  {value:,}" for name, value in found.items()))
