"""The exchequer: what everybody sees of limits, and of whoever spends what nobody gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mycelia_node import models
from mycelia_node.desk import Desk
from mycelia_node.exchequer import Exchequer
from mycelia_node.hall import Hall
from mycelia_node.keystore import Keystore
from mycelia_node.ledger import Ledger
from mycelia_protocol import cid, compose
from tests.builders import HOUR_MS, Member, note
from tests.dealings import branch
from tests.protocol.test_budget import GRAMS_A_LOAF, Town

from .ledgers import Clock, as_runs, new_ledger


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def ledger(town: Town, tmp_path: Path) -> Iterator[Ledger]:
    """A peer that hears of the town from elsewhere."""
    made = new_ledger(tmp_path, law=town.charter, clock=Clock(town.now_ms))
    yield made
    made.close()


def seen(town: Town, ledger: Ledger, path: Path) -> models.BudgetView:
    """Return what a peer that heard everything says of the town's one impact."""
    ledger.ingest(as_runs(town.held.values()))
    clock = Clock(town.now_ms)
    desk = Desk(ledger, Keystore(path / "keys", entropy=Random(1).randbytes), clock)
    [view] = Exchequer(desk, Hall(desk, clock, Random(2).randbytes)).budgets()
    return view


def share(view: models.BudgetView, member: Member) -> models.BudgetShare:
    """Return what it says of one chain."""
    [found] = [one for one in view.shares if one.chain == cid.text(member.chain)]
    return found


class TestABudget:
    def test_shows_what_everybody_was_allotted_spent_and_has(self, town: Town, ledger: Ledger, tmp_path: Path) -> None:
        first = town.allot(town.board, town.threshold(4000), town.anna, 4000)
        town.allot(town.anna, first, town.bo, 1000)
        town.bake(town.anna, 2)

        view = seen(town, ledger, tmp_path)

        one, other = share(view, town.anna), share(view, town.bo)
        assert (one.allotted, one.spent, one.left, one.overdrawn) == (3000, 2 * GRAMS_A_LOAF, 1200, 0)
        assert (other.allotted, other.spent, other.left, other.overdrawn) == (1000, 0, 1000, 0)

    def test_shows_as_overdrawn_what_was_spent_of_nothing(self, town: Town, ledger: Ledger, tmp_path: Path) -> None:
        """Anna gives away a second time what she had; Bo, who is in league with her, takes it and bakes."""
        first = town.allot(town.board, town.threshold(2000), town.anna, 1000)
        town.allot(town.anna, first, town.cleo, 1000)
        ends = town.now_ms + HOUR_MS
        forged = town.anna.misstep(compose.allot(first.id, town.bo.chain, "budget", "co2", 1000, ends))
        town.bo.say(compose.take([forged.id]))
        assert town.bake(town.bo, 1) == "valid"

        found = share(seen(town, ledger, tmp_path), town.bo)

        assert (found.allotted, found.spent, found.left, found.overdrawn) == (0, GRAMS_A_LOAF, 0, GRAMS_A_LOAF)

    def test_forgets_a_ceiling_once_the_rotation_that_does_not_keep_it_comes_in(
        self, town: Town, ledger: Ledger, tmp_path: Path
    ) -> None:
        desk = town.board.install("desk")
        source = desk.say(town.ceiling(4000, chain=desk.chain))
        town.allot(desk, source, town.anna, 4000)
        town.bake(town.anna, 1)
        before = seen(town, ledger, tmp_path)
        town.board.rotate()

        after = seen(town, ledger, tmp_path)

        assert [limit.amount for limit in before.thresholds] == [4000]
        assert share(before, town.anna).left == 4000 - GRAMS_A_LOAF
        assert (after.thresholds, after.quotients) == ([], [])
        found = share(after, town.anna)
        assert (found.allotted, found.spent, found.left, found.overdrawn) == (0, GRAMS_A_LOAF, 0, GRAMS_A_LOAF)

    @pytest.mark.parametrize("is_turned", [False, True], ids=["the lesser past first", "the greater past first"])
    def test_shows_of_two_pasts_the_one_that_spent_more_whichever_came_first(
        self, town: Town, ledger: Ledger, tmp_path: Path, *, is_turned: bool
    ) -> None:
        town.allot(town.board, town.threshold(4000), town.anna, 4000)
        said, twin = list(town.held), branch(town.anna)
        town.bake(town.anna, 1)
        one = town.anna.prefix.tip
        town.bake(twin, 3)
        town.bo.say(note(town.held[one], town.held[twin.prefix.tip]))
        pasts = [twin.prefix.tip, one] if is_turned else [one, twin.prefix.tip]
        town.held = {name: town.held[name] for name in [*said, *pasts, *town.held]}

        found = share(seen(town, ledger, tmp_path), town.anna)

        assert (found.spent, found.left) == (3 * GRAMS_A_LOAF, 4000 - 3 * GRAMS_A_LOAF)
