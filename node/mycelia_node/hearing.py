"""Hearing requests: bodies within their bounds and of their type, query values in their range."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from .problems import Refusal, problem

MAX_REQUEST_BYTES = 1024 * 1024
JSON = "application/json"

_Heard = TypeVar("_Heard")


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


def natural(request: Request, name: str, default: int, most: int) -> int:
    """Return a natural number of the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:20]) > most:
        raise Refusal(problem(422, "input", f"{name} is not usable", f"{text[:40]!r} is not 0 to {most}", "correct it"))
    return int(text)


def choice(request: Request, name: str, choices: tuple[str, ...]) -> str | None:
    """Return one of the choices, or None if the query says nothing."""
    text = request.query_params.get(name)
    if text is not None and text not in choices:
        why = f"{text[:40]!r} is not one of {', '.join(choices)}"
        raise Refusal(problem(422, "input", f"{name} is not usable", why, "correct it"))
    return text
