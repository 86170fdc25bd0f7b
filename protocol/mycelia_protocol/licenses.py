"""Licenses: who may use a design for what, as decision tables that one interpreter reads.

A profile is a list of rows; the first whose conditions hold decides, and says by its
name why. What is not attested is false. Where no row holds, the answer is no.

    >>> verdict = decide(BUILT_IN["ppl"], "commercial", {"attribution", "company-wage"})
    >>> verdict.is_allowed, verdict.row
    (False, 'P4')
    >>> decide(BUILT_IN["ppl"], "commercial", {"attribution", "company-wage", "permit"}).row
    'P6'

Spec: 21-license.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Any, NamedTuple, cast

from .canonical import Value
from .cid import is_digest
from .errors import Malformed
from .names import is_name
from .profiles import TABLES

USES = ("adapt", "commercial", "noncommercial", "share")
PERMIT, ATTRIBUTION, SAME_LICENSE = "permit", "attribution", "same-license"  # what is seen, not attested
SEEN = frozenset({PERMIT, ATTRIBUTION, SAME_LICENSE})
NO_ROW = "none"
MAX_PROFILES, MAX_ROWS, MAX_NAMES = 8, 32, 16
MAX_TEXT_BYTES = 200
MAX_DAYS = 3660
MAX_ISSUERS = 64
_DUTIES = {"source_days": MAX_DAYS, "per_mille": 1000, "due_days": MAX_DAYS}
_FLAGS = {"attribution", "sharealike"}
_ROW = {"name", "allow", "why"}
_CONDITIONS = {"uses", "all", "any", "none", "contribution", "duties"}


class Duties(NamedTuple):
    """What somebody owes who uses a thing by a row."""

    attribution: bool = False
    sharealike: bool = False
    source_days: int = 0  # within which the source of what is made is published; 0: need not be
    per_mille: int = 0  # of the material benefit
    due_days: int = 0  # within which that is paid


class Row(NamedTuple):
    """A row: it holds for these uses if all, any and none of these predicates are true, and enough was contributed."""

    name: str
    is_allowed: bool
    why: str
    uses: tuple[str, ...] = USES
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    contribution: tuple[int, int] | None = None  # at least so much, within so many days
    duties: Duties = Duties()


class Profile(NamedTuple):
    """A license as people can check it: its rows, in the order in which they are asked."""

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]


class Verdict(NamedTuple):
    """Whether a use is allowed, by which row of which profile, why, and what is owed."""

    is_allowed: bool
    profile: str
    row: str
    why: str
    duties: Duties = Duties()


def decide(
    profile: Profile, use: str, facts: AbstractSet[str], contributed: Callable[[int], int] | None = None
) -> Verdict:
    """Return the verdict on a use; `contributed` gives what was contributed within so many days."""
    for row in profile.rows:
        if _holds(row, use, facts, contributed):
            return Verdict(row.is_allowed, profile.name, row.name, row.why, row.duties)
    return Verdict(False, profile.name, NO_ROW, "no row of the profile speaks of this use")


def _holds(row: Row, use: str, facts: AbstractSet[str], contributed: Callable[[int], int] | None) -> bool:
    if use not in row.uses or not facts >= set(row.all) or not facts.isdisjoint(row.none):
        return False
    if row.any and facts.isdisjoint(row.any):
        return False
    if row.contribution is None:
        return True
    least, days = row.contribution
    return contributed is not None and contributed(days) >= least


def combined(verdicts: Iterable[Verdict], use: str) -> Verdict:
    """Return the verdict on using several things at once: the most restrictive one, with the union of duties.

    Of several that deny, the one with the least (profile, row). Two share-alikes of different names
    cannot both be followed by what adapts them.
    """
    found = sorted(set(verdicts), key=lambda one: (one.is_allowed, one.profile, one.row))
    if not found or not found[0].is_allowed:
        return found[0] if found else Verdict(True, "", "", "nothing that is used has a license")
    alike = sorted({one.profile for one in found if one.duties.sharealike})
    if use == "adapt" and len(alike) > 1:
        why = f"what adapts both can carry only one of {' and '.join(alike)}"
        return Verdict(False, " ".join(alike), "sharealike", why)
    profiles, rows = (" ".join(dict.fromkeys(column)) for column in zip(*(one[1:3] for one in found), strict=True))
    return Verdict(True, profiles, rows, "; ".join(one.why for one in found), _union([one.duties for one in found]))


def _union(duties: list[Duties]) -> Duties:
    def soonest(days: list[int]) -> int:
        return min((one for one in days if one), default=0)

    return Duties(
        any(one.attribution for one in duties),
        any(one.sharealike for one in duties),
        soonest([one.source_days for one in duties]),
        sum(one.per_mille for one in duties),
        soonest([one.due_days for one in duties]),
    )


def read_profiles(value: Value, _classes: object = None) -> dict[str, Profile]:
    """Return the profiles that a charter writes itself.

    Raises:
        Malformed: rule `charter.profiles`.
    """
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_PROFILES:
        raise Malformed("charter.profiles", f"the profiles are a map of 1 to {MAX_PROFILES}")
    for name in value:
        if not is_name(name) or name in BUILT_IN:
            raise Malformed("charter.profiles", f"{name!r} is no name for a profile, or one that is taken")
    return {name: profile_of(name, one) for name, one in value.items()}


def profile_of(name: str, value: Value) -> Profile:
    """Return the profile that a table states.

    Raises:
        Malformed: rule `charter.profiles`.
    """
    if not isinstance(value, dict) or set(value) != {"title", "source", "rows"}:
        raise Malformed("charter.profiles", f"profile {name} has title, source and rows")
    rows = value["rows"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ROWS:
        raise Malformed("charter.profiles", f"profile {name} has 1 to {MAX_ROWS} rows")
    read = tuple(_row(name, row) for row in rows)
    if len({row.name for row in read}) != len(read):
        raise Malformed("charter.profiles", f"each row of {name} has a name of its own")
    return Profile(name, _text(name, value["title"]), _text(name, value["source"]), read)


def _row(profile: str, value: Value) -> Row:
    if not isinstance(value, dict) or not _ROW <= set(value) <= _ROW | _CONDITIONS or type(value["allow"]) is not bool:
        raise Malformed("charter.profiles", f"a row of {profile} has name, allow, why, and perhaps conditions")
    lists = {key: _names(profile, value[key]) for key in ("uses", "all", "any", "none") if key in value}
    if not set(lists.get("uses", ())) <= set(USES):
        raise Malformed("charter.profiles", f"the uses in {profile} are some of {', '.join(USES)}")
    return Row(
        _text(profile, value["name"]),
        value["allow"],
        _text(profile, value["why"]),
        contribution=_contribution(profile, value["contribution"]) if "contribution" in value else None,
        duties=_duties(profile, value["duties"]) if "duties" in value else Duties(),
        **lists,
    )


def _names(profile: str, value: Value) -> tuple[str, ...]:
    if isinstance(value, list) and 0 < len(value) <= MAX_NAMES and all(map(is_name, value)):
        names = tuple(cast(list[str], value))
        if all(one < other for one, other in pairwise(names)):
            return names
    raise Malformed("charter.profiles", f"conditions in {profile} are 1 to {MAX_NAMES} names, sorted, each once")


def _contribution(profile: str, value: Value) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):
        least, days = cast(list[int], value)
        if 0 < least < 2**53 and 0 < days <= MAX_DAYS:
            return least, days
    raise Malformed("charter.profiles", f"a contribution in {profile} is an amount and 1 to {MAX_DAYS} days")


def _duties(profile: str, value: Value) -> Duties:
    if not isinstance(value, dict) or not value or not set(value) <= _FLAGS | set(_DUTIES):
        raise Malformed("charter.profiles", f"duties in {profile} are some of {', '.join([*_FLAGS, *_DUTIES])}")
    for key, one in value.items():
        is_good = one is True if key in _FLAGS else type(one) is int and 0 < one <= _DUTIES[key]
        if not is_good:
            raise Malformed("charter.profiles", f"duty {key} in {profile} is {one!r}")
    if ("per_mille" in value) != ("due_days" in value):
        raise Malformed("charter.profiles", f"a share of the benefit in {profile} is due within some days")
    return Duties(**cast(dict[str, Any], value))


def _text(profile: str, value: Value) -> str:
    if isinstance(value, str) and 0 < len(value.encode()) <= MAX_TEXT_BYTES:
        return value
    raise Malformed("charter.profiles", f"texts in {profile} have 1 to {MAX_TEXT_BYTES} bytes")


def read_issuers(value: Value, _classes: object = None) -> dict[str, tuple[bytes, ...]]:
    """Return whose word counts about what.

    Raises:
        Malformed: rule `charter.issuers`.
    """
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_ISSUERS:
        raise Malformed("charter.issuers", f"the issuers are a map of 1 to {MAX_ISSUERS} predicates")
    for name, issuers in value.items():
        is_list = isinstance(issuers, list) and 0 < len(issuers) <= MAX_ISSUERS and all(map(is_digest, issuers))
        if name in SEEN:
            raise Malformed("charter.issuers", f"whether {name!r} is true is seen, and nobody attests it")
        if not is_name(name) or not is_list or not _rises(cast(list[bytes], issuers)):
            raise Malformed("charter.issuers", f"those who attest {name!r} are identities, sorted and unique")
    return {name: tuple(cast(list[bytes], issuers)) for name, issuers in value.items()}


def _rises(names: list[bytes]) -> bool:
    return all(one < other for one, other in pairwise(names))


BUILT_IN: Mapping[str, Profile] = {name: profile_of(name, table) for name, table in TABLES.items()}
