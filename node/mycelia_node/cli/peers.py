"""`peer add` and `peer ls`."""

from __future__ import annotations

from .answer import DEFAULT, Answer, Common, table, usage
from .front import front


def add(address: str, /, *, common: Common = DEFAULT) -> Answer:
    """Dial a peer, now and whenever it is lost.

    Args:
        address: its full multiaddr, as its `mycelia up` prints it.

    Examples:
        mycelia peer add /ip4/192.168.1.5/tcp/4001/p2p/12D3KooWJ…
        mycelia peer add /dns4/pantry.example/tcp/4001/p2p/12D3KooWJ…
    """
    if not address.startswith("/") or "/p2p/" not in address:
        raise usage("the address is not complete", f"{address!r} is no multiaddr with /p2p/ID", "copy it from `mycelia up`")
    with front(common) as node:
        peer = node.add_peer(address)
    said = "Connected" if peer.is_connected else "Remembered; it is dialled when the node runs"
    return Answer(peer, f"{said}: {peer.node}")


def ls(*, common: Common = DEFAULT) -> Answer:
    """List the peers that are dialled or talked to.

    Examples:
        mycelia peer ls
        mycelia peer ls --json
    """
    with front(common) as node:
        found = node.peers()
    if not found:
        return Answer(found, "No peers yet. Add one: `mycelia peer add MULTIADDR`.")
    rows = [
        (
            one.node[-12:],
            "connected" if one.is_connected else "away",
            str(one.received),
            str(one.sent),
            one.address or "(it dialled us)",
            one.last_error or "",
        )
        for one in found
    ]
    return Answer(found, table(("peer", "state", "received", "sent", "address", "last error"), rows))
