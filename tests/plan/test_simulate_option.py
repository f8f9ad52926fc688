"""One option simulated for its own sake: its figures add up, repeat, and agree with theory."""

import json

import pytest
from typer.testing import CliRunner

from tco.cli.main import app
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.hosting import Effort, FullUsage, simulate_option
from tco.plan import Settings, evaluate, requests_of
from tco.sim.ladder import Ladder
from tco.tasks import Kept
from tests.cases import worked_plans
from tests.shipped import KEPT, data, loaded

STEADY = worked_plans.scenario("static-fleet")


def simulated(scenario=STEADY, option="own", **changes):
    changed = worked_plans.changed(scenario, **changes)
    tables = worked_plans.catalog(), worked_plans.measurements()
    effort = Effort(Kept(), "quick")
    return simulate_option(changed, option, requests_of(changed), *tables, effort)


def steadily(requests: float):
    """The static fleet under one rate for all hours."""
    fields = STEADY.model_dump()
    fields["workload"] |= {"profile": {"shape": "steady"}, "monthly_requests": (requests,) * 2}
    return Scenario.model_validate(fields)


def own(**settings):
    return {"own": {"deployment": settings}}


def test_counts_and_hours_add_up():
    found = simulated().document()
    fates = ("served", "dropped", "abandoned", "in_system")
    assert found["requests"] == sum(found[name] for name in fates) > 0
    weeks = found["simulated_s"] / (168 * 3600)
    assert weeks == 3
    assert sum(found["replica_hours"].values()) == pytest.approx(weeks * 168 * replicas())
    assert found["replica_hours"]["swapping"] == 0


def replicas() -> int:
    deployment = STEADY.candidates["own"].deployment
    assert deployment.kind == "self_hosted"
    assert deployment.replicas is not None
    return deployment.replicas


def test_every_figure_has_a_standard_error():
    found = simulated()
    errors = found.standard_errors()
    assert errors["latency_ms"].keys() == found.document()["latency_ms"].keys()
    assert errors["replica_hours"]["busy"] > 0


def test_a_fleet_of_constant_service_agrees_with_its_closed_forms():
    beside, none = simulated(steadily(600_000)).theory()
    assert none == []
    assert {row.figure for row in beside} == {"busy_replicas", "wait_s"}
    for row in beside:
        # Three replications: a t-interval of 99 % is ten standard errors wide on either side.
        assert abs(row.simulated - row.theory) <= 10 * row.standard_error
        assert row.standard_error < 0.1 * row.theory


def test_losses_without_a_queue_are_those_of_erlang():
    beside, none = simulated(steadily(600_000), candidates=own(queue={"limit": 0})).theory()
    assert none == []
    [row] = beside
    assert row.form == "Erlang B"
    assert abs(row.simulated - row.theory) <= 10 * row.standard_error


def test_a_day_that_moves_has_no_closed_form_and_says_so():
    beside, none = simulated().theory()
    assert [row.figure for row in beside] == ["busy_replicas"]
    assert none == ["wait and losses: the rate moves with the hours of the week"]


def test_what_is_no_fleet_of_ours_is_refused():
    with pytest.raises(TcoError, match="there is no fleet of ours to simulate"):
        simulated(worked_plans.scenario("api-tokens"), "big")
    with pytest.raises(TcoError, match="no option 'owm'"):
        simulated(option="owm")


def test_the_command_prints_one_document_with_the_keys_agreed():
    asked = ["simulate", "support-chat/low-volume", "--option", "open-8b-scaled"]
    done = CliRunner().invoke(app, [*asked, "--theory", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["schema"] == "tco/simulate/1"
    for key in ("requests", "served", "instance_hours", "latency_ms", "queue_ms", "wall_s"):
        assert key in found
    assert set(found["replica_hours"]) == {"busy", "idle", "booting", "draining", "swapping"}
    assert found["ttft_ms"]["p50"] < found["latency_ms"]["p50"]
    assert found["energy_kwh"] > 0, "its sweep was published with joules"
    assert "make up every step anew" in found["no_closed_form"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["support-chat/low-volume", "support-chat/base"])
def test_ladder_and_full_fidelity_agree_within_a_percent_on_cost(name: str):
    """The shipped scenarios whose machines are simulated; kept on disk between runs."""
    scenario = loaded(name)
    scaled = scenario.model_copy(
        update={
            "horizon_months": 1,
            "candidates": {"open-8b-scaled": scenario.candidates["open-8b-scaled"]},
        }
    )
    usd = {}
    for fidelity in ("quick", "full"):
        settings = Settings(fidelity=fidelity, cache=KEPT)
        found = evaluate(scaled, *data(), settings=settings)
        [usage] = found.usage["open-8b-scaled"]
        assert isinstance(usage, Ladder if fidelity == "quick" else FullUsage)
        rows = found.ledger[found.ledger["category"] == "compute"]
        used = rows[rows["kind"] == "used"]["cost_usd"].sum()
        usd[fidelity] = rows["cost_usd"].sum(), used
    assert usd["quick"][0] == pytest.approx(usd["full"][0], rel=0.01)
    assert usd["quick"][1] == pytest.approx(usd["full"][1], rel=0.01)


SMALL = (
    "internal-tool/low-volume",
    "internal-tool/base",
    "clinical-coding/low-volume",
    "coding-assistant/low-volume",
    "document-extraction/low-volume",
)


@pytest.mark.parametrize("name", SMALL)
def test_every_month_simulated_costs_what_the_ladder_says(name: str):
    """Whole shipped plans that are small enough: the bill of every fleet, and the work in it."""
    usd = {}
    for fidelity in ("quick", "full"):
        settings = Settings(fidelity=fidelity, cache=KEPT)
        rows = evaluate(loaded(name), *data(), settings=settings).ledger
        machines = rows[rows["category"] == "compute"]
        usd[fidelity] = (
            machines.groupby("option")["cost_usd"].sum(),
            machines[machines["kind"] == "used"].groupby("option")["cost_usd"].sum(),
        )
    assert len(usd["full"][0]) > 0
    for quick, full in zip(usd["quick"], usd["full"], strict=True):
        assert quick.to_dict() == pytest.approx(full.to_dict(), rel=0.01)
