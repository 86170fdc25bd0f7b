"""`attest` and `permit`: what one says of another that rules then believe.

An attestation says that a predicate is true of somebody, until it expires. Whose
word counts about what stands in the charter. A permit is the licensor's own: this
licensee may use this thing for that.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cid import is_digest
from ..envelope import Entry, Term
from ..errors import Refused
from ..grants import speaking
from ..licenses import USES
from ..names import is_name
from .designs import license_of
from .kind import Judged, Kind, is_natural, nothing

SUBJECT, PREDICATE, VALUE, EXPIRES_MS, EVIDENCE = range(5)


def _judge_attest(judged: Judged) -> None:
    terms = judged.header.terms
    if not _has_length(terms) or not is_digest(terms[SUBJECT]) or not is_name(terms[PREDICATE]):
        raise Refused("attest.terms", "an attestation has subject, predicate, value, expiry and perhaps evidence")
    value, expires_ms = terms[VALUE:EVIDENCE]
    if not is_natural(value) or not is_natural(expires_ms):
        raise Refused("attest.terms", "the value is 0 or more, the expiry a time in milliseconds")
    if not all(map(is_digest, terms[EVIDENCE:])):
        raise Refused("attest.terms", "evidence is named by its link, 32 bytes")
    if speaking(judged.grant).identity == terms[SUBJECT]:
        raise Refused("attest.other", "nobody attests for herself")
    if expires_ms <= judged.header.time_ms:
        raise Refused("attest.expiry", "it has expired already")


def _judge_permit(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 5 or not is_digest(terms[2]) or terms[3] not in USES or not is_natural(terms[4]):
        raise Refused("permit.terms", "a permit has resource, number, licensee, use and expiry")
    made = judged.dep(terms[0], "permit.terms")
    if judged.prefix.own(made.id) is None or license_of(made) is None or terms[1] != 0 or type(terms[1]) is not int:
        raise Refused("permit.resource", "one permits the use of a licensed thing that one made")
    held = judged.facts.resource((made.id, 0))
    if held is None or judged.facts.uses(held.process):
        raise Refused("permit.resource", "others made what is in it: it is not one's own to permit")
    if terms[4] <= judged.header.time_ms:
        raise Refused("permit.expiry", "it has expired already")


def attested(entry: Entry, time_ms: int) -> tuple[bytes, str] | None:
    """Return whom an attestation is about and what it says, if it still says so; it may be invalid."""
    header, terms = entry.header, entry.header.terms
    if header.kind != "attest" or not _has_length(terms) or not all(map(is_digest, terms[EVIDENCE:])):
        return None
    subject, predicate, value, expires_ms = terms[:EVIDENCE]
    if not isinstance(subject, bytes) or not isinstance(predicate, str) or not is_natural(value) or not value:
        return None
    return (subject, predicate) if is_natural(expires_ms) and time_ms <= expires_ms else None


def _has_length(terms: Sequence[Term]) -> bool:
    return len(terms) in (EVIDENCE, EVIDENCE + 1)


def permitted(entry: Entry, design: Entry, use: str, time_ms: int) -> bytes | None:
    """Return to whom a permit of a thing's maker permits this use now; it may be invalid."""
    header, terms = entry.header, entry.header.terms
    if header.kind != "permit" or len(terms) != 5 or entry.chain != design.chain:
        return None
    at, number, licensee, permitted_use, expires_ms = terms
    is_of = header.named(at) == design.id and is_natural(number) and number == 0  # False equals 0, and is no number
    if not is_of or permitted_use != use or not is_natural(expires_ms) or time_ms > expires_ms:
        return None
    return licensee if isinstance(licensee, bytes) else None


ATTEST = Kind(
    "attest",
    ("subject", "predicate", "value", "expires_ms", "evidence"),
    ("attest.terms", "identity.own", "attest.other", "attest.expiry"),
    _judge_attest,
    nothing,
    tail=1,
)
PERMIT = Kind(
    "permit",
    ("resource", "number", "licensee", "use", "expires_ms"),
    ("permit.terms", "permit.resource", "permit.expiry"),
    _judge_permit,
    nothing,
)
