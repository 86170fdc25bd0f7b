"""Public vectors, unmodified: signatures, key agreement, encryption, CBOR examples, dag-cbor fixtures, a CAR file.

They are looked for in the directory that MYCELIA_PUBLIC_VECTORS names, else in `shared/vectors`
beside the checkout. What our profile refuses on purpose is listed here, by name and by rule.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_aead
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal_aead
from nacl.bindings import crypto_scalarmult
from nacl.exceptions import CryptoError

from mycelia_protocol import canonical, cid, keys, privacy
from mycelia_protocol.errors import Malformed

BESIDE = Path(__file__).parents[3] / "shared" / "vectors"
PUBLIC = Path(os.environ.get("MYCELIA_PUBLIC_VECTORS", BESIDE))
if not PUBLIC.is_dir():
    pytest.skip(f"no public vectors at {PUBLIC} (name them in MYCELIA_PUBLIC_VECTORS)", allow_module_level=True)


def words(text: str) -> list[str]:
    return text.split()


# Names of the dag-cbor fixtures that our profile refuses.
TAGGED = words("""
    cid-QmQg1v4o9xdT3Q14wh4S7dxZkDjyZ9ssFzFzyep1YrVJBY cid-QmRgutAxd8t7oGkSm4wmeuByG6M51wcTso6cubDdQtuEfL
    cid-QmXg9Pp2ytZ14xgmQjYEiHjVjMFXzCVVEcRTWJBmLgR39V cid-arrayof cid-bafkqabiaaebagba
    cid-bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4
    cid-bafkreifw7plhl6mofk6sfvhnfh64qmkq73oeqwl6sloru6rehaoujituke
    cid-bafyreidj5idub6mapiupjwjsyyxhyhedxycv4vihfsicm2vt46o7morwlm
    cid-bafyreiejkvsvdq4smz44yuwhfymcuvqzavveoj2at3utujwqlllspsqr6q
    cid-bagcqcera73rupyla6bauseyk75rslfys3st25spm75ykhvgusqvv2zfqtucq
    cid-bagyacvradn6dsgl6sw2jwoh7s3d37hq5wsu7g22wtdwnmaaaaaaaaaaaaaaa
    cid-bagyqcvraypzcitp3hsbtyyxhfyc3p7i3226lullm2rkzqsqqlhnxus7tqnea
    cid-bahaacvrabdhd3fzrwaambazyivoiustl2bo2c3rgweo2ug4rogcoz2apaqaa
    cid-bahaacvrasyauh7rmlyrmyc7qzvktjv7x6q2h6ttvei6qon43tl3riaaaaaaa cid-mapof
    cid-z8mWaJ1dZ9fH5EetPuRsj8jj26pXsgpsr cid-zdj7Wd8AMwqnhJGQCbFxBVodGSBG84TM7Hs1rcJuQMwTyfEDS
    cid-zdpuAtX7ZibcWdSKQwiDCkPjWwRvtcKCPku9H7LhgA4qJW4Wk
    dagpb_11unnamedlinks+data dagpb_1link dagpb_2link+data dagpb_4namedlinks+data dagpb_7unnamedlinks+data
    dagpb_Links_Hash_some dagpb_Links_Hash_some_Name_some dagpb_Links_Hash_some_Name_zero
    dagpb_Links_Hash_some_Tsize_some dagpb_Links_Hash_some_Tsize_zero
    dagpb_simple_forms_2 dagpb_simple_forms_3 dagpb_simple_forms_4
    garbage-00 garbage-01 garbage-02 garbage-05 garbage-06 garbage-14 garbage-16 garbage-17 garbage-18
""")
FLOATS = words("""
    float--0.5 float--0.9999999999999999 float--1.1 float--1e-323 float--8.940696716308594e-8 float-0.5
    float-0.9999999999999999 float-1.1 float-1.1111111111111112 float-1e-323 float-8.940696716308594e-8
    float-82497.63712086187
    garbage-03 garbage-07 garbage-09 garbage-11 garbage-15 garbage-19 garbage-20 garbage-22 garbage-24
""")
BEYOND_64_BITS = ["int--11959030306112471732", "int-11959030306112471731", "int-18446744073709551615"]
REFUSED_FIXTURES = {
    **dict.fromkeys(TAGGED, "canonical.type"),
    **dict.fromkeys(FLOATS, "canonical.float"),
    **dict.fromkeys(BEYOND_64_BITS, "canonical.integer"),
}

# What of RFC 8949, appendix A our profile accepts: every other example there is refused.
ACCEPTED_EXAMPLES = words("""
    00 01 0a 17 1818 1819 1864 1903e8 1a000f4240 1b000000e8d4a51000 20 29 3863 3903e7 f4 f5 f6
    40 4401020304 60 6161 6449455446 62225c 62c3bc 63e6b0b4 64f0908591 80 83010203 8301820203820405
    98190102030405060708090a0b0c0d0e0f101112131415161718181819
    a0 a26161016162820203 826161a161626163 a56161614161626142616361436164614461656145
