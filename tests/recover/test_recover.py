"""What would recover waste, against plans whose arithmetic fits on a slip of paper."""

import pytest

from tco.domain.fleet import HpaAutoscaler, ScaledFleet
from tco.domain.scenario import Scenario
from tco.errors import NotFoundError, TcoError
from tco.plan import Evaluation, Settings
from tco.recover import Measure, Recovery, Verdict, recover
from tco.recover.bench import Bench
from tco.recover.measures import variants
from tests.cases import worked_plans
from tests.shipped import KEPT, data, evaluated

CENT = 0.005 + 1e-9


def of(found: Evaluation, option: str, *chosen: Measure, least: int = 1) -> Recovery:
    return recover(
        found,
        option,
        worked_plans.catalog(),
        worked_plans.measurements(),
        chosen=chosen or None,
        least_instances=least,
    )


def bench_of(plan: Scenario, least_instances: int) -> Bench:
    tables = (worked_plans.catalog(), worked_plans.measurements())
    return Bench(plan, "own", *tables, Settings(), least_instances)


def only(recovery: Recovery, measure: Measure):
    [trial] = [trial for trial in recovery.trials if trial.measure is measure]
    return trial


def adds_up(recovery: Recovery) -> None:
    """What is recoverable and what stays are the waste of today, cause by cause and in all."""
    assert recovery.recoverable_usd + recovery.left_usd == pytest.approx(recovery.before.lost_usd)
    for part in ("usd", "left_usd", "recovered_usd"):
        whole = {
            "usd": recovery.before.lost_usd,
            "left_usd": recovery.left_usd,
            "recovered_usd": recovery.recoverable_usd,
        }
        summed = sum(getattr(cause, part) for cause in recovery.causes)
        assert summed == pytest.approx(whole[part], abs=1e-6)


def test_the_fleet_of_three_fits_on_one_machine():
    # The busiest hour needs 1.5 replicas, so two; both lie on one machine of two accelerators:
    # 1,416 hours x $10.00 for the other machine.
    found = of(worked_plans.evaluated("static-fleet"), "own", Measure.RIGHT_SIZE)
    trial = only(found, Measure.RIGHT_SIZE)
    assert trial.verdict is Verdict.SAVES
    assert trial.saved_usd == pytest.approx(14_160.00, abs=CENT)
    [change] = trial.changes
    assert (change.path, change.before, change.after) == (
        "candidates.own.deployment.replicas",
        3,
        2,
    )
    assert found.recoverable_usd == pytest.approx(14_160.00, abs=CENT)
    left = {cause.cause: cause.left_usd for cause in found.causes}
    # Half of two machines was never needed and half of one was never given to a replica.
    assert left["peak head-room"] == left["unallocated capacity"] == 0
    assert left["night and weekend"] == pytest.approx(3720 + 3360, abs=CENT)
    adds_up(found)


def test_a_fleet_of_two_machines_keeps_both_so_that_one_may_fail():
    found = of(worked_plans.evaluated("static-fleet"), "own", Measure.RIGHT_SIZE, least=2)
    assert only(found, Measure.RIGHT_SIZE).verdict is Verdict.NOTHING_TO_CHANGE
    assert (found.saved_usd, found.recoverable_usd) == (0, 0)
    adds_up(found)


@pytest.mark.parametrize(("least_instances", "minimum"), [(1, 1), (2, 3)])
def test_the_floor_of_a_fleet_that_scales_falls_to_the_machines_that_stay(least_instances, minimum):
    # Two replicas to a machine: on two machines lie three at least.
    scaled = {
        "autoscaler": {"kind": "hpa", "minimum": 6, "maximum": 8, "target_busy_share": 0.5},
        "boot": {"low_s": 60, "likely_s": 60, "high_s": 60, "source": "made up"},
    }
    plan = worked_plans.changed(
        worked_plans.scenario("static-fleet"), candidates={"own": {"deployment": scaled}}
    )
    bench = bench_of(plan, least_instances)
    [lower] = variants(Measure.RIGHT_SIZE, plan, "own", bench)
    scaler = bench.fleet(lower, "own").autoscaler
    assert isinstance(scaler, ScaledFleet)
    assert scaler.minimum == minimum


def test_what_leads_nowhere_is_stopped_not_repeated_and_switched_off():
    # Recipe: 40 hours x $10.00, half of them failed; half of those hours are saved: $100.00 less,
    # were the tries not stopped early already. Tries: $960.00, 1/16 of it done twice. The notebook
    # is on for 200 hours and used for 50: 1.25 x 50 leave 137.5 x 3 months x $10.00.
    found = of(worked_plans.evaluated("experiments"), "big")
    saved = {trial.measure: trial.saved_usd for trial in found.trials if trial.saved_usd}
    assert saved[Measure.SWITCH_OFF] == pytest.approx(4125.00, abs=CENT)
    assert saved[Measure.TRACK_RUNS] == pytest.approx(60.00, abs=CENT)
    before = found.before.by_cause_usd()
    recipe_failed = before["failed run"] - 960 / 4 - 30  # the rest is the history's
    assert saved[Measure.STOP_EARLY] == pytest.approx(recipe_failed / 2, abs=CENT)
    assert found.before.used_usd == pytest.approx(found.after.used_usd, abs=CENT)
    assert found.saved_usd == pytest.approx(found.recoverable_usd, abs=CENT)
    adds_up(found)


