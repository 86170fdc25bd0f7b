"""What members do about lines, between homes: nobody pastes what a deed rests on, and the rules are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mycelia_node import models
from mycelia_node.deeds import LINES_IN_ONE, Deeds
from mycelia_node.desk import NotFound
from mycelia_node.faults import BadInput
from mycelia_protocol import cid, compose
from mycelia_protocol.errors import Refused
from tests.builders import CELL, HOUR_MS

from .test_treasury import say
from .test_witnessing import peopled


class Village:
    """Anna gives and Bo asks, each at a home of their own."""

    def __init__(self) -> None:
        self.town = peopled("bo")
        self.anna, self.bo = (Deeds(self.town[name].desk, self.town.clock) for name in ("anna", "bo"))

    def intents(self, amount: int = 10) -> tuple[str, str]:
        """Publish an offer of Anna's and a need of Bo's; return their ids."""
        begin_ms, end_ms = self.town.now_ms, self.town.now_ms + 48 * HOUR_MS
        given = compose.offer("food", amount, CELL, begin_ms=begin_ms, end_ms=end_ms)
        asked = compose.need("food", amount, CELL, begin_ms=begin_ms, end_ms=end_ms, urgency=0)
        offer, need = say(self.town["anna"], given, "anna"), say(self.town["bo"], asked, "bo")
        return cid.text(offer.id), cid.text(need.id)

    def promised(self, amount: int | None = None) -> str:
        """Bring a line to where Bo can accept it; return its name."""
        offer, need = self.intents()
        [line] = self.anna.commit(models.NewCommitment(offer=offer, need=need, amount=amount)).lines
        self.town.meet()
        return line

    def act(self, name: str, kind: Any, *lines: str, dry_run: bool = False) -> models.DeedView:
        """Have somebody do something, about all lines if none are named, and tell everybody."""
        deeds = self.anna if name == "anna" else self.bo
        view = deeds.act(models.NewDeed(kind=kind, lines=list(lines), everything=not lines, dry_run=dry_run))
        self.town.meet()
        return view

    def stands(self, line: str) -> str:
        """Return where a line stands, as Bo's home sees it."""
        [one] = [
            one for one in self.town["bo"].desk.why(line.partition(":")[0]).lines if line.endswith(f":{one.number}")
        ]
        return one.status


@pytest.fixture
def village() -> Iterator[Village]:
    village = Village()
    yield village
    village.town.close()


class TestALine:
    def test_goes_from_the_promise_to_the_receipt_with_no_id_pasted(self, village: Village) -> None:
        line = village.promised()
        seen = [village.stands(line)]
        for name, kind in (("bo", "accept"), ("anna", "deliver"), ("bo", "receive")):
            assert village.act(name, kind).lines == [line]
            seen.append(village.stands(line))

        assert seen == ["pending", "firm", "firm", "done"]
        assert all(not village.act(name, kind).entries for name, kind in (("anna", "deliver"), ("bo", "receive")))

    def test_is_named_by_its_need_its_offer_or_its_commit_while_there_is_but_one(self, village: Village) -> None:
        offer, need = village.intents()
        village.anna.commit(models.NewCommitment(offer=offer, need=need, amount=4))
        village.town.meet()
        village.act("bo", "accept", need)
        [line] = village.act("anna", "deliver", offer).lines
        assert village.act("bo", "receive", line.partition(":")[0]).lines == [line]

        for _ in range(2):
            village.anna.commit(models.NewCommitment(offer=offer, need=need, amount=2))
            village.town.meet()
        with pytest.raises(BadInput, match=f"{need} has 2 lines to accept"):
            village.act("bo", "accept", need)

    def test_takes_what_is_left_where_no_amount_is_named(self, village: Village) -> None:
        offer, need = village.intents()
        village.anna.commit(models.NewCommitment(offer=offer, need=need, amount="0.4 kg"))
        village.town.meet()
        village.act("bo", "accept")
        village.anna.commit(models.NewCommitment(offer=offer, need=need))
        village.town.meet()
        assert len(village.act("bo", "accept").lines) == 1

        with pytest.raises(BadInput, match="nothing is left"):
            village.anna.commit(models.NewCommitment(offer=offer, need=need))

    def test_is_freed_when_nobody_accepted_it_in_time_and_lapses_when_nobody_delivered(self, village: Village) -> None:
        kept, left = village.promised(), village.promised()
        village.act("bo", "accept", kept)
        village.town.now_ms += 25 * HOUR_MS
        assert village.act("anna", "release").lines == [left]
        village.town.now_ms += village.town.charter.grace_ms + 48 * HOUR_MS
        assert village.act("bo", "lapse").lines == [kept]
        assert village.act("anna", "release").lines == [kept]
        assert (village.stands(kept), village.stands(left)) == ("void", "void")

    def test_is_cancelled_only_by_name(self, village: Village) -> None:
        line = village.promised()
        with pytest.raises(BadInput, match="goes back"):
            village.act("anna", "cancel")
        village.act("anna", "cancel", line)

        assert village.stands(line) == "void"

    def test_that_is_not_ready_is_refused_by_the_name_of_the_rule(self, village: Village) -> None:
        line = village.promised()
        with pytest.raises(Refused) as early:
            village.act("anna", "deliver", line)
        with pytest.raises(Refused) as unaccepted:
            village.act("bo", "receive", line)
        with pytest.raises(Refused) as held:
            village.act("anna", "release", line)

        assert [one.value.rule for one in (early, unaccepted, held)] == [
            "deliver.accept", "receive.line", "release.ground",
        ]  # fmt: skip

    def test_is_rehearsed_without_a_trace(self, village: Village) -> None:
        line, before = village.promised(), village.town["bo"].ledger.count()
        view = village.act("bo", "accept", line, dry_run=True)

        assert (view.lines, view.dry_run, len(view.entries)) == ([line], True, 1)
        assert village.town["bo"].ledger.count() == before

    @pytest.mark.parametrize("name", ["bafy", "x:0", "{}:x", "{}:99999", ":", ""])
    def test_that_there_is_not_is_said_so(self, village: Village, name: str) -> None:
        commit = village.promised().partition(":")[0]
        with pytest.raises((BadInput, NotFound)):
            village.act("bo", "accept", name.format(commit))


class TestAll:
    def test_is_as_many_entries_as_it_takes(self, village: Village) -> None:
        lines = {village.promised() for _ in range(LINES_IN_ONE + 1)}
        assert set(village.act("bo", "accept").lines) == lines
        delivered = village.act("anna", "deliver")
        received = village.act("bo", "receive")

        assert (len(delivered.entries), len(received.entries)) == (2, 2)
        assert {village.stands(line) for line in lines} == {"done"}

    def test_or_names_not_both(self, village: Village) -> None:
        with pytest.raises(BadInput, match="either"):
            village.bo.act(models.NewDeed(kind="accept"))
