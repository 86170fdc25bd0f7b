"""The registry: licenses, who attests what, who permits what, and why a use was allowed (chapter 21)."""

from __future__ import annotations

from typing import Any, cast

from mycelia_protocol import cid, compose
from mycelia_protocol.accumulators import Claim, Licensed
from mycelia_protocol.canonical import Value
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.kinds.designs import RESOURCE, TERMS, USE, license_of
from mycelia_protocol.kinds.licensing import known_profile
from mycelia_protocol.licenses import BUILT_IN, Duties, Profile, Row, profile_of

from . import charterfile, models, signals
from .desk import Desk, NotFound, published
from .faults import BadInput
from .hall import Hall
from .views import claim_view

DEFAULT_UNTIL = "+365d"


class Registry:
    """The licenses of a commons, and what members of one node say about each other and their designs."""

    def __init__(self, desk: Desk, hall: Hall) -> None:
        self._desk, self._hall, self._ledger, self._keystore = desk, hall, desk.ledger, desk.keystore

    def licenses(self) -> list[models.ProfileView]:
        """Return every profile that the charter knows, the commons' own first."""
        charter = self._ledger.charter
        profiles = [*charter.profiles.values(), *BUILT_IN.values()]
        return [
            profile_view(
                one,
                is_own=one.name in charter.profiles,
                is_allowed=not charter.licenses or one.name in charter.licenses,
            )
            for one in profiles
        ]

    def attest(self, new: models.NewAttestation) -> models.Published:
        """Say that something is true of an identity, or that it is not.

        Raises:
            BadInput, NotFound, Refused: nobody is named so, or a rule refuses it.
        """
        expires_ms = signals.moment("until", new.until or DEFAULT_UNTIL, self._desk.clock())
        subject = self._hall.identity_named(new.subject)
        evidence = None if new.evidence is None else self._evidence(new.evidence)
        content = compose.attest(subject, new.predicate, 0 if new.denies else 1, expires_ms, evidence)
        return self._publish(new.member, content, dry_run=new.dry_run)

    def _evidence(self, text: str) -> bytes:
        """Return the link of a content id, whatever it names, or the entry whose id begins so."""
        return cid.link(text) if len(text) == cid.CID_LENGTH else self._desk.entry(text).entry.id

    def permit(self, new: models.NewPermit) -> models.Published:
        """Let an identity use an own licensed thing, whatever its license says.

        Raises:
            BadInput, NotFound, Refused: nobody is named so, or it is no such thing.
        """
        expires_ms = signals.moment("until", new.until or DEFAULT_UNTIL, self._desk.clock())
        licensee = self._hall.identity_named(new.licensee)
        content = compose.permit(self._desk.resource_id(new.resource), licensee, new.use, expires_ms)
        return self._publish(new.member, content, dry_run=new.dry_run)

    def explain(self, name: str) -> models.LicenseView:
        """Return why an event might use a licensed thing, or might not.

        Raises:
            NotFound: there is no such entry, or it uses nothing that is licensed.
        """
        stored = self._desk.entry(name)
        entry, terms = stored.entry, stored.entry.header.terms
        design = self._design(entry)
        if design is None or not isinstance(use := terms[USE], str):
            raise NotFound(f"{name} uses no licensed thing")
        license_ = license_of(design) or ""
        noted = self._ledger.facts_of(entry.chain, "licensed").get(("licensed", design.id, 0))
        rows = dict(noted.uses) if isinstance(noted, Licensed) and stored.is_valid else {}
        profile, row = known_profile(self._ledger.charter, license_), rows[use][0] if use in rows else None
        found = next((one for one in profile.rows if one.name == row), None) if profile is not None else None
        owner, classes = self._keystore.owner(entry.chain), self._ledger.law_of(entry.chain).classes
        claims = [
            claim_view(classes, key, claim, None if owner is None else owner.name)
            for key, claim in self._ledger.facts_of(entry.chain, "claim").items()
            if isinstance(claim, Claim) and claim.ground == design.id
        ]
        return models.LicenseView(
            entry=cid.text(entry.id),
            design=cid.text(design.id),
            license=license_,
            use=use,
            is_allowed=stored.is_valid,
            row=row,
            why=stored.refused[1] if stored.refused else found.why if found else "",
            rule=stored.refused[0] if stored.refused else None,
            duties=duties_view(found.duties if found else Duties()),
            attestations=[view for link in entry.header.links if (view := self._attestation(link)) is not None],
            claims=claims,
        )

    def _attestation(self, name: bytes) -> models.AttestationView | None:
        """Return what an entry attests, None if it is no attestation of the right form."""
        stored = self._ledger.get(name)
        if stored is None or stored.entry.header.kind != "attest" or not stored.is_valid:
            return None
        _, predicate, value, expires_ms, *evidence = stored.entry.header.terms
        issuer = self._ledger.members.identity_of(stored.entry.chain)
        return models.AttestationView(
            id=cid.text(name),
            issuer=cid.text(issuer or stored.entry.chain),
            predicate=str(predicate),
            is_true=value != 0,
            expires_ms=cast(int, expires_ms),
            evidence=cid.text(cast(bytes, evidence[0])) if evidence else None,
            counts=issuer in self._ledger.charter.issuers.get(str(predicate), ()),
        )

    def _design(self, entry: Entry) -> Entry | None:
        terms = entry.header.terms
        name = entry.header.named(terms[RESOURCE]) if entry.header.kind == "event" and len(terms) == TERMS else None
        design = None if name is None else self._ledger.entry_of(name)
        return design if design is not None and license_of(design) is not None else None

    def _publish(self, name: str | None, content: Content, *, dry_run: bool) -> models.Published:
        member = self._keystore.member(name)
        act = self._ledger.rehearse if dry_run else self._ledger.publish
        [entry] = act(self._keystore.pair(member.name), member.chain, [content])
        return published(entry, dry_run=dry_run)


def profile_view(profile: Profile, *, is_own: bool = False, is_allowed: bool = True) -> models.ProfileView:
    """Return a profile as the API says it."""
    rows = [
        models.RowView(
            name=row.name,
            is_allowed=row.is_allowed,
            why=row.why,
            uses=list(row.uses),
            all=list(row.all),
            any=list(row.any),
            none=list(row.none),
            contribution=None if row.contribution is None else list(row.contribution),
            duties=duties_view(row.duties),
        )
        for row in profile.rows
    ]
    return models.ProfileView(
        name=profile.name, title=profile.title, source=profile.source, is_own=is_own, is_allowed=is_allowed, rows=rows
    )


def duties_view(duties: Duties) -> dict[str, int]:
    """Return the duties that there are, by name; a flag counts as 1."""
    return {key: int(value) for key, value in duties._asdict().items() if value}


def read_table(name: str, table: object) -> Profile:
    """Return the profile that a file describes.

    Raises:
        BadInput: it is no table of a profile.
    """
    try:
        return profile_of(name, cast(Value, charterfile.in_order(table)))
    except Malformed as error:
        raise BadInput("profile", error.message, "see chapter 21 of the spec") from error


def read_profile(view: models.ProfileView) -> Profile:
    """Return the profile that the API told of."""
    rows = tuple(
        Row(
            row.name, row.is_allowed, row.why, tuple(row.uses), tuple(row.all), tuple(row.any), tuple(row.none),
            None if row.contribution is None else (row.contribution[0], row.contribution[1]),
            Duties(**cast(dict[str, Any], row.duties)),
        )
        for row in view.rows
    )  # fmt: skip
    return Profile(view.name, view.title, view.source, rows)
