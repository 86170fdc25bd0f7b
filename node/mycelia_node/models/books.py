"""Books: accounts, stock, flows, balances and traces, as rows."""

from __future__ import annotations

from .budgets import QuotientRow
from .message import Heard, Said, Text
from .recipes import RecipeRow


class AccountQuery(Heard, frozen=True, kw_only=True):
    """Whose accounts, and of which class."""

    party: Text | None = None  # a member of the node, or the beginning of the id of an identity or chain
    resource_class: Text | None = None


class PartyQuery(Heard, frozen=True, kw_only=True):
    """Whose claims."""

    party: Text | None = None  # a member of the node, or the beginning of the id of an identity or chain


class TraceQuery(Heard, frozen=True, kw_only=True):
    """Which resource is followed, and which way."""

    resource: Text
    forward: bool = False


class RecallQuery(Heard, frozen=True, kw_only=True):
    """Which lot is recalled."""

    resource: Text


class AccountRow(Said, frozen=True, kw_only=True):
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


class StockRow(Said, frozen=True, kw_only=True):
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


class EventRow(Said, frozen=True, kw_only=True):
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


class DueRow(Said, frozen=True, kw_only=True):
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


class ProcessRow(Said, frozen=True, kw_only=True):
    """A process, whose it is, and the recipe that it follows."""

    id: str
    party: str
    recipe: str | None


class FlowRow(Said, frozen=True, kw_only=True):
    """What went from one party to another one, or from one cell to another one."""

    between: str
    source: str
    target: str
    resource_class: str
    unit: str
    amount: str


class BalanceRow(Said, frozen=True, kw_only=True):
    """What went into a process and came out of it, in a measure of the charter."""

    process: str
    party: str
    measure: str
    unit: str
    goes_in: str
    comes_out: str
    balance: str


class IntentRow(Said, frozen=True, kw_only=True):
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


class CommitmentRow(Said, frozen=True, kw_only=True):
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


class AgreementRow(Said, frozen=True, kw_only=True):
    """An agreement that everybody agreed to."""

    id: str
    end_ms: int
    parties: list[str]


class ClaimRow(Said, frozen=True, kw_only=True):
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


class BooksView(Said, frozen=True, kw_only=True):
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


class StepView(Said, frozen=True, kw_only=True):
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


class RecallView(Said, frozen=True, kw_only=True):
    """Everything that may hold something of a lot."""

    resource: str
    stock: list[StockRow]
    in_transit: list[StepView]
    unbooked: list[StepView]
