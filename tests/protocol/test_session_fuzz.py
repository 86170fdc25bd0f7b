"""What a hostile peer may send: a session refuses by name, never breaks, and never grows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mycelia_protocol import charter, frames, messages, runfile
from mycelia_protocol.canonical import encode
from mycelia_protocol.errors import Malformed
from mycelia_protocol.rules import RULES
from mycelia_protocol.session import Event, Greeted, Heads, Left, Pinged, Pulled, Runs, Session

VECTORS = json.loads((Path(__file__).parents[2] / "spec" / "vectors" / "session.json").read_text("utf-8"))
PAYLOADS = [bytes.fromhex(case["given"]["message"]) for case in VECTORS if case["do"] == "message"]
FILES = [bytes.fromhex(case["given"]["runfile"]) for case in VECTORS if case["do"] == "runfile"]
OOST = charter.read(next(bytes.fromhex(case["expect"]["charter"]) for case in VECTORS if case["name"] == "a charter"))
HELLO = frames.write(encode(["hello", 1, OOST.network, b"stranger", 0]))

CHUNK = 65_536
BOUND = frames.LENGTH_BYTES + frames.MAX_PAYLOAD_BYTES + CHUNK  # one frame and the chunk at hand

payloads = st.sampled_from(PAYLOADS)
scalars = st.none() | st.booleans() | st.integers() | st.binary(max_size=70) | st.text(max_size=40)
values = st.recursive(scalars, lambda some: st.lists(some) | st.dictionaries(st.text(max_size=4), some), max_leaves=30)
tags = st.sampled_from(["hello", "charter", "heads", "pull", "entries", "ask", "bye"])


@st.composite
def mutants(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Valid bytes with a few of them changed, cut out or put in."""
    data = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=5))
    return bytes(data)


def framed(parts: Iterable[bytes]) -> bytes:
    return b"".join(frames.write(part[: frames.MAX_PAYLOAD_BYTES] or b"\xf6") for part in parts)


def hear(data: bytes, *, greeted: bool, is_newcomer: bool = False) -> list[Event]:
    """Let a session hear `data`, as a driver would; whatever it refuses has a rule."""
    session = Session(charter=None if is_newcomer else OOST, node=b"here", is_dialer=is_newcomer, clock_ms=0)
    heard: list[Event] = []
    try:
        for event in session.receive(HELLO if greeted else b""):
            heard.append(event)
        for at in range(0, len(data), CHUNK):
            for event in session.receive(data[at : at + CHUNK]):
                heard.append(event)
                answer(session, event)
            assert session.buffered <= BOUND
            session.to_send()
    except Malformed as refusal:
        check_refusal(session, refusal)
    return heard


def check_refusal(session: Session, refusal: Malformed) -> None:
    assert refusal.rule in RULES
    assert refusal.explain()
    session.send_refusal(refusal)
    assert session.is_over
    assert session.buffered == 0
    said = frames.Frames()
    said.feed(session.to_send())
    assert isinstance(messages.read(said.next() or b""), Left)
    assert said.buffered == 0


def answer(session: Session, event: Event) -> None:
    match event:
        case Greeted():
            if session.is_open:
                session.send_heads([], complete=True)
        case Heads(tips):
            session.send_pull({tip.chain: tip.sequence for tip in tips})
        case Pulled():
            session.send_heads([], complete=True)
        case Runs(runs, size):
            session.send_runs(runs if session.credit > 0 else [])
            session.send_credit(size)
        case Pinged(token):
            session.send_pong(token, bytes(32))
        case _:
            pass


class TestAHostilePeer:
    @settings(deadline=None)
    @given(st.binary(max_size=300), st.booleans(), st.booleans())
    @example(b"\xff\xff\xff\xff" + bytes(100), True, False)
    @example(b"\x00\x01\x00\x00" + b"\x81" * 65_536, True, False)
    @example(b"\x00\x01\x00\x00" + b"\x9b" + b"\xff" * 65_535, True, False)
    @example(b"\x00\x01\x00\x00" + b"\xc4" * 65_536, True, False)
    @example(b"\x00\x01\x00\x00" + b"\x5a\x7f\xff\xff\xff" + bytes(65_531), True, False)
    def test_who_sends_noise_is_refused(self, noise: bytes, greeted: bool, is_newcomer: bool) -> None:
        hear(noise, greeted=greeted, is_newcomer=is_newcomer)

    @settings(deadline=None)
    @given(st.lists(st.binary(min_size=1, max_size=80), max_size=5), st.booleans())
    def test_who_frames_noise_is_refused(self, noise: list[bytes], greeted: bool) -> None:
        hear(framed(noise), greeted=greeted)

    @settings(deadline=None)
    @given(st.lists(values, max_size=4), tags)
    def test_who_sends_strange_fields_is_refused(self, fields: list[object], tag: str) -> None:
        try:
            payload = encode([tag, *fields])  # type: ignore[list-item]  # some lie outside the profile
        except Malformed:
            return
        hear(framed([payload]), greeted=tag != "hello")

    @settings(deadline=None)
    @given(st.lists(mutants(payloads), min_size=1, max_size=6), st.booleans(), st.booleans())
    def test_who_changes_what_others_say_is_refused(self, said: list[bytes], greeted: bool, is_newcomer: bool) -> None:
        hear(framed(said), greeted=greeted, is_newcomer=is_newcomer)

    @settings(deadline=None)
    @given(st.lists(payloads, max_size=8), st.integers(0, 400))
    def test_who_says_right_things_at_wrong_times_and_stops_midway_is_refused(
        self, said: list[bytes], missing: int
    ) -> None:
        data = framed(said)

        hear(data[: max(0, len(data) - missing)], greeted=True)

    @settings(deadline=None)
    @given(mutants(st.just(framed([payload for payload in PAYLOADS if payload[1:7] in {b"eheads", b"dpull\x82"}]))))
    def test_who_breaks_the_stream_of_frames_is_refused(self, stream: bytes) -> None:
        hear(stream, greeted=True)


class TestAHostileFile:
    @settings(deadline=None)
    @given(mutants(st.sampled_from(FILES)) | st.binary(max_size=200))
    def test_is_refused_by_name(self, data: bytes) -> None:
        rule = None
        try:
            list(runfile.read(data)[1])
        except Malformed as refusal:
            rule = refusal.rule
        assert rule is None or rule in RULES


class TestAGreedyPeer:
    def test_who_never_reads_does_not_make_the_session_grow(self) -> None:
        session = Session(charter=OOST, node=b"here", is_dialer=False, clock_ms=0)
        list(session.receive(HELLO))
        greed = framed([encode(["pull", [bytes(32), 0]]), encode(["ping", 7, bytes(32)])])

        for _ in range(10_000):
            for event in session.receive(greed):
                answer(session, event)

        assert len(session.to_send()) < 1_000

    def test_who_announces_a_frame_and_sends_it_byte_by_byte_holds_one_frame(self) -> None:
        session = Session(charter=OOST, node=b"here", is_dialer=False, clock_ms=0)

        list(session.receive(b"\x00\x01\x00\x00"))
        for _ in range(60):
            list(session.receive(bytes(1_000)))
            assert session.buffered <= frames.LENGTH_BYTES + frames.MAX_PAYLOAD_BYTES
