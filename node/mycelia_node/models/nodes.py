"""A node: how it is, its members and peers, what waits, what was pruned or brought in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from .message import Heard, Said, Text

_PEER = r"^/(ip4|ip6|dns|dns4|dns6)/[!-.0-~]+/tcp/[0-9]{1,5}/p2p/[1-9A-HJ-NP-Za-km-z]+$"


class PeerView(Said, frozen=True, kw_only=True):
    """A peer that is dialled or talked to."""

    node: str
    address: str | None
    is_connected: bool
    since_ms: int | None
    clock_skew_ms: int | None
    received: int
    sent: int
    last_error: str | None


class MemberView(Said, frozen=True, kw_only=True):
    """Somebody who publishes through this node."""

    name: str
    chain: str
    key: str  # did:key
    box: str  # the box key, for notes that only this member reads


class AwaitingView(Said, frozen=True, kw_only=True):
    """A run that cannot be judged yet, by its last entry."""

    id: str
    chain: str
    sequence: int
    missing: list[str]
    until_ms: int


class ReleaseView(Said, frozen=True, kw_only=True):
    """An own chain of which something has not left this node, or which is never written on again."""

    member: str
    chain: str
    waiting: int  # entries
    why: str | None  # None: they leave with the next news
    is_retired: bool
    is_cut: bool = False  # a retired one: by a revocation, so that it counts up to there
    heir: str | None = None  # a retired one: the chain on which its member goes on, with the same identity


class BehindView(Said, frozen=True, kw_only=True):
    """An own chain of which others have more than this node."""

    member: str
    chain: str
    held: int | None  # the last sequence here
    known: int  # the highest sequence that was released once, or that a peer named


class ForkView(Said, frozen=True, kw_only=True):
    """An own chain with two pasts: where they part, and the two entries that claim that place."""

    member: str
    chain: str
    sequence: int
    entries: list[str]


class StatusView(Said, frozen=True, kw_only=True):
    """How the node is."""

    commons: str
    network: str
    node: str | None
    addresses: list[str]
    members: list[MemberView]
    peers: list[PeerView]
    entries: int
    chains: int
    awaiting: list[AwaitingView]
    digest: str
    classes: dict[str, str]  # name -> unit
    started_ms: int | None
    last_event: str | None
    warnings: list[str]
    forks: list[ForkView]
    release: list[ReleaseView]
    behind: list[BehindView] = []
    gone: int = 0  # entries of which only id and verdict are left


class VerifyView(Said, frozen=True, kw_only=True):
    """The outcome of judging every stored entry again."""

    entries: int
    invalid: int
    awaiting: list[AwaitingView]
    faults: list[str]


class NewPruning(Heard, frozen=True, kw_only=True):
    """Let headers go, or only say how many would."""

    dry_run: bool = False


class PrunedView(Said, frozen=True, kw_only=True):
    """What went of how many chains, or would go."""

    chains: int
    headers: int
    freed_bytes: int  # in the file, for what comes
    dry_run: bool = False


class ImportView(Said, frozen=True, kw_only=True):
    """What became of a run file."""

    accepted: int
    awaiting: int
    faults: list[str]


class NewMember(Heard, frozen=True, kw_only=True):
    """Make a member; behind a membrane by an invitation, or by a member of this node who may admit."""

    name: Text
    invitation: Annotated[str, Meta(max_length=5000)] | None = None
    sponsor: Text | None = None


class EventQuery(Heard, frozen=True, kw_only=True):
    """Where the events begin: after this id, if the node still remembers it."""

    after: Text | None = None


class PeerQuery(Heard, frozen=True, kw_only=True):
    """Which peer is meant: its address or its node id."""

    peer: Text


class Forgotten(Said, frozen=True, kw_only=True):
    """Addresses that are dialled no longer."""

    addresses: list[str]


class NewPeer(Heard, frozen=True, kw_only=True):
    """Dial a peer and remember it."""

    address: Annotated[str, Meta(max_length=1024, pattern=_PEER)]
