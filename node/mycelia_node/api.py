"""The node's HTTP interface: JSON and server-sent events on loopback, behind a token.

Starlette routes over the `Desk`; each route names what it hears and says, and
the OpenAPI document is made from the same table, so the two cannot drift. Bad
input gets a problem document with the field, the rule and what to try.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from . import models
from .desk import Desk, peer_view
from .problems import Refusal, problem, problem_of

if TYPE_CHECKING:
    from .peer import Peer

MAX_REQUEST_BYTES = 1024 * 1024
MAX_IMPORT_BYTES = 256 * 1024 * 1024
_HOSTS = {"127.0.0.1", "localhost", "[::1]", "::1"}
_JSON = "application/json"

Answer = Callable[[Request], Awaitable[Response]]


def _answer(message: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(message), status, media_type=_JSON)


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
    query: tuple[tuple[str, type], ...] = ()
    is_open: bool = False  # needs no token
    media: str = _JSON


class Api:
    """The endpoints of one peer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._desk = Desk(peer.ledger, peer.keystore, peer.clock)

    def endpoints(self) -> list[Endpoint]:
        """Return every endpoint, in the order of the document."""
        limits = (("after", int), ("limit", int), ("kind", str), ("chain", str))
        shown = (("kind", str), ("resource_class", str), ("everything", bool))
        return [
            Endpoint("GET", "/healthz", "Whether the node is up", self._healthz, dict[str, bool], is_open=True),
            Endpoint("GET", "/openapi.json", "This document", self._openapi, dict[str, Any], is_open=True),
            Endpoint("GET", "/v1/status", "How the node is", self._status, models.StatusView),
            Endpoint("GET", "/v1/members", "The members of the node", self._members, list[models.MemberView]),
            Endpoint(
                "POST", "/v1/members", "Make a member", self._create_member, models.MemberView, models.NewMember
            ),
            Endpoint(
                "POST", "/v1/signals", "Publish needs and offers", self._publish, list[models.Published],
                models.NewSignals,
            ),
            Endpoint(
                "POST", "/v1/withdrawals", "Withdraw an intent", self._withdraw, models.Published,
                models.NewWithdrawal,
            ),
            Endpoint("GET", "/v1/field", "The field at this moment", self._field, models.FieldView, query=shown),
            Endpoint("GET", "/v1/entries", "Entries as accepted", self._log, list[models.EntryView], query=limits),
            Endpoint("GET", "/v1/entries/{id}", "One entry", self._show, models.EntryView),
            Endpoint("GET", "/v1/entries/{id}/why", "Why it counts or not", self._why, models.WhyView),
            Endpoint("POST", "/v1/verify", "Judge every entry again", self._verify, models.VerifyView),
            Endpoint("GET", "/v1/peers", "Peers that are dialled or talked to", self._peers, list[models.PeerView]),
            Endpoint("POST", "/v1/peers", "Dial a peer", self._add_peer, models.PeerView, models.NewPeer),
            Endpoint(
                "GET", "/v1/runs", "Everything, as a run file", self._export, bytes, media="application/octet-stream"
            ),
            Endpoint("POST", "/v1/runs", "Take in a run file", self._import, models.ImportView, bytes),
            Endpoint("GET", "/v1/events", "What happens, as it happens", self._events, str, media="text/event-stream"),
        ]  # fmt: skip

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
        new = await _heard(request, models.NewMember)
        return _answer(await self._peer.on_ledger(self._desk.create_member, new), 201)

    async def _publish(self, request: Request) -> Response:
        new = await _heard(request, models.NewSignals)
        return _answer(await self._peer.on_ledger(self._desk.publish, new.signals), 201)

    async def _withdraw(self, request: Request) -> Response:
        new = await _heard(request, models.NewWithdrawal)
        return _answer(await self._peer.on_ledger(self._desk.withdraw, new), 201)

    async def _field(self, request: Request) -> Response:
        kind = _choice(request, "kind", ("need", "offer"))
        last, resource_class = self._peer.bus.last_id, request.query_params.get("resource_class")
        everything = _choice(request, "everything", ("true", "false")) == "true"
        return _answer(await self._peer.on_ledger(lambda: self._desk.field(
            kind=kind, resource_class=resource_class, everything=everything, last_event=last,
        )))  # fmt: skip

    async def _log(self, request: Request) -> Response:
        after, limit = _natural(request, "after", 0, 2**62), _natural(request, "limit", 100, 1000)
        kind, chain = request.query_params.get("kind"), request.query_params.get("chain")
        return _answer(await self._peer.on_ledger(
            lambda: self._desk.log(after=after, limit=limit, kind=kind, chain=chain)
        ))  # fmt: skip

    async def _show(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.show, request.path_params["id"]))

    async def _why(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.why, request.path_params["id"]))

    async def _verify(self, request: Request) -> Response:
        return _answer(await self._peer.on_ledger(self._desk.verify))

    async def _peers(self, request: Request) -> Response:
        return _answer([peer_view(state) for state in self._peer.peers()])

    async def _add_peer(self, request: Request) -> Response:
        new = await _heard(request, models.NewPeer)
        return _answer(peer_view(await self._peer.connect(new.address)), 201)

    async def _export(self, request: Request) -> Response:
        chunks = iter(await self._peer.on_ledger(self._desk.export))

        async def body() -> AsyncIterator[bytes]:
            while chunk := await self._peer.on_ledger(next, chunks, b""):
                yield chunk

        return StreamingResponse(body(), media_type="application/octet-stream")

    async def _import(self, request: Request) -> Response:
        data = await _body(request, MAX_IMPORT_BYTES)
        return _answer(await self._peer.on_ledger(self._desk.import_runs, data))

    async def _events(self, request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("after")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._peer.bus.frames(last), media_type="text/event-stream", headers=headers)


