"""Options whose replicas many models share: loading them is waste by name."""

import pytest
from pydantic import ValidationError

from tco.errors import InfeasibleError
from tco.hosting import Effort, simulate_option
from tco.plan import requests_of
from tco.tasks import Kept
from tests.cases import worked_plans

BASE = worked_plans.scenario("static-fleet")
POOL = {"models": 6, "gib_per_model": 1.0, "gib_per_replica": 2.0, "load_s": 4.0}


def pooled(**changes):
    pool = {**POOL, **changes}
    deployment = {"service": {"seconds": 0.5, "parallel": 1}, "pool": pool}
    return {"candidates": {"own": {"deployment": deployment}}}


def hours(changes):
    found = worked_plans.evaluation_of(BASE, **changes)
    rows = found.ledger[found.ledger["option"] == "own"]
    return found, rows.groupby("cause")["quantity"].sum(), rows


def test_loading_models_is_wasted_and_the_bill_stays_the_same():
    found, by_cause, rows = hours(pooled())
    _, without, plain = hours({"candidates": {"own": {"deployment": {
        "service": {"seconds": 0.5, "parallel": 1}}}}})  # fmt: skip
    assert "swapping" in by_cause.index
    assert "swapping" not in without.index
    assert set(rows[rows["cause"] == "swapping"]["kind"]) == {"wasted"}
    assert rows["cost_usd"].sum() == pytest.approx(plain["cost_usd"].sum())
    assert rows["quantity"].sum() == pytest.approx(plain["quantity"].sum())
    # Three replicas hold two of six models each; who asks for another waits four seconds.
    answer = found.ranking.options[0]
    assert answer.latency.ms["p95"] >= 4500
    assert answer.latency.ms["p50"] >= 500


def test_with_room_for_all_models_hardly_any_is_loaded():
    _, few, _ = hours(pooled())
    _, roomy, _ = hours(pooled(gib_per_replica=6.0))
    assert roomy.get("swapping", 0.0) < 0.02 * few["swapping"]


def test_a_model_that_most_ask_for_is_loaded_less():
    _, alike, _ = hours(pooled())
    _, uneven, _ = hours(pooled(requests_by_model=(0.9, 0.02, 0.02, 0.02, 0.02, 0.02)))
    assert uneven["swapping"] < alike["swapping"]


def test_a_pool_that_loads_for_longer_than_an_hour_lasts_is_refused():
    found, _, _ = hours(pooled(load_s=60.0))
    [left_out] = found.ranking.excluded
    assert "the pool would serve and load models for" in left_out.reasons[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gib_per_model": 3.0}, "it could never be loaded"),
        ({"requests_by_model": (0.5, 0.5)}, "2 shares for 6 models"),
        ({"requests_by_model": (0.5,) * 6}, "sum to 3, not 1"),
    ],
)
def test_a_broken_pool_is_told_why(changes, says):
    with pytest.raises(ValidationError, match=says):
        hours(pooled(**changes))


def test_a_pool_is_not_simulated_as_if_it_held_one_model():
    scenario = worked_plans.changed(BASE, **pooled())
    tables = worked_plans.catalog(), worked_plans.measurements()
    with pytest.raises(InfeasibleError, match="own is a pool of models"):
        simulate_option(scenario, "own", requests_of(scenario), *tables, Effort(Kept(), "quick"))
