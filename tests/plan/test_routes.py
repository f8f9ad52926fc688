"""Options that are routes: every step a line, one latency from end to end."""

from dataclasses import replace

import numpy as np
import pytest

from tco.errors import InfeasibleError
from tco.hosting import simulate_option
from tco.hosting.fleets import Effort
from tco.hosting.host import arrange
from tco.hosting.routes import RoutedOption, routed_option
from tco.ledger.option import likely_months, parts_of_option
from tco.plan import requests_of
from tco.sim import kernel_layout as at
from tco.sim.routed import simulate_route
from tco.sim.run import Requests
from tco.sim.rung import simulate
from tco.sim.sample import Sample, Stretch, whole_week
from tco.tasks import Kept, WantedError
from tests.cases import worked_plans

BASE = worked_plans.scenario("static-fleet")
OWN = BASE.candidates["own"].model_dump(exclude_none=True)
TABLES = worked_plans.catalog(), worked_plans.measurements()
API = {
    "kind": "api", "provider": "bigvendor", "model": "big-1", "tier": "standard",
    "latency_ms": {"p50": 1000, "p95": 2000, "evidence": "assumed", "source": "a guess"},
}  # fmt: skip


def fleet(seconds, **rest):
    service = {"seconds": seconds, "parallel": 1}
    return OWN | {"deployment": OWN["deployment"] | {"service": service} | rest}


def step(option, **rest):
    return {"option": option} | rest


def with_route(steps, **candidates):
    route = {"title": "A route", "deployment": {"kind": "route", "steps": steps}}
    return {"candidates": candidates | {"route": route}}


CHAIN = with_route(
    {"first": step("own"), "second": step("other", after=("first",), hand_over_s=0.25)},
    other=fleet(1.5),
)
SCALED = {
    "replicas": None, "autoscaler": {"kind": "hpa", "target_busy_share": 0.5, "minimum": 1,
    "maximum": 8}, "boot": {"low_s": 60, "likely_s": 60, "high_s": 60, "source": "a guess"},
}  # fmt: skip


def answer(found, option="route"):
    ranking = found.ranking
    return next(a for a in (*ranking.options, *ranking.unproven) if a.option == option)


def of_plan(changes) -> RoutedOption | str:
    scenario = worked_plans.changed(BASE, **changes)
    requests = requests_of(scenario)
    parts, _ = parts_of_option(scenario, "route", requests)
    return routed_option(scenario, "route", parts, requests, *TABLES)


def routed(changes) -> RoutedOption:
    found = of_plan(changes)
    assert isinstance(found, RoutedOption)
    return found


def test_a_chain_costs_its_steps_and_takes_the_sum_of_their_times():
    found = worked_plans.evaluation_of(BASE, **CHAIN)
    rows = found.ledger
    by_option = rows.groupby("option")["cost_usd"].sum()
    assert by_option["route"] == pytest.approx(by_option["own"] + by_option["other"], rel=1e-12)
    latency = answer(found).latency
    assert latency.ms["p50"] >= 3600 + 250 + 1500
    alone = [answer(found, option).latency.ms["p50"] for option in ("own", "other")]
    assert latency.ms["p50"] == pytest.approx(sum(alone) + 250, rel=0.1)


def test_a_cascade_and_the_same_as_a_route_agree_to_the_cent():
    cascade = {
        "title": "A cascade",
        "deployment": {
            "kind": "cascade",
            "steps": ({"option": "own", "escalate": 0.3}, {"option": "other"}),
        },
    }
    changes = with_route(
        {"a": step("own"), "b": step("other", after=("a",), escalate=0.3)},
        other=fleet(1.5), cascade=cascade,
    )  # fmt: skip
    found = worked_plans.evaluation_of(BASE, **changes)
    route, other = answer(found), answer(found, "cascade")
    assert route.money == other.money
    assert route.latency.ms["p50"] == other.latency.ms["p50"]
    assert route.latency.ms["p95"] == pytest.approx(other.latency.ms["p95"], rel=0.05)


