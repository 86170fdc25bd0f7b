"""What a chain's prefix amounts to: the facts that rules read about the chain's own past.

Validity never asks another chain for its state. It reads the entry, the headers
that the entry names, and these accumulators, which only valid entries of the
same chain change. An invalid entry keeps its place and counts for nothing, but
for what it weighs under the charter's rate.

Spec: 08-validation, "Accumulators".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from .cid import digest
from .envelope import Entry

LineId = tuple[bytes, int]  # the id of a commit, and the number of a line in it, from 0
ResourceId = tuple[bytes, int]  # the id of the entry that made a resource, and its number there
Use = tuple[bytes, int, str]  # a licensed thing, as the resource that it is, and what was done with it


class Mark(IntEnum):
    """What a chain itself did to a line, or has cited of the other side's doing."""

    RELEASED = 1  # provider's own
    DELIVERED = 2
    CANCELLED = 4  # own, on either side
    ACCEPTED = 8  # receiver's own
    LAPSED = 16
    RECEIVED = 32
    CITES_ACCEPT = 64
    CITES_LAPSE = 128
    CITES_CANCEL = 256  # the other side's cancel
    CITES_RELEASE = 512
    CITES_DELIVER = 1024
    INHERITED = 2048  # of a chain that this one took over: in no sum of its own
    SETTLED = 8192  # provider's own: counted as a contribution, or towards a claim; 4096 is no mark


class NeedFacts(NamedTuple):
    """An own need: whether it is withdrawn, and the sum of accepted amounts that still count."""

    withdrawn: bool = False
    accepted: int = 0


class OfferFacts(NamedTuple):
    """An own offer: its committed sum, its latest row and what that row still holds per need."""

    withdrawn: bool = False
    committed: int = 0
    row: bytes | None = None
    tentative: tuple[tuple[bytes, int], ...] = ()


class CommittedLine(NamedTuple):
    """A line that this chain committed to, as provider."""

    offer: bytes
    need: bytes
    receiver: bytes  # the need's chain
    amount: int
    hold: int
    until: int
    marks: int = 0
    accept_at: int = -1  # lowest sequence of an accept that was cited

    def marked(self, marks: int, accept_at: int | None = None) -> CommittedLine:
        """Return the line with more marks."""
        return CommittedLine(*self[:6], self.marks | marks, self.accept_at if accept_at is None else accept_at)


class AcceptedLine(NamedTuple):
    """A line that this chain accepted or refused, as receiver."""

    need: bytes
    provider: bytes  # the commit's chain
    amount: int
    until: int
    marks: int = 0

    def marked(self, marks: int) -> AcceptedLine:
        """Return the line with more marks."""
        return AcceptedLine(*self[:4], self.marks | marks)


class Cited(NamedTuple):
    """Foreign entries about a thing that this chain has cited: (kind, author chain), sorted."""

    by: tuple[tuple[str, bytes], ...] = ()


MAX_DEPTH = 8


class Grant(NamedTuple):
    """What a chain may sign for its identity; None means all kinds, or no end; no classes named means all."""

    identity: bytes
    kinds: tuple[str, ...] | None = None
    expires_ms: int | None = None
    depth: int = MAX_DEPTH  # how many times it may still be passed on
    classes: tuple[tuple[str, int | None], ...] = ()  # and the most of each a day, in quanta
    is_founding: bool = False  # of the chain that the identity began with: it alone has slots to give


class Spent(NamedTuple):
    """How much of a class a chain wrote of with one kind on the last day that it did."""

    day: int
    amount: int


class Admitted(NamedTuple):
    """How many this chain admitted before, under an identity or an invitation; under its own id: in all."""

    times: int


class Paid(NamedTuple):
    """Until when what this chain has said is paid for, in milliseconds: its tat under the charter's rate."""

    tat: int = 0


class Version(NamedTuple):
    """The charter version that a chain adopted last, and the enactment that made it."""

    number: int
    enact: bytes


class Warranted(NamedTuple):
    """The lowest place of another chain about which this chain published a warrant."""

    sequence: int


class Inherited(NamedTuple):
    """The last place of another chain up to which this chain took it over."""

    sequence: int


