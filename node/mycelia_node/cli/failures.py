"""What went wrong, for people and for programs: a code, what, why and what to try; and the exit code of each."""

from __future__ import annotations

from typing import Any

UNEXPECTED = ("failed", "the command failed")
_EXIT_CODES = {
    "usage": 2, "input": 2, "down": 3, "refused": 4, "malformed": 4, "awaiting": 4, "timeout": 5,
}  # fmt: skip


class Failure(Exception):
    """A command that did not do what it was asked."""

    def __init__(self, code: str, what: str, why: str, remedy: str, rule: str | None = None) -> None:
        super().__init__(what)
        self.code, self.what, self.why, self.remedy, self.rule = code, what, why, remedy, rule

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"error": {"code": self.code, "rule": self.rule, "what": self.what, "why": self.why, "try": self.remedy}}

    def text(self) -> str:
        """Return it for people, in three short sentences."""
        why = f"{self.why.rstrip('.')} (rule {self.rule})" if self.rule else self.why
        return "\n".join([_sentence(self.what), _sentence(why), _sentence(f"Try: {self.remedy}")])


def exit_code(failure: Failure | None) -> int:
    """Return the exit code of a failure; None is one that nobody expected."""
    return 1 if failure is None else _EXIT_CODES.get(failure.code, 1)


def failure_of(error: BaseException) -> Failure | None:
    """Return the failure that an expected error is; None for one that nobody expected."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return failure_of(error.exceptions[0])
    from mycelia_node.client.errors import NodeError

    if isinstance(error, NodeError):
        return Failure(error.code, error.what, error.why, error.remedy, error.rule)
    if isinstance(error, TimeoutError):
        return Failure("timeout", "it took too long", str(error) or "no answer came in time", "try again")
    from mycelia_node.problems import problem_of

    problem = problem_of(error) if isinstance(error, Exception) else None
    if problem is not None:
        return Failure(problem.code, problem.title, problem.detail, problem.remedy, problem.rule)
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return Failure("file", "a file cannot be used", f"{named}{error.strerror or error}", "check it and try again")
    if isinstance(error, ModuleNotFoundError):
        extra, what = ("solve", "to compare with the optimum") if error.name == "ortools" else ("peer", "to meet peers")
        why = f"{what} takes the extra `{extra}` (no module {error.name})"
        return Failure("package", "a part of Mycelia is not installed", why, f"install `mycelia[{extra}]`")
    return None


def _sentence(text: str) -> str:
    """Return text as a sentence; an id or the name of a file at its head stays as it can be pasted back."""
    first = text.partition(" ")[0]
    is_word = first.isalpha() and not first.startswith("bafyrei")
    return (f"{text[:1].upper()}{text[1:]}" if is_word else text) + ("" if text.endswith((".", "!", "?", "`")) else ".")
