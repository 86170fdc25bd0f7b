"""The round table: agreements, by which lines of several members bind together or not at all (chapter 22).

Legs are named as people think of them: what of which offer is for which need. Lines of own offers that are not there
yet are promised on the way; lines of others must be there, for nobody promises for somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import LineId
from mycelia_protocol.amounts import format_amount
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds.agreements import Leg, legs_of
from mycelia_protocol.kinds.legs import CONDITIONAL
from mycelia_protocol.lines import Intent, Line, Status

from . import models
from .answers import agrees
from .deeds import Deeds, line_name
from .desk import Desk, published
from .faults import BadInput
from .keystore import Member
from .signals import amount_of, moment

AGREE_MS = 86_400_000  # for how long an agreement waits for its parties, unless its author says otherwise
_MOST_DEPS = 32


class _Wanted(NamedTuple):
    """A leg that is named by what it is of; `line` is None while it is not promised."""

    offer: Intent
    need: Intent
    amount: int
    line: LineId | None


class Roundtable:
    """What members of one node propose, sign and see of agreements."""

    def __init__(self, desk: Desk, deeds: Deeds) -> None:
        self._desk, self._deeds, self._ledger, self._keystore = desk, deeds, desk.ledger, desk.keystore

    # Telling

    def propose(self, new: models.NewAgreement) -> models.ProposedView:
        """Propose an agreement; first promise the lines of own offers that it is to have and that are not there.

        Raises:
            NotFound, BadInput, StoreFault, Refused: a leg is unknown, or a rule refuses; promised lines may stand
                by then, and can be freed at any time.
        """
        member, now_ms = self._keystore.member(new.member), self._desk.clock()
        if len(set(new.legs)) < 2:
            raise BadInput("legs", "an agreement has two legs or more", "name each as OFFER:NEED:AMOUNT")
        end_ms = None if new.until is None else moment("until", new.until, now_ms)
        wanted = [self._wanted(text) for text in dict.fromkeys(new.legs)]
        missing = [one for one in wanted if one.line is None]
        for one in missing:
            self._check_own(one)
        if new.dry_run and missing:
            said = [self._promise(one, dry_run=True).entries[0] for one in missing]
            return models.ProposedView(entries=said, legs=[_named(one) for one in wanted], dry_run=True)
        entries, lines = list[models.Published](), list[LineId]()
        for one in wanted:
            if one.line is not None:
                lines.append(one.line)
                continue
            entries += self._promise(one).entries
            lines.append((cid.link(entries[-1].id), 0))
        known = [self._ledger.standing.lines[line] for line in lines]
        last_ms = min(line.until for line in known)
        content = compose.agreement(
            end_ms=min(now_ms + AGREE_MS, last_ms) if end_ms is None else end_ms,
            legs=[(line.id, line.need) for line in known],
        )
        act = self._ledger.rehearse if new.dry_run else self._ledger.publish
        [entry] = act(self._keystore.pair(member.name), member.chain, [content])
        entries.append(published(entry, dry_run=new.dry_run))
        return models.ProposedView(entries=entries, legs=[line_name(line) for line in lines], dry_run=new.dry_run)

    def agree(self, new: models.NewAgree) -> models.DeedView:
        """Agree, on the chain of each member of this node that is a party and has not yet: all of them or none.

        Raises:
            NotFound, BadInput, StoreFault, Refused: no member here is a party, or a rule refuses it.
        """
        agreement, _, legs = self._read(new.agreement)
        said, parties = agrees(self._ledger, agreement.id), _parties(legs)
        here = [self._keystore.member(new.member)] if new.member else self._keystore.members()
        ours = [member for member in here if member.chain in parties]
        if not ours:
            raise Refused("agree.party", "no member of this node that is meant gives or receives by the agreement")
        signed = self._signers(agreement.id)
        ours = [member for member in ours if member.chain not in signed] or ours  # else the rules say what is wrong
        named = [(leg.line, leg.need) for leg in legs]
        room = _MOST_DEPS - len({agreement.id, *(name for line, need in named for name in (line[0], need))})
        content = compose.agree(agreement.id, named, sorted(said.values())[:room])
        entries = [self._signed(member, content, dry_run=True) for member in ours]
        if not new.dry_run:
            entries = [self._signed(member, content) for member in ours]
        return models.DeedView(
            entries=[published(entry, dry_run=new.dry_run) for entry in entries],
            lines=[line_name(leg.line) for leg in legs],
            dry_run=new.dry_run,
        )

    def _signed(self, member: Member, content: compose.Content, *, dry_run: bool = False) -> Entry:
        act = self._ledger.rehearse if dry_run else self._ledger.publish
        [entry] = act(self._keystore.pair(member.name), member.chain, [content])
        return entry

    # Asking

    def agreements(self, *, everything: bool = False) -> list[models.AgreementView]:
        """Return the agreements that members of this node are parties of, or all; those that wait for them first."""
        own = {member.chain for member in self._keystore.members()}
        found: list[models.AgreementView] = []
        for stored in self._ledger.stored(0, -1, kind="agreement"):
            try:
                end_ms, legs = legs_of(stored.entry, self._ledger.entry_of)
            except Refused:  # it never was one, or headers of it went
                continue
            if everything or own & _parties(legs).keys():
                found.append(self._view(stored.entry, end_ms, legs))
        rank = {"waits": 1, "complete": 2, "expired": 3}
        return sorted(found, key=lambda one: (0 if one.waits_here else rank[one.state], one.end_ms, one.id))

    def agreement(self, name: str) -> models.AgreementView:
        """Return one agreement: its legs, who signed, and what everybody gives and gets.

        Raises:
            NotFound, BadInput: there is no such agreement.
        """
        return self._view(*self._read(name))

    def _read(self, name: str) -> tuple[Entry, int, list[Leg]]:
        entry = self._desk.entry(name).entry
        if entry.header.kind != "agreement":
            raise BadInput("agreement", f"{name} is a {entry.header.kind}", "see `mycelia agreement ls`")
        return entry, *legs_of(entry, self._ledger.entry_of)

    def _view(self, entry: Entry, end_ms: int, legs: Sequence[Leg]) -> models.AgreementView:
        said, parties = self._signers(entry.id), _parties(legs)
        views = [self._leg_view(leg) for leg in legs]
        state: Literal["complete", "expired", "waits"] = "waits"
        if parties.keys() <= said:
            state = "complete"
        elif self._desk.clock() > end_ms:
            state = "expired"
        asked = [self._keystore.owner(chain) for chain in parties if state == "waits" and chain not in said]
        return models.AgreementView(
            id=cid.text(entry.id),
            proposer=cid.text(entry.chain),
            end_ms=end_ms,
            state=state,
            waits_here=[member.name for member in asked if member is not None],
            legs=views,
            parties=[self._party_view(chain, views, has_signed=chain in said) for chain in parties],
            owed=[line_name(line) for line in self._ledger.standing.owing(entry.id)],
        )

    def _signers(self, agreement: bytes) -> set[bytes]:
        """Return the chains that agreed, as far as that counts."""
        return self._ledger.standing.agreements.agreed.get(agreement, set())

    def _leg_view(self, leg: Leg) -> models.LegView:
        need, known = self._ledger.entry_of(leg.need), self._ledger.standing.lines.get(leg.line)
        assert need is not None  # its legs were read from it
        name, unit = str(need.header.terms[0]), self._ledger.law_of(leg.provider).classes.get(str(need.header.terms[0]))
        return models.LegView(
            line=line_name(leg.line),
            provider=cid.text(leg.provider),
            receiver=cid.text(leg.receiver),
            offer=None if known is None else cid.text(known.offer),
            need=cid.text(leg.need),
            resource_class=name,
            amount=leg.amount,
            amount_text=str(leg.amount) if unit is None else format_amount(leg.amount, unit),
            until_ms=leg.until,
            status=None if known is None else self._ledger.standing.status(known).value,
        )

    def _party_view(self, chain: bytes, legs: Sequence[models.LegView], *, has_signed: bool) -> models.PartyView:
        owner, grant, name = self._keystore.owner(chain), self._ledger.members.grant_of(chain), cid.text(chain)
        return models.PartyView(
            chain=name,
            member=None if owner is None else owner.name,
            identity=None if grant is None else cid.text(grant.identity),
            has_signed=has_signed,
            gives=[f"{leg.amount_text} {leg.resource_class}" for leg in legs if leg.provider == name],
            gets=[f"{leg.amount_text} {leg.resource_class}" for leg in legs if leg.receiver == name],
        )

    # Legs by name

    def _wanted(self, text: str) -> _Wanted:
        """Return the leg that a person means: `offer:need:amount`, `offer:need`, or a line as in other commands."""
        first, colon, rest = text.strip().partition(":")
        second, _, amount = rest.partition(":")
        standing = self._ledger.standing
        if not colon or (second.isdecimal() and len(second) < 5 and not amount):
            return self._as_line(text, first, second)
        offer = standing.offers.get(self._desk.entry(first).entry.id)
        need = standing.needs.get(self._desk.entry(second).entry.id)
        if offer is None or need is None:
            which, kind = (first, "offer") if offer is None else (second, "need")
            raise BadInput("leg", f"{which} is no {kind} that counts", "name a leg as OFFER:NEED:AMOUNT")
        wanted = amount_of(self._ledger.law_of(offer.chain), offer.resource_class, amount) if amount else None
        open_ = [line for line in standing.lines_by(offer.id) if line.need == need.id and self._is_open(line)]
        fitting = [line for line in open_ if wanted in (None, line.amount)]
        if len(fitting) > 1:
            shown = ", ".join(line_name(line.id) for line in fitting[:8])
            raise BadInput("leg", f"{text} has {len(fitting)} lines", f"name one: {shown}")
        if fitting:
            return _Wanted(offer, need, fitting[0].amount, fitting[0].id)
        left = min(need.amount - standing.accepted(need.id), offer.amount - standing.committed(offer.id))
        return _Wanted(offer, need, left if wanted is None else wanted, None)

    def _as_line(self, text: str, name: str, number: str) -> _Wanted:
        entry, standing = self._desk.entry(name).entry, self._ledger.standing
        if number:
            found = [line for line in standing.lines.values() if line.id == (entry.id, int(number))]
        else:
            every = [line for line in standing.lines.values() if entry.id in (line.commit, line.need, line.offer)]
            found = [line for line in every if self._is_open(line)]
        if len(found) != 1:
            raise BadInput("leg", f"{text} has {len(found)} lines for agreements", "name a leg as OFFER:NEED:AMOUNT")
        [line] = found
        offer, need = standing.offers.get(line.offer), standing.needs.get(line.need)
        if offer is None or need is None:
            raise BadInput("leg", f"the offer or the need of {text} does not count", "see `mycelia why` of both")
        return _Wanted(offer, need, line.amount, line.id)

    def _is_open(self, line: Line) -> bool:
        """Return whether a line is for agreements, and in none yet."""
        standing = self._ledger.standing
        is_free = not standing.agreements.is_leg(line.id) and standing.status(line) is Status.PENDING
        return line.hold == CONDITIONAL and is_free

    def _check_own(self, one: _Wanted) -> None:
        if self._keystore.owner(one.offer.chain) is None:
            owner, words = cid.text(one.offer.chain), f"{cid.text(one.offer.id)} {cid.text(one.need.id)}"
            why = f"chain {owner} has not promised it for an agreement, and nobody else can"
            raise BadInput("leg", why, f"ask for `mycelia commit {words} AMOUNT --conditional`")

    def _promise(self, one: _Wanted, *, dry_run: bool = False) -> models.DeedView:
        return self._deeds.commit(models.NewCommitment(
            offer=cid.text(one.offer.id), need=cid.text(one.need.id), amount=one.amount, conditional=True,
            dry_run=dry_run,
        ))  # fmt: skip


def _parties(legs: Sequence[Leg]) -> dict[bytes, None]:
    """Return the chains that give or receive, in the order of the legs."""
    return dict.fromkeys(party for leg in legs for party in (leg.provider, leg.receiver))


def _named(one: _Wanted) -> str:
    return f"{cid.text(one.offer.id)}:{cid.text(one.need.id)}:{one.amount}" if one.line is None else line_name(one.line)
