"""Intake: runs from elsewhere, sorted into what links and is authentic, what must wait, and what is dropped.

Nothing is judged here: what may come in is handed, entry by entry, to the
ledger's acceptance function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mycelia_protocol import chain as chains
from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.charter import Charter, Open
from mycelia_protocol.checkpoint import check_below
from mycelia_protocol.envelope import Entry, is_signed_by
from mycelia_protocol.errors import Malformed, Refused
from mycelia_protocol.validation import judge

from .branches import Branch, Branches
from .gone import Gone
from .quarantine import Quarantine
from .stored import Ingested, Stored

MAX_SOUGHT = 4096  # chains of which something that was asked for did not link; the longest known make room


class Intake:
    """Takes runs in for one ledger.

    `get` gives a held entry, `admit` gives an entry its place, `keep_body` completes a held one,
    `regain` takes one in again whose header went.
    """

    def __init__(
        self,
        charter: Charter,
        branches: Branches,
        quarantine: Quarantine,
        gone: Gone,
        *,
        get: Callable[[bytes], Stored | None],
        admit: Callable[[Branch, Entry], Stored],
        keep_body: Callable[[Stored, bytes], None],
        regain: Callable[[Entry], None],
    ) -> None:
        self._charter, self._branches, self._quarantine, self._gone = charter, branches, quarantine, gone
        self._get, self._admit, self._keep_body, self._regain = get, admit, keep_body, regain
        self._sought: dict[bytes, set[bytes]] = {}  # by chain: what was asked for and did not link yet

    def take(self, runs: Iterable[Sequence[Entry]], report: Ingested, now_ms: int, sender: bytes = b"") -> None:
        """Take in runs, and those of the quarantine that they wake, until nothing more moves."""
        queue = list(self._quarantine.due(now_ms))
        first = len(queue)
        queue += [(sender, list(run)) for run in runs]
        brought = range(first, len(queue))
        at = 0
        while at < len(queue):
            accepted: list[bytes] = []
            faults = len(report.faults)
            try:
                self._take_run(*queue[at], accepted, report, now_ms)
            except Malformed as fault:
                report.faults.append(fault)
            if at not in brought:  # what wakes was another's to bring: whoever woke it is not charged
                del report.faults[faults:]
            if self._quarantine.awaiting_count:
                queue.extend(self._quarantine.woken_by(accepted, now_ms))
            at += 1

    def _take_run(self, sender: bytes, run: list[Entry], accepted: list[bytes], report: Ingested, now_ms: int) -> None:
        # 1. What is held already, or waits, is left out; so is what went, unless something waits for it.
        if self._quarantine.awaiting_count:
            self._take_again(sender, run, accepted, report)
        known = 0
        while known < len(run) and self._knows(run[known]):
            known += 1
        run = run[known:]
        if not run:
            return
        # 2. The rest links to what is held.
        first = run[0]
        if first.header.sequence == 0:
            key = chains.key_of_open(first)
        else:
            before = self._get(first.header.backlink or b"")
            held = self._branches.chain(first.chain)
            if held is not None and self._branches.ending_before(first) is None and self._is_below(held.number, first):
                report.vain_checks += 1
                return
            if before is None or held is None:
                self._wait_for_predecessor(run, report, sender)
                return
            chains.check_link(first, before.entry)
            key = held.key
        # 3. It is authentic up to its highest good signature; only that one is kept.
        length = self._sealed_length(run, key, report)
        if length < len(run):
            report.faults.append(Malformed("chain.seal", f"{len(run) - length} entries have no good signature above"))
            run = run[:length]
        if not run:
            return
        if len(run) > 1:
            run = [*(entry._replace(signature=None) for entry in run[:-1]), run[-1]]
        # 4. It waits, whole, for entries that it names and for its time.
        missing, until_ms = self._not_yet(run, now_ms)
        if missing or until_ms:
            self._quarantine.put(run, missing, until_ms, sender)
            report.awaiting += 1
            report.vain_checks += 1
            return
        # 5. Nobody comes through a membrane whose `open` is not good: of that chain nothing is kept.
        if first.header.sequence == 0 and not isinstance(self._charter.membership, Open):
            self._check_membrane(first)
        # 6. Every entry gets its verdict and its place.
        if self._is_idle(run):
            report.vain_checks += 1
            return
        if first.header.sequence == 0:
            branch: Branch | None = self._branches.begin(first)
        else:
            branch = self._branches.after(first, is_relied_on=self._is_wanted(run))
        if branch is not None:
            for entry in run:
                self._admit(branch, entry)
                accepted.append(entry.id)

    def _knows(self, entry: Entry) -> bool:
        """Whether an entry is held or waits; a held one may gain the body that its copy lacks."""
        if entry.id in self._quarantine:
            return True
        if self._branches.ending_before(entry):
            return False  # the common case, without the disk: had it a successor, the branch would not end there
        held = self._get(entry.id)
        if held is None:
            return entry.id in self._gone
        if held.entry.body is None and entry.body is not None:
            self._keep_body(held, entry.body)
        return True

    def _take_again(self, sender: bytes, run: list[Entry], accepted: list[bytes], report: Ingested) -> None:
        """Take in again what went, up to its seal, if something waits for it and all that it names is held."""
        if not any(self._quarantine.wants(entry.id) and entry.id in self._gone for entry in run):
            return
        went = [entry for entry in run if entry.id in self._gone and entry.id not in self._quarantine]
        named = {link for entry in went for link in entry.header.links if self._get(link) is None}
        missing = named - {entry.id for entry in went}
        if missing:
            self._quarantine.put(went, frozenset(missing), 0, sender)
            report.awaiting += 1
            return
        held = self._branches.chain(went[0].chain)
        for entry in went:
            is_sealed = held is not None and is_signed_by(entry, held.key, network=self._charter.network)
            self._regain(entry if is_sealed else entry._replace(signature=None))
            accepted.append(entry.id)

    def _is_below(self, chain: int, entry: Entry) -> bool:
        """Whether an entry stands where headers went without being one of them (rule `checkpoint.below`)."""
        base = self._gone.base(chain)
        settled = None if base is None else self._get(base.checkpoint)
        if settled is None:
            return False
        try:
            check_below(entry, settled.entry)
        except Refused:
            return True
        return False

    def _is_idle(self, run: list[Entry]) -> bool:
        """Whether a run stands where its chain is known to have forked, or above, and nothing here relies on it."""
        fork = self._branches.fork_of(run[0].chain)
        return fork is not None and run[0].header.sequence >= fork.sequence and not self._is_wanted(run)

    def _is_wanted(self, run: list[Entry]) -> bool:
        """Whether something that waits relies on a run, or on what stands above it."""
        names = self._sought.get(run[0].chain, set()) | {entry.id for entry in run}
        return any(self._quarantine.wants(name) for name in names)

    def _check_membrane(self, opening: Entry) -> None:
        prefix = Prefix(opening.id, chains.key_of_open(opening), b"", -1, 0, {}, lambda _: None)
        refused = judge(opening, prefix, self._entry, self._charter).refused
        if refused is not None:
            raise Malformed(refused.rule, refused.message)

    def _entry(self, name: bytes) -> Entry | None:
        held = self._get(name)
        return None if held is None else held.entry

    def _not_yet(self, run: list[Entry], now_ms: int) -> tuple[frozenset[bytes], int]:
        """Return what a run still waits for: ids that are not held, and a time if it lies in the future."""
        latest, named = 0, set[bytes]()
        for entry in run:
            header = entry.header
            latest = max(latest, header.time)
            named.update(header.links)
        named.difference_update([entry.id for entry in run])  # not held yet, so the disk is not asked for them
        missing = frozenset(link for link in named if self._get(link) is None)
        ahead_ms = (latest >> chains.COUNTER_BITS) - self._charter.drift_ms
        if self._charter.rate is not None:
            ahead_ms = max(ahead_ms, self._tat_before(run[0]) - self._charter.rate.burst_ms - self._charter.drift_ms)
        until_ms = ahead_ms if ahead_ms > now_ms else 0
        return missing, until_ms

    def _sealed_length(self, run: list[Entry], key: bytes, report: Ingested) -> int:
        length = chains.sealed_length(run, key, network=self._charter.network)
        report.vain_checks += sum(entry.signature is not None for entry in run[length:])
        return length

    def _tat_before(self, entry: Entry) -> int:
        """Return the tat of the branch that an entry goes on with: no honest chain runs ahead of the clock by it."""
        for branch in self._branches.of(entry.chain):
            if branch.prefix.tip == entry.header.backlink:
                return branch.prefix.tat
        return 0

    def _wait_for_predecessor(self, run: list[Entry], report: Ingested, sender: bytes) -> None:
        backlink = run[0].header.backlink or b""
        held = self._branches.chain(run[0].chain)
        if backlink in self._quarantine and held is not None:
            if self._sealed_length(run, held.key, report) == len(run):
                self._quarantine.put(run, frozenset({backlink}), 0, sender)
                report.awaiting += 1
                report.vain_checks += 1
            return
        asked = {entry.id for entry in run if self._quarantine.wants(entry.id)}
        if asked:
            sought = self._sought.get(run[0].chain, set())
            self._sought[run[0].chain] = {name for name in sought | asked if self._quarantine.wants(name)}
            while len(self._sought) > MAX_SOUGHT:
                del self._sought[next(iter(self._sought))]
        needed = run[0].header.sequence - 1
        report.unlinked[run[0].chain] = min(needed, report.unlinked.get(run[0].chain, needed))
