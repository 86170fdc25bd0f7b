"""Checkpoints in a ledger: judged on disk as in memory, and cheap to judge however long the chain is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_node import ledger as ledgers
from mycelia_node.ledger import Ledger
from mycelia_protocol.accumulators import Checkpointed
from mycelia_protocol.kinds.checkpoints import MIN_DISTANCE
from tests.builders import note
from tests.scenarios.test_threats import after

from .ledgers import as_runs, new_ledger, open_ledger, pair


def summed_up(ledger: Ledger, places: int) -> list[bytes]:
    """Return the ids of a chain that said so much and then summed it up, twice."""
    opening = ledger.open_chain(pair("anna"))
    for _ in range(2):
        ledger.publish(pair("anna"), opening.id, [note()] * places)
        ledger.publish(pair("anna"), opening.id, [ledger.summed_up(opening.id)])
    return [stored.entry.id for stored in ledger.stored(limit=10_000)]


class TestACheckpointOfALongChain:
    def test_is_judged_without_having_the_chain_in_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledgers, "_CACHED_ENTRIES", 20)
        anna, bo = new_ledger(tmp_path / "anna", seed=1), new_ledger(tmp_path / "bo", seed=2)
        names = summed_up(anna, 200)
        entries = [anna.get(name) for name in names]
        above = [stored.entry for stored in entries if stored is not None]
        bo.ingest(as_runs(above[:-1]))

        taken = bo.ingest(as_runs(above[-1:]))

        assert [stored.is_valid for stored in taken.accepted] == [True]
        assert len(bo._entries) <= 20 + 2

    def test_is_the_same_after_a_restart_and_when_it_is_verified(self, tmp_path: Path) -> None:
        anna = new_ledger(tmp_path / "anna", seed=1)
        names = summed_up(anna, MIN_DISTANCE)
        anna.close()

        again = open_ledger(tmp_path / "anna")

        assert again.verify().is_good
        assert again.count() == len(names)
        kinds = [stored.entry.header.kind for stored in again.stored() if stored.is_valid]
        assert kinds.count("checkpoint") == 2
        again.close()

    def test_leaves_what_its_kind_leaves_even_if_it_is_refused(self, tmp_path: Path) -> None:
        anna = new_ledger(tmp_path / "anna", seed=1)
        opening = anna.open_chain(pair("eve"))
        tip = anna.publish(pair("eve"), opening.id, [note()] * MIN_DISTANCE)[-1]
        content = anna.summed_up(opening.id)
        bo = new_ledger(tmp_path / "bo", seed=2)
        bo.ingest(as_runs([stored.entry for stored in anna.stored()]))
        wrong = after(opening, tip, content._replace(terms=[content.terms[0], bytes(32), None]), network=anna.network)

        taken = bo.ingest(as_runs([wrong]))

        assert [stored.refused and stored.refused[0] for stored in taken.accepted] == ["checkpoint.state"]
        [branch] = bo._branches.of(opening.id)
        noted = branch.facts["checkpoint", opening.id, -1]
        assert isinstance(noted, Checkpointed)
        assert (noted.sequence, noted.checkpoint) == (MIN_DISTANCE + 1, None)
        assert bo.verify().is_good
