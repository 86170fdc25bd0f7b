"""Folds of a ledger: brought up to date entry by entry, they are what they would be if all was counted at once."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mycelia_node.ledger import Ledger
from mycelia_protocol import compose, statements
from mycelia_protocol.accumulators import Resource, ResourceId
from mycelia_protocol.compose import NeedTail, OfferTail
from mycelia_protocol.envelope import Entry, seal
from mycelia_protocol.errors import Refused
from mycelia_protocol.standing import Standing
from tests.builders import HOUR_MS, Commons, Line, Member, accept, line_id, note, on
from tests.people import Person, found, law

from .ledgers import Clock, new_ledger

MASS: Any = {"mass": {"unit": "kg", "source": "scales", "factors": {"food": [1, 10], "care": [1, 10]}}}


def said_of(standing: Standing) -> dict[str, Any]:
    """Return everything that a standing says."""
    return {
        "needs": standing.needs,
        "offers": standing.offers,
        "rows": standing.rows,
        "lines": {name: standing.status(line) for name, line in standing.lines.items()},
        "of": {name: set(lines) for name, lines in standing.lines_of.items() if lines},
        "committed": {name: standing.committed(name) for name in standing.offers},
        "accepted": {name: standing.accepted(name) for name in standing.needs},
        "tentative": {name: standing.tentative(name) for name in standing.offers},
        "forked": standing.forked_at,
    }


def booked_in(ledger: Ledger) -> dict[str, Any]:
    """Return everything that the books say, and what leads to everything and on from it."""
    found, traces = ledger.sheet, ledger.traces
    return {
        "stocks": found.inventory.stocks,
        "events": sorted(found.inventory.counted),
        "accounts": found.accounts,
        "between": (found.contributions, found.flows, found.places),
        "balances": found.balances,
        "traces": {name: (traces.trace(name), traces.recall(name)) for name in found.inventory.stocks},
        "receipts": ledger.books.receipts(),
    }


def recounted(ledger: Ledger) -> dict[str, Any]:
    """Return what a standing and books say that are folded anew over all that is held."""
    kept = vars(ledger._folds).copy()
    ledger._folds.forget()
    anew = said_of(ledger.standing) | booked_in(ledger)
    vars(ledger._folds).update(kept)
    return anew


class Quarter:
    """People of a commons who say things, fork, are cut and have heirs, at random."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.commons = dice, Commons(law(None, sections={"measures": MASS}))
        self.people = [found(self.commons, name) for name in ("anna", "bo", "eve")]
        self.chains: list[Member] = list(self.people)
        self.needs: list[Entry] = []
        self.offers: list[tuple[Member, Entry]] = []
        self.lines: list[Line] = []
        self.lots: dict[bytes, list[ResourceId]] = {}  # by chain

    def act(self) -> None:
        dice, member = self.dice, self.dice.choice(self.chains)
        with suppress(Refused, AssertionError, IndexError):
            match dice.randrange(18):
                case 0 | 1:
                    self.needs.append(member.need(dice.randint(1, 9)))
                case 2:
                    self.offers.append((member, member.offer(9)))
                case 3 | 4:
                    giver, offer = dice.choice(self.offers)
                    need, amount = dice.choice(self.needs), dice.randint(1, 5)
                    row = giver.row(offer, (need, amount))
                    self.lines.append((giver.commit(row, (need, amount), hold=HOUR_MS, until=2 * HOUR_MS), 0))
                case 5 | 6:
                    line = dice.choice(self.lines)
                    need = next(one for one in self.needs if one.id in self.commons.held[line_id(line)[0]].header.links)
                    next(one for one in self.chains if one.chain == need.chain).say(accept(need, line))
                case 7 | 8:
                    line = dice.choice(self.lines)
                    about = [one for one in self.commons.valid if line_id(line)[0] in one.header.links][-8:]
                    member.say(on(dice.choice(("deliver", "receive", "release", "cancel")), line, cites=about))
                case 9:
                    member.say(compose.withdraw(dice.choice([*self.needs, *(one for _, one in self.offers)]).id))
                case 10:
                    member.say(note(*dice.sample(list(self.commons.held.values()), 2)))
                case 11:
                    past = [one for one in self.commons.valid if one.chain == member.chain and one.header.sequence]
                    one = dice.choice(past)
                    kind = f"x.org.example.fork{len(self.commons.held)}"
                    header = one.header._replace(kind=kind, terms=[], deps=b"")
                    fork = seal(header, member.pair, network=self.commons.charter.network)
                    self.commons.held[fork.id] = fork
                case 12:
                    self.lose(dice.choice(self.people))
                case 13:
                    self.commons.wait(dice.choice((1000, HOUR_MS)))
                case 14 | 15:
                    self.make(member)
                case 16 | 17:
                    self.sell(member, dice.choice(self.chains))

    def make(self, member: Member) -> None:
        """Find something, or make it of something in a process."""
        lots, mine = self.lots.setdefault(member.chain, []), [*member.prefix.facts.items()]
        lots += [key[1:] for key, fact in mine if isinstance(fact, Resource) and key[1:] not in lots]
        if not lots or self.dice.random() < 0.4:
            lots.append(member.act("raise", 20, resource_class="food"))
            return
        process = member.say(compose.process()).id
        member.act("consume", self.dice.randint(1, 5), resource=self.dice.choice(lots), process=process)
        lots.append(member.act("produce", self.dice.randint(1, 5), resource_class="care", process=process))

    def sell(self, giver: Member, taker: Member) -> None:
        """Give some of a lot, with both signatures."""
        lot = self.dice.choice(self.lots.get(giver.chain, []))
        name, amount = giver.stock(lot).resource_class, self.dice.randint(1, 3)
        offer = giver.offer(
            9 if self.dice.random() < 0.3 else amount, resource_class=name, tail=OfferTail(resource=lot)
        )
        need = taker.need(amount, resource_class=name, tail=NeedTail())
        self.offers.append((giver, offer))
        self.needs.append(need)
        self.lots.setdefault(taker.chain, []).append(giver.give(taker, amount, offer=offer, need=need))

    def lose(self, person: Person) -> None:
        """Cut a chain of somebody somewhere, and have another take over."""
        if len(self.chains) > 8:
            return
        heir = person.install(f"{person.name} {len(self.chains)}")
        mine = [one for one in self.chains if one.prefix.grant and one.prefix.grant.identity == person.identity]
        lost = self.dice.choice(mine)
        cut = self.dice.choice([one.id for one in self.commons.valid if one.chain == lost.chain][-5:])
        revoke = heir.say(statements.revoke(cut, heir=heir.chain, event=person.event, root=person.root()))
        heir.say(statements.inherit(revoke.id, cut))
        self.chains.append(heir)


@pytest.mark.parametrize("seed", range(12))
def test_are_the_same_entry_by_entry_as_all_at_once(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    quarter = Quarter(random.Random(seed))
    clock = Clock()
    ledger = new_ledger(tmp_path, clock=clock, law=quarter.commons.charter)
    _ = ledger.books
    told = 0
    for step in range(160):
        quarter.act()
        clock.now_ms = quarter.commons.now_ms
        if quarter.dice.random() < 0.3:
            fresh = list(quarter.commons.held.values())[told:]
            told += len(fresh)
            ledger.ingest([[entry] for entry in fresh])
        if step % 8 == 7:
            assert said_of(ledger.standing) | booked_in(ledger) == recounted(ledger)
    assert ledger.verify().is_good
    ledger.close()
