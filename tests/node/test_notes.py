"""Notes: for everybody or for some, for ever or for a while."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mycelia_node import models, notes
from mycelia_node.faults import BadInput
from mycelia_protocol import privacy
from mycelia_protocol.canonical import Value
from mycelia_protocol.cid import digest
from mycelia_protocol.compose import Content
from mycelia_protocol.envelope import Entry, write_body
from mycelia_protocol.errors import Refused
from tests.builders import NOW_MS, Commons

from .towns import Town

NETWORK, CHAIN = digest(b"network"), digest(b"chain")
ANNA, BO, CLEO = (digest(name) for name in (b"anna", b"bo", b"cleo"))
DAY_MS = 86_400_000


def signal(**more: Any) -> models.NewSignal:
    return models.NewSignal(kind="need", resource_class="food", amount="1", at="52.37,4.89", **more)


def key(secret: bytes) -> str:
    return privacy.box_key(secret).hex()


def body(new: models.NewSignal) -> dict[str, Value] | None:
    own = privacy.box_key(ANNA)
    return notes.body_of(
        new, own=own, keys_of=lambda text: [bytes.fromhex(text)], network=NETWORK, chain=CHAIN,
        entropy=random.Random(3).randbytes,
    )  # fmt: skip


def entry(content: dict[str, Value] | None, raw: bytes | None = None) -> Entry:
    """Return an entry of the chain with this body."""
    opening = Commons().member("anna").draft(Content("x.test", [], b""))
    block = raw if content is None else write_body(content, nonce=bytes(16))
    return opening._replace(chain=CHAIN, body=block)


def read(content: dict[str, Value] | None, *secrets: bytes) -> dict[str, Value] | Refused | None:
    return notes.read(entry(content), secrets, network=NETWORK)


class TestANote:
    def test_is_for_everybody_unless_somebody_is_named(self) -> None:
        assert body(signal(note="soup")) == {"note": "soup"}
        assert body(signal()) is None

    def test_for_some_is_read_by_them_and_by_its_author(self) -> None:
        content = body(signal(note="soup", to=[key(BO)]))

        assert read(content, ANNA) == read(content, CLEO, BO) == {"note": "soup"}

    def test_for_others_is_shut_by_a_rule(self) -> None:
        shut, alone = (read(body(signal(note="soup", to=[key(BO)])), *secrets) for secrets in ((CLEO,), ()))

        assert isinstance(shut, Refused)
        assert isinstance(alone, Refused)
        assert (shut.rule, alone.rule) == ("private.recipient", "private.recipient")

    def test_that_a_recipient_cannot_read_says_why_to_them(self) -> None:
        content = body(signal(note="soup", to=[key(BO)]))

        shut = notes.read(entry(content), [BO, CLEO], network=digest(b"another"))

        assert isinstance(shut, Refused)
        assert shut.rule == "private.seal"

    @pytest.mark.parametrize("block", [b"", b"\xff", b"\x80", bytes(40)])
    def test_that_is_no_body_is_not_read(self, block: bytes) -> None:
        assert notes.read(entry(None, block), [ANNA], network=NETWORK) is None

    def test_that_only_says_to_be_sealed_is_shut_by_its_form(self) -> None:
        shut = read({"sealed": True}, ANNA)

        assert isinstance(shut, Refused)
        assert shut.rule == "private.form"


class TestARecipient:
    @pytest.mark.parametrize("text", ["", "cleo", "00" * 31, "00" * 33, "zz" * 32, "did:key:z6Mk", "bafyrei"])
    def test_is_somebody_known_or_a_box_key(self, text: str) -> None:
        with pytest.raises(BadInput, match="names nobody"):
            Town()["anna"].desk.publish([signal(note="soup", to=[text])])

    def test_is_named_by_an_identity_and_reads_it_on_every_installation(self) -> None:
        town = Town()
        anna, bo = town["anna"], town.settle("bo")
        town.meet()
        bo.hall.create_member(models.NewMember(name="bo"))
        words = bo.hall.phrase("bo")
        phone = town.settle("phone")
        town.meet()
        phone.hall.restore(models.NewRestoration(name="bo", phrase=words))
        town.meet()
        [said] = anna.desk.publish([signal(note="soup", to=[bo.hall.identity("bo").identity[:20]])])
        [other] = anna.desk.publish([signal(note="salt", to=["anna"])])
        town.meet()

        assert [home.desk.show(said.id).body for home in (anna, bo, phone)] == [{"note": "soup"}] * 3
        assert bo.desk.show(other.id).body is None
        assert bo.desk.show(other.id).closed_by == "private.recipient"

    def test_may_be_pasted_as_it_comes(self) -> None:
        anna = Town()["anna"]

        [said] = anna.desk.publish([signal(note="soup", to=[f" {key(BO).upper()}\n"])])

        stored = anna.desk.entry(said.id).entry
        assert notes.read(stored, [BO], network=anna.ledger.network) == {"note": "soup"}

    def test_is_not_named_without_a_note(self) -> None:
        with pytest.raises(BadInput, match="no note"):
            body(signal(to=[key(BO)]))

    def test_is_one_of_31_beside_the_author(self) -> None:
        everybody = [key(digest(b"%d" % number)) for number in range(32)]

        assert body(signal(note="soup", to=everybody[:31]))
        with pytest.raises(BadInput) as caught:
            body(signal(note="soup", to=everybody))
        assert "at most 31" in str(caught.value.remedy)

    def test_of_small_order_is_none(self) -> None:
        with pytest.raises(Refused, match=r"private\.recipient"):
            body(signal(note="soup", to=["00" * 32]))


class TestAnEnd:
    def test_is_not_unless_it_is_said(self) -> None:
        assert notes.expiry_of(signal(note="soup"), NOW_MS) is None

    def test_is_counted_from_now(self) -> None:
        assert notes.expiry_of(signal(note="soup", note_until="+2d"), NOW_MS) == 2 * DAY_MS
        assert notes.expiry_of(signal(note="soup", note_until=NOW_MS + 5), NOW_MS) == 5

    def test_lies_ahead(self) -> None:
        with pytest.raises(BadInput, match="is over"):
            notes.expiry_of(signal(note="soup", note_until=NOW_MS), NOW_MS)

    def test_needs_a_note(self) -> None:
        with pytest.raises(BadInput, match="no note"):
            notes.expiry_of(signal(note_until="+2d"), NOW_MS)
