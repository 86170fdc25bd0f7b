"""A trio loop in a thread of its own, called from asyncio.

The transport library speaks trio only, everything else here is asyncio. The
surface between them is one call: run an async function over there and bring
back its result, its exception or its cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import trio

_Result = TypeVar("_Result")

STOP_TIMEOUT_S = 10

log = logging.getLogger("mycelia.bridge")


class TrioThread:
    """One trio loop in one thread, for as long as the `async with` lasts."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._token: trio.lowlevel.TrioToken
        self._stop: trio.Event
        self._thread = threading.Thread(target=self._run, name="mycelia-transport", daemon=True)
        self.nursery: trio.Nursery

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # handed to the asyncio side, which raises it
            self._failure = error
            log.critical("the transport has failed", exc_info=error)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with trio.open_nursery() as self.nursery:
            self._ready.set()
            await self._stop.wait()
            self.nursery.cancel_scope.cancel()

    async def __aenter__(self) -> Self:
        self._thread.start()
        await asyncio.to_thread(self._ready.wait)
        if self._failure:
            raise self._failure
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._stop.set)
        await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise RuntimeError("the transport thread did not stop")
        if self._failure and not isinstance(self._failure, KeyboardInterrupt):
            raise self._failure

    async def call(self, function: Callable[..., Awaitable[_Result]], *args: Any) -> _Result:
        """Run `function(*args)` over there and return its result; cancelling here cancels there."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Result] = loop.create_future()
        scope = trio.CancelScope()

        async def work() -> None:
            outcome = _settle(future, error=ConnectionError("the transport has stopped"))
            try:
                with scope:
                    try:
                        result = await function(*args)
                    except Exception as error:  # noqa: BLE001  (it is the caller's, on the other side)
                        outcome = _settle(future, error=error)
                    else:
                        outcome = _settle(future, result=result)
            finally:  # also when this loop is being stopped
                tell(outcome)

        def tell(outcome: Callable[[], object]) -> None:
            with contextlib.suppress(RuntimeError):  # the asyncio loop is closed
                loop.call_soon_threadsafe(outcome)

        def begin() -> None:
            try:
                self.nursery.start_soon(work)
            except RuntimeError:  # it is stopping: an error in here would take down the whole loop
                tell(_settle(future, error=ConnectionError("the transport has stopped")))

        try:
            self._token.run_sync_soon(begin)
        except trio.RunFinishedError as error:
            raise ConnectionError("the transport has stopped") from error
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else looks at it
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(scope.cancel)
            raise


def _settle(
    future: asyncio.Future[Any], *, result: object = None, error: Exception | None = None
) -> Callable[[], None]:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    return settle
