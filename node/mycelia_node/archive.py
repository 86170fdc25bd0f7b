"""The archive: what is done with everything that is held - verified, written out, taken in, let go - in steps.

Long work: each step is short, so that a running node serves others in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mycelia_protocol import cid, runfile
from mycelia_protocol.envelope import Entry

from . import models, views
from .ledger import Ledger

_PIECE_BYTES = 1 << 20


class Archive:
    """All entries of one node."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def import_steps(self, data: bytes | Iterable[bytes]) -> Iterator[models.ImportView]:
        """Take in a run file of this commons, a run at a time; yields how it stands so far.

        Raises:
            Malformed: it is no run file, cut short, or of another network.
        """
        charter, runs = runfile.read(data)
        runfile.check_network(charter, self._ledger.network)
        accepted = awaiting = 0
        faults: list[str] = []
        for run in runs:
            report = self._ledger.ingest([run])
            accepted += len(report.accepted)
            awaiting += report.awaiting
            faults += [fault.explain() for fault in report.faults]
            faults += [f"chain {cid.text(chain)} lacks the entries before this run" for chain in report.unlinked]
            yield models.ImportView(accepted=accepted, awaiting=awaiting, faults=faults)
        yield models.ImportView(accepted=accepted, awaiting=awaiting, faults=faults)

    def export(self) -> Iterable[bytes]:
        """Yield the run file of everything that is held; of a chain whose headers went, from there on."""
        if self._ledger.gate is not None:
            self._ledger.gate.release(by_hand=True)
        return runfile.write(self._ledger.charter, self._runs())

    def verify_steps(self) -> Iterator[models.VerifyView]:
        """Judge every stored entry again, some at a time; yields how it stands so far."""
        for report in self._ledger.verify_steps():
            awaiting = [views.awaiting_view(one) for one in self._ledger.awaiting()]
            yield models.VerifyView(
                entries=report.entries, invalid=report.invalid, awaiting=awaiting, faults=report.faults
            )

    def prune_steps(self, ask: models.NewPruning) -> Iterator[models.PrunedView]:
        """Let headers go that nothing needs any more, some at a time; yields what went so far.

        Raises:
            StoreFault: the disk refuses; what went before stays gone.
        """
        for report in self._ledger.prune_steps(dry_run=ask.dry_run):
            yield models.PrunedView(
                chains=report.chains, headers=report.headers, freed_bytes=report.size, dry_run=ask.dry_run
            )

    def _runs(self) -> Iterable[list[Entry]]:
        wanted = {tip.chain: self._ledger.whole_from(tip.chain) for tip in self._ledger.frontier()}
        after: int | None = 0
        while after is not None:
            runs, after = self._ledger.runs_for(wanted, after, _PIECE_BYTES)
            yield from runs
