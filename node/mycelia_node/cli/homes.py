"""Homes: make one, run its node, see how it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .failures import Failure
from .keys import how_kept
from .options import DEFAULTS, Options, Whole
from .output import ago, give, short, tell
from .peers import check_address

if TYPE_CHECKING:
    from mycelia_node.keystore import Keystore
    from mycelia_protocol.charter import Charter, ResourceClass
    from mycelia_protocol.rates import Rate
    from mycelia_protocol.runs import Run

CLASSES = (
    "food=kg/1000", "water=l/1000", "energy=kWh/1000", "work=h/60", "care=h/60", "transport=km/10", "goods=piece",
)  # fmt: skip
_CLASS = re.compile(r"([^=]+)=([^/=]+)(?:/([0-9]{1,9}))?")
_RATE = re.compile(r"([0-9]{1,11})/([0-9]{1,11})/([0-9]{1,11})", re.ASCII)


def init(
    *,
    name: str | None = None,
    commons: str | None = None,
    resource_class: Annotated[list[str] | None, Parameter(name="--class", negative="")] = None,
    rate: str | None = None,
    join: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Make a home: a commons of one, or a place in an existing commons.

    Args:
        name: The first member's name; the user's if none is given.
        commons: The name of the new commons; the member's if none is given.
        resource_class: NAME=UNIT or NAME=UNIT/PARTS, PARTS being the parts of a unit that can be told apart.
            Several may be given; they replace the usual ones.
        rate: ENTRY/KIB/BURST in milliseconds: what an entry and each KiB of it weigh, and how far all that a chain
            says may run ahead of its time. Without it a chain says as much as it likes.
        join: A peer's multiaddr, a charter file or a run file: take its charter instead of making one.
    """
    from mycelia_node.config import Home
    from mycelia_node.ledger import Ledger
    from mycelia_node.passphrase import keystore

    from .door import now_ms

    name = name or user()
    home = Home(options.place)
    if home.ledger.exists():
        raise Failure("home", f"nothing was made at {home.path}", "there is a ledger already", "name another --home")
    if join and (commons or resource_class or rate):
        why = "--join takes the name, the classes and the rate of the commons that is joined"
        raise Failure("usage", "nothing was made", why, "leave out --commons, --class and --rate")
    charter, runs = _joined(join) if join else (_founded(commons or name, resource_class or CLASSES, rate), [])

    import secrets

    keys = keystore(home)
    _check_membrane(charter, keys, name)
    ledger = Ledger.create(home.path, charter, clock=now_ms, entropy=secrets.token_bytes)
    try:
        report = ledger.ingest(runs)
        if name in keys.waiting():
            keys.finish(ledger)
        else:
            keys.create(name, ledger)
        member = keys.member(name)
        entries = ledger.count()
    finally:
        ledger.close()
    if join and join.startswith("/") and "/p2p/" in join:
        home.remember_peer(join)
    from mycelia_protocol import cid

    made = {
        "home": str(home.path), "commons": charter.name, "network": cid.text(charter.network),
        "member": {"name": name, "chain": cid.text(member.chain)},
        "classes": {key: one.unit for key, one in charter.classes.items()},
        "entries": entries, "awaiting": report.awaiting, "faults": [fault.explain() for fault in report.faults],
    }  # fmt: skip
    did = "Joined" if join else "Founded"
    give(options, made, f"{did} {charter.name}. {name} is chain {short(cid.text(member.chain))} in {home.path}.")
    if runs:
        tell(f"{entries} entries now, {report.awaiting} runs wait, {len(report.faults)} were not usable.")
    tell(how_kept(home))
    tell("Write down the recovery phrase: `mycelia id phrase`. Next: `mycelia up`, then `mycelia need` or `offer`.")


def _check_membrane(charter: Charter, keystore: Keystore, name: str) -> None:
    """Refuse to make a home that nobody could write from: behind a membrane only founders need no invitation."""
    from mycelia_protocol.charter import Open

    prepared = keystore.identity(name) if name in keystore.waiting() else None
    if not isinstance(charter.membership, Open) and prepared not in charter.founders:
        why = f"{charter.name} is entered by invitation"
        raise Failure("membrane", "nothing was made", why, "ask a member, then `mycelia commons join`")


def user() -> str:
    """Return the name of whoever runs this, as a member may have it."""
    import getpass

    try:
        return re.sub(r"[^\w .-]", "-", getpass.getuser()) or "me"
    except (OSError, KeyError):  # no such user in this container
        return "me"


def _founded(commons: str, classes: Sequence[str], rate: str | None) -> Charter:
    import secrets

    from mycelia_protocol.charter import found

    named = [class_of(text) for text in classes]
    if len(dict(named)) < len(named):
        raise Failure("usage", "nothing was made", "a class stands twice", "name each class once")
    return found(commons, seed=secrets.token_bytes(16), classes=dict(named), rate=rate_of(rate) if rate else None)


