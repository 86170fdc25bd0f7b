"""Member files: what is kept of a member on disk, perhaps before its chain has begun, and how it is to begin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from mycelia_protocol import keys

from .faults import StoreFault
from .keyfiles import KeyFiles

_BYTES = frozenset({"identity", "event", "delegation", "nonce", "next"})


class Plan(NamedTuple):
    """How the chain of a member begins: with an identity of its own unless one is named."""

    invitation: str | None = None  # the text by which it comes in
    identity: bytes | None = None  # an identity that is there already
    event: bytes | None = None  # its key event, if root keys sign
    number: int = 0  # of the root key in force at that event
    delegation: bytes | None = None  # the `id.delegate`, if another chain gives
    nonce: bytes | None = None  # of an identity that begins here
    next: bytes | None = None  # the commitment with which it begins, where several holders follow


FRESH = Plan()  # an identity begins


class MemberFile(NamedTuple):
    """A key file: what is known of a member, perhaps before it has a chain."""

    name: str
    seed: bytes
    chain: bytes | None
    plan: Plan
    box: bytes | None = None  # the secret of the box key; a file from before there were any has none

    @property
    def pair(self) -> keys.KeyPair:
        return keys.keypair(self.seed)

    def __repr__(self) -> str:
        return f"MemberFile({self.name})"


def write_member(kept: MemberFile) -> bytes:
    """Return the document of a key file."""
    plan = {key: value.hex() if isinstance(value, bytes) else value for key, value in kept.plan._asdict().items()}
    chain = kept.chain.hex() if kept.chain else None
    box = kept.box.hex() if kept.box else None
    document = {"name": kept.name, "seed": kept.seed.hex(), "box": box, "chain": chain, "plan": plan}
    return json.dumps(document).encode()


def read_member(file: Path, files: KeyFiles) -> MemberFile:
    """Return what a key file says.

    Raises:
        StoreFault: it cannot be read.
    """
    try:
        document = json.loads(files.read(file))
        plan: dict[str, Any] = {
            key: bytes.fromhex(value) if key in _BYTES and value is not None else value
            for key, value in document["plan"].items()
        }
        chain, box = document["chain"], document.get("box")
        return MemberFile(
            str(document["name"]),
            bytes.fromhex(document["seed"]),
            None if chain is None else bytes.fromhex(chain),
            Plan(**plan),
            None if box is None else bytes.fromhex(box),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreFault(f"the key file {file} cannot be read", "restore it, or move it away") from error
