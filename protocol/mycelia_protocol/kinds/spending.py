"""Spending: the amounts that a chain with a limited grant writes, counted by kind, class and day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ..accumulators import AcceptedLine, CommittedLine, Draft, Grant, LegOf, Prefix, Spent
from ..amounts import amount_text
from ..charter import Classes
from ..cid import digest
from ..envelope import Entry
from ..errors import Refused
from .kind import lines_about

DAY_MS = 86_400_000


def check_spending(grant: Grant, entry: Entry, facts: Draft, prefix: Prefix, classes: Classes) -> None:
    """Refuse what lies outside the classes of a grant or above its daily caps, and count the rest.

    Called after the kind's own rules: the amounts that they let through are read.
    """
    caps = dict(grant.classes)
    for name, amount in _amounts(entry, facts, prefix):
        if name not in caps:
            raise Refused("grant.class", f"this chain may write of {', '.join(caps)}, not of {name}")
        cap = caps[name]
        if cap is None:
            continue
        key = ("spent", digest(f"{entry.header.kind} {name}".encode()), -1)
        day = entry.header.time_ms // DAY_MS
        before = facts.get(key)
        spent = before.amount if isinstance(before, Spent) and before.day == day else 0
        if spent + amount > cap:
            asked, most = (amount_text(classes, name, one) for one in (spent + amount, cap))
            raise Refused("grant.cap", f"{asked} of {name} by `{entry.header.kind}` in a day, {most} are granted")
        facts[key] = Spent(day, spent + amount)


def _amounts(entry: Entry, facts: Draft, prefix: Prefix) -> Iterator[tuple[str, int]]:
    """Yield class and amount of everything that a valid need, offer, row, commit or accept states."""
    header, kind = entry.header, entry.header.kind
    if kind in ("need", "offer"):
        yield cast(str, header.terms[0]), cast(int, header.terms[1])
    elif kind in ("row", "commit"):
        offer = header.dep(cast(int, header.terms[0]))
        if kind == "commit":
            offer = cast(CommittedLine, facts.committed((entry.id, 0))).offer
        amounts = cast(list[int], header.terms[4::2]) if kind == "commit" else []  # a row is tentative
        yield _class_of(offer, prefix), sum(amounts)
    elif kind == "accept":
        lines = [cast(AcceptedLine, facts.accepted(line)) for line in lines_about(entry)]
        yield _class_of(header.dep(cast(int, header.terms[0])), prefix), sum(line.amount for line in lines)
    elif kind == "agree":  # what it accepts: what it gives was counted when it was committed
        legs = [(key[1:], fact) for key, fact in facts.changes.items() if isinstance(fact, LegOf)]
        taken = [cast(AcceptedLine, facts.accepted(line)) for line, leg in legs if leg.receiver == prefix.chain]
        for line in taken:  # a list before the first is counted, for to count is to change what is read here
            yield _class_of(line.need, prefix), line.amount


def _class_of(intent: bytes, prefix: Prefix) -> str:
    return cast(str, cast(Entry, prefix.own(intent)).header.terms[0])
