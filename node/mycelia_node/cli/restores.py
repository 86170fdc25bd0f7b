"""Restores: whether own entries have left this node, what to do about a restored home, and the word that releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import Failure
from .options import DEFAULTS, Options
from .output import give, short, tell

if TYPE_CHECKING:
    from mycelia_node.models import ReleaseView

_RISK = "if this machine was set back, what is released may contradict what peers hold; nobody can tell that from fraud"


def release(*, yes: bool = False, options: Options = DEFAULTS) -> None:
    """Release own entries without waiting until peers have said what they hold of them.

    Args:
        yes: You know that neither this machine nor its disk was set back.
    """
    if not yes:
        raise Failure("usage", "nothing was released", _RISK, "wait for your peers, or say `mycelia release --yes`")
    from .door import opened

    with opened(options.place) as node:
        left = node.release()
    give(options, {"release": left}, "Released what waited; it leaves with the next peer.")
    for one in left:
        then = f"stay, {one.why}" if one.why else "leave with the next news"
        tell(f"{one.member}, chain {short(one.chain)}: {one.waiting} entries {then}.")


def doctor(*, options: Options = DEFAULTS) -> int:
    """Say whether an own chain is forked or restored, what waits, and what to do now."""
    from .door import opened

    with opened(options.place) as node:
        status = node.status()
    findings: list[dict[str, object]] = [
        {
            "finding": "forked", "member": one.member, "chain": one.chain, "sequence": one.sequence,
            "entries": one.entries,
            "why": f"two entries claim place {one.sequence}: {' and '.join(map(short, one.entries))}",
            "try": "cut it where it was honest: `mycelia id revoke`, or with the phrase `mycelia id restore --lost`",
        }
        for one in status.forks
    ]  # fmt: skip
    findings += [
        {
            "finding": "restored" if one.is_retired else "waiting", "member": one.member, "chain": one.chain,
            "entries": one.waiting, "why": one.why,
            "try": _after_restore(one) if one.is_retired
            else "connect a peer that was here before, or `mycelia release --yes`",
        }
        for one in status.release
        if one.why is not None
    ]  # fmt: skip
    findings += [
        {
            "finding": "behind", "member": one.member, "chain": one.chain, "held": one.held, "known": one.known,
            "why": f"others hold entry {one.known} of chain {short(one.chain)}, this node {_end(one.held)}",
            "try": "run the node until a peer has sent the rest",
        }
        for one in status.behind
    ]  # fmt: skip
    findings += [{"finding": "warning", "why": warning} for warning in status.warnings]
    text = "\n".join(
        f"{one['finding']}: {one.get('member', '')} {one['why']}. {one.get('try', '')}".strip() for one in findings
    )
    give(
        options,
        {"findings": findings},
        text or "Everything is well: no own chain is forked, restored, behind or held back.",
    )
    is_ill = any(one.is_retired and not one.is_cut for one in status.release) or status.forks or status.behind
    return 1 if is_ill else 0


def _after_restore(one: ReleaseView) -> str:
    """Return what to do about a chain that was restored: cut it where others have it, and let the new one follow."""
    if one.is_cut:
        return "nothing: the chain is cut; publish again what is lost"
    if one.heir is None:
        return f"with the phrase: `mycelia id restore NAME --lost {short(one.chain)}`"
    cut = f"mycelia id revoke {short(one.chain)} --heir {short(one.heir)} --as '{one.member}'"
    return f"unless another device goes on with it, while the node runs: `{cut}`; publish again what is lost"


def _end(held: int | None) -> str:
    return "holds nothing of it" if held is None else f"ends with {held}"
