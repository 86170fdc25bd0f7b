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
    from mycelia_node.archive import Archive
    from mycelia_node.desk import Desk
    from mycelia_node.hall import Hall


_View = TypeVar("_View")


class Node(Protocol):
    """What commands ask of a node: the running one's client, or the files of one that does not run."""

    def status(self) -> models.StatusView: ...
    def members(self) -> list[models.MemberView]: ...
    def create_member(
        self, name: str, *, invitation: str | None = None, sponsor: str | None = None
    ) -> models.MemberView: ...
    def commons(self) -> models.CommonsView: ...
    def identities(self) -> list[models.PersonView]: ...
    def invite(self, new: models.NewInvitation) -> models.InvitationView: ...
    def admit(self, new: models.NewAdmission) -> models.Published: ...
    def delegate(self, new: models.NewDelegation) -> models.Delegated: ...
    def rotate(self, new: models.NewRotation) -> models.Published: ...
    def revoke(self, new: models.NewRevocation) -> models.Published: ...
    def restore(self, new: models.NewRestoration) -> models.Restored: ...
    def recover(self, new: models.NewRecovery) -> models.Published: ...
    def consent(self, new: models.NewStep) -> models.Published: ...
    def complete(self, new: models.NewStep) -> models.Published: ...
    def amend(self, new: models.NewAmendment) -> models.Published: ...
    def adopt(self, new: models.NewStep) -> models.Published: ...
    def close_identity(self, new: models.NewClosure) -> models.Published: ...
    def share(self, name: str) -> models.ShareView: ...
    def sign(self, statement: str, *, dry_run: bool = False) -> models.SignedView: ...
    def state(self, copies: Sequence[str], *, member: str | None = None) -> models.Published: ...
    def publish(self, signals: Sequence[models.NewSignal]) -> list[models.Published]: ...
    def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published: ...
    def event(self, new: models.NewEvent) -> models.Published: ...
    def licenses(self) -> list[models.ProfileView]: ...
    def explain(self, id: str) -> models.LicenseView: ...
    def attest(self, new: models.NewAttestation) -> models.Published: ...
    def permit(self, new: models.NewPermit) -> models.Published: ...
    def budgets(self) -> list[models.BudgetView]: ...
    def threshold(self, new: models.NewThreshold) -> models.Published: ...
    def allot(self, new: models.NewAllot) -> models.Published: ...
    def take(self, new: models.NewTake) -> models.Published: ...
    def process(self, new: models.NewProcess) -> models.Published: ...
    def recipe(self, new: models.NewRecipe) -> models.Published: ...
    def capacity(self, new: models.NewCapacity) -> models.Published: ...
    def lot(self, new: models.NewLot) -> models.Published: ...
    def stock(self, *, member: str | None = None, everything: bool = False) -> list[models.ResourceView]: ...
    def retract(self, ids: Sequence[str], *, dry_run: bool = False) -> models.Published: ...
    def checkpoint(self, *, member: str | None = None, dry_run: bool = False) -> models.Published: ...
    def warrant(self, chain: str, *, member: str | None = None, dry_run: bool = False) -> models.Published: ...
    def commit(self, new: models.NewCommitment) -> models.DeedView: ...
    def act(self, new: models.NewDeed) -> models.DeedView: ...
    def propose(self, new: models.NewAgreement) -> models.ProposedView: ...
    def agree(self, new: models.NewAgree) -> models.DeedView: ...
    def agreements(self, *, everything: bool = False) -> list[models.AgreementView]: ...
    def agreement(self, name: str) -> models.AgreementView: ...
    def equate(self, new: models.NewEquation) -> models.Published: ...
    def distribute(self, new: models.NewDistribution) -> models.DistributionView: ...
    def equations(self, chain: str | None = None) -> list[models.EquationView]: ...
    def distributions(self, chain: str | None = None) -> list[models.DistributionView]: ...
    def settle(
        self, *, claim: str | None = None, member: str | None = None, dry_run: bool = False
    ) -> models.SettledView: ...
    def credit(self) -> models.CreditView: ...
    def books(self) -> models.BooksView: ...
    def accounts(self, *, party: str | None = None, resource_class: str | None = None) -> list[models.AccountRow]: ...
    def claims(self, *, party: str | None = None) -> list[models.DueRow]: ...
    def trace(self, resource: str, *, forward: bool = False) -> list[models.StepView]: ...
    def recall(self, resource: str) -> models.RecallView: ...
    def footprint(self, query: models.FootprintQuery) -> models.FootprintView: ...
    def proof(self, chain: str) -> models.ProofFile: ...
    def field(
        self, *, kind: str | None = None, resource_class: str | None = None, everything: bool = False
    ) -> models.FieldView: ...
    def log(
        self, *, after: int = 0, limit: int = 100, kind: str | None = None, chain: str | None = None
    ) -> list[models.EntryView]: ...
    def show(self, id: str) -> models.EntryView: ...
    def why(self, id: str) -> models.WhyView: ...
    def verify(self) -> models.VerifyView: ...
    def prune(self, *, dry_run: bool = False) -> models.PrunedView: ...
    def peers(self) -> list[models.PeerView]: ...
    def add_peer(self, address: str) -> models.PeerView: ...
    def forget_peer(self, peer: str) -> models.Forgotten: ...
    def import_runs(self, data: bytes) -> models.ImportView: ...
    def export_runs(self) -> bytes: ...
    def release(self) -> list[models.ReleaseView]: ...


