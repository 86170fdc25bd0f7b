"""Random histories of everything that members can say about what flows, on islands that meet now and then.

Members try what comes to mind, fitting or not. What a rule refuses is now and then published all the same. One
member runs two programs with one key, on two islands: her chain forks wherever both have spoken.

>>> history = History(seed=1)
>>> history.go_on(20)
>>> len(history.commons.held) > 20
True
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, TypeVar, cast

from mycelia_protocol import compose, statements
from mycelia_protocol.accumulators import Allowance, Fact, FactKey, LineId, ResourceId
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import ResourceClass
from mycelia_protocol.charter import found as found_charter
from mycelia_protocol.compose import Content, Leg, NeedTail, OfferTail
from mycelia_protocol.envelope import Entry
from mycelia_protocol.equations import Bucket, Equation, Rule, write
from mycelia_protocol.errors import Refused
from mycelia_protocol.reciprocity import Settled
from tests.builders import CELL, HOUR_MS, Commons, Member, on
from tests.dealings import branch
from tests.people import Council, council, found, identity

NAMES = ("anna", "bo", "cleo", "dora", "emil", "fay", "gus", "eve")
CLASSES = {
    "bread": ResourceClass("loaf"), "care": ResourceClass("h", 1, 4), "design": ResourceClass("piece"),
    "euro": ResourceClass("EUR", 1, 100), "food": ResourceClass("kg", 1, 10), "hours": ResourceClass("h", 1, 4),
}  # fmt: skip
STUFF = ("bread", "food", "food", "food")
CEILING, COST = 3_000, 7  # grams that all may burn, and that a loaf costs
FLOOR, TOP = -40, 100  # of an account in hours
STRETCH_HOURS = 6  # of its time that a resource gives in an hour
SECTIONS: dict[str, Value] = {
    "budgets": {"co2": {"unit": "g", "scope": "hard", "source": "a table", "factors": {"produce bread": [COST, 1]}}},
    "cancel": {"per_mille": 50, "due_days": 1},
    "contribution": {"care": [3, 2]}, "credit": {"hours": [FLOOR, TOP]}, "magisteria": [council("board")],
    "issuers": {"nonprofit": [identity("bo")], "worker-coop": [identity("bo")]},
}  # fmt: skip
BILATERAL = tuple(name for name, action in sorted(ACTIONS.items()) if action.is_bilateral)
BACK = {"dropoff": "pickup", "modify": "accept", "separate": "combine"}
RIGHTS = ("transferAllRights", "transferCustody") * 3
LICENSES = (None, "ppl", "ovn", "sharealike", "copyfair", "coopyleft")
One = TypeVar("One")
USES = (None, "noncommercial", "commercial", "adapt", "share")


def last(most: int, newest_first: Iterable[One]) -> list[One]:
    """Return the last few of some things, the newest at the end."""
    return [*islice(newest_first, most)][::-1]


def said(me: Member, *kinds: str) -> Iterator[bytes]:
    """Yield what a member said of some kinds, the newest first."""
    return (one.id for one in reversed(me.own.values()) if one.header.kind in kinds)


def noted(me: Member, record: str) -> Iterator[FactKey]:
    """Yield the names of the records of one sort that a member's chain keeps, the newest first."""
    facts = cast(dict[FactKey, Fact], me.prefix.facts)
    return (name for name in reversed(facts) if name[0] == record)


@dataclass
class Deal:
    """A line, and what was said about it so far."""

    giver: Member
    taker: Member
    line: LineId
    need: bytes
    agreement: list[Leg] | None = None
    accept: Entry | None = None
    deliver: Entry | None = None
    receive: Entry | None = None


