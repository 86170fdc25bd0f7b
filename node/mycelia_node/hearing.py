"""Hearing requests: bodies within their bounds, queries and bodies of their type."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from .problems import Refusal, problem

MAX_REQUEST_BYTES = 1024 * 1024
JSON = "application/json"

_Heard = TypeVar("_Heard")
_Query = TypeVar("_Query", bound=msgspec.Struct)


async def heard(request: Request, kind: type[_Heard]) -> _Heard:
    """Return the message of a JSON body."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != JSON:
        raise Refusal(problem(415, "media", "the request is not JSON", "its content type says so", f"send {JSON}"))
    try:
        return msgspec.json.decode(await body(request, MAX_REQUEST_BYTES), type=kind)
    except msgspec.ValidationError as error:
        found = problem(422, "input", "the request is not understood", str(error), "see /openapi.json")
        raise Refusal(found) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(problem(400, "input", "the request is not JSON", str(error), "send JSON")) from error


async def body(request: Request, most: int) -> bytes:
    """Return the body, of at most so many bytes."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise Refusal(problem(413, "size", "the request is too large", f"{most} bytes are allowed", "send less"))
    return bytes(data)


def asked(request: Request, kind: type[_Query]) -> _Query:
    """Return what the query says."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        remedy = f"use {', '.join(one.encode_name for one in msgspec.structs.fields(kind))}"
        raise Refusal(problem(422, "input", "the query is not understood", str(error), remedy)) from error


def no_query(request: Request) -> Refusal:
    """Return the refusal of a query where none is taken."""
    why = f"{request.url.path} takes no query, and {next(iter(request.query_params))!r} is given"
    return Refusal(problem(422, "input", "the query is not understood", why, "leave it out"))
