"""Every code block of the documents is executed or checked; documents cannot outlive what they describe."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, README, block, blocks

LANGUAGES = {
    "json",  # parsed
    "python",  # run: examples here, the README's scripts below and on a real node
    "cddl",  # gathered in the schema, which is held to the vectors
    "",  # commands of the README, run; elsewhere layouts
}
JSON = [
    pytest.param(text, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, (language, text) in enumerate(blocks(document))
    if language == "json"
]


class TestADocument:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
    def test_has_no_block_that_nothing_checks(self, document: Path) -> None:
        assert {language for language, _ in blocks(document)} <= LANGUAGES

    @pytest.mark.parametrize("text", JSON)
    def test_has_json_that_parses(self, text: str) -> None:
        json.loads(text)

    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
    def test_has_examples_that_give_what_they_say(self, document: Path) -> None:
        examples = "\n".join(text for language, text in blocks(document) if language == "python")
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

        source = block(README, "python", "FirstComeFirstServed")
        names: dict[str, type] = {}
        exec(compile(source, "README.md", "exec"), names)
        line = PendingLine((b"c" * 32, 0), b"r" * 32, 0, 5, 10, 1)
        need = OwnNeed(b"n" * 32, amount=6, cell=0, urgency=1, accepted=0, pending=(line,), lost=())

        actions = names["FirstComeFirstServed"]().decide(Observation(now_ms=2, place=1, needs=(need,)))

        assert actions == [Accept(need.need, (line.line,))]
