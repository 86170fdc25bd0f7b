"""Enactments: how the numbers of a charter change, chain by chain, forward and never back.

The root charter stays what it is for ever; an `enact` says which of its numbers
are to be others, and which resource classes are added. Founders consent to it;
then each chain adopts it when its owner likes, and is judged by it from the next
entry on. What was said before keeps its rules.

    >>> from mycelia_protocol.charter import ResourceClass, found
    >>> charter = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg")})
    >>> later = amended(charter, {"grace_ms": 5000, "classes.care": "1/4 h"})
    >>> later.grace_ms, later.classes["care"], later.network == charter.network
    (5000, ResourceClass(unit='h', numerator=1, denominator=4), True)

Spec: 18-enactment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from .canonical import Value, encode
from .charter import Charter, read
from .envelope import Header, Term
from .errors import Malformed, Refused

NUMBERS = ("grace_ms", "limits.amount", "limits.window_ms", "rate.burst_ms", "rate.entry_ms", "rate.kib_ms")
CLASS = "classes."
MAX_AMENDMENTS = 64
_CLASS_TEXT = re.compile(r"([1-9][0-9]{0,9})/([1-9][0-9]{0,9}) (.+)", re.DOTALL)

Amendments = Mapping[str, int | str]


def amendments_of(header: Header) -> dict[str, int | str]:
    """Return what an `enact` changes, by field.

    Raises:
        Refused: rule `enact.terms`.
    """
    rest = header.terms[1:]
    names, values = rest[0::2], rest[1::2]
    if not 0 < len(names) <= MAX_AMENDMENTS or len(rest) % 2:
        raise Refused("enact.terms", f"an enactment has 1 to {MAX_AMENDMENTS} pairs of a field and a value")
    found: dict[str, int | str] = {}
    for name, value in zip(names, values, strict=True):
        if type(name) is not str or not _is_amendable(name, value) or (found and name <= max(found)):
            raise Refused("enact.terms", f"{name!r} is no field that can change so, or the fields are not sorted")
        found[name] = value  # type: ignore[assignment]  # _is_amendable has seen its type
    return found


def _is_amendable(name: str, value: Term) -> bool:
    return type(value) is int if name in NUMBERS else name.startswith(CLASS) and type(value) is str


def amended(charter: Charter, changes: Amendments) -> Charter:
    """Return the charter with these changes; its bytes and network stay those of the root.

    Raises:
        Refused: rule `enact.charter`: a number is out of range, or a class is there already or not well formed.
    """
    document: dict[str, Value] = {
        "classes": {key: [one.unit, one.numerator, one.denominator] for key, one in charter.classes.items()},
        "drift_ms": charter.drift_ms,
        "grace_ms": changes.get("grace_ms", charter.grace_ms),
        "limits": {
            "amount": changes.get("limits.amount", charter.max_amount),
            "window_ms": changes.get("limits.window_ms", charter.max_window_ms),
        },
        "membership": "open",
        "name": charter.name,
        "seed": charter.seed,
        "version": 1,
    }
    rate = dict(charter.rate._asdict()) if charter.rate else {}
    rate |= {name.removeprefix("rate."): value for name, value in changes.items() if name.startswith("rate.")}
    if rate:
        document["rate"] = rate
    for name, text in changes.items():
        if name.startswith(CLASS):
            _add_class(document["classes"], name.removeprefix(CLASS), str(text))
    try:
        law = read(encode(document))
    except Malformed as error:
        raise Refused("enact.charter", f"the charter would break `{error.rule}`: {error.message}") from error
    return replace(
        charter, classes=law.classes, grace_ms=law.grace_ms, max_amount=law.max_amount,
        max_window_ms=law.max_window_ms, rate=law.rate,
    )  # fmt: skip


def _add_class(classes: Value, name: str, text: str) -> None:
    match = _CLASS_TEXT.fullmatch(text)
    if match is None or not isinstance(classes, dict) or name in classes:
        raise Refused("enact.charter", f"class {name!r} is there already, or {text!r} is not like `1/1000 kg`")
    classes[name] = [match[3], int(match[1]), int(match[2])]
