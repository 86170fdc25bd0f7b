"""Lines: promise, accept, deliver, receive, and the ways out."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options
from .output import give, moment, short, tell

Everything = Annotated[bool, Parameter(name="--all", negative="")]
DryRun = Annotated[bool, Parameter(negative="")]
When = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
_DONE = {
    "accept": "Accepted", "deliver": "Delivered", "receive": "Received", "release": "Freed", "lapse": "Lapsed",
    "cancel": "Cancelled", "commit": "Committed to",
}  # fmt: skip
_NOTHING = {
    "accept": "No line waits to be accepted. See `mycelia field`.",
    "deliver": "Nothing can be delivered: no line of yours was accepted and not delivered yet.",
    "receive": "Nothing can be received: nobody delivered a line that was not received yet.",
    "release": "Nothing can be freed: every line of yours is accepted, delivered, or still held.",
    "lapse": "Nothing can lapse: no accepted line is overdue.",
}


def commit(
    offer: str,
    need: str,
    amount: str | None = None,
    /,
    *,
    hold: When = None,
    until: When = None,
    conditional: Annotated[bool, Parameter(negative="")] = False,
    member: As = None,
    dry_run: DryRun = False,
    options: Options = DEFAULTS,
) -> None:
    """Promise an amount of an own offer to somebody's need: a line, which binds both once it is accepted.

    Args:
        offer: The id of the own offer, or its beginning.
        need: The id of the need, or its beginning.
        amount: How much, such as '12 kg'; all that is left of both, if it is not given.
        hold: Until when it waits to be accepted: +2h, or a date. One day if it is not given.
        until: Until when it will be delivered; while need and offer last, if it is not given.
        conditional: For an agreement alone (`mycelia agreement propose`): nobody can accept it by itself.
        member: Whose offer it is.
        dry_run: Check the row by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewCommitment(
        offer=offer,
        need=need,
        amount=amount,
        hold=hold,
        until=until,
        conditional=conditional,
        member=member,
        dry_run=dry_run,
    )
    with opened(options.place) as node:
        view = node.commit(new)
    _give("commit", view, options)


def accept(
    *lines: str, everything: Everything = False, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:
    """Accept lines that others committed to an own need: from then on they bind both sides.

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        everything: All that are held for own needs, as far as these reach.
        member: Whose needs they are; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _act("accept", lines, everything, member, dry_run, options)


def deliver(
    *lines: str, everything: Everything = False, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:
    """Say that lines of an own offer were delivered.

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        everything: All that were accepted and not delivered yet.
        member: Who delivered; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _act("deliver", lines, everything, member, dry_run, options)


def receive(
    *lines: str, everything: Everything = False, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:
    """Confirm that lines for an own need were received.

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        everything: All that were delivered and not received yet.
        member: Who received; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _act("receive", lines, everything, member, dry_run, options)


def free(
    *lines: str, everything: Everything = False, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:
    """Free an own offer of lines that nobody accepted in time, or that the receiver left (kind `release`).

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        everything: All for which there is a ground.
        member: Whose offers they are of; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _act("release", lines, everything, member, dry_run, options)


def lapse(
    *lines: str, everything: Everything = False, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:
    """Let accepted lines go that were not delivered in time.

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        everything: All that are overdue, by the charter's grace.
        member: Whose needs they are for; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _act("lapse", lines, everything, member, dry_run, options)


def cancel(*lines: str, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS) -> None:
    """Go back on lines, on either side. What the charter says that this costs is then owed: `mycelia credit` shows it.

    Args:
        lines: Each as the id of its commit and `:number`; a need, offer or commit will do where it has but one.
        member: Who cancels; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    if not lines:
        raise Failure("usage", "nothing was cancelled", "no line is named", "name each as COMMIT:NUMBER")
    from mycelia_node import models

    from .door import opened

    new = models.NewDeed(kind="cancel", lines=list(lines), everything=False, member=member, dry_run=dry_run)
    with opened(options.place) as node:
        view = node.act(new)
        claims = [] if dry_run else node.credit().claims
    _give("cancel", view, options)
    said = {one.id for one in view.entries}
    for claim in claims:
        if claim.id.partition(":")[0] in said:
            tell(f"That costs {claim.amount_text} of {claim.resource_class}, due {moment(claim.due_ms)}.")
            tell(f"Next: give it to {short(claim.creditor)}, then `mycelia settle --claim {_named(claim.id)}`.")


def _act(
    kind: Literal["accept", "deliver", "receive", "release", "lapse"],
    lines: tuple[str, ...],
    everything: bool,
    member: str | None,
    dry_run: bool,
    options: Options,
) -> None:
    from mycelia_node import models

    from .door import opened

    new = models.NewDeed(kind=kind, lines=list(lines), everything=everything, member=member, dry_run=dry_run)
    with opened(options.place) as node:
        view = node.act(new)
    _give(kind, view, options)


def _named(claim: str) -> str:
    entry, colon, number = claim.partition(":")
    return short(entry) + colon + number


def _give(kind: str, view: object, options: Options) -> None:
    from mycelia_node.models import DeedView

    assert isinstance(view, DeedView)
    if view.dry_run and view.entries:
        places = ", ".join(str(one.sequence) for one in view.entries)
        said = f"The rules allow this {kind}: it would be entry {places}. Nothing was published."
    else:
        many = f"{len(view.lines)} line{'' if len(view.lines) == 1 else 's'}"
        said = f"{_DONE[kind]} {many}:\n" + "\n".join(view.lines) if view.lines else ""
    give(options, view, said)
    if not view.entries:
        tell(_NOTHING[kind])
