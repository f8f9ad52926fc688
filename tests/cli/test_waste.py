"""``tco waste`` as a person meets it, on the plans that were worked by hand."""

import json

import pytest

from tests.cases import worked_plans
from tests.cli.conftest import Tco

FLEET = worked_plans.FOLDER / "static-fleet" / "scenario.yaml"
EXPERIMENTS = worked_plans.FOLDER / "experiments" / "scenario.yaml"
DATA = ("--data", worked_plans.FOLDER / "data")


def test_waste_names_causes_and_what_would_recover_them(tco: Tco):
    done = tco(*DATA, "waste", FLEET, "--measure", "right-size", "--least-instances", "1")
    assert done.status == 0
    rows = {line.split("  ")[0]: line for line in done.out.splitlines() if line}
    assert "$28,320.00" in rows["own"]
    assert "81%" in rows["own"]
    assert rows["peak head-room"].split()[2:5] == ["$7,080.00", "$7,080.00", "$0.00"]
    assert "Together (right-size): saves $14,160.00." in done.out
    assert "candidates.own.deployment.replicas: 3 -> 2" in done.out


def test_the_json_of_waste_adds_up(tco: Tco):
    document = json.loads(tco(*DATA, "waste", EXPERIMENTS, "--json").out)
    assert document["schema"] == "tco/waste/1"
    [use] = document["options"]
    parts = sum(use[f"{kind}_usd"] for kind in ("used", "wasted", "idle", "shared"))
    assert parts == pytest.approx(use["paid_usd"])
    assert sum(waste["usd"] for waste in use["wastes"]) == pytest.approx(use["lost_usd"])
    together = document["recovery"]["together"]
    causes = document["recovery"]["causes"]
    assert together["measures"] == ["switch-off", "track-runs", "stop-early"]
    assert together["saved_usd"] == pytest.approx(4235.00)
    assert sum(cause["recovered_usd"] for cause in causes) == pytest.approx(
        together["recoverable_usd"]
    )


def test_a_measure_that_nobody_knows_is_answered_with_what_is_near(tco: Tco):
    done = tco(*DATA, "waste", FLEET, "--measure", "autoscal")
    assert done.status == 2
    assert "autoscale" in done.err


def test_an_api_pays_for_no_capacity(tco: Tco):
    done = tco(*DATA, "waste", worked_plans.FOLDER / "api-tokens" / "scenario.yaml")
    assert done.status == 0
    assert "pays for capacity of its own" in done.out
