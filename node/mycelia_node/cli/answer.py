"""What a command gives: data for programs, text for people, and an honest exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from mycelia_protocol.errors import ProtocolError

OK, FAILED, USAGE, DOWN, REFUSED, TIMEOUT = range(6)


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """What every command understands."""

    home: Annotated[Path | None, Parameter(help="Directory of the node (default: MYCELIA_HOME or the user's own).")] = (
        None
    )
    json: Annotated[bool, Parameter(help="Print one JSON object.", negative=())] = False
    debug: Annotated[bool, Parameter(help="Print a traceback when something fails.", negative=())] = False

    @property
    def place(self) -> Path:
        """The home that is meant."""
        from mycelia_node.client import default_home

        return self.home or default_home()


DEFAULT = Common()


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a command."""

    data: object
    text: str
    code: int = OK


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed, why, and what to try."""

    code: int
    name: str
    what: str
    why: str
    remedy: str
    rule: str | None = None

    def text(self) -> str:
        """Return it as three short sentences."""
        rule = f" (rule {self.rule})" if self.rule else ""
        return f"{_sentence(self.what)}{rule}\n  Why: {_sentence(self.why)}\n  Try: {_sentence(self.remedy)}"

    def data(self) -> dict[str, Any]:
        """Return it for programs."""
        fields = {"code": self.name, "rule": self.rule, "what": self.what, "why": self.why, "try": self.remedy}
        return {"error": fields}


class CommandFailed(Exception):
    """A command gives up with a failure of its own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def usage(what: str, why: str, remedy: str) -> CommandFailed:
    """Return the failure of a command that was given the wrong words."""
    return CommandFailed(Failure(USAGE, "usage", what, why, remedy))


def run(tree: App, argv: Sequence[str]) -> int:
    """Run a command, print its answer and return its exit code."""
    as_json = "--json" in argv
    try:
        answer = tree(list(argv))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return OK
    except Exception as error:
        if "--debug" in argv:
            raise
        failure = failure_of(error)
        if as_json:
            _print_json(failure.data())
        else:
            print(failure.text(), file=sys.stderr)
        return failure.code
    if isinstance(answer, Answer):
        if as_json:
            _print_json(answer.data)
        elif answer.text:
            print(answer.text)
        return answer.code
    return OK


def failure_of(error: Exception) -> Failure:
    """Return what an exception means to the person at the terminal."""
    from cyclopts import CycloptsError

    from mycelia_node.client import NodeDown, NodeError, Timeout
    from mycelia_node.desk import NotFound
    from mycelia_node.faults import StoreFault
    from mycelia_node.signals import BadInput

    match error:
        case CommandFailed():
            return error.failure
        case CycloptsError():
            error.verbose = False
            return Failure(USAGE, "usage", "the command was not understood", str(error), "see `mycelia --help`")
        case NodeDown():
            return Failure(DOWN, "down", error.what, error.why, error.remedy)
        case Timeout():
            return Failure(TIMEOUT, "timeout", error.what, error.why, error.remedy)
        case NodeError():
            code = REFUSED if error.rule else USAGE if error.code == "input" else FAILED
            return Failure(code, error.code, error.what, error.why, error.remedy, error.rule)
        case ProtocolError():
            from mycelia_protocol.rules import RULES

            law, remedy = RULES[error.rule]
            return Failure(REFUSED, "refused", "a rule refuses this", f"{error.message}. {law}", remedy, error.rule)
        case BadInput():
            return Failure(USAGE, "input", f"{error.field} is not usable", error.message, "correct it and try again")
        case NotFound():
            return Failure(FAILED, "unknown", "there is no such entry", str(error), "see `mycelia log` for ids")
        case StoreFault():
            return Failure(FAILED, "home", "the home cannot be used", error.what, error.remedy)
        case TimeoutError():
            return Failure(TIMEOUT, "timeout", "it took too long", str(error) or "no answer", "try again")
        case ConnectionError():
            return Failure(FAILED, "unreachable", "there is no connection", str(error), "check the address")
        case OSError():
            return Failure(FAILED, "system", "the system refuses", str(error), "check the path and your permissions")
        case ModuleNotFoundError():
            remedy = "install it: `pip install 'mycelia[peer,solve]'`"
            return Failure(FAILED, "install", "a part of Mycelia is not installed", str(error), remedy)
    return Failure(FAILED, "failed", "something unexpected failed", repr(error), "run it again with --debug and report it")


@contextmanager
def talking(text: str) -> Iterator[None]:
    """Say on stderr what is under way, if a person is watching."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield
    else:
        yield


def short(cid: str) -> str:
    """Return the beginning of an id that can be pasted back."""
    return f"{cid[:20]}…"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain table, columns aligned."""
    widths = [max(len(row[at]) for row in [headings, *rows]) for at in range(len(headings))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [headings, *rows]]
    return "\n".join(line.rstrip() for line in lines)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _print_json(data: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
    sys.stdout.flush()
