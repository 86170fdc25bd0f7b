"""What the API says and hears: one struct a message, the same in the server, the clients and the OpenAPI document.

Ids are CID text. Amounts stand twice: as integer quanta, and as text with the unit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Place = str | int | tuple[float, float]
Moment = str | int
_PEER = r"^/(ip4|ip6|dns|dns4|dns6)/[!-.0-~]+/tcp/[0-9]{1,5}/p2p/[1-9A-HJ-NP-Za-km-z]+$"
Named = int | str | bool | list[int | str | bool | None] | None  # a term, or the column of a repeated one


class _Said(Struct, frozen=True, kw_only=True):
    """What the node says."""


class _Heard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the node hears: unknown fields are errors, not silence."""


class Problem(_Said, frozen=True, kw_only=True):
    """Why something was not done (RFC 9457), with the rule and what to try."""

    status: int
    code: str
    title: str  # what
    detail: str  # why
    remedy: str  # what to try
    rule: str | None = None
    type: str = "about:blank"


class PeerView(_Said, frozen=True, kw_only=True):
    """A peer that is dialled or talked to."""

    node: str
    address: str | None
    is_connected: bool
    since_ms: int | None
    clock_skew_ms: int | None
    received: int
    sent: int
    last_error: str | None


class MemberView(_Said, frozen=True, kw_only=True):
    """Somebody who publishes through this node."""

    name: str
    chain: str
    key: str  # did:key
    box: str  # the box key, for notes that only this member reads


class AwaitingView(_Said, frozen=True, kw_only=True):
    """A run that cannot be judged yet, by its last entry."""

    id: str
    chain: str
    sequence: int
    missing: list[str]
    until_ms: int


class ReleaseView(_Said, frozen=True, kw_only=True):
    """An own chain of which something has not left this node, or which is never written on again."""

    member: str
    chain: str
    waiting: int  # entries
    why: str | None  # None: they leave with the next news
    is_retired: bool
    is_cut: bool = False  # a retired one: by a revocation, so that it counts up to there
    heir: str | None = None  # a retired one: the chain on which its member goes on, with the same identity


class BehindView(_Said, frozen=True, kw_only=True):
    """An own chain of which others have more than this node."""

    member: str
    chain: str
    held: int | None  # the last sequence here
    known: int  # the highest sequence that was released once, or that a peer named


class ForkView(_Said, frozen=True, kw_only=True):
    """An own chain with two pasts: where they part, and the two entries that claim that place."""

    member: str
    chain: str
    sequence: int
    entries: list[str]


class StatusView(_Said, frozen=True, kw_only=True):
    """How the node is."""

    commons: str
    network: str
    node: str | None
    addresses: list[str]
    members: list[MemberView]
    peers: list[PeerView]
    entries: int
    chains: int
    awaiting: list[AwaitingView]
    digest: str
    classes: dict[str, str]  # name -> unit
    started_ms: int | None
    last_event: str | None
    warnings: list[str]
    forks: list[ForkView]
    release: list[ReleaseView]
    behind: list[BehindView] = []
    gone: int = 0  # entries of which only id and verdict are left


class EntryView(_Said, frozen=True, kw_only=True):
    """An entry, with its terms by name."""

    id: str
    arrival: int
    chain: str
    sequence: int
    backlink: str | None
    time_ms: int
    kind: str
    terms: dict[str, Named]
    deps: list[str]
    verdict: Literal["valid", "invalid"]
    rule: str | None
    message: str | None
    body: dict[str, Any] | None  # as its author wrote it, bytes in hex; of a private one, what was sealed
    is_private: bool = False
    closed_by: str | None = None  # the rule by which a private body could not be opened here
    amount_text: str | None = None  # of what states amounts: in their units, several with commas between


class SignalView(_Said, frozen=True, kw_only=True):
    """A need or offer in the field."""

    id: str
    kind: Literal["need", "offer"]
    chain: str
    action: str  # what passes, by its ValueFlows name
    resource_class: str
    amount: int
    remaining: int
    pending: int
    firm: int
    done: int
    tentative: int
    amount_text: str
    remaining_text: str
    cell: str
    begin_ms: int
    end_ms: int
    urgency: int
    strength: int
    withdrawn: bool
    forked: bool


class FieldView(_Said, frozen=True, kw_only=True):
    """The field at a moment; `last_event` continues it without a gap."""

    at_ms: int
    signals: list[SignalView]
    last_event: str | None


class LineView(_Said, frozen=True, kw_only=True):
    """A line between a provider and a receiver, and where it stands."""

    commit: str
    number: int
    offer: str
    need: str
    amount: int
    amount_text: str
    status: str
    hold_ms: int
    until_ms: int