class HeirOf(NamedTuple):
    """The chains for which another chain speaks as their heir, sorted, as this chain has cited."""

    chains: tuple[bytes, ...] = ()


class Checkpointed(NamedTuple):
    """The own checkpoints: the place of the last one weighed, the last valid one, the peaks below that place."""

    sequence: int
    checkpoint: bytes | None = None
    peaks: tuple[bytes, ...] = ()


class Witnessed(NamedTuple):
    """The place of another chain's checkpoint that this chain witnessed last."""

    sequence: int


class Resource(NamedTuple):
    """An own inventory record: what the chain has rights to, what it has in hand, and what of both it has offered."""

    resource_class: str
    accounting: int = 0
    onhand: int = 0
    offered_accounting: int = 0
    offered_onhand: int = 0
    # what left by an action of which another is the way back: (action, id and number of the container or none, amount)
    away: tuple[tuple[str, bytes, int, int], ...] = ()
    process: bytes = b""  # that it was made in
    capacity: bytes = b""  # the entry that says how much it can do in a time


class Process(NamedTuple):
    """An own process, a copy or a stock: the licensed things that went into it, sorted; whether something came out."""

    uses: tuple[Use, ...] = ()
    has_output: bool = False


class Reserve(NamedTuple):
    """The own resource that an offer gives of by its action, and how much the offer still keeps from other uses.

    Of a resource that is lent for a time: the capacity, and the number of the stretch of time.
    """

    action: str
    resource: bytes
    number: int
    amount: int


class Into(NamedTuple):
    """What becomes of what is received for an own need: its action and class, the resource or process it goes into."""

    action: str
    resource_class: str
    resource: bytes = b""
    number: int = 0
    process: bytes = b""


class Return(NamedTuple):
    """An own need that is asked for in return: the licensed things in what is offered for it."""

    resource_class: str
    uses: tuple[Use, ...]


class Capacity(NamedTuple):
    """How much of a class an own resource can do in each stretch of time, and how long such a stretch is."""

    resource_class: str
    amount: int
    bucket_ms: int


class Taken(NamedTuple):
    """How much of one stretch of a capacity is offered."""

    amount: int


class Licensed(NamedTuple):
    """A licensed thing of another chain that this one used: for what, by which row, and what that asks for."""

    license: str
    creditor: bytes  # the chain that made it
    uses: tuple[tuple[str, tuple[str, bool, int, int]], ...]  # by use: row, share-alike, per mille, days; sorted


class Owing(NamedTuple):
    """The claims that this chain's use of a licensed thing raised, sorted."""

    claims: tuple[tuple[bytes, int], ...]


class Claim(NamedTuple):
    """What this chain owes (ValueFlows Claim), and for what."""

    creditor: bytes
    resource_class: str
    amount: int
    due_ms: int
    paid: int = 0
    ground: bytes = b""  # the entry that made the resource it is owed for
    ground_number: int = 0


class OwnStatement(NamedTuple):
    """The own threshold by which this chain said what root keys signed."""

    threshold: bytes


class Allotted(NamedTuple):
    """How much of an own threshold is allotted."""

    amount: int


class Allowance(NamedTuple):
    """What this chain took of an allot: of a budget, a need or an offer; of which impact or class; what is left."""

    of: str
    name: str
    left: int
    expires_ms: int


class Purse(NamedTuple):
    """The allowances of one impact, as (expiry, allot), sorted."""

    allots: tuple[tuple[int, bytes], ...]


class Footprint(NamedTuple):
    """What a committed line cost: how much of which allot; of the impact itself, what none was left for."""

    paid: tuple[tuple[bytes, int], ...]


class Overdrawn(NamedTuple):
    """What this chain spent of an impact beyond all allowances, where that is not refused."""

    amount: int = 0


class Contributed(NamedTuple):
    """What this chain contributed on a day, in the units of the charter's contribution."""

    amount: int = 0


class Currency(NamedTuple):
    """The class of mutual credit that an own intent is of."""

    resource_class: str


class Credit(NamedTuple):
    """The account of this chain in a class of mutual credit."""

    balance: int = 0
    promised: int = 0  # of own commits, not yet delivered
    expected: int = 0  # of own accepts, not yet received


