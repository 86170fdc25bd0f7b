"""`field`, `log`, `show`, `why` and `verify`: seeing what is, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from .answer import DEFAULT, FAILED, REFUSED, Answer, Common, short, table, talking
from .front import front


def field(
    *,
    kind: Annotated[Literal["need", "offer"] | None, Parameter(help="Only needs, or only offers.")] = None,
    resource: Annotated[str | None, Parameter(name="--class", help="Only this resource class.")] = None,
    all: Annotated[bool, Parameter(help="Also what is over, withdrawn or used up.", negative=())] = False,
    common: Common = DEFAULT,
) -> Answer:
    """Show open needs and offers, strongest first.

    Examples:
        mycelia field
        mycelia field --kind need --class food
    """
    with front(common) as node:
        found = node.field(kind=kind, resource_class=resource, everything=all)
    if not found.signals:
        return Answer(found, "No open signals. Publish one: `mycelia need food '3 kg' --at 52.37,4.89`.")
    rows = [
        (
            one.kind,
            one.resource_class,
            one.remaining_text,
            one.amount_text,
            f"{one.strength / 10_000:.0f} %",
            str(one.urgency) if one.kind == "need" else "",
            _when(one.end_ms),
            short(one.id),
        )
        for one in found.signals
    ]
    return Answer(found, table(("kind", "class", "open", "of", "strength", "urgency", "until", "id"), rows))


def log(
    *,
    after: Annotated[int, Parameter(help="Only entries accepted after this arrival number.")] = 0,
    limit: Annotated[int, Parameter(help="At most so many.")] = 100,
    kind: Annotated[str | None, Parameter(help="Only this kind.")] = None,
    common: Common = DEFAULT,
) -> Answer:
    """Show entries in the order in which they were accepted.

    Examples:
        mycelia log --limit 20
        mycelia log --kind commit --json
    """
    with front(common) as node:
        found = node.log(after=after, limit=limit, kind=kind)
    rows = [
        (str(one.arrival), one.kind, _when(one.time_ms), one.rule or "valid", short(one.chain), short(one.id))
        for one in found
    ]
    text = table(("arrival", "kind", "time", "verdict", "chain", "id"), rows) if rows else "No entries there."
    return Answer(found, text)


def show(id: str, /, *, common: Common = DEFAULT) -> Answer:
    """Show one entry: its place, terms, dependencies, verdict and body.

    Args:
        id: the entry, or the beginning of its id.

    Examples:
        mycelia show bafyreihgu6af3ertodc
        mycelia show bafyreihgu6af3ertodc --json
    """
    with front(common) as node:
        one = node.show(id)
    lines = [
        f"{one.kind} {one.id}",
        f"  entry {one.sequence} of chain {one.chain}, accepted as number {one.arrival}",
        f"  written {_when(one.time_ms)}",
        f"  {one.verdict}" + (f": {one.rule}, {one.message}" if one.rule else ""),
        *(f"  {name}: {value}" for name, value in one.terms.items()),
        *(f"  names {link}" for link in one.deps),
        *(f"  {name}: {value}" for name, value in (one.body or {}).items()),
    ]
    return Answer(one, "\n".join(lines))


def why(id: str, /, *, common: Common = DEFAULT) -> Answer:
    """Say which rules an entry was judged by, what came of it, and what would mend it.

    Args:
        id: the entry, or the beginning of its id.

    Examples:
        mycelia why bafyreihgu6af3ertodc
        mycelia why bafyreihgu6af3ertodc --json
    """
    with front(common) as node:
        found = node.why(id)
    lines = [f"{short(found.id)} is {found.verdict}" + (" and counts." if found.is_effective else ".")]
    if found.rule:
        lines += [f"  Rule {found.rule}: {found.message}.", f"  Law: {found.law}", f"  Try: {found.remedy}"]
    lines += [f"  waits for {link}" for link in found.waits_for]
    lines.append(f"  Checked: {', '.join(found.checked)}")
    lines += [
        f"  Line {line.number} of {short(line.commit)}: {line.amount} quanta, {line.status}, held until "
        f"{_when(line.hold_ms)}"
        for line in found.lines
    ]
    return Answer(found, "\n".join(lines), REFUSED if found.verdict == "invalid" else 0)


def verify(*, common: Common = DEFAULT) -> Answer:
    """Judge every stored entry again, from its bytes; nothing that the store says is believed.

    Examples:
        mycelia verify
        mycelia verify --json
    """
    with front(common) as node, talking("judging every entry again"):
        found = node.verify()
    waits = [
        f"Waiting: {short(one.id)}, " + (f"for {len(one.missing)} entries." if one.missing else "until its time comes.")
        for one in found.awaiting
    ]
    if found.faults:
        faults = "\n".join(f"Fault: {fault}." for fault in found.faults)
        return Answer(found, f"{faults}\nTry: move this home away, make it again and pull from a peer.", FAILED)
    invalid = f", {found.invalid} of them kept but refused by a rule" if found.invalid else ""
    return Answer(found, "\n".join([f"All {found.entries} entries verify{invalid}.", *waits]))


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
