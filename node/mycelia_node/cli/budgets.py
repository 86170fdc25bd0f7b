"""Budgets: limits, allowances, and how everybody stands to them (chapter 24)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from .books import quotients_table, ratio
from .failures import Failure
from .options import DEFAULTS, As, Options, Whole
from .output import give, moment, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import BudgetView

Flag = Annotated[bool, Parameter(negative="")]
When = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


def ls(*, options: Options = DEFAULTS) -> None:
    """Show each limit, what everybody was allotted of it, spent and has left, and the quotients of it.

    Spent is what was done and what is promised; the quotients of the books are of what was done alone.
    """
    from .door import opened

    with opened(options.place) as node:
        found = node.budgets()
    parts = [_shown(one) for one in found]
    give(options, {"budgets": found}, "\n\n".join(parts))
    if any(share.untaken and share.member for one in found for share in one.shares):
        tell("Next: `mycelia budget take` takes what waits for members of this node.")
    if not found:
        tell("This commons counts no impacts: its charter has no [budgets]. See `mycelia commons new --charter`.")


def _shown(one: BudgetView) -> str:
    ends = [
        f"{limit.sense} {short(limit.id)} of {limit.amount} {one.unit} until {moment(limit.end_ms)}"
        for limit in one.thresholds
    ]
    head = f"{one.impact}, {one.scope}, after {one.source}: {'; '.join(ends) or 'no threshold yet'}"
    rows = [
        (
            short(share.chain), share.member or "", share.allotted, share.untaken or "", share.spent, share.left,
            share.overdrawn or "", ratio(share.quotient),
        )
        for share in one.shares
    ]  # fmt: skip
    columns = ("chain", "member", "allotted", "to take", "spent", "left", "over", "quotient")
    parts = [head, *([table(columns, rows)] if rows else [])]
    if one.quotients:
        parts.append(f"What was done of it, and its quotients:\n{quotients_table(one.quotients)}")
    return "\n".join(parts)


def threshold(
    impact: str,
    amount: Whole,
    /,
    *,
    sense: Literal["ceiling", "floor"] = "ceiling",
    begin: When = None,
    until: When = None,
    member: As = None,
    options: Options = DEFAULTS,
) -> None:
    """Issue a limit, by the root keys of a magisterium. Where several hold them, prints the statement for the others.

    Args:
        impact: What is limited, by its name in the charter.
        amount: How much there is, in the unit of the budget.
        sense: A ceiling is not to be passed, a floor is to be reached.
        begin: From when; now if it is not given.
        until: Until when: +365d, or a date. A year if it is not given.
        member: Whose identity issues it; needed when the node has several members.
    """
    from mycelia_node import models

    from .door import opened

    if amount < 1:
        why = f"{amount} is no amount that can be allotted or reached"
        raise Failure("input", "no limit was issued", why, "write a whole number of the budget's unit, from 1 on")
    new = models.NewThreshold(impact=impact, sense=sense, amount=amount, begin=begin, until=until, member=member)
    with opened(options.place) as node:
        published = node.threshold(new)
    if published.statement:
        give(options, published, published.statement)
        tell("Other holders sign it: `mycelia id sign`. Then `mycelia id publish`.")
        return
    give(options, published, f"Issued a {sense} for {impact}: {short(published.id)}.")
    tell("Next: `mycelia budget allot` gives parts of a ceiling to chains.")


def allot(
    source: str,
    to: str,
    amount: str,
    /,
    *,
    until: When = None,
    member: As = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Give another chain a part of a ceiling, of what you took, or of a need or offer of yours.

    Args:
        source: What it is a part of: its id, or the beginning.
        to: Who gets it: a member of this node, a chain or an entry in it, or an identity that has but one chain.
        amount: How much.
        until: Until when it can be used; as long as its source lasts if it is not given.
        member: Who gives; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewAllot(source=source, to=to, amount=amount, until=until, member=member, dry_run=dry_run)
    with opened(options.place) as node:
        published = node.allot(new)
    give(options, published, f"{'Would allot' if dry_run else 'Allotted'} it: {short(published.id)}.")
    tell("Next: who it is for takes it with `mycelia budget take`.")


def take(
    *allots: str,
    member: As = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Take what was allotted: all that is there for a member, or what is named.

    Args:
        allots: Ids of allots, or their beginnings.
        member: Who takes; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        published = node.take(models.NewTake(allots=list(allots), member=member, dry_run=dry_run))
        taken = [] if dry_run else [node.show(name) for name in node.show(published.id).deps]
    lines = [f"{'Would take' if dry_run else 'Took'} it: {short(published.id)}."]
    lines += [
        f"  {short(one.id)}: {one.amount_text} of {one.terms['name']}, a part of a {one.terms['of']}" for one in taken
    ]
    if published.not_begun:
        lines.append(f"Left out what has not begun: {published.not_begun}.")
    give(options, published, "\n".join(lines))
    for one in taken:
        if one.terms["of"] != "budget":
            words = f"{one.terms['of']} {one.terms['name']} AMOUNT --at LAT,LON --allotment {short(one.id)}"
            tell(f"Next: `mycelia {words}`.")
