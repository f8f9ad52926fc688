"""Models on devices inside a plan: what is refused, and who pays for waiting."""

import pytest
from pydantic import ValidationError

from tco.domain.edge import EdgeDeployment
from tests.cases import worked_plans
from tests.cases.worked_plans import evaluation_of

BASE = worked_plans.scenario("edge")


def only(**deployment):
    return {"candidates": {"ours": None, "users": {"deployment": deployment}}}


def test_devices_without_enough_time_are_refused_with_the_numbers():
    found = evaluation_of(BASE, **only(devices={"likely": 0.5}))
    [left_out] = (*found.ranking.excluded, *found.ranking.unproven)
    assert "month 1 take 744 device-hours" in left_out.reasons[0]
    assert "backlog would grow by 372" in left_out.reasons[0]


def test_twice_the_devices_cost_twice_the_updates_and_management():
    costs = [
        float(evaluation_of(BASE, **only(devices={"likely": n})).ledger["cost_usd"].sum())
        for n in (1000, 2000)
    ]
    assert costs[1] == pytest.approx(2 * costs[0])


def test_data_stays_with_the_user_only_on_the_users_device():
    found = evaluation_of(BASE, goals={"custody": ["user_device"]})
    assert [answer.option for answer in found.ranking.options] == ["users"]


def test_own_devices_need_their_energy():
    own = {"device_usd": 1, "life_months": 12, "cost_share": 1, "idle_w": 1, "usd_per_kwh": 0.1}
    with pytest.raises(ValidationError, match="give joules a request"):
        EdgeDeployment.model_validate({"kind": "edge", "devices": 1, "seconds": 1, "own": own})
