"""What can go wrong around the ledger, in sentences for people."""

from __future__ import annotations


class StoreFault(Exception):
    """The home's files cannot be used: what happened, and what to try."""

    def __init__(self, what: str, remedy: str, *, locked: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.locked = locked

    def __str__(self) -> str:
        return f"{self.what}. Try: {self.remedy}."
