"""`commit`, `accept`, `deliver`, `receive`: how a line becomes binding on both sides and is fulfilled.

`commit` firms lines of the provider's row (ValueFlows Commitment, provider's
half), `accept` makes them binding on the need's chain (receiver's half),
`deliver` and `receive` are the two halves of the transfer (EconomicEvent).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from ..accumulators import AcceptedLine, Claim, CommittedLine, LineId, Mark, NeedFacts, OfferFacts, Return
from ..envelope import Entry, Header
from ..errors import Refused
from . import credit
from .claims import ClaimId
from .debts import check_debts
from .intents import AMOUNT, CLASS, END_MS
from .kind import Judged, Kind, amounts_by_dep, check_amount, is_natural, lines_about, nothing, remembered
from .legs import CONDITIONAL, is_complete, leg, note_took
from .licensing import note_shares, shares
from .rows import OFFER_AT
from .stock import give, put

ROW_AT, HOLD_AT, UNTIL_AT, LINES_AT = range(4)
CLOSED = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED
FREED = Mark.LAPSED | Mark.CANCELLED | Mark.CITES_RELEASE | Mark.CITES_CANCEL


class CommitLine(NamedTuple):
    """A line as the header of its commit states it."""

    need: bytes
    amount: int
    hold: int
    until: int


@remembered
def commit_lines(commit: Entry) -> tuple[CommitLine, ...]:
    """Return the lines that a commit's header states, valid or not; none if its terms have another shape."""
    header = commit.header
    if header.kind != "commit" or not _has_commit_shape(header):
        return ()
    _, hold, until = cast(list[int], header.terms[:LINES_AT])
    try:
        lines = amounts_by_dep(header, LINES_AT, "commit.terms")
    except Refused:
        return ()
    return tuple(CommitLine(need, amount, hold, until) for need, amount in lines)


def _has_commit_shape(header: Header) -> bool:
    terms = header.terms
    return len(terms) > LINES_AT and all(map(is_natural, terms[:LINES_AT]))


def line_of(judged: Judged, line: LineId, rule: str) -> CommitLine:
    """Return what the named commit says of a line, or refuse `rule`."""
    commit = judged.deps[line[0]]
    lines = commit_lines(commit)
    if line[1] >= len(lines) or commit.chain == judged.prefix.chain:
        raise Refused(rule, f"there is no line {line[1]} in that commit, or the commit is this chain's own")
    return lines[line[1]]


def _judge_commit(judged: Judged) -> None:
    header, facts = judged.header, judged.facts
    lines = commit_lines(judged.entry)
    if not lines:
        raise Refused("commit.terms", "a commit has the terms row, hold, until, then (need, amount) pairs, each once")
    for line in lines:
        check_amount(line.amount, "commit.terms", judged.charter.max_amount)
    _, hold, until = cast(list[int], header.terms[:LINES_AT])
    row = judged.dep(header.terms[ROW_AT], "commit.terms")
    if row.header.kind != "row" or judged.prefix.own(row.id) is None:
        raise Refused("commit.row", "the row is not a valid row of this chain")
    offer_id = row.header.dep(cast(int, row.header.terms[OFFER_AT]))
    offer = facts.offer(offer_id)
    if offer.row != row.id:
        raise Refused("commit.row", "the row is not the latest row of its offer")
    if offer.withdrawn:
        raise Refused("commit.open", "the offer is withdrawn")
    if not header.time_ms < (hold or until) <= until:
        raise Refused("commit.hold", f"hold {hold} lies not after the entry's {header.time_ms}, or after until {until}")
    tentative = dict(offer.tentative)
    own = judged.prefix.own(offer_id)  # None where its header has gone: it had ended before
    for need_id, amount, _, _ in lines:
        need = judged.deps[need_id]
        left = tentative.get(need_id, 0)
        if amount > left:
            asked, most = (_said(judged, need, one) for one in (amount, left))
            raise Refused("commit.capacity", f"{asked} is more than the {most} that the row holds")
        if amount > cast(int, need.header.terms[AMOUNT]):
            most = _said(judged, need, cast(int, need.header.terms[AMOUNT]))
            raise Refused("commit.amount", f"{_said(judged, need, amount)} is more than the need's {most}")
        ends_ms = cast(int, need.header.terms[END_MS])
        if own is None or header.time_ms > min(ends_ms, cast(int, own.header.terms[END_MS])):
            raise Refused("commit.window", "the window of the need or the offer has ended")
        if "withdraw" in facts.cited(need_id, -1, need.chain):
            raise Refused("commit.withdrawn", "this chain has cited the withdrawal of the need")
        tentative[need_id] -= amount
    promised = sum(line.amount for line in lines)
    still = tuple((need, left) for need, left in tentative.items() if left)
    facts["offer", offer_id, -1] = OfferFacts(offer.withdrawn, offer.committed + promised, offer.row, still)
    credit.promise(judged, cast(Entry, own), promised)
    for number, line in enumerate(lines):
        receiver = judged.deps[line.need].chain
        facts["committed", judged.entry.id, number] = CommittedLine(offer_id, line.need, receiver, *line[1:])


