"""Grants: what a chain may do in the name of its identity.

An installation of a person may do everything. A bot is delegated less: some
kinds, some resource classes, so much a day, until a time. A grant can be passed
on only in part, and what is passed on can never exceed it.

    >>> from mycelia_protocol.accumulators import Grant
    >>> whole = Grant(bytes(32))
    >>> bot = Grant(bytes(32), kinds=("offer",), expires_ms=1000, depth=0, classes=(("food", 50),))
    >>> exceeds(bot, whole), exceeds(bot._replace(classes=()), bot._replace(depth=1))
    (None, 'the classes')

Spec: 13-identity, "Grants".
"""

from __future__ import annotations

from typing import cast

from .accumulators import MAX_DEPTH, Grant
from .cid import is_digest
from .envelope import Entry, Header, Term
from .errors import Refused

ALWAYS = frozenset({"open", "adopt"})  # what every chain must say to be judged at all


def exceeds(part: Grant, whole: Grant) -> str | None:
    """Return what in `part` is not within `whole`, or None if all of it is."""
    if part.depth >= whole.depth:
        return "the depth"
    if whole.kinds is not None and (part.kinds is None or not set(part.kinds) <= set(whole.kinds)):
        return "the kinds"
    if whole.expires_ms is not None and (part.expires_ms is None or part.expires_ms > whole.expires_ms):
        return "the end"
    if whole.classes:
        most = dict(whole.classes)
        if not part.classes:
            return "the classes"
        for name, daily in part.classes:
            if name not in most:
                return "the classes"
            cap = most[name]
            if cap is not None and (daily is None or daily > cap):
                return "what it may spend a day"
    return None


def check_use(grant: Grant, header: Header) -> None:
    """Refuse an entry of a kind, or after a time, that the grant of its chain does not reach (`grant.*`)."""
    if grant.kinds is not None and header.kind not in grant.kinds and header.kind not in ALWAYS:
        raise Refused("grant.kind", f"this chain may write {', '.join(grant.kinds)}, not {header.kind}")
    if grant.expires_ms is not None and header.time_ms >= grant.expires_ms:
        raise Refused("grant.expiry", f"the grant of this chain ended at {grant.expires_ms}")


def may_write(grant: Grant | None, entry: Entry) -> bool:
    """Return whether the grant of a chain reaches an entry of it; without one it may say what it likes."""
    try:
        if grant is not None:
            check_use(grant, entry.header)
    except Refused:
        return False
    return True


def speaking(grant: Grant | None) -> Grant:
    """Return the grant of a chain, or refuse `identity.own`: it has none."""
    if grant is None:
        raise Refused("identity.own", "this chain speaks for no identity")
    return grant


def delegated(header: Header, giver: Grant) -> Grant:
    """Return the grant that an `id.delegate` gives away (rules `delegate.terms`, `delegate.attenuation`)."""
    terms = header.terms
    if len(terms) < 5 or len(terms) % 2 == 0:
        raise Refused("delegate.terms", "the terms are key, box, kinds, end, depth, then (class, daily) pairs")
    key, box, kinds, expires_ms, depth = terms[:5]
    pairs = list(zip(terms[5::2], terms[6::2], strict=True))
    if not (
        is_digest(key)
        and (box is None or is_digest(box))
        and (kinds is None or _is_list(kinds))
        and (expires_ms is None or (type(expires_ms) is int and expires_ms > 0))
        and type(depth) is int
        and 0 <= depth < MAX_DEPTH
        and all(type(name) is str and (cap is None or (type(cap) is int and cap > 0)) for name, cap in pairs)
        and [name for name, _ in pairs] == sorted({cast(str, name) for name, _ in pairs})
    ):
        raise Refused("delegate.terms", "a term has the wrong type or range, or names are not sorted and unique")
    part = Grant(
        giver.identity,
        None if kinds is None else tuple(cast(str, kinds).split(" ")),
        expires_ms,
        depth,
        cast(tuple[tuple[str, int | None], ...], tuple(pairs)),
    )
    too_much = exceeds(part, giver)
    if too_much is not None:
        raise Refused("delegate.attenuation", f"{too_much} exceeds what this chain was granted itself")
    return part


def _is_list(kinds: Term) -> bool:
    """Whether a text is kinds, sorted and unique, with one space between."""
    if type(kinds) is not str:
        return False
    names = kinds.split(" ")
    return all(names) and names == sorted(set(names))
