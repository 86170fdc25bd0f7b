"""Debts: what a cancel costs, where the charter says so, as claims on the chain of who cancelled.

Nobody is kept from leaving. Who leaves a line that both sides may rely on owes the other side a part of it; while
that is overdue, she takes nothing more, for as long again as she had to pay.

Spec: 23-reciprocity, "What a cancel costs".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..accumulators import AcceptedLine, Claim, CommittedLine, LineId, Mark
from ..charter import DAY_MS
from ..errors import Refused
from . import claims
from .credit import class_of
from .kind import Judged

_EXEMPT = Mark.CITES_RELEASE | Mark.CITES_LAPSE | Mark.CITES_CANCEL | Mark.INHERITED


def owed(judged: Judged, line: LineId, left: CommittedLine | AcceptedLine) -> Claim | None:
    """Return what is owed for a line that an own cancel names, None if nothing; `left` is it as it was before."""
    terms = judged.charter.cancel
    if terms is None or left.marks & _EXEMPT:
        return None
    creditor = left.receiver if isinstance(left, CommittedLine) else left.provider
    amount = -(-left.amount * terms.per_mille // 1000)
    due_ms = judged.header.time_ms + terms.due_days * DAY_MS
    name = cast(str, class_of(judged, left.need))
    return Claim(creditor, name, amount, due_ms, ground=line[0], ground_number=line[1])


def note_debts(judged: Judged, raised: Mapping[claims.ClaimId, Claim]) -> None:
    """Note the claims that an own cancel raised; a list of those that may stop something has no endless length."""
    terms, owner = judged.charter.cancel, (judged.prefix.chain, 0)
    if terms is None or not raised:
        return
    over_ms = judged.header.time_ms - terms.due_days * DAY_MS
    open_ = [name for name, owed in claims.unpaid(judged, owner) if owed.due_ms >= over_ms]
    claims.note(judged, raised, [*open_, *raised][: claims.MAX_OPEN], owner)


def check_debts(judged: Judged) -> None:
    """Refuse `accept.debt` while something is overdue for a cancel, for as long as there was to pay it."""
    terms = judged.charter.cancel
    if terms is None:
        return
    for _, claim in claims.unpaid(judged, (judged.prefix.chain, 0)):
        if 0 < judged.header.time_ms - claim.due_ms <= terms.due_days * DAY_MS:
            raise Refused("accept.debt", f"{claims.left_text(judged, claim)} for a cancel")
