"""What is shipped: exact versions in one place, and wheels that hold what they should."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def manifest() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


class TestTheConstraints:
    def test_stand_in_the_manifest_as_in_their_own_file(self) -> None:
        listed = manifest()["tool"]["uv"]["constraint-dependencies"]  # type: ignore[index]
        own = (ROOT / "constraints.txt").read_text().split("\n")

        assert [one for one in listed if not one.startswith("fastecdsa")] == [one for one in own if one]

    def test_name_no_host_and_never_the_overridden_package(self) -> None:
        text = (ROOT / "constraints.txt").read_text()

        assert "://" not in text
        assert "fastecdsa" not in text


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", out, ROOT], check=True)
    [wheel] = out.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


class TestTheWheel:
    def test_holds_the_three_packages_and_nothing_beside_them(self, names: list[str]) -> None:
        packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}

        assert packages == {"mycelia_protocol", "mycelia_node", "mycelia_agents"}

    def test_is_typed_and_carries_the_houston_tables(self, names: list[str]) -> None:
        wanted = {f"mycelia_{one}/py.typed" for one in ("protocol", "node", "agents")}
        wanted |= {f"mycelia_agents/data/houston/{one}" for one in ("pods.csv", "zips.csv", "miles.csv", "README.md")}

        assert wanted <= set(names)
