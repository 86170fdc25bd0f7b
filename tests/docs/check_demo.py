"""Checks the figures of a Houston run: `python tests/docs/check_demo.py FILE.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

OPTIMUM = 467_349_339.1
KEYS = (
    "peers", "members", "entries", "needs", "offers", "lines", "committed_lb", "welfare", "optimum", "ratio",
    "overcommitted", "converged", "rejected", "coordination_per_commitment", "entries_per_commitment", "seconds",
)  # fmt: skip


def faults(figures: dict[str, float]) -> list[str]:
    """Return what is wrong with the figures of a run of the whole instance."""
    missing = [f"{key} is there" for key in KEYS if key not in figures]
    if missing:
        return missing
    checks = {
        "converged": figures["converged"] is True,
        "overcommitted is 0": figures["overcommitted"] == 0,
        "rejected is 0": figures["rejected"] == 0,
        "members are 324": figures["members"] == 324,
        "the optimum is the instance's": abs(figures["optimum"] - OPTIMUM) < 0.1,
        "ratio is at least 0.95": figures["ratio"] >= 0.95,
        "lines are at most 450": figures["lines"] <= 450,
        "seconds are under 120": figures["seconds"] < 120,
        "entries per commitment are at most 4": figures["entries_per_commitment"] <= 4,
    }
    return [name for name, holds in checks.items() if not holds]


if __name__ == "__main__":
    found = faults(json.loads(Path(sys.argv[1]).read_text()))
    sys.exit("".join(f"the run does not hold: {one}\n" for one in found) or 0)
