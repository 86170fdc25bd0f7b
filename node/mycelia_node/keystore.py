"""The keystore: the members of a node, each with a key and a chain of its own.

One file a member, readable by its owner alone, and another for the root keys of
its identity, which can be taken away: the phrase brings them back. A seed is on
disk before the `open` that names its key is published, so no chain is ever
without its key. Files are sealed if the home has a lock (`keyfiles`). Keys are
never printed and never logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mycelia_protocol import keys, privacy, statements
from mycelia_protocol.chain import key_of_open
from mycelia_protocol.charter import Open
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Premature, Refused
from mycelia_protocol.holders import Holders
from mycelia_protocol.identity import NONCE_BYTES, identity_of, keyset_of
from mycelia_protocol.roots import SEED_BYTES, Roots
from mycelia_protocol.statements import Signers

from .beginning import inception_of, keyset_at, opening_of
from .faults import BadInput, StoreFault
from .keyfiles import KeyFiles
from .ledger import Ledger
from .lock import MODERATE, Limits
from .memberfile import FRESH, MemberFile, Plan, read_member, write_member

BOX_SECRET_BYTES = 32

_NAME = re.compile(r"[\w][\w .-]{0,62}")
_MAX_NAME_BYTES = 200  # what a file system leaves room for, beside the endings


class Member(NamedTuple):
    """Somebody who publishes through this node."""

    name: str
    chain: bytes
    public: bytes


class Keystore:
    """The members of one home."""

    def __init__(
        self,
        path: Path,
        *,
        entropy: Callable[[int], bytes],
        passphrase: Callable[[], str] | None = None,
        limits: Limits = MODERATE,
    ) -> None:
        self._path, self._entropy = path, entropy
        self.files = KeyFiles(path, entropy=entropy, passphrase=passphrase, limits=limits)
        self.register: Callable[[bytes], None] = lambda key: None  # told of each new key before its chain is opened
        self._kept: dict[str, MemberFile] | None = None
        self._fresh: set[str] = set()  # whose root keys came with their member, and go if that comes to nothing

    # Who is there

    def members(self) -> list[Member]:
        """Return all members that have a chain, by name.

        Raises:
            StoreFault: a key file is unreadable.
        """
        return [Member(one.name, one.chain, one.pair.public) for one in self._loaded().values() if one.chain]

    def waiting(self) -> list[str]:
        """Return the members whose chain cannot begin yet: what it rests on has not arrived."""
        return [one.name for one in self._loaded().values() if one.chain is None]

    def member(self, name: str | None = None) -> Member:
        """Return a member by name; without a name the only one there is.

        Raises:
            BadInput: there is none of that name, or the choice is not clear.
        """
        members = {member.name: member for member in self.members()}
        if name is None and len(members) == 1:
            return next(iter(members.values()))
        if name is None:
            raise BadInput("member", f"this node has {len(members)} members", _one_of(members))
        if name not in members:
            if name in self.waiting():
                raise BadInput("member", f"{name} waits for its sponsor's chain", "run the node and reach a peer")
            raise BadInput("member", f"this node has no member {name!r}", _one_of(members))
        return members[name]

    def pair(self, name: str) -> keys.KeyPair:
        """Return the key pair of a member."""
        self.member(name)
        return self._loaded()[name].pair

    def box_key(self, name: str) -> bytes:
        """Return the box key of a member; it is made now if the key file is from before there were any."""
        kept = self._loaded()[name]
        if kept.box is None:
            kept = kept._replace(box=self._entropy(BOX_SECRET_BYTES))
            self.files.write(self._file(name), write_member(kept))
            self._loaded()[name] = kept
        return privacy.box_key(kept.box or b"")

    def box_secrets(self) -> list[bytes]:
        """Return the secrets of all box keys that are there, to open with."""
        return [kept.box for kept in self._loaded().values() if kept.box is not None]

    def owner(self, chain: bytes) -> Member | None:
        """Return the member whose chain this is, if it is one of ours."""
        return next((member for member in self.members() if member.chain == chain), None)

    # Root keys

    def roots(self, name: str) -> Roots | None:
        """Return the root keys of a member, None if this node does not hold them."""
        file = self._root_file(name)
        return self._roots_in(file) if file.exists() else None

    def _roots_in(self, file: Path) -> Roots:
        try:
            return Roots(bytes.fromhex(json.loads(self.files.read(file))["root"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreFault(f"the root key file {file} cannot be read", "restore it from the phrase") from error

    def keep_roots(self, name: str, roots: Roots) -> None:
        """Keep the root keys of a member on this node."""
        self.files.write(self._root_file(name), json.dumps({"root": roots.seed.hex()}).encode())

    def forget_roots(self, name: str) -> None:
        """Keep the root keys of a member no longer: from now on only the phrase has them."""
        self._root_file(name).unlink(missing_ok=True)

    def holders(self, name: str) -> list[Holders]:
        """Return the holders with whom a member shares its root keys, the latest last."""
        file = self._holders_file(name)
        if not file.exists():
            return []
        try:
            return [
                Holders(one["needed"], tuple(tuple(map(bytes.fromhex, share)) for share in one["shares"]))
                for one in json.loads(self.files.read(file))
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreFault(f"the key file {file} cannot be read", "name the holders again") from error

    def keep_holders(self, name: str, holders: Holders) -> None:
        """Keep who shares the root keys of a member from its next key set but one on."""
        known = [*(one for one in self.holders(name) if one != holders), holders]
        document = [
            {"needed": one.threshold, "shares": [[key.hex() for key in share] for share in one.shares]} for one in known
        ]
        self.files.write(self._holders_file(name), json.dumps(document).encode())

    def names(self) -> list[str]:
        """Return the names under which holders are kept."""
        return [file.stem.replace("_", " ") for file in sorted(self._path.glob("*.holders"))]

    def all_roots(self) -> list[Roots]:
        """Return the root keys of every name that are kept here."""
        return [self._roots_in(file) for file in sorted(self._path.glob("*.root"))]

    # Making

    def prepare(self, name: str, plan: Plan = FRESH, roots: Roots | None = None) -> bytes | None:
        """Make the keys of a member whose chain begins later; return the identity that begins with it, if one does.

        Raises:
            StoreFault: the name is taken or not usable.
        """
        held = self.roots(name)
        if self._file(name).exists():
            raise StoreFault(f"this node has a member {name!r} already", "choose another name")
        if roots is not None and held is not None and held != roots:
            raise StoreFault(f"other root keys are kept here under {name!r}", "choose another name")
        begins = plan.identity is None
        if begins:
            roots, holders = roots or held or Roots(self._entropy(SEED_BYTES)), self.holders(name)
            following = holders[-1].committed(0) if holders else None
            plan = plan._replace(nonce=self._entropy(NONCE_BYTES), next=following)
        if roots is not None and held is None:
            self._fresh.add(name)
            self.keep_roots(name, roots)
        kept = MemberFile(name, self._entropy(32), None, plan, self._entropy(BOX_SECRET_BYTES))
        self.files.write(self._file(name), write_member(kept))
        self._loaded()[name] = kept
        return self.identity(name) if begins else None

    def prepared(self, name: str) -> bytes:
        """Return the public key of a member that has no chain yet."""
        return self._loaded()[name].pair.public

    def plan(self, name: str, plan: Plan) -> None:
        """Say anew how the chain of a prepared member begins."""
        kept = self._loaded()[name]._replace(plan=plan)
        self.files.write(self._file(name), write_member(kept))
        self._loaded()[name] = kept

    def discard(self, name: str) -> None:
        """Remove a member that was prepared and came to nothing."""
        self._file(name).unlink(missing_ok=True)
        if name in self._fresh:  # else somebody may count on them
            self._fresh.discard(name)
            self.forget_roots(name)
        self._loaded().pop(name, None)

    def identity(self, name: str) -> bytes | None:
        """Return the identity that begins, or began, with the chain of a member; None if it has another."""
        kept, roots = self._loaded()[name], self.roots(name)
        if kept.plan.nonce is None or roots is None:
            return None
        return identity_of(kept.pair.public, kept.plan.nonce, inception_of(roots, kept.plan))

    def create(self, name: str, ledger: Ledger, plan: Plan = FRESH, roots: Roots | None = None) -> Member:
        """Make a member: keys, and a chain opened with them.

        Raises:
            StoreFault: the name is taken or not usable.
            Refused: the commons does not take a chain that begins so; nothing was kept.
            Premature: what the chain rests on is not held; the member waits, and `finish` goes on.
        """
        self.prepare(name, plan, roots)
        try:
            return self._begin(self._loaded()[name], ledger)
        except Refused:
            self.discard(name)
            raise

    def finish(self, ledger: Ledger) -> None:
        """Begin the chains of members that wait, as far as what they rest on is held; refused ones go on waiting."""
        self._kept = None
        for kept in list(self._loaded().values()):
            if kept.chain is None:
                public = kept.pair.public
                opened = next((one for one in ledger.opens() if key_of_open(one) == public), None)
                with suppress(Premature, Refused, StoreFault):
                    self._begin(kept, ledger, opened)

    def renew(self, name: str, ledger: Ledger) -> Member:
        """Give a member a new key and chain, for the same identity where its root keys are here; keep the former ones.

        Raises:
            StoreFault: the commons has a membrane, and the root keys are not here.
        """
        former, file = self.member(name), self._file(name)
        plan, known = self._successor(former, ledger), self._past(name)
        if former.chain.hex() not in [one["chain"] for one in known]:
            past = [*known, json.loads(self.files.read(file))]
            self.files.write(self._past_file(name), json.dumps(past).encode())
        box = self._loaded()[name].box  # it goes on: others have it
        self.files.write(file, write_member(MemberFile(name, self._entropy(32), None, plan, box)))
        self.finish(ledger)
        return self.member(name)

    def former(self, name: str) -> list[bytes]:
        """Return the chains that a member no longer writes on, oldest first."""
        return [bytes.fromhex(one["chain"]) for one in self._past(name)]

    def _past(self, name: str) -> list[dict[str, Any]]:
        file = self._past_file(name)
        found: list[dict[str, Any]] = json.loads(self.files.read(file)) if file.exists() else []
        return found

    def _successor(self, former: Member, ledger: Ledger) -> Plan:
        """Return how the chain begins that follows one that must not be written on any more."""
        identity, roots = ledger.members.identity_of(former.chain), self.roots(former.name)
        person = None if identity is None else ledger.members.person(identity)
        if person is not None and roots is not None:
            event = ledger.entry_of(person.event)
            keyset = None if event is None else keyset_of(event)
            number = None if keyset is None else roots.number_of(keyset)
            if keyset is not None and keyset.threshold > 1:
                raise StoreFault(
                    f"{former.name} cannot go on alone: its root keys have several holders",
                    "`mycelia id restore` under another name, and let the others sign",
                )
            if number is not None:
                return Plan(identity=identity, event=person.event, number=number)
        if not isinstance(ledger.charter.membership, Open):
            raise StoreFault(
                f"{former.name} cannot go on here: its root keys are not on this node",
                "bring them back with `mycelia id restore-root`",
            )
        if roots is None:
            self.keep_roots(former.name, Roots(self._entropy(SEED_BYTES)))
        return Plan(nonce=self._entropy(NONCE_BYTES))

    def opening(self, name: str, ledger: Ledger, places: bytes) -> tuple[Content, Signers]:
        """Return the `open` of a waiting member for the holders at these places to sign, and who signs of them here."""
        kept, roots = self._loaded()[name], self.roots(name)
        keyset = keyset_at(kept.plan, ledger)
        if roots is None or keyset is None or kept.plan.identity is None or kept.plan.event is None:
            raise StoreFault(f"{name} does not begin by root keys that are kept here", "see `mycelia id restore`")
        root, box = roots.signers_of(keyset, network=ledger.network, places=places), self.box_key(name)
        at = ledger.moment(kept.plan.event)
        content = statements.rooted(kept.pair.public, kept.plan.identity, kept.plan.event, at=at, root=root, box=box)
        return content, root

    def begin(self, ledger: Ledger, content: Content) -> Member:
        """Begin the chain of the waiting member whose `open` was signed by enough holders.

        Raises:
            BadInput: its key is not here.
            Refused: it breaks a rule; the member goes on waiting.
        """
        self._kept = None
        for kept in self._loaded().values():
            if kept.chain is None and kept.pair.public == content.terms[0]:
                return self._begin(kept, ledger, content=content)
        raise BadInput("statement", "the chain that it opens does not begin here", "publish it where it was asked for")

    def _begin(
        self, kept: MemberFile, ledger: Ledger, opened: Entry | None = None, content: Content | None = None
    ) -> Member:
        pair = kept.pair
        if opened is None:
            content = content or opening_of(kept, self.roots(kept.name), ledger)
            self.register(pair.public)
            opened = ledger.open_chain(pair, content)
        kept = kept._replace(chain=opened.id)
        self.files.write(self._file(kept.name), write_member(kept))
        self._loaded()[kept.name] = kept
        return Member(kept.name, opened.id, pair.public)

    def _loaded(self) -> dict[str, MemberFile]:
        if self._kept is None:
            found = [read_member(file, self.files) for file in sorted(self._path.glob("*.json"))]
            self._kept = {kept.name: kept for kept in found}
        return self._kept

    def _file(self, name: str, ending: str = "json") -> Path:
        if not _NAME.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
            raise StoreFault(f"{name!r} is not a usable name", "use letters, digits, spaces, dots and dashes")
        return self._path / f"{name.replace(' ', '_')}.{ending}"

    def _past_file(self, name: str) -> Path:
        return self._path / f"{self._file(name).stem}.former"

    def _holders_file(self, name: str) -> Path:
        return self._file(name, "holders")

    def _root_file(self, name: str) -> Path:
        return self._file(name, "root")


def _one_of(members: Collection[str]) -> str:
    if not members:
        return "make one with `mycelia member add`"
    return f"name {' or '.join(sorted(members))}, on the command line with `--as`"
