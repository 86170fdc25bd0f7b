"""`init`, `up` and `status`: from nothing to a running node."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .answer import DEFAULT, FAILED, Answer, Common, short, talking, usage
from .front import front

if TYPE_CHECKING:
    from mycelia_protocol.charter import Charter, ResourceClass

STANDARD_CLASSES = ("food=kg/1000", "water=l/1000", "labour=h/60", "transport=km/10", "goods=piece")


def init(
    *,
    name: Annotated[str | None, Parameter(help="Name of the commons.")] = None,
    member: Annotated[str | None, Parameter(help="Name of the first member (default: the user's).")] = None,
    resource: Annotated[
        list[str] | None,
        Parameter(name="--class", help="Resource class as NAME=UNIT[/DENOMINATOR], e.g. food=kg/1000; repeatable."),
    ] = None,
    join: Annotated[str | None, Parameter(help="Multiaddr of a peer, or a run file, of the commons to join.")] = None,
    common: Common = DEFAULT,
) -> Answer:
    """Make a commons of one, or join one that exists.

    Examples:
        mycelia init --name "Oost" --class food=kg/1000
        mycelia init --join /ip4/192.168.1.5/tcp/4001/p2p/12D3Koo…
    """
    from mycelia_node.config import Home
    from mycelia_node.keystore import Keystore
    from mycelia_node.ledger import Ledger
    from mycelia_protocol import cid

    if join is not None and (resource or name):
        raise usage("--join stands alone", "a commons that exists has its name and classes", "leave the others out")
    charter = _joined(join) if join is not None else _founded(name or "A commons of one", resource)
    home = Home(common.place)
    ledger = Ledger.create(common.place, charter, clock=_now_ms, entropy=os.urandom)
    try:
        who = member or os.environ.get("USER") or "me"
        first = Keystore(home.keys, entropy=os.urandom).create(who, ledger)
    finally:
        ledger.close()
    if join is not None and join.startswith("/"):
        home.remember_peer(join)
    network = cid.text(charter.network)
    data = {
        "home": str(common.place), "commons": charter.name, "network": network, "member": first.name,
        "chain": cid.text(first.chain), "joined": join is not None,
    }  # fmt: skip
    verb = "Joined" if join is not None else "Made"
    return Answer(
        data,
        f"{verb} the commons {charter.name!r} ({short(network)}) in {common.place}; you are {first.name!r}.\n"
        "Next: run the node with `mycelia up`, or publish first: `mycelia need food '3 kg' --at 52.37,4.89`.",
    )


def _founded(name: str, resource: list[str] | None) -> Charter:
    from mycelia_protocol import charter

    classes = dict(_resource_class(text) for text in resource or STANDARD_CLASSES)
    return charter.found(name, seed=os.urandom(charter.SEED_BYTES), classes=classes)


def _resource_class(text: str) -> tuple[str, ResourceClass]:
    from mycelia_protocol.charter import ResourceClass

    name, _, rest = text.partition("=")
    unit, _, denominator = rest.partition("/")
    if not unit or (denominator and not denominator.isdigit()):
        raise usage(f"class {text!r} is not understood", "it is not NAME=UNIT or NAME=UNIT/DENOMINATOR", "food=kg/1000")
    return name, ResourceClass(unit, 1, int(denominator or 1))


def _joined(where: str) -> Charter:
    if where.startswith("/") and not Path(where).exists():
        from mycelia_node.peer import fetch_charter

        with talking("asking the peer for its charter"):
            return asyncio.run(fetch_charter(where))
    from mycelia_protocol import charter, runfile
    from mycelia_protocol.errors import Malformed

    data = Path(where).read_bytes()
    try:
        return charter.read(data)
    except Malformed:
        return runfile.read(data)[0]


def up(
    *,
    listen: Annotated[list[str] | None, Parameter(help="Multiaddr to listen on; repeatable.")] = None,
    port: Annotated[int | None, Parameter(help="Port of the API on 127.0.0.1 (default: any free one).")] = None,
    dial: Annotated[list[str] | None, Parameter(help="Multiaddr of a peer to dial; repeatable.")] = None,
    common: Common = DEFAULT,
) -> Answer:
    """Run the node in the foreground until Ctrl-C or SIGTERM.

    Examples:
        mycelia up
        mycelia up --listen /ip4/0.0.0.0/tcp/4001 --port 8400
    """
    return asyncio.run(_up(listen, port, dial or [], common))


async def _up(listen: list[str] | None, port: int | None, dial: list[str], common: Common) -> Answer:
    from mycelia_node.peer import Peer

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    with talking("starting"):
        running = Peer.running(common.place, listen=listen, api_port=port, dial=dial)
        peer = await running.__aenter__()
    try:
        api_file = str(common.place / "api.json")
        ready = {"event": "ready", "api": peer.api_url, "token_file": api_file, "addresses": peer.addresses}
        if common.json:
            import json

            print(json.dumps(ready), flush=True)
        else:
            print(f"The API is at {peer.api_url} (token in {api_file}).")
            for address in peer.addresses:
                print(f"Peers reach this node at {address}")
            sys.stdout.flush()
            print("Ready. Stop with Ctrl-C.", file=sys.stderr, flush=True)
        await stop.wait()
    finally:
        await running.__aexit__(None, None, None)
    return Answer({"event": "stopped"}, "Stopped; everything is stored.")


def status(*, common: Common = DEFAULT) -> Answer:
    """Show how the node is: warnings first, then members, peers and what waits.

    Examples:
        mycelia status
        mycelia status --json
    """
    with front(common) as node:
        found = node.status()
    lines = [f"Warning: {warning}." for warning in found.warnings]
    runs = "runs" if found.node else "does not run (start it with `mycelia up`)"
    lines.append(f"{found.commons} ({short(found.network)}): the node {runs}.")
    lines.append(f"{found.entries} entries on {found.chains} chains, {len(found.awaiting)} runs wait.")
    lines += [f"Reachable at {address}" for address in found.addresses]
    lines += [f"Member {member.name}: chain {short(member.chain)}" for member in found.members]
    connected = [peer for peer in found.peers if peer.is_connected]
    if found.node:
        lines.append(f"{len(connected)} of {len(found.peers)} peers connected.")
        if not found.peers:
            lines.append("Next: join others with `mycelia peer add MULTIADDR`.")
    code = FAILED if found.warnings else 0
    return Answer(found, "\n".join(lines), code)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
