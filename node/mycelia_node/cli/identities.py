"""Identities: installations, bots, root keys, and what to do when one of them is lost or stolen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .failures import Failure
from .holders import NEXT, give_stated
from .options import DEFAULTS, As, Options, Whole
from .output import give, is_terminal, short, table, tell

if TYPE_CHECKING:
    from mycelia_node.keystore import Keystore
    from mycelia_node.models import ChainView
    from mycelia_protocol.roots import Roots

Several = Annotated[list[str] | None, Parameter(negative="")]
Flag = Annotated[bool, Parameter(negative="")]


def show(*, as_: As = None, options: Options = DEFAULTS) -> None:
    """Show the identities that speak through this node: chains, guardians, and where each stands.

    Args:
        as_: The member whose identity is shown; all of them if none is named.
    """
    from .door import opened

    with opened(options.place) as node:
        found = [one for one in node.identities() if any(_is_here(chain.member, as_) for chain in one.chains)]
    lines = []
    for one in found:
        lines.append(f"{short(one.identity)}: {one.status}, {one.consents} of {len(one.guardians)} guardians")
        rows = [
            (
                short(chain.chain),
                chain.form,
                _extent(chain),
                chain.member or "",
            )
            for chain in one.chains
        ]
        lines.append(table(("chain", "form", "counts", "here"), rows))
    give(options, {"identities": found}, "\n".join(lines) or "No member here has an identity yet.")
    for chain in (chain for one in found for chain in one.chains if chain.to_cut):
        tell(f"Chain {short(chain.chain)} was restored and should be cut: `mycelia doctor` says how.")


def _extent(chain: ChainView) -> str:
    if chain.to_cut:
        return "restored"
    if chain.last is None:
        return chain.counts
    return f"to {chain.last}" + (f", then {', '.join(map(short, chain.heirs))}" if chain.heirs else "")


def _is_here(member: str | None, named: str | None) -> bool:
    return member is not None and named in (None, member)


def prepare(name: str, /, *, options: Options = DEFAULTS) -> None:
    """Make the keys of a founder before the commons is there, and show the identity that they will have.

    Args:
        name: Your name on this node.
    """
    from mycelia_node.config import Home
    from mycelia_node.passphrase import keystore
    from mycelia_protocol import cid

    identity = cid.text(keystore(Home(options.place)).prepare(name) or b"")
    give(options, {"name": name, "identity": identity}, identity)
    tell("Give it to who founds the commons, as `--founder`; then `mycelia init --join` with the same --name.")


def phrase(*, as_: As = None, yes: Flag = False, options: Options = DEFAULTS) -> None:
    """Show the recovery phrase: 24 words that are the whole identity, to be written on paper.

    Args:
        as_: The member, if the node has several.
        yes: Show it although nobody watches the screen: without a terminal it is refused.
    """
    from mycelia_node.config import Home
    from mycelia_node.passphrase import keystore

    words = _kept(as_, keystore(Home(options.place)))
    if not (yes or is_terminal()):
        raise Failure("usage", "the phrase was not shown", "standard output is no terminal", "`--yes` shows it anyway")
    give(options, {"phrase": words}, words)
    tell("Whoever has these words has the identity. `mycelia id forget-root` takes them off this device.")


def _kept(name: str | None, kept: Keystore) -> str:
    """Return the phrase straight from the key files: it never travels through the API."""
    from mycelia_node.phrase import phrase_of

    member = name or kept.member().name
    roots = kept.roots(member)
    if roots is None:
        raise Failure("home", "there is no phrase to show", f"no root keys of {member} are here", "look at the paper")
    return phrase_of(roots)


def forget_root(*, as_: As = None, phrase_file: Path | None = None, options: Options = DEFAULTS) -> None:
    """Take the root keys off this device: from then on only the phrase has them.

    Args:
        as_: The member, if the node has several.
        phrase_file: A file with the phrase, as a proof that it is written down; else it is asked for.
    """
    from mycelia_node.config import Home
    from mycelia_node.passphrase import keystore

    kept = keystore(Home(options.place))
    if _asked(phrase_file) != _kept(as_, kept).split():
        raise Failure("input", "nothing was forgotten", "that is not the phrase", "write the right one down first")
    name = as_ or kept.member().name
    kept.forget_roots(name)
    give(options, {"member": name}, f"The root keys of {name} are no longer on this device.")


def _asked(file: Path | None) -> list[str]:
    """Return the words of a phrase from a file, a pipe or a prompt that shows nothing."""
    if file is not None:
        return file.read_text().lower().split()
    if not sys.stdin.isatty():
        return sys.stdin.read(4096).lower().split()
    import getpass

    return getpass.getpass("Recovery phrase: ").lower().split()


def restore_root(name: str, /, *, phrase_file: Path | None = None, options: Options = DEFAULTS) -> None:
    """Bring the root keys of a member back onto this device, from the phrase.

    Args:
        name: The member.
        phrase_file: A file with the phrase; else it is read from standard input.
    """
    from mycelia_node.config import Home
    from mycelia_node.passphrase import keystore
    from mycelia_node.phrase import roots_of

    roots, keys = roots_of(" ".join(_asked(phrase_file))), keystore(Home(options.place))
    if keys.roots(name) not in (None, roots):
        why = f"other root keys are kept here under {name}"
        raise Failure("input", "nothing was changed", why, "take them away first: `mycelia id forget-root`")
    _check_roots(name, roots, options)
    keys.keep_roots(name, roots)
    give(options, {"member": name}, f"The root keys of {name} are on this device again.")


def _check_roots(name: str, roots: Roots, options: Options) -> None:
    """Refuse root keys that never were the member's; a running node keeps its ledger to itself."""
    import secrets

    from mycelia_node.config import Home
    from mycelia_node.desk import Desk
    from mycelia_node.faults import StoreFault
    from mycelia_node.hall import Hall
    from mycelia_node.ledger import Ledger
    from mycelia_node.passphrase import keystore

    from .door import now_ms

    home = Home(options.place)
    try:
        ledger = Ledger.open(home.path, clock=now_ms, entropy=secrets.token_bytes)
    except StoreFault as fault:
        if not fault.locked:
            raise
        tell("The node runs, so whether this is the phrase of the member shows when it is used.")
        return
    try:
        Hall(Desk(ledger, keystore(home), now_ms), now_ms, secrets.token_bytes).people.check_roots(name, roots)
    finally:
        ledger.close()


