"""`agreement`, `agree`: lines that are clauses of one another (ValueFlows Agreement), all or nothing.

An `agreement` binds nobody. An `agree` accepts at once all legs that its chain
receives, and binds to the others all legs that it gives. What is asked of a
foreign header is its shape, as ever: an `agree` reads everything again.

Spec: 22-agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from ..accumulators import Agreed, LegOf, LineId, Mark, Use
from ..envelope import Entry, Header
from ..errors import Refused
from .flows import commit_lines, take_lines
from .intents import given_of
from .kind import Judged, Kind, is_natural, line_refs, nothing
from .legs import CONDITIONAL, leg
from .licensing import check_returned, note_return

MAX_LEGS = 15  # with as many commits and needs, and the agreement itself, they fit into the 32 ids of `deps`
_CLOSED = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED


class Leg(NamedTuple):
    """A line of a commit, as the headers of the commit and its need state it."""

    line: LineId
    provider: bytes
    receiver: bytes
    need: bytes
    amount: int
    until: int


def legs_of(agreement: Entry, entry_of: Callable[[bytes], Entry | None]) -> tuple[int, list[Leg]]:
    """Return the end of an agreement, in milliseconds, and its legs.

    Raises:
        Refused: `agreement.terms`, `agreement.leg`.
    """
    header = agreement.header
    if header.kind != "agreement" or not header.terms or not is_natural(header.terms[0]):
        raise Refused("agreement.terms", "an agreement has the terms end, then (commit, line) pairs")
    lines = line_refs(header, 1, "agreement.terms")
    if not 2 <= len(lines) <= MAX_LEGS:
        raise Refused("agreement.terms", f"an agreement has 2 to {MAX_LEGS} legs, not {len(lines)}")
    end_ms = header.terms[0]
    return end_ms, [_leg(line, end_ms, entry_of) for line in lines]


def _leg(line: LineId, end_ms: int, entry_of: Callable[[bytes], Entry | None]) -> Leg:
    commit = entry_of(line[0])
    stated = [] if commit is None else commit_lines(commit)
    if commit is None or line[1] >= len(stated):
        raise Refused("agreement.leg", f"a leg names line {line[1]} of a commit that has none such, or is not named")
    said = stated[line[1]]
    need = entry_of(said.need)
    if need is None or need.header.kind != "need" or need.chain == commit.chain:
        raise Refused("agreement.leg", "the need of each leg is named too, and is one of another chain")
    if said.hold != CONDITIONAL or said.until < end_ms:
        raise Refused("agreement.leg", f"a leg has the hold 0 and is kept until {end_ms} or longer")
    return Leg(line, commit.chain, need.chain, said.need, said.amount, said.until)


def agreement_of(agree: Entry, entry_of: Callable[[bytes], Entry | None]) -> bytes | None:
    """Return to what an `agree`, valid or not, of a party to it agrees; None if it is no party's word."""
    header = agree.header
    name = header.named(header.terms[0]) if len(header.terms) == 1 else None
    agreement = None if name is None else entry_of(name)
    if agreement is None:
        return None
    try:
        _, legs = legs_of(agreement, entry_of)
    except Refused:
        return None
    return name if any(agree.chain in (one.provider, one.receiver) for one in legs) else None


def _judge_agreement(judged: Judged) -> None:
    end_ms, _ = legs_of(judged.entry, judged.deps.get)
    if judged.header.time_ms >= end_ms:
        raise Refused("agreement.end", f"the agreement ends at {end_ms}, the entry is of {judged.header.time_ms}")


def _judge_agree(judged: Judged) -> None:
    header, facts, chain = judged.header, judged.facts, judged.prefix.chain
    if len(header.terms) != 1:
        raise Refused("agree.terms", "an agree has one term, the agreement")
    agreement = judged.dep(header.terms[0], "agree.terms")
    end_ms, legs = legs_of(agreement, judged.deps.get)
    parties = {party for one in legs for party in (one.provider, one.receiver)}
    if chain not in parties:
        raise Refused("agree.party", "this chain neither gives nor receives by the agreement")
    if header.time_ms > end_ms:
        raise Refused("agree.end", f"the agreement ended at {end_ms}, the entry is of {header.time_ms}")
    if any(leg(facts, one.line) for one in legs):
        raise Refused("agree.again", "this chain agreed to one of the legs before")
    for one in legs:
        _check_given(judged, one)
    before = {one.need: facts.need(one.need).accepted for one in legs if one.receiver == chain}
    for need in before:
        _take(judged, need, [one.line for one in legs if one.need == need])
    _note_returns(judged, legs, before)
    facts["agreed", agreement.id, -1] = Agreed(end_ms, tuple(sorted(parties - {chain})))
    for one in legs:
        facts["leg", *one.line] = LegOf(agreement.id, one.provider, one.receiver)


def _check_given(judged: Judged, one: Leg) -> None:
    """Refuse a leg that this chain cannot give, or that it knows to be left."""
    facts = judged.facts
    given = facts.committed(one.line)
    if one.provider == judged.prefix.chain and (given is None or given.marks & _CLOSED):
        raise Refused("agree.line", "a leg that this chain gives is not an open line of its own")
    left = given is not None and given.marks & (Mark.CITES_LAPSE | Mark.CITES_CANCEL)
    if left or not {"release", "cancel"}.isdisjoint(facts.cited(*one.line, one.provider)):
        raise Refused("agree.exited", "this chain has cited the exit of a leg")


def _take(judged: Judged, need_id: bytes, lines: list[LineId]) -> None:
    need = judged.prefix.own(need_id)
    if need is None:
        raise Refused("agree.need", "the need of a leg that this chain receives is not a valid one of its own")
    take_lines(judged, need, lines)


def _note_returns(judged: Judged, legs: list[Leg], accepted: Mapping[bytes, int]) -> None:
    """Note what is given for what: a licensed thing is in a return only if it was used so (rule `agree.commercial`).

    `accepted` are the own needs that legs are received for, each with its accepted sum before.
    """
    chain, facts, returned = judged.prefix.chain, judged.facts, tuple[Use, ...]()
    for one in legs if accepted else ():
        given = facts.committed(one.line) if one.provider == chain else None
        offer = None if given is None else judged.prefix.own(given.offer)  # what gives of a resource stays (chapter 19)
        name = None if offer is None else given_of(offer.header)
        held = None if name is None else facts.resource(name)
        uses = () if held is None else facts.uses(held.process)
        for need in sorted(accepted):
            note_return(judged, judged.deps[need], uses, "agree.commercial", accepted[need])
        returned += uses
    check_returned(judged, returned)


def _terms_of(header: Header) -> tuple[bytes, ...]:
    return tuple({header.dep(cast(int, header.terms[at])): None for at in range(1, len(header.terms), 2)})


AGREEMENT = Kind(
    "agreement",
    ("end_ms", "*commit", "*line"),
    ("agreement.terms", "agreement.leg", "agreement.end"),
    _judge_agreement,
    _terms_of,
)
AGREE = Kind(
    "agree",
    ("agreement",),
    (
        "agree.terms", "agreement.terms", "agreement.leg", "agree.party", "agree.end", "agree.again", "agree.line",
        "agree.exited", "agree.need", "accept.withdrawn", "accept.again", "accept.exited", "accept.quantity",
        "accept.credit", "accept.debt", "agree.commercial", "license.suspended",
    ),
    _judge_agree,
    nothing,
)  # fmt: skip
