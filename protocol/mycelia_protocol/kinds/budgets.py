"""`threshold`, `allot`, `take`: limits, and the rights to use them, each kept on one chain.

A magisterium says how much there is, and allots it; who was allotted some takes it, and
then spends or passes on what is left. Each number is on one chain, so nobody has to ask
anybody, and a network that has fallen apart spends no more than a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from ..accumulators import Allotted, Allowance, Fact, FactKey, Footprint, Overdrawn, OwnStatement, Purse
from ..authority import check_authority, check_statement
from ..charter import MAX_AMOUNT
from ..cid import digest
from ..envelope import Entry, Header, Term
from ..errors import Refused
from ..grants import speaking
from ..identity import statement
from ..times import moment_text
from .designs import CLASS as EVENT_CLASS
from .designs import RESOURCE, RESOURCE_NUMBER
from .flows import commit_lines
from .intents import AMOUNT, CLASS, END_MS, action_of, given_of
from .kind import Judged, Kind, is_natural, lines_about, nothing

SENSES = ("ceiling", "floor")
BUDGET = "budget"
EVENT_AT = 5  # the key event among the terms of a threshold
# What a magisterium has no stake in.
ACTS = frozenset({"need", "offer", "row", "commit", "accept", "agree", "event", "process", "capacity", "settle"})
MAX_TAKEN = 16
MAX_PURSE = 256  # allowances of one impact that have not expired: each act asks them all
MAX_PASSED = 16  # hands that an allowance goes through


def check_stake(judged: Judged) -> None:
    """Refuse what a chain of a magisterium may not do (rule `magisterium.acts`)."""
    grant = judged.prefix.grant
    if grant is not None and grant.identity in judged.charter.magisteria and judged.header.kind in ACTS:
        raise Refused("magisterium.acts", f"who issues limits writes no `{judged.header.kind}`")


def _judge_threshold(judged: Judged) -> None:
    terms, most = judged.header.terms, judged.charter.max_amount
    if len(terms) != 7:
        raise Refused("threshold.terms", "a threshold has impact, sense, amount, begin, end, key event and signatures")
    impact, sense, amount, begin_ms, end_ms, event_at, _ = terms
    if impact not in judged.charter.budgets or sense not in SENSES:
        raise Refused("threshold.terms", f"{impact!r} is no impact of this charter, or {sense!r} not ceiling or floor")
    if not is_natural(amount) or not 0 < amount <= most or not is_natural(begin_ms) or not is_natural(end_ms):
        raise Refused("threshold.terms", f"the amount is an integer from 1 to {most}, begin and end are milliseconds")
    if not begin_ms < end_ms:
        raise Refused("threshold.terms", "a threshold ends after it begins")
    own = speaking(judged.grant)
    if own.identity not in judged.charter.magisteria:
        raise Refused("threshold.authority", "the charter names the magisteria that issue limits, and this is none")
    check_authority(judged.lineage, judged.header, event_at, own.identity)
    if not _is_for(judged.header, judged.prefix.chain):
        raise Refused(
            "threshold.chain",
            "the root keys signed it for another chain: a threshold names its key event and the chain's `open`",
        )
    key = ("statement", statement(judged.header, b""), -1)
    if judged.facts.get(key) is not None:
        raise Refused("threshold.again", "this chain said before what the root keys signed")
    judged.facts[key] = OwnStatement(judged.entry.id)


def _is_for(threshold: Header, chain: bytes) -> bool:
    """Return whether root keys signed a threshold for this chain, and no other can say it."""
    return set(threshold.links) == {threshold.named(threshold.terms[EVENT_AT]), chain}


def _judge_allot(judged: Judged) -> None:
    terms, most = judged.header.terms, judged.charter.max_amount
    if len(terms) != 6:
        raise Refused("allot.terms", "an allot has the terms source, to, of, name, amount and expiry")
    source, to = judged.dep(terms[0], "allot.terms"), judged.dep(terms[1], "allot.terms")
    of, name, amount, expires_ms = terms[2:]
    if not is_natural(amount) or not 0 < amount <= most or not is_natural(expires_ms):
        raise Refused("allot.terms", f"the amount is an integer from 1 to {most}, the expiry a time")
    if to.header.kind != "open" or to.id == judged.prefix.chain:
        raise Refused("allot.to", "what is allotted goes to another chain, named by its `open`")
    stock = _source(judged, source)
    if (of, name) != (stock.of, stock.name):
        raise Refused("allot.source", f"what is allotted there is {stock.of} {stock.name!r}")
    if not judged.header.time_ms < expires_ms <= stock.ends_ms:
        raise Refused(
            "allot.expiry", f"it expires after now, and not after {moment_text(stock.ends_ms)}, when its source does"
        )
    if amount > stock.left:
        asked, left = (_said(judged, stock, one) for one in (amount, stock.left))
        raise Refused("allot.amount", f"{asked} is more than the {left} that are left")
    judged.facts[stock.key] = stock.less(amount)


class _Source(NamedTuple):
    """What is allotted of: what it is, how much of it is left until when, and the fact that says less of it."""

    of: str
    name: Term
    ends_ms: int
    left: int
    key: FactKey
    less: Callable[[int], Fact]


def _said(judged: Judged, stock: _Source, amount: int) -> str:
    """Return an amount of a source in its unit: that of the budget, or of the class of the intent."""
    if stock.of != BUDGET:
        return judged.amount_text(str(stock.name), amount)
    budget = judged.charter.budgets.get(str(stock.name))
    return str(amount) if budget is None else f"{amount} {budget.unit}"


def _source(judged: Judged, source: Entry) -> _Source:
    """Return what an allot is of, or refuse `allot.source`."""
    kind, terms = source.header.kind, source.header.terms
    if kind == "allot":
        held = judged.facts.get(("allowance", source.id, -1))
        if isinstance(held, Allowance):
            key: FactKey = ("allowance", source.id, -1)
            return _Source(
                held.of, held.name, held.expires_ms, held.left, key, lambda part: held._replace(left=held.left - part)
            )
    elif judged.prefix.own(source.id) is not None:
        if kind == "threshold" and terms[1] == "ceiling":
            return _of_threshold(judged, source)
        if kind in ("need", "offer"):
            return _of_intent(judged, source)
    raise Refused("allot.source", "one allots of an own ceiling, need or offer, or of what one has taken")


def _of_threshold(judged: Judged, source: Entry) -> _Source:
    terms, key = source.header.terms, ("allotted", source.id, -1)
    before = judged.facts.get(key)
    so_far = before.amount if isinstance(before, Allotted) else 0
    left = cast(int, terms[2]) - so_far
    return _Source(BUDGET, terms[0], cast(int, terms[4]), left, key, lambda part: Allotted(so_far + part))


def _of_intent(judged: Judged, source: Entry) -> _Source:
    kind, terms = source.header.kind, source.header.terms
    most, ends_ms, key = cast(int, terms[AMOUNT]), cast(int, terms[END_MS]), (kind, source.id, -1)
    need, offer = judged.facts.need(source.id), judged.facts.offer(source.id)
    if need.withdrawn or offer.withdrawn:
        raise Refused("allot.source", f"the {kind} is withdrawn")
    if kind == "offer" and given_of(source.header) is not None:
        raise Refused("allot.source", "the offer gives of an own resource, which its own chain alone delivers")
    if kind == "need":
        left = most - need.accepted
        return _Source(
            kind, terms[CLASS], ends_ms, left, key, lambda part: need._replace(accepted=need.accepted + part)
        )
    left = most - offer.committed - sum(amount for _, amount in offer.tentative)
    return _Source(
        kind, terms[CLASS], ends_ms, left, key, lambda part: offer._replace(committed=offer.committed + part)
    )


def _judge_take(judged: Judged) -> None:
    header = judged.header
    if not 0 < len(header.terms) <= MAX_TAKEN or len(set(header.terms)) != len(header.terms):
        raise Refused("take.terms", f"a take names 1 to {MAX_TAKEN} allots, each once")
    for at in header.terms:
        allot = judged.dep(at, "take.terms")
        of, name, amount, expires_ms = allotted(allot)
        if allot.header.dep(cast(int, allot.header.terms[1])) != judged.prefix.chain:
            raise Refused("take.allot", "it was allotted to another chain")
        begin_ms = _check_way(judged, allot) if of == BUDGET else 0
        if judged.facts.get(("allowance", allot.id, -1)) is not None:
            raise Refused("take.again", "it was taken before")
        if header.time_ms < begin_ms:
            raise Refused("take.early", f"the ceiling that it is of begins at {moment_text(begin_ms)}")
        if header.time_ms > expires_ms:
            raise Refused("take.expired", f"it expired at {moment_text(expires_ms)}")
        judged.facts["allowance", allot.id, -1] = Allowance(of, name, amount, expires_ms)
        if of == BUDGET:
            _put_in_purse(judged, name, (expires_ms, allot.id))


def _put_in_purse(judged: Judged, impact: str, allowance: tuple[int, bytes]) -> None:
    """Note that an allowance can be spent, or refuse `take.purse`; what has expired by now leaves."""
    kept = {one for one in _purse(judged, impact) if judged.header.time_ms <= one[0]}
    if len(kept) >= MAX_PURSE:
        raise Refused("take.purse", f"this chain has {len(kept)} allowances of {impact} that have not expired")
    judged.facts["purse", digest(impact.encode()), -1] = Purse(tuple(sorted({*kept, allowance})))


def _check_way(judged: Judged, allot: Entry) -> int:
    """Return when the ceiling behind an allot begins, in milliseconds.

    Refuse `take.allot` unless hands lead from a ceiling of a magisterium to it, none giving what it had not.
    Whether one hand gave more than it had left in all is its own chain's verdict, which nobody else's asks.
    """
    for _ in range(MAX_PASSED):
        given, name = allotted(allot), allot.header.named(allot.header.terms[0])
        source = None if name is None else judged.lineage.held(name)
        if source is None:
            break
        if source.header.kind == "threshold":
            return _check_ceiling(judged, source, allot.chain, given)
        had = allotted(source)
        is_hers = source.header.named(source.header.terms[1]) == allot.chain
        if not is_hers or had[:2] != given[:2] or had[2] < given[2] or had[3] < given[3]:
            raise Refused("take.allot", "one of the hands that it went through gave what it was not given")
        allot = source
    raise Refused("take.allot", f"no ceiling of a magisterium is found behind it, {MAX_PASSED} hands back")


def _check_ceiling(judged: Judged, threshold: Entry, giver: bytes, given: tuple[str, str, int, int]) -> int:
    """Return when a ceiling by its magisterium's keys begins; refuse `take.allot` unless it had so much to give."""
    terms, speaker = threshold.header.terms, judged.lineage.speaker(threshold.chain)
    if len(terms) == 7 and terms[:2] == [given[1], "ceiling"] and threshold.chain == giver and speaker is not None:
        amount, begin_ms, ends_ms = terms[2:5]
        is_enough = is_natural(amount) and amount >= given[2] and is_natural(ends_ms) and ends_ms >= given[3]
        if (
            is_enough
            and is_natural(begin_ms)
            and _is_for(threshold.header, threshold.chain)
            and speaker.identity in judged.charter.magisteria
        ):
            try:
                check_statement(judged.lineage, threshold, terms[EVENT_AT], speaker.identity)
            except Refused as refused:
                raise Refused("take.allot", f"the ceiling behind it is not signed: {refused.message}") from None
            return begin_ms
    raise Refused("take.allot", "what is behind it is no ceiling of a magisterium with so much to give")


