"""The proof of a fork as a file: what anybody can check who holds neither branch, nor is of the commons.

Beside the document of chapter 15 it has the `open` of the chain, which names its key and whose digest is its id.

Spec: 15-warrant, "The document".
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from mycelia_protocol import cid, warrant
from mycelia_protocol.chain import key_of_open
from mycelia_protocol.envelope import Entry, read_entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.keys import did

from . import models

MAX_BYTES = 256 * 1024


def write(network: bytes, opening: Entry, one: list[Entry], other: list[Entry]) -> models.ProofFile:
    """Return the file of two runs that part at their first entries, each sealed at its end."""
    document = base64.b64encode(warrant.write(one, other)).decode()
    return models.ProofFile(network=cid.text(network), open=opening.raw.hex(), warrant=document)


def check(data: bytes) -> models.ProofView:
    """Return what a file proves.

    Raises:
        Malformed: it proves nothing; by the rules of chapter 15, or as no such file (rule `warrant.form`).
    """
    try:
        file = msgspec.json.decode(data[: MAX_BYTES + 1], type=models.ProofFile)
        opening = read_entry(bytes.fromhex(file.open))
        document = base64.b64decode(file.warrant, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise Malformed("warrant.form", "this is no file that `mycelia warrant --export` writes") from error
    network, key = cid.link(file.network), key_of_open(opening)
    proof = warrant.check(document, network=network, key=key, chain=opening.id)
    return models.ProofView(
        network=file.network,
        chain=cid.text(proof.chain),
        key=did(key),
        sequence=proof.sequence,
        entries=[cid.text(proof.one), cid.text(proof.other)],
    )
