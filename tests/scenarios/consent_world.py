"""A small commons of the search: its chains, and every entry that one of them could say next."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import permutations, product

from mycelia_protocol import compose
from mycelia_protocol.accumulators import (
    AcceptedLine,
    Cited,
    CommittedLine,
    Fact,
    FactKey,
    Mark,
    NeedFacts,
    OfferFacts,
    Prefix,
)
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.flows import FREED
from mycelia_protocol.validation import Verdict, extend, judge
from tests.builders import CELL
from tests.scenarios.consent_states import (
    CLOSED,
    EARLY_MS,
    END_MS,
    HOLD_MS,
    LATE_MS,
    LAW,
    MISSTEP,
    NOTE,
    PROVIDERS,
    REMEMBERED,
    SAID_MS,
    SAYINGS,
    Case,
    LineState,
    OfferState,
    State,
    chain,
    name,
    said,
)


class World:
    """A case, its chains and its moves."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.held: dict[bytes, Entry] = {}
        self.own: dict[bytes, dict[bytes, Entry]] = {}
        self._answers: dict[object, tuple[Verdict, Prefix]] = {}
        self._state: State | None = None  # that was asked about last
        self._facts: dict[bytes, tuple[tuple[FactKey, Fact], ...]] = {}  # of each chain in it
        for at, (receiver, quantity) in enumerate(case.needs):
            content = compose.need("food", quantity, CELL, begin_ms=0, end_ms=END_MS, urgency=0)
            self._hold(chain("receiver", receiver), content, f"need {at}", is_own=True)
        for at, (provider, capacity) in enumerate(case.offers):
            author = chain("provider", provider)
            offer = self._hold(author, compose.offer("food", capacity, CELL, begin_ms=0, end_ms=END_MS),
                               f"offer {at}", is_own=True)  # fmt: skip
            self._hold(author, compose.row(offer=offer.id, previous=None, lines=[]), f"row {at}", is_own=True)
            for need in range(len(case.needs)):
                for amount in case.amounts:
                    for slot in range(case.commits * len(case.offers)):
                        self._hold_line(slot, at, need, amount)
        for at, (receiver, _) in enumerate(case.needs):
            self._hold(chain("receiver", receiver), compose.withdraw(name(f"need {at}")), f"withdraw {at}")
        self.intents = [entry for entry in self.held.values() if entry.header.kind in ("need", "offer")]
        self.swaps = list(self._swaps())

    def _hold(self, author: bytes, content: Content, at: str, *, is_own: bool = False) -> Entry:
        entry = said(author, content.kind, tuple(content.terms), content.deps, at, SAID_MS)
        self.held[entry.id] = entry
        if is_own:
            self.own.setdefault(author, {})[entry.id] = entry
        return entry

    def _hold_line(self, slot: int, offer: int, need: int, amount: int) -> None:
        line = LineState(offer, need, amount, True)
        commit = self.commit_id(slot, line)
        content = compose.commit(row=name(f"row {offer}"), hold_ms=HOLD_MS, until_ms=HOLD_MS,
                                 lines=[(name(f"need {need}"), amount)])  # fmt: skip
        self._hold(self.provider(line), content, commit.decode().rstrip("."))
        for saying in SAYINGS:
            at = self.saying_id(saying, slot, line).decode().rstrip(".")
            self._hold(self.author(saying, line), self.about(saying, slot, line), at)

    def _swaps(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Yield the renamings of needs and offers that leave the case as it is."""
        for needs in permutations(range(len(self.case.needs))):
            for offers in permutations(range(len(self.case.offers))):
                if _same_shape(self.case.needs, needs) and _same_shape(self.case.offers, offers):
                    yield needs, offers

    def commit_id(self, slot: int, line: LineState) -> bytes:
        return _line_name("commit", slot, line.offer, line.need, line.amount)

    def saying_id(self, saying: str, slot: int, line: LineState) -> bytes:
        return _line_name(saying, slot, line.offer, line.need, line.amount)

    def provider(self, line: LineState) -> bytes:
        return chain("provider", self.case.offers[line.offer][0])

    def receiver(self, line: LineState) -> bytes:
        return chain("receiver", self.case.needs[line.need][0])

    def author(self, saying: str, line: LineState) -> bytes:
        return self.provider(line) if saying in PROVIDERS else self.receiver(line)

    def about(self, saying: str, slot: int, line: LineState) -> Content:
        """Return what one says about a line."""
        return _about(saying, line.need, self.commit_id(slot, line))

    def start(self) -> State:
        """Return the state in which needs and offers are published and nothing else."""
        rows = not self.case.rows
        return State((), tuple((False, 0) for _ in self.case.needs),
                     tuple(OfferState(has_row=rows) for _ in self.case.offers))  # fmt: skip

    def facts(self, state: State, author: bytes) -> dict[FactKey, Fact]:
        """Return the accumulators of a chain."""
        facts: dict[FactKey, Fact] = {}
        for at, (receiver, _) in enumerate(self.case.needs):
            if chain("receiver", receiver) == author:
                facts["need", name(f"need {at}"), -1] = NeedFacts(*state.needs[at])
        for at, (provider, _) in enumerate(self.case.offers):
            if chain("provider", provider) == author:
                withdrawn, committed, has_row, tentative = state.offers[at]
                facts["offer", name(f"offer {at}"), -1] = OfferFacts(
                    withdrawn, committed, name(f"row {at}") if has_row else None,
                    tuple((name(f"need {need}"), amount) for need, amount in tentative),
                )  # fmt: skip
        for slot, line in enumerate(state.lines):
            commit = self.commit_id(slot, line)
            if line.is_valid and self.provider(line) == author:
                facts["committed", commit, 0] = CommittedLine(
                    name(f"offer {line.offer}"), name(f"need {line.need}"), self.receiver(line), line.amount,
                    HOLD_MS, HOLD_MS, line.given,
                )  # fmt: skip
            if self.receiver(line) == author:
                if line.taken >= 0:
                    facts["accepted", commit, 0] = AcceptedLine(
                        name(f"need {line.need}"), self.provider(line), line.amount, HOLD_MS, line.taken
                    )
                if line.cited:
                    kinds = [kind for bit, kind in enumerate(REMEMBERED) if line.cited >> bit & 1]
                    facts["cited", commit, 0] = Cited(tuple(sorted((kind, self.provider(line)) for kind in kinds)))
        for owner, need in state.cited:
            if chain("provider", owner) == author:
                asker = chain("receiver", self.case.needs[need][0])
                facts["cited", name(f"need {need}"), -1] = Cited((("withdraw", asker),))
        return facts

    def ask(self, state: State, author: bytes, content: Content, ms: int, *, at: str = "now") -> tuple[Verdict, Prefix]:
        """Return the project's verdict on what a chain would say now, and the prefix it extends."""
        if state is not self._state:
            self._state, self._facts = state, {one: tuple(self.facts(state, one).items()) for one in self.own}
        facts, terms = self._facts[author], tuple(content.terms)
        asked = (author, content.kind, terms, content.deps, at, ms, facts)
        if asked not in self._answers:  # a verdict reads nothing else, so many states share it
            prefix = Prefix(author, b"", b"", 0, 0, dict(facts), self.own[author].get)
            entry = said(author, content.kind, terms, content.deps, at, ms)
            verdict = judge(entry, prefix, self.held.get, LAW)
            extend(prefix, entry, verdict)
            self._answers[asked] = verdict, prefix
        return self._answers[asked]

    def after(self, state: State, author: bytes, prefix: Prefix) -> State:
        """Return the state with the accumulators of one chain read back."""
        lines = list(state.lines)
        for slot, line in enumerate(lines):
            commit = self.commit_id(slot, line)
            given, taken = prefix.facts.get(("committed", commit, 0)), prefix.facts.get(("accepted", commit, 0))
            cited = prefix.facts.get(("cited", commit, 0))
            if isinstance(given, CommittedLine):
                marks = given.marks & CLOSED or given.marks  # what a closed line cites is never read again
                line = line._replace(given=int(marks))
            if isinstance(taken, AcceptedLine):
                line = line._replace(taken=int(taken.marks))
            if isinstance(cited, Cited) and self.receiver(line) == author:
                bits = sum(1 << bit for bit, kind in enumerate(REMEMBERED) if kind in dict(cited.by))
                line = line._replace(cited=bits)
            lines[slot] = line
        needs, offers, withdrawals = list(state.needs), list(state.offers), set(state.cited)
        for (record, key, _), fact in prefix.facts.items():
            at = int(key.decode().rstrip(".").split()[-1]) if record in ("need", "offer", "cited") else -1
            if isinstance(fact, NeedFacts):
                needs[at] = (fact.withdrawn, fact.accepted)
            elif isinstance(fact, OfferFacts):
                tentative = tuple(sorted((int(need[5:6]), amount) for need, amount in fact.tentative))
                offers[at] = OfferState(fact.withdrawn, fact.committed, fact.row is not None, tentative)
            elif isinstance(fact, Cited) and key.startswith(b"need"):
                withdrawals |= {(p, at) for p, _ in self.case.offers if chain("provider", p) == author}
        return State(tuple(lines), tuple(needs), tuple(offers), tuple(sorted(withdrawals)))

    def canonical(self, state: State) -> State:
        """Return the one state that stands for all that differ in names only."""
        best = None
        for needs, offers in self.swaps:
            lines = sorted(line._replace(need=needs[line.need], offer=offers[line.offer]) for line in state.lines)
            swapped = State(
                tuple(lines),
                tuple(state.needs[needs.index(at)] for at in range(len(needs))),
                tuple(_renamed(state.offers[offers.index(at)], needs) for at in range(len(offers))),
                tuple(sorted((self._swapped_provider(p, offers), needs[need]) for p, need in state.cited)),
            )
            best = swapped if best is None or swapped < best else best
        assert best is not None
        return best

    def _swapped_provider(self, provider: int, offers: tuple[int, ...]) -> int:
        first = next(at for at, (owner, _) in enumerate(self.case.offers) if owner == provider)
        return self.case.offers[offers[first]][0]

    def moves(self, state: State) -> Iterator[tuple[State, str | None]]:
        """Yield every state one entry further, and the freedom that somebody turned out to lack."""
        for slot, line in enumerate(state.lines):
            yield from self._say(state, slot, line)
            yield from self._cite(state, slot, line)
        for at in range(len(self.case.needs)):
            yield from self._withdraw(state, at)
        for offer in range(len(self.case.offers)):
            if self.case.rows:
                yield from self._rows(state, offer)
            if sum(line.offer == offer for line in state.lines) < self.case.commits:
                yield from self._commit(state, offer)

    def _say(self, state: State, slot: int, line: LineState) -> Iterator[tuple[State, str | None]]:
        for bit, saying in enumerate(SAYINGS):
            if line.has(saying):
                continue
            author, content = self.author(saying, line), self.about(saying, slot, line)
            is_exit = saying in ("release", "lapse")
            verdict, prefix = self.ask(state, author, content, LATE_MS if is_exit else EARLY_MS)
            if verdict.is_valid:
                then = self.after(state, author, prefix)
                known = line.said & ~(1 << (bit + MISSTEP)) | 1 << bit
                yield _with(then, slot, then.lines[slot]._replace(said=known)), None
            elif saying == "cancel by provider" and line.is_valid and not line.given & CLOSED:
                yield state, "a provider cannot free capacity that it did not deliver"
            elif saying == "cancel" and line.taken & Mark.ACCEPTED and not line.taken & (FREED | Mark.RECEIVED):
                yield state, "a receiver cannot free a need that nothing was received for"
            if saying in self.case.missteps and not line.exists(saying):
                odd, _ = self.ask(state, author, content, EARLY_MS if is_exit else LATE_MS)
                if not odd.is_valid:
                    yield _with(state, slot, line._replace(said=line.said | 1 << (bit + MISSTEP))), None

    def _cite(self, state: State, slot: int, line: LineState) -> Iterator[tuple[State, str | None]]:
        for saying in SAYINGS:
            if saying != "receive" and line.exists(saying):
                reader = self.receiver(line) if saying in PROVIDERS else self.provider(line)
                note = Content(NOTE, [], self.saying_id(saying, slot, line))
                verdict, prefix = self.ask(state, reader, note, EARLY_MS)
                if verdict.changes:
                    yield self.after(state, reader, prefix), None

    def _withdraw(self, state: State, need: int) -> Iterator[tuple[State, str | None]]:
        if not self.case.withdrawals:
            return
        author = chain("receiver", self.case.needs[need][0])
        verdict, prefix = self.ask(state, author, compose.withdraw(name(f"need {need}")), EARLY_MS)
        if verdict.is_valid:
            yield self.after(state, author, prefix), None
        if state.needs[need][0]:
            for provider in {provider for provider, _ in self.case.offers}:
                reader = chain("provider", provider)
                _, prefix = self.ask(state, reader, Content(NOTE, [], name(f"withdraw {need}")), EARLY_MS)
                yield self.after(state, reader, prefix), None

    def _rows(self, state: State, offer: int) -> Iterator[tuple[State, str | None]]:
        author = chain("provider", self.case.offers[offer][0])
        for amounts in product((0, *self.case.amounts), repeat=len(self.case.needs)):
            verdict, prefix = self.ask(state, author, self._row(state, offer, enumerate(amounts)), EARLY_MS,
                                       at=f"row {offer}")  # fmt: skip
            if verdict.is_valid:
                yield self.after(state, author, prefix), None

    def _row(self, state: State, offer: int, amounts: Iterator[tuple[int, int]] | enumerate[int]) -> Content:
        previous = name(f"row {offer}") if state.offers[offer].has_row else None
        lines = [(name(f"need {need}"), amount) for need, amount in amounts if amount]
        return compose.row(offer=name(f"offer {offer}"), previous=previous, lines=lines)

    def _commit(self, state: State, offer: int) -> Iterator[tuple[State, str | None]]:
        author = chain("provider", self.case.offers[offer][0])
        for need, amount in product(range(len(self.case.needs)), self.case.amounts):
            before = state
            if not self.case.rows:
                row = self._row(state, offer, iter([(need, amount)]))
                verdict, prefix = self.ask(state, author, row, EARLY_MS, at=f"row {offer}")
                if verdict.is_valid:
                    before = self.after(state, author, prefix)
            line, slot = LineState(offer, need, amount, True), len(state.lines)
            commit = self.commit_id(slot, line)
            content = compose.commit(row=name(f"row {offer}"), hold_ms=HOLD_MS, until_ms=HOLD_MS,
                                     lines=[(name(f"need {need}"), amount)])  # fmt: skip
            verdict, prefix = self.ask(before, author, content, EARLY_MS, at=commit.decode().rstrip("."))
            if verdict.is_valid:
                yield self.after(before._replace(lines=(*before.lines, line)), author, prefix), None
            if "commit" in self.case.missteps:
                yield state._replace(lines=(*state.lines, line._replace(is_valid=False))), None


@cache
def _line_name(saying: str, slot: int, offer: int, need: int, amount: int) -> bytes:
    return name(f"{saying} {slot} {offer} {need} {amount}")


@cache
def _about(saying: str, need: int, commit: bytes) -> Content:
    if saying == "accept":
        return compose.accept(need=name(f"need {need}"), lines=[(commit, 0)])
    return compose.on_lines(saying.split()[0], [(commit, 0)])


def _same_shape(owners: tuple[tuple[int, int], ...], order: tuple[int, ...]) -> bool:
    """Whether renaming keeps amounts, and keeps together what one chain owns."""
    moved = {at: owners[to] for at, to in enumerate(order)}
    pairs = {(owners[at][0], moved[at][0]) for at in moved}
    return all(owners[at][1] == moved[at][1] for at in moved) and len(pairs) == len({one for one, _ in pairs})


def _renamed(offer: OfferState, needs: tuple[int, ...]) -> OfferState:
    return offer._replace(tentative=tuple(sorted((needs[need], amount) for need, amount in offer.tentative)))


def _with(state: State, slot: int, line: LineState) -> State:
    return state._replace(lines=(*state.lines[:slot], line, *state.lines[slot + 1 :]))
