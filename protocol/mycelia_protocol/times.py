"""Times as people read them, where a rule says why it refuses; the ledger itself counts milliseconds.

They are said in UTC: whoever judges an entry says the same of it everywhere. The calendar is
counted out here, since this floor of the house has no clock and imports none.

    >>> moment_text(1_767_225_600_000), duration_text(86_400_000), duration_text(1500)
    ('2026-01-01 00:00 UTC', '1 d', '1500 ms')
"""

from __future__ import annotations

_DAY_MS = 86_400_000
_UNITS = ((_DAY_MS, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))
_ERA_DAYS = 146_097  # 400 years of the Gregorian calendar, after which it repeats
_DAYS_TO_1970 = 719_468  # from 1 March of the year 0: leap days end a year that begins in March


def moment_text(at_ms: int) -> str:
    """Return a moment to the minute."""
    days, of_day_ms = divmod(at_ms, _DAY_MS)
    year, month, day = _date(days)
    hour, minute = divmod(of_day_ms // 60_000, 60)
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC"


def duration_text(length_ms: int) -> str:
    """Return a duration in the largest unit that it is a whole number of."""
    size, unit = next((size, unit) for size, unit in _UNITS if length_ms % size == 0)
    return f"{length_ms // size} {unit}"


def _date(days: int) -> tuple[int, int, int]:
    """Return year, month and day of the Gregorian calendar, so many days after 1970 began."""
    era, day = divmod(days + _DAYS_TO_1970, _ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # from March on, months have 153 days in five
    return era * 400 + year + (month >= 10), month + 3 - 12 * (month >= 10), day - (153 * month + 2) // 5 + 1
