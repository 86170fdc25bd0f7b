"""The rate: what one chain may say in a time, as a generic cell rate algorithm along its own prefix.

A chain carries one number, its *tat*: until when what it has said is paid for.
An entry moves it on by its weight and is refused if it then lies further ahead
of the entry's own time than the burst. No clock but the chain's own is read, so
everybody agrees. A refused entry moves it too: others stored and sent it.

    >>> rate = Rate(burst_ms=5_000, entry_ms=1_000, kib_ms=0)
    >>> max(0, 7_000) + rate.entry_ms  # the tat after a chain's first word, at 7 s
    8000

Spec: 06-charter, 08-validation `rate.cell`.
"""

from __future__ import annotations

from typing import NamedTuple

from .canonical import Value
from .envelope import MAX_BODY_BYTES, MAX_HEADER_BYTES, Entry
from .errors import Malformed

KIB = 1024
LARGEST_KIB = (MAX_HEADER_BYTES + MAX_BODY_BYTES) // KIB
# They end things or free others: nobody is bound for having said too much.
FREEING = frozenset({"deliver", "receive", "release", "lapse", "cancel", "withdraw"})

_RANGES = {"burst_ms": (1, 34_560_000_000), "entry_ms": (1, 86_400_000), "kib_ms": (0, 86_400_000)}


class Rate(NamedTuple):
    """What entries weigh, and how far their sum may run ahead of the chain's time, in milliseconds."""

    burst_ms: int
    entry_ms: int
    kib_ms: int

    @property
    def heaviest_ms(self) -> int:
        """What the largest entry weighs."""
        return self.entry_ms + LARGEST_KIB * self.kib_ms


def read_rate(value: Value, _classes: object = None) -> Rate:
    """Return the rate that a charter states.

    Raises:
        Malformed: rule `charter.rate`.
    """
    if not isinstance(value, dict) or set(value) != set(_RANGES):
        raise Malformed("charter.rate", f"the rate is a map of {', '.join(_RANGES)}")
    numbers = []
    for name, (least, most) in _RANGES.items():
        number = value[name]
        if type(number) is not int or not least <= number <= most:
            raise Malformed("charter.rate", f"rate.{name} is {number!r}, an integer from {least} to {most} is expected")
        numbers.append(number)
    rate = Rate(*numbers)
    if rate.burst_ms < rate.heaviest_ms:
        raise Malformed(
            "charter.rate", f"the burst of {rate.burst_ms} ms is less than the {rate.heaviest_ms} ms of one entry"
        )
    return rate


def tat_after(tat: int, entry: Entry, rate: Rate, *, frees: bool = False) -> int:
    """Return the chain's tat after an entry; one that `frees` is valid and of a freeing kind."""
    header = entry.header
    if frees:
        if not header.body_length or not rate.kib_ms:
            return tat
        weight = rate.kib_ms * -(-header.body_length // KIB)
    else:
        weight = rate.entry_ms + rate.kib_ms * -(-(len(entry.raw) + header.body_length) // KIB)
    return max(tat, header.time_ms) + weight