class WhyView(_Said, frozen=True, kw_only=True):
    """Which rules an entry was judged by, and what came of it."""

    id: str
    verdict: Literal["valid", "invalid", "awaiting", "unknown"]
    is_effective: bool
    checked: list[str]
    rule: str | None
    message: str | None
    law: str | None
    remedy: str | None
    waits_for: list[str]
    lines: list[LineView]
    withdrawn: bool = False


class VerifyView(_Said, frozen=True, kw_only=True):
    """The outcome of judging every stored entry again."""

    entries: int
    invalid: int
    awaiting: list[AwaitingView]
    faults: list[str]


class NewPruning(_Heard, frozen=True, kw_only=True):
    """Let headers go, or only say how many would."""

    dry_run: bool = False


class PrunedView(_Said, frozen=True, kw_only=True):
    """What went of how many chains, or would go."""

    chains: int
    headers: int
    freed_bytes: int  # in the file, for what comes
    dry_run: bool = False


class ImportView(_Said, frozen=True, kw_only=True):
    """What became of a run file."""

    accepted: int
    awaiting: int
    faults: list[str]


class Published(_Said, frozen=True, kw_only=True):
    """An entry that was published, or would be with `dry_run`; with a `statement` it is none before others sign."""

    id: str  # empty if there is a statement
    chain: str
    sequence: int
    kind: str
    dry_run: bool = False
    statement: str | None = None  # the text that other holders of root keys sign first
    not_begun: int = 0  # of a `take` that names nothing: how many allots it left out, for their ceiling has not begun


class ChainView(_Said, frozen=True, kw_only=True):
    """A chain of an identity: how it begins, and how much of it counts."""

    chain: str
    form: Literal["founding", "invited", "rooted", "delegated"]
    counts: Literal["whole", "partly", "no"]
    last: int | None  # the last sequence that counts, of a chain that was cut
    member: str | None  # who has it on this node
    heirs: list[str]  # the chains that take over, of a chain that was cut
    to_cut: bool = False  # a chain of this node that was restored: it is never written on again, and not cut yet


class PersonView(_Said, frozen=True, kw_only=True):
    """An identity, as the entries that are held show it."""

    identity: str
    status: Literal["member", "pending", "frozen", "closed"]
    sponsor: str | None
    depth: int
    event: str  # the entry of the key event in force
    guardians: list[str]
    consents: int  # how many of them a recovery needs
    chains: list[ChainView]


class CommonsView(_Said, frozen=True, kw_only=True):
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


class InvitationView(_Said, frozen=True, kw_only=True):
    """An invitation: a secret, for one newcomer."""

    text: str
    expires_ms: int


class Delegated(_Said, frozen=True, kw_only=True):
    """A delegation that was published, and the member that it made on this node."""

    id: str
    member: MemberView | None


class Restored(_Said, frozen=True, kw_only=True):
    """A new chain of an identity, and what was published through it."""

    member: MemberView | None  # None before the other holders of root keys have signed
    entries: list[Published]
    statement: str | None = None  # what they sign


class ShareView(_Said, frozen=True, kw_only=True):
    """What a holder of root keys gives to the others: public keys."""

    share: str


class SignedView(_Said, frozen=True, kw_only=True):
    """A statement with the signatures that it has."""

    statement: str
    kind: str
    meaning: str  # what it does, as the entries here say
    signed: int
    needed: int


class NewMember(_Heard, frozen=True, kw_only=True):
    """Make a member; behind a membrane by an invitation, or by a member of this node who may admit."""

    name: Text
    invitation: Annotated[str, Meta(max_length=5000)] | None = None
    sponsor: Text | None = None


class NewInvitation(_Heard, frozen=True, kw_only=True):
    """Invite somebody."""

    member: Text | None = None
    hours: Annotated[int, Meta(ge=1, le=8760)] = 72


class NewAdmission(_Heard, frozen=True, kw_only=True):
    """Let a pending identity in."""

    identity: Text
    member: Text | None = None


class NewDelegation(_Heard, frozen=True, kw_only=True):
    """Delegate to a new member of this node, or to a key elsewhere."""

    member: Text | None = None
    name: Text | None = None
    key: Text | None = None  # did:key
    kinds: list[Text] | None = None
    daily: dict[str, str | int | None] | None = None  # class to the most of it a day, or null
    hours: Annotated[int, Meta(ge=1, le=876_000)] | None = None
    depth: Annotated[int, Meta(ge=0, le=7)] = 0


class NewRotation(_Heard, frozen=True, kw_only=True):
    """Rotate to the next root keys, perhaps with other guardians."""

    member: Text | None = None
    guardians: list[Text] | None = None
    consents: Annotated[int, Meta(ge=0, le=16)] = 0  # how many of them a recovery needs; 0: all


