"""Headers that went: of each its place, id and verdict stay, of its chain the state that goes on without them.

With these the node still knows what it has judged: nothing that went is judged
again, and whatever comes back is known by its id.

Spec: 19-checkpoint, "What goes".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import NamedTuple

import cbor2

from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.charter import Charter
from mycelia_protocol.checkpoint import leaf_of, resume
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.mmr import EMPTY, grown, root
from mycelia_protocol.state import read

from .bodies import Bodies


class Base(NamedTuple):
    """Where a chain goes on from: its settled checkpoint, and the state and the peaks below it."""

    checkpoint: bytes
    sequence: int
    state: bytes
    peaks: tuple[bytes, ...]

    def prefix(
        self,
        held: Callable[[bytes], Entry | None],
        own: Callable[[bytes], Entry | None],
        charter: Charter,
        lineage: Lineage,
    ) -> Prefix:
        """Return the chain's prefix up to the checkpoint, as if everything below it had been judged.

        Raises:
            Malformed: the checkpoint is not held, or the state is not the one that it names.
        """
        checkpoint = held(self.checkpoint)
        if checkpoint is None:
            raise Malformed("state.digest", "the checkpoint is not held")
        version = read(self.state).prefix(own).version
        lineage.begin()
        law = charter if version is None else lineage.law(version.enact) or charter
        return resume(self.state, checkpoint, self.peaks, own, law.rate)


class Gone:
    """The headers that went from one store. All writes happen inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, bodies: Bodies) -> None:
        self._connection, self._bodies = connection, bodies
        self._has_over: bool | None = None  # whether any is; None: not asked yet

    def __contains__(self, name: bytes) -> bool:
        return self._connection.execute("select 1 from gone where id=?", (name,)).fetchone() is not None

    def __len__(self) -> int:
        (count,) = self._connection.execute("select count(*) from gone").fetchone()
        return int(count)

    def base(self, chain: int) -> Base | None:
        """Return where a chain, by number, goes on from; None if all of it is held."""
        row = self._connection.execute(
            "select checkpoint, sequence, state, peaks from bases where chain=?", (chain,)
        ).fetchone()
        if row is None:
            return None
        checkpoint, sequence, state, peaks = row
        return Base(checkpoint, sequence, state, tuple(cbor2.loads(peaks)))

    def settle(self, chain: int, base: Base) -> None:
        """Note where a chain goes on from, before anything below goes."""
        self._connection.execute(
            "insert or replace into bases(chain, checkpoint, sequence, state, peaks) values (?, ?, ?, ?, ?)",
            (chain, base.checkpoint, base.sequence, base.state, cbor2.dumps(base.peaks)),
        )

    def note_over(self, intents: Iterable[bytes]) -> None:
        """Note needs and offers that are over: lines between two of them are not counted any more."""
        self._has_over = None
        self._connection.executemany("insert or ignore into over(id) values (?)", ((name,) for name in intents))

    def is_over(self, intent: bytes) -> bool:
        """Return whether a need or an offer is over."""
        if self._has_over is None:
            self._has_over = self._connection.execute("select 1 from over limit 1").fetchone() is not None
        return (
            self._has_over
            and self._connection.execute("select 1 from over where id=?", (intent,)).fetchone() is not None
        )

    def drop(self, arrivals: Iterable[int]) -> None:
        """Let headers go, with their signatures and bodies, by arrival number."""
        for arrival in arrivals:
            chain, sequence, raw, has_body, refused = self._connection.execute(
                "select chain, sequence, header, body is not null, refused from entries where arrival=?", (arrival,)
            ).fetchone()
            if has_body:
                self._bodies.drop([arrival])
            self._connection.execute("delete from entries where arrival=?", (arrival,))
            self._connection.execute(
                "insert into gone(id, chain, sequence, arrival, refused) values (?, ?, ?, ?, ?)",
                (digest(raw), chain, sequence, arrival, refused),
            )

    def regain(self, entry: Entry, name: int) -> None:
        """Take a header in again, at its old place, with the verdict that it had; `name` is how it is indexed."""
        chain, sequence, arrival, refused = self._connection.execute(
            "select chain, sequence, arrival, refused from gone where id=?", (entry.id,)
        ).fetchone()
        self._connection.execute("delete from gone where id=?", (entry.id,))
        self._connection.execute(
            "insert into entries(arrival, chain, sequence, kind, name, header, signature, body, refused) "
            "values (?, ?, ?, ?, ?, ?, ?, null, ?)",
            (arrival, chain, sequence, entry.header.kind, name, entry.raw, entry.signature, refused),
        )

    def whole_from(self, chain: int) -> int:
        """Return the place of a chain, by number, from which on every header is held."""
        (last,) = self._connection.execute("select max(sequence) from gone where chain=?", (chain,)).fetchone()
        return 0 if last is None else int(last) + 1

    def like(self, low: bytes, high: bytes) -> list[bytes]:
        """Return the ids that went and lie in a range."""
        rows = self._connection.execute("select id from gone where id between ? and ? order by id", (low, high))
        return [name for (name,) in rows]

    def below(self, chain: int, sequence: int) -> list[tuple[int, bytes, bool]]:
        """Return (place, id, whether it was valid) of everything below a place of a chain, held or gone, in order."""
        held = self._connection.execute(
            "select sequence, header, refused from entries where chain=? and sequence<?", (chain, sequence)
        )
        gone = self._connection.execute(
            "select sequence, id, refused from gone where chain=? and sequence<?", (chain, sequence)
        )
        places = [(place, digest(raw), refused is None) for place, raw, refused in held]
        return sorted([*places, *((place, name, refused is None) for place, name, refused in gone)])

    def is_sound(self, chain: int, base: Base, checkpoint: Entry) -> bool:
        """Return whether what is known below a checkpoint is exactly what it sums up."""
        below = self.below(chain, base.sequence)
        leaves = [leaf_of(name, is_valid=is_valid) for _, name, is_valid in below]
        places = [place for place, _, _ in below]
        return places == list(range(base.sequence)) and root(grown(EMPTY, leaves)) == checkpoint.header.terms[0]
