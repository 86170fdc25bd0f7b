"""People: what a node's members do about identities: invite, admit, install, delegate, rotate, revoke, recover.

Plain functions over the ledger and the keys, asked by the `Desk`. What needs
root keys takes them from the keystore; where they were taken away, the phrase
brings them back first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mycelia_protocol import invitation, statements
from mycelia_protocol.charter import Open, Stewards
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.identity import FOUNDING_TERMS, INVITED_TERMS, KeySet, keyset_of
from mycelia_protocol.kinds.admissions import MAX_ADMITTED

from .faults import BadInput, StoreFault
from .keystore import Member
from .memberfile import FRESH, Plan
from .rootkeys import RootKeys

HOUR_MS = 3_600_000
_INVITATION_AT = FOUNDING_TERMS - 1


class People(RootKeys):
    """The identities of one node's members."""

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
        held_up: Refused | StoreFault | None = None
        sponsors = {member.chain: member for member in self._keystore.members()}
        for chain, invited in self._invited(sponsors).items():
            left = self._slots_left(sponsors[chain])
            names = invited if left is None else invited[:left]
            try:
                for at in range(0, len(names), MAX_ADMITTED):
                    some = names[at : at + MAX_ADMITTED]
                    self._say(sponsors[chain], statements.admit(some))
                    admitted += len(some)
            except (Refused, StoreFault) as error:  # what keeps one from admitting keeps no other
                held_up = error
        if held_up is not None:
            raise held_up
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
