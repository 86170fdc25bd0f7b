"""The state of a chain: all that its prefix amounts to, in bytes that everybody writes alike.

Head and facts (chapter 08), whole, sorted, each record once; records that say
nothing are left out. Whoever has the state below a place can judge what comes
after it. Reading refuses everything that writing would not have written.

    >>> from mycelia_protocol.accumulators import NeedFacts
    >>> state = State(bytes(32), bytes(32), bytes(32), 4, 9, {("need", bytes(32), -1): NeedFacts(accepted=5)})
    >>> read(write(state)) == state
    True

Spec: 19-checkpoint, "State".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple, Self, cast

from .accumulators import (
    RECORDS,
    Checkpointed,
    Cited,
    Contributed,
    Credit,
    Fact,
    FactKey,
    Grant,
    HeirOf,
    Mark,
    NeedFacts,
    OfferFacts,
    Overdrawn,
    Paid,
    Prefix,
    Process,
    Version,
)
from .canonical import Value, decode, encode
from .cid import is_digest
from .envelope import Entry
from .errors import Malformed

VERSION = 1
MAX_STATE_BYTES = 1024 * 1024
_MAY_SAY_NOTHING = (NeedFacts, OfferFacts, Cited, Paid, HeirOf, Process, Contributed, Credit, Overdrawn)


class State(NamedTuple):
    """A chain up to the entry `tip` at `sequence`; `time` is the largest so far."""

    chain: bytes
    key: bytes
    tip: bytes
    sequence: int
    time: int
    facts: Mapping[FactKey, Fact]

    @classmethod
    def of(cls, prefix: Prefix) -> Self:
        """Return the state of a prefix."""
        return cls(prefix.chain, prefix.key, prefix.tip, prefix.sequence, prefix.time, dict(prefix.facts))

    def prefix(self, own: Callable[[bytes], Entry | None]) -> Prefix:
        """Return the prefix on which later entries are judged; `own` gives a valid entry of it by id."""
        grant, version = (self.facts.get((record, self.chain, -1)) for record in ("grant", "version"))
        return Prefix(
            self.chain, self.key, self.tip, self.sequence, self.time, dict(self.facts), own,
            grant if isinstance(grant, Grant) else None, version if isinstance(version, Version) else None,
        )  # fmt: skip


def write(state: State) -> bytes:
    """Return the canonical bytes of a state, which may be more than `MAX_STATE_BYTES`."""
    facts = [[*key, *_written(fact)] for key, fact in sorted(state.facts.items()) if not _says_nothing(fact)]
    return encode(cast(Value, [VERSION, *state[:-1], facts]))


def read(data: bytes) -> State:
    """Return the state that `data` encodes.

    Raises:
        Malformed: rule `state.form`.
    """
    try:
        value = decode(data, max_bytes=MAX_STATE_BYTES)
    except Malformed as error:
        raise Malformed("state.form", f"no canonical state: {error.message}") from error
    if isinstance(value, list) and len(value) == 7 and type(value[0]) is int and value[0] == VERSION:
        head, rows = value[1:6], value[6]
        if all(map(is_digest, head[:3])) and all(map(_natural, head[3:])) and isinstance(rows, list):
            facts = [_fact(row) for row in rows]
            if all(one < other for (one, _), (other, _) in pairwise(facts)):
                return State(*cast(tuple[bytes, bytes, bytes, int, int], head), facts=dict(facts))
    raise Malformed("state.form", "a state is its version, chain, key, tip, sequence, time and sorted facts")


def _fact(row: Value) -> tuple[FactKey, Fact]:
    if isinstance(row, list) and len(row) > 3 and isinstance(row[0], str) and row[0] in _SHAPES:
        record, name, line, *values = row
        kind, fields = RECORDS[row[0]], _SHAPES[row[0]]
        is_shaped = len(values) == len(fields) and all(map(lambda fits, one: fits(one), fields, values))
        if is_digest(name) and _is_line(record, line) and is_shaped:
            fact = cast(Fact, kind(*map(_frozen, values)))
            has_peaks = not isinstance(fact, Checkpointed) or len(fact.peaks) == fact.sequence.bit_count()
            if has_peaks and not _says_nothing(fact):
                return (row[0], name, cast(int, line)), fact
    raise Malformed("state.form", "a fact is a record, an id, a line and the values of its record")


def _is_line(record: Value, line: Value) -> bool:
    """Whether a line number fits its record: `cited` may be about an intent, -1, or a line."""
    if record == "cited":
        return _place(line)
    return _natural(line) if record in _NUMBERED else line == -1


def _says_nothing(fact: Fact) -> bool:
    return isinstance(fact, _MAY_SAY_NOTHING) and fact == type(fact)()


def _written(fact: Fact) -> list[Value]:
    if isinstance(fact, OfferFacts):  # a row has its lines in any order
        fact = fact._replace(tentative=tuple(sorted(fact.tentative)))
    return [_thawed(part) for part in fact]


def _thawed(part: object) -> Value:
    if isinstance(part, tuple):
        return [_thawed(one) for one in part]
    return int(part) if isinstance(part, Mark) else cast(Value, part)


def _frozen(part: object) -> object:
    return tuple(_frozen(one) for one in part) if isinstance(part, list) else part


_ALL_MARKS = sum(Mark)
_Fits = Callable[[object], bool]  # whether a value is what a field of a record may be


def _flag(value: object) -> bool:
    return type(value) is bool


def _natural(value: object) -> bool:
    return type(value) is int and value >= 0


def _integer(value: object) -> bool:
    return type(value) is int


def _place(value: object) -> bool:
    return type(value) is int and value >= -1


def _marks(value: object) -> bool:
    return _natural(value) and not cast(int, value) & ~_ALL_MARKS


def _text(value: object) -> bool:
    return type(value) is str


def _perhaps(value: object) -> bool:
    return value == b"" or is_digest(value)  # as of an inherited line no offer is known


def _maybe(fits: _Fits) -> _Fits:
    return lambda value: value is None or fits(value)


def _tuple(*fits: _Fits) -> _Fits:
    return lambda value: (
        isinstance(value, list) and len(value) == len(fits) and all(map(lambda fit, one: fit(one), fits, value))
    )


def _each(fits: _Fits) -> _Fits:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _rising(fits: _Fits) -> _Fits:
    return lambda value: (
        isinstance(value, list) and all(map(fits, value)) and all(one < other for one, other in pairwise(value))
    )


def _some(fits: _Fits) -> _Fits:
    return lambda value: bool(value) and fits(value)


_NUMBERED = {
    "committed", "accepted", "resource", "bucket", "claim", "contribution", "footprint", "leg", "licensed", "owing",
    "distributed",
}  # fmt: skip
_SHAPES: dict[str, tuple[_Fits, ...]] = {
    "accepted": (is_digest, is_digest, _natural, _natural, _marks),
    "admitted": (_natural,),
    "agreed": (_natural, _some(_rising(is_digest)), _flag, _flag),
    "agrees": (_some(_rising(_tuple(is_digest, _natural))),),
    "allotted": (_natural,),
    "allowance": (_text, _text, _natural, _natural),
    "bucket": (_natural,),
    "capacity": (_text, _natural, _natural),
    "checkpoint": (_natural, _maybe(is_digest), _each(is_digest)),
    "cited": (_rising(_tuple(_text, is_digest)),),
    "claim": (is_digest, _text, _natural, _natural, _natural, _perhaps, _natural),
    "committed": (_perhaps, is_digest, is_digest, _natural, _natural, _natural, _marks, _place),
    "contribution": (_natural,),
    "credit": (_integer, _natural, _natural),
    "currency": (_text,),
    "distributed": (is_digest,),
    "equation": (is_digest,),
    "footprint": (_rising(_tuple(is_digest, _natural)),),
    "grant": (
        is_digest, _maybe(_each(_text)), _maybe(_natural), _natural,
        _each(_tuple(_text, _maybe(_natural))), _flag,
    ),
    "heir": (_rising(is_digest),),
    "inherited": (_natural,),
    "into": (_text, _text, _perhaps, _natural, _perhaps),
    "leg": (is_digest, is_digest, is_digest),
    "licensed": (_text, is_digest, _rising(_tuple(_text, _tuple(_text, _flag, _natural, _natural)))),
    "need": (_flag, _natural),
    "offer": (_flag, _natural, _maybe(is_digest), _rising(_tuple(is_digest, _natural))),
    "overdrawn": (_natural,),
    "owing": (_rising(_tuple(is_digest, _natural)),),
    "process": (_rising(_tuple(is_digest, _natural, _text)), _flag),
    "purse": (_rising(_tuple(_natural, is_digest)),),
    "rate": (_natural,),
    "reserve": (_text, is_digest, _natural, _natural),
    "return": (_text, _rising(_tuple(is_digest, _natural, _text)),),
    "resource": (
        _text, _natural, _natural, _natural, _natural,
        _rising(_tuple(_text, _perhaps, _natural, _natural)), _perhaps, _perhaps,
    ),
    "spent": (_natural, _natural),
    "statement": (is_digest,),
    "superseded": (_natural,),
    "version": (_natural, is_digest),
    "warrant": (_natural,),
    "witness": (_natural,),
}  # fmt: skip
