"""Events as a client reads them: the lines of a stream, and where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the node; `id` continues a watch after it."""

    id: str
    kind: str
    data: dict[str, Any]


class EventReader:
    """Reads the lines of an event stream and remembers where it stands."""

    def __init__(self, after: str | None) -> None:
        self._last, self._fields = after, dict[str, str]()

    def headers(self) -> dict[str, str]:
        """Return what to send so that nothing is missed."""
        return {"last-event-id": self._last} if self._last else {}

    def feed(self, line: str) -> Event | None:
        """Take in a line; return the event that it completes."""
        if line:
            name, _, value = line.partition(": ")
            self._fields[name] = value
            return None
        fields, self._fields = self._fields, {}
        self._last = fields.get("id", self._last)
        if "event" not in fields:
            return None
        return Event(fields.get("id", ""), fields["event"], json.loads(fields.get("data", "{}")))
