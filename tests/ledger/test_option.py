"""What an option is made of: steps and their share, stages and their months."""

import pytest

from tco.domain.scenario import Scenario
from tco.ledger.option import likely_months, parts_of_option, snapshot_label
from tco.ledger.volume import monthly_requests
from tests.cases import worked_plans

STAGED = worked_plans.scenario("staged")


def spells(stages: list[dict[str, object]], *, parallel: int = 0, months=None):
    """Return the months of each part, and the switches."""
    volume = months or (1e6, 1.2e6, 1.5e6, 2e6, 2e6, 2e6)
    scenario = worked_plans.changed(
        STAGED,
        horizon_months=len(volume),
        workload={"monthly_requests": volume},
        candidates={
            "small-until-busy": {
                "deployment": {
                    "stages": ({"option": "small"}, *stages),
                    "parallel_months": parallel,
                }
            }
        },
    )
    parts, switches = parts_of(scenario, "small-until-busy")
    return (
        [(part.name, part.first_month, part.last_month) for part in parts],
        [(switch.to, switch.month) for switch in switches],
    )


def parts_of(scenario: Scenario, option: str):
    requests = monthly_requests(scenario.workload, scenario.horizon_months)
    return parts_of_option(scenario, option, requests)


def test_a_plain_option_is_one_part():
    parts, switches = parts_of(STAGED, "small")
    assert [(part.name, part.first_month, part.last_month) for part in parts] == [("small", 1, 4)]
    assert switches == ()
    assert snapshot_label(parts) == "small"


def test_each_step_meets_what_the_one_before_passes_on():
    parts, _ = parts_of(worked_plans.scenario("cascade"), "small-then-big")
    volumes = [likely_months(part.volume, 2).tolist() for part in parts]
    assert volumes[0] == [1e6, 1e6]
    assert volumes[1] == pytest.approx([2e5, 2e5], rel=1e-12)
    assert snapshot_label(parts) == "small+big"


def test_a_stage_starts_in_its_month_or_with_its_volume():
    by_month = spells([{"option": "big", "from_month": 3}])
    assert by_month == ([("small", 1, 2), ("big", 3, 6)], [("big", 3)])
    by_volume = spells([{"option": "big", "when_requests_per_month_reach": 1.5e6}])
    assert by_volume == by_month


def test_both_run_in_the_parallel_months_and_no_longer_than_the_plan():
    stages: list[dict[str, object]] = [{"option": "big", "from_month": 5}]
    assert spells(stages, parallel=1)[0] == [("small", 1, 5), ("big", 5, 6)]
    assert spells(stages, parallel=12)[0] == [("small", 1, 6), ("big", 5, 6)]


def test_a_trigger_that_is_never_reached_switches_nothing():
    never = {"option": "big", "when_requests_per_month_reach": 9e6}
    assert spells([never]) == ([("small", 1, 6)], [])


def test_a_dated_stage_does_not_wait_for_a_trigger_before_it():
    never = {"option": "big", "when_requests_per_month_reach": 9e6}
    dated = {"option": "small", "from_month": 4}
    assert spells([never, dated]) == ([("small", 1, 3), ("small", 4, 6)], [("small", 4)])


def test_a_stage_that_a_later_one_overtakes_is_never_entered_or_paid():
    late = {"option": "big", "when_requests_per_month_reach": 2e6}
    early = {"option": "small", "from_month": 3}
    assert spells([late, early]) == ([("small", 1, 2), ("small", 3, 6)], [("small", 3)])


def test_a_switch_in_the_first_month_runs_the_old_one_in_parallel_only():
    stages: list[dict[str, object]] = [{"option": "big", "from_month": 1}]
    assert spells(stages) == ([("big", 1, 6)], [("big", 1)])
    assert spells(stages, parallel=2)[0] == [("small", 1, 2), ("big", 1, 6)]