def _said(judged: Judged, need: Entry, amount: int) -> str:
    return judged.amount_text(cast(str, need.header.terms[CLASS]), amount)


def _judge_accept(judged: Judged) -> None:
    lines = lines_about(judged.entry)
    need = judged.dep(judged.header.terms[0], "accept.terms")
    if need.header.kind != "need" or judged.prefix.own(need.id) is None:
        raise Refused("accept.need", "the need is not a valid need of this chain")
    take_lines(judged, need, lines)


def take_lines(judged: Judged, need: Entry, lines: Sequence[LineId]) -> None:
    """Accept lines for an own need, or refuse an `accept` rule; whoever agrees to a conditional line asks no hold."""
    header, facts = judged.header, judged.facts
    need_facts = facts.need(need.id)
    total = before = need_facts.accepted
    for line in lines:
        stated = line_of(judged, line, "accept.line")
        if stated.need != need.id:
            raise Refused("accept.line", "the line serves another need")
        if header.kind == "accept" and header.time_ms > stated.hold:
            raise Refused("accept.hold", f"the line was held until {stated.hold}, the entry is of {header.time_ms}")
        if need_facts.withdrawn:
            raise Refused("accept.withdrawn", "the need is withdrawn")
        if facts.accepted(line) is not None:
            raise Refused("accept.again", "the line was accepted or refused before")
        provider = judged.deps[line[0]].chain
        said = facts.cited(*line, provider)
        if "release" in said or "cancel" in said:
            raise Refused("accept.exited", "this chain has cited the release or cancel of the line")
        total += stated.amount
        quantity = cast(int, need.header.terms[AMOUNT])
        if total > quantity:
            raise Refused("accept.quantity", f"{total} accepted is more than the need's {quantity}")
        marks = Mark.ACCEPTED | (Mark.CITES_DELIVER if "deliver" in said else 0)
        facts["accepted", *line] = AcceptedLine(need.id, provider, stated.amount, stated.until, marks)
    facts["need", need.id, -1] = NeedFacts(need_facts.withdrawn, total)
    credit.expect(judged, need, total - before)
    check_debts(judged)


def _judge_deliver(judged: Judged) -> None:
    for line in lines_about(judged.entry):
        given = judged.facts.committed(line)
        if given is None:
            raise Refused("deliver.line", "the line is not a committed line of this chain")
        if given.marks & CLOSED:
            raise Refused("deliver.open", "the line was released, cancelled or delivered before")
        if given.hold == CONDITIONAL:
            of = leg(judged.facts, line)
            if of is None or not is_complete(judged.facts, of.agreement):
                raise Refused("deliver.agreement", "the line binds within an agreement alone, and not all have agreed")
        elif not given.marks & Mark.CITES_ACCEPT:
            raise Refused("deliver.accept", "no accept of the line is cited")
        if given.marks & (Mark.CITES_LAPSE | Mark.CITES_CANCEL):
            raise Refused("deliver.exited", "this chain has cited the receiver's lapse or cancel of the line")
        credit.give(judged, given)
        judged.facts["committed", *line] = given.marked(Mark.DELIVERED)
        give(judged, given)


