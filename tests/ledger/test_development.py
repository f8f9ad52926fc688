"""Experiments, training and data: properties, refusals, and what a step of compression buys."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.domain.training_plan import ComputeJob, Method, TrainingPlan
from tco.ledger import book
from tco.ledger.compression import chain, job_costs_usd
from tco.ledger.training_hours import choices
from tco.plan import Evaluation
from tests import shipped
from tests.cases import worked_plans
from tests.cases.worked_plans import changed, evaluation_of

MACHINE = {
    "seller": "acme-cloud",
    "region": "north",
    "instance_type": "gpu-2",
    "purchase": "on_demand",
}


def job(**over: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "kind": "compute",
        "method": "train",
        "machine": MACHINE,
        "machines": 1,
        "parameters": {"likely": 1e9},
        "length": {
            "data": {"tokens": {"likely": 30e6}},
            "model_flops_utilisation": {"likely": 0.5},
        },
        "evaluation_share": {"likely": 0.0},
        "restart_share": {"likely": 0.0},
        "months": {"first": 1, "last": 1},
    }
    return whole | over


GAIN = {"likely": 0.25, "low": 0.2, "high": 0.5, "evidence": "assumed", "source": "made up"}


def with_job(**over: Any) -> Scenario:
    plan = {"lead_months": 0, "jobs": {"final": job(**over)}}
    base = worked_plans.scenario("data-work")
    data = base.model_dump()
    data["candidates"]["big"]["lifecycle"] = {"training": plan}
    return Scenario.model_validate(data)


def training_usd(**over: Any) -> float:
    found = evaluation_of(with_job(**over))
    assert found.ranking.options, found.ranking.excluded[0].reasons
    return book.total_usd(found.ledger[found.ledger["phase"] == "training"])


def reason(scenario: Scenario) -> str:
    found = evaluation_of(scenario)
    assert not found.ranking.options
    return found.ranking.excluded[0].reasons[0]


def parsed(**over: Any) -> ComputeJob:
    return ComputeJob.model_validate(job(**over))


def likely_hours(one: ComputeJob) -> float:
    [found] = choices(one, None, worked_plans.catalog(), "job", {})
    assert found.instance_hours is not None
    return found.instance_hours


class TestHours:
    @given(st.sampled_from(list(Method)), st.floats(1e6, 1e9), st.floats(1e6, 1e9))
    def test_operations_over_what_a_card_does(self, method, parameters, tokens):
        by_token = {Method.TRAIN: 6, Method.LORA: 4, Method.FORWARD: 2}[method]
        one = parsed(
            method=method,
            parameters={"likely": parameters},
            trained_parameters={"likely": 1e5} if method is Method.LORA else None,
            length={
                "data": {"tokens": {"likely": tokens}},
                "model_flops_utilisation": {"likely": 0.4},
            },
        )
        card_hours = by_token * parameters * tokens / (100e12 * 0.4) / 3600
        assert likely_hours(one) == pytest.approx(card_hours / 2)

    def test_a_measured_rate_and_stated_hours(self):
        data = {"tokens": {"likely": 72e6}}
        by_rate = parsed(length={"data": data, "tokens_per_s_per_accelerator": {"likely": 1000}})
        assert likely_hours(by_rate) == pytest.approx(72e6 / 1000 / 3600 / 2)
        assert likely_hours(parsed(length={"instance_hours": {"likely": 7}})) == 7
        assert likely_hours(parsed(length={"accelerator_hours": {"likely": 7}})) == 3.5

    def test_without_packing_every_example_is_filled_up(self):
        def hours(**data):
            length = {"data": data, "model_flops_utilisation": {"likely": 0.5}}
            return likely_hours(parsed(length=length))

        rows = {"rows": {"likely": 1e4}, "epochs": {"likely": 2}}
        packed = hours(**rows, packing=True, tokens_per_row={"likely": 500})
        filled = hours(**rows, packing=False, sequence_tokens={"likely": 2048})
        assert filled / packed == pytest.approx(2048 / 500)


class TestMoney:
    @settings(max_examples=20)
    @given(st.floats(1.0, 20.0))
    def test_it_is_linear_in_the_work(self, times):
        once = training_usd(length={"instance_hours": {"likely": 5}})
        assert training_usd(length={"instance_hours": {"likely": 5 * times}}) == pytest.approx(
            once * times
        )

    def test_spot_pays_for_what_interruptions_lose(self):
        """With a share x of all hours lost, useful hours U take U / (1 - x) in all."""
        spot = {
            "interruptions_per_machine_hour": {"likely": 0.05},
            "checkpoint_interval_hours": {"likely": 1.0},
            "restart_hours": {"likely": 0.5},
        }
        # 4 machines x 0.05 x (0.5 + 0.5) = 0.2 of the hours; there is no spot price for these ...
        own = {"seller": "own-room", "region": "cellar", "instance_type": "server-2"}
        scenario = with_job(machine=own | {"purchase": "spot"}, machines=4, spot=spot)
        assert "server-2 spot" in reason(scenario)  # ... so the plan says so and makes up none
        scenario = with_job(
            machine=MACHINE | {"purchase": "spot"},
            machines=40,
            spot=spot | {"restart_hours": {"likely": 1.0}},
        )
        assert "so the job never ends" in reason(scenario)

    def test_a_dearer_machine_never_makes_it_cheaper(self):
        cheap = evaluation_of(with_job())
        path = {"acme": {"applies_to": ["acme-cloud/*"], "shocks": [SHOCK]}}
        dear = evaluation_of(changed(with_job(), price_paths=path))
        assert total(dear) > total(cheap)

    @settings(max_examples=6)
    @given(st.permutations(["a", "b", "c"]))
    def test_the_order_of_jobs_changes_nothing(self, names):
        hours = {"a": 1.0, "b": 2.0, "c": 4.0}
        jobs = {n: job(length={"instance_hours": {"likely": hours[n]}}) for n in names}
        base = with_job()
        data = base.model_dump()
        data["candidates"]["big"]["lifecycle"]["training"]["jobs"] = jobs
        found = evaluation_of(Scenario.model_validate(data))
        assert total(found) == pytest.approx(70.0 + 8.0)

    def test_specialists_pay_for_each_task(self):
        plan = {
            "lead_months": 0,
            "jobs": {"final": job(length={"instance_hours": {"likely": 3}})},
            "tasks": {"count": 4, "sharing": "adapters"},
        }
        data = with_job().model_dump()
        data["candidates"]["big"]["lifecycle"] = {"training": plan}
        adapters = evaluation_of(Scenario.model_validate(data))
        assert total(adapters) == pytest.approx(4 * 30.0 + 8.0)


SHOCK = {"name": "dearer", "month": 1, "change": {"likely": 0.3}}


def total(found: Evaluation) -> float:
    return book.total_usd(found.ledger)


class TestRefusals:
    def test_what_does_not_fit_is_refused_with_the_numbers(self):
        said = reason(with_job(parameters={"likely": 20e9}))
        assert "take 298.0 GiB by method 'train'" in said
        assert "1 x gpu-2 have 2 x 80.00 = 160.0 GiB" in said

    def test_lora_of_the_same_model_fits(self):
        over = {"method": "lora", "trained_parameters": {"likely": 20e6}}
        assert training_usd(parameters={"likely": 20e9}, **over) > 0

    def test_what_takes_longer_than_its_months(self):
        said = reason(with_job(length={"instance_hours": {"likely": 1000}}))
        assert "takes 1,000 hours of wall time on 1 machines, and months 1 to 1 have 744" in said
        assert training_usd(machines=2, length={"instance_hours": {"likely": 1000}}) == 10_000

    def test_a_lead_time_longer_than_the_plan(self):
        base = worked_plans.scenario("training")
        late = {"tuned": {"lifecycle": {"training": {"lead_months": 6}}}}
        found = evaluation_of(base, candidates=late)
        [left_out] = found.ranking.excluded
        assert (
            "takes 6 months before it answers anything, and the plan has 6" in left_out.reasons[0]
        )

    def test_machines_are_compared_by_cost_and_wall_time(self):
        one = parsed(compare_with=[MACHINE | {"instance_type": "gpu-9"}])
        own, other = choices(one, None, worked_plans.catalog(), "job", {})
        assert own.wall_hours == own.instance_hours
        assert other.refused is not None
        assert "no instance 'acme-cloud/north/gpu-9'" in other.refused


class TestLeadTime:
    def test_what_stands_in_answers_and_is_paid_until_the_option_is_live(self):
        rows = worked_plans.evaluated("training").ledger
        tuned = rows[(rows["option"] == "tuned") & (rows["phase"] == "inference")]
        by_month = tuned.groupby(tuned["month"].dt.month)["snapshot"].agg(set)
        assert [by_month[month] for month in range(1, 7)] == [{"big"}] * 2 + [{"small"}] * 4

    def test_what_runs_today_can_stand_in(self):
        incumbent = {
            "title": "Hand work",
            "last_month_requests": 1000,
            "last_month_bill_usd": {"likely": 100.0},
            "fixed_share": 0.5,
            "source": "made up",
        }
        base = worked_plans.scenario("training")
        waiting = {"lifecycle": {"training": {"meanwhile": {"option": None, "incumbent": True}}}}
        found = evaluation_of(base, incumbent=incumbent, candidates={"tuned": waiting})
        rows = found.ledger[found.ledger["option"] == "tuned"]
        paid = rows[rows["category"] == "incumbent"]
        assert book.total_usd(paid) == pytest.approx(200.0)
        assert set(paid["month"].dt.month) == {1, 2}


def test_what_became_of_the_money_for_runs():
    rows = worked_plans.evaluated("experiments").ledger
    assert book.experimentation_usd(rows) == {
        "final": pytest.approx(100.0),
        "finished": pytest.approx(540 + 100 + 40),
        "failed": pytest.approx(240 + 100 + 30),
        "abandoned": pytest.approx(120.0),
        "duplicate": pytest.approx(60.0),
    }


@pytest.mark.parametrize(
    ("preset", "multiplier"),
    [
        ("search_multiplier_half_on_development", 1.5),
        ("search_multiplier_full_pipeline", 5.6),
        ("search_multiplier_recipe_search", 30.0),
    ],
)
def test_presets_of_a_search_are_assumed_ranges_with_a_source(preset: str, multiplier: float):
    catalog, _ = shipped.data()
    found = catalog.figure(preset, on=date(2026, 11, 21))
    assert found.likely == multiplier
    assert found.evidence is Evidence.ASSUMED
    assert found.low is not None
    assert found.source is not None


def test_a_history_can_be_planned_once_more():
    base = worked_plans.scenario("experiments")
    again = {"lifecycle": {"experiments": {"history": {"again_from_month": 2}}}}
    rows = evaluation_of(base, candidates={"big": again}).ledger
    tracked = rows[rows["item"].str.startswith("tried: ")]
    # December becomes month 2, February month 4: nothing is sunk.
    assert dict(tracked.groupby(tracked["month"].dt.month)["cost_usd"].sum()) == {2: 50.0, 4: 70.0}


def test_prompting_pays_for_every_request():
    prompting = {
        "training": {
            "lead_months": 0,
            "prompting": {"tokens_per_request": {"likely": 500}, "cached_share": {"likely": 0.8}},
        }
    }
    data = worked_plans.scenario("data-work").model_dump()
    data["candidates"]["big"]["lifecycle"] = prompting
    rows = evaluation_of(Scenario.model_validate(data)).ledger
    by_item = rows.groupby("item")["cost_usd"].sum()
    # 1,000 requests x 500 tokens, 4 months: 2 million; a fifth at $2.00, four fifths at $0.50.
    assert by_item["prompt tokens sent with every request, bigvendor/big-1"] == pytest.approx(0.80)
    assert by_item[
        "cached prompt tokens sent with every request, bigvendor/big-1"
    ] == pytest.approx(0.80)


def test_retrieval_embeds_once_and_again_and_asks_each_time():
    retrieval = {
        "provider": "bigvendor",
        "model": "big-1",
        "tier": "standard",
        "corpus_tokens": {"likely": 10e6},
        "refreshed_share_per_month": {"likely": 0.1},
        "question_tokens": {"likely": 100},
        "context_tokens_per_request": {"likely": 3000},
        "store_gb": {"likely": 20},
        "store_seller": "acme-cloud",
        "store_region": "north",
        "store_service": "warm-storage",
        "step_usd_per_1k_requests": {"likely": 0.4},
    }
    data = worked_plans.scenario("data-work").model_dump()
    plan = {"lead_months": 0, "retrieval": retrieval}
    data["candidates"]["big"]["lifecycle"] = {"training": plan}
    rows = evaluation_of(Scenario.model_validate(data)).ledger
    by_phase = rows.groupby("phase")["cost_usd"].sum()
    assert by_phase["training"] == pytest.approx(10 * 2.0)
    # a month: tokens 2.00, refresh 1 million, questions 0.1 and found text 3 million tokens,
    # 20 GB and 1,000 look-ups
    assert by_phase["inference"] == pytest.approx(4 * (2 + 2 + 0.2 + 6 + 2 + 0.4))


class TestCompression:
    plan = TrainingPlan.model_validate(
        {
            "lead_months": 0,
            "jobs": {"distil": job(), "prune": job()},
            "compression": [
                {"title": "distil", "jobs": ["distil"], "serving_factor": GAIN},
                {"title": "prune", "jobs": ["prune"], "serving_factor": {"likely": 1.0}},
            ],
        }
    )

    def test_it_is_worked_back_from_what_serving_costs_after_it(self):
        distil, prune = chain(self.plan, {"distil": 300.0, "prune": 40.0}, 2.0)
        assert (prune.usd_per_1k_before, prune.usd_per_1k_after) == (2.0, 2.0)
        assert prune.break_even_requests is None
        # From 8 to 2 dollars a thousand: 6 dollars saved, so 300 dollars take 50,000 requests.
        assert (distil.usd_per_1k_before, distil.usd_per_1k_after) == (8.0, 2.0)
        assert distil.break_even_requests == pytest.approx(50_000)
        assert distil.break_even_low == pytest.approx(300 / (2 / 0.2 - 2) * 1000)
        assert distil.evidence is Evidence.ASSUMED

    def test_costs_are_those_of_the_jobs_lines(self):
        model = worked_plans.evaluated("training").model
        costs = job_costs_usd(model, "tuned", "candidates.tuned.lifecycle.training")
        assert {name: round(usd, 2) for name, usd in costs.items()} == {
            "answers": 18.0,
            "tune": 104.0,
            "polish": 21.5,
        }

    def test_a_step_names_jobs_that_are_there(self):
        with pytest.raises(ValueError, match="unknown jobs: quantise"):
            TrainingPlan.model_validate(
                {
                    "lead_months": 0,
                    "compression": [
                        {"title": "q", "jobs": ["quantise"], "serving_factor": {"likely": 0.5}}
                    ],
                }
            )
