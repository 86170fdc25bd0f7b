"""People: what a node's members do about identities: invite, admit, install, delegate, rotate, revoke, recover.

Plain functions over the ledger and the keys, asked by the `Desk`. What needs
root keys takes them from the keystore; where they were taken away, the phrase
brings them back first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from mycelia_protocol import cid, invitation, statements
from mycelia_protocol.authority import HEIR_AT
from mycelia_protocol.charter import Open, Stewards
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.identity import DELEGATED_TERMS, FOUNDING_TERMS, INVITED_TERMS, KeySet, keyset_of
from mycelia_protocol.kinds.admissions import MAX_ADMITTED
from mycelia_protocol.membership import Person, Status
from mycelia_protocol.roots import Roots

from .faults import BadInput, StoreFault
from .keystore import FRESH, Keystore, Member, Plan
from .ledger import Ledger

HOUR_MS = 3_600_000
_INVITATION_AT = FOUNDING_TERMS - 1


class People:
    """The identities of one node's members."""

    def __init__(
        self, ledger: Ledger, keystore: Keystore, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        self._ledger, self._keystore, self._clock, self._entropy = ledger, keystore, clock, entropy

    # Coming in

    def create(self, name: str, *, invited_by: str | None = None, pasted: str | None = None) -> Member:
        """Make a member with an identity; behind a membrane by an invitation, or by a member here who may admit.

        Raises:
            BadInput: there is no invitation, or it belongs to another commons.
            Premature: the sponsor's chain is not held yet; the member waits for it.
        """
        if pasted is not None:
            self.check_invitation(pasted)
            return self._keystore.create(name, self._ledger, Plan(invitation=pasted))
        if isinstance(self._ledger.charter.membership, Open) or not self._keystore.members():
            return self._keystore.create(name, self._ledger, FRESH)
        sponsor = self._sponsor(invited_by)
        one = self.invite(sponsor.name, HOUR_MS, ())
        member = self._keystore.create(name, self._ledger, Plan(invitation=invitation.text(one)))
        self.tend()
        return member

    def check_invitation(self, pasted: str) -> invitation.Invitation:
        """Return the invitation that a text holds, if it is for this commons.

        Raises:
            Malformed: it is no invitation (rule `invitation.text`).
            BadInput: it is another commons', or it has ended.
        """
        one = invitation.read(pasted)
        if one.network != self._ledger.network:
            raise BadInput("invitation", "it is for another commons", "join that with `mycelia commons join`")
        if one.expires_ms <= self._clock():
            raise BadInput("invitation", "it has ended", "ask for a new one")
        return one

    def invite(self, name: str | None, valid_ms: int, peers: Iterable[str]) -> invitation.Invitation:
        """Return a new invitation by a member; `peers` are addresses under which the newcomer finds the commons."""
        sponsor = self._keystore.member(name)
        if self._slots_left(sponsor) == 0:
            raise BadInput("member", f"{sponsor.name} has no admission left to give", "ask another member")
        return invitation.invite(
            self._keystore.pair(sponsor.name),
            sponsor.chain,
            seed=self._entropy(32),
            expires_ms=self._clock() + valid_ms,
            network=self._ledger.network,
            peers=peers,
        )

    def admit(self, name: str | None, identity: bytes) -> Entry:
        """Let a pending identity in, by hand: how stewards do it together."""
        sponsor = self._keystore.member(name)
        return self._say(sponsor, statements.admit([(identity, None)]))

    def tend(self) -> int:
        """Do what waits: begin chains, take over lost ones, admit whom members here invited; return how many."""
        self._keystore.finish(self._ledger)
        taken = self._take_over()
        if isinstance(self._ledger.charter.membership, Open):
            return taken
        admitted = 0
        sponsors = {member.chain: member for member in self._keystore.members()}
        for chain, invited in self._invited(sponsors).items():
            left = self._slots_left(sponsors[chain])
            names = invited if left is None else invited[:left]
            for at in range(0, len(names), MAX_ADMITTED):
                self._say(sponsors[chain], statements.admit(names[at : at + MAX_ADMITTED]))
            admitted += len(names)
        return taken + admitted

    def _invited(self, sponsors: Mapping[bytes, Member]) -> dict[bytes, list[tuple[bytes, bytes | None]]]:
        """Return whom members here invited and have not admitted: (identity, invitation), each invitation once."""
        used: set[tuple[bytes, object]] = {
            (stored.entry.chain, term)
            for stored in self._ledger.stored(0, -1, kind="admit")
            for term in stored.entry.header.terms
            if stored.is_valid
        }
        found: dict[bytes, list[tuple[bytes, bytes | None]]] = {}
        for opening in self._ledger.opens():
            header = opening.header
            if len(header.terms) != INVITED_TERMS or header.deps not in sponsors:
                continue
            key, identity = header.terms[_INVITATION_AT], header.terms[1]
            if not isinstance(key, bytes) or not isinstance(identity, bytes):
                continue
            uses = {(header.deps, key), (header.deps, identity)}
            if not used & uses:
                used |= uses
                found.setdefault(header.deps, []).append((identity, key))
        return found

    def _sponsor(self, name: str | None) -> Member:
        """Return the member named, or the first one here with an admission to give."""
        if name is not None:
            return self._keystore.member(name)
        for member in self._keystore.members():
            if self._slots_left(member) != 0:
                return member
        raise BadInput("invitation", "nobody here has an admission to give", "give an invitation with `--invitation`")

    def _slots_left(self, member: Member) -> int | None:
        """Return how many a member can still admit, None without a bound."""
        policy, opening = self._ledger.charter.membership, self._ledger.entry_of(member.chain)
        if isinstance(policy, Open):
            return None
        assert opening is not None  # a member's chain is held
        if len(opening.header.terms) not in (FOUNDING_TERMS, INVITED_TERMS):
            return 0
        if isinstance(policy, Stewards):
            return None if opening.header.terms[1] in self._ledger.charter.founders else 0
        given = [one.entry for one in self._ledger.stored(0, -1, chain=member.chain, kind="admit") if one.is_valid]
        return max(0, policy.slots - sum(len(one.header.terms) // 2 for one in given))

    # Installations and bots

    def delegate(
        self,
        giver: str | None,
        *,
        name: str | None = None,
        key: bytes | None = None,
        kinds: Sequence[str] | None = None,
        daily: Mapping[str, int | None] | None = None,
        valid_ms: int | None = None,
        depth: int = 0,
    ) -> tuple[Entry, Member | None]:
        """Delegate to a new member of this node, or to a key elsewhere; return the delegation and that member."""
        member = self._keystore.member(giver)
        expires_ms = None if valid_ms is None else self._clock() + valid_ms
        if name is None and key is None:
            raise BadInput("name", "it is not said to whom", "name a new member of this node, or give a key")
        if name is None:
            content = statements.delegate(key or b"", kinds=kinds, expires_ms=expires_ms, depth=depth, daily=daily)
            return self._say(member, content), None
        identity = self._identity(member)
        self._keystore.prepare(name, Plan(identity=identity))
        try:
            content = statements.delegate(
                self._keystore.prepared(name), kinds=kinds, expires_ms=expires_ms, depth=depth, daily=daily,
                box=self._keystore.box_key(name),
            )  # fmt: skip
            delegation = self._say(member, content)
        except Exception:
            self._keystore.discard(name)
            raise
        self._keystore.plan(name, Plan(identity=identity, delegation=delegation.id))
        self._keystore.finish(self._ledger)
        return delegation, self._keystore.member(name)

    def restore(
        self, name: str, roots: Roots, *, lost: Sequence[bytes] = (), rotate: bool = False
    ) -> tuple[Member, list[Entry]]:
        """Open a chain for the identity of a phrase on this node, and cut chains that were lost, in one go.

        The new chain is the heir of the lost ones, which are kept up to the last entry that is held. With
        `rotate` the root keys move on too, and every chain that is not lost is kept.

        Raises:
            BadInput: no identity here has these root keys.
        """
        person, number = self._owner(roots)
        for chain in lost:
            self._end_of(chain)  # what cannot be cut is said before anything is made
        plan = Plan(identity=person.identity, event=person.event, number=number)
        member = self._keystore.create(name, self._ledger, plan, roots)
        done = [self.revoke(name, chain, heir=member.chain) for chain in lost]
        if rotate:
            done.append(self.rotate(name, keep=[chain for chain in person.chains if chain not in lost]))
        return member, done

    def rotate(
        self, name: str | None, *, keep: Iterable[bytes] | None = None, guardians: Sequence[bytes] | None = None,
        consents: int = 0,
    ) -> Entry:  # fmt: skip
        """Rotate to the next root keys; all chains are kept unless `keep` says which, guardians unless named anew."""
        member = self._keystore.member(name)
        person, roots = self.person(self._identity(member)), self._roots(member)
        event, number, before = self._last_event(person, roots)
        if guardians is None:
            guardians, consents = before.guardians, before.consents
        kept = [chain for chain in (person.chains if keep is None else keep) if chain != member.chain]
        tips = self._ends_of(kept)
        keyset = roots.keyset(number + 1, guardians, consents)
        root = roots.signers(number + 1, network=self._ledger.network)
        return self._say(member, statements.rotate(event, keyset, root=root, keep=tips))

    def revoke(self, name: str | None, chain: bytes, *, cut: bytes | None = None, heir: bytes | None = None) -> Entry:
        """Cut a chain of one's identity after an entry, or after the last one that is held."""
        member = self._keystore.member(name)
        last = self._end_of(chain) if cut is None else cut
        if self._ledger.gate is not None and self._ledger.gate.is_retired(chain) and last in self._ledger.gate.withheld:
            raise BadInput("cut", "no peer has said yet that it holds that entry", "run the node until one has")
        if self._is_delegated_by(member.chain, chain):
            revoked = self._say(member, statements.revoke(last, heir=heir))
        else:
            person, number, roots = self._root(member)
            root = roots.signers(number, network=self._ledger.network)
            revoked = self._say(member, statements.revoke(last, heir=heir, event=person.event, root=root))
        self._take_over()
        return revoked

    def _end_of(self, chain: bytes) -> bytes:
        """Return the entry after which a chain is cut: the last one; of a restored chain the last one that is out.

        What never left this node would be named to no avail: nobody gets it, so nobody could judge the cut. And what
        others have and this node does not would be cut off, with all that was promised in it.

        Raises:
            BadInput: it is not known here how far the chain reaches.
        """
        gate, tips = self._ledger.gate, self._ledger.ends_of(chain)
        if not tips:
            raise BadInput("chain", "no such chain is held", "see `mycelia id show`")
        missing = None if gate is None else gate.missing(chain)
        if missing is not None:
            why = f"others hold entry {missing.sequence} of it, this node {max(tip.sequence for tip in tips)}"
            raise BadInput("chain", why, "run the node until it has them, or say with `--cut` what shall count")
        if gate is None or not gate.is_retired(chain):
            return tips[0].id
        out = gate.last_out(chain)
        if out is None:
            raise BadInput("chain", "no peer has said yet what it holds of it", "run the node until one has")
        return out.id

    def _ends_of(self, chains: Iterable[bytes]) -> list[bytes]:
        """Return the last entries of chains that shall live on, as far as others can have them."""
        gate = self._ledger.gate
        found = []
        for chain in chains:
            is_retired = gate is not None and gate.is_retired(chain)
            out = gate.last_out(chain) if gate is not None and is_retired else None
            tips = [out] if out is not None else [] if is_retired else self._ledger.ends_of(chain)[:1]
            found += [tip.id for tip in tips]
        return found

    def _take_over(self) -> int:
        """Have members here take over the chains whose heirs they were named; return how many."""
        taken = {
            (stored.entry.chain, link)
            for stored in self._ledger.stored(0, -1, kind="id.inherit")
            for link in stored.entry.header.links
        }
        done = 0
        for stored in [one for one in self._ledger.stored(0, -1, kind="id.revoke") if one.is_valid]:
            revoke = stored.entry
            heir = self._keystore.owner(cast(bytes, revoke.header.terms[HEIR_AT] or b""))
            if heir is not None and (heir.chain, revoke.id) not in taken:
                with suppress(Refused):  # a bot that was not given this kind cannot
                    self._say(heir, statements.inherit(revoke.id, revoke.header.dep(cast(int, revoke.header.terms[0]))))
                    done += 1
        return done

    def close(self, name: str | None) -> Entry:
        """End the identity of a member: its chains count up to what is held of them, and no further."""
        member = self._keystore.member(name)
        person, number, roots = self._root(member)
        tips = self._ends_of(chain for chain in person.chains if chain != member.chain)
        root = roots.signers(number, network=self._ledger.network)
        return self._say(member, statements.close(person.event, root=root, keep=tips))

    # Guardians

    def recover(self, name: str | None, identity: bytes, keyset: KeySet) -> Entry:
        """Propose new root keys for somebody who lost theirs, and consent if the member is a guardian."""
        member, person = self._keystore.member(name), self.person(identity)
        proposal = self._say(member, statements.recover(person.event, keyset))
        if self._identity(member) in self._keyset(person).guardians:
            self._say(member, statements.consent(proposal.id))
        return proposal

    def consent(self, name: str | None, subject: bytes) -> Entry:
        """Consent to a recovery as a guardian, or to an enactment as a founder."""
        return self._say(self._keystore.member(name), statements.consent(subject))

    def complete(self, name: str | None, recovery: Entry) -> Entry:
        """Complete a recovery with the consents that are held.

        Raises:
            Refused: too few guardians consent, or the delay is not over (`complete.*`).
        """
        event, keyset = recovery.header.dep(0), keyset_of(recovery)
        established = self._ledger.entry_of(event)
        before = None if established is None else keyset_of(established)
        if keyset is None or before is None:
            raise BadInput("recovery", "that entry is no recovery", "see `mycelia log --kind id.recover`")
        content = statements.complete(recovery.id, event, keyset, self._consents(recovery.id, before.guardians))
        return self._say(self._keystore.member(name), content)

    def _consents(self, subject: bytes, who: Collection[bytes]) -> list[bytes]:
        """Return the consents to an entry that are held, one of each of these identities."""
        found: dict[bytes, bytes] = {}
        for stored in self._ledger.stored(0, -1, kind="consent"):
            identity = self._ledger.members.identity_of(stored.entry.chain)
            if identity is not None and identity in who and stored.is_valid and stored.entry.header.deps == subject:
                found.setdefault(identity, stored.entry.id)
        return list(found.values())

    # The charter

    def amend(self, name: str | None, changes: Mapping[str, int | str]) -> Entry:
        """Enact a change of the charter under which a member writes, and consent to it if the member is a founder."""
        member = self._keystore.member(name)
        version = self._ledger.version_of(member.chain)
        previous = None if version is None else version.enact
        enact = self._say(member, statements.enact(changes, previous=previous))
        if self._identity(member) in self._ledger.charter.founders:
            self._say(member, statements.consent(enact.id))
        return enact

    def adopt(self, name: str | None, enact: Entry) -> Entry:
        """Adopt an enactment with the founders' consents that are held: from now on the member is judged by it.

        Raises:
            Refused: too few founders consent, or another enactment comes first (`adopt.*`).
        """
        consents = self._consents(enact.id, self._ledger.charter.founders)
        return self._say(self._keystore.member(name), statements.adopt(enact.id, consents))

    # Asking

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

    def _root(self, member: Member) -> tuple[Person, int, Roots]:
        """Return a member's identity, and the number of the root key in force, from the keys on this node."""
        person, roots = self.person(self._identity(member)), self._roots(member)
        number = roots.number_of(self._keyset(person))
        if number is None:
            raise StoreFault(f"the root keys of {member.name} are no longer in force", "use the phrase in force")
        return person, number, roots

    def _roots(self, member: Member) -> Roots:
        roots = self._keystore.roots(member.name)
        if roots is None:
            raise StoreFault(
                f"the root keys of {member.name} are not on this node", "bring them back with `mycelia id restore-root`"
            )
        return roots

    def check_roots(self, name: str, roots: Roots) -> None:
        """Refuse root keys that never were those of a member's identity.

        Raises:
            StoreFault: they are not, or there is no such member.
        """
        member = self._keystore.member(name)
        identity = self._ledger.members.identity_of(member.chain)
        person = None if identity is None else self._ledger.members.person(identity)
        if person is not None:
            self._last_event(person, roots)

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
        for person in self._ledger.members.persons():
            number = roots.number_of(self._keyset(person))
            if number is not None and person.status is not Status.CLOSED:
                return person, number
        raise BadInput("phrase", "no identity here has these root keys", "let the node reach a peer first")

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
