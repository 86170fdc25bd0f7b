"""Times as people read them, where a rule says why it refuses; the ledger itself counts milliseconds.

They are said in UTC: whoever judges an entry says the same of it everywhere. Of the standard library's calendar only
the arithmetic is used, never its clock.

    >>> moment_text(1_767_225_600_000), duration_text(86_400_000), duration_text(1500)
    ('2026-01-01 00:00 UTC', '1 d', '1500 ms')
"""

from __future__ import annotations

from datetime import datetime, timedelta

_BEGINNING = datetime(1970, 1, 1)
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))


def moment_text(at_ms: int) -> str:
    """Return a moment to the minute; one that no calendar has, in milliseconds."""
    try:
        return f"{_BEGINNING + timedelta(milliseconds=at_ms):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return f"{at_ms} ms after 1970"


def duration_text(length_ms: int) -> str:
    """Return a duration in the largest unit that it is a whole number of."""
    size, unit = next((size, unit) for size, unit in _UNITS if length_ms % size == 0)
    return f"{length_ms // size} {unit}"
