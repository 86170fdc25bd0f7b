"""Members: those who publish through this node, each with a key and a chain."""

from __future__ import annotations

from .options import DEFAULTS, Options
from .output import give, short, table


def add(
    name: str,
    /,
    *,
    invitation: str | None = None,
    sponsor: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Make a member with an identity, a key and a chain.

    Args:
        name: The name on this node; it is not published.
        invitation: The text by which the member comes in, where the commons asks for one.
        sponsor: The member of this node who invites, instead; the first one who can if none is named.
    """
    from .door import opened

    with opened(options.place) as node:
        member = node.create_member(name, invitation=invitation, sponsor=sponsor)
    give(options, member, f"{member.name} is chain {short(member.chain)}.")


def ls(*, options: Options = DEFAULTS) -> None:
    """List the members of this node. Who has a member's box key can write notes that it alone reads."""
    from .door import opened

    with opened(options.place) as node:
        found = node.members()
    rows = [(member.name, short(member.chain), member.key, member.box) for member in found]
    give(options, {"members": found}, table(("name", "chain", "key", "box key"), rows))
