"""An exhaustive search of small commons, driven by the project's own `judge` and `Standing`.

What is searched: all that a few chains can ever say about a few needs and offers, whatever arrives when and
whoever lies. An author may cite any foreign entry that exists, at any moment or never (a custom entry that names
it), and may publish entries that the rules refuse, which others may cite. Time is free: a guard that reads the
clock passes or fails at the author's choice. That contains every honest author and every order of delivery.

Validity reads only accumulators and named headers, so a state is not a set of sequences but the facts that rules
can read: one record a line, one an intent. Chains are of any length; the one bound is the number of commits of an
offer. Interchangeable lines are sorted, interchangeable chains swapped. No rule is written here: candidates are
tried and the project's verdict decides. Forks are not searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mycelia_protocol import compose
from mycelia_protocol.accumulators import Mark
from mycelia_protocol.envelope import Entry
from mycelia_protocol.standing import Standing, Status
from tests.scenarios.consent_states import GIVEN_UP, NOTE, SAID_MS, SAYINGS, Case, LineState, State, said
from tests.scenarios.consent_world import World


@dataclass
class Result:
    """What a search saw."""

    states: int = 0
    steps: int = 0
    broken: dict[str, State] = field(default_factory=dict)
    reached: list[State] = field(default_factory=list)


class Observer:
    """Someone who holds every entry of a state, and the invariants that it looks for."""

    def __init__(self, world: World, standing: type[Standing] = Standing) -> None:
        self.world = world
        self.standing_type = standing
        self.statuses: dict[LineState, Status] = {}

    def entries(self, line: LineState, slot: int = 0) -> list[Entry]:
        """Return the valid entries about a line, as a standing is fed with them."""
        commit = self.world.commit_id(slot, line)
        entries = [self.world.held[commit]] if line.is_valid else []
        for saying in SAYINGS:
            if line.has(saying):
                author, content = self.world.author(saying, line), self.world.about(saying, slot, line)
                if saying == "release":
                    exits = [exit_ for exit_ in ("lapse", "cancel") if line.exists(exit_)]
                    cited = [self.world.saying_id(exit_, slot, line) for exit_ in exits]
                    content = compose.on_lines("release", [(commit, 0)], cited)
                entries.append(
                    said(author, content.kind, tuple(content.terms), content.deps, f"{saying} {slot}", SAID_MS)
                )
        given_up = [
            self.world.saying_id(saying, slot, line)
            for saying, mark, bit in (("release", Mark.CITES_RELEASE, 1), ("cancel by provider", Mark.CITES_CANCEL, 2))
            if (line.taken >= 0 and line.taken & mark) or line.cited & bit
        ]
        if given_up:
            cites = b"".join(sorted(given_up))
            entries.append(said(self.world.receiver(line), NOTE, (), cites, f"note {slot}", SAID_MS))
        return entries

    def standing(self, entries: list[Entry]) -> Standing:
        """Return the standing of the intents and these entries."""
        standing = self.standing_type(self.world.held.get)
        for entry in (*self.world.intents, *entries):
            standing.add(entry)
        return standing

    def status(self, line: LineState) -> Status:
        """Return where a line stands; an invalid commit has no lines, so nothing stands on them."""
        status = self.statuses.get(line)
        if status is None:
            standing = self.standing(self.entries(line))
            known = standing.lines.get((self.world.commit_id(0, line), 0))
            status = self.statuses[line] = Status.VOID if known is None else standing.status(known)
        return status

    def broken(self, state: State) -> Iterator[str]:
        """Yield the invariants that a state breaks."""
        statuses = [(line, self.status(line)) for line in state.lines]
        for at, (_, capacity) in enumerate(self.world.case.offers):
            mine = [(line, status) for line, status in statuses if line.offer == at and line.is_valid]
            if sum(line.amount for line, status in mine if _is_live(status) or line.has("deliver")) > capacity:
                yield "live or delivered lines exceed the capacity"
            if state.offers[at].committed != sum(line.amount for line, _ in mine if not _freed_by_provider(line)):
                yield "the committed sum is not that of the lines"
            if sum(line.amount for line, status in mine if _is_live(status)) > state.offers[at].committed:
                yield "more lines are live than the provider counts"
        for at, (_, quantity) in enumerate(self.world.case.needs):
            asked = [(line, status) for line, status in statuses if line.need == at]
            if sum(line.amount for line, status in asked if status in (Status.FIRM, Status.DONE)) > quantity:
                yield "firm and done lines exceed the need"
            if state.needs[at][1] != sum(line.amount for line, _ in asked if _counts_for_receiver(line)):
                yield "the accepted sum is not that of the lines"
            if sum(line.amount for line, status in asked if status in (Status.FIRM, Status.DONE)) > state.needs[at][1]:
                yield "more lines are firm or done than the receiver counts"
            sent = [(line, status) for line, status in asked if line.has("deliver") and line.has("accept")]
            if sum(line.amount for line, status in sent if status is not Status.DISPUTED) > quantity:
                yield "deliveries exceed the need by more than what is disputed"
        for line, status in statuses:
            if line.has("deliver") and (line.has("release") or line.has("cancel by provider")):
                yield "a delivered line was freed by its provider"
            if status in (Status.FIRM, Status.DONE) and not (line.is_valid and line.has("accept")):
                yield "a chain was bound that did not bind itself"
            if line.has("deliver") and line.has("accept") and line.taken >= 0 and not line.taken & Mark.ACCEPTED:
                yield "a delivered line was refused without a debt"


def search(case: Case, *, standing: type[Standing] = Standing, stop_when_broken: bool = False) -> Result:
    """Visit every state of a case; stop at the first broken invariant if asked."""
    world, result = World(case), Result()
    observer = Observer(world, standing)
    start = world.canonical(world.start())
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        found = list(observer.broken(state))
        for then, lacking in world.moves(state):
            result.steps += 1
            if lacking is not None:
                found.append(lacking)
            then = world.canonical(then)
            if then not in seen:
                seen.add(then)
                todo.append(then)
        for invariant in found:
            result.broken.setdefault(invariant, state)
        if found and stop_when_broken:
            break
    result.states, result.reached = len(seen), sorted(seen)
    return result


def _is_live(status: Status) -> bool:
    return status not in (Status.VOID, Status.DISPUTED)


def _freed_by_provider(line: LineState) -> bool:
    return line.has("release") or line.has("cancel by provider")


def _counts_for_receiver(line: LineState) -> bool:
    gone = line.has("lapse") or line.has("cancel") or line.cited & 3 or line.taken & GIVEN_UP
    return line.has("accept") and (line.has("receive") or not gone)
