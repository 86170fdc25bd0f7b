"""The asynchronous client. The synchronous one beside it is generated from this file."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import anyio
import httpx
import msgspec

from mycelia_node import models
from mycelia_node.faults import StoreFault

from .errors import NodeError, error_of, lost
from .events import Event, EventReader

_Says = TypeVar("_Says")
_Query = dict[str, str | None]
Where = Callable[[], tuple[str, str]]  # gives the node's URL and token

_RETRIES = 10
_LONGEST_WAIT_S = 5.0
_SILENCE_S = 45.0  # a stream that says nothing for so long, not even its ping, is broken
_LONG_S = 3600.0  # for what reads or writes a whole ledger


class AsyncClient:
    """A running node, asked and told things. Every method raises `NodeError`; its kind says why."""

    def __init__(self, where: Where, timeout_s: float) -> None:
        self._where, self._timeout_s = where, timeout_s
        self._http = httpx.AsyncClient(timeout=timeout_s, trust_env=False)
        self._turn_to(*where())

    def _turn_to(self, url: str, token: str) -> None:
        self._url = url
        self._http.base_url = httpx.URL(url)
        self._http.headers["authorization"] = f"Bearer {token}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection to the node."""
        await self._http.aclose()

    async def status(self) -> models.StatusView:
        """Return how the node is."""
        return await self._ask("GET", "/v1/status", models.StatusView)

    async def members(self) -> list[models.MemberView]:
        """Return the members of the node."""
        return await self._ask("GET", "/v1/members", list[models.MemberView])

    async def create_member(
        self, name: str, *, invitation: str | None = None, sponsor: str | None = None
    ) -> models.MemberView:
        """Make a member with an identity and a chain of its own."""
        new = models.NewMember(name=name, invitation=invitation, sponsor=sponsor)
        return await self._tell("/v1/members", new, models.MemberView)

    async def commons(self) -> models.CommonsView:
        """Return the commons, in the words of its charter."""
        return await self._ask("GET", "/v1/commons", models.CommonsView)

    async def identities(self) -> list[models.PersonView]:
        """Return every identity that is known here."""
        return await self._ask("GET", "/v1/identities", list[models.PersonView])

    async def invite(self, new: models.NewInvitation) -> models.InvitationView:
        """Return a new invitation: a secret for one newcomer."""
        return await self._tell("/v1/invitations", new, models.InvitationView)

    async def admit(self, new: models.NewAdmission) -> models.Published:
        """Let a pending identity in."""
        return await self._tell("/v1/admissions", new, models.Published)

    async def delegate(self, new: models.NewDelegation) -> models.Delegated:
        """Delegate to a new member of the node, or to a key elsewhere."""
        return await self._tell("/v1/delegations", new, models.Delegated)

    async def rotate(self, new: models.NewRotation) -> models.Published:
        """Rotate to the next root keys."""
        return await self._tell("/v1/rotations", new, models.Published)

    async def revoke(self, new: models.NewRevocation) -> models.Published:
        """Cut a chain of a member's identity."""
        return await self._tell("/v1/revocations", new, models.Published)

    async def restore(self, new: models.NewRestoration) -> models.Restored:
        """Open a chain for the identity of a phrase, and cut those that were lost."""
        return await self._tell("/v1/restorations", new, models.Restored)

    async def recover(self, new: models.NewRecovery) -> models.Published:
        """Propose new root keys for somebody who lost theirs."""
        return await self._tell("/v1/recoveries", new, models.Published)

    async def consent(self, new: models.NewStep) -> models.Published:
        """Consent to a recovery."""
        return await self._tell("/v1/consents", new, models.Published)

    async def complete(self, new: models.NewStep) -> models.Published:
        """Complete a recovery."""
        return await self._tell("/v1/completions", new, models.Published)

    async def amend(self, new: models.NewAmendment) -> models.Published:
        """Enact a change of the charter: a proposal until enough founders consent."""
        return await self._tell("/v1/amendments", new, models.Published)

    async def adopt(self, new: models.NewStep) -> models.Published:
        """Adopt an enactment for the chain of a member."""
        return await self._tell("/v1/adoptions", new, models.Published)

    async def close_identity(self, new: models.NewClosure) -> models.Published:
        """End the identity of a member."""
        return await self._tell("/v1/closures", new, models.Published)

    async def share(self, name: str) -> models.ShareView:
        """Return what the other holders of an identity are given."""
        return await self._tell("/v1/shares", models.NewShare(name=name), models.ShareView)

    async def sign(self, statement: str, *, dry_run: bool = False) -> models.SignedView:
        """Sign a statement with the root keys of the node, or say only what it means."""
        new = models.NewSignature(statement=statement, dry_run=dry_run)
        return await self._tell("/v1/signatures", new, models.SignedView)

    async def state(self, copies: Sequence[str], *, member: str | None = None) -> models.Published:
        """Publish a statement that enough holders have signed, in one copy or in several."""
        new = models.NewStatement(copies=list(copies), member=member)
        return await self._tell("/v1/statements", new, models.Published)

    async def need(
        self,
        resource_class: str,
        amount: str | int,
        *,
        at: models.Place,
        until: models.Moment | None = None,
        begin: models.Moment | None = None,
        urgency: int = 0,
        member: str | None = None,
        note: str | None = None,
        note_until: models.Moment | None = None,
        to: Sequence[str] = (),
        precise: bool = False,
        action: str | None = None,
        stock: bool = False,
        into: str | None = None,
        process: str | None = None,
        allotment: str | None = None,
        dry_run: bool = False,
    ) -> models.Published:
        """Publish a need of "12.5 kg" (or an integer of quanta) at a place, until "+2d" or a date.

        The note is for everybody, or for the holders of the box keys in `to`; holders drop it at `note_until`. A
        position is made coarse unless it is to be `precise`. `stock` makes a resource of what is received, `into`
        adds it to one, `process` uses it up in one.
        """
        return await self._signal(
            "need", resource_class, amount, at, until=until, begin=begin, urgency=urgency, member=member, note=note,
            note_until=note_until, to=list(to), precise=precise, action=action, stock=stock, into=into, process=process,
            allotment=allotment, dry_run=dry_run,
        )  # fmt: skip

    async def offer(
        self,
        resource_class: str,
        amount: str | int,
        *,
        at: models.Place,
        until: models.Moment | None = None,
        begin: models.Moment | None = None,
        member: str | None = None,
        note: str | None = None,
        note_until: models.Moment | None = None,
        to: Sequence[str] = (),
        precise: bool = False,
        action: str | None = None,
        resource: str | None = None,
        reciprocal: str | None = None,
        allotment: str | None = None,
        dry_run: bool = False,
    ) -> models.Published:
        """Publish an offer, in the words of `need`: of an own `resource`, for a `reciprocal` need if for a return."""
        return await self._signal(
            "offer", resource_class, amount, at, until=until, begin=begin, member=member, note=note,
            note_until=note_until, to=list(to), precise=precise, action=action, resource=resource,
            reciprocal=reciprocal, allotment=allotment, dry_run=dry_run,
        )  # fmt: skip

    async def publish(self, signals: Sequence[models.NewSignal]) -> list[models.Published]:
        """Publish many needs and offers at once, a member's all or none."""
        return await self._tell("/v1/signals", models.NewSignals(signals=list(signals)), list[models.Published])

    async def event(self, new: models.NewEvent) -> models.Published:
        """Record what a member did with own resources."""
        return await self._tell("/v1/economic-events", new, models.Published)

    async def process(self, new: models.NewProcess) -> models.Published:
        """Begin a process."""
        return await self._tell("/v1/processes", new, models.Published)

    async def recipe(self, new: models.NewRecipe) -> models.Published:
        """Publish how something is made."""
        return await self._tell("/v1/recipes", new, models.Published)

    async def capacity(self, new: models.NewCapacity) -> models.Published:
        """Say how much an own resource can do in a time."""
        return await self._tell("/v1/capacities", new, models.Published)

    async def lot(self, new: models.NewLot) -> models.Published:
        """Say what an own resource is labelled with."""
        return await self._tell("/v1/lots", new, models.Published)

    async def stock(self, *, member: str | None = None, everything: bool = False) -> list[models.ResourceView]:
        """Return what members of the node have; with `everything` also what is used up."""
        query = {"member": member, "everything": "true" if everything else None}
        return await self._ask("GET", "/v1/stock", list[models.ResourceView], query)

    async def licenses(self) -> list[models.ProfileView]:
        """Return every license profile that the commons knows."""
        return await self._ask("GET", "/v1/licenses", list[models.ProfileView])

    async def explain(self, id: str) -> models.LicenseView:
        """Return why an event may use a licensed thing, or may not."""
        return await self._ask("GET", f"/v1/licenses/{_segment(id)}", models.LicenseView)

    async def attest(self, new: models.NewAttestation) -> models.Published:
        """Say that something is true of an identity."""
        return await self._tell("/v1/attestations", new, models.Published)

    async def permit(self, new: models.NewPermit) -> models.Published:
        """Let an identity use an own licensed thing."""
        return await self._tell("/v1/permits", new, models.Published)

    async def budgets(self) -> list[models.BudgetView]:
        """Return the limits, and how everybody stands to them."""
        return await self._ask("GET", "/v1/budgets", list[models.BudgetView])

    async def threshold(self, new: models.NewThreshold) -> models.Published:
        """Issue a limit by the root keys of a magisterium."""
        return await self._tell("/v1/thresholds", new, models.Published)

    async def allot(self, new: models.NewAllot) -> models.Published:
        """Give another chain a part of an own ceiling, allowance, need or offer."""
        return await self._tell("/v1/allots", new, models.Published)

    async def take(self, new: models.NewTake) -> models.Published:
        """Take what was allotted."""
        return await self._tell("/v1/takes", new, models.Published)

    async def withdraw(self, id: str, *, dry_run: bool = False) -> models.Published:
        """Withdraw an own need or offer."""
        return await self._tell("/v1/withdrawals", models.NewWithdrawal(id=id, dry_run=dry_run), models.Published)

    async def retract(self, ids: Sequence[str], *, dry_run: bool = False) -> models.Published:
        """Delete the bodies of own entries on this node, and ask everybody else to: others may keep what they have."""
        new = models.NewRetraction(ids=list(ids), dry_run=dry_run)
        return await self._tell("/v1/retractions", new, models.Published)

    async def checkpoint(self, *, member: str | None = None, dry_run: bool = False) -> models.Published:
        """Sum up all that a member's chain said so far."""
        new = models.NewCheckpoint(member=member, dry_run=dry_run)
        return await self._tell("/v1/checkpoints", new, models.Published)

    async def commit(self, new: models.NewCommitment) -> models.DeedView:
        """Promise an amount of an own offer to a need."""
        return await self._tell("/v1/commitments", new, models.DeedView)

    async def act(self, new: models.NewDeed) -> models.DeedView:
        """Do something about lines: accept, deliver, receive, release, lapse or cancel them."""
        return await self._tell("/v1/deeds", new, models.DeedView)

    async def propose(self, new: models.NewAgreement) -> models.ProposedView:
        """Propose that several lines bind together or not at all; lines of own offers are promised on the way."""
        return await self._tell("/v1/agreements", new, models.ProposedView)

    async def agree(self, new: models.NewAgree) -> models.DeedView:
        """Sign an agreement for the members of the node that are parties of it."""
        return await self._tell("/v1/agrees", new, models.DeedView)

    async def agreements(self, *, everything: bool = False) -> list[models.AgreementView]:
        """Return the agreements of the members of the node, or all; those that wait for them first."""
        query = {"everything": "true" if everything else None}
        return await self._ask("GET", "/v1/agreements", list[models.AgreementView], query)

    async def agreement(self, name: str) -> models.AgreementView:
        """Return one agreement: its legs, who signed, and what everybody gives and gets."""
        return await self._ask("GET", f"/v1/agreements/{_segment(name)}", models.AgreementView)

    async def equate(self, new: models.NewEquation) -> models.Published:
        """Say how a member shares what it asks for from now on."""
        return await self._tell("/v1/equations", new, models.Published)

    async def distribute(self, new: models.NewDistribution) -> models.DistributionView:
        """Distribute an income by the equation that stood when it was asked for."""
        return await self._tell("/v1/distributions", new, models.DistributionView)

    async def equations(self, chain: str | None = None) -> list[models.EquationView]:
        """Return the equations of a chain, or of the members of the node."""
        return await self._ask("GET", "/v1/equations", list[models.EquationView], {"chain": chain})

    async def distributions(self, chain: str | None = None) -> list[models.DistributionView]:
        """Return who got what of the incomes of a chain, or of the members of the node."""
        return await self._ask("GET", "/v1/distributions", list[models.DistributionView], {"chain": chain})

    async def settle(
        self, *, claim: str | None = None, member: str | None = None, dry_run: bool = False
    ) -> models.SettledView:
        """Count what a member gave and others received."""
        new = models.NewSettlement(claim=claim, member=member, dry_run=dry_run)
        return await self._tell("/v1/settlements", new, models.SettledView)

    async def credit(self) -> models.CreditView:
        """Return what members contributed and owe, and everybody's mutual credit."""
        return await self._ask("GET", "/v1/credit", models.CreditView)

    async def books(self) -> models.BooksView:
        """Return all books: accounts, stock, events, flows and balances."""
        return await self._ask("GET", "/v1/books", models.BooksView)

    async def accounts(self, *, party: str | None = None, resource_class: str | None = None) -> list[models.AccountRow]:
        """Return what everybody gave, made and has, or one: a member of the node, an identity or a chain."""
        query = {"party": party, "resource_class": resource_class}
        return await self._ask("GET", "/v1/accounts", list[models.AccountRow], query)

    async def claims(self, *, party: str | None = None) -> list[models.DueRow]:
        """Return what everybody still owes by licenses, or one: a member of the node, an identity or a chain."""
        return await self._ask("GET", "/v1/claims", list[models.DueRow], {"party": party})

    async def trace(self, resource: str, *, forward: bool = False) -> list[models.StepView]:
        """Return the steps that led to a resource, or on from it."""
        query = {"resource": resource, "forward": "true" if forward else None}
        return await self._ask("GET", "/v1/trace", list[models.StepView], query)

    async def recall(self, resource: str) -> models.RecallView:
        """Return everything that may hold something of a lot, and who has it."""
        return await self._ask("GET", "/v1/recall", models.RecallView, {"resource": resource})

    async def footprint(self, query: models.FootprintQuery) -> models.FootprintView:
        """Return what an amount takes by a recipe and by those that it cites, and what it would cost."""
        asked = {"recipe": query.recipe, "amount": query.amount, "resource_class": query.resource_class}
        return await self._ask("GET", "/v1/footprint", models.FootprintView, asked)

    async def proof(self, chain: str) -> models.ProofFile:
        """Return the proof that a chain has two pasts, for somebody who holds neither."""
        return await self._ask("GET", f"/v1/warrants/{_segment(chain)}", models.ProofFile)

    async def warrant(self, chain: str, *, member: str | None = None, dry_run: bool = False) -> models.Published:
        """Publish what the node holds of a chain's two pasts."""
        new = models.NewWarrant(chain=chain, member=member, dry_run=dry_run)
        return await self._tell("/v1/warrants", new, models.Published)

    async def field(
        self, *, kind: str | None = None, resource_class: str | None = None, everything: bool = False
    ) -> models.FieldView:
        """Return the field: open needs and offers, strongest first."""
        query = {"kind": kind, "resource_class": resource_class, "everything": "true" if everything else None}
        return await self._ask("GET", "/v1/field", models.FieldView, query)

    async def log(
        self, *, after: int = 0, limit: int = 100, kind: str | None = None, chain: str | None = None
    ) -> list[models.EntryView]:
        """Return entries in the order in which they were accepted, after an arrival number."""
        query = {"after": str(after), "limit": str(limit), "kind": kind, "chain": chain}
        return await self._ask("GET", "/v1/entries", list[models.EntryView], query)

    async def show(self, id: str) -> models.EntryView:
        """Return one entry, by its id or the beginning of it."""
        return await self._ask("GET", f"/v1/entries/{_segment(id)}", models.EntryView)

    async def why(self, id: str) -> models.WhyView:
        """Return which rules an entry was judged by and what would mend it."""
        return await self._ask("GET", f"/v1/entries/{_segment(id)}/why", models.WhyView)

    async def verify(self) -> models.VerifyView:
        """Have every stored entry judged again, from its bytes."""
        answer = await self._send("POST", "/v1/verify", {"timeout": _LONG_S})
        return msgspec.json.decode(answer, type=models.VerifyView)

    async def prune(self, *, dry_run: bool = False) -> models.PrunedView:
        """Let headers go that nothing needs any more, or only count them."""
        return await self._tell("/v1/prune", models.NewPruning(dry_run=dry_run), models.PrunedView, timeout=_LONG_S)

    async def peers(self) -> list[models.PeerView]:
        """Return the peers that are dialled or talked to."""
        return await self._ask("GET", "/v1/peers", list[models.PeerView])

    async def add_peer(self, address: str) -> models.PeerView:
        """Dial a peer, now and whenever it is lost."""
        return await self._tell("/v1/peers", models.NewPeer(address=address), models.PeerView)

    async def release(self) -> list[models.ReleaseView]:
        """Release without a head check; return what still waits."""
        return await self._ask("POST", "/v1/release", list[models.ReleaseView])

    async def forget_peer(self, peer: str) -> models.Forgotten:
        """Dial a peer no longer, by its address or its node id."""
        return await self._ask("DELETE", "/v1/peers", models.Forgotten, {"peer": peer})

    async def export_runs(self) -> bytes:
        """Return everything as a run file."""
        return await self._send("GET", "/v1/runs", {"timeout": _LONG_S})

    async def import_runs(self, data: bytes) -> models.ImportView:
        """Hand over a run file."""
        headers = {"content-type": "application/octet-stream"}
        answer = await self._send("POST", "/v1/runs", {"content": data, "headers": headers, "timeout": _LONG_S})
        return msgspec.json.decode(answer, type=models.ImportView)

    async def watch(self, *, after: str | None = None, kind: str | None = None) -> AsyncIterator[Event]:
        """Yield events as they happen, after an event id if given; resumes when the stream breaks or the node restarts.

        `kind` is a kind of event or of entry. An event `reset` says that the node does not remember
        so far back: what happened in between is to be read anew.
        """
        reader, failures = EventReader(after), 0
        while True:
            response = None
            try:
                request = self._http.build_request("GET", "/v1/events", headers=reader.headers(), timeout=_SILENCE_S)
                response = await self._http.send(request, stream=True)
                if not response.is_success:
                    await response.aread()
                    raise error_of(response)
                async for line in response.aiter_lines():
                    failures = 0
                    if (event := reader.feed(line)) and kind in (None, event.kind, event.data.get("kind")):
                        yield event
            except httpx.HTTPError as error:
                failures += 1
                if failures > _RETRIES:
                    raise lost(error, self._url, self._timeout_s) from error
                with contextlib.suppress(NodeError, StoreFault):  # a node that was started again has another address
                    self._turn_to(*self._where())
            finally:
                if response is not None:
                    await response.aclose()
            await anyio.sleep(min(0.1 * 2**failures, _LONGEST_WAIT_S))

    async def _signal(
        self, kind: Literal["need", "offer"], resource_class: str, amount: str | int, at: models.Place, **more: Any
    ) -> models.Published:
        new = models.NewSignal(kind=kind, resource_class=resource_class, amount=amount, at=at, **more)
        [published] = await self.publish([new])
        return published

    async def _ask(self, method: str, path: str, says: type[_Says], query: _Query | None = None) -> _Says:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        return msgspec.json.decode(await self._send(method, path, {"params": params}), type=says)

    async def _tell(self, path: str, message: msgspec.Struct, says: type[_Says], **more: Any) -> _Says:
        headers = {"content-type": "application/json"}
        request = {"content": msgspec.json.encode(message), "headers": headers, **more}
        return msgspec.json.decode(await self._send("POST", path, request), type=says)

    async def _send(self, method: str, path: str, request: dict[str, Any]) -> bytes:
        try:
            response = await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise lost(error, self._url, self._timeout_s) from error
        if not response.is_success:
            raise error_of(response)
        return response.content


def _segment(text: str) -> str:
    from urllib.parse import quote

    return quote(text.strip().removesuffix("…"), safe="")
