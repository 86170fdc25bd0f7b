"""The recovery phrase: a root seed as 24 words, as BIP-39 has them, and back."""

from __future__ import annotations

from random import Random

import pytest

from mycelia_node.faults import BadInput
from mycelia_node.phrase import phrase_of, roots_of
from mycelia_protocol.roots import Roots

# Of the public test vectors of BIP-39, those of 256 bits that are one byte throughout.
PUBLIC = {
    0x00: "abandon " * 23 + "art",
    0x7F: "legal winner thank year wave sausage worth useful " * 2 + "legal winner thank year wave sausage worth title",
    0x80: "letter advice cage absurd amount doctor acoustic avoid " * 2
    + "letter advice cage absurd amount doctor acoustic bless",
    0xFF: "zoo " * 23 + "vote",
}


class TestARecoveryPhrase:
    @pytest.mark.parametrize("byte", PUBLIC)
    def test_is_that_of_bip_39(self, byte: int) -> None:
        roots = Roots(bytes([byte]) * 32)

        assert phrase_of(roots) == PUBLIC[byte]
        assert roots_of(PUBLIC[byte]) == roots

    def test_brings_back_any_root_seed(self) -> None:
        chance = Random(39)
        for _ in range(50):
            roots = Roots(chance.randbytes(32))

            assert roots_of(phrase_of(roots)) == roots

    def test_is_read_whatever_its_case_and_spaces(self) -> None:
        assert roots_of(f"  {PUBLIC[0x80].upper().replace(' ', '   ')}\n") == Roots(bytes([0x80]) * 32)

    @pytest.mark.parametrize(
        ("phrase", "why"),
        [
            ("", "the phrase has 24 words, here are 0"),
            ("abandon " * 12, "the phrase has 24 words, here are 12"),
            ("zoo " * 22 + "fungus vote", "word 23 is on no list"),
            ("zoo " * 23 + "art", "the words do not belong together"),
        ],
    )
    def test_refuses_what_was_written_down_wrongly(self, phrase: str, why: str) -> None:
        with pytest.raises(BadInput, match=why):
            roots_of(phrase)

    def test_is_not_repeated_in_a_refusal(self) -> None:
        with pytest.raises(BadInput) as refused:
            roots_of("zoo " * 22 + "secretword vote")

        assert "secretword" not in str(refused.value)
        assert "zoo" not in str(refused.value)
