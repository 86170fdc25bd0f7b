"""The kinds of entry: each a noun with the shape of its terms and its rules, in order.

A new kind is one module here, one line in `KINDS`, one chapter section and its
vectors. Kinds named `x.<reverse-dns>.<name>` are anybody's: the envelope's and
the chain's rules apply to them, their terms are opaque to validation.

Spec: 07-kinds.
"""

from __future__ import annotations

from .admissions import ADMIT
from .agreements import AGREE, AGREEMENT
from .attestations import ATTEST, PERMIT
from .budgets import ALLOT, TAKE, THRESHOLD
from .checkpoints import CHECKPOINT, WITNESS
from .enactments import ADOPT, ENACT
from .equations import DISTRIBUTE, EQUATION
from .events import EVENT
from .exits import CANCEL, LAPSE, RELEASE, WITHDRAW
from .flows import ACCEPT, COMMIT, DELIVER, RECEIVE
from .heirs import INHERIT
from .identities import CLOSE, COMPLETE, CONSENT, DELEGATE, RECOVER, REVOKE, ROTATE
from .intents import NEED, OFFER
from .kind import Judged, Kind
from .lots import LOT
from .opening import OPEN
from .processes import CAPACITY, PROCESS, RECIPE
from .retraction import RETRACT
from .rows import ROW
from .settlements import SETTLE
from .warrants import WARRANT

FLOWS = (OPEN, NEED, OFFER, ROW, COMMIT, ACCEPT, DELIVER, RECEIVE, RELEASE, LAPSE, CANCEL, WITHDRAW)
PEOPLE = (DELEGATE, ROTATE, REVOKE, INHERIT, RECOVER, CONSENT, COMPLETE, CLOSE, ADMIT, ENACT, ADOPT)
EVIDENCE = (WARRANT, CHECKPOINT, WITNESS)
BODIES = (RETRACT,)
RESOURCES = (EVENT, PROCESS, RECIPE, CAPACITY, LOT, THRESHOLD, ALLOT, TAKE, ATTEST, PERMIT)
RECIPROCITY = (SETTLE, EQUATION, DISTRIBUTE)
AGREEMENTS = (AGREEMENT, AGREE)
KINDS = {kind.name: kind for kind in (*FLOWS, *PEOPLE, *EVIDENCE, *BODIES, *RESOURCES, *RECIPROCITY, *AGREEMENTS)}

__all__ = ["KINDS", "Judged", "Kind"]