class NewRevocation(_Heard, frozen=True, kw_only=True):
    """Cut a chain of one's identity after an entry, or after the last one that is held."""

    chain: Text
    member: Text | None = None
    cut: Text | None = None
    heir: Text | None = None


class NewRestoration(_Heard, frozen=True, kw_only=True):
    """Open a chain for the identity of a phrase on this node, and cut those that were lost."""

    name: Text
    phrase: Annotated[str, Meta(max_length=512)] | None = None  # without one: the root keys kept here under the name
    lost: list[Text] = []
    rotate: bool = False
    by: Annotated[list[int], Meta(max_length=8)] = []  # which holders sign, by their numbers; without them any


class NewShare(_Heard, frozen=True, kw_only=True):
    """Give the other holders of an identity this one's share; the root keys are made if there are none."""

    name: Text


class NewSignature(_Heard, frozen=True, kw_only=True):
    """Sign a statement with the root keys of this node; with `dry_run` say only what it means."""

    statement: Annotated[str, Meta(max_length=40_000)]
    dry_run: bool = False


class NewStatement(_Heard, frozen=True, kw_only=True):
    """Publish a statement that enough holders have signed, in one copy or in several."""

    copies: Annotated[list[Annotated[str, Meta(max_length=40_000)]], Meta(min_length=1, max_length=8)]
    member: Text | None = None


class NewRecovery(_Heard, frozen=True, kw_only=True):
    """Propose new root keys for somebody who lost theirs, from the text that they sent."""

    request: Annotated[str, Meta(max_length=5000)]
    member: Text | None = None


class NewAmendment(_Heard, frozen=True, kw_only=True):
    """Enact a change of the charter: numbers, and classes that are added as "1/1000 kg" under "classes.NAME"."""

    changes: Annotated[dict[str, int | str], Meta(min_length=1, max_length=64)]
    member: Text | None = None


class NewStep(_Heard, frozen=True, kw_only=True):
    """Consent to a recovery or an enactment, complete the one or adopt the other."""

    id: Text
    member: Text | None = None


class NewClosure(_Heard, frozen=True, kw_only=True):
    """End the identity of a member."""

    member: Text | None = None


class NewOffer(_Heard, frozen=True, kw_only=True):
    """An offer to publish."""

    resource_class: Text
    amount: str | int
    at: Place
    precise: bool = False  # a position is made coarse otherwise
    until: Moment | None = None
    begin: Moment | None = None
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    note_until: Moment | None = None  # then every holder drops the note
    to: Annotated[list[Text], Meta(max_length=31)] = []  # box keys: the note is for them, and for its author
    action: Text | None = None  # between two agents, by its ValueFlows name; `transfer` if none is named
    resource: Text | None = None  # of an offer: the own resource that it gives of
    reciprocal: Text | None = None  # of an offer: the own need for what is asked for in return
    allotment: Text | None = None  # the part of another chain's intent that this one was given
    dry_run: bool = False


class NewNeed(NewOffer, frozen=True, kw_only=True):
    """A need to publish."""

    urgency: int = 0
    stock: bool = False  # what is received makes a resource, line by line
    into: Text | None = None  # the own resource that it is added to instead
    process: Text | None = None  # the own process that it goes into


class NewSignal(NewNeed, frozen=True, kw_only=True):
    """A need or an offer to publish; the urgency of an offer is 0."""

    kind: Literal["need", "offer"]


class NewEvent(_Heard, frozen=True, kw_only=True):
    """Something that a member did with own resources, or with a design of somebody else's (EconomicEvent)."""

    action: Text  # of one agent, by its ValueFlows name
    amount: str | int | None = None
    resource_class: Text | None = None  # of what is made, or of what has no record
    resource: Text | None = None  # an id, or its beginning, and `:number` if it is not 0
    into: Text | None = None  # the second resource: where it is moved, copied or put to
    process: Text | None = None
    at: Place | None = None
    precise: bool = False
    stage: Text | None = None
    state: Text | None = None
    effort: Text | None = None  # a duration such as "4 h", of `use`
    use: Literal["adapt", "commercial", "noncommercial", "share"] | None = None  # of what is licensed
    license: Text | None = None  # of what is made
    cites: Annotated[list[Text], Meta(max_length=16)] = []  # attestations and permits
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class NewProcess(_Heard, frozen=True, kw_only=True):
    """A process to begin; a recipe says how it usually goes."""

    recipe: Text | None = None
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class Flow(_Heard, frozen=True, kw_only=True):
    """What goes into one run of a recipe, or comes out."""

    io: Literal["input", "output"]
    action: Text
    resource_class: Text
    amount: str | int


