"""Generates the synchronous client from the asynchronous one: `python tests/node/client_generation.py`."""

from __future__ import annotations

import re
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "node" / "mycelia_node" / "client"
_WORDS = {
    "AsyncIterator": "Iterator",
    "AsyncClient": "Client",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aread": "read",
    "aiter_lines": "iter_lines",
    "anyio": "time",
}
_HEADER = '"""The synchronous client, generated from the asynchronous one beside it: change that one."""'


def synchronous(source: str) -> str:
    """Return the synchronous form of the asynchronous client's source."""
    text = re.sub(r'^""".*?"""', _HEADER, source, count=1, flags=re.DOTALL)
    text = re.sub(r"\b(async|await) ", "", text)
    for word, replacement in _WORDS.items():
        text = re.sub(rf"\b{word}\b", replacement, text)
    text = text.replace("import time\nimport httpx\n", "import httpx\n")
    text = text.replace("import Iterator, Callable, Sequence", "import Callable, Iterator, Sequence")
    return text.replace("import contextlib\n", "import contextlib\nimport time\n", 1)


if __name__ == "__main__":
    (CLIENT / "synchronous.py").write_text(synchronous((CLIENT / "asynchronous.py").read_text()))
