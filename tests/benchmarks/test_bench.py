"""The bench of the ledger: what it reports, and that the real path stays near the physical limit.

Ratios within one run differ by some 15 % on a busy machine, so the bounds here are
looser than what a quiet run of `mycelia bench ledger` has to show.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node import bench


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int | float]:
    """Return the figures of one small run."""
    return bench.ledger(3000, directory=tmp_path_factory.mktemp("bench"))


class TestTheBench:
    def test_measures_entries_of_the_agreed_size(self, figures: dict[str, int | float]) -> None:
        assert figures["entries"] == 3000
        assert 280 <= figures["bytes_per_entry"] <= 300

    @pytest.mark.parametrize(
        ("ratio", "least"),
        [("append_vs_sign", 0.15), ("ingest_vs_verify", 1.0), ("ingest_single_vs_verify", 0.4)],
    )
    def test_stays_near_the_limit_of_the_signatures(
        self, figures: dict[str, int | float], ratio: str, least: float
    ) -> None:
        assert figures[ratio] >= least

    def test_takes_little_disk(self, figures: dict[str, int | float]) -> None:
        assert figures["disk_bytes_per_entry"] <= 420

    def test_reopens_without_reading_everything(self, figures: dict[str, int | float]) -> None:
        assert figures["reopen_s"] < 0.3

    def test_leaves_nothing_behind(self, tmp_path: Path) -> None:
        bench.ledger(100, directory=tmp_path)

        assert list(tmp_path.iterdir()) == []
