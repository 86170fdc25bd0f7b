"""The ledger measured against the physical limit: libsodium's raw signing and verifying, in the same run.

Rates are per CPU-second of this process, for machines are shared and wall
clocks lie; the ratios are what to quote. A machine's speed drifts within
seconds, so each step is cut into slices and libsodium is timed between them: a
ratio compares what ran side by side. Every step is the real path: publish
seals, judges and makes durable; ingest reads wire bytes, checks links, seals
and rules, keeps the standing up to date and writes.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from nacl.bindings import crypto_sign, crypto_sign_open

from mycelia_protocol import compose, keys, messages, runs
from mycelia_protocol.charter import DAY_MS, ResourceClass, found
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry

from .ledger import Ledger

_CELL = 0x882A100D2DFFFFF
_BATCH = 1000
_YARDSTICK = 32  # signatures made or verified by libsodium between two slices
_DEALS = 31  # of the mix, in a batch of about a thousand entries
_SERVED = ((0, 1), (1, 0), (0,), (1,), (0,))  # by each offer of a deal: which of its needs
_REVISED = 3  # offers of a deal whose row is written a second time
_ACCEPTED = ((0, ((0, 0), (1, 1))), (0, ((2, 0), (4, 0))), (1, ((0, 1), (1, 0), (3, 0))))  # need: (commit, line)s
_MESSAGE_BYTES = 80  # context, network id and digest: what is signed


def ledger(entries: int, *, directory: Path | None = None) -> dict[str, int | float]:
    """Measure a chain of `entries` needs of about 290 bytes; scratch files go to `directory`.

    `verify_per_cpu_s` is the mean of what ran beside the two ingests; each ratio takes its own.
    """
    scratch = Path(tempfile.mkdtemp(prefix="mycelia-bench-", dir=directory))
    try:
        return _measure(scratch, entries)
    finally:
        shutil.rmtree(scratch)


class _Rate(NamedTuple):
    """What a step did per CPU-second, and what libsodium did beside it."""

    own: float
    libsodium: float

    @property
    def ratio(self) -> float:
        return round(self.own / self.libsodium, 3)


def _measure(scratch: Path, entries: int) -> dict[str, int | float]:
    charter = found("bench", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
    pair = keys.keypair(bytes(32))
    source = Ledger.create(scratch / "source", charter, clock=_clock, entropy=os.urandom)
    unsigned = [os.urandom(_MESSAGE_BYTES) for _ in range(_YARDSTICK)]
    signed = [crypto_sign(message, pair.secret) for message in unsigned]

    def sign() -> None:
        for message in unsigned:
            crypto_sign(message, pair.secret)

    def verify() -> None:
        for one in signed:
            crypto_sign_open(one, pair.public)

    append = _beside(sign, _append(source, pair, entries))
    bytes_per_entry = _mean_size(source)
    source.close()
    disk = (scratch / "source" / "ledger.sqlite").stat().st_size
    reopen_s = _reopen(scratch / "source")
    source = Ledger.open(scratch / "source", clock=_clock, entropy=os.urandom)
    ingest = _ingest(scratch / "runs", source, run_length=64, verify=verify)
    single = _ingest(scratch / "singles", source, run_length=1, verify=verify)
    source.close()
    mixed = Ledger.create(scratch / "mixed", charter, clock=_clock, entropy=os.urandom)
    append_mix = _beside(sign, _append_mix(mixed, entries))
    ingest_mix = _ingest(scratch / "mixed-runs", mixed, run_length=64, verify=verify)
    single_mix = _ingest(scratch / "mixed-singles", mixed, run_length=1, verify=verify)
    mixed.close()
    return {
        "entries": entries,
        "bytes_per_entry": round(bytes_per_entry),
        "sign_per_cpu_s": round(append.libsodium),
        "verify_per_cpu_s": round((ingest.libsodium + single.libsodium) / 2),
        "append_per_cpu_s": round(append.own),
        "ingest_per_cpu_s": round(ingest.own),
        "ingest_single_per_cpu_s": round(single.own),
        "append_vs_sign": append.ratio,
        "ingest_vs_verify": ingest.ratio,
        "ingest_single_vs_verify": single.ratio,
        "append_mix_vs_plain": round(append_mix.ratio / append.ratio, 3),
        "ingest_mix_vs_plain": round(ingest_mix.ratio / ingest.ratio, 3),
        "ingest_single_mix_vs_plain": round(single_mix.ratio / single.ratio, 3),
        "disk_bytes_per_entry": round(disk / (entries + 1)),
        "reopen_s": round(reopen_s, 4),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _beside(yardstick: Callable[[], None], slices: Iterable[int]) -> _Rate:
    """Run a step whose slices each tell how many entries they did, and the yardstick before each of them."""
    gc.collect()  # else it begins in what the ledgers before have left
    done = seconds = times = yardstick_seconds = 0.0
    remaining = iter(slices)
    while True:
        start = time.process_time()
        yardstick()
        between = time.process_time()
        count = next(remaining, None)
        end = time.process_time()
        yardstick_seconds += between - start
        times += 1
        if count is None:
            return _Rate(done / seconds, times * _YARDSTICK / yardstick_seconds)
        seconds += end - between
        done += count


def _append(target: Ledger, pair: keys.KeyPair, entries: int) -> Iterator[int]:
    chain = target.open_chain(pair).id
    now_ms = _clock()
    for start in range(0, entries, _BATCH):
        numbers = range(start, min(start + _BATCH, entries))
        contents = [
            compose.need("food", 1 + at % 1000, _CELL, begin_ms=now_ms, end_ms=now_ms + DAY_MS, urgency=at % 100)
            for at in numbers
        ]
        target.publish(pair, chain, contents, [{"note": os.urandom(16).hex()} for _ in numbers])
        yield len(numbers)


def _append_mix(target: Ledger, entries: int) -> Iterator[int]:
    """Have three chains say what goes into deals, as many deals at a time as make a batch of about a thousand entries.

    A deal has what one of `mycelia demo houston` has on average, which for 96 needs writes 228 offers, 372 rows, 228
    commits of 337 lines and 160 accepts: two needs, five offers whose eight rows come to seven lines, five commits,
    three accepts. Then all is delivered and received, and an allot is made for each deal and taken.
    """
    pairs = [keys.keypair(bytes([number]) * 32) for number in range(1, 4)]
    (receiver, taker), (provider, giver), (board, chest) = ((pair, target.open_chain(pair).id) for pair in pairs)
    now_ms, end_ms, amount = _clock(), _clock() + DAY_MS, 12_500

    def received(contents: Iterable[Content]) -> list[bytes]:
        return [entry.id for entry in target.publish(receiver, taker, list(contents))]

    def provided(contents: Iterable[Content]) -> list[bytes]:
        return [entry.id for entry in target.publish(provider, giver, list(contents))]

    def offer(amount: int) -> Content:
        return compose.offer("food", amount, _CELL, begin_ms=now_ms, end_ms=end_ms)

    need = compose.need("food", 4 * amount, _CELL, begin_ms=now_ms, end_ms=end_ms, urgency=7)
    [common] = [entry.id for entry in target.publish(board, chest, [offer(2**50)])]
    done = 0
    while done < entries:
        needs = received([need] * (2 * _DEALS))
        offers = provided([offer(2 * amount)] * (5 * _DEALS))
        served = [[needs[2 * (at // 5) + one] for one in _SERVED[at % 5]] for at in range(len(offers))]
        revised = [at for at in range(len(offers)) if at % 5 < _REVISED]
        first = provided(
            compose.row(offer=offers[at], previous=None, lines=[(served[at][0], amount - (at % 5 < _REVISED))])
            for at in range(len(offers))
        )
        lines = [[(one, amount) for one in of] for of in served]
        rows = dict(enumerate(first)) | dict(zip(revised, provided(
            compose.row(offer=offers[at], previous=first[at], lines=lines[at]) for at in revised
        ), strict=True))  # fmt: skip
        commits = provided(
            compose.commit(row=rows[at], hold_ms=end_ms, until_ms=end_ms, lines=lines[at]) for at in rows
        )
        takings = [
            (needs[2 * deal + which], [(commits[5 * deal + at], number) for at, number in accepted])
            for deal in range(_DEALS)
            for which, accepted in _ACCEPTED
        ]
        accepts = received(compose.accept(need=one, lines=taken) for one, taken in takings)
        accepted_by = {line: accept for accept, (_, taken) in zip(accepts, takings, strict=True) for line in taken}
        delivered = [[(commit, number) for number in range(len(of))] for commit, of in zip(commits, lines, strict=True)]
        delivers = provided(
            compose.on_lines("deliver", given, sorted({accepted_by[line] for line in given})) for given in delivered
        )
        deliver_of = dict(zip(commits, delivers, strict=True))
        received(
            compose.on_lines("receive", taken, sorted({deliver_of[commit] for commit, _ in taken}))
            for _, taken in takings
        )
        allots = target.publish(board, chest, [compose.allot(common, giver, "offer", "food", 1, end_ms)] * _DEALS)
        takes = provided(compose.take([one.id for one in allots[at : at + 16]]) for at in range(0, _DEALS, 16))
        count = _DEALS * (2 + 5 + 5 + _REVISED + 5 + 3 + 5 + 3 + 1) + len(takes)
        done += count
        yield count


def _ingest(path: Path, source: Ledger, *, run_length: int, verify: Callable[[], None]) -> _Rate:
    """Measure the way from the payloads of frames into an empty ledger, a frame at a time.

    Reading the source and making the frames is not counted.
    """
    payloads = [messages.write(messages.Runs(group)) for group in runs.pack(_runs(source, run_length))]
    target = Ledger.create(path, source.charter, clock=_clock, entropy=os.urandom)
    _ = target.standing  # kept up to date by acceptance, as in a running node
    rate = _beside(verify, _take_in(target, payloads))
    assert target.count() == source.count()
    target.close()
    return rate


def _take_in(target: Ledger, payloads: list[bytes]) -> Iterator[int]:
    for payload in payloads:
        message = messages.read(payload)
        assert isinstance(message, messages.Runs)
        report = target.ingest(message.runs)
        assert not report.faults
        yield len(report.accepted)


def _runs(source: Ledger, run_length: int) -> Iterator[list[Entry]]:
    """Yield the chain as runs, each sealed at its end alone."""
    run: list[Entry] = []
    after = 0
    while stored := source.stored(after, _BATCH):
        after = stored[-1].arrival
        for one in stored:
            if run and one.entry.chain != run[0].chain:
                yield _sealed(run)
                run = []
            run.append(one.entry)
            if len(run) == run_length:
                yield _sealed(run)
                run = []
    if run:
        yield _sealed(run)


def _sealed(run: list[Entry]) -> list[Entry]:
    return [*(entry._replace(signature=None) for entry in run[:-1]), run[-1]]


def _reopen(path: Path) -> float:
    started = time.perf_counter()
    reopened = Ledger.open(path, clock=_clock, entropy=os.urandom)
    reopened.frontier()
    seconds = time.perf_counter() - started
    reopened.close()
    return seconds


def _mean_size(source: Ledger) -> float:
    sample = [one.entry for one in source.stored(1, 100)]
    return sum(len(entry.raw) + 64 + len(entry.body or b"") for entry in sample) / len(sample)


def _clock() -> int:
    return time.time_ns() // 1_000_000
