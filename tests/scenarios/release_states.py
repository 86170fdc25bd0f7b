"""The states of the release search: the files, the process, what each peer holds, and who could have warned it."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import NamedTuple

from mycelia_protocol.release import Guard, Record

Line = tuple[bytes, ...]

LAST_ERA = 2  # a machine is turned back, or its data are changed for others, so often


class Case(NamedTuple):
    """The bounds of a search."""

    honest: int  # peers
    liars: int
    entries: int  # of a line
    powers: frozenset[str]  # what else may happen, see `release_search`
    known: int = 0  # peers that have acknowledged when the picture is taken, or the machine is copied
    files: int = 0  # run files: they hold what was written into them, and say nothing
    are_excuses_taken: bool = True  # or a fork after a rollback of the whole machine is a broken invariant, too


class Answer(IntEnum):
    """What a machine that was turned back has been told."""

    NONE = 0
    LESS = 1  # by peers who lack what was released last, or by the user
    ALL = 2


class Snapshot(NamedTuple):
    """A picture of the data, of the machine, or of the machine as it runs."""

    line: Line
    record: Record | None
    guard: Guard | None


class Twin(NamedTuple):
    """The machine beside the one that acts: copied from it, record and all, and running at the same time."""

    line: Line
    record: Record | None
    guard: Guard | None
    sending: tuple[int, Line] | None
    era: int


class State(NamedTuple):
    """Everything that matters for what may come."""

    line: Line  # the data directory in use
    record: Record | None  # on disk, outside it
    guard: Guard | None  # the process; None: it does not run
    sending: tuple[int, Line] | None  # the record of it is on disk, or will be, by mutation
    peers: tuple[Line, ...]  # the honest, the liars, the run files
    era: int  # of entries that are written now
    shelf: tuple[Line, bool] | None  # another data directory, and whether the record is that of this one
    away: Record | bool | None  # the record of the machine that is not in use; False: there is none
    picture: Snapshot | None
    was_turned_back: bool  # the whole machine was
    answer: Answer  # to a machine that was turned back, in this run of the process
    is_excused: bool  # it was turned back, and released by an answer that did not name what was released last
    twin: Twin | None = None


START = State((b"o",), Record(), None, None, (), 0, None, False, None, False, Answer.NONE, False)


def forgetful(case: Case, state: State) -> State:
    """Return the state without what no step will ever read."""
    if (picture := state.picture) is not None:
        if state.era == LAST_ERA:
            picture = None
        elif not case.powers & {"machine", "live"}:
            picture = Snapshot(picture.line, None, None)
        elif "live" not in case.powers:
            picture = picture._replace(guard=None)
    is_over = state.era == LAST_ERA and state.shelf is not None
    if picture is not state.picture or is_over:
        return state._replace(
            picture=picture, shelf=None if is_over else state.shelf, away=False if is_over else state.away
        )
    return state


def canonical(case: Case, state: State) -> State:
    """Return the one state that stands for all that differ in the names of peers only.

    A peer is known by what it holds and by the sets it is in, so sorting by these is enough.
    """
    if case.honest < 2 and case.liars < 2:
        return state
    known, peers = _sets(state), len(state.peers)
    ids = [bytes([at]) for at in range(peers)]
    target = state.sending[0] if state.sending else -1
    other = state.twin.sending[0] if state.twin and state.twin.sending else -1
    marks = [(state.peers[at], at == target, at == other, [ids[at] in one for one in known]) for at in range(peers)]
    speakers = case.honest + case.liars
    order = [
        *sorted(range(case.honest), key=marks.__getitem__),
        *sorted(range(case.honest, speakers), key=marks.__getitem__),
        *range(speakers, peers),
    ]
    if order == list(range(peers)):
        return state
    return _renamed(state, order)


def _sets(state: State) -> list[frozenset[bytes]]:
    found = []
    for holder in (state, state.picture, state.twin):
        if holder is not None:
            found += [holder.record.acknowledged] if holder.record else []
            guard = holder.guard
            found += [guard.record.acknowledged, guard.met, guard.reported] if guard else []
    return [*found, state.away.acknowledged] if isinstance(state.away, Record) else found


def _renamed(state: State, order: list[int]) -> State:
    to = {bytes([old]): bytes([new]) for new, old in enumerate(order)}

    def names(some: frozenset[bytes]) -> frozenset[bytes]:
        return frozenset([to[one] for one in some])

    def record(one: Record | None) -> Record | None:
        return one and Record(one.released, names(one.acknowledged), one.is_retired)

    def guard(one: Guard | None) -> Guard | None:
        if one is None:
            return None
        inner = record(one.record)
        assert inner is not None
        return replace(one, record=inner, met=names(one.met), reported=names(one.reported))

    def sending(one: tuple[int, Line] | None) -> tuple[int, Line] | None:
        return one and (order.index(one[0]), one[1])

    picture, twin = state.picture, state.twin
    return state._replace(
        record=record(state.record),
        guard=guard(state.guard),
        sending=sending(state.sending),
        peers=tuple([state.peers[old] for old in order]),
        away=record(state.away) if isinstance(state.away, Record) else state.away,
        picture=picture and picture._replace(record=record(picture.record), guard=guard(picture.guard)),
        twin=twin and twin._replace(record=record(twin.record), guard=guard(twin.guard), sending=sending(twin.sending)),
    )
