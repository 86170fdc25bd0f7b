"""The passphrase of a home's keys: where it comes from, and the keystore that it opens."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .config import Home, write_private
from .faults import StoreFault
from .keystore import Keystore
from .lock import MAX_LETTERS

WORD = "MYCELIA_PASSPHRASE"
FILE = "MYCELIA_PASSPHRASE_FILE"
MARKER = "keyring"  # the file that says under which name the system's keyring keeps the secret
_SERVICE = "mycelia"


def keystore(home: Home, file: Path | None = None) -> Keystore:
    """Return the keystore of a home; it takes the passphrase of `file`, or asks for it once, when it needs it."""

    def passphrase() -> str:
        if file is not None:
            return of_file(file)
        return kept(home.keys) or spoken(os.environ)

    return Keystore(home.keys, entropy=secrets.token_bytes, passphrase=passphrase)


def kept(keys: Path) -> str | None:
    """Return the passphrase that the system's keyring keeps for these keys, None if it keeps none.

    Raises:
        StoreFault: it should, and the keyring cannot be asked, or has lost it.
    """
    marker = keys / MARKER
    if not marker.exists() or os.environ.get(WORD) or os.environ.get(FILE):
        return None
    account = marker.read_text("utf-8").strip()
    secret = _ring("get_password", account)
    if secret is None:
        raise StoreFault("the system's keyring no longer has the secret of these keys", f"set {WORD}, or the phrase")
    return secret


def keep(keys: Path) -> str:
    """Return the secret that the system's keyring keeps for the keys in a directory; it is made if there is none.

    Raises:
        StoreFault: there is no keyring.
    """
    if secret := kept(keys):
        return secret
    account, secret = secrets.token_hex(16), secrets.token_urlsafe(32)
    _ring("set_password", account, secret)
    if _ring("get_password", account) != secret:
        raise StoreFault("the system's keyring does not keep what it is given", "choose a passphrase instead")
    write_private(keys / MARKER, account.encode())  # before the keys are sealed: a crash in between loses nothing
    return secret


def forget(keys: Path) -> None:
    """Have the keyring forget the secret of keys that are no longer sealed under it."""
    marker = keys / MARKER
    if marker.exists():
        with suppress(StoreFault):
            _ring("delete_password", marker.read_text("utf-8").strip())
        marker.unlink()


def _ring(act: str, *words: str) -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise StoreFault("the library `keyring` is not installed", "pip install 'mycelia[keyring]'") from error
    try:
        said = getattr(keyring, act)(_SERVICE, *words)
    except KeyringError as error:
        raise StoreFault(f"the system's keyring cannot be used: {error}", "choose a passphrase instead") from error
    return said if isinstance(said, str) else None


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
