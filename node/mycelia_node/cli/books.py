"""Books: what everybody gave, made and has, where a thing comes from, and the files of all that (chapter 25)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, Options
from .output import give, moment, short, table, tell, told

if TYPE_CHECKING:
    from mycelia_node.models import DueRow, QuotientRow, StepView, StockRow

T = TypeVar("T")
# column of the table, field of an account
_COLUMNS = {
    "given": "given", "received": "received", "on its way": "in_transit", "produced": "produced",
    "consumed": "consumed", "raised": "raised", "lowered": "lowered", "rights": "rights", "in hand": "on_hand",
    "overdrawn": "overdrawn", "contributed": "contributed",
}  # fmt: skip


def account(
    party: Annotated[str | None, Parameter(name="member")] = None,
    /,
    *,
    resource_class: Annotated[str | None, Parameter(name="--class")] = None,
    csv: Path | None = None,
    parquet: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Show what everybody gave, received, made, used up and has, own members first; and what is owed.

    Args:
        party: Only this one's: a member of the node, or the id of an identity or a chain, or its beginning.
        resource_class: Only this class.
        csv: Write the accounts to this file as a spreadsheet.
        parquet: Write them to this file for data tools; it needs `mycelia[books]`.
    """
    from mycelia_node import bookfiles, models

    from .door import opened

    with opened(options.place) as node:
        found = node.accounts(party=party, resource_class=resource_class)
        claims = [one for one in node.claims(party=party) if resource_class in (None, one.resource_class)]
    for path, write in ((csv, bookfiles.write_csv), (parquet, bookfiles.write_parquet)):
        if path is not None:
            _writing(path, partial(write, found, models.AccountRow))
            tell(f"Wrote {len(found)} accounts to {path}.")
    shown = [(name, field) for name, field in _COLUMNS.items() if any(getattr(one, field) != "0" for one in found)]
    rows = [
        (
            one.member or short(one.party), one.resource_class,
            *(_amount(getattr(one, field), one.unit) for _, field in shown),
        )
        for one in found
    ]  # fmt: skip
    columns = ("who", "class", *(name for name, _ in shown))
    parts = ([table(columns, rows)] if rows else []) + ([_claims(claims)] if claims else [])
    give(options, {"accounts": found, "claims": claims}, "\n\n".join(parts))
    if claims:
        tell("Who owes gives to the creditor, then says `mycelia settle --claim ID`.")
    if not rows:
        tell("No account: nothing was delivered and received, made or recorded. `mycelia event raise CLASS AMOUNT`")
        tell("records what is there; `mycelia need` and `mycelia offer` begin what passes between two.")


