"""Books: what members gave, made, used up and have, read from what counts.

Nothing here is entered by anybody: books are a projection of the standing (chapter 09) and of
the events that count (chapter 20), the same on every installation that holds the same
entries, whatever came first. They can be thrown away and made again.

A need and an offer between two become one event of the books, with both signatures: a line that
is done. What was delivered and not received is in transit, in nobody's account.

    >>> from mycelia_protocol.standing import Standing
    >>> list(Books(Standing(lambda _: None), lambda _: None).moved())
    []

Spec: 25-books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, cast

from .accumulators import AcceptedLine, LineId, ResourceId
from .actions import CITING, PLAIN
from .envelope import Entry, Header
from .kinds import designs
from .kinds.flows import commit_lines
from .kinds.intents import CELL, CLASS, TAIL, has_tail
from .kinds.kind import lines_about
from .lines import Line, Status
from .recipes import Recipe, read_recipe
from .standing import Standing


class Event(NamedTuple):
    """What one agent did with its own things (chapter 20)."""

    id: bytes
    chain: bytes
    sequence: int
    time: int  # of its chain's clock (chapter 05)
    action: str
    resource_class: str  # that of the resource, if it names one
    amount: int
    resource: ResourceId | None
    to: ResourceId | None
    process: bytes | None
    cell: int | None
    stage: str | None
    state: str | None
    effort_ms: int
    license: str | None


class Receipt(NamedTuple):
    """A `deliver` or `receive`, and its lines."""

    id: bytes
    chain: bytes
    sequence: int
    time: int  # of its chain's clock (chapter 05)
    kind: str
    lines: tuple[LineId, ...]


class Begun(NamedTuple):
    """A process, and the recipe that it follows."""

    id: bytes
    chain: bytes
    sequence: int
    time: int  # of its chain's clock (chapter 05)
    recipe: bytes | None


class Lot(NamedTuple):
    """What a chain says that a resource of it is labelled with (ValueFlows BatchLotRecord)."""

    id: bytes
    chain: bytes
    sequence: int
    resource: ResourceId
    code: str
    expires_ms: int | None


class Limit(NamedTuple):
    """A threshold: how much of an impact there is, or is to be reached, in a time (chapter 24)."""

    id: bytes
    chain: bytes
    sequence: int
    impact: str
    sense: str
    amount: int
    begin_ms: int
    end_ms: int


class Tail(NamedTuple):
    """What a need or an offer says besides class and amount: its action, its resource, its process or return."""

    id: bytes
    chain: bytes
    action: str
    resource_class: str
    resource: ResourceId | None
    other: bytes | None  # of a need: the process that it goes into; of an offer: the need that is asked for in return
    cell: int


class Moved(NamedTuple):
    """A line that both signed, or that was delivered and not received (ValueFlows EconomicEvent)."""

    line: LineId
    provider: bytes
    receiver: bytes
    need: bytes
    offer: bytes
    action: str
    resource_class: str
    amount: int
    is_done: bool


class Stated(NamedTuple):
    """What the headers say of a line, whoever's it is."""

    need: bytes
    offer: bytes
    amount: int
    provider: bytes


Record = Event | Receipt
# kinds that are read here
BOOKED = frozenset({"event", "process", "recipe", "lot", "threshold", "need", "offer", "deliver", "receive", "cancel"})


