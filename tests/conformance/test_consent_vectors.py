"""The vectors of chapters 07 to 09: what a chain may say, and what it all adds up to."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import pytest

from mycelia_node import drafts
from mycelia_node.hall import read_request
from mycelia_protocol import charter, invitation, state, warrant
from mycelia_protocol.accumulators import (
    Allotted,
    Allowance,
    Claim,
    Contributed,
    Credit,
    NeedFacts,
    OfferFacts,
    Overdrawn,
    Prefix,
    Resource,
    credit_key,
)
from mycelia_protocol.actions import ACTIONS
from mycelia_protocol.chain import check_link, key_of_open
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.errors import Malformed, Premature
from mycelia_protocol.kinds import KINDS
from mycelia_protocol.lineage import Lineage
from mycelia_protocol.membership import KINDS as MEMBERSHIP
from mycelia_protocol.membership import Members
from mycelia_protocol.rules import RULES
from mycelia_protocol.standing import Standing
from mycelia_protocol.validation import Verdict, extend, judge

from .vectors import SPEC, Vector, vectors

CHAPTERS = {
    "kinds": "07-kinds.md",
    "validation": "08-validation.md",
    "standing": "09-standing.md",
    "identity": "13-identity.md",
    "heirs": "13-identity.md",
    "membership": "14-membership.md",
    "warrant": "15-warrant.md",
    "retract": "17-privacy.md",
    "enactment": "18-enactment.md",
    "resource": "20-resource.md",
    "budget": "24-budget.md",
    "license": "21-license.md",
    "agreement": "22-agreement.md",
}
KIND_CHAPTERS = (
    "07-kinds.md",
    "13-identity.md",
    "14-membership.md",
    "15-warrant.md",
    "17-privacy.md",
    "18-enactment.md",
    "19-checkpoint.md",
    "20-resource.md",
    "21-license.md",
    "22-agreement.md",
    "23-reciprocity.md",
    "24-budget.md",
    "26-equation.md",
)
NO_VERDICTS = (
    "charter.", "grant.", "invitation.", "share.", "statement.", "request.", "warrant.form", "private.",
    "proof.", "state.", "checkpoint.below", "budget.", "magisterium.",
)  # fmt: skip
ELSEWHERE = ("license", "combine")  # deeds that no entry is judged for: see test_license_vectors
CASES = [
    pytest.param(vector, id=f"{chapter}: {vector['name']}")
    for chapter in CHAPTERS
    for vector in vectors(chapter)
    if vector["do"] not in ELSEWHERE
]

FOLDED = [
    pytest.param(vector, id=f"{chapter}: {vector['name']}")
    for chapter in CHAPTERS
    for vector in vectors(chapter)
    if vector["do"] in ("stand", "members")
]


class Replay:
    """The entries of a vector, judged in their order, each after the one that its backlink names."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.charter = charter.read(bytes.fromhex(given["charter"]))
        self.held: dict[bytes, Entry] = {}
        self.valid: list[Entry] = []
        self._after: dict[bytes, tuple[Prefix, dict[bytes, Entry]]] = {}
        for raw in given["entries"]:
            self.take(read_entry(bytes.fromhex(raw)))

    def judge(self, entry: Entry) -> tuple[Verdict, Prefix, dict[bytes, Entry]]:
        """Return the verdict, a copy of the prefix that it was given on, and that prefix's own entries."""
        if entry.header.backlink is None:
            own: dict[bytes, Entry] = {}
            prefix = Prefix(entry.id, key_of_open(entry), b"", -1, 0, {}, own.get)
        else:
            before, known = self._after[entry.header.backlink]
            check_link(entry, self.held[entry.header.backlink])
            own = dict(known)
            prefix = replace(before, facts=dict(before.facts), own=own.get)
        return judge(entry, prefix, self.held.get, self.charter), prefix, own

    def after(self, entry: Entry) -> Prefix:
        """Return the prefix that ends with an entry."""
        return self._after[entry.id][0]

    def take(self, entry: Entry) -> tuple[Verdict, Prefix]:
        """Judge an entry and put it in its place."""
        verdict, prefix, own = self.judge(entry)
        extend(prefix, entry, verdict)
        if verdict.is_valid:
            own[entry.id] = entry
            self.valid.append(entry)
        self.held[entry.id] = entry
        self._after[entry.id] = (prefix, own)
        return verdict, prefix


