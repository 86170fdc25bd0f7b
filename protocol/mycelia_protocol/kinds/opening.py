"""`open`: the first entry of a chain, which names the key that signs the rest."""

from __future__ import annotations

from ..errors import Refused
from .kind import Judged, Kind, nothing


def _judge(judged: Judged) -> None:
    if judged.header.terms[1:] != [None]:  # the shape of the key is `chain.open`, checked before authenticity
        raise Refused("open.identity", "an identity stands in `open`, identities are not part of this version")
    if judged.header.deps:
        raise Refused("open.deps", "an `open` names no dependencies")


OPEN = Kind("open", ("key", "identity"), ("open.identity", "open.deps"), _judge, nothing)
