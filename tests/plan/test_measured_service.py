"""From a measured operating point to the seconds of one's own requests."""

from typing import Any

import pytest

from tco.measure.library import Measurements
from tco.plan import Evaluation, evaluate
from tests.cases import worked_plans

HEADER = (
    "snapshot,accelerator,accelerator_count,runtime,precision,parallel,seconds,"
    "shows_latency,input_tokens,output_tokens,energy_j_per_request,energy_scope,evidence,source,as_of,checked_on"
)
SAME = 1e-9
"""Relative: float sums in another order."""


@pytest.fixture
def measured(tmp_path):
    """Evaluate the static fleet with one measured row instead of a stated figure."""

    def run(
        *,
        at_input: str,
        at_output: str,
        sizes: dict[str, float] | None,
        shows: str = "true",
        **snapshot: Any,
    ):
        file = tmp_path / "published" / "constant_service.csv"
        file.parent.mkdir()
        point = f"1,3.6,{shows},{at_input},{at_output}"
        row = f"own,Testcard,1,any,fp16,{point},,,published,a run,,2026-01-01"
        file.write_text(f"{HEADER}\n{row}\n")
        tokens = sizes and sizes | {"cached_input_share": 0}
        scenario = worked_plans.changed(
            worked_plans.scenario("static-fleet"),
            workload={"tokens": tokens, "monthly_requests": (55_800, 50_400)},
            candidates={"own": {"deployment": {"service": None}}},
            snapshots={"own": snapshot},
        )
        return evaluate(scenario, worked_plans.catalog(), Measurements.load(tmp_path))

    return run


CLASSIC: dict[str, Any] = {"uses_tokens": False, "tokens": None}


def used(found: Evaluation) -> tuple[float, str]:
    """Return the machine-hours of January that worked, and their grade."""
    rows = found.ledger[found.ledger["kind"] == "used"]
    return float(rows["quantity"].iloc[0]), str(rows["evidence"].iloc[0])


def test_seconds_follow_the_output_tokens(measured):
    hours, grade = used(measured(at_input="", at_output="100", sizes={"input": 9, "output": 110}))
    assert hours == pytest.approx(27.9 * 1.1, rel=SAME)
    assert grade == "published", "within a quarter of what was measured"


def test_a_size_far_from_the_measured_one_is_an_estimate(measured):
    found = measured(at_input="", at_output="100", sizes={"input": 9, "output": 200})
    hours, grade = used(found)
    assert hours == pytest.approx(27.9 * 2, rel=SAME)
    assert grade == "estimated"
    assert "scaled from 100 output tokens" in found.ledger["quantity_ref"].iloc[0]


def test_longer_inputs_of_a_model_without_output_take_longer(measured):
    found = measured(at_input="128", at_output="0", sizes={"input": 512, "output": 0}, **CLASSIC)
    hours, grade = used(found)
    assert hours == pytest.approx(27.9 * 4, rel=SAME)
    assert grade == "estimated"
    assert "scaled from 128 input tokens" in found.ledger["quantity_ref"].iloc[0]


@pytest.mark.parametrize("sizes", [{"input": 64, "output": 0}, None])
def test_shorter_inputs_take_as_long_as_those_measured(measured, sizes):
    found = measured(at_input="128", at_output="0", sizes=sizes, **CLASSIC)
    hours, grade = used(found)
    assert hours == pytest.approx(27.9, rel=SAME)
    assert grade == "published"


def test_a_model_of_unknown_precision_is_left_out(measured):
    found = measured(at_input="", at_output="100", sizes=None, precision=None)
    assert found.ranking.excluded[0].reasons == ("snapshot 'own' states no precision",)


def test_a_point_at_full_load_shows_capacity_and_no_latency(measured):
    found = measured(at_input="128", at_output="0", sizes=None, shows="false", **CLASSIC)
    answer = found.ranking.options[0]
    assert used(found)[0] == pytest.approx(27.9, rel=SAME)
    assert answer.latency is None
    hours = answer.profile.facts.completion_hours
    assert 3.6 / 3600 <= hours < 0.1
