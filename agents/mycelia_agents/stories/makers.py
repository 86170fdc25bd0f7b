"""The makers: a hospital needs face shields, workshops make them, a courier brings them, one bad lot is recalled."""

from __future__ import annotations

from mycelia_node import models

from .troupe import HERE, Story, Troupe

CHARTER = """
name = "Makers"

[classes]
petg = "kg/1000"
shield = "piece"
design = "piece"
"""
CO_OP = "Plastics co-op"
LABELS = {"north": "PETG-A", "south": "PETG-B"}  # of the sheets that each gets
MADE = {"north": 90, "south": 110}  # how many shields each makes of them


def _play(troupe: Troupe) -> dict[str, object]:
    plastics, hospital = troupe["plastics"], troupe["hospital"]
    design = plastics.event(
        models.NewEvent(action="raise", resource_class="design", amount=1, license="ovn", member=CO_OP)
    ).id
    lots = {maker: _labelled(troupe, code) for maker, code in LABELS.items()}
    wanted = hospital.need("shield", "200", at=HERE, until="+2d", urgency=40, action="transferAllRights", stock=True).id
    troupe.say("the hospital needs 200 face shields")
    shields = {maker: _make(troupe, maker, lots[maker], design, count) for maker, count in MADE.items()}
    arrived: dict[str, str] = {}
    for maker, count in MADE.items():
        offer = (
            troupe[maker]
            .offer("shield", str(count), at=HERE, until="+2d", action="transferAllRights", resource=shields[maker])
            .id
        )
        arrived[maker] = troupe.give(maker, "hospital", offer, wanted, str(count))
        _carry(troupe, maker, shields[maker], arrived[maker], str(count))
    had = sum(one.onhand for one in troupe.made("hospital", "shield"))
    troupe.check("the hospital has 200 shields, in two lots", holds=had == 200)
    hospital.event(models.NewEvent(action="accept", amount=5, resource=arrived["north"]))
    hospital.event(models.NewEvent(action="modify", amount=5, resource=arrived["north"], state="tested"))
    owes = [claim for maker in MADE for claim in troupe[maker].credit().claims]
    troupe.check("nobody sold anything, so nobody owes the designers", holds=not owes)
    troupe.meet()
    recalled = hospital.recall(LABELS["north"])
    held = [one for one in recalled.stock if one.resource_class == "shield" and one.chain == troupe.chains["Hospital"]]
    found = sum(int(one.onhand) for one in held)
    troupe.check(
        "lot PETG-A is recalled: 90 shields at the hospital, none of the other 110", holds=found == MADE["north"]
    )
    others = plastics.recall(LABELS["north"])
    troupe.check(
        "every peer finds the same", holds={one.id for one in others.stock} == {one.id for one in recalled.stock}
    )
    return {"shields": had, "recalled": found, "holders": len({one.chain for one in recalled.stock})}


def _labelled(troupe: Troupe, code: str) -> str:
    """Have the co-op make a lot of sheets, with a label; return it."""
    plastics = troupe["plastics"]
    new = models.NewEvent(action="produce", resource_class="petg", amount="8 kg", member=CO_OP)
    sheets = plastics.event(new).id
    plastics.lot(models.NewLot(resource=sheets, code=code, member=CO_OP))
    return sheets


def _carry(troupe: Troupe, maker: str, shields: str, into: str, count: str) -> None:
    """Have the courier, whose phone speaks to the peer of the plastics co-op, bring shields to whom they are now."""
    plastics, hospital = troupe["plastics"], troupe["hospital"]
    load = plastics.need("shield", count, at=HERE, until="+2d", action="pickup", stock=True, member="Courier").id
    loaded = troupe[maker].offer("shield", count, at=HERE, until="+2d", action="pickup", resource=shields).id
    carried = troupe.give(maker, "plastics", loaded, load, count, to="Courier")
    door = hospital.need("shield", count, at=HERE, until="+2d", action="dropoff", into=into).id
    brought = plastics.offer(
        "shield", count, at=HERE, until="+2d", action="dropoff", resource=carried, member="Courier"
    ).id
    troupe.give("plastics", "hospital", brought, door, count, by="Courier")
    troupe.say(f"the courier brought {count} shields of {maker}")


def _make(troupe: Troupe, maker: str, lot: str, design: str, count: int) -> str:
    """Have a workshop get its sheets, cite the design, and make shields; return them."""
    need = troupe[maker].need("petg", "6 kg", at=HERE, until="+1d", stock=True).id
    offer = troupe["plastics"].offer("petg", "6 kg", at=HERE, until="+1d", resource=lot, member=CO_OP).id
    troupe.give("plastics", maker, offer, need, "6 kg", by=CO_OP)
    [sheets] = troupe.made(maker, "petg")
    run = troupe[maker].process(models.NewProcess()).id
    troupe[maker].event(models.NewEvent(action="cite", resource=design, use="noncommercial", process=run))
    troupe[maker].event(models.NewEvent(action="consume", amount=sheets.onhand, resource=sheets.id, process=run))
    made = troupe[maker].event(models.NewEvent(action="produce", resource_class="shield", amount=count, process=run))
    troupe.say(f"{maker} made {count} shields")
    return made.id


STORY = Story(
    "makers",
    "A hospital needs face shields, workshops make them, one lot is recalled in one command.",
    CHARTER,
    {"plastics": (CO_OP, "Courier"), "north": ("North",), "south": ("South",), "hospital": ("Hospital",)},
    _play,
)
