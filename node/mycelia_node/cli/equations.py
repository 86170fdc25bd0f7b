"""Equations: how an organisation shares what it earns, said beforehand, and who got what (chapter 26)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options
from .output import give, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import DistributionView, EquationView

DryRun = Annotated[bool, Parameter(negative="")]
_MOST = 20_000


def set_equation(file: Path, /, *, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS) -> None:
    """Publish how a member shares what it asks for from now on; what was asked for before keeps its equation.

    The file is TOML: `rest = "ID"` gets what is over, `[values]` says what a unit is worth (care = "20"), and each
    `[[bucket]]` has a `share` in thousandths, and either `to = "ID"` or rules: `[[bucket.rule]]` with a `name`, a
    `claim` such as "quantity * valuePerUnit", perhaps a `kind` (debt, equity, once), `action`, `class`, `process`,
    `begin`, `end`.

    Args:
        file: The equation.
        member: Who shares; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    _equate(file, member, dry_run, options)


def check(file: Path, /, *, member: As = None, options: Options = DEFAULTS) -> None:
    """Say whether the rules allow an equation, and publish nothing.

    Args:
        file: The equation, see `mycelia equation set --help`.
        member: Who would share; needed when the node has several members.
    """
    _equate(file, member, True, options)


def _equate(file: Path, member: str | None, dry_run: bool, options: Options) -> None:
    from mycelia_node import models

    from .door import opened

    try:
        with file.open("rb") as data:
            text = data.read(_MOST + 1).decode()
    except UnicodeDecodeError as error:
        raise Failure("input", "no equation was set", f"{file} is no text", "name a TOML file") from error
    if len(text) > _MOST:
        raise Failure("input", "no equation was set", f"{file} has more than {_MOST} characters", "make it shorter")
    with opened(options.place) as node:
        published = node.equate(models.NewEquation(text=text, member=member, dry_run=dry_run))
    said = f"Set equation {short(published.id)} (entry {published.sequence})."
    if dry_run:
        said = f"The rules allow this equation: it would be entry {published.sequence}. Nothing was published."
    give(options, published, said)


def show(chain: str | None = None, /, *, options: Options = DEFAULTS) -> None:
    """Show the equations of a chain, or of the members of this node.

    Args:
        chain: The id of the chain or of an entry in it, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        found = node.equations(chain)
    give(options, {"equations": found}, "\n\n".join(map(_equation, found)))
    if not found:
        tell("No equation yet. See `mycelia equation set --help`.")


def shares(chain: str | None = None, /, *, options: Options = DEFAULTS) -> None:
    """Show who got what of the incomes of a chain, or of the members of this node, line by line.

    Args:
        chain: The id of the chain or of an entry in it, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        found = node.distributions(chain)
    give(options, {"distributions": found}, "\n\n".join(map(_explained, found)))
    if not found:
        tell("Nothing was distributed yet. See `mycelia distribute --help`.")


def distribute(
    line: str, /, *, member: As = None, dry_run: DryRun = False, options: Options = DEFAULTS
) -> None:  # fmt: skip
    """Distribute a received income by the equation that stood when it was asked for; say who gets what, and for what.

    Args:
        line: The income, as the id of its commit and `:number`; its need or commit will do where it has but one line.
        member: Who received it; needed when the node has several members.
        dry_run: Show what each would get and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        view = node.distribute(models.NewDistribution(line=line, member=member, dry_run=dry_run))
    give(options, view, _explained(view))
    tell("Nothing was published." if dry_run else "To pay each is an ordinary line: see `mycelia commit --help`.")


def _explained(view: DistributionView) -> str:
    rows = [
        (
            short(one.to), one.amount_text, f"{one.rule} ({one.kind})" if one.rule else "its bucket",
            one.claim_text if one.rule else "", one.remaining_text if one.rule else "", short(one.line or ""),
        )
        for one in view.shares
    ]  # fmt: skip
    rows.append((short(view.rest_to), view.rest_text, "the rest", "", "", ""))
    head = f"{view.income_text} {view.resource_class} of line {short(view.line)}, by equation {short(view.equation)}"
    return f"{head}\n{table(('who', 'gets', 'by', 'claim', 'still due', 'for line'), rows)}"


def _equation(view: EquationView) -> str:
    rows = []
    for one in view.buckets:
        share = f"{one.share / 10:g} %"
        if one.to is not None:
            rows.append((share, short(one.to), "", "", ""))
        for rule in one.rules:
            which = " ".join(filter(None, (rule.action, rule.resource_class, short(rule.process or ""))))
            rows.append((share, rule.name, rule.kind, rule.claim, which or "everything"))
    latest = "" if view.is_latest else ", not the latest"
    head = f"{short(view.id)} (entry {view.sequence}{latest}); what is over goes to {short(view.rest)}"
    return f"{head}\n{table(('share', 'who', 'kind', 'claim', 'of'), rows)}"
