"""`lot`: the code that a resource is labelled with, and until when it is good (ValueFlows BatchLotRecord)."""

from __future__ import annotations

import re

from ..envelope import Term
from ..errors import Refused
from .kind import Judged, Kind, is_natural, nothing
from .stock import own_resource, resource_id

CODE, EXPIRES_MS = 2, 3
LAST_MS = 253_402_300_799_999  # of the year 9999, beyond which a calendar has no words
_CODE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9./_]{0,47}", re.ASCII)


def _judge_lot(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 4 or not (terms[EXPIRES_MS] is None or _is_moment(terms[EXPIRES_MS])):
        raise Refused("lot.terms", "a lot has the terms resource, number, code, and null or a moment by 9999")
    name = resource_id(judged, terms[0], terms[1], "lot.terms")
    if name is None:
        raise Refused("lot.terms", "a lot is said of a resource")
    own_resource(judged, name, "lot.resource")
    code = terms[CODE]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Refused("lot.code", "the code is no 1 to 48 letters, digits and -./_ signs")


def _is_moment(term: Term) -> bool:
    return is_natural(term) and term <= LAST_MS


LOT = Kind(
    "lot",
    ("resource", "number", "code", "expires_ms"),
    ("lot.terms", "lot.resource", "lot.code"),
    _judge_lot,
    nothing,
)
