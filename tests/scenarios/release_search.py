"""An exhaustive search of one installation, its disk and its peers, driven by the project's own release machine.

A state holds two data directories (a home, and a copy of it that shares the record or lacks it), the record on
disk, the running process, a picture of the machine, and what each peer holds. Every step may follow every other:
appending, starting, crashing, meeting, pulling a part, writing the record, sending, rolling back. Entries that are
written after a rollback or in a copy are other entries at the same places. No rule is written here.

The powers of a case are what else may happen: `data`, `machine` and `live` roll back the data, the machine, and the
machine as it runs; `copy` and `moved` copy the data beside the record or away from it; `partial` pulls a part; `day`
lets 24 hours pass; `hand` has the user release; `leave` lets peers go; `gossip` lets peers that are gone pull from each
other and from run files; `twin` copies the machine, and both run at the same time; `quiet` has the copy write nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from mycelia_protocol import release
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.release import PATIENCE_MS, Place
from tests.scenarios.release_states import (
    LAST_ERA,
    START,
    Answer,
    Case,
    Line,
    Snapshot,
    State,
    Twin,
    canonical,
    forgetful,
)

# What the machine is asked; a planted mutant replaces one of them.
MACHINE = SimpleNamespace(
    **{name: getattr(release, name) for name in (
        "begin", "heard", "acknowledged", "left", "resumed", "overruled", "retired", "check_write", "check_peer",
        "releasing",
    )},
    writes_first=True,
)  # fmt: skip


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
    start = START._replace(peers=((),) * (case.honest + case.liars + case.files))
    result, came = Result(), {start: ("", start)}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        result.states += 1
        for step, named in _steps(case, state, machine):
            following = canonical(case, forgetful(case, named))
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
    if step not in ("send", "acknowledged"):
        return  # nothing has reached anybody
    lines = after.peers
    is_excused = after.is_excused and case.are_excuses_taken
    if not is_excused and any(_parts(one, other) for at, one in enumerate(lines) for other in lines[:at]):
        yield "two entries at one place were released"
    assert before.sending is not None
    peer, line = before.sending
    if peer < case.honest and _parts(before.peers[peer], line):
        yield "an honest peer was sent another past than the one it had said that it holds"


def _parts(one: Line, other: Line) -> bool:
    """Return whether two lines name two entries at one place; an entry commits to all before it."""
    shared = min(len(one), len(other))
    return shared > 0 and one[shared - 1] != other[shared - 1]


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
    yield "crash", state._replace(guard=None, sending=None, answer=Answer.NONE)
    is_quiet = "quiet" in case.powers and state.era > 0
    if len(state.line) < case.entries and not is_quiet and _may(machine.check_write, guard):
        entry = state.line[-1] + bytes([state.era])  # like an id it commits to all that stands before
        yield "append", state._replace(line=(*state.line, entry))
    if state.sending is not None:
        yield from _arrivals(case, state, machine)
        return
    if "day" in case.powers and guard.began_ms == 0:
        yield "a day passes", state._replace(guard=replace(guard, began_ms=-PATIENCE_MS))
    if "hand" in case.powers and not guard.has_passed:
        yield "released by hand", _answered(state._replace(guard=machine.overruled(guard)), Answer.LESS)
    for peer, held in enumerate(state.peers):
        if peer >= case.honest + case.liars:
            yield from _sendings(case, state, peer, machine, is_file=True)
            continue
        if peer >= case.honest:
            yield from _lies(state, peer, machine)
        else:
            yield from _meetings(case, state, peer, held, machine)
        yield from _sendings(case, state, peer, machine)
        if "leave" in case.powers and bytes([peer]) in guard.met:
            yield "leave", (gone := state._replace(guard=machine.left(guard, bytes([peer]))))
            if peer < case.honest:
                yield from _gossip(case, gone, peer)


def _happenings(case: Case, state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """What befalls the files and the machine, and what peers have of each other."""
    for peer in range(case.honest):
        if state.guard is None or bytes([peer]) not in state.guard.met:  # else it would say at once what is new
            yield from _gossip(case, state, peer)
    if "twin" in case.powers:
        yield from _twins(case, state, machine)
    is_known = state.record is not None and len(state.record.acknowledged) >= case.known
    if state.picture is None and state.era < LAST_ERA and is_known and case.powers & {"data", "machine", "live"}:
        yield "picture", state._replace(picture=Snapshot(state.line, state.record, state.guard))
    if (picture := state.picture) is not None and state.era < LAST_ERA:
        back = state._replace(line=picture.line, guard=None, sending=None, era=state.era + 1, answer=Answer.NONE)
        if "data" in case.powers:
            yield "data rolled back", back
        turned = back._replace(record=picture.record, was_turned_back=True)
        if "machine" in case.powers:
            yield "machine rolled back", turned
        if "live" in case.powers and picture.guard is not None:
            yield "machine resumed", turned._replace(guard=machine.resumed(picture.guard, now_ms=0))
    if state.guard is not None:
        return
    if state.shelf is None and state.away is False and state.era < LAST_ERA:
        if "copy" in case.powers:
            yield "copied", state._replace(shelf=(state.line, True))
        if "moved" in case.powers:
            yield "copied elsewhere", state._replace(shelf=(state.line, False), away=None)
    elif state.shelf is not None and state.era < LAST_ERA:
        line, is_shared = state.shelf
        record, away = (state.record, state.away) if is_shared else (state.away, state.record)
        assert not isinstance(record, bool)
        other = state._replace(line=line, shelf=(state.line, is_shared), era=state.era + 1)
        yield "the copy runs", other._replace(record=record, away=away)


def _gossip(case: Case, state: State, peer: int) -> Iterator[tuple[str, State]]:
    """A peer pulls from another, or reads a run file."""
    for held in set(state.peers) if "gossip" in case.powers else ():
        if len(held) > len(state.peers[peer]) and not _parts(held, state.peers[peer]):
            yield "gossip", state._replace(peers=(*state.peers[:peer], held, *state.peers[peer + 1 :]))


def _twins(case: Case, state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """The machine is copied, and from then on either of the two acts."""
    twin, guard = state.twin, state.guard
    if twin is not None:
        here = Twin(state.line, state.record, guard, state.sending, state.era)
        yield "the other machine acts", state._replace(**twin._asdict(), twin=here)
    elif state.record is not None and len(state.record.acknowledged) >= case.known and state.sending is None:
        running = guard and machine.resumed(guard, now_ms=0)
        yield "machine copied", state._replace(twin=Twin(state.line, state.record, running, None, 1))


def _meetings(case: Case, state: State, peer: int, held: Line, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """An honest peer says what it holds; what is lacking is pulled, and an own suffix that never left is dropped."""
    guard, line = state.guard, state.line
    assert guard is not None
    released = guard.record.released
    if _parts(line, held):
        at = next(place for place, (mine, theirs) in enumerate(zip(line, held, strict=False)) if mine != theirs)
        if released is not None and at <= released.sequence:
            parted = machine.retired(guard)  # both were released
            yield "meet another past", state._replace(guard=parted, record=parted.record)
            return
        line = held
    elif len(held) > len(line):
        line = held
    answer = Answer.ALL if len(held) == max(map(len, state.peers)) else Answer.LESS
    if line != state.line and "partial" in case.powers:
        begun = machine.heard(guard, bytes([peer]), _places(held), holds=_holds(state.line), now_ms=0)
        heard = state._replace(guard=begun, record=begun.record)
        is_counted = bytes([peer]) in begun.met
        yield "heads heard, nothing pulled", _answered(heard, answer) if is_counted else heard
        if state.line == held[: len(state.line)]:
            yield "pulled a part", state._replace(line=held[: len(state.line) + 1])
    met = machine.heard(guard, bytes([peer]), _places(held), holds=_holds(line), now_ms=0)
    yield "meet", _answered(state._replace(line=line, guard=met, record=met.record), answer)


def _answered(state: State, answer: Answer) -> State:
    return state._replace(answer=max(state.answer, answer)) if state.was_turned_back else state


def _lies(state: State, peer: int, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """A liar says that it holds nothing, any own entry, or one that nobody wrote."""
    assert state.guard is not None
    claims: list[tuple[Place, ...]] = [(), (Place(9, b"none"),)]
    claims += [(Place(at, entry),) for at, entry in enumerate(state.peers[peer])]
    for claim in claims:
        met = machine.heard(state.guard, bytes([peer]), claim, holds=_holds(state.line), now_ms=0)
        yield "lie", _answered(state._replace(guard=met, record=met.record), Answer.LESS)


def _sendings(
    case: Case, state: State, peer: int, machine: SimpleNamespace, *, is_file: bool = False
) -> Iterator[tuple[str, State]]:
    """The record is written for what will be sent, or put into a run file; the sending is another step."""
    guard = state.guard
    if guard is None or len(state.line) <= len(state.peers[peer]):
        return
    if not is_file and not _may(machine.check_peer, guard, bytes([peer])):
        return
    try:
        ready = machine.releasing(guard, _places(state.line)[0], now_ms=0, by_hand=is_file)
    except (Refused, Premature):
        return
    record = ready.record if machine.writes_first else state.record
    is_news = any(state.peers) and max(state.peers, key=len) != state.line
    is_unasked = state.answer is Answer.NONE and not (is_file and not guard.record.acknowledged)
    is_excuse = state.was_turned_back and is_news and state.answer is not Answer.ALL and not is_unasked
    yield (
        "record",
        state._replace(
            guard=ready, record=record, sending=(peer, state.line), is_excused=state.is_excused or is_excuse
        ),
    )


def _arrivals(case: Case, state: State, machine: SimpleNamespace) -> Iterator[tuple[str, State]]:
    """What was sent arrives; its acknowledgement does or does not."""
    guard, sending = state.guard, state.sending
    assert guard is not None
    assert sending is not None
    peer, line = sending
    peers = (*state.peers[:peer], line, *state.peers[peer + 1 :])
    done = state._replace(peers=peers, sending=None)
    yield "send", done
    if peer >= case.honest + case.liars:
        return  # a file acknowledges nothing
    known = machine.acknowledged(guard, bytes([peer]), _places(line)[0])
    yield "acknowledged", done._replace(guard=known, record=known.record)


def _may(check: object, *args: object) -> bool:
    try:
        check(*args)  # type: ignore[operator]
    except (Refused, Premature):
        return False
    return True
