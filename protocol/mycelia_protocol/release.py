"""Release: when the entries of an own chain may leave the installation that sealed them.

A machine without files, clock or network, one for each own chain. Its driver
keeps the record outside the data directory and has it on disk *before* what it
names is sent; it says what was heard, and asks before it writes and sends.

    >>> guard = begin(Record(), None, holds=lambda place: True, now_ms=0)
    >>> guard = heard(guard, b"peer", (), holds=lambda place: True, now_ms=1)
    >>> check_peer(guard, b"peer")
    >>> releasing(guard, Place(0, b"id"), now_ms=2).record.released
    Place(sequence=0, id=b'id')

Spec: 16-release.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .errors import Premature, Refused

MAX_ACKNOWLEDGED = 16  # peers that are kept in a record: the rule needs two
ENOUGH_REPORTS = 2
PATIENCE_MS = 24 * 3_600_000  # after so long one report is enough


class Place(NamedTuple):
    """An entry of the own chain: where it stands, and which it is."""

    sequence: int
    id: bytes


class Record(NamedTuple):
    """What outlives the process, outside the data directory."""

    released: Place | None = None
    acknowledged: frozenset[bytes] = frozenset()
    is_retired: bool = False


Holds = Callable[[Place], bool]  # whether the entry stands on the own line of the chain


@dataclass(frozen=True, slots=True)
class Guard:
    """One own chain, in one run of the process."""

    record: Record
    began_ms: int
    met: frozenset[bytes] = frozenset()  # peers whose frontier exchange is finished
    reported: frozenset[bytes] = frozenset()  # of these, who hold what was released; at most two matter
    has_passed: bool = False


def begin(record: Record | None, tip: Place | None, *, holds: Holds, now_ms: int) -> Guard:
    """Return the guard of a chain at the start of a process; `record` is None where there is none.

    Data that lies behind the record was restored; entries without a record were moved or copied. In both cases
    the chain is retired.
    """
    if record is None:
        return Guard(Record(is_retired=tip is not None), now_ms)
    is_behind = record.released is not None and not holds(record.released)
    return Guard(record._replace(is_retired=record.is_retired or is_behind), now_ms)


def opened(record: Record, *, now_ms: int) -> Guard:
    """Return the guard of a chain that this process has opened: nobody can hold more of it."""
    return Guard(record, now_ms, has_passed=True)


def heard(guard: Guard, peer: bytes, heads: Sequence[Place], *, holds: Holds, now_ms: int) -> Guard:
    """Note what a peer holds of the chain, once it has said its whole frontier.

    While a head is not held here, the exchange is unfinished and counts as nothing: pull, then ask again.
    """
    if guard.record.is_retired or not all(map(holds, heads)):
        return guard
    record, highest = guard.record, max(heads, default=None)
    known = record.acknowledged
    is_report = highest is not None and (record.released is None or highest.sequence >= record.released.sequence)
    reported = guard.reported | {peer} if is_report and len(guard.reported) < ENOUGH_REPORTS else guard.reported
    has_passed = guard.has_passed or not known or len(reported) >= min(ENOUGH_REPORTS, len(known))
    return replace(
        acknowledged(guard, peer, highest) if highest is not None and is_report else guard,
        met=guard.met | {peer},
        reported=reported,
        has_passed=has_passed or _is_patient(reported, guard.began_ms, now_ms),
    )


def acknowledged(guard: Guard, peer: bytes, place: Place) -> Guard:
    """Note that a peer holds an own entry: it is out, and the peer is one of those to ask."""
    record, known = guard.record, guard.record.acknowledged
    if peer not in known and len(known) < MAX_ACKNOWLEDGED:
        known = known | {peer}
    return replace(guard, record=record._replace(released=_further(record.released, place), acknowledged=known))


def left(guard: Guard, peer: bytes) -> Guard:
    """Note that a peer is gone: when it comes again, the exchange begins anew."""
    return replace(guard, met=guard.met - {peer})


def resumed(guard: Guard, *, now_ms: int) -> Guard:
    """Note that the process was suspended: it may run from an older picture of the machine."""
    return Guard(guard.record, now_ms)


def overruled(guard: Guard) -> Guard:
    """Note that the user takes the release on themselves."""
    return replace(guard, has_passed=True)


def retired(guard: Guard) -> Guard:
    """Note that the chain parted: another past of it was met, and the own one is not dropped."""
    return replace(guard, record=guard.record._replace(is_retired=True))


def check_write(guard: Guard) -> None:
    """Refuse to write on a chain that was restored.

    Raises:
        Refused: rule `release.restored`.
    """
    if guard.record.is_retired:
        raise Refused("release.restored", "the data of this chain were restored, moved or copied")


def check_release(guard: Guard, *, now_ms: int, by_hand: bool = False) -> None:
    """Refuse to let new entries of the chain out before the head check; `by_hand` is a run file.

    Raises:
        Refused: rule `release.restored`.
        Premature: rule `release.check`, with what is waited for.
    """
    check_write(guard)
    known, reports = guard.record.acknowledged, len(guard.reported)
    if guard.has_passed or (by_hand and not known) or _is_patient(guard.reported, guard.began_ms, now_ms):
        return
    if not known:
        raise Premature("release.check", "no peer has said yet what it holds", frozenset())
    needed = min(ENOUGH_REPORTS, len(known))
    raise Premature("release.check", f"{reports} of {needed} peers hold what was released before", frozenset())


def check_peer(guard: Guard, peer: bytes) -> None:
    """Refuse to send own entries to a peer before its frontier exchange is finished.

    Raises:
        Premature: rule `release.met`.
    """
    if peer not in guard.met:
        raise Premature("release.met", "the peer has not said yet what it holds of this chain", frozenset())


def releasing(guard: Guard, place: Place, *, now_ms: int, by_hand: bool = False) -> Guard:
    """Return the guard whose record must be on disk before the entries up to `place` are sent.

    Raises:
        Refused, Premature: as `check_release`.
    """
    check_release(guard, now_ms=now_ms, by_hand=by_hand)
    return replace(guard, record=guard.record._replace(released=_further(guard.record.released, place)))


def _further(one: Place | None, other: Place) -> Place:
    return other if one is None or other.sequence > one.sequence else one


def _is_patient(reported: frozenset[bytes], began_ms: int, now_ms: int) -> bool:
    return bool(reported) and now_ms - began_ms >= PATIENCE_MS
