"""Times as people read them in the message of a refusal."""

from __future__ import annotations

import pytest

from mycelia_protocol.times import duration_text, moment_text


class TestAMoment:
    @pytest.mark.parametrize(
        ("at_ms", "text"),
        [
            (0, "1970-01-01 00:00 UTC"),
            (1_767_225_659_999, "2026-01-01 00:00 UTC"),
            (2**63 - 1, "9223372036854775807 ms after 1970"),
        ],
    )
    def test_is_said_to_the_minute_however_far_it_lies(self, at_ms: int, text: str) -> None:
        assert moment_text(at_ms) == text


class TestADuration:
    @pytest.mark.parametrize(
        ("length_ms", "text"), [(86_400_000, "1 d"), (5_400_000, "90 min"), (1000, "1 s"), (1001, "1001 ms")]
    )
    def test_is_said_in_the_largest_unit_that_fits(self, length_ms: int, text: str) -> None:
        assert duration_text(length_ms) == text
