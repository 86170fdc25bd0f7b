"""Keys and the signature verdict, read aloud (spec 03)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import keys

SEEDS = some.binary(min_size=32, max_size=32)
NETWORK, DIGEST = bytes([7]) * 32, bytes([9]) * 32


class TestASignature:
    @given(seed=SEEDS, digest=some.binary(min_size=32, max_size=32))
    def test_is_good_for_its_key_network_and_digest(self, seed: bytes, digest: bytes) -> None:
        pair = keys.keypair(seed)

        signature = keys.sign(pair, keys.ENTRY, network=NETWORK, digest=digest)

        assert keys.verify(pair.public, signature, keys.ENTRY, network=NETWORK, digest=digest)

    @given(at=some.integers(0, 511))
    def test_is_bad_with_any_bit_turned(self, at: int) -> None:
        pair = keys.keypair(bytes(32))
        signature = bytearray(keys.sign(pair, keys.ENTRY, network=NETWORK, digest=DIGEST))

        signature[at // 8] ^= 1 << at % 8

        assert not keys.verify(pair.public, bytes(signature), keys.ENTRY, network=NETWORK, digest=DIGEST)

    def test_says_nothing_on_another_network_or_in_another_context(self) -> None:
        pair = keys.keypair(bytes(32))
        signature = keys.sign(pair, keys.ENTRY, network=NETWORK, digest=DIGEST)

        assert not keys.verify(pair.public, signature, keys.ENTRY, network=DIGEST, digest=DIGEST)
        assert not keys.verify(pair.public, signature, b"mycelia/1/other\0", network=NETWORK, digest=DIGEST)

    @given(key=some.binary(max_size=40), signature=some.binary(max_size=80))
    def test_of_anything_is_bad_and_no_error(self, key: bytes, signature: bytes) -> None:
        assert not keys.verify(key, signature, keys.ENTRY, network=NETWORK, digest=DIGEST)


class TestAKeyPair:
    def test_does_not_show_its_secret(self) -> None:
        pair = keys.keypair(bytes(range(32)))

        assert pair.secret.hex()[:16] not in repr(pair)
        assert str(pair.secret)[2:18] not in f"{pair}"

    @pytest.mark.parametrize("zeros", [0, 1, 5])
    def test_is_shown_as_did_key_with_every_leading_byte(self, zeros: int) -> None:
        shown = keys.did(bytes(zeros) + bytes([255]) * (32 - zeros))

        assert shown.startswith("did:key:z6Mk")
        assert len(shown) == 56
