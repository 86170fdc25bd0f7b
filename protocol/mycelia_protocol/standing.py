"""Standing: what the valid entries add up to, the same in any order of arrival.

A line between a provider and a receiver is `pending`, `firm`, `done` or `void`,
read from marks that only ever accumulate. Evidence changes standing, never
validity. An exit voids if it is valid: its own dependencies are not asked.

From the place where a chain forked, what it owes counts in every branch, what
frees it in none; what then exceeds an amount is `displaced`.

Spec: 09-standing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import cast

from .accumulators import LineId
from .agreements import Agreements
from .envelope import Entry
from .errors import Refused
from .kinds import KINDS
from .kinds.budgets import MAX_PASSED
from .kinds.flows import commit_lines
from .kinds.intents import AMOUNT, BEGIN_MS, CELL, CLASS, END_MS, URGENCY, action_of, allotment_of
from .kinds.kind import ABOUT_LINES, lines_about
from .kinds.rows import OFFER_AT, row_lines
from .kinds.settlements import settled_lines
from .lines import NEVER, Allot, Intent, Line, Mark, Row, Signed, Status

_ANSWERS = {"deliver": "accept", "receive": "deliver", "settle": "receive"}  # of the other side, about the same line

_NOTED = frozenset({"release", "cancel", "id.inherit"})  # what others said that changes where a line stands for whom
_OVER = frozenset({Status.VOID, Status.DISPUTED, Status.DISPLACED})
_BOUND = frozenset({Status.FIRM, Status.DONE})
_OPEN = frozenset({Status.FIRM, Status.PENDING})

__all__ = ["Intent", "Line", "Mark", "Row", "Standing", "Status"]


class Standing:
    """The fold over valid entries and known forks. Feed it both in any order; twice is as good as once.

    What no longer counts is taken back by chains: `forget` them, and feed it again what of them still does.

    `entry_of` gives any authentic entry by id; an added entry's dependencies must be held. `heirs` gives the
    chains that took over from one that was cut (chapter 13); where it changes, `forget` that one, too.
    `inherited` gives the chain that a good `id.inherit` took over, by the entry that its chain was cut at (chapter 13).
    `is_backed` says whether the root keys that signed a threshold stand by it (chapter 13).
    `is_over` says of which needs and offers headers may have gone: lines between two of them are left out (chapter 19).
    """

    def __init__(
        self,
        entry_of: Callable[[bytes], Entry | None],
        heirs: Callable[[bytes], Sequence[bytes]] = lambda _: (),
        inherited: Callable[[Entry], Entry | None] = lambda _: None,
        is_over: Callable[[bytes], bool] = lambda _: False,
        is_backed: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self._entry_of, self._heirs, self._inherited, self._is_over = entry_of, heirs, inherited, is_over
        self.is_backed = is_backed
        self.needs: dict[bytes, Intent] = {}
        self.offers: dict[bytes, Intent] = {}
        self.rows: dict[bytes, Row] = {}  # by offer
        self.lines: dict[LineId, Line] = {}
        self.lines_of: dict[bytes, list[LineId]] = {}  # by need and by offer
        self.forked_at: dict[bytes, int] = {}  # by chain: the lowest sequence that two authentic entries claim
        self.allots: dict[bytes, Allot] = {}
        self._allots_of: dict[bytes, set[bytes]] = {}  # by what they are of
        self._parts: set[bytes] = set()  # needs and offers that are parts of others
        self.events: dict[bytes, bytes] = {}  # the valid ones, and whose they are
        self.agreements = Agreements(entry_of, self._is_lost)
        self._past: set[LineId] = set()  # lines that are left out
        self._signed: dict[LineId, Signed] = {}
        self._withdrawn: dict[bytes, set[bytes]] = {}  # by whom
        self._told: dict[tuple[bytes, bytes, bytes], int] = {}  # from where on who knows which heir of whom
        self._kept: dict[bytes, frozenset[LineId]] = {}  # by intent, until something is added

    def add(self, entry: Entry) -> None:
        """Count a valid entry."""
        kind = entry.header.kind
        self._kept.clear()
        if kind == "need" or kind == "offer":
            self._add_intent(entry)
        elif kind == "row":
            self._add_row(entry)
        elif kind == "commit":
            self._add_commit(entry)
        elif kind == "allot":
            self._add_allot(entry)
        elif kind == "event":
            self.events[entry.id] = entry.chain
        elif kind == "withdraw":
            self._withdraw(entry.header.dep(cast(int, entry.header.terms[0])), entry.chain)
        elif kind == "agree":
            self._add_agree(entry)
        elif kind in ABOUT_LINES:
            for line in lines_about(entry):
                self._mark(line, kind, entry)
        if entry.header.deps:
            self._note_exits(entry)

    def forget(self, chains: Collection[bytes]) -> None:
        """Take back everything that these chains said, in one pass over what is known."""
        self._kept.clear()
        for intents in (self.needs, self.offers):
            for intent in [one for one in intents.values() if one.chain in chains]:
                del intents[intent.id]
        for event in [one for one, chain in self.events.items() if chain in chains]:
            del self.events[event]
        for allot in [one for one in self.allots.values() if one.chain in chains]:
            del self.allots[allot.id]
            self._allots_of[allot.source].discard(allot.id)
        for row in [one for one in self.rows.values() if one.chain in chains]:
            del self.rows[row.offer]
        for line in [one for one in self.lines.values() if one.provider in chains]:
            del self.lines[line.id]
            self.lines_of[line.need].remove(line.id)
            self.lines_of[line.offer].remove(line.id)
        for signed in self._signed.values():
            for mark in [one for one in signed.marks if one[1] in chains]:
                del signed.marks[mark]
                if mark[0] == "accept":  # one chain alone can accept a line: that of its need
                    signed.accept = (NEVER, b"")
            if signed.exits:
                signed.exits = {one for one in signed.exits if one[1] not in chains}
        self.agreements.forget(chains)
        for told in [one for one in self._told if one[0] in chains]:
            del self._told[told]
        for intent_id, by in self._withdrawn.items():
            if not by.isdisjoint(chains):
                by.difference_update(chains)
                self._mark_withdrawn(intent_id)

    def note_fork(self, chain: bytes, sequence: int) -> None:
        """Count that two authentic entries, valid or not, claim this place of a chain."""
        if sequence < self.forked_at.get(chain, NEVER):
            self._kept.clear()
            self.forked_at[chain] = sequence
            for intents in (self.needs, self.offers):
                for intent in [one for one in intents.values() if one.chain == chain and one.sequence >= sequence]:
                    intents[intent.id] = intent._replace(forked=True)

    def status(self, line: Line) -> Status:
        """Return where the line stands: the fold of its marks, unless a fork displaces it."""
        status = self._signed_status(line)
        if self._parts and status in _OPEN and not self._rests_on_what_counts(line):
            return Status.DISPLACED
        if status in (Status.VOID, Status.DISPUTED) or not (self.forked_at or self._is_inherited(line)):
            return status
        if not self._in_trunk_of_offer(line) and line.id not in self._honoured(line.offer):
            return Status.DISPLACED
        if status in _BOUND and not self._in_trunk_of_need(line) and line.id not in self._honoured(line.need):
            return Status.DISPLACED
        return status

    def _signed_status(self, line: Line) -> Status:
        """Return where the line would stand if there were enough of everything."""
        provider, receiver = line.provider, line.receiver
        accepted = ("accept", receiver) in line.marks
        if self._is_done(line):
            return Status.DONE
        by_receiver = self._is_let_go(line)
        if by_receiver or self._is_freed(line):
            delivered = self._has(line, "deliver", provider)
            return Status.DISPUTED if accepted and delivered and by_receiver else Status.VOID
        if not accepted:
            return Status.PENDING
        return self._status_of_leg(line) if self.agreements.is_leg(line.id) else Status.FIRM

    def is_live(self, line: Line) -> bool:
        """Return whether the line still means something to both: it is neither void, disputed nor displaced."""
        return self.status(line) not in _OVER

    def is_delivered(self, line: Line) -> bool:
        """Return whether the provider, or an heir of it, said that it gave, early or late."""
        return self._is_signed(line, "deliver", line.provider)

    def has_heirs(self, chain: bytes) -> bool:
        """Return whether other chains speak for this one, which was cut."""
        return bool(self._heirs(chain))

    def is_forked(self, chain: bytes, sequence: int) -> bool:
        """Return whether a place of a chain lies where the chain forked, or after."""
        return sequence >= self.forked_at.get(chain, NEVER)

    def tentative(self, offer: bytes) -> list[tuple[bytes, int]]:
        """Return what the latest row of an offer still holds: (need, amount) that no commit has firmed."""
        row = self.rows.get(offer)
        if row is None or self.is_forked(row.chain, row.sequence):
            return []
        taken: dict[bytes, int] = {}
        for line in self.lines_by(offer):
            if line.row == row.id:
                taken[line.need] = taken.get(line.need, 0) + line.amount
        return [(need, amount - taken.get(need, 0)) for need, amount in row.lines if amount > taken.get(need, 0)]

    def lines_by(self, intent: bytes) -> Iterator[Line]:
        """Yield all lines of a need or an offer."""
        return (self.lines[line] for line in self.lines_of.get(intent, ()))

    def committed(self, offer: bytes) -> int:
        """Return how much of an offer counts as committed: all that its own chain did not release or cancel."""
        kept = self._honoured(offer)
        return self._allotted(offer) + sum(
            line.amount for line in self.lines_by(offer) if self._in_trunk_of_offer(line) or line.id in kept
        )

    def accepted(self, need: bytes) -> int:
        """Return how much of a need counts as accepted: all that its own chain received or has not let go."""
        kept = self._honoured(need)
        return self._allotted(need) + sum(
            line.amount for line in self.lines_by(need) if self._in_trunk_of_need(line) or line.id in kept
        )

    def is_effective(self, entry: Entry) -> bool:
        """Return whether a valid entry counts in full: nothing that it relies on is lacking."""
        return not self.lacking(entry)

    def lacking(self, entry: Entry) -> list[bytes]:
        """Return what a valid entry relies on and that lacks a valid counterpart here.

        A row and a commit rely on their needs, an accept on its commits, a `deliver` on a valid
        accept of each of its lines, a `receive` on a valid `deliver`, a `settle` on a valid `receive`, an
        `event` on that of another chain which made what it cites; everything else on nothing.
        """
        kind = entry.header.kind
        if kind in _ANSWERS:
            lines = _lines_of(entry)
            return list(dict.fromkeys(line[0] for line in lines if not self._is_answered(line, kind)))
        if kind == "agree":
            agreement = entry.header.dep(cast(int, entry.header.terms[0]))
            return [] if self.agreements.is_complete(agreement) else [agreement]
        relies_on = KINDS[kind].relies_on(entry.header) if kind in KINDS else ()
        if kind in ("need", "offer", "take"):
            return [name for name in relies_on if not self._is_good(self.allots.get(name))]
        if kind == "event":
            return [name for name in relies_on if self._is_foreign(name, entry.chain) and name not in self.events]
        known = (self.needs, self.lines, self._past)
        return [name for name in relies_on if not any(key in of for of in known for key in (name, (name, 0)))]

    def _is_good(self, allot: Allot | None) -> bool:
        """Return whether an allot is valid, not late, and of a threshold only of one that is backed."""
        if allot is None or self.is_forked(allot.chain, allot.sequence):
            return False
        source = self._entry_of(allot.source)
        return source is None or source.header.kind != "threshold" or self.is_backed(source.id)

    def _is_foreign(self, name: bytes, chain: bytes) -> bool:
        named = self._entry_of(name)
        return named is None or named.chain != chain

    def _is_answered(self, name: LineId, kind: str) -> bool:
        line = self.lines.get(name)
        if line is None:
            return name in self._past
        answer = _ANSWERS[kind]
        if answer == "accept" and self.agreements.is_leg(name) and not self.agreements.of(name):
            return False
        return self._is_signed(line, answer, line.provider if answer == "deliver" else line.receiver)

    def owing(self, agreement: bytes) -> list[LineId]:
        """Return the legs that are owed: those that their provider left, though it had received by the agreement."""
        known = self.agreements.known.get(agreement)
        legs = [self.lines[leg.line] for leg in known.legs if leg.line in self.lines] if known else []
        missing = [leg for leg in legs if not self._is_signed(leg, "deliver", leg.provider)]
        return [leg.id for leg in missing if self._took(legs, leg.provider) and self._is_freed(leg)]

    def _status_of_leg(self, line: Line) -> Status:
        """Return where an accepted leg stands that neither of its sides left."""
        complete = self.agreements.of(line.id)
        if not complete:
            return Status.PENDING
        is_off = all(self._is_off(line, agreement) for agreement in complete)
        return Status.VOID if is_off and not self._has(line, "deliver", line.provider) else Status.FIRM

    def _is_off(self, line: Line, agreement: bytes) -> bool:
        """Whether another leg was left so that the provider of this one may leave, and has taken nothing yet."""
        legs = [self.lines[leg.line] for leg in self.agreements.known[agreement].legs if leg.line in self.lines]
        return not self._took(legs, line.provider) and any(self._is_left(leg, line.provider) for leg in legs)

    def _took(self, legs: Sequence[Line], party: bytes) -> bool:
        return any(leg.receiver == party and self._is_signed(leg, "receive", party) for leg in legs)

    def _is_left(self, leg: Line, party: bytes) -> bool:
        """Whether a leg was left by somebody else than a party, or by the party itself without a debt."""
        if leg.provider == party:
            return any(
                self._has(leg, *one) for one in (("release", party), ("lapse", leg.receiver), ("cancel", leg.receiver))
            )
        if leg.receiver == party and not self._is_freed(leg):
            return self._is_let_go(leg) and not self._has(leg, "cancel", party)
        return self._is_freed(leg) or self._is_let_go(leg)

    def _honoured(self, intent: bytes) -> frozenset[LineId]:
        """Return the lines outside of an intent's trunk that fit, the earliest accept first."""
        known = self.needs.get(intent) or self.offers.get(intent)
        if known is None or not (known.chain in self.forked_at or self._heirs(known.chain)):
            return frozenset()
        kept = self._kept.get(intent)
        if kept is None:
            in_trunk = self._in_trunk_of_need if known.kind == "need" else self._in_trunk_of_offer
            lines = list(self.lines_by(intent))
            left = known.amount - self._allotted(intent) - sum(line.amount for line in lines if in_trunk(line))
            late = [line for line in lines if not in_trunk(line) and self._signed_status(line) in _BOUND]
            if known.kind == "offer":  # what its own chain let go it may have promised anew: no heir wins it back
                late = [line for line in late if not self._was_let_go_by(line, line.provider)]
            fitting = set()
            for line in sorted(late, key=lambda line: (line.signed.accept, line.id)):
                if line.amount <= left:
                    left -= line.amount
                    fitting.add(line.id)
            kept = self._kept[intent] = frozenset(fitting)
        return kept

    def _add_allot(self, entry: Entry) -> None:
        header = entry.header
        source_at, to_at, of, name, amount, expires_ms = cast(tuple[int, int, str, str, int, int], header.terms)
        source, to = header.dep(source_at), header.dep(to_at)
        self.allots[entry.id] = Allot(entry.id, entry.chain, header.sequence, source, to, of, name, amount, expires_ms)
        self._allots_of.setdefault(source, set()).add(entry.id)

    def _allotted(self, intent: bytes) -> int:
        """Return how much of a need or offer other chains were given; what was given late counts for nothing."""
        return sum(self.allots[one].amount for one in self._allots_of.get(intent, ()) if self.is_allotted(one))

    def is_allotted(self, allot: bytes) -> bool:
        """Return whether an allot counts: it and those that it rests on are good, through no more than 16."""
        for _ in range(MAX_PASSED):
            known = self.allots.get(allot)
            if known is None or not self._is_good(known):
                return False
            rests_on = self._rests_on(known)
            if rests_on is None:
                return True
            allot = rests_on
        return False

    def _rests_on(self, allot: Allot) -> bytes | None:
        """Return the allot that another one passes on, or gives a part of a part of; None if it is of a whole."""
        source = self._entry_of(allot.source)
        if source is None or source.header.kind not in ("allot", "need", "offer"):
            return None
        return source.id if source.header.kind == "allot" else allotment_of(source.header)

    def _rests_on_what_counts(self, line: Line) -> bool:
        """Return whether what a line is of is a whole need and offer, or a part that somebody gave."""
        for of, name in ((self.needs, line.need), (self.offers, line.offer)):
            intent = of.get(name) if name in self._parts else None
            if intent is not None and intent.allotment is not None and not self.is_allotted(intent.allotment):
                return False
        return True

    def _is_lost(self, name: LineId) -> bool:
        """Return whether a line is not done, and of a part that nobody gave who had it."""
        line = self.lines.get(name)
        if not self._parts or line is None or self._is_done(line):
            return False
        return not self._rests_on_what_counts(line)

    def _is_done(self, line: Line) -> bool:
        return self._is_signed(line, "deliver", line.provider) and self._is_signed(line, "receive", line.receiver)

    def _is_inherited(self, line: Line) -> bool:
        return bool(self._heirs(line.provider) or self._heirs(line.receiver))

    def _is_signed(self, line: Line, kind: str, party: bytes) -> bool:
        """Return whether a party to the line, or an heir of it, signed this about it."""
        return (kind, party) in line.marks or any((kind, heir) in line.marks for heir in self._heirs(party))

    def _has(self, line: Line, kind: str, party: bytes) -> bool:
        """Return whether a party, or an heir of it, signed this about the line before its own chain forked."""
        for author in (party, *self._heirs(party)):
            at = line.marks.get((kind, author))
            if at is not None and not self.is_forked(author, at):
                return True
        return False

    def _was_let_go_by(self, line: Line, provider: bytes) -> bool:
        """Return whether this very chain released or cancelled the line before it forked."""
        exits = (line.marks.get((kind, provider), NEVER) for kind in ("release", "cancel"))
        return any(at < NEVER and not self.is_forked(provider, at) for at in exits)

    def _is_freed(self, line: Line) -> bool:
        return self._has(line, "release", line.provider) or self._has(line, "cancel", line.provider)

    def _is_let_go(self, line: Line) -> bool:
        if any(self._has(line, kind, line.receiver) for kind in ("lapse", "cancel")):
            return True
        if not line.signed.exits:  # the common case, asked again and again
            return False
        receivers = (line.receiver, *self._heirs(line.receiver))
        return any(
            author in receivers and not self.is_forked(author, at) and self._is_told(author, by, line.provider, at)
            for by, author, at in line.signed.exits
        )

    def _is_told(self, author: bytes, by: bytes, party: bytes, at: int) -> bool:
        """Whether a chain knew at a place that another one speaks for a party: then it gave up what that one left."""
        return by == party or self._told.get((author, by, party), NEVER) <= at

    def _in_trunk_of_offer(self, line: Line) -> bool:
        return not self.is_forked(line.provider, line.sequence) and not self._is_freed(line)

    def _in_trunk_of_need(self, line: Line) -> bool:
        if not self._has(line, "accept", line.receiver):
            return False
        received = line.marks.get(("receive", line.receiver))  # an heir does not know what was let go before
        is_received = received is not None and not self.is_forked(line.receiver, received)
        return is_received or not self._is_let_go(line)

    def _add_intent(self, entry: Entry) -> None:
        terms, kind = cast(list[int], entry.header.terms), entry.header.kind
        intent = Intent(
            entry.id,
            entry.chain,
            entry.header.sequence,
            kind,
            str(terms[CLASS]),
            terms[AMOUNT],
            terms[CELL],
            terms[BEGIN_MS],
            terms[END_MS],
            terms[URGENCY] if kind == "need" else 0,
            entry.header.time_ms,
            self._is_withdrawn(entry.id, entry.chain),
            self.is_forked(entry.chain, entry.header.sequence),
            allotment_of(entry.header),
            str(action_of(entry.header)),
        )
        if intent.allotment is not None:
            self._parts.add(entry.id)
        (self.needs if kind == "need" else self.offers)[entry.id] = intent

    def _add_row(self, entry: Entry) -> None:
        header = entry.header
        offer = header.dep(cast(int, header.terms[OFFER_AT]))
        latest = self.rows.get(offer)
        if latest is None or (header.sequence, entry.id) > (latest.sequence, latest.id):
            self.rows[offer] = Row(entry.id, offer, entry.chain, header.sequence, row_lines(entry))

    def _add_agree(self, entry: Entry) -> None:
        agreement = self.agreements.add(entry)
        for leg in () if agreement is None else agreement.legs:
            if leg.receiver == entry.chain:
                self._mark(leg.line, "accept", entry)

    def _add_commit(self, entry: Entry) -> None:
        row = cast(Entry, self._entry_of(entry.header.dep(cast(int, entry.header.terms[0]))))
        offer = row.header.dep(cast(int, row.header.terms[OFFER_AT]))
        for number, stated in enumerate(commit_lines(entry)):
            line = (entry.id, number)
            if line in self.lines:
                continue
            if self._is_over(offer) and self._is_over(stated.need):
                self._past.add(line)
                continue
            receiver = cast(Entry, self._entry_of(stated.need)).chain
            self.lines[line] = Line(
                entry.id, number, entry.header.sequence, entry.chain, receiver, row.id, offer, stated.need,
                stated.amount, stated.hold, stated.until, self._signed_of(line),
            )  # fmt: skip
            self.lines_of.setdefault(stated.need, []).append(line)
            self.lines_of.setdefault(offer, []).append(line)

    def _withdraw(self, intent: bytes, author: bytes) -> None:
        self._withdrawn.setdefault(intent, set()).add(author)
        self._mark_withdrawn(intent)

    def _mark_withdrawn(self, intent: bytes) -> None:
        for intents in (self.needs, self.offers):
            if intent in intents:
                withdrawn = self._is_withdrawn(intent, intents[intent].chain)
                intents[intent] = intents[intent]._replace(withdrawn=withdrawn)

    def _is_withdrawn(self, intent: bytes, chain: bytes) -> bool:
        by = self._withdrawn.get(intent, ())
        return chain in by or any(heir in by for heir in self._heirs(chain))

    def _signed_of(self, line: LineId) -> Signed:
        signed = self._signed.get(line)
        if signed is None:
            signed = self._signed[line] = Signed()
        return signed

    def _mark(self, line: LineId, kind: str, entry: Entry) -> None:
        signed, mark = self._signed_of(line), (kind, entry.chain)
        signed.marks[mark] = min(signed.marks.get(mark, NEVER), entry.header.sequence)
        if kind == "accept":
            signed.accept = min(signed.accept, (entry.header.time, entry.id))

    def _note_exits(self, entry: Entry) -> None:
        """A receiver who cites a release or a provider's cancel, whatever its verdict, gives the line up."""
        for link in entry.header.links:
            exit_ = self._entry_of(link)
            if exit_ is None or exit_.header.kind not in _NOTED or exit_.chain == entry.chain:
                continue
            if exit_.header.kind == "id.inherit":
                if (cut := self._inherited(exit_)) is not None:
                    told = (entry.chain, exit_.chain, cut.chain)
                    self._told[told] = min(self._told.get(told, NEVER), entry.header.sequence)
                continue
            try:
                lines = lines_about(exit_)
            except Refused:
                continue
            for line in lines:
                signed = self._signed_of(line)
                signed.exits = signed.exits or set()
                signed.exits.add((exit_.chain, entry.chain, entry.header.sequence))


def _lines_of(entry: Entry) -> Sequence[LineId]:
    if entry.header.kind == "settle":
        return [settled.line for settled in settled_lines(entry.header)]
    return lines_about(entry)
