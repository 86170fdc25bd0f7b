"""The root charter: the document that a commons is founded on, and its network id.

The charter is a document, not an entry: canonical bytes, at most 32 KiB, never
deleted, sent in the handshake. Its digest under a prefix is the network id, for
ever. It declares the resource classes with their unit and quantum, the clock
drift, the grace of lapses, the limits of amounts and windows, who founds it, who may
join and, if it likes, how much a chain may say in a time and when old headers may go.

    >>> charter = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
    >>> read(charter.raw) == charter, charter.classes["food"].quantum
    (True, Fraction(1, 1000))

Spec: 06-charter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import Any, NamedTuple, cast

from .budgets import Budget, read_budgets, read_magisteria
from .canonical import Value, decode, encode
from .cid import DIGEST_BYTES, digest
from .errors import Malformed
from .licenses import Profile, read_issuers, read_profiles
from .measures import Measure, read_measures
from .names import is_name
from .rates import Rate, read_rate
from .reciprocity import Cancelling, Factor, Limits, read_cancel, read_contribution, read_credit

MAX_CHARTER_BYTES = 32 * 1024
NETWORK_CONTEXT = b"mycelia/1/network\0"
SEED_BYTES = 16
MAX_AMOUNT = 2**53 - 1  # every language's integers reach it
DAY_MS = 86_400_000

MAX_FOUNDERS = 64
MAX_LICENSES = 32
MAX_SLOTS = 1_000_000
MAX_DEPTH = 32
MAX_WITNESSES, DEFAULT_WITNESSES = 64, 3
MIN_RECOVERY_MS, DEFAULT_RECOVERY_MS = 1000, 3 * DAY_MS

_FIELDS = {"classes", "drift_ms", "grace_ms", "limits", "membership", "name", "seed", "version"}
_OPTIONAL = {  # absent, or whole
    "founders",
    "licenses",
    "recovery_ms",
    "retention_ms",
    "threshold",
    "witnesses",
}


class ResourceClass(NamedTuple):
    """What an amount of a class counts: `numerator/denominator` of `unit` is one quantum."""

    unit: str
    numerator: int = 1
    denominator: int = 1

    @property
    def quantum(self) -> Fraction:
        """The size of one quantum, in units."""
        return Fraction(self.numerator, self.denominator)


Classes = Mapping[str, ResourceClass]
# Optional parts that belong to other chapters, each read by its own module, with the resource classes at hand.
SECTIONS: dict[str, Callable[[Value, Classes], object]] = {
    "cancel": read_cancel,
    "contribution": read_contribution,
    "credit": read_credit,
    "rate": read_rate,
    "profiles": read_profiles,
    "issuers": read_issuers,
    "magisteria": read_magisteria,
    "budgets": read_budgets,
    "measures": read_measures,
}


class Open(NamedTuple):
    """Everybody may open a chain."""


class Tree(NamedTuple):
    """Members invite: each identity has `slots` admissions to give, at most `depth` steps away from a founder."""

    slots: int
    depth: int
    is_liable: bool  # an invitee that forks costs its sponsor a slot


class Stewards(NamedTuple):
    """The founders admit: as many of them as `threshold`."""

    threshold: int


Membership = Open | Tree | Stewards


@dataclass(frozen=True, slots=True)
class Charter:
    """A root charter, read from `raw`; every rule takes its numbers from here."""

    raw: bytes
    network: bytes = field(repr=False)
    name: str
    seed: bytes
    classes: Classes
    drift_ms: int  # how far ahead of the own clock an entry may lie before it is held
    grace_ms: int  # what a receiver adds to `until` before a line may lapse
    max_amount: int  # the largest amount of one intent or line, in quanta
    max_window_ms: int  # how far ahead an intent may end
    membership: Membership
    founders: tuple[bytes, ...]  # identities, sorted
    threshold: int  # how many founders enact a change of the charter; 0 without founders
    recovery_ms: int  # how long guardians wait after their consent before a recovery is complete
    rate: Rate | None = None  # what a chain may say in a time
    retention_ms: int | None = None  # how old a checkpoint is before the headers below it may go; None: they never do
    witnesses: int = DEFAULT_WITNESSES  # how many it takes for that
    profiles: Mapping[str, Profile] = field(default_factory=dict)  # license profiles of its own, by name
    issuers: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)  # whose word counts, by predicate
    magisteria: tuple[bytes, ...] = ()  # identities that issue limits, sorted
    budgets: Mapping[str, Budget] = field(default_factory=dict)  # impacts that are counted, by name
    cancel: Cancelling | None = None
    contribution: Mapping[str, Factor] = field(default_factory=dict)  # what settled lines of a class count
    credit: Mapping[str, Limits] = field(default_factory=dict)  # classes of mutual credit
    measures: Mapping[str, Measure] = field(default_factory=dict)  # what balances of processes are made in, by name
    licenses: tuple[str, ...] = ()  # names of the license profiles that are allowed, sorted; none named: any


def found(
    name: str,
    *,
    seed: bytes,
    classes: Classes,
    drift_ms: int = 120_000,
    grace_ms: int = 60_000,
    max_amount: int = MAX_AMOUNT,
    max_window_ms: int = 400 * DAY_MS,
    membership: Membership | None = None,
    founders: Iterable[bytes] = (),
    threshold: int = 0,
    recovery_ms: int = DEFAULT_RECOVERY_MS,
    rate: Rate | None = None,
    retention_ms: int | None = None,
    witnesses: int = DEFAULT_WITNESSES,
    licenses: Iterable[str] = (),
    sections: Mapping[str, Value] | None = None,
) -> Charter:
    """Return a new charter; `seed` (16 random bytes) makes it one of a kind.

    Without `membership` it is open. `threshold` founders enact a change; 0 means more than half of them.
    `sections` are optional parts as the document has them (`SECTIONS`).

    Raises:
        Malformed: a value breaks a `charter.*` rule.
    """
    document: dict[str, Value] = {
        "classes": {key: [one.unit, one.numerator, one.denominator] for key, one in classes.items()},
        "drift_ms": drift_ms,
        "grace_ms": grace_ms,
        "limits": {"amount": max_amount, "window_ms": max_window_ms},
        "membership": _written(membership or Open()),
        "name": name,
        "seed": seed,
        "version": 1,
    }
    if founding := sorted(founders):
        document |= {"founders": list[Value](founding), "threshold": threshold or len(founding) // 2 + 1}
    if recovery_ms != DEFAULT_RECOVERY_MS:
        document["recovery_ms"] = recovery_ms
    if rate is not None:
        document["rate"] = dict(rate._asdict())
    if retention_ms is not None:
        document["retention_ms"] = retention_ms
    if witnesses != DEFAULT_WITNESSES:
        document["witnesses"] = witnesses
    if profiles := sorted(licenses):
        document["licenses"] = list[Value](profiles)
    return read(encode(document | dict(sections or {})))


def _written(membership: Membership) -> Value:
    match membership:
        case Open():
            return "open"
        case Tree(slots, depth, is_liable):
            return {"tree": {"depth": depth, "liable": is_liable, "slots": slots}}
        case Stewards(threshold):
            return {"stewards": threshold}


def read(raw: bytes) -> Charter:
    """Return the charter that `raw` encodes.

    Raises:
        Malformed: not canonical, or against a `charter.*` rule.
    """
    document = decode(raw, max_bytes=MAX_CHARTER_BYTES)
    if not isinstance(document, dict):
        raise Malformed("charter.fields", "a charter is a map")
    version = document.get("version")
    if version is True or version != 1:
        raise Malformed("charter.version", f"charter version {version!r}, this is version 1")
    if not _FIELDS <= set(document) <= _FIELDS | _OPTIONAL | set(SECTIONS):
        raise Malformed(
            "charter.fields",
            f"a charter of version 1 is a map of {', '.join(sorted(_FIELDS))}, and perhaps "
            f"{', '.join(sorted(_OPTIONAL | set(SECTIONS)))}",
        )
    name, seed = document["name"], document["seed"]
    if not isinstance(name, str) or not 0 < len(name.encode()) <= 128:
        raise Malformed("charter.fields", "the name is text of 1 to 128 bytes")
    if not isinstance(seed, bytes) or len(seed) != SEED_BYTES:
        raise Malformed("charter.fields", "the seed is 16 bytes")
    founders, threshold = _founders(document)
    membership = _membership(document["membership"], len(founders))
    classes = _classes(document["classes"])
    limits = document["limits"]
    if not isinstance(limits, dict) or set(limits) != {"amount", "window_ms"}:
        raise Malformed("charter.limits", "the limits are a map of amount and window_ms")
    return Charter(
        raw=raw,
        network=digest(NETWORK_CONTEXT + raw),
        name=name,
        seed=seed,
        classes=classes,
        drift_ms=_positive(document["drift_ms"], "drift_ms", DAY_MS),
        grace_ms=_positive(document["grace_ms"], "grace_ms", 400 * DAY_MS),
        max_amount=_positive(limits["amount"], "limits.amount", MAX_AMOUNT),
        max_window_ms=_positive(limits["window_ms"], "limits.window_ms", 40_000 * DAY_MS),
        membership=membership,
        founders=founders,
        threshold=threshold,
        recovery_ms=_recovery_ms(document),
        retention_ms=_retention_ms(document),
        witnesses=_witnesses(document),
        licenses=_licenses(document),
        **{name: cast(Any, part(document[name], classes)) for name, part in SECTIONS.items() if name in document},
    )


def _founders(document: Mapping[str, Value]) -> tuple[tuple[bytes, ...], int]:
    if "founders" not in document and "threshold" not in document:
        return (), 0
    founders, threshold = document.get("founders"), document.get("threshold")
    if not isinstance(founders, list) or not 0 < len(founders) <= MAX_FOUNDERS:
        raise Malformed("charter.founders", f"the founders are 1 to {MAX_FOUNDERS} identities")
    names = tuple(one for one in founders if isinstance(one, bytes) and len(one) == DIGEST_BYTES)
    if len(names) != len(founders) or any(one >= other for one, other in pairwise(names)):
        raise Malformed("charter.founders", "the founders are ids of 32 bytes, sorted and unique")
    if type(threshold) is not int or not 0 < threshold <= len(names):
        raise Malformed("charter.founders", f"the threshold is {threshold!r}, of {len(names)} founders")
    return names, threshold


def _membership(value: Value, founders: int) -> Membership:
    if value == "open":
        return Open()
    if isinstance(value, dict) and founders:
        if set(value) == {"stewards"}:
            threshold = value["stewards"]
            if type(threshold) is int and 0 < threshold <= founders:
                return Stewards(threshold)
        if set(value) == {"tree"}:
            tree = value["tree"]
            if isinstance(tree, dict) and set(tree) == {"slots", "depth", "liable"}:
                slots, depth, is_liable = tree["slots"], tree["depth"], tree["liable"]
                if type(is_liable) is bool and _is_within(slots, MAX_SLOTS) and _is_within(depth, MAX_DEPTH):
                    return Tree(cast(int, slots), cast(int, depth), is_liable)
    raise Malformed(
        "charter.membership",
        "the policy is `open`, or with founders {tree: {slots, depth, liable}} or {stewards: threshold}",
    )


def _is_within(value: Value, most: int) -> bool:
    return type(value) is int and 0 < value <= most


def _recovery_ms(document: Mapping[str, Value]) -> int:
    if "recovery_ms" not in document:
        return DEFAULT_RECOVERY_MS
    value = _positive(document["recovery_ms"], "recovery_ms", 400 * DAY_MS)
    if value < MIN_RECOVERY_MS or value == DEFAULT_RECOVERY_MS:
        raise Malformed("charter.limits", f"recovery_ms is at least {MIN_RECOVERY_MS}, and left out where it is 3 days")
    return value


def _retention_ms(document: Mapping[str, Value]) -> int | None:
    if "retention_ms" not in document:
        return None
    return _positive(document["retention_ms"], "retention_ms", 40_000 * DAY_MS)


def _witnesses(document: Mapping[str, Value]) -> int:
    if "witnesses" not in document:
        return DEFAULT_WITNESSES
    value = _positive(document["witnesses"], "witnesses", MAX_WITNESSES)
    if value == DEFAULT_WITNESSES:
        raise Malformed("charter.limits", f"witnesses are left out where they are {DEFAULT_WITNESSES}")
    return value


def _licenses(document: Mapping[str, Value]) -> tuple[str, ...]:
    if "licenses" not in document:
        return ()
    value = document["licenses"]
    if not isinstance(value, list) or not 0 < len(value) <= MAX_LICENSES:
        raise Malformed("charter.licenses", f"the licenses are 1 to {MAX_LICENSES} names of profiles")
    names = tuple(cast(str, one) for one in value if is_name(one))
    if len(names) != len(value) or any(one >= other for one, other in pairwise(names)):
        raise Malformed("charter.licenses", "profiles have names like those of classes, sorted and unique")
    return names


def _positive(value: Value, name: str, most: int) -> int:
    if type(value) is not int or not 0 < value <= most:
        raise Malformed("charter.limits", f"{name} is {value!r}, an integer from 1 to {most} is expected")
    return value


def _classes(value: Value) -> dict[str, ResourceClass]:
    if not isinstance(value, dict) or not value:
        raise Malformed("charter.classes", "the classes are a map with at least one resource class")
    classes = {}
    for name, parts in value.items():
        if not is_name(name):
            raise Malformed("charter.classes", f"{name!r} is not a class name: dotted or dashed lower-case ASCII")
        if not isinstance(parts, list) or len(parts) != 3:
            raise Malformed("charter.classes", f"class {name} is not [unit, numerator, denominator]")
        unit, numerator, denominator = parts
        if not isinstance(unit, str) or not 0 < len(unit.encode()) <= 32:
            raise Malformed("charter.classes", f"the unit of {name} is text of 1 to 32 bytes")
        numerator = _positive(numerator, f"the numerator of {name}", 10**9)
        denominator = _positive(denominator, f"the denominator of {name}", 10**9)
        if gcd(numerator, denominator) != 1:
            raise Malformed("charter.classes", f"the quantum of {name} is not in lowest terms")
        classes[name] = ResourceClass(unit, numerator, denominator)
    return classes