def restore(
    name: str,
    /,
    *,
    lost: Several = None,
    rotate: Flag = False,
    phrase_file: Path | None = None,
    kept: Flag = False,
    by: Several = None,
    options: Options = DEFAULTS,
) -> None:
    """Speak with your identity from this device: a new chain, by the phrase; chains that were lost or stolen are cut.

    Args:
        name: Your name on this node; a new one.
        lost: A chain that was lost or stolen: it counts up to what this node holds of it; several may be given.
        rotate: Change the root keys too, for when the old ones may have been seen. The phrase stays the same.
        phrase_file: A file with the phrase; else it is read from standard input.
        kept: Take the root keys that this node keeps under the name, as after `mycelia id ask`.
        by: Of several holders of root keys one who will sign, by the number in `mycelia id holders`.
    """
    from mycelia_node import models

    from .door import opened

    words = None if kept else " ".join(_asked(phrase_file))
    with opened(options.place) as node:
        done = node.restore(
            models.NewRestoration(name=name, phrase=words, lost=lost or [], rotate=rotate, by=_numbers(by or ()))
        )
    if done.member is None:
        give(options, done, done.statement or "")
        tell(NEXT)
        return
    said = [f"{done.member.name} is chain {short(done.member.chain)}."]
    said += [f"{one.kind}: entry {one.sequence} ({short(one.id)})" for one in done.entries]
    give(options, done, "\n".join(said))


