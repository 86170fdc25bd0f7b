"""The treasury: what members gave that can be counted, and what everybody has of mutual credit (chapter 23)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Claim, CommittedLine, Contributed, Credit, LineId, Mark, credit_key
from mycelia_protocol.amounts import format_amount
from mycelia_protocol.balances import Counted, counted, overdrawn
from mycelia_protocol.charter import Charter, Open, ResourceClass
from mycelia_protocol.compose import Content
from mycelia_protocol.kinds.intents import action_of
from mycelia_protocol.kinds.settlements import MAX_SETTLED, PAYS, is_gift
from mycelia_protocol.membership import Status
from mycelia_protocol.reciprocity import Settled

from . import models
from .answers import answers
from .desk import Desk, published
from .faults import BadInput
from .keystore import Member
from .views import claim_view

DAY_MS = 86_400_000
_CLAIMS_IN_ONE = 10  # lines that pay claims: each names a receive, a commit and an entry, of 32 in all


class Receipt(NamedTuple):
    """A line that a member delivered, that the other side received, and that was not settled yet."""

    line: LineId
    given: CommittedLine
    receive: bytes
    resource_class: str
    action: str


class Treasury:
    """What members of one node count, and what everybody's balances are."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._ledger, self._keystore = desk, desk.ledger, desk.keystore

    # Telling

    def settle(self, new: models.NewSettlement) -> models.SettledView:
        """Count every line that can be counted, as a contribution or towards a claim.

        Raises:
            NotFound, BadInput, StoreFault, Refused: the claim is unknown or paid.
        """
        member = self._keystore.member(new.member)
        law = self._ledger.law_of(member.chain)
        receipts = list(self._receipts(member))
        claim = None if new.claim is None else self._claim(member, new.claim)
        if claim is None:
            lines = [one for one in receipts if one.resource_class in law.contribution and self._counts(member, one)]
        else:
            lines = _payments(receipts, claim[1])
        contents = _contents(lines, None if claim is None else claim[0])
        pair, act = self._keystore.pair(member.name), self._ledger.rehearse if new.dry_run else self._ledger.publish
        entries = act(pair, member.chain, contents) if contents else []
        return models.SettledView(
            entries=[published(entry, dry_run=new.dry_run) for entry in entries],
            lines=len(lines),
            unsettled=len(receipts) - len(lines),
            contributed=0 if claim else sum(law.contribution[one.resource_class].of(one.given.amount) for one in lines),
            dry_run=new.dry_run,
        )

    def _receipts(self, member: Member) -> Iterator[Receipt]:
        facts, seen = self._ledger.facts_of(member.chain, "committed"), dict[bytes, dict[LineId, bytes]]()
        for (_, commit, number), given in facts.items():
            if not isinstance(given, CommittedLine) or given.marks & (Mark.SETTLED | Mark.INHERITED):
                continue
            need = self._ledger.entry_of(given.need)
            if not given.marks & Mark.DELIVERED or need is None:
                continue
            if given.receiver not in seen:
                seen[given.receiver] = answers(self._ledger, member.chain, given.receiver, "receive")
            receive = seen[given.receiver].get((commit, number))
            if receive is not None:
                named = str(need.header.terms[0]), str(action_of(need.header))
                yield Receipt((commit, number), given, receive, *named)

    def _counts(self, member: Member, receipt: Receipt) -> bool:
        """Whether it was given for good, for nothing, and somebody else confirms: not an own chain, nor a nobody's."""
        if not is_gift(self._ledger.entry_of(receipt.given.offer)):
            return False
        one, other = (self._ledger.members.identity_of(chain) for chain in (member.chain, receipt.given.receiver))
        if one is None or other is None:
            return isinstance(self._ledger.charter.membership, Open)
        return one != other

    def _claim(self, member: Member, text: str) -> tuple[tuple[bytes, int], Claim]:
        name = self._desk.resource_id(text)
        claim = self._ledger.facts_of(member.chain, "claim").get(("claim", *name))
        if not isinstance(claim, Claim):
            raise BadInput("claim", f"{member.name} owes nothing by {text}", "see `mycelia show` of the entry")
        return name, claim

    # Asking

    def credit(self) -> models.CreditView:
        """Return what members contributed and owe, and everybody's balances of each class of mutual credit."""
        charter, found = self._ledger.charter, counted(self._ledger.standing, self._ledger.charter.credit)
        return models.CreditView(
            contributions=[view for member in self._keystore.members() for view in self._contributions(member)],
            claims=[view for member in self._keystore.members() for view in self._claims(member)],
            classes=[self._class_view(charter, name, one) for name, one in found.items()],
        )

    def _contributions(self, member: Member) -> Iterator[models.ContributionView]:
        for (_, _, day), fact in self._ledger.facts_of(member.chain, "contribution").items():
            if isinstance(fact, Contributed) and fact.amount:
                yield models.ContributionView(
                    member=member.name, chain=cid.text(member.chain), day_ms=day * DAY_MS, amount=fact.amount
                )

    def _claims(self, member: Member) -> Iterator[models.ClaimView]:
        classes = self._ledger.law_of(member.chain).classes
        for key, claim in self._ledger.facts_of(member.chain, "claim").items():
            if isinstance(claim, Claim):
                yield claim_view(classes, key, claim, member.name)

    def _class_view(self, charter: Charter, name: str, one: Counted) -> models.CreditClassView:
        own = {member.chain: member.name for member in self._keystore.members()}
        chains = sorted({*one.balances, *own}, key=lambda chain: (one.balances.get(chain, 0), chain))
        unit, limits, members = charter.classes[name], charter.credit[name], self._ledger.members
        below = overdrawn(one, limits, members.identity_of)
        return models.CreditClassView(
            resource_class=name, unit=unit.unit, floor=limits.floor, ceiling=limits.ceiling,
            floor_text=signed(limits.floor, unit), ceiling_text=signed(limits.ceiling, unit),
            transit=one.transit, transit_text=signed(one.transit, unit),
            accounts=[self._account(charter, name, chain, one, own.get(chain), below) for chain in chains],
        )  # fmt: skip

    def _account(
        self, charter: Charter, name: str, chain: bytes, one: Counted, member: str | None, below: set[bytes]
    ) -> models.AccountView:
        branches = self._ledger.facts_of_branches(chain, "credit")
        accounts = [fact for branch in branches if isinstance(fact := branch.get(credit_key(name)), Credit)]
        # Of a forked chain the branch that has least left, whichever came first.
        account = min(accounts, key=lambda said: (said.balance - said.promised, said), default=Credit())
        opened = self._ledger.members.grant_of(chain)
        person = None if opened is None else self._ledger.members.person(opened.identity)
        floor = charter.credit[name].floor if opened is not None and opened.is_founding else 0
        balance, unit = one.balances.get(chain, 0), charter.classes[name]
        return models.AccountView(
            chain=cid.text(chain), member=member, identity=None if opened is None else cid.text(opened.identity),
            is_closed=person is not None and person.status is Status.CLOSED,
            balance=balance, balance_text=signed(balance, unit), own_balance=account.balance,
            promised=account.promised, promised_text=signed(account.promised, unit),
            expected=account.expected, expected_text=signed(account.expected, unit),
            floor=floor, is_overdrawn=(chain if opened is None else opened.identity) in below,
        )  # fmt: skip


def signed(quanta: int, unit: ResourceClass) -> str:
    """Return quanta of either sign as text in the unit of their class."""
    return ("-" if quanta < 0 else "") + format_amount(abs(quanta), unit)


def _contents(lines: Sequence[Receipt], claim: tuple[bytes, int] | None) -> list[Content]:
    size = MAX_SETTLED if claim is None else _CLAIMS_IN_ONE
    settled = [Settled(one.receive, one.line, claim) for one in lines]
    return [compose.settle(settled[at : at + size]) for at in range(0, len(settled), size)]


def _payments(receipts: Sequence[Receipt], claim: Claim) -> list[Receipt]:
    """Return the lines that pay a claim, the smallest first, and no more of them than it takes."""
    left, lines = claim.amount - claim.paid, list[Receipt]()
    for one in sorted(receipts, key=lambda one: (one.given.amount, one.line)):
        is_of_class = one.resource_class == claim.resource_class and one.action in PAYS
        if left > 0 and is_of_class and one.given.receiver == claim.creditor:
            left -= one.given.amount
            lines.append(one)
    return lines
