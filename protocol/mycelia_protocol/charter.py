"""The root charter: the document that a commons is founded on, and its network id.

The charter is a document, not an entry: canonical bytes, at most 32 KiB, never
deleted, sent in the handshake. Its digest under a prefix is the network id, for
ever. It declares the resource classes with their unit and quantum, the clock
drift, the grace of lapses, the limits of amounts and windows, who may join and,
if it likes, how much a chain may say in a time.

    >>> charter = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
    >>> read(charter.raw) == charter, charter.classes["food"].quantum
    (True, Fraction(1, 1000))

Spec: 06-charter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from .canonical import Value, decode, encode
from .cid import digest
from .errors import Malformed
from .rates import Rate, read_rate

MAX_CHARTER_BYTES = 32 * 1024
NETWORK_CONTEXT = b"mycelia/1/network\0"
SEED_BYTES = 16
MAX_AMOUNT = 2**53 - 1  # every language's integers reach it
DAY_MS = 86_400_000

_FIELDS = {"classes", "drift_ms", "grace_ms", "limits", "membership", "name", "seed", "version"}
_OPTIONAL = {"rate"}  # absent, or whole
_CLASS = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*", re.ASCII)


class ResourceClass(NamedTuple):
    """What an amount of a class counts: `numerator/denominator` of `unit` is one quantum."""

    unit: str
    numerator: int = 1
    denominator: int = 1

    @property
    def quantum(self) -> Fraction:
        """The size of one quantum, in units."""
        return Fraction(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Charter:
    """A root charter, read from `raw`; every rule takes its numbers from here."""

    raw: bytes
    network: bytes = field(repr=False)
    name: str
    seed: bytes
    classes: Mapping[str, ResourceClass]
    drift_ms: int  # how far ahead of the own clock an entry may lie before it is held
    grace_ms: int  # what a receiver adds to `until` before a line may lapse
    max_amount: int  # the largest amount of one intent or line, in quanta
    max_window_ms: int  # how far ahead an intent may end
    membership: str
    rate: Rate | None = None  # what a chain may say in a time


def found(
    name: str,
    *,
    seed: bytes,
    classes: Mapping[str, ResourceClass],
    drift_ms: int = 120_000,
    grace_ms: int = 60_000,
    max_amount: int = MAX_AMOUNT,
    max_window_ms: int = 400 * DAY_MS,
    rate: Rate | None = None,
) -> Charter:
    """Return a new charter with open membership; `seed` (16 random bytes) makes it one of a kind.

    Raises:
        Malformed: a value breaks a `charter.*` rule.
    """
    document: dict[str, Value] = {
        "classes": {key: [one.unit, one.numerator, one.denominator] for key, one in classes.items()},
        "drift_ms": drift_ms,
        "grace_ms": grace_ms,
        "limits": {"amount": max_amount, "window_ms": max_window_ms},
        "membership": "open",
        "name": name,
        "seed": seed,
        "version": 1,
    }
    if rate is not None:
        document["rate"] = dict(rate._asdict())
    return read(encode(document))


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
    if set(document) - _OPTIONAL != _FIELDS:
        raise Malformed("charter.fields", f"a charter of version 1 is a map of {', '.join(sorted(_FIELDS))}")
    name, seed = document["name"], document["seed"]
    if not isinstance(name, str) or not 0 < len(name.encode()) <= 128:
        raise Malformed("charter.fields", "the name is text of 1 to 128 bytes")
    if not isinstance(seed, bytes) or len(seed) != SEED_BYTES:
        raise Malformed("charter.fields", "the seed is 16 bytes")
    if document["membership"] != "open":
        raise Malformed("charter.membership", "the membership policy is `open`")
    limits = document["limits"]
    if not isinstance(limits, dict) or set(limits) != {"amount", "window_ms"}:
        raise Malformed("charter.limits", "the limits are a map of amount and window_ms")
    return Charter(
        raw=raw,
        network=digest(NETWORK_CONTEXT + raw),
        name=name,
        seed=seed,
        classes=_classes(document["classes"]),
        drift_ms=_positive(document["drift_ms"], "drift_ms", DAY_MS),
        grace_ms=_positive(document["grace_ms"], "grace_ms", 400 * DAY_MS),
        max_amount=_positive(limits["amount"], "limits.amount", MAX_AMOUNT),
        max_window_ms=_positive(limits["window_ms"], "limits.window_ms", 40_000 * DAY_MS),
        membership="open",
        rate=read_rate(document["rate"]) if "rate" in document else None,
    )


def _positive(value: Value, name: str, most: int) -> int:
    if type(value) is not int or not 0 < value <= most:
        raise Malformed("charter.limits", f"{name} is {value!r}, an integer from 1 to {most} is expected")
    return value


def _classes(value: Value) -> dict[str, ResourceClass]:
    if not isinstance(value, dict) or not value:
        raise Malformed("charter.classes", "the classes are a map with at least one resource class")
    classes = {}
    for name, parts in value.items():
        if not _CLASS.fullmatch(name) or len(name) > 64:
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
