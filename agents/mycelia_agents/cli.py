"""The command `mycelia`: the node's command tree and, on top of it, what agents add."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:  # before anything heavy is imported
        from mycelia_protocol import __version__

        print(__version__)
        return
    import gc

    from . import commands

    gc.set_threshold(50_000, 20, 50)  # entries make no cycles: frequent passes cost a sixth of an ingest (measured)
    sys.exit(commands.run(sys.argv[1:]))


if __name__ == "__main__":
    main()
