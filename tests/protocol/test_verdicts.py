"""The verdict at the start: known signatures, and verifiers that judge them otherwise."""

from __future__ import annotations

import json
from pathlib import Path

from mycelia_protocol import verdicts

VECTORS = Path(__file__).parents[2] / "spec" / "vectors" / "keys.json"


class TestTheVerdictAtTheStart:
    def test_is_the_law_with_our_verifier(self) -> None:
        assert verdicts.differing() == ()

    def test_has_the_twelve_of_speccheck_of_which_number_3_alone_is_good(self) -> None:
        twelve = [case for case in verdicts.CASES if case.name.startswith("speccheck-")]

        assert len(twelve) == 12
        assert [case.name for case in twelve if case.good] == ["speccheck-3"]

    def test_has_its_other_cases_as_the_vectors_have_them(self) -> None:
        vectors = {vector["name"]: vector for vector in json.loads(VECTORS.read_text())}
        own = [case for case in verdicts.CASES if not case.name.startswith("speccheck-")]

        assert len(own) == 13
        for case in own:
            vector = vectors[case.name]
            assert vector["given"] == {"public": case.public, "signature": case.signature, "message": case.message}
            assert ("refuse" not in vector) == case.good

    def test_names_what_a_verifier_takes_that_is_bad(self) -> None:
        def credulous(public: bytes, signature: bytes, message: bytes) -> bool:
            return True

        wrong = verdicts.differing(credulous)

        assert set(wrong) == {case.name for case in verdicts.CASES if not case.good}

    def test_names_what_a_verifier_refuses_that_is_good(self) -> None:
        def fearful(public: bytes, signature: bytes, message: bytes) -> bool:
            return False

        wrong = verdicts.differing(fearful)

        assert set(wrong) == {"speccheck-3", "good", "mixed-key-cofactorless"}
