"""Content ids, read aloud (spec 02)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import cid
from mycelia_protocol.errors import Malformed

LINKS = some.binary(min_size=32, max_size=32)


class TestAContentId:
    @given(link=LINKS)
    def test_names_one_link_and_is_named_by_it(self, link: bytes) -> None:
        assert cid.link(cid.text(link)) == link

    @given(link=LINKS, at=some.integers(0, 58), letter=some.characters())
    def test_with_one_other_letter_names_another_link_or_none(self, link: bytes, at: int, letter: str) -> None:
        text = cid.text(link)
        other = text[:at] + letter + text[at + 1 :]

        try:
            found = cid.link(other)
        except Malformed:
            found = None

        assert (found == link) == (other == text)

    @given(text=some.text(max_size=80))
    def test_is_refused_in_any_other_form(self, text: str) -> None:
        with pytest.raises(Malformed, match=r"cid\.form"):
            cid.link(text)

    def test_is_refused_at_once_if_it_is_long(self) -> None:
        with pytest.raises(Malformed, match="59"):
            cid.link("b" + "a" * 10_000_000)
