"""Own chains: what became of those of this node's members - forked, not released, retired, behind what others hold.

Spec: 16-release.
"""

from __future__ import annotations

from mycelia_protocol import cid

from . import models
from .keystore import Keystore
from .ledger import Ledger

MAX_SEQUENCE = 2**62  # a chain that is not cut counts beyond every sequence


class OwnChains:
    """The chains of one node's members, former ones too."""

    def __init__(self, ledger: Ledger, keystore: Keystore) -> None:
        self._ledger, self._keystore = ledger, keystore

    def forks(self) -> list[models.ForkView]:
        """Return the chains of this node's members that have two pasts."""
        return [
            models.ForkView(
                member=name, chain=cid.text(chain), sequence=parting[0].header.sequence,
                entries=[cid.text(entry.id) for entry in parting],
            )
            for chain, name in self._owners().items()
            if (parting := self._ledger.parting(chain))
        ]  # fmt: skip

    def waiting(self) -> list[models.ReleaseView]:
        """Return the own chains of which something has not left this node, or which are retired."""
        found = [] if self._ledger.gate is None else self._ledger.gate.waiting()
        owners = self._owners()
        return [
            models.ReleaseView(
                member=owners.get(one.chain, ""), chain=cid.text(one.chain), waiting=one.entries, why=one.why,
                is_retired=one.is_retired, is_cut=one.is_retired and not self.is_to_cut(one.chain),
                heir=self._heir(one.chain, owners.get(one.chain)) if one.is_retired else None,
            )
            for one in found
        ]  # fmt: skip

    def is_to_cut(self, chain: bytes) -> bool:
        """Return whether a chain was retired here and still counts without an end."""
        gate, last = self._ledger.gate, self._ledger.members.last().get(chain)
        return gate is not None and gate.is_retired(chain) and last is not None and last > MAX_SEQUENCE

    def behind(self) -> list[models.BehindView]:
        """Return the own chains of which others have more than this node."""
        gate, found = self._ledger.gate, []
        for chain, name in self._owners().items():
            is_over = gate is not None and gate.is_retired(chain) and not self.is_to_cut(chain)
            missing = None if gate is None or is_over else gate.missing(chain)
            if missing is not None:
                held = max((tip.sequence for tip in self._ledger.ends_of(chain)), default=None)
                found.append(models.BehindView(member=name, chain=cid.text(chain), held=held, known=missing.sequence))
        return found

    def release(self) -> list[models.ReleaseView]:
        """Release without a head check, as the user takes it on themselves; return what still waits."""
        if self._ledger.gate is not None:
            self._ledger.gate.overrule()
            self._ledger.gate.release()
        return self.waiting()

    def _owners(self) -> dict[bytes, str]:
        """Return all chains of this node's members, former ones too, with their names."""
        return {
            chain: member.name
            for member in self._keystore.members()
            for chain in (member.chain, *self._keystore.former(member.name))
        }

    def _heir(self, chain: bytes, name: str | None) -> str | None:
        """Return the chain on which the member of a retired one goes on, if the same identity speaks there."""
        now = None if name is None else self._keystore.member(name).chain
        identity_of = self._ledger.members.identity_of
        if now is None or now == chain or identity_of(now) is None or identity_of(now) != identity_of(chain):
            return None
        return cid.text(now)
