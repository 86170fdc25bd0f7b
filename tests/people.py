"""People in a commons of `builders`: identities with root keys that are made from their names.

>>> commons = Commons()
>>> anna = found(commons, "anna")
>>> laptop = anna.install("laptop")
>>> commons.members.person(anna.identity).chains == tuple(sorted((anna.chain, laptop.chain)))
True
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mycelia_protocol import keys, statements
from mycelia_protocol.chain import next_time
from mycelia_protocol.charter import Charter, Membership, ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content, Moment
from mycelia_protocol.envelope import Entry
from mycelia_protocol.identity import KeySet, commitment, identity_of
from mycelia_protocol.invitation import Invitation, invite
from mycelia_protocol.statements import Signers

from .builders import HOUR_MS, INCARNATION, Commons, Member

NONCE = bytes(range(16))


def root_pair(name: str, number: int) -> keys.KeyPair:
    """Return the root key of a person that a phrase would give at this number."""
    return keys.keypair(digest(f"root {name} {number}".encode()))


def keyset(name: str, number: int = 0, guardians: Iterable[bytes] = (), consents: int = 0) -> KeySet:
    """Return a key set of one root key, committed to the next."""
    guarding = tuple(sorted(guardians))
    following = commitment(1, (root_pair(name, number + 1).public,))
    return KeySet(1, (root_pair(name, number).public,), following, consents or len(guarding), guarding)


def identity(name: str, guardians: Iterable[bytes] = (), consents: int = 0) -> bytes:
    """Return the identity that a person of this name has."""
    return identity_of(keys.keypair(digest(name.encode())).public, NONCE, keyset(name, 0, guardians, consents))


def law(membership: Membership | None, founders: Iterable[str] = (), **numbers: Any) -> Charter:
    """Return a charter whose founders have these names."""
    classes = {"food": ResourceClass("kg", 1, 10), "care": ResourceClass("h", 1, 4)}
    names = [identity(name) for name in founders]
    return found_charter("Oost", seed=bytes(16), classes=classes, membership=membership, founders=names, **numbers)


class Council(Member):
    """A founding chain whose identity has three root keys, of which two sign."""

    def __init__(self, commons: Commons, name: str) -> None:
        pairs = sorted((root_pair(name, number) for number in range(3)), key=lambda pair: pair.public)
        self.pairs = dict(enumerate(pairs))
        self.keyset = council_keys(name)
        public = keys.keypair(digest(name.encode())).public
        self.identity = identity_of(public, NONCE, self.keyset)
        opening = statements.founding(public, self.keyset, nonce=NONCE, at=moment(commons), root=self.root(commons))
        super().__init__(commons, name, commons.now_ms, opening)

    def root(self, commons: Commons | None = None, *places: int) -> Signers:
        """Return the first two root keys, or those at these places."""
        chosen = {place: self.pairs[place] for place in places or (0, 1)}
        return Signers((commons or self.commons).charter.network, chosen)

    def rotate(self, *keep: bytes) -> Entry:
        """Rotate to one root key, the next, and keep what stands below these."""
        following = KeySet(
            1, (root_pair(self.name, 3).public,), commitment(1, (root_pair(self.name, 4).public,)), 0, ()
        )
        root = Signers(self.commons.charter.network, {0: root_pair(self.name, 3)})
        return self.say(statements.rotate(self.chain, following, root=root, keep=keep))

    def install(self, name: str) -> Member:
        """Open a chain on another device, signed by two of the root keys."""
        public, at = keys.keypair(digest(name.encode())).public, moment(self.commons, self.chain)
        opening = statements.rooted(public, self.identity, self.chain, at=at, root=self.root())
        return Member(self.commons, name, self.commons.now_ms, opening)


def council_keys(name: str) -> KeySet:
    """Return a key set of three root keys of which two sign, committed to others."""
    publics = tuple(sorted(root_pair(name, number).public for number in range(3)))
    return KeySet(2, publics, commitment(1, (root_pair(name, 3).public,)), 0, ())


def council(name: str) -> bytes:
    """Return the identity that a council of this name has."""
    return identity_of(keys.keypair(digest(name.encode())).public, NONCE, council_keys(name))


class Person(Member):
    """A founding chain, and what its identity can say and sign."""

    def __init__(
        self,
        commons: Commons,
        name: str,
        *,
        invitation: Invitation | None = None,
        guardians: Iterable[bytes] = (),
        consents: int = 0,
    ) -> None:
        self.keyset = keyset(name, 0, guardians, consents)
        public = keys.keypair(digest(name.encode())).public
        self.identity = identity_of(public, NONCE, self.keyset)
        root = Signers(commons.charter.network, {0: root_pair(name, 0)})
        at = moment(commons, b"" if invitation is None else invitation.sponsor)
        opening = statements.founding(public, self.keyset, nonce=NONCE, at=at, root=root, invitation=invitation)
        super().__init__(commons, name, commons.now_ms, opening)
        self.event = self.chain  # the latest key event
        self.number = 0

    def root(self, number: int | None = None) -> Signers:
        """Return the root key in force, or the one of a number."""
        pair = root_pair(self.name, self.number if number is None else number)
        return Signers(self.commons.charter.network, {0: pair})

    def install(self, name: str) -> Member:
        """Open a chain on another device, signed by the root keys."""
        public = keys.keypair(digest(name.encode())).public
        at = moment(self.commons, self.event)
        opening = statements.rooted(public, self.identity, self.event, at=at, root=self.root())
        return Member(self.commons, name, self.commons.now_ms, opening)

    def invite(self, name: str, *, ends_in: int = HOUR_MS) -> Invitation:
        """Return an invitation whose secret is made from a name."""
        return invite(
            self.pair,
            self.chain,
            seed=digest(f"invitation {name}".encode()),
            expires_ms=self.commons.now_ms + ends_in,
            network=self.commons.charter.network,
            peers=["/ip4/10.0.0.1/tcp/4001"],
        )

    def admit(self, *names: bytes) -> Entry:
        """Let identities in."""
        return self.say(statements.admit((name, None) for name in names))

    def rotation(self, *keep: Member, guardians: Iterable[bytes] = ()) -> Content:
        """Return a rotation to the next root keys that keeps these chains."""
        following = keyset(self.name, self.number + 1, guardians)
        kept = [member.prefix.tip for member in keep]
        return statements.rotate(self.event, following, root=self.root(self.number + 1), keep=kept)

    def rotate(self, *keep: Member, on: Member | None = None) -> Entry:
        """Rotate to the next root keys, on this chain or another of the identity."""
        entry = (on or self).say(self.rotation(*keep))
        self.event, self.number = entry.id, self.number + 1
        return entry


def found(commons: Commons, name: str, *, guardians: Iterable[bytes] = (), consents: int = 0) -> Person:
    """Begin an identity."""
    return Person(commons, name, guardians=guardians, consents=consents)


def delegated(giver: Member, name: str, of: bytes, delegation: Entry) -> Member:
    """Open the chain of a bot whose key, made from its name, was delegated to."""
    public = keys.keypair(digest(name.encode())).public
    return Member(giver.commons, name, giver.commons.now_ms, statements.delegated(public, of, delegation))


def moment(commons: Commons, *named: bytes) -> Moment:
    """Return when an entry would be said now that names these."""
    times = [commons.held[name].header.time for name in named if name]
    return Moment(next_time(commons.now_ms, *times), INCARNATION)


def key_of(name: str) -> bytes:
    """Return the public key of a chain whose key is made from this name."""
    return keys.keypair(digest(name.encode())).public