def _numbers(given: Sequence[str]) -> list[int]:
    if not all(one.isascii() and one.isdigit() and len(one) < 3 for one in given):
        raise Failure("usage", "nothing was done", "--by takes the number of a holder", "`--by 1 --by 3`")
    return [int(one) for one in given]


def delegate(
    name: str | None = None,
    /,
    *,
    key: str | None = None,
    kinds: str | None = None,
    daily: Annotated[list[str] | None, Parameter(name="--class", negative="")] = None,
    days: Whole | None = None,
    depth: Whole = 0,
    as_: As = None,
    options: Options = DEFAULTS,
) -> None:
    """Let a bot speak for you: some kinds, some classes, so much a day, until a time.

    Args:
        name: A new member of this node, for the bot.
        key: The did:key of a bot elsewhere, instead.
        kinds: The kinds that it may write, with commas between: offer,row,commit; all if none is given.
        daily: CLASS or CLASS=AMOUNT: a class, and the most of it a day; several may be given, all classes if none is.
        days: How many days it lasts; for ever if none is given.
        depth: How often it may be passed on.
        as_: The member who delegates, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    most: dict[str, str | int | None] | None = None
    if daily is not None:
        most = {name: amount or None for name, _, amount in (one.partition("=") for one in daily)}
    new = models.NewDelegation(
        member=as_,
        name=name,
        key=key,
        kinds=None if kinds is None else [kind.strip() for kind in kinds.split(",")],
        daily=most,
        hours=None if days is None else days * 24,
        depth=depth,
    )
    with opened(options.place) as node:
        done = node.delegate(new)
    chain = f" {done.member.name} is chain {short(done.member.chain)}." if done.member else ""
    give(options, done, f"Delegated by entry {short(done.id)}.{chain}")


def rotate(*, as_: As = None, options: Options = DEFAULTS) -> None:
    """Change to the next root keys; all chains are kept. The phrase stays the same.

    Args:
        as_: The member, if the node has several.
    """
    _rotate(as_, None, 0, options)


def guardians(*identity: str, needed: Whole = 0, as_: As = None, options: Options = DEFAULTS) -> None:
    """Name those who can together give you new root keys; this changes to the next root keys.

    Args:
        identity: The identities of the guardians; none takes them away.
        needed: How many of them are needed; all of them if none is given.
        as_: The member, if the node has several.
    """
    _rotate(as_, list(identity), needed, options)


def _rotate(name: str | None, named: list[str] | None, needed: int, options: Options) -> None:
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.rotate(models.NewRotation(member=name, guardians=named, consents=needed))
    give_stated(options, "Rotated", done)


def revoke(
    chain: str, /, *, cut: str | None = None, heir: str | None = None, as_: As = None, options: Options = DEFAULTS
) -> None:
    """Cut a chain of yours: what stands above the cut counts for nothing.

    Args:
        chain: The chain, or an entry of it.
        cut: The last entry that shall count; the last one held if none is given.
        heir: The chain that takes over.
        as_: The member who revokes, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.revoke(models.NewRevocation(member=as_, chain=chain, cut=cut, heir=heir))
    give_stated(options, "Revoked", done)


def close(*, as_: As = None, yes: Flag = False, options: Options = DEFAULTS) -> None:
    """End an identity for good: its chains count up to now, and nothing that they say later does.

    Args:
        as_: The member, if the node has several.
        yes: Do it; without this it is only said what would be lost.
    """
    from mycelia_node import models

    from .door import opened

    if not yes:
        why = "all chains of the identity would end, and nothing brings it back"
        raise Failure("usage", "nothing was ended", why, "`--yes` does it")
    with opened(options.place) as node:
        done = node.close_identity(models.NewClosure(member=as_))
    give_stated(options, "Ended", done)
