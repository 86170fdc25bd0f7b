"""Persons: the identities that a ledger shows, and what this node's keys have to do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from mycelia_protocol import cid
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.identity import DELEGATED_TERMS, SEAL_BYTES, KeySet, keyset_of
from mycelia_protocol.membership import Person, Status
from mycelia_protocol.roots import MAX_NUMBER, Roots

from .faults import BadInput, StoreFault
from .keystore import Keystore, Member
from .ledger import Ledger


class Persons:
    """The identities that one node knows."""

    def __init__(
        self, ledger: Ledger, keystore: Keystore, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        self._ledger, self._keystore, self._clock, self._entropy = ledger, keystore, clock, entropy

    def person(self, identity: bytes) -> Person:
        """Return an identity.

        Raises:
            BadInput: it is not known here.
        """
        person = self._ledger.members.person(identity)
        if person is None:
            raise BadInput("identity", "no such identity is known here", "see `mycelia commons members`")
        return person

    def keyset(self, person: Person) -> KeySet:
        """Return the root keys and guardians in force for an identity."""
        return self._keyset(person)

    def of(self, name: str | None) -> Person:
        """Return the identity of a member."""
        return self.person(self._identity(self._keystore.member(name)))

    def identities(self, text: str) -> list[bytes]:
        """Return the identities that a pasted id, or the beginning of one, means."""
        persons = self._ledger.members.persons()
        return [one.identity for one in persons if cid.text(one.identity).startswith(text.strip().removesuffix("…"))]

    def _identity(self, member: Member) -> bytes:
        identity = self._ledger.members.identity_of(member.chain)
        if identity is None:
            raise BadInput("member", f"{member.name} has a chain without identity", "make a member that has one")
        return identity

    def _keyset(self, person: Person) -> KeySet:
        event = self._ledger.entry_of(person.event)
        keyset = None if event is None else keyset_of(event)
        assert keyset is not None  # the event in force is a valid key event that is held
        return keyset

    def _roots(self, member: Member) -> Roots:
        roots = self._keystore.roots(member.name)
        if roots is None:
            raise StoreFault(
                f"the root keys of {member.name} are not on this node", "bring them back with `mycelia id restore-root`"
            )
        return roots

    def _last_event(self, person: Person, roots: Roots) -> tuple[bytes, int, KeySet]:
        """Return the last key event of these root keys: the one in force, or the one that a recovery replaced."""
        event: bytes | None = person.event
        while event is not None:
            entry = self._ledger.entry_of(event)
            keyset = None if entry is None else keyset_of(entry)
            if entry is None or keyset is None:
                break
            number = roots.number_of(keyset)
            if number is not None:
                return event, number, keyset
            place = {"id.rotate": 0, "id.complete": 1}.get(entry.header.kind)
            event = None if place is None else entry.header.dep(cast(int, entry.header.terms[place]))
        raise StoreFault("these root keys never were those of this identity", "use its own phrase")

    def _owner(self, roots: Roots) -> tuple[Person, int]:
        """Return the identity of these root keys and the number of the one in force.

        Anybody can write a public key into a key set, so one that they have signed themselves goes before others.
        """
        numbers = {roots.pair(number).public: number for number in range(MAX_NUMBER)}
        found: dict[bool, list[tuple[Person, int]]] = {True: [], False: []}
        for person in self._ledger.members.persons():
            keyset = self._keyset(person)
            for place, key in enumerate(keyset.keys) if person.status is not Status.CLOSED else ():
                if key in numbers:
                    found[place in self._signers(person.event)].append((person, numbers[key]))
                    break
        candidates = found[True][:1] or found[False]
        if not candidates:
            raise BadInput("phrase", "no identity here has these root keys", "let the node reach a peer first")
        if len(candidates) > 1:
            raise BadInput("phrase", f"{len(candidates)} identities name these root keys", "ask the other holders")
        return candidates[0]

    def _signers(self, event: bytes) -> bytes:
        """Return the places of the root keys that signed a key event."""
        entry = self._ledger.entry_of(event)
        is_signed = entry is not None and entry.header.kind != "id.complete"
        return cast(bytes, entry.header.terms[-1])[::SEAL_BYTES] if entry is not None and is_signed else b""

    def _is_delegated_by(self, giver: bytes, chain: bytes) -> bool:
        opening = self._ledger.entry_of(chain)
        while opening is not None and len(opening.header.terms) == DELEGATED_TERMS:
            delegation = self._ledger.entry_of(opening.header.dep(0))
            if delegation is None or delegation.chain == giver:
                return delegation is not None
            opening = self._ledger.entry_of(delegation.chain)
        return False

    def _say(self, member: Member, content: Content) -> Entry:
        [entry] = self._ledger.publish(self._keystore.pair(member.name), member.chain, [content])
        return entry