def rate_of(text: str) -> Rate:
    """Return the rate that `ENTRY/KIB/BURST` says, in milliseconds."""
    from mycelia_protocol.rates import Rate

    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise Failure("usage", f"rate {text!r} is not understood", "it is not ENTRY/KIB/BURST", "`1000/100/60000`")
    entry_ms, kib_ms, burst_ms = map(int, match.groups())
    return Rate(burst_ms, entry_ms, kib_ms)


def class_of(text: str) -> tuple[str, ResourceClass]:
    """Return name and class that `NAME=UNIT/PARTS` says."""
    from mycelia_protocol.charter import ResourceClass

    match = _CLASS.fullmatch(text.strip())
    if match is None:
        raise Failure("usage", f"class {text!r} is not understood", "it is not NAME=UNIT/PARTS", "`food=kg/1000`")
    name, unit, parts = match.groups()
    return name, ResourceClass(unit, 1, int(parts or 1))


def _joined(source: str) -> tuple[Charter, list[Run]]:
    """Return the charter to join by, and the runs of the run file that it came with, if it did."""
    if source.startswith(("/ip4/", "/ip6/", "/dns")) and not Path(source).exists():
        import asyncio

        from mycelia_node.peer import fetch_charter

        check_address(source, "nothing was made")
        return asyncio.run(fetch_charter(source)), []
    from mycelia_protocol import charter, runfile
    from mycelia_protocol.errors import Malformed

    data = Path(source).read_bytes()
    try:
        return charter.read(data), []
    except Malformed:
        found, runs = runfile.read(data)
        return found, list(runs)  # a file that is cut short makes no home


def up(
    *,
    listen: Annotated[list[str] | None, Parameter(negative="")] = None,
    api_port: Whole | None = None,
    peer: Annotated[list[str] | None, Parameter(negative="")] = None,
    passphrase_file: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Run the node of the home in the foreground until it is stopped.

    Args:
        listen: A multiaddr to listen on; several may be given.
        api_port: The port of the API on 127.0.0.1; a free one if none is given.
        peer: A multiaddr to dial for this run; several may be given.
        passphrase_file: A file whose first line opens sealed keys; else MYCELIA_PASSPHRASE does, or it is asked for.
    """
    import asyncio

    from mycelia_node.config import MAX_PORT, Home

    home = Home(options.place)
    if not home.ledger.exists():
        raise Failure("home", f"there is no commons at {home.path}", "the directory holds no ledger", "`mycelia init`")
    for address in peer or ():
        check_address(address, "the node was not started")
    if api_port is not None and not 0 <= api_port <= MAX_PORT:
        raise Failure("usage", "the node was not started", f"--api-port {api_port} is no port", f"0 to {MAX_PORT}")
    try:
        asyncio.run(_run(home.path, listen, api_port, peer or (), passphrase_file, options))
    except ConnectionError as error:
        raise Failure("network", "the node was not started", str(error), "name another address or port") from error


async def _run(
    home: Path,
    listen: Sequence[str] | None,
    api_port: int | None,
    dial: Sequence[str],
    passphrase_file: Path | None,
    options: Options,
) -> None:
    import asyncio
    import signal

    from mycelia_node.peer import Peer

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Peer.running(home, listen=listen, api_port=api_port, dial=dial, passphrase_file=passphrase_file) as peer:
        if peer.settings.listen and not peer.addresses:
            why = f"none of {', '.join(peer.settings.listen)} can be listened on"
            raise Failure("network", "the node was not started", why, "name another --listen")
        ready: dict[str, Any] = {
            "event": "ready", "api_url": peer.api_url, "token_file": str(peer.home.api), "node": peer.node_id,
            "addresses": list(peer.addresses),
        }  # fmt: skip
        lines = [f"api       {peer.api_url}", f"token     {peer.home.api}"]
        lines += [f"address   {address}" for address in peer.addresses]
        give(options, ready, "\n".join(lines))
        tell(f"Ready: {peer.ledger.charter.name}, {peer.ledger.count()} entries. Ctrl-C stops the node.")
        await stop.wait()
        tell("Stopping.")
    give(options, {"event": "stopped"}, "")


def status(*, options: Options = DEFAULTS) -> None:
    """Show how the node is: entries, members, peers, and what waits."""
    from .door import opened

    with opened(options.place) as node:
        view = node.status()
    running = f"up since {ago(view.started_ms)}" if view.started_ms is not None else "the node is not running"
    gone = f" (the headers of {view.gone} went)" if view.gone else ""
    connected = sum(peer.is_connected for peer in view.peers)
    lines = [
        f"{view.commons}: {view.entries} entries on {view.chains} chains{gone}, {running}",
        f"members   {', '.join(member.name for member in view.members)}",
        f"classes   {', '.join(f'{name} in {unit}' for name, unit in view.classes.items())}",
        f"peers     {connected} of {len(view.peers)} connected",
        f"waiting   {len(view.awaiting)} runs",
        f"digest    {view.digest[:16]}",
        *(f"address   {address}" for address in view.addresses),
    ]
    give(options, view, "\n".join(lines))
    for warning in view.warnings:
        tell(f"Warning: {warning}.")
    for one in view.release:
        if one.why is not None:
            tell(f"Not released: {one.waiting} entries of {one.member}, {one.why}.")