def test_what_the_whole_life_could_do_without():
    found = of(
        worked_plans.evaluated("whole-life"),
        "own",
        Measure.RIGHT_SIZE,
        Measure.STOP_EARLY,
        Measure.DELETE_OLD,
    )
    saved = {trial.measure: trial.saved_usd for trial in found.trials}
    assert only(found, Measure.RIGHT_SIZE).verdict is Verdict.SAVES_NOTHING
    assert saved[Measure.STOP_EARLY] == pytest.approx(25.00, abs=CENT)
    assert saved[Measure.DELETE_OLD] == pytest.approx(15.00, abs=CENT)
    assert found.saved_usd == pytest.approx(40.00, abs=CENT)
    assert found.before.paid_usd == pytest.approx(23_020.00, abs=CENT)
    assert found.before.shared_usd == pytest.approx(1080.00, abs=CENT)
    assert found.left_usd == pytest.approx(18_635.00, abs=CENT)
    adds_up(found)


def test_data_that_nobody_reads_is_deleted():
    found = of(worked_plans.evaluated("data-work"), "big")
    assert found.chosen == (Measure.DELETE_OLD,)
    assert found.saved_usd == pytest.approx(67.75, abs=CENT)
    assert found.left_usd == 0
    adds_up(found)


def test_old_versions_but_the_last_are_deleted():
    plan = {
        "retraining": {"drift": None, "calendar": {"every_months": 1}},
        "versions": {"most": 6},
    }
    changed = worked_plans.evaluation_of(
        worked_plans.scenario("operation"),
        candidates={"big": {"lifecycle": {"operation": plan}}},
    )
    found = of(changed, "big", Measure.DELETE_OLD)
    # Kept beside the one in use: 0, 1, 2, 3, 4, 5 versions of $2.00 a month; then at most one.
    assert found.before.by_cause_usd()["old version kept"] == pytest.approx(30.00, abs=CENT)
    assert found.after.by_cause_usd()["old version kept"] == pytest.approx(10.00, abs=CENT)


def test_a_commitment_is_not_made_for_three_months():
    # On demand the machine costs $35,760.00, committed for a year $52,380.00.
    found = of(worked_plans.evaluated("commitment"), "committed", Measure.COMMIT_LESS)
    assert found.saved_usd == pytest.approx(16_620.00, abs=CENT)
    assert found.before.by_cause_usd()["unused commitment"] == pytest.approx(39_420.00, abs=CENT)
    assert "unused commitment" not in found.after.by_cause_usd()


def test_machines_that_nobody_should_have_committed_to():
    # Two machines committed for a year, used for 1,416 hours: 1,416 x 2 x $6.00 and ten months of
    # 730 hours still owed for both; on demand the fleet costs $28,320.00.
    committed = {"commitment": {"purchase": "commit_1y", "instances": 2}}
    plan = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"), candidates={"own": {"deployment": committed}}
    )
    found = of(plan, "own", Measure.COMMIT_LESS)
    assert found.saved_usd == pytest.approx(16_992 + 87_600 - 28_320, abs=CENT)
    assert found.before.by_cause_usd()["unused commitment"] == pytest.approx(87_600.00, abs=CENT)
    adds_up(found)


def test_specialists_share_a_base():
    training = {"lead_months": 0, "tasks": {"count": 3, "sharing": "specialists"}}
    three = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"),
        candidates={"own": {"lifecycle": {"training": training}}},
    )
    found = of(three, "own", Measure.SHARE)
    assert three.ledger["cost_usd"].sum() == pytest.approx(3 * 28_320, abs=CENT)
    assert found.saved_usd == pytest.approx(2 * 28_320, abs=CENT)


def test_a_larger_batch_lets_the_fleet_shrink():
    batch = {
        "replicas": 3,
        "batch": {"max_size": 1},
        "service": {
            "seconds": None,
            "parallel": None,
            "base_seconds": {"likely": 3.5},
            "seconds_per_item": {"likely": 0.1},
            "max_batch": 8,
        },
    }
    plan = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"),
        workload={"monthly_requests": [1_000_000, 900_000]},
        candidates={"own": {"deployment": batch}},
    )
    found = of(plan, "own", Measure.RIGHT_SIZE, Measure.BATCH)
    assert only(found, Measure.RIGHT_SIZE).verdict is Verdict.NOTHING_TO_CHANGE
    # One replica serves eight in 4.3 seconds: more than all of the load, on one machine.
    assert found.saved_usd == pytest.approx(14_160.00, abs=CENT)