class Books:
    """The entries that books are made of. Feed it valid ones that count, in any order; twice is as good as once.

    `standing` is fed the same entries, and the forks. What no longer counts is taken back by chains, as there: `forget`
    them, and feed them again. `entry_of` gives any authentic entry by id. `accepted` gives what a chain's accumulators
    hold of a line that it accepted; it is asked where the commit has gone.
    """

    def __init__(
        self,
        standing: Standing,
        entry_of: Callable[[bytes], Entry | None],
        accepted: Callable[[bytes, LineId], AcceptedLine | None] = lambda _chain, _line: None,
    ) -> None:
        self.standing, self._entry_of, self._accepted = standing, entry_of, accepted
        self.records: dict[bytes, dict[bytes, Record]] = {}  # by chain
        self.changes: Counter[bytes] = Counter()  # by chain: how many times something was added or taken back
        self.processes: dict[bytes, Begun] = {}
        self.cancels: dict[bytes, set[bytes]] = {}  # by chain
        self.recipes: dict[bytes, Recipe] = {}
        self.lots: dict[bytes, Lot] = {}
        self.limits: dict[bytes, Limit] = {}
        self.tails: dict[bytes, Tail] = {}  # of needs and offers that have one

    def add(self, entry: Entry) -> None:
        """Count a valid entry."""
        header = entry.header
        if header.kind in BOOKED:
            self.changes[entry.chain] += 1
        match header.kind:
            case "event":
                self._keep(self._event(entry))
            case "deliver" | "receive":
                lines = lines_about(entry)
                self._keep(Receipt(entry.id, entry.chain, header.sequence, header.time, header.kind, lines))
            case "cancel":
                self.cancels.setdefault(entry.chain, set()).add(entry.id)
            case "process":
                at = cast(int | None, header.terms[0])
                recipe = None if at is None else header.dep(at)
                self.processes[entry.id] = Begun(entry.id, entry.chain, header.sequence, header.time, recipe)
            case "recipe":
                self.recipes[entry.id] = read_recipe(entry)
            case "lot":
                self.lots[entry.id] = _lot(entry)
            case "threshold":
                limit = cast(tuple[str, str, int, int, int], header.terms[:5])
                self.limits[entry.id] = Limit(entry.id, entry.chain, header.sequence, *limit)
            case "need" | "offer":
                if has_tail(header):
                    self.tails[entry.id] = _tail(entry)

    def forget(self, chains: Collection[bytes]) -> None:
        """Take back everything that these chains said."""
        for chain in chains:
            self.changes[chain] += 1
            self.records.pop(chain, None)
            self.cancels.pop(chain, None)
        for kept in (self.processes, self.recipes, self.lots, self.limits, self.tails):
            for name in [one.id for one in kept.values() if one.chain in chains]:
                del kept[name]

    def note_fork(self, chain: bytes, sequence: int) -> None:
        """Count that two authentic entries claim this place of a chain: the same word as to the standing."""
        self.standing.note_fork(chain, sequence)

    def said(self, chain: bytes) -> list[Record]:
        """Return what a chain said, by sequence; branches of a forked one are mixed."""
        return sorted(self.records.get(chain, {}).values(), key=_place)

    def early(self, chain: bytes) -> Iterator[Record]:
        """Yield what a chain said before it forked, by sequence; all of it, if it did not."""
        return (one for one in self.said(chain) if not self.standing.is_forked(chain, one.sequence))

    def late(self) -> tuple[list[Line], list[tuple[Line, list[ResourceId]]]]:
        """Return the done lines delivered late or by an heir alone, and those received late with what that made.

        The earliest accept goes first, as where a fork displaces lines (chapter 09).
        """
        standing, named = self.standing, dict[LineId, list[ResourceId]]()
        for chain in standing.forked_at:
            for record in self.said(chain):
                if isinstance(record, Receipt) and record.kind == "receive":
                    for place, line in enumerate(record.lines):
                        named.setdefault(line, []).append((record.id, place))
        delivered, received = list[Line](), list[tuple[Line, list[ResourceId]]]()
        told_late = [one for one in standing.lines.values() if self._is_told_late(one)]
        for known in sorted(told_late, key=lambda one: (one.signed.accept, one.id)):
            if standing.status(known) is not Status.DONE:
                continue
            given, taken = (known.marks.get(mark) for mark in zip(("deliver", "receive"), _ends(known), strict=True))
            if given is None or standing.is_forked(known.provider, given):
                delivered.append(known)
            if taken is not None and standing.is_forked(known.receiver, taken) and known.id in named:
                received.append((known, named[known.id]))
        return delivered, received

    def _is_told_late(self, line: Line) -> bool:
        """Whether a line may be done by what a forked chain said late, or an heir in the place of its provider."""
        standing = self.standing
        return not standing.forked_at.keys().isdisjoint(_ends(line)) or standing.has_heirs(line.provider)

    def is_booked(self, chain: bytes, name: bytes) -> bool:
        """Return whether an entry of a chain is in the books, or was summed up and has gone (chapter 19)."""
        begun = self.processes.get(name)
        booked = name in self.records.get(chain, {}) or name in self.cancels.get(chain, ())
        return booked or (begun is not None and begun.chain == chain) or self._entry_of(name) is None

    def receipts(self) -> dict[LineId, tuple[Receipt, int]]:
        """Return of each received line the receipt with the least place and id, and the line's number in it."""
        found: dict[LineId, tuple[Receipt, int]] = {}
        for records in self.records.values():
            for record in records.values():
                if isinstance(record, Receipt) and record.kind == "receive":
                    for number, line in enumerate(record.lines):
                        known = found.get(line)
                        if known is None or _place(record) < _place(known[0]):
                            found[line] = record, number
        return found

    def moved(self) -> Iterator[Moved]:
        """Yield what passed between two, and what is on its way, by the id of the line."""
        standing = self.standing
        for _, line in sorted(standing.lines.items()):
            offer = standing.offers.get(line.offer)
            if offer is None:
                continue
            status = standing.status(line)
            is_done = status is Status.DONE
            if is_done or (status is not Status.DISPLACED and standing.is_delivered(line)):
                tail = self.tails.get(line.offer)
                yield Moved(
                    line.id, line.provider, line.receiver, line.need, line.offer,
                    PLAIN if tail is None else tail.action, offer.resource_class, line.amount, is_done,
                )  # fmt: skip

    def stated(self, line: LineId, chain: bytes) -> Stated | None:
        """Return what a commit's header says of a line, or what a chain that accepted it knows; None if nobody does."""
        known = self.standing.lines.get(line)
        if known is not None:
            return Stated(known.need, known.offer, known.amount, known.provider)
        commit = self._entry_of(line[0])
        if commit is None:  # its header has gone (chapter 19)
            accepted = self._accepted(chain, line)
            return None if accepted is None else Stated(accepted.need, b"", accepted.amount, accepted.provider)
        lines = commit_lines(commit)
        if line[1] >= len(lines):
            return None
        row = self._entry_of(_link(commit.header, commit.header.terms[0]))
        has_offer = row is not None and row.header.kind == "row" and row.header.terms
        offer = _link(row.header, row.header.terms[0]) if row is not None and has_offer else b""
        return Stated(lines[line[1]].need, offer, lines[line[1]].amount, commit.chain)

    def _keep(self, record: Record) -> None:
        self.records.setdefault(record.chain, {})[record.id] = record

    def _event(self, entry: Entry) -> Event:
        header, terms = entry.header, entry.header.terms
        resource = _resource(entry, designs.RESOURCE)
        resource_class = terms[designs.CLASS]
        if resource_class is None and resource is not None and str(terms[designs.ACTION]) in CITING:
            resource_class = self._foreign_class(resource, entry.chain)
        at = cast(int | None, terms[designs.PROCESS])
        return Event(
            entry.id, entry.chain, header.sequence, header.time, str(terms[designs.ACTION]),
            cast(str, resource_class or ""), cast(int, terms[designs.AMOUNT] or 0), resource,
            _resource(entry, designs.TO), None if at is None else header.dep(at), cast(int | None, terms[designs.CELL]),
            cast(str | None, terms[designs.STAGE]), cast(str | None, terms[designs.STATE]),
            cast(int, terms[designs.EFFORT_MS] or 0), cast(str | None, terms[designs.LICENSE]),
        )  # fmt: skip

    def _foreign_class(self, resource: ResourceId, chain: bytes) -> str:
        """Return the class of another chain's resource, which a rule saw the form of; "" of an own one."""
        maker = self._entry_of(resource[0])
        if maker is None or maker.chain == chain or maker.header.kind != "event":
            return ""
        stated = maker.header.terms[designs.CLASS] if len(maker.header.terms) == designs.TERMS else None
        return stated if isinstance(stated, str) else ""


