"""Amounts: what people write and what the ledger counts (spec 06, "Amounts")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol.amounts import amount_text, format_amount, parse_amount
from mycelia_protocol.charter import MAX_AMOUNT, ResourceClass
from mycelia_protocol.errors import Malformed

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "spec" / "vectors" / "amounts.json").read_text(encoding="utf-8")
)


class TestAnAmount:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
    def test_is_read_and_written_as_the_vectors_say(self, vector: dict[str, Any]) -> None:
        given_class = ResourceClass(*vector["given"]["class"])

        if "refuse" in vector:
            with pytest.raises(Malformed) as refused:
                parse_amount(vector["given"]["text"], given_class)
            assert refused.value.rule == vector["refuse"]
        elif vector["do"] == "amount":
            quanta = parse_amount(vector["given"]["text"], given_class)
            assert vector["expect"] == {"quanta": str(quanta), "written": format_amount(quanta, given_class)}
        else:
            assert vector["expect"] == {"written": format_amount(int(vector["given"]["quanta"]), given_class)}

    @given(quanta=some.integers(1, MAX_AMOUNT), twos=some.integers(0, 9), fives=some.integers(0, 3))
    def test_survives_being_written_and_read(self, quanta: int, twos: int, fives: int) -> None:
        resource_class = ResourceClass("kg", 1, 2**twos * 5**fives)

        text = format_amount(quanta, resource_class).removesuffix(" kg")

        assert parse_amount(text, resource_class) == quanta

    def test_is_a_bare_number_where_the_charter_has_no_such_class(self) -> None:
        classes = {"flour": ResourceClass("kg", 1, 1000)}

        assert [amount_text(classes, name, 500) for name in ("flour", "gold")] == ["0.5 kg", "500"]
