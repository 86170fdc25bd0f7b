"""Two sides of a session, and what they say to each other in tests."""

from __future__ import annotations

import pytest

from mycelia_protocol import frames, messages
from mycelia_protocol.charter import Charter, ResourceClass, found
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed
from mycelia_protocol.keys import KeyPair, keypair
from mycelia_protocol.session import (
    Event,
    Limits,
    Session,
)

OOST = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
WEST = found("West", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})


def member(node: bytes, *, is_dialer: bool, charter: Charter | None = OOST, limits: Limits | None = None) -> Session:
    return Session(charter=charter, node=node, is_dialer=is_dialer, clock_ms=1_000, limits=limits or Limits())


def exchange(one: Session, other: Session) -> tuple[list[Event], list[Event]]:
    """Carry bytes both ways until both are silent; return what each heard."""
    heard: tuple[list[Event], list[Event]] = ([], [])
    while True:
        there, back = one.to_send(), other.to_send()
        if not there and not back:
            return heard
        heard[1].extend(other.receive(there))
        heard[0].extend(one.receive(back))


def greeted() -> tuple[Session, Session]:
    one, other = member(b"one", is_dialer=True), member(b"other", is_dialer=False)
    exchange(one, other)
    return one, other


def wire(*said: messages.Message) -> bytes:
    return b"".join(frames.write(messages.write(message)) for message in said)


def hello(network: bytes | None = OOST.network, node: bytes = b"stranger") -> messages.Hello:
    return messages.Hello(network, node, 1_000)


def rule_of(session: Session, data: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        list(session.receive(data))
    return refusal.value.rule


def chain(length: int, *, number: int = 1, body: bytes | None = None) -> list[Entry]:
    """A chain of custom entries, all sealed, each but the first with the body."""
    pair = keypair(number.to_bytes(32, "big"))
    opening = Header(None, 0, None, 1, "open", 0, bytes(8), b"", None, None, 0, [pair.public, None])
    entries = [seal(opening, pair, network=OOST.network)]
    while len(entries) < length:
        entries.append(after(entries[-1], pair, body))
    return entries


def after(before: Entry, pair: KeyPair, body: bytes | None) -> Entry:
    place, named = before.header.sequence + 1, None if body is None else digest(body)
    header = Header(*(
        before.chain,
        place,
        before.id,
        place + 1,
        "x.test",
        0,
        bytes(8),
        b"",
        None,
        named,
        len(body or b""),
        [],
    ))
    return seal(header, pair, network=OOST.network, body=body)