def test_a_schedule_gives_a_machine_back_by_day():
    # The night takes 1.5 replicas, at a busy share of 0.7 all three of them, from the hour before
    # on: 13 hours a day with two machines and 11 with one. Saved: 59 days x 11 hours x $10.00.
    found = of(worked_plans.evaluated("static-fleet"), "own", Measure.SCHEDULE)
    assert only(found, Measure.SCHEDULE).verdict is Verdict.SAVES
    assert found.saved_usd == pytest.approx(6490.00, abs=2), "but for seconds of boots"
    left = {cause.cause: cause for cause in found.causes}
    assert left["booting"].recovered_usd < 0, "a machine that comes and goes boots"
    assert found.after.used_usd == pytest.approx(found.before.used_usd, rel=0.01)
    adds_up(found)


def test_an_autoscaler_may_hold_what_the_fleet_held_and_buys_on_demand():
    plan = worked_plans.changed(
        worked_plans.scenario("static-fleet"),
        candidates={"own": {"deployment": {"machine": {"purchase": "commit_1y"}}}},
    )
    bench = bench_of(plan, least_instances=1)
    scaled = bench.fleet(next(variants(Measure.AUTOSCALE, plan, "own", bench)), "own")
    assert isinstance(scaled.autoscaler, HpaAutoscaler)
    assert (scaled.autoscaler.minimum, scaled.autoscaler.maximum) == (1, 3)
    assert scaled.machine.purchase == "on_demand"
    assert scaled.boot is not None
    assert (scaled.boot.low_s, scaled.boot.likely_s, scaled.boot.high_s) == (180, 360, 600)


def a_committed_year(**goals: float) -> Evaluation:
    """8,760 hours: $52,560.00 committed, $87,600.00 on demand."""
    return worked_plans.evaluation_of(
        worked_plans.scenario("commitment"),
        horizon_months=12,
        price_paths={"rise": None},
        goals=goals,
    )


def test_a_measure_that_costs_more_says_how_much():
    trial = only(of(a_committed_year(), "committed", Measure.COMMIT_LESS), Measure.COMMIT_LESS)
    assert trial.verdict is Verdict.COSTS_MORE
    assert trial.saved_usd == pytest.approx(52_560 - 87_600, abs=CENT)


def test_a_measure_that_misses_a_goal_is_not_taken():
    with pytest.raises(TcoError, match=r"commit-less cannot be taken.*budget"):
        of(a_committed_year(budget_usd=60_000), "committed", Measure.COMMIT_LESS)


def test_fewer_replicas_must_still_answer_in_time():
    # Two replicas carry the load of the night, and a request waits longer for them than for three.
    three = worked_plans.evaluated("static-fleet").ranking.options[0].latency
    assert three is not None
    bound = {"latency_ms": {"p95": three.ms["p95"] * 1.01}}
    tight = worked_plans.evaluation_of(worked_plans.scenario("static-fleet"), goals=bound)
    trial = only(of(tight, "own", Measure.RIGHT_SIZE), Measure.RIGHT_SIZE)
    assert trial.verdict is Verdict.NOTHING_TO_CHANGE


def test_savings_overlap_and_are_evaluated_together():
    found = of(
        worked_plans.evaluated("static-fleet"), "own", Measure.RIGHT_SIZE, Measure.COMMIT_LESS
    )
    assert found.chosen == (Measure.RIGHT_SIZE,)
    assert found.saved_usd == pytest.approx(14_160.00, abs=CENT)


def test_who_cannot_be_changed_is_said():
    with pytest.raises(NotFoundError, match="Only candidates can be changed"):
        of(worked_plans.evaluated("incumbent"), "keep-as-is")
    hopeless = worked_plans.evaluation_of(
        worked_plans.scenario("static-fleet"),
        workload={"monthly_requests": [558_000_000, 504_000_000]},
    )
    with pytest.raises(TcoError, match="capacity below load"):
        of(hopeless, "own")


def test_a_shipped_plan_shows_what_it_could_save():
    found = evaluated("ticket-classification/high-volume")
    kept = Settings(cache=KEPT)
    assert found.settings == kept
    recovery = recover(
        found, "slm", *data(), chosen=[Measure.RIGHT_SIZE, Measure.STOP_EARLY, Measure.DELETE_OLD]
    )
    assert recovery.chosen == (Measure.RIGHT_SIZE, Measure.STOP_EARLY, Measure.DELETE_OLD)
    alone = sum(trial.saved_usd or 0.0 for trial in recovery.trials)
    assert 0 < recovery.saved_usd <= alone + CENT
    adds_up(recovery)
