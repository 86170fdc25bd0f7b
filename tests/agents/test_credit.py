"""What an agent takes for payment: credit that somebody gave its provider, or that he may owe."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_agents.sense import Sense
from tests.builders import Line, Member, on
from tests.dealings import Commons, dealt, found, reciprocal
from tests.node.ledgers import Clock, as_runs, new_ledger


def offered(provider: Member, receiver: Member, amount: int) -> Line:
    """Bring a line of credit to where the receiver is asked."""
    need = receiver.need(amount, resource_class="hours")
    row = provider.row(provider.offer(amount, resource_class="hours"), (need, amount))
    return provider.commit(row, (need, amount)), 0


def pending(commons: Commons, receiver: Member, home: Path) -> list[int]:
    """Return the amounts that the receiver's agent may accept."""
    ledger = new_ledger(home, clock=Clock(commons.now_ms), law=commons.charter)
    ledger.ingest(as_runs(commons.held.values()))
    sense = Sense(ledger)
    sense.refresh()
    observed = sense.observe(receiver.chain, {}, commons.now_ms)
    ledger.close()
    return [line.amount for need in observed.needs for line in need.pending]


class TestAPromiseOfCredit:
    @pytest.mark.parametrize("amount", [1, 40])
    def test_is_taken_down_to_the_floor(self, tmp_path: Path, amount: int) -> None:
        commons = Commons(reciprocal())
        bo, cleo = found(commons, "bo"), found(commons, "cleo")
        offered(bo, cleo, amount)

        assert pending(commons, cleo, tmp_path) == [amount]

    def test_of_what_was_received_is_taken(self, tmp_path: Path) -> None:
        commons = Commons(reciprocal())
        anna, bo, cleo = (found(commons, name) for name in ("anna", "bo", "cleo"))
        dealt(anna, bo, 30, "hours")
        offered(bo, cleo, 70)

        assert pending(commons, cleo, tmp_path) == [70]

    def test_of_what_nobody_gave_is_not_taken(self, tmp_path: Path) -> None:
        """Eve and Bo are in league: his account has what she could not give."""
        commons = Commons(reciprocal())
        eve, bo, cleo = (found(commons, name) for name in ("eve", "bo", "cleo"))
        need = bo.need(90, resource_class="hours")
        row = eve.row(eve.offer(90, resource_class="hours"), (need, 90))
        line: Line = eve.misstep(eve.commit_content(row, (need, 90))), 0
        accepted = bo.accept(need, line)
        bo.on("receive", line, cites=[eve.misstep(on("deliver", line, cites=[accepted]))])

        for amount in (30, 30):  # each alone he might owe
            offered(bo, cleo, amount)

        assert pending(commons, cleo, tmp_path) == []

    def test_of_a_second_first_chain_of_one_identity_is_not_taken(self, tmp_path: Path) -> None:
        commons = Commons(reciprocal())
        bo, cleo = found(commons, "bo"), found(commons, "cleo")
        dealt(bo, cleo, 40, "hours")
        commons.wait(1000)
        offered(found(commons, "bo"), cleo, 1)

        assert pending(commons, cleo, tmp_path) == []
