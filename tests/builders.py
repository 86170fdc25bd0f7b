"""A commons in memory: chains that publish through the project's own judge and extend, with good defaults.

    >>> commons = Commons()
    >>> anna, bo = commons.member("anna"), commons.member("bo")
    >>> need = anna.need(amount=10)
    >>> offer = bo.offer(amount=6)
    >>> line = bo.commit(bo.row(offer, (need, 6)), (need, 6)), 0
    >>> accept = anna.accept(need, line)
    >>> commons.status(line)
    <Status.FIRM: 'firm'>

Refusals are raised as they come from the rules; `Member.misstep` publishes an entry although it is invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mycelia_protocol import compose, keys
from mycelia_protocol.accumulators import LineId, NeedFacts, OfferFacts, Prefix, Resource, ResourceId
from mycelia_protocol.chain import next_time
from mycelia_protocol.charter import Charter, ResourceClass, found
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content, NeedTail, OfferTail
from mycelia_protocol.envelope import Entry, Header, Term, seal
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds.checkpoints import checkpoint_of
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import KINDS as MEMBERSHIP
from mycelia_protocol.membership import Members
from mycelia_protocol.standing import Standing, Status
from mycelia_protocol.validation import Verdict, extend, judge

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
CELL = 0x08928308280FFFFF  # H3, resolution 9, San Francisco
INCARNATION = bytes(range(8))

Line = tuple[Entry | bytes, int]  # a commit and the number of its line, or a need and an amount


def charter(**changes: Any) -> Charter:
    """Return a charter with two resource classes; `changes` are the numbers that `found` takes."""
    classes = {"food": ResourceClass("kg", 1, 10), "care": ResourceClass("h", 1, 4)}
    return found("Oost", seed=bytes(16), classes=classes, **changes)


class Commons:
    """Some chains, everything they said in order of acceptance, and what it adds up to."""

    def __init__(self, law: Charter | None = None) -> None:
        self.charter = law or charter()
        self.now_ms = NOW_MS
        self.held: dict[bytes, Entry] = {}
        self.valid: list[Entry] = []
        self.members = Members(self.charter, self.held.get)
        self.standing = Standing(
            self.held.get, self.members.heirs, Lineage(self.held.get, self.charter).inheritance,
            is_backed=self.members.is_backed,
        )  # fmt: skip

    def member(self, name: str, *, now_ms: int | None = None) -> Member:
        """Open the chain of a member, whose key is made from its name."""
        return Member(self, name, self.now_ms if now_ms is None else now_ms)

    def wait(self, ms: int) -> None:
        """Let time go by."""
        self.now_ms += ms

    def status(self, line: Line) -> Status:
        """Return where a line stands."""
        return self.standing.status(self.standing.lines[line_id(line)])


class Member:
    """One chain of a commons, and the short forms of what it can say."""

    def __init__(self, commons: Commons, name: str, now_ms: int, opening: Content | None = None) -> None:
        self.commons = commons
        self.name = name
        self.pair = keys.keypair(digest(name.encode()))
        self.own: dict[bytes, Entry] = {}
        terms: list[Term] = [self.pair.public, None] if opening is None else opening.terms
        deps = b"" if opening is None else opening.deps
        named = [commons.held[deps[at : at + 32]].header.time for at in range(0, len(deps), 32)]
        time, incarnation = next_time(now_ms, *named), INCARNATION
        if opening is not None and opening.moment is not None:
            time, incarnation = opening.moment
        header = Header(None, 0, None, time, "open", 0, incarnation, deps, None, None, 0, terms)
        self.opening = seal(header, self.pair, network=commons.charter.network)
        self.chain = self.opening.id
        self.prefix = Prefix(self.chain, self.pair.public, b"", -1, 0, {}, self.own.get)
        self._take(self.opening)

    def draft(self, content: Content, *, time: int | None = None, charter_version: int | None = None) -> Entry:
        """Return the signed entry that would say `content` next, not yet taken."""
        named = [self.commons.held[link] for link in links(content) if link in self.commons.held]
        if charter_version is None:
            charter_version = 0 if self.prefix.version is None else self.prefix.version.number
        if time is None:
            time = next_time(self.commons.now_ms, self.prefix.time, *(entry.header.time for entry in named))
        header = Header(
            self.chain, self.prefix.sequence + 1, self.prefix.tip, time, content.kind, charter_version,
            INCARNATION, content.deps, None, None, 0, content.terms,
        )  # fmt: skip
        return seal(header, self.pair, network=self.commons.charter.network)

    def judge(self, entry: Entry) -> Verdict:
        """Return the verdict on an entry at the tip of this chain; nothing changes."""
        return judge(entry, self.prefix, self.commons.held.get, self.commons.charter)

    def say(self, content: Content) -> Entry:
        """Publish a valid entry, or raise the refusal and leave the chain as it was."""
        entry = self.draft(content)
        refused = self.judge(entry).refused
        if refused is not None:
            raise refused
        return self._take(entry)

    def misstep(self, content: Content) -> Entry:
        """Publish an entry that a rule refuses: it keeps its place and counts for nothing."""
        entry = self.draft(content)
        assert not self.judge(entry).is_valid, f"the {content.kind} is valid"
        return self._take(entry)

    def why_not(self, content: Content) -> str:
        """Return the rule that refuses this content, or "valid"."""
        try:
            self.say(content)
        except Refused as refused:
            return refused.rule
        return "valid"

    def need(
        self,
        amount: int = 10,
        *,
        resource_class: str = "food",
        urgency: int = 0,
        ends_in: int = HOUR_MS,
        tail: NeedTail | None = None,
    ) -> Entry:
        """Ask for something here, from now on."""
        now = self.commons.now_ms
        return self.say(compose.need(
            resource_class, amount, CELL, begin_ms=now, end_ms=now + ends_in, urgency=urgency, tail=tail
        ))  # fmt: skip

    def offer(
        self,
        amount: int = 10,
        *,
        resource_class: str = "food",
        begins_in: int = 0,
        ends_in: int = HOUR_MS,
        tail: OfferTail | None = None,
    ) -> Entry:
        """Offer something here, from now on."""
        now = self.commons.now_ms
        return self.say(compose.offer(
            resource_class, amount, CELL, begin_ms=now + begins_in, end_ms=now + ends_in, tail=tail
        ))  # fmt: skip

    def act(self, action: str, amount: int | None = None, **more: Any) -> ResourceId:
        """Do something with own resources; return the resource that it makes, if it makes one."""
        return self.say(compose.event(action, amount=amount, **more)).id, 0

    def stock(self, resource: ResourceId) -> Resource:
        """Return what the chain's accumulators hold of an own resource."""
        fact = self.prefix.facts[("resource", *resource)]
        assert isinstance(fact, Resource)
        return fact

    def give(self, to: Member, amount: int, *, offer: Entry, need: Entry) -> ResourceId:
        """Give so much by an offer for a need, with both signatures; return the resource that she may have now."""
        line = self.commit(self.row(offer, (need, amount)), (need, amount)), 0
        accept = to.accept(need, line)
        deliver = self.on("deliver", line, cites=[accept])
        return to.on("receive", line, cites=[deliver]).id, 0

    def row(self, offer: Entry, *lines: Line) -> Entry:
        """Write the next row of an own offer: (need, amount) lines."""
        return self.say(self.row_content(offer, *lines))

    def row_content(self, offer: Entry, *lines: Line) -> Content:
        """Return the next row of an own offer without publishing it."""
        facts = self.prefix.facts.get(("offer", offer.id, -1))
        previous = facts.row if isinstance(facts, OfferFacts) else None
        return compose.row(offer=offer.id, previous=previous, lines=_ids(lines))

    def commit(self, row: Entry, *lines: Line, hold: int = 600_000, until: int = 1_800_000) -> Entry:
        """Firm (need, amount) lines of an own row, held and kept for that many milliseconds from now."""
        return self.say(self.commit_content(row, *lines, hold=hold, until=until))

    def commit_content(self, row: Entry, *lines: Line, hold: int = 600_000, until: int = 1_800_000) -> Content:
        """Return a commit without publishing it."""
        now = self.commons.now_ms
        return compose.commit(row=row.id, hold_ms=now + hold, until_ms=now + until, lines=_ids(lines))

    def pledge(
        self, need: Entry, amount: int, *, capacity: int = 10, hold: int = 600_000, until: int = 1_800_000
    ) -> Line:
        """Offer, row and commit in one go; return the line."""
        row = self.row(self.offer(capacity), (need, amount))
        return self.commit(row, (need, amount), hold=hold, until=until), 0

    def accept(self, need: Entry, *lines: Line, cites: Iterable[Entry] = ()) -> Entry:
        """Accept commit lines for an own need."""
        return self.say(accept(need, *lines, cites=cites))

    def on(self, kind: str, *lines: Line, cites: Iterable[Entry] = ()) -> Entry:
        """`deliver`, `receive`, `release`, `lapse` or `cancel` lines."""
        return self.say(on(kind, *lines, cites=cites))

    def checkpoint(self) -> Entry:
        """Sum up everything so far."""
        return self.say(checkpoint_of(self.prefix, self.commons.held.get))

    def notes(self, count: int) -> list[Entry]:
        """Say so many things that mean nothing."""
        return [self.say(note()) for _ in range(count)]

    def committed(self, offer: Entry) -> int:
        """Return the committed sum of an own offer, as its own accumulator has it."""
        facts = self.prefix.facts.get(("offer", offer.id, -1))
        return facts.committed if isinstance(facts, OfferFacts) else 0

    def accepted(self, need: Entry) -> int:
        """Return the accepted sum of an own need, as its own accumulator has it."""
        facts = self.prefix.facts.get(("need", need.id, -1))
        return facts.accepted if isinstance(facts, NeedFacts) else 0

    def _take(self, entry: Entry) -> Entry:
        verdict = self.judge(entry)
        extend(self.prefix, entry, verdict)
        self.commons.held[entry.id] = entry
        if verdict.is_valid:
            self.own[entry.id] = entry
            self.commons.valid.append(entry)
            self.commons.standing.add(entry)
            if entry.header.kind in MEMBERSHIP:
                self.commons.members.add(entry)
        return entry


def accept(need: Entry, *lines: Line, cites: Iterable[Entry] = ()) -> Content:
    """Return an accept without publishing it."""
    return compose.accept(need=need.id, lines=_ids(lines), cites=[entry.id for entry in cites])


def on(kind: str, *lines: Line, cites: Iterable[Entry] = ()) -> Content:
    """Return an entry about lines without publishing it."""
    return compose.on_lines(kind, _ids(lines), [entry.id for entry in cites])


def note(*cites: Entry) -> Content:
    """Return an entry of a custom kind that says nothing but names others."""
    return Content("x.org.example.note", [], b"".join(sorted({entry.id for entry in cites})))


def links(content: Content) -> list[bytes]:
    """Return the ids that a content names."""
    return [content.deps[at : at + 32] for at in range(0, len(content.deps), 32)]


def line_id(line: Line) -> LineId:
    """Return the id of a line whose commit is given as an entry or as an id."""
    name, number = line
    return (name.id if isinstance(name, Entry) else name, number)


def _ids(lines: Sequence[Line]) -> list[LineId]:
    return [line_id(line) for line in lines]
