"""Notes: what people say beside a signal, for everybody or for some, for ever or for a while.

>>> from mycelia_node import models
>>> new = models.NewSignal(kind="need", resource_class="food", amount="1", at="52.37,4.89", note="at the back door")
>>> body_of(new, own=bytes(32), keys_of=lambda _: [], network=bytes(32), chain=bytes(32), entropy=bytes)
{'note': 'at the back door'}

Spec: 17-privacy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mycelia_protocol import cid, privacy
from mycelia_protocol.canonical import Value
from mycelia_protocol.envelope import Entry, read_body
from mycelia_protocol.errors import Malformed, ProtocolError, Refused

from . import models, signals
from .faults import BadInput
from .keystore import Keystore
from .ledger import Ledger

MAX_OTHERS = privacy.MAX_RECIPIENTS - 1  # the author is a recipient, too
BOX_AT = 2  # in the terms of an `open` with an identity
_BOX_KEY = re.compile("[0-9a-f]{64}")
_MIN_NAME = 9  # fewer characters of a content id say next to nothing


def body_of(
    new: models.NewSignal,
    *,
    own: bytes,
    keys_of: Callable[[str], Iterable[bytes]],
    network: bytes,
    chain: bytes,
    entropy: Callable[[int], bytes],
) -> dict[str, Value] | None:
    """Return what the body of a signal says, sealed if it is for some; None if there is no note.

    `own` is the box key of the author, who is always a recipient; `keys_of` gives those of whom a text names.

    Raises:
        BadInput: recipients without a note, too many of them, or nobody who has a box key.
        Refused: a box key is none (rule `private.recipient`).
    """
    if not new.note:
        if new.to:
            raise BadInput("to", "there is no note to seal", "add one with `--note`")
        return None
    content: dict[str, Value] = {"note": new.note}
    if not new.to:
        return content
    others = {key for text in new.to for key in keys_of(text)} - {own}
    if len(others) > MAX_OTHERS:
        raise BadInput("to", f"{len(others)} box keys", f"name at most {MAX_OTHERS}: you can always read it, too")
    return privacy.seal(content, [own, *sorted(others)], network=network, chain=chain, entropy=entropy)


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


class Readers:
    """Finds the box keys of whom a text names: a member here, an identity, or a key itself."""

    def __init__(self, keystore: Keystore, ledger: Ledger) -> None:
        self._keystore, self._ledger = keystore, ledger

    def keys_of(self, text: str) -> list[bytes]:
        """Return the box keys of a recipient: those of all its installations that count.

        Raises:
            BadInput: nobody is named so, or nothing of theirs can read what is sealed.
        """
        text = text.strip()
        if _BOX_KEY.fullmatch(text.lower()):
            return [bytes.fromhex(text)]
        if text in [member.name for member in self._keystore.members()]:
            return [self._keystore.box_key(text)]
        beginning = text.removesuffix("…")
        persons = [one for one in self._ledger.members.persons() if cid.text(one.identity).startswith(beginning)]
        if len(beginning) < _MIN_NAME or len(persons) != 1:
            raise BadInput("to", f"{text[:80]!r} names nobody here", "name a member, an identity, or give a box key")
        found = [self._box_of(chain) for chain in persons[0].chains if self._ledger.members.counts(chain, 0)]
        keys = [key for key in found if key is not None]
        if not keys:
            raise BadInput("to", "no installation of theirs has a box key", "ask for one: `mycelia member ls` shows it")
        return keys

    def _box_of(self, chain: bytes) -> bytes | None:
        opening = self._ledger.entry_of(chain)
        terms = () if opening is None else opening.header.terms[BOX_AT : BOX_AT + 1]
        return next((term for term in terms if isinstance(term, bytes)), None)
