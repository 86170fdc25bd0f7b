"""Signatures of several holders: what each is asked to sign, what that would mean, and their shares."""

from __future__ import annotations

from collections.abc import Sequence

from mycelia_protocol import cid
from mycelia_protocol.holders import Share, share
from mycelia_protocol.identity import ROOTED_TERMS, KeySet, keyset_of, read_keyset
from mycelia_protocol.keys import did
from mycelia_protocol.roots import MAX_NUMBER, SEED_BYTES, Roots

from . import drafts
from .drafts import Draft
from .faults import BadInput
from .persons import Persons


class Signatures(Persons):
    """What the holders on one node are asked to sign."""

    def share(self, name: str) -> Share:
        """Return what the other holders of an identity are given: this one's root keys, from those not used yet on."""
        roots = self._keystore.roots(name)
        if roots is None:
            roots = Roots(self._entropy(SEED_BYTES))
            self._keystore.keep_roots(name, roots)
        number_of = {roots.pair(number).public: number for number in range(MAX_NUMBER)}
        used = [
            number_of[key] for person in self._ledger.members.persons() for key in self._keyset(person).keys
            if key in number_of
        ]  # fmt: skip
        return share(roots, max(used, default=-1) + 2)

    def draft(self, pasted: Sequence[str]) -> tuple[Draft, KeySet]:
        """Return the draft that texts hold, with all their signatures, and the key set that they are of.

        Raises:
            BadInput: they hold none, another commons', or one whose signatures are not good.
        """
        first, *copies = map(drafts.read, pasted)
        for copy in copies:
            first = first.merged(copy)
        if first.network != self._ledger.network:
            raise BadInput("statement", "it is for another commons", "name that one with --home")
        keyset = self._keyset_of(first)
        first.check(keyset)
        return first, keyset

    def _keyset_of(self, draft: Draft) -> KeySet:
        """Return the key set whose root keys sign a draft."""
        header, revealed = draft.header, None
        match draft.kind, draft.terms:
            case "id.rotate", [at, *_]:
                event, revealed = header.named(at), read_keyset(draft.terms, 1)
            case "id.revoke", [_, None | bytes(), at]:
                event = header.named(at)
            case "id.close", [at]:
                event = header.named(at)
            case "threshold", [_, _, _, _, _, at]:
                event = header.named(at)
            case "open", [_, _, _, at] if draft.places:
                event = header.named(at)
            case _:
                event = None
        entry = None if event is None else self._ledger.entry_of(event)
        established = None if entry is None else keyset_of(entry)
        keyset = revealed if established is not None and draft.kind == "id.rotate" else established
        if keyset is None:
            why = "its root keys are not known here"
            raise BadInput("statement", why, "let the node meet a peer that knows the identity")
        return keyset

    def sign(self, draft: Draft, keyset: KeySet) -> Draft:
        """Return a draft with the signatures of all root keys on this node that are asked to sign it.

        Raises:
            BadInput: there are none.
        """
        is_asked = False
        for roots in self._keystore.all_roots():
            root = roots.signers_of(keyset, network=self._ledger.network, places=draft.places or None)
            draft, is_asked = draft.signed(root), is_asked or bool(root.pairs)
        if not is_asked:
            raise BadInput("statement", "no root keys kept here are asked to sign it", "sign where a holder's keys are")
        return draft

    def needed(self, draft: Draft, keyset: KeySet) -> int:
        """Return how many must sign: enough of the key set; of an `open` those whom it names."""
        return len(draft.places) if draft.kind == "open" else keyset.threshold

    def meaning(self, draft: Draft) -> str:
        """Return in a sentence what signing a draft does: nobody should take it from the one who sends it."""
        header, terms = draft.header, draft.terms
        match draft.kind, terms:
            case "id.rotate", _:
                keyset = read_keyset(terms, 1)
                assert keyset is not None  # else its key set were not known
                return (
                    f"Rotates {self._subject(header.named(terms[0]))} to {len(keyset.keys)} root keys of which "
                    f"{keyset.threshold} sign, {self._whose(keyset)}; {keyset.consents} of {len(keyset.guardians)} "
                    f"guardians can replace them. {self._ended(draft, header.named(terms[0]))}"
                )
            case "id.revoke", [cut, heir, event]:
                last = self._ledger.entry_of(header.named(cut) or b"")
                where = "a chain that is not known here"
                if last is not None:
                    where = f"chain {cid.text(last.chain)} after entry {last.header.sequence}"
                follows = f"chain {cid.text(heir)}" if cid.is_digest(heir) else "nobody"
                return f"Cuts {where}, for {self._subject(header.named(event))}; {follows} takes over."
            case "id.close", [event]:
                return f"Ends {self._subject(header.named(event))} for good."
            case "threshold", [str(impact), str(sense), int(amount), _, _, event]:
                named = header.named(event)
                chain = next((link for link in header.links if link != named), named) or b""
                return (
                    f"Issues a {sense} of {amount} for {impact}, by {self._subject(named)}, once, "
                    f"on chain {cid.text(chain)}."
                )
            case "open", [bytes(key), _, _, event]:
                return f"Lets the holder of {did(key)} speak for {self._subject(header.named(event))}, without limit."
        raise BadInput("statement", "it says nothing that root keys sign", "ask who sent it")

    def _ended(self, draft: Draft, event: bytes | None) -> str:
        """Return which chains that root keys opened a rotation does not keep: they end with the keys."""
        members, named = self._ledger.members, set(draft.header.links) - {event}
        kept = {entry.chain for name in named if (entry := self._ledger.entry_of(name)) is not None}
        ended = [
            cid.text(chain)
            for person in members.persons()
            if person.event == event
            for chain in person.chains
            if chain not in kept and chain in members.last() and self._is_rooted(chain)
        ]
        if not ended:
            return "It keeps all chains that root keys opened."
        return f"It ends {', '.join(ended)}, but for the one that it is published on."

    def _is_rooted(self, chain: bytes) -> bool:
        opening = self._ledger.entry_of(chain)
        return opening is not None and len(opening.header.terms) == ROOTED_TERMS

    def _subject(self, event: bytes | None) -> str:
        for person in self._ledger.members.persons():
            if person.event == event:
                return f"identity {cid.text(person.identity)}"
        return "an identity whose root keys these no longer are"

    def _whose(self, keyset: KeySet) -> str:
        """Return whether the root keys after these are known here."""
        for name in self._keystore.names():
            for holders in self._keystore.holders(name):
                if holders.step_after(keyset) is not None:
                    return f"and the next ones are those of {len(holders.shares)} holders known here as {name}"
        if any(roots.number_after(keyset) is not None for roots in self._keystore.all_roots()):
            return "and the next one is kept here alone"
        return "and whose the next ones are is not known here"