class TestAVector:
    @pytest.mark.parametrize("vector", CASES)
    def test_holds(self, vector: Vector) -> None:
        if vector["do"] == "invitation":
            assert _invited(vector["given"]["text"]) == vector.get("expect", vector.get("refuse"))
            return
        if vector["do"] in TEXTS:
            assert _pasted(vector["do"], vector["given"]["text"]) == vector.get("expect", vector.get("refuse"))
            return
        if vector["do"] == "warrant":
            assert _proven(vector["given"]) == vector.get("expect", vector.get("refuse"))
            return
        if vector["do"] == "state":
            assert _told_state(vector["given"]["bytes"]) == vector.get("expect", vector.get("refuse"))
            return
        if vector["do"] == "action":
            row = ACTIONS.get(vector["given"]["action"])
            assert (row is None) == ("refuse" in vector)
            assert row is None or [*row[1:]] == vector["expect"]["row"]
            return
        replay = Replay(vector["given"])

        if vector["do"] in ("stand", "members"):
            assert _folded(vector, replay, replay.valid) == vector["expect"]
        elif "refuse" in vector:
            refused = replay.judge(read_entry(bytes.fromhex(vector["given"]["judge"])))[0].refused
            assert refused is not None
            assert refused.rule == vector["refuse"]
            assert refused.explain()
        else:
            assert judged(replay, vector["given"]) == vector["expect"]

    @pytest.mark.parametrize("vector", FOLDED)
    def test_stands_the_same_in_any_order_of_arrival(self, vector: Vector) -> None:
        replay, dice = Replay(vector["given"]), random.Random(7)
        for _ in range(5):
            arrived = [*replay.valid, *replay.valid]
            dice.shuffle(arrived)

            assert _folded(vector, replay, arrived) == vector["expect"]


class TestTheVectors:
    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_have_names_of_their_own_and_one_end_each(self, chapter: str) -> None:
        found = vectors(chapter)

        assert len({vector["name"] for vector in found}) == len(found)
        for vector in found:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)

    def test_refuse_by_every_rule_of_these_chapters(self) -> None:
        refusing = {vector.get("refuse") for chapter in CHAPTERS for vector in vectors(chapter)}

        assert _headings("07-kinds.md") | {"version.adopted", "kind.known", "rate.cell", "chain.time"} <= refusing
        assert any(vector["expect"].get("awaiting") for vector in vectors("validation") if "expect" in vector)

    def test_judge_by_the_rules_that_the_chapters_name(self) -> None:
        asked = {rule for kind in KINDS.values() for rule in kind.rules}

        named = {rule for chapter in KIND_CHAPTERS for rule in _headings(chapter)}
        assert {rule for rule in named if not rule.startswith(NO_VERDICTS)} == asked
        assert asked | named | _headings("08-validation.md") <= set(RULES)


def _told_state(raw: str) -> dict[str, str] | str:
    """Return the digest of a state that reads and writes the same, or the rule that refuses it."""
    data = bytes.fromhex(raw)
    try:
        one = state.read(data)
    except Malformed as malformed:
        return malformed.rule
    assert state.write(one) == data
    return {"digest": digest(data).hex()}


def _invited(pasted: str) -> dict[str, Any] | str:
    try:
        one = invitation.read(pasted)
    except Malformed as malformed:
        return malformed.rule
    return {
        "network": one.network.hex(),
        "sponsor": one.sponsor.hex(),
        "seed": one.seed.hex(),
        "expires_ms": str(one.expires_ms),
        "word": one.signature.hex(),
        "peers": list(one.peers),
    }


def _pasted(kind: str, text: str) -> dict[str, Any] | str:
    try:
        return TEXTS[kind](text)
    except Malformed as malformed:
        return malformed.rule


def _share(text: str) -> dict[str, Any]:
    return {"keys": [key.hex() for key in drafts.read_share(text)]}


