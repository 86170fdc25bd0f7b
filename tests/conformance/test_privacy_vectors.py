"""The sealing vectors of chapter 17, each done with the code; libsodium itself opens every box that the code made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from mycelia_protocol import privacy
from mycelia_protocol.canonical import Value
from mycelia_protocol.cid import digest
from mycelia_protocol.errors import ProtocolError

from .vectors import Vector, spelled, unspelled, vectors

Given = dict[str, Any]
VECTORS = vectors("privacy")
CASES = [pytest.param(vector, id=vector["name"]) for vector in VECTORS]
SECRETS = {vector["given"]["secret"] for vector in VECTORS if "secret" in vector["given"]}
SEALED = [
    pytest.param(vector, id=vector["name"])
    for vector in VECTORS
    if vector["do"] == "private-seal" and "expect" in vector
]


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

    @pytest.mark.parametrize("vector", SEALED)
    def test_has_boxes_that_libsodium_opens(self, vector: Vector) -> None:
        keys = list(_opened_by_libsodium(vector["expect"]["content"]))

        _, commitment, _, _ = _fields(vector["expect"]["content"])
        assert all(digest(b"mycelia/1/content-key\0" + key) == commitment for key in keys)
        assert keys or not {privacy.box_key(bytes.fromhex(secret)).hex() for secret in SECRETS} & set(
            vector["given"]["recipients"]
        )


class TestTheVectors:
    def test_have_names_of_their_own_and_one_end_each(self) -> None:
        assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
        for vector in VECTORS:
            assert set(vector) - {"expect", "refuse"} == {"name", "comment", "do", "given"}
            assert ("expect" in vector) != ("refuse" in vector)

    def test_accept_beside_each_deed_that_refuses(self) -> None:
        refusing = {vector["do"] for vector in VECTORS if "refuse" in vector}

        assert refusing == {"private-seal", "private-open"}
        assert refusing <= {vector["do"] for vector in VECTORS if "expect" in vector}


def _fields(content: Any) -> tuple[bytes, bytes, bytes, bytes]:
    sealed = unspelled(content)
    assert isinstance(sealed, dict)
    fields = sealed["sealed"]
    assert isinstance(fields, list)
    nonce, commitment, boxes, ciphertext = fields
    assert isinstance(nonce, bytes)
    assert isinstance(commitment, bytes)
    assert isinstance(boxes, bytes)
    assert isinstance(ciphertext, bytes)
    return nonce, commitment, boxes, ciphertext


def _opened_by_libsodium(content: Any) -> Iterator[bytes]:
    _, _, boxes, _ = _fields(content)
    for secret in SECRETS:
        for at in range(0, len(boxes), 80):
            try:
                yield SealedBox(PrivateKey(bytes.fromhex(secret))).decrypt(boxes[at : at + 80])
            except CryptoError:
                continue  # another recipient's


def _box_key(given: Given) -> object:
    return {"box_key": privacy.box_key(bytes.fromhex(given["secret"])).hex()}


def _seal(given: Given) -> object:
    random = BytesIO(bytes.fromhex(given["random"]))
    sealed = privacy.seal(
        _map(unspelled(given["content"])),
        [bytes.fromhex(key) for key in given["recipients"]],
        network=bytes.fromhex(given["network"]),
        chain=bytes.fromhex(given["chain"]),
        entropy=random.read,
    )
    assert not random.read(), "not all of the randomness was asked for"
    return {"content": spelled(sealed)}


def _open(given: Given) -> object:
    secret, network, chain = (bytes.fromhex(given[name]) for name in ("secret", "network", "chain"))
    content = privacy.open_sealed(_map(unspelled(given["content"])), secret, network=network, chain=chain)
    return {"content": spelled(content)}


def _map(value: Value) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value


DEEDS: dict[str, Callable[[Given], object]] = {"box-key": _box_key, "private-seal": _seal, "private-open": _open}
