"""Incomes: who gets what of what a chain earned and distributed, by the equations that it published.

A fold over the standing, the same for everybody who holds the same entries: the incomes of a chain in the
order of its `distribute` entries, each with what was paid before. Where evidence changes the standing, it
changes these.

    >>> from mycelia_protocol.standing import Standing
    >>> list(distributed(bytes(32), [], [], Standing(lambda _: None), lambda _: None, lambda _: None, {}))
    []

Spec: 26-equation, "Contributions" and "Distribution".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple, cast

from .accumulators import LineId
from .charter import Classes
from .envelope import Entry
from .equations import Contribution, Distribution, Equation, distribution, read
from .kinds.equations import COMMIT_AT, EQUATION_AT, LINE_AT, document_of
from .kinds.intents import action_of, process_of
from .kinds.kind import lines_about
from .lines import Status
from .standing import Standing


class Income(NamedTuple):
    """An income that was distributed, and what everybody gets of it."""

    said: Entry  # the `distribute`
    stated: bytes  # the id of its equation
    equation: Equation
    line: LineId
    amount: int
    resource_class: str
    done: Distribution


def distributed(
    chain: bytes,
    distributes: Iterable[Entry],
    receives: Iterable[Entry],
    standing: Standing,
    entry_of: Callable[[bytes], Entry | None],
    identity_of: Callable[[bytes], bytes | None],
    classes: Classes,
) -> Iterator[Income]:
    """Yield the incomes that a chain distributed, in their order.

    `distributes` and `receives` are its valid entries of these kinds that count, in any order; `standing` was fed
    all that counts. `entry_of` gives any authentic entry by id, `identity_of` for whom a chain speaks.
    """
    incomes, before = set[LineId](), dict[tuple[str, LineId], int]()
    known: list[tuple[int, Contribution]] | None = None
    for entry in sorted(distributes, key=_place):
        terms = cast(list[int], entry.header.terms)
        line_id = entry.header.dep(terms[COMMIT_AT]), terms[LINE_AT]
        if line_id in incomes:  # on another branch
            continue
        incomes.add(line_id)
        stated = entry_of(entry.header.dep(terms[EQUATION_AT]))
        line = standing.lines.get(line_id)
        if stated is None or line is None or line.need not in standing.needs:
            continue
        if standing.status(line) is not Status.DONE:
            continue
        if known is None:  # who distributes nothing is asked for nothing
            known = list(_contributions(chain, receives, standing, entry_of, identity_of, classes))
        equation = read(document_of(stated.header))
        name, quantum = _class(line.need, standing, classes)
        given = [one for at, one in known if at < entry.header.sequence and one.line not in incomes]
        done = distribution(equation, line.amount, quantum, given, before)
        before = dict(done.after)
        yield Income(entry, stated.id, equation, line_id, line.amount, name, done)


def _contributions(
    chain: bytes,
    receives: Iterable[Entry],
    standing: Standing,
    entry_of: Callable[[bytes], Entry | None],
    identity_of: Callable[[bytes], bytes | None],
    classes: Classes,
) -> Iterator[tuple[int, Contribution]]:
    """Yield what a chain received from others, and at which place it first said so."""
    own, received = identity_of(chain), dict[LineId, Entry]()
    for receive in sorted(receives, key=_place):
        received |= {line: receive for line in lines_about(receive) if line not in received}
    for line_id, receive in received.items():
        line = standing.lines.get(line_id)
        if line is None or line.receiver != chain or standing.status(line) is not Status.DONE:
            continue
        giver, need = identity_of(line.provider), entry_of(line.need)
        is_own = line.provider == chain or (own is not None and giver == own)
        if need is None or line.need not in standing.needs or is_own:
            continue
        resource_class, quantum = _class(line.need, standing, classes)
        yield receive.header.sequence, Contribution(
            line_id, giver or line.provider, str(action_of(need.header)), resource_class,
            process_of(need.header) or b"", line.amount * quantum, receive.header.time_ms,
        )  # fmt: skip


def _class(need: bytes, standing: Standing, classes: Classes) -> tuple[str, Fraction]:
    name = standing.needs[need].resource_class
    known = classes[name]
    return name, Fraction(known.numerator, known.denominator)


def _place(entry: Entry) -> tuple[int, bytes]:
    """Return by what entries of a chain are sorted: those of two branches come in the same order to everybody."""
    return entry.header.sequence, entry.id
