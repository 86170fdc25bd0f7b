"""The command tree, and the one frame around every command: what went wrong in three short sentences."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from . import (
    agreements,
    books,
    budgets,
    commons,
    deeds,
    entries,
    equations,
    exchange,
    holders,
    homes,
    identities,
    intents,
    keys,
    licenses,
    members,
    peers,
    recoveries,
    restores,
    returns,
    things,
)
from .failures import UNEXPECTED, Failure, exit_code, failure_of
from .options import DEFAULTS, Options, Whole
from .output import give, tell

_BELOW_ZERO = re.compile(r"-[0-9]")

app = App(
    name="mycelia",
    help="Coordinate needs and offers between peers, with no planner: signed chains, checked by everyone.",
    help_format="plaintext",
    help_epilogue="Examples:\n  mycelia init --name anna\n  mycelia need food '12 kg' --at 52.37,4.89 --until +2d",
    version="",
    version_flags=(),
)


def add_group(name: str, about: str, *examples: str) -> App:
    """Add a command that only has commands below it, and return it."""
    group = App(name=name, help=about, help_format="plaintext", help_epilogue=_page_end(examples))
    app.command(group)
    return group


def add(parent: App, function: Callable[..., object], *examples: str, name: str | None = None) -> None:
    """Add a command with the examples at the end of its help page."""
    # Cyclopts takes each command's own format for completions: Markdown, which it renders slowly, if none is said.
    parent.command(function, name=name, help_format="plaintext", help_epilogue=_page_end(examples))


def _page_end(examples: Sequence[str]) -> str:
    return "\n".join(["Examples:", *(f"  mycelia {line}" for line in examples)])


def completion(shell: Literal["bash", "zsh", "fish"], /, *, options: Options = DEFAULTS) -> None:
    """Print a completion script for a shell.

    Args:
        shell: The shell that reads it.
    """
    script = app.generate_completion(prog_name="mycelia", shell=shell)
    give(options, {"shell": shell, "script": script}, script)


def bench_ledger(
    *,
    entries: Annotated[Whole, Parameter(name="--entries")] = 100_000,
    options: Options = DEFAULTS,
) -> None:
    """Measure signing, appending, ingesting and reopening on this machine.

    Args:
        entries: How many entries to write and take in.
    """
    from mycelia_node import bench

    if entries < 1000:
        raise Failure("usage", "nothing was measured", f"{entries} entries say nothing", "--entries 1000 or more")
    tell(f"Measuring with {entries} entries; nothing else should run meanwhile.")
    figures = bench.ledger(entries)
    give(options, figures, "\n".join(f"{name:24}{value}" for name, value in figures.items()))


add(app, homes.init, "init --name anna --class food=kg/1000", "init --join /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…")
add(app, homes.up, "up", "up --listen /ip4/0.0.0.0/tcp/4001 --json")
add(app, homes.status, "status", "status --json")
add(
    app,
    intents.need,
    "need food 12 kg --at 52.37,4.89 --until +2d",
    "need care '3 h' --at 881969ce5dfffff --urgency 5 --dry-run",
)
add(
    app,
    intents.offer,
    "offer food 40 kg --at 52.36,4.91 --until +5d",
    "offer food 40 --at 52.36,4.91 --as farm --note 'bring crates'",
)
add(
    app,
    things.event,
    "event raise flour '100 kg' --note 'lot 7'",
    "event consume 20 --of bafyreig4xq7rm2 --process bafyreih5…",
)
add(app, things.process, "process", "process --recipe bafyreig4xq7rm2")
add(
    app,
    things.recipe,
    "recipe loaf --in consume:flour:0.5 --in work:baking:0.25 --out produce:bread:1",
    "recipe cleaning --out deliverService:cleaning:1 --json",
)
add(
    app, things.footprint, "footprint bafyreig4xq7rm2 '30 loaf'", "footprint bafyreig4xq7rm2 '1 kg' --class bran --json"
)
add(
    app,
    things.capacity,
    "capacity bafyreig4xq7rm2 drill.hours '8 h' --each '1 d'",
    "capacity bafyreig4xq7rm2 oven.hours 20 --json",
)
add(app, things.lot, "lot bafyreig4xq7rm2 L-2026-117 --expires 2027-03-01", "lot bafyreig4xq7rm2 17/4 --json")
add(
    app, deeds.commit, "commit bafyreig4xq7rm2 bafyreihdwdcefg '12 kg'", "commit bafyreig4xq7rm2 bafyreihdwdcefg --json"
)
add(app, deeds.accept, "accept bafyreig4xq7rm2:0", "accept --all --dry-run")
add(app, deeds.deliver, "deliver bafyreig4xq7rm2:0", "deliver --all --as farm")
add(app, deeds.receive, "receive bafyreig4xq7rm2:0", "receive --all --json")
add(app, deeds.free, "free bafyreig4xq7rm2:0", "free --all")
add(app, deeds.lapse, "lapse bafyreig4xq7rm2:0", "lapse --all")
add(app, deeds.cancel, "cancel bafyreig4xq7rm2:0", "cancel bafyreig4xq7rm2 --dry-run")
add(app, equations.distribute, "distribute bafyreig4xq7rm2:0 --dry-run", "distribute bafyreig4xq7rm2 --json")
_agreement = add_group(
    "agreement",
    "Lines of several members that bind together or not at all.",
    "agreement ls",
    "agreement sign bafyreig4xq7rm2",
)
add(
    _agreement,
    agreements.propose,
    "agreement propose bafyreig4x…:bafyreihdw…:'12 kg' bafyreih5v…:bafyreiabc…:1",
    "agreement propose bafyreig4xq7rm2:0 bafyreihdwdcefg:0 --until +2d",
)
add(_agreement, agreements.ls, "agreement ls", "agreement ls --all --json")
add(_agreement, agreements.show, "agreement show bafyreig4xq7rm2", "agreement show bafyreig4xq7rm2 --json")
add(_agreement, agreements.sign, "agreement sign bafyreig4xq7rm2", "agreement sign bafyreig4xq7rm2 --as farm --dry-run")
_equation = add_group(
    "equation",
    "Say beforehand how incomes are shared, and see who got what.",
    "equation set shares.toml --as workshop",
    "equation shares --json",
)
add(_equation, equations.set_equation, "equation set shares.toml", "equation set shares.toml --dry-run", name="set")
add(_equation, equations.check, "equation check shares.toml", "equation check shares.toml --json")
add(_equation, equations.show, "equation show", "equation show bafyreig4xq7rm2 --json")
add(_equation, equations.shares, "equation shares", "equation shares bafyreig4xq7rm2 --json")
add(app, returns.settle, "settle", "settle --claim bafyreig4xq7rm2 --as farm")
add(app, returns.credit, "credit", "credit --json")
add(app, books.account, "account farm --class food", "account --csv accounts.csv")
add(app, books.trace, "trace bafyreig4xq7rm2", "trace bafyreig4xq7rm2:1 --forward --json")
add(app, books.recall, "recall bafyreig4xq7rm2", "recall bafyreig4xq7rm2 --json")
_books = add_group(
    "books", "Show quotients, or write all books to files.", "books quotients", "books export --jsonld books.jsonld"
)
add(_books, books.quotients, "books quotients", "books quotients --json")
add(_books, books.export, "books export --csv books/", "books export --jsonld books.jsonld --parquet books/")
add(app, things.stock, "stock", "stock --as farm --all --json")
add(app, intents.withdraw, "withdraw bafyreig4xq7rm2", "withdraw bafyreig4xq7rm2 --dry-run")
add(app, intents.retract, "retract bafyreig4xq7rm2", "retract bafyreig4xq7rm2 bafyreihdwdcefg --dry-run")
add(app, intents.field, "field --kind need", "field --class food --all --json")
add(app, intents.warrant, "warrant bafyreig4xq7rm2", "warrant bafyreig4xq7rm2 --as anna")
add(app, intents.checkpoint, "checkpoint", "checkpoint --as anna --dry-run")
add(app, entries.log, "log", "log --kind commit --limit 500 --json")
add(app, entries.show, "show bafyreig4xq7rm2", "show bafyreig4xq7rm2 --json")
add(app, entries.why, "why bafyreig4xq7rm2", "why bafyreig4xq7rm2 --json")
add(app, entries.prune, "prune", "prune --dry-run")
add(app, entries.verify, "verify", "verify --json")
add(app, restores.doctor, "doctor", "doctor --json")
add(app, restores.release, "release --yes", "release --yes --json")

_license = add_group(
    "license",
    "Licenses: what they say, and whether a use is allowed.",
    "license ls",
    "license check ppl --use commercial --actor company-wage",
)
add(_license, licenses.ls, "license ls", "license ls --json")
add(_license, licenses.show, "license show ppl", "license show house --file house.toml")
add(
    _license,
    licenses.check,
    "license check ppl --use commercial --actor company-wage",
    "license check house --file house.toml --use share --json",
)
add(_license, licenses.explain, "license explain bafyreig4xq7rm2", "license explain bafyreig4xq7rm2 --json")
add(app, licenses.attest, "attest bafyreig4xq7rm2 worker-coop", "attest bo company-wage --not --until +90d")
add(
    app,
    licenses.permit,
    "permit bafyreig4xq7rm2 bafyreih5… --use commercial",
    "permit bafyreig4xq7rm2 bo --use adapt --until +30d",
)
_budget = add_group("budget", "Limits, allowances and what is spent of them.", "budget ls", "budget take")
add(_budget, budgets.ls, "budget ls", "budget ls --json")
add(_budget, budgets.threshold, "budget threshold co2 100000 --until +365d", "budget threshold nitrate 10 --as river")
add(
    _budget,
    budgets.allot,
    "budget allot bafyreig4xq7rm2 bafyreih5… 5000",
    "budget allot bafyreig4x… bafyreih5… 20",
)
add(_budget, budgets.take, "budget take", "budget take bafyreig4xq7rm2 --as farm")

_peer = add_group(
    "peer",
    "Add, list and forget the peers that this node dials.",
    "peer add /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…",
    "peer ls",
)
add(
    _peer,
    peers.add,
    "peer add /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…",
    "peer add /dns4/farm.example/tcp/4001/p2p/12D3Koo… --json",
)
add(_peer, peers.ls, "peer ls", "peer ls --json")
add(_peer, peers.rm, "peer rm 12D3Koo…", "peer rm /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo… --json")

_member = add_group("member", "Add and list those who publish through this node.", "member add farm", "member ls")
add(_member, members.add, "member add farm", "member add 'Kitchen Oost' --json")
add(_member, members.ls, "member ls", "member ls --json")

_commons = add_group(
    "commons",
    "Found a commons, show its charter, invite into it, join one, see who is in.",
    "commons new --membership tree --commons Oost",
    "commons invite",
)
add(_commons, commons.new, "commons new --membership tree --slots 5", "commons new --charter oost.toml --name anna")
add(_commons, commons.show, "commons show", "commons show --toml > oost.toml")
add(_commons, commons.invite, "commons invite", "commons invite --hours 24 --as farm --json")
add(_commons, commons.join, "commons join mycelia1hVgg… --name bo", "commons join - < invitation.txt")
add(_commons, commons.members, "commons members", "commons members --json")
add(_commons, commons.admit, "commons admit bafyreig4xq7rm2", "commons admit bafyreig4xq7rm2 --as farm")
add(_commons, commons.amend, "commons amend grace_ms=5000", "commons amend classes.bikes=piece limits.amount=500")
add(_commons, commons.ratify, "commons ratify bafyreig4xq7rm2", "commons ratify bafyreig4xq7rm2 --as farm")
add(_commons, commons.adopt, "commons adopt bafyreig4xq7rm2", "commons adopt bafyreig4xq7rm2 --json")

_id = add_group(
    "id",
    "Identities: installations, bots, root keys, and what to do when one is lost or stolen.",
    "id show",
    "id restore anna --lost bafyreig4xq7rm2",
)
add(_id, identities.show, "id show", "id show --as farm --json")
add(_id, identities.phrase, "id phrase", "id phrase --as farm --yes")
add(_id, identities.prepare, "id prepare anna", "id prepare anna --json")
add(
    _id,
    identities.delegate,
    "id delegate bot --kinds offer,row --class food=50",
    "id delegate --key did:key:z6Mk… --days 30",
)
add(_id, identities.rotate, "id rotate", "id rotate --as farm --json")
add(_id, identities.guardians, "id guardians bafyreia… bafyreib… --needed 2", "id guardians --json")
add(_id, identities.revoke, "id revoke bafyreig4xq7rm2", "id revoke bafyreig4xq7rm2 --cut bafyreih5…")
add(
    _id,
    identities.restore,
    "id restore anna --lost bafyreig4xq7rm2",
    "id restore anna --rotate --phrase-file words.txt",
)
add(_id, recoveries.ask, "id ask anna bafyreig4xq7rm2", "id ask anna bafyreig4xq7rm2 --json")
add(_id, recoveries.recover, "id recover myceliarecover1…", "id recover myceliarecover1… --as farm")
add(_id, recoveries.consent, "id consent bafyreig4xq7rm2", "id consent bafyreig4xq7rm2 --as farm")
add(_id, recoveries.complete, "id complete bafyreig4xq7rm2", "id complete bafyreig4xq7rm2 --json")
add(_id, holders.share, "id share anna", "id share anna --json")
add(
    _id,
    holders.name_holders,
    "id holders anna myceliashare1… myceliashare1… --needed 2",
    "id holders anna myceliashare1… --needed 1 --json",
    name="holders",
)
add(_id, holders.sign, "id sign myceliasign1…", "id sign myceliasign1… --yes")
add(_id, holders.publish, "id publish myceliasign1…", "id publish myceliasign1… --as anna --json")
add(_id, identities.close, "id close --yes", "id close --as farm --yes --json")
add(_id, identities.forget_root, "id forget-root", "id forget-root --as farm --phrase-file words.txt")
add(_id, identities.restore_root, "id restore-root anna", "id restore-root anna --phrase-file words.txt")

_keys = add_group("keys", "How the keys of this home are kept.", "keys show", "keys protect")
add(_keys, keys.show, "keys show", "keys show --json")
add(_keys, keys.protect, "keys protect --passphrase-file new.txt", "keys protect --plain")

add(app, exchange.import_, "import needs.csv --as farm", "import oost.run", name="import")
add(app, exchange.export, "export oost.run", "export - > oost.run")
add(
    app,
    completion,
    "completion bash > ~/.local/share/bash-completion/completions/mycelia",
    "completion fish --json",
)

_bench = add_group("bench", "Measure this machine.", "bench ledger", "bench ledger --entries 20000 --json")
add(_bench, bench_ledger, "bench ledger", "bench ledger --entries 20000 --json", name="ledger")


def run(root: App, words: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes three short sentences."""
    options = Options(json="--json" in words, debug="--debug" in words)
    try:
        result = root(list(words), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        page = " ".join(["mycelia", *(error.command_chain or ()), "--help"])
        below = next((word for word in words if _BELOW_ZERO.match(word) and word in str(error)), None)
        why = str(error) if below is None else f"{below!r} is read as an option, and no amount is below zero"
        _fail(options, Failure("usage", "the command line is not understood", why, f"see `{page}`"))
        return 2
    except KeyboardInterrupt:
        tell("stopped")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read stdout has gone: nothing more to say to anybody
        return 1
    except Exception as error:  # the last frame: people get sentences, `--debug` gets the traceback
        if options.debug:
            raise
        failure = failure_of(error)
        _fail(options, failure or Failure(*UNEXPECTED, f"{type(error).__name__}: {error}", "run it with `--debug`"))
        return exit_code(failure)
    return result if isinstance(result, int) else 0


def _fail(options: Options, failure: Failure) -> None:
    if options.json:
        give(options, failure.document(), "")
    else:
        tell(failure.text())
