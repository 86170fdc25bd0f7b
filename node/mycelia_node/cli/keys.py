"""Keys at rest: sealed under a passphrase, or plain and readable by their owner alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, Options
from .output import give, tell

if TYPE_CHECKING:
    from mycelia_node.config import Home


def how_kept(home: Home) -> str:
    """Return in one sentence how the keys of a home are kept."""
    from mycelia_node.keyfiles import are_sealed
    from mycelia_node.passphrase import MARKER

    if are_sealed(home.keys):
        under = "a secret that the system's keyring keeps" if (home.keys / MARKER).exists() else "a passphrase"
        return f"The keys in {home.keys} are sealed under {under}."
    return f"The keys in {home.keys} are plain, readable by you alone: `mycelia keys protect` seals them."


def show(*, options: Options = DEFAULTS) -> None:
    """Say how the keys of this home are kept; no key is shown."""
    from mycelia_node.keyfiles import are_sealed

    home = _existing(options)
    give(options, {"home": str(home.path), "sealed": are_sealed(home.keys)}, how_kept(home))


def protect(
    *,
    plain: Annotated[bool, Parameter(negative="")] = False,
    keyring: Annotated[bool, Parameter(negative="")] = False,
    passphrase_file: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Seal the keys under a passphrase, or change it. The node must not run.

    The passphrase in force is taken from MYCELIA_PASSPHRASE, from the file that MYCELIA_PASSPHRASE_FILE names, or asked
    for. Copies of the files from before, in a backup for one, stay as they are.

    Args:
        plain: Unseal them instead: whoever can read your files then has the keys.
        keyring: Seal them under a secret that the system's keyring keeps: who is logged in as you has the keys.
        passphrase_file: A file whose first line is the new passphrase; else it is asked for.
    """
    import secrets

    from mycelia_node.ledger import Ledger
    from mycelia_node.passphrase import forget, keep, keystore

    from .door import now_ms

    home = _existing(options)
    if plain + keyring + (passphrase_file is not None) > 1:
        why = "--plain, --keyring and --passphrase-file exclude each other"
        raise Failure("usage", "nothing was changed", why, "leave all but one out")
    ledger = Ledger.open(home.path, clock=now_ms, entropy=secrets.token_bytes)  # its lock keeps a node from starting
    try:
        files = keystore(home).files
        files.check()  # what opens them now is asked for before anything changes
        if keyring:
            files.protect(keep(home.keys))
        elif plain:
            files.lay_open()
            forget(home.keys)
        else:
            files.protect(_new(passphrase_file))
            forget(home.keys)
    finally:
        ledger.close()
    give(options, {"home": str(home.path), "sealed": not plain}, how_kept(home))
    if not plain and not keyring:
        tell(
            "Nobody can bring back a forgotten passphrase; the identity comes back by its phrase, `mycelia id phrase`."
        )


def _existing(options: Options) -> Home:
    from mycelia_node.config import Home

    home = Home(options.place)
    if not home.ledger.exists():
        raise Failure("home", f"there is no commons at {home.path}", "the directory holds no ledger", "`mycelia init`")
    return home


def _new(file: Path | None) -> str:
    """Return the new passphrase, from a file or typed twice."""
    from mycelia_node.passphrase import of_file

    if file is not None:
        return of_file(file)
    if not sys.stdin.isatty():
        raise Failure("usage", "nothing was changed", "there is no terminal to ask on", "give --passphrase-file")
    import getpass

    first = getpass.getpass("New passphrase: ")
    if getpass.getpass("Once more: ") != first:
        raise Failure("input", "nothing was changed", "the two are not the same", "type it again")
    return first
