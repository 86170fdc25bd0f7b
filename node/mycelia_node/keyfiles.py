"""The key files of a home: read and written whole, sealed if a lock lies beside them.

Whatever moment a power cut chooses, each file is either as it was or as it will
be, and the lock beside it opens it: the lock is there before the first sealed
file and goes after the last. Only while it says `mixed` is a plain file taken.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .config import write_private
from .faults import StoreFault
from .lock import (
    KEY_BYTES,
    MODERATE,
    Limits,
    Unlocked,
    check_passphrase,
    is_sealed,
    open_lock,
    seal,
    unseal,
    write_lock,
)  # fmt: skip

LOCK = "lock"


def are_sealed(path: Path) -> bool:
    """Return whether the key files in a directory take a passphrase."""
    return (path / LOCK).exists()


class KeyFiles:
    """The files in a home's directory of keys."""

    def __init__(
        self,
        path: Path,
        *,
        entropy: Callable[[int], bytes],
        passphrase: Callable[[], str] | None = None,
        limits: Limits = MODERATE,
    ) -> None:
        self.path, self._entropy, self._passphrase, self._limits = path, entropy, passphrase, limits
        self._unlocked: Unlocked | None = None
        self._spoken = ""  # the passphrase that opened the lock: to write it anew

    @property
    def are_sealed(self) -> bool:
        """Whether a passphrase is needed."""
        return are_sealed(self.path)

    def read(self, file: Path) -> bytes:
        """Return what a file holds.

        Raises:
            StoreFault: it is sealed and cannot be opened, or it is plain where none may be.
            OSError: it cannot be read.
        """
        data = file.read_bytes()
        if not self.are_sealed:
            if is_sealed(data):
                why = f"the key file {file.name} is sealed, and its lock is gone"
                raise StoreFault(why, f"bring back {self._lock}")
            return data
        unlocked = self._open()
        if is_sealed(data):
            return unseal(unlocked.key, data, name=file.name)
        if unlocked.mixed:
            return data
        raise StoreFault(f"the key file {file.name} is not sealed, as all others are", "bring back the right one")

    def write(self, file: Path, data: bytes) -> None:
        """Write a file, whole or not at all; sealed, if a lock is there."""
        if self.are_sealed:
            data = seal(self._open().key, data, name=file.name, entropy=self._entropy)
        write_private(file, data)

    def check(self) -> None:
        """Open what is sealed, if it is.

        Raises:
            StoreFault: the passphrase in force is not known, or another.
        """
        if self.are_sealed:
            self._open()

    def protect(self, passphrase: str) -> None:
        """Seal all files; if they are sealed already, change the passphrase.

        Raises:
            BadInput: the passphrase is too short.
            StoreFault: the files cannot be opened.
        """
        check_passphrase(passphrase)
        held = {file: self.read(file) for file in self._files()}
        key = self._open().key if self.are_sealed else self._entropy(KEY_BYTES)
        self._close(passphrase, Unlocked(key, mixed=True))
        for file, data in held.items():
            self.write(file, data)
        for draft in self.path.glob("*.new"):  # what a crash has left may hold a key
            draft.unlink()
        self._close(passphrase, Unlocked(key, mixed=False))

    def lay_open(self) -> None:
        """Write all files plain, readable by their owner alone.

        Raises:
            StoreFault: the files cannot be opened.
        """
        if not self.are_sealed:
            return
        key = self._open().key
        held = {file: self.read(file) for file in self._files()}
        self._close(self._spoken, Unlocked(key, mixed=True))
        for file, data in held.items():
            write_private(file, data)
        self._lock.unlink()
        self._unlocked, self._spoken = None, ""

    @property
    def _lock(self) -> Path:
        return self.path / LOCK

    def _files(self) -> list[Path]:
        return sorted(file for end in ("json", "root", "former") for file in self.path.glob(f"*.{end}"))

    def _open(self) -> Unlocked:
        if self._unlocked is None:
            if self._passphrase is None:
                raise StoreFault("the keys of this home are sealed", "give their passphrase")
            spoken = self._passphrase()
            self._unlocked, self._spoken = open_lock(self._lock.read_bytes(), spoken), spoken
        return self._unlocked

    def _close(self, passphrase: str, unlocked: Unlocked) -> None:
        write_private(self._lock, write_lock(passphrase, unlocked, limits=self._limits, entropy=self._entropy))
        self._unlocked, self._spoken = unlocked, passphrase
