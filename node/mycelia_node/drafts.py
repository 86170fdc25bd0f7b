"""Drafts: what several holders of root keys sign before it is published, as a text to paste from one to the other.

Nothing in a draft is secret. It is read with distrust: whoever sends one may
want something else signed than they say.

    >>> draft = Draft(bytes(32), "id.close", bytes(32), (0,), NO_MOMENT, b"", b"")
    >>> read(draft.text()) == draft, sorted(draft.signed_by)
    (True, [])

Spec: 13-identity, "Several holders".
"""

from __future__ import annotations

from typing import NamedTuple, cast

from mycelia_protocol import canonical, cid, keys, pasted
from mycelia_protocol.compose import Content, Moment
from mycelia_protocol.envelope import INCARNATION_BYTES, Header, Term
from mycelia_protocol.errors import Malformed
from mycelia_protocol.holders import SHARED_KEYS, Share
from mycelia_protocol.identity import CONTEXT, MAX_KEYS, SEAL_BYTES, KeySet, statement
from mycelia_protocol.statements import NO_MOMENT, Signers

from .faults import BadInput

STATEMENT = "myceliasign1"
SHARE = "myceliashare1"
KINDS = frozenset({"open", "id.rotate", "id.revoke", "id.close", "threshold"})
MAX_TEXT = 32_768


class Draft(NamedTuple):
    """A statement that waits for signatures."""

    network: bytes
    kind: str
    deps: bytes
    terms: tuple[Term, ...]  # all but the signatures
    moment: Moment  # of an `open`, which is signed with it
    places: bytes  # of an `open`: of the root keys of all who sign
    seals: bytes

    @classmethod
    def of(cls, content: Content, root: Signers) -> Draft:
        """Return what was composed and signed by some, as a draft for the others."""
        *terms, seals = content.terms
        moment, places = content.moment or NO_MOMENT, root.places or b""
        return cls(root.network, content.kind, content.deps, tuple(terms), moment, places, cast(bytes, seals))

    @property
    def header(self) -> Header:
        """What is signed, as the header that will carry it."""
        time, incarnation = self.moment
        terms = [*self.terms, self.seals]
        return Header(None, 0, None, time, self.kind, 0, incarnation, self.deps, None, None, 0, terms)

    @property
    def content(self) -> Content:
        """What is published once it is signed."""
        return Content(self.kind, self.header.terms, self.deps, self.moment if self.kind == "open" else None)

    @property
    def signed_by(self) -> dict[int, bytes]:
        """The signatures, by the place of their key."""
        parts = (self.seals[at : at + SEAL_BYTES] for at in range(0, len(self.seals), SEAL_BYTES))
        return {part[0]: part[1:] for part in parts}

    def signed(self, root: Signers) -> Draft:
        """Return the draft with the signatures of these root keys too."""
        message = statement(self.header, self.places)
        fresh = {
            place: keys.sign(pair, CONTEXT, network=self.network, digest=message) for place, pair in root.pairs.items()
        }
        return self._with({**self.signed_by, **fresh})

    def merged(self, other: Draft) -> Draft:
        """Return the draft with the signatures of a copy of it that others signed.

        Raises:
            BadInput: the other says something else.
        """
        if other._replace(seals=b"") != self._replace(seals=b""):
            raise BadInput("statement", "the texts do not say the same", "paste copies of one statement")
        return self._with({**other.signed_by, **self.signed_by})

    def check(self, keyset: KeySet) -> None:
        """Refuse a draft with a signature that is not good.

        Raises:
            BadInput: which one.
        """
        message = statement(self.header, self.places)
        for place, signature in self.signed_by.items():
            key = keyset.keys[place] if place < len(keyset.keys) else None
            if key is None or not keys.verify(key, signature, CONTEXT, network=self.network, digest=message):
                raise BadInput("statement", f"the signature of root key {place} is not good", "begin anew")

    def text(self) -> str:
        """Return the text that is pasted."""
        time, incarnation = self.moment
        value = [self.network, self.kind, self.deps, time, incarnation, self.places, list(self.terms), self.seals]
        return pasted.write(STATEMENT, cast(canonical.Value, value))

    def _with(self, seals: dict[int, bytes]) -> Draft:
        return self._replace(seals=b"".join(bytes([place]) + seals[place] for place in sorted(seals)))


def read(text: str) -> Draft:
    """Return the draft that a text holds.

    Raises:
        Malformed: rule `statement.text`: it holds none, or not all of one.
    """
    match pasted.read(text, STATEMENT, rule="statement.text", most=MAX_TEXT):
        case [
            bytes(network),
            str(kind),
            bytes(deps),
            int(time),
            bytes(incarnation),
            bytes(places),
            list(terms),
            bytes(seals),
        ] if (
            kind in KINDS
            and len(network) == cid.DIGEST_BYTES
            and len(deps) % cid.DIGEST_BYTES == 0
            and len(incarnation) == INCARNATION_BYTES
            and len(seals) % SEAL_BYTES == 0
            and not any(isinstance(term, list | dict) for term in terms)
        ):
            moment = Moment(time, incarnation)
            moment = NO_MOMENT if moment == NO_MOMENT else moment
            return Draft(network, kind, deps, tuple(cast(list[Term], terms)), moment, places, seals)
    raise Malformed("statement.text", "the text is no statement of this version")


def write_share(share: Share) -> str:
    """Return a holder's share as the text that the others are given."""
    return pasted.write(SHARE, [b"".join(share)])


def read_share(text: str) -> Share:
    """Return the share that a text holds.

    Raises:
        Malformed: rule `share.text`: it holds none, or not all of one.
    """
    match pasted.read(text, SHARE, rule="share.text", most=MAX_TEXT):
        case [bytes(joined)] if len(joined) == SHARED_KEYS * keys.PUBLIC_BYTES:
            parts = range(0, len(joined), keys.PUBLIC_BYTES)
            return tuple(joined[at : at + keys.PUBLIC_BYTES] for at in parts)
    raise Malformed("share.text", "the text is no share of this version")


def check_holders(threshold: int, shares: list[Share]) -> None:
    """Refuse holders that no key set can have.

    Raises:
        BadInput: they are none or too many, one of them stands twice, or more must sign than there are.
    """
    if not 1 <= len(shares) <= MAX_KEYS:
        raise BadInput("share", f"{len(shares)} holders are given", f"give 1 to {MAX_KEYS} shares")
    if len({key for share in shares for key in share}) < SHARED_KEYS * len(shares):
        raise BadInput("share", "a share is given twice", "give each holder's once")
    if not 1 <= threshold <= len(shares):
        raise BadInput("needed", f"{threshold} of {len(shares)} holders cannot sign", f"name 1 to {len(shares)}")
