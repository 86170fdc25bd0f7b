"""Designs: where the terms of an `event` stand, and what it says of the thing that it made."""

from __future__ import annotations

from ..envelope import Entry

ACTION, CLASS, AMOUNT, RESOURCE, RESOURCE_NUMBER, TO, TO_NUMBER, PROCESS = range(8)
CELL, STAGE, STATE, EFFORT_MS, USE, LICENSE = range(8, 14)
TERMS = 14


def license_of(entry: Entry) -> str | None:
    """Return the license that an entry states for the resource it makes; the entry may be invalid."""
    terms = entry.header.terms
    stated = terms[LICENSE] if entry.header.kind == "event" and len(terms) == TERMS else None
    return stated if isinstance(stated, str) else None
