"""Witnessing: a node says, some at a time, that it judged other people's checkpoints valid.

Only where the charter lets headers go below them one day, and only until enough
have said so. The latest checkpoint of a chain is witnessed, never one of a chain
that is known to have forked. What is published is on the disk before anybody
hears of it, like everything that a ledger publishes.

Spec: 19-checkpoint, "Witness".
"""

from __future__ import annotations

from mycelia_protocol import compose

from .keystore import Keystore, Member
from .ledger import Ledger
from .stored import Stored

BATCH = 8  # that are witnessed at a time: many checkpoints at once do not make one chain say much at once
MAX_KNOWN = 10_000  # chains whose checkpoints are remembered; beyond, the first seen are forgotten
_PAGE = 500


class Witnessing:
    """What one node has yet to witness. Every call is made in the ledger's thread."""

    def __init__(self, ledger: Ledger, keystore: Keystore) -> None:
        self._ledger, self._keystore = ledger, keystore
        self._open: dict[bytes, bytes] = {}  # the latest valid checkpoint of each chain that lacks witnesses
        self._said: dict[bytes, set[bytes]] = {}  # who witnessed those
        self._after = {"checkpoint": 0, "witness": 0}  # up to which arrival each kind was looked at

    def tend(self) -> int:
        """Witness what lacks witnesses, at most `BATCH`; return how many.

        Raises:
            ProtocolError, StoreFault: the entry cannot be published now.
        """
        charter, member = self._ledger.charter, self._member()
        if charter.retention_ms is None or member is None:
            return 0
        for stored in self._fresh("checkpoint"):
            self._note_checkpoint(stored)
        for stored in self._fresh("witness"):
            self._note_witness(stored)
        done, me = 0, self._name(member.chain)
        for chain, name in list(self._open.items()):
            if done == BATCH:
                break
            author, said = self._name(chain), self._said.get(name, set())
            self._forget(chain)
            enough = len(said - {author}) >= charter.witnesses
            if enough or me in said or me == author or self._ledger.parting(chain):
                continue
            self._ledger.publish(self._keystore.pair(member.name), member.chain, [compose.witness(name)])
            done += 1
        return done

    def _member(self) -> Member | None:
        """Return the one member that witnesses: several on one node have seen no more than one has."""
        return next(iter(self._keystore.members()), None)

    def _name(self, chain: bytes) -> bytes:
        return self._ledger.members.identity_of(chain) or chain

    def _fresh(self, kind: str) -> list[Stored]:
        found, last = list[Stored](), self._ledger.last_arrival
        while batch := self._ledger.stored(self._after[kind], _PAGE, kind=kind):
            self._after[kind] = batch[-1].arrival
            found += [stored for stored in batch if stored.is_valid]
        self._after[kind] = last
        return found

    def _note_checkpoint(self, stored: Stored) -> None:
        self._forget(stored.entry.chain)
        self._open[stored.entry.chain] = stored.entry.id
        if len(self._open) > MAX_KNOWN:
            self._forget(next(iter(self._open)))

    def _note_witness(self, stored: Stored) -> None:
        entry = stored.entry
        seen = self._ledger.entry_of(entry.header.named(entry.header.terms[0]) or b"")
        if seen is None or self._open.get(seen.chain) != seen.id:
            return
        if self._ledger.members.counts(entry.chain, entry.header.sequence):
            self._said.setdefault(seen.id, set()).add(self._name(entry.chain))

    def _forget(self, chain: bytes) -> None:
        self._said.pop(self._open.pop(chain, b""), None)
