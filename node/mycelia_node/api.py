"""The node's HTTP interface: JSON and server-sent events on loopback, behind a token.

Starlette routes over the `Desk`; each route names what it hears and says, and
the OpenAPI document is made from the same table, so the two cannot drift. Bad
input gets a problem document with the field, the rule and what to try.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route

from . import models
from .archive import Archive
from .bookroom import Bookroom
from .deeds import Deeds
from .desk import Desk, peer_view
from .exchequer import Exchequer
from .hall import Hall
from .hearing import JSON, asked, body, heard, no_query
from .problems import Refusal, problem, problem_of
from .recipebook import Recipebook
from .registry import Registry
from .roundtable import Roundtable
from .sharing import Sharing
from .treasury import Treasury
from .workshop import Workshop

if TYPE_CHECKING:
    from .config import Settings
    from .events import Bus
    from .keystore import Keystore
    from .ledger import Ledger
    from .sync import PeerState

_Result = TypeVar("_Result")
_Heard = TypeVar("_Heard", bound=msgspec.Struct)

MAX_IMPORT_BYTES = 256 * 1024 * 1024
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)

Answer = Callable[[Request], Awaitable[Response]]


class Served(Protocol):
    """What the API needs of a peer: the real one, or a ledger without a network."""

    ledger: Ledger
    keystore: Keystore
    bus: Bus
    settings: Settings
    api_token: str
    started_ms: int

    @property
    def node_id(self) -> str: ...
    @property
    def addresses(self) -> list[str]: ...
    def clock(self) -> int: ...
    def peers(self) -> list[PeerState]: ...
    async def connect(self, address: str) -> PeerState: ...
    async def forget(self, peer: str) -> list[str]: ...
    async def release(self, act: Callable[[], _Result]) -> _Result: ...
    async def on_ledger(self, function: Callable[..., _Result], *args: Any) -> _Result: ...


def _answer(message: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(message), status, media_type=JSON)


def _refuse(found: models.Problem) -> Response:
    return Response(msgspec.json.encode(found), found.status, media_type="application/problem+json")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route with what it hears and says: the source of both the server and its OpenAPI document."""

    method: str
    path: str
    summary: str
    answer: Answer
    says: Any
    hears: type | None = None
    query: type | None = None
    is_open: bool = False  # needs no token
    media: str = JSON