def test_what_comes_to_a_fleet_follows_shares_and_calls():
    changes = with_route(
        {
            "old": step("own", share=0.75),
            "new": step("other", share=0.25),
            "work": step("third", after=("old", "new"), calls_per_request=2.5),
            "odd": step("third", after=("new",), escalate=0.5),
        },
        other=fleet(1.5), third=fleet(0.5),
    )  # fmt: skip
    scenario = worked_plans.changed(BASE, **changes)
    requests = requests_of(scenario)
    whole = likely_months(requests, 2)
    parts, _ = parts_of_option(scenario, "route", requests)
    shares = {part.name: likely_months(part.volume, 2) / whole for part in parts}
    assert {name: share.tolist() for name, share in shares.items()} == {
        "own": pytest.approx([0.75, 0.75]),
        "other": pytest.approx([0.25, 0.25]),
        "third": pytest.approx([2.625, 2.625]),
    }
    assert dict(routed(changes).case.calls) == {
        name: pytest.approx(share[0]) for name, share in shares.items()
    }


class Recorded:
    """Hands on what was recorded, whatever it is asked for."""

    def __init__(self, calls: Requests) -> None:
        self.calls = calls

    def hand_on(self, rate_per_s, *, length_s, seed, first_hour):
        return self.calls


def test_a_fleet_that_scales_is_paid_for_what_the_step_before_hands_on():
    changes = with_route(
        {"first": step("own"), "second": step("other", after=("first",))},
        other=fleet(1.5, **SCALED),
    )  # fmt: skip
    scenario = worked_plans.changed(BASE, **changes)
    parts, _ = parts_of_option(scenario, "route", requests_of(scenario))
    [second] = [part for part in parts if part.name == "other"]
    alone = arrange(scenario, second, *TABLES).case
    before = routed(changes).before("other")
    assert before is not None
    sample, rate = whole_week(alone.traffic.week), 0.2
    of_route = replace(alone, traffic=replace(alone.traffic, before=before))
    rates = rate * np.array(sample.stretches[0].factors)
    calls = before.hand_on(rates, length_s=3600.0, seed=alone.seed, first_hour=0)
    recorded = replace(alone, traffic=replace(alone.traffic, before=Recorded(calls)))
    assert simulate(of_route, sample, rate) == simulate(recorded, sample, rate)
    assert simulate(of_route, sample, rate).requests == pytest.approx(rate * 604_800, rel=0.02)
    came = next(alone.traffic.chunks(rates, length_s=3600.0, seed=alone.seed)).arrivals_s
    assert calls.arrivals_s.size == came.size, "the same requests enter as in a plain option"
    assert (calls.arrivals_s >= came + 3.6 - 1e-9).all(), "each has been served before"


def test_a_route_with_a_fleet_that_scales_is_evaluated():
    changes = with_route(
        {"first": step("own"), "second": step("other", after=("first",), escalate=0.5)},
        other=fleet(1.5, **SCALED),
    )  # fmt: skip
    found = worked_plans.evaluation_of(BASE, **changes)
    assert answer(found).money.tco_usd > answer(found, "own").money.tco_usd
    assert answer(found).latency.ms["p95"] > 3600 + 1500


def test_a_vendors_model_behind_a_fleet_adds_its_time():
    changes = with_route(
        {"first": step("own"), "second": step("vendor", after=("first",))},
        vendor={"title": "A vendor", "snapshot": "big", "deployment": API},
    ) | {"workload": {"tokens": {"input": 100, "output": 10, "cached_input_share": 0}}}
    found = worked_plans.evaluation_of(BASE, **with_big(changes))
    assert answer(found).latency.ms["p50"] > 3600 + 950
    assert answer(found).latency.evidence == "assumed"


FALLBACK = with_route(
    {"own": step("own"), "over": step("vendor", after=("own",), takes="refused")},
    own={"deployment": {"replicas": 2, "queue": {"limit": 3}}},
    vendor={"title": "A vendor", "snapshot": "big", "deployment": API},
) | {"workload": {"tokens": {"input": 100, "output": 10, "cached_input_share": 0}}}


FAILURES = {
    "mean_hours_between": 100,
    "repair": {"low_hours": 1, "likely_hours": 2, "high_hours": 3},
    "is_paid_in_repair": True,
    "source": "a guess",
}
FAILING = {
    "deployment": {
        "replicas": 2,
        "queue": {"patience_s": 60},
        "failures": FAILURES,
        "boot": {"low_s": 60, "likely_s": 60, "high_s": 60, "source": "a guess"},
    }
}


def with_big(changes):
    big = worked_plans.scenario("cascade").snapshots["big"]
    return changes | {"snapshots": {"big": big.model_dump()}}


