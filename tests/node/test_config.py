"""Homes and settings: what comes before what, what is refused in which words, who may read a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mycelia_node.config import Home, Settings, settings, write_private
from mycelia_node.faults import StoreFault


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return the home in a new directory."""
    return Home(tmp_path)


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return path.stat().st_mode & 0o777


class TestSettings:
    def test_are_the_defaults_in_a_bare_home(self, home: Home) -> None:
        assert settings(home, {}) == Settings()

    def test_are_taken_from_the_file_of_the_home(self, home: Home) -> None:
        home.settings.write_text('listen = ["/ip4/0.0.0.0/tcp/4001"]\nheartbeat_s = 2\n')

        chosen = settings(home, {})

        assert chosen.listen == ("/ip4/0.0.0.0/tcp/4001",)
        assert chosen.heartbeat_s == 2.0
        assert type(chosen.heartbeat_s) is float

    def test_an_environment_variable_comes_before_the_file(self, home: Home) -> None:
        home.settings.write_text("api_port = 1\nredial_s = 9.0\n")

        chosen = settings(home, {"MYCELIA_API_PORT": "2"})

        assert (chosen.api_port, chosen.redial_s) == (2, 9.0)

    def test_an_argument_comes_before_the_environment(self, home: Home) -> None:
        home.settings.write_text("api_port = 1\n")

        assert settings(home, {"MYCELIA_API_PORT": "2"}, api_port=3).api_port == 3

    def test_an_argument_that_is_not_given_leaves_the_rest_as_it_is(self, home: Home) -> None:
        assert settings(home, {"MYCELIA_API_PORT": "2"}, api_port=None).api_port == 2

    def test_several_addresses_in_a_variable_stand_between_commas(self, home: Home) -> None:
        chosen = settings(home, {"MYCELIA_LISTEN": "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2,"})

        assert chosen.listen == ("/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2")

    def test_other_variables_are_none_of_their_business(self, home: Home) -> None:
        assert settings(home, {"MYCELIA_HOME": "/somewhere", "PATH": "/bin"}) == Settings()


class TestTheRetention:
    def test_is_for_ever_unless_it_is_set(self, home: Home) -> None:
        assert settings(home, {}).retention_days is None

    def test_is_a_number_of_days(self, home: Home) -> None:
        home.settings.write_text("retention_days = 90\n")

        assert settings(home, {}).retention_days == 90
        assert settings(home, {"MYCELIA_RETENTION_DAYS": "30"}).retention_days == 30

    @pytest.mark.parametrize("days", ["0", "-1", "36501", "1.5", '"long"'])
    def test_that_is_no_such_number_is_refused(self, home: Home, days: str) -> None:
        home.settings.write_text(f"retention_days = {days}\n")

        with pytest.raises(StoreFault, match="retention_days"):
            settings(home, {})


class TestAWrongSetting:
    def test_that_is_unknown_is_refused_with_those_that_are_known(self, home: Home) -> None:
        home.settings.write_text("heartbeats = 2\n")

        with pytest.raises(StoreFault, match=r"config\.toml: unknown setting 'heartbeats'.*heartbeat_s"):
            settings(home, {})

    def test_in_a_file_that_is_not_toml_is_refused_with_the_line(self, home: Home) -> None:
        home.settings.write_text("api_port = = 2\n")

        with pytest.raises(StoreFault, match=r"is not TOML: .*line 1"):
            settings(home, {})

    def test_in_a_file_that_is_not_text_is_refused(self, home: Home) -> None:
        home.settings.write_bytes(b"api_port = 2 # \xff\xfe\n")

        with pytest.raises(StoreFault, match="is not TOML"):
            settings(home, {})

    @pytest.mark.parametrize(
        "line",
        [
            'api_port = "1"', "api_port = 1.5", "api_port = true", "api_port = -1", "api_port = 65536",
            "heartbeat_s = true", "heartbeat_s = 0", "heartbeat_s = -1.0", "heartbeat_s = nan", "redial_s = inf",
            'listen = "/ip4/127.0.0.1/tcp/1"', "listen = [1]", "listen = []", "gossip_ms = -1", "[listen]",
        ],
    )  # fmt: skip
    def test_of_the_wrong_type_or_range_is_refused_with_an_example(self, home: Home, line: str) -> None:
        home.settings.write_text(line + "\n")

        with pytest.raises(StoreFault, match=r"^setting [a-z_]+ is .+\. Try: give it a value like .+\.$"):
            settings(home, {})

    @pytest.mark.parametrize(("name", "text"), [("API_PORT", "eighty"), ("HEARTBEAT_S", "5s"), ("GOSSIP_MS", "0.5")])
    def test_in_a_variable_is_refused_by_the_name_of_the_variable(self, home: Home, name: str, text: str) -> None:
        with pytest.raises(StoreFault, match=rf"^MYCELIA_{name} is '{text}'"):
            settings(home, {f"MYCELIA_{name}": text})

    def test_given_as_an_argument_is_refused_too(self, home: Home) -> None:
        with pytest.raises(StoreFault, match="setting api_port is 70000"):
            settings(home, {}, api_port=70_000)


class TestAPrivateFile:
    def test_is_read_by_its_owner_alone(self, tmp_path: Path) -> None:
        write_private(tmp_path / "deep" / "secret", b"spores")

        assert (tmp_path / "deep" / "secret").read_bytes() == b"spores"
        assert mode(tmp_path / "deep" / "secret") == 0o600

    def test_stays_private_over_a_draft_that_everybody_could_read(self, tmp_path: Path) -> None:
        (tmp_path / "secret.new").write_bytes(b"left by a crash, longer than what follows")
        (tmp_path / "secret.new").chmod(0o644)

        write_private(tmp_path / "secret", b"spores")

        assert (tmp_path / "secret").read_bytes() == b"spores"
        assert mode(tmp_path / "secret") == 0o600

    def test_is_the_old_one_when_writing_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_private(tmp_path / "secret", b"old")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_private(tmp_path / "secret", b"new")

        assert (tmp_path / "secret").read_bytes() == b"old"

    def test_is_whole_when_the_system_takes_it_in_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = os.write
        monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, bytes(data[:3])))

        write_private(tmp_path / "secret", b"spores and hyphae")

        assert (tmp_path / "secret").read_bytes() == b"spores and hyphae"


class TestTheKnownPeers:
    def test_are_none_at_first(self, home: Home) -> None:
        assert home.known_peers() == []

    def test_are_remembered_in_order_and_once(self, home: Home) -> None:
        for address in ("/b", "/a", "/b"):
            home.remember_peer(address)

        assert home.known_peers() == ["/b", "/a"]
        assert mode(home.peers) == 0o600

    @pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1]", "\xff"])
    def test_in_a_damaged_file_are_refused_with_what_to_do(self, home: Home, text: str) -> None:
        home.peers.write_bytes(text.encode("latin-1"))

        with pytest.raises(StoreFault, match=r"peers\.json is damaged\. Try: remove it"):
            home.known_peers()

    def test_stand_in_a_file_that_people_can_read(self, home: Home) -> None:
        home.remember_peer("/ip4/127.0.0.1/tcp/1")

        assert json.loads(home.peers.read_text()) == ["/ip4/127.0.0.1/tcp/1"]
