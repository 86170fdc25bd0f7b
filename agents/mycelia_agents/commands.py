"""The commands that agents add to the node's tree."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
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


def kitchens(*, keep: Path | None = None, options: Options = DEFAULTS) -> None:
    """Play the community kitchens on three real peers: rice for a pot, from two who have some, traced to its lots.

    Args:
        keep: A directory for the peers' homes; they are thrown away if none is given.
    """
    _play("kitchens", keep, options)


def makers(*, keep: Path | None = None, options: Options = DEFAULTS) -> None:
    """Play the makers on four real peers: face shields for a hospital, and one bad lot recalled.

    Args:
        keep: A directory for the peers' homes; they are thrown away if none is given.
    """
    _play("makers", keep, options)


def hardware(*, keep: Path | None = None, options: Options = DEFAULTS) -> None:
    """Play the open hardware lab on three real peers: who may sell a microscope under which license, and who may not.

    Args:
        keep: A directory for the peers' homes; they are thrown away if none is given.
    """
    _play("hardware", keep, options)


def _play(name: str, keep: Path | None, options: Options) -> None:
    if find_spec("libp2p") is None:
        why = "libp2p is not installed; real peers need `mycelia[peer]`"
        raise Failure("usage", "the story did not begin", why, "install that extra")
    from .stories import STORIES, PlayFailed, play

    try:
        told = play(STORIES[name], say=tell, keep=keep)
    except PlayFailed as error:
        to_try = "run it with `--keep DIR` and read the logs there"
        raise Failure("failed", "the story did not come out as it must", str(error), to_try) from error
    give(options, told, "\n".join(f"{key:16}{value}" for key, value in told.items()))


_demo = add_group(
    "demo",
    "Watch real peers coordinate, on this machine alone.",
    "demo houston",
    "demo kitchens --json",
)
add(_demo, houston, "demo houston", "demo houston --peers 3 --json --keep /tmp/houston")
add(_demo, kitchens, "demo kitchens", "demo kitchens --json --keep /tmp/kitchens")
add(_demo, makers, "demo makers", "demo makers --json --keep /tmp/makers")
add(_demo, hardware, "demo hardware", "demo hardware --json --keep /tmp/hardware")


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    return run_node(app, words)
