"""The proof of a fork as a file: anybody checks it, and nobody can make one up."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from mycelia_node import models, proof
from mycelia_protocol import cid
from mycelia_protocol.errors import Malformed
from tests.builders import Commons

from .ledgers import new_ledger


def proven(tmp_path: Path) -> tuple[bytes, bytes, bytes]:
    """Return a proof as bytes, and the two entries that it is about."""
    left, right = Commons(), Commons()
    bo, twin = left.member("bo"), right.member("bo")
    one, other = bo.need(amount=1), twin.need(amount=2)
    ledger = new_ledger(tmp_path)
    ledger.ingest([[bo.opening, one], [other]])
    paths = ledger.runs_of_ids([one.id]) + ledger.runs_of_ids([other.id])
    return msgspec.json.encode(proof.write(ledger.network, bo.opening, *paths)), one.id, other.id


class TestAProof:
    def test_shows_whose_key_signed_what_twice(self, tmp_path: Path) -> None:
        data, one, other = proven(tmp_path)

        shown = proof.check(data)

        assert shown.sequence == 1
        assert sorted(shown.entries) == sorted(map(cid.text, (one, other)))

    @pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"network": "", "open": "zz", "warrant": ""}'])
    def test_is_no_file_of_another_kind(self, data: bytes) -> None:
        with pytest.raises(Malformed) as refused:
            proof.check(data)

        assert refused.value.rule in ("warrant.form", "cid.form")

    def test_is_not_one_of_another_network_chain_or_signature(self, tmp_path: Path) -> None:
        file = msgspec.json.decode(proven(tmp_path)[0], type=models.ProofFile)
        stranger = Commons().member("cleo").opening
        document = bytearray(base64.b64decode(file.warrant))
        document[-1] ^= 1
        forged = [
            msgspec.structs.replace(file, network=cid.text(bytes(32))),
            msgspec.structs.replace(file, open=stranger.raw.hex()),
            msgspec.structs.replace(file, warrant=base64.b64encode(document).decode()),
        ]

        rules = []
        for one in forged:
            with pytest.raises(Malformed) as refused:
                proof.check(msgspec.json.encode(one))
            rules.append(refused.value.rule)

        assert rules == ["chain.seal", "warrant.fork", "chain.seal"]
