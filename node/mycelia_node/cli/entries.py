"""Entries: list them, show one, ask why it counts or not, judge them all again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .options import DEFAULTS, Options, Whole
from .output import ago, give, moment, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import EntryView, WhyView


_DURATIONS = ("effort_ms", "bucket_ms")  # terms that say how long, not when


def log(
    *,
    after: Whole = 0,
    limit: Whole = 100,
    kind: str | None = None,
    chain: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """List entries in the order in which this node accepted them.

    Args:
        after: Begin after this number of the order.
        limit: How many at most, from 1 to 1000.
        kind: Only entries of this kind.
        chain: Only entries of this chain: an id or its beginning.
    """
    from .door import opened
    from .failures import Failure

    if not 1 <= limit <= 1000 or after < 0:
        raise Failure("usage", "nothing was listed", f"--limit {limit} --after {after} is out of range", "1 to 1000")
    with opened(options.place) as node:
        found = node.log(after=after, limit=limit, kind=kind, chain=chain)
    rows = [
        (one.arrival, short(one.id), short(one.chain), one.sequence, one.kind, ago(one.time_ms), one.rule or "valid")
        for one in found
    ]
    columns = ("nr", "id", "chain", "entry", "kind", "when", "verdict")
    give(options, {"entries": found}, table(columns, rows) if rows else "")
    if len(found) == limit:
        tell(f"There may be more: `mycelia log --after {found[-1].arrival}`.")


def show(id: str, /, *, options: Options = DEFAULTS) -> None:
    """Show one entry with its terms.

    Args:
        id: The id of the entry, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.show(id)
    said = {name: _said(name, value) for name, value in view.terms.items()}
    if view.amount_text is not None:
        said["amount"] = view.amount_text
    lines = [
        ("id", view.id), ("kind", view.kind), ("chain", view.chain), ("entry", view.sequence),
        ("when", moment(view.time_ms)), ("verdict", f"{view.verdict} ({view.rule})" if view.rule else view.verdict),
        *((name.removesuffix("_ms"), text) for name, text in said.items()),
        *(("names", link) for link in view.deps), *_body(view),
    ]  # fmt: skip
    give(options, view, "\n".join(f"{name:18}{value}" for name, value in lines))


def _body(view: EntryView) -> list[tuple[str, object]]:
    """Return what the body says, and whether it says so to everybody."""
    said = list((view.body or {}).items())
    if not view.is_private:
        return said
    return [*said, ("private", "for its recipients alone" if view.closed_by is None else f"closed ({view.closed_by})")]


def _said(name: str, value: Any) -> str:
    """Return a term as people read it."""
    from mycelia_protocol.times import duration_text

    if isinstance(value, list):
        return ", ".join(_said(name, one) for one in value)
    if type(value) is int and name in _DURATIONS:
        return duration_text(value)
    if type(value) is int and name.endswith("_ms"):
        return moment(value)
    if type(value) is int and name == "cell":
        return f"{value:x}"
    return "" if value is None else str(value)


def why(id: str, /, *, options: Options = DEFAULTS) -> None:
    """Say which rules an entry was checked by, the verdict, and what would mend it.

    Args:
        id: The id of the entry, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.why(id)
    give(options, view, "\n".join(_reasons(view)))


def _reasons(view: WhyView) -> list[str]:
    effect = "and counts" if view.is_effective else "and does not count yet: something that it relies on is lacking"
    lines = [f"{short(view.id)} is {view.verdict}" + (f" {effect}." if view.verdict == "valid" else ".")]
    lines += [f"  {'broken' if rule == view.rule else 'checked'}  {rule}" for rule in view.checked]
    if view.rule and view.rule not in view.checked:
        lines.append(f"  broken  {view.rule}")
    lines += [f"Why: {view.message}. {view.law}", f"Try: {view.remedy}"] if view.rule else []
    lines += [f"  waits for  {name}" for name in view.waits_for]
    if view.withdrawn:
        lines.append("It is withdrawn: nothing new is committed to it.")
    lines += [
        f"  line  {short(line.commit)}:{line.number}: {line.amount_text} from {short(line.offer)} "
        f"to {short(line.need)}, {line.status}"
        for line in view.lines
    ]
    return lines


def prune(*, dry_run: Annotated[bool, Parameter(negative="")] = False, options: Options = DEFAULTS) -> None:
    """Let old headers go that nothing needs any more: below checkpoints that are witnessed and old enough.

    Ids and verdicts stay. What is named after all is asked for again. Who joins later needs a peer that keeps
    everything.

    Args:
        dry_run: Only count what would go.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.prune(dry_run=dry_run)
    done = "would go" if view.dry_run else "went"
    size = f"{view.freed_bytes / 1024:,.0f} KiB"
    give(options, view, f"{view.headers:,} headers of {view.chains} chains {done}, {size}.")
    if not view.headers:
        tell("Headers go where the charter has a retention, below checkpoints older than that and witnessed by enough.")
    elif not view.dry_run:
        tell("Newcomers cannot be given these chains from here: somebody else has to keep them whole.")


def verify(*, options: Options = DEFAULTS) -> int:
    """Judge every stored entry again, from its bytes."""
    from .door import opened

    with opened(options.place) as node:
        view = node.verify()
    text = f"{view.entries} entries judged again: {view.invalid} refused by rules, {len(view.awaiting)} runs wait."
    waiting = [
        f"  waits  entry {one.sequence} of chain {short(one.chain)} for "
        + (", ".join(map(short, one.missing)) if one.missing else moment(one.until_ms))
        for one in view.awaiting
    ]
    give(options, view, "\n".join([text, *waiting, *view.faults]))
    if view.faults:
        tell(f"{len(view.faults)} faults. Try: keep this home, make another and take the entries from a peer.")
    return 1 if view.faults else 0