def _place(record: Record) -> tuple[int, bytes]:
    return record.sequence, record.id


def _ends(line: Line) -> tuple[bytes, bytes]:
    return line.provider, line.receiver


def _link(header: Header, at: object) -> bytes:
    """Return the link that a term of an entry points to, which may be invalid; b"" where there is none."""
    links = header.links
    return links[at] if type(at) is int and 0 <= at < len(links) else b""


def _resource(entry: Entry, at: int) -> ResourceId | None:
    index, number = cast(list[int | None], entry.header.terms[at : at + 2])
    return None if index is None or number is None else (entry.header.dep(index), number)


def _lot(entry: Entry) -> Lot:
    index, number, code, expires_ms = cast(tuple[int, int, str, int | None], entry.header.terms)
    resource = entry.header.dep(index), number
    return Lot(entry.id, entry.chain, entry.header.sequence, resource, code, expires_ms)


def _tail(entry: Entry) -> Tail:
    header = entry.header
    action, _, *rest = cast(list[int | None], header.terms[-TAIL:])
    # a need: process, resource, number; an offer: resource, number, need in return
    other_at, resource_at, number = rest if header.kind == "need" else (rest[2], *rest[:2])
    resource = None if resource_at is None or number is None else (header.dep(resource_at), number)
    other = None if other_at is None else header.dep(other_at)
    cell = cast(int, header.terms[CELL])
    return Tail(entry.id, entry.chain, str(action), str(header.terms[CLASS]), resource, other, cell)
