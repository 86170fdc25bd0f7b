"""Chores: what a node does now and then while it runs, in steps so short that it serves others in between.

Bodies whose time is over go; so do headers, where the operator wants it; and
checkpoints of others are witnessed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mycelia_protocol.errors import ProtocolError

from .faults import StoreFault
from .ledger import Ledger
from .witnessing import Witnessing

BATCH = 500  # bodies that are dropped at a time

OnLedger = Callable[..., Awaitable[Any]]  # runs a function in the ledger's own thread

log = logging.getLogger("mycelia.chores")


async def now_and_then(
    chore: Callable[[], Awaitable[None]],
    *,
    every_s: float,
    failed: str,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Do a chore now and every so many seconds, until cancelled. One that fails is logged and tried again."""
    while True:
        try:
            await chore()
        except (ProtocolError, StoreFault) as error:
            log.warning("%s: %s", failed, error)
        await sleep(every_s)


async def evaporate(ledger: Ledger, on_ledger: OnLedger) -> None:
    """Drop the bodies whose time is over."""
    while await on_ledger(ledger.evaporate, BATCH) == BATCH:
        pass


async def prune(ledger: Ledger, on_ledger: OnLedger) -> None:
    """Let headers go that nothing needs any more."""
    steps = ledger.prune_steps()
    while await on_ledger(next, steps, None) is not None:
        pass


async def witness(witnessing: Witnessing, on_ledger: OnLedger) -> None:
    """Witness some checkpoints; what fails waits for the next one."""
    await on_ledger(witnessing.tend)
