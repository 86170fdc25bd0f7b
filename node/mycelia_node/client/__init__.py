"""The client: a running node from a script, in a few lines, synchronous or not.

    from mycelia_node import client

    with client.connect() as node:
        node.need("food", "12 kg", at=(52.37, 4.89), until="+2d")

`aconnect` is the same with `async with` and `await`. Errors are typed:
`NodeDown`, `WrongToken`, `Refused` with the rule, `NotFound`, `Timeout`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mycelia_node.faults import StoreFault

from .errors import BadRequest, NodeDown, NodeError, NotFound, Refused, Timeout, WrongToken
from .events import Event

if TYPE_CHECKING:
    from .asynchronous import AsyncClient
    from .synchronous import Client

TIMEOUT_S = 30.0


def connect(
    home: str | Path | None = None, *, url: str | None = None, token: str | None = None, timeout_s: float = TIMEOUT_S
) -> Client:
    """Return a client of the node that runs for `home` (default: MYCELIA_HOME, or the user's own).

    Raises:
        NodeDown: no node runs there.
    """
    from .synchronous import Client

    return Client(lambda: _where(home, url, token), timeout_s)


def aconnect(
    home: str | Path | None = None, *, url: str | None = None, token: str | None = None, timeout_s: float = TIMEOUT_S
) -> AsyncClient:
    """Return an async client of the node that runs for `home`.

    Raises:
        NodeDown: no node runs there.
    """
    from .asynchronous import AsyncClient

    return AsyncClient(lambda: _where(home, url, token), timeout_s)


def default_home() -> Path:
    """Return the home that is used when none is named."""
    if named := os.environ.get("MYCELIA_HOME"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("mycelia"))


def _where(home: str | Path | None, url: str | None, token: str | None) -> tuple[str, str]:
    if url is not None and token is not None:
        return url, token
    file = Path(home or default_home()) / "api.json"
    try:
        document = json.loads(file.read_text())
        return url or str(document["url"]), token or str(document["token"])
    except FileNotFoundError as error:
        why = f"there is no {file}"
        raise NodeDown("no node runs for this home", why, "start it with `mycelia up`") from error
    except (OSError, ValueError, KeyError) as error:
        raise StoreFault(f"{file} cannot be read", "stop the node and start it again") from error


__all__ = [
    "BadRequest",
    "Event",
    "NodeDown",
    "NodeError",
    "NotFound",
    "Refused",
    "Timeout",
    "WrongToken",
    "aconnect",
    "connect",
    "default_home",
]
