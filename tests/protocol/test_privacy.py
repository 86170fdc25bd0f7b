from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelia_protocol import compose, privacy
from mycelia_protocol.canonical import Value
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import MAX_BODY_BYTES, read_body, write_body
from mycelia_protocol.errors import Malformed, ProtocolError, Refused
from tests.builders import Commons

NETWORK, CHAIN = digest(b"network"), digest(b"chain")
ANNA, BO, CLEO = (digest(name) for name in (b"anna", b"bo", b"cleo"))
NOTE: dict[str, Value] = {"note": "ring twice"}


def randomness(seed: int = 0) -> Callable[[int], bytes]:
    """Return entropy that is the same each time."""
    state = digest(b"%d" % seed)

    def draw(size: int) -> bytes:
        nonlocal state
        state = digest(state)
        return state[:size]

    return draw


def sealed(
    content: dict[str, Value] = NOTE, to: Sequence[bytes] = (ANNA,), *, chain: bytes = CHAIN, seed: int = 0
) -> dict[str, Value]:
    names = [privacy.box_key(secret) for secret in to]
    return privacy.seal(content, names, network=NETWORK, chain=chain, entropy=randomness(seed))


def opened(content: dict[str, Value], secret: bytes = ANNA, *, chain: bytes = CHAIN) -> dict[str, Value]:
    return privacy.open_sealed(content, secret, network=NETWORK, chain=chain)


def parts(content: dict[str, Value]) -> list[bytes]:
    return cast(list[bytes], content["sealed"])


class TestAPrivateBody:
    def test_is_read_by_each_recipient(self) -> None:
        content = sealed(to=(ANNA, BO))

        assert opened(content, ANNA) == opened(content, BO) == NOTE

    def test_is_read_by_nobody_else(self) -> None:
        with pytest.raises(Refused, match=r"private\.recipient"):
            opened(sealed(to=(ANNA, BO)), CLEO)

    def test_names_no_recipient(self) -> None:
        block = write_body(sealed(to=(ANNA, BO)), nonce=bytes(16))

        assert all(privacy.box_key(secret) not in block for secret in (ANNA, BO))

    def test_says_no_order_of_recipients_by_its_boxes(self) -> None:
        first = [reader_of_first_box(sealed(to=(ANNA, BO), seed=seed)) for seed in range(32)]

        assert set(first) == {ANNA, BO}

    def test_is_an_ordinary_body(self) -> None:
        block = write_body(sealed(), nonce=bytes(16))

        assert privacy.is_sealed(read_body(block))
        assert opened(read_body(block)) == NOTE

    def test_fits_a_body_with_the_largest_content_and_all_recipients(self) -> None:
        everybody = [digest(b"%d" % number) for number in range(privacy.MAX_RECIPIENTS)]
        largest: dict[str, Value] = {"n": "x" * (privacy.SIZES[-1] - 7)}

        content = sealed(largest, everybody)

        assert len(write_body(content, nonce=bytes(16))) <= MAX_BODY_BYTES
        assert opened(content, everybody[-1]) == largest

    def test_refuses_content_that_does_not_fit(self) -> None:
        with pytest.raises(Refused, match=r"private\.content"):
            sealed({"n": "x" * (privacy.SIZES[-1] - 6)})

    def test_says_of_its_length_only_the_size_class(self) -> None:
        lengths = {len(write_body(sealed({"n": "x" * size}), nonce=bytes(16))) for size in range(200)}

        assert len(lengths) == 1

    def test_is_bound_to_its_chain(self) -> None:
        with pytest.raises(Refused, match=r"private\.seal"):
            opened(sealed(), chain=digest(b"another"))

    def test_says_the_same_to_all_or_the_cheat_shows(self) -> None:
        honest, other = sealed(to=(ANNA,)), sealed(to=(BO,), seed=1)
        nonce, commitment, box, ciphertext = parts(honest)
        forged: dict[str, Value] = {"sealed": [nonce, commitment, b"".join(sorted((box, parts(other)[2]))), ciphertext]}

        assert opened(forged, ANNA) == NOTE
        with pytest.raises(Refused, match=r"private\.commitment"):
            opened(forged, BO)

    def test_is_another_each_time(self) -> None:
        assert sealed(seed=1) != sealed(seed=2)

    @given(st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.binary(max_size=400) | st.text(max_size=50)))
    def test_gives_back_what_was_sealed(self, content: dict[str, Value]) -> None:
        assert opened(sealed(content)) == content

    @given(st.integers(0, 1 << 30), st.integers(0, 7))
    def test_with_any_bit_turned_is_refused_by_a_rule(self, place: int, bit: int) -> None:
        fields = list(parts(sealed()))
        at = place % sum(map(len, fields))
        number = 0
        while at >= len(fields[number]):
            at, number = at - len(fields[number]), number + 1
        changed = bytearray(fields[number])
        changed[at] ^= 1 << bit
        fields[number] = bytes(changed)

        with pytest.raises(ProtocolError, match=r"private\."):
            opened({"sealed": cast(list[Value], fields)})

    @given(st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.binary(max_size=90) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    ))  # fmt: skip
    def test_of_any_other_form_is_refused_as_such(self, value: Value) -> None:
        with pytest.raises(Malformed, match=r"private\.form"):
            opened({"sealed": value})


def reader_of_first_box(content: dict[str, Value]) -> bytes:
    """Return the secret that opens the first of the boxes."""
    nonce, commitment, boxes, ciphertext = parts(content)
    first: dict[str, Value] = {"sealed": [nonce, commitment, boxes[: privacy.BOX_BYTES], ciphertext]}
    for secret in (ANNA, BO):
        try:
            opened(first, secret)
        except Refused:
            continue
        return secret
    raise AssertionError("nobody opens it")


class TestARetract:
    def test_is_of_own_entries(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")

        assert anna.why_not(compose.retract([bo.need().id])) == "retract.own"
        assert anna.why_not(compose.retract([anna.need().id, anna.chain])) == "valid"

    def test_changes_no_standing(self) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need = anna.need(amount=5)
        line = bo.pledge(need, 5)
        anna.accept(need, line)
        before = commons.status(line)

        anna.say(compose.retract([need.id]))

        assert commons.status(line) == before
        assert anna.accepted(need) == 5
