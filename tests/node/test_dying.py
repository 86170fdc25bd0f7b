"""Deaths at every point of the release path: whatever follows, no two entries of one place were ever sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.node.dying import AFTER

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.network


class Found(NamedTuple):
    """What followed a death."""

    at: int
    after: str
    code: int
    sent: int
    twice: int


def died(place: Path, flaw: str = "none", *after: str) -> list[Found]:
    """Return what followed each death of a home."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.node.dying", str(place), flaw, *after],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Found(**json.loads(line)) for line in done.stdout.splitlines()]


class TestAHomeThatDiesAtAnyPoint:
    def test_never_sends_two_entries_of_one_place(self, tmp_path: Path) -> None:
        found = died(tmp_path)

        print(f"{found[-1].at} deaths, {Counter(one.after for one in found)}")
        assert {one.after for one in found} == set(AFTER)
        assert {one.at for one in found} == set(range(1, found[-1].at + 1))
        assert len({one.sent for one in found}) > 3  # some deaths came before anything was sent, some between
        assert [one for one in found if one.code or one.twice] == []

    @pytest.mark.parametrize(("flaw", "after"), [("late", "data restored"), ("unflushed", "power cut, data restored")])
    def test_would_if(self, tmp_path: Path, flaw: str, after: str) -> None:
        found = died(tmp_path, flaw, after)

        assert [one for one in found if one.twice]
