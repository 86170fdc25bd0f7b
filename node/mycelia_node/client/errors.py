"""What a client raises: what was not done, why, and what to try."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


class NodeError(Exception):
    """Something was not done: what, why and what to try."""

    code = "failed"

    def __init__(self, what: str, why: str, remedy: str, *, rule: str | None = None, code: str | None = None) -> None:
        super().__init__(f"{what}: {why}. Try: {remedy}")
        self.what, self.why, self.remedy, self.rule = what, why, remedy, rule
        self.code = code or type(self).code


class NodeDown(NodeError):
    """No node runs for this home, or it does not answer."""

    code = "down"


class WrongToken(NodeError):
    """The token is not the node's."""

    code = "token"


class Refused(NodeError):
    """A rule of the ledger refuses it; `rule` names it."""

    code = "refused"


class NotFound(NodeError):
    """The node holds no such thing."""

    code = "unknown"


class BadRequest(NodeError):
    """The node does not understand the request."""

    code = "input"


class Timeout(NodeError):
    """The node took too long."""

    code = "timeout"


def error_of(response: httpx.Response) -> NodeError:
    """Return the error that an unsuccessful response is."""
    try:
        problem = json.loads(response.content)
        what, why, remedy = problem["title"], problem["detail"], problem["remedy"]
        rule, code = problem.get("rule"), problem["code"]
    except (ValueError, KeyError, TypeError):
        return NodeError("the node answered with an error", f"status {response.status_code}", "see the node's log")
    kinds: dict[int, type[NodeError]] = {400: BadRequest, 401: WrongToken, 404: NotFound, 422: BadRequest}
    kind = Refused if rule else kinds.get(response.status_code, NodeError)
    return kind(what, why, remedy, rule=rule, code=code)


def lost(error: Exception, url: str, timeout_s: float) -> NodeError:
    """Return the error that a broken connection is."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return Timeout("the node took too long", f"no answer in {timeout_s:g} s", "ask again, or for less")
    return NodeDown("no node answers", f"{url} is not reachable", "start it with `mycelia up`")
