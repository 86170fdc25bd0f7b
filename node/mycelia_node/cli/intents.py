"""Needs and offers: publish, withdraw, prove a fork, and see the field that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options, Whole
from .output import ago, give, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import SignalView

MOST_RETRACTED = 32  # entries that one entry can name

At = Annotated[str, Parameter(allow_leading_hyphen=True)]
When = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


def need(
    resource_class: Annotated[str, Parameter(name="class")],
    amount: str,
    unit: str = "",
    /,
    *,
    at: At,
    until: When = None,
    begin: When = None,
    urgency: Whole = 0,
    member: As = None,
    note: str | None = None,
    note_until: When = None,
    to: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    precise: Annotated[bool, Parameter(negative="")] = False,
    action: str | None = None,
    stock: Annotated[bool, Parameter(negative="")] = False,
    into: str | None = None,
    process: str | None = None,
    allotment: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Publish a need.

    Args:
        resource_class: A resource class of the commons, such as food.
        amount: How much, such as 12.5 or '12.5 kg'.
        unit: The unit of the class, if it does not stand with the amount.
        at: Where: LAT,LON or an H3 cell. A position is published as a cell about 5 km across.
        until: Until when: +2d, or a date as YYYY-MM-DDTHH:MM. Seven days if it is not given.
        begin: From when; now if it is not given.
        urgency: How much it matters, in tenths of a point.
        member: Who publishes; needed when the node has several members.
        note: A few words for people; no rule reads them. Everybody does, unless `--to` names who may.
        note_until: When all holders drop the note: +30d, or a date. Elsewhere this is a request.
        to: Who alone may read the note: a member of this node, an identity (`mycelia commons members`), or a box key
            (`mycelia member ls`). May be given again.
        precise: Publish a position as a cell of about 0.7 square kilometres.
        action: What passes, by its ValueFlows name: transfer if none is named, transferCustody, work, use…
        stock: Keep stock of it: what is received makes a resource, see `mycelia stock`.
        into: Add it to this own resource instead: its id, or the beginning.
        process: Use it up in this own process, as work and services are.
        allotment: The part of another chain's need that this one was given.
        dry_run: Check it by the rules and publish nothing.
    """
    _publish(
        options, kind="need", resource_class=resource_class, amount=f"{amount} {unit}".strip(), at=at, until=until,
        begin=begin, urgency=urgency, member=member, note=note, note_until=note_until, to=list(to), precise=precise,
        action=action, stock=stock, into=into, process=process, allotment=allotment, dry_run=dry_run,
    )  # fmt: skip


