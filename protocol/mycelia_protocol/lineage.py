"""Lineage: what a chain and a key event rest on, followed down to an inception.

A verdict is shallow, with one exception: who speaks. That must be known at once
and for ever, so the entries that an identity's key event or a chain's grant
names, those that they name, and so on, are read again from their headers. They
are all held, because an entry is held only after what it names. Whatever is
wrong further down makes what rests on it refuse `identity.path`.

Spec: 13-identity, "Lineage".
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar, cast

from .accumulators import Grant
from .authority import check_inheritance
from .charter import Charter
from .enactment import amended, amendments_of
from .envelope import Entry, Header, Term
from .errors import Refused
from .grants import check_use, speaking
from .identity import FOUNDING_TERMS, KeySet, check_signatures, keyset_of
from .keyevents import check_completion, check_rotation
from .openings import check_open

MAX_PATH = 256  # different entries that one verdict may rest on
MAX_STEPS = 128  # one below the other
_MAX_KNOWN = 4096
_MAX_RESTS = 200_000  # ids in all that is remembered

Event = tuple[bytes, KeySet]  # an identity, and its root keys from a key event on
_Read = TypeVar("_Read")
_Known = dict[bytes, tuple[_Read | None, frozenset[bytes], int]]  # what it says, what it rests on, how deep


class _TooDeep(Exception):
    """What is read rests on too much; nothing on the way there may be remembered."""


class Lineage:
    """Reads what entries rest on, and remembers it: what an id names is the same for ever.

    Call `begin` before the checks of one verdict: they share one bound (rule `identity.path`).
    """

    def __init__(self, held: Callable[[bytes], Entry | None], charter: Charter) -> None:
        self.held, self.charter = held, charter
        self._grants: _Known[Grant] = {}
        self._speakers: dict[bytes, Grant] = {}  # asked of every chain again and again, so none is forgotten
        self._events: _Known[Event] = {}
        self._laws: _Known[Charter] = {}
        self._inheritances: _Known[Entry] = {}
        self._signed: dict[bytes, bool] = {}  # whether root keys signed an entry
        self._remembered = 0
        self._rests: set[bytes] = set()  # what the check under way has followed
        self._steps = self._level = 0  # how deep that was, and how deep it is now

    def begin(self) -> None:
        """Begin a verdict: nothing has been followed yet."""
        self._rests, self._steps = set(), 0

    def speaker(self, chain: bytes) -> Grant | None:
        """Return what a held chain may do for its identity, outside of any verdict."""
        if chain in self._speakers:
            return self._speakers[chain]
        opening = self.held(chain)
        if opening is None:
            return None
        outer = self._rests, self._steps
        self.begin()
        try:
            grant = check_open(self, opening)
            if grant is not None:
                self._speakers[chain] = grant
            return grant
        except Refused:
            return None
        finally:
            self._rests, self._steps = outer

    def grant(self, chain: bytes) -> Grant | None:
        """Return what a held chain may do for its identity; None if it has none, or what it rests on is not good."""
        return self._remember(self._grants, chain, partial(check_open, self))

    def event(self, entry: Entry) -> Event | None:
        """Return the identity and the root keys that a key event establishes, None if it is no good one."""
        return self._remember(self._events, entry.id, self._check_event)

    def _remember(self, known: _Known[_Read], name: bytes, check: Callable[[Entry], _Read | None]) -> _Read | None:
        if name not in known:
            entry = self.held(name)
            if entry is None:
                return None
            known[name] = self._read(entry, check)
            self._remembered += len(known[name][1])
        value, rests, steps = known[name]
        if len(known) > _MAX_KNOWN or self._remembered > _MAX_RESTS:
            known.clear()
            self._remembered = 0
        self._rests |= rests
        self._steps = max(self._steps, steps)
        if len(self._rests) > MAX_PATH or self._steps > MAX_STEPS:
            raise Refused("identity.path", f"this rests on more than {MAX_PATH} entries, or {MAX_STEPS} deep")
        return value

    def _read(self, entry: Entry, check: Callable[[Entry], _Read | None]) -> tuple[_Read | None, frozenset[bytes], int]:
        """Check an entry by itself; what came before the check under way stays out of it."""
        if self._level == MAX_STEPS:
            raise _TooDeep
        outer, value = (self._rests, self._steps), None
        self.begin()
        self._level += 1
        try:
            with suppress(Refused):  # whoever rests on it says so in its own words
                value = check(entry)
            return value, frozenset({entry.id, *self._rests}), self._steps + 1
        except _TooDeep:
            if self._level > 1:
                raise
            raise Refused("identity.path", f"this rests on entries more than {MAX_STEPS} deep") from None
        finally:
            self._level -= 1
            self._rests, self._steps = outer

    def _check_event(self, entry: Entry) -> Event:
        match entry.header.kind:
            case "open":
                if len(entry.header.terms) >= FOUNDING_TERMS:
                    grant = check_open(self, entry)
                    return cast(Grant, grant).identity, cast(KeySet, keyset_of(entry))
            case "id.rotate":
                return check_rotation(self, entry)
            case "id.complete":
                return check_completion(self, entry)
        raise Refused("identity.previous", f"`{entry.header.kind}` declares no root keys")

    def is_signed(self, entry: Entry, keyset: KeySet) -> bool:
        """Return whether the root keys of the key event that an entry names have signed it, as its last term says."""
        known = self._signed.get(entry.id)
        if known is None:
            if len(self._signed) >= _MAX_KNOWN:
                self._signed.clear()
            try:
                check_signatures(entry.header, keyset, network=self.charter.network)
                known = True
            except Refused:
                known = False
            self._signed[entry.id] = known
        return known

    def law(self, enact: bytes | None) -> Charter | None:
        """Return the charter that an enactment makes of those before it, None if one of them is not good."""
        if enact is None:
            return self.charter
        return self._remember(self._laws, enact, self._check_enact)

    def _check_enact(self, entry: Entry) -> Charter | None:
        if entry.header.kind != "enact" or self.grant(entry.chain) is None:
            return None
        changes = amendments_of(entry.header)
        if entry.header.terms[0] is None:
            return amended(self.charter, changes)
        before = self.law(self.named(entry.header, entry.header.terms[0], "enact.terms").id)
        return None if before is None else amended(before, changes)

    def inheritance(self, entry: Entry) -> Entry | None:
        """Return the last entry of the chain whose heir speaks by a named `id.inherit`, None if it is not good."""
        outer = self._rests, self._steps  # whoever names it does not rest on it
        self.begin()
        try:
            return self._remember(self._inheritances, entry.id, self._check_inheritance)
        except Refused:
            return None
        finally:
            self._rests, self._steps = outer

    def _check_inheritance(self, entry: Entry) -> Entry:
        own = self.grant(entry.chain)
        check_use(speaking(own), entry.header)
        return check_inheritance(self, entry, own)

    def named(self, header: Header, term: Term, rule: str) -> Entry:
        """Return the entry that a term points to; `rule` is refused if it points nowhere."""
        name = header.named(term)
        if name is None:
            raise Refused(rule, f"{term!r} is not the index of a dependency")
        return cast(Entry, self.held(name))
