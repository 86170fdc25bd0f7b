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

from .accumulators import Grant
from .envelope import Header
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
