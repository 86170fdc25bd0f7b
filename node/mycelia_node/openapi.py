"""The OpenAPI document, made from the table of endpoints and the models."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from . import models

if TYPE_CHECKING:
    from .api import Endpoint

_QUERY_TYPES = {int: "integer", str: "string", bool: "boolean"}


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
    success = "201" if one.method == "POST" and one.path not in ("/v1/verify", "/v1/runs") else "200"
    binary = {"type": "string", "format": "binary"}
    says = schemas.get(repr(one.says), binary if one.says is bytes else {"type": "string"})
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{one.method.lower()}{one.path}").strip("_"),
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": {
            success: {"description": one.summary, "content": {one.media: {"schema": says}}},
            "default": {
                "description": "It was not done: what, why and what to try.",
                "content": {"application/problem+json": {"schema": schemas[repr(models.Problem)]}},
            },
        },
        "security": [] if one.is_open else [{"token": []}],
    }
    if one.hears is not None:
        media = "application/octet-stream" if one.hears is bytes else "application/json"
        schema = binary if one.hears is bytes else schemas[repr(one.hears)]
        operation["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return operation


def _parameters(one: Endpoint) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", one.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": {"type": _QUERY_TYPES[kind]}}
        for name, kind in one.query
    ]
    return in_path + in_query
