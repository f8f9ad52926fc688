"""The order of options, what it must never do, and how it is written down."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tco.domain.cost import Basis
from tco.plan import Settings
from tco.rank.document import left_out_document, option_document
from tco.rank.score import Answer, OptionKind, Ranking, Status
from tests.cases import worked_plans

CASCADE = worked_plans.scenario("cascade")
TWO_PRICES = worked_plans.scenario("growth-and-prices")


def ranking_of(base: Any, settings: Settings | None = None, **changes: Any) -> Ranking:
    return worked_plans.evaluation_of(base, settings=settings, **changes).ranking


def order_of(ranking: Ranking) -> list[str]:
    return [answer.option for answer in ranking.options]


def test_the_cheapest_comes_first_and_ranks_count_from_one():
    found = worked_plans.evaluated("cascade").ranking
    assert order_of(found) == ["small", "small-then-big", "big"]
    assert [answer.rank for answer in found.options] == [1, 2, 3]


@given(factor=st.floats(1.0, 50.0))
@settings(max_examples=25)
def test_what_gets_dearer_never_ranks_better(factor: float):
    shock = {"name": "dearer", "month": 1, "change": factor - 1}
    dearer = {"applies_to": ("smallvendor/*",), "shocks": [shock]}
    before = order_of(worked_plans.evaluated("growth-and-prices").ranking)
    after = order_of(ranking_of(TWO_PRICES, price_paths={"dearer": dearer}))
    assert after.index("small") >= before.index("small")


@given(usd=st.floats(0, 1e6))
@settings(max_examples=25)
def test_a_dominated_option_does_not_reorder_the_others(usd: float):
    copy = CASCADE.candidates["big"].model_dump()
    worse = copy | {
        "lifecycle": {"one_off": {"x": {
            "title": "x", "usd": usd, "phase": "data", "month": 1, "payee": "other"}}}
    }  # fmt: skip
    found = order_of(ranking_of(CASCADE, candidates={"big-worse": worse}))
    assert [name for name in found if name != "big-worse"] == ["small", "small-then-big", "big"]
    assert found.index("big-worse") > found.index("big")


def test_equal_costs_are_ordered_by_name_and_not_by_place_in_the_file():
    copy = CASCADE.candidates["big"].model_dump()
    found = ranking_of(CASCADE, candidates={"aaa": copy})
    assert order_of(found)[2:] == ["aaa", "big"]


def test_renaming_an_option_changes_its_name_alone():
    fields = TWO_PRICES.model_dump()
    fields["candidates"]["renamed"] = fields["candidates"].pop("small")
    renamed = worked_plans.evaluation_of(type(TWO_PRICES).model_validate(fields)).ranking
    before = worked_plans.evaluated("growth-and-prices").ranking
    assert [a.money for a in renamed.options] == [a.money for a in before.options]
    assert order_of(renamed) == ["renamed", "big"]


def test_one_row_a_snapshot_and_it_is_the_cheapest():
    dearer = CASCADE.candidates["big"].model_dump()
    dearer["lifecycle"] = {"monthly": {"x": {
        "title": "x", "usd_per_month": 1, "phase": "data", "payee": "other"}}}  # fmt: skip
    found = ranking_of(CASCADE, candidates={"big-dearer": dearer})
    assert order_of(found) == ["small", "small-then-big", "big", "big-dearer"]
    assert [answer.option for answer in found.snapshots] == ["small", "small-then-big", "big"]


def test_the_basis_decides_the_order():
    """Money spent later is worth less today: at 100 % a year, 1,010 late beats 1,000 early."""
    late = TWO_PRICES.candidates["small"].model_dump()
    early = TWO_PRICES.candidates["small"].model_dump()
    item = {"title": "x", "phase": "data", "payee": "other"}
    late["lifecycle"] = {"one_off": {"x": item | {"usd": 1010, "month": 4}}}
    early["lifecycle"] = {"one_off": {"x": item | {"usd": 1000, "month": 1}}}
    changes = {
        "candidates": {"small": None, "big": None, "late": late, "early": early},
        "organisation": {"discount_rate_per_year": {"likely": 1.0}},
    }
    for basis, order in (
        (Basis.ACCRUAL, ["early", "late"]),
        (Basis.CASH, ["early", "late"]),
        (Basis.PRESENT_VALUE, ["late", "early"]),
    ):
        found = ranking_of(TWO_PRICES, settings=Settings(basis=basis), **changes)
        assert order_of(found) == order
        money = found.options[0].money
        assert money is not None
        assert money.basis_usd == pytest.approx(
            money.pv_usd if basis is Basis.PRESENT_VALUE else money.tco_usd, rel=1e-9
        )


def test_failed_unproven_and_unpriced_options_are_listed_apart():
    unknown = CASCADE.candidates["big"].model_dump()
    unknown["deployment"]["model"] = "big-9"
    found = ranking_of(
        CASCADE,
        goals={"budget_usd": 5000, "interpretability_at_least": 3},
        candidates={"unpriced": unknown},
        snapshots={"small": {"interpretability_score": 4}},
    )
    assert order_of(found) == ["small"]
    assert [a.option for a in found.unproven] == ["small-then-big"]
    assert [a.option for a in found.excluded] == ["big", "unpriced"]
    failed, unpriced = found.excluded
    assert failed.reasons == (
        "costs $5,600, budget $5,000 (12% over)",
        "nobody has scored its interpretability, goal at least 3 of 5",
    )
    assert failed.money is not None, "a failed option still shows what it would cost"
    assert unpriced.money is None
    assert unpriced.profile is None
    assert unpriced.latency is None
    assert "no price for 'bigvendor/big-9" in unpriced.reasons[0]


def test_what_runs_today_is_ranked_and_its_end_is_a_question():
    base = worked_plans.scenario("incumbent")
    today = ranking_of(base).options[1]
    assert (today.option, today.rank) == ("keep-as-is", 2)
    assert today.profile is not None
    assert today.profile.kind is OptionKind.INCUMBENT
    ends = ranking_of(base, incumbent={"contract_end_month": 2})
    assert [a.option for a in ends.unproven] == ["keep-as-is"]
    assert ends.unproven[0].reasons == (
        "its contract ends in month 2, and what it costs then is not stated",
    )
    assert order_of(ranking_of(base, incumbent={"contract_end_month": 3})) == ["big", "keep-as-is"]


def test_a_name_that_is_taken_leaves_what_runs_today_out():
    base = worked_plans.scenario("incumbent")
    taken = {"keep-as-is": base.candidates["big"].model_dump()}
    found = ranking_of(base, candidates=taken)
    assert found.excluded[0].reasons == (
        "an option is named 'keep-as-is' too, as what runs today is; rename it",
    )


# ---- written as data ----------------------------------------------------------------------------

ALWAYS = {
    "rank", "option", "title", "snapshot", "kind", "openness", "size_class", "tco_usd", "pv_usd",
    "cost_per_1k_usd", "inference_cost_per_1k_usd", "training_usd", "people_usd", "idle_usd",
    "evidence_shares", "p10_usd", "p50_usd", "p80_usd", "p90_usd", "p_cheapest",
    "expected_regret_usd", "worst_regret_usd", "unknown_share", "budgets", "by_month_usd",
    "experimentation_usd",
    "within_noise_of_the_one_above", "dominated_by",
}  # fmt: skip


def documents(name: str) -> dict[str, dict[str, Any]]:
    found = worked_plans.evaluated(name)
    return {
        answer.option: option_document(answer, found.outlook) for answer in found.ranking.options
    }


def test_an_option_has_the_keys_that_are_built_and_no_other():
    assert set(documents("cascade")["big"]) == ALWAYS, "an API pays no capacity; nobody timed it"
    assert set(documents("static-fleet")["own"]) == ALWAYS | {"idle_share", "latency_ms"}
    unknown = {"openness", "size_class"}
    assert set(documents("incumbent")["keep-as-is"]) == ALWAYS - unknown


@pytest.mark.parametrize("name", worked_plans.NAMES)
def test_no_key_stands_for_something_unknown(name: str):
    for document in documents(name).values():
        assert None not in document.values()
        assert sum(document["evidence_shares"].values()) == pytest.approx(1.0, rel=1e-9)


def test_a_route_lists_its_snapshots():
    found = documents("cascade")
    assert found["small-then-big"]["snapshot"] == ["small", "big"]
    assert found["small-then-big"]["kind"] == "hybrid"
    assert found["small-then-big"]["size_class"] == "mixed"
    assert found["big"]["snapshot"] == "big"


def test_what_is_left_out_says_why():
    answer = Answer(None, "a", "A", Status.EXCLUDED, ("one", "two"), None)
    assert left_out_document(answer) == {
        "option": "a", "title": "A", "reasons": ["one", "two"], "near_miss": False,
    }  # fmt: skip
