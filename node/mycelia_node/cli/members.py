"""`member add` and `member ls`: who publishes through this node."""

from __future__ import annotations

from .answer import DEFAULT, Answer, Common, short, table
from .front import front


def add(name: str, /, *, common: Common = DEFAULT) -> Answer:
    """Make a member with a key and a chain of its own: a neighbour without a device, say.

    Args:
        name: how the member is called on this node.

    Examples:
        mycelia member add "Oost pantry"
        mycelia member add van --json
    """
    with front(common) as node:
        member = node.create_member(name)
    return Answer(member, f"Made member {member.name!r} with chain {short(member.chain)}.")


def ls(*, common: Common = DEFAULT) -> Answer:
    """List the members of this node.

    Examples:
        mycelia member ls
        mycelia member ls --json
    """
    with front(common) as node:
        found = node.members()
    if not found:
        return Answer(found, "No members yet. Make one: `mycelia member add NAME`.")
    return Answer(found, table(("name", "chain", "key"), [(one.name, short(one.chain), one.key) for one in found]))
