"""Agreements: lines of several members that bind together or not at all (chapter 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .options import DEFAULTS, As, Options
from .output import give, moment, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import AgreementView, PartyView

Flag = Annotated[bool, Parameter(negative="")]
When = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


def propose(
    *legs: str, until: When = None, member: As = None, dry_run: Flag = False, options: Options = DEFAULTS
) -> None:
    """Propose that several lines bind together or not at all; lines of own offers are promised on the way.

    Others promise theirs first, with `mycelia commit --conditional`. A proposal binds nobody.

    Args:
        legs: Each as OFFER:NEED:AMOUNT, ids or their beginnings, the amount such as '12 kg'; without an amount the
            line that is there, or all that is left of both; or as the id of its commit and `:number`.
        until: Until when all must have signed: +2d, or a date. One day if it is not given.
        member: Who proposes; needed when the node has several members.
        dry_run: Check what would be published first by the rules, and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        view = node.propose(models.NewAgreement(legs=list(legs), until=until, member=member, dry_run=dry_run))
    last = view.entries[-1]
    said = f"Proposed agreement {short(last.id)} (entry {last.sequence}) of {len(view.legs)} legs:"
    if dry_run:
        said = f"The rules allow this {last.kind}: it would be entry {last.sequence}. Nothing was published."
    give(options, view, "\n".join([said, *view.legs]))
    if not dry_run:
        tell(f"Next: each party says `mycelia agreement sign {short(last.id)}`; you too, if you are one.")


def ls(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Show the agreements of the members of this node: those that wait for them, for others, complete, expired.

    Args:
        everything: Also those of others.
    """
    from .door import opened

    with opened(options.place) as node:
        found = node.agreements(everything=everything)
    rows = [
        (
            short(one.id), _stands(one), moment(one.end_ms), len(one.legs),
            ", ".join(_name(party) for party in one.parties if not party.has_signed) or "nobody",
        )
        for one in found
    ]  # fmt: skip
    give(options, {"agreements": found}, table(("id", "stands", "until", "legs", "missing"), rows) if rows else "")
    if not rows:
        tell("No agreement here. Propose one with `mycelia agreement propose OFFER:NEED:AMOUNT OFFER:NEED:AMOUNT`.")


def show(id: str, /, *, options: Options = DEFAULTS) -> None:
    """Show an agreement: its legs, who signed and who is missing, what everybody gives and gets.

    Args:
        id: The id of the agreement, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.agreement(id)
    give(options, view, _shown(view))
    if view.waits_here:
        tell(f"Next: `mycelia agreement sign {short(view.id)}`.")
    elif view.state == "complete":
        tell("Next: who gives says `mycelia deliver`, then who gets says `mycelia receive`.")


def sign(id: str, /, *, member: As = None, dry_run: Flag = False, options: Options = DEFAULTS) -> None:
    """Sign an agreement for every member of this node that is a party: once all have, it binds.

    Args:
        id: The id of the agreement, or its beginning.
        member: For this member alone.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        signed = node.agree(models.NewAgree(agreement=id, member=member, dry_run=dry_run))
        view = node.agreement(id)
    if dry_run:
        places = ", ".join(str(one.sequence) for one in signed.entries)
        give(options, signed, f"The rules allow this agree: it would be entry {places}. Nothing was published.")
        return
    give(options, signed, f"Signed agreement {short(view.id)}.\n{_shown(view)}")
    missing = ", ".join(_name(party) for party in view.parties if not party.has_signed)
    tell(f"It waits for {missing}." if missing else "All have signed. Next: `mycelia deliver --all`.")


def _shown(view: AgreementView) -> str:
    names = {party.chain: _name(party) for party in view.parties}
    legs = [
        (
            f"{short(leg.line)}:{leg.line.rpartition(':')[2]}", names[leg.provider], names[leg.receiver],
            f"{leg.amount_text} {leg.resource_class}", moment(leg.until_ms), leg.status or "does not count",
        )
        for leg in view.legs
    ]  # fmt: skip
    parties = [
        (_name(one), "yes" if one.has_signed else "no", ", ".join(one.gives) or "nothing",
         ", ".join(one.gets) or "nothing")
        for one in view.parties
    ]  # fmt: skip
    owed = [f"{short(line)} is owed: its provider left it, and had received by this agreement." for line in view.owed]
    return "\n".join([
        f"Agreement {short(view.id)} {_stands(view)}; to be signed until {moment(view.end_ms)}.",
        table(("leg", "gives", "gets", "what", "until", "stands"), legs),
        "",
        table(("party", "signed", "gives", "gets"), parties),
        *owed,
    ])  # fmt: skip


def _stands(view: AgreementView) -> str:
    if view.waits_here:
        return f"waits for {', '.join(view.waits_here)}"
    return {"waits": "waits for others", "complete": "is complete", "expired": "expired"}[view.state]


def _name(party: PartyView) -> str:
    return party.member or short(party.identity or party.chain)
