"""What every command understands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

_EVERYWHERE = Group("Everywhere", sort_key=9)


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
