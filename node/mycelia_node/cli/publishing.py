"""`need`, `offer` and `withdraw`: putting signals into the field."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from .answer import DEFAULT, Answer, Common, short
from .front import front

At = Annotated[str, Parameter(help="Place: LAT,LON or an H3 cell in hex.")]
Until = Annotated[str | None, Parameter(help="End: +2d, +3h, or a date (default: +7d).")]
Begin = Annotated[str | None, Parameter(help="Begin: +2d, or a date (default: now).")]
As = Annotated[str | None, Parameter(name="--as", help="Member who publishes (needed if there are several).")]
Note = Annotated[str | None, Parameter(help="A sentence for people; no rule reads it.")]
DryRun = Annotated[bool, Parameter(help="Only say what would be published, checked by the rules.", negative=())]


def need(
    resource_class: str,
    amount: str,
    /,
    *,
    at: At,
    until: Until = None,
    begin: Begin = None,
    urgency: Annotated[int, Parameter(help="How urgent, in the commons' own points.")] = 0,
    member: As = None,
    note: Note = None,
    dry_run: DryRun = False,
    common: Common = DEFAULT,
) -> Answer:
    """Publish a need: what is asked for, how much, where and until when.

    Args:
        resource_class: a class of the commons' charter, e.g. food.
        amount: how much, in the class's unit: "12.5 kg" or 12.5.

    Examples:
        mycelia need food "12 kg" --at 52.37,4.89 --until +2d
        mycelia need labour "3 h" --at 52.37,4.89 --urgency 20 --note "roof leaks"
    """
    return _publish("need", resource_class, amount, at, until, begin, urgency, member, note, dry_run, common)


def offer(
    resource_class: str,
    amount: str,
    /,
    *,
    at: At,
    until: Until = None,
    begin: Begin = None,
    member: As = None,
    note: Note = None,
    dry_run: DryRun = False,
    common: Common = DEFAULT,
) -> Answer:
    """Publish an offer: what could be given, how much, where and until when.

    Args:
        resource_class: a class of the commons' charter, e.g. food.
        amount: how much, in the class's unit: "12.5 kg" or 12.5.

    Examples:
        mycelia offer food "40 kg" --at 52.36,4.91 --until +3d
        mycelia offer transport "120 km" --at 52.36,4.91 --as van
    """
    return _publish("offer", resource_class, amount, at, until, begin, 0, member, note, dry_run, common)


def _publish(
    kind: Literal["need", "offer"],
    resource_class: str,
    amount: str,
    at: str,
    until: str | None,
    begin: str | None,
    urgency: int,
    member: str | None,
    note: str | None,
    dry_run: bool,
    common: Common,
) -> Answer:
    from mycelia_node.models import NewSignal

    new = NewSignal(
        kind=kind,
        resource_class=resource_class,
        amount=amount,
        at=at,
        until=until,
        begin=begin,
        urgency=urgency,
        member=member,
        note=note,
        dry_run=dry_run,
    )
    with front(common) as node:
        [published] = node.publish([new])
    if dry_run:
        return Answer(published, f"Every rule allows this {kind}; nothing was published.")
    return Answer(
        published,
        f"Published {kind} {short(published.id)} (entry {published.sequence} of its chain).\n"
        f"Next: follow it with `mycelia why {published.id[:20]}`, or see everything with `mycelia field`.",
    )


def withdraw(id: str, /, *, dry_run: DryRun = False, common: Common = DEFAULT) -> Answer:
    """Withdraw an own need or offer: nothing new is promised on it; what is accepted stands.

    Args:
        id: the need or offer, or the beginning of its id.

    Examples:
        mycelia withdraw bafyreihgu6af3ertodc
        mycelia withdraw bafyreihgu6af3ertodc --dry-run
    """
    with front(common) as node:
        published = node.withdraw(id, dry_run=dry_run)
    said = "Every rule allows it; nothing was published." if dry_run else f"Withdrawn, by entry {short(published.id)}."
    return Answer(published, said)
