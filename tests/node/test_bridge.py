"""The bridge: a call into the other loop brings back its result, its exception or its cancellation, and never hangs."""

from __future__ import annotations

import asyncio
import threading

import pytest
import trio
import trio.lowlevel

from mycelia_node.bridge import TrioThread
from tests.node.links import until

pytestmark = pytest.mark.asyncio


def threads() -> list[str]:
    """Return the names of transport threads that live."""
    return [thread.name for thread in threading.enumerate() if thread.name == "mycelia-transport"]


class TestACall:
    async def test_brings_back_the_result(self) -> None:
        async def double(number: int) -> int:
            await trio.lowlevel.checkpoint()
            return 2 * number

        async with TrioThread() as thread:
            assert await thread.call(double, 21) == 42

    async def test_brings_back_the_exception(self) -> None:
        async def fail() -> None:
            await trio.lowlevel.checkpoint()
            raise LookupError("spores")

        async with TrioThread() as thread:
            with pytest.raises(LookupError, match="spores"):
                await thread.call(fail)
            with pytest.raises(LookupError, match="spores"):  # the loop over there lives on
                await thread.call(fail)

    async def test_that_is_cancelled_here_is_cancelled_there(self) -> None:
        began, ended = threading.Event(), threading.Event()

        async def sleep() -> None:
            try:
                began.set()
                await trio.sleep_forever()
            finally:
                ended.set()

        async with TrioThread() as thread:
            call = asyncio.create_task(thread.call(sleep))
            await until(began.is_set)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(ended.is_set)

    async def test_may_be_one_of_many_at_once(self) -> None:
        async def echo(number: int) -> int:
            await trio.sleep(0.001 * (number % 7))
            return number

        async with TrioThread() as thread:
            assert await asyncio.gather(*(thread.call(echo, number) for number in range(200))) == list(range(200))

    async def test_that_fails_after_it_was_cancelled_is_nobody_s_business(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        began, failed = threading.Event(), threading.Event()

        async def fail_late() -> None:
            began.set()
            try:
                await trio.sleep_forever()
            finally:
                failed.set()
                raise LookupError("late")

        async with TrioThread() as thread:
            call = asyncio.create_task(thread.call(fail_late))
            await until(began.is_set)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(failed.is_set)

        assert "never retrieved" not in caplog.text


class TestStopping:
    async def test_leaves_no_thread(self) -> None:
        async with TrioThread():
            assert len(threads()) == 1

        assert threads() == []

    async def test_ends_a_call_that_is_pending(self) -> None:
        began = threading.Event()

        async def sleep() -> None:
            began.set()
            await trio.sleep_forever()

        async with TrioThread() as thread:
            call = asyncio.create_task(thread.call(sleep))
            await until(began.is_set)

        with pytest.raises(ConnectionError, match="the transport has stopped"):
            await asyncio.wait_for(call, 5)

    async def test_refuses_calls_from_then_on(self) -> None:
        async with TrioThread() as thread:
            pass

        with pytest.raises(ConnectionError, match="the transport has stopped"):
            await thread.call(trio.sleep, 0)

    async def test_refuses_calls_that_come_while_it_stops(self) -> None:
        closing = threading.Event()

        async def linger() -> None:
            try:
                await trio.sleep_forever()
            finally:
                closing.set()
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.2)

        async with TrioThread() as thread:
            lingering = asyncio.create_task(thread.call(linger))
            await asyncio.sleep(0)
            stopping = asyncio.create_task(thread.__aexit__(None, None, None))
            await until(closing.is_set)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(thread.call(trio.sleep, 0), 5)
            await stopping

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(lingering, 5)

    async def test_passes_on_what_the_body_raised(self) -> None:
        with pytest.raises(LookupError, match="spores"):
            async with TrioThread():
                raise LookupError("spores")

        assert threads() == []

    async def test_tells_of_a_loop_that_failed(self) -> None:
        async def fail() -> None:
            raise LookupError("spores")

        async def start(thread: TrioThread) -> None:
            thread.nursery.start_soon(fail)

        with pytest.raises(BaseExceptionGroup) as failure:  # noqa: PT012
            async with TrioThread() as thread:
                await asyncio.gather(thread.call(start, thread), return_exceptions=True)
                await until(lambda: not threads())

        assert failure.group_contains(LookupError)