def test_what_a_small_fleet_refuses_is_bought_from_a_vendor():
    found = worked_plans.evaluation_of(BASE, **with_big(FALLBACK))
    rows = found.ledger[found.ledger["option"] == "route"]
    tokens = rows[rows["unit"] == "Mtok"].groupby("item")["quantity"].sum()
    [fresh] = [amount for item, amount in tokens.items() if "fresh input" in str(item)]
    bought = fresh * 1e6 / 100
    whole = found.requests_answered
    rung = next(u.reference for u in found.usage["route"] if hasattr(u, "reference"))
    assert 0.02 < rung.lost_share < 0.9
    assert bought / whole == pytest.approx(rung.lost_share, rel=0.1)
    ranked = {a.option for a in found.ranking.options}
    assert "route" in ranked, "everything is answered, so no question is left open"
    assert answer(found).latency.ms["p99"] > 3600


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"own": OWN}, "that refuses nothing"),
        ({"vendor": fleet(1.0)}, "let an API take it"),
        ({"own": FAILING}, "fail or are taken away"),
    ],
)
def test_a_fallback_that_cannot_be_planned_is_refused(changes, says):
    candidates = FALLBACK["candidates"] | changes
    found = worked_plans.evaluation_of(BASE, **with_big(FALLBACK | {"candidates": candidates}))
    [left_out] = [a for a in found.ranking.excluded if a.option == "route"]
    assert says in left_out.reasons[0]


AFTER_OWN = {"own": step("own"), "over": step("vendor", after=("own",), takes="refused")}
LIMITED = API | {"limits": {"requests_per_minute": 6000, "source": "a guess"}}
DOWN = API | {
    "outages": {
        "per_month": {"likely": 1, "source": "a guess"},
        "minutes": {"likely": 30, "source": "a guess"},
    }
}


def of_vendors(steps, deployment=API):
    """A route on a fleet that overflows, a fleet, and two options of a vendor."""
    vendor = {"title": "A vendor", "snapshot": "big", "deployment": deployment}
    changes = with_route(
        steps, own=FALLBACK["candidates"]["own"], other=fleet(0.5), vendor=vendor,
        next=vendor | {"deployment": API},
    )  # fmt: skip
    return with_big(changes | {"workload": FALLBACK["workload"]})


@pytest.mark.parametrize(
    ("steps", "deployment", "says"),
    [
        (AFTER_OWN | {"next": step("next", after=("own",))}, API, "never comes to it"),
        (
            AFTER_OWN | {"b": step("other", after=("own",)), "next": step("next", after=("b",))},
            API,
            "never comes to it",
        ),
        ({"own": step("own"), "v": step("vendor", after=("own",))}, LIMITED, "states limits"),
        ({"own": step("own"), "v": step("vendor", after=("own",))}, DOWN, "states outages"),
        (AFTER_OWN, LIMITED, "states limits"),
        (
            {"v": step("vendor", calls_per_request=3), "own": step("own", after=("v",))},
            LIMITED,
            "several at once",
        ),
    ],
)
def test_a_step_that_would_be_billed_for_other_requests_is_refused(steps, deployment, says):
    with pytest.raises(InfeasibleError, match=says):
        routed(of_vendors(steps, deployment))


def test_a_step_behind_a_full_fleet_and_its_fallback_meets_every_request():
    changes = of_vendors(AFTER_OWN | {"next": step("next", after=("own", "over"))})
    found = routed(changes)
    run = found.case.run(np.full(2, 0.6), length_s=3600.0, seed=1, first_hour=0)
    assert 0 < run.steps["over"].visited.sum() < run.arrivals_s.size
    assert run.steps["next"].visited.all()
    assert found.case.calls["next"] == 1.0


def test_an_api_that_requests_enter_at_may_state_limits():
    steps = {"v": step("vendor"), "own": step("own", after=("v",))}
    assert set(routed(of_vendors(steps, LIMITED)).case.vendors) == {"vendor"}


def test_a_route_through_an_api_with_outages_has_no_latency_and_says_why():
    steps = {"v": step("vendor"), "own": step("own", after=("v",))}
    why = of_plan(of_vendors(steps, DOWN))
    assert isinstance(why, str)
    assert "outages" in why


def test_a_step_that_answers_nothing_by_itself_is_not_ranked():
    changes = with_route(
        {"first": step("own"), "second": step("other", after=("first",))},
        other=fleet(1.5) | {"only_in_routes": True},
    )  # fmt: skip
    found = worked_plans.evaluation_of(BASE, **changes)
    assert {a.option for a in found.ranking.options} == {"own", "route"}


