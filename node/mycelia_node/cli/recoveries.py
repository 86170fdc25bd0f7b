"""Recoveries: what guardians do for somebody who lost device and phrase."""

from __future__ import annotations

from .options import DEFAULTS, As, Options
from .output import give, short, tell


def ask(name: str, identity: str, /, *, options: Options = DEFAULTS) -> None:
    """Ask your guardians for new root keys, when device and phrase are both lost: prints the text that they need.

    Args:
        name: Your name on this node, for the new root keys.
        identity: Your identity, or the beginning of it.
    """
    from mycelia_node.config import Home

    from .door import offline

    with offline(Home(options.place)) as node:
        text = node.ask_recovery(name, identity)
    give(options, {"request": text}, text)
    tell("Give it to your guardians. When the recovery is complete: `mycelia id restore --kept` with the same name.")


def recover(request: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Propose new root keys for somebody who lost theirs, as a guardian; this consents too.

    Args:
        request: The text that they gave you. Make sure that it is them.
        as_: The member, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.recover(models.NewRecovery(request=request, member=as_))
    give(options, done, f"Proposed by entry {done.sequence} ({short(done.id)}).")
    tell("The other guardians: `mycelia id consent` with this id. After the charter's delay: `mycelia id complete`.")


def consent(recovery: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Consent to a recovery, as a guardian.

    Args:
        recovery: The id of the recovery. Make sure that the person asked for it.
        as_: The member, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.consent(models.NewStep(id=recovery, member=as_))
    give(options, done, f"Consented by entry {done.sequence} ({short(done.id)}).")


def complete(recovery: str, /, *, as_: As = None, options: Options = DEFAULTS) -> None:
    """Complete a recovery: enough guardians consent, and the charter's delay is over.

    Args:
        recovery: The id of the recovery.
        as_: The member, if the node has several.
    """
    from mycelia_node import models

    from .door import opened

    with opened(options.place) as node:
        done = node.complete(models.NewStep(id=recovery, member=as_))
    give(options, done, f"Completed by entry {done.sequence} ({short(done.id)}).")
