"""The schema: it parses, it stands in the chapters word for word, and it fits what the vectors accept."""

from __future__ import annotations

import re
from typing import Any

import pycddl
import pytest

from mycelia_protocol import canonical, envelope
from mycelia_protocol.kinds import KINDS
from mycelia_protocol.validation import CUSTOM

from .cddl import Schema, rules
from .vectors import SPEC, unspelled, vectors

TEXT = (SPEC / "schema.cddl").read_text("utf-8")
SCHEMA = Schema(TEXT)
CHAPTERS = sorted(SPEC.glob("[0-9][0-9]-*.md"))
# chapters whose accepted vectors show terms of every kind
SAID_IN = (
    "identity", "heirs", "membership", "warrant", "retract", "enactment", "checkpoint", "resource", "budget", "license",
    "reciprocity", "agreement", "equation",
)  # fmt: skip
BLOCK = re.compile(r"^```cddl\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Refused for another field, or as needless.
BEYOND_TYPES = {"tree-without-founders", "stewards-4", "recovery-default", "witnesses-default"}


def accepted(chapter: str, do: str) -> list[bytes]:
    found = [vector for vector in vectors(chapter) if vector["do"] == do and "expect" in vector]
    return [bytes.fromhex(vector["given"]["bytes"]) for vector in found]


def value_of(data: bytes) -> Any:
    return canonical.decode(data, max_bytes=32 * 1024)


class TestTheSchema:
    def test_is_cddl(self) -> None:
        pycddl.Schema(TEXT)

    def test_defines_every_rule_once(self) -> None:
        names = re.findall(r"^([a-z][a-z0-9.-]*) = ", TEXT, re.MULTILINE)

        assert len(names) == len(set(names))

    @pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
    def test_says_what_the_chapter_says(self, chapter: Any) -> None:
        gathered = rules(TEXT)

        for block in BLOCK.findall(chapter.read_text("utf-8")):
            stated = rules(block)
            assert stated
            for name, definition in stated.items():
                assert gathered.get(name) == definition, name

    def test_has_no_rule_that_no_chapter_says(self) -> None:
        blocks = [block for path in CHAPTERS for block in BLOCK.findall(path.read_text("utf-8"))]
        stated = {name for block in blocks for name in rules(block)}

        assert set(rules(TEXT)) - stated == set()

    def test_has_terms_for_every_kind(self) -> None:
        assert {name for name in rules(TEXT) if name.endswith("-terms")} == {f"{kind}-terms" for kind in KINDS}


class TestAcceptedVectors:
    def test_have_the_shape_of_a_value(self) -> None:
        for vector in vectors("canonical"):
            if "expect" in vector:
                assert SCHEMA.accepts("value", unspelled(vector["expect"]["value"])), vector["name"]

    def test_have_the_shape_of_a_header(self) -> None:
        for raw in accepted("envelope", "header"):
            assert SCHEMA.accepts("header", value_of(raw)), raw.hex()

    def test_have_the_shape_of_a_charter(self) -> None:
        for raw in accepted("charter", "charter"):
            assert SCHEMA.accepts("charter", value_of(raw)), raw.hex()

    def test_have_the_shape_of_a_body_block(self) -> None:
        for vector in vectors("envelope"):
            if vector["do"] == "body" and "expect" in vector:
                assert SCHEMA.accepts("body-block", value_of(bytes.fromhex(vector["given"]["body"])))

    def test_have_the_shape_of_sealed_content(self) -> None:
        for vector in vectors("privacy"):
            if vector["do"] == "private-seal" and "expect" in vector:
                assert SCHEMA.accepts("sealed-content", unspelled(vector["expect"]["content"])), vector["name"]

    def test_have_terms_of_their_kind(self) -> None:
        seen = set()
        told = [vector["given"] for vector in vectors("field")]
        told += [vector["given"] for vector in vectors("membership") if vector["do"] == "members"]
        judged = [
            vector["given"]["judge"]
            for chapter in SAID_IN
            for vector in vectors(chapter)
            if vector["do"] == "judge" and "expect" in vector
        ]
        for raw in [*judged, *(raw for given in told for raw in given.get("entries", ()))]:
            header = envelope.read_header(bytes.fromhex(raw))
            if not header.kind.startswith(CUSTOM):
                assert SCHEMA.accepts(f"{header.kind}-terms", header.terms), header
                seen.add(header.kind)

        assert seen == set(KINDS)


class TestRefusedVectors:
    """The types of the schema catch what types can catch; the rest is the rules'."""

    @pytest.mark.parametrize(
        "rule", ["envelope.version", "envelope.fields", "envelope.terms"], ids=lambda rule: str(rule)
    )
    def test_of_a_headers_types_have_no_shape(self, rule: str) -> None:
        for vector in vectors("envelope"):
            if vector.get("refuse") == rule:
                assert not SCHEMA.accepts("header", value_of(bytes.fromhex(vector["given"]["bytes"]))), vector["name"]

    @pytest.mark.parametrize("rule", ["charter.version", "charter.fields", "charter.membership", "charter.limits"])
    def test_of_a_charters_types_have_no_shape(self, rule: str) -> None:
        for vector in vectors("charter"):
            if vector.get("refuse") == rule and vector["name"] not in BEYOND_TYPES:
                assert not SCHEMA.accepts("charter", value_of(bytes.fromhex(vector["given"]["bytes"]))), vector["name"]

    def test_of_sealed_contents_types_have_no_shape(self) -> None:
        beyond = {"form-boxes-half", "form-boxes-order", "form-boxes-twice", "form-ciphertext-between"}
        for vector in vectors("privacy"):
            if vector.get("refuse") == "private.form" and vector["name"] not in beyond:
                assert not SCHEMA.accepts("sealed-content", unspelled(vector["given"]["content"])), vector["name"]

    @pytest.mark.parametrize(
        ("rule", "value"),
        [
            ("need-terms", ["food", 5, 7, 0, 9]),
            ("offer-terms", ["food", 5, 7, 0, 9, 3]),
            ("row-terms", [0, None, None, 1]),
            ("row-terms", [0, None, 1]),
            ("commit-terms", [0, 1, 2]),
            ("commit-terms", [0, 1, 2, 1, 0]),
            ("accept-terms", [0]),
            ("deliver-terms", []),
            ("withdraw-terms", [0, 0]),
            ("warrant-terms", [0]),
            ("retract-terms", []),
            ("open-terms", [bytes(31), None]),
        ],
    )
    def test_of_a_kinds_terms_have_no_shape(self, rule: str, value: Any) -> None:
        assert not SCHEMA.accepts(rule, value)
