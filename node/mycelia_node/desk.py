"""The desk: everything that people and programs ask of a node, as plain functions over its ledger and keys.

The API and the command line say the same because both ask here: over HTTP when
the node runs, directly when it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from secrets import token_bytes

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Resource, ResourceId
from mycelia_protocol.actions import PLAIN
from mycelia_protocol.canonical import Value
from mycelia_protocol.charter import Charter
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.keys import did
from mycelia_protocol.kinds import KINDS
from mycelia_protocol.kinds.intents import CLASS
from mycelia_protocol.rules import RULES
from mycelia_protocol.validation import CUSTOM

from . import models, notes, projections, proof, signals, views
from .faults import BadInput, StoreFault
from .keystore import Keystore, Member
from .ledger import Ledger
from .ownchains import OwnChains
from .reading import MIN_CID
from .stored import Stored
from .sync import PeerState

COMMON_RULES = ("envelope.*", "chain.*", "deps.held", "chain.time", "version.adopted", "kind.known")
MANY_CLOCKS = 3  # peers that differ from here: then the wrong clock is probably this one


class NotFound(LookupError):
    """No entry, or more than one, has the id that was asked for."""


class Desk:
    """One node's ledger and members, asked and told things."""

    def __init__(
        self,
        ledger: Ledger,
        keystore: Keystore,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self.ledger, self.keystore, self.clock, self._entropy = ledger, keystore, clock, entropy
        self.own = OwnChains(ledger, keystore)

    # Telling

    def publish(self, news: Sequence[models.NewSignal]) -> list[models.Published]:
        """Publish needs and offers, a member's all or none; with `dry_run` only check them.

        Raises:
            BadInput, StoreFault, Refused, Malformed: the first that cannot be published.
        """
        done: list[models.Published] = []
        for (name, dry_run), group in groupby(news, key=lambda new: (new.member, new.dry_run)):
            member, batch = self.keystore.member(name), list(group)
            law = self.ledger.law_of(member.chain)
            contents = [self.content(new, law) for new in batch]
            bodies = [self._body(new, member) for new in batch]
            expiries = [notes.expiry_of(new, self.clock()) for new in batch]
            pair = self.keystore.pair(member.name)
            if dry_run:
                entries = self.ledger.rehearse(pair, member.chain, contents)
            else:
                entries = self.ledger.publish(pair, member.chain, contents, bodies, expiries)
            done += [published(entry, dry_run=dry_run) for entry in entries]
        return done

    def _body(self, new: models.NewSignal, member: Member) -> dict[str, Value] | None:
        own, readers = self.keystore.box_key(member.name), notes.Readers(self.keystore, self.ledger)
        return notes.body_of(
            new, own=own, keys_of=readers.keys_of, network=self.ledger.network, chain=member.chain,
            entropy=self._entropy,
        )  # fmt: skip

    def content(self, new: models.NewSignal, law: Charter) -> Content:
        """Return what a signal says, in the ledger's terms, under the law of the chain that will say it."""
        return signals.intent(
            law,
            new.kind,
            resource_class=new.resource_class,
            amount=new.amount,
            at=new.at,
            begin=new.begin,
            until=self._until(new),
            urgency=new.urgency,
            precise=new.precise,
            now_ms=self.clock(),
            tail=self._tail(new),
        )

    def _until(self, new: models.NewSignal) -> str | int | None:
        """Return until when a signal is meant to last: a part of another chain's intent no longer than that part."""
        if new.until is not None or new.allotment is None:
            return new.until
        header = self.entry(new.allotment).entry.header
        usual_ms = signals.moment("until", signals.DEFAULT_UNTIL, self.clock())
        ends_ms = header.terms[-1] if header.kind == "allot" and header.terms else None
        return min(ends_ms, usual_ms) if isinstance(ends_ms, int) else None

    def _tail(self, new: models.NewSignal) -> compose.NeedTail | compose.OfferTail | None:
        """Return what a signal says about action and resources, None if it is a transfer of nothing in particular."""
        allotment = None if new.allotment is None else self.entry(new.allotment).entry.id
        if new.kind == "offer":
            if new.stock or new.into or new.process:
                raise BadInput("kind", "an offer takes nothing in", "name the resource that it gives of")
            given = None if new.resource is None else self.resource_id(new.resource)
            reciprocal = None if new.reciprocal is None else self.entry(new.reciprocal).entry.id
            offered = compose.OfferTail(new.action or PLAIN, given, reciprocal, allotment)
            return None if offered == compose.OfferTail() else offered
        if new.resource or new.reciprocal:
            raise BadInput("kind", "a need gives nothing", "name the resource that it goes `into`")
        process = None if new.process is None else self.entry(new.process).entry.id
        into = None if new.into is None else self.resource_id(new.into)
        asked = compose.NeedTail(new.action or PLAIN, process, into, allotment)
        return None if asked == compose.NeedTail() and not new.stock else asked

    def resource_id(self, text: str) -> ResourceId:
        """Return the resource that a pasted id means: that of an entry, or its beginning, and `:number`.

        Raises:
            NotFound: no entry is named so, or several.
            BadInput: the number is none.
        """
        name, colon, number = text.strip().partition(":")
        if colon and not (number.isdecimal() and len(number) < 5):
            raise BadInput("resource", f"{number[:20]!r} is no number", "write the id, or the id and `:1`")
        return self.entry(name).entry.id, int(number or 0)

    def withdraw(self, new: models.NewWithdrawal) -> models.Published:
        """Withdraw an own need or offer.

        Raises:
            NotFound, StoreFault, Refused: it is unknown, somebody else's, or withdrawn already.
        """
        stored = self.entry(new.id)
        chain = stored.entry.chain
        heirs = (self.keystore.owner(heir) for heir in self.ledger.members.heirs(chain))
        member = self.keystore.owner(chain) or next((heir for heir in heirs if heir is not None), None)
        if member is None:
            raise StoreFault("somebody else published it", "withdraw it where its member publishes")
        pair, content = self.keystore.pair(member.name), compose.withdraw(stored.entry.id)
        act = self.ledger.rehearse if new.dry_run else self.ledger.publish
        [entry] = act(pair, member.chain, [content])
        return published(entry, dry_run=new.dry_run)

    def retract(self, new: models.NewRetraction) -> models.Published:
        """Delete the bodies of own entries here, and ask everybody else to.

        Raises:
            NotFound, StoreFault, BadInput, Refused: one is unknown or somebody else's, or they are not of one chain.
        """
        entries = [self.entry(name).entry for name in new.ids]
        chains = {entry.chain for entry in entries}
        if len(chains) > 1:
            raise BadInput("ids", f"these entries are of {len(chains)} chains", "retract those of one chain at a time")
        member = self.keystore.owner(chains.pop())
        if member is None:
            raise StoreFault("somebody else published it", "retract it where its member publishes")
        pair, content = self.keystore.pair(member.name), compose.retract([entry.id for entry in entries])
        act = self.ledger.rehearse if new.dry_run else self.ledger.publish
        [entry] = act(pair, member.chain, [content])
        return published(entry, dry_run=new.dry_run)

    def warrant(self, new: models.NewWarrant) -> models.Published:
        """Publish the warrant of a chain of which this node holds two pasts.

        Raises:
            NotFound, StoreFault, Refused: it is unknown, not forked, or the member's own.
        """
        parting = self._parting(new.chain)
        member = self.keystore.member(new.member)
        pair, content = self.keystore.pair(member.name), compose.warrant(parting[0].id, parting[1].id)
        act = self.ledger.rehearse if new.dry_run else self.ledger.publish
        [entry] = act(pair, member.chain, [content])
        return published(entry, dry_run=new.dry_run)

    def checkpoint(self, new: models.NewCheckpoint) -> models.Published:
        """Sum up all that a member's chain said so far.

        Raises:
            BadInput, StoreFault, Refused: there is no such member, or the last checkpoint is too near.
        """
        member = self.keystore.member(new.member)
        pair, content = self.keystore.pair(member.name), self.ledger.summed_up(member.chain)
        act = self.ledger.rehearse if new.dry_run else self.ledger.publish
        [entry] = act(pair, member.chain, [content])
        return published(entry, dry_run=new.dry_run)

    def proof(self, name: str) -> models.ProofFile:
        """Return the proof of a fork, for somebody who holds neither past.

        Raises:
            NotFound: the chain is unknown, or not forked.
        """
        one, other = self._parting(name)
        opening = self.ledger.entry_of(one.chain)
        [path], [again] = self.ledger.runs_of_ids([one.id]), self.ledger.runs_of_ids([other.id])
        assert opening is not None  # a chain is held from its `open` on
        return proof.write(self.ledger.network, opening, path, again)

    def _parting(self, name: str) -> list[Entry]:
        chain = self.entry(name).entry.chain
        parting = self.ledger.parting(chain)
        if len(parting) != 2:
            raise NotFound(
                f"this node holds one past of chain {cid.text(chain)}: it did not fork, as far as is known here"
            )
        return parting

    # Asking

    def members(self) -> list[models.MemberView]:
        """Return the members of the node."""
        return [self.member_view(member) for member in self.keystore.members()]

    def member_view(self, member: Member) -> models.MemberView:
        """Return a member as the API says it."""
        box = self.keystore.box_key(member.name).hex()
        return models.MemberView(name=member.name, chain=cid.text(member.chain), key=did(member.public), box=box)

    def status(
        self,
        *,
        peers: Sequence[PeerState] = (),
        addresses: Sequence[str] = (),
        node: str | None = None,
        started_ms: int | None = None,
        last_event: str | None = None,
    ) -> models.StatusView:
        """Return how the node is; what only a running node knows is given."""
        ledger = self.ledger
        awaiting = [views.awaiting_view(one) for one in ledger.awaiting()]
        return models.StatusView(
            commons=ledger.charter.name,
            network=cid.text(ledger.network),
            node=node,
            addresses=list(addresses),
            members=self.members(),
            peers=[peer_view(state) for state in peers],
            entries=ledger.count(),
            gone=ledger.gone,
            chains=len({tip.chain for tip in ledger.frontier()}),
            awaiting=awaiting,
            digest=ledger.digest().hex(),
            classes={name: one.unit for name, one in ledger.charter.classes.items()},
            started_ms=started_ms,
            last_event=last_event,
            warnings=self._warnings(peers, awaiting),
            forks=self.own.forks(),
            release=self.own.waiting(),
            behind=self.own.behind(),
        )

    def _warnings(self, peers: Sequence[PeerState], awaiting: Sequence[models.AwaitingView]) -> list[str]:
        most_ms = self.ledger.charter.drift_ms // 2
        skews = {peer.node: abs(peer.clock_skew_ms) for peer in peers if peer.clock_skew_ms is not None}
        wrong = {node: skew_ms for node, skew_ms in skews.items() if skew_ms > most_ms}
        if len(wrong) >= MANY_CLOCKS:
            warnings = [
                f"the clocks of {len(wrong)} peers differ from this one by over {most_ms // 1000} s: set this one"
            ]
        else:
            warnings = [
                f"the clock of {node} differs from this one by {skew_ms // 1000} s: set the wrong one"
                for node, skew_ms in wrong.items()
            ]
        now_ms = self.clock()
        ahead = [one for one in awaiting if one.until_ms > now_ms]
        if ahead:
            most_s = (max(one.until_ms for one in ahead) - now_ms + self.ledger.charter.drift_ms) // 1000
            why = (
                "is this clock behind, or a chain beyond its rate?"
                if self.ledger.charter.rate
                else "is this clock behind?"
            )
            warnings.append(f"{len(ahead)} runs lie up to {most_s} s ahead of this clock and wait: {why}")
        return warnings

    def field(
        self, *, kind: str | None = None, resource_class: str | None = None, everything: bool = False,
        last_event: str | None = None,
    ) -> models.FieldView:  # fmt: skip
        """Return the field at this moment.

        Raises:
            BadInput: the commons has no such class.
        """
        now_ms, standing = self.clock(), self.ledger.standing
        classes = {*self.ledger.charter.classes}
        classes |= {one.resource_class for of in (standing.needs, standing.offers) for one in of.values()}
        if resource_class is not None and resource_class not in classes:
            raise BadInput(
                "class", f"this commons has no class {resource_class!r}", f"use {', '.join(sorted(classes))}"
            )
        found = projections.field(standing, now_ms, kind=kind, resource_class=resource_class, everything=everything)
        shown = [views.signal_view(self.ledger.law_of, signal) for signal in found]
        return models.FieldView(at_ms=now_ms, signals=shown, last_event=last_event)

    def log(
        self, *, after: int = 0, limit: int = 100, kind: str | None = None, chain: str | None = None
    ) -> list[models.EntryView]:
        """Return accepted entries in order of acceptance.

        Raises:
            BadInput: there is no such kind.
            NotFound: there is no such chain, or more than one.
        """
        if kind is not None and kind not in KINDS and not kind.startswith(CUSTOM):
            raise BadInput("kind", f"there is no kind {kind!r}", f"use {', '.join(KINDS)} or {CUSTOM}…")
        link = None if chain is None else self.entry(chain).entry.chain
        found = self.ledger.stored(after, limit, chain=link, kind=kind)
        return [views.entry_view(self.ledger.law_of, stored) for stored in found]

    def entry(self, name: str) -> Stored:
        """Return the entry that a pasted id or a prefix of one means.

        Raises:
            NotFound: none, or several.
        """
        names = self.ledger.find(name)
        if len(names) > 1:
            raise NotFound(f"{len(names)} entries begin with {name}: give more of the id")
        stored = self.ledger.get(names[0]) if names else None
        if names and stored is None:
            raise NotFound(f"the header of {name} went: this node keeps only its id and whether it was valid")
        if stored is None:
            hint = "" if len(name) >= MIN_CID else f" (an id is known by {MIN_CID} characters or more)"
            raise NotFound(f"this node holds no entry {name!r}{hint}")
        return stored

    def show(self, name: str) -> models.EntryView:
        """Return one entry; a private body is opened if it is for a member of this node."""
        stored = self.entry(name)
        said = notes.read(stored.entry, self.keystore.box_secrets(), network=self.ledger.network)
        return views.entry_view(self.ledger.law_of, stored, said, class_of=self._class_of)

    def _class_of(self, name: bytes, number: int) -> str | None:
        """Return the class of a need or an offer, or of the resource that an entry made."""
        entry = self.ledger.entry_of(name)
        if entry is None:
            return None
        held = self.ledger.facts_of(entry.chain, "resource").get(("resource", name, number))
        if isinstance(held, Resource):
            return held.resource_class
        stated = entry.header.terms[CLASS] if entry.header.kind in ("need", "offer") else None
        return stated if isinstance(stated, str) else None

    def why(self, name: str) -> models.WhyView:
        """Return which rules an entry was judged by and what would mend it.

        Raises:
            NotFound: it is neither held nor waiting.
        """
        try:
            stored = self.entry(name)
        except NotFound:
            waiting = [one for one in self.ledger.awaiting() if cid.text(one.id).startswith(name)]
            if not waiting:
                raise
            rule = RULES["deps.held"]
            missing = sorted(cid.text(link) for link in waiting[0].missing)
            message = f"{len(missing)} named entries are not held" if missing else "it lies ahead of this clock"
            return models.WhyView(
                id=cid.text(waiting[0].id), verdict="awaiting", is_effective=False, checked=list(COMMON_RULES[:3]),
                rule="deps.held", message=message, law=rule.law, remedy=rule.remedy, waits_for=missing, lines=[],
            )  # fmt: skip
        return self._explained(stored)

    def _explained(self, stored: Stored) -> models.WhyView:
        entry, standing = stored.entry, self.ledger.standing
        kind = KINDS.get(entry.header.kind)
        checked = [*COMMON_RULES, *(kind.rules if kind else ())]
        rule = message = law = remedy = None
        if stored.refused is not None:
            rule, message = stored.refused
            law, remedy = RULES[rule]
            checked = checked[: checked.index(rule) + 1] if rule in checked else checked
        lines = [line for line in standing.lines.values() if entry.id in (line.commit, line.need, line.offer)]
        return models.WhyView(
            id=cid.text(entry.id),
            verdict="valid" if stored.is_valid else "invalid",
            is_effective=self._is_effective(stored),
            checked=checked,
            rule=rule,
            message=message,
            law=law,
            remedy=remedy,
            waits_for=[],
            lines=[views.line_view(self.ledger.law_of, standing, line) for line in lines],
            withdrawn=any(entry.id in of and of[entry.id].withdrawn for of in (standing.needs, standing.offers)),
        )

    def _is_effective(self, stored: Stored) -> bool:
        return stored.is_valid and self.ledger.standing.is_effective(stored.entry)


def peer_view(state: PeerState) -> models.PeerView:
    """Return a peer as the API says it."""
    return models.PeerView(
        node=state.node,
        address=state.address,
        is_connected=state.is_connected,
        since_ms=state.since_ms,
        clock_skew_ms=state.clock_skew_ms,
        received=state.received,
        sent=state.sent,
        last_error=state.last_error,
    )


def published(entry: Entry, *, dry_run: bool = False) -> models.Published:
    """Return an entry of one's own as the API says it."""
    return models.Published(
        id=cid.text(entry.id), chain=cid.text(entry.chain), sequence=entry.header.sequence, kind=entry.header.kind,
        dry_run=dry_run,
    )  # fmt: skip
