"""What the verdict at the start costs: printed, with `pytest -s`."""

from __future__ import annotations

import time

from mycelia_protocol import verdicts


def test_prints_the_time_of_the_verdict_at_the_start() -> None:
    before = time.process_time_ns()
    wrong = verdicts.differing()
    spent = time.process_time_ns() - before

    print(f"{len(verdicts.CASES)} known signatures judged in {spent / 1e6:.2f} ms of CPU")
    assert wrong == ()
