"""Membership: whose chains count, and up to where, as a fold over valid entries.

Validity knows who a chain speaks for. Whether that identity was admitted, which
of two rival key events holds, and where a chain was cut, no entry can say alone:
it follows from the set, in any order of arrival.

    >>> from mycelia_protocol.charter import ResourceClass, found
    >>> members = Members(found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg")}), lambda _: None)
    >>> members.counts(b"c" * 32, 7)  # a chain that is not held has no place in an open commons either
    False

Spec: 14-membership; 13-identity, "Which key events hold" and "Cuts".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, cast

from .accumulators import Grant
from .authority import CUT_AT, HEIR_AT, PREVIOUS_AT
from .charter import Charter, Open, Stewards, Tree
from .envelope import Entry
from .identity import DELEGATED_TERMS, FOUNDING_TERMS, ROOTED_TERMS
from .kinds.budgets import EVENT_AT
from .lineage import Lineage

_ENDLESS = 2**63  # beyond every sequence
KINDS = frozenset({"open", "admit", "id.rotate", "id.complete", "id.revoke", "id.close", "threshold"})


class Status(StrEnum):
    """Where an identity stands."""

    MEMBER = "member"
    PENDING = "pending"  # nobody with an admission to give has let it in yet
    FROZEN = "frozen"  # two key events follow one: nobody can tell whose it is
    CLOSED = "closed"


class Person(NamedTuple):
    """An identity as the set shows it."""

    identity: bytes
    status: Status
    sponsor: bytes | None  # the identity that admitted it
    depth: int  # steps from a founder; 0 for a founder, and while it is pending
    event: bytes  # the entry of the key event in force
    chains: tuple[bytes, ...]  # that speak for it, sorted


class Members:
    """The fold. Feed it the valid entries of `KINDS`, in any order; twice is as good as once."""

    def __init__(self, charter: Charter, entry_of: Callable[[bytes], Entry | None]) -> None:
        self._charter, self._entry_of = charter, entry_of
        self._lineage = Lineage(entry_of, charter)
        self._entries: dict[bytes, Entry] = {}
        self._forked: dict[bytes, int] = {}  # the lowest place that was claimed twice
        self._unnamed: set[bytes] = set()  # chains that count without an identity: the common case of an open commons
        self._view: _View | None = None

    def add(self, entry: Entry) -> None:
        """Count a valid entry."""
        if entry.header.kind == "open" and entry.header.terms[1] is None:
            self._unnamed.add(entry.id)
        elif entry.id not in self._entries:
            self._entries[entry.id] = entry
            self._view = None

    def note_fork(self, chain: bytes, sequence: int) -> None:
        """Count that two entries claim a place of a chain: under a charter that says so, its sponsor answers for it."""
        if sequence < self._forked.get(chain, _ENDLESS):
            self._forked[chain] = sequence
            self._view = None

    def counts(self, chain: bytes, sequence: int) -> bool:
        """Return whether what a chain says at a place counts: its identity is in, and it is not cut below."""
        return chain in self._unnamed or sequence <= self._seen().last.get(chain, -1)

    def last(self) -> dict[bytes, int]:
        """Return the chains of identities that count, each with the last place that does."""
        return self._seen().last

    def person(self, identity: bytes) -> Person | None:
        """Return an identity, None if no inception of it is held."""
        return self._seen().persons.get(identity)

    def persons(self) -> list[Person]:
        """Return all identities, sorted."""
        return [person for _, person in sorted(self._seen().persons.items())]

    def grant_of(self, chain: bytes) -> Grant | None:
        """Return what a chain was opened to do for its identity."""
        return self._lineage.speaker(chain)

    def identity_of(self, chain: bytes) -> bytes | None:
        """Return who speaks through a chain."""
        grant = self.grant_of(chain)
        return None if grant is None else grant.identity

    def heirs(self, chain: bytes) -> tuple[bytes, ...]:
        """Return the chains that count and that revocations name as heirs of a chain of their identity, sorted."""
        return self._seen().heirs.get(chain, ())

    def is_backed(self, threshold: bytes) -> bool:
        """Return whether the root keys that signed a threshold are in force, or the next key event keeps it."""
        return threshold in self._seen().backed

    def all_heirs(self) -> dict[bytes, tuple[bytes, ...]]:
        """Return the chains of which others are heirs, each with these."""
        return self._seen().heirs

    def _seen(self) -> _View:
        if self._view is None:
            self._view = _View(self._charter, self._entry_of, self._lineage, self._entries.values(), self._forked)
        return self._view


class _View:
    """The fold over one set, step by step as chapter 14 numbers them."""

    def __init__(
        self,
        charter: Charter,
        entry_of: Callable[[bytes], Entry | None],
        lineage: Lineage,
        entries: Iterable[Entry],
        forked: Mapping[bytes, int],
    ) -> None:
        self._charter, self._entry_of, self._lineage, self._forked = charter, entry_of, lineage, forked
        self._by_kind: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
        for entry in sorted(entries, key=lambda entry: entry.id):
            self._by_kind[entry.header.kind].append(entry)
        self._followers: dict[tuple[str, bytes], list[Entry]] = {}  # key events by kind and the event before
        for kind, at in (("id.rotate", 0), ("id.complete", 1)):
            for entry in self._by_kind[kind]:
                before = entry.header.dep(cast(int, entry.header.terms[at]))
                self._followers.setdefault((kind, before), []).append(entry)
        self._chains: dict[bytes, list[Entry]] = {}  # opens by identity
        self._inceptions: dict[bytes, Entry] = {}
        self.last: dict[bytes, int] = {}
        self.heirs: dict[bytes, tuple[bytes, ...]] = {}
        self.backed: frozenset[bytes] = frozenset()  # thresholds
        self._cuts: dict[bytes, list[list[Entry]]] = {}  # what each cut of a chain keeps
        self._named: dict[bytes, set[bytes]] = {}  # as heirs, by the chain that was cut
        self.persons: dict[bytes, Person] = {}
        self._closed: set[bytes] = set()
        self._open_chains()
        self._logs = {identity: self._log(opening) for identity, opening in self._inceptions.items()}
        self._hold_chains()
        self._cut_chains()
        self._name_heirs()
        self.backed = frozenset(one.id for one in self._by_kind["threshold"] if self._is_backed_threshold(one))
        self._admit()

    def _open_chains(self) -> None:
        """1. Every chain with an identity, by that identity, and its inception."""
        for opening in self._by_kind["open"]:
            grant = self._lineage.speaker(opening.id)
            if grant is None:
                continue
            self._chains.setdefault(grant.identity, []).append(opening)
            if len(opening.header.terms) >= FOUNDING_TERMS:
                self._inceptions.setdefault(grant.identity, opening)

    def _log(self, opening: Entry) -> tuple[list[list[Entry]], bool]:
        """2. The key events that hold, each with all entries that say it, and whether rivals froze the log."""
        log = [[one for one in self._chains[cast(bytes, opening.header.terms[1])] if _is_founding(one)]]
        while True:
            rotations = self._following(log[-1], "id.rotate", 0)  # keys that were committed to go before guardians
            if len(rotations) == 1:
                log.append(*rotations)
                continue
            completions = self._following(log[-1], "id.complete", 1)  # who also decide between two rotations
            if len(completions) == 1:
                log.append(*completions)
                continue
            return log, bool(rotations or completions)

    def _following(self, event: list[Entry], kind: str, at: int) -> list[list[Entry]]:
        """Return the key events of a kind that follow one, each with all entries that declare its key set."""
        found: dict[tuple[object, ...], list[Entry]] = {}
        following = [entry for one in event for entry in self._followers.get((kind, one.id), ())]
        for entry in sorted(following, key=lambda entry: entry.id):
            found.setdefault(tuple(entry.header.terms[at + 1 : at + 6]), []).append(entry)
        return list(found.values())

    def _hold_chains(self) -> None:
        """3. Chains that root keys signed for hold if the keys are in force, or the next key event keeps the chain."""
        for identity, openings in self._chains.items():
            for opening in openings if identity in self._logs else ():
                if len(opening.header.terms) != ROOTED_TERMS or self._is_backed(
                    identity, opening, opening.header.dep(0)
                ):
                    self.last[opening.id] = _ENDLESS

    def _is_backed(self, identity: bytes, entry: Entry, event: bytes) -> bool:
        """Whether what the root keys of an event signed holds: they are in force, or the next event keeps the entry."""
        log, _ = self._logs[identity]
        for named, following in zip(log, [*log[1:], None], strict=True):
            if event in {one.id for one in named}:
                return following is None or any(self._keeps(one, entry) for one in following)
        return False

    def _is_backed_threshold(self, entry: Entry) -> bool:
        identity, event = self._speaker(entry.chain), entry.header.dep(cast(int, entry.header.terms[EVENT_AT]))
        return identity in self._logs and self._is_backed(identity, entry, event)

    def _keeps(self, event: Entry, entry: Entry) -> bool:
        """Whether a key event was said by who knew of an entry, and let its chain live on."""
        if event.header.kind == "id.complete":  # anybody can publish it: what guardians consented to is the proposal
            event = cast(Entry, self._entry_of(event.header.dep(cast(int, event.header.terms[0]))))
        elif self._stands_below(entry, event):
            return True
        previous = event.header.dep(cast(int, event.header.terms[0]))
        kept = (self._entry_of(link) for link in event.header.links if link != previous)
        return any(one is not None and self._stands_below(entry, one) for one in kept)

    def _stands_below(self, entry: Entry, top: Entry) -> bool:
        """Whether an entry is another one, or stands below it on its own branch."""
        sequence = entry.header.sequence
        if entry.chain != top.chain or sequence > top.header.sequence:
            return False
        if sequence < self._forked.get(entry.chain, _ENDLESS):
            return True  # the chain has one past there
        while top.header.sequence > sequence:
            top = cast(Entry, self._entry_of(cast(bytes, top.header.backlink)))
        return top.id == entry.id

    def _cut_chains(self) -> None:
        """4. Revocations and closes that root keys back cut chains; then what chains that count delegated, they cut."""
        held = dict(self.last)
        by_giver: dict[bytes, list[Entry]] = {}  # revocations of delegated chains that need no root keys
        for revoke in (one for one in self._by_kind["id.revoke"] if one.chain in held):
            event = revoke.header.named(revoke.header.terms[PREVIOUS_AT])
            if event is None:
                by_giver.setdefault(self._kept_by(revoke).chain, []).append(revoke)
            elif self._is_backed(self._speaker(revoke.chain), revoke, event):
                self._revoke(revoke)
        for close in self._by_kind["id.close"]:
            identity = self._speaker(close.chain) if close.chain in held else b""
            if identity and self._is_backed(identity, close, close.header.dep(cast(int, close.header.terms[0]))):
                self._close(identity, close)
        for opening in sorted(self._delegated(), key=self._depth):  # who delegates is cut before who was delegated to
            self._follow_delegation(opening)
            for revoke in by_giver.get(opening.id, ()):
                if self._is_left(revoke):
                    self._revoke(revoke)

    def _revoke(self, revoke: Entry) -> None:
        cut, heir = self._kept_by(revoke), revoke.header.terms[HEIR_AT]
        self._cut(cut.chain, [cut])
        if heir is not None:
            self._named.setdefault(cut.chain, set()).add(cast(bytes, heir))

    def _close(self, identity: bytes, close: Entry) -> None:
        self._closed.add(identity)
        kept: dict[bytes, list[Entry]] = {close.chain: [close]}
        for link in close.header.links:
            entry = cast(Entry, self._entry_of(link))
            if entry.chain != close.chain:
                kept.setdefault(entry.chain, []).append(entry)
        for opening in self._chains[identity]:
            self._cut(opening.id, kept.get(opening.id, [opening]))

    def _kept_by(self, revoke: Entry) -> Entry:
        return cast(Entry, self._entry_of(revoke.header.dep(cast(int, revoke.header.terms[CUT_AT]))))

    def _cut(self, chain: bytes, kept: list[Entry]) -> None:
        """Cut a chain above the highest of these, on the branches that they stand on."""
        if chain in self.last:
            self.last[chain] = min(self.last[chain], max(entry.header.sequence for entry in kept))
            self._cuts.setdefault(chain, []).append(kept)

    def _is_left(self, entry: Entry) -> bool:
        """Whether what says who speaks for whom stands on a chain that counts, and on no branch that was cut off."""
        if entry.header.sequence > self.last.get(entry.chain, -1):
            return False
        cuts = self._cuts.get(entry.chain, ())
        return all(any(self._stands_below(entry, one) for one in kept) for kept in cuts)

    def _delegated(self) -> list[Entry]:
        return [one for ones in self._chains.values() for one in ones if len(one.header.terms) == DELEGATED_TERMS]

    def _depth(self, opening: Entry) -> int:
        """Return how many delegations a chain rests on."""
        depth = 0
        while len(opening.header.terms) == DELEGATED_TERMS:
            delegation = cast(Entry, self._entry_of(opening.header.dep(0)))
            opening, depth = cast(Entry, self._entry_of(delegation.chain)), depth + 1
        return depth

    def _follow_delegation(self, opening: Entry) -> None:
        """A delegation that stands above the cut of its chain, or on a chain that does not hold, delegates nothing."""
        delegation = cast(Entry, self._entry_of(opening.header.dep(0)))
        if not self._is_left(delegation):
            self.last.pop(opening.id, None)

    def _speaker(self, chain: bytes) -> bytes:
        return cast(Grant, self._lineage.speaker(chain)).identity

    def _admit(self) -> None:
        """6. Founders are in, and whom they admit, step by step; chains of anybody else do not count."""
        policy, inside = self._charter.membership, self._inside()
        for identity, (log, is_frozen) in self._logs.items():
            sponsor, depth = inside.get(identity, (None, 0))
            is_in = isinstance(policy, Open) or identity in inside
            chains = tuple(sorted(opening.id for opening in self._chains[identity]))
            status = (
                Status.PENDING if not is_in else Status.CLOSED if identity in self._closed else
                Status.FROZEN if is_frozen else Status.MEMBER
            )  # fmt: skip
            self.persons[identity] = Person(identity, status, sponsor, depth, log[-1][0].id, chains)
            if not is_in:
                for chain in chains:
                    self.last.pop(chain, None)
        for identity in self._chains.keys() - self._logs.keys():  # the inception is not held as valid
            for opening in self._chains[identity]:
                self.last.pop(opening.id, None)

    def _name_heirs(self) -> None:
        """5. Heirs are chains of the same identity that count, and are named for a chain that counts up to its cut."""
        for openings in self._chains.values():
            own = {opening.id for opening in openings} & self.last.keys()
            for chain in own & self._named.keys():
                heirs = self._named[chain] & own - {chain}
                if heirs:
                    self.heirs[chain] = tuple(sorted(heirs))

    def _inside(self) -> dict[bytes, tuple[bytes | None, int]]:
        """Return who is in: identity to (sponsor, steps from a founder)."""
        policy = self._charter.membership
        inside: dict[bytes, tuple[bytes | None, int]] = dict.fromkeys(self._charter.founders, (None, 0))
        given = self._admissions()
        if isinstance(policy, Stewards):
            admitters: dict[bytes, set[bytes]] = {}
            for giver, admitted in given.items():
                for name in admitted:
                    admitters.setdefault(name, set()).add(giver)
            for name, stewards in admitters.items():
                if len(stewards) >= policy.threshold and name not in inside:
                    inside[name] = (min(stewards), 1)
        elif isinstance(policy, Tree):
            ring = sorted(inside)
            for depth in range(1, policy.depth + 1):
                found = {name: giver for giver in reversed(ring) for name in given.get(giver, ()) if name not in inside}
                inside |= {name: (giver, depth) for name, giver in found.items()}
                ring = sorted(found)
        return inside

    def _admissions(self) -> dict[bytes, list[bytes]]:
        """Return whom each identity admits, slot by slot, as far as its slots reach."""
        given: dict[bytes, list[bytes]] = {}
        admits: dict[bytes, list[Entry]] = {}  # by chain
        for admit in self._by_kind["admit"]:
            if self._is_left(admit):
                admits.setdefault(admit.chain, []).append(admit)
        for identity, inception in self._inceptions.items():
            for chain in (inception.id, *self.heirs.get(inception.id, ())):
                for admit in sorted(admits.get(chain, ()), key=lambda entry: (entry.header.sequence, entry.id)):
                    given.setdefault(identity, []).extend(cast(list[bytes], admit.header.terms[0::2]))
        policy = self._charter.membership
        if not isinstance(policy, Tree):
            return given
        covered = {giver: list(dict.fromkeys(names)) for giver, names in given.items()}
        if policy.is_liable:
            return {giver: self._covered(names, policy.slots) for giver, names in covered.items()}
        return {giver: names[: policy.slots] for giver, names in covered.items()}

    def _covered(self, names: list[bytes], slots: int) -> list[bytes]:
        """Return those whom a sponsor's slots cover, when each invitee that forked has cost it one more."""
        covered: list[bytes] = []
        for name in names:
            if len(covered) >= slots:
                break
            covered.append(name)
            slots -= any(self._is_forked(opening.id) for opening in self._chains.get(name, ()))
        return covered

    def _is_forked(self, chain: bytes) -> bool:
        """Whether a chain has two pasts where it counts: what a thief does above the cut is nobody's fault."""
        return chain in self._forked and self._forked[chain] <= self.last.get(chain, -1)


def _is_founding(opening: Entry) -> bool:
    return len(opening.header.terms) >= FOUNDING_TERMS
