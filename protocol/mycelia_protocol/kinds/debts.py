"""Debts: what a cancel costs, where the charter says so, as claims on the chain of who cancelled.

Nobody is kept from leaving. Who leaves a line that both sides may rely on owes the other side a part of it; while
that is overdue, she takes nothing more, for as long again as she had to pay.

Spec: 23-reciprocity, "What a cancel costs".
"""

from __future__ import annotations

from typing import cast

from ..accumulators import AcceptedLine, Claim, CommittedLine, LineId, Mark, Owing
from ..charter import DAY_MS
from ..errors import Refused
from .credit import class_of
from .kind import Judged
from .licensing import note_owing

_EXEMPT = Mark.CITES_RELEASE | Mark.CITES_LAPSE | Mark.CITES_CANCEL | Mark.INHERITED


def owe(judged: Judged, number: int, line: LineId, left: CommittedLine | AcceptedLine) -> None:
    """Note what is owed for the line that an own cancel names in this place; `left` is it as it was before."""
    terms = judged.charter.cancel
    if terms is None or left.marks & _EXEMPT:
        return
    creditor = left.receiver if isinstance(left, CommittedLine) else left.provider
    amount = -(-left.amount * terms.per_mille // 1000)
    due_ms = judged.header.time_ms + terms.due_days * DAY_MS
    name = cast(str, class_of(judged, left.need))
    judged.facts["claim", judged.entry.id, number] = Claim(
        creditor, name, amount, due_ms, ground=line[0], ground_number=line[1]
    )


def note_debts(judged: Judged) -> None:
    """Note what an own cancel has raised, all its lines at once: there may be many claims before."""
    claims = [key[1:] for key in judged.facts.changes if key[0] == "claim"]
    if claims:
        note_owing(judged, (judged.prefix.chain, 0), claims)


def check_debts(judged: Judged) -> None:
    """Refuse `accept.debt` while something is overdue for a cancel, for as long as there was to pay it."""
    terms = judged.charter.cancel
    if terms is None:
        return
    for name in _owing(judged):
        claim = _claim(judged, name)
        if claim is None or claim.paid >= claim.amount:
            continue
        if 0 < judged.header.time_ms - claim.due_ms <= terms.due_days * DAY_MS:
            left = claim.amount - claim.paid
            raise Refused("accept.debt", f"{left} of {claim.resource_class} were due at {claim.due_ms} for a cancel")


def _owing(judged: Judged) -> tuple[tuple[bytes, int], ...]:
    fact = judged.facts.get(("owing", judged.prefix.chain, 0))
    return fact.claims if isinstance(fact, Owing) else ()


def _claim(judged: Judged, name: tuple[bytes, int]) -> Claim | None:
    fact = judged.facts.get(("claim", *name))
    return fact if isinstance(fact, Claim) else None
