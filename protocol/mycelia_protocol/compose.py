"""Composing entries: from what is meant to the terms and dependencies that say it.

Terms point into the sorted dependencies by index; these functions do that
arithmetic, so that nobody else has to. They check nothing: `validation` does.

    >>> content = row(offer=b"o" * 32, previous=None, lines=[(b"n" * 32, 5)])
    >>> content.terms
    [1, None, None, 0, 5]

Spec: 07-kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .accumulators import LineId, ResourceId
from .actions import PLAIN
from .envelope import Term
from .reciprocity import Settled


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


Leg = tuple[LineId, bytes]  # a line, and the need that its commit names for it


class NeedTail(NamedTuple):
    """What a need says that is more than a transfer into no resource in particular."""

    action: str = PLAIN
    process: bytes | None = None
    to: ResourceId | None = None
    allotment: bytes | None = None


class OfferTail(NamedTuple):
    """What an offer says that is more than a transfer of no resource in particular."""

    action: str = PLAIN
    resource: ResourceId | None = None
    reciprocal: bytes | None = None  # the own need that is asked for in return
    allotment: bytes | None = None


def need(
    resource_class: str,
    amount: int,
    cell: int,
    *,
    begin_ms: int,
    end_ms: int,
    urgency: int,
    tail: NeedTail | None = None,
) -> Content:
    """Return a need of `amount` quanta at an H3 cell, within a window in milliseconds."""
    terms: list[Term] = [resource_class, amount, cell, begin_ms, end_ms, urgency]
    if tail is None:
        return Content("need", terms, b"")
    to, number = tail.to or (None, None)
    deps, at = named(tail.allotment, tail.process, to)
    return Content("need", [*terms, tail.action, at(tail.allotment), at(tail.process), at(to), number], deps)


def offer(
    resource_class: str, amount: int, cell: int, *, begin_ms: int, end_ms: int, tail: OfferTail | None = None
) -> Content:
    """Return an offer of `amount` quanta at an H3 cell, within a window in milliseconds."""
    terms: list[Term] = [resource_class, amount, cell, begin_ms, end_ms]
    if tail is None:
        return Content("offer", terms, b"")
    resource, number = tail.resource or (None, None)
    deps, at = named(tail.allotment, resource, tail.reciprocal)
    return Content(
        "offer", [*terms, tail.action, at(tail.allotment), at(resource), number, at(tail.reciprocal)], deps
    )  # fmt: skip


def event(
    action: str,
    *,
    amount: int | None = None,
    resource_class: str | None = None,
    resource: ResourceId | None = None,
    to: ResourceId | None = None,
    process: bytes | None = None,
    cell: int | None = None,
    stage: str | None = None,
    state: str | None = None,
    effort_ms: int | None = None,
    use: str | None = None,
    license: str | None = None,
    cites: Iterable[bytes] = (),
) -> Content:
    """Return what one agent did: with a resource, or with `amount` quanta of a class; `cites` are attestations."""
    (given, number), (other, other_number) = resource or (None, None), to or (None, None)
    deps, at = named(given, other, process, *cites)
    return Content("event", [
        action, resource_class, amount, at(given), number, at(other), other_number, at(process), cell, stage, state,
        effort_ms, use, license,
    ], deps)  # fmt: skip


def process(recipe: bytes | None = None) -> Content:
    """Return the beginning of a process, which may follow a recipe."""
    return Content("process", [None if recipe is None else 0], recipe or b"")


def recipe(name: str, flows: Iterable[tuple[str, str, str, int]], cites: Iterable[bytes] = ()) -> Content:
    """Return a recipe: what goes in ("i") and out ("o") by which action, of which class, how much.

    `cites` are recipes of what goes in.
    """
    deps, _ = ordered(*cites)
    return Content("recipe", [name, *(term for flow in flows for term in flow)], deps)


def capacity(resource: ResourceId, resource_class: str, amount: int, bucket_ms: int) -> Content:
    """Return how much of a class an own resource can do in each stretch of time."""
    return Content("capacity", [0, resource[1], resource_class, amount, bucket_ms], resource[0])


def lot(resource: ResourceId, code: str, expires_ms: int | None) -> Content:
    """Return what an own resource is labelled with."""
    return Content("lot", [0, resource[1], code, expires_ms], resource[0])


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


def agreement(*, end_ms: int, legs: Sequence[Leg], cites: Iterable[bytes] = ()) -> Content:
    """Return the proposal that lines, each with its need, are clauses of one another until all have agreed."""
    deps, index = ordered(*(name for line, need in legs for name in (line[0], need)), *cites)
    return Content("agreement", [end_ms, *_refs([line for line, _ in legs], index)], deps)


def agree(agreement: bytes, legs: Sequence[Leg], cites: Iterable[bytes] = ()) -> Content:
    """Return what binds an own chain to an agreement with these legs; `cites` are the `agree` of others."""
    deps, index = ordered(agreement, *(name for line, need in legs for name in (line[0], need)), *cites)
    return Content("agree", [index[agreement]], deps)


def on_lines(kind: str, lines: Sequence[LineId], cites: Iterable[bytes] = ()) -> Content:
    """Return a `deliver`, `receive`, `release`, `lapse` or `cancel` of lines, citing what it rests on."""
    deps, index = ordered(*(name for name, _ in lines), *cites)
    return Content(kind, _refs(lines, index), deps)


def allot(source: bytes, to: bytes, of: str, name: str, amount: int, expires_ms: int) -> Content:
    """Return what another chain is given of a threshold, an allowance, a need or an offer."""
    deps, index = ordered(source, to)
    return Content("allot", [index[source], index[to], of, name, amount, expires_ms], deps)


def take(allots: Iterable[bytes]) -> Content:
    """Return the word that these allots are taken."""
    deps, index = ordered(*allots)
    return Content("take", [*index.values()], deps)


def attest(subject: bytes, predicate: str, value: int, expires_ms: int, evidence: bytes | None = None) -> Content:
    """Return the word that something is true of an identity, or of a chain without one; and what it rests on."""
    rests_on: list[Term] = [] if evidence is None else [evidence]
    return Content("attest", [subject, predicate, value, expires_ms, *rests_on], b"")


def permit(resource: ResourceId, licensee: bytes, use: str, expires_ms: int) -> Content:
    """Return the permission to use an own licensed thing, whatever its license says."""
    return Content("permit", [0, resource[1], licensee, use, expires_ms], resource[0])


def settle(settled: Sequence[Settled], cites: Iterable[bytes] = ()) -> Content:
    """Return the count of delivered lines: of each the receipt, the line, and the claim that it pays, if any."""
    claims = [one.claim[0] for one in settled if one.claim is not None]
    deps, index = ordered(*(name for one in settled for name in (one.receive, one.line[0])), *claims, *cites)
    terms: list[Term] = []
    for receive, (commit, line), claim in settled:
        terms += [index[receive], index[commit], line]
        terms += [None, None] if claim is None else [index[claim[0]], claim[1]]
    return Content("settle", terms, deps)


def equation(document: bytes, previous: bytes | None = None) -> Content:
    """Return how incomes that are asked for from now on are shared, after the `previous` equation."""
    return Content("equation", [None if previous is None else 0, document], previous or b"")


def distribute(equation: bytes, line: LineId) -> Content:
    """Return the word that an own income is shared by an own equation."""
    deps, index = ordered(equation, line[0])
    return Content("distribute", [index[equation], index[line[0]], line[1]], deps)


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


def named(*links: bytes | None) -> tuple[bytes, Callable[[bytes | None], int | None]]:
    """Return those links that are there as `deps` has them, and the place of a link in it, None of none."""
    deps, index = ordered(*(link for link in links if link is not None))
    return deps, lambda link: None if link is None else index[link]


def _refs(lines: Sequence[LineId], index: dict[bytes, int]) -> list[Term]:
    return [term for name, number in lines for term in (index[name], number)]
