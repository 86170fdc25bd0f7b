"""`checkpoint` and `witness`: a chain sums up all that it said so far, and others say that they have seen it.

A checkpoint costs whoever judges it as much as the chain's facts are large, so they keep a distance; and the
peaks are noted even where root or state are refused, so that nobody is made to hash a past twice.
"""

from __future__ import annotations

from collections.abc import Callable

from ..accumulators import Checkpointed, Prefix, Witnessed
from ..checkpoint import leaf_of
from ..cid import digest, is_digest
from ..compose import Content
from ..envelope import Entry
from ..errors import Premature, Refused
from ..mmr import Range, grown, root
from ..state import MAX_STATE_BYTES, State, write
from .kind import Judged, Kind, is_natural, nothing

ROOT_AT, STATE_AT, PREVIOUS_AT = range(3)
MIN_DISTANCE = 16  # places from one checkpoint that is weighed to the next
MAX_SHARE = 64  # the distance is at least this part of the chain: else each would cost as much as all before it


def _judge_checkpoint(judged: Judged) -> None:
    header, prefix = judged.header, judged.prefix
    terms = header.terms
    if len(terms) != 3 or not is_digest(terms[ROOT_AT]) or not is_digest(terms[STATE_AT]):
        raise Refused("checkpoint.terms", "a checkpoint has the terms root, state and previous")
    at = terms[PREVIOUS_AT]
    previous = None if at is None else judged.dep(at, "checkpoint.terms").id
    if header.deps != (previous or b""):
        raise Refused("checkpoint.terms", "a checkpoint names the previous one, and nothing else")
    before = checkpointed(prefix)
    if previous != before.checkpoint:
        raise Refused("checkpoint.previous", "the last own checkpoint is another one")
    distance = max(MIN_DISTANCE, header.sequence // MAX_SHARE)
    if header.sequence - before.sequence < distance:
        raise Refused("checkpoint.distance", f"fewer than {distance} places after place {before.sequence}")
    mountain = mountain_of(prefix, judged.lineage.held)
    key = ("checkpoint", prefix.chain, -1)
    judged.facts.lasting[key] = before._replace(sequence=header.sequence, peaks=mountain.peaks)
    if terms[ROOT_AT] != root(mountain):
        raise Refused("checkpoint.root", "the root is not that of the entries before")
    state = write(State.of(prefix))
    if len(state) > MAX_STATE_BYTES or terms[STATE_AT] != digest(state):
        raise Refused("checkpoint.state", f"the digest is not that of the state before, of {len(state)} bytes")
    judged.facts[key] = Checkpointed(header.sequence, judged.entry.id, mountain.peaks)


def checkpointed(prefix: Prefix) -> Checkpointed:
    """Return what a chain noted of its own checkpoints."""
    fact = prefix.facts.get(("checkpoint", prefix.chain, -1))
    return fact if isinstance(fact, Checkpointed) else Checkpointed(0)


def mountain_of(prefix: Prefix, held: Callable[[bytes], Entry | None]) -> Range:
    """Return the mountain of all entries of a prefix, grown from the peaks that were noted."""
    before = checkpointed(prefix)
    leaves: list[bytes] = []
    link = prefix.tip
    for _ in range(before.sequence, prefix.sequence + 1):
        entry = held(link)
        if entry is None:
            raise Premature("deps.held", "the chain is not held down to its last checkpoint", frozenset({link}))
        leaves.append(leaf_of(entry.id, is_valid=prefix.own(entry.id) is not None))
        link = entry.header.backlink or b""
    return grown(Range(before.sequence, before.peaks), reversed(leaves))


def checkpoint_of(prefix: Prefix, held: Callable[[bytes], Entry | None]) -> Content:
    """Return the checkpoint that sums a prefix up."""
    previous = checkpointed(prefix).checkpoint
    deps, at = (b"", None) if previous is None else (previous, 0)
    state = digest(write(State.of(prefix)))
    return Content("checkpoint", [root(mountain_of(prefix, held)), state, at], deps)


def _judge_witness(judged: Judged) -> None:
    terms = judged.header.terms
    if len(terms) != 1 or not is_natural(terms[0]):
        raise Refused("witness.terms", "a witness has one term, the checkpoint")
    seen = judged.dep(terms[0], "witness.terms")
    if seen.header.kind != "checkpoint" or seen.chain == judged.prefix.chain:
        raise Refused("witness.other", "the entry named is no checkpoint of another chain")
    key = ("witness", seen.chain, -1)
    before = judged.facts.get(key)
    if isinstance(before, Witnessed) and seen.header.sequence <= before.sequence:
        raise Refused("witness.later", f"place {before.sequence} of that chain was witnessed before")
    judged.facts[key] = Witnessed(seen.header.sequence)


CHECKPOINT = Kind(
    "checkpoint",
    ("root", "state", "previous"),
    ("checkpoint.terms", "checkpoint.previous", "checkpoint.distance", "checkpoint.root", "checkpoint.state"),
    _judge_checkpoint,
    nothing,
)
WITNESS = Kind("witness", ("checkpoint",), ("witness.terms", "witness.other", "witness.later"), _judge_witness, nothing)