class Agrees(NamedTuple):
    """Who agreed to an agreement, as this chain has cited: each chain with the lowest place of such an entry."""

    by: tuple[tuple[bytes, int], ...] = ()


class Agreed(NamedTuple):
    """An agreement that this chain agreed to."""

    end_ms: int
    parties: tuple[bytes, ...]  # the other ones, sorted
    left: bool = False  # an exit of a leg by another party is cited, or there is an own release or lapse of one
    took: bool = False  # there is an own `receive` of a leg


class LegOf(NamedTuple):
    """A line, anybody's, that is a leg of an agreement that this chain agreed to."""

    agreement: bytes
    provider: bytes
    receiver: bytes


class Ruling(NamedTuple):
    """The latest own equation."""

    equation: bytes


class Superseded(NamedTuple):
    """The place of the equation that came after an own one."""

    sequence: int


class Distributed(NamedTuple):
    """The equation by which an own income was distributed."""

    equation: bytes


Fact = (
    NeedFacts
    | OfferFacts
    | CommittedLine
    | AcceptedLine
    | Cited
    | Grant
    | Spent
    | Admitted
    | Paid
    | Version
    | Warranted
    | Inherited
    | HeirOf
    | Checkpointed
    | Witnessed
    | Resource
    | Process
    | Reserve
    | Into
    | Return
    | Capacity
    | Taken
    | Claim
    | Licensed
    | Owing
    | OwnStatement
    | Allotted
    | Allowance
    | Purse
    | Footprint
    | Overdrawn
    | Contributed
    | Currency
    | Credit
    | Agrees
    | Agreed
    | LegOf
    | Ruling
    | Superseded
    | Distributed
)
RECORDS: dict[str, type[Any]] = {
    "need": NeedFacts,
    "offer": OfferFacts,
    "committed": CommittedLine,
    "accepted": AcceptedLine,
    "cited": Cited,
    "grant": Grant,
    "spent": Spent,
    "admitted": Admitted,
    "rate": Paid,
    "version": Version,
    "warrant": Warranted,
    "inherited": Inherited,
    "heir": HeirOf,
    "checkpoint": Checkpointed,
    "witness": Witnessed,
    "resource": Resource,
    "process": Process,
    "reserve": Reserve,
    "into": Into,
    "return": Return,
    "capacity": Capacity,
    "bucket": Taken,
    "claim": Claim,
    "licensed": Licensed,
    "owing": Owing,
    "statement": OwnStatement,
    "allotted": Allotted,
    "allowance": Allowance,
    "purse": Purse,
    "footprint": Footprint,
    "overdrawn": Overdrawn,
    "contribution": Contributed,
    "currency": Currency,
    "credit": Credit,
    "agrees": Agrees,
    "agreed": Agreed,
    "leg": LegOf,
    "equation": Ruling,
    "superseded": Superseded,
    "distributed": Distributed,
}
# (record, id, number): the number is that of a line, resource, stretch, claim or day; -1 where there is none
FactKey = tuple[str, bytes, int]


def credit_key(resource_class: str) -> FactKey:
    """Return where the account in a class of mutual credit is kept."""
    return "credit", digest(resource_class.encode()), -1


@dataclass(slots=True)
class Prefix:
    """A chain up to a place: its tip, and the facts that its valid entries add up to.

    `own` gives a valid entry of this very prefix by id, or None.
    """

    chain: bytes
    key: bytes
    tip: bytes
    sequence: int
    time: int
    facts: MutableMapping[FactKey, Fact]
    own: Callable[[bytes], Entry | None]
    grant: Grant | None = None  # what the chain may do for its identity; None without one
    version: Version | None = None  # the charter version that it adopted last; None for the root charter

    @property
    def tat(self) -> int:
        """Until when what the chain has said is paid for, in milliseconds; 0 without a rate."""
        fact = self.facts.get(("rate", self.chain, -1))
        return fact.tat if isinstance(fact, Paid) else 0