class History:
    """What some members said; `forked` are the chains that may have two pasts."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.commons = Commons(found_charter("Oost", seed=bytes(16), classes=CLASSES, sections=SECTIONS))
        self.board = Council(self.commons, "board")
        self.members: list[Member] = [found(self.commons, name) for name in NAMES]
        self.island = {id(member): at % 2 for at, member in enumerate(self.members)}
        self.twin: Member | None = None
        self.ceiling = self.threshold()
        self.deals: list[Deal] = []
        self.done: list[Deal] = []
        self.designs: list[ResourceId] = []
        self.words: list[bytes] = []
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.forks: dict[bytes, int] = {}

    def threshold(self) -> Entry:
        """Have the board say what all may burn."""
        now = self.commons.now_ms
        return self.board.say(statements.threshold(
            "co2", "ceiling", CEILING, begin_ms=now, end_ms=now + 100_000 * HOUR_MS, event=self.board.chain,
            chain=self.board.chain, root=self.board.root(),
        ))  # fmt: skip

    def go_on(self, steps: int) -> None:
        """Let members do so many things."""
        moves: list[Callable[[Member], None]] = [
            *[self.act] * 9, self.trade, self.trade, self.use_time, self.agree, self.answer, self.answer,
            self.answer, self.answer, self.leave, self.leave, self.withdraw, self.design, self.design,
            self.cite, self.settle, self.allot, self.share, self.begin,
        ]  # fmt: skip
        for step in range(steps):
            if step % 100 == 99:
                self.meet()
            self.commons.wait(self.dice.randrange(2_000))
            self.dice.choice(moves)(self.dice.choice(self.members))

    def meet(self) -> None:
        """Send everybody to islands anew; eve, who has two programs, is on both."""
        if self.twin is None:
            self.twin = branch(self.members[-1])
            self.members.append(self.twin)
            self.forks[self.twin.chain] = self.twin.prefix.sequence + 1
        for at, member in enumerate(self.dice.sample(self.members, len(self.members))):
            self.island[id(member)] = at % 2
        self.island[id(self.members[-2])], self.island[id(self.twin)] = 0, 1

    def neighbours(self, me: Member) -> list[Member]:
        """Return the others on an island."""
        return [one for one in self.members if self.island[id(one)] == self.island[id(me)] and one.chain != me.chain]

    def try_(self, me: Member, content: Content) -> Entry | None:
        """Say it, if it is valid; if not, publish it against the rules one time in eight."""
        name = f"event {content.terms[0]!s}" if content.kind == "event" else content.kind
        try:
            entry = me.say(content)
        except Refused as refused:
            self.refused[refused.rule] += 1
            if self.dice.random() < 0.125:
                me.misstep(content)
            return None
        self.accepted[name] += 1
        return entry

    def some(self, of: list[Any], *others: Any) -> Any:
        """Return one of some things, or of others."""
        return self.dice.choice([*of, *others]) if of or others else None

    def resources(self, me: Member, *classes: str) -> list[ResourceId]:
        """Return the last things that a member keeps records of, of some classes or all."""
        mine = ((name[1:], me.stock(name[1:])) for name in islice(noted(me, "resource"), 40))
        return last(12, (name for name, fact in mine if not classes or fact.resource_class in classes))

    def processes(self, me: Member) -> list[bytes]:
        """Return the last processes that a member began."""
        return last(3, said(me, "process"))

    def begin(self, me: Member) -> None:
        """Write a recipe, or begin a process."""
        recipes = last(20, said(me, "recipe"))
        if self.dice.random() < 0.2:
            self.try_(me, compose.recipe("loaf", [("i", "consume", "food", 5), ("o", "produce", "bread", 3)]))
        else:
            self.try_(me, compose.process(self.some(recipes, None)))

    def act(self, me: Member) -> None:
        """Do something with something, rightly or not."""
        often = ("raise", "raise", "produce", "lower")
        action, is_wild = self.dice.choice((*sorted(ACTIONS), *often)), self.dice.random() < 0.2
        mine = self.resources(me)
        waiting = [name for name, way in BACK.items() for one in mine for held in me.stock(one).away if held[0] == way]
        if waiting and self.dice.random() < 0.3:
            action = self.dice.choice(waiting)
        needs_two = action in ("combine", "separate")
        makes = action in ("produce", "raise", "work", "deliverService") and self.dice.random() < 0.7
        full = [one for one in mine if me.stock(one).onhand > me.stock(one).offered_onhand]
        one = None if makes or not mine else self.dice.choice(full or mine)
        same = [] if one is None else self.resources(me, me.stock(one).resource_class)
        two = (
            self.dice.choice(same) if same and (needs_two or (action == "move" and self.dice.random() < 0.5)) else None
        )
        back = [(name, held) for name in mine for held in me.stock(name).away if held[0] == BACK.get(action)]
        if back:
            one, held = self.dice.choice(back)
            two = (held[1], held[2]) if needs_two else None
        if is_wild:
            one, two = self.some(mine, None), self.some(mine, None)
        moves_out = action in ("pickup", "dropoff", "accept", "modify")
        self.try_(me, compose.event(
            action, amount=self.dice.choice((1, 2, self.dice.randint(1, 12))),
            resource_class=self.dice.choice(STUFF) if one is None else None,
            resource=one, to=two, cell=CELL if action == "move" and two is None else None,
            process=self.some(self.processes(me), None) if moves_out or self.dice.random() < 0.3 else None,
        ))  # fmt: skip

    def intents(self, me: Member, other: Member, action: str, name: str, amount: int) -> tuple[Entry, Entry] | None:
        """Have one ask and the other offer, of a lot or of nothing in particular."""
        now = self.commons.now_ms
        window: dict[str, Any] = {"begin_ms": now, "end_ms": now + HOUR_MS}
        is_plain = action == "transfer" and self.dice.random() < 0.3
        is_wild = self.dice.random() < 0.1
        into = self.some(self.resources(other, *([] if is_wild else [name])), None, None)
        lots = self.resources(me, *([] if is_wild else [name]))
        asked = None if is_plain else NeedTail(action, to=into if any(ACTIONS[action].takes) or is_wild else None)
        given = None if is_plain else OfferTail(action, self.some(lots, None) if any(ACTIONS[action].gives) else None)
        need = self.try_(other, compose.need(name, amount, CELL, urgency=0, tail=asked, **window))
        offer = self.try_(me, compose.offer(name, amount, CELL, tail=given, **window))
        return None if need is None or offer is None else (need, offer)

    def trade(self, me: Member) -> None:
        """Commit to a line, or try."""
        other = self.some(self.neighbours(me))
        name, action = (
            self.dice.choice(("care", "hours", "euro", *STUFF)),
            self.dice.choice(("transfer", *RIGHTS, *BILATERAL)),
        )
        amount = self.dice.randint(1, 20)
        found = self.intents(me, other, action, name, amount)
        if found is not None:
            self.commit(me, other, *found, self.dice.randint(1, amount), hold=self.dice.choice((60_000, 600_000)))

    def commit(self, me: Member, other: Member, need: Entry, offer: Entry, amount: int, *, hold: int) -> Leg | None:
        """Write a row and commit to it; a hold of 0 binds within an agreement alone."""
        row = self.try_(me, me.row_content(offer, (need, amount)))
        if row is None:
            return None
        now = self.commons.now_ms
        commit = self.try_(me, compose.commit(
            row=row.id, hold_ms=now + hold if hold else 0, until_ms=now + (2 * hold or HOUR_MS),
            lines=[(need.id, amount)],
        ))  # fmt: skip
        if commit is None:
            return None
        if hold:
            self.deals.append(Deal(me, other, (commit.id, 0), need.id))
        return (commit.id, 0), need.id

    def use_time(self, me: Member) -> None:
        """Say how much time a thing has to give, or offer some of it."""
        mine = self.resources(me)
        if not mine:
            return
        thing = self.dice.choice(mine)
        if self.dice.random() < 0.3:
            self.try_(me, compose.capacity(thing, "care", STRETCH_HOURS, HOUR_MS))
            return
        now = self.commons.now_ms
        begin = now - now % HOUR_MS + HOUR_MS * self.dice.randint(1, 2)
        self.try_(me, compose.offer(
            "care", self.dice.randint(1, 4), CELL, begin_ms=begin, end_ms=begin + HOUR_MS // 2,
            tail=OfferTail("use", thing),
        ))  # fmt: skip

    def agree(self, me: Member) -> None:
        """Propose that two or three give to one another, all or none."""
        others = self.neighbours(me)
        ring = [me, *self.dice.sample(others, min(len(others), self.dice.randint(1, 2)))]
        legs = list[Leg]()
        for giver, taker in zip(ring, [*ring[1:], me], strict=True):
            found = self.intents(giver, taker, "transfer", "food", 5)
            leg = None if found is None else self.commit(giver, taker, *found, 5, hold=0)
            if leg is None:
                return
            legs.append(leg)
        proposed = self.try_(me, compose.agreement(end_ms=self.commons.now_ms + HOUR_MS // 2, legs=legs))
        agrees = list[Entry]()
        if proposed is None or self.dice.random() < 0.2:
            return
        for party in ring:
            agreed = self.try_(party, compose.agree(proposed.id, legs, [one.id for one in agrees]))
            if agreed is None:
                return
            agrees.append(agreed)
        for (line, need), giver, taker in zip(legs if agrees else [], ring, [*ring[1:], me], strict=False):
            delivered = self.try_(giver, compose.on_lines("deliver", [line], [one.id for one in agrees]))
            deal = Deal(giver, taker, line, need, legs, agrees[-1], delivered)
            self.deals.append(deal)

    def answer(self, _: Member) -> None:
        """Take the next step of some deal."""
        if not self.deals:
            return
        at = self.dice.randrange(len(self.deals))
        deal = self.deals[at]
        commit = self.commons.held[deal.line[0]]
        if deal.accept is None:
            deal.accept = self.try_(deal.taker, compose.accept(need=deal.need, lines=[deal.line]))
            ended = deal.accept is None
        elif deal.deliver is None:
            deal.deliver = self.try_(deal.giver, on("deliver", (commit, deal.line[1]), cites=[deal.accept]))
            ended = deal.deliver is None
        else:
            deal.receive = self.try_(deal.taker, on("receive", (commit, deal.line[1]), cites=[deal.deliver]))
            ended = True
            if deal.receive is not None:
                terms = self.commons.held[deal.need].header.terms
                self.accepted[f"received {terms[6] if len(terms) > 6 else 'transfer'!s}"] += 1
                self.done.append(deal)
        if ended:
            self.deals.pop(at)

    def leave(self, _: Member) -> None:
        """Leave some deal, in whatever way; a giver whom the taker left is free."""
        if self.deals:
            deal = self.dice.choice([self.deals[0], self.dice.choice(self.deals)])
            kind = self.dice.choice(("cancel", "release", "lapse", "lapse"))
            who = self.dice.choice((deal.giver, deal.taker))
            left = self.try_(who, compose.on_lines(kind, [deal.line]))
            if left is not None and who is deal.taker:
                self.try_(deal.giver, compose.on_lines("release", [deal.line], [left.id]))

    def withdraw(self, me: Member) -> None:
        """Take back some need or offer."""
        intents = last(5, said(me, "need", "offer"))
        if intents:
            self.try_(me, compose.withdraw(self.dice.choice(intents)))

    def design(self, me: Member) -> None:
        """Make a design, or say something about who may use one."""
        other = self.some(self.neighbours(me))
        ends = self.commons.now_ms + HOUR_MS // 4
        chance = self.dice.random()
        if chance < 0.4:
            license_ = self.dice.choice(LICENSES)
            made = self.try_(me, compose.event("raise", amount=1, resource_class="design", license=license_))
            if made is not None and license_ is not None:
                self.designs.append((made.id, 0))
        elif chance < 0.7:
            predicate = self.dice.choice(("nonprofit", "worker-coop", "company-wage"))
            word = self.try_(me, compose.attest(other.identity, predicate, self.dice.randint(0, 1), ends))
            if word is not None:
                self.words.append(word.id)
        elif self.designs:
            mine = last(3, (design for design in reversed(self.designs) if design[0] in me.own))
            of = self.some(mine, self.designs[-1])
            word = self.try_(me, compose.permit(of, other.identity, "commercial", ends))
            if word is not None:
                self.words.append(word.id)

    def cite(self, me: Member) -> None:
        """Use a design in a process, with some words about oneself."""
        if self.designs:
            self.try_(me, compose.event(
                "cite", resource=self.dice.choice(self.designs[-6:]), use=self.dice.choice(USES),
                process=self.some(self.processes(me), None), cites=sorted(set(self.words[-4:])),
            ))  # fmt: skip

    def settle(self, me: Member) -> None:
        """Have something counted as a contribution."""
        deals = last(5, (deal for deal in reversed(self.done) if deal.giver.chain == me.chain)) or self.done[-1:]
        if deals:
            deal = self.dice.choice(deals)
            assert deal.receive is not None
            self.try_(me, compose.settle([Settled(deal.receive.id, deal.line, None)]))

    def allot(self, me: Member) -> None:
        """Have the board allot to somebody, or somebody pass on what is left to her; who is meant takes it."""
        mine = {name[1]: cast(Allowance, me.prefix.facts[name]) for name in last(20, noted(me, "allowance"))}
        other = self.some(self.neighbours(me))
        giver: Member = self.board
        source, taker, ends = self.ceiling.id, me, self.commons.now_ms + 4 * HOUR_MS
        if mine and self.dice.random() < 0.5:
            source = self.dice.choice(list(mine))
            giver, taker, ends = me, other, mine[source].expires_ms
        amount = self.dice.randint(1, 40)
        given = self.try_(giver, compose.allot(source, taker.chain, "budget", "co2", amount, ends))
        if given is not None:
            self.try_(self.dice.choice([taker, taker, other]), compose.take([given.id]))

    def share(self, me: Member) -> None:
        """Say how an income is shared, or share one."""
        mine = last(20, said(me, "equation"))
        received = last(4, (deal.line for deal in reversed(self.done) if deal.taker.chain == me.chain))
        if mine and received and self.dice.random() < 0.7:
            self.try_(me, compose.distribute(self.dice.choice(mine), self.dice.choice(received)))
        else:
            rules = (Rule("care", "quantity", "equity", resource_class="care"),)
            buckets = (Bucket(self.dice.randint(0, 500), me.chain), Bucket(500, rules=rules))
            self.try_(me, compose.equation(write(Equation(me.chain, {}, buckets)), mine[-1] if mine else None))
