"""The keystore: the members of a node, each with a key and a chain of its own.

One file a member, readable by its owner alone. A seed is on disk before the
`open` that names its key is published, so no chain is ever without its key.
Keys are never printed and never logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from mycelia_protocol import keys
from mycelia_protocol.chain import key_of_open

from .config import write_private
from .faults import BadInput, StoreFault
from .ledger import Ledger

_NAME = re.compile(r"[\w][\w .-]{0,62}")


class Member(NamedTuple):
    """Somebody who publishes through this node."""

    name: str
    chain: bytes
    public: bytes


class Keystore:
    """The members of one home."""

    def __init__(
        self, path: Path, *, entropy: Callable[[int], bytes], register: Callable[[bytes], None] = lambda key: None
    ) -> None:
        """Take keys from a directory; `register` is told of each new key before its chain is opened."""
        self._path, self._entropy, self._register = path, entropy, register
        self._members: dict[str, tuple[Member, keys.KeyPair]] | None = None

    def members(self) -> list[Member]:
        """Return all members, by name.

        Raises:
            StoreFault: a key file is unreadable.
        """
        return [member for member, _ in self._loaded().values()]

    def member(self, name: str | None = None) -> Member:
        """Return a member by name; without a name the only one there is.

        Raises:
            BadInput: there is none of that name, or the choice is not clear.
        """
        members = self._loaded()
        if name is None and len(members) == 1:
            return next(iter(members.values()))[0]
        if name is None:
            raise BadInput("member", f"this node has {len(members)} members", _one_of(members))
        if name not in members:
            raise BadInput("member", f"this node has no member {name!r}", _one_of(members))
        return members[name][0]

    def pair(self, name: str) -> keys.KeyPair:
        """Return the key pair of a member."""
        self.member(name)
        return self._loaded()[name][1]

    def owner(self, chain: bytes) -> Member | None:
        """Return the member whose chain this is, if it is one of ours."""
        return next((member for member in self.members() if member.chain == chain), None)

    def create(self, name: str, ledger: Ledger) -> Member:
        """Make a member: a key, and a chain opened with it.

        Raises:
            StoreFault: the name is taken or not usable.
        """
        if not _NAME.fullmatch(name):
            raise StoreFault(f"{name!r} is not a usable name", "use letters, digits, spaces, dots and dashes")
        file = self._file(name)
        if file.exists():
            raise StoreFault(f"this node has a member {name!r} already", "choose another name")
        seed = self._entropy(32)
        pair = keys.keypair(seed)
        self._register(pair.public)
        write_private(file, _document(name, seed, None))
        chain = ledger.open_chain(pair).id
        write_private(file, _document(name, seed, chain))
        member = Member(name, chain, pair.public)
        self._loaded()[name] = (member, pair)
        return member

    def recover(self, ledger: Ledger) -> None:
        """Finish members whose making was cut short between key and chain."""
        for file in sorted(self._path.glob("*.json")):
            name, seed, chain = _read(file)
            if chain is None:
                pair = keys.keypair(seed)
                opened = next((one for one in ledger.opens() if key_of_open(one) == pair.public), None)
                if opened is None:
                    self._register(pair.public)
                write_private(file, _document(name, seed, (opened or ledger.open_chain(pair)).id))
        self._members = None

    def renew(self, name: str, ledger: Ledger) -> Member:
        """Give a member a new key and chain, and keep the former ones in a list of their own."""
        former, file = self.member(name), self._file(name)
        past = self._path / f"{file.stem}.former"
        known = json.loads(past.read_text()) if past.exists() else []
        if former.chain.hex() not in [one["chain"] for one in known]:
            write_private(past, json.dumps([*known, json.loads(file.read_text())]).encode())
        seed = self._entropy(32)
        self._register(keys.keypair(seed).public)
        write_private(file, _document(name, seed, None))
        self.recover(ledger)
        return self.member(name)

    def former(self, name: str) -> list[bytes]:
        """Return the chains that a member no longer writes on, oldest first."""
        past = self._path / f"{self._file(name).stem}.former"
        return [bytes.fromhex(one["chain"]) for one in json.loads(past.read_text())] if past.exists() else []

    def _loaded(self) -> dict[str, tuple[Member, keys.KeyPair]]:
        if self._members is None:
            self._members = {}
            for file in sorted(self._path.glob("*.json")):
                name, seed, chain = _read(file)
                if chain is not None:
                    pair = keys.keypair(seed)
                    self._members[name] = (Member(name, chain, pair.public), pair)
        return self._members

    def _file(self, name: str) -> Path:
        return self._path / f"{name.replace(' ', '_')}.json"


def _one_of(members: Collection[str]) -> str:
    if not members:
        return "make one with `mycelia member add`"
    return f"name {' or '.join(sorted(members))}, on the command line with `--as`"


def _document(name: str, seed: bytes, chain: bytes | None) -> bytes:
    return json.dumps({"name": name, "seed": seed.hex(), "chain": chain.hex() if chain else None}).encode()


def _read(file: Path) -> tuple[str, bytes, bytes | None]:
    """Return name, seed and, unless the making was cut short, chain."""
    try:
        document = json.loads(file.read_text())
        chain = document["chain"]
        return str(document["name"]), bytes.fromhex(document["seed"]), None if chain is None else bytes.fromhex(chain)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreFault(f"the key file {file} cannot be read", "restore it, or move it away") from error
