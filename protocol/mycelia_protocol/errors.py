"""What can go wrong with bytes and entries, drawn as one tree.

The class of an error is the decision that its handler makes:

    ProtocolError
    ├── Malformed      bytes are not what the spec allows   -> drop, charge the sender
    ├── Refused        well formed, against a named rule    -> keep its place, tell the author
    └── Premature      cannot be judged yet                 -> hold, ask for the missing ids

Every error names the rule of `spec/` that decided, and `explain()` adds what the
rule is for and what to try.

    >>> Refused("commit.capacity", "12 is more than the 10 that are left").rule
    'commit.capacity'
"""

from __future__ import annotations

from .rules import RULES


class ProtocolError(Exception):
    """A refusal that names its rule; the message is a lower-case sentence with the values."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"

    def explain(self) -> str:
        """What happened, why it matters and what to try, for people."""
        rule = RULES[self.rule]
        return f"{self.message}. {rule.law} Try: {rule.remedy}"


class Malformed(ProtocolError):
    """The bytes are not what the spec allows: they have no place in any chain."""


class Refused(ProtocolError):
    """The entry is well formed and authentic, but a rule says no, for ever."""


class Premature(ProtocolError):
    """The entry cannot be judged until the entries named in `missing` are held."""

    def __init__(self, rule: str, message: str, missing: frozenset[bytes]) -> None:
        super().__init__(rule, message)
        self.missing = missing
