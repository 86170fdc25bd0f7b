"""Evaporation: bodies whose time is over go, some at a time, while the node runs; so do headers where one wants it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from .faults import StoreFault
from .ledger import Ledger

BATCH = 500  # bodies that are dropped at a time; the ledger serves others in between

log = logging.getLogger("mycelia.evaporation")


async def evaporate(
    ledger: Ledger,
    on_ledger: Callable[..., Awaitable[Any]],
    *,
    every_s: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Drop what is over, now and every so many seconds, until cancelled. A disk that refuses is asked again later."""
    while True:
        try:
            while await on_ledger(ledger.evaporate, BATCH) == BATCH:
                pass
        except StoreFault as fault:
            log.warning("bodies could not be dropped: %s", fault)
        await sleep(every_s)


async def prune(
    ledger: Ledger,
    on_ledger: Callable[..., Awaitable[Any]],
    *,
    every_s: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Let headers go, now and every so many seconds, until cancelled. A disk that refuses is asked again later."""
    while True:
        try:
            steps = ledger.prune_steps()
            while await on_ledger(next, steps, None) is not None:
                pass
        except StoreFault as fault:
            log.warning("headers could not be let go: %s", fault)
        await sleep(every_s)
