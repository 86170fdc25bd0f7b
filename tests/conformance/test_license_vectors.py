"""The vectors of chapter 21 that are no verdicts on entries: what each row of each profile says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mycelia_protocol.licenses import BUILT_IN, Profile, Verdict, combined, decide, profile_of
from mycelia_protocol.profiles import TABLES

from .vectors import SPEC, unspelled, vectors

DEEDS = ("license", "combine")
CASES = [pytest.param(vector, id=vector["name"]) for vector in vectors("license") if vector["do"] in DEEDS]


class TestAVector:
    @pytest.mark.parametrize("vector", CASES)
    def test_holds(self, vector: dict[str, Any]) -> None:
        said = _license(vector["given"]) if vector["do"] == "license" else _combine(vector["given"])

        assert said == vector["expect"]


class TestTheTables:
    def test_are_those_of_the_specification(self) -> None:
        assert json.loads((SPEC / "licenses.json").read_text("utf-8")) == TABLES

    def test_have_a_vector_for_each_row(self) -> None:
        found = {
            (case["given"]["profile"], case["expect"]["row"]) for case in vectors("license") if case["do"] == "license"
        }

        assert {(name, row.name) for name, profile in BUILT_IN.items() for row in profile.rows} <= found

    def test_stand_in_the_chapter_row_by_row(self) -> None:
        text = (SPEC / "21-license.md").read_text("utf-8")

        for profile in BUILT_IN.values():
            assert f"**`{profile.name}`**, {profile.title} ({profile.source})" in text
            for row in profile.rows:
                verdict = "allow" if row.is_allowed else "deny"
                lines = [line for line in text.splitlines() if line.startswith(f"| {row.name} |")]
                assert any(f"| {verdict} |" in line for line in lines), (profile.name, row.name)


def _license(given: dict[str, Any]) -> dict[str, Any]:
    facts, contributed = set(given["facts"]), int(given.get("contributed", 0))
    return _told(decide(_profile(given), given["use"], facts, lambda _: contributed))


def _profile(given: dict[str, Any]) -> Profile:
    return profile_of(given["profile"], unspelled(given["table"])) if "table" in given else BUILT_IN[given["profile"]]


def _combine(given: dict[str, Any]) -> dict[str, Any]:
    found = [decide(BUILT_IN[one["profile"]], one["use"], set(one["facts"])) for one in given["verdicts"]]
    verdict = combined(found, given["use"])
    return {"profile": verdict.profile, **_told(verdict)}


def _told(verdict: Verdict) -> dict[str, Any]:
    duties = {key: value for key, value in verdict.duties._asdict().items() if value}
    return {"allow": verdict.is_allowed, "row": verdict.row, "duties": duties}