class NewRecipe(_Heard, frozen=True, kw_only=True):
    """How something is made: what goes in and comes out of one run."""

    name: Text
    flows: Annotated[list[Flow], Meta(min_length=1, max_length=64)]
    cites: Annotated[list[Text], Meta(max_length=16)] = []  # recipes of what goes in
    member: Text | None = None
    note: Annotated[str, Meta(max_length=4096)] | None = None
    dry_run: bool = False


class NewCapacity(_Heard, frozen=True, kw_only=True):
    """How much of a class an own resource can do in each stretch of time."""

    resource: Text
    resource_class: Text
    amount: str | int
    each: Text = "1 d"
    member: Text | None = None
    dry_run: bool = False


class NewLot(_Heard, frozen=True, kw_only=True):
    """What an own resource is labelled with, and after which moment it should not be used."""

    resource: Text
    code: Text
    expires: Text | int | None = None
    member: Text | None = None
    dry_run: bool = False


class StretchView(_Said, frozen=True, kw_only=True):
    """A stretch of time that is not over, of which a thing's owner offered something."""

    begin_ms: int
    offered: int
    offered_text: str
    free_text: str  # what can still be offered


class CapacityView(_Said, frozen=True, kw_only=True):
    """How much a resource can do in each stretch of time, and of which stretches something is offered."""

    resource_class: str
    amount: int
    amount_text: str
    stretch_ms: int
    offered: list[StretchView]


class ResourceView(_Said, frozen=True, kw_only=True):
    """A resource of a member (EconomicResource): rights and custody apart, in quanta and in words."""

    id: str  # of the entry that made it, and `:number` if it is not 0
    member: str
    chain: str
    resource_class: str
    accounting: int
    accounting_text: str
    onhand: int
    onhand_text: str
    offered_accounting: int
    offered_onhand: int
    free_text: str  # in hand, with the rights to it, and not offered
    away: int
    away_text: str
    process: str | None
    cell: str | None  # where it was last, as the books have it
    stage: str | None
    state: str | None
    container: str | None
    lot_code: str | None
    capacity: CapacityView | None


class NewSignals(_Heard, frozen=True, kw_only=True):
    """Several signals, published member by member; all of a member's or none."""

    signals: Annotated[list[NewSignal], Meta(min_length=1, max_length=1000)]


class NewWithdrawal(_Heard, frozen=True, kw_only=True):
    """Withdraw an own need or offer."""

    id: Text
    dry_run: bool = False


class NewRetraction(_Heard, frozen=True, kw_only=True):
    """Ask everybody to delete the bodies of own entries, all of one chain."""

    ids: Annotated[list[Text], Meta(min_length=1, max_length=32)]
    dry_run: bool = False


class ProofFile(_Said, frozen=True, kw_only=True):
    """The proof that a chain has two pasts, for who holds neither."""

    network: str
    open: str  # the header of the chain's `open`, in hex
    warrant: str  # the document of chapter 15, in base64


class ProofView(_Said, frozen=True, kw_only=True):
    """What such a proof shows: the key of a chain signed two entries for one place."""

    network: str
    chain: str
    key: str  # did:key
    sequence: int
    entries: list[str]


class NewWarrant(_Heard, frozen=True, kw_only=True):
    """Publish what this node holds of a chain's two pasts, through a member."""

    chain: Text
    member: Text | None = None
    dry_run: bool = False


class NewCheckpoint(_Heard, frozen=True, kw_only=True):
    """Sum up all that a member's chain said so far."""

    member: Text | None = None
    dry_run: bool = False


class FieldQuery(_Heard, frozen=True, kw_only=True):
    """What of the field is shown."""

    kind: Literal["need", "offer"] | None = None
    resource_class: Text | None = None
    everything: bool = False


class LogQuery(_Heard, frozen=True, kw_only=True):
    """Which entries are listed."""

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    kind: Text | None = None
    chain: Text | None = None


class EventQuery(_Heard, frozen=True, kw_only=True):
    """Where the events begin: after this id, if the node still remembers it."""

    after: Text | None = None


class NewAttestation(_Heard, frozen=True, kw_only=True):
    """What a member says of somebody."""

    subject: Text  # an identity, its beginning, or a member of this node
    predicate: Text
    denies: bool = False  # that it is not so
    until: Moment | None = None
    evidence: Text | None = None  # the content id of a document, or an entry or its beginning
    member: Text | None = None
    dry_run: bool = False


class NewPermit(_Heard, frozen=True, kw_only=True):
    """A permission to use an own licensed thing, whatever its license says."""

    resource: Text
    licensee: Text
    use: Literal["adapt", "commercial", "noncommercial", "share"]
    until: Moment | None = None
    member: Text | None = None
    dry_run: bool = False


