"""The vectors of chapters 10 and 11, each run against the code; the names are those of the vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, assert_never

import pytest

from mycelia_protocol import charter, messages, runfile
from mycelia_protocol.envelope import Entry, Header, read_entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frames import Frames
from mycelia_protocol.frontier import Tip, first_wanted, frontier, reduced, set_digest, wanted
from mycelia_protocol.rules import RULES
from mycelia_protocol.session import Event, Greeted, Session

Json = Any
VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
CASES: list[Json] = [
    pytest.param(case, id=f"{chapter}: {case['name']}")
    for chapter in ("frontier", "session")
    for case in json.loads((VECTORS / f"{chapter}.json").read_text("utf-8"))
]


class TestAVector:
    @pytest.mark.parametrize("case", CASES)
    def test_holds(self, case: Json) -> None:
        if "refuse" in case:
            assert case["refuse"] in RULES
            with pytest.raises(Malformed) as refusal:
                outcome(case)
            assert refusal.value.rule == case["refuse"]
        else:
            found = outcome(case)
            assert {key: found[key] for key in case["expect"]} == case["expect"]

    @pytest.mark.parametrize("chapter", ["frontier", "session"])
    def test_stands_beside_its_opposite(self, chapter: str) -> None:
        cases = json.loads((VECTORS / f"{chapter}.json").read_text("utf-8"))

        assert any("refuse" in case for case in cases)
        assert any("expect" in case for case in cases)
        assert len({case["name"] for case in cases}) == len(cases)


def outcome(case: Json) -> Json:
    """Do what a vector asks and return everything that its `expect` may name."""
    given = case["given"]
    match case["do"]:
        case "frames":
            return _cut(bytes.fromhex(given["stream"]))
        case "message":
            return seen(messages.read(bytes.fromhex(given["message"])))
        case "session":
            return _converse(given["session"], given["steps"])
        case "runfile":
            return _read_file(bytes.fromhex(given["runfile"]), given.get("network"))
        case "frontier":
            return {"frontier": [flat(tip) for tip in frontier([_bare(entry) for entry in given["entries"]])]}
        case "set-digest":
            return {"set_digest": set_digest(tip(line) for line in given["tips"]).hex()}
        case "reduced":
            entries = {entry.id: entry for entry in map(_bare, given["entries"])}
            return {"reduced": sorted(name.hex() for name in reduced(entries))}
        case "first-wanted":
            held = [tip(line) for line in given["held"]]
            return {"first_wanted": [first_wanted(held, tip(given["tip"]), at) for at in range(given["attempts"])]}
        case "wanted":
            return {"wanted": _wanted(given)}
        case other:
            raise AssertionError(other)


def _cut(stream: bytes) -> Json:
    frames, payloads = Frames(), []
    frames.feed(stream)
    while (payload := frames.next()) is not None:
        payloads.append(payload.hex())
    return {"payloads": payloads, "left": frames.peek(0, len(stream)).hex()}


def _converse(who: Json, steps: list[Json]) -> Json:
    own = None if who["charter"] is None else charter.read(bytes.fromhex(who["charter"]))
    session = Session(
        charter=own, node=bytes.fromhex(who["node"]), is_dialer=who["is_dialer"], clock_ms=who["clock_ms"]
    )
    heard: list[Event] = []
    for step in steps:
        if "receive" in step:
            for _ in range(step.get("times", 1)):
                heard.extend(session.receive(bytes.fromhex(step["receive"])))
        elif "says" in step:
            assert session.to_send().hex() == step["says"]
        else:
            _say(session, step["send"])
    return {"heard": [seen(event) for event in heard], "count": len(heard)}


def _say(session: Session, what: Json) -> None:
    match what["tag"]:
        case "heads":
            session.send_heads(map(tip, what["tips"]), complete=what["complete"])
        case "pull":
            session.send_pull({bytes.fromhex(chain): first for chain, first in what["wanted"]})
        case "pong":
            session.send_pong(what["token"], bytes.fromhex(what["digest"]))
        case "credit":
            session.send_credit(what["size"])
        case "entries":
            parts = [[None if part is None else bytes.fromhex(part) for part in run] for run in what["runs"]]
            session.send_runs([[_entry(run[at : at + 3]) for at in range(0, len(run), 3)] for run in parts])
        case "bye":
            session.send_bye(what["code"], what["text"])
        case tag:
            raise AssertionError(tag)


def _read_file(data: bytes, network: str | None) -> Json:
    found, runs = runfile.read(data)
    if network is not None:
        runfile.check_network(found, bytes.fromhex(network))
    return {"charter": found.raw.hex(), "runs": [ids(run) for run in runs]}


def _wanted(given: Json) -> Json:
    held: dict[bytes, list[Tip]] = {}
    for own in map(tip, given["held"]):
        held.setdefault(own.chain, []).append(own)
    have = {bytes.fromhex(id) for id in given["have"]}
    found = wanted(held, map(tip, given["heard"]), lambda one: one.id in have)
    return [[chain.hex(), first] for chain, first in found.items()]


def seen(event: messages.Message | Event) -> Json:
    """Return what was heard as the vectors write it."""
    match event:
        case Greeted(network, _, node, clock_ms):
            name = None if network is None else network.hex()
            return {"tag": "greeted", "network": name, "node": node.hex(), "clock_ms": clock_ms}
        case messages.Hello(network, node, clock_ms):
            name = None if network is None else network.hex()
            return {"tag": "hello", "network": name, "node": node.hex(), "clock_ms": clock_ms}
        case messages.Chartered(raw):
            return {"tag": "charter", "charter": raw.hex()}
        case messages.Heads(tips, complete):
            return {"tag": "heads", "tips": [flat(tip) for tip in tips], "complete": complete}
        case messages.Pulled(firsts):
            return {"tag": "pull", "wanted": [[chain.hex(), first] for chain, first in firsts.items()]}
        case messages.Runs(runs, size):
            return {"tag": "entries", "runs": [ids(run) for run in runs], "size": size}
        case messages.Asked(asked):
            return {"tag": "ask", "ids": [id.hex() for id in asked]}
        case messages.Credited(size):
            return {"tag": "credit", "size": size}
        case messages.Pinged(token, digest):
            return {"tag": "ping", "token": token, "digest": digest.hex()}
        case messages.Ponged(token, digest):
            return {"tag": "pong", "token": token, "digest": digest.hex()}
        case messages.Left(code, text):
            return {"tag": "bye", "code": code, "text": text}
        case _:
            assert_never(event)


def tip(line: Json) -> Tip:
    return Tip(bytes.fromhex(line[0]), line[1], bytes.fromhex(line[2]))


def flat(one: Tip) -> Json:
    return [one.chain.hex(), one.sequence, one.id.hex()]


def ids(run: tuple[Entry, ...]) -> list[str]:
    return [entry.id.hex() for entry in run]


def _entry(parts: list[bytes | None]) -> Entry:
    raw, signature, body = parts
    assert raw is not None
    return read_entry(raw, signature, body)


def _bare(given: Json) -> Entry:
    """An entry of which nothing is known but its place."""
    chain, back = bytes.fromhex(given["chain"]), given["backlink"]
    link = None if back is None else bytes.fromhex(back)
    deps = bytes.fromhex("".join(given.get("deps", ())))
    header = Header(chain, given["sequence"], link, 1, "x.test", 0, bytes(8), deps, None, None, 0, [])
    return Entry(bytes.fromhex(given["id"]), chain, header, b"", None, None)
