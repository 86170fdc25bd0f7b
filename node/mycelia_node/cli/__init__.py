"""The command line of a node: every command says what happened and what next.

Commands are named here and imported when they are used, so that help is
instant. Data goes to stdout, talk to stderr, and `--json` makes the data one
object; exit codes are 0 ok, 1 failed, 2 usage, 3 node down, 4 refused by a
rule, 5 timeout.
"""

from __future__ import annotations

from cyclopts import App

_HERE = "mycelia_node.cli"

# name -> (function, one line of help), in the order in which a newcomer meets them
COMMANDS = {
    "init": (f"{_HERE}.lifecycle:init", "Make a commons of one, or join one."),
    "up": (f"{_HERE}.lifecycle:up", "Run the node in the foreground."),
    "status": (f"{_HERE}.lifecycle:status", "Show how the node is."),
    "need": (f"{_HERE}.publishing:need", "Publish a need."),
    "offer": (f"{_HERE}.publishing:offer", "Publish an offer."),
    "withdraw": (f"{_HERE}.publishing:withdraw", "Withdraw an own need or offer."),
    "field": (f"{_HERE}.looking:field", "Show open needs and offers, strongest first."),
    "log": (f"{_HERE}.looking:log", "Show entries in the order in which they were accepted."),
    "show": (f"{_HERE}.looking:show", "Show one entry."),
    "why": (f"{_HERE}.looking:why", "Say which rules an entry was judged by, and what would mend it."),
    "verify": (f"{_HERE}.looking:verify", "Judge every stored entry again, from its bytes."),
    "import": (f"{_HERE}.files:import_file", "Take in a CSV file of signals, or a run file."),
    "export": (f"{_HERE}.files:export_file", "Write everything to a run file, for peers that never meet."),
}
GROUPS = {
    "peer": ("Peers: whom the node dials.", {
        "add": (f"{_HERE}.peers:add", "Dial a peer, now and whenever it is lost."),
        "ls": (f"{_HERE}.peers:ls", "List peers."),
    }),
    "member": ("Members: who publishes through this node.", {
        "add": (f"{_HERE}.members:add", "Make a member with a chain of its own."),
        "ls": (f"{_HERE}.members:ls", "List members."),
    }),
    "bench": ("Benchmarks.", {
        "ledger": (f"{_HERE}.measuring:ledger", "Measure the ledger against libsodium, in one run."),
    }),
}  # fmt: skip


def app() -> App:
    """Return the command tree of a node, for the agents' package to extend."""
    tree = App(
        name="mycelia",
        help="Coordinate needs and offers between peers, with no planner.",
        version_flags=[],
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
    )
    for name, (where, help_) in COMMANDS.items():
        tree.command(where, name=name, help=help_)
    for name, (help_, commands) in GROUPS.items():
        group = App(name=name, help=help_)
        for inner, (where, inner_help) in commands.items():
            group.command(where, name=inner, help=inner_help)
        tree.command(group)
    tree.register_install_completion_command(help="Install shell completion.")
    return tree