def _purse(judged: Judged, impact: str) -> tuple[tuple[int, bytes], ...]:
    fact = judged.facts.get(("purse", digest(impact.encode()), -1))
    return fact.allots if isinstance(fact, Purse) else ()


def allotted(allot: Entry) -> tuple[str, str, int, int]:
    """Return what an allot gives, or refuse `take.allot`; it may be invalid, so its shape is asked."""
    header, terms = allot.header, allot.header.terms
    count = len(header.deps) // 32
    if header.kind == "allot" and len(terms) == 6:
        to, of, name, amount, expires_ms = terms[1:]
        is_addressed = is_natural(to) and to < count and type(of) is str and type(name) is str
        if is_addressed and is_natural(amount) and amount and is_natural(expires_ms):
            return cast(str, of), cast(str, name), amount, expires_ms
    raise Refused("take.allot", "the entry named is no allot in its form")


def check_budget(judged: Judged) -> None:
    """Count what an event or a line costs the world, or refuse `budget.cap`; called after the rules of the kind."""
    if not judged.charter.budgets:
        return
    header = judged.header
    if header.kind == "event":
        resource_class = _class_of_event(judged, header)
        if header.terms[2] is None:
            _check_amount(judged, cast(str, header.terms[0]), resource_class)
        _charge(judged, 0, cast(str, header.terms[0]), resource_class, cast(int, header.terms[2] or 0))
    elif header.kind == "commit":
        offer_id = cast(bytes, judged.facts.committed((judged.entry.id, 0)).offer)  # type: ignore[union-attr]
        offer = cast(Entry, judged.prefix.own(offer_id)).header
        for number, line in enumerate(commit_lines(judged.entry)):
            _charge(judged, number, cast(str, action_of(offer)), cast(str, offer.terms[CLASS]), line.amount)
    elif header.kind in ("release", "cancel"):
        for commit, number in lines_about(judged.entry):
            _give_back(judged, commit, number)


