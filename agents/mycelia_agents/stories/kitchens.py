"""The community kitchens: a kitchen needs rice for tomorrow, two others give it, and the pot can be traced."""

from __future__ import annotations

from mycelia_node import models

from .troupe import HERE, Story, Troupe

CHARTER = """
name = "Ollas comunes"

[classes]
rice = "kg/1000"
meal = "piece"
cooking = "h/4"

[contribution]
rice = [1, 1000]
cooking = [1, 1]
"""


def _play(troupe: Troupe) -> dict[str, object]:
    norte, sur, wholesaler = troupe["norte"], troupe["sur"], troupe["mayorista"]
    lots = {
        "sur": sur.event(models.NewEvent(action="raise", resource_class="rice", amount="12 kg", note="from Sunday")).id,
        "mayorista": wholesaler.event(models.NewEvent(action="raise", resource_class="rice", amount="100 kg")).id,
    }
    need = norte.need("rice", "25 kg", at=HERE, until="+1d", urgency=40, stock=True).id
    troupe.say("Olla Norte needs 25 kg of rice until tomorrow")
    troupe.meet()
    seen = [one for one in sur.field(kind="need").signals if one.id == need]
    troupe.check("the other kitchen sees the need in its own field", holds=len(seen) == 1)
    for giver, amount in (("sur", "10 kg"), ("mayorista", "15 kg")):
        offer = troupe[giver].offer("rice", amount, at=HERE, until="+1d", resource=lots[giver]).id
        troupe.give(giver, "norte", offer, need, amount)
        troupe.say(f"{giver} gave {amount}, both have signed")
    troupe.meet()
    left = [one.remaining for one in sur.field(kind="need", everything=True).signals if one.id == need]
    troupe.check("the need has sunk to nothing in every field", holds=left == [0])
    pot = norte.process(models.NewProcess(note="Wednesday's pot")).id
    for lot in troupe.made("norte", "rice"):
        norte.event(models.NewEvent(action="consume", amount=lot.onhand, resource=lot.id, process=pot))
    norte.event(models.NewEvent(action="work", resource_class="cooking", amount="6 h", process=pot))
    meals = norte.event(
        models.NewEvent(action="produce", resource_class="meal", amount="120", process=pot, stage="cooked")
    ).id
    troupe.meet()
    sources = {step.source for step in sur.trace(meals)}
    troupe.check("anybody traces the pot to both lots", holds={f"{lot}" for lot in lots.values()} <= _roots(sources))
    settled = {name: troupe[name].settle().contributed for name in ("sur", "mayorista")}
    troupe.check(
        "what was given is counted, and confirmed by who got it", holds=settled == {"sur": 10, "mayorista": 15}
    )
    return {"needed_kg": 25, "received_kg": 25, "meals": 120, "lots_traced": 2, "contributions": settled}


def _roots(names: set[str | None]) -> set[str]:
    return {name.partition(":")[0] for name in names if name is not None}


STORY = Story(
    "kitchens",
    "A kitchen needs rice, two others give it, and the pot is traced to its lots.",
    CHARTER,
    {"norte": ("Olla Norte",), "sur": ("Olla Sur",), "mayorista": ("Mayorista",)},
    _play,
)
