"""Peers: those that this node dials."""

from __future__ import annotations

import re

from .failures import Failure
from .options import DEFAULTS, Options
from .output import ago, give, table, tell

_ADDRESS = re.compile(r"(/[^/\s]+)+/p2p/[1-9A-HJ-NP-Za-km-z]{46,64}")


def check_address(address: str, what: str) -> None:
    """Refuse what is not the address of a node.

    Raises:
        Failure: says that `what` was not done (code `usage`).
    """
    if not _ADDRESS.fullmatch(address):
        why = f"{address[:80]!r} is not a multiaddr that ends in /p2p/ and a node"
        raise Failure("usage", what, why, "copy the address that the peer's `mycelia up` prints")


def add(address: str, /, *, options: Options = DEFAULTS) -> None:
    """Add a peer: it is dialled now and whenever it is lost.

    Args:
        address: Its multiaddr with /p2p/, as its `mycelia up` prints it.
    """
    check_address(address, "no peer was added")
    from .door import opened

    with opened(options.place) as node:
        view = node.add_peer(address)
    did = "Connected to" if view.is_connected else "Remembered"
    give(options, view, f"{did} {view.node}.")
    if not view.is_connected:
        tell("It is dialled when the node runs: `mycelia up`.")


def ls(*, options: Options = DEFAULTS) -> None:
    """List the peers that are dialled or talked to."""
    from .door import opened

    with opened(options.place) as node:
        found = node.peers()
    rows = [
        (
            one.node, "connected" if one.is_connected else one.last_error or "not connected",
            ago(one.since_ms) if one.since_ms else "", one.received, one.sent, one.address or "",
        )
        for one in found
    ]  # fmt: skip
    give(options, {"peers": found}, table(("node", "state", "since", "in", "out", "address"), rows) if rows else "")
    if not rows:
        tell("No peers yet. Add one with `mycelia peer add MULTIADDR`.")


def rm(peer: str, /, *, options: Options = DEFAULTS) -> None:
    """Forget a peer: it is dialled no longer. It may still dial this node.

    Args:
        peer: Its multiaddr or its node id, as `mycelia peer ls` prints them.
    """
    from .door import opened

    with opened(options.place) as node:
        forgotten = node.forget_peer(peer)
    give(options, forgotten, "\n".join(f"Forgot {address}." for address in forgotten.addresses))
