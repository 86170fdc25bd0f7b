"""The documents and their code blocks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "spec").glob("*.md"))]
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: Path) -> list[tuple[str, str]]:
    """Return the fenced blocks of a document: language and text."""
    return _BLOCK.findall(document.read_text())


def block(document: Path, language: str, containing: str) -> str:
    """Return the one block of that language that holds a text."""
    [found] = [text for name, text in blocks(document) if name == language and containing in text]
    return found
