"""The exchequer: limits, who was allotted how much of them, and what was spent (chapter 24)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Allowance, Overdrawn
from mycelia_protocol.budgets import quotient
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.kinds.budgets import BUDGET, allotted
from mycelia_protocol.lines import Allot
from mycelia_protocol.times import moment_text

from . import models, signals
from .bookroom import Bookroom
from .desk import Desk, NotFound, published
from .drafts import Draft
from .faults import BadInput
from .hall import Hall, stated
from .reading import MIN_CID

THRESHOLD_UNTIL = "+365d"


class Exchequer:
    """What members of one node say about limits, and how everybody stands to them."""

    def __init__(self, desk: Desk, hall: Hall) -> None:
        self._desk, self._hall, self._ledger, self._keystore = desk, hall, desk.ledger, desk.keystore
        self._room = Bookroom(desk)

    def threshold(self, new: models.NewThreshold) -> models.Published:
        """Issue a limit; where several root keys must sign, the answer is a statement for the others.

        Raises:
            BadInput, StoreFault, Refused: the root keys are not here, or the identity is no magisterium.
        """
        now = self._desk.clock()
        begin_ms = now if new.begin is None else signals.moment("begin", new.begin, now)
        end_ms = signals.moment("until", new.until or THRESHOLD_UNTIL, now)
        said: Entry | Draft = self._hall.people.threshold(
            new.member, new.impact, new.sense, new.amount, begin_ms=begin_ms, end_ms=end_ms
        )
        return stated(said)

    def allot(self, new: models.NewAllot) -> models.Published:
        """Give another chain a part of an own ceiling, allowance, need or offer.

        Raises:
            NotFound, BadInput, Refused: the source or the chain is unknown, or there is not so much left.
        """
        source = self._desk.entry(new.source).entry
        of, name, ends_ms = self._stated(source)
        law = self._ledger.law_of(self._keystore.member(new.member).chain)
        amount = _whole(new.amount) if of == BUDGET else signals.amount_of(law, name, new.amount)
        now = self._desk.clock()
        expires_ms = ends_ms if new.until is None else signals.moment("until", new.until, now)
        content = compose.allot(source.id, self._chain_named(new.to), of, name, amount, expires_ms)
        return self._publish(new.member, content, dry_run=new.dry_run)

    def _chain_named(self, text: str) -> bytes:
        """Return the chain that a person means: of a member of this node, of an entry, or the one of an identity."""
        own = {member.name: member.chain for member in self._keystore.members()}
        if text in own:
            return own[text]
        try:
            return self._desk.entry(text).entry.chain
        except NotFound:
            chains = {tip.chain for tip in self._ledger.frontier()}
            identities = {chain: self._ledger.members.identity_of(chain) for chain in chains}
            found = [chain for chain, one in identities.items() if one and cid.text(one).startswith(text)]
            if len(text) < MIN_CID or not found:
                raise
            if len(found) > 1:
                why = f"{len(found)} chains speak for identities that begin with {text}"
                raise BadInput("to", why, "name one: `mycelia log --kind open`") from None
            return found[0]

    def _stated(self, source: Entry) -> tuple[str, str, int]:
        """Return what an allot of a source is of, and until when it can last; the rules check the rest."""
        kind, terms = source.header.kind, source.header.terms
        match kind, terms:
            case "threshold", [str(impact), _, _, _, int(ends_ms), *_]:
                return BUDGET, impact, ends_ms
            case "allot", [_, _, str(of), str(name), _, int(expires_ms)]:
                return of, name, expires_ms
            case "need" | "offer", [str(name), _, _, _, int(ends_ms), *_]:
                return kind, name, ends_ms
        raise BadInput("source", f"nothing is allotted of `{kind}`", "name a threshold, an allot, a need or an offer")

    def take(self, new: models.NewTake) -> models.Published:
        """Take what was allotted: what is named, or all that is for a member, counts and has begun.

        Raises:
            NotFound, BadInput, Refused: there is nothing to take, or it expired.
        """
        member, now = self._keystore.member(new.member), self._desk.clock()
        named = [self._desk.entry(name).entry.id for name in new.allots]
        waiting = [] if named else self._open(member.chain)
        begins = {allot.id: self._begin_of(allot) for allot in waiting}
        names = named or sorted(name for name, begin_ms in begins.items() if begin_ms <= now)[:16]
        later = [begin_ms for begin_ms in begins.values() if begin_ms > now]
        if not names:
            why = "nothing is allotted to this chain that it has not taken"
            if later:
                why = f"what is allotted to this chain begins at {moment_text(min(later))} and later"
            raise BadInput("allots", why, "wait until then" if later else "ask a magisterium")
        said = self._publish(new.member, compose.take(names), dry_run=new.dry_run)
        return replace(said, not_begun=len(later))

    def _open(self, chain: bytes) -> list[Allot]:
        """Return what is allotted to a chain, counts, has not expired and was not taken."""
        standing, now = self._ledger.standing, self._desk.clock()
        taken = {key[1] for key in self._ledger.facts_of(chain, "allowance")}
        found = [one for one in standing.allots.values() if one.to == chain and one.id not in taken]
        return [one for one in found if one.expires_ms >= now and standing.is_allotted(one.id)]

    def _begin_of(self, allot: Allot) -> int:
        """Return when the ceiling begins that an allot which counts goes back to; 0 of a part of an intent."""
        allots = self._ledger.standing.allots
        while allot.source in allots:
            allot = allots[allot.source]
        source = self._ledger.entry_of(allot.source)
        is_ceiling = source is not None and source.header.kind == "threshold"
        return _number(source.header.terms[3]) if source is not None and is_ceiling else 0

    def budgets(self) -> list[models.BudgetView]:
        """Return for each impact its limits, and what each chain was allotted, spent and has left."""
        rows = self._room.quotients()
        return [
            self._budget(name, [row for row in rows if row.impact == name])
            for name in sorted(self._ledger.charter.budgets)
        ]

    def _budget(self, name: str, quotients: list[models.QuotientRow]) -> models.BudgetView:
        budget = self._ledger.charter.budgets[name]
        valid = [one.entry for one in self._ledger.stored(0, -1, kind="threshold") if one.is_valid]
        members = self._ledger.members
        counted = [one for one in valid if members.counts(one.chain, one.header.sequence) and members.is_backed(one.id)]
        thresholds = [one for one in counted if one.header.terms[0] == name]
        shares = sorted(self._shares(name), key=lambda one: (one.member or "~", one.chain))
        return models.BudgetView(
            impact=name,
            unit=budget.unit,
            scope="hard" if budget.is_hard else "soft",
            source=budget.source,
            factors={" ".join(pair): f"{over}/{under}" for pair, (over, under) in sorted(budget.factors.items())},
            thresholds=[_threshold_view(one) for one in thresholds],
            allotted=sum(one.allotted for one in shares),
            spent=sum(one.spent for one in shares),
            shares=shares,
            quotients=quotients,
        )

    def _shares(self, name: str) -> Iterator[models.BudgetShare]:
        standing, impact = self._ledger.standing, digest(name.encode())
        parts = [one for one in standing.allots.values() if (one.of, one.name) == (BUDGET, name)]
        counted = {one.id: one for one in parts if standing.is_allotted(one.id)}
        given, got = Counter[tuple[bytes, bytes]](), Counter[bytes]()
        for one in parts:
            given[one.chain, one.source] += one.amount
        for one in counted.values():
            got[one.to] += one.amount
        for chain in {one.to for one in parts} | {tip.chain for tip in self._ledger.frontier()}:
            taken = self._left(chain)
            left = {allot: fact.left for allot, fact in taken.items() if allot in counted}
            overdrawn = self._overdrawn(chain, impact)
            for allot, fact in taken.items():  # of what does not count; what it passed on is spent by others
                entry = None if allot in counted else self._ledger.entry_of(allot)
                if entry is not None and (fact.of, fact.name) == (BUDGET, name):
                    overdrawn += allotted(entry)[2] - fact.left - given[chain, allot]
            passed = sum(given[chain, source] for source in left)
            granted = got[chain] - passed
            spent = sum(counted[one].amount - rest for one, rest in left.items()) - passed + overdrawn
            if not (granted or left or overdrawn):
                continue
            owner, stands, now = self._keystore.owner(chain), quotient(spent, granted), self._desk.clock()
            waiting = [one for one in counted.values() if one.to == chain and one.id not in taken]
            yield models.BudgetShare(
                chain=cid.text(chain),
                member=None if owner is None else owner.name,
                allotted=granted,
                spent=spent,
                left=sum(left.values()),
                untaken=sum(one.amount for one in waiting if self._begin_of(one) <= now <= one.expires_ms),
                overdrawn=overdrawn,
                quotient=None if stands is None else str(stands),
            )

    def _left(self, chain: bytes) -> dict[bytes, Allowance]:
        """Return what a chain took, by allot; of a forked one what is left on the branch that spent most of it."""
        found: dict[bytes, Allowance] = {}
        for branch in self._ledger.facts_of_branches(chain, "allowance"):
            for (_, allot, _), fact in branch.items():
                if isinstance(fact, Allowance) and (allot not in found or fact.left < found[allot].left):
                    found[allot] = fact
        return found

    def _overdrawn(self, chain: bytes, impact: bytes) -> int:
        """Return what a chain overdrew by its own accumulators; of a forked one that of the worst branch."""
        branches = self._ledger.facts_of_branches(chain, "overdrawn")
        found = (branch.get(("overdrawn", impact, -1)) for branch in branches)
        return max((fact.amount for fact in found if isinstance(fact, Overdrawn)), default=0)

    def _publish(self, name: str | None, content: Content, *, dry_run: bool) -> models.Published:
        member = self._keystore.member(name)
        act = self._ledger.rehearse if dry_run else self._ledger.publish
        [entry] = act(self._keystore.pair(member.name), member.chain, [content])
        return published(entry, dry_run=dry_run)


def _whole(amount: str | int) -> int:
    text = str(amount).strip()
    if not text.isdecimal() or len(text) > 16:
        raise BadInput("amount", f"{amount!r} is no whole amount", "write it in the unit of the budget")
    return int(text)


def _threshold_view(entry: Entry) -> models.ThresholdView:
    _, sense, amount, begin_ms, end_ms, *_ = entry.header.terms
    return models.ThresholdView(
        id=cid.text(entry.id),
        sense=str(sense),
        amount=_number(amount),
        begin_ms=_number(begin_ms),
        end_ms=_number(end_ms),
    )


def _number(term: object) -> int:
    assert isinstance(term, int)  # the rules have seen that
    return term
