"""Facts on disk: each record has a letter of its own, and comes back as it was written."""

from __future__ import annotations

import pytest

from mycelia_node import facts
from mycelia_protocol.accumulators import RECORDS


class TestAKey:
    @pytest.mark.parametrize("record", sorted(RECORDS))
    def test_is_read_as_it_was_written(self, record: str) -> None:
        key = (record, bytes(range(32)), 7)

        assert facts.read_key(facts.write_key(key)) == key

    def test_begins_with_a_letter_that_no_other_record_has(self) -> None:
        letters = {facts.write_key((record, bytes(32), -1))[:1] for record in RECORDS}

        assert len(letters) == len(RECORDS)
