"""Witnessing between homes: what is witnessed, by whom, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mycelia_node import models, witnessing
from mycelia_node.witnessing import Witnessing
from mycelia_protocol.kinds.checkpoints import MIN_DISTANCE
from mycelia_protocol.membership import Status
from tests.builders import note

from .towns import Home, Town

FEW = {"retention_ms": 1000, "witnesses": 2}


@pytest.fixture
def town() -> Iterator[Town]:
    town = peopled("bo", "cy", "dan", **FEW)
    yield town
    town.close()


def peopled(*names: str, **numbers: Any) -> Town:
    """Return a town of anna and others, all of whom have met."""
    town = Town(**numbers)
    for name in names:
        home = town.settle(name)
        home.keystore.create(name, home.ledger)
    town.meet()
    return town


def summed_up(town: Town, name: str) -> models.Published:
    """Have somebody say enough, and sum it up."""
    home = town[name]
    member = home.keystore.member(None)
    home.ledger.publish(home.keystore.pair(name), member.chain, [note()] * MIN_DISTANCE)
    published = home.desk.checkpoint(models.NewCheckpoint())
    town.meet()
    return published


def witnesses(home: Home) -> int:
    return len(home.ledger.stored(kind="witness"))


def tend(town: Town, *names: str) -> list[int]:
    """Let homes witness what they may, one after the other; return how many each has witnessed."""
    done = []
    for name in names:
        done.append(Witnessing(town[name].ledger, town[name].keystore).tend())
        town.meet()
    return done


class TestANode:
    def test_witnesses_others_until_enough_have(self, town: Town) -> None:
        summed_up(town, "anna")

        assert tend(town, "anna", "bo", "cy", "dan", "bo") == [0, 1, 1, 0, 0]
        assert witnesses(town["anna"]) == 2
        assert all(stored.is_valid for stored in town["anna"].ledger.stored(kind="witness"))

    def test_witnesses_the_latest_of_a_chain_alone(self, town: Town) -> None:
        summed_up(town, "anna")
        latest = summed_up(town, "anna")

        assert tend(town, "bo") == [1]
        [stored] = town["bo"].ledger.stored(kind="witness")
        assert town["bo"].desk.entry(latest.id).entry.id == stored.entry.header.dep(0)

    def test_goes_on_where_it_was_without_looking_at_what_it_has_seen(self, town: Town) -> None:
        witnessing = Witnessing(town["bo"].ledger, town["bo"].keystore)
        summed_up(town, "anna")
        first = witnessing.tend()
        town.meet()
        summed_up(town, "cy")

        assert (first, witnessing.tend(), witnessing.tend()) == (1, 1, 0)

    def test_witnesses_some_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(witnessing, "BATCH", 3)
        names = [f"m{number}" for number in range(5)]
        town = peopled(*names, **FEW)
        for name in names:
            summed_up(town, name)
        chore = Witnessing(town["anna"].ledger, town["anna"].keystore)

        assert [chore.tend() for _ in range(3)] == [3, 2, 0]
        town.close()

    def test_witnesses_nothing_where_headers_never_go(self) -> None:
        town = peopled("bo")
        summed_up(town, "anna")

        assert tend(town, "bo") == [0]
        town.close()

    def test_holds_what_it_witnessed_when_it_is_verified(self, town: Town) -> None:
        summed_up(town, "anna")
        tend(town, "bo", "cy")
        summed_up(town, "bo")

        for home in town.homes.values():
            assert home.ledger.verify().is_good
            assert {person.status for person in home.ledger.members.persons()} == {Status.MEMBER}