""")

ONE_MIB = 1024 * 1024


def public(path: str) -> Any:
    return json.loads((PUBLIC / path).read_text("utf-8"))


class TestASignatureVerdict:
    def test_is_wycheproofs(self) -> None:
        groups = public("ed25519/wycheproof_ed25519_test.json")["testGroups"]
        cases = [(group["publicKey"]["pk"], case) for group in groups for case in group["tests"]]

        assert len(cases) == 151
        for key, case in cases:
            assert is_good(key, case["sig"], case["msg"]) == (case["result"] == "valid"), case["tcId"]

    def test_accepts_case_3_alone_of_the_twelve_of_speccheck(self) -> None:
        cases = public("ed25519/speccheck_cases.json")

        accepted = [
            number for number, case in enumerate(cases) if is_good(case["pub_key"], case["signature"], case["message"])
        ]

        assert len(cases) == 12
        assert accepted == [3]


class TestKeyAgreement:
    def test_is_wycheproofs_and_refuses_a_shared_secret_of_zero(self) -> None:
        groups = public("ed25519/wycheproof_x25519_test.json")["testGroups"]
        cases = [case for group in groups for case in group["tests"]]

        assert len(cases) == 518
        assert {case["result"] for case in cases} == {"valid", "acceptable"}
        for case in cases:
            shared = bytes.fromhex(case["shared"])
            assert agreed(case["private"], case["public"]) == (shared if any(shared) else None), case["tcId"]


class TestAuthenticatedEncryption:
    def test_is_wycheproofs(self) -> None:
        groups = public("ed25519/wycheproof_xchacha20_poly1305_test.json")["testGroups"]
        cases = [(group["ivSize"], case) for group in groups for case in group["tests"]]

        assert len(cases) == 315
        for nonce_bits, case in cases:
            key, nonce, bound, message = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg"))
            ciphertext = bytes.fromhex(case["ct"] + case["tag"])
            if nonce_bits != 8 * privacy.NONCE_BYTES:
                assert case["result"] == "invalid"  # no other length is ever used: `private.form`
            elif case["result"] == "valid":
                assert seal_aead(message, bound, nonce, key) == ciphertext, case["tcId"]
                assert open_aead(ciphertext, bound, nonce, key) == message, case["tcId"]
            else:
                with pytest.raises(CryptoError):
                    open_aead(ciphertext, bound, nonce, key)


class TestTheProfile:
    def test_accepts_what_it_means_to_of_rfc_8949(self) -> None:
        examples = [example["hex"] for example in public("cbor/rfc8949_appendix_a.json")]

        accepted = [example for example in examples if rule_against(bytes.fromhex(example)) is None]

        assert len(examples) == 82
        assert accepted == ACCEPTED_EXAMPLES

    def test_reads_writes_and_names_every_dag_cbor_fixture_that_it_has_room_for(self) -> None:
        fixtures = public("dag-cbor/ipld_codec_fixtures.json")
        refused = {}

        for name, encodings in fixtures.items():
            ((identifier, encoding),) = encodings.items()
            data = bytes.fromhex(encoding)
            assert cid.text(cid.digest(data)) == identifier
            rule = rule_against(data)
            if rule is None:
                assert canonical.encode(canonical.decode(data, max_bytes=ONE_MIB)) == data
            else:
                refused[name] = rule

        assert len(fixtures) == 128
        assert refused == REFUSED_FIXTURES

    def test_refuses_duplicate_keys(self) -> None:
        for case in public("dag-cbor/duplicate-keys.json"):
            assert rule_against(bytes.fromhex(case["hex"])) == "canonical.form"


class TestACarFile:
    def test_names_its_dag_cbor_blocks_as_we_do(self) -> None:
        data = (PUBLIC / "car" / "carv1-basic.car").read_bytes()
        listed = [block["cid"]["/"] for block in public("car/carv1-basic.json")["blocks"]]

        named = [cid.text(cid.digest(block)) for prefix, block in blocks(data) if prefix == b"\x01\x71\x12\x20"]

        assert named == [name for name in listed if name.startswith("bafyrei")]
        assert len(named) == 2


def is_good(key: str, signature: str, message: str) -> bool:
    public_key, signed, text = bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message)
    return keys.verify(public_key, signed, text, network=b"", digest=b"")


def agreed(secret: str, key: str) -> bytes | None:
    try:
        return crypto_scalarmult(bytes.fromhex(secret), bytes.fromhex(key))
    except CryptoError:
        return None


def rule_against(data: bytes) -> str | None:
    try:
        canonical.decode(data, max_bytes=ONE_MIB)
    except Malformed as refused:
        return refused.rule
    return None


def blocks(car: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (first four bytes of the CID, block) of a CARv1 file: varint lengths, then CID and block."""
    at, is_header = 0, True
    while at < len(car):
        length, shift = 0, 0
        while True:
            byte = car[at]
            length, shift, at = length | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                break
        section, at = car[at : at + length], at + length
        if not is_header:
            cid_bytes = 34 if section[:2] == b"\x12\x20" else 36
            yield section[:4], section[cid_bytes:]
        is_header = False
