"""People: identities, their chains and root keys, and who may write."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from .entries import Published
from .message import Heard, Said, Text
from .nodes import MemberView


class ChainView(Said, frozen=True, kw_only=True):
    """A chain of an identity: how it begins, and how much of it counts."""

    chain: str
    form: Literal["founding", "invited", "rooted", "delegated"]
    counts: Literal["whole", "partly", "no"]
    last: int | None  # the last sequence that counts, of a chain that was cut
    member: str | None  # who has it on this node
    heirs: list[str]  # the chains that take over, of a chain that was cut
    to_cut: bool = False  # a chain of this node that was restored: it is never written on again, and not cut yet


class PersonView(Said, frozen=True, kw_only=True):
    """An identity, as the entries that are held show it."""

    identity: str
    status: Literal["member", "pending", "frozen", "closed"]
    sponsor: str | None
    depth: int
    event: str  # the entry of the key event in force
    guardians: list[str]
    consents: int  # how many of them a recovery needs
    chains: list[ChainView]


class CommonsView(Said, frozen=True, kw_only=True):
    """A commons, in the words of its charter."""

    name: str
    network: str
    membership: dict[str, Any]  # one key: open, tree or stewards
    founders: list[str]
    threshold: int
    classes: dict[str, str]
    drift_ms: int
    grace_ms: int
    recovery_ms: int
    retention_ms: int | None  # how old a checkpoint is before headers below it may go; None: they never do
    witnesses: int  # how many it takes for that
    licenses: list[str]  # license profiles that are allowed; none: any
    max_amount: int
    max_window_ms: int
    members: int
    pending: int
    toml: str  # the charter as people write it


class InvitationView(Said, frozen=True, kw_only=True):
    """An invitation: a secret, for one newcomer."""

    text: str
    expires_ms: int


class Delegated(Said, frozen=True, kw_only=True):
    """A delegation that was published, and the member that it made on this node."""

    id: str
    member: MemberView | None


class Restored(Said, frozen=True, kw_only=True):
    """A new chain of an identity, and what was published through it."""

    member: MemberView | None  # None before the other holders of root keys have signed
    entries: list[Published]
    statement: str | None = None  # what they sign


class ShareView(Said, frozen=True, kw_only=True):
    """What a holder of root keys gives to the others: public keys."""

    share: str


class SignedView(Said, frozen=True, kw_only=True):
    """A statement with the signatures that it has."""

    statement: str
    kind: str
    meaning: str  # what it does, as the entries here say
    signed: int
    needed: int


class NewInvitation(Heard, frozen=True, kw_only=True):
    """Invite somebody."""

    member: Text | None = None
    hours: Annotated[int, Meta(ge=1, le=8760)] = 72


class NewAdmission(Heard, frozen=True, kw_only=True):
    """Let a pending identity in."""

    identity: Text
    member: Text | None = None


class NewDelegation(Heard, frozen=True, kw_only=True):
    """Delegate to a new member of this node, or to a key elsewhere."""

    member: Text | None = None
    name: Text | None = None
    key: Text | None = None  # did:key
    kinds: list[Text] | None = None
    daily: dict[str, str | int | None] | None = None  # class to the most of it a day, or null
    hours: Annotated[int, Meta(ge=1, le=876_000)] | None = None
    depth: Annotated[int, Meta(ge=0, le=7)] = 0


class NewRotation(Heard, frozen=True, kw_only=True):
    """Rotate to the next root keys, perhaps with other guardians."""

    member: Text | None = None
    guardians: list[Text] | None = None
    consents: Annotated[int, Meta(ge=0, le=16)] = 0  # how many of them a recovery needs; 0: all


class NewRevocation(Heard, frozen=True, kw_only=True):
    """Cut a chain of one's identity after an entry, or after the last one that is held."""

    chain: Text
    member: Text | None = None
    cut: Text | None = None
    heir: Text | None = None


class NewRestoration(Heard, frozen=True, kw_only=True):
    """Open a chain for the identity of a phrase on this node, and cut those that were lost."""

    name: Text
    phrase: Annotated[str, Meta(max_length=512)] | None = None  # without one: the root keys kept here under the name
    lost: list[Text] = []
    rotate: bool = False
    by: Annotated[list[int], Meta(max_length=8)] = []  # which holders sign, by their numbers; without them any


class NewShare(Heard, frozen=True, kw_only=True):
    """Give the other holders of an identity this one's share; the root keys are made if there are none."""

    name: Text


class NewSignature(Heard, frozen=True, kw_only=True):
    """Sign a statement with the root keys of this node; with `dry_run` say only what it means."""

    statement: Annotated[str, Meta(max_length=40_000)]
    dry_run: bool = False


class NewStatement(Heard, frozen=True, kw_only=True):
    """Publish a statement that enough holders have signed, in one copy or in several."""

    copies: Annotated[list[Annotated[str, Meta(max_length=40_000)]], Meta(min_length=1, max_length=8)]
    member: Text | None = None


class NewRecovery(Heard, frozen=True, kw_only=True):
    """Propose new root keys for somebody who lost theirs, from the text that they sent."""

    request: Annotated[str, Meta(max_length=5000)]
    member: Text | None = None


class NewAmendment(Heard, frozen=True, kw_only=True):
    """Enact a change of the charter: numbers, and classes that are added as "1/1000 kg" under "classes.NAME"."""

    changes: Annotated[dict[str, int | str], Meta(min_length=1, max_length=64)]
    member: Text | None = None


class NewStep(Heard, frozen=True, kw_only=True):
    """Consent to a recovery or an enactment, complete the one or adopt the other."""

    id: Text
    member: Text | None = None


class NewClosure(Heard, frozen=True, kw_only=True):
    """End the identity of a member."""

    member: Text | None = None
