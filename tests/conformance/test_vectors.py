"""The vectors of chapters 01 to 06 and 12, each done with the code; those of 07 to 11 have tests of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mycelia_agents.trimming import granted, rank
from mycelia_protocol import canonical, chain, charter, cid, envelope, field, keys
from mycelia_protocol.accumulators import Prefix
from mycelia_protocol.budgets import Budget
from mycelia_protocol.envelope import Entry, Header, read_entry
from mycelia_protocol.errors import Malformed, ProtocolError
from mycelia_protocol.licenses import Profile
from mycelia_protocol.measures import Measure
from mycelia_protocol.roots import Roots
from mycelia_protocol.rules import RULES
from mycelia_protocol.standing import Standing
from mycelia_protocol.validation import extend, judge

from .vectors import Vector, spelled, unspelled, vectors

CHAPTERS = ("canonical", "cid", "keys", "envelope", "chain", "charter", "field")
CASES = [pytest.param(vector, id=f"{chapter}: {vector['name']}") for chapter in CHAPTERS for vector in vectors(chapter)]
Given = dict[str, Any]


class TestAVector:
    @pytest.mark.parametrize("vector", CASES)
    def test_holds(self, vector: Vector) -> None:
        do = DEEDS[vector["do"]]

        if "refuse" in vector:
            with pytest.raises(ProtocolError) as refusal:
                do(vector["given"])
            assert refusal.value.rule == vector["refuse"]
            assert refusal.value.explain()
        else:
            assert do(vector["given"]) == vector["expect"]


class TestTheVectors:
    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_have_names_of_their_own_and_one_end_each(self, chapter: str) -> None:
        found = vectors(chapter)

        assert len({vector["name"] for vector in found}) == len(found)
        for vector in found:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)
            assert vector.get("refuse", "canonical.form") in RULES

    @pytest.mark.parametrize("chapter", [chapter for chapter in CHAPTERS if chapter != "field"])
    def test_accept_beside_each_deed_that_refuses(self, chapter: str) -> None:
        refusing = {vector["do"] for vector in vectors(chapter) if "refuse" in vector}
        accepting = {vector["do"] for vector in vectors(chapter) if "expect" in vector}

        assert refusing
        assert refusing <= accepting


def _decode(given: Given) -> object:
    data = bytes.fromhex(given["bytes"])
    value = canonical.decode(data, max_bytes=given["max_bytes"])
    spelling = spelled(value)
    assert canonical.encode(unspelled(spelling)) == data
    return {"value": spelling}


def _digest(given: Given) -> object:
    link = cid.digest(bytes.fromhex(given["bytes"]))
    return {"link": link.hex(), "cid": cid.text(link)}


def _link(given: Given) -> object:
    return {"link": cid.link(given["cid"]).hex()}


def _keypair(given: Given) -> object:
    pair = keys.keypair(bytes.fromhex(given["seed"]))
    return {"public": pair.public.hex(), "did": keys.did(pair.public)}


def _root_key(given: Given) -> object:
    return {"public": Roots(bytes.fromhex(given["root"])).pair(given["number"]).public.hex()}


def _sign(given: Given) -> object:
    pair = keys.keypair(bytes.fromhex(given["seed"]))
    context, network, digest = (bytes.fromhex(given[name]) for name in ("context", "network", "digest"))
    return {"signature": keys.sign(pair, context, network=network, digest=digest).hex()}


def _verify(given: Given) -> object:
    public, signature, message = (bytes.fromhex(given[name]) for name in ("public", "signature", "message"))
    if not keys.verify(public, signature, message, network=b"", digest=b""):
        raise Malformed("keys.signature", "the signature is bad")
    return {"good": True}


def _header(given: Given) -> object:
    raw = bytes.fromhex(given["bytes"])
    entry = read_entry(raw)
    assert envelope.write_header(entry.header) == raw
    return {"id": entry.id.hex(), "header": _view(entry.header)}


def _view(header: Header) -> object:
    def plain(link: bytes | None) -> str | None:
        return None if link is None else link.hex()

    return {
        "chain": plain(header.chain),
        "sequence": str(header.sequence),
        "backlink": plain(header.backlink),
        "time": str(header.time),
        "kind": header.kind,
        "charter_version": str(header.charter_version),
        "incarnation": header.incarnation.hex(),
        "deps": [link.hex() for link in header.links],
        "expiry": None if header.expiry is None else str(header.expiry),
        "body_digest": plain(header.body_digest),
        "body_length": header.body_length,
        "terms": [spelled(term) for term in header.terms],
    }


def _body(given: Given) -> object:
    entry = read_entry(bytes.fromhex(given["header"]), body=bytes.fromhex(given["body"]))
    assert entry.body is not None
    return {"content": spelled(envelope.read_body(entry.body))}


def _seal(given: Given) -> object:
    pair = keys.keypair(bytes.fromhex(given["seed"]))
    header = envelope.read_header(bytes.fromhex(given["header"]))
    entry = envelope.seal(header, pair, network=bytes.fromhex(given["network"]))
    assert entry.signature is not None
    return {"id": entry.id.hex(), "signature": entry.signature.hex()}


def _open(given: Given) -> object:
    entry = read_entry(bytes.fromhex(given["header"]))
    return {"chain": entry.chain.hex(), "key": chain.key_of_open(entry).hex()}


def _run(given: Given) -> object:
    run = [_entry(link["header"], link["signature"]) for link in given["run"]]
    chain.check_run(run)
    length = chain.sealed_length(run, bytes.fromhex(given["key"]), network=bytes.fromhex(given["network"]))
    if not length:
        raise Malformed("chain.seal", "no entry of the run is sealed")
    return {"ids": [entry.id.hex() for entry in run], "authentic": length}


def _entry(header: str, signature: str | None) -> Entry:
    return read_entry(bytes.fromhex(header), None if signature is None else bytes.fromhex(signature))


def _next_time(given: Given) -> object:
    return {"time": str(chain.next_time(int(given["now_ms"]), *(int(time) for time in given["after"])))}


def _standing(headers: list[str], law: charter.Charter) -> Standing:
    """Return what the entries add up to, each judged in its turn."""
    held: dict[bytes, Entry] = {}
    valid: list[Entry] = []
    own: dict[bytes, dict[bytes, Entry]] = {}
    prefixes: dict[bytes, Prefix] = {}
    for header in headers:
        entry = read_entry(bytes.fromhex(header))
        mine = own.setdefault(entry.chain, {})
        if entry.header.sequence == 0:
            prefixes[entry.chain] = Prefix(entry.chain, chain.key_of_open(entry), b"", -1, 0, {}, mine.get)
        verdict = judge(entry, prefixes[entry.chain], held.get, law)
        extend(prefixes[entry.chain], entry, verdict)
        held[entry.id] = entry
        if verdict.is_valid:
            mine[entry.id] = entry
            valid.append(entry)
    seen = Standing(held.get)
    for entry in reversed(valid):  # the order of arrival changes nothing
        seen.add(entry)
    return seen


def _charter(given: Given) -> object:
    raw = bytes.fromhex(given["bytes"])
    law, document = charter.read(raw), canonical.decode(raw, max_bytes=len(raw))
    assert isinstance(document, dict)
    founding = {"founders": [name.hex() for name in law.founders], "threshold": str(law.threshold)}
    return {
        **(founding if law.founders else {}),
        **({"recovery_ms": str(law.recovery_ms)} if "recovery_ms" in document else {}),
        **({"retention_ms": str(law.retention_ms)} if law.retention_ms else {}),
        **({"witnesses": str(law.witnesses)} if "witnesses" in document else {}),
        **({"licenses": list(law.licenses)} if "licenses" in document else {}),
        **({"cancel": [str(part) for part in law.cancel]} if law.cancel else {}),
        **({"contribution": _by_class(law.contribution)} if law.contribution else {}),
        **({"credit": _by_class(law.credit)} if law.credit else {}),
        **({"profiles": {name: _profile(one) for name, one in law.profiles.items()}} if law.profiles else {}),
        **({"issuers": {name: [one.hex() for one in of] for name, of in law.issuers.items()}} if law.issuers else {}),
        **({"magisteria": [name.hex() for name in law.magisteria]} if law.magisteria else {}),
        **({"budgets": {name: _budget(one) for name, one in law.budgets.items()}} if law.budgets else {}),
        **({"measures": {name: _measure(one) for name, one in law.measures.items()}} if law.measures else {}),
        "network": law.network.hex(),
        "name": law.name,
        "seed": law.seed.hex(),
        "classes": {name: list(law.classes[name]) for name in sorted(law.classes)},
        "drift_ms": str(law.drift_ms),
        "grace_ms": str(law.grace_ms),
        "limits": {"amount": str(law.max_amount), "window_ms": str(law.max_window_ms)},
        "membership": _policy(law.membership),
        **({"rate": {name: str(value) for name, value in law.rate._asdict().items()}} if law.rate else {}),
    }


def _profile(profile: Profile) -> dict[str, Any]:
    return {"title": profile.title, "source": profile.source, "rows": [row.name for row in profile.rows]}


def _budget(budget: Budget) -> dict[str, Any]:
    factors = {" ".join(pair): [str(number) for number in factor] for pair, factor in budget.factors.items()}
    scope = "hard" if budget.is_hard else "soft"
    return {"unit": budget.unit, "scope": scope, "source": budget.source, "factors": factors}


def _measure(measure: Measure) -> dict[str, Any]:
    factors = {name: [str(number) for number in factor] for name, factor in measure.factors.items()}
    return {"unit": measure.unit, "source": measure.source, "factors": factors}


def _by_class(pairs: Mapping[str, tuple[int, int]]) -> dict[str, list[str]]:
    return {name: [str(number) for number in pair] for name, pair in pairs.items()}


def _policy(policy: charter.Membership) -> object:
    match policy:
        case charter.Tree(slots, depth, is_liable):
            return {"tree": {"slots": str(slots), "depth": str(depth), "liable": is_liable}}
        case charter.Stewards(threshold):
            return {"stewards": str(threshold)}
        case charter.Open():
            return "open"


def _strength(given: Given) -> object:
    return {"strength": field.strength(int(given["age_ms"]), int(given["half_life_ms"]))}


def _trim(given: Given) -> object:
    need, claims = bytes.fromhex(given["need"]), given["claims"]
    ranks = [
        rank(
            urgency=given["urgency"],
            cells=claim["cells"],
            need=need,
            row=bytes.fromhex(claim["row"]),
            cost_per_cell=given["cost_per_cell"],
        )
        for claim in claims
    ]
    everybody = [(own, claim["amount"]) for own, claim in zip(ranks, claims, strict=True)]
    kept = [granted(given["remaining"], amount, own, everybody) for own, amount in everybody]
    return {"rank": [own[0] for own in ranks], "kept": kept}


def _field(given: Given) -> object:
    seen = _standing(given["entries"], charter.read(bytes.fromhex(given["charter"])))
    at_ms, need, offer = int(given["at_ms"]), bytes.fromhex(given["need"]), bytes.fromhex(given["offer"])
    return {
        "need": {"open": field.is_open(seen.needs[need], at_ms), "remaining": field.remaining(seen, need)},
        "offer": {"open": field.is_open(seen.offers[offer], at_ms), "free": field.free(seen, offer)},
    }


DEEDS: dict[str, Callable[[Given], object]] = {
    "decode": _decode,
    "digest": _digest,
    "link": _link,
    "keypair": _keypair,
    "root-key": _root_key,
    "sign": _sign,
    "verify": _verify,
    "header": _header,
    "body": _body,
    "seal": _seal,
    "open": _open,
    "run": _run,
    "next_time": _next_time,
    "charter": _charter,
    "strength": _strength,
    "field": _field,
    "trim": _trim,
}
