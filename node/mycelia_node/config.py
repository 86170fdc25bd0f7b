"""A home: the directory that holds all of one node's files, and the settings it runs with."""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .faults import BadInput, StoreFault

MAX_PORT = 65_535
MAX_MS = 60_000
MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Home:
    """Where the files of a node are."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The SQLite file of the ledger."""
        return self.path / "ledger.sqlite"

    @property
    def keys(self) -> Path:
        """The members' keys, one file each."""
        return self.path / "keys"

    @property
    def node_key(self) -> Path:
        """The seed of the node's transport identity; it signs nothing on the ledger."""
        return self.path / "node.key"

    @property
    def install(self) -> Path:
        """The name under which the installation's records are kept, outside the home."""
        return self.path / "install.id"

    @property
    def api(self) -> Path:
        """Where and with which token a running node is spoken to."""
        return self.path / "api.json"

    @property
    def peers(self) -> Path:
        """The addresses that the node dials."""
        return self.path / "peers.json"

    @property
    def settings(self) -> Path:
        """The operator's settings, TOML."""
        return self.path / "config.toml"

    def known_peers(self) -> list[str]:
        """Return the addresses that the node dials.

        Raises:
            StoreFault: the file that holds them is damaged.
        """
        if not self.peers.exists():
            return []
        try:
            known = json.loads(self.peers.read_text())
        except ValueError:
            known = None
        if not isinstance(known, list) or not all(isinstance(address, str) for address in known):
            raise StoreFault(f"{self.peers} is damaged", "remove it and add the peers again")
        return known

    def remember_peer(self, address: str) -> None:
        """Add an address to those that the node dials."""
        known = self.known_peers()
        if address not in known:
            write_private(self.peers, json.dumps([*known, address], indent=1).encode())

    def forget_peer(self, peer: str) -> list[str]:
        """Remove the addresses that are or name a peer, and return them.

        Raises:
            BadInput: none is remembered.
        """
        known = self.known_peers()
        gone = [address for address in known if peer in (address, address.rpartition("/p2p/")[2])]
        if not gone:
            raise BadInput("peer", f"no address of {peer[:80]!r} is remembered", "see `mycelia peer ls`")
        write_private(self.peers, json.dumps([one for one in known if one not in gone], indent=1).encode())
        return gone


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may change; times in the unit of their name."""

    listen: tuple[str, ...] = ("/ip4/127.0.0.1/tcp/0",)
    api_port: int = 0
    gossip_ms: int = 200  # changed tips are gathered for so long before they are announced
    heartbeat_s: float = 5.0
    repair_s: float = 4.0  # the whole frontier is said again to a peer with another digest, but no sooner
    hello_timeout_s: float = 10.0
    pull_timeout_s: float = 5.0
    redial_s: float = 0.5  # the first wait before an unreachable peer is dialled again; doubles up to a minute
    evaporate_s: float = 60.0  # bodies whose time is over are looked for so often
    witness: bool = True  # checkpoints of others are witnessed, where the charter lets headers go one day
    witness_s: float = 60.0  # some at a time, so often
    prune: bool = False  # headers below settled checkpoints go; a newcomer needs a peer that keeps them
    prune_s: float = 86_400.0  # so often
    retention_days: int | None = None  # bodies without an expiry are kept for so long; None: for as long as the home


def settings(home: Home, environment: Mapping[str, str], **given: Any) -> Settings:
    """Return the settings of a home: arguments before MYCELIA_* variables before config.toml before defaults.

    Raises:
        StoreFault: an unknown key, or a value of the wrong type or range, with where it stands.
    """
    known = {field.name: field for field in fields(Settings)}
    values: dict[str, Any] = {}
    if home.settings.exists():
        try:
            document = tomllib.loads(home.settings.read_text())
        except ValueError as error:  # also where it is not UTF-8
            raise StoreFault(f"{home.settings} is not TOML: {error}", "mend the line it names") from error
        for key, value in document.items():
            if key not in known:
                raise StoreFault(f"{home.settings}: unknown setting {key!r}", f"use one of {', '.join(known)}")
            values[key] = tuple(value) if isinstance(value, list) else value
    for key in known:
        text = environment.get(f"MYCELIA_{key.upper()}")
        if text is not None:
            values[key] = _parsed(key, text, _example(key))
    values |= {key: value for key, value in given.items() if value is not None}
    for key, value in values.items():
        default = _example(key)
        if type(default) is float and type(value) is int:
            values[key] = value = float(value)
        if type(value) is not type(default) or not _is_possible(key, value):
            raise StoreFault(f"setting {key} is {value!r}", f"give it a value like {default!r}")
    return replace(Settings(), **values)


def _example(key: str) -> object:
    """Return a value such as a setting has: its default, or a number where that is none."""
    default = getattr(Settings(), key)
    return 365 if default is None else default


def _is_possible(key: str, value: object) -> bool:
    match value:
        case tuple():
            return bool(value) and all(isinstance(part, str) for part in value)
        case bool():
            return True
        case float():
            return 0 < value < math.inf
        case int():
            if key == "retention_days":
                return 0 < value <= MAX_DAYS
            return 0 <= value <= (MAX_PORT if key == "api_port" else MAX_MS)
    return False


def _parsed(key: str, text: str, default: object) -> object:
    try:
        if isinstance(default, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(default)(text)  # type: ignore[call-arg]
    except (ValueError, KeyError) as error:
        raise StoreFault(f"MYCELIA_{key.upper()} is {text!r}", f"give it a value like {default!r}") from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(handle, 0o600)  # a draft that a crash has left keeps the mode it had
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)  # a key that is in use survives a power cut by its name, too
    finally:
        os.close(place)
