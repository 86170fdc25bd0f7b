"""`id.inherit`: a chain takes over what a cut chain of its identity promised and was promised.

The lines of the cut chain are read from the headers of its commits and accepts
when the heir first names them. What the cut chain did about them later is not
in those headers: the standing puts the two together.

Spec: 13-identity, "Heirs"; 08-validation, "Inheriting".
"""

from __future__ import annotations

from ..accumulators import AcceptedLine, CommittedLine, HeirOf, Inherited, Mark
from ..authority import check_inheritance
from ..envelope import Entry
from ..errors import Refused
from .flows import commit_lines
from .kind import Judged, Kind, lines_about, nothing


def _judge(judged: Judged) -> None:
    cut = check_inheritance(judged.lineage, judged.entry, judged.grant)
    before, place = judged.facts.inherited(cut.chain), cut.header.sequence
    judged.facts["inherited", cut.chain, -1] = Inherited(place if before < 0 else min(before, place))
    former = judged.lineage.grant(cut.chain)
    if former is not None and former.is_founding and judged.grant is not None:  # its admissions are to be given, too
        judged.facts["grant", judged.prefix.chain, -1] = judged.grant._replace(is_founding=True)


def note_heir(judged: Judged, dep: Entry) -> None:
    """Note that a named chain speaks as somebody's heir, or the lines of a chain that this one took over."""
    kind = dep.header.kind
    if kind == "id.inherit":
        cut = judged.lineage.inheritance(dep)
        if cut is not None:
            fact = judged.facts.get(("heir", dep.chain, -1))
            before = fact.chains if isinstance(fact, HeirOf) else ()
            judged.facts["heir", dep.chain, -1] = HeirOf(tuple(sorted({*before, cut.chain})))
    elif kind in _TAKEN and judged.grant is not None and dep.header.sequence <= judged.facts.inherited(dep.chain):
        _TAKEN[kind](judged, dep)


def _take_commit(judged: Judged, commit: Entry) -> None:
    for number, stated in enumerate(commit_lines(commit)):
        need = judged.deps.get(stated.need)
        if need is not None and judged.facts.committed((commit.id, number)) is None:
            judged.facts["committed", commit.id, number] = CommittedLine(
                b"", stated.need, need.chain, stated.amount, stated.hold, stated.until, Mark.INHERITED
            )


def _take_accept(judged: Judged, accept: Entry) -> None:
    try:
        lines = lines_about(accept)
    except Refused:
        return  # its own author broke the shape; it accepted nothing
    for line in lines:
        commit = judged.deps.get(line[0])
        stated = () if commit is None else commit_lines(commit)
        if commit is not None and line[1] < len(stated) and judged.facts.accepted(line) is None:
            said = stated[line[1]]
            judged.facts["accepted", *line] = AcceptedLine(
                said.need, commit.chain, said.amount, said.until, Mark.INHERITED | Mark.ACCEPTED
            )


_TAKEN = {"commit": _take_commit, "accept": _take_accept}
HEIR_KINDS = frozenset({"id.inherit", *_TAKEN})  # of which `note_heir` notes something
INHERIT = Kind("id.inherit", ("revoke", "cut"), ("identity.own", "inherit.terms", "inherit.revoke"), _judge, nothing)
