"""Things: what members make, use, move and have (chapter 20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options
from .output import give, moment, short, table, tell, told

if TYPE_CHECKING:
    from mycelia_node.models import CapacityView, Flow, Published

At = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Flag = Annotated[bool, Parameter(negative="")]
Many = Annotated[tuple[str, ...], Parameter(negative="")]


def event(
    action: str,
    what: str | None = None,
    amount: str | None = None,
    /,
    *,
    resource: Annotated[str | None, Parameter(name="--of")] = None,
    into: str | None = None,
    process: str | None = None,
    at: At = None,
    precise: Flag = False,
    stage: str | None = None,
    state: str | None = None,
    effort: str | None = None,
    use: Literal["adapt", "commercial", "noncommercial", "share"] | None = None,
    license: str | None = None,
    cite: Many = (),
    member: As = None,
    note: str | None = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Record what was done: something made, used up, moved, found or lost.

    Without `--of` the words are ACTION CLASS AMOUNT, such as: raise flour '100 kg'. With it they are ACTION AMOUNT.

    Args:
        action: By its ValueFlows name: produce, consume, use, cite, work, pickup, dropoff, accept, modify, combine,
            separate, move, copy, raise, lower, deliverService. What passes between two is needed and offered.
        what: The resource class; with `--of` the amount.
        amount: How much, such as 12.5 or '12.5 kg'.
        resource: The resource that it is done with: its id, or the beginning, from `mycelia stock`.
        into: The second resource: where it is moved or copied to, or the container.
        process: The own process that it goes into or comes out of.
        at: Where it is now: LAT,LON or an H3 cell.
        precise: Publish a position as a cell of about 0.7 square kilometres.
        stage: How far it is made, a name such as baked.
        state: How it is, a name such as worn.
        effort: For how long it was used, such as '4 h'.
        use: What a licensed design of somebody else's is used for.
        license: The license of what is made, a name from `mycelia license ls`.
        cite: An attestation or permit that it rests on. May be given again.
        member: Who did it; needed when the node has several members.
        note: A few words for people, such as a lot number; no rule reads them.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    if resource is not None and amount is not None:
        why = "with `--of` the class is that of the resource"
        raise Failure("usage", "nothing was recorded", why, f"write `mycelia event {action} AMOUNT --of {resource}`")
    new = models.NewEvent(
        action=action, amount=amount if resource is None else what, resource_class=what if resource is None else None,
        resource=resource, into=into, process=process, at=at, precise=precise, stage=stage, state=state, effort=effort,
        use=use, license=license, cites=list(cite), member=member, note=note, dry_run=dry_run,
    )  # fmt: skip
    with opened(options.place) as node:
        published = node.event(new)
    give(options, published, _said(published, f"Recorded {action} {short(published.id)}"))
    if not published.dry_run:
        tell("Next: `mycelia stock` says what there is now.")


def process(
    *,
    recipe: str | None = None,
    member: As = None,
    note: str | None = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Begin a process: what goes into it and comes out of it names it.

    Args:
        recipe: The recipe that it follows: an id, or the beginning.
        member: Whose process it is; needed when the node has several members.
        note: A few words for people.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        published = node.process(models.NewProcess(recipe=recipe, member=member, note=note, dry_run=dry_run))
    give(options, published, _said(published, f"Began process {short(published.id)}"))


def recipe(
    name: str,
    /,
    *,
    goes_in: Annotated[tuple[str, ...], Parameter(name="--in", negative="")] = (),
    comes_out: Annotated[tuple[str, ...], Parameter(name="--out", negative="")] = (),
    cite: Many = (),
    member: As = None,
    note: str | None = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Publish how something is made: what goes into one run, and what comes out.

    Args:
        name: What it is called, a name such as loaf.
        goes_in: ACTION:CLASS:AMOUNT, such as consume:flour:0.5. May be given again.
        comes_out: ACTION:CLASS:AMOUNT, such as produce:bread:1. May be given again.
        cite: The recipe of something that goes in: an id, or the beginning. May be given again.
        member: Who publishes it; needed when the node has several members.
        note: A few words for people.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    flows = [*(_flow("input", one) for one in goes_in), *(_flow("output", one) for one in comes_out)]
    if not flows:
        raise Failure("usage", "nothing was published", "a recipe without flows", "give `--in` and `--out`")
    new = models.NewRecipe(name=name, flows=flows, cites=list(cite), member=member, note=note, dry_run=dry_run)
    with opened(options.place) as node:
        published = node.recipe(new)
    give(options, published, _said(published, f"Published recipe {short(published.id)}"))
    if not published.dry_run:
        tell(f"Next: `mycelia footprint {short(published.id)} AMOUNT` says what an amount of it takes and costs.")


def footprint(
    recipe: str,
    amount: str,
    /,
    *,
    resource_class: Annotated[str | None, Parameter(name="--class")] = None,
    options: Options = DEFAULTS,
) -> None:
    """Show what an amount takes by a recipe and by those that it cites: runs, inputs, work, and what that would cost.

    Args:
        recipe: The recipe: its id, or the beginning.
        amount: How much is wanted of what comes out, such as '30 loaf'.
        resource_class: Of which class, where several come out.
    """
    from mycelia_node import models

    from .door import opened

    query = models.FootprintQuery(recipe=recipe, amount=amount, resource_class=resource_class)
    with opened(options.place) as node:
        found = node.footprint(query)
    parts = [table(("recipe", "name", "runs"), [(short(one.recipe), one.name, one.runs) for one in found.runs])]
    for head, rows in (("goes in", found.goes_in), ("comes out besides", found.comes_out)):
        if rows:
            parts.append(table((head, "class", "amount"), [
                (one.action, one.resource_class, f"{one.amount} {one.unit}") for one in rows
            ]))  # fmt: skip
    if found.footprints:
        parts.append(table(("costs", "amount", f"a {found.unit}", "source"), [
            (one.impact, f"{one.amount} {one.unit}", f"{one.each} {one.unit}", one.source) for one in found.footprints
        ]))  # fmt: skip
    give(options, found, "\n\n".join(parts))
    if not found.footprints:
        tell("This commons counts no impacts: its charter has no [budgets].")


def capacity(
    resource: str,
    resource_class: Annotated[str, Parameter(name="class")],
    amount: str,
    /,
    *,
    each: str = "1 d",
    member: As = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Say how much a thing can do in each stretch of time, so that its time is promised once.

    Args:
        resource: The own resource: its id, or the beginning.
        resource_class: What its time is counted in, a class such as drill.hours.
        amount: How much of that in each stretch.
        each: How long a stretch is, counted from 1970.
        member: Whose it is; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewCapacity(
        resource=resource, resource_class=resource_class, amount=amount, each=each, member=member, dry_run=dry_run
    )
    with opened(options.place) as node:
        published = node.capacity(new)
    give(options, published, _said(published, f"Stated capacity {short(published.id)}"))


def lot(
    resource: str,
    code: str,
    /,
    *,
    expires: str | None = None,
    member: As = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Say what a thing is labelled with, so that people can find it by that: `mycelia recall CODE`.

    Args:
        resource: The own resource: its id, or the beginning.
        code: What stands on the label, such as L-2026-117.
        expires: After when it should not be used, such as +30d or 2027-03-01.
        member: Whose it is; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewLot(resource=resource, code=code, expires=expires, member=member, dry_run=dry_run)
    with opened(options.place) as node:
        published = node.lot(new)
    give(options, published, _said(published, f"Labelled {code}"))


def stock(
    *,
    member: As = None,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Show what members of this node have: rights, what is in hand, what of both is not offered, where and how it is.

    Args:
        member: Only this member's.
        everything: Also what is used up or given away.
    """
    from .door import opened

    with opened(options.place) as node:
        found = node.stock(member=member, everything=everything)
    rows = [
        (
            _short(one.id), one.member, one.resource_class, one.accounting_text, one.onhand_text, one.free_text,
            one.away_text if one.away else "", f"in {_short(one.container)}" if one.container else one.cell or "",
            one.stage or "", one.state or "", one.lot_code or "", _capacity(one.capacity) if one.capacity else "",
        )
        for one in found
    ]  # fmt: skip
    columns = ("id", "member", "class", "rights", "in hand", "free", "away", "where", "stage", "state", "lot", "can do")
    lines = [table(*told(columns, rows))] if rows else []
    lines += [
        f"{_short(one.id)} from {moment(stretch.begin_ms)}: {stretch.offered_text} offered, {stretch.free_text} free."
        for one in found
        for stretch in (one.capacity.offered if one.capacity else ())
    ]
    give(options, {"resources": found}, "\n".join(lines))
    if not rows:
        tell("No stock. `mycelia event raise CLASS AMOUNT` records what is there.")


def _flow(io: Literal["input", "output"], text: str) -> Flow:
    from mycelia_node import models

    parts = text.split(":", 2)
    if len(parts) != 3:
        why = f"{text[:80]!r} is not ACTION:CLASS:AMOUNT"
        raise Failure("usage", "nothing was published", why, "write it like consume:flour:0.5")
    action, resource_class, amount = parts
    return models.Flow(io=io, action=action, resource_class=resource_class, amount=amount)


def _capacity(one: CapacityView) -> str:
    from mycelia_protocol.times import duration_text

    return f"{one.amount_text} of {one.resource_class} each {duration_text(one.stretch_ms)}"


def _short(name: str) -> str:
    entry, colon, number = name.partition(":")
    return short(entry) + colon + number


def _said(published: Published, done: str) -> str:
    if published.dry_run:
        return f"The rules allow this {published.kind}: it would be entry {published.sequence}. Nothing was published."
    return f"{done} (entry {published.sequence})."
