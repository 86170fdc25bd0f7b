"""`equation` and `distribute`: how an organisation shares what it earns, said before it earns it.

An equation is on the organisation's own chain and names the one before it. A `distribute` names an income that
was received and the equation that stood when it was asked for: so nobody changes the shares after the fact.
What each gets is not stated: everybody computes it.
"""

from __future__ import annotations

from ..accumulators import Distributed, Mark, Ruling, Superseded
from ..envelope import Header
from ..equations import read
from ..errors import Premature, Refused
from .kind import Judged, Kind, is_natural, nothing

PREVIOUS, DOCUMENT = range(2)
EQUATION_AT, COMMIT_AT, LINE_AT = range(3)


def document_of(header: Header) -> bytes:
    """Return the document of an equation.

    Raises:
        Refused: rule `equation.terms`.
    """
    document = header.terms[DOCUMENT] if len(header.terms) == 2 else None
    if not isinstance(document, bytes):
        raise Refused("equation.terms", "an equation has the terms previous and document")
    return document


def _judge_equation(judged: Judged) -> None:
    document, previous_at = document_of(judged.header), judged.header.terms[PREVIOUS]
    previous = None if previous_at is None else judged.dep(previous_at, "equation.terms").id
    read(document)
    key = ("equation", judged.prefix.chain, -1)
    before = judged.facts.get(key)
    latest = before.equation if isinstance(before, Ruling) else None
    if previous != latest:
        raise Refused("equation.previous", "the equation does not name the latest one of this chain")
    if latest is not None:
        judged.facts["superseded", latest, -1] = Superseded(judged.header.sequence)
    judged.facts[key] = Ruling(judged.entry.id)


def _judge_distribute(judged: Judged) -> None:
    terms, facts = judged.header.terms, judged.facts
    number = terms[LINE_AT] if len(terms) == 3 else None
    if not is_natural(number):
        raise Refused("distribute.terms", "a distribute has the terms equation, commit and line")
    equation = judged.dep(terms[EQUATION_AT], "distribute.terms")
    line = judged.dep(terms[COMMIT_AT], "distribute.terms").id, number
    taken = facts.accepted(line)
    if taken is None or taken.marks & Mark.INHERITED or not taken.marks & Mark.RECEIVED:
        raise Refused("distribute.income", "the line is not one that this chain accepted and received")
    if ("distributed", *line) in facts:
        raise Refused("distribute.again", "this income was distributed before")
    if equation.header.kind != "equation" or judged.prefix.own(equation.id) is None:
        raise Refused("distribute.equation", "the entry named is no valid equation of this chain")
    need = judged.lineage.held(taken.need)
    if need is None:  # below a checkpoint, and asked for again
        raise Premature("deps.held", "the need of a named line is not held", frozenset({taken.need}))
    asked_at, ended = need.header.sequence, facts.get(("superseded", equation.id, -1))
    if equation.header.sequence > asked_at:
        raise Refused("distribute.equation", f"the income was asked for at place {asked_at}, before the equation")
    if isinstance(ended, Superseded) and ended.sequence < asked_at:
        raise Refused("distribute.equation", f"another equation stood at place {asked_at}, where it was asked for")
    facts["distributed", *line] = Distributed(equation.id)


EQUATION = Kind(
    "equation",
    ("previous", "document"),
    ("equation.terms", "equation.document", "equation.expression", "equation.previous"),
    _judge_equation,
    nothing,
)
DISTRIBUTE = Kind(
    "distribute",
    ("equation", "commit", "line"),
    ("distribute.terms", "distribute.income", "distribute.again", "distribute.equation"),
    _judge_distribute,
    nothing,
)
