"""The commands that agents add to the node's tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mycelia_node.cli import app
from mycelia_node.cli import run as run_node
from mycelia_node.cli.app import add, add_group
from mycelia_node.cli.failures import Failure
from mycelia_node.cli.options import DEFAULTS, Options, Whole
from mycelia_node.cli.output import give, tell


def houston(*, peers: Whole = 6, keep: Path | None = None, seed: Whole = 1, options: Options = DEFAULTS) -> int:
    """Run the Houston food network on real peers: publish, allocate, converge, verify, compare.

    Args:
        peers: How many peer processes to start.
        keep: A new or empty directory for the peers' homes; they are thrown away if none is given.
        seed: The seed of the agents' draws.
    """
    from . import demo, display
    from .fleet import PeerEnded

    try:
        with display.progress() as report:
            figures = demo.houston(peers=peers, keep=keep, seed=seed, report=report)
    except demo.DemoFailed as error:
        raise Failure(
            "usage", "the demo did not begin or go on", str(error), "see `mycelia demo houston --help`"
        ) from error
    except PeerEnded as error:
        raise Failure(
            "failed", "a peer of the demo ended", str(error), "run it with `--keep DIR` and read the logs"
        ) from error
    give(options, figures, display.table(figures))
    if demo.held(figures):
        return 0
    tell("Not everything held. Try: run it with `--keep DIR`, then `mycelia verify --home DIR/peer-1`.")
    return 1


_demo = add_group(
    "demo",
    "Watch agents allocate real needs and offers, on this machine alone.",
    "demo houston",
    "demo houston --peers 3 --json",
)
add(_demo, houston, "demo houston", "demo houston --peers 3 --json --keep /tmp/houston")


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    return run_node(app, words)