def _check_amount(judged: Judged, action: str, resource_class: str) -> None:
    """Refuse an act without an amount, be it timed, where acts of its kind have a cost."""
    for impact, budget in sorted(judged.charter.budgets.items()):
        if budget.is_hard and (action, resource_class) in budget.factors:
            raise Refused("budget.cap", f"`{action}` of {resource_class} costs {impact} by its amount, and states none")


def _class_of_event(judged: Judged, header: Header) -> str:
    if header.terms[EVENT_CLASS] is not None:
        return cast(str, header.terms[EVENT_CLASS])
    name = header.dep(cast(int, header.terms[RESOURCE]))
    held = judged.facts.resource((name, cast(int, header.terms[RESOURCE_NUMBER])))
    return held.resource_class if held is not None else cast(str, judged.deps[name].header.terms[EVENT_CLASS])


def _charge(judged: Judged, number: int, action: str, resource_class: str, amount: int) -> None:
    """Spend what an amount costs of each impact, from what expires first."""
    paid: list[tuple[bytes, int]] = []
    for impact, budget in sorted(judged.charter.budgets.items()):
        cost = budget.of(action, resource_class, amount)
        for expires_ms, allot in _purse(judged, impact) if cost else ():
            allowance = cast(Allowance, judged.facts["allowance", allot, -1])
            part = min(cost, allowance.left) if judged.header.time_ms <= expires_ms else 0
            if part:
                judged.facts["allowance", allot, -1] = allowance._replace(left=allowance.left - part)
                paid.append((allot, part))
                cost -= part
        if cost and budget.is_hard:
            raise Refused("budget.cap", f"{cost} {budget.unit} of {impact} more than this chain has left")
        if cost:
            name = digest(impact.encode())
            _overdraw(judged, name, cost)
            paid.append((name, cost))
    if paid and judged.header.kind == "commit":
        judged.facts["footprint", judged.entry.id, number] = Footprint(tuple(sorted(paid)))


