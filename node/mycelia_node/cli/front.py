"""Where a command turns to: the running node of a home, or its ledger directly when none runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .answer import Common

if TYPE_CHECKING:
    from mycelia_node import models
    from mycelia_node.client.synchronous import Client


class Offline:
    """A home without a running node, asked and told the same things as a running one."""

    def __init__(self, common: Common) -> None:
        from mycelia_node.config import Home
        from mycelia_node.desk import Desk
        from mycelia_node.keystore import Keystore
        from mycelia_node.ledger import Ledger

        def clock() -> int:
            return time.time_ns() // 1_000_000

        self._home = Home(common.place)
        self._ledger = Ledger.open(common.place, clock=clock, entropy=os.urandom)
        keystore = Keystore(self._home.keys, entropy=os.urandom)
        keystore.recover(self._ledger)
        self._desk = Desk(self._ledger, keystore, clock)

    def close(self) -> None:
        """Let go of the home."""
        self._ledger.close()

    def status(self) -> models.StatusView:
        """Return how the home is."""
        return self._desk.status()

    def members(self) -> list[models.MemberView]:
        """Return its members."""
        return self._desk.members()

    def create_member(self, name: str) -> models.MemberView:
        """Make a member."""
        from mycelia_node import models

        return self._desk.create_member(models.NewMember(name=name))

    def publish(self, signals: Sequence[models.NewSignal]) -> list[models.Published]:
        """Publish signals; they are released when the node runs."""
        return self._desk.publish(signals)

    def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published:
        """Withdraw an intent."""
        from mycelia_node import models

        return self._desk.withdraw(models.NewWithdrawal(id=id, dry_run=dry_run))

    def field(self, **more: Any) -> models.FieldView:
        """Return the field."""
        return self._desk.field(**more)

    def log(self, **more: Any) -> list[models.EntryView]:
        """Return entries as accepted."""
        return self._desk.log(**more)

    def show(self, id: str) -> models.EntryView:
        """Return one entry."""
        return self._desk.show(id)

    def why(self, id: str) -> models.WhyView:
        """Return why an entry counts or not."""
        return self._desk.why(id)

    def verify(self) -> models.VerifyView:
        """Judge every entry again."""
        return self._desk.verify()

    def export_runs(self) -> bytes:
        """Return everything as a run file."""
        return b"".join(self._desk.export())

    def import_runs(self, data: bytes) -> models.ImportView:
        """Take in a run file."""
        return self._desk.import_runs(data)

    def peers(self) -> list[models.PeerView]:
        """Return the peers that the node will dial."""
        from mycelia_node.desk import peer_view
        from mycelia_node.sync import PeerState

        known = self._home.known_peers()
        return [peer_view(PeerState(node=address.rpartition("/p2p/")[2], address=address)) for address in known]

    def add_peer(self, address: str) -> models.PeerView:
        """Remember a peer for when the node runs."""
        from mycelia_node.desk import peer_view
        from mycelia_node.sync import PeerState

        self._home.remember_peer(address)
        return peer_view(PeerState(node=address.rpartition("/p2p/")[2], address=address))


@contextmanager
def front(common: Common) -> Iterator[Client | Offline]:
    """Open the way to a home: through its node if one runs, else directly.

    Raises:
        StoreFault: there is no home there, or another command is using it.
        NodeDown: a node says it runs, but does not answer.
    """
    from mycelia_node import client
    from mycelia_node.faults import StoreFault

    if (common.place / "api.json").exists():
        with client.connect(common.place) as node:
            try:
                node.members()
            except client.NodeDown:
                (common.place / "api.json").unlink(missing_ok=True)  # left behind by a node that was killed
            else:
                yield node
                return
    try:
        offline = Offline(common)
    except StoreFault as error:
        if error.locked:
            raise client.NodeDown("the home is in use", error.what, "wait a moment, then try again") from error
        raise
    try:
        yield offline
    finally:
        offline.close()
