"""`id.*` and `consent`: what is said about an identity: delegation, rotation, revocation, recovery, close.

What these rest on is read by `lineage`. Which of two rivals counts, and from
where on a chain is cut, is not a verdict but a fold: see `membership`.
"""

from __future__ import annotations

from ..authority import check_authority, check_revocation
from ..errors import Refused
from ..grants import delegated, speaking
from ..keyevents import check_completion, check_recovery, check_rotation
from .kind import Judged, Kind, nothing

SUBJECTS = frozenset({"id.recover", "enact"})


def _judge_delegate(judged: Judged) -> None:
    delegated(judged.header, speaking(judged.grant))


def _judge_rotate(judged: Judged) -> None:
    speaking(judged.grant)
    check_rotation(judged.lineage, judged.entry)


def _judge_recover(judged: Judged) -> None:
    speaking(judged.grant)
    check_recovery(judged.lineage, judged.entry)


def _judge_complete(judged: Judged) -> None:
    speaking(judged.grant)
    check_completion(judged.lineage, judged.entry)


def _judge_consent(judged: Judged) -> None:
    if len(judged.header.terms) != 1:
        raise Refused("consent.terms", "a consent has one term, what is consented to")
    subject = judged.dep(judged.header.terms[0], "consent.terms")
    speaking(judged.grant)
    if subject.header.kind not in SUBJECTS:
        raise Refused("consent.subject", f"nobody consents to `{subject.header.kind}`")


def _judge_revoke(judged: Judged) -> None:
    check_revocation(judged.lineage, judged.entry, judged.grant)


def _judge_close(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 2:
        raise Refused("identity.terms", "a close has the terms key event and signatures")
    check_authority(judged.lineage, judged.header, terms[0], speaking(judged.grant).identity)


_KEYSET = ("threshold", "keys", "next", "consents", "guardians")
_EVENT = ("identity.own", "identity.terms", "identity.previous", "identity.path")
DELEGATE = Kind(
    "id.delegate",
    ("key", "box", "kinds", "expires_ms", "depth", "*class", "*daily"),
    ("identity.own", "delegate.terms", "delegate.attenuation"),
    _judge_delegate,
    nothing,
)
ROTATE = Kind(
    "id.rotate",
    ("previous", *_KEYSET, "signatures"),
    (*_EVENT, "rotate.revealed", "identity.signature"),
    _judge_rotate,
    nothing,
)
RECOVER = Kind("id.recover", ("previous", *_KEYSET), (*_EVENT, "recover.guardians"), _judge_recover, nothing)
COMPLETE = Kind(
    "id.complete",
    ("recovery", "previous", *_KEYSET),
    (*_EVENT, "complete.recovery", "complete.consents", "complete.delay"),
    _judge_complete,
    nothing,
)
CONSENT = Kind("consent", ("subject",), ("consent.terms", "identity.own", "consent.subject"), _judge_consent, nothing)
REVOKE = Kind(
    "id.revoke",
    ("cut", "heir", "previous", "signatures"),
    ("revoke.terms", "identity.own", "revoke.cut", "identity.previous", "identity.signature", "revoke.authority"),
    _judge_revoke,
    nothing,
)
CLOSE = Kind("id.close", ("previous", "signatures"), (*_EVENT, "identity.signature"), _judge_close, nothing)
