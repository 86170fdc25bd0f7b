"""The bench of the ledger: what it reports. How fast it is, a quiet run of `mycelia bench ledger` says, no test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node import bench

ENTRIES = 3000


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def figures(scratch: Path) -> dict[str, int | float]:
    """Return the figures of one small run."""
    return bench.ledger(ENTRIES, directory=scratch)


class TestTheBench:
    def test_measures_entries_of_the_agreed_size(self, figures: dict[str, int | float]) -> None:
        assert figures["entries"] == ENTRIES
        assert 280 <= figures["bytes_per_entry"] <= 300

    def test_compares_each_step_with_what_ran_beside_it(self, figures: dict[str, int | float]) -> None:
        beside_runs = figures["ingest_per_cpu_s"] / figures["ingest_vs_verify"]
        beside_singles = figures["ingest_single_per_cpu_s"] / figures["ingest_single_vs_verify"]

        assert figures["append_per_cpu_s"] / figures["append_vs_sign"] == pytest.approx(
            figures["sign_per_cpu_s"], rel=0.01
        )
        assert (beside_runs + beside_singles) / 2 == pytest.approx(figures["verify_per_cpu_s"], rel=0.01)

    def test_takes_little_disk(self, figures: dict[str, int | float]) -> None:
        assert figures["disk_bytes_per_entry"] <= 440

    def test_leaves_nothing_behind(self, figures: dict[str, int | float], scratch: Path) -> None:
        assert figures
        assert list(scratch.iterdir()) == []
