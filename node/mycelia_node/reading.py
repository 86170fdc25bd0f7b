"""Reading the store: entries in order of acceptance, packed as sealed runs, and ids by what people paste."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator, Mapping

from mycelia_protocol import cid
from mycelia_protocol.chain import MAX_RUN_ENTRIES
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed

from .store import Store, entry_of
from .stored import Stored, stored_of

MAX_FRAMED_RUN_BYTES = 64 * 1024 - 1024  # a run fits one frame, with room for its envelope
_PAGE = 512
_MIN_HEX, MIN_CID = 6, 12


def stored(store: Store, after: int, limit: int, chain: bytes | None, kind: str | None) -> list[Stored]:
    """Return entries in order of acceptance, of one chain or kind if asked."""
    number = None
    if chain is not None:
        row = store.chain(chain)
        if row is None:
            return []
        number = row.number
    rows = store.rows(after, limit, chain=number, kind=kind)
    return [stored_of(row) for _, row in rows]


def runs_for(
    store: Store, wanted: Mapping[bytes, int], after: int, max_bytes: int, keeps: Callable[[Entry], bool]
) -> tuple[list[list[Entry]], int | None]:
    """Return sealed runs of the wanted chains; see `Ledger.runs_for`."""
    firsts: dict[int, int] = {}
    starts: list[int] = []
    for chain, sequence in wanted.items():
        row = store.chain(chain)
        is_whole = row is not None and store.gone.whole_from(row.number) <= sequence
        start = store.first_arrival(row.number, sequence) if row is not None and is_whole else None
        if row is not None and start is not None:
            firsts[row.number] = sequence
            starts.append(start)
    if not starts:
        return [], None
    runs: list[list[Entry]] = []
    unit: list[Entry] = []
    taken = 0
    began = 0  # arrival of the first entry of the last run
    for arrival, entry in _wanted_entries(store, firsts, max(after, min(starts) - 1)):
        unit.append(entry)
        if entry.signature is None:
            continue
        if not any(map(keeps, unit)):
            unit = []
            continue
        taken += _size(unit)
        is_gapless = bool(runs) and arrival == began + len(runs[-1]) + len(unit) - 1
        if runs and _fits(runs[-1], unit) and (is_gapless or not _names_others(unit)):
            runs[-1].extend(unit)
        else:
            runs.append(unit)
            began = arrival - len(unit) + 1
        unit = []
        if taken >= max_bytes:
            return runs, arrival
    return runs, None


def _wanted_entries(store: Store, firsts: Mapping[int, int], after: int) -> Iterator[tuple[int, Entry]]:
    while page := store.rows(after, _PAGE):
        for number, row in page:
            first = firsts.get(number)
            if first is not None:
                entry = entry_of(row)
                if entry.header.sequence >= first:
                    yield row.arrival, entry
        after = page[-1][1].arrival


def _fits(run: list[Entry], unit: list[Entry]) -> bool:
    return (
        unit[0].header.backlink == run[-1].id
        and len(run) + len(unit) <= MAX_RUN_ENTRIES
        and _size(run) + _size(unit) <= MAX_FRAMED_RUN_BYTES
    )


def _names_others(unit: list[Entry]) -> bool:
    """Whether a unit may name what was accepted since the run before it began, which may wait for that beginning."""
    return any(entry.header.deps for entry in unit)


def _size(run: list[Entry]) -> int:
    return sum(len(entry.raw) + len(entry.body or b"") + (64 if entry.signature else 0) + 16 for entry in run)


def seal_path(store: Store, held: Stored | None) -> list[Entry]:
    """Return the run from a held entry to the next sealed entry above it."""
    if held is None:
        return []
    if held.entry.signature is not None:
        return [held.entry]
    path: list[Entry] = []
    for _, row in store.rows(held.arrival - 1, MAX_RUN_ENTRIES):
        entry = entry_of(row)
        if path and entry.header.backlink != path[-1].id:
            return []  # its seal went
        path.append(entry)
        if entry.signature is not None:
            return path
    return []


def find(store: Store, text: str) -> list[bytes]:
    """Return the ids that `text` is, or begins: hex of 6 digits or more, CID text of 12 or more."""
    text = text.strip().removesuffix("…").lower()
    try:
        if len(text) >= MIN_CID and text.startswith("bafyrei"):
            return _find_cid(store, text)
        if len(text) >= _MIN_HEX:
            low = int(text[:16].ljust(16, "0"), 16)
            high = int(text[:16].ljust(16, "f"), 16)
            return [name for name in _between(store, low, high) if name.hex().startswith(text)]
    except (ValueError, binascii.Error):
        pass
    return []


def _find_cid(store: Store, text: str) -> list[bytes]:
    try:
        name = cid.link(text)
        return [name] if store.find(name) or name in store.gone else []
    except Malformed:
        pass
    bits = "".join(f"{'abcdefghijklmnopqrstuvwxyz234567'.index(letter):05b}" for letter in text[1:])[32:]
    low, high = int(bits[:64].ljust(64, "0"), 2), int(bits[:64].ljust(64, "1"), 2)
    return [name for name in _between(store, low, high) if cid.text(name).startswith(text)]


def _between(store: Store, low: int, high: int) -> list[bytes]:
    signed = [value - 2**64 if value >= 2**63 else value for value in (low, high)]
    gone = store.gone.like(low.to_bytes(8) + bytes(24), high.to_bytes(8) + b"\xff" * 24)
    return sorted({*store.names_like(*signed), *gone})
