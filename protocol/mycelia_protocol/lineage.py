"""Lineage: what a chain and a key event rest on, followed down to an inception.

A verdict is shallow, with one exception: who speaks. That must be known at once
and for ever, so the entries that an identity's key event or a chain's grant
names, those that they name, and so on, are read again from their headers. They
are all held, because an entry is held only after what it names. Whatever is
wrong further down makes what rests on it refuse `identity.path`.

Spec: 13-identity, "Lineage".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TypeVar, cast

from .accumulators import MAX_DEPTH, Grant
from .charter import Charter, Open, Stewards
from .cid import DIGEST_BYTES
from .enactment import amended, amendments_of
from .envelope import Entry, Header, Term
from .errors import Refused
from .grants import check_use, exceeds
from .identity import (
    DELEGATED_TERMS,
    FOUNDING_TERMS,
    INVITED_TERMS,
    KEYSET_AT,
    NONCE_BYTES,
    ROOTED_TERMS,
    KeySet,
    check_signatures,
    identity_of,
    is_revealed,
    keyset_of,
)
from .invitation import check_invitation

MAX_PATH = 128  # entries that one verdict may follow
CUT_AT, HEIR_AT, PREVIOUS_AT = range(3)  # in an `id.revoke`
_MAX_KNOWN = 4096

Event = tuple[bytes, KeySet]  # an identity, and its root keys from a key event on
_Read = TypeVar("_Read")


class Lineage:
    """Reads what entries rest on, and remembers it: what an id names is the same for ever.

    Call `begin` before the checks of one verdict: they share one bound (rule `identity.path`).
    """

    def __init__(self, held: Callable[[bytes], Entry | None], charter: Charter) -> None:
        self._held, self._charter = held, charter
        self._grants: dict[bytes, tuple[Grant | None, int]] = {}
        self._events: dict[bytes, tuple[Event | None, int]] = {}
        self._laws: dict[bytes, tuple[Charter | None, int]] = {}
        self._inheritances: dict[bytes, tuple[Entry | None, int]] = {}
        self._path = 0  # how many entries the check under way has followed, each counted as often as it is named

    def begin(self) -> None:
        """Begin a verdict: nothing has been followed yet."""
        self._path = 0

    def speaker(self, chain: bytes) -> Grant | None:
        """Return what a held chain may do for its identity, outside of any verdict."""
        self._path = -1  # the chain itself is not rested on
        return self.grant(chain)

    def grant(self, chain: bytes) -> Grant | None:
        """Return what a held chain may do for its identity; None if it has none, or what it rests on is not good."""
        return self._remember(self._grants, chain, self.check_open)

    def event(self, entry: Entry) -> Event | None:
        """Return the identity and the root keys that a key event establishes, None if it is no good one."""
        return self._remember(self._events, entry.id, self._check_event)

    def _remember(
        self, known: dict[bytes, tuple[_Read | None, int]], name: bytes, check: Callable[[Entry], _Read | None]
    ) -> _Read | None:
        if name not in known:
            entry = self._held(name)
            if entry is None:
                return None
            outer, self._path = self._path, 0
            value = None
            with suppress(Refused):  # whoever rests on it says so in its own words
                value = check(entry)
            if len(known) > _MAX_KNOWN:
                known.clear()
            known[name] = value, self._path + 1
            self._path = outer
        value, path = known[name]
        self._path += path
        if self._path > MAX_PATH:
            raise Refused("identity.path", f"this rests on more than {MAX_PATH} entries")
        return value

    def _check_event(self, entry: Entry) -> Event:
        match entry.header.kind:
            case "open":
                if len(entry.header.terms) >= FOUNDING_TERMS:
                    grant = self.check_open(entry)
                    return cast(Grant, grant).identity, cast(KeySet, keyset_of(entry))
            case "id.rotate":
                return self.check_rotation(entry)
            case "id.complete":
                return self.check_completion(entry)
        raise Refused("identity.previous", f"`{entry.header.kind}` declares no root keys")

    # `open`

    def check_open(self, entry: Entry) -> Grant | None:
        """Return what the chain of this `open` may do for its identity, None if it names none (rules `open.*`)."""
        header = entry.header
        terms, count = header.terms, len(header.terms)
        if terms[1:] == [None]:
            self._check_deps(header, 0)
            if not isinstance(self._charter.membership, Open):
                raise Refused("open.invitation", "this commons is entered by invitation, with an identity")
            return None
        if count not in (DELEGATED_TERMS, ROOTED_TERMS, FOUNDING_TERMS, INVITED_TERMS) or not (
            _is_digest(terms[1]) and (terms[2] is None or _is_digest(terms[2]))
        ):
            raise Refused("open.identity", "the terms after the key are null, or those of a chain with an identity")
        if count >= FOUNDING_TERMS:
            return self._check_founding(header)
        self._check_deps(header, 1)
        below = self._named(header, terms[3], "open.identity")
        if count == ROOTED_TERMS:
            return self._check_rooted(header, below)
        return self._check_delegated(header, below)

    def _check_founding(self, header: Header) -> Grant:
        terms = header.terms
        key, identity, nonce = cast(bytes, terms[0]), cast(bytes, terms[1]), terms[3]
        keyset = keyset_of(Entry(b"", b"", header, b"", None, None))
        if type(nonce) is not bytes or len(nonce) != NONCE_BYTES or keyset is None:
            raise Refused(
                "open.identity", "an inception has a nonce, root keys, the digest of the next ones, guardians"
            )
        is_invited = len(terms) == INVITED_TERMS
        self._check_deps(header, 1 if is_invited else 0)
        if identity_of(key, nonce, keyset) != identity:
            raise Refused("open.inception", "the identity is not the digest of its inception")
        check_signatures(header, keyset, network=self._charter.network)
        if is_invited:
            sponsor = cast(Entry, self._held(header.dep(0)))
            check_invitation(header, sponsor, network=self._charter.network)
            self._check_sponsor(sponsor)
        elif not isinstance(self._charter.membership, Open) and identity not in self._charter.founders:
            raise Refused("open.invitation", "this commons is entered by invitation")
        return Grant(identity, is_founding=True)

    def _check_sponsor(self, sponsor: Entry) -> None:
        grant = self.grant(sponsor.id)
        if grant is None or not grant.is_founding:
            raise Refused("open.invitation", "an invitation is given by the chain that an identity began with")
        if isinstance(self._charter.membership, Stewards) and grant.identity not in self._charter.founders:
            raise Refused("open.invitation", "in this commons a founder invites")

    def _check_rooted(self, header: Header, below: Entry) -> Grant:
        event = self.event(below)
        if event is None or event[0] != header.terms[1]:
            raise Refused("identity.previous", "the entry named is no good key event of this identity")
        check_signatures(header, event[1], network=self._charter.network)
        return Grant(event[0])

    def _check_delegated(self, header: Header, below: Entry) -> Grant:
        delegation = below.header
        if delegation.kind != "id.delegate" or delegation.terms[:2] != [header.terms[0], header.terms[2]]:
            raise Refused("open.delegation", "the entry named delegates nothing to this key")
        giver = self.grant(below.chain)
        if giver is None or giver.identity != header.terms[1]:
            raise Refused("open.delegation", "the chain that delegates speaks for another identity, or for none")
        try:
            check_use(giver, delegation)
            return self.check_delegation(delegation, giver)
        except Refused as refused:
            raise Refused("open.delegation", f"the delegation is against `{refused.rule}`") from refused

    def _check_deps(self, header: Header, count: int) -> None:
        if len(header.deps) != count * DIGEST_BYTES:
            raise Refused("open.deps", f"this form of `open` names {count} entries, here are {len(header.links)}")

    # Key events

    def check_rotation(self, entry: Entry) -> Event:
        """Return identity and root keys of an `id.rotate` (rules `identity.*`, `rotate.revealed`)."""
        header = entry.header
        keyset = self._keyset(entry, KEYSET_AT["id.rotate"] + 6)
        identity, before = self._previous(entry, header.terms[0])
        if not is_revealed(before, keyset.threshold, keyset.keys):
            raise Refused("rotate.revealed", "these are not the keys that the key event before committed to")
        check_signatures(header, keyset, network=self._charter.network)
        return identity, keyset

    def check_recovery(self, entry: Entry) -> Event:
        """Return the identity and the keys that an `id.recover` proposes (rules `identity.*`, `recover.guardians`)."""
        keyset = self._keyset(entry, KEYSET_AT["id.recover"] + 5)
        event = self.event(self._named(entry.header, entry.header.terms[0], "identity.terms"))
        if event is None:
            raise Refused("identity.previous", "the entry named is no good key event")
        if not event[1].guardians:
            raise Refused("recover.guardians", "this identity named no guardians")
        return event[0], keyset

    def check_completion(self, entry: Entry) -> Event:
        """Return identity and root keys of an `id.complete` (rules `identity.*`, `complete.*`)."""
        header = entry.header
        keyset = self._keyset(entry, KEYSET_AT["id.complete"] + 5)
        recovery = self._named(header, header.terms[0], "identity.terms")
        previous = self._named(header, header.terms[1], "identity.terms")
        event = self.event(previous)
        if event is None:
            raise Refused("identity.previous", "the entry named is no good key event")
        proposed = recovery.header
        if (
            proposed.kind != "id.recover"
            or proposed.terms[1:] != header.terms[2:]
            or _dep(proposed, proposed.terms[0]) != previous.id
        ):
            raise Refused("complete.recovery", "the recovery named proposes other keys, or follows another key event")
        try:
            self.check_recovery(recovery)
        except Refused as refused:
            raise Refused("complete.recovery", f"the recovery is against `{refused.rule}`") from refused
        self._check_consents(header, recovery, event[1])
        return event[0], keyset

    def _check_consents(self, header: Header, recovery: Entry, before: KeySet) -> None:
        rule = "complete.consents"
        due_ms = self._consents(header, recovery, before.guardians, before.consents, rule) + self._charter.recovery_ms
        if header.time_ms <= due_ms:
            raise Refused("complete.delay", f"the recovery may be completed after {due_ms}, this is {header.time_ms}")

    def _consents(self, header: Header, subject: Entry, who: Collection[bytes], needed: int, rule: str) -> int:
        """Return the time of the latest consent to `subject` in deps; refuse `rule` unless enough of `who` gave one."""
        given: set[bytes] = set()
        latest_ms = 0
        for link in header.links:
            consent = cast(Entry, self._held(link))
            if consent.header.kind != "consent" or self.consented(consent.header) != subject.id:
                continue
            grant = self.grant(consent.chain)
            if grant is None or grant.identity not in who or grant.identity in given:
                raise Refused(rule, "a consent is of somebody who has none to give, or somebody's second")
            try:
                check_use(grant, consent.header)
            except Refused as refused:
                raise Refused(rule, f"a consent is against `{refused.rule}`") from refused
            given.add(grant.identity)
            latest_ms = max(latest_ms, consent.header.time_ms)
        if len(given) < needed:
            raise Refused(rule, f"{len(given)} consent, {needed} are needed")
        return latest_ms

    # Enactments

    def law(self, enact: bytes | None) -> Charter | None:
        """Return the charter that an enactment makes of those before it, None if one of them is not good."""
        if enact is None:
            return self._charter
        return self._remember(self._laws, enact, self._check_enact)

    def _check_enact(self, entry: Entry) -> Charter | None:
        if entry.header.kind != "enact" or self.grant(entry.chain) is None:
            return None
        changes = amendments_of(entry.header)
        if entry.header.terms[0] is None:
            return amended(self._charter, changes)
        before = self.law(self._named(entry.header, entry.header.terms[0], "enact.terms").id)
        return None if before is None else amended(before, changes)

    def enacted_before(self, enact: Entry) -> bytes | None:
        """Return the enactment that a good one follows, None if it follows the root charter."""
        return None if enact.header.terms[0] is None else _dep(enact.header, enact.header.terms[0])

    def check_founders(self, header: Header, enact: Entry) -> None:
        """Refuse `adopt.consents` unless `deps` has the consents of enough founders to an enactment."""
        charter = self._charter
        if not charter.founders:
            raise Refused("adopt.consents", "this commons has no founders, so its charter never changes")
        self._consents(header, enact, charter.founders, charter.threshold, "adopt.consents")

    def consented(self, header: Header) -> bytes | None:
        """Return what a `consent` consents to, or None if its terms have another shape."""
        return _dep(header, header.terms[0]) if len(header.terms) == 1 else None

    # Delegation and revocation

    def check_delegation(self, header: Header, giver: Grant) -> Grant:
        """Return the grant that an `id.delegate` gives away (rules `delegate.terms`, `delegate.attenuation`)."""
        terms = header.terms
        if len(terms) < 5 or len(terms) % 2 == 0:
            raise Refused("delegate.terms", "the terms are key, box, kinds, end, depth, then (class, daily) pairs")
        key, box, kinds, expires_ms, depth = terms[:5]
        pairs = list(zip(terms[5::2], terms[6::2], strict=True))
        if not (
            _is_digest(key)
            and (box is None or _is_digest(box))
            and (kinds is None or _is_list(kinds))
            and (expires_ms is None or (type(expires_ms) is int and expires_ms > 0))
            and type(depth) is int
            and 0 <= depth < MAX_DEPTH
            and all(type(name) is str and (cap is None or (type(cap) is int and cap > 0)) for name, cap in pairs)
            and [name for name, _ in pairs] == sorted({cast(str, name) for name, _ in pairs})
        ):
            raise Refused("delegate.terms", "a term has the wrong type or range, or names are not sorted and unique")
        part = Grant(
            giver.identity,
            None if kinds is None else tuple(cast(str, kinds).split(" ")),
            expires_ms,
            depth,
            cast(tuple[tuple[str, int | None], ...], tuple(pairs)),
        )
        too_much = exceeds(part, giver)
        if too_much is not None:
            raise Refused("delegate.attenuation", f"{too_much} exceeds what this chain was granted itself")
        return part

    def check_authority(self, header: Header, previous: Term, identity: bytes) -> None:
        """Refuse unless the last term holds signatures of the root keys of a key event of `identity`."""
        event = self.event(self._named(header, previous, "identity.terms"))
        if event is None or event[0] != identity:
            raise Refused("identity.previous", "the entry named is no good key event of this identity")
        check_signatures(header, event[1], network=self._charter.network)

    def has_delegated(self, giver: bytes, chain: bytes) -> bool:
        """Return whether a chain was delegated by `giver`, or by one that it delegated to in turn."""
        for _ in range(MAX_DEPTH):
            opening = cast(Entry, self._held(chain)).header
            if len(opening.terms) != DELEGATED_TERMS or not opening.deps:
                return False
            chain = cast(Entry, self._held(opening.dep(0))).chain
            if chain == giver:
                return True
        return False

    def check_revocation(self, entry: Entry, own: Grant | None) -> Entry:
        """Return the last entry that an `id.revoke` keeps (rules `revoke.*`, `identity.*`) by its chain's grant."""
        terms = entry.header.terms
        if len(terms) != 4 or not (terms[HEIR_AT] is None or _is_digest(terms[HEIR_AT])):
            raise Refused("revoke.terms", "the terms are cut, heir, key event and signatures")
        cut = self._named(entry.header, terms[CUT_AT], "revoke.terms")
        own = _speaking(own)
        revoked = self.grant(cut.chain)
        if revoked is None or revoked.identity != own.identity:
            raise Refused("revoke.cut", "the entry to keep is on no chain of this identity")
        if terms[PREVIOUS_AT] is not None:
            self.check_authority(entry.header, terms[PREVIOUS_AT], own.identity)
        elif terms[-1] is not None or not self.has_delegated(entry.chain, cut.chain):
            raise Refused("revoke.authority", "a chain revokes what it delegated itself; anything else root keys sign")
        return cut

    def check_inheritance(self, entry: Entry, own: Grant | None) -> Entry:
        """Return the last entry of the chain that an `id.inherit` takes over (rules `identity.own`, `inherit.*`)."""
        header, own = entry.header, _speaking(own)
        if len(header.terms) != 2:
            raise Refused("inherit.terms", "the terms are a revocation and the entry that it keeps")
        revoke, cut = (self._named(header, term, "inherit.terms") for term in header.terms)
        if revoke.header.kind != "id.revoke" or cut.chain == entry.chain:
            raise Refused("inherit.revoke", "the entry named revokes no other chain")
        giver = self.grant(revoke.chain)
        if giver is None or giver.identity != own.identity:
            raise Refused("inherit.revoke", "the revocation is another identity's")
        try:
            check_use(giver, revoke.header)
            kept = self.check_revocation(revoke, giver)
        except Refused as refused:
            raise Refused("inherit.revoke", f"the revocation is against `{refused.rule}`") from refused
        if kept.id != cut.id or revoke.header.terms[HEIR_AT] != entry.chain:
            raise Refused("inherit.revoke", "the revocation keeps another entry, or names another heir")
        return cut

    def inheritance(self, entry: Entry) -> Entry | None:
        """Return the last entry of the chain whose heir speaks by a named `id.inherit`, None if it is not good."""
        outer, self._path = self._path, 0  # whoever names it does not rest on it
        try:
            return self._remember(self._inheritances, entry.id, self._check_inheritance)
        except Refused:
            return None
        finally:
            self._path = outer

    def _check_inheritance(self, entry: Entry) -> Entry:
        own = self.grant(entry.chain)
        check_use(_speaking(own), entry.header)
        return self.check_inheritance(entry, own)

    # Shapes

    def _keyset(self, entry: Entry, count: int) -> KeySet:
        keyset = keyset_of(entry) if len(entry.header.terms) == count else None
        if keyset is None:
            raise Refused("identity.terms", "the terms are not those of a key event, or a number is out of range")
        return keyset

    def _previous(self, entry: Entry, term: Term) -> Event:
        """Return identity and keys of the key event before, which is of the identity of the entry's own chain."""
        event = self.event(self._named(entry.header, term, "identity.terms"))
        grant = self.grant(entry.chain)
        if event is None or grant is None or grant.identity != event[0]:
            raise Refused("identity.previous", "the entry named is no good key event of the identity of this chain")
        return event

    def _named(self, header: Header, term: Term, rule: str) -> Entry:
        name = _dep(header, term)
        if name is None:
            raise Refused(rule, f"{term!r} is not the index of a dependency")
        return cast(Entry, self._held(name))


def _speaking(grant: Grant | None) -> Grant:
    if grant is None:
        raise Refused("identity.own", "this chain speaks for no identity")
    return grant


def _dep(header: Header, term: Term) -> bytes | None:
    if type(term) is not int or not 0 <= term < len(header.deps) // DIGEST_BYTES:
        return None
    return header.dep(term)


def _is_digest(term: Term) -> bool:
    return type(term) is bytes and len(term) == DIGEST_BYTES


def _is_list(kinds: Term) -> bool:
    """Whether a text is kinds, sorted and unique, with one space between."""
    if type(kinds) is not str:
        return False
    names = kinds.split(" ")
    return all(names) and names == sorted(set(names))