class Offline:
    """The files of a node that does not run."""

    def __init__(self, home: Home, desk: Desk, hall: Hall, archive: Archive) -> None:
        from mycelia_node.bookroom import Bookroom
        from mycelia_node.deeds import Deeds
        from mycelia_node.exchequer import Exchequer
        from mycelia_node.recipebook import Recipebook
        from mycelia_node.registry import Registry
        from mycelia_node.roundtable import Roundtable
        from mycelia_node.sharing import Sharing
        from mycelia_node.treasury import Treasury
        from mycelia_node.workshop import Workshop

        self._home, self._desk, self._hall, self._archive = home, desk, hall, archive
        self.members, self.publish = desk.members, desk.publish
        self.field, self.log, self.show = desk.field, desk.log, desk.show
        self.why, self.release, self.proof = desk.why, desk.own.release, desk.proof
        self.commons, self.identities, self.admit = hall.commons, hall.identities, hall.admit
        self.delegate, self.rotate, self.revoke = hall.delegate, hall.rotate, hall.revoke
        self.restore, self.recover, self.consent = hall.restore, hall.recover, hall.consent
        self.complete, self.close_identity = hall.complete, hall.close
        self.ask_recovery, self.amend, self.adopt = hall.ask_recovery, hall.amend, hall.adopt
        records, chest = Registry(desk, hall), Exchequer(desk, hall)
        self.licenses, self.explain = records.licenses, records.explain
        self.attest, self.permit = records.attest, records.permit
        self.budgets, self.threshold, self.allot, self.take = chest.budgets, chest.threshold, chest.allot, chest.take
        shop = Workshop(desk)
        self.event, self.process, self.recipe = shop.event, shop.process, shop.recipe
        self.capacity, self.lot, self.stock = shop.capacity, shop.lot, shop.stock
        self._treasury = Treasury(desk)
        self.credit = self._treasury.credit
        deeds = Deeds(desk, desk.clock)
        self.commit, self.act = deeds.commit, deeds.act
        table = Roundtable(desk, deeds)
        self.propose, self.agree = table.propose, table.agree
        self.agreements, self.agreement = table.agreements, table.agreement
        room = Bookroom(desk)
        self.books, self.accounts, self.claims = room.books, room.accounts, room.claims
        self.trace, self.recall = room.trace, room.recall
        self.footprint = Recipebook(desk).footprint
        sharing = Sharing(desk, desk.clock)
        self.equate, self.distribute = sharing.equate, sharing.distribute
        self.equations, self.distributions = sharing.equations, sharing.distributions

    def status(self) -> models.StatusView:
        """Return how the node is, with the peers that it will dial."""
        return msgspec.structs.replace(self._desk.status(), peers=self.peers())

    def create_member(
        self, name: str, *, invitation: str | None = None, sponsor: str | None = None
    ) -> models.MemberView:
        """Make a member."""
        return self._hall.create_member(models.NewMember(name=name, invitation=invitation, sponsor=sponsor))

    def share(self, name: str) -> models.ShareView:
        """Return what the other holders of an identity are given."""
        return self._hall.share(models.NewShare(name=name))

    def sign(self, statement: str, *, dry_run: bool = False) -> models.SignedView:
        """Sign a statement, or say only what it means."""
        return self._hall.sign(models.NewSignature(statement=statement, dry_run=dry_run))

    def state(self, copies: Sequence[str], *, member: str | None = None) -> models.Published:
        """Publish a statement that enough holders have signed."""
        return self._hall.state(models.NewStatement(copies=list(copies), member=member))

    def invite(self, new: models.NewInvitation) -> models.InvitationView:
        """Invite somebody, who will dial the peers that this node dials."""
        return self._hall.invite(new, self._home.known_peers())

    def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published:
        """Withdraw an own need or offer."""
        return self._desk.withdraw(models.NewWithdrawal(id=id, dry_run=dry_run))

    def retract(self, ids: Sequence[str], *, dry_run: bool = False) -> models.Published:
        """Delete the bodies of own entries, and ask everybody else to."""
        return self._desk.retract(models.NewRetraction(ids=list(ids), dry_run=dry_run))

    def checkpoint(self, *, member: str | None = None, dry_run: bool = False) -> models.Published:
        """Sum up all that a member's chain said so far."""
        return self._desk.checkpoint(models.NewCheckpoint(member=member, dry_run=dry_run))

    def settle(
        self, *, claim: str | None = None, member: str | None = None, dry_run: bool = False
    ) -> models.SettledView:
        """Count what a member gave and others received."""
        return self._treasury.settle(models.NewSettlement(claim=claim, member=member, dry_run=dry_run))

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
        return _last(self._archive.import_steps(data), lambda view: f"{view.accepted} new entries")

    def verify(self) -> models.VerifyView:
        """Judge every stored entry again."""
        return _last(self._archive.verify_steps(), lambda view: f"{view.entries} entries judged again")

    def prune(self, *, dry_run: bool = False) -> models.PrunedView:
        """Let headers go that nothing needs any more."""
        steps = self._archive.prune_steps(models.NewPruning(dry_run=dry_run))
        return _last(steps, lambda view: f"{view.headers} headers went")

    def export_runs(self) -> bytes:
        """Return everything as a run file."""
        return b"".join(self._archive.export())


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
    with offline(home) as files:
        yield files


@contextmanager
def offline(home: Home) -> Iterator[Offline]:
    """Open the files of a home whose node does not run.

    Raises:
        Failure: another program holds them (code `down`).
        StoreFault: they cannot be used.
    """
    from mycelia_node import passphrase
    from mycelia_node.archive import Archive
    from mycelia_node.desk import Desk
    from mycelia_node.gate import guarded
    from mycelia_node.hall import Hall
    from mycelia_node.ledger import Ledger

    try:
        ledger = Ledger.open(home.path, clock=now_ms, entropy=secrets.token_bytes)
    except StoreFault as fault:
        if not fault.locked:
            raise
        why = "another program holds it, perhaps a node that starts or stops"
        raise Failure("down", f"no node answers for {home.path}", why, "wait a moment, or stop that program") from fault
    try:
        with guarded(home, ledger, passphrase.keystore(home), clock=now_ms) as keystore:
            desk = Desk(ledger, keystore, now_ms)
            hall = Hall(desk, now_ms, secrets.token_bytes)
            hall.people.tend()
            yield Offline(home, desk, hall, Archive(ledger))
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
