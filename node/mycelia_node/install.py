"""The install state: what an installation has released, kept outside its data directory.

A file in the home names the installation; its records lie under the user's
state directory, where no copy or backup of the home brings them along. They
are flushed to the disk before what they name is sent. One process at a time
uses them, also where two homes carry one name.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mycelia_protocol.release import Place, Record

from .config import Home, write_private
from .faults import StoreFault

_ID = re.compile(r"[0-9a-f]{32}")
_ID_BYTES = 16


class Install:
    """The records of one installation, by the public key of the chain."""

    def __init__(self, place: Path) -> None:
        self._file = place / "release.json"
        self.records: dict[bytes, Record] = _read(self._file)
        self._lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            what = "another home with the same install.id is in use"
            raise StoreFault(what, "stop its node; a copy of a home is a new one with `mycelia init --join`") from error

    @classmethod
    def open(
        cls, home: Home, environment: Mapping[str, str], *, keys: Iterable[bytes], entropy: Callable[[int], bytes]
    ) -> Install:
        """Open the records of a home; one that has no install.id yet is given it, with empty records for `keys`.

        Raises:
            StoreFault: they are damaged, or in use by a copy of the home.
        """
        root = _root(environment)
        if not home.install.exists():  # the records first: a home that has a name has records
            name = entropy(_ID_BYTES).hex()
            write_private(root / name / "release.json", _document({key: Record() for key in keys}))
            write_private(home.install, name.encode())
        name = home.install.read_text("utf-8", "replace").strip()
        if not _ID.fullmatch(name):
            raise StoreFault(f"{home.install} is damaged", "restore it; without it the members get new chains")
        (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(root / name)

    def close(self) -> None:
        """Let others use the records."""
        os.close(self._lock)

    def register(self, key: bytes) -> None:
        """Have a record of a key before its chain is opened."""
        self.save({key: self.records.get(key, Record())})

    def save(self, records: Mapping[bytes, Record]) -> None:
        """Put records on the disk; they are there when it returns.

        Raises:
            StoreFault: the disk refuses.
        """
        fresh = {**self.records, **records}
        try:
            write_private(self._file, _document(fresh))
        except OSError as error:
            raise StoreFault(f"{self._file} cannot be written: {error.strerror}", "make room on that disk") from error
        self.records = fresh


def _root(environment: Mapping[str, str]) -> Path:
    if given := environment.get("MYCELIA_STATE"):
        return Path(given)
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mycelia"


def _document(records: Mapping[bytes, Record]) -> bytes:
    return json.dumps({
        key.hex(): {
            "released": None if one.released is None else [one.released.sequence, one.released.id.hex()],
            "acknowledged": sorted(peer.hex() for peer in one.acknowledged),
            "retired": one.is_retired,
        }
        for key, one in records.items()
    }).encode()


def _read(file: Path) -> dict[bytes, Record]:
    if not file.exists():
        return {}
    try:
        return {bytes.fromhex(key): _record(given) for key, given in json.loads(file.read_text()).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreFault(f"{file} is damaged", "move it away; the members then get new chains") from error


def _record(given: Mapping[str, object]) -> Record:
    released, known = given["released"], given["acknowledged"]
    if not isinstance(known, list) or not isinstance(released, list | None):
        raise TypeError("not a record")
    place = None if released is None else Place(int(released[0]), bytes.fromhex(released[1]))
    return Record(place, frozenset(map(bytes.fromhex, known)), bool(given["retired"]))
