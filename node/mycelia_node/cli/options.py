"""What every command understands."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

_EVERYWHERE = Group("Everywhere", sort_key=9)


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    """Return a whole number; Cyclopts by itself would round 1.5, and people would publish what they did not say."""
    text = tokens[0].value
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(text)


As = Annotated[str | None, Parameter(name="--as")]
Whole = Annotated[int, Parameter(converter=_whole)]


@Parameter(name="*", group=_EVERYWHERE)
@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command."""

    home: Annotated[Path | None, Parameter(env_var="MYCELIA_HOME")] = None
    """The directory of the node's files; the user's data directory if none is named."""

    json: Annotated[bool, Parameter(negative="")] = False
    """Print one JSON object on stdout, errors too."""

    debug: Annotated[bool, Parameter(negative="")] = False
    """Show the traceback of an error."""

    @property
    def place(self) -> Path:
        """The home: as named, by MYCELIA_HOME, or the user's own."""
        named = self.home or os.environ.get("MYCELIA_HOME")
        if named:
            return Path(named)
        import platformdirs

        return Path(platformdirs.user_data_dir("mycelia"))


DEFAULTS = Options()
