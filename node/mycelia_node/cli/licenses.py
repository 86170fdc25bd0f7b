"""Licenses: what they say, whether a use is allowed, and who attests and permits what (chapter 21)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options, Whole
from .output import give, moment, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.models import ProfileView
    from mycelia_protocol.licenses import Profile

Use = Literal["adapt", "commercial", "noncommercial", "share"]
Many = Annotated[tuple[str, ...], Parameter(negative="")]
When = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


def ls(*, options: Options = DEFAULTS) -> None:
    """List the license profiles: the commons' own and those that everybody knows."""
    found = _views(options)
    rows = [
        (one.name, one.title, "own" if one.is_own else "", "" if one.is_allowed else "not allowed here", one.source)
        for one in found
    ]
    give(options, {"licenses": found}, table(("name", "title", "", "", "after"), rows))


def show(name: str, /, *, file: Path | None = None, options: Options = DEFAULTS) -> None:
    """Show a profile as a table: the first row that holds decides.

    Args:
        name: The name of the profile.
        file: A TOML file that describes it, for one that is not in any charter yet.
    """
    view = _view(name, file, options)
    rows = [
        (
            row.name, "allow" if row.is_allowed else "deny", ", ".join(row.uses) if len(row.uses) < 4 else "any",
            _conditions(row.all, row.any, row.none, row.contribution), _duties(row.duties), row.why,
        )
        for row in view.rows
    ]  # fmt: skip
    head = f"{view.name}: {view.title}, after {view.source}"
    give(options, view, f"{head}\n{table(('row', 'verdict', 'use', 'if', 'duties', 'why'), rows)}")


