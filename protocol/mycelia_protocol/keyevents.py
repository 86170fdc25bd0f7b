"""Key events: what declares the root keys of an identity, and who consents to it.

Spec: 13-identity, "Key events" and "Recovery".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from .envelope import Entry, Header, Term
from .errors import Refused
from .grants import check_use
from .identity import KEYSET_AT, KeySet, check_signatures, is_revealed, keyset_of

if TYPE_CHECKING:
    from .lineage import Event, Lineage


def check_rotation(lineage: Lineage, entry: Entry) -> Event:
    """Return identity and root keys of an `id.rotate` (rules `identity.*`, `rotate.revealed`)."""
    header = entry.header
    keyset = _keyset(lineage, entry, KEYSET_AT["id.rotate"] + 6)
    identity, before = _previous(lineage, entry, header.terms[0])
    if not is_revealed(before, keyset.threshold, keyset.keys):
        raise Refused("rotate.revealed", "these are not the keys that the key event before committed to")
    check_signatures(header, keyset, network=lineage.charter.network)
    return identity, keyset


def check_recovery(lineage: Lineage, entry: Entry) -> Event:
    """Return the identity and the keys that an `id.recover` proposes (rules `identity.*`, `recover.guardians`)."""
    keyset = _keyset(lineage, entry, KEYSET_AT["id.recover"] + 5)
    event = lineage.event(lineage.named(entry.header, entry.header.terms[0], "identity.terms"))
    if event is None:
        raise Refused("identity.previous", "the entry named is no good key event")
    if not event[1].guardians:
        raise Refused("recover.guardians", "this identity named no guardians")
    return event[0], keyset


def check_completion(lineage: Lineage, entry: Entry) -> Event:
    """Return identity and root keys of an `id.complete` (rules `identity.*`, `complete.*`)."""
    header = entry.header
    keyset = _keyset(lineage, entry, KEYSET_AT["id.complete"] + 5)
    recovery = lineage.named(header, header.terms[0], "identity.terms")
    previous = lineage.named(header, header.terms[1], "identity.terms")
    event = lineage.event(previous)
    if event is None:
        raise Refused("identity.previous", "the entry named is no good key event")
    proposed = recovery.header
    if (
        proposed.kind != "id.recover"
        or proposed.terms[1:] != header.terms[2:]
        or proposed.named(proposed.terms[0]) != previous.id
    ):
        raise Refused("complete.recovery", "the recovery named proposes other keys, or follows another key event")
    try:
        check_recovery(lineage, recovery)
    except Refused as refused:
        raise Refused("complete.recovery", f"the recovery is against `{refused.rule}`") from refused
    _check_consents(lineage, header, recovery, event[1])
    return event[0], keyset


def _check_consents(lineage: Lineage, header: Header, recovery: Entry, before: KeySet) -> None:
    rule = "complete.consents"
    due_ms = _consents(lineage, header, recovery, before.guardians, before.consents, rule) + lineage.charter.recovery_ms
    if header.time_ms <= due_ms:
        raise Refused("complete.delay", f"the recovery may be completed after {due_ms}, this is {header.time_ms}")


def _consents(lineage: Lineage, header: Header, subject: Entry, who: Collection[bytes], needed: int, rule: str) -> int:
    """Return the time of the latest consent to `subject` in deps; refuse `rule` unless enough of `who` gave one."""
    given: set[bytes] = set()
    latest_ms = 0
    for link in header.links:
        consent = cast(Entry, lineage.held(link))
        if consent.header.kind != "consent" or consented(consent.header) != subject.id:
            continue
        grant = lineage.grant(consent.chain)
        if grant is None or grant.identity not in who or grant.identity in given:
            raise Refused(rule, "a consent is of somebody who has none to give, or somebody's second")
        try:
            check_use(grant, consent.header)
        except Refused as refused:
            raise Refused(rule, f"a consent is against `{refused.rule}`") from refused
        given.add(grant.identity)
        latest_ms = max(latest_ms, consent.header.time_ms)
    if len(given) < needed:
        raise Refused(rule, f"{len(given)} consent, {needed} are needed")
    return latest_ms


def check_founders(lineage: Lineage, header: Header, enact: Entry) -> None:
    """Refuse `adopt.consents` unless `deps` has the consents of enough founders to an enactment."""
    charter = lineage.charter
    if not charter.founders:
        raise Refused("adopt.consents", "this commons has no founders, so its charter never changes")
    _consents(lineage, header, enact, charter.founders, charter.threshold, "adopt.consents")


def _keyset(lineage: Lineage, entry: Entry, count: int) -> KeySet:
    keyset = keyset_of(entry) if len(entry.header.terms) == count else None
    if keyset is None:
        raise Refused("identity.terms", "the terms are not those of a key event, or a number is out of range")
    return keyset


def _previous(lineage: Lineage, entry: Entry, term: Term) -> Event:
    """Return identity and keys of the key event before, which is of the identity of the entry's own chain."""
    event = lineage.event(lineage.named(entry.header, term, "identity.terms"))
    grant = lineage.grant(entry.chain)
    if event is None or grant is None or grant.identity != event[0]:
        raise Refused("identity.previous", "the entry named is no good key event of the identity of this chain")
    return event


def consented(header: Header) -> bytes | None:
    """Return what a `consent` consents to, or None if its terms have another shape."""
    return header.named(header.terms[0]) if len(header.terms) == 1 else None
