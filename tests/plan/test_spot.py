"""Spot machines in a plan: priced by how each hour is bought, refused with what is missing."""

import pytest
from pydantic import ValidationError

from tco.domain.scenario import Scenario
from tco.sim.ladder import Ladder
from tests.cases import worked_plans

INTERRUPTIONS = {"preset": "contended", "notice_s": 120, "fallback": "on_demand"}
BOOT = {"low_s": 60, "likely_s": 120, "high_s": 240, "source": "a test"}


def spot_plan(**changes):
    deployment = {
        "machine": {"purchase": "spot"},
        "interruptions": INTERRUPTIONS,
        "boot": BOOT,
        **changes,
    }
    return {"own": {"deployment": deployment}}


def test_spot_machines_and_those_that_stand_in_are_paid_at_their_prices_and_their_waste_is_named():
    plan = spot_plan(interruptions={**INTERRUPTIONS, "notice_s": 0})
    found = worked_plans.evaluation_of(worked_plans.scenario("static-fleet"), candidates=plan)
    rows = found.ledger[found.ledger["category"] == "compute"]
    prices = rows.groupby("item")["unit_price_usd"].unique().map(list).to_dict()
    assert prices == {
        "acme-cloud gpu-2, north, on demand": [10.0],
        "acme-cloud gpu-2, north, spot": [4.0],
    }
    ladder = found.usage["own"][0]
    assert isinstance(ladder, Ladder)
    on_demand, total = ladder.on_demand[0], float(ladder.total()[0, 0])
    assert 0 < on_demand < total
    hours = rows.groupby("item")["quantity"].sum()
    share = hours["acme-cloud gpu-2, north, on demand"] / hours.sum()
    assert share == pytest.approx(on_demand / total, rel=0.05)
    wasted = set(rows[rows["kind"] == "wasted"]["cause"])
    assert {"booting", "lost work"} <= wasted
    again = worked_plans.evaluation_of(worked_plans.scenario("static-fleet"), candidates=plan)
    assert again.ledger["cost_usd"].tolist() == found.ledger["cost_usd"].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interruptions": None}, "spot machines are taken back at times; say how often"),
        ({"boot": None}, "are started again; give boot with its times"),
        ({"machine": {"purchase": "on_demand"}}, "bought on demand are never taken back"),
        ({"interruptions": {"preset": None}}, "per_hour, retry_s, filled_share not given"),
        ({"interruptions": {"per_hour": 2}}, "per_hour given without a source"),
        ({"commitment": {"purchase": "commit_1y"}}, "leave commitment out"),
        (
            {
                "failures": {
                    "mean_hours_between": 100,
                    "repair": {"low_hours": 1, "likely_hours": 2, "high_hours": 3},
                    "is_paid_in_repair": True,
                    "source": "a test",
                }
            },
            "not paid for while they are under repair",
        ),
    ],
)
def test_spot_machines_that_do_not_add_up_are_refused_with_what_to_write(changes, message):
    whole = worked_plans.changed(
        worked_plans.scenario("static-fleet"), candidates=spot_plan()
    ).model_dump()
    wrong = worked_plans.laid_over(whole, {"candidates": {"own": {"deployment": changes}}})
    with pytest.raises(ValidationError, match=message):
        Scenario.model_validate(wrong)


def test_a_machine_without_a_spot_price_is_left_out_and_told_what_is_near():
    machine = {
        "purchase": "spot",
        "seller": "own-room",
        "region": "cellar",
        "instance_type": "server-2",
    }
    small = spot_plan(machine=machine)
    found = worked_plans.evaluation_of(worked_plans.scenario("static-fleet"), candidates=small)
    [excluded] = found.ranking.excluded
    assert "own-room/cellar/server-2 spot" in excluded.reasons[0]
    assert "own-room/cellar/server-2 on_demand" in excluded.reasons[0]


def test_spot_machines_without_a_stand_in_are_refused_where_the_rest_cannot_carry_the_load():
    alone = spot_plan(interruptions={**INTERRUPTIONS, "fallback": "none"}, replicas=2)
    found = worked_plans.evaluation_of(worked_plans.scenario("static-fleet"), candidates=alone)
    assert "gone for 45.5% of the time" in found.ranking.excluded[0].reasons[0]
