"""Deeds: what a member does about lines, from the commitment to the receipt, and the ways out.

A deed names what it rests on: the accept of what is delivered, the delivery of what is received. It is looked up
here, so that nobody pastes ids; whether it is allowed, the rules say (chapter 07).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import AcceptedLine, CommittedLine, LineId, Mark
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.legs import CONDITIONAL
from mycelia_protocol.lines import Intent, Line

from . import models
from .answers import answers, exit_from, leg_of, may_leave, others_agreed
from .desk import Desk, published
from .faults import BadInput
from .keystore import Member
from .signals import amount_of, moment

LINES_IN_ONE = 15  # each names a commit and what it rests on, of 32 names in all
HOLD_MS = 86_400_000  # for how long a commit waits to be accepted, unless its author says otherwise
_CLOSED = Mark.RELEASED | Mark.CANCELLED | Mark.DELIVERED
_LEFT = Mark.LAPSED | Mark.CANCELLED | Mark.RECEIVED
_AS_PROVIDER = ("deliver", "release")
_RESTS_ON = {"deliver": ("accept",), "receive": ("deliver",), "release": ("lapse", "cancel")}


class Deeds:
    """What members of one node do about lines."""

    def __init__(self, desk: Desk, clock: Callable[[], int]) -> None:
        self._desk, self._ledger, self._keystore, self._clock = desk, desk.ledger, desk.keystore, clock

    def commit(self, new: models.NewCommitment) -> models.DeedView:
        """Promise an amount of an own offer to a need: its next row, and the commit that makes a line of it.

        Raises:
            NotFound, BadInput, StoreFault, Refused: one is unknown, or a rule refuses it; a row may stand by then.
        """
        standing = self._ledger.standing
        offer = _known(standing.offers, self._desk.entry(new.offer).entry, "offer")
        need = _known(standing.needs, self._desk.entry(new.need).entry, "need")
        member, now_ms = self._author(new.member, offer.chain), self._clock()
        law = self._ledger.law_of(member.chain)
        left = min(need.amount - standing.accepted(need.id), offer.amount - standing.committed(offer.id))
        amount = left if new.amount is None else amount_of(law, offer.resource_class, new.amount)
        if amount <= 0:
            asked, given = (f"{one.action} of {one.resource_class}" for one in (need, offer))
            unlike = "" if asked == given else f"; and the need is {asked}, the offer {given}"
            raise BadInput("amount", f"nothing is left of the need or the offer{unlike}", "see `mycelia field`")
        until_ms = min(need.end_ms, offer.end_ms) if new.until is None else moment("until", new.until, now_ms)
        hold_ms = self._hold(new, now_ms, until_ms)
        rest = dict(standing.tentative(offer.id))
        wanted = {**rest, need.id: max(amount, rest.get(need.id, 0))}
        before, pair = standing.rows.get(offer.id), self._keystore.pair(member.name)
        row = compose.row(offer=offer.id, previous=before.id if before else None, lines=[*wanted.items()])
        if new.dry_run:
            [entry] = self._ledger.rehearse(pair, member.chain, [row])
            return models.DeedView(entries=[published(entry, dry_run=True)], lines=[], dry_run=True)
        [first] = self._ledger.publish(pair, member.chain, [row])
        firm = compose.commit(row=first.id, hold_ms=hold_ms, until_ms=until_ms, lines=[(need.id, amount)])
        [second] = self._ledger.publish(pair, member.chain, [firm])
        return models.DeedView(
            entries=[published(first), published(second)], lines=[line_name((second.id, 0))], dry_run=False
        )

    def _hold(self, new: models.NewCommitment, now_ms: int, until_ms: int) -> int:
        if new.conditional and new.hold is not None:
            raise BadInput("hold", "a line for an agreement cannot be accepted alone", "leave out one of the two")
        if new.conditional:
            return CONDITIONAL
        return min(now_ms + HOLD_MS, until_ms) if new.hold is None else moment("hold", new.hold, now_ms)

    def act(self, new: models.NewDeed) -> models.DeedView:
        """Do one thing about lines: those that are named, or with `everything` all that it can be done about.

        Raises:
            NotFound, BadInput, StoreFault, Refused: a line is unknown or not clear, or a rule refuses it.
        """
        if bool(new.lines) == new.everything:
            raise BadInput("lines", "either lines are named or all are meant", "name lines, or say `--all`")
        if new.everything and new.kind == "cancel":
            raise BadInput("lines", "a cancel goes back on one's word", "name the lines")
        member = self._actor(new)
        able = list(self._able(new.kind, member))
        lines = able if new.everything else [self._line(new.kind, name, able) for name in dict.fromkeys(new.lines)]
        contents = list(self._contents(new.kind, member, list(dict.fromkeys(lines))))
        pair, do = self._keystore.pair(member.name), self._ledger.rehearse if new.dry_run else self._ledger.publish
        entries = do(pair, member.chain, contents) if contents else []
        return models.DeedView(
            entries=[published(entry, dry_run=new.dry_run) for entry in entries],
            lines=[line_name(line) for line in lines],
            dry_run=new.dry_run,
        )

    # Lines

    def _actor(self, new: models.NewDeed) -> Member:
        """Return who acts: the member that is named, or else the one on whose side the named lines are.

        Raises:
            NotFound, BadInput: a line is unknown, or it is not clear who is meant.
        """
        own = {member.chain: member for member in self._keystore.members()}
        if new.member is None and not new.everything and len(own) > 1:
            names = {self._desk.entry(text.partition(":")[0]).entry.id for text in new.lines}
            lines = [line for line in self._ledger.standing.lines.values() if names & {*_named_by(line)}]
            gives, gets = new.kind in (*_AS_PROVIDER, "cancel"), new.kind not in _AS_PROVIDER
            sides = {line.provider for line in lines if gives} | {line.receiver for line in lines if gets}
            found = [own[chain] for chain in sides if chain in own]
            if len(found) == 1:
                return found[0]
        return self._keystore.member(new.member)

    def _line(self, kind: str, text: str, able: Sequence[LineId]) -> LineId:
        """Return the line that a person means: `<commit>:<number>`, or a need, offer or commit with but one."""
        name, colon, number = text.strip().partition(":")
        if colon and not (number.isdecimal() and len(number) < 5):
            raise BadInput("line", f"{number[:20]!r} is no number of a line", "write the id of its commit and `:0`")
        entry = self._desk.entry(name).entry
        if colon:
            return entry.id, int(number)
        every = [one for one, line in self._ledger.standing.lines.items() if entry.id in _named_by(line)]
        found = [one for one in every if one in able] or every
        if len(found) == 1:
            return found[0]
        shown = ", ".join(line_name(one) for one in found[:8]) or "`mycelia why` shows the lines of a need"
        raise BadInput("line", f"{text} has {len(found)} lines to {kind}", f"name one: {shown}")

    def _able(self, kind: str, member: Member) -> Iterator[LineId]:
        """Yield the lines about which a member can do something now, as far as is known here."""
        if kind == "accept":
            yield from self._acceptable(member)
            return
        now_ms, grace_ms = self._clock(), self._ledger.law_of(member.chain).grace_ms
        facts = self._ledger.facts_of(member.chain, "committed" if kind in _AS_PROVIDER else "accepted")
        for (_, commit, number), fact in sorted(facts.items(), key=lambda item: item[0]):
            line = (commit, number)
            if isinstance(fact, CommittedLine) and not fact.marks & _CLOSED:
                accepted = bool(fact.marks & Mark.CITES_ACCEPT or self._answer(member, fact.receiver, "accept", line))
                left = any(self._answer(member, fact.receiver, out, line) for out in _RESTS_ON["release"])
                is_late = now_ms > fact.hold and not accepted
                if fact.hold == CONDITIONAL:
                    accepted, is_late = self._conditional(member.chain, line, fact, now_ms)
                if (accepted and not left) if kind == "deliver" else (left or is_late):
                    yield line
            elif isinstance(fact, AcceptedLine) and fact.marks & Mark.ACCEPTED and not fact.marks & _LEFT:
                given = bool(fact.marks & Mark.CITES_DELIVER or self._answer(member, fact.provider, "deliver", line))
                is_due = now_ms > fact.until + grace_ms
                leg = leg_of(self._ledger, member.chain, line)
                is_due |= leg is not None and may_leave(self._ledger, member.chain, leg, now_ms, grace_ms)
                if given if kind == "receive" else (is_due and not given):
                    yield line

    def _conditional(self, chain: bytes, line: LineId, fact: CommittedLine, now_ms: int) -> tuple[bool, bool]:
        """Return whether a conditional line can be delivered now, and whether it can be freed.

        One that nobody agreed to could be freed at any time; but who frees all means those that are over.
        """
        leg = leg_of(self._ledger, chain, line)
        if leg is None:
            return False, now_ms > fact.until
        is_off = may_leave(self._ledger, chain, leg, now_ms)
        return not is_off and others_agreed(self._ledger, chain, leg) is not None, is_off

    def _acceptable(self, member: Member) -> Iterator[LineId]:
        """Yield lines that are held for own needs, the earliest committed first, as far as the needs reach."""
        standing, now_ms, left = self._ledger.standing, self._clock(), dict[bytes, int]()
        known = self._ledger.facts_of(member.chain, "accepted")
        lines = [line for line in standing.lines.values() if line.receiver == member.chain and now_ms <= line.hold]
        for line in sorted(lines, key=lambda line: (line.sequence, line.id)):
            need = standing.needs.get(line.need)
            if need is None or need.withdrawn or ("accepted", *line.id) in known or not standing.is_live(line):
                continue
            room = left.setdefault(need.id, need.amount - standing.accepted(need.id))
            if line.amount <= room:
                left[need.id] -= line.amount
                yield line.id

    # What is said

    def _contents(self, kind: str, member: Member, lines: Sequence[LineId]) -> Iterator[Content]:
        groups: dict[bytes, list[LineId]] = {}
        for line in lines:
            leg = leg_of(self._ledger, member.chain, line)
            together = self._need_of(line) if kind == "accept" else b"" if leg is None else leg.agreement
            groups.setdefault(together, []).append(line)
        for need, group in groups.items():
            for at in range(0, len(group), LINES_IN_ONE):
                part = group[at : at + LINES_IN_ONE]
                if kind == "accept":
                    yield compose.accept(need=need, lines=part)
                else:
                    yield compose.on_lines(kind, part, self._cites(kind, member, part))

    def _need_of(self, line: LineId) -> bytes:
        known = self._ledger.standing.lines.get(line)
        if known is None:
            raise BadInput("line", f"{line_name(line)} is no line that counts", "see `mycelia why` of its commit")
        return known.need

    def _cites(self, kind: str, member: Member, lines: Sequence[LineId]) -> set[bytes]:
        found: set[bytes] = set()
        for line in lines:
            fact = self._ledger.facts_of(member.chain, "committed").get(("committed", *line))
            fact = fact or self._ledger.facts_of(member.chain, "accepted").get(("accepted", *line))
            other = fact.receiver if isinstance(fact, CommittedLine) else None
            other = fact.provider if isinstance(fact, AcceptedLine) else other
            if other is None:
                continue  # the rules refuse it by name
            found |= {said for out in _RESTS_ON.get(kind, ()) if (said := self._answer(member, other, out, line))}
            found |= self._cites_of_leg(kind, member.chain, line)
        return found

    def _cites_of_leg(self, kind: str, chain: bytes, line: LineId) -> set[bytes]:
        """Return what is cited about a leg: who agreed where it is delivered, who left where it is left."""
        leg = leg_of(self._ledger, chain, line)
        if leg is not None and kind == "deliver":
            return set(others_agreed(self._ledger, chain, leg) or ())
        left = exit_from(self._ledger, chain, leg.agreement) if leg and kind in ("release", "lapse") else None
        return set() if left is None else {left}

    def _answer(self, member: Member, party: bytes, kind: str, line: LineId) -> bytes | None:
        """Return what the other side said about a line, if the standing knows of it."""
        known = self._ledger.standing.lines.get(line)
        if known is not None and not any(said == kind for said, _ in known.marks):
            return None
        return answers(self._ledger, member.chain, party, kind).get(line)

    def _author(self, name: str | None, chain: bytes) -> Member:
        owner = self._keystore.owner(chain)
        if owner is None or (name is not None and owner.name != name):
            raise BadInput("offer", "somebody else published it", "name an own offer")
        return owner


def line_name(line: LineId) -> str:
    """Return how people name a line."""
    return f"{cid.text(line[0])}:{line[1]}"


def _named_by(line: Line) -> tuple[bytes, ...]:
    return line.commit, line.need, line.offer


def _known(intents: dict[bytes, Intent], entry: Entry, kind: str) -> Intent:
    if entry.id not in intents:
        raise BadInput(kind, f"{cid.text(entry.id)} is no {kind} that counts", "see `mycelia field`")
    return intents[entry.id]