def offer(
    resource_class: Annotated[str, Parameter(name="class")],
    amount: str,
    unit: str = "",
    /,
    *,
    at: At,
    until: When = None,
    begin: When = None,
    member: As = None,
    note: str | None = None,
    note_until: When = None,
    to: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    precise: Annotated[bool, Parameter(negative="")] = False,
    action: str | None = None,
    resource: Annotated[str | None, Parameter(name="--of")] = None,
    reciprocal: Annotated[str | None, Parameter(name="--for")] = None,
    allotment: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Publish an offer.

    Args:
        resource_class: A resource class of the commons, such as food.
        amount: How much, such as 40 or '40 kg'.
        unit: The unit of the class, if it does not stand with the amount.
        at: Where: LAT,LON or an H3 cell. A position is published as a cell about 5 km across.
        until: Until when: +2d, or a date as YYYY-MM-DDTHH:MM. Seven days if it is not given.
        begin: From when; now if it is not given.
        member: Who publishes; needed when the node has several members.
        note: A few words for people; no rule reads them. Everybody does, unless `--to` names who may.
        note_until: When all holders drop the note: +30d, or a date. Elsewhere this is a request.
        to: Who alone may read the note: a member of this node, an identity (`mycelia commons members`), or a box key
            (`mycelia member ls`). May be given again.
        precise: Publish a position as a cell of about 0.7 square kilometres.
        action: What passes, by its ValueFlows name: transfer if none is named, transferCustody, work, use…
        resource: Give of this own resource, which is kept for the offer: its id, or the beginning.
        reciprocal: Ask for a return: the id of the own need for it. Without one it is a gift.
        allotment: The part of another chain's offer that this one was given.
        dry_run: Check it by the rules and publish nothing.
    """
    _publish(
        options, kind="offer", resource_class=resource_class, amount=f"{amount} {unit}".strip(), at=at, until=until,
        begin=begin, member=member, note=note, note_until=note_until, to=list(to), precise=precise,
        action=action, resource=resource, reciprocal=reciprocal, allotment=allotment, dry_run=dry_run,
    )  # fmt: skip


def _publish(options: Options, **words: Any) -> None:
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        [published] = node.publish([models.NewSignal(**words)])
    give(options, published, _said(published))
    if not published.dry_run:
        tell(f"Next: `mycelia why {short(published.id)}` says how it stands, `mycelia withdraw` takes it back.")


def _end(signal: SignalView) -> str:
    return "forked" if signal.forked else "withdrawn" if signal.withdrawn else ago(signal.end_ms)


def _said(published: Any) -> str:
    if published.dry_run:
        return f"The rules allow this {published.kind}: it would be entry {published.sequence}. Nothing was published."
    return f"Published {published.kind} {short(published.id)} (entry {published.sequence})."


def withdraw(
    id: str,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Withdraw an own need or offer: nothing new is committed to it.

    Args:
        id: The id of the need or offer, or its beginning.
        dry_run: Check it by the rules and publish nothing.
    """
    from .door import opened

    with opened(options.place) as node:
        published = node.withdraw(id, dry_run=dry_run)
    give(options, published, _said(published))


def retract(
    id: str,
    /,
    *more: str,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Delete the notes of own entries on this node, and ask everybody else to delete them too.

    On other people's disks this is a request: nobody can see whether it was followed. The entries
    themselves stay, with all that rules read of them.

    Args:
        id: The id of an entry of yours, or its beginning.
        more: Further entries of the same chain, up to 32 in all.
        dry_run: Check it by the rules, publish and delete nothing.
    """
    from .door import opened
    from .failures import Failure

    if len(more) >= MOST_RETRACTED:
        why = f"{len(more) + 1} entries are more than {MOST_RETRACTED}"
        raise Failure("usage", "nothing was retracted", why, "retract them in several steps")
    with opened(options.place) as node:
        published = node.retract([id, *more], dry_run=dry_run)
    give(options, published, _said(published))
    if not published.dry_run:
        tell("Deleted here. On other people's disks the deletion is a request: who has read a note may have kept it.")


def checkpoint(
    *,
    member: As = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Sum up all that a chain said so far, so that others can witness it.

    Once it is old enough by the charter, and enough others have witnessed it, headers below it may go.

    Args:
        member: The member whose chain it is; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from .door import opened

    with opened(options.place) as node:
        published = node.checkpoint(member=member, dry_run=dry_run)
    give(options, published, _said(published))


def warrant(
    chain: str | None = None,
    /,
    *,
    export: Path | None = None,
    check: Path | None = None,
    member: As = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Publish the proof that a chain has two pasts; late lines of it can then be left without a debt.

    Args:
        chain: The id of the chain or of an entry in it, or its beginning.
        export: Write the proof to this file instead, for somebody who holds neither past.
        check: Say what the proof in this file shows instead; no commons is needed for that.
        member: The member that publishes it; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    if check is not None:
        _check_proof(check, options)
        return
    if chain is None:
        raise Failure("usage", "nothing was published", "no chain is named", "name one, or a file with `--check`")
    from .door import opened

    with opened(options.place) as node:
        if export is None:
            published = node.warrant(chain, member=member, dry_run=dry_run)
            give(options, published, _said(published))
            return
        file = node.proof(chain)
    import msgspec

    export.write_bytes(msgspec.json.format(msgspec.json.encode(file), indent=1))
    give(options, {"file": str(export)}, f"Wrote the proof to {export}.")
    tell("Next: anybody checks it with `mycelia warrant --check`.")


def _check_proof(file: Path, options: Options) -> None:
    from mycelia_node.proof import MAX_BYTES, check

    try:
        with file.open("rb") as data:
            shown = check(data.read(MAX_BYTES + 1))
    except OSError as error:
        raise Failure("input", "nothing was checked", f"{file} cannot be read", "name the file of a proof") from error
    give(
        options,
        shown,
        f"The key of chain {shown.chain} signed two entries for place {shown.sequence}:\n"
        f"{' and '.join(shown.entries)}.\n"
        f"It is a chain of the commons {shown.network}, its key is {shown.key}.",
    )


def field(
    *,
    kind: Literal["need", "offer"] | None = None,
    resource_class: Annotated[str | None, Parameter(name="--class")] = None,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Show the field: open needs and offers, strongest first.

    Args:
        kind: Only needs, or only offers.
        resource_class: Only this resource class.
        everything: Also what is over, withdrawn or used up.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.field(kind=kind, resource_class=resource_class, everything=everything)
    columns = ("id", "kind", "action", "class", "left", "of", "urgency", "ends", "strength", "cell")
    rows = [
        (
            short(one.id), one.kind, one.action, one.resource_class, one.remaining_text, one.amount_text, one.urgency,
            _end(one), f"{one.strength / 10_000:.0f} %", one.cell,
        )
        for one in view.signals
    ]  # fmt: skip
    give(options, view, table(columns, rows) if rows else "")
    if not rows:
        tell("No open signals. Publish the first with `mycelia need` or `mycelia offer`.")