class RowView(_Said, frozen=True, kw_only=True):
    """A row of a license: if all of this holds, this is the verdict."""

    name: str
    is_allowed: bool
    why: str
    uses: list[str]
    all: list[str]
    any: list[str]
    none: list[str]
    contribution: list[int] | None  # at least so much, within so many days
    duties: dict[str, int]


class ProfileView(_Said, frozen=True, kw_only=True):
    """A license as a table."""

    name: str
    title: str
    source: str
    is_own: bool  # written by this commons
    is_allowed: bool
    rows: list[RowView]


class ClaimView(_Said, frozen=True, kw_only=True):
    """What a member owes for what came in return (Claim)."""

    id: str  # of the entry that raised it, and `:number` if it is not 0
    member: str | None  # who owes, if it is one of this node
    creditor: str  # a chain
    resource_class: str
    amount: int
    amount_text: str
    paid: int
    paid_text: str
    due_ms: int
    ground: str | None  # what it is owed for


class AttestationView(_Said, frozen=True, kw_only=True):
    """What somebody said of who uses a thing, and what that rests on."""

    id: str
    issuer: str  # an identity, or a chain that speaks for none
    predicate: str
    is_true: bool
    expires_ms: int
    evidence: str | None  # the content id of a document or an entry
    counts: bool  # the charter names the issuer for this


class LicenseView(_Said, frozen=True, kw_only=True):
    """Why an event may use a licensed thing, or may not."""

    entry: str
    design: str
    license: str
    use: str
    is_allowed: bool
    row: str | None
    why: str
    rule: str | None
    duties: dict[str, int]
    attestations: list[AttestationView]
    claims: list[ClaimView]


class NewThreshold(_Heard, frozen=True, kw_only=True):
    """A limit to issue, by the root keys of a magisterium."""

    impact: Text
    sense: Literal["ceiling", "floor"] = "ceiling"
    amount: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    begin: Moment | None = None
    until: Moment | None = None
    member: Text | None = None


class NewAllot(_Heard, frozen=True, kw_only=True):
    """A part of an own ceiling, allowance, need or offer for another chain."""

    source: Text
    to: Text  # the chain, or an entry in it
    amount: str | int
    until: Moment | None = None  # as long as the source lasts, if not said
    member: Text | None = None
    dry_run: bool = False


class NewTake(_Heard, frozen=True, kw_only=True):
    """What was allotted, to be taken; all that is there if nothing is named."""

    allots: Annotated[list[Text], Meta(max_length=16)] = []
    member: Text | None = None
    dry_run: bool = False


class ThresholdView(_Said, frozen=True, kw_only=True):
    """A limit."""

    id: str
    sense: str
    amount: int
    begin_ms: int
    end_ms: int


class BudgetShare(_Said, frozen=True, kw_only=True):
    """How one chain stands to a limit; what it passed on is not its own."""

    chain: str
    member: str | None
    allotted: int
    spent: int
    left: int
    untaken: int  # allotted, and can be taken now
    overdrawn: int
    quotient: str | None  # spent / allotted, in lowest terms


class QuotientRow(_Said, frozen=True, kw_only=True):
    """What was used of an impact in the time of a limit, by how much of it was allowed."""

    impact: str
    unit: str
    sense: str
    begin_ms: int
    end_ms: int
    party: str | None  # None: the whole
    member: str | None
    allowed: int
    used: int
    quotient: str | None  # used / allowed, in lowest terms
    stands: str | None  # kept, exceeded, reached or missed; None of a party's part of a floor


class BudgetView(_Said, frozen=True, kw_only=True):
    """An impact that is counted, its limits, and how everybody stands to them."""

    impact: str
    unit: str
    scope: Literal["hard", "soft"]
    source: str
    factors: dict[str, str]
    thresholds: list[ThresholdView]
    allotted: int
    spent: int
    shares: list[BudgetShare]
    quotients: list[QuotientRow]  # of what was done (chapter 25)


class StockQuery(_Heard, frozen=True, kw_only=True):
    """What may be asked of the stock."""

    member: str | None = None
    everything: bool = False


class PeerQuery(_Heard, frozen=True, kw_only=True):
    """Which peer is meant: its address or its node id."""

    peer: Text


class Forgotten(_Said, frozen=True, kw_only=True):
    """Addresses that are dialled no longer."""

    addresses: list[str]


class NewPeer(_Heard, frozen=True, kw_only=True):
    """Dial a peer and remember it."""

    address: Annotated[str, Meta(max_length=1024, pattern=_PEER)]


class NewSettlement(_Heard, frozen=True, kw_only=True):
    """Count what a member gave and others received, as a contribution or towards a claim."""

    claim: Text | None = None  # the entry that raised it, and `:number` if it is not 0
    member: Text | None = None
    dry_run: bool = False


