"""Notes: what people say beside a signal, for everybody or for some, for ever or for a while.

>>> from mycelia_node import models
>>> new = models.NewSignal(kind="need", resource_class="food", amount="1", at="52.37,4.89", note="at the back door")
>>> body_of(new, own=bytes(32), network=bytes(32), chain=bytes(32), entropy=bytes)
{'note': 'at the back door'}

Spec: 17-privacy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mycelia_protocol import privacy
from mycelia_protocol.canonical import Value
from mycelia_protocol.envelope import Entry, read_body
from mycelia_protocol.errors import Malformed, ProtocolError, Refused

from . import models, signals
from .faults import BadInput

MAX_OTHERS = privacy.MAX_RECIPIENTS - 1  # the author is a recipient, too
_BOX_KEY = re.compile("[0-9a-f]{64}")


def body_of(
    new: models.NewSignal, *, own: bytes, network: bytes, chain: bytes, entropy: Callable[[int], bytes]
) -> dict[str, Value] | None:
    """Return what the body of a signal says, sealed if it is for some; None if there is no note.

    `own` is the box key of the author, who is always a recipient.

    Raises:
        BadInput: recipients without a note, too many of them, or something that is no box key.
        Refused: a box key is none (rule `private.recipient`).
    """
    if not new.note:
        if new.to:
            raise BadInput("to", "there is no note to seal", "add one with `--note`")
        return None
    content: dict[str, Value] = {"note": new.note}
    if not new.to:
        return content
    if len(new.to) > MAX_OTHERS:
        raise BadInput("to", f"{len(new.to)} recipients", f"name at most {MAX_OTHERS}: you can always read it, too")
    names = [own, *(_box_key(text) for text in new.to)]
    return privacy.seal(content, names, network=network, chain=chain, entropy=entropy)


def expiry_of(new: models.NewSignal, now_ms: int) -> int | None:
    """Return for how many milliseconds the note of a signal is kept; None: for good.

    Raises:
        BadInput: it is no moment to come, or there is no note.
    """
    if new.note_until is None:
        return None
    if not new.note:
        raise BadInput("note_until", "there is no note to keep", "add one with `--note`")
    expiry = signals.moment("note_until", new.note_until, now_ms) - now_ms
    if expiry < 1:
        raise BadInput("note_until", f"{new.note_until!r} is over", "write +30d, or a date to come")
    return expiry


def read(entry: Entry, secrets: Iterable[bytes], *, network: bytes) -> dict[str, Value] | Refused | None:
    """Return what the body of an entry says to a holder of these secrets, or the rule that keeps it shut.

    None if there is no body that can be read at all.
    """
    try:
        content = None if entry.body is None else read_body(entry.body)
    except Malformed:
        return None  # a body is nobody's law: one that cannot be read is simply not shown
    if content is None or not privacy.is_sealed(content):
        return content
    shut = Refused("private.recipient", "there is no box key on this node")
    for secret in secrets:
        try:
            return privacy.open_sealed(content, secret, network=network, chain=entry.chain)
        except ProtocolError as error:
            if shut.rule == "private.recipient":  # what a recipient was told says more than that another is none
                shut = Refused(error.rule, error.message)
    return shut


def _box_key(text: str) -> bytes:
    if not _BOX_KEY.fullmatch(text.strip().lower()):
        raise BadInput("to", f"{text[:80]!r} is no box key", "paste the 64 digits that `mycelia member ls` shows there")
    return bytes.fromhex(text.strip())
