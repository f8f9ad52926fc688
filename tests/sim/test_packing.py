"""Replicas on whole instances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Instance
from tco.domain.snapshot import Snapshot
from tco.errors import InfeasibleError, MissingFigureError
from tco.sim.packing import instances_needed, replicas_per_instance, share_of_instance
from tests.cases import worked_plans

SNAPSHOT = worked_plans.scenario("static-fleet").snapshots["own"]
MACHINE = {"seller": "s", "region": "r", "instance_type": "box", "purchase": "on_demand"}


def deployment(accelerators: int, vcpus: int | None = None) -> SelfHostedDeployment:
    return SelfHostedDeployment.model_validate(
        {
            "kind": "self_hosted",
            "machine": MACHINE,
            "runtime": "any",
            "replicas": 1,
            "accelerators_per_replica": accelerators,
            "vcpus_per_replica": vcpus,
        }
    )


def instance(**changes) -> Instance:
    whole = {
        "seller": "s", "region": "r", "instance_type": "box", "accelerator": "Card",
        "accelerator_count": 8, "accelerator_memory_gib": 80, "vcpus": 64, "memory_gib": 512,
    }  # fmt: skip
    return Instance.model_validate(whole | changes)


def taking(memory_gib: float | None) -> Snapshot:
    return SNAPSHOT.model_copy(update={"memory_gib": memory_gib})


@pytest.mark.parametrize(
    ("takes", "vcpus", "memory_gib", "fits", "share"),
    [
        (1, None, 40, 8, 1 / 8),
        (2, None, 140, 4, 2 / 8),
        (3, None, 140, 2, 3 / 8),  # two accelerators are left over
        (1, 32, 40, 2, 1 / 8),  # the host's vCPUs run out first
        (0, 4, 16, 16, 4 / 64),
        (0, 4, 100, 5, 4 / 64),  # memory runs out first
        (0, 4, 128, 4, 4 / 64),
    ],
)
def test_the_scarcest_thing_decides(takes, vcpus, memory_gib, fits, share):
    asked = deployment(takes, vcpus)
    assert replicas_per_instance(asked, instance(), taking(memory_gib)) == fits
    assert share_of_instance(asked, instance(), fits) == share


@pytest.mark.parametrize(
    ("takes", "vcpus", "memory_gib", "box", "message"),
    [
        (9, None, 40, {}, "takes 9 accelerators and box has 8"),
        (1, None, 81, {}, "own takes 81 GiB and 1 x Card hold 80 GiB"),
        (0, 65, 16, {}, "takes 65 vCPUs and box has 64"),
        (0, 4, 513, {}, "own takes 513 GiB and box has 512 GiB"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(takes, vcpus, memory_gib, box, message):
    with pytest.raises(InfeasibleError, match=message):
        replicas_per_instance(deployment(takes, vcpus), instance(**box), taking(memory_gib))


@pytest.mark.parametrize(
    ("takes", "vcpus", "memory_gib", "box", "message"),
    [
        (1, None, None, {}, "memory_gib of snapshot 'own' is missing"),
        (1, None, 40, {"accelerator_memory_gib": None}, "accelerator memory of box is unknown"),
        (0, 4, None, {}, "memory_gib of snapshot 'own' is missing"),
        (0, 4, 16, {"memory_gib": None}, "memory_gib of box is missing"),
        (0, 4, 16, {"vcpus": None}, "vCPUs of box are unknown"),
    ],
)
def test_what_nobody_knows_is_never_taken_to_fit(takes, vcpus, memory_gib, box, message):
    with pytest.raises(MissingFigureError, match=message):
        replicas_per_instance(deployment(takes, vcpus), instance(**box), taking(memory_gib))


def test_a_box_of_unknown_vcpus_is_shared_evenly():
    assert share_of_instance(deployment(0, 4), instance(vcpus=None), 5) == 1 / 5


@given(replicas=st.integers(1, 1000), fits=st.integers(1, 64))
def test_as_few_instances_as_hold_all(replicas: int, fits: int):
    instances = instances_needed(replicas, fits)
    assert (instances - 1) * fits < replicas <= instances * fits
