"""A home of its own for every test, and the command line run inside the test's process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mycelia_agents.commands import run


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its data."""
        return json.loads(self.out)


Mycelia = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home that does not exist yet, named by MYCELIA_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("MYCELIA_HOME", str(path))
    monkeypatch.setenv("COLUMNS", "120")
    return path


@pytest.fixture
def mycelia(home: Path, capsys: pytest.CaptureFixture[str]) -> Mycelia:
    """Return the command line."""

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = run(words)
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def anna(mycelia: Mycelia) -> Mycelia:
    """Return the command line of a home whose one member is anna."""
    assert mycelia("init", "--name", "anna", "--commons", "Oost").code == 0
    return mycelia
