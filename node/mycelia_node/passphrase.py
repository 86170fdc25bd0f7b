"""The passphrase of a home's keys: where it comes from, and the keystore that it opens."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from .config import Home
from .faults import StoreFault
from .keystore import Keystore
from .lock import MAX_LETTERS

WORD = "MYCELIA_PASSPHRASE"
FILE = "MYCELIA_PASSPHRASE_FILE"


def keystore(home: Home, file: Path | None = None) -> Keystore:
    """Return the keystore of a home; it takes the passphrase of `file`, or asks for it once, when it needs it."""

    def passphrase() -> str:
        return spoken(os.environ) if file is None else of_file(file)

    return Keystore(home.keys, entropy=secrets.token_bytes, passphrase=passphrase)


def spoken(environment: Mapping[str, str], prompt: str = "Passphrase of the keys: ") -> str:
    """Return the passphrase: of the environment, of the file that it names, or typed on a terminal that shows nothing.

    Raises:
        StoreFault: there is none, and nobody to ask.
    """
    if word := environment.get(WORD):
        return word
    if file := environment.get(FILE):
        return of_file(Path(file))
    if not sys.stdin.isatty():
        raise StoreFault("the keys of this home are sealed, and nobody can be asked", f"set {FILE} or {WORD}")
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise StoreFault("no passphrase was typed", f"type it, or set {FILE}") from error


def of_file(file: Path) -> str:
    """Return the passphrase in a file: its first line.

    Raises:
        StoreFault: it cannot be read.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline(MAX_LETTERS + 2).rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise StoreFault(f"no passphrase can be read from {file}", "name a text file of one line") from error
