"""The vectors of chapter 16, each run against the code; the names are those of the vectors."""

from __future__ import annotations

from typing import Any

import pytest

from mycelia_protocol import release
from mycelia_protocol.errors import ProtocolError
from mycelia_protocol.release import Guard, Place, Record

from .vectors import vectors

Json = Any
CASES = [pytest.param(case, id=case["name"]) for case in vectors("release")]


class TestAVector:
    @pytest.mark.parametrize("case", CASES)
    def test_holds(self, case: Json) -> None:
        *steps, last = case["given"]["steps"]
        chain = _Chain(case["given"])
        for step in steps:
            chain.take(step)

        if "refuse" in case:
            with pytest.raises(ProtocolError) as refusal:
                chain.take(last)
            assert refusal.value.rule == case["refuse"]
        else:
            chain.take(last)
            assert chain.seen() == case["expect"]


class _Chain:
    """The machine of one chain, and the line that it is asked about."""

    def __init__(self, given: Json) -> None:
        self.line = [bytes.fromhex(name) for name in given["line"]]
        self.record = None if given["record"] is None else _record(given["record"])
        self.guard = Guard(Record(), 0)

    def take(self, step: Json) -> None:
        """Do one step."""
        match step["do"]:
            case "begin":
                tip = Place(len(self.line) - 1, self.line[-1]) if self.line else None
                self.guard = release.begin(self.record, tip, holds=self.holds, now_ms=step["now_ms"])
            case "line":
                self.line = [bytes.fromhex(name) for name in step["line"]]
            case "heard":
                peer, heads = bytes.fromhex(step["peer"]), [_place(head) for head in step["heads"]]
                self.guard = release.heard(self.guard, peer, heads, holds=self.holds, now_ms=step["now_ms"])
            case "left":
                self.guard = release.left(self.guard, bytes.fromhex(step["peer"]))
            case "resumed":
                self.guard = release.resumed(self.guard, now_ms=step["now_ms"])
            case "overruled":
                self.guard = release.overruled(self.guard)
            case "write":
                release.check_write(self.guard)
            case "release":
                if "peer" in step:
                    release.check_peer(self.guard, bytes.fromhex(step["peer"]))
                self.guard = release.releasing(
                    self.guard, _place(step["place"]), now_ms=step["now_ms"], by_hand=step.get("by_hand", False)
                )
            case other:
                raise AssertionError(other)

    def holds(self, place: Place) -> bool:
        """Return whether an entry stands on the line."""
        return place.sequence < len(self.line) and self.line[place.sequence] == place.id

    def seen(self) -> Json:
        """Return the record as the vectors write it."""
        released, known, is_retired = self.guard.record
        place = None if released is None else [released.sequence, released.id.hex()]
        return {"released": place, "acknowledged": sorted(peer.hex() for peer in known), "retired": is_retired}


def _place(given: Json) -> Place:
    return Place(given[0], bytes.fromhex(given[1]))


def _record(given: Json) -> Record:
    released = None if given["released"] is None else _place(given["released"])
    return Record(released, frozenset(map(bytes.fromhex, given["acknowledged"])), given["retired"])
