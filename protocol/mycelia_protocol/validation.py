"""Validity: is this entry allowed, for ever and for everyone?

Pure, permanent and shallow. It reads the entry, the accumulators of its own
chain's prefix and the headers that it names: no clock, no absence, no arrival
order, never a dependency's own verdict. Whether the entry also *counts* is
another question, answered by `standing`.

Spec: 08-validation; the numbers below are the chapter's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from .accumulators import (
    AcceptedLine,
    Cited,
    Draft,
    Fact,
    FactKey,
    Grant,
    LineId,
    Mark,
    Paid,
    Prefix,
    Version,
)
from .charter import Charter
from .envelope import Entry
from .errors import Premature, Refused
from .grants import check_use
from .kinds import KINDS, Judged, credit
from .kinds.agreements import agreement_of
from .kinds.budgets import check_budget, check_stake
from .kinds.flows import FREED, commit_lines
from .kinds.heirs import HEIR_KINDS, note_heir
from .kinds.kind import ABOUT_LINES, lines_about
from .kinds.legs import EXITS, note_agree, note_exit
from .kinds.spending import check_spending
from .lineage import Lineage
from .rates import FREEING, Rate, tat_after

CUSTOM = "x."
_NOTED = frozenset({*ABOUT_LINES, "withdraw", "agree"})
_COMMITTED_CITES = {"accept": Mark.CITES_ACCEPT, "lapse": Mark.CITES_LAPSE, "cancel": Mark.CITES_CANCEL}
_ACCEPTED_CITES = {"release": Mark.CITES_RELEASE, "cancel": Mark.CITES_CANCEL, "deliver": Mark.CITES_DELIVER}


class Verdict(NamedTuple):
    """`refused` is None for a valid entry; `changes` are what the entry does to its chain's facts."""

    refused: Refused | None
    changes: dict[FactKey, Fact]

    @property
    def is_valid(self) -> bool:
        """Whether no rule was broken."""
        return self.refused is None


_VALID_UNCHANGED = Verdict(None, {})


def judge(
    entry: Entry,
    prefix: Prefix,
    held: Callable[[bytes], Entry | None],
    charter: Charter,
    lineage: Lineage | None = None,
) -> Verdict:
    """Return the verdict on an authentic entry that links to the tip of `prefix`.

    `held` gives an authentic entry by id. Whoever judges many entries gives a `lineage` over the same
    `held` and charter, which remembers who speaks. Nothing is changed: `extend` applies the verdict.

    Raises:
        Premature: dependencies are not held (rule `deps.held`); their ids are in `missing`.
    """
    header = entry.header
    # 6. Everything that the entry names is held.
    deps: dict[bytes, Entry] = {}
    missing = []
    for link in header.links:
        dep = held(link)
        if dep is None:
            missing.append(link)
        else:
            deps[link] = dep
    if missing:
        raise Premature("deps.held", f"{len(missing)} named entries are not held", frozenset(missing))
    draft, refusal = Draft(prefix.facts), None
    lineage = lineage or Lineage(held, charter)
    law = charter
    if prefix.version is not None:
        lineage.begin()
        law = lineage.law(prefix.version.enact) or charter  # it was good when it was adopted, and is so for ever
    try:
        lineage.begin()
        _judge(Judged(entry, prefix, deps, law, draft, lineage))
    except Refused as refused:
        refusal = refused.with_traceback(None)  # a traceback would keep all that was read alive
    changes = draft.changes if refusal is None else draft.lasting
    if law.rate is not None:
        frees = refusal is None and header.kind in FREEING and not _is_about_inherited(entry, draft, deps)
        changes["rate", prefix.chain, -1] = Paid(tat_after(prefix.tat, entry, law.rate, frees=frees))
    return Verdict(refusal, changes) if refusal is not None or changes else _VALID_UNCHANGED


def _judge(judged: Judged) -> None:
    header = judged.header
    # 7. Time moves on, past the entry before and past everything named.
    latest = judged.prefix.time
    for dep in judged.deps.values():
        latest = max(latest, dep.header.time)
    if header.time <= latest:
        raise Refused("chain.time", f"time {header.time} does not lie after {latest}")
    # 8. The charter version in force is the one last adopted in the chain's own prefix.
    version = judged.prefix.version
    if header.charter_version != (0 if version is None else version.number):
        raise Refused("version.adopted", f"charter version {header.charter_version} is not the one last adopted here")
    # 9. The kind is known, or nobody's business.
    kind = KINDS.get(header.kind)
    if kind is None and not header.kind.startswith(CUSTOM):
        raise Refused("kind.known", f"kind {header.kind!r} is neither known nor custom")
    if judged.charter.rate is not None and header.kind not in FREEING:
        _check_rate(judged.entry, judged.prefix.tat, judged.charter.rate)
    # 10. The chain may write this, for its identity and now.
    grant = judged.prefix.grant
    if grant is not None:
        check_use(grant, header)
        check_stake(judged)
    # 11. What the entry cites, of whatever kind it is, is noted before its own rules are asked.
    foreign = [dep for dep in judged.deps.values() if dep.chain != judged.prefix.chain]
    for dep in foreign:
        if dep.header.kind in HEIR_KINDS:
            note_heir(judged, dep)
    for dep in foreign:
        if dep.header.kind in _NOTED:
            _note_cite(judged, dep)
    # 12. The rules of its kind, in their order. A custom kind has none.
    if kind is not None:
        kind.judge(judged)
    # 13. What it states stays within what the chain was granted, and within what the world can bear.
    if grant is not None and grant.classes:
        check_spending(grant, judged.entry, judged.facts, judged.prefix, judged.charter.classes)
    check_budget(judged)


