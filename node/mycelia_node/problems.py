"""Problems: every expected error as what was not done, why and what to try, with a code that programs read.

The API answers with them, the command line prints them: both say the same.
"""

from __future__ import annotations

from mycelia_protocol.errors import Malformed, Premature, ProtocolError
from mycelia_protocol.rules import RULES

from . import models
from .desk import NotFound
from .faults import BadInput, StoreFault


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(self, problem: models.Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def problem(status: int, code: str, what: str, why: str, remedy: str, rule: str | None = None) -> models.Problem:
    """Return a problem document: what was not done, why, and what to try."""
    return models.Problem(status=status, code=code, title=what, detail=why, remedy=remedy, rule=rule)


def problem_of(error: Exception) -> models.Problem | None:
    """Return the problem that an expected error is; None for one that nobody expected."""
    match error:
        case Refusal():
            return error.problem
        case Premature():
            rule = RULES[error.rule]
            return problem(409, "awaiting", "nothing was published", error.message, rule.remedy, error.rule)
        case ProtocolError():
            code = "malformed" if isinstance(error, Malformed) else "refused"
            rule = RULES[error.rule]
            return problem(422, code, "a rule refuses this", _why(error.message, rule.law), rule.remedy, error.rule)
        case BadInput():
            return problem(422, "input", f"{error.field} is not usable", error.message, error.remedy)
        case NotFound():
            return problem(404, "unknown", "there is no such entry", str(error), "see `mycelia log` for ids")
        case StoreFault():
            return problem(409, "home", "the node cannot do this", error.what, error.remedy)
        case ConnectionError():
            return problem(502, "unreachable", "the peer cannot be reached", str(error), "check its address")
    return None


def _why(message: str, law: str) -> str:
    """Return what was wrong and the law; once, where the message says no more than the law."""
    return law if message.casefold() == law.rstrip(".").casefold() else f"{message}. {law}"
