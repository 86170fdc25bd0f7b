"""`release`, `lapse`, `cancel`, `withdraw`: the signed ways out, with exact guards and no timers."""

from __future__ import annotations

from ..accumulators import AcceptedLine, Claim, CommittedLine, LineId, Mark, OfferFacts
from ..errors import Premature, Refused
from . import credit
from .claims import ClaimId
from .debts import note_debts, owed
from .flows import CLOSED, FREED, line_of
from .kind import Judged, Kind, lines_about, nothing
from .legs import CONDITIONAL, may_lapse, may_release, note_left
from .stock import free_line, let_go


def _judge_release(judged: Judged) -> None:
    for line in lines_about(judged.entry):
        given = judged.facts.committed(line)
        if given is None:
            raise Refused("release.line", "the line is not a committed line of this chain")
        if given.marks & CLOSED:
            raise Refused("release.open", "the line was released, cancelled or delivered before")
        unseen = not given.marks & Mark.CITES_ACCEPT
        expired = judged.header.time_ms > given.hold
        withdrawn = "withdraw" in judged.facts.cited(given.need, -1, given.receiver)
        forked_at = judged.facts.warranted(given.receiver)
        forked = forked_at is not None and (unseen or given.accept_at >= forked_at)
        left = given.marks & (Mark.CITES_LAPSE | Mark.CITES_CANCEL)
        if given.hold == CONDITIONAL:
            is_free = left or may_release(judged, line, given)
        else:
            is_free = left or forked or (unseen and (expired or withdrawn))
        if not is_free:
            raise Refused(
                "release.ground",
                "a line is released after its hold with no accept cited, or citing the receiver's lapse or cancel, "
                "or citing the need's withdrawal with no accept cited, or after a warrant about the receiver's chain; "
                "a leg as its agreement allows",
            )
        _free_capacity(judged, line, Mark.RELEASED)
        note_left(judged.facts, line)


def _judge_lapse(judged: Judged) -> None:
    for line in lines_about(judged.entry):
        taken = judged.facts.accepted(line)
        if taken is None or not taken.marks & Mark.ACCEPTED:
            raise Refused("lapse.line", "the line is not an accepted line of this chain")
        if taken.marks & (Mark.LAPSED | Mark.CANCELLED | Mark.RECEIVED):
            raise Refused("lapse.open", "the line was lapsed, cancelled or received before")
        forked_at = judged.facts.warranted(taken.provider)
        if forked_at is not None and judged.deps[line[0]].header.sequence >= forked_at:
            _free_need(judged, line, taken, Mark.LAPSED)
            note_left(judged.facts, line)
            continue
        if may_lapse(judged, line, taken.marks):
            _free_need(judged, line, taken, Mark.LAPSED)
            note_left(judged.facts, line)
            continue
        due = taken.until + judged.charter.grace_ms
        if judged.header.time_ms <= due:
            raise Refused("lapse.time", f"the line may lapse after {due}, the entry is of {judged.header.time_ms}")
        if taken.marks & Mark.CITES_DELIVER:
            raise Refused("lapse.delivered", "this chain has cited the delivery of the line")
        _free_need(judged, line, taken, Mark.LAPSED)
        note_left(judged.facts, line)


def _judge_cancel(judged: Judged) -> None:
    raised: dict[ClaimId, Claim] = {}
    for number, line in enumerate(lines_about(judged.entry)):
        left: CommittedLine | AcceptedLine | None = judged.facts.committed(line)
        if left is not None:
            if left.marks & CLOSED:
                raise Refused("cancel.open", "the line was released, cancelled or delivered before")
            _free_capacity(judged, line, Mark.CANCELLED)
        else:
            left = judged.facts.accepted(line)
            if left is None:
                _refuse_line(judged, line)
                continue
            if left.marks & (Mark.LAPSED | Mark.CANCELLED | Mark.RECEIVED):
                raise Refused("cancel.open", "the line was lapsed, cancelled or received before")
            _free_need(judged, line, left, Mark.CANCELLED)
        claim = owed(judged, line, left)
        if claim is not None:
            raised[judged.entry.id, number] = claim
    note_debts(judged, raised)


def _refuse_line(judged: Judged, line: LineId) -> None:
    """A receiver's cancel of a line that she never accepted: a refusal, without debt."""
    stated = line_of(judged, line, "cancel.line")
    if judged.lineage.held(stated.need) is None:  # its header has gone below a checkpoint, and is asked for again
        raise Premature("deps.held", "the need of a named line is not held", frozenset({stated.need}))
    need = judged.prefix.own(stated.need)
    if need is None or need.header.kind != "need":
        raise Refused("cancel.line", "the line is neither committed by this chain nor for one of its needs")
    provider = judged.deps[line[0]].chain
    judged.facts["accepted", *line] = AcceptedLine(stated.need, provider, stated.amount, stated.until, Mark.CANCELLED)


def _judge_withdraw(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 1:
        raise Refused("withdraw.terms", "a withdraw has one term, the intent")
    intent = judged.dep(terms[0], "withdraw.terms")
    kind = intent.header.kind
    is_own = judged.prefix.own(intent.id) is not None
    is_inherited = intent.header.sequence <= judged.facts.inherited(intent.chain)
    if kind not in ("need", "offer") or not (is_own or is_inherited):
        raise Refused("withdraw.intent", "the intent is not a valid need or offer of this chain, nor inherited by it")
    facts = judged.facts.need(intent.id) if kind == "need" else judged.facts.offer(intent.id)
    if facts.withdrawn:
        raise Refused("withdraw.again", "the intent was withdrawn before")
    judged.facts[kind, intent.id, -1] = facts._replace(withdrawn=True)
    if isinstance(facts, OfferFacts):
        let_go(judged, intent, facts)


def _free_capacity(judged: Judged, line: LineId, mark: Mark) -> None:
    given = judged.facts.committed(line)
    assert given is not None  # the caller has read it
    judged.facts["committed", *line] = given.marked(mark)
    if given.marks & Mark.INHERITED:
        return
    offer = judged.facts.offer(given.offer)
    judged.facts["offer", given.offer, -1] = offer._replace(committed=offer.committed - given.amount)
    free_line(judged, given)
    credit.move(judged.facts, given.offer, promised=-given.amount)


def _free_need(judged: Judged, line: LineId, taken: AcceptedLine, mark: Mark) -> None:
    if not taken.marks & (FREED | Mark.INHERITED):
        need = judged.facts.need(taken.need)
        judged.facts["need", taken.need, -1] = need._replace(accepted=need.accepted - taken.amount)
        credit.move(judged.facts, taken.need, expected=-taken.amount)
    judged.facts["accepted", *line] = taken.marked(mark)


_LINES = ("*commit", "*line")
RELEASE = Kind(
    "release", _LINES, ("release.terms", "release.line", "release.open", "release.ground"), _judge_release, nothing
)
LAPSE = Kind(
    "lapse",
    _LINES,
    ("lapse.terms", "lapse.line", "lapse.open", "lapse.time", "lapse.delivered"),
    _judge_lapse,
    nothing,
)
CANCEL = Kind("cancel", _LINES, ("cancel.terms", "cancel.line", "cancel.open"), _judge_cancel, nothing)
WITHDRAW = Kind(
    "withdraw", ("intent",), ("withdraw.terms", "withdraw.intent", "withdraw.again"), _judge_withdraw, nothing
)
