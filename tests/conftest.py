"""What every test has: Hypothesis without deadlines; in CI the same examples every time; and where it runs.

Tests run on all processors, file by file, so that what a file has made once serves all its tests. Those that start
processes follow one another on one processor: none waits for a machine that the others use up.
"""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

STATE = tempfile.TemporaryDirectory()
os.environ["MYCELIA_STATE"] = STATE.name  # never the user's own
LONGEST = ("tests/network/", "tests/scenarios/")  # they begin first, so that no processor is left with one at the end

settings.register_profile("here", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a processor a file at a time, or all that start processes."""

    def _split_scope(self, nodeid: str) -> str:
        return LONGEST[0] if nodeid.startswith(LONGEST[0]) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Return who gives tests to processors."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest begin first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
