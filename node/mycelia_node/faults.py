"""What can go wrong around the ledger, in sentences for people."""

from __future__ import annotations


class BadInput(ValueError):
    """A value that says nothing the node understands: in which field, why, and what is expected there."""

    def __init__(self, field: str, message: str, remedy: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message, self.remedy = field, message, remedy


class StoreFault(Exception):
    """The home's files cannot be used: what happened, and what to try."""

    def __init__(self, what: str, remedy: str, *, locked: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.locked = locked

    def __str__(self) -> str:
        return f"{self.what}. Try: {self.remedy}."
