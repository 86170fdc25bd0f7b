"""The command tree, and the one frame around every command: what went wrong in three short sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from . import entries, exchange, homes, intents, members, peers
from .failures import UNEXPECTED, Failure, exit_code, failure_of
from .options import DEFAULTS, Options, Whole
from .output import give, tell

app = App(
    name="mycelia",
    help="Coordinate needs and offers between peers, with no planner: signed chains, checked by everyone.",
    help_format="plaintext",
    help_epilogue="Examples:\n  mycelia init --name anna\n  mycelia need food '12 kg' --at 52.37,4.89 --until +2d",
    version="",
    version_flags=(),
)


def examples(*lines: str) -> str:
    """Return the end of a help page."""
    return "\n".join(["Examples:", *(f"  mycelia {line}" for line in lines)])


_PEER = App(name="peer", help="Add and list the peers that this node dials.", help_epilogue=examples(
    "peer add /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…", "peer ls"
))  # fmt: skip
_MEMBER = App(name="member", help="Add and list those who publish through this node.", help_epilogue=examples(
    "member add farm", "member ls"
))  # fmt: skip
BENCH = App(name="bench", help="Measure this machine.", help_epilogue=examples(
    "bench ledger", "bench ledger --entries 20000 --json"
))  # fmt: skip


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


app.command(homes.init, help_epilogue=examples(
    "init --name anna --class food=kg/1000", "init --join /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…"
))  # fmt: skip
app.command(homes.up, help_epilogue=examples("up", "up --listen /ip4/0.0.0.0/tcp/4001 --json"))
app.command(homes.status, help_epilogue=examples("status", "status --json"))
app.command(intents.need, help_epilogue=examples(
    "need food 12 kg --at 52.37,4.89 --until +2d", "need care '3 h' --at 881969ce5dfffff --urgency 5 --dry-run"
))  # fmt: skip
app.command(intents.offer, help_epilogue=examples(
    "offer food 40 kg --at 52.36,4.91 --until +5d", "offer food 40 --at 52.36,4.91 --as farm --note 'bring crates'"
))  # fmt: skip
app.command(intents.withdraw, help_epilogue=examples("withdraw bafyreig4xq7rm2", "withdraw bafyreig4xq7rm2 --dry-run"))
app.command(intents.field, help_epilogue=examples("field --kind need", "field --class food --all --json"))
app.command(entries.log, help_epilogue=examples("log", "log --kind commit --limit 500 --json"))
app.command(entries.show, help_epilogue=examples("show bafyreig4xq7rm2", "show bafyreig4xq7rm2 --json"))
app.command(entries.why, help_epilogue=examples("why bafyreig4xq7rm2", "why bafyreig4xq7rm2 --json"))
app.command(entries.verify, help_epilogue=examples("verify", "verify --json"))
app.command(_PEER)
_PEER.command(peers.add, help_epilogue=examples(
    "peer add /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…", "peer add /dns4/farm.example/tcp/4001/p2p/12D3Koo… --json"
))  # fmt: skip
_PEER.command(peers.ls, help_epilogue=examples("peer ls", "peer ls --json"))
app.command(_MEMBER)
_MEMBER.command(members.add, help_epilogue=examples("member add farm", "member add 'Kitchen Oost' --json"))
_MEMBER.command(members.ls, help_epilogue=examples("member ls", "member ls --json"))
app.command(exchange.import_, name="import", help_epilogue=examples("import needs.csv --as farm", "import oost.run"))
app.command(exchange.export, help_epilogue=examples("export oost.run", "export - > oost.run"))
app.command(completion, help_epilogue=examples(
    "completion bash > ~/.local/share/bash-completion/completions/mycelia", "completion fish --json"
))  # fmt: skip
app.command(BENCH)
BENCH.command(
    bench_ledger, name="ledger", help_epilogue=examples("bench ledger", "bench ledger --entries 20000 --json")
)


def run(root: App, words: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes three short sentences."""
    options = Options(json="--json" in words, debug="--debug" in words)
    try:
        result = root(list(words), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        page = " ".join(["mycelia", *(error.command_chain or ()), "--help"])
        _fail(options, Failure("usage", "the command line is not understood", str(error), f"see `{page}`"))
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
