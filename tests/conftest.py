"""What every test has: Hypothesis without deadlines; in CI the same examples every time; and where it runs.

Tests run on all processors. Those with real processes follow one another on one of them, so that none waits for
a machine that others use up; a test that shares a costly result with its neighbours names a group of its own.
"""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

STATE = tempfile.TemporaryDirectory()
os.environ["MYCELIA_STATE"] = STATE.name  # never the user's own

settings.register_profile("here", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests with real processes into one group."""
    for item in items:
        if item.get_closest_marker("network"):
            item.add_marker(pytest.mark.xdist_group("network"))