def _judge_receive(judged: Judged) -> None:
    facts = judged.facts
    raised: dict[ClaimId, Claim] = {}
    for place, line in enumerate(lines_about(judged.entry)):
        taken = facts.accepted(line)
        if taken is None or not taken.marks & Mark.ACCEPTED:
            raise Refused("receive.line", "the line is not an accepted line of this chain")
        if taken.marks & Mark.RECEIVED:
            raise Refused("receive.again", "the line was received before")
        if not taken.marks & Mark.CITES_DELIVER:
            raise Refused("receive.deliver", "no deliver of the line is cited")
        if taken.marks & FREED:
            if taken.marks & Mark.INHERITED:
                raise Refused("receive.quantity", "an inherited line that was let go is not counted again")
            need_facts = facts.need(taken.need)
            need = cast(Entry, judged.prefix.own(taken.need))
            total, quantity = need_facts.accepted + taken.amount, cast(int, need.header.terms[AMOUNT])
            if total > quantity:
                raise Refused("receive.quantity", f"counted again the line makes {total} of the need's {quantity}")
            facts["need", taken.need, -1] = need_facts._replace(accepted=total)
        credit.take(judged, taken, freed=bool(taken.marks & FREED))
        facts["accepted", *line] = taken.marked(Mark.RECEIVED)
        put(judged, taken.need, taken.amount, place)
        note_took(facts, line)
        for claim in _shares(judged, taken):
            raised[judged.entry.id, len(raised)] = claim
    note_shares(judged, raised)


def _shares(judged: Judged, taken: AcceptedLine) -> Iterator[Claim]:
    """Yield what is owed of a return to those whose designs are in what it is for (chapter 21)."""
    asked = judged.facts.get(("return", taken.need, -1))
    if isinstance(asked, Return):
        yield from shares(judged, asked.uses, asked.resource_class, taken.amount)


def _needs_of(header: Header) -> tuple[bytes, ...]:
    return tuple(header.dep(cast(int, header.terms[at])) for at in range(LINES_AT, len(header.terms), 2))


def _commits_of(header: Header) -> tuple[bytes, ...]:
    return tuple({header.dep(cast(int, header.terms[at])): None for at in range(1, len(header.terms), 2)})


COMMIT = Kind(
    "commit",
    ("row", "hold_ms", "until_ms", "*need", "*amount"),
    (
        "commit.terms",
        "commit.row",
        "commit.open",
        "commit.hold",
        "commit.capacity",
        "commit.amount",
        "commit.window",
        "commit.withdrawn",
        "commit.credit",
    ),
    _judge_commit,
    _needs_of,
)
ACCEPT = Kind(
    "accept",
    ("need", "*commit", "*line"),
    (
        "accept.terms",
        "accept.need",
        "accept.line",
        "accept.hold",
        "accept.withdrawn",
        "accept.again",
        "accept.exited",
        "accept.quantity",
        "accept.credit",
        "accept.debt",
    ),
    _judge_accept,
    _commits_of,
)
DELIVER = Kind(
    "deliver",
    ("*commit", "*line"),
    (
        "deliver.terms",
        "deliver.line",
        "deliver.open",
        "deliver.agreement",
        "deliver.accept",
        "deliver.exited",
        "deliver.credit",
    ),
    _judge_deliver,
    nothing,
)
RECEIVE = Kind(
    "receive",
    ("*commit", "*line"),
    ("receive.terms", "receive.line", "receive.again", "receive.deliver", "receive.quantity", "receive.credit"),
    _judge_receive,
    nothing,
)