class SettledView(_Said, frozen=True, kw_only=True):
    """What was counted; without entries there was nothing to count."""

    entries: list[Published]
    lines: int
    unsettled: int  # received lines of the member that this did not count
    contributed: int
    dry_run: bool = False


class ContributionView(_Said, frozen=True, kw_only=True):
    """What a member contributed on a day, counted by the charter's fractions."""

    member: str
    chain: str
    day_ms: int  # when the day began, UTC
    amount: int


class AccountView(_Said, frozen=True, kw_only=True):
    """What a chain has of a class of mutual credit, in quanta and in words."""

    chain: str
    member: str | None
    identity: str | None
    is_closed: bool  # its identity has left: what is not 0 is carried by the others
    balance: int  # counted: each line for both sides or for neither
    balance_text: str
    own_balance: int  # by its own entries; more than the counted one if it received what nobody gave
    promised: int
    promised_text: str
    expected: int
    expected_text: str
    floor: int  # how far this chain may go by the rules; 0 for all but the first of an identity
    is_overdrawn: bool  # whether all chains of its identity together are below the charter's floor


class CreditClassView(_Said, frozen=True, kw_only=True):
    """A class of mutual credit: all balances and what is in transit make 0."""

    resource_class: str
    unit: str
    floor: int
    floor_text: str
    ceiling: int
    ceiling_text: str
    transit: int
    transit_text: str
    accounts: list[AccountView]


class CreditView(_Said, frozen=True, kw_only=True):
    """What members of the node contributed and owe, and everybody's mutual credit."""

    contributions: list[ContributionView]
    claims: list[ClaimView]
    classes: list[CreditClassView]


class NewDeed(_Heard, frozen=True, kw_only=True):
    """Do something about lines: those that are named, or all about which it can be done."""

    kind: Literal["accept", "deliver", "receive", "release", "lapse", "cancel"]
    lines: Annotated[list[Text], Meta(max_length=256)] = []
    everything: bool = False
    member: Text | None = None
    dry_run: bool = False


class NewCommitment(_Heard, frozen=True, kw_only=True):
    """Promise an amount of an own offer to a need; all that is left of both, if none is given."""

    offer: Text
    need: Text
    amount: int | Text | None = None
    hold: int | Text | None = None  # until when it can be accepted: a day, if it is not given
    until: int | Text | None = None  # until when it will be delivered: as long as need and offer last
    conditional: bool = False  # for agreements alone: nobody can accept the line by itself
    member: Text | None = None
    dry_run: bool = False


class DeedView(_Said, frozen=True, kw_only=True):
    """What was said about which lines; without entries there was nothing to do."""

    entries: list[Published]
    lines: list[str]  # each as the id of its commit and `:number`
    dry_run: bool = False


class NewAgreement(_Heard, frozen=True, kw_only=True):
    """Propose that lines are clauses of one another; lines of own offers that are not there yet are promised."""

    legs: Annotated[list[Text], Meta(max_length=15)]  # each as offer:need:amount, or commit:number
    until: int | Text | None = None  # until when all must have signed: a day, if it is not given
    member: Text | None = None
    dry_run: bool = False


class NewAgree(_Heard, frozen=True, kw_only=True):
    """Sign an agreement, for every member of the node that is a party or for one."""

    agreement: Text
    member: Text | None = None
    dry_run: bool = False


class AgreementQuery(_Heard, frozen=True, kw_only=True):
    """Which agreements: those that members of the node are parties of, or all."""

    everything: bool = False


class LegView(_Said, frozen=True, kw_only=True):
    """A line of an agreement: who gives what to whom, and where it stands."""

    line: str  # as the id of its commit and `:number`
    provider: str
    receiver: str
    offer: str | None  # None where the commit does not count
    need: str
    resource_class: str
    amount: int
    amount_text: str
    until_ms: int
    status: str | None


class PartyView(_Said, frozen=True, kw_only=True):
    """Who gives or receives by an agreement, and whether that one signed."""

    chain: str
    member: str | None
    identity: str | None
    has_signed: bool
    gives: list[str]
    gets: list[str]


class AgreementView(_Said, frozen=True, kw_only=True):
    """An agreement: its legs, its parties, and whether it binds."""

    id: str
    proposer: str
    end_ms: int
    state: Literal["complete", "expired", "waits"]
    waits_here: list[str]  # members of the node that are asked for their word
    legs: list[LegView]
    parties: list[PartyView]
    owed: list[str]  # legs that somebody left though it had received by the agreement


