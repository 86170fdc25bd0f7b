"""Every code block of the documents is executed or checked; documents cannot outlive what they describe."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "spec").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[object]:
    return [
        pytest.param(text, id=f"{document.name}-{number}")
        for document in DOCUMENTS
        for number, (found, text) in enumerate(_BLOCK.findall(document.read_text()))
        if found == language
    ]


class TestADocument:
    @pytest.mark.parametrize("text", blocks("json"))
    def test_has_json_that_parses(self, text: str) -> None:
        json.loads(text)

    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
    def test_has_examples_that_give_what_they_say(self, document: Path) -> None:
        examples = "\n".join(text for found, text in _BLOCK.findall(document.read_text()) if found == "python")
        test = doctest.DocTestParser().get_doctest(examples, {}, document.name, str(document), 0)
        complaints: list[str] = []

        failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=complaints.append)

        assert not failed, "".join(complaints)

    def test_has_only_links_that_lead_somewhere(self) -> None:
        dead = [
            f"{document.name}: {target}"
            for document in DOCUMENTS
            for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text())
            if not (document.parent / target).exists()
        ]

        assert dead == []


class TestTheReadmesScripts:
    def test_has_an_agent_that_accepts_what_fits(self) -> None:
        from mycelia_agents.agent import Accept, Observation, OwnNeed, PendingLine

        source = next(text for text in readme_python() if "FirstComeFirstServed" in text)
        names: dict[str, type] = {}
        exec(compile(source, "README.md", "exec"), names)
        line = PendingLine((b"c" * 32, 0), b"r" * 32, 0, 5, 10, 1)
        need = OwnNeed(b"n" * 32, amount=6, cell=0, urgency=1, accepted=0, pending=(line,), lost=())

        actions = names["FirstComeFirstServed"]().decide(Observation(now_ms=2, place=1, needs=(need,)))

        assert actions == [Accept(need.need, (line.line,))]


def readme_python() -> list[str]:
    return [text for found, text in _BLOCK.findall((ROOT / "README.md").read_text()) if found == "python"]
