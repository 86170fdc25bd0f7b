"""The field: how strong a signal still is, and how much of it is still open.

A pure function of the effective entries, the time and the observer's own
parameters. It is never on the ledger: nobody signs it, no rule reads it, and two
observers with other half-lives see other fields over the same entries. It spreads
over no places and ranks nothing: that is the business of whoever reads it.

    >>> strength(0, 1000), strength(1000, 1000), strength(1500, 1000)
    (1000000, 500000, 353553)

Spec: 12-field.
"""

from __future__ import annotations

from .standing import Intent, Standing, Status

FULL = 1_000_000  # millionths: the strength of a signal of this very moment
STEPS = 64  # per half-life

# floor(10**6 * 2**(-step / 64)), so that no language's floats decide
_TABLE = (
    1_000_000, 989_228, 978_572, 968_030, 957_603, 947_287, 937_083, 926_989,
    917_004, 907_126, 897_354, 887_688, 878_126, 868_666, 859_309, 850_053,
    840_896, 831_838, 822_877, 814_013, 805_245, 796_571, 787_990, 779_502,
    771_105, 762_799, 754_582, 746_453, 738_413, 730_458, 722_590, 714_806,
    707_106, 699_489, 691_954, 684_501, 677_127, 669_833, 662_618, 655_480,
    648_419, 641_435, 634_525, 627_690, 620_928, 614_240, 607_623, 601_078,
    594_603, 588_198, 581_862, 575_594, 569_394, 563_260, 557_193, 551_191,
    545_253, 539_380, 533_570, 527_822, 522_136, 516_512, 510_948, 505_444,
)  # fmt: skip


def strength(age_ms: int, half_life_ms: int) -> int:
    """Return what is left of a signal of this age, in millionths.

    Never more with more age; an age below zero (a clock ahead of ours) counts as zero.
    `half_life_ms` is the observer's own, at least 1.
    """
    halvings, step = divmod(max(age_ms, 0) * STEPS // half_life_ms, STEPS)
    return _TABLE[step] >> halvings


def is_open(intent: Intent, at_ms: int) -> bool:
    """Return whether an intent still asks for something at `at_ms`: not withdrawn, not forked, its window not over."""
    return not intent.withdrawn and not intent.forked and at_ms < intent.end_ms


def remaining(standing: Standing, need: bytes) -> int:
    """Return how many quanta of a known need nobody has taken on, 0 or more.

    What its chain counts as accepted is taken, and what is pending. So a line that the provider left
    stays taken until the receiver cites that exit: no accept would be valid before, and without this
    providers would commit to it again and again.
    """
    pending = sum(line.amount for line in standing.lines_by(need) if standing.status(line) is Status.PENDING)
    return max(standing.needs[need].amount - standing.accepted(need) - pending, 0)


def free(standing: Standing, offer: bytes) -> int:
    """Return how many quanta of a known offer its chain has not committed, or has freed again, 0 or more."""
    return max(standing.offers[offer].amount - standing.committed(offer), 0)
