"""The way to a home: through its running node if there is one, else straight to its files.

The lock on the directory decides: files are opened only when no node holds
them, so both ways never meet.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from mycelia_node import models
from mycelia_node.config import Home
from mycelia_node.faults import StoreFault

from .failures import Failure
from .output import progress

if TYPE_CHECKING:
    from mycelia_node.desk import Desk


_View = TypeVar("_View")


class Node(Protocol):
    """What commands ask of a node: the running one's client, or the files of one that does not run."""

    def status(self) -> models.StatusView: ...
    def members(self) -> list[models.MemberView]: ...
    def create_member(self, name: str) -> models.MemberView: ...
    def publish(self, signals: Sequence[models.NewSignal]) -> list[models.Published]: ...
    def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published: ...
    def warrant(self, chain: str, *, member: str | None = None, dry_run: bool = False) -> models.Published: ...
    def field(
        self, *, kind: str | None = None, resource_class: str | None = None, everything: bool = False
    ) -> models.FieldView: ...
    def log(
        self, *, after: int = 0, limit: int = 100, kind: str | None = None, chain: str | None = None
    ) -> list[models.EntryView]: ...
    def show(self, id: str) -> models.EntryView: ...
    def why(self, id: str) -> models.WhyView: ...
    def verify(self) -> models.VerifyView: ...
    def peers(self) -> list[models.PeerView]: ...
    def add_peer(self, address: str) -> models.PeerView: ...
    def forget_peer(self, peer: str) -> models.Forgotten: ...
    def import_runs(self, data: bytes) -> models.ImportView: ...
    def export_runs(self) -> bytes: ...


class Offline:
    """The files of a node that does not run."""

    def __init__(self, home: Home, desk: Desk) -> None:
        self._home, self._desk = home, desk
        self.members, self.publish = desk.members, desk.publish
        self.field, self.log, self.show = desk.field, desk.log, desk.show
        self.why = desk.why

    def status(self) -> models.StatusView:
        """Return how the node is, with the peers that it will dial."""
        return msgspec.structs.replace(self._desk.status(), peers=self.peers())

    def create_member(self, name: str) -> models.MemberView:
        """Make a member."""
        return self._desk.create_member(models.NewMember(name=name))

    def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published:
        """Withdraw an own need or offer."""
        return self._desk.withdraw(models.NewWithdrawal(id=id, dry_run=dry_run))

    def warrant(self, chain: str, *, member: str | None = None, dry_run: bool = False) -> models.Published:
        """Publish the warrant of a forked chain."""
        return self._desk.warrant(models.NewWarrant(chain=chain, member=member, dry_run=dry_run))

    def peers(self) -> list[models.PeerView]:
        """Return the peers that will be dialled."""
        return [_remembered(address) for address in self._home.known_peers()]

    def add_peer(self, address: str) -> models.PeerView:
        """Remember a peer, to be dialled when the node runs."""
        self._home.remember_peer(address)
        return _remembered(address)

    def forget_peer(self, peer: str) -> models.Forgotten:
        """Forget a peer."""
        return models.Forgotten(addresses=self._home.forget_peer(peer))

    def import_runs(self, data: bytes) -> models.ImportView:
        """Take in a run file."""
        return _last(self._desk.import_steps(data), lambda view: f"{view.accepted} new entries")

    def verify(self) -> models.VerifyView:
        """Judge every stored entry again."""
        return _last(self._desk.verify_steps(), lambda view: f"{view.entries} entries judged again")

    def export_runs(self) -> bytes:
        """Return everything as a run file."""
        return b"".join(self._desk.export())


def _last(steps: Iterator[_View], said: Callable[[_View], str]) -> _View:
    """Return what the last step of long work gives; on a terminal say how far it is."""
    for view in steps:
        progress(said(view))
    progress("")
    return view


@contextmanager
def opened(path: Path) -> Iterator[Node]:
    """Open the home at `path` until the block ends.

    Raises:
        Failure: there is no home there, or its node does not answer (code `down`).
        StoreFault: its files cannot be used.
    """
    home = Home(path)
    if not home.ledger.exists():
        raise Failure("home", f"there is no commons at {path}", "the directory holds no ledger", "`mycelia init`")
    if _answers(home):
        from mycelia_node import client

        with client.connect(path) as node:
            yield node
        return
    with _offline(home) as files:
        yield files


@contextmanager
def _offline(home: Home) -> Iterator[Offline]:
    from mycelia_node.desk import Desk
    from mycelia_node.keystore import Keystore
    from mycelia_node.ledger import Ledger

    try:
        ledger = Ledger.open(home.path, clock=now_ms, entropy=secrets.token_bytes)
    except StoreFault as fault:
        if not fault.locked:
            raise
        why = "another program holds it, perhaps a node that starts or stops"
        raise Failure("down", f"no node answers for {home.path}", why, "wait a moment, or stop that program") from fault
    try:
        keystore = Keystore(home.keys, entropy=secrets.token_bytes)
        keystore.finish(ledger)
        yield Offline(home, Desk(ledger, keystore, now_ms))
    finally:
        ledger.close()


def now_ms() -> int:
    """Return milliseconds since the Unix epoch."""
    import time

    return time.time_ns() // 1_000_000


def _answers(home: Home) -> bool:
    """Return whether something listens where the home's node said that it would."""
    import socket
    from urllib.parse import urlsplit

    try:
        place = urlsplit(str(json.loads(home.api.read_text())["url"]))
        socket.create_connection((place.hostname or "", place.port or 0), 2).close()
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no such file, a half-written one, or one that a killed node left behind
    return True


def _remembered(address: str) -> models.PeerView:
    return models.PeerView(
        node=address.rpartition("/p2p/")[2], address=address, is_connected=False, since_ms=None, clock_skew_ms=None,
        received=0, sent=0, last_error=None,
    )  # fmt: skip