def test_a_monolith_takes_the_seconds_of_all_its_steps():
    steps = {"embed": {"likely": 1.0, "low": 0.8, "high": 1.4}, "find": 2.6}
    own = OWN["deployment"] | {"service": {"seconds_by_step": steps, "parallel": 1}}
    found = worked_plans.evaluation_of(BASE, candidates={"both": OWN | {"deployment": own}})
    one, other = answer(found, "own"), answer(found, "both")
    assert other.money.tco_usd == pytest.approx(one.money.tco_usd)
    assert other.latency.ms == pytest.approx(one.latency.ms)


def test_the_route_of_a_plan_repeats_and_meets_the_same_requests():
    kept = [Effort(Kept(), "quick") for _ in range(2)]
    for effort in kept:
        found = routed(CHAIN)
        with pytest.raises(WantedError, match="RouteTask") as wanted:
            found.latency(effort)
        effort.kept.work_out([wanted.value.task])
    once, again = (routed(CHAIN).latency(effort) for effort in kept)
    assert once == again


def test_a_route_is_simulated_step_by_step_for_its_own_sake():
    scenario = worked_plans.changed(BASE, **CHAIN)
    effort = Effort(Kept(), "quick")
    found = simulate_option(scenario, "route", requests_of(scenario), *TABLES, effort)
    document = found.document()
    fates = sum(document[name] for name in ("served", "dropped", "abandoned", "in_system"))
    assert document["requests"] == fates > 0
    assert document["steps"]["second"]["calls_per_request"] == 1.0
    stations = document["stations"].values()
    assert document["instance_hours"] == sum(one["instance_hours"] for one in stations)
    busy_h = document["replica_hours"]["busy"]
    assert busy_h == pytest.approx(document["requests"] * (3.6 + 1.5) / 3600, rel=1e-6)
    assert found.standard_errors()["latency_ms"]["p95"] >= 0
    assert found.theory()[1], "no closed form, and the reason"


def test_machines_that_fail_in_a_route_show_lost_work_and_repair_apart_from_busy():
    boot = {"low_s": 60, "likely_s": 60, "high_s": 60, "source": "a guess"}
    failing = {"failures": FAILURES | {"mean_hours_between": 10}, "boot": boot}
    changes = CHAIN | {"candidates": CHAIN["candidates"] | {"own": {"deployment": failing}}}
    case = routed(changes).case
    rates = 0.5 * np.array(whole_week(case.traffic.week).stretches[0].factors)
    usage = simulate_route(case, whole_week(case.traffic.week), 0.5)
    run = case.run(rates, length_s=3600.0, seed=case.seed, first_hour=0)
    record = run.stations["own"].outcome.record
    assert record is not None
    own, other = (station.replica_hours for station in usage.stations)
    assert own["lost_work"] == pytest.approx(record.lost_s.sum() / 3600)
    assert own["under_repair"] == pytest.approx(record.repair_s.sum() / 3600)
    assert min(own["lost_work"], own["under_repair"]) > 0
    assert own["busy"] == pytest.approx(usage.served * 3.6 / 3600, rel=1e-6)
    assert "lost_work" not in other


def test_the_share_that_a_route_loses_weighs_each_stretch_as_its_latency_does():
    changes = with_route(
        {"own": step("own"), "other": step("other", after=("own",))},
        own={"deployment": {"replicas": 2, "queue": {"limit": 3}}},
        other=fleet(0.5),
    )
    case = routed(changes).case
    stretches = Stretch(0, (4.0,) * 4, 1, 0.25), Stretch(0, (0.5,) * 4, 1, 0.75)
    usage = simulate_route(case, Sample(stretches, "chosen by hand"), 0.4)
    came, lost = np.zeros(2), np.zeros(2)
    for number, stretch in enumerate(stretches):
        rates = 0.4 * np.array(stretch.factors)
        run = case.run(rates, length_s=3600.0, seed=case.seed + number, first_hour=0)
        counted = run.arrivals_s >= 3600
        came[number] = counted.sum()
        lost[number] = (counted & (run.status != at.STATUS_SERVED)).sum()
    shares = np.array([0.25, 0.75])
    assert usage.lost_share == pytest.approx((shares @ lost) / (shares @ came), rel=1e-12)
    assert usage.lost_share < 0.9 * usage.dropped / usage.requests
    assert usage.steps[0].refused_share == pytest.approx(usage.lost_share, rel=1e-12)
