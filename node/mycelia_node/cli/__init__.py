"""The command line of a node: a module for each group of commands, imported when it is used.

stdout is data and stderr is talk; `--json` gives one object on stdout, errors
too. Exit codes: 0 ok, 1 failed, 2 usage, 3 no node answers, 4 refused by a
rule, 5 timeout.
"""

from __future__ import annotations

from .app import app, run

__all__ = ["app", "run"]
