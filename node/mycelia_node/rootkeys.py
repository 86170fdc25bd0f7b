"""Root keys at work: restore, rotate, revoke, close, and the signatures of several holders for each.

What needs root keys takes them from the keystore; where they were taken away, the
phrase brings them back first. Where several holders must sign, the answer is a
draft: each signs it, and whoever has a chain of the identity publishes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast

from mycelia_protocol import statements
from mycelia_protocol.authority import HEIR_AT
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.identity import KeySet
from mycelia_protocol.membership import Person
from mycelia_protocol.roots import Roots
from mycelia_protocol.statements import Signers

from .drafts import Draft
from .faults import BadInput, StoreFault
from .keystore import Member
from .memberfile import Plan
from .signatures import Signatures

_ROOTED = 4  # terms of a rooted `open`, without the signatures


class RootKeys(Signatures):
    """What the root keys on one node can say."""

    def restore(
        self, name: str, roots: Roots, *, lost: Sequence[bytes] = (), rotate: bool = False, by: Sequence[int] = ()
    ) -> tuple[Member, list[Entry]] | Draft:
        """Open a chain for the identity of a phrase on this node, and cut chains that were lost, in one go.

        The new chain is the heir of the lost ones, which are kept up to the last entry that is held. With
        `rotate` the root keys move on too, and keep all chains as far: what the old ones signed there, limits
        among it, stays, and what is lost is cut all the same. Where several holders must
        sign, `by` says which, as they were numbered; the chain begins when they have.

        Raises:
            BadInput: no identity here has these root keys, or a lost chain cannot be cut now.
        """
        person, number = self._owner(roots)
        keyset, plan = self._keyset(person), Plan(identity=person.identity, event=person.event, number=number)
        if keyset.threshold > 1:
            if lost or rotate:
                raise BadInput("lost", "the other holders sign one thing at a time", "cut it then: `mycelia id revoke`")
            return self._draft_of_chain(name, roots, plan, keyset, by)
        for chain in lost:
            self._end_of(chain)  # what cannot be cut is said before anything is made
        member = self._keystore.create(name, self._ledger, plan, roots)
        done = [self.revoke(name, chain, heir=member.chain) for chain in lost]
        if rotate:
            done.append(self.rotate(name, keep=person.chains))
        return member, [one for one in done if isinstance(one, Entry)]

    def _draft_of_chain(self, name: str, roots: Roots, plan: Plan, keyset: KeySet, by: Sequence[int]) -> Draft:
        """Prepare a member whose chain begins once several holders have signed its `open`."""
        places = self._places(name, roots, keyset, by)
        if name in self._keystore.waiting():
            self._keystore.plan(name, plan)  # another attempt, with other signers
        else:
            self._keystore.prepare(name, plan, roots)
        content, root = self._keystore.opening(name, self._ledger, places)
        return Draft.of(content, root)

    def _places(self, name: str, roots: Roots, keyset: KeySet, by: Sequence[int]) -> bytes:
        """Return the places of the root keys that sign an `open`: of the holders named, or of this one and others."""
        own = sorted(roots.signers_of(keyset, network=self._ledger.network).pairs)
        if not by:
            others = [place for place in range(len(keyset.keys)) if place not in own]
            return bytes(sorted([*own, *others][: keyset.threshold]))
        for holders in self._keystore.holders(name):
            for step in range(holders.steps + 1):
                if holders.keys(step) == keyset.keys:
                    if len(set(by)) != keyset.threshold or not all(0 < one <= len(holders.shares) for one in by):
                        raise BadInput("by", f"{keyset.threshold} of the holders sign", "name so many of them")
                    return bytes(sorted(keyset.keys.index(holders.shares[one - 1][step]) for one in set(by)))
        raise BadInput("by", f"the holders are not known under {name}", "name them first: `mycelia id holders`")

    def rotate(
        self, name: str | None, *, keep: Iterable[bytes] | None = None, guardians: Sequence[bytes] | None = None,
        consents: int = 0,
    ) -> Entry | Draft:  # fmt: skip
        """Rotate to the next root keys; all chains are kept unless `keep` says which, guardians unless named anew."""
        member = self._keystore.member(name)
        person, roots = self.person(self._identity(member)), self._roots(member)
        event, _, before = self._last_event(person, roots)
        if guardians is None:
            guardians, consents = before.guardians, before.consents
        kept = [chain for chain in (person.chains if keep is None else keep) if chain != member.chain]
        tips = self._ends_of(kept)
        keyset = self._following(member.name, before, roots, guardians, consents)
        root = roots.signers_of(keyset, network=self._ledger.network)
        return self._state(member, statements.rotate(event, keyset, root=root, keep=tips), root, keyset)

    def _following(self, name: str, before: KeySet, roots: Roots, guardians: Sequence[bytes], consents: int) -> KeySet:
        """Return the key set to which one committed, which commits to that of the latest holders in turn.

        Raises:
            StoreFault: nobody here knows its keys, or those after it.
        """
        known = self._keystore.holders(name)
        latest = known[-1] if known else None
        following = None if latest is None else latest.committed(0)
        for holders in known:
            step = holders.step_after(before)
            if step is not None and holders is not latest:
                return holders.keyset(step, guardians, consents, following)
            if step == holders.steps:
                raise StoreFault("the shares of the holders are used up", "give new ones: `mycelia id share`")
            if step is not None:
                return holders.keyset(step, guardians, consents)
        number = roots.number_after(before)
        if number is None:
            raise StoreFault("nobody here knows the next root keys", "name their holders: `mycelia id holders`")
        keyset = roots.keyset(number, guardians, consents)
        return keyset if following is None else keyset._replace(next=following)

    def revoke(
        self, name: str | None, chain: bytes, *, cut: bytes | None = None, heir: bytes | None = None
    ) -> Entry | Draft:
        """Cut a chain of one's identity after an entry, or after the last one that is held."""
        member = self._keystore.member(name)
        last = self._end_of(chain) if cut is None else cut
        if self._ledger.gate is not None and self._ledger.gate.is_retired(chain) and last in self._ledger.gate.withheld:
            raise BadInput("cut", "no peer has said yet that it holds that entry", "run the node until one has")
        if self._is_delegated_by(member.chain, chain):
            revoked: Entry | Draft = self._say(member, statements.revoke(last, heir=heir))
        else:
            person, root, keyset = self._root(member)
            content = statements.revoke(last, heir=heir, event=person.event, root=root)
            revoked = self._state(member, content, root, keyset)
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
        done, identity_of = 0, self._ledger.members.identity_of
        heirs = {member.chain: member for member in self._keystore.members()}
        for stored in [one for one in self._ledger.stored(0, -1, kind="id.revoke") if one.is_valid]:
            revoke = stored.entry
            heir = heirs.get(cast(bytes, revoke.header.terms[HEIR_AT] or b""))
            if heir is None or identity_of(heir.chain) != identity_of(revoke.chain):
                continue  # anybody can name a stranger their heir
            if (heir.chain, revoke.id) not in taken:
                with suppress(Refused):  # a bot that was not given this kind cannot
                    self._say(heir, statements.inherit(revoke.id, revoke.header.dep(cast(int, revoke.header.terms[0]))))
                    done += 1
        return done

    def close(self, name: str | None) -> Entry | Draft:
        """End the identity of a member: its chains count up to what is held of them, and no further."""
        member = self._keystore.member(name)
        person, root, keyset = self._root(member)
        tips = self._ends_of(chain for chain in person.chains if chain != member.chain)
        return self._state(member, statements.close(person.event, root=root, keep=tips), root, keyset)

    def threshold(
        self, name: str | None, impact: str, sense: str, amount: int, *, begin_ms: int, end_ms: int
    ) -> Entry | Draft:
        """Issue a limit by the root keys of a magisterium."""
        member = self._keystore.member(name)
        person, root, keyset = self._root(member)
        content = statements.threshold(
            impact, sense, amount, begin_ms=begin_ms, end_ms=end_ms, event=person.event, chain=member.chain, root=root
        )
        return self._state(member, content, root, keyset)

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

    def _root(self, member: Member) -> tuple[Person, Signers, KeySet]:
        """Return a member's identity, its root keys on this node as who signs, and its key set."""
        person, roots = self.person(self._identity(member)), self._roots(member)
        keyset = self._keyset(person)
        root = roots.signers_of(keyset, network=self._ledger.network)
        if not root.pairs:
            raise StoreFault(f"the root keys of {member.name} are no longer in force", "use the phrase in force")
        return person, root, keyset

    def _state(self, member: Member, content: Content, root: Signers, keyset: KeySet) -> Entry | Draft:
        """Publish what enough root keys have signed; what more must sign is a draft for them."""
        draft = Draft.of(content, root)
        return self._say(member, content) if len(draft.signed_by) >= keyset.threshold else draft

    def state(self, name: str | None, draft: Draft, keyset: KeySet) -> Entry:
        """Publish a draft that enough holders have signed: on the chain of a member, or as the begin of one.

        Raises:
            BadInput: more must sign.
            Refused: a rule says no.
        """
        signed, needed = len(draft.signed_by), self.needed(draft, keyset)
        if signed < needed:
            raise BadInput("statement", f"{signed} of {needed} holders have signed", "let others: `mycelia id sign`")
        if draft.kind == "open":
            opening = self._ledger.entry_of(self._keystore.begin(self._ledger, draft.content).chain)
            assert opening is not None  # it has just begun
            return opening
        entry = self._say(self._keystore.member(name), draft.content)
        self._take_over()
        return entry
