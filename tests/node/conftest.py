"""What every test of the node has: ledgers that are closed when the test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mycelia_node.ledger import Ledger


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every ledger that a test leaves open, so that files and locks are let go."""
    opened: list[Ledger] = []
    start = Ledger.__init__

    def remember(self: Ledger, *args: object, **more: object) -> None:
        start(self, *args, **more)  # type: ignore[arg-type]
        opened.append(self)

    monkeypatch.setattr(Ledger, "__init__", remember)
    yield
    for ledger in opened:
        try:
            ledger.close()
        except OSError:
            continue  # the test closed it
