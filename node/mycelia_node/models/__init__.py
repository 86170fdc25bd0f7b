"""What the API says and hears: one struct a message, the same in the server, the clients and the OpenAPI document.

Ids are CID text. Amounts stand twice: as integer quanta, and as text with the unit.
"""

from __future__ import annotations

from .agreements import (
    AgreementQuery,
    AgreementView,
    LegView,
    NewAgree,
    NewAgreement,
    PartyView,
    ProposedView,
)
from .books import (
    AccountQuery,
    AccountRow,
    AgreementRow,
    BalanceRow,
    BooksView,
    ClaimRow,
    CommitmentRow,
    DueRow,
    EventRow,
    FlowRow,
    IntentRow,
    PartyQuery,
    ProcessRow,
    RecallQuery,
    RecallView,
    StepView,
    StockRow,
    TraceQuery,
)
from .budgets import (
    BudgetShare,
    BudgetView,
    NewAllot,
    NewTake,
    NewThreshold,
    QuotientRow,
    ThresholdView,
)
from .deeds import (
    DeedView,
    NewCommitment,
    NewDeed,
)
from .entries import (
    ChainQuery,
    EntryView,
    LineView,
    LogQuery,
    NewCheckpoint,
    NewRetraction,
    NewWarrant,
    NewWithdrawal,
    ProofFile,
    ProofView,
    Published,
    WhyView,
)
from .equations import (
    BucketView,
    DistributionView,
    EquationView,
    NewDistribution,
    NewEquation,
    PortionView,
    RuleView,
)
from .licenses import (
    AttestationView,
    ClaimView,
    LicenseView,
    NewAttestation,
    NewPermit,
    ProfileView,
    RowView,
)
from .message import (
    Heard,
    Moment,
    Named,
    Place,
    Problem,
    Said,
    Text,
)
from .nodes import (
    AwaitingView,
    BehindView,
    EventQuery,
    Forgotten,
    ForkView,
    ImportView,
    MemberView,
    NewMember,
    NewPeer,
    NewPruning,
    PeerQuery,
    PeerView,
    PrunedView,
    ReleaseView,
    StatusView,
    VerifyView,
)
from .people import (
    ChainView,
    CommonsView,
    Delegated,
    InvitationView,
    NewAdmission,
    NewAmendment,
    NewClosure,
    NewDelegation,
    NewInvitation,
    NewRecovery,
    NewRestoration,
    NewRevocation,
    NewRotation,
    NewShare,
    NewSignature,
    NewStatement,
    NewStep,
    PersonView,
    Restored,
    ShareView,
    SignedView,
)
from .recipes import (
    FootprintQuery,
    FootprintRow,
    FootprintView,
    RecipeFlowRow,
    RecipeRow,
    RunRow,
    TakenRow,
)
from .returns import (
    AccountView,
    ContributionView,
    CreditClassView,
    CreditView,
    NewSettlement,
    SettledView,
)
from .signals import (
    FieldQuery,
    FieldView,
    NewNeed,
    NewOffer,
    NewSignal,
    NewSignals,
    SignalView,
)
from .things import (
    CapacityView,
    Flow,
    NewCapacity,
    NewEvent,
    NewLot,
    NewProcess,
    NewRecipe,
    ResourceView,
    StockQuery,
    StretchView,
)

__all__ = [
    "AccountQuery", "AccountRow", "AccountView", "AgreementQuery", "AgreementRow", "AgreementView", "AttestationView",
    "AwaitingView", "BalanceRow", "BehindView", "BooksView", "BucketView", "BudgetShare", "BudgetView",
    "CapacityView", "ChainQuery", "ChainView", "ClaimRow", "ClaimView", "CommitmentRow", "CommonsView",
    "ContributionView", "CreditClassView", "CreditView", "DeedView", "Delegated", "DistributionView", "DueRow",
    "EntryView", "EquationView", "EventQuery", "EventRow", "FieldQuery", "FieldView", "Flow", "FlowRow",
    "FootprintQuery", "FootprintRow", "FootprintView", "Forgotten", "ForkView", "Heard", "ImportView", "IntentRow",
    "InvitationView", "LegView", "LicenseView", "LineView", "LogQuery", "MemberView", "Moment", "Named",
    "NewAdmission", "NewAgree", "NewAgreement", "NewAllot", "NewAmendment", "NewAttestation", "NewCapacity",
    "NewCheckpoint", "NewClosure", "NewCommitment", "NewDeed", "NewDelegation", "NewDistribution", "NewEquation",
    "NewEvent", "NewInvitation", "NewLot", "NewMember", "NewNeed", "NewOffer", "NewPeer", "NewPermit", "NewProcess",
    "NewPruning", "NewRecipe", "NewRecovery", "NewRestoration", "NewRetraction", "NewRevocation", "NewRotation",
    "NewSettlement", "NewShare", "NewSignal", "NewSignals", "NewSignature", "NewStatement", "NewStep", "NewTake",
    "NewThreshold", "NewWarrant", "NewWithdrawal", "PartyQuery", "PartyView", "PeerQuery", "PeerView", "PersonView",
    "Place", "PortionView", "Problem", "ProcessRow", "ProfileView", "ProofFile", "ProofView", "ProposedView",
    "PrunedView", "Published", "QuotientRow", "RecallQuery", "RecallView", "RecipeFlowRow", "RecipeRow",
    "ReleaseView", "ResourceView", "Restored", "RowView", "RuleView", "RunRow", "Said", "SettledView", "ShareView",
    "SignalView", "SignedView", "StatusView", "StepView", "StockQuery", "StockRow", "StretchView", "TakenRow", "Text",
    "ThresholdView", "TraceQuery", "VerifyView", "WhyView",
]  # fmt: skip