def extend(prefix: Prefix, entry: Entry, verdict: Verdict) -> None:
    """Move the prefix on to `entry`: its place, time and weight always count, all else only if it is valid."""
    prefix.tip = entry.id
    prefix.sequence = entry.header.sequence
    prefix.time = max(prefix.time, entry.header.time)
    for key, fact in verdict.changes.items():
        prefix.facts[key] = fact
        if key[0] == "grant":
            prefix.grant = cast(Grant, fact)
        elif key[0] == "version":
            prefix.version = cast(Version, fact)


def check_exit_body(entry: Entry, tat: int, rate: Rate) -> None:
    """Refuse, before its author publishes it, an exit whose body takes the tat further than the burst.

    Raises:
        Refused: rule `rate.cell`. Without the body it would pass; from others it is valid as it is.
    """
    if entry.header.kind in FREEING and entry.header.body_length:
        _check_burst(tat_after(tat, entry, rate, frees=True) - entry.header.time_ms, rate)


def _check_rate(entry: Entry, tat: int, rate: Rate) -> None:
    _check_burst(tat_after(tat, entry, rate) - entry.header.time_ms, rate)


def _check_burst(ahead_ms: int, rate: Rate) -> None:
    if ahead_ms > rate.burst_ms:
        raise Refused(
            "rate.cell",
            f"the chain is {ahead_ms} ms ahead of its rate, a burst of {rate.burst_ms} ms is allowed: "
            f"{ahead_ms - rate.burst_ms} ms too soon",
        )


def _is_about_inherited(entry: Entry, facts: Draft, deps: dict[bytes, Entry]) -> bool:
    """Whether a valid exit is about what its chain took over: every heir can free that once more."""
    header = entry.header
    if header.kind == "withdraw":
        return deps[header.dep(cast(int, header.terms[0]))].chain != entry.chain
    lines = lines_about(entry)
    known = (facts.committed(line) or facts.accepted(line) for line in lines)
    return any(fact is not None and fact.marks & Mark.INHERITED for fact in known)


def _note_cite(judged: Judged, dep: Entry) -> None:
    kind, facts = dep.header.kind, judged.facts
    if kind == "withdraw":
        name = dep.header.named(dep.header.terms[0]) if len(dep.header.terms) == 1 else None
        intent = None if name is None else judged.lineage.held(name)
        if intent is not None and facts.speaks_for(dep.chain, intent.chain):  # what strangers say of it is not kept
            _remember(facts, intent.id, -1, kind, dep.chain)
        return
    if kind == "agree":
        agreement = agreement_of(dep, judged.lineage.held)
        if agreement is not None:
            note_agree(facts, agreement, dep)
        return
    try:
        lines = lines_about(dep)
    except Refused:
        return  # its own author broke the shape; it says nothing about any line
    for line in lines:
        _mark_line(judged, line, dep)
        if kind in EXITS:
            note_exit(facts, line, dep)


def _mark_line(judged: Judged, line: LineId, dep: Entry) -> None:
    facts, kind, author = judged.facts, dep.header.kind, dep.chain
    given = facts.committed(line)
    if given is not None:
        if facts.speaks_for(author, given.receiver):
            at, place = given.accept_at, dep.header.sequence
            if kind == "accept" and author == given.receiver:
                at = place if at < 0 else min(at, place)
            facts["committed", *line] = given.marked(_COMMITTED_CITES.get(kind, 0), at)
        return
    taken = facts.accepted(line)
    if taken is None:
        if kind in _ACCEPTED_CITES and _is_provider(judged, line, author):  # read if it is asked to accept later
            _remember(facts, *line, kind, author)
    elif facts.speaks_for(author, taken.provider):
        _cite_provider(facts, line, taken, _ACCEPTED_CITES.get(kind, 0))


def _is_provider(judged: Judged, line: LineId, author: bytes) -> bool:
    """Whether there is such a line, and it is the author's to give: what strangers say of it is not kept."""
    commit = judged.lineage.held(line[0])
    return commit is not None and judged.facts.speaks_for(author, commit.chain) and line[1] < len(commit_lines(commit))


def _cite_provider(facts: Draft, line: LineId, taken: AcceptedLine, mark: int) -> None:
    counts = taken.marks & Mark.ACCEPTED and not taken.marks & (FREED | Mark.RECEIVED)
    if counts and mark & FREED and not taken.marks & Mark.INHERITED:
        need = facts.need(taken.need)
        facts["need", taken.need, -1] = need._replace(accepted=need.accepted - taken.amount)
        credit.move(facts, taken.need, expected=-taken.amount)
    facts["accepted", *line] = taken.marked(mark)


def _remember(facts: Draft, name: bytes, number: int, kind: str, author: bytes) -> None:
    before = facts.get(("cited", name, number))
    by = before.by if isinstance(before, Cited) else ()
    facts["cited", name, number] = Cited(tuple(sorted({*by, (kind, author)})))
