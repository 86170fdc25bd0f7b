"""Merkle mountain ranges, beside the known answers of RFC 6962 implementations and a literal recursion."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import mmr

# The leaves and tree heads that Certificate Transparency implementations test against.
INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
HEADS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = st.integers(min_value=1, max_value=80)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def head(data: list[bytes]) -> bytes:
    """Return MTH of RFC 6962, section 2.1, as it is written there."""
    if not data:
        return sha(b"")
    if len(data) == 1:
        return sha(b"\x00" + data[0])
    split = max(1 << bit for bit in range(8) if 1 << bit < len(data))
    return sha(b"\x01" + head(data[:split]) + head(data[split:]))


def leaves(count: int) -> list[bytes]:
    return [mmr.leaf(bytes([number])) for number in range(count)]


class TestAMountainRange:
    @pytest.mark.parametrize("size", range(9))
    def test_has_the_tree_heads_of_certificate_transparency(self, size: int) -> None:
        hashes = [mmr.leaf(bytes.fromhex(text)) for text in INPUTS[:size]]

        assert mmr.root(mmr.grown(mmr.EMPTY, hashes)).hex() == HEADS[size]

    @given(SIZES, SIZES)
    def test_has_the_root_of_the_literal_recursion_however_it_grew(self, size: int, first: int) -> None:
        hashes = leaves(size)

        grown = mmr.grown(mmr.grown(mmr.EMPTY, hashes[:first]), hashes[first:])

        assert mmr.root(grown) == head([bytes([number]) for number in range(size)])
        assert len(grown.peaks) == size.bit_count()

    @given(SIZES, st.data())
    def test_proves_each_leaf_at_its_place_and_at_no_other(self, size: int, data: st.DataObject) -> None:
        hashes = leaves(size)
        index, other = (data.draw(st.integers(min_value=0, max_value=size - 1)) for _ in range(2))
        top, route = mmr.root(mmr.grown(mmr.EMPTY, hashes)), mmr.path(hashes, index)

        assert mmr.climbed(hashes[index], index, size, route) == top
        if other != index:
            assert mmr.climbed(hashes[other], index, size, route) != top
            assert mmr.climbed(hashes[index], other, size, route) != top

    @given(SIZES, st.data())
    def test_is_not_climbed_by_a_longer_or_shorter_path(self, size: int, data: st.DataObject) -> None:
        hashes = leaves(size)
        index = data.draw(st.integers(min_value=0, max_value=size - 1))
        route = mmr.path(hashes, index)

        assert mmr.climbed(hashes[index], index, size, [*route, bytes(32)]) is None
        if route:
            assert mmr.climbed(hashes[index], index, size, route[:-1]) is None
        assert mmr.climbed(hashes[index], size, size, route) is None
