"""What comes back for what was given: contributions, claims paid, mutual credit (chapter 23)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .options import DEFAULTS, As, Options
from .output import ago, give, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import AccountView


def settle(
    *,
    claim: str | None = None,
    member: As = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Count what was given: every line that was delivered, that the other side received, and that was not counted yet.

    Each line counts once: as a contribution, where the charter says so of its class, or towards a claim.

    Args:
        claim: Pay this claim instead: the id of the entry that raised it, or its beginning, and `:number` if not 0.
        member: Who gave; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.settle(claim=claim, member=member, dry_run=dry_run)
    many = f"{view.lines} line{'' if view.lines == 1 else 's'}"
    worth = "" if claim else f", a contribution of {view.contributed}"
    done = "The rules allow it. Nothing was published: " if view.dry_run else "Settled "
    give(options, view, f"{done}{many}{worth}." if view.lines else "")
    if not view.lines and claim:
        tell(
            "Nothing pays this claim yet: nothing of its class was delivered to the creditor, received and not counted."
        )
        tell("Next: give it, as a line like any other: `mycelia account` shows how much, and to whom.")
        return
    if not view.lines:
        tell("Nothing can be settled: no line was delivered, received and not counted yet.")
    if view.unsettled:
        left = "1 received line was" if view.unsettled == 1 else f"{view.unsettled} received lines were"
        why = "they pay nothing of this claim" if claim else "of classes that do not count here, or between own chains"
        tell(f"{left} left: {why}.")


def credit(*, options: Options = DEFAULTS) -> None:
    """Show what members contributed and owe, and everybody's balance of mutual credit, lowest first."""
    from .door import opened

    with opened(options.place) as node:
        view = node.credit()
    parts = []
    for one in view.classes:
        rows = [
            (
                short(account.chain), account.member or "", account.balance_text, account.promised_text,
                account.expected_text, _remark(account),
            )
            for account in one.accounts
        ]  # fmt: skip
        head = f"{one.resource_class}: from {one.floor_text} to {one.ceiling_text}, {one.transit_text} in transit"
        parts.append(f"{head}\n{table(('chain', 'member', 'balance', 'promised', 'expected', ''), rows)}")
    if view.claims:
        owed = [
            (_named(one.id), one.member, short(one.creditor), one.amount_text, one.paid_text, ago(one.due_ms))
            for one in view.claims
        ]
        parts.append(table(("claim", "member", "creditor", "owed", "paid", "due"), owed))
    if view.contributions:
        days = [(one.member, _day(one.day_ms), one.amount) for one in view.contributions]
        parts.append(table(("member", "day", "contribution"), days))
    give(options, view, "\n\n".join(parts))
    if not parts:
        tell("This commons has no mutual credit, and nothing was settled. See `mycelia commons show`.")


def _named(claim: str) -> str:
    entry, colon, number = claim.partition(":")
    return short(entry) + colon + number


def _remark(account: AccountView) -> str:
    if account.is_overdrawn:
        return "below the floor"
    return "has left" if account.is_closed else ""


def _day(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at_ms // 1000))
