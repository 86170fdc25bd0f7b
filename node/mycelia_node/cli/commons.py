"""The commons: found one, show it, invite people into it, join one, see who is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .failures import Failure
from .homes import CLASSES, class_of, rate_of, user
from .options import DEFAULTS, As, Options, Whole
from .output import ago, give, is_terminal, short, table, tell

if TYPE_CHECKING:
    from mycelia_protocol.charter import Charter, Membership


def new(
    *,
    name: str | None = None,
    commons: str | None = None,
    charter: Path | None = None,
    membership: Literal["open", "tree", "stewards"] | None = None,
    slots: Whole = 8,
    depth: Whole = 8,
    threshold: Whole | None = None,
    founder: Annotated[list[str] | None, Parameter(negative="")] = None,
    resource_class: Annotated[list[str] | None, Parameter(name="--class", negative="")] = None,
    rate: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Found a commons: its charter, its first member, and the place that holds both.

    Args:
        name: The first member's name; the user's if none is given.
        commons: The name of the commons; the member's if none is given.
        charter: A charter file in TOML, instead of the options below.
        membership: Who may write: everybody, whom members invite (tree), or whom founders admit (stewards).
        slots: How many each member of a tree may admit.
        depth: How many steps from a founder a tree reaches.
        threshold: How many founders admit, with stewards; more than half of them if none is given.
        founder: The identity of another founder, as `mycelia id prepare` shows it; several may be given.
        resource_class: NAME=UNIT or NAME=UNIT/PARTS; several replace the usual ones.
        rate: ENTRY/KIB/BURST in milliseconds, as `mycelia init` takes it.
    """
    import secrets

    from mycelia_node.charterfile import read

    name = name or user()
    if charter is not None and (commons or membership or founder or resource_class or rate):
        why = "--charter says all of it"
        raise Failure("usage", "nothing was made", why, "leave out the other options, or --charter")

    def founded(identity: bytes) -> Charter:
        if charter is not None:
            return read(charter.read_text("utf-8"), seed=secrets.token_bytes(16), founder=identity)
        policy = _policy(membership or "open", slots, depth, threshold, 1 + len(founder or ()))
        return _found(commons or name, resource_class or CLASSES, policy, [identity, *_identities(founder or ())], rate)

    made = _make_home(name, founded, options)
    give(options, made, f"Founded {made['commons']}. {name} is {short(made['identity'])} in {made['home']}.")
    tell("Write down the recovery phrase: `mycelia id phrase`. Next: `mycelia up`, and `mycelia commons invite`.")


