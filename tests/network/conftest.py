"""What every test with real processes has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.nodes import Nodes


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Return what makes nodes; those that still run at the end of the test are killed."""
    made = Nodes(tmp_path)
    yield made
    made.end()
