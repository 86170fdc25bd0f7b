"""The troupe: real peers, started for a story in processes of their own, and the client of each."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mycelia_node import client, models
from mycelia_node.client.synchronous import Client

MYCELIA = (sys.executable, "-m", "mycelia_agents.cli")
READY_S = 60
SPREAD_S = 60
LOOK_S = 0.05
HERE = "52.37,4.89"
_FAST = {"MYCELIA_GOSSIP_MS": "50", "MYCELIA_HEARTBEAT_S": "1"}  # a story is short, and nobody else waits for it

_Found = TypeVar("_Found")
Say = Callable[[str], None]


class PlayFailed(Exception):
    """A story did not go on, or came out otherwise than it must; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Story:
    """A story: its charter in TOML, its peers with their members, the founder first, and what happens."""

    name: str
    about: str
    charter: str
    peers: dict[str, tuple[str, ...]]
    play: Callable[[Troupe], dict[str, object]]


@dataclass(slots=True)
class Troupe:
    """The peers of a story, by name, each with its client."""

    homes: dict[str, Path]
    clients: dict[str, Client]
    say: Say
    chains: dict[str, str] = field(default_factory=dict)  # by member

    def __getitem__(self, peer: str) -> Client:
        return self.clients[peer]

    def meet(self) -> None:
        """Return once all peers hold the same.

        Raises:
            PlayFailed: they do not, for too long.
        """

        def held() -> set[tuple[str, int]]:
            views = [peer.status() for peer in self.clients.values()]
            return {(one.digest, one.entries) for one in views}

        self.until(lambda: len(held()) == 1, "all hold the same")

    def until(self, condition: Callable[[], _Found], what: str) -> _Found:
        """Return what a condition gives once it gives something.

        Raises:
            PlayFailed: it never does.
        """
        ends_at = time.monotonic() + SPREAD_S
        while not (found := condition()):
            if time.monotonic() > ends_at:
                raise PlayFailed(f"it did not come about that {what}")
            time.sleep(LOOK_S)
        return found

    def give(
        self,
        giver: str,
        taker: str,
        offer: str,
        need: str,
        amount: str,
        *,
        by: str | None = None,
        to: str | None = None,
    ) -> str:
        """Commit, accept, deliver and receive a line between two peers; return the id of the receipt.

        `by` and `to` are the members, where a peer has several.
        """
        self.meet()
        line = self[giver].commit(models.NewCommitment(offer=offer, need=need, amount=amount, member=by)).lines[0]
        self.meet()
        self[taker].act(models.NewDeed(kind="accept", lines=[line], member=to))
        self.meet()
        self[giver].act(models.NewDeed(kind="deliver", lines=[line], member=by))
        self.meet()
        return self[taker].act(models.NewDeed(kind="receive", lines=[line], member=to)).entries[0].id

    def made(self, peer: str, resource_class: str, *, member: str | None = None) -> list[models.ResourceView]:
        """Return what a member has of a class."""
        return [one for one in self[peer].stock(member=member) if one.resource_class == resource_class]

    def refusal(self, act: Callable[[], object]) -> tuple[str, str]:
        """Return the rule that refuses an act, and its sentence.

        Raises:
            PlayFailed: it is not refused.
        """
        try:
            act()
        except client.NodeError as error:
            return error.rule or "", str(error)
        raise PlayFailed("something was done that a rule must refuse")

    def check(self, claim: str, *, holds: bool) -> None:
        """Say that something came about.

        Raises:
            PlayFailed: it did not.
        """
        if not holds:
            raise PlayFailed(f"it does not hold that {claim}")
        self.say(claim)


def play(story: Story, *, say: Say, keep: Path | None = None) -> dict[str, object]:
    """Play a story on peers of its own and return what there is to tell; `keep` is a directory for their homes.

    Raises:
        PlayFailed: it did not come out as it must, or a peer did not come up.
    """
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"mycelia-{story.name}-")))
        place.mkdir(parents=True, exist_ok=True)
        troupe = _assemble(story, place, say, stack)
        began = time.monotonic()
        told = story.play(troupe)
        troupe.meet()
        verified = [peer.verify() for peer in troupe.clients.values()]
        troupe.check("every peer has verified every chain from bytes", holds=not any(one.faults for one in verified))
        entries = troupe.clients[next(iter(story.peers))].status().entries
        return {"peers": len(story.peers), "entries": entries, **told, "seconds": round(time.monotonic() - began, 1)}


def _assemble(story: Story, place: Path, say: Say, stack: ExitStack) -> Troupe:
    """Found the commons on the first peer, start all, and have everybody be in."""
    file = place / "charter.toml"
    file.write_text(story.charter)
    env = {**os.environ, **_FAST, "MYCELIA_STATE": str(place / "state")}
    (first, members), *others = story.peers.items()
    _run(env, place / first, "commons", "new", "--charter", str(file), "--name", members[0])
    address = stack.enter_context(_up(env, place / first))
    for name, (member, *_) in others:
        _run(env, place / name, "init", "--join", address, "--name", member)
        stack.enter_context(_up(env, place / name))
    homes = {name: place / name for name in story.peers}
    clients = {name: stack.enter_context(client.connect(home)) for name, home in homes.items()}
    troupe = Troupe(homes, clients, say)
    for name, names in story.peers.items():
        for member in names[1:]:
            clients[name].create_member(member)
        troupe.chains |= {one.name: one.chain for one in clients[name].members()}
    troupe.meet()
    say(f"{len(story.peers)} peers are up and hold the same")
    return troupe


def _run(env: dict[str, str], home: Path, *words: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own command
        [*MYCELIA, *words, "--home", str(home), "--json"], env=env, capture_output=True, text=True, timeout=READY_S,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise PlayFailed(f"`mycelia {words[0]}` failed: {done.stdout.strip() or done.stderr.strip()}")


@contextmanager
def _up(env: dict[str, str], home: Path) -> Iterator[str]:
    """Run the node of a home until the block ends; gives its address."""
    with home.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [*MYCELIA, "up", "--home", str(home), "--listen", "/ip4/127.0.0.1/tcp/0", "--json"],
            env=env, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        yield str(_ready(process, home)["addresses"][0])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=READY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _ready(process: subprocess.Popen[str], home: Path) -> dict[str, Any]:
    assert process.stdout is not None  # it was asked for
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if ready.select(READY_S) else ""
    if not line:
        raise PlayFailed(f"the peer of {home.name} does not come up; see {home.with_suffix('.log')}")
    found: dict[str, Any] = json.loads(line)
    return found
