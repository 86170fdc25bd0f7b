"""An exhaustive search of one installation, its disk and its peers, driven by the project's own release machine.

A state holds two data directories (a home, and a copy of it that shares the record or lacks it), the record on
disk, the running process, a picture of the machine, and what each peer holds. Every step may follow every other:
appending, starting, crashing, meeting, pulling a part, writing the record, sending, rolling back. Entries that are
written after a rollback or in a copy are other entries at the same places. No rule is written here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import NamedTuple

from mycelia_protocol import release
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.release import Guard, Place, Record

Line = tuple[bytes, ...]

# What the machine is asked; a planted mutant replaces one of them.
MACHINE = SimpleNamespace(
    **{name: getattr(release, name) for name in (
        "begin", "heard", "acknowledged", "resumed", "overruled", "check_write", "check_release", "check_peer",
        "releasing",
    )},
    writes_first=True,
)  # fmt: skip


class Case(NamedTuple):
    """The bounds of a search."""

    honest: int  # peers
    liars: int
    entries: int  # of a line
    powers: frozenset[str]  # what else may happen: "data", "machine", "live", "copy", "moved", "partial"
    known: int = 0  # peers that have acknowledged when the picture is taken


class Snapshot(NamedTuple):
    """A picture of the data, of the machine, or of the machine as it runs."""

    line: Line
    record: Record | None
    guard: Guard | None


class State(NamedTuple):
    """Everything that matters for what may come."""

    line: Line  # the data directory in use
    record: Record | None  # on disk, outside it
    guard: Guard | None  # the process; None: it does not run
    sending: tuple[int, Line] | None  # the record of it is on disk, or will be, by mutation
    peers: tuple[Line, ...]
    era: int  # of entries that are written now
    shelf: tuple[Line, bool] | None  # another data directory, and whether the record is that of this one
    away: Record | bool | None  # the record of the machine that is not in use; False: there is none
    picture: Snapshot | None
    was_turned_back: bool  # the whole machine was
    is_excused: bool  # it released, and nobody who answered held what had been released last


START = State((b"o",), Record(), None, None, (), 0, None, False, None, False, False)


@dataclass
class Result:
    """What a search saw."""

    states: int = 0
    broken: list[str] = field(default_factory=list)
    excused: int = 0
    kinds: set[str] = field(default_factory=set)
    trace: list[str] = field(default_factory=list)


def search(case: Case, machine: SimpleNamespace = MACHINE) -> Result:
    """Visit every state of a case; stop at the first broken invariant."""
    start = START._replace(peers=((),) * (case.honest + case.liars))
    result, came = Result(), {start: ("", start)}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        result.states += 1
        for step, following in _steps(case, state, machine):
            broken = list(_broken(case, state, step, following))
            if broken:
                result.broken = broken
                result.trace = [step]
                while state != start:
                    step, state = came[state]
                    result.trace.insert(0, step)
                return result
            if following in came:
                continue
            came[following] = (step, state)
            result.kinds.add(step)
            result.excused += following.is_excused and not state.is_excused
            queue.append(following)
    return result


def _broken(case: Case, before: State, step: str, after: State) -> Iterator[str]:
    lines = after.peers
    if not after.is_excused and any(_parts(one, other) for one in lines for other in lines):
        yield "two entries at one place were released"
    if step in ("send", "acknowledged") and before.sending is not None:
        peer, line = before.sending
        if peer < case.honest and _parts(before.peers[peer], line):
            yield "an honest peer was sent another past than the one it had said that it holds"


def _parts(one: Line, other: Line) -> bool:
    return any(mine != theirs for mine, theirs in zip(one, other, strict=False))


def _places(line: Line) -> tuple[Place, ...]:
    return (Place(len(line) - 1, line[-1]),) if line else ()


def _holds(line: Line) -> release.Holds:
    return lambda place: place.sequence < len(line) and line[place.sequence] == place.id


def _steps(case: Case, state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    yield from _happenings(case, state, machine)
    guard = state.guard
    if guard is None:
        begun = machine.begin(state.record, _places(state.line)[0], holds=_holds(state.line), now_ms=0)
        yield "start", state._replace(guard=begun, record=begun.record)
        return
    yield "crash", state._replace(guard=None, sending=None)
    if len(state.line) < case.entries and _may(machine.check_write, guard):
        entry = state.line[-1] + bytes([state.era])  # like an id it commits to all that stands before
        yield "append", state._replace(line=(*state.line, entry))
    if state.sending is not None:
        yield from _arrivals(state, machine)
        return
    for peer, held in enumerate(state.peers):
        if peer >= case.honest:
            yield from _lies(state, peer, machine)
        else:
            yield from _meetings(case, state, peer, held, machine)
        yield from _sendings(case, state, peer, machine)


def _happenings(case: Case, state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """What befalls the files and the machine."""
    is_known = state.record is not None and len(state.record.acknowledged) >= case.known
    if state.picture is None and is_known and case.powers & {"data", "machine", "live"}:
        yield "picture", state._replace(picture=Snapshot(state.line, state.record, state.guard))
    if (picture := state.picture) is not None and state.era < 2:
        back = state._replace(line=picture.line, guard=None, sending=None, era=state.era + 1)
        if "data" in case.powers:
            yield "data rolled back", back
        turned = back._replace(record=picture.record, was_turned_back=True)
        if "machine" in case.powers:
            yield "machine rolled back", turned
        if "live" in case.powers and picture.guard is not None:
            yield "machine resumed", turned._replace(guard=machine.resumed(picture.guard, now_ms=0))
    if state.guard is not None:
        return
    if state.shelf is None and state.away is False:
        if "copy" in case.powers:
            yield "copied", state._replace(shelf=(state.line, True))
        if "moved" in case.powers:
            yield "copied elsewhere", state._replace(shelf=(state.line, False), away=None)
    elif state.shelf is not None and state.era < 2:
        line, is_shared = state.shelf
        record, away = (state.record, state.away) if is_shared else (state.away, state.record)
        assert not isinstance(record, bool)
        other = state._replace(line=line, shelf=(state.line, is_shared), era=state.era + 1)
        yield "the copy runs", other._replace(record=record, away=away)


def _meetings(case: Case, state: State, peer: int, held: Line, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """An honest peer says what it holds; what is lacking is pulled, and an own suffix that never left is dropped."""
    guard, line = state.guard, state.line
    assert guard is not None
    released = guard.record.released
    if _parts(line, held):
        at = next(place for place, (mine, theirs) in enumerate(zip(line, held, strict=False)) if mine != theirs)
        if released is not None and at <= released.sequence:
            return  # both were released: nothing is sent to this peer, and the fork is for others to mend
        line = held
    elif len(held) > len(line):
        line = held
    if line != state.line and "partial" in case.powers:
        begun = machine.heard(guard, bytes([peer]), _places(held), holds=_holds(state.line), now_ms=0)
        yield "heads heard, nothing pulled", state._replace(guard=begun, record=begun.record)
        if state.line == held[: len(state.line)]:
            yield "pulled a part", state._replace(line=held[: len(state.line) + 1])
    met = machine.heard(guard, bytes([peer]), _places(held), holds=_holds(line), now_ms=0)
    yield "meet", state._replace(line=line, guard=met, record=met.record)


def _lies(state: State, peer: int, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """A liar says that it holds nothing, any own entry, or one that nobody wrote."""
    assert state.guard is not None
    claims: list[tuple[Place, ...]] = [(), (Place(9, b"none"),)]
    claims += [(Place(at, entry),) for at, entry in enumerate(state.peers[peer])]
    for claim in claims:
        met = machine.heard(state.guard, bytes([peer]), claim, holds=_holds(state.line), now_ms=0)
        yield "lie", state._replace(guard=met, record=met.record)


def _sendings(case: Case, state: State, peer: int, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """The record is written for what will be sent; the sending is another step."""
    guard = state.guard
    if guard is None or len(state.line) <= len(state.peers[peer]):
        return
    if not _may(machine.check_peer, guard, bytes([peer])):
        return
    try:
        ready = machine.releasing(guard, _places(state.line)[0], now_ms=0)
    except (Refused, Premature):
        return
    answered = [at for at in range(case.honest) if bytes([at]) in guard.met]
    last = max((line for line in state.peers), key=len)
    is_known = any(state.peers[at][: len(last)] == last for at in answered) or not last
    record = ready.record if machine.writes_first else state.record
    yield "record", state._replace(
        guard=ready, record=record, sending=(peer, state.line),
        is_excused=state.is_excused or (state.was_turned_back and not is_known),
    )  # fmt: skip


def _arrivals(state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """What was sent arrives; its acknowledgement does or does not."""
    guard, sending = state.guard, state.sending
    assert guard is not None
    assert sending is not None
    peer, line = sending
    peers = (*state.peers[:peer], line, *state.peers[peer + 1 :])
    done = state._replace(peers=peers, sending=None)
    yield "send", done
    known = machine.acknowledged(guard, bytes([peer]), _places(line)[0])
    yield "acknowledged", done._replace(guard=known, record=known.record)


def _may(check: object, *args: object) -> bool:
    try:
        check(*args)  # type: ignore[operator]
    except (Refused, Premature):
        return False
    return True
