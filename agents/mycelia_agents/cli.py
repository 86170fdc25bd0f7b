"""The `mycelia` command: the node's command tree, and what the agents add to it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. `--version` is answered before anything else is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mycelia_protocol import __version__

        print(__version__)
        return
    from cyclopts import App

    from mycelia_node import cli
    from mycelia_node.cli import answer

    tree = cli.app()
    demo = App(name="demo", help="Demonstrations with real peers.")
    demo.command("mycelia_agents.demo_command:houston", name="houston", help="Allocate food in Houston, by real peers.")
    tree.command(demo)
    sys.exit(answer.run(tree, sys.argv[1:]))
