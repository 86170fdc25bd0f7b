"""The Houston instance: the figures, exactly."""

from __future__ import annotations

import pytest

from mycelia_agents import houston
from mycelia_agents.houston import Area, Instance, Point


@pytest.fixture(scope="module")
def instance() -> Instance:
    return houston.load()


class TestTheInstance:
    def test_has_less_than_it_needs(self, instance: Instance) -> None:
        assert sum(point.capacity for point in instance.points) == 7_144_709
        assert sum(area.amount for area in instance.areas) == 8_720_100

    def test_places_every_area_in_a_cell_of_its_own(self, instance: Instance) -> None:
        assert len({area.cell for area in instance.areas}) == len(instance.areas) == 96

    def test_gives_every_point_its_own_roads(self, instance: Instance) -> None:
        roads = instance.roads(0)

        assert roads[instance.areas[0].cell] == 84  # 8.4 miles, in tenths of a point
        assert len(roads) == 96

    def test_has_the_known_optimum(self, instance: Instance) -> None:
        assert houston.optimum(instance) == 4_673_493_391


class TestTheOptimum:
    def test_serves_nobody_at_a_loss(self) -> None:
        point, area = Point("p", 29.7, -95.4, 10), Area("a", 29.8, -95.4, 10, 50)

        assert houston.optimum(Instance((point,), (area,), ((60,),))) == 0

    def test_is_reached_by_the_welfare_of_a_best_allocation(self) -> None:
        points = Point("p", 29.7, -95.4, 10), Point("q", 29.7, -95.5, 10)
        areas = Area("a", 29.8, -95.4, 10, 50), Area("b", 29.8, -95.5, 10, 50)
        small = Instance(points, areas, ((10, 12), (11, 30)))

        assert houston.optimum(small) == small.welfare([(0, 1, 10), (1, 0, 10)]) == 770
