"""The stories, each on real peers in processes of their own: what a commons is for, end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from mycelia_agents.stories import STORIES, play

pytestmark = pytest.mark.network
TOLD: dict[str, dict[str, object]] = {
    "kitchens": {"peers": 3, "received_kg": 25, "meals": 120, "lots_traced": 2},
    "makers": {"peers": 4, "shields": 200, "recalled": 90},
    "hardware": {"peers": 3, "refused": ["P4", "C2-else"], "allowed": ["P2", "C2"], "sold": 5, "contributed_h": 40},
}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_story_comes_out_as_it_must(name: str, tmp_path: Path) -> None:
    said: list[str] = []

    told = play(STORIES[name], say=said.append, keep=tmp_path)

    assert TOLD[name].items() <= told.items(), said
    assert said[-1] == "every peer has verified every chain from bytes"