def _statement(text: str) -> dict[str, Any]:
    one = drafts.read(text)
    assert drafts.read(one.text()) == one
    return {
        "network": one.network.hex(),
        "kind": one.kind,
        "deps": one.deps.hex(),
        "time": str(one.moment.time),
        "incarnation": one.moment.incarnation.hex(),
        "places": one.places.hex(),
        "terms": [term.hex() if isinstance(term, bytes) else term for term in one.terms],
        "signatures": one.seals.hex(),
    }


def _request(text: str) -> dict[str, Any]:
    identity, keyset = read_request(text)
    terms = [term.hex() if isinstance(term, bytes) else term for term in keyset.terms]
    return {"identity": identity.hex(), "terms": terms}


TEXTS = {"share": _share, "statement": _statement, "request": _request}


def _proven(given: dict[str, str]) -> dict[str, str] | str:
    document, network, key, chain = (bytes.fromhex(given[name]) for name in ("document", "network", "key", "chain"))
    try:
        proof = warrant.check(document, network=network, key=key, chain=chain)
    except Malformed as malformed:
        return malformed.rule
    return {"sequence": str(proof.sequence), "one": proof.one.hex(), "other": proof.other.hex()}


def _folded(vector: Vector, replay: Replay, arrived: list[Entry]) -> dict[str, Any]:
    if vector["do"] == "stand":
        return _stood(replay, arrived)
    members = _members(replay, arrived)
    for chain, sequence in vector["given"]["forked"].items():
        members.note_fork(bytes.fromhex(chain), int(sequence))
    persons = {
        person.identity.hex(): {
            "status": str(person.status),
            "sponsor": None if person.sponsor is None else person.sponsor.hex(),
            "depth": person.depth,
            "event": person.event.hex(),
        }
        for person in members.persons()
    }
    chains = {entry.chain for entry in replay.held.values() if members.counts(entry.chain, 0)}
    return {"persons": persons, "counts": {chain.hex(): _last(members, chain) for chain in chains}}


def _members(replay: Replay, arrived: list[Entry]) -> Members:
    members = Members(replay.charter, replay.held.get)
    for entry in arrived:
        if entry.header.kind in MEMBERSHIP:
            members.add(entry)
    return members


def _last(members: Members, chain: bytes) -> str:
    return "all" if members.counts(chain, 2**62) else str(members.last()[chain])


def judged(replay: Replay, given: dict[str, Any]) -> dict[str, Any]:
    """Return what `judge` expects of an entry that no rule refuses."""
    try:
        verdict, prefix = replay.take(read_entry(bytes.fromhex(given["judge"])))
    except Premature as premature:
        return {"verdict": "awaiting", "awaiting": sorted(link.hex() for link in premature.missing)}
    assert verdict.refused is None, verdict.refused
    accepted = {key[1].hex(): fact.accepted for key, fact in prefix.facts.items() if isinstance(fact, NeedFacts)}
    committed = {key[1].hex(): fact.committed for key, fact in prefix.facts.items() if isinstance(fact, OfferFacts)}
    return {
        "verdict": "valid",
        "accepted": {need: str(amount) for need, amount in accepted.items() if amount},
        "committed": {offer: str(amount) for offer, amount in committed.items() if amount},
        **({"tat": str(prefix.tat)} if replay.charter.rate else {}),
        **_held(prefix),
        **_allotted(prefix),
        **({} if "claims" in given else _claims(prefix)),
        **_reciprocity(replay, prefix, given),
    }


def _held(prefix: Prefix) -> dict[str, Any]:
    """Return the resources of a chain, if it has any (chapter 20)."""
    found = {
        f"{key[1].hex()}:{key[2]}": [fact.resource_class, *map(str, fact[1:5])]
        for key, fact in prefix.facts.items()
        if isinstance(fact, Resource)
    }
    return {"resources": found} if found else {}


