"""The run file: what a memory stick carries between peers that never meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol import frames, runfile
from mycelia_protocol.canonical import encode
from mycelia_protocol.charter import ResourceClass, found
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed
from mycelia_protocol.keys import keypair

OOST = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
WEST = found("West", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
PAIR = keypair(bytes(32))


def chain(length: int) -> list[Entry]:
    opening = Header(None, 0, None, 1, "open", 0, bytes(8), b"", None, None, 0, [PAIR.public, None])
    entries = [seal(opening, PAIR, network=OOST.network)]
    while len(entries) < length:
        before = entries[-1]
        header = Header(
            before.chain, len(entries), before.id, before.header.time + 1, "x.test", 0, bytes(8), b"", None, None, 0, []
        )
        entries.append(seal(header, PAIR, network=OOST.network))
    return entries


ENTRIES = chain(5)
RUNS = [tuple(ENTRIES[:2]), tuple(ENTRIES[2:])]
FILE = b"".join(runfile.write(OOST, RUNS))
HEAD = frames.write(encode([runfile.HEAD, 1, OOST.raw]))
END = frames.write(encode(["end", 0, bytes(32)]))


def rule_of(data: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        list(runfile.read(data)[1])
    return refusal.value.rule


class TestARunFile:
    def test_gives_back_the_charter_and_the_runs(self) -> None:
        charter, runs = runfile.read(FILE)

        assert charter == OOST
        assert list(runs) == RUNS

    def test_may_hold_nothing_but_the_charter(self) -> None:
        charter, runs = runfile.read(runfile.write(OOST, []))

        assert charter == OOST
        assert list(runs) == []

    @settings(deadline=None)
    @given(st.integers(1, len(FILE)))
    def test_is_read_in_chunks_of_any_size(self, size: int) -> None:
        runs = runfile.read(FILE[at : at + size] for at in range(0, len(FILE), size))[1]

        assert list(runs) == RUNS

    @settings(deadline=None)
    @given(st.integers(0, len(FILE) - 1))
    def test_is_refused_when_it_was_cut_off(self, length: int) -> None:
        assert rule_of(FILE[:length]) == ("runfile.truncated" if length > frames.LENGTH_BYTES else "runfile.form")

    def test_yields_what_stands_before_the_cut(self) -> None:
        runs = runfile.read(FILE[:-1])[1]

        assert [next(runs), next(runs)] == RUNS
        with pytest.raises(Malformed, match="inside a frame"):
            next(runs)

    @pytest.mark.parametrize("data", [b"", b"id,name\n1,Anna\n", b"\x00\x00\x00\x01\x00", b"\x00" * 40, END, HEAD[4:]])
    def test_is_told_from_other_files(self, data: bytes) -> None:
        assert rule_of(data) == "runfile.form"

    def test_of_a_later_version_is_refused(self) -> None:
        assert rule_of(frames.write(encode([runfile.HEAD, 2, OOST.raw]))) == "runfile.form"

    def test_holds_nothing_that_peers_say_to_each_other(self) -> None:
        assert rule_of(HEAD + frames.write(encode(["credit", 1]))) == "runfile.form"

    def test_ends_where_it_says(self) -> None:
        assert rule_of(FILE + b"\x00") == "runfile.form"
        with pytest.raises(Malformed, match="goes on"):
            list(runfile.read([FILE, b"\x00"])[1])

    def test_is_refused_when_its_end_counts_other_entries(self) -> None:
        assert rule_of(HEAD + END) == "runfile.digest"

    def test_is_refused_when_a_frame_was_lost_inside(self) -> None:
        first, *_, last = runfile.write(OOST, RUNS)

        assert rule_of(first + last) == "runfile.digest"

    def test_is_refused_when_a_byte_of_it_changed(self) -> None:
        middle = FILE.index(b"x.test")

        assert rule_of(FILE[:middle] + b"y" + FILE[middle + 1 :]) == "runfile.digest"

    def test_of_another_network_is_told_by_both_names(self) -> None:
        runfile.check_network(OOST, OOST.network)

        with pytest.raises(Malformed, match=r"bafyrei.*West.*bafyrei") as refusal:
            runfile.check_network(WEST, OOST.network)
        assert refusal.value.rule == "runfile.network"

    def test_is_not_written_with_a_run_that_nobody_would_read(self) -> None:
        with pytest.raises(Malformed, match="signature"):
            list(runfile.write(OOST, [[ENTRIES[0]._replace(signature=None)]]))

    def test_is_read_without_holding_more_than_is_asked_for(self) -> None:
        pieces = list(runfile.write(OOST, [[entry] for entry in chain(1_000)]))
        taken: list[int] = []

        def source() -> Iterator[bytes]:
            for piece in pieces:
                taken.append(len(piece))
                yield piece

        runs = runfile.read(source())[1]
        next(runs)

        assert len(pieces) > 4
        assert len(taken) == 2