def trace(
    resource: str,
    /,
    *,
    forward: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Show where a thing comes from, step by step back to what was raised and the designs that were cited.

    Args:
        resource: Its id, or the beginning, from `mycelia stock`; of one of several received together with `:number`.
        forward: Show what became of it instead.
    """
    from .door import opened

    with opened(options.place) as node:
        steps = node.trace(resource, forward=forward)
    give(options, {"steps": steps}, _steps(steps) if steps else "")
    if not steps:
        tell("Nothing became of it yet." if forward else "Nothing leads to it: it is where the books begin.")
    elif not forward:
        tell("Next: `mycelia recall ID` says what else is of one of these.")


def recall(resource: str, /, *, options: Options = DEFAULTS) -> None:
    """Find everything that may hold something of a lot, and who has how much of it now.

    Args:
        resource: The lot: its id, or the beginning, and `:number` if it is not 0.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.recall(resource)
    columns = ("id", "who", "class", "in hand", "rights", "away", "where", "stage", "state", "lot")
    parts = [table(*told(columns, [_held(one) for one in view.stock]))] if view.stock else []
    if view.in_transit:
        parts.append(f"On its way:\n{_steps(view.in_transit)}")
    if view.unbooked:
        parts.append(f"Received by somebody who keeps no stock of it:\n{_steps(view.unbooked)}")
    give(options, view, "\n\n".join(parts))
    held = sum(one.onhand != "0" for one in view.stock)
    tell(f"{len(view.stock)} things are or hold some of it; of {held} somebody has some in hand.")


def quotients(*, options: Options = DEFAULTS) -> None:
    """Show how what was done stands to each limit: what was used by what was allowed, of everybody and of the whole."""
    from .door import opened

    with opened(options.place) as node:
        found = node.books().quotients
    give(options, {"quotients": found}, quotients_table(found) if found else "")
    if not found:
        tell("No limit: nobody issued a threshold. `mycelia budget threshold` is for the magisteria of the charter.")


def quotients_table(found: Sequence[QuotientRow]) -> str:
    """Return quotients for a terminal; a whole one stands under the name `all`."""
    columns = ("limit", "until", "who", "allowed", "used", "quotient", "")
    return table(columns, [
        (
            f"{one.impact} {one.sense}", moment(one.end_ms),
            "all" if one.party is None else one.member or short(one.party),
            f"{one.allowed} {one.unit}", f"{one.used} {one.unit}", ratio(one.quotient), one.stands or "",
        )
        for one in found
    ])  # fmt: skip


def ratio(text: str | None) -> str:
    """Return an exact ratio with the decimal beside it that people compare."""
    if text is None or "/" not in text:
        return text or ""
    return f"{text} = {float(Fraction(text)):.4f}"


def export(
    *,
    jsonld: Path | None = None,
    csv: Path | None = None,
    parquet: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Write all books to files: accounts, stock, events, flows, balances of processes, quotients and claims due.

    Args:
        jsonld: Write them to this file in the words of ValueFlows 1.0.
        csv: Write them to this directory as spreadsheets.
        parquet: Write them to this directory for data tools; it needs `mycelia[books]`.
    """
    import msgspec

    from mycelia_node import bookfiles, bookgraph

    from .door import opened

    if jsonld is None and csv is None and parquet is None:
        why = "it is not said how they are to be written"
        raise Failure("usage", "nothing was written", why, "give `--jsonld FILE`, `--csv DIR` or `--parquet DIR`")
    with opened(options.place) as node:
        view = node.books()
    written: list[Path] = []
    if jsonld is not None:
        document = msgspec.json.format(msgspec.json.encode(bookgraph.jsonld(view)))
        _writing(jsonld, lambda path: path.write_bytes(document + b"\n"))
        written.append(jsonld)
    for folder, ending in ((csv, "csv"), (parquet, "parquet")):
        if folder is not None:
            written += _writing(folder, partial(bookfiles.write_tables, view, ending))
    lines = "\n".join(str(path) for path in written)
    give(options, {"files": [str(path) for path in written], "events": len(view.events)}, lines)
    if not view.events:
        tell("The books are empty: nothing was delivered and received, made or recorded yet.")


def _writing(path: Path, write: Callable[[Path], T]) -> T:
    try:
        return write(path)
    except OSError as failure:
        why = failure.strerror or str(failure)
        raise Failure("usage", f"{path} was not written", why, "name a place that you may write to") from failure


def _claims(claims: Sequence[DueRow]) -> str:
    rows = [
        (
            _short(one.id), one.member or short(one.party), short(one.creditor), one.resource_class,
            f"{one.left} {one.unit}", moment(one.due_ms), _short(one.design), "yes" if one.is_suspended else "no",
        )
        for one in claims
    ]  # fmt: skip
    return table(("claim", "who owes", "to", "class", "left", "due", "for", "suspended"), rows)


def _steps(steps: Sequence[StepView]) -> str:
    rows = [
        (
            _short(one.source), one.action, _amount(one.amount, one.unit), one.resource_class, _short(one.target),
            one.giver_member or short(one.giver),
            "" if one.giver == one.taker else one.taker_member or short(one.taker),
        )
        for one in steps
    ]  # fmt: skip
    return table(("from", "by", "amount", "class", "to", "who", "for"), rows)


def _held(one: StockRow) -> tuple[str, ...]:
    who = one.member or short(one.party)
    where = f"in {_short(one.container)}" if one.container else one.cell or ""
    return (
        _short(one.id), who, one.resource_class, _amount(one.onhand, one.unit), _amount(one.accounting, one.unit),
        _amount(one.away, one.unit), where, one.stage or "", one.state or "",
        one.lot_code or "",
    )  # fmt: skip


def _amount(number: str, unit: str) -> str:
    return "" if number == "0" else f"{number} {unit}"


def _short(name: str | None) -> str:
    if name is None:
        return ""
    entry, colon, number = name.partition(":")
    return short(entry) + colon + number