class Draft(MutableMapping[FactKey, Fact]):
    """Changes to facts that become real only when the entry that makes them is valid; `lasting` ones in any case."""

    __slots__ = ("_base", "changes", "lasting")

    def __init__(self, base: MutableMapping[FactKey, Fact]) -> None:
        self._base = base
        self.changes: dict[FactKey, Fact] = {}
        self.lasting: dict[FactKey, Fact] = {}

    def __getitem__(self, key: FactKey) -> Fact:
        change = self.changes.get(key)
        return self._base[key] if change is None else change

    def get(self, key: FactKey, default: Any = None) -> Any:
        """Return a fact, or None: asked dozens of times an entry, so not by way of an exception."""
        change = self.changes.get(key)
        return self._base.get(key, default) if change is None else change

    def __setitem__(self, key: FactKey, fact: Fact) -> None:
        self.changes[key] = fact

    def __delitem__(self, key: FactKey) -> None:
        raise TypeError("facts are never forgotten by a rule")

    def __iter__(self) -> Iterator[FactKey]:
        return iter({**self._base, **self.changes})

    def __len__(self) -> int:
        return len(set(self._base) | set(self.changes))

    def need(self, need: bytes) -> NeedFacts:
        """Return the facts of an own need."""
        fact = self.get(("need", need, -1))
        return fact if isinstance(fact, NeedFacts) else NeedFacts()

    def offer(self, offer: bytes) -> OfferFacts:
        """Return the facts of an own offer."""
        fact = self.get(("offer", offer, -1))
        return fact if isinstance(fact, OfferFacts) else OfferFacts()

    def committed(self, line: LineId) -> CommittedLine | None:
        """Return the line if this chain committed to it."""
        fact = self.get(("committed", *line))
        return fact if isinstance(fact, CommittedLine) else None

    def accepted(self, line: LineId) -> AcceptedLine | None:
        """Return the line if this chain accepted or refused it."""
        fact = self.get(("accepted", *line))
        return fact if isinstance(fact, AcceptedLine) else None

    def resource(self, name: ResourceId) -> Resource | None:
        """Return an own resource."""
        fact = self.get(("resource", *name))
        return fact if isinstance(fact, Resource) else None

    def reserve(self, offer: bytes) -> Reserve | None:
        """Return what an own offer keeps of an own resource, if it gives of one."""
        fact = self.get(("reserve", offer, -1))
        return fact if isinstance(fact, Reserve) else None

    def process(self, process: bytes) -> Process:
        """Return what is noted with an own process, a copy or a stock."""
        fact = self.get(("process", process, -1))
        return fact if isinstance(fact, Process) else Process()

    def uses(self, process: bytes) -> tuple[Use, ...]:
        """Return the licensed things that went into an own process, a copy or a stock."""
        return self.process(process).uses

    def credit(self, resource_class: str) -> Credit:
        """Return the own account in a class of mutual credit."""
        fact = self.get(credit_key(resource_class))
        return fact if isinstance(fact, Credit) else Credit()

    def currency(self, intent: bytes) -> str | None:
        """Return the class of mutual credit that an own intent is of, None if it is of another or nobody promised."""
        fact = self.get(("currency", intent, -1))
        return fact.resource_class if isinstance(fact, Currency) else None

    def admitted(self, name: bytes) -> int:
        """Return how many times this chain admitted an identity or an invitation, or in all under its own id."""
        fact = self.get(("admitted", name, -1))
        return fact.times if isinstance(fact, Admitted) else 0

    def warranted(self, chain: bytes) -> int | None:
        """Return the lowest place of another chain about which this chain published a warrant."""
        fact = self.get(("warrant", chain, -1))
        return fact.sequence if isinstance(fact, Warranted) else None

    def cited(self, name: bytes, number: int, party: bytes) -> tuple[str, ...]:
        """Return of which kinds entries by a party about this thing, or by its heir, have been cited."""
        fact = self.get(("cited", name, number))
        return tuple(kind for kind, by in fact.by if self.speaks_for(by, party)) if isinstance(fact, Cited) else ()

    def inherited(self, chain: bytes) -> int:
        """Return the last place of another chain up to which this chain took it over, or -1."""
        fact = self.get(("inherited", chain, -1))
        return fact.sequence if isinstance(fact, Inherited) else -1

    def speaks_for(self, author: bytes, party: bytes) -> bool:
        """Return whether a chain is the party to a line, or was cited as its heir."""
        if author == party:
            return True
        fact = self.get(("heir", author, -1))
        return isinstance(fact, HeirOf) and party in fact.chains
