"""A ring of members, each of whom gives to the next by a leg of one agreement.

>>> deal = ring(3)
>>> agrees = deal.agree_all()
>>> deal.statuses()
[<Status.FIRM: 'firm'>, <Status.FIRM: 'firm'>, <Status.FIRM: 'firm'>]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mycelia_protocol import compose
from mycelia_protocol.compose import Content, Leg
from mycelia_protocol.envelope import Entry
from mycelia_protocol.standing import Status

from .builders import HOUR_MS, Commons, Member

NAMES = ("anna", "bo", "cleo", "dora")


@dataclass
class Ring:
    """Its members, its legs in their order, and the agreement."""

    commons: Commons
    members: list[Member]
    legs: list[Leg]
    agreement: Entry

    def agree(self, member: Member, *cites: Entry) -> Entry:
        """Have a member agree."""
        return member.say(self.agree_content(*cites))

    def agree_content(self, *cites: Entry) -> Content:
        """Return an agree without publishing it."""
        return compose.agree(self.agreement.id, self.legs, [entry.id for entry in cites])

    def agree_all(self) -> list[Entry]:
        """Have everybody agree, each citing those before."""
        agrees: list[Entry] = []
        for member in self.members:
            agrees.append(self.agree(member, *agrees))
        return agrees

    def on(self, kind: str, leg: int, *cites: Entry) -> Content:
        """Return what somebody says about a leg."""
        return compose.on_lines(kind, [self.legs[leg][0]], [entry.id for entry in cites])

    def statuses(self) -> list[Status]:
        """Return where each leg stands."""
        return [self.commons.status((self.commons.held[line[0]], line[1])) for line, _ in self.legs]


def conditional(provider: Member, receiver: Member, amount: int = 5, *, until: int = HOUR_MS) -> Leg:
    """Return a line that binds within an agreement alone, and its need."""
    need = receiver.need(10)
    row = provider.row(provider.offer(10), (need, amount))
    now = provider.commons.now_ms
    content = compose.commit(row=row.id, hold_ms=0, until_ms=now + until, lines=[(need.id, amount)])
    return (provider.say(content).id, 0), need.id


def ring(size: int, *, ends_in: int = HOUR_MS, legs: Iterable[Leg] = ()) -> Ring:
    """Propose an agreement in which each gives to the next, and the last to the first; `legs` are more."""
    commons = Commons()
    members = [commons.member(name) for name in NAMES[:size]]
    around = [conditional(one, members[(at + 1) % size]) for at, one in enumerate(members)]
    around += legs
    agreement = members[0].say(compose.agreement(end_ms=commons.now_ms + ends_in, legs=around))
    return Ring(commons, members, around, agreement)
