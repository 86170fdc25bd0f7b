"""The OpenAPI document, made from the table of endpoints and the models."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from . import models

if TYPE_CHECKING:
    from .api import Endpoint

_PROBLEMS = {
    "400": "The body is not JSON.",
    "401": "The token is wrong or missing.",
    "403": "The host is not this machine's loopback.",
    "404": "There is no such entry.",
    "409": "The node cannot do this now.",
    "413": "The body is too large.",
    "415": "The body is not declared as JSON.",
    "422": "A value is not usable, or a rule of the ledger refuses it; `rule` names the rule.",
}


def document(endpoints: list[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these endpoints."""
    types = [kind for one in endpoints for kind in (one.says, one.hears) if kind not in (None, bytes, str)]
    schemas, components = msgspec.json.schema_components(
        [*types, models.Problem], ref_template="#/components/schemas/{name}"
    )
    by_type = {repr(kind): schema for kind, schema in zip([*types, models.Problem], schemas, strict=True)}
    paths: dict[str, Any] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mycelia node",
            "version": version("mycelia"),
            "summary": "Needs, offers and who has promised what, on signed chains.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    success = "201" if one.method == "POST" and one.path not in ("/v1/verify", "/v1/prune", "/v1/runs") else "200"
    binary = {"type": "string", "format": "binary"}
    says = schemas.get(repr(one.says), binary if one.says is bytes else {"type": "string"})
    problem = {"content": {"application/problem+json": {"schema": schemas[repr(models.Problem)]}}}
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{one.method.lower()}{one.path}").strip("_"),
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": {
            success: {"description": one.summary, "content": {one.media: {"schema": says}}},
            **{code: problem | {"description": _PROBLEMS[code]} for code in _problems(one)},
            "default": problem | {"description": "It was not done: what, why and what to try."},
        },
        "security": [] if one.is_open else [{"token": []}],
    }
    if one.hears is not None:
        media = "application/octet-stream" if one.hears is bytes else "application/json"
        schema = binary if one.hears is bytes else schemas[repr(one.hears)]
        operation["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return operation


def _problems(one: Endpoint) -> list[str]:
    codes = {"403"} if one.is_open else {"401", "403"}
    if "{" in one.path:
        codes |= {"404"}
    if one.query is not None:
        codes |= {"422"}
    if one.hears is not None:
        codes |= {"404", "409", "413", "422"} | (set() if one.hears is bytes else {"400", "415"})
    return sorted(codes)


def _parameters(one: Endpoint) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", one.path)
    ]
    in_query = []
    if one.query is not None:
        schema = msgspec.json.schema(one.query)["$defs"][one.query.__name__]
        in_query = [
            {"name": name, "in": "query", "required": name in schema["required"], "schema": about}
            for name, about in schema["properties"].items()
        ]
    return in_path + in_query