class ProposedView(_Said, frozen=True, kw_only=True):
    """What was proposed, after the lines that were promised for it."""

    entries: list[Published]
    legs: list[str]  # each as the id of its commit and `:number`, or as it was named while it is not promised
    dry_run: bool = False


class AccountQuery(_Heard, frozen=True, kw_only=True):
    """Whose accounts, and of which class."""

    party: Text | None = None  # a member of the node, or the beginning of the id of an identity or chain
    resource_class: Text | None = None


class PartyQuery(_Heard, frozen=True, kw_only=True):
    """Whose claims."""

    party: Text | None = None  # a member of the node, or the beginning of the id of an identity or chain


class TraceQuery(_Heard, frozen=True, kw_only=True):
    """Which resource is followed, and which way."""

    resource: Text
    forward: bool = False


class RecallQuery(_Heard, frozen=True, kw_only=True):
    """Which lot is recalled."""

    resource: Text


class FootprintQuery(_Heard, frozen=True, kw_only=True):
    """How much is wanted by which recipe; of which class, if several come out of it."""

    recipe: Text
    amount: Text
    resource_class: Text | None = None


class RunRow(_Said, frozen=True, kw_only=True):
    """How many times a recipe is run; a number that need not be whole."""

    recipe: str
    name: str
    runs: str


class TakenRow(_Said, frozen=True, kw_only=True):
    """What goes in or comes out by an action, as an exact number."""

    action: str
    resource_class: str
    unit: str
    amount: str


class FootprintRow(_Said, frozen=True, kw_only=True):
    """What all that would cost of an impact, in its unit and by the factors of its source."""

    impact: str
    unit: str
    source: str
    amount: str  # rounded up
    exact: str
    each: str  # for one unit of what is wanted, exactly


class FootprintView(_Said, frozen=True, kw_only=True):
    """What an amount takes by a recipe and by those that it cites, and what it would cost."""

    recipe: str
    name: str
    resource_class: str
    unit: str
    amount: str
    runs: list[RunRow]
    goes_in: list[TakenRow]  # what no recipe makes, and work
    comes_out: list[TakenRow]  # besides what is wanted
    footprints: list[FootprintRow]


class AccountRow(_Said, frozen=True, kw_only=True):
    """What a party did and has of a class, as exact decimals in its unit."""

    party: str
    member: str | None
    resource_class: str
    unit: str
    given: str
    received: str
    in_transit: str
    produced: str
    consumed: str
    raised: str
    lowered: str
    rights: str
    on_hand: str
    overdrawn: str
    contributed: str


class StockRow(_Said, frozen=True, kw_only=True):
    """A resource as the books have it."""

    id: str
    chain: str
    party: str
    member: str | None
    resource_class: str
    unit: str
    accounting: str
    onhand: str
    away: str
    overdrawn: str
    accountable: str
    process: str | None
    cell: str | None
    stage: str | None
    state: str | None
    container: str | None
    lot: str | None  # the entry that says it
    lot_code: str | None
    expires_ms: int | None


class EventRow(_Said, frozen=True, kw_only=True):
    """What one did with its own, or a line that both signed."""

    id: str  # of an entry; of a line the commit's and its number
    time_ms: int
    action: str
    provider: str
    receiver: str
    resource_class: str
    unit: str
    amount: str
    effort_ms: int
    resource: str | None
    to: str | None
    process: str | None
    cell: str | None
    stage: str | None
    state: str | None
    is_line: bool
    settles: str | None  # the claim that a line was counted towards: its entry, and `:number` if it is not 0


class DueRow(_Said, frozen=True, kw_only=True):
    """What a party still owes by a license or for a cancel, as exact decimals in the unit of its class."""

    id: str  # of the entry that raised it, and `:number` if it is not 0
    party: str
    member: str | None
    creditor: str  # a party
    resource_class: str
    unit: str
    amount: str
    paid: str
    left: str
    due_ms: int
    design: str  # what it is owed for, a design or a commit, and `:number` if it is not 0
    is_suspended: bool  # past its time: the design is not used until it is paid; after a cancel nothing is accepted


class ProcessRow(_Said, frozen=True, kw_only=True):
    """A process, whose it is, and the recipe that it follows."""

    id: str
    party: str
    recipe: str | None


class FlowRow(_Said, frozen=True, kw_only=True):
    """What went from one party to another one, or from one cell to another one."""

    between: str
    source: str
    target: str
    resource_class: str
    unit: str
    amount: str


class BalanceRow(_Said, frozen=True, kw_only=True):
    """What went into a process and came out of it, in a measure of the charter."""

    process: str
    party: str
    measure: str
    unit: str
    goes_in: str
    comes_out: str
    balance: str


