"""`enact` and `adopt`: a change of the charter's numbers, and a chain that is judged by it from then on."""

from __future__ import annotations

from ..accumulators import Version
from ..enactment import amended, amendments_of
from ..errors import Refused
from ..keyevents import check_founders
from .kind import Judged, Kind, nothing


def _judge_enact(judged: Judged) -> None:
    header = judged.header
    if judged.grant is None:
        raise Refused("identity.own", "this chain speaks for no identity")
    changes = amendments_of(header)
    before = None if header.terms[0] is None else judged.dep(header.terms[0], "enact.terms")
    if before is not None and before.header.kind != "enact":
        raise Refused("enact.previous", f"a `{before.header.kind}` is no enactment to follow")
    law = judged.lineage.law(None if before is None else before.id)
    if law is None:
        raise Refused("enact.previous", "the enactment that this follows is against its own rules")
    amended(law, changes)


def _judge_adopt(judged: Judged) -> None:
    header = judged.header
    if len(header.terms) != 1:
        raise Refused("adopt.terms", "an adoption has one term, the enactment")
    enact = judged.dep(header.terms[0], "adopt.terms")
    if enact.header.kind != "enact" or judged.lineage.law(enact.id) is None:
        raise Refused("adopt.enact", "the entry named is no good enactment")
    version = judged.prefix.version
    follows = enact.header.terms[0]
    before = None if follows is None else enact.header.named(enact.header.terms[0])
    if before != (None if version is None else version.enact):
        raise Refused("adopt.previous", "the enactment does not follow the one that this chain adopted last")
    check_founders(judged.lineage, header, enact)
    number = 1 if version is None else version.number + 1
    judged.facts["version", judged.prefix.chain, -1] = Version(number, enact.id)


ENACT = Kind(
    "enact",
    ("previous", "*field", "*value"),
    ("identity.own", "enact.terms", "enact.previous", "enact.charter"),
    _judge_enact,
    nothing,
)
ADOPT = Kind(
    "adopt",
    ("enact",),
    ("adopt.terms", "adopt.enact", "adopt.previous", "adopt.consents"),
    _judge_adopt,
    nothing,
)