def check(
    name: str,
    /,
    *,
    use: Use,
    actor: Many = (),
    contributed: Whole = 0,
    permit: Annotated[bool, Parameter(negative="")] = False,
    file: Path | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Say whether a use would be allowed, by which row, and what would be owed. Exits with 4 if it is not.

    Args:
        name: The name of the profile.
        use: What the thing is used for.
        actor: What is attested of who uses it, such as worker-coop. May be given again.
        contributed: What it contributed, as far as the profile asks.
        permit: It has the maker's separate permission.
        file: A TOML file that describes the profile.
    """
    from mycelia_node.registry import duties_view
    from mycelia_protocol.licenses import ATTRIBUTION, PERMIT, SAME_LICENSE, decide

    if contributed < 0:
        raise Failure("usage", "nothing was checked", f"nobody contributed {contributed}", "--contributed 0 or more")
    profile = _profile(name, file, options)
    facts = {ATTRIBUTION, SAME_LICENSE, *(word.replace("_", "-") for word in actor), *([PERMIT] if permit else [])}
    verdict = decide(profile, use, facts, lambda _: contributed)
    ways = [row for row in profile.rows if row.is_allowed and use in row.uses and row.name != verdict.row]
    remedies = [] if verdict.is_allowed else [f"{row.name}: {row.why}" for row in ways]
    said = {
        "allow": verdict.is_allowed, "profile": profile.name, "row": verdict.row, "why": verdict.why,
        "duties": duties_view(verdict.duties), "ways": remedies,
    }  # fmt: skip
    asked = {word for row in profile.rows for word in (*row.all, *row.any, *row.none)}
    if unasked := sorted(word for word in facts - asked if word not in (ATTRIBUTION, SAME_LICENSE)):
        tell(f"No row of {profile.name} asks for {', '.join(unasked)}: see `mycelia license show {profile.name}`.")
    owed = _duties(duties_view(verdict.duties))
    lines = [f"{'Allowed' if verdict.is_allowed else 'Refused'} by row {verdict.row} of {profile.name}: {verdict.why}."]
    lines += [f"Owed: {owed}."] if owed and verdict.is_allowed else []
    lines += [f"A way: row {remedy}." for remedy in remedies]
    give(options, said, "\n".join(lines))
    return 0 if verdict.is_allowed else 4


def explain(id: str, /, *, options: Options = DEFAULTS) -> None:
    """Say why an event may use a licensed thing, or may not, and what is owed for it.

    Args:
        id: The id of the event, or its beginning.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.explain(id)
    row = f" by row {view.row}" if view.row else ""
    lines = [
        f"{'Allowed' if view.is_allowed else 'Refused'}{row} of {view.license}, for {view.use} use: {view.why}.",
        f"The thing is {short(view.design)}.",
    ]
    for word in view.attestations:
        rests = f", on the evidence of {short(word.evidence)}" if word.evidence else ""
        says = f"{'' if word.is_true else 'not '}{word.predicate}"
        heard = "" if word.counts else "; the charter does not name it for that"
        lines.append(f"{short(word.issuer)} attests {says} until {moment(word.expires_ms)}{rests}{heard}.")
    lines += [f"Owed: {_duties(view.duties)}."] if view.duties else []
    for one in view.claims:
        lines.append(f"Claim {one.id}: {one.paid_text} of {one.amount_text} paid, due {moment(one.due_ms)}.")
    if view.use == "adapt" and "source_days" in view.duties and any(one.paid < one.amount for one in view.claims):
        lines.append(f"The source is paid by `mycelia event produce CLASS 1 --license {view.license} --process ID`.")
    give(options, view, "\n".join(lines))


def attest(
    subject: str,
    predicate: str,
    /,
    *,
    denies: Annotated[bool, Parameter(name="--not", negative="")] = False,
    until: When = None,
    evidence: str | None = None,
    member: As = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Say that something is true of somebody. It counts where the charter names you as an issuer of it.

    Args:
        subject: An identity (`mycelia commons members`), its beginning, or a member of this node.
        predicate: What is true, such as worker-coop.
        denies: Say that it is not true.
        until: Until when it holds: +365d, or a date. A year if it is not given.
        evidence: What it rests on: a file, of which only the digest is published; or the id of an entry or a document.
        member: Who attests; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewAttestation(
        subject=subject,
        predicate=predicate,
        denies=denies,
        until=until,
        evidence=None if evidence is None else _link(evidence),
        member=member,
        dry_run=dry_run,
    )
    with opened(options.place) as node:
        published = node.attest(new)
    give(options, published, f"{'Would attest' if dry_run else 'Attested'} {predicate}: {short(published.id)}.")
    if new.evidence and new.evidence != evidence:
        tell(f"Keep {evidence}: it is known by {new.evidence}, and whoever asks is given it by you.")


def _link(evidence: str) -> str:
    """Return the content id of a file, or what was named if there is no such file."""
    from mycelia_protocol import cid

    if Path(evidence).is_file():
        return cid.text(cid.digest(Path(evidence).read_bytes()))
    if not evidence.isalnum():  # as every id is
        why = f"there is no file {evidence[:80]}, and that is no id"
        raise Failure("input", "nothing was attested", why, "name a file, or the id of an entry or a document")
    return evidence


def permit(
    resource: str,
    licensee: str,
    /,
    *,
    use: Use,
    until: When = None,
    member: As = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Let somebody use a thing of yours, whatever its license says.

    Args:
        resource: The licensed thing: its id, or the beginning.
        licensee: An identity (`mycelia commons members`), its beginning, or a member of this node.
        use: What for.
        until: Until when: +365d, or a date. A year if it is not given.
        member: Whose thing it is; needed when the node has several members.
        dry_run: Check it by the rules and publish nothing.
    """
    from mycelia_node import models

    from .door import opened

    new = models.NewPermit(resource=resource, licensee=licensee, use=use, until=until, member=member, dry_run=dry_run)
    with opened(options.place) as node:
        published = node.permit(new)
    give(options, published, f"{'Would permit' if dry_run else 'Permitted'} it: {short(published.id)}.")


def _views(options: Options) -> list[ProfileView]:
    """Return the profiles of the home, or where there is none those that everybody knows."""
    from mycelia_node.config import Home
    from mycelia_node.registry import profile_view
    from mycelia_protocol.licenses import BUILT_IN

    from .door import opened

    if not Home(options.place).ledger.exists():
        return [profile_view(one) for one in BUILT_IN.values()]
    with opened(options.place) as node:
        return node.licenses()


def _view(name: str, file: Path | None, options: Options) -> ProfileView:
    from mycelia_node.registry import profile_view

    if file is not None:
        return profile_view(_read(name, file), is_own=True)
    found = _views(options)
    view = next((one for one in found if one.name == name), None)
    if view is None:
        known = ", ".join(one.name for one in found)
        raise Failure("input", f"there is no license {name!r}", "neither the charter nor the program knows it", known)
    return view


def _profile(name: str, file: Path | None, options: Options) -> Profile:
    from mycelia_node.registry import read_profile
    from mycelia_protocol.licenses import BUILT_IN

    if file is not None:
        return _read(name, file)
    return BUILT_IN.get(name) or read_profile(_view(name, file, options))


def _read(name: str, file: Path) -> Profile:
    import tomllib

    from mycelia_node.registry import read_table

    try:
        return read_table(name, tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure("input", f"{file} cannot be read", why, "name a TOML file that you may read") from error
    except ValueError as error:
        to_try = "name a TOML file with title, source and rows"
        raise Failure("input", f"{file} holds no profile", str(error), to_try) from error


def _conditions(every: list[str], some: list[str], none: list[str], contribution: list[int] | None) -> str:
    parts = [" and ".join(every), " or ".join(some), " and ".join(f"not {one}" for one in none)]
    parts += [f"{contribution[0]} contributed in {contribution[1]} days"] if contribution else []
    return "; ".join(part for part in parts if part)


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def _duties(duties: dict[str, int]) -> str:
    words = {"attribution": "attribution", "sharealike": "share-alike"}
    parts = [word for key, word in words.items() if key in duties]
    if "source_days" in duties:
        parts.append(f"source within {_days(duties['source_days'])}")
    if "per_mille" in duties:
        parts.append(f"{duties['per_mille'] / 10:g} % of the benefit within {_days(duties['due_days'])}")
    return ", ".join(parts)
