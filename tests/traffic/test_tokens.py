"""Sizes of requests: pairs stay pairs, means stay means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tco.domain.demand import MixtureSizes, QuantileSizes, RequestClass, RowSizes
from tco.domain.workload import Workload
from tco.errors import TcoError
from tco.traffic.classes import draw_classes, shares_by_hour
from tco.traffic.tokens import bend, capped, draw_sizes, in_whole_tokens, stretch_under_cap
from tests.traffic.traces import requests_of_2023

ROWS = RowSizes(kind="rows", rows=((10, 1), (2000, 40), (500, 900)))
TABLE = QuantileSizes(
    kind="quantiles",
    shares=(0.0, 0.5, 0.9, 0.99, 1.0),
    input_tokens=(10, 1000, 2700, 4100, 4100),
    output_tokens=(1, 13, 55, 251, 1899),
    input_mean=1150,
    output_mean=28,
    rank_correlation=-0.4,
)


def mixture(**more):
    parts = [
        {
            "weight": 0.7,
            "input_mean": 300,
            "input_cv": 1.2,
            "output_mean": 20,
            "output_cv": 0.8,
            "correlation": 0.5,
        },
        {
            "weight": 0.3,
            "input_mean": 3000,
            "input_cv": 0.3,
            "output_mean": 400,
            "output_cv": 1.5,
        },
    ]
    return MixtureSizes.model_validate({"kind": "mixture", "parts": parts} | more)


MIXTURE = mixture()
CAPPED = mixture(input_cap_tokens=4096, output_cap_tokens=600)


@pytest.mark.parametrize("sizes", [ROWS, TABLE, MIXTURE, CAPPED], ids=lambda s: s.kind)
def test_draws_keep_the_means(sizes):
    drawn = draw_sizes(sizes, 400_000, np.random.default_rng(1))
    for tokens, mean in zip(drawn, sizes.means, strict=True):
        assert tokens.dtype == np.int64
        assert tokens.min() >= 0
        error = tokens.std() / math.sqrt(tokens.size)
        assert tokens.mean() == pytest.approx(mean, abs=4 * error)


def test_rows_stay_pairs():
    inputs, outputs = draw_sizes(ROWS, 1000, np.random.default_rng(2))
    assert set(zip(inputs.tolist(), outputs.tolist(), strict=True)) == set(ROWS.rows)


def test_a_table_keeps_its_quantiles_and_its_link():
    inputs, outputs = draw_sizes(TABLE, 200_000, np.random.default_rng(3))
    for tokens, quantiles in ((inputs, TABLE.input_tokens), (outputs, TABLE.output_tokens)):
        for share, value in zip(TABLE.shares, quantiles, strict=True):
            assert np.mean(tokens < value) <= share + 0.005
            assert np.mean(tokens <= value) >= share - 0.005
    assert np.mean(inputs == 4100) == pytest.approx(0.01, abs=0.002)  # a cap that inputs pile up at
    noise = np.random.default_rng(4).random(inputs.size)
    first, second = (np.argsort(np.argsort(tokens + noise)) for tokens in (inputs, outputs))
    ranks: np.ndarray = np.corrcoef(first, second)
    assert ranks[0, 1] == pytest.approx(-0.4, abs=0.01)


def test_a_table_without_a_link_draws_two_independent_sizes():
    free = TABLE.model_copy(update={"rank_correlation": 0.0})
    inputs, outputs = draw_sizes(free, 100_000, np.random.default_rng(5))
    assert np.corrcoef(inputs, outputs)[0, 1] == pytest.approx(0, abs=4 / math.sqrt(1e5))


def test_sizes_that_never_vary():
    sizes = QuantileSizes(
        kind="quantiles",
        shares=(0, 1),
        input_tokens=(7, 7),
        output_tokens=(0, 0),
        input_mean=7,
        output_mean=0,
    )
    inputs, outputs = draw_sizes(sizes, 50, np.random.default_rng(6))
    assert (set(inputs), set(outputs)) == ({7}, {0})


def test_parts_of_a_mixture_keep_their_link():
    one = MixtureSizes.model_validate(
        {"kind": "mixture", "parts": [MIXTURE.parts[0].model_dump() | {"weight": 1}]}
    )
    inputs, outputs = draw_sizes(one, 100_000, np.random.default_rng(7))
    logs = np.log(np.maximum(inputs, 1)), np.log(np.maximum(outputs, 1))
    assert np.corrcoef(logs)[0, 1] == pytest.approx(0.5, abs=0.02)


def test_a_cap_cuts_and_the_mean_stays():
    inputs, outputs = draw_sizes(CAPPED, 100_000, np.random.default_rng(8))
    assert (inputs.max(), outputs.max()) == (4096, 600)
    assert np.mean(inputs == 4096) > 0.02
    assert stretch_under_cap(CAPPED.parts, "input", 1e9) == pytest.approx(1.0, abs=1e-6)


def test_a_cap_that_part_of_the_mixture_cannot_reach():
    parts = [
        {"weight": 0.9, "input_mean": 0, "input_cv": 0, "output_mean": 1, "output_cv": 0},
        {"weight": 0.1, "input_mean": 500, "input_cv": 1, "output_mean": 1, "output_cv": 0},
    ]
    sizes = MixtureSizes.model_validate(
        {"kind": "mixture", "parts": parts, "input_cap_tokens": 100}
    )
    assert sizes.means[0] == 50
    with pytest.raises(TcoError, match="no stretch gives a mean input of 50 tokens under a cap"):
        draw_sizes(sizes, 5, np.random.default_rng(9))


@given(mean=st.floats(0, 5))
def test_rounding_keeps_the_mean(mean):
    whole = in_whole_tokens(np.full(20_000, mean), np.random.default_rng(10))
    assert whole.mean() == pytest.approx(mean, abs=4 * 0.5 / math.sqrt(20_000))
    assert set(whole.tolist()) <= {math.floor(mean), math.floor(mean) + 1}


@given(
    heights=st.lists(st.integers(0, 10**6).map(lambda n: n / 10), min_size=2, max_size=9).map(
        sorted
    ),
    place=st.floats(0.02, 0.98),
)
def test_bent_lines_have_the_stated_mean(heights, place):
    shares = np.linspace(0, 1, len(heights))
    values = np.array(heights)
    low, high = values[:-1].mean(), values[1:].mean()
    mean = low + place * (high - low)
    power = bend(shares, values, mean)
    assert np.mean(values[:-1] + np.diff(values) / (power + 1)) == pytest.approx(mean, rel=1e-9)


def test_requests_are_cut_to_what_a_model_takes():
    inputs, outputs = np.array([100, 5000, 3000]), np.array([50, 100, 2000])
    cut_in, cut_out, share = capped(
        inputs, outputs, context_tokens=4096, input_cap_tokens=4000, output_cap_tokens=1000
    )
    assert cut_in.tolist() == [100, 3996, 3000]
    assert cut_out.tolist() == [50, 100, 1000]
    assert share == pytest.approx(2 / 3)
    assert capped(inputs, outputs)[2] == 0
    assert capped(np.zeros(0, int), np.zeros(0, int), context_tokens=9)[2] == 0


@pytest.mark.parametrize(("name", "ratios"), [("conv", (1.07, 1.04)), ("code", (1.35, 0.83))])
def test_a_plain_lognormal_misses_the_mean_and_our_laws_do_not(name, ratios):
    _, *columns = requests_of_2023(name)
    for tokens, ratio in zip(columns, ratios, strict=True):
        logs = np.log(tokens)
        implied = math.exp(logs.mean() + logs.var() / 2)
        assert implied / tokens.mean() == pytest.approx(ratio, abs=0.005)
        cv = math.sqrt(math.expm1(logs.var()))
        part = {"weight": 1, "input_cv": cv, "output_mean": 1, "output_cv": 0}
        ours = MixtureSizes.model_validate(
            {"kind": "mixture", "parts": [part | {"input_mean": float(tokens.mean())}]}
        )
        drawn, _ = draw_sizes(ours, 200_000, np.random.default_rng(11))
        assert drawn.mean() == pytest.approx(tokens.mean(), rel=0.02)
        with pytest.raises(ValidationError, match="the cost would be off by as much"):
            workload_of(ours, tokens.mean() * ratio, 1)


def workload_of(sizes, input_mean, output_mean, **more):
    tokens = {"input": float(input_mean), "output": float(output_mean), "cached_input_share": 0}
    return Workload.model_validate(
        {
            "requests_per_month": 1000,
            "growth_per_year": 0,
            "profile": {"shape": "steady"},
            "tokens": tokens,
            "sizes": sizes.model_dump() if sizes is not None else None,
        }
        | more
    )


# ---- kinds of requests --------------------------------------------------------------------------

NIGHT = tuple(1.0 if hour < 6 else 0.0 for hour in range(24))
CLASSES = {
    "chat": RequestClass(share=0.8, sizes=ROWS),
    "report": RequestClass(
        share=0.2,
        sizes=RowSizes(kind="rows", rows=((5, 5),)),
        by_hour=tuple(3.0 if hour < 12 else 1.0 for hour in range(24)),
    ),
}


def test_shares_hold_over_the_day_and_move_with_the_hours():
    volume = np.arange(24.0) % 5 + 1
    table = shares_by_hour(CLASSES, volume)
    assert table.sum(axis=1) == pytest.approx(np.ones(24))
    assert (table.T @ volume / volume.sum()) == pytest.approx([0.8, 0.2], abs=1e-6)
    odds = table[:, 1] / table[:, 0]
    assert odds[:12].mean() / odds[12:].mean() == pytest.approx(3.0)


def test_classes_bring_their_own_sizes():
    times = np.sort(np.random.default_rng(1).uniform(0, 30 * 86400, 200_000))
    kind, inputs, outputs = draw_classes(CLASSES, times, np.ones(24), np.random.default_rng(2))
    assert np.mean(kind == 1) == pytest.approx(0.2, abs=4 * 0.4 / math.sqrt(2e5))
    assert set(inputs[kind == 1]) == {5}
    assert set(inputs[kind == 0]) == {10, 500, 2000}
    assert outputs[kind == 1].max() == 5
    morning = times % 86400 < 12 * 3600
    odds = [np.mean(kind[part] == 1) / np.mean(kind[part] == 0) for part in (morning, ~morning)]
    assert odds[0] / odds[1] == pytest.approx(3.0, rel=0.05)


def test_a_share_that_its_hours_cannot_hold_is_refused():
    classes = {
        "day": RequestClass(share=0.5, sizes=ROWS),
        "night": RequestClass(share=0.5, sizes=ROWS, by_hour=NIGHT),
    }
    with pytest.raises(TcoError, match=r"'(day|night)' should be 50.0% of all requests, but"):
        shares_by_hour(classes, np.ones(24))


def test_an_hour_that_no_class_fills_is_refused():
    classes = {"night": RequestClass(share=1.0, sizes=ROWS, by_hour=NIGHT)}
    with pytest.raises(TcoError, match="requests come at 06:00 UTC, but no class has a weight"):
        shares_by_hour(classes, np.ones(24))
    quiet_days = np.where(np.arange(24) < 6, 1.0, 0.0)
    assert shares_by_hour(classes, quiet_days)[:6] == pytest.approx(1.0)


def test_no_requests_need_no_shares():
    assert shares_by_hour(CLASSES, np.zeros(24)).sum(axis=1) == pytest.approx(np.ones(24))


def test_classes_average_to_what_is_priced():
    kinds = {name: each.model_dump() for name, each in CLASSES.items()}
    mean = 0.8 * 2510 / 3 + 0.2 * 5, 0.8 * 941 / 3 + 0.2 * 5
    assert workload_of(None, *mean, classes=kinds).classes is not None
    with pytest.raises(ValidationError, match="the sizes average"):
        workload_of(None, 900, mean[1], classes=kinds)
    kinds["chat"]["share"] = 0.7
    with pytest.raises(ValidationError, match=r"the shares of the classes sum to 0\.9, not to 1"):
        workload_of(None, *mean, classes=kinds)


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shares": (0.1, 0.5, 0.9, 0.99, 1.0)}, "shares run from 0"),
        ({"shares": (0.0, 0.9, 0.5, 0.99, 1.0)}, "shares do not rise"),
        ({"input_tokens": (1, 2, 3)}, "3 input_tokens for 5 shares"),
        ({"output_tokens": (9, 8, 55, 251, 1899)}, "output_tokens fall"),
        ({"output_mean": 400}, "cannot belong to these quantiles; they allow"),
    ],
)
def test_a_table_that_is_none_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        QuantileSizes.model_validate(TABLE.model_dump() | change)


def test_a_mixture_above_its_cap_or_not_whole_is_refused():
    with pytest.raises(ValidationError, match="the mean input, 1110 tokens, is not below its cap"):
        mixture(input_cap_tokens=1000)
    parts = [MIXTURE.parts[0].model_dump()]
    with pytest.raises(ValidationError, match=r"the weights of the parts sum to 0\.7"):
        MixtureSizes.model_validate({"kind": "mixture", "parts": parts})


def test_a_workload_takes_one_law_of_sizes_and_needs_tokens():
    kinds = {name: each.model_dump() for name, each in CLASSES.items()}
    with pytest.raises(ValidationError, match="give sizes, or classes"):
        workload_of(ROWS, 836.7, 313.7, classes=kinds)
    with pytest.raises(ValidationError, match="sizes need tokens"):
        workload_of(ROWS, 836.7, 313.7, tokens=None)
    with pytest.raises(ValidationError, match="by_hour is zero all day"):
        RequestClass(share=1.0, sizes=ROWS, by_hour=(0.0,) * 24)
