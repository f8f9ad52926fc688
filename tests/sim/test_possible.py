"""Fleets that cannot work are refused with the numbers."""

import numpy as np
import pytest
from pydantic import ValidationError

from tco.domain.fleet import FleetSettings, ReplayedFleet
from tco.domain.service import BatchService
from tco.errors import InfeasibleError, NotFoundError
from tco.sim.fleet import Fleet, FleetRules
from tco.sim.rules import idle_watts, rules_of, service_of
from tco.sim.run import Discipline
from tco.sim.scaling import Hpa, Static
from tco.sim.service import BatchRule, linear_service, spread_factors


def rules(**changes) -> FleetRules:
    settings = {
        "service": linear_service(1.0, 0.0, 4),
        "batch": BatchRule(),
        "rule": Static(2),
        "minimum": 2,
        "maximum": 2,
    }
    return FleetRules(**{**settings, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"maximum": 1}, "at most 1 replicas are allowed and at least 2"),
        ({"minimum": 0, "maximum": 0}, "may have 0 replicas at most"),
        ({"spare": 3}, "3 spare replicas.*is 2"),
        ({"first": 5}, "starts with 5 replicas and may have 2"),
        ({"minimum": 0, "rule": Hpa(0.5)}, "starts with 0 replicas and its rule cannot start one"),
        ({"batch": BatchRule(5)}, "up to 5 are asked for and the service curve covers 4"),
        ({"hardware": (0,)}, "hardware of 1 replicas is given and the fleet may have 2"),
        ({"hardware": (0, 1)}, "2 kinds of hardware are asked for and the service covers 1"),
        ({"discipline": Discipline.TWO_CHOICES}, "two choices need random numbers"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(InfeasibleError, match=message):
        Fleet(rules(**changes), [], until_s=1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replicas": 4, "spare_replicas": 1, "quota_replicas": 4}, "grows to 5.*quota is 4"),
        ({"replicas": 3, "hardware": [{"name": "l4", "replicas": 2}]}, "for 2 .* grows to 3"),
        ({"replicas": 2, "hardware": [{"name": "l4", "replicas": 1}] * 2}, "listed twice"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        ReplayedFleet.model_validate(settings)


UNLIKE = BatchService.model_validate(
    {
        "kind": "batch",
        "by_hardware": {
            "l4": {"seconds": [1.0, 2.0], "idle_w": 20.0},
            "cpu": {"seconds": [3.0, 5.0, 6.0], "idle_w": 90.0},
        },
    }
)


def test_unlike_hardware_becomes_classes_in_the_order_of_the_deployment():
    hardware = [{"name": "cpu", "replicas": 1}, {"name": "l4", "replicas": 2}]
    settings = ReplayedFleet.model_validate({"replicas": 3, "hardware": hardware})
    service = service_of(UNLIKE, ["cpu", "l4"])
    assert service.seconds[:, 0].tolist() == [[0.0, 3.0, 5.0], [0.0, 1.0, 2.0]]
    assert idle_watts(UNLIKE, ["cpu", "l4"]) == (90.0, 20.0)
    assert rules_of(settings, service, seed=1).hardware == (0, 1, 1)
    with pytest.raises(NotFoundError, match="no hardware 'a10'"):
        service_of(UNLIKE, ["a10"])
    with pytest.raises(InfeasibleError, match=r"figures by hardware \(l4, cpu\)"):
        service_of(UNLIKE)


def test_spare_replicas_come_on_top():
    settings = FleetSettings.model_validate({"replicas": 3, "spare_replicas": 1})
    found = rules_of(settings, linear_service(1.0, 0.0, 1), seed=1)
    assert (found.minimum, found.maximum, found.first) == (4, 4, 4)
    idle_s = Fleet(found, [], until_s=3600.0).run().idle_causes_s
    assert idle_s["spare replicas"].tolist() == [3600.0]
    assert idle_s["rest"].tolist() == [3 * 3600.0]


@pytest.mark.parametrize("cv", [0.1, 1.0, 3.0])
def test_a_spread_keeps_the_mean(cv):
    factors = spread_factors(cv, np.random.default_rng(4))
    assert factors.mean() == pytest.approx(1.0, rel=1e-12)
    assert factors.std() == pytest.approx(cv, rel=0.05 if cv < 2 else 0.4)
