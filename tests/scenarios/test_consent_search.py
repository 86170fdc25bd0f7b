"""Consent over all small cases: what holds unconditionally on unforked chains, and that the search would notice.

Run `python -m tests.scenarios.test_consent_search` for the larger cases; they take minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from time import process_time

import pytest

from mycelia_protocol.accumulators import CommittedLine, Draft, LineId, Mark
from mycelia_protocol.charter import MAX_AMOUNT
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Refused
from mycelia_protocol.kinds import KINDS, Judged, exits
from mycelia_protocol.kinds.kind import line_refs
from mycelia_protocol.standing import Standing
from tests.scenarios.consent_search import Observer, Result, search
from tests.scenarios.consent_states import SAYINGS, Case
from tests.scenarios.consent_world import World

ONE_NEED, TWO_NEEDS = ((0, 1),), ((0, 1), (1, 1))
ONE_OFFER, TWO_OFFERS = ((0, 1),), ((0, 1), (1, 1))
EXITS = frozenset({"release", "lapse", "cancel", "cancel by provider"})

CASES = {
    "one need and one offer of two, withdrawals": Case(((0, 2),), ((0, 2),), 2, amounts=(1, 2), withdrawals=True),
    "two receivers before one offer": Case(TWO_NEEDS, ONE_OFFER, 2),
    "two providers before one need": Case(ONE_NEED, TWO_OFFERS, 1, withdrawals=True),
    "two receivers and rows": Case(TWO_NEEDS, ONE_OFFER, 2, rows=True),
    "two needs on one chain and rows": Case(((0, 1), (0, 1)), ((0, 1),), 2, rows=True),
    "two offers on one chain": Case(ONE_NEED, ((0, 1), (0, 1)), 1, withdrawals=True),
    "two receivers and two providers": Case(TWO_NEEDS, TWO_OFFERS, 1),
    "invalid exits": Case(ONE_NEED, ONE_OFFER, 1, missteps=EXITS),
    "invalid releases": Case(ONE_NEED, ONE_OFFER, 2, missteps=frozenset({"release"})),
    "invalid commits and accepts": Case(ONE_NEED, ONE_OFFER, 2, missteps=frozenset({"commit", "accept"})),
    "everything invalid too": Case(ONE_NEED, ONE_OFFER, 1, missteps=frozenset({*SAYINGS, "commit"})),
}
DEEP = {
    "one need and one offer of two, three commits": Case(((0, 2),), ((0, 2),), 3, amounts=(1, 2), withdrawals=True),
    "two receivers, three commits": Case(TWO_NEEDS, ONE_OFFER, 3, withdrawals=True),
    "two providers, two commits each": Case(ONE_NEED, TWO_OFFERS, 2, withdrawals=True),
    "invalid delivers": Case(ONE_NEED, ONE_OFFER, 2, missteps=frozenset({"deliver"})),
    "invalid releases and delivers": Case(ONE_NEED, ONE_OFFER, 2, missteps=frozenset({"release", "deliver"})),
    "invalid exits, two commits": Case(ONE_NEED, ONE_OFFER, 2, missteps=EXITS),
}


@cache
def searched(label: str) -> Result:
    """Return what the search of a case saw; each is searched once."""
    return search(CASES[label])


class TestConsentOnUnforkedChains:
    @pytest.mark.parametrize("label", CASES)
    def test_holds_in_every_state_that_liars_and_late_messages_can_reach(self, label: str) -> None:
        began = process_time()

        result = searched(label)

        print(f"{label}: {result.states} states, {result.steps} steps, {process_time() - began:.1f} s")
        assert not result.broken

    @pytest.mark.parametrize("label", ["invalid commits and accepts", "two receivers before one offer"])
    def test_stands_the_same_in_any_order_of_arrival(self, label: str) -> None:
        observer, result = Observer(World(CASES[label])), searched(label)
        dice = random.Random(1)
        for state in dice.sample(result.reached, 200):
            entries = [entry for slot, line in enumerate(state.lines) for entry in observer.entries(line, slot)]
            views = []
            for _ in range(4):
                dice.shuffle(entries)
                views.append(_view(observer.standing(list(entries))))

            assert all(view == views[0] for view in views), state

    def test_has_the_sums_that_the_chains_themselves_keep(self) -> None:
        label = "two receivers before one offer"
        observer, result = Observer(World(CASES[label])), searched(label)

        for state in result.reached:
            entries = [entry for slot, line in enumerate(state.lines) for entry in observer.entries(line, slot)]
            standing = observer.standing(entries)
            offers, needs = sorted(standing.offers), sorted(standing.needs)
            assert [standing.committed(offer) for offer in offers] == [offer.committed for offer in state.offers]
            assert [standing.accepted(need) for need in needs] == [accepted for _, accepted in state.needs]


def _view(standing: Standing) -> tuple[object, ...]:
    lines = sorted((line.id, standing.status(line)) for line in standing.lines.values())
    offers = [(offer, standing.committed(offer)) for offer in sorted(standing.offers)]
    return lines, offers, [(need, standing.accepted(need)) for need in sorted(standing.needs)]


class EffectiveExits(Standing):
    """A wrong standing: it asks for the verdicts on what an exit rests on."""

    def add(self, entry: Entry) -> None:
        cited = [self._entry_of(link) for link in entry.header.links]
        rests_on = [one for one in cited if one is not None and one.header.kind in ("lapse", "cancel")]
        if entry.header.kind != "release" or not rests_on or self._is_said(rests_on):
            super().add(entry)

    def _is_said(self, rests_on: list[Entry]) -> bool:
        return any(
            (entry.header.kind, entry.chain) in signed.marks for entry in rests_on for signed in self._signed.values()
        )


def _release_after_deliver(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exits, "CLOSED", Mark.RELEASED | Mark.CANCELLED)


def _accept_in_spite_of_a_cited_exit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Draft, "cited", lambda self, name, number, party: ())


def _no_cancel_once_the_accept_is_cited(patch: pytest.MonkeyPatch) -> None:
    def judge(judged: Judged) -> None:
        for line in _lines(judged):
            given = judged.facts.committed(line)
            if given is not None and given.marks & Mark.CITES_ACCEPT:
                raise Refused("cancel.open", "planted")
        cancel.judge(judged)

    cancel = KINDS["cancel"]
    patch.setitem(KINDS, "cancel", replace(cancel, judge=judge))


def _commit_beyond_the_row(patch: pytest.MonkeyPatch) -> None:
    def judge(judged: Judged) -> None:
        for record, offer, _ in list(judged.facts):
            if record == "offer":
                wide = tuple((need, MAX_AMOUNT) for need, dep in judged.deps.items() if dep.header.kind == "need")
                judged.facts["offer", offer, -1] = judged.facts.offer(offer)._replace(tentative=wide)
        commit.judge(judged)

    commit = KINDS["commit"]
    patch.setitem(KINDS, "commit", replace(commit, judge=judge))


def _received_and_not_counted(patch: pytest.MonkeyPatch) -> None:
    def judge(judged: Judged) -> None:
        before = {key: fact for key, fact in judged.facts.items() if key[0] == "need"}
        receive.judge(judged)
        judged.facts.changes.update(before)

    receive = KINDS["receive"]
    patch.setitem(KINDS, "receive", replace(receive, judge=judge))


def _lapse_after_receive(patch: pytest.MonkeyPatch) -> None:
    def judge(judged: Judged) -> None:
        for line in _lines(judged):
            taken = judged.facts.accepted(line)
            if taken is not None:
                judged.facts["accepted", *line] = taken._replace(marks=taken.marks & ~Mark.RECEIVED)
        cancel.judge(judged)

    cancel = KINDS["cancel"]
    patch.setitem(KINDS, "cancel", replace(cancel, judge=judge))


def _refused_and_then_accepted(patch: pytest.MonkeyPatch) -> None:
    def judge(judged: Judged) -> None:
        for line in _lines(judged, 1):
            taken = judged.facts.accepted(line)
            if taken is not None and not taken.marks & Mark.ACCEPTED:
                forgotten = CommittedLine(b"", b"", b"", 0, 0, 0)  # anything that is no accepted line
                judged.facts["accepted", *line] = forgotten
        accept.judge(judged)

    accept = KINDS["accept"]
    patch.setitem(KINDS, "accept", replace(accept, judge=judge))


def _lines(judged: Judged, skip: int = 0) -> list[LineId]:
    return line_refs(judged.header, skip, "planted")


MUTANTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "release after deliver": ("two receivers before one offer", _release_after_deliver),
    "accept in spite of a cited exit": ("invalid releases", _accept_in_spite_of_a_cited_exit),
    "no cancel once the accept is cited": ("two receivers before one offer", _no_cancel_once_the_accept_is_cited),
    "commit beyond the row": ("two receivers and rows", _commit_beyond_the_row),
    "received and not counted": ("two providers before one need", _received_and_not_counted),
    "cancel after receive": ("two providers before one need", _lapse_after_receive),
    "refused and then accepted": ("two receivers before one offer", _refused_and_then_accepted),
}


class TestTheSearch:
    @pytest.mark.parametrize("mutant", MUTANTS)
    def test_catches_a_planted(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        label, plant = MUTANTS[mutant]
        plant(monkeypatch)

        result = search(CASES[label], stop_when_broken=True)

        print(f"{mutant}: {sorted(result.broken)}")
        assert result.broken

    def test_catches_an_exit_that_is_asked_for_effectiveness(self) -> None:
        result = search(CASES["invalid exits"], standing=EffectiveExits, stop_when_broken=True)

        print(sorted(result.broken))
        assert result.broken


if __name__ == "__main__":
    for title, case in {**CASES, **DEEP}.items():
        outcome = search(case)
        print(f"{title}: {outcome.states} states, {outcome.steps} steps, broken: {sorted(outcome.broken)}", flush=True)