def _allotted(prefix: Prefix) -> dict[str, Any]:
    """Return what a chain took, overdrew and allotted (chapter 24), as far as it did."""
    told: dict[str, dict[str, Any]] = {"allowances": {}, "overdrawn": {}, "allotted": {}}
    for (_, name, _), fact in prefix.facts.items():
        if isinstance(fact, Allowance):
            told["allowances"][name.hex()] = [fact.of, fact.name, str(fact.left)]
        elif isinstance(fact, Overdrawn) and fact.amount:
            told["overdrawn"][name.hex()] = str(fact.amount)
        elif isinstance(fact, Allotted):
            told["allotted"][name.hex()] = str(fact.amount)
    return {key: found for key, found in told.items() if found}


def _claims(prefix: Prefix) -> dict[str, Any]:
    """Return what a chain owes (chapter 21), if it owes or owed anything."""
    found = {
        f"{key[1].hex()}:{key[2]}": [fact.creditor.hex(), fact.resource_class, *map(str, fact[2:5])]
        for key, fact in prefix.facts.items()
        if isinstance(fact, Claim)
    }
    return {"claims": found} if found else {}


def _reciprocity(replay: Replay, prefix: Prefix, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a chain contributed, has of credit and paid of its claims (chapter 23), where that is asked."""
    told: dict[str, Any] = {}
    facts = prefix.facts
    if replay.charter.contribution:
        sums = {key[2]: fact.amount for key, fact in facts.items() if isinstance(fact, Contributed)}
        told["contribution"] = {str(day): str(amount) for day, amount in sums.items() if amount}
    if replay.charter.credit:
        accounts = {name: facts.get(credit_key(name), Credit()) for name in replay.charter.credit}
        told["credit"] = {name: [str(part) for part in one] for name, one in accounts.items() if one != Credit()}
    if "claims" in given:
        claims = {f"{key[1].hex()}:{key[2]}": fact for key, fact in facts.items() if isinstance(fact, Claim)}
        told["paid"] = {name: str(claim.paid) for name, claim in claims.items()}
    return told


def _stood(replay: Replay, arrived: list[Entry]) -> dict[str, Any]:
    members, forks = _members(replay, arrived), forks_of(replay)
    standing = Standing(
        replay.held.get, members.heirs, Lineage(replay.held.get, replay.charter).inheritance,
        is_backed=members.is_backed,
    )  # fmt: skip
    for chain, sequence in forks.items():
        standing.note_fork(chain, sequence)
    for entry in arrived:
        if members.counts(entry.chain, entry.header.sequence):
            standing.add(entry)
    intents = [*standing.needs.values(), *standing.offers.values()]
    told: dict[str, Any] = {}
    if forks:
        told["forked"] = {chain.hex(): str(sequence) for chain, sequence in forks.items()}
        told["late"] = sorted(intent.id.hex() for intent in intents if intent.forked)
    if standing.agreements.known:
        owed = [line for agreement in standing.agreements.known for line in standing.owing(agreement)]
        told["owed"] = sorted(f"{commit.hex()}:{number}" for commit, number in owed)
    valid = {entry.id: entry for entry in replay.valid}
    return {
        "invalid": [name.hex() for name in replay.held if name not in valid],
        "lines": {f"{line.commit.hex()}:{line.number}": standing.status(line) for line in standing.lines.values()},
        "accepted": {need.hex(): str(standing.accepted(need)) for need in standing.needs},
        "committed": {offer.hex(): str(standing.committed(offer)) for offer in standing.offers},
        "withdrawn": sorted(intent.id.hex() for intent in intents if intent.withdrawn),
        "ineffective": sorted(name.hex() for name, entry in valid.items() if not standing.is_effective(entry)),
        **told,
    }


def forks_of(replay: Replay) -> dict[bytes, int]:
    """Return the lowest sequence of each chain that two of the entries claim."""
    seen: set[tuple[bytes, int]] = set()
    forks: dict[bytes, int] = {}
    for entry in replay.held.values():
        place = (entry.chain, entry.header.sequence)
        if place in seen:
            forks[entry.chain] = min(place[1], forks.get(*place))
        seen.add(place)
    return forks


def _headings(chapter: str) -> set[str]:
    return set(re.findall(r"^### `([a-z.]+)`$", (SPEC / chapter).read_text("utf-8"), re.MULTILINE))
