"""What the ledger says of entries: one that it holds, and what became of runs from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed

from .store import Row, entry_of


class Stored(NamedTuple):
    """An entry in the ledger: its number in the order of acceptance, and the rule that refused it, if one did."""

    arrival: int
    entry: Entry
    refused: tuple[str, str] | None  # (rule, message) of an invalid entry

    @property
    def is_valid(self) -> bool:
        """Whether no rule was broken."""
        return self.refused is None


@dataclass(slots=True)
class Ingested:
    """What became of runs that came from elsewhere."""

    accepted: list[Stored] = field(default_factory=list)
    missing: frozenset[bytes] = frozenset()  # ids that the sender's runs wait for
    awaiting: int = 0  # runs of this call that wait
    unlinked: dict[bytes, int] = field(default_factory=dict)  # chain -> first sequence that is needed before
    vain_checks: int = 0  # signatures that were verified without anything being accepted for it
    faults: list[Malformed] = field(default_factory=list)  # what the sender is charged with


def stored_of(row: Row) -> Stored:
    """Return the entry of a row of the store."""
    return Stored(row.arrival, entry_of(row), refusal(row.refused))


def refusal(text: str | None) -> tuple[str, str] | None:
    """Return (rule, message) of a stored refusal."""
    if text is None:
        return None
    rule, _, message = text.partition(": ")
    return rule, message