class IntentRow(_Said, frozen=True, kw_only=True):
    """A need or an offer as the books have it."""

    id: str
    kind: str
    action: str
    party: str
    resource_class: str
    unit: str
    amount: str
    left: str
    cell: str
    begin_ms: int
    end_ms: int
    published_ms: int
    resource: str | None
    process: str | None
    reciprocal: str | None
    is_withdrawn: bool


class CommitmentRow(_Said, frozen=True, kw_only=True):
    """A line that was promised: it waits for its accept, binds, or is done."""

    id: str  # the commit's, and the number of the line
    action: str
    provider: str
    receiver: str
    resource_class: str
    unit: str
    amount: str
    need: str
    offer: str
    due_ms: int
    status: str
    agreement: str | None


class AgreementRow(_Said, frozen=True, kw_only=True):
    """An agreement that everybody agreed to."""

    id: str
    end_ms: int
    parties: list[str]


class ClaimRow(_Said, frozen=True, kw_only=True):
    """What somebody owes for what came in return."""

    id: str
    debtor: str
    creditor: str
    resource_class: str
    unit: str
    amount: str
    paid: str
    due_ms: int
    is_paid: bool
    event: str | None  # the line that came in return, if it was one


class RecipeFlowRow(_Said, frozen=True, kw_only=True):
    """What goes into one run of a recipe, or comes out."""

    is_input: bool
    action: str
    resource_class: str
    unit: str
    amount: str


class RecipeRow(_Said, frozen=True, kw_only=True):
    """How something is made, and the recipes of what goes in."""

    id: str
    name: str
    party: str
    cites: list[str]
    flows: list[RecipeFlowRow]


class BooksView(_Said, frozen=True, kw_only=True):
    """All books of a commons, as this node holds it."""

    network: str
    name: str
    classes: dict[str, str]  # unit by name
    agents: dict[str, str]  # Person, Organization or EcologicalAgent, of those of whom that is attested
    accounts: list[AccountRow]
    stock: list[StockRow]
    events: list[EventRow]
    processes: list[ProcessRow]
    flows: list[FlowRow]
    balances: list[BalanceRow]
    due: list[DueRow]
    quotients: list[QuotientRow]
    intents: list[IntentRow]
    commitments: list[CommitmentRow]
    agreements: list[AgreementRow]
    claims: list[ClaimRow]
    recipes: list[RecipeRow]


class StepView(_Said, frozen=True, kw_only=True):
    """What led from a resource or process to another one."""

    source: str | None
    target: str | None
    action: str
    resource_class: str
    unit: str
    amount: str
    entry: str
    line: str | None
    giver: str
    taker: str
    giver_member: str | None  # who that is on this node
    taker_member: str | None


class RecallView(_Said, frozen=True, kw_only=True):
    """Everything that may hold something of a lot."""

    resource: str
    stock: list[StockRow]
    in_transit: list[StepView]
    unbooked: list[StepView]


class NewEquation(_Heard, frozen=True, kw_only=True):
    """Say how a member shares what it asks for from now on, in TOML."""

    text: Annotated[str, Meta(max_length=20_000)]
    member: Text | None = None
    dry_run: bool = False


class NewDistribution(_Heard, frozen=True, kw_only=True):
    """Distribute an income: a received line, as its commit and `:number`, or a need or commit with but one."""

    line: Text
    member: Text | None = None
    dry_run: bool = False


class ChainQuery(_Heard, frozen=True, kw_only=True):
    """Whose it is; without a chain, what members of the node said."""

    chain: Text | None = None


class RuleView(_Said, frozen=True, kw_only=True):
    """Which contributions a rule selects, and what each claims."""

    name: str
    kind: str
    claim: str
    action: str | None
    resource_class: str | None
    process: str | None
    begin_ms: int
    end_ms: int


class BucketView(_Said, frozen=True, kw_only=True):
    """A part of an income, in thousandths."""

    share: int
    to: str | None
    division: str
    rules: list[RuleView]


class EquationView(_Said, frozen=True, kw_only=True):
    """How a chain shares what it asks for."""

    id: str
    chain: str
    sequence: int
    is_latest: bool
    rest: str
    values: dict[str, list[str]]
    buckets: list[BucketView]


class PortionView(_Said, frozen=True, kw_only=True):
    """What one beneficiary gets, and for what."""

    to: str
    amount: int
    amount_text: str
    bucket: int
    rule: str | None
    kind: str | None
    line: str | None
    claim_text: str
    remaining: int
    remaining_text: str


class DistributionView(_Said, frozen=True, kw_only=True):
    """Who gets what of an income; the shares and the rest are all of it."""

    id: str
    chain: str
    equation: str
    line: str
    income: int
    income_text: str
    resource_class: str
    shares: list[PortionView]
    rest: int
    rest_text: str
    rest_to: str
    dry_run: bool = False
