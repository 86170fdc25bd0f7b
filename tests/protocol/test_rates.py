"""The rate: what a chain may say in a time. `spec/vectors/validation.json` has its boundaries (`rate-*`)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mycelia_protocol.charter import read
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content, withdraw
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed
from mycelia_protocol.rates import FREEING, LARGEST_KIB, Rate, tat_after
from tests.builders import NOW_MS, Commons, Member, charter, note, on

RATE = Rate(burst_ms=5_000, entry_ms=1_000, kib_ms=100)
WEIGHT_MS = 1_100  # of an entry that fits a KiB


@pytest.fixture
def commons() -> Commons:
    return Commons(charter(rate=RATE))


@pytest.fixture
def anna(commons: Commons) -> Member:
    return commons.member("anna")


def unbounded() -> Member:
    return Commons().member("anna")


class TestARate:
    def test_comes_back_as_it_was_founded(self) -> None:
        law = charter(rate=RATE)

        assert read(law.raw) == law
        assert law.rate == RATE

    def test_is_absent_from_a_charter_that_states_none(self) -> None:
        assert charter().rate is None
        assert b"rate" not in charter().raw
        assert charter().network != charter(rate=RATE).network

    def test_under_which_the_largest_entry_could_never_be_said_is_none(self) -> None:
        assert RATE.heaviest_ms == 1_000 + LARGEST_KIB * 100

        with pytest.raises(Malformed, match=r"charter\.rate"):
            charter(rate=RATE._replace(burst_ms=RATE.heaviest_ms - 1))


class TestAChainUnderARate:
    def test_may_say_a_burst_at_once_and_then_one_entry_in_its_weight(self, commons: Commons, anna: Member) -> None:
        assert [anna.why_not(note()) for _ in range(4)] == ["valid"] * 3 + ["rate.cell"]

        commons.wait(500)
        assert [anna.why_not(note()) for _ in range(2)] == ["valid", "rate.cell"]
        for _ in range(20):
            commons.wait(WEIGHT_MS)
            assert [anna.why_not(note()) for _ in range(2)] == ["valid", "rate.cell"]

    def test_gains_nothing_by_silence_beyond_the_burst(self, commons: Commons, anna: Member) -> None:
        commons.wait(10**9)

        assert [anna.why_not(note()) for _ in range(5)] == ["valid"] * 4 + ["rate.cell"]

    def test_says_as_much_as_it_likes_where_the_charter_states_none(self) -> None:
        anna = unbounded()

        assert [anna.why_not(note()) for _ in range(200)] == ["valid"] * 200
        assert anna.prefix.tat == 0
        assert not anna.prefix.facts

    def test_is_told_how_long_to_wait(self, anna: Member) -> None:
        for _ in range(3):
            anna.say(note())

        refused = anna.judge(anna.draft(note())).refused

        assert refused is not None
        assert refused.message.endswith("500 ms too soon")

    def test_gains_nothing_by_entries_that_are_refused(self, commons: Commons, anna: Member) -> None:
        for _ in range(3):
            anna.misstep(Content("gossip", [], b""))

        assert anna.why_not(note()) == "rate.cell"
        commons.wait(500)
        assert anna.why_not(note()) == "valid"

    def test_waits_longer_for_what_it_said_too_soon(self, commons: Commons, anna: Member) -> None:
        for _ in range(3):
            anna.say(note())
        for _ in range(10):
            anna.misstep(note())

        commons.wait(500 + 10 * WEIGHT_MS - 1)
        assert anna.why_not(note()) == "rate.cell"
        commons.wait(1)
        assert anna.why_not(note()) == "valid"

    def test_can_always_leave(self, commons: Commons, anna: Member) -> None:
        bo = commons.member("bo")
        need = anna.need()
        commons.wait(10_000)
        line = bo.pledge(need, 5)
        accept = anna.accept(need, line)
        for member in (anna, bo):
            while member.why_not(note()) == "valid":
                pass
            member.misstep(note())
        before = (anna.prefix.tat, bo.prefix.tat)

        deliver = bo.on("deliver", line, cites=[accept])
        anna.on("receive", line, cites=[deliver])
        anna.say(withdraw(need.id))

        assert (anna.prefix.tat, bo.prefix.tat) == before

    def test_pays_for_exits_that_are_none(self, anna: Member) -> None:
        need = anna.need()
        anna.misstep(on("release", (need, 0)))

        assert anna.prefix.tat == NOW_MS + 3 * WEIGHT_MS

    def test_pays_later_for_the_body_of_an_exit(self, commons: Commons, anna: Member) -> None:
        need = anna.need()
        header = anna.draft(withdraw(need.id)).header._replace(body_digest=digest(b"?"), body_length=3_000)
        before = anna.prefix.tat

        anna._take(seal(header, anna.pair, network=commons.charter.network))

        assert anna.prefix.tat == before + 3 * RATE.kib_ms


def entry_of(time_ms: int, size: int, body: int) -> Entry:
    header = Header(None, 0, None, time_ms << 16, "x.note", 0, bytes(8), b"", None, None, body, [])
    return Entry(bytes(32), bytes(32), header, bytes(size), None, None)


SIZES = some.integers(1, 2_048), some.integers(0, 32_768)


class TestTheTat:
    @settings(max_examples=200)
    @given(gaps=some.lists(some.tuples(some.integers(0, 3_000), *SIZES), max_size=60))
    def test_lets_no_chain_say_more_than_a_burst_and_its_rate_in_any_time(
        self, gaps: list[tuple[int, int, int]]
    ) -> None:
        tat, now_ms = 0, NOW_MS
        passed: list[tuple[int, int]] = []
        for gap, size, body in gaps:
            now_ms += gap
            entry = entry_of(now_ms, size, body)
            after = tat_after(tat, entry, RATE)
            if after - now_ms <= RATE.burst_ms:
                passed.append((now_ms, after - max(tat, now_ms)))
                tat = after

        for first, (since, _) in enumerate(passed):
            said = 0
            for until, weight in passed[first:]:
                said += weight
                assert said <= RATE.burst_ms + until - since

    @given(tat=some.integers(0, 2**47), time_ms=some.integers(1, 2**46), size=SIZES[0], body=SIZES[1])
    def test_never_goes_back(self, tat: int, time_ms: int, size: int, body: int) -> None:
        entry = entry_of(time_ms, size, body)

        assert tat_after(tat, entry, RATE) >= tat + RATE.entry_ms
        assert tat_after(tat, entry, RATE, frees=True) >= tat

    def test_counts_a_begun_kib_as_a_whole_one(self) -> None:
        assert [tat_after(0, entry_of(1, size, 0), RATE) - 1 for size in (1, 1_024, 1_025)] == [1_100, 1_100, 1_200]
        assert [tat_after(0, entry_of(1, 1, body), RATE, frees=True) for body in (0, 1, 1_025)] == [0, 101, 201]

    def test_is_kept_for_kinds_that_free_what_others_hold(self) -> None:
        assert {"deliver", "receive", "release", "lapse", "cancel", "withdraw"} <= FREEING
        assert not FREEING & {"open", "need", "offer", "row", "commit", "accept"}
