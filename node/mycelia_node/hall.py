"""The hall: what people and programs ask about who is who, in the words of the API.

Beside the desk, which is about what flows. Both answer over HTTP when the node
runs and directly when it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast

from mycelia_protocol import cid, invitation, pasted
from mycelia_protocol.amounts import parse_amount
from mycelia_protocol.canonical import Value
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.identity import DELEGATED_TERMS, FOUNDING_TERMS, INVITED_TERMS, ROOTED_TERMS, KeySet, read_keyset
from mycelia_protocol.membership import Person, Status
from mycelia_protocol.roots import SEED_BYTES, Roots

from . import charterfile, drafts, models
from .desk import Desk, published
from .drafts import Draft
from .faults import BadInput
from .ownchains import MAX_SEQUENCE
from .people import HOUR_MS, People
from .phrase import phrase_of, roots_of

REQUEST = "myceliarecover1"
REQUEST_TERMS, MAX_REQUEST = 6, 4096
_FORMS: dict[int, Literal["founding", "invited", "rooted", "delegated"]] = {
    FOUNDING_TERMS: "founding", INVITED_TERMS: "invited", ROOTED_TERMS: "rooted", DELEGATED_TERMS: "delegated",
}  # fmt: skip


class Hall:
    """One node's identities, asked and told things."""

    def __init__(self, desk: Desk, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._desk, self._ledger, self._keystore = desk, desk.ledger, desk.keystore
        self._entropy = entropy
        self.people = People(desk.ledger, desk.keystore, clock, entropy)

    # Asking

    def commons(self) -> models.CommonsView:
        """Return the commons, in the words of its charter."""
        charter, persons = self._ledger.charter, self._ledger.members.persons()
        return models.CommonsView(
            name=charter.name,
            network=cid.text(charter.network),
            membership=charterfile.policy_of(charter.membership),
            founders=[cid.text(one) for one in charter.founders],
            threshold=charter.threshold,
            classes={name: one.unit for name, one in charter.classes.items()},
            drift_ms=charter.drift_ms,
            grace_ms=charter.grace_ms,
            recovery_ms=charter.recovery_ms,
            retention_ms=charter.retention_ms,
            witnesses=charter.witnesses,
            licenses=list(charter.licenses),
            max_amount=charter.max_amount,
            max_window_ms=charter.max_window_ms,
            members=sum(one.status is not Status.PENDING for one in persons),
            pending=sum(one.status is Status.PENDING for one in persons),
            toml=charterfile.write(charter),
        )

    def identities(self) -> list[models.PersonView]:
        """Return every identity that is known here."""
        return [self._person_view(person) for person in self._ledger.members.persons()]

    def identity(self, name: str | None = None) -> models.PersonView:
        """Return the identity of a member of this node."""
        return self._person_view(self.people.of(name))

    def phrase(self, name: str | None = None) -> str:
        """Return the recovery phrase of a member: a secret."""
        member = self._keystore.member(name)
        roots = self._keystore.roots(member.name)
        if roots is None:
            raise BadInput("member", f"this node does not keep the root keys of {member.name}", "look at the paper")
        return phrase_of(roots)

    # Telling

    def create_member(self, new: models.NewMember) -> models.MemberView:
        """Make a member with an identity and a chain of its own."""
        return self._desk.member_view(self.people.create(new.name, invited_by=new.sponsor, pasted=new.invitation))

    def invite(self, new: models.NewInvitation, peers: Sequence[str] = ()) -> models.InvitationView:
        """Return a new invitation."""
        one = self.people.invite(new.member, new.hours * HOUR_MS, peers)
        return models.InvitationView(text=invitation.text(one), expires_ms=one.expires_ms)

    def admit(self, new: models.NewAdmission) -> models.Published:
        """Let a pending identity in."""
        return published(self.people.admit(new.member, self._named(new.identity)))

    def delegate(self, new: models.NewDelegation) -> models.Delegated:
        """Delegate to a new member of this node, or to a key elsewhere."""
        daily = None
        if new.daily is not None:
            daily = {name: self._quanta(new.member, name, most) for name, most in new.daily.items()}
        delegation, member = self.people.delegate(
            new.member,
            name=new.name,
            key=None if new.key is None else _key_of(new.key),
            kinds=new.kinds,
            daily=daily,
            valid_ms=None if new.hours is None else new.hours * HOUR_MS,
            depth=new.depth,
        )
        return models.Delegated(
            id=cid.text(delegation.id), member=None if member is None else self._desk.member_view(member)
        )

    def rotate(self, new: models.NewRotation) -> models.Published:
        """Rotate to the next root keys."""
        guardians = None if new.guardians is None else [self._named(one) for one in new.guardians]
        return stated(self.people.rotate(new.member, guardians=guardians, consents=new.consents))

    def revoke(self, new: models.NewRevocation) -> models.Published:
        """Cut a chain."""
        cut = None if new.cut is None else self._desk.entry(new.cut).entry.id
        heir = None if new.heir is None else self._chain(new.heir)
        return stated(self.people.revoke(new.member, self._chain(new.chain), cut=cut, heir=heir))

    def restore(self, new: models.NewRestoration) -> models.Restored:
        """Open a chain for the identity of a phrase, and cut those that were lost."""
        roots = self._keystore.roots(new.name) if new.phrase is None else roots_of(new.phrase)
        if roots is None:
            raise BadInput("phrase", "no root keys are kept here under that name", "give the phrase")
        lost = [self._chain(one) for one in new.lost]
        done = self.people.restore(new.name, roots, lost=lost, rotate=new.rotate, by=new.by)
        if isinstance(done, Draft):
            return models.Restored(member=None, entries=[], statement=done.text())
        member, entries = done
        return models.Restored(member=self._desk.member_view(member), entries=[published(entry) for entry in entries])

    def ask_recovery(self, name: str, identity: str) -> str:
        """Make new root keys for somebody who lost theirs; return the text that their guardians need."""
        roots = self._keystore.roots(name) or Roots(self._entropy(SEED_BYTES))
        self._keystore.keep_roots(name, roots)
        person = self.people.person(self._named(identity))
        before = self.people.keyset(person)
        holders = self._keystore.holders(name)
        begins = holders[-1].keyset if holders else roots.keyset
        keyset = begins(0, before.guardians, before.consents)
        return pasted.write(REQUEST, cast(Value, [person.identity, *keyset.terms]))

    def recover(self, new: models.NewRecovery) -> models.Published:
        """Propose the new root keys of a request."""
        identity, keyset = read_request(new.request)
        return published(self.people.recover(new.member, identity, keyset))

    def consent(self, new: models.NewStep) -> models.Published:
        """Consent to a recovery."""
        return published(self.people.consent(new.member, self._desk.entry(new.id).entry.id))

    def complete(self, new: models.NewStep) -> models.Published:
        """Complete a recovery."""
        return published(self.people.complete(new.member, self._desk.entry(new.id).entry))

    def amend(self, new: models.NewAmendment) -> models.Published:
        """Enact a change of the charter: a proposal until enough founders consent."""
        return published(self.people.amend(new.member, new.changes))

    def adopt(self, new: models.NewStep) -> models.Published:
        """Adopt an enactment for the chain of a member."""
        return published(self.people.adopt(new.member, self._desk.entry(new.id).entry))

    def close(self, new: models.NewClosure) -> models.Published:
        """End the identity of a member."""
        return stated(self.people.close(new.member))

    # Several holders

    def share(self, new: models.NewShare) -> models.ShareView:
        """Return what the other holders of an identity are given."""
        return models.ShareView(share=drafts.write_share(self.people.share(new.name)))

    def sign(self, new: models.NewSignature) -> models.SignedView:
        """Sign a statement, or say only what it means."""
        draft, keyset = self.people.draft([new.statement])
        if not new.dry_run:
            draft = self.people.sign(draft, keyset)
        return models.SignedView(
            statement=draft.text(), kind=draft.kind, meaning=self.people.meaning(draft), signed=len(draft.signed_by),
            needed=self.people.needed(draft, keyset),
        )  # fmt: skip

    def state(self, new: models.NewStatement) -> models.Published:
        """Publish a statement that enough holders have signed."""
        return published(self.people.state(new.member, *self.people.draft(new.copies)))

    # Words

    def identity_named(self, text: str) -> bytes:
        """Return the identity that a pasted id means, or that of a member of this node.

        Raises:
            BadInput: none, or several.
        """
        if text in [member.name for member in self._keystore.members()]:
            chain = self._keystore.member(text).chain
            return self._ledger.members.identity_of(chain) or chain
        return self._named(text)

    def _named(self, text: str) -> bytes:
        found = self.people.identities(text)
        if len(found) != 1:
            raise BadInput("identity", f"{len(found)} identities begin with {text!r}", "see `mycelia commons members`")
        return found[0]

    def _chain(self, text: str) -> bytes:
        return self._desk.entry(text).entry.chain

    def _quanta(self, giver: str | None, name: str, most: str | int | None) -> int | None:
        law = self._ledger.law_of(self._keystore.member(giver).chain)
        unit = law.classes.get(name)
        if unit is None:
            classes = ", ".join(law.classes)
            raise BadInput("class", f"this commons has no class {name!r}", f"use {classes}")
        return parse_amount(most.removesuffix(unit.unit).strip(), unit) if isinstance(most, str) else most

    def _person_view(self, person: Person) -> models.PersonView:
        keyset = self.people.keyset(person)
        return models.PersonView(
            identity=cid.text(person.identity),
            status=cast(Literal["member", "pending", "frozen", "closed"], str(person.status)),
            sponsor=None if person.sponsor is None else cid.text(person.sponsor),
            depth=person.depth,
            event=cid.text(person.event),
            guardians=[cid.text(one) for one in keyset.guardians],
            consents=keyset.consents,
            chains=[self._chain_view(chain) for chain in person.chains],
        )

    def _chain_view(self, chain: bytes) -> models.ChainView:
        opening, owner = self._ledger.entry_of(chain), self._keystore.owner(chain)
        last = self._ledger.members.last().get(chain)
        tips = self._ledger.ends_of(chain)
        is_whole = last is not None and all(tip.sequence <= last for tip in tips) and last > MAX_SEQUENCE
        return models.ChainView(
            chain=cid.text(chain),
            form=_FORMS[len(opening.header.terms) if opening else FOUNDING_TERMS],
            counts="no" if last is None else "whole" if is_whole else "partly",
            last=None if last is None or is_whole else last,
            member=None if owner is None else owner.name,
            heirs=[cid.text(heir) for heir in self._ledger.members.heirs(chain)],
            to_cut=self._desk.own.is_to_cut(chain),
        )


def stated(done: Entry | Draft) -> models.Published:
    if isinstance(done, Draft):
        return models.Published(id="", chain="", sequence=0, kind=done.kind, statement=done.text())
    return published(done)


def read_request(text: str) -> tuple[bytes, KeySet]:
    """Return the identity and the new root keys of a recovery request.

    Raises:
        Malformed: rule `request.text`: the text is no request, or not all of one.
    """
    value = pasted.read(text, REQUEST, rule="request.text", most=MAX_REQUEST)
    if isinstance(value, list) and len(value) == REQUEST_TERMS and isinstance(value[0], bytes):
        keyset = read_keyset(cast(list[bytes | int], value), 1)
        if keyset is not None and len(value[0]) == cid.DIGEST_BYTES:
            return value[0], keyset
    raise Malformed("request.text", "the text is no recovery request of this version")


def _key_of(text: str) -> bytes:
    from mycelia_protocol.keys import key_of_did

    try:
        return key_of_did(text)
    except ValueError as error:
        raise BadInput("key", f"{text[:60]!r} is no did:key", "copy the key that `mycelia member ls` shows") from error
