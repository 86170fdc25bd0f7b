"""Licensing: a licensed thing is used by whom its license lets, and what is owed for it is noted.

What counts is what the entry itself names: attestations of issuers whose word counts
here, the licensor's permit; and what the own chain contributed and owes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import cast

from ..accumulators import Claim, Contributed, Grant, Licensed, ResourceId, Return, Use
from ..charter import DAY_MS, MAX_AMOUNT, Charter
from ..envelope import Entry
from ..errors import Refused
from ..grants import may_write
from ..licenses import ATTRIBUTION, BUILT_IN, PERMIT, SAME_LICENSE, Duties, Profile, Verdict, decide
from . import claims
from .attestations import attested, permitted
from .kind import Judged

MAX_USES = 16  # licensed things in one process, copy or stock, or given for one need


def known_profile(charter: Charter, name: str) -> Profile | None:
    """Return a profile that this charter writes, or that everybody knows; None if there is none of that name."""
    return charter.profiles.get(name) or BUILT_IN.get(name)


def profile(charter: Charter, name: str) -> Profile:
    """Return a profile that this charter knows and allows, or refuse `license.unknown`, `license.allowed`."""
    found = known_profile(charter, name)
    if found is None:
        raise Refused("license.unknown", f"there is no license profile {name!r} here")
    if charter.licenses and name not in charter.licenses:
        raise Refused("license.allowed", f"{name} is none of {', '.join(charter.licenses)}")
    return found


def check_use(judged: Judged, design: Entry, resource: ResourceId, license_: str, use: str) -> Duties:
    """Refuse a use that the license of a thing does not allow (rules `license.*`); note and return its duties."""
    found = profile(judged.charter, license_)
    _check_paid(judged, resource)
    verdict = decide(found, use, _facts(judged, design, use), lambda days: _contributed(judged, days))
    if not verdict.is_allowed:
        raise Refused("license.denied", _why(verdict, found))
    key = ("licensed", *resource)
    before = judged.facts.get(key)
    known = dict(before.uses) if isinstance(before, Licensed) else {}
    duties = verdict.duties
    known[use] = (verdict.row, duties.sharealike, duties.per_mille, duties.due_days)
    judged.facts[key] = Licensed(license_, design.chain, tuple(sorted(known.items())))
    return duties


def _why(verdict: Verdict, found: Profile) -> str:
    way = next((row for row in found.rows if row.is_allowed and PERMIT in (*row.all, *row.any)), None)
    told = f"row {verdict.row} of {verdict.profile} says no: {verdict.why}"
    return told if way is None else f"{told}; with a `permit` of its maker it is row {way.name}"


def _facts(judged: Judged, design: Entry, use: str) -> set[str]:
    """Return what is true of who uses it: seen here, or attested by whose word counts."""
    identity = None if judged.grant is None else judged.grant.identity
    own = {judged.prefix.chain} if identity is None else {identity, judged.prefix.chain}
    true, now = {ATTRIBUTION, SAME_LICENSE}, judged.header.time_ms  # it is named; what is made is asked when it is made
    for entry in judged.deps.values():
        told = attested(entry, now)
        if told is not None and told[0] in own:
            issuer = _signer(judged, entry)
            counts = issuer is not None and issuer.identity in judged.charter.issuers.get(told[1], ())
            if counts and issuer is not None and issuer.identity != identity:  # nobody attests for herself
                true.add(told[1])
        if permitted(entry, design, use, now) in own and may_write(judged.lineage.speaker(entry.chain), entry):
            true.add(PERMIT)
    return true


def _signer(judged: Judged, entry: Entry) -> Grant | None:
    """Return for whom an entry speaks, None for nobody or if its chain was not let write it."""
    grant = judged.lineage.speaker(entry.chain)
    return grant if may_write(grant, entry) else None


def _contributed(judged: Judged, days: int) -> int:
    today, total = judged.header.time_ms // DAY_MS, 0
    for day in range(max(0, today - days + 1), today + 1):
        fact = judged.facts.get(("contribution", judged.prefix.chain, day))
        total += fact.amount if isinstance(fact, Contributed) else 0
    return total


def _check_paid(judged: Judged, resource: ResourceId) -> None:
    for _, owed in claims.unpaid(judged, resource):
        if owed.due_ms < judged.header.time_ms:
            raise Refused("license.suspended", f"{claims.left_text(judged, owed)} for it")


def check_downstream(judged: Judged, uses: tuple[Use, ...], license_: str | None) -> None:
    """Refuse what is made of an adapted share-alike thing under another license (rule `license.sharealike`)."""
    if license_ is not None:
        profile(judged.charter, license_)
    for design, number, use in uses:
        licensed = judged.facts.get(("licensed", design, number))
        if use != "adapt" or not isinstance(licensed, Licensed):
            continue
        _, is_alike, _, _ = dict(licensed.uses)[use]
        if is_alike and licensed.license != license_:
            raise Refused(
                "license.sharealike",
                f"what adapts it is under {licensed.license}, not {license_ or 'none'}",
            )


def check_copy(judged: Judged, kept: str | None, license_: str | None) -> None:
    """Refuse a copy of what others made under another license than it keeps (rule `license.copy`)."""
    if kept is not None and kept != license_:
        raise Refused("license.copy", f"what is copied is under {kept}, not {license_ or 'none'}")


def note_return(judged: Judged, need: Entry, uses: tuple[Use, ...], rule: str, accepted: int) -> None:
    """Note what is in a thing that is given for a return, or refuse `rule`: all of it was used commercially.

    `accepted` is the need's sum before the entry: what was received raises no claim any more, so that nothing new is
    given for what may have been paid first.
    """
    for _, _, use in uses:
        if use != "commercial":
            raise Refused(rule, f"what is in it was used for `{use}`: give it for no return")
    if uses:
        before = judged.facts.get(("return", need.id, -1))
        noted = before.uses if isinstance(before, Return) else ()
        known = tuple(sorted({*uses, *noted}))
        if len(known) > MAX_USES:  # each raises a claim for each line that is received
            raise Refused(rule, f"for one need at most {MAX_USES} licensed things are given")
        if accepted and known != noted:
            paid = judged.amount_text(cast(str, need.header.terms[0]), accepted)
            raise Refused(rule, f"{paid} was accepted for that need before it was said what is given: publish another")
        judged.facts["return", need.id, -1] = Return(cast(str, need.header.terms[0]), known)


def check_returned(judged: Judged, uses: tuple[Use, ...]) -> None:
    """Refuse to give for a return what a claim is overdue for (rule `license.suspended`)."""
    for design, number, _ in uses:
        _check_paid(judged, (design, number))


def shares(judged: Judged, uses: tuple[Use, ...], resource_class: str, amount: int) -> Iterator[Claim]:
    """Yield what is owed of something that came in return for what licensed things went into."""
    for design, number, use in uses:
        licensed = cast(Licensed, judged.facts["licensed", design, number])
        _, _, per_mille, days = dict(licensed.uses)[use]
        if not per_mille:
            continue
        owed, due_ms = -(-amount * per_mille // 1000), judged.header.time_ms + days * DAY_MS
        yield Claim(licensed.creditor, resource_class, owed, due_ms, ground=design, ground_number=number)


def note_shares(judged: Judged, raised: Mapping[claims.ClaimId, Claim]) -> None:
    """Note the shares of the benefit that an entry raised; where very many are unpaid, they are added up."""
    things: dict[ResourceId, list[claims.ClaimId]] = {}
    for name, owed in raised.items():
        things.setdefault((owed.ground, owed.ground_number), []).append(name)
    for thing, names in things.items():
        before = dict(claims.unpaid(judged, thing))
        open_ = dict(before)
        for name in names:
            _add(open_, name, raised[name])
        claims.note(judged, dict(open_.items() - before.items()), open_, thing)


def _add(open_: dict[claims.ClaimId, Claim], name: claims.ClaimId, owed: Claim) -> None:
    alike = [(one.due_ms, known) for known, one in open_.items() if one.resource_class == owed.resource_class]
    if len(open_) < claims.MAX_OPEN or not alike:
        open_[name] = owed
    else:
        _, last = max(alike)
        open_[last] = open_[last]._replace(amount=min(open_[last].amount + owed.amount, MAX_AMOUNT))


def owe_source(judged: Judged, into: bytes, design: ResourceId, resource_class: str, days: int) -> None:
    """Note that the source of what is made of an adapted thing, in a process or as a copy, is due in so many days."""
    licensed = cast(Licensed, judged.facts["licensed", *design])
    due_ms = judged.header.time_ms + days * DAY_MS
    source = Claim(licensed.creditor, resource_class, 1, due_ms, ground=design[0], ground_number=design[1])
    name, open_ = (into, len(list(_sources(judged, into)))), [known for known, _ in claims.unpaid(judged, design)]
    if len(open_) >= claims.MAX_OPEN:
        raise Refused("license.suspended", f"{len(open_)} claims for it are unpaid")
    claims.note(judged, {name: source}, [*open_, name], design)


def publish_source(judged: Judged, process: bytes, resource_class: str, license_: str) -> None:
    """Note that a thing that can be used again came out of a process (or copy): the source that was due of it."""
    for name, due in list(_sources(judged, process)):
        licensed = cast(Licensed, judged.facts["licensed", due.ground, due.ground_number])
        if (licensed.license, due.resource_class) == (license_, resource_class):
            judged.facts["claim", *name] = due._replace(paid=due.amount)


def _sources(judged: Judged, process: bytes) -> Iterator[tuple[claims.ClaimId, Claim]]:
    """Yield the claims for the source of what comes out of a process."""
    for number in count():
        due = claims.claim(judged, (process, number))
        if due is None:
            return
        yield (process, number), due
