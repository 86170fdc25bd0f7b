"""Every rule has one name, one heading, and a vector that it refuses."""

from __future__ import annotations

import re

import pytest

from mycelia_protocol.rules import RULES

from .vectors import SPEC, chapters, vectors

HEADING = re.compile(r"^### `([a-z]+\.[a-z]+)`$", re.MULTILINE)
UNREACHABLE = re.compile(r"^No vector refuses by (.+)$", re.MULTILINE)
FOLDS = {"field", "standing"}  # they refuse nothing
CHAPTERS = sorted(SPEC.glob("[0-9][0-9]-*.md"))
HEADINGS = [name for path in CHAPTERS for name in HEADING.findall(path.read_text("utf-8"))]


def refused_by() -> dict[str, list[str]]:
    """Return the rules that vectors name, with the names of those vectors."""
    named: dict[str, list[str]] = {}
    for chapter in chapters():
        for vector in vectors(chapter):
            if "refuse" in vector:
                named.setdefault(vector["refuse"], []).append(f"{chapter}: {vector['comment']}")
    return named


def excepted() -> set[str]:
    """Return the rules of which a chapter says, in a line of its own, that no vector refuses by them."""
    said = " ".join(line for path in CHAPTERS for line in UNREACHABLE.findall(path.read_text("utf-8")))
    return {name for name in RULES if f"`{name}`" in said}


class TestTheRules:
    def test_have_one_heading_each_and_no_heading_is_another(self) -> None:
        assert sorted(HEADINGS) == sorted(set(HEADINGS))
        assert set(HEADINGS) == set(RULES)

    def test_refuse_a_vector_each_unless_a_chapter_says_why_none_can(self) -> None:
        assert set(RULES) - set(refused_by()) == excepted()

    def test_are_all_that_vectors_name(self) -> None:
        assert set(refused_by()) <= set(RULES)

    @pytest.mark.parametrize("name", RULES)
    def test_say_the_law_and_a_remedy_in_sentences(self, name: str) -> None:
        law, remedy = RULES[name]

        assert law[0].isupper()
        assert law.endswith(".")
        assert remedy.endswith(".")


class TestTheVectors:
    def test_are_at_least_150(self) -> None:
        assert sum(len(vectors(chapter)) for chapter in chapters()) >= 150

    def test_accept_and_refuse_in_every_file_but_those_of_folds(self) -> None:
        for chapter in chapters():
            found = vectors(chapter)
            assert any("expect" in vector for vector in found), chapter
            assert any("refuse" in vector for vector in found) or chapter in FOLDS, chapter
