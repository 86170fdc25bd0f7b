"""The open hardware lab: one microscope, two licenses, a co-op that may sell it and a company that may not."""

from __future__ import annotations

from mycelia_node import models

from .troupe import HERE, Story, Troupe

CHARTER = """
name = "Open hardware"

[classes]
design = "piece"
microscope = "piece"
money = "EUR/100"
hours = "h"

[issuers]
company-wage = ["founder"]
surplus-to-workers = ["founder"]
worker-coop = ["founder"]

[contribution]
hours = [1, 1]
"""
HOURS = 40  # what CopyFair asks of who uses a design commercially


def _play(troupe: Troupe) -> dict[str, object]:
    lab, coop, big = troupe["lab"], troupe["coop"], troupe["big"]
    designs = {
        license_: lab.event(
            models.NewEvent(action="raise", resource_class="design", amount=1, license=license_, member="Lab")
        ).id
        for license_ in ("ppl", "copyfair")
    }
    words = {
        name: [_attest(troupe, name, predicate) for predicate in predicates]
        for name, predicates in (("MicroCoop", ("worker-coop", "surplus-to-workers")), ("BigOptics", ("company-wage",)))
    }
    troupe.say("the union attests what both are")
    troupe.meet()
    rule, why = troupe.refusal(lambda: _cite(troupe, "big", designs["ppl"], words["BigOptics"]))
    is_told = rule == "license.denied" and "P4" in why and "P6" in why
    troupe.check("BigOptics may not: row P4, and the way is row P6", holds=is_told)
    used = _cite(troupe, "coop", designs["ppl"], words["MicroCoop"])
    troupe.meet()
    said = lab.explain(used)
    troupe.check("MicroCoop may: row P2, as every peer reads it", holds=(said.is_allowed, said.row) == (True, "P2"))
    sold = _sell(troupe)
    troupe.check("MicroCoop sells five microscopes", holds=sold == 5)
    rule, why = troupe.refusal(lambda: _cite(troupe, "big", designs["copyfair"], words["BigOptics"]))
    troupe.check(
        "under CopyFair BigOptics may not yet: it gave nothing", holds=rule == "license.denied" and "C2" in why
    )
    need = lab.need("hours", str(HOURS), at=HERE, until="+2d", member="Lab").id
    offer = big.offer("hours", str(HOURS), at=HERE, until="+2d").id
    troupe.give("big", "lab", offer, need, str(HOURS), to="Lab")
    troupe.meet()
    gave = big.settle().contributed
    used = _cite(troupe, "big", designs["copyfair"], words["BigOptics"])
    troupe.meet()
    said = coop.explain(used)
    troupe.check("after 40 hours for the lab it may: row C2", holds=(gave, said.row) == (HOURS, "C2"))
    return {"refused": ["P4", "C2-else"], "allowed": ["P2", "C2"], "sold": sold, "contributed_h": gave}


def _attest(troupe: Troupe, name: str, predicate: str) -> str:
    subject = next(
        person.identity
        for person in troupe["lab"].identities()
        if troupe.chains[name] in [one.chain for one in person.chains]
    )
    return troupe["lab"].attest(models.NewAttestation(subject=subject, predicate=predicate, member="Union")).id


def _cite(troupe: Troupe, peer: str, design: str, words: list[str]) -> str:
    """Begin a process and cite a design in it, for what will be sold."""
    run = troupe[peer].process(models.NewProcess()).id
    new = models.NewEvent(action="cite", resource=design, use="commercial", process=run, cites=words)
    return troupe[peer].event(new).id


def _sell(troupe: Troupe) -> int:
    """Have MicroCoop make five microscopes in its process, and sell them to the lab."""
    coop, lab = troupe["coop"], troupe["lab"]
    [run] = [entry.id for entry in coop.log(kind="process", chain=troupe.chains["MicroCoop"])]
    made = coop.event(models.NewEvent(action="produce", resource_class="microscope", amount=5, process=run)).id
    price = coop.need("money", "1000", at=HERE, until="+2d").id
    offer = coop.offer("microscope", "5", at=HERE, until="+2d", resource=made, reciprocal=price).id
    wanted = lab.need("microscope", "5", at=HERE, until="+2d", stock=True, member="Lab").id
    payment = lab.offer("money", "1000", at=HERE, until="+2d", member="Lab").id
    troupe.give("coop", "lab", offer, wanted, "5", to="Lab")
    troupe.give("lab", "coop", payment, price, "1000", by="Lab")
    return sum(one.onhand for one in troupe.made("lab", "microscope", member="Lab"))


STORY = Story(
    "hardware",
    "A microscope under two licenses: who may sell it, who may not, and what would help.",
    CHARTER,
    {"lab": ("Union", "Lab"), "coop": ("MicroCoop",), "big": ("BigOptics",)},
    _play,
)
