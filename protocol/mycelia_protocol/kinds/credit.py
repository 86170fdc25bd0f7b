"""Mutual credit: what a chain may promise and expect, so that no balance leaves its floor or its ceiling.

Each chain has one balance for each class of credit, on its own chain: a line
that it gives lowers it, a line that it receives raises it. Nothing is issued and
nothing is burnt; a person may owe the commons down to the floor, once: on the
chain that her identity began with, and on none that takes over from it.

Spec: 23-reciprocity, "Mutual credit".
"""

from __future__ import annotations

from typing import cast

from ..accumulators import AcceptedLine, CommittedLine, Credit, Currency, Draft, Mark, credit_key
from ..envelope import Entry
from ..errors import Premature, Refused
from .intents import CLASS
from .kind import Judged


def promise(judged: Judged, offer: Entry, amount: int) -> None:
    """Promise an amount of an own offer, or refuse `commit.credit`: the balance would fall below its floor."""
    name = cast(str, offer.header.terms[CLASS])
    limits = judged.charter.credit.get(name)
    if limits is None:
        return
    floor, account = limits.floor if _may_owe(judged) else 0, judged.facts.credit(name)
    left = account.balance - account.promised - amount
    if left < floor:
        raise Refused("commit.credit", f"{left} {name} would be left of the balance, the floor is {floor}")
    judged.facts["currency", offer.id, -1] = Currency(name)
    move(judged.facts, offer.id, promised=amount)


def expect(judged: Judged, need: Entry, amount: int) -> None:
    """Expect an amount for an own need, or refuse `accept.credit`: the balance would rise above its ceiling."""
    name = cast(str, need.header.terms[CLASS])
    if name not in judged.charter.credit:
        return
    _check_ceiling(judged, name, amount, "accept.credit")
    judged.facts["currency", need.id, -1] = Currency(name)
    move(judged.facts, need.id, expected=amount)


def give(judged: Judged, given: CommittedLine) -> None:
    """Take a delivered line from the balance; refuse `deliver.credit` where it is an inherited one."""
    if not judged.charter.credit:
        return
    if given.marks & Mark.INHERITED:
        name = class_of(judged, given.need)
        if type(name) is str and name in judged.charter.credit:
            raise Refused("deliver.credit", f"the chain that promised this {name} is another, so is its balance")
    move(judged.facts, given.offer, balance=-given.amount, promised=-given.amount)


def take(judged: Judged, taken: AcceptedLine, *, freed: bool) -> None:
    """Add a received line to the balance; refuse `receive.credit` if it had been let go and there is no room now."""
    if not judged.charter.credit:
        return
    name = judged.facts.currency(taken.need)
    if name is not None and freed:
        _check_ceiling(judged, name, taken.amount, "receive.credit")
    move(judged.facts, taken.need, balance=taken.amount, expected=0 if freed else -taken.amount)


def move(facts: Draft, intent: bytes, *, balance: int = 0, promised: int = 0, expected: int = 0) -> None:
    """Change the account that lines of an own intent are of; of an intent that is not own, or no credit, nothing."""
    name = facts.currency(intent)
    if name is not None:
        now = facts.credit(name)
        facts[credit_key(name)] = Credit(now.balance + balance, now.promised + promised, now.expected + expected)


def class_of(judged: Judged, need: bytes) -> object:
    """Return the class that a need's header states, which may be anything; wait for it where it has gone."""
    terms = need_of(judged, need).header.terms
    return terms[CLASS] if terms else None


def need_of(judged: Judged, need: bytes) -> Entry:
    """Return the need of a line, which may be invalid; wait for it where it has gone."""
    entry = judged.lineage.held(need)
    if entry is None:  # below a checkpoint, and asked for again
        raise Premature("deps.held", "the need of a named line is not held", frozenset({need}))
    return entry


def _may_owe(judged: Judged) -> bool:
    """Whether this is the chain that its identity began with; one that took it over is not."""
    opened = judged.lineage.speaker(judged.prefix.chain)
    return opened is not None and opened.is_founding


def _check_ceiling(judged: Judged, name: str, amount: int, rule: str) -> None:
    account, ceiling = judged.facts.credit(name), judged.charter.credit[name].ceiling
    total = account.balance + account.expected + amount
    if total > ceiling:
        raise Refused(rule, f"{total} {name} would be the balance, the ceiling is {ceiling}")
