"""A newcomer: a node without a charter yet, which asks a peer for it and leaves."""

from __future__ import annotations

from mycelia_protocol.charter import Charter
from mycelia_protocol.session import Greeted, Left, Session

from .conversation import Link


async def charter_from(link: Link, *, node: bytes, clock_ms: int) -> Charter:
    """Return the charter of the peer at the other end, as a newcomer.

    Raises:
        ConnectionError: the peer left without giving one.
        Malformed: it did not keep to the protocol.
    """
    session = Session(charter=None, node=node, is_dialer=link.is_dialer, clock_ms=clock_ms)
    while True:
        while data := session.to_send():
            await link.write(data)
        data = await link.read()
        if not data:
            raise ConnectionError("the peer closed the connection without giving a charter")
        for event in session.receive(data):
            if isinstance(event, Greeted) and event.charter is not None:
                session.send_bye("closing", "thank you")
                await link.write(session.to_send())
                return event.charter
            if isinstance(event, Left):
                raise ConnectionError(f"the peer said goodbye ({event.code}): {event.text}")
