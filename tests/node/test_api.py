"""The API: who may ask, what it hears and says, and how it says no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mycelia_node import proof
from mycelia_node.hearing import MAX_REQUEST_BYTES
from mycelia_protocol import cid
from tests.builders import Commons

from .served import LonePeer, asked, need

pytestmark = pytest.mark.asyncio

TOLD = {"/v1/status", "/v1/members", "/v1/field", "/v1/entries", "/v1/peers", "/v1/runs", "/v1/events"}


@pytest.fixture
def peer(tmp_path: Path) -> LonePeer:
    return LonePeer(tmp_path)


class TestTheDoor:
    @pytest.mark.parametrize("path", sorted(TOLD))
    async def test_opens_to_the_token_alone(self, peer: LonePeer, path: str) -> None:
        async with asked(peer, token="another") as node:
            answer = await node.get(path)

        assert answer.status_code == 401
        assert answer.json()["code"] == "token"

    @pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
    async def test_is_open_for_what_tells_nothing(self, peer: LonePeer, path: str) -> None:
        async with asked(peer, token="") as node:
            assert (await node.get(path)).status_code == 200

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.2"])
    async def test_is_shut_for_a_foreign_host_even_with_the_token(self, peer: LonePeer, host: str) -> None:
        async with asked(peer) as node:
            answer = await node.get("/v1/status", headers={"host": host})

        assert answer.status_code == 403
        assert answer.json()["code"] == "host"

    @pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost", "LOCALHOST:1", "[::1]:8400", "[::1]"])
    async def test_knows_the_names_of_loopback(self, peer: LonePeer, host: str) -> None:
        async with asked(peer) as node:
            assert (await node.get("/v1/status", headers={"host": host})).status_code == 200


class TestANeed:
    async def test_is_published_and_read_back(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            published = (await node.post("/v1/needs", json=need(urgency=3, note="soup"))).json()
            entry = (await node.get(f"/v1/entries/{published['id'][:18]}")).json()
            field = (await node.get("/v1/field", params={"kind": "need"})).json()

        assert (entry["id"], entry["terms"]["amount"], entry["body"]) == (published["id"], 15, {"note": "soup"})
        assert [(one["id"], one["remaining_text"]) for one in field["signals"]] == [(published["id"], "1.5 kg")]

    async def test_is_only_checked_with_dry_run(self, peer: LonePeer) -> None:
        before = peer.ledger.digest()

        async with asked(peer) as node:
            answer = await node.post("/v1/needs", json=need(dry_run=True))

        assert (answer.status_code, answer.json()["dry_run"]) == (201, True)
        assert peer.ledger.digest() == before

    @pytest.mark.parametrize(
        ("changes", "status", "named"),
        [
            ({"resource_class": "gold"}, 422, "intent.class"),
            ({"amount": "1 lb"}, 422, "counted in kg"),
            ({"amount": 0}, 422, "intent.amount"),
            ({"amount": 2**63}, 422, ""),
            ({"amount": 1.5}, 422, "$.amount"),
            ({"until": "+900d"}, 422, "intent.window"),
            ({"at": [95, 0]}, 422, "not on Earth"),
            ({"at": 7}, 422, "not an H3 cell"),
            ({"urgency": -1}, 422, "need.urgency"),
            ({"colour": "green"}, 422, "colour"),
            ({"member": "carl"}, 422, "carl"),
            ({"note": "x" * 5000}, 422, "$.note"),
        ],
    )
    async def test_that_is_not_right_is_a_problem(
        self, peer: LonePeer, changes: dict[str, Any], status: int, named: str
    ) -> None:
        async with asked(peer) as node:
            answer = await node.post("/v1/needs", json=need(**changes))

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.text
        assert {"title", "detail", "remedy", "code", "status"} <= set(answer.json())
        assert peer.ledger.count() == 1

    async def test_of_a_forked_chain_proves_the_fork_in_a_warrant(self, peer: LonePeer) -> None:
        left, right = Commons(), Commons()
        bo, twin = left.member("bo"), right.member("bo")
        one, other = bo.need(amount=1), twin.need(amount=2)
        async with asked(peer) as node:
            peer.ledger.ingest([[bo.opening, one]])
            early = await node.post("/v1/warrants", json={"chain": one.id.hex()})
            peer.ledger.ingest([[other]])

            said = await node.post("/v1/warrants", json={"chain": one.id.hex()})

            shown = await node.get(f"/v1/entries/{said.json()['id']}")
            file = await node.get(f"/v1/warrants/{one.id.hex()}")
        assert early.status_code == 404
        assert proof.check(file.content).chain == cid.text(bo.chain)
        assert (said.status_code, said.json()["kind"]) == (201, "warrant")
        assert sorted(shown.json()["deps"]) == sorted(map(cid.text, (one.id, other.id)))
        assert shown.json()["verdict"] == "valid"

    async def test_loses_its_note_when_it_is_retracted(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            ids = [(await node.post("/v1/needs", json=need(note="soup"))).json()["id"] for _ in range(2)]
            answer = await node.post("/v1/retractions", json={"ids": ids})
            bodies = [(await node.get(f"/v1/entries/{name}")).json()["body"] for name in ids]

        assert (answer.status_code, answer.json()["kind"]) == (201, "retract")
        assert bodies == [None, None]

    async def test_of_somebody_else_is_not_retracted(self, peer: LonePeer) -> None:
        stranger = Commons(peer.ledger.charter).member("stranger")
        peer.ledger.ingest([[stranger.opening]])

        async with asked(peer) as node:
            mine = (await node.post("/v1/needs", json=need(note="soup"))).json()["id"]
            foreign = await node.post("/v1/retractions", json={"ids": [cid.text(stranger.chain)]})
            mixed = await node.post("/v1/retractions", json={"ids": [mine, cid.text(stranger.chain)]})
            none = await node.post("/v1/retractions", json={"ids": []})

        assert (foreign.status_code, mixed.status_code, none.status_code) == (409, 422, 422)

    async def test_is_withdrawn_once(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            published = (await node.post("/v1/needs", json=need())).json()
            first = await node.post("/v1/withdrawals", json={"id": published["id"]})
            second = await node.post("/v1/withdrawals", json={"id": published["id"]})

        assert first.status_code == 201
        assert (second.status_code, second.json()["rule"]) == (422, "withdraw.again")


class TestABatch:
    async def test_is_published_whole(self, peer: LonePeer) -> None:
        signals = [{"kind": "need", **need()}, {"kind": "offer", **need()}]

        async with asked(peer) as node:
            answer = await node.post("/v1/signals", json={"signals": signals})

        assert [one["kind"] for one in answer.json()] == ["need", "offer"]

    async def test_of_which_one_is_refused_is_not_published(self, peer: LonePeer) -> None:
        signals = [{"kind": "need", **need()}, {"kind": "offer", **need(amount=0)}]

        async with asked(peer) as node:
            answer = await node.post("/v1/signals", json={"signals": signals})

        assert (answer.status_code, answer.json()["rule"]) == (422, "intent.amount")
        assert peer.ledger.count() == 1

    async def test_may_not_be_empty(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            assert (await node.post("/v1/signals", json={"signals": []})).status_code == 422


class TestARequest:
    async def test_is_json_and_says_so(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            silent = await node.post("/v1/needs", content=b"{}")
            broken = await node.post("/v1/needs", content=b"{", headers={"content-type": "application/json"})

        assert (silent.status_code, broken.status_code) == (415, 400)

    async def test_is_bounded(self, peer: LonePeer) -> None:
        body = b'"' + b"x" * MAX_REQUEST_BYTES + b'"'

        async with asked(peer) as node:
            answer = await node.post("/v1/needs", content=body, headers={"content-type": "application/json"})

        assert answer.status_code == 413

    @pytest.mark.parametrize(
        ("path", "named"),
        [
            ("/v1/entries?limit=x", "limit"),
            ("/v1/entries?limit=0", "limit"),
            ("/v1/entries?limit=1001", "limit"),
            ("/v1/entries?after=-1", "after"),
            ("/v1/entries?after=99999999999999999999999", "after"),
            ("/v1/entries?kind=gossip", "x.…"),
            ("/v1/entries?page=2", "after, limit, kind, chain"),
            ("/v1/field?kind=commit", "kind"),
            ("/v1/field?resource_class=gold", "use care, food"),
            ("/v1/field?everything=perhaps", "everything"),
            ("/v1/status?verbose=1", "verbose"),
        ],
    )
    async def test_asks_only_what_there_is(self, peer: LonePeer, path: str, named: str) -> None:
        async with asked(peer) as node:
            answer = await node.get(path)

        assert answer.status_code == 422
        assert named in answer.text

    async def test_may_list_a_custom_kind(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            assert (await node.get("/v1/entries?kind=x.org.example.note")).json() == []

    async def test_for_no_route_is_a_problem_too(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            nowhere, wrong_way = await node.get("/v2/status"), await node.delete("/v1/status")

        assert (nowhere.status_code, wrong_way.status_code) == (404, 405)
        assert nowhere.headers["content-type"] == "application/problem+json"

    async def test_that_nobody_expected_tells_no_secrets(self, peer: LonePeer, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> int:
            raise RuntimeError("the seed is 42")

        monkeypatch.setattr(peer.ledger, "count", fail)
        async with asked(peer) as node:
            answer = await node.get("/v1/status")

        assert answer.status_code == 500
        assert "42" not in answer.text


class TestAsking:
    async def test_lists_entries_page_by_page(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            for _ in range(3):
                await node.post("/v1/needs", json=need())
            first = (await node.get("/v1/entries", params={"limit": 2})).json()
            rest = (await node.get("/v1/entries", params={"after": first[-1]["arrival"]})).json()
            needs = (await node.get("/v1/entries", params={"kind": "need"})).json()

        assert [one["sequence"] for one in first + rest] == [0, 1, 2, 3]
        assert len(needs) == 3

    async def test_says_why_an_entry_counts(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            published = (await node.post("/v1/needs", json=need())).json()
            why = (await node.get(f"/v1/entries/{published['id']}/why")).json()

        assert (why["verdict"], why["is_effective"], why["rule"]) == ("valid", True, None)

    async def test_does_not_know_what_it_does_not_hold(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            assert (await node.get("/v1/entries/bafyreiaaaaaaaaaa")).status_code == 404
            assert (await node.get("/v1/entries/bafyreiaaaaaaaaaa/why")).status_code == 404

    async def test_makes_members_with_chains_of_their_own(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            made = await node.post("/v1/members", json={"name": "bo"})
            again = await node.post("/v1/members", json={"name": "bo"})
            members = (await node.get("/v1/members")).json()

        assert (made.status_code, again.status_code) == (201, 409)
        assert [one["name"] for one in members] == ["anna", "bo"]
        assert len({one["chain"] for one in members}) == 2

    async def test_names_the_methods_that_a_route_has(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            answer = await node.delete("/v1/members")

        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")

    async def test_dials_no_peer_whose_address_says_nothing(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            answer = await node.post("/v1/peers", json={"address": "nonsense"})

        assert answer.status_code == 422

    async def test_says_that_a_peer_is_not_reached(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            answer = await node.post("/v1/peers", json={"address": "/ip4/127.0.0.1/tcp/9/p2p/x"})

        assert (answer.status_code, answer.json()["code"]) == (502, "unreachable")

    async def test_judges_everything_again(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            assert (await node.post("/v1/verify")).json() == {
                "entries": 1, "invalid": 0, "awaiting": [], "faults": [],
            }  # fmt: skip


class TestARunFile:
    async def test_goes_out_and_comes_in(self, peer: LonePeer, tmp_path: Path) -> None:
        async with asked(peer) as node:
            await node.post("/v1/needs", json=need())
            data = (await node.get("/v1/runs")).content
        other = LonePeer(tmp_path / "other")

        async with asked(other) as node:
            answer = await node.post("/v1/runs", content=data)

        assert answer.json() == {"accepted": 2, "awaiting": 0, "faults": []}

    async def test_that_is_torn_names_its_rule(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            data = (await node.get("/v1/runs")).content
            answer = await node.post("/v1/runs", content=data[:-5])

        assert (answer.status_code, answer.json()["rule"]) == (422, "runfile.truncated")


class TestTheDocument:
    async def test_describes_every_route_and_problem(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            document = (await node.get("/openapi.json")).json()

        assert TOLD | {"/v1/needs", "/v1/offers", "/v1/signals", "/v1/withdrawals"} <= set(document["paths"])
        posted = document["paths"]["/v1/needs"]["post"]["responses"]
        assert set(posted) == {"201", "400", "401", "403", "404", "409", "413", "415", "422", "default"}
        for path in document["paths"].values():
            for operation in path.values():
                assert "application/problem+json" in operation["responses"]["default"]["content"]

    async def test_refers_only_to_schemas_that_it_holds(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            text = (await node.get("/openapi.json")).text
            schemas = (await node.get("/openapi.json")).json()["components"]["schemas"]

        named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
        assert named <= set(schemas)
        assert schemas["NewNeed"]["additionalProperties"] is False

    async def test_says_what_a_query_may_be(self, peer: LonePeer) -> None:
        async with asked(peer) as node:
            paths = (await node.get("/openapi.json")).json()["paths"]

        entries = {one["name"]: one["schema"] for one in paths["/v1/entries"]["get"]["parameters"]}
        field = {one["name"]: one["schema"] for one in paths["/v1/field"]["get"]["parameters"]}
        assert (entries["limit"]["minimum"], entries["limit"]["maximum"], entries["limit"]["default"]) == (1, 1000, 100)
        assert "offer" in str(field["kind"])
        assert [one["required"] for one in paths["/v1/peers"]["delete"]["parameters"]] == [True]
