"""Value equations: how an income is shared among those who contributed, as everybody computes it alike.

Pure: what was contributed and what was paid before are arguments. Every amount is rounded down to whole
quanta; what is over goes to the one that the equation names for it, so that the sum is the income.

    >>> equation = Equation(b"c" * 32, {"care": Values(Fraction(20))}, (Bucket(1000, rules=(Rule("work", "value"),)),))
    >>> work = [Contribution((bytes(32), at), who * 32, "work", "care", b"", Fraction(hours), 0)
    ...     for at, (who, hours) in enumerate([(b"a", 10), (b"b", 30)])]
    >>> [share.amount for share in distribution(equation, 1000, Fraction(1), work, {}).shares]
    [250, 750]

Spec: 26-equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import NamedTuple, cast

from .accumulators import LineId
from .canonical import INT64_MAX, Value, decode, encode
from .cid import is_digest
from .errors import Malformed, Refused
from .expressions import decimal, evaluate, parse

MAX_BYTES = 1500  # of a document, so that it fits a header
WHOLE = 1000
DEBT, EQUITY, ONCE = KINDS = ("debt", "equity", "once")
DIVISIONS = ("percentage", "fifo")
MAX_TEXT = 64
_RULE = {"action", "begin_ms", "claim", "class", "end_ms", "kind", "name", "process"}
_VALUES = 3


class Values(NamedTuple):
    """What a unit of a class is worth, by the equation."""

    value: Fraction
    price: Fraction = Fraction(0)
    use: Fraction = Fraction(0)


class Rule(NamedTuple):
    """Which contributions it selects, what each claims, and for how long."""

    name: str
    claim: str
    kind: str = EQUITY
    action: str | None = None
    resource_class: str | None = None
    process: bytes | None = None
    begin_ms: int = 0
    end_ms: int = INT64_MAX


class Bucket(NamedTuple):
    """A part of the income in thousandths: for one beneficiary, or for what rules select."""

    share: int
    to: bytes | None = None
    rules: tuple[Rule, ...] = ()
    division: str = "percentage"


class Equation(NamedTuple):
    """Who gets what is over, what units are worth, and the buckets."""

    rest: bytes
    values: Mapping[str, Values]
    buckets: tuple[Bucket, ...]


class Contribution(NamedTuple):
    """A line that the organisation received: who gave it, and how much in the unit of its class."""

    line: LineId
    by: bytes
    action: str
    resource_class: str
    process: bytes
    quantity: Fraction
    time_ms: int


class Share(NamedTuple):
    """What one beneficiary gets, and why; `claim` is what was due, `remaining` what still is, in quanta."""

    to: bytes
    amount: int
    bucket: int
    rule: str | None = None
    kind: str | None = None
    line: LineId | None = None
    claim: int = 0
    remaining: int = 0


Before = Mapping[tuple[str, LineId], int]  # what was paid so far, by the name of the rule and the contribution


class Distribution(NamedTuple):
    """Every share, what is over, and what is paid so far after it."""

    shares: tuple[Share, ...]
    rest: int
    after: Before


def read(data: bytes) -> Equation:
    """Return the equation that a document states.

    Raises:
        Refused: rules `equation.document` and `equation.expression`.
    """
    try:
        value = decode(data, max_bytes=MAX_BYTES)
    except Malformed as error:
        raise Refused("equation.document", f"no canonical document: {error.message}") from error
    if not isinstance(value, dict) or set(value) not in ({"buckets", "rest"}, {"buckets", "rest", "values"}):
        raise _wrong("it has the keys rest, buckets, and perhaps values")
    buckets, rest, values = value["buckets"], value["rest"], value.get("values", {})
    if not is_digest(rest):
        raise _wrong("the rest goes to an identity or a chain, 32 bytes")
    if not isinstance(buckets, list) or not buckets:
        raise _wrong("there is at least one bucket")
    if not isinstance(values, dict) or ("values" in value and not values):
        raise _wrong("values are a map by class")
    found = Equation(
        rest,
        {_text(name): _values(one) for name, one in values.items()},
        tuple(_bucket(one) for one in buckets),
    )
    if sum(bucket.share for bucket in found.buckets) > WHOLE:
        raise _wrong(f"the buckets are more than {WHOLE} thousandths")
    names = sorted(rule.name for bucket in found.buckets for rule in bucket.rules)
    if any(one == other for one, other in pairwise(names)):
        raise _wrong("two rules have one name")
    return found


def write(equation: Equation, decimals: Mapping[str, list[str]] | None = None) -> bytes:
    """Return the document of an equation; `decimals` are the values by class as decimal text."""
    document: dict[str, Value] = {"buckets": [_written(one) for one in equation.buckets], "rest": equation.rest}
    if decimals:
        document["values"] = {name: list[Value](one) for name, one in decimals.items()}
    return encode(document)


def distribution(
    equation: Equation, income: int, quantum: Fraction, contributions: Iterable[Contribution], before: Before
) -> Distribution:
    """Return what each gets of an income.

    Args:
        income: In quanta of its class; `quantum` is one of them in the unit of that class.
        contributions: In any order.
        before: What was paid for contributions in earlier distributions of the same chain.
    """
    ordered = sorted(set(contributions), key=lambda one: (one.time_ms, one.line))
    shares, after = list[Share](), dict(before)
    for number, bucket in enumerate(equation.buckets):
        pot = income * bucket.share // WHOLE
        if bucket.to is not None:
            shares.append(Share(bucket.to, pot, number))
            continue
        claims = [
            (rule, one, due)
            for one in ordered
            for rule in bucket.rules
            if _selects(rule, one) and (due := _due(rule, one, equation.values, quantum, before)) > 0
        ]
        total, left = sum(due for _, _, due in claims), pot
        for rule, one, due in claims:
            paid = min(due, left) if bucket.division == "fifo" else due * pot // total
            paid = min(paid, due) if rule.kind == DEBT else paid
            left -= paid
            remaining = {DEBT: due - paid, EQUITY: due, ONCE: 0}[rule.kind]
            shares.append(Share(one.by, paid, number, rule.name, rule.kind, one.line, due, remaining))
            if rule.kind != EQUITY:
                after[rule.name, one.line] = after.get((rule.name, one.line), 0) + paid
    return Distribution(tuple(shares), income - sum(share.amount for share in shares), after)


def _selects(rule: Rule, one: Contribution) -> bool:
    return (
        rule.action in (None, one.action)
        and rule.resource_class in (None, one.resource_class)
        and rule.process in (None, one.process)
        and rule.begin_ms <= one.time_ms < rule.end_ms
    )


def _due(rule: Rule, one: Contribution, values: Mapping[str, Values], quantum: Fraction, before: Before) -> int:
    """Return what a contribution claims now, in whole quanta of the income."""
    worth = values.get(one.resource_class, Values(Fraction(0)))
    found = evaluate(parse(rule.claim), {
        "quantity": one.quantity, "valuePerUnit": worth.value, "pricePerUnit": worth.price,
        "valuePerUnitOfUse": worth.use, "value": one.quantity * worth.value,
    })  # fmt: skip
    claim, paid = min(max(floor(found / quantum), 0), INT64_MAX), before.get((rule.name, one.line))
    if paid is None or rule.kind == EQUITY:
        return claim
    return max(claim - paid, 0) if rule.kind == DEBT else 0


def _bucket(value: Value) -> Bucket:
    if not isinstance(value, dict) or set(value) not in ({"share", "to"}, {"division", "rules", "share"}):
        raise _wrong("a bucket has a share, and either a beneficiary or rules and their division")
    share = value["share"]
    if type(share) is not int or not 0 < share <= WHOLE:
        raise _wrong(f"a share is an integer from 1 to {WHOLE} thousandths")
    if "to" in value:
        if not is_digest(value["to"]):
            raise _wrong("a beneficiary is an identity or a chain, 32 bytes")
        return Bucket(share, value["to"])
    rules, division = value["rules"], value["division"]
    if not isinstance(rules, list) or not rules or division not in DIVISIONS:
        raise _wrong("there is at least one rule, and the division is percentage or fifo")
    return Bucket(share, None, tuple(_rule(one) for one in rules), division)


def _rule(value: Value) -> Rule:
    if not isinstance(value, dict) or not {"claim", "kind", "name"} <= set(value) <= _RULE:
        raise _wrong("a rule has a name, a kind, a claim, and perhaps action, class, process, begin_ms and end_ms")
    begin_ms, end_ms = value.get("begin_ms", 0), value.get("end_ms", INT64_MAX)
    if value["kind"] not in KINDS:
        raise _wrong("a claim is of the kind debt, equity or once")
    if type(begin_ms) is not int or type(end_ms) is not int or not 0 <= begin_ms < end_ms:
        raise _wrong("a window begins at 0 or later, and ends after it begins")
    if "process" in value and not is_digest(value["process"]):
        raise _wrong("a process is an id, 32 bytes")
    claim = value["claim"]
    if not isinstance(claim, str):
        raise _wrong("a claim is text")
    parse(claim)
    return Rule(
        _text(value["name"]), claim, value["kind"],
        _text(value["action"]) if "action" in value else None, _text(value["class"]) if "class" in value else None,
        cast(bytes | None, value.get("process")), begin_ms, end_ms,
    )  # fmt: skip


def _values(value: Value) -> Values:
    texts = value if isinstance(value, list) and len(value) == _VALUES else []
    numbers = [decimal(one) if isinstance(one, str) else None for one in texts]
    if not numbers or None in numbers:
        raise _wrong("the values of a class are three decimals: value, price and value of use, each per unit")
    return Values(*cast(list[Fraction], numbers))


def _text(value: Value) -> str:
    if not isinstance(value, str) or not 0 < len(value.encode()) <= MAX_TEXT:
        raise _wrong(f"a name is text of 1 to {MAX_TEXT} bytes")
    return value


def _written(bucket: Bucket) -> Value:
    if bucket.to is not None:
        return {"share": bucket.share, "to": bucket.to}
    rules: list[Value] = []
    for rule in bucket.rules:
        said: dict[str, Value] = {"claim": rule.claim, "kind": rule.kind, "name": rule.name}
        more: dict[str, Value] = {"action": rule.action, "class": rule.resource_class, "process": rule.process}
        said |= {key: one for key, one in more.items() if one is not None}
        if rule.begin_ms:
            said["begin_ms"] = rule.begin_ms
        if rule.end_ms != INT64_MAX:
            said["end_ms"] = rule.end_ms
        rules.append(said)
    return {"division": bucket.division, "rules": rules, "share": bucket.share}


def _wrong(why: str) -> Refused:
    return Refused("equation.document", why)
