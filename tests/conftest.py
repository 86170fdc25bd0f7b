"""What every test has: Hypothesis without deadlines; in CI the same examples every time."""

from __future__ import annotations

import os
import tempfile

from hypothesis import HealthCheck, settings

STATE = tempfile.TemporaryDirectory()
os.environ["MYCELIA_STATE"] = STATE.name  # never the user's own

settings.register_profile("here", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
