"""The envelope: what an entry is on the wire, on disk and under its signature.

An entry is a header, a flat array whose fields stand at fixed positions, and
perhaps a body. The header carries everything that any rule reads; the body
holds only what no rule reads, so no verdict depends on a body being present.
`id` is the digest of the header's bytes, signature excluded: bytes are kept and
signed, never re-serialised to verify.

    >>> from mycelia_protocol import keys
    >>> pair = keys.keypair(bytes(32))
    >>> header = Header(None, 0, None, 1 << 16, "open", 0, bytes(8), b"", None, None, 0, [pair.public, None])
    >>> entry = seal(header, pair, network=bytes(32))
    >>> entry.chain == entry.id, read_header(entry.raw) == header
    (True, True)

Spec: 04-envelope.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, cast

import cbor2

from . import keys
from .canonical import INT64_MAX, INT64_MIN, Value, decode, encode, load
from .cid import DIGEST_BYTES, digest
from .errors import Malformed

VERSION = 1
MAX_HEADER_BYTES = 2048
MAX_DEPS = 32
MAX_BODY_BYTES = 32 * 1024
MAX_KIND_BYTES = 64
INCARNATION_BYTES = 8
NONCE_BYTES = 16

Term = int | bytes | str | bool | None
_PLAIN = frozenset({bytes, str, bool, type(None)})

_IDS = [Struct(f"{DIGEST_BYTES}s" * count) for count in range(MAX_DEPS + 1)]  # so many ids, one after the other
_KIND = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*", re.ASCII)


class Header(NamedTuple):
    """The signed part of an entry, in the order of its bytes (after the leading version)."""

    chain: bytes | None  # id of the chain's `open`; null in the `open` itself
    sequence: int  # place in the chain, from 0
    backlink: bytes | None  # id of the entry before; null in the `open`
    time: int  # hybrid logical clock: milliseconds << 16 | counter
    kind: str
    charter_version: int
    incarnation: bytes  # 8 bytes, fresh each time a key store is opened
    deps: bytes  # sorted 32-byte ids, one after the other: everything that a rule may read
    expiry: int | None  # milliseconds after `time` from which the body may be dropped
    body_digest: bytes | None
    body_length: int
    terms: list[Term]  # flat; meaning by position, per kind

    @property
    def time_ms(self) -> int:
        """Milliseconds since the Unix epoch, the part of the clock that windows compare with."""
        return self.time >> 16

    def named(self, term: Term) -> bytes | None:
        """Return the id that a term points to, None if it is no index of a dependency."""
        if type(term) is not int or not 0 <= term < len(self.deps) // DIGEST_BYTES:
            return None
        return self.dep(term)

    def dep(self, index: int) -> bytes:
        """Return the id at `index` of the dependencies."""
        return self.deps[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]

    @property
    def links(self) -> tuple[bytes, ...]:
        """The ids of all dependencies, sorted."""
        return _IDS[len(self.deps) // DIGEST_BYTES].unpack(self.deps)


class Entry(NamedTuple):
    """A header with its id and bytes, its signature if this copy is sealed, its body if held."""

    id: bytes
    chain: bytes
    header: Header
    raw: bytes
    signature: bytes | None
    body: bytes | None


def read_header(raw: bytes) -> Header:
    """Return the header that `raw` encodes, checking size, canonical form and every field's type.

    Raises:
        Malformed: rules `envelope.size`, `envelope.form`, `envelope.version`, `envelope.fields`,
            `envelope.kind`, `envelope.deps`, `envelope.terms`, the first of them that is broken.
    """
    if len(raw) > MAX_HEADER_BYTES:
        raise Malformed("envelope.size", f"a header of {len(raw)} bytes, at most {MAX_HEADER_BYTES} are allowed")
    try:
        return _header_of(raw)
    except Malformed:
        _check_form(raw)  # only now: the types by position have already checked the profile of a good header
        raise


def deps_of(raw: bytes) -> bytes:
    """Return the dependencies of a header that was read before: the form is not checked again, which is costly."""
    return cast(bytes, cbor2.loads(raw)[1 + Header._fields.index("deps")])


def _header_of(raw: bytes) -> Header:
    fields = load(raw)
    if type(fields) is not list or cbor2.dumps(fields) != raw:
        raise Malformed("envelope.form", "the header is not an array in canonical form")
    if not fields or type(fields[0]) is not int or fields[0] != VERSION:
        raise Malformed("envelope.version", f"envelope version {fields[:1]}, this is version {VERSION}")
    if len(fields) != 13:
        raise Malformed("envelope.fields", f"{len(fields)} fields, a header has 13")
    header = Header._make(fields[1:])
    _check_fields(header)
    return header


def _check_form(raw: bytes) -> None:
    try:
        decode(raw, max_bytes=MAX_HEADER_BYTES)
    except Malformed as error:
        raise Malformed("envelope.form", f"no canonical header: {error.message}") from error


def _check_fields(header: Header) -> None:
    chain, sequence, backlink, time, kind, charter_version, incarnation, deps, expiry, body, length, terms = header
    first = sequence == 0
    if not (
        (chain is None if first else type(chain) is bytes and len(chain) == DIGEST_BYTES)
        and type(sequence) is int
        and 0 <= sequence <= INT64_MAX
        and (backlink is None if first else type(backlink) is bytes and len(backlink) == DIGEST_BYTES)
        and type(time) is int
        and 0 < time <= INT64_MAX
        and type(charter_version) is int
        and 0 <= charter_version <= INT64_MAX
        and type(incarnation) is bytes
        and len(incarnation) == INCARNATION_BYTES
        and (expiry is None or (type(expiry) is int and 0 < expiry <= INT64_MAX))
        and type(length) is int
        and (length == 0 if body is None else type(body) is bytes and len(body) == DIGEST_BYTES and length > 0)
        and length <= MAX_BODY_BYTES
    ):
        raise Malformed("envelope.fields", "a field has the wrong type, length or range")
    if type(kind) is not str or len(kind) > MAX_KIND_BYTES or not _is_kind(kind) or (kind == "open") != first:
        raise Malformed("envelope.kind", "a kind is dotted lower-case ASCII; `open` alone stands at sequence 0")
    if type(deps) is not bytes or len(deps) % DIGEST_BYTES or len(deps) > MAX_DEPS * DIGEST_BYTES:
        raise Malformed("envelope.deps", f"dependencies are at most {MAX_DEPS} ids of 32 bytes")
    if len(deps) > DIGEST_BYTES:
        links = header.links
        if links != tuple(sorted(set(links))):
            raise Malformed("envelope.deps", "dependencies are not sorted and unique")
    if type(terms) is not list:
        raise Malformed("envelope.terms", "the terms are not an array")
    for term in terms:
        if not (INT64_MIN <= term <= INT64_MAX if type(term) is int else type(term) in _PLAIN):
            raise Malformed("envelope.terms", "a term is not an integer, bytes, text, boolean or null")


@lru_cache(maxsize=1024)
def _is_kind(kind: str) -> bool:
    return _KIND.fullmatch(kind) is not None


def write_header(header: Header) -> bytes:
    """Return the canonical bytes of `header`.

    Raises:
        Malformed: the header breaks a rule of `read_header`.
    """
    _check_fields(header)
    try:
        raw = cbor2.dumps([VERSION, *header])
    except UnicodeEncodeError as error:
        raise Malformed("envelope.terms", "a text term holds half of a surrogate pair") from error
    if len(raw) > MAX_HEADER_BYTES:
        raise Malformed("envelope.size", f"a header of {len(raw)} bytes, at most {MAX_HEADER_BYTES} are allowed")
    return raw


def read_entry(raw: bytes, signature: bytes | None = None, body: bytes | None = None) -> Entry:
    """Return the entry of these header bytes; a body that is not the header's is refused.

    The signature is carried along, not checked: that needs the chain's key (see `chain`).

    Raises:
        Malformed: as `read_header`, or `envelope.body`.
    """
    header = read_header(raw)
    if body is not None and (len(body) != header.body_length or digest(body) != header.body_digest):
        raise Malformed("envelope.body", "the body is not the one that the header names")
    name = digest(raw)
    return Entry(name, header.chain or name, header, raw, signature, body)


def seal(header: Header, pair: keys.KeyPair, *, network: bytes, body: bytes | None = None) -> Entry:
    """Return the signed entry of `header`, whose body fields already describe `body`.

    Raises:
        Malformed: as `write_header`.
    """
    raw = write_header(header)
    name = digest(raw)
    signature = keys.sign(pair, keys.ENTRY, network=network, digest=name)
    return Entry(name, header.chain or name, header, raw, signature, body)


def is_signed_by(entry: Entry, key: bytes, *, network: bytes) -> bool:
    """Return whether the entry's own signature is good for `key` on `network`."""
    signature = entry.signature
    return signature is not None and keys.verify(key, signature, keys.ENTRY, network=network, digest=entry.id)


def write_body(content: dict[str, Value], nonce: bytes) -> bytes:
    """Return the body block: a 16-byte nonce, so that a deleted body cannot be guessed, and a map.

    Raises:
        Malformed: the content lies outside the canonical profile or the block is too large.
    """
    block = encode([nonce, cast(Value, content)])
    if len(block) > MAX_BODY_BYTES:
        raise Malformed("envelope.body", f"a body of {len(block)} bytes, at most {MAX_BODY_BYTES} are allowed")
    return block


def read_body(block: bytes) -> dict[str, Value]:
    """Return the content of a body block.

    Raises:
        Malformed: not canonical, or not `[nonce, map]` (rule `envelope.body`).
    """
    try:
        value = decode(block, max_bytes=MAX_BODY_BYTES)
    except Malformed as error:
        raise Malformed("envelope.body", f"no canonical body block: {error.message}") from error
    if isinstance(value, list) and len(value) == 2:
        nonce, content = value
        if isinstance(nonce, bytes) and len(nonce) == NONCE_BYTES and isinstance(content, dict):
            return content
    raise Malformed("envelope.body", "a body block is a nonce of 16 bytes and a map")
