"""The vectors of chapter 19: what sums a chain up, what goes, and what is proved afterwards."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from mycelia_protocol import charter, mmr, state
from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.checkpoint import check_below, check_proof, resume
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.errors import Malformed, ProtocolError
from mycelia_protocol.pruning import droppable, is_settled

from .test_consent_vectors import Replay, judged
from .test_schema import SCHEMA
from .test_schema import value_of as decoded
from .vectors import Vector, vectors

FOUND = vectors("checkpoint")
Given = dict[str, Any]


def of(do: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in FOUND if vector["do"] == do]


class TestAVector:
    @pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in FOUND])
    def test_holds(self, vector: Vector) -> None:
        do = DEEDS[vector["do"]]

        if "refuse" in vector:
            with pytest.raises(ProtocolError) as refusal:
                do(vector["given"])
            assert refusal.value.rule == vector["refuse"]
            assert refusal.value.explain()
        else:
            assert do(vector["given"]) == vector["expect"]


class TestTheVectors:
    def test_have_names_of_their_own_and_one_end_each(self) -> None:
        assert len({vector["name"] for vector in FOUND}) == len(FOUND)
        for vector in FOUND:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)

    def test_accept_beside_each_deed_that_refuses(self) -> None:
        refusing = {vector["do"] for vector in FOUND if "refuse" in vector}

        assert refusing == {"judge", "state", "resume", "proof", "below"}
        assert refusing <= {vector["do"] for vector in FOUND if "expect" in vector}

    @pytest.mark.parametrize("vector", of("state"))
    def test_have_a_state_of_the_grammar_where_they_accept_one(self, vector: Vector) -> None:
        if "expect" in vector:
            assert SCHEMA.accepts("state", decoded(bytes.fromhex(vector["given"]["bytes"])))

    @pytest.mark.parametrize("vector", of("proof"))
    def test_have_a_proof_of_the_grammar_where_they_accept_one(self, vector: Vector) -> None:
        if "expect" in vector:
            assert SCHEMA.accepts("proof", decoded(bytes.fromhex(vector["given"]["document"])))


class TestALiteralReading:
    """The root of every valid checkpoint, recomputed by the recursion of RFC 6962 and no code of ours."""

    @pytest.mark.parametrize("vector", of("judge"))
    def test_finds_the_root(self, vector: Vector) -> None:
        replay, entry = Replay(vector["given"]), read_entry(bytes.fromhex(vector["given"]["judge"]))
        if entry.header.kind == "checkpoint" and "expect" in vector:
            leaves = [name + bytes([is_valid]) for name, is_valid in past(replay, entry)]

            assert entry.header.terms[0] == _head(leaves)


def past(replay: Replay, above: Entry) -> list[tuple[bytes, bool]]:
    """Return id and validity of all entries before one, from its `open` on."""
    valid, found = {entry.id for entry in replay.valid}, list[tuple[bytes, bool]]()
    link = above.header.backlink
    while link is not None:
        found.append((link, link in valid))
        link = replay.held[link].header.backlink
    return found[::-1]


def _head(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = max(1 << bit for bit in range(32) if 1 << bit < len(leaves))
    return hashlib.sha256(b"\x01" + _head(leaves[:split]) + _head(leaves[split:])).digest()


def _mountain(given: Given) -> object:
    row = mmr.grown(mmr.EMPTY, [mmr.leaf(bytes.fromhex(one)) for one in given["leaves"]])
    return {"root": mmr.root(row).hex(), "peaks": [peak.hex() for peak in row.peaks]}


def _state(given: Given) -> object:
    data = bytes.fromhex(given["bytes"])
    assert state.write(state.read(data)) == data
    return {"digest": digest(data).hex()}


def _prefix(given: Given) -> tuple[Replay, Prefix]:
    replay = Replay(given)
    last = [entry for entry in replay.held.values() if entry.chain.hex() == given["chain"]][-1]
    return replay, replay.after(last)


def _state_of(given: Given) -> object:
    data = state.write(state.State.of(_prefix(given)[1]))
    assert state.write(state.read(data)) == data
    return {"state": data.hex()}


def _judge(given: Given) -> object:
    replay = Replay(given)
    refused = replay.judge(read_entry(bytes.fromhex(given["judge"])))[0].refused
    if refused is not None:
        raise refused
    return judged(replay, given)


def _resume(given: Given) -> object:
    peaks = [bytes.fromhex(peak) for peak in given["peaks"]]
    law = charter.read(bytes.fromhex(given["charter"]))
    summed = read_entry(bytes.fromhex(given["checkpoint"]))
    prefix = resume(bytes.fromhex(given["state"]), summed, peaks, lambda _: None, law.rate)
    return {"state": state.write(state.State.of(prefix)).hex()}


def _proof(given: Given) -> object:
    proof = check_proof(bytes.fromhex(given["document"]), read_entry(bytes.fromhex(given["checkpoint"])))
    entry = proof.entry
    return {"id": entry.id.hex(), "sequence": str(entry.header.sequence), "valid": proof.is_valid}


def _below(given: Given) -> object:
    check_below(read_entry(bytes.fromhex(given["admit"])), read_entry(bytes.fromhex(given["checkpoint"])))
    return {"admitted": True}


def _settled(given: Given) -> object:
    settled = is_settled(
        [(bytes.fromhex(name), int(at_ms)) for name, at_ms in given["witnesses"]],
        author=bytes.fromhex(given["author"]),
        is_forked=given["forked"],
        charter=charter.read(bytes.fromhex(given["charter"])),
        now_ms=int(given["now_ms"]),
    )
    return {"settled": settled}


def _droppable(given: Given) -> object:
    replay, prefix = _prefix(given)
    valid = {entry.id for entry in replay.valid}
    below = [(entry, entry.id in valid) for entry in replay.held.values() if entry.chain == prefix.chain]
    return {"dropped": [entry.id.hex() for entry in droppable(below, prefix.facts, int(given["time_ms"]))]}


DEEDS = {
    "mountain": _mountain,
    "state": _state,
    "state-of": _state_of,
    "judge": _judge,
    "resume": _resume,
    "proof": _proof,
    "below": _below,
    "settled": _settled,
    "droppable": _droppable,
}


class TestAHostileDocument:
    @pytest.mark.parametrize("vector", [*of("state"), *of("proof")])
    def test_is_taken_or_malformed_and_never_anything_else(self, vector: Vector) -> None:
        field = "bytes" if vector["do"] == "state" else "document"
        data = bytes.fromhex(vector["given"][field])[:600]

        for at in range(0, len(data), 7):
            for torn in (data[:at], data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
                assert _fate(vector, field, torn) in ("taken", "state", "proof", "envelope")


def _fate(vector: Vector, field: str, data: bytes) -> str:
    try:
        DEEDS[vector["do"]]({**vector["given"], field: data.hex()})
    except Malformed as malformed:
        return malformed.rule.partition(".")[0]
    return "taken"