def _give_back(judged: Judged, commit: bytes, number: int) -> None:
    paid = judged.facts.get(("footprint", commit, number))
    for name, amount in paid.paid if isinstance(paid, Footprint) else ():
        allowance = judged.facts.get(("allowance", name, -1))
        if isinstance(allowance, Allowance):
            judged.facts["allowance", name, -1] = allowance._replace(left=allowance.left + amount)
        else:
            _overdraw(judged, name, -amount)


def _overdraw(judged: Judged, impact: bytes, amount: int) -> None:
    before = judged.facts.get(("overdrawn", impact, -1))
    total = amount + (before.amount if isinstance(before, Overdrawn) else 0)
    if total > MAX_AMOUNT:  # a factor times an amount may lie far beyond what a state can hold
        raise Refused("budget.cap", f"{total} would be overdrawn, more than the {MAX_AMOUNT} that can be counted")
    judged.facts["overdrawn", impact, -1] = Overdrawn(total)


THRESHOLD = Kind(
    "threshold",
    ("impact", "sense", "amount", "begin_ms", "end_ms", "previous", "signatures"),
    ("threshold.terms", "identity.own", "threshold.authority", "identity.terms", "identity.previous",
     "identity.signature", "threshold.chain", "threshold.again"),
    _judge_threshold,
    nothing,
)  # fmt: skip
ALLOT = Kind(
    "allot",
    ("source", "to", "of", "name", "amount", "expires_ms"),
    ("allot.terms", "allot.to", "allot.source", "allot.expiry", "allot.amount"),
    _judge_allot,
    nothing,
)
TAKE = Kind(
    "take",
    ("*allot",),
    ("take.terms", "take.allot", "take.again", "take.early", "take.expired", "take.purse"),
    _judge_take,
    lambda header: tuple(header.dep(cast(int, at)) for at in header.terms),
)
