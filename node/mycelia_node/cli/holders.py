"""Holders: root keys that several people hold, and what they sign together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .failures import Failure
from .options import DEFAULTS, As, Options, Whole
from .output import give, short, tell

if TYPE_CHECKING:
    from mycelia_node.models import Published

Flag = Annotated[bool, Parameter(negative="")]
NEXT = "More holders must sign this, with `mycelia id sign`; what comes out is for `mycelia id publish`."


def share(name: str, /, *, options: Options = DEFAULTS) -> None:
    """Print what the other holders of an identity need of you: public keys. Your root keys are made if there are none.

    Args:
        name: Your name on this node, for these root keys: that of the member whose identity it is, else a new one.
    """
    from mycelia_node.config import Home
    from mycelia_node.drafts import write_share
    from mycelia_node.passphrase import keystore
    from mycelia_protocol import holders
    from mycelia_protocol.roots import SEED_BYTES, Roots

    from .door import opened

    if Home(options.place).ledger.exists():
        with opened(options.place) as node:
            text = node.share(name).share
    else:  # a founder, before the commons is there
        import secrets

        kept = keystore(Home(options.place))
        roots = kept.roots(name) or Roots(secrets.token_bytes(SEED_BYTES))
        kept.keep_roots(name, roots)
        text = write_share(holders.share(roots, 1))
    give(options, {"name": name, "share": text}, text)
    tell("Give it to the other holders, and write your phrase down: `mycelia id phrase`. Then `mycelia id holders`.")


def name_holders(name: str, /, *share: str, needed: Whole, options: Options = DEFAULTS) -> None:
    """Name the holders of an identity's root keys; the next `id rotate` but one hands over to them, all say the same.

    Args:
        name: The name of your own root keys on this node.
        share: The share of each holder, yours too, in the same order at each of them: they are numbered from 1.
        needed: How many of them must sign.
    """
    from mycelia_node.config import Home
    from mycelia_node.drafts import check_holders, read_share
    from mycelia_node.passphrase import keystore
    from mycelia_protocol.holders import Holders

    shares = [read_share(one) for one in share]
    check_holders(needed, shares)
    keystore(Home(options.place)).keep_holders(name, Holders(needed, tuple(shares)))
    said = f"{needed} of {len(shares)} holders sign for {name}, once its root keys have been rotated to theirs."
    give(options, {"name": name, "holders": len(shares), "needed": needed}, said)
    tell("Next: `mycelia id prepare` for an identity that does not exist yet; for one that does, `mycelia id rotate`.")


def sign(statement: str, /, *, yes: Flag = False, options: Options = DEFAULTS) -> None:
    """Sign what another holder of root keys asks you to, and print it with your signature.

    Args:
        statement: The text that you were given.
        yes: Do it; without this it is only said what it means.
    """
    from .door import opened

    with opened(options.place) as node:
        asked = node.sign(statement, dry_run=True)
        tell(asked.meaning)
        if not yes:
            why = f"{asked.signed} of {asked.needed} holders have signed so far"
            raise Failure("usage", "nothing was signed", why, "read what it means, then `--yes`")
        done = node.sign(statement)
    give(options, done, done.statement)
    more = done.needed - done.signed
    tell("Enough have signed: `mycelia id publish`." if more <= 0 else f"{more} more must sign: `mycelia id sign`.")


def publish(*statement: str, as_: As = None, options: Options = DEFAULTS) -> None:
    """Publish what enough holders of root keys have signed.

    Args:
        statement: The text, or several copies of it that different holders signed.
        as_: The member on whose chain it is published, if the node has several.
    """
    from .door import opened

    if not statement:
        raise Failure("usage", "nothing was published", "no statement was given", "paste what `id sign` printed")
    with opened(options.place) as node:
        done = node.state(statement, member=as_)
    give(options, done, f"Published {done.kind}, entry {done.sequence} ({short(done.id)}).")


def give_stated(options: Options, did: str, done: Published) -> None:
    """Print what came of something that root keys say: an entry, or what other holders must sign first."""
    if done.statement is None:
        give(options, done, f"{did} by entry {done.sequence} ({short(done.id)}).")
    else:
        give(options, done, done.statement)
        tell(NEXT)
