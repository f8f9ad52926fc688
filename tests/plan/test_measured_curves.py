"""From a measured curve to the machine hours, joules and evidence of a plan."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.fleet import BatchSettings
from tco.domain.measured import EnergyScope, Measured
from tco.hosting.energy import energy_of
from tco.hosting.host import arrange
from tco.hosting.machines import rent
from tco.hosting.measured_curve import curve_service
from tco.hosting.service_time import service_time
from tco.ledger.expression import Driver, Expression, Number, leaves_of
from tco.ledger.machines import Energy
from tco.ledger.option import likely_months, parts_of_option
from tco.ledger.volume import monthly_requests
from tco.measure.curve import fit_curve
from tco.measure.library import Measurements
from tco.measure.measured_files import write_measured
from tco.plan import Evaluation, evaluate
from tco.sim.llm_curve import LlmCurve
from tests import shipped
from tests.cases import worked_plans
from tests.measure.sweeps import batch, measured

SAME = 1e-9
"""Relative: float sums in another order."""
HEADER = (
    "snapshot,accelerator,accelerator_count,runtime,precision,parallel,seconds,shows_latency,"
    "input_tokens,output_tokens,energy_j_per_request,energy_scope,evidence,source,as_of,checked_on"
)


@pytest.fixture
def planned(tmp_path):
    """Evaluate the static fleet on a sweep; by default a batch of n takes 1.6 + 2 n seconds."""

    def run(
        sweep: Measured | None = None,
        *,
        tokens: dict[str, Any] | None = None,
        snapshot: dict[str, Any] | None = None,
        **deployment: Any,
    ) -> Evaluation:
        table = tmp_path / "published" / "constant_service.csv"
        table.parent.mkdir(exist_ok=True)
        table.write_text(f"{HEADER}\n")
        write_measured(sweep or line(), tmp_path / "measurements")
        scenario = worked_plans.changed(
            worked_plans.scenario("static-fleet"),
            workload={
                "tokens": tokens and tokens | {"cached_input_share": 0},
                "monthly_requests": (55_800, 50_400),
            },
            candidates={"own": {"deployment": {"service": None} | deployment}},
            snapshots={"own": {"uses_tokens": False, "tokens": None} | (snapshot or {})},
        )
        return evaluate(scenario, worked_plans.catalog(), Measurements.load(tmp_path))

    return run


def line(*, batches=(1, 2, 4, 8), sizes=(None,), joules=False, **changes: Any) -> Measured:
    """Make a sweep: (1.6 + 2 n) s and (48 + 20 n) J a batch, in proportion to its size."""
    points = [
        batch(
            n,
            (1.6 + 2 * n) * (size or 1),
            (48 + 20 * n) * (size or 1) if joules else None,
            input_size=size,
        )
        for size in sizes
        for n in batches
    ]
    subject = {"snapshot": "own", "source": "made by hand", "weights": "trained"}
    hardware = {"name": "Testcard", "accelerator_count": 1}
    fields = {"subject": subject, "hardware": hardware, "runtime": {"name": "any"}}
    return measured(points, **(fields | changes))


def used_hours(found: Evaluation) -> float:
    """Return the machine-hours of January that worked."""
    rows = found.ledger[found.ledger["kind"] == "used"]
    return float(rows["quantity"].iloc[0])


def likely(expression: Expression | None) -> float:
    assert expression is not None
    return float(likely_months(expression, 1)[0])


def curve_error(found: Evaluation) -> Driver:
    leaves = {leaf.name: leaf for line in found.model.lines for leaf in leaves_of(line.quantity)}
    (name,) = [name for name in leaves if name.endswith(".curve_error")]
    error = leaves[name]
    assert isinstance(error, Driver)
    return error


def high(error: Driver) -> float:
    assert error.high is not None
    return error.high


def test_one_at_a_time_takes_the_seconds_of_batch_one(planned):
    found = planned()
    # 55,800 requests x 3.6 s / 3,600 s, half an instance a replica
    assert used_hours(found) == pytest.approx(27.9, rel=1e-6)
    assert curve_error(found).evidence == "imported"


def test_the_error_of_points_left_out_is_the_range_of_the_seconds(planned):
    error = curve_error(planned())
    # The least promised is 3 % on average; P95 of a normal error is 1.645 x sqrt(pi / 2) means.
    assert high(error) == pytest.approx(1 + 1.645 * 1.2533141 * 0.03, rel=1e-6)
    assert error.low == pytest.approx(1 / high(error), rel=SAME)
    assert error.source == "made by hand; expected to miss by 3.0%"


def test_batches_beyond_those_measured_are_an_estimate_with_a_wider_range(planned):
    inside = curve_error(planned(batch={"max_size": 8}))
    beyond = curve_error(planned(batch={"max_size": 16}))
    assert (inside.evidence, beyond.evidence) == ("imported", "estimated")
    assert high(beyond) - 1 == pytest.approx(2 * (high(inside) - 1), rel=SAME)
    assert "batches of 1 to 16 lie outside the measured ones, 1 to 8" in beyond.source


def test_inputs_longer_than_those_measured_take_longer_and_are_an_estimate(planned):
    sweep = line(sizes=(1, 2))
    between = planned(sweep, tokens={"input": 1.5, "output": 0})
    longer = planned(sweep, tokens={"input": 4, "output": 0})
    assert used_hours(between) == pytest.approx(27.9 * 1.5, rel=1e-6)
    assert used_hours(longer) == pytest.approx(27.9 * 4, rel=1e-6)
    assert (curve_error(between).evidence, curve_error(longer).evidence) == (
        "imported",
        "estimated",
    )


def test_padding_takes_the_place_of_the_input_tokens(planned):
    found = planned(line(sizes=(1, 2)), tokens={"input": 1, "output": 0}, inputs_padded_to=2)
    assert used_hours(found) == pytest.approx(27.9 * 2, rel=1e-6)


def test_an_uncertain_size_is_a_range_of_the_seconds(planned):
    tokens = {"likely": 1.5, "low": 1, "high": 4, "evidence": "assumed", "source": "a guess"}
    found = planned(line(sizes=(1, 2)), tokens={"input": tokens, "output": 0})
    assert used_hours(found) == pytest.approx(27.9 * 1.5, rel=1e-6)
    drivers = {leaf.name for row in found.model.lines for leaf in leaves_of(row.quantity)}
    assert "workload.tokens.input" in drivers


@given(batches=st.lists(st.integers(1, 8), min_size=1))
def test_joules_follow_busy_time_and_requests_whatever_the_batches(batches):
    curve = fit_curve(line(joules=True))
    joules = curve_service(worked_plans.scenario("static-fleet"), "own", curve, 8, None).joules
    assert joules is not None
    busy_s, requests = sum(1.6 + 2 * n for n in batches), sum(batches)
    told_j = busy_s * likely(joules.busy_w) + requests * likely(joules.per_request_j)
    assert told_j == pytest.approx(sum(48 + 20 * n for n in batches), rel=1e-6)


def test_joules_come_to_the_meter_by_their_scope():
    catalog, _ = shipped.data()
    scenario = worked_plans.scenario("static-fleet")
    deployment = scenario.candidates["own"].deployment
    assert isinstance(deployment, SelfHostedDeployment)
    rented = rent(scenario, deployment, scenario.snapshots["own"], worked_plans.catalog())

    def at_the_meter(scope: EnergyScope, *, batches: int) -> Energy:
        curve = fit_curve(line(joules=True)).model_copy(update={"energy_scope": scope})
        joules = curve_service(scenario, "own", curve, batches, None).joules
        return energy_of(
            "candidates.own.deployment", deployment, rented, joules, catalog, date(2026, 11, 21)
        )

    def figure(name: str) -> float:
        return catalog.figure(name, on=date(2026, 11, 21)).likely

    board, wall, cpu = (
        at_the_meter(scope, batches=1)
        for scope in (EnergyScope.BOARD, EnergyScope.WALL, EnergyScope.CPU)
    )
    site = figure("pue_colocation")
    assert likely(wall.kwh_per_request) == pytest.approx(68 * site / 3.6e6, rel=1e-6)
    both = site * figure("board_to_wall")
    assert likely(board.kwh_per_request) == pytest.approx(68 * both / 3.6e6, rel=1e-6)
    assert cpu.kwh_per_request is None, "no factor leads from a processor to the meter"
    batched = at_the_meter(EnergyScope.WALL, batches=8)
    # two replicas an instance, each 30 W while it is busy: 48 J over 1.6 s
    assert likely(batched.busy_kw_per_instance) == pytest.approx(0.06 * site, rel=1e-6)


def test_a_curve_measured_in_process_says_so_beside_the_latency(planned):
    latency = planned(line(measured_in="process")).ranking.options[0].latency
    assert "measured in process: behind a server the host work of each request" in latency.source
    assert "in process" not in planned(line()).ranking.options[0].latency.source


def test_a_stated_figure_overrides_the_curve_and_says_so(planned):
    found = planned(service={"seconds": 7.2, "parallel": 1})
    assert used_hours(found) == pytest.approx(55.8, rel=1e-6)
    source = found.ranking.options[0].latency.source
    assert "overrides the measured curve of own on 1 x Testcard with any, fp16" in source


def test_batches_without_a_curve_are_refused_with_what_to_do(planned):
    found = planned(line(runtime={"name": "other"}), batch={"max_size": 4})
    (reason,) = found.ranking.excluded[0].reasons
    assert "no curve over the batch size of own on 1 x Testcard with any, fp16" in reason


def test_hardware_that_nobody_measured_prints_the_error_of_such_estimates():
    catalog, measurements = shipped.data()
    known = measurements.with_hardware(catalog.accelerators)
    scenario = worked_plans.scenario("static-fleet")
    parts, _ = parts_of_option(scenario, "own", Number(1.0))
    snapshot = parts[0].snapshot.model_copy(
        update={"id": "bert-large-uncased", "precision": "fp16"}
    )
    deployment = scenario.candidates["own"].deployment.model_copy(
        update={"service": None, "runtime": "TensorRT", "batch": BatchSettings(max_size=8)}
    )
    assert isinstance(deployment, SelfHostedDeployment)
    machine = deployment.machine
    place = machine.seller, machine.region, machine.instance_type
    l4, t4 = (
        worked_plans.catalog().instance(*place).model_copy(update={"accelerator": name})
        for name in ("L4", "T4")
    )
    found = service_time(scenario, replace(parts[0], snapshot=snapshot), deployment, l4, known)
    (note,) = [text for text in found.notes if "roofline" in text]
    misses = known.transfer_errors.batch_seconds
    told = f"miss by {sum(misses) / len(misses):.0%} on average, {max(misses):.0%} at worst"
    assert note.startswith("estimated for 1 x L4 from 1 x ")
    assert told in note
    assert isinstance(found.factor, Driver)
    assert found.factor.evidence == "estimated"
    assert note in found.factor.source
    mean_miss = (high(found.factor) - 1) / (1.645 * 1.2533141)
    assert mean_miss >= sum(misses) / len(misses), "its own error comes on top"
    measured_on_t4 = service_time(
        scenario, replace(parts[0], snapshot=snapshot), deployment, t4, known
    )
    assert not any("roofline" in text for text in measured_on_t4.notes)


def test_a_model_of_the_same_shape_is_served_by_its_curve_and_says_so(planned):
    sweep = line(
        subject={"snapshot": "public", "source": "made by hand", "weights": "trained"},
        evidence="imported",
    )
    found = planned(sweep, snapshot={"same_shape_as": "public"})
    assert used_hours(found) == pytest.approx(27.9, rel=1e-6)
    error = curve_error(found)
    assert error.evidence == "stated", "that the shapes agree is what a person says"
    assert "measured on public, whose layers and widths own has" in error.source


def test_its_own_curve_goes_before_that_of_its_shape(planned):
    error = curve_error(planned(snapshot={"same_shape_as": "public"}))
    assert error.evidence == "imported"
    assert "public" not in error.source


def test_a_language_model_is_carried_over_step_by_step():
    catalog, measurements = shipped.data()
    known = measurements.with_hardware(catalog.accelerators)
    scenario = shipped.loaded("document-summaries/base")
    requests = monthly_requests(scenario.workload, scenario.horizon_months)
    parts, _ = parts_of_option(scenario, "qwen3-30b-h200", requests)
    found = arrange(scenario, parts[0], catalog, known)
    assert isinstance(found.case.curve, LlmCurve)
    assert found.service.factor is not None
    leaves = [leaf for leaf in leaves_of(found.service.factor) if isinstance(leaf, Driver)]
    (error,) = [leaf for leaf in leaves if leaf.name.endswith("curve_error")]
    assert error.evidence == "estimated"
    assert "estimated for 1 x H200 from 2 x H100-SXM by a roofline" in error.source
