"""The recovery phrase: an identity's root seed as 24 English words (BIP-39), to be written on paper."""

from __future__ import annotations

from mycelia_protocol.roots import Roots

from .faults import BadInput

WORDS = 24


def phrase_of(roots: Roots) -> str:
    """Return the words of a root seed."""
    from mnemonic import Mnemonic

    return Mnemonic("english").to_mnemonic(roots.seed)


def roots_of(phrase: str) -> Roots:
    """Return the root keys of a phrase; case and spaces do not matter.

    Raises:
        BadInput: a word is unknown, or the words do not belong together. The words are not repeated.
    """
    from mnemonic import Mnemonic

    words = phrase.lower().split()
    if len(words) != WORDS:
        raise BadInput("phrase", f"the phrase has {WORDS} words, here are {len(words)}", "give all of them, in order")
    book = Mnemonic("english")
    unknown = [place for place, word in enumerate(words, 1) if word not in book.wordlist]
    if unknown:
        places = ", ".join(map(str, unknown))
        raise BadInput("phrase", f"word {places} is on no list", "look at what was written down again")
    if not book.check(" ".join(words)):
        raise BadInput("phrase", "the words do not belong together", "a word is another one, or they changed places")
    return Roots(bytes(book.to_entropy(words)))
