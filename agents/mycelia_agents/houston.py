"""Houston: a real food network under scarcity, the instance that every allocation is measured on.

An offer a point of distribution, its capacity in pounds; a need a ZIP area, three
pounds a person; urgency is 40 points a pound and 10 more for each person of the
average household; carrying costs a point a mile. Everything is an integer:
amounts in pounds, urgency and cost in tenths of a point, so that welfare and
optimum are exact. This module knows the figures, nothing of ledgers or agents.

    >>> instance = load()
    >>> len(instance.points), len(instance.areas), instance.areas[0].name, instance.areas[0].urgency
    (228, 96, '77002', 540)

The data and their source are described in `data/houston/README.md`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from io import StringIO

TENTHS = 10  # urgency and cost are integers: tenths of a point a pound
POUNDS_A_PERSON = 3
CELL_RESOLUTION = 8  # about half a mile across: no two areas share a cell


@dataclass(frozen=True, slots=True)
class Point:
    """A point of distribution: what it can hand out a day, in pounds."""

    name: str
    latitude: float
    longitude: float
    capacity: int

    @property
    def cell(self) -> int:
        """The H3 cell it stands in."""
        return _cell(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Area:
    """A ZIP area: the pounds that it needs, and how urgently, in tenths of a point a pound."""

    name: str
    latitude: float
    longitude: float
    amount: int
    urgency: int

    @property
    def cell(self) -> int:
        """The H3 cell of its centre."""
        return _cell(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Instance:
    """Points, areas, and what a pound costs from each point to each area, in tenths of a point."""

    points: tuple[Point, ...]
    areas: tuple[Area, ...]
    costs: tuple[tuple[int, ...], ...]  # by point, then by area

    def part(self, points: int, areas: int) -> Instance:
        """Return the instance of the first `points` and `areas`."""
        return Instance(self.points[:points], self.areas[:areas], tuple(row[:areas] for row in self.costs[:points]))

    def roads(self, point: int) -> dict[int, int]:
        """Return what one point knows of its own roads: the cost of a pound to each area's cell."""
        return {area.cell: cost for area, cost in zip(self.areas, self.costs[point], strict=True)}

    def welfare(self, served: Iterable[tuple[int, int, int]]) -> int:
        """Return the sum over (point, area, pounds) of urgency less cost, in tenths of a point."""
        return sum(pounds * (self.areas[area].urgency - self.costs[point][area]) for point, area, pounds in served)


def load() -> Instance:
    """Return the whole instance."""
    points = tuple(
        Point(row["name_and_address"], float(row["latitude"]), float(row["longitude"]), int(row["capacity_lb_per_day"]))
        for row in _table("pods.csv")
    )
    areas = tuple(
        Area(
            row["zip"],
            float(row["latitude"]),
            float(row["longitude"]),
            POUNDS_A_PERSON * int(row["population"]),
            _tenths(40 + 10 * Decimal(row["average_household_size"])),
        )
        for row in _table("zips.csv")
    )
    costs = tuple(tuple(_tenths(Decimal(row[area.name])) for area in areas) for row in _table("miles.csv"))
    return Instance(points, areas, costs)


def optimum(instance: Instance) -> int:
    """Return the largest welfare that anybody could reach, in tenths of a point: an exact minimum-cost flow.

    Needs OR-tools (extra `solve`).
    """
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    flow = SimpleMinCostFlow()
    first_area = len(instance.points)
    spare = first_area + len(instance.areas)  # takes what stays at the points, at no cost
    for at, point in enumerate(instance.points):
        flow.set_node_supply(at, point.capacity)
        flow.add_arc_with_capacity_and_unit_cost(at, spare, point.capacity, 0)
        for to, area in enumerate(instance.areas):
            value = area.urgency - instance.costs[at][to]
            if value > 0:
                flow.add_arc_with_capacity_and_unit_cost(at, first_area + to, min(point.capacity, area.amount), -value)
    for to, area in enumerate(instance.areas):
        flow.add_arc_with_capacity_and_unit_cost(first_area + to, spare + 1, area.amount, 0)
    supply = sum(point.capacity for point in instance.points)
    flow.add_arc_with_capacity_and_unit_cost(spare, spare + 1, supply, 0)
    flow.set_node_supply(spare + 1, -supply)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise ArithmeticError(f"the minimum-cost flow ended with status {status}")
    return -int(flow.optimal_cost())


def _table(name: str) -> list[dict[str, str]]:
    text = resources.files("mycelia_agents").joinpath("data", "houston", name).read_text(encoding="utf-8")
    return list(csv.DictReader(StringIO(text)))


def _tenths(points: Decimal) -> int:
    tenths = points * TENTHS
    if tenths != int(tenths):
        raise ValueError(f"{points} is not a whole number of tenths")
    return int(tenths)


def _cell(latitude: float, longitude: float) -> int:
    import h3

    return int(h3.str_to_int(h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)))
