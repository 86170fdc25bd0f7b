"""Agreements in a standing: who agreed to which, and so which legs bind.

A part of the fold, free of order like the rest of it: it holds who agreed, and
asks the standing what was signed about each leg.

Spec: 22-agreement, "The status of a leg".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from .accumulators import LineId
from .envelope import Entry
from .errors import Refused
from .kinds.agreements import Leg, legs_of


class Agreement(NamedTuple):
    """What the headers say that an agreement is."""

    end_ms: int
    legs: tuple[Leg, ...]

    @property
    def parties(self) -> set[bytes]:
        """The chains that give or receive by it."""
        return {party for leg in self.legs for party in (leg.provider, leg.receiver)}


class Agreements:
    """The agreements that somebody agreed to. `entry_of` gives any authentic entry by id.

    `is_lost` says of which lines the need or the offer is a part that nobody gave who had it (chapter 24).
    """

    def __init__(
        self, entry_of: Callable[[bytes], Entry | None], is_lost: Callable[[LineId], bool] = lambda _: False
    ) -> None:
        self._entry_of, self._is_lost = entry_of, is_lost
        self.known: dict[bytes, Agreement] = {}
        self.agreed: dict[bytes, set[bytes]] = {}  # by agreement: the chains that did
        self._of_line: dict[LineId, set[bytes]] = {}

    def add(self, agree: Entry) -> Agreement | None:
        """Count a valid `agree`; return what it agrees to, None where headers of it have gone."""
        name = agree.header.named(agree.header.terms[0])
        agreement = None if name is None else self._entry_of(name)
        if agreement is None:
            return None
        if agreement.id not in self.known:
            try:
                end_ms, legs = legs_of(agreement, self._entry_of)
            except Refused:  # below a checkpoint
                return None
            self.known[agreement.id] = Agreement(end_ms, tuple(legs))
            for leg in legs:
                self._of_line.setdefault(leg.line, set()).add(agreement.id)
        self.agreed.setdefault(agreement.id, set()).add(agree.chain)
        return self.known[agreement.id]

    def forget(self, chains: Collection[bytes]) -> None:
        """Take back that these chains agreed."""
        for by in self.agreed.values():
            by.difference_update(chains)

    def is_complete(self, agreement: bytes) -> bool:
        """Return whether every party agreed, and every leg is of what somebody had to give."""
        known = self.known.get(agreement)
        if known is None or not known.parties <= self.agreed[agreement]:
            return False
        return not any(self._is_lost(leg.line) for leg in known.legs)

    def of(self, line: LineId) -> list[bytes]:
        """Return the complete agreements that a line is a leg of: one, unless both its sides have two pasts."""
        return [name for name in sorted(self._of_line.get(line, ())) if self.is_complete(name)]

    def is_leg(self, line: LineId) -> bool:
        """Return whether somebody agreed to the line as a leg."""
        return line in self._of_line
