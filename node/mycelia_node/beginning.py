"""Beginnings: the `open` of a member's chain, made of what was planned, the keys that are here and the ledger.

Spec: 13-identity, "Forms of `open`".
"""

from __future__ import annotations

from mycelia_protocol import invitation, privacy, statements
from mycelia_protocol.compose import Content
from mycelia_protocol.errors import Premature
from mycelia_protocol.identity import KeySet, keyset_of
from mycelia_protocol.roots import Roots

from .faults import StoreFault
from .ledger import Ledger
from .memberfile import MemberFile, Plan


def opening_of(kept: MemberFile, roots: Roots | None, ledger: Ledger) -> Content:
    """Return the `open` with which the chain of a member begins, as it was planned.

    Raises:
        Premature: the delegation is not held.
        StoreFault: its root keys are not here, or several holders have them.
    """
    key, plan, network = kept.pair.public, kept.plan, ledger.network
    box = None if kept.box is None else privacy.box_key(kept.box)
    if plan.identity is not None and plan.delegation is not None:
        delegation = ledger.entry_of(plan.delegation)
        if delegation is None:
            raise Premature("deps.held", "the delegation is not held", frozenset({plan.delegation}))
        box = box if box in delegation.header.terms[1:2] else None  # as it was given
        return statements.delegated(key, plan.identity, delegation, box=box)
    if roots is None or (plan.identity is not None and plan.event is None):
        raise StoreFault(f"the keys of {kept.name} were prepared and came to nothing", "make it under another name")
    if plan.identity is not None and plan.event is not None:
        established = keyset_at(plan, ledger)
        if established is not None and established.threshold > 1:
            raise StoreFault(f"{kept.name} waits for other holders of root keys", "let them sign: `mycelia id sign`")
        keyset = established or roots.keyset(plan.number)
        signers = roots.signers_of(keyset, network=network)
        at = ledger.moment(plan.event)
        return statements.rooted(key, plan.identity, plan.event, at=at, root=signers, box=box)
    invited = None if plan.invitation is None else invitation.read(plan.invitation)
    root = roots.signers(0, network=network)
    keyset, nonce = inception_of(roots, plan), plan.nonce or b""
    at = ledger.moment(b"" if invited is None else invited.sponsor)
    return statements.founding(key, keyset, nonce=nonce, at=at, root=root, invitation=invited, box=box)


def inception_of(roots: Roots, plan: Plan) -> KeySet:
    """Return the key set with which an identity begins: of one holder, perhaps committed to several."""
    keyset = roots.keyset(0)
    return keyset if plan.next is None else keyset._replace(next=plan.next)


def keyset_at(plan: Plan, ledger: Ledger) -> KeySet | None:
    """Return the root keys that a chain is to begin by, if an identity is named and held."""
    event = None if plan.event is None else ledger.entry_of(plan.event)
    return None if event is None else keyset_of(event)