class Api:
    """The endpoints of one peer."""

    def __init__(self, peer: Served) -> None:
        self._peer = peer
        self._desk = Desk(peer.ledger, peer.keystore, peer.clock)
        self._archive = Archive(peer.ledger)
        self._bookroom = Bookroom(self._desk)
        self._hall = Hall(self._desk, peer.clock, secrets.token_bytes)
        self._workshop, self._recipebook = Workshop(self._desk), Recipebook(self._desk)
        self._registry, self._exchequer = Registry(self._desk, self._hall), Exchequer(self._desk, self._hall)
        self._treasury = Treasury(self._desk)
        self._deeds = Deeds(self._desk, peer.clock)
        self._roundtable = Roundtable(self._desk, self._deeds)
        self._sharing = Sharing(self._desk, peer.clock)

    def endpoints(self) -> list[Endpoint]:
        """Return every endpoint, in the order of the document."""
        return [
            Endpoint("GET", "/healthz", "Whether the node is up", self._healthz, dict[str, bool], is_open=True),
            Endpoint("GET", "/openapi.json", "This document", self._openapi, dict[str, Any], is_open=True),
            Endpoint("GET", "/v1/status", "How the node is", self._status, models.StatusView),
            Endpoint("GET", "/v1/members", "The members of the node", self._members, list[models.MemberView]),
            Endpoint(
                "POST", "/v1/members", "Make a member", self._create_member, models.MemberView, models.NewMember
            ),
            *self._people(),
            *self._things(),
            Endpoint("POST", "/v1/needs", "Publish a need", self._need, models.Published, models.NewNeed),
            Endpoint("POST", "/v1/offers", "Publish an offer", self._offer, models.Published, models.NewOffer),
            Endpoint(
                "POST", "/v1/signals", "Publish needs and offers", self._publish, list[models.Published],
                models.NewSignals,
            ),
            Endpoint(
                "POST", "/v1/withdrawals", "Withdraw an intent", self._withdraw, models.Published,
                models.NewWithdrawal,
            ),
            self._told(
                "/v1/retractions", "Ask for the deletion of bodies", models.NewRetraction, self._desk.retract,
                models.Published,
            ),
            self._told("/v1/equations", "Set an equation", models.NewEquation, self._sharing.equate, models.Published),
            self._told(
                "/v1/distributions", "Distribute an income", models.NewDistribution, self._sharing.distribute,
                models.DistributionView,
            ),
            Endpoint(
                "GET", "/v1/equations", "How incomes are shared", self._equations, list[models.EquationView],
                query=models.ChainQuery,
            ),
            Endpoint(
                "GET", "/v1/distributions", "Who gets what", self._distributions, list[models.DistributionView],
                query=models.ChainQuery,
            ),
            self._told("/v1/commitments", "Promise", models.NewCommitment, self._deeds.commit, models.DeedView),
            self._told("/v1/deeds", "Act on lines", models.NewDeed, self._deeds.act, models.DeedView),
            *self._agreements(),
            Endpoint(
                "POST", "/v1/checkpoints", "Sum up a chain", self._checkpoint, models.Published, models.NewCheckpoint
            ),
            Endpoint("GET", "/v1/warrants/{id}", "The proof of a fork, as a file", self._proof, models.ProofFile),
            Endpoint("POST", "/v1/warrants", "Prove a fork", self._warrant, models.Published, models.NewWarrant),
            Endpoint(
                "GET", "/v1/field", "The field at this moment", self._field, models.FieldView, query=models.FieldQuery
            ),
            Endpoint(
                "GET", "/v1/entries", "Entries as accepted", self._log, list[models.EntryView], query=models.LogQuery
            ),
            Endpoint("GET", "/v1/entries/{id}", "One entry", self._show, models.EntryView),
            Endpoint("GET", "/v1/entries/{id}/why", "Why it counts or not", self._why, models.WhyView),
            Endpoint("POST", "/v1/verify", "Judge every entry again", self._verify, models.VerifyView),
            Endpoint("POST", "/v1/prune", "Let old headers go", self._prune, models.PrunedView, models.NewPruning),
            Endpoint(
                "POST", "/v1/release", "Release without a head check", self._release, list[models.ReleaseView]
            ),
            Endpoint("GET", "/v1/peers", "Peers that are dialled or talked to", self._peers, list[models.PeerView]),
            Endpoint("POST", "/v1/peers", "Dial a peer", self._add_peer, models.PeerView, models.NewPeer),
            Endpoint(
                "DELETE", "/v1/peers", "Dial a peer no longer", self._forget_peer, models.Forgotten,
                query=models.PeerQuery,
            ),
            Endpoint(
                "GET", "/v1/runs", "Everything, as a run file", self._export, bytes, media="application/octet-stream"
            ),
            Endpoint("POST", "/v1/runs", "Take in a run file", self._import, models.ImportView, bytes),
            Endpoint(
                "GET", "/v1/events", "What happens, as it happens", self._events, str, query=models.EventQuery,
                media="text/event-stream",
            ),
        ]  # fmt: skip

    def _people(self) -> list[Endpoint]:
        """Return the endpoints about who is who; each that tells something has one function of the hall."""
        hall = self._hall
        return [
            Endpoint("GET", "/v1/commons", "The commons", self._telling(hall.commons), models.CommonsView),
            Endpoint(
                "GET", "/v1/identities", "All identities", self._telling(hall.identities), list[models.PersonView]
            ),
            self._told("/v1/admissions", "Let an identity in", models.NewAdmission, hall.admit, models.Published),
            Endpoint(
                "POST", "/v1/invitations", "Invite somebody", self._invite, models.InvitationView,
                models.NewInvitation,
            ),
            self._told("/v1/delegations", "Delegate to a bot", models.NewDelegation, hall.delegate, models.Delegated),
            self._told("/v1/rotations", "Rotate root keys", models.NewRotation, hall.rotate, models.Published),
            self._told("/v1/revocations", "Cut a chain", models.NewRevocation, hall.revoke, models.Published),
            self._told("/v1/restorations", "Restore by phrase", models.NewRestoration, hall.restore, models.Restored),
            self._told("/v1/recoveries", "Propose a recovery", models.NewRecovery, hall.recover, models.Published),
            self._told("/v1/consents", "Consent to an entry", models.NewStep, hall.consent, models.Published),
            self._told("/v1/completions", "Complete a recovery", models.NewStep, hall.complete, models.Published),
            self._told("/v1/amendments", "Amend the charter", models.NewAmendment, hall.amend, models.Published),
            self._told("/v1/adoptions", "Adopt an enactment", models.NewStep, hall.adopt, models.Published),
            self._told("/v1/shares", "A share of root keys", models.NewShare, hall.share, models.ShareView),
            self._told("/v1/signatures", "Sign a statement", models.NewSignature, hall.sign, models.SignedView),
            self._told("/v1/statements", "Publish what is signed", models.NewStatement, hall.state, models.Published),
            self._told("/v1/closures", "End an identity", models.NewClosure, hall.close, models.Published),
        ]  # fmt: skip

    def _things(self) -> list[Endpoint]:
        """Return the endpoints about what members make, use and have."""
        shop, records, chest = self._workshop, self._registry, self._exchequer
        return [
            self._told("/v1/economic-events", "Record an event", models.NewEvent, shop.event, models.Published),
            self._told("/v1/processes", "Begin a process", models.NewProcess, shop.process, models.Published),
            self._told("/v1/recipes", "Publish a recipe", models.NewRecipe, shop.recipe, models.Published),
            self._told("/v1/lots", "Say what a resource is labelled with", models.NewLot, shop.lot, models.Published),
            self._told("/v1/capacities", "State a capacity", models.NewCapacity, shop.capacity, models.Published),
            self._told("/v1/attestations", "Attest something", models.NewAttestation, records.attest, models.Published),
            self._told("/v1/permits", "Permit a use", models.NewPermit, records.permit, models.Published),
            self._told("/v1/thresholds", "Issue a limit", models.NewThreshold, chest.threshold, models.Published),
            self._told("/v1/allots", "Allot a part", models.NewAllot, chest.allot, models.Published),
            self._told("/v1/takes", "Take what was allotted", models.NewTake, chest.take, models.Published),
            Endpoint("GET", "/v1/budgets", "Limits", self._telling(chest.budgets), list[models.BudgetView]),
            Endpoint("GET", "/v1/licenses", "Licenses", self._telling(records.licenses), list[models.ProfileView]),
            Endpoint("GET", "/v1/licenses/{id}", "Why a use was allowed", self._explain, models.LicenseView),
            Endpoint(
                "GET", "/v1/stock", "What members have", self._stock, list[models.ResourceView],
                query=models.StockQuery,
            ),
            self._told(
                "/v1/settlements", "Count what was given", models.NewSettlement, self._treasury.settle,
                models.SettledView,
            ),
            Endpoint(
                "GET", "/v1/credit", "Contributions and credit", self._telling(self._treasury.credit),
                models.CreditView,
            ),
            Endpoint("GET", "/v1/books", "All books", self._books, models.BooksView),
            Endpoint(
                "GET", "/v1/accounts", "What everybody gave, made and has", self._accounts, list[models.AccountRow],
                query=models.AccountQuery,
            ),
            Endpoint(
                "GET", "/v1/claims", "What is owed by licenses and for cancels", self._claims, list[models.DueRow],
                query=models.PartyQuery,
            ),
            Endpoint(
                "GET", "/v1/trace", "Where a thing is from, or went", self._trace, list[models.StepView],
                query=models.TraceQuery,
            ),
            Endpoint(
                "GET", "/v1/footprint", "What an amount takes and costs", self._footprint, models.FootprintView,
                query=models.FootprintQuery,
            ),
            Endpoint(
                "GET", "/v1/recall", "Who has something of a lot", self._recall, models.RecallView,
                query=models.RecallQuery,
            ),
        ]  # fmt: skip

    def _agreements(self) -> list[Endpoint]:
        """Return the endpoints about lines that bind together or not at all."""
        table = self._roundtable
        return [
            self._told("/v1/agreements", "Propose terms", models.NewAgreement, table.propose, models.ProposedView),
            self._told("/v1/agrees", "Sign an agreement", models.NewAgree, table.agree, models.DeedView),
            Endpoint(
                "GET", "/v1/agreements", "Agreements", self._all_agreements, list[models.AgreementView],
                query=models.AgreementQuery,
            ),
            Endpoint("GET", "/v1/agreements/{id}", "One agreement", self._agreement, models.AgreementView),
        ]  # fmt: skip

    async def _all_agreements(self, request: Request) -> Response:
        query = asked(request, models.AgreementQuery)
        return _answer(await self._peer.on_ledger(lambda: self._roundtable.agreements(everything=query.everything)))

    async def _agreement(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._roundtable.agreement, request.path_params["id"]))

    async def _explain(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._registry.explain, request.path_params["id"]))

    async def _stock(self, request: Request) -> Response:
        query = asked(request, models.StockQuery)
        return _answer(await self._peer.on_ledger(
            lambda: self._workshop.stock(member=query.member, everything=query.everything)
        ))  # fmt: skip

    async def _books(self, _: Request) -> Response:
        return _answer(await self._last(self._bookroom.books_steps()))

    async def _accounts(self, request: Request) -> Response:
        query = asked(request, models.AccountQuery)
        return _answer(await self._peer.on_ledger(
            lambda: self._bookroom.accounts(party=query.party, resource_class=query.resource_class)
        ))  # fmt: skip

    async def _claims(self, request: Request) -> Response:
        query = asked(request, models.PartyQuery)
        return _answer(await self._peer.on_ledger(lambda: self._bookroom.claims(party=query.party)))

    async def _trace(self, request: Request) -> Response:
        query = asked(request, models.TraceQuery)
        return _answer(await self._peer.on_ledger(
            lambda: self._bookroom.trace(query.resource, forward=query.forward)
        ))  # fmt: skip

    async def _recall(self, request: Request) -> Response:
        query = asked(request, models.RecallQuery)
        return _answer(await self._peer.on_ledger(lambda: self._bookroom.recall(query.resource)))

    async def _footprint(self, request: Request) -> Response:
        query = asked(request, models.FootprintQuery)
        return _answer(await self._peer.on_ledger(lambda: self._recipebook.footprint(query)))

    async def _equations(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._sharing.equations, asked(request, models.ChainQuery).chain))

    async def _distributions(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._sharing.distributions, asked(request, models.ChainQuery).chain))

    def _telling(self, function: Callable[[], object]) -> Answer:
        async def answer(request: Request) -> Response:
            return _answer(await self._peer.on_ledger(function))

        return answer

    def _told(
        self, path: str, summary: str, hears: type[_Heard], function: Callable[[_Heard], object], says: Any
    ) -> Endpoint:
        async def answer(request: Request) -> Response:
            return _answer(await self._peer.on_ledger(function, await heard(request, hears)), 201)

        return Endpoint("POST", path, summary, answer, says, hears)

    async def _invite(self, request: Request) -> Response:
        new, addresses = await heard(request, models.NewInvitation), self._peer.addresses
        return _answer(await self._peer.on_ledger(self._hall.invite, new, addresses), 201)

    async def _healthz(self, request: Request) -> Response:
        return _answer({"ok": True})

    async def _openapi(self, request: Request) -> Response:
        from .openapi import document

        return _answer(document(self.endpoints()))

    async def _status(self, request: Request) -> Response:
        peer = self._peer
        return _answer(await peer.on_ledger(lambda: self._desk.status(
            peers=peer.peers(), addresses=peer.addresses, node=peer.node_id, started_ms=peer.started_ms,
            last_event=peer.bus.last_id,
        )))  # fmt: skip

    async def _members(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.members))

    async def _create_member(self, request: Request) -> Response:
        new = await heard(request, models.NewMember)
        return _answer(await self._peer.on_ledger(self._hall.create_member, new), 201)

    async def _publish(self, request: Request) -> Response:
        new = await heard(request, models.NewSignals)
        return _answer(await self._peer.on_ledger(self._desk.publish, new.signals), 201)

    async def _need(self, request: Request) -> Response:
        return await self._publish_one("need", await heard(request, models.NewNeed))

    async def _offer(self, request: Request) -> Response:
        return await self._publish_one("offer", await heard(request, models.NewOffer))

    async def _publish_one(self, kind: str, new: models.NewNeed | models.NewOffer) -> Response:
        signal = msgspec.convert({"kind": kind, **msgspec.structs.asdict(new)}, models.NewSignal)
        [published] = await self._peer.on_ledger(self._desk.publish, [signal])
        return _answer(published, 201)

    async def _withdraw(self, request: Request) -> Response:
        new = await heard(request, models.NewWithdrawal)
        return _answer(await self._peer.on_ledger(self._desk.withdraw, new), 201)

    async def _checkpoint(self, request: Request) -> Response:
        new = await heard(request, models.NewCheckpoint)
        return _answer(await self._peer.on_ledger(self._desk.checkpoint, new), 201)

    async def _warrant(self, request: Request) -> Response:
        new = await heard(request, models.NewWarrant)
        return _answer(await self._peer.on_ledger(self._desk.warrant, new), 201)

    async def _field(self, request: Request) -> Response:
        query, last = asked(request, models.FieldQuery), self._peer.bus.last_id
        return _answer(await self._peer.on_ledger(lambda: self._desk.field(
            kind=query.kind, resource_class=query.resource_class, everything=query.everything, last_event=last,
        )))  # fmt: skip

    async def _log(self, request: Request) -> Response:
        query = asked(request, models.LogQuery)
        return _answer(await self._peer.on_ledger(
            lambda: self._desk.log(after=query.after, limit=query.limit, kind=query.kind, chain=query.chain)
        ))  # fmt: skip

    async def _proof(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.proof, request.path_params["id"]))

    async def _show(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.show, request.path_params["id"]))

    async def _why(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.why, request.path_params["id"]))

    async def _verify(self, request: Request) -> Response:
        return _answer(await self._last(self._archive.verify_steps()))

    async def _prune(self, request: Request) -> Response:
        return _answer(await self._last(self._archive.prune_steps(await heard(request, models.NewPruning))))

    async def _release(self, request: Request) -> Response:
        return _answer(await self._peer.release(self._desk.own.release), 201)

    async def _peers(self, request: Request) -> Response:
        return _answer([peer_view(state) for state in self._peer.peers()])

    async def _add_peer(self, request: Request) -> Response:
        new = await heard(request, models.NewPeer)
        return _answer(peer_view(await self._peer.connect(new.address)), 201)

    async def _forget_peer(self, request: Request) -> Response:
        query = asked(request, models.PeerQuery)
        return _answer(models.Forgotten(addresses=await self._peer.forget(query.peer)))

    async def _export(self, request: Request) -> Response:
        chunks = iter(await self._peer.on_ledger(self._archive.export))

        async def pieces() -> AsyncIterator[bytes]:
            while chunk := await self._peer.on_ledger(next, chunks, b""):
                yield chunk

        return StreamingResponse(pieces(), media_type="application/octet-stream")

    async def _import(self, request: Request) -> Response:
        data = await body(request, MAX_IMPORT_BYTES)
        return _answer(await self._last(self._archive.import_steps(data)))

    async def _last(self, steps: Iterator[_Result]) -> _Result | None:
        """Take long work step by step, so that others are served in between; return what the last step gave."""
        result: _Result | None = None
        while (step := await self._peer.on_ledger(next, steps, None)) is not None:
            result = step
        return result

    async def _events(self, request: Request) -> Response:
        last = request.headers.get("last-event-id") or asked(request, models.EventQuery).after
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._peer.bus.frames(last), media_type="text/event-stream", headers=headers)


