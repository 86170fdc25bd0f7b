"""Authoring: what an own entry says beside its content - its place, its time, what it names - and its signature.

Nothing is judged or stored here. The clock and the entropy are arguments.
"""

from __future__ import annotations

from collections.abc import Callable

from mycelia_protocol import chain as chains
from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content, Moment
from mycelia_protocol.envelope import INCARNATION_BYTES, NONCE_BYTES, Entry, Header, seal, write_body
from mycelia_protocol.errors import Premature
from mycelia_protocol.keys import KeyPair
from mycelia_protocol.validation import check_exit_body

from .faults import StoreFault


class Authoring:
    """The author's side of one ledger. `entry_of` gives a held entry by id."""

    def __init__(
        self,
        charter: Charter,
        entry_of: Callable[[bytes], Entry | None],
        *,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._charter, self._entry_of, self._clock, self._entropy = charter, entry_of, clock, entropy
        self.incarnation = entropy(INCARNATION_BYTES)  # of what this process publishes

    def moment(self, deps: bytes) -> Moment:
        """Return when an entry would be said now that names these.

        Raises:
            Premature: one of them is not held.
            StoreFault: the clock runs behind one of them by more than the drift.
        """
        return Moment(self._time_after(0, self._held(deps), self._clock()), self.incarnation)

    def opening(self, pair: KeyPair, content: Content | None) -> Entry:
        """Return the `open` of a new chain for this key; without `content` it has no identity."""
        content = content or Content("open", [pair.public, None], b"")
        time, incarnation = content.moment or self.moment(content.deps)
        header = Header(None, 0, None, time, "open", 0, incarnation, content.deps, None, None, 0, content.terms)
        return seal(header, pair, network=self._charter.network)

    def entry(
        self, pair: KeyPair, prefix: Prefix, content: Content, body: dict[str, Value] | None, expiry: int | None
    ) -> Entry:
        """Return the entry that says `content` next on a chain.

        Raises:
            Premature: it names an entry that is not held.
            Refused: it is an exit whose body the rate does not allow.
            StoreFault: the clock runs behind the chain, or what is named, by more than the drift.
        """
        now_ms = self._clock()
        if (prefix.time >> chains.COUNTER_BITS) > now_ms + self._charter.drift_ms:
            raise StoreFault("the clock runs behind this chain's last entry by more than the drift", "set the clock")
        time = self._time_after(prefix.time, self._held(content.deps), now_ms)
        version = 0 if prefix.version is None else prefix.version.number
        block = None if body is None else write_body(body, self._entropy(NONCE_BYTES))
        header = Header(
            prefix.chain, prefix.sequence + 1, prefix.tip, time, content.kind, version, self.incarnation, content.deps,
            expiry, None if block is None else digest(block), len(block or b""), content.terms,
        )  # fmt: skip
        entry = seal(header, pair, network=self._charter.network, body=block)
        if self._charter.rate is not None:
            check_exit_body(entry, prefix.tat, self._charter.rate)
        return entry

    def _held(self, deps: bytes) -> list[Entry]:
        links = [deps[at : at + 32] for at in range(0, len(deps), 32)]
        found = [self._entry_of(link) for link in links]
        missing = frozenset(link for link, dep in zip(links, found, strict=True) if dep is None)
        if missing:
            raise Premature("deps.held", f"{len(missing)} named entries are not held", missing)
        return [dep for dep in found if dep]

    def _time_after(self, before: int, deps: list[Entry], now_ms: int) -> int:
        time = chains.next_time(now_ms, before, *(dep.header.time for dep in deps))
        if (time >> chains.COUNTER_BITS) > now_ms + self._charter.drift_ms:
            raise StoreFault("the clock runs behind a named entry by more than the drift", "set the clock")
        return time
