"""What a checkpoint vouches for: the state to go on from, and every entry below it, by proof.

    >>> leaf_of(bytes(32), is_valid=True) == leaf_of(bytes(32), is_valid=False)
    False

Spec: 19-checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from .accumulators import Checkpointed, Paid, Prefix
from .canonical import Value, decode, encode
from .cid import digest, is_digest
from .envelope import MAX_HEADER_BYTES, Entry, read_entry
from .errors import Malformed, Refused
from .mmr import Range, climbed, leaf, path, root
from .rates import Rate, tat_after
from .state import read

VERSION = 1
MAX_PATH = 63
MAX_PROOF_BYTES = MAX_HEADER_BYTES + MAX_PATH * 34 + 8  # version, verdict and the heads
_VERDICT = (b"\x00", b"\x01")


def leaf_of(name: bytes, *, is_valid: bool) -> bytes:
    """Return the leaf hash of an entry: of its id, and whether it counted."""
    return leaf(name + _VERDICT[is_valid])


class Proof(NamedTuple):
    """What a good proof shows: an entry below a checkpoint, and whether it was valid."""

    entry: Entry
    is_valid: bool


def prove(entry: Entry, past: Sequence[tuple[bytes, bool]], *, is_valid: bool) -> bytes:
    """Return the proof of an entry among all those below a checkpoint, given by id and validity from place 0 on."""
    leaves = [leaf_of(name, is_valid=good) for name, good in past]
    return encode([VERSION, entry.raw, is_valid, list[Value](path(leaves, entry.header.sequence))])


def check_proof(document: bytes, checkpoint: Entry) -> Proof:
    """Return what a document proves against a checkpoint, itself taken for good.

    Raises:
        Malformed: rule `proof.form`, `proof.chain`, `proof.path`, or what `read_entry` raises.
    """
    raw, is_valid, route = _parts(document)
    entry = read_entry(raw)
    size, place = checkpoint.header.sequence, entry.header.sequence
    if entry.chain != checkpoint.chain or place >= size:
        raise Malformed("proof.chain", "the entry is of another chain, or not below the checkpoint")
    if climbed(leaf_of(entry.id, is_valid=is_valid), place, size, route) != checkpoint.header.terms[0]:
        raise Malformed("proof.path", "the path does not lead to the checkpoint's root")
    return Proof(entry, is_valid)


def _parts(document: bytes) -> tuple[bytes, bool, list[bytes]]:
    try:
        value = decode(document, max_bytes=MAX_PROOF_BYTES)
    except Malformed as error:
        raise Malformed("proof.form", f"no canonical document: {error.message}") from error
    match value:
        case [version, bytes(raw), bool(is_valid), list(route)] if type(version) is int and version == VERSION:
            if len(route) <= MAX_PATH and all(map(is_digest, route)):
                return raw, is_valid, cast(list[bytes], route)
    raise Malformed("proof.form", "a proof is its version, a header, a verdict and a path")


def resume(
    data: bytes, checkpoint: Entry, peaks: Sequence[bytes], own: Callable[[bytes], Entry | None], rate: Rate | None
) -> Prefix:
    """Return the prefix after a checkpoint that is taken for good, from the state and the peaks below it.

    `own` gives a valid entry of the prefix by id, `rate` is that of the chain's law.

    Raises:
        Malformed: rule `state.form`, `state.digest` or `state.peaks`.
    """
    header = checkpoint.header
    state, place = read(data), header.sequence
    if digest(data) != header.terms[1] or (state.chain, state.tip) != (checkpoint.chain, header.backlink):
        raise Malformed("state.digest", "the state is not the one that the checkpoint names")
    row = Range(place, tuple(peaks))
    if len(row.peaks) != place.bit_count() or root(row) != header.terms[0]:
        raise Malformed("state.peaks", "the peaks do not lead to the checkpoint's root")
    prefix = state.prefix(own)
    prefix.facts["checkpoint", state.chain, -1] = Checkpointed(place, checkpoint.id, row.peaks)
    if rate is not None:
        prefix.facts["rate", state.chain, -1] = Paid(tat_after(prefix.tat, checkpoint, rate))
    prefix.tip, prefix.sequence, prefix.time = checkpoint.id, place, header.time
    return prefix


def check_below(entry: Entry, checkpoint: Entry) -> None:
    """Refuse, where the headers below a witnessed checkpoint have gone, an unproved entry that stands there.

    Raises:
        Refused: rule `checkpoint.below`. This is admission, and no verdict.
    """
    if entry.chain != checkpoint.chain or entry.id == checkpoint.id:
        return
    if entry.header.sequence <= checkpoint.header.sequence:
        raise Refused("checkpoint.below", f"place {entry.header.sequence} is not above that of the checkpoint")