async def _heard(request: Request, kind: Any) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != _JSON:
        raise Refusal(problem(415, "media", "the request is not JSON", "its content type says so", f"send {_JSON}"))
    try:
        return msgspec.json.decode(await _body(request, MAX_REQUEST_BYTES), type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(problem(422, "input", "the request is not understood", str(error), "see /openapi.json")) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(problem(400, "input", "the request is not JSON", str(error), "send JSON")) from error


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise Refusal(problem(413, "size", "the request is too large", f"{most} bytes are allowed", "send less"))
    return bytes(data)


def _natural(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:20]) > most:
        raise Refusal(problem(422, "input", f"{name} is not usable", f"{text[:40]!r} is not 0 to {most}", "correct it"))
    return int(text)


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str | None:
    text = request.query_params.get(name)
    if text is not None and text not in choices:
        why = f"{text[:40]!r} is not one of {', '.join(choices)}"
        raise Refusal(problem(422, "input", f"{name} is not usable", why, "correct it"))
    return text


def build(peer: Peer) -> Starlette:
    """Return the ASGI application of a peer."""

    def guarded(endpoint: Endpoint) -> Answer:
        async def answer(request: Request) -> Response:
            try:
                _check_door(request, endpoint, peer.api_token)
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
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if host not in _HOSTS:  # a page of elsewhere whose name was bound to this address
        raise Refusal(problem(403, "host", "this node answers on loopback only", f"host is {host!r}", "use 127.0.0.1"))
    if endpoint.is_open:
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, token.encode()):
        raise Refusal(problem(401, "token", "the token is wrong", "api.json in the home holds it", "send it as Bearer"))


async def _missing(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    return _refuse(problem(status, "route", "there is no such route", request.url.path, "see /openapi.json"))


async def _failed(request: Request, error: Exception) -> Response:
    return _refuse(problem(500, "failed", "the node failed", type(error).__name__, "see the node's log"))


@contextlib.asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[str]:
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
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        peer.bus.close()
        await asyncio.wait({task}, timeout=3)
        listener.close()