def _policy(membership: str, slots: int, depth: int, threshold: int | None, founders: int) -> Membership:
    from mycelia_protocol.charter import Open, Stewards, Tree

    if membership == "tree":
        return Tree(slots, depth, is_liable=True)
    if membership == "stewards":
        return Stewards(threshold or founders // 2 + 1)
    return Open()


def _found(
    commons: str, classes: Sequence[str], policy: Membership, founders: Sequence[bytes], rate: str | None
) -> Charter:
    import secrets

    from mycelia_node.charterfile import found

    named = [class_of(text) for text in classes]
    if len(dict(named)) < len(named):
        raise Failure("usage", "nothing was made", "a class stands twice", "name each class once")
    return found(
        commons,
        dict(named),
        membership=policy,
        founders=founders,
        seed=secrets.token_bytes(16),
        rate=rate_of(rate) if rate else None,
    )


def _identities(texts: Sequence[str]) -> list[bytes]:
    from mycelia_protocol import cid

    return [cid.link(text) for text in texts]


def _make_home(name: str, founded: Any, options: Options) -> dict[str, Any]:
    """Make keys, then the charter that names their identity, then the ledger under it."""
    import secrets

    from mycelia_node import passphrase
    from mycelia_node.config import Home
    from mycelia_node.ledger import Ledger
    from mycelia_protocol import cid

    from .door import now_ms

    home = Home(options.place)
    if home.ledger.exists():
        raise Failure("home", f"nothing was made at {home.path}", "there is a ledger already", "name another --home")
    keystore = passphrase.keystore(home)
    identity = keystore.identity(name) if name in keystore.waiting() else keystore.prepare(name)
    if identity is None:
        raise Failure("home", "nothing was made", f"{name} was prepared for another commons", "choose another --name")
    try:
        charter = founded(identity)
    except BaseException:
        keystore.discard(name)
        raise
    ledger = Ledger.create(home.path, charter, clock=now_ms, entropy=secrets.token_bytes)
    try:
        keystore.finish(ledger)
        member = keystore.member(name)
    finally:
        ledger.close()
    return {
        "home": str(home.path), "commons": charter.name, "network": cid.text(charter.network),
        "identity": cid.text(identity), "member": {"name": name, "chain": cid.text(member.chain)},
        "classes": {key: one.unit for key, one in charter.classes.items()},
    }  # fmt: skip


def show(*, toml: Annotated[bool, Parameter(negative="")] = False, options: Options = DEFAULTS) -> None:
    """Show the charter of the commons.

    Args:
        toml: As a charter file, by which another commons can be founded.
    """
    from .door import opened

    with opened(options.place) as node:
        view = node.commons()
    import tomllib

    policy = ", ".join(key if value is True else f"{key} {value}" for key, value in view.membership.items())
    lines = [
        f"{view.name}: {view.members} members, {view.pending} pending",
        f"network   {view.network}",
        f"who       {policy}",
        f"founders  {', '.join(short(one) for one in view.founders) or 'none'}",
        f"classes   {', '.join(f'{name} in {unit}' for name, unit in view.classes.items())}",
    ]
    lines += [f"{name:10}{text}" for name, text in _terms(tomllib.loads(view.toml)) if text]
    give(options, view, view.toml if toml else "\n".join(lines))
    if not toml and not options.json:
        tell("All of it: `mycelia commons show --toml`.")


def _terms(charter: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a charter says beside who is in and what is counted, each in a line."""
    cancel, budgets = charter.get("cancel"), charter.get("budgets", {})
    if cancel:
        yield "cancel", f"costs {cancel['per_mille'] / 10:g} % of a line, due in {cancel['due_days']} d"
    yield "counted", ", ".join(sorted(charter.get("contribution", {})))
    yield "credit", ", ".join(sorted(charter.get("credit", {})))
    yield "budgets", ", ".join(f"{name} in {one['unit']} ({one['scope']})" for name, one in sorted(budgets.items()))
    yield "measures", ", ".join(f"{name} in {one['unit']}" for name, one in sorted(charter.get("measures", {}).items()))
    yield "limits by", ", ".join(short(one) for one in charter.get("magisteria", []))
    yield "attested", ", ".join(sorted(charter.get("issuers", {})))
    yield "profiles", ", ".join(sorted(charter.get("profiles", {})))
    yield "licenses", ", ".join(charter.get("licenses", []))


def invite(
    *,
    as_: As = None,
    hours: Whole = 72,
    options: Options = DEFAULTS,
) -> None:
    """Make an invitation: one text for one newcomer, secret until it is used.

    Args:
        as_: The member who invites, if the node has several.
        hours: How long it is valid.
    """
    from mycelia_node import models

    from .door import opened

    if not 1 <= hours <= 8760:
        raise Failure("usage", "nothing was made", f"{hours} hours", "choose 1 to 8760 hours")
    with opened(options.place) as node:
        view = node.invite(models.NewInvitation(member=as_, hours=hours))
    if not options.json and is_terminal():
        import segno

        segno.make(view.text, micro=False).terminal(compact=True)
    give(options, view, view.text)
    tell("Give it to one person. They join with `mycelia commons join` and this text.")


def join(
    invitation: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    name: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Join a commons by an invitation.

    Args:
        invitation: The text that a member gave, or - to read it from standard input.
        name: Your name on this node; the user's if none is given.
    """
    import asyncio
    import secrets
    import sys

    from mycelia_node import passphrase
    from mycelia_node.config import Home
    from mycelia_node.ledger import Ledger
    from mycelia_node.memberfile import Plan
    from mycelia_node.peer import fetch_charter
    from mycelia_protocol import cid
    from mycelia_protocol.invitation import read

    from .door import now_ms

    pasted = sys.stdin.read(8192) if invitation == "-" else invitation
    one, home, name = read(pasted), Home(options.place), name or user()
    if home.ledger.exists():
        raise Failure("home", f"nothing was made at {home.path}", "there is a ledger already", "name another --home")
    if one.expires_ms <= now_ms():
        raise Failure("input", "nothing was made", f"the invitation ended {ago(one.expires_ms)}", "ask for a new one")
    charter, found = None, ""
    for address in one.peers:
        try:
            charter, found = asyncio.run(fetch_charter(address)), address
            break
        except ConnectionError as error:
            tell(f"{address} cannot be reached: {error}.")
    if charter is None:
        why = "no peer that the invitation names can be reached" if one.peers else "the invitation names no peer"
        raise Failure("network", "nothing was made", why, "try again when the sponsor's node is up")
    if charter.network != one.network:
        raise Failure("network", "nothing was made", f"{found} belongs to another commons", "ask for a new invitation")
    ledger = Ledger.create(home.path, charter, clock=now_ms, entropy=secrets.token_bytes)
    ledger.close()
    identity = passphrase.keystore(home).prepare(name, Plan(invitation="".join(pasted.split())))
    for address in one.peers:
        home.remember_peer(address)
    made = {"home": str(home.path), "commons": charter.name, "identity": cid.text(identity or b""), "member": name}
    give(options, made, f"Joined {charter.name}. {name} is {short(cid.text(identity or b''))} in {home.path}.")
    tell("Write down the recovery phrase: `mycelia id phrase`.")
    tell("Next: `mycelia up`. Your chain begins when the sponsor's is here, and counts once you are admitted.")


def members(*, options: Options = DEFAULTS) -> None:
    """List everybody whom this node knows, and who is pending."""
    from .door import opened

    with opened(options.place) as node:
        found = node.identities()
    rows = [
        (
            short(one.identity), one.status, short(one.sponsor) if one.sponsor else "-", str(one.depth),
            str(len(one.chains)), ", ".join(sorted({chain.member for chain in one.chains if chain.member})),
        )
        for one in found
    ]  # fmt: skip
    give(options, {"identities": found}, table(("identity", "status", "sponsor", "depth", "chains", "here"), rows))


def admit(identity: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Let a pending identity in.

    Args:
        identity: The identity, or the beginning of it.
        as_: The member who admits, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.admit(models.NewAdmission(identity=identity, member=as_))
    give(options, done, f"Admitted by entry {done.sequence} ({short(done.id)}).")


def amend(
    change: str,
    /,
    *more: str,
    as_: As = None,
    options: Options = DEFAULTS,
) -> None:
    """Propose other numbers for the charter, or classes to add: founders consent, then each chain adopts it.

    Args:
        change: FIELD=VALUE: grace_ms, limits.amount, limits.window_ms, rate.entry_ms, rate.kib_ms, rate.burst_ms, or
            classes.NAME=UNIT/PARTS to add a class.
        more: Further changes of the same proposal.
        as_: The member who proposes, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    changes = dict(_change(text) for text in (change, *more))
    with opened(options.place) as node:
        done = node.amend(models.NewAmendment(changes=changes, member=as_))
    give(options, done, f"Proposed by entry {done.sequence} ({short(done.id)}).")
    tell("Founders: `mycelia commons ratify` with this id. Then everybody who likes: `mycelia commons adopt`.")


def _change(text: str) -> tuple[str, int | str]:
    name, _, value = text.partition("=")
    if name.startswith("classes."):
        _, one = class_of(f"x={value}")
        return name, f"{one.numerator}/{one.denominator} {one.unit}"
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise Failure("usage", "nothing was proposed", f"{text!r} is no change", "FIELD=NUMBER or classes.NAME=UNIT")
    return name, int(value)


def ratify(enactment: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Consent to a change of the charter, as a founder.

    Args:
        enactment: The id of the proposal.
        as_: The member who consents, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.consent(models.NewStep(id=enactment, member=as_))
    give(options, done, f"Consented by entry {done.sequence} ({short(done.id)}).")


def adopt(enactment: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Adopt a change of the charter: from now on this member is judged by it, and never again by what was before.

    Args:
        enactment: The id of the proposal, to which enough founders have consented.
        as_: The member who adopts, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.adopt(models.NewStep(id=enactment, member=as_))
    give(options, done, f"Adopted by entry {done.sequence} ({short(done.id)}).")