def build(peer: Served) -> Starlette:
    """Return the ASGI application of a peer."""

    def guarded(endpoint: Endpoint) -> Answer:
        async def answer(request: Request) -> Response:
            try:
                _check_door(request, endpoint, peer.api_token)
                if endpoint.query is None and request.query_params:
                    raise no_query(request)
                return await endpoint.answer(request)
            except Exception as error:
                found = problem_of(error)
                if found is None:
                    raise
                return _refuse(found)

        return answer

    routes = [Route(one.path, guarded(one), methods=[one.method]) for one in Api(peer).endpoints()]
    return Starlette(routes=routes, exception_handlers={404: _missing, 405: _missing, 500: _failed})


def _check_door(request: Request, endpoint: Endpoint, token: str) -> None:
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):  # a page of elsewhere whose name was bound to this address
        why = f"the request names the host {host[:80]!r}"
        raise Refusal(problem(403, "host", "this node answers on loopback only", why, "use 127.0.0.1"))
    if endpoint.is_open:
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, token.encode()):
        raise Refusal(problem(401, "token", "the token is wrong", "api.json in the home holds it", "send it as Bearer"))


async def _missing(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    answer = _refuse(problem(status, "route", "there is no such route", request.url.path, "see /openapi.json"))
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is Match.PARTIAL]
    if routes:
        answer.headers["allow"] = ", ".join(sorted({method for route in routes for method in route.methods}))
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    return _refuse(problem(500, "failed", "the node failed", type(error).__name__, "see the node's log"))


@contextlib.asynccontextmanager
async def serving(peer: Served) -> AsyncIterator[str]:
    """Serve the API on loopback until the block ends; gives its URL.

    Raises:
        ConnectionError: the port is taken.
    """
    import socket

    import uvicorn

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", peer.settings.api_port))
    except OSError as error:
        listener.close()
        raise ConnectionError(f"the API cannot listen on port {peer.settings.api_port}: {error.strerror}") from error
    config = uvicorn.Config(
        build(peer), log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # signals are the command's business
    task = asyncio.create_task(server._serve([listener]))  # without uvicorn's own capture of signals
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        peer.bus.close()
        await asyncio.wait({task}, timeout=3)
        listener.close()
