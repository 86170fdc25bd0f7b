"""The vectors that come with PyNaCl's source, unmodified: 1,024 signatures, sealed boxes, XChaCha20-Poly1305.

They are `tests/data` of its source distribution, looked for in the directory that MYCELIA_PYNACL_DATA names.
The gate fetches them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_aead
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal_aead
from nacl.bindings import crypto_box_seal_open

from mycelia_protocol import keys, privacy

DATA = Path(os.environ.get("MYCELIA_PYNACL_DATA", "tests/data"))
if not (DATA / "sealed_box_ref.txt").is_file():
    pytest.skip(f"no test data of PyNaCl at {DATA} (name them in MYCELIA_PYNACL_DATA)", allow_module_level=True)


def lines(name: str) -> list[str]:
    """Return the lines of a file but for comments."""
    return [line for line in (DATA / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_signatures_are_made_and_verified_as_their_inventors_do() -> None:
    rows = [[bytes.fromhex(field) for field in line.split(":")[:4]] for line in lines("ed25519")]

    assert len(rows) == 1024
    for secret, public, message, signed in rows:
        pair, signature = keys.keypair(secret[:32]), signed[:64]
        assert pair.public == public
        assert keys.sign(pair, message, network=b"", digest=b"") == signature
        assert keys.verify(public, signature, message, network=b"", digest=b"")
        assert not keys.verify(public, signature, message + b"x", network=b"", digest=b"")


def test_sealed_boxes_open() -> None:
    rows = [[bytes.fromhex(field.split(":")[-1]) for field in line.split("\t")] for line in lines("sealed_box_ref.txt")]

    assert len(rows) == 3
    for secret, key, message, box in rows:
        assert privacy.box_key(secret) == key
        assert crypto_box_seal_open(box, key, secret) == message


def test_xchacha20_poly1305_seals_and_opens() -> None:
    fields = dict(line.split(": ") for line in lines("xchacha20-poly1305-ietf_ref.txt"))
    message, bound, nonce, key, text, tag = (
        bytes.fromhex(fields[name]) for name in ("IN", "AD", "NONCE", "KEY", "CT", "TAG")
    )

    assert seal_aead(message, bound, nonce, key) == text + tag
    assert open_aead(text + tag, bound, nonce, key) == message
