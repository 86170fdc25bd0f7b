"""Server-sent events: replay without gap or twin, resets, and watchers that read too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mycelia_node.events import Bus

pytestmark = pytest.mark.asyncio


async def taken(frames: AsyncIterator[bytes], count: int) -> list[bytes]:
    """Return the next frames of a watch."""
    return [await anext(frames) for _ in range(count)]


def ids(frames: list[bytes]) -> list[str]:
    """Return the ids of frames."""
    return [line[4:].decode() for frame in frames for line in frame.splitlines() if line.startswith(b"id: ")]


def said(bus: Bus, count: int) -> None:
    """Publish some events."""
    for number in range(count):
        bus.publish("entry", {"number": number})


class TestAWatch:
    async def test_begins_with_its_place_and_goes_on_from_there(self) -> None:
        bus = Bus(boot="b")
        said(bus, 3)
        frames = bus.frames(None)

        first = await taken(frames, 1)
        said(bus, 2)

        assert ids(first) == ["b-3"]
        assert ids(await taken(frames, 2)) == ["b-4", "b-5"]

    async def test_resumes_without_gap_or_twin(self) -> None:
        bus = Bus(boot="b")
        watch = bus.frames(None)
        await taken(watch, 1)
        said(bus, 30)
        first = ids(await taken(watch, 25))
        await watch.aclose()  # type: ignore[attr-defined]
        said(bus, 30)

        rest = ids(await taken(bus.frames(first[-1]), 35))

        assert first + rest == [f"b-{number}" for number in range(1, 61)]

    async def test_that_missed_nothing_is_told_nothing_twice(self) -> None:
        bus = Bus(boot="b")
        said(bus, 3)
        frames = bus.frames("b-3")
        await taken(frames, 1)

        said(bus, 1)

        assert ids(await taken(frames, 1)) == ["b-4"]

    @pytest.mark.parametrize(
        "after", ["b-1", "other-8", "b-99", "b-x", "b-", "", "8", "b-\u0661", "b-\u00b2", f"b-{10**40}"]
    )
    async def test_that_cannot_be_resumed_is_told_so(self, after: str) -> None:
        bus = Bus(boot="b", ring=4)
        said(bus, 8)

        [first] = await taken(bus.frames(after), 1)

        assert b"event: reset\n" in first
        assert ids([first]) == ["b-8"]

    async def test_reaches_back_to_the_oldest_event_of_the_ring(self) -> None:
        bus = Bus(boot="b", ring=4)
        said(bus, 8)

        assert ids(await taken(bus.frames("b-4"), 4)) == ["b-5", "b-6", "b-7", "b-8"]

    async def test_hears_a_ping_when_nothing_happens(self) -> None:
        frames = Bus(boot="b").frames(None, ping_s=0.01)

        assert (await taken(frames, 2))[1] == b": ping\n\n"

    async def test_that_reads_too_slowly_is_ended_and_others_are_not(self) -> None:
        bus = Bus(boot="b", queue=5)
        slow, quick = bus.frames(None), bus.frames(None)
        await taken(slow, 1)
        await taken(quick, 1)

        for _ in range(7):
            said(bus, 1)
            await taken(quick, 1)

        with pytest.raises(StopAsyncIteration):
            await anext(slow)
        assert bus.watchers == 1

    async def test_that_was_ended_comes_back_for_what_it_missed(self) -> None:
        bus = Bus(boot="b", queue=5)
        slow = bus.frames(None)
        begin = ids(await taken(slow, 1))[0]
        said(bus, 7)

        assert len(ids(await taken(bus.frames(begin), 7))) == 7

    async def test_is_forgotten_when_it_is_closed(self) -> None:
        bus = Bus(boot="b")
        frames = bus.frames(None)
        await taken(frames, 1)

        await frames.aclose()  # type: ignore[attr-defined]

        assert bus.watchers == 0

    async def test_ends_when_the_node_stops(self) -> None:
        bus = Bus(boot="b")
        frames = bus.frames(None)
        await taken(frames, 1)
        waiting = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0)

        bus.close()

        with pytest.raises(StopAsyncIteration):
            await waiting
        assert [frame async for frame in bus.frames(None)] == []
