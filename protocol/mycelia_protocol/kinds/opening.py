"""`open`: the first entry of a chain, which names the key that signs the rest, and who speaks through it."""

from __future__ import annotations

from ..openings import check_open
from .kind import Judged, Kind, nothing


def _judge(judged: Judged) -> None:
    grant = check_open(judged.lineage, judged.entry)
    if grant is not None:
        judged.facts["grant", judged.entry.id, -1] = grant


OPEN = Kind(
    "open",
    ("key", "identity"),
    (
        "open.identity",
        "open.once",
        "open.deps",
        "open.inception",
        "identity.signature",
        "open.invitation",
        "identity.previous",
        "open.delegation",
        "identity.path",
    ),
    _judge,
    nothing,
)
