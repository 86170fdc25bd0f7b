"""Composing entries: from what is meant to the terms and dependencies that say it.

Terms point into the sorted dependencies by index; these functions do that
arithmetic, so that nobody else has to. They check nothing: `validation` does.

    >>> content = row(offer=b"o" * 32, previous=None, lines=[(b"n" * 32, 5)])
    >>> content.terms
    [1, None, None, 0, 5]

Spec: 07-kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .accumulators import LineId
from .envelope import Term


class Moment(NamedTuple):
    """When an entry is said, by which start of its author's program: what a header has beside what is meant."""

    time: int
    incarnation: bytes


class Content(NamedTuple):
    """The part of a header that its author means: kind, terms, sorted dependencies; and when, where that is signed."""

    kind: str
    terms: list[Term]
    deps: bytes
    moment: Moment | None = None


def need(resource_class: str, amount: int, cell: int, *, begin_ms: int, end_ms: int, urgency: int) -> Content:
    """Return a need of `amount` quanta at an H3 cell, within a window in milliseconds."""
    return Content("need", [resource_class, amount, cell, begin_ms, end_ms, urgency], b"")


def offer(resource_class: str, amount: int, cell: int, *, begin_ms: int, end_ms: int) -> Content:
    """Return an offer of `amount` quanta at an H3 cell, within a window in milliseconds."""
    return Content("offer", [resource_class, amount, cell, begin_ms, end_ms], b"")


def row(*, offer: bytes, previous: bytes | None, lines: Sequence[tuple[bytes, int]]) -> Content:
    """Return the next row of an own offer: (need, amount) lines, after its `previous` row."""
    deps, index = ordered(offer, *([previous] if previous else []), *(name for name, _ in lines))
    terms: list[Term] = [index[offer], index[previous] if previous else None, None]
    for name, amount in lines:
        terms += [index[name], amount]
    return Content("row", terms, deps)


def commit(
    *, row: bytes, hold_ms: int, until_ms: int, lines: Sequence[tuple[bytes, int]], cites: Iterable[bytes] = ()
) -> Content:
    """Return a commit that firms (need, amount) lines of a row until the given times."""
    deps, index = ordered(row, *(name for name, _ in lines), *cites)
    terms: list[Term] = [index[row], hold_ms, until_ms]
    for name, amount in lines:
        terms += [index[name], amount]
    return Content("commit", terms, deps)


def accept(*, need: bytes, lines: Sequence[LineId], cites: Iterable[bytes] = ()) -> Content:
    """Return an accept of commit lines for an own need; `cites` are exits that free its quantity."""
    deps, index = ordered(need, *(name for name, _ in lines), *cites)
    return Content("accept", [index[need], *_refs(lines, index)], deps)


def on_lines(kind: str, lines: Sequence[LineId], cites: Iterable[bytes] = ()) -> Content:
    """Return a `deliver`, `receive`, `release`, `lapse` or `cancel` of lines, citing what it rests on."""
    deps, index = ordered(*(name for name, _ in lines), *cites)
    return Content(kind, _refs(lines, index), deps)


def withdraw(intent: bytes) -> Content:
    """Return the withdrawal of an own need or offer."""
    return Content("withdraw", [0], intent)


def warrant(one: bytes, other: bytes) -> Content:
    """Return the warrant of two entries that claim one place in a chain."""
    return Content("warrant", [0, 1], b"".join(sorted((one, other))))


def witness(checkpoint: bytes) -> Content:
    """Return the word that this chain has seen a checkpoint of another one."""
    return Content("witness", [0], checkpoint)


def retract(names: Iterable[bytes]) -> Content:
    """Return the request to delete the bodies of own entries."""
    deps, index = ordered(*names)
    return Content("retract", [*index.values()], deps)


def ordered(*links: bytes) -> tuple[bytes, dict[bytes, int]]:
    """Return links as `deps` has them, and the place of each in it."""
    unique = sorted(set(links))
    return b"".join(unique), {link: at for at, link in enumerate(unique)}


def _refs(lines: Sequence[LineId], index: dict[bytes, int]) -> list[Term]:
    return [term for name, number in lines for term in (index[name], number)]
