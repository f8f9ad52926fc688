"""Charts: what a screen reader says of each mark, colours told apart, the same picture twice."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest

from tco.charts import cost, idle, picture, ranking, service, style, uncertainty

MONTHS = pd.date_range("2027-01-01", periods=6, freq="MS")
WHITE = (1.0, 1.0, 1.0)


def ledger_rows(phases):
    return pd.DataFrame(
        [
            (month, phase, 100.0 / 3.0 * (n + 1) * (k + 1))
            for k, month in enumerate(MONTHS)
            for n, phase in enumerate(phases)
        ],
        columns=["month", "phase", "cost_usd"],
    )


def labels_of(chart):
    datasets = chart.to_dict()["datasets"].values()
    return [row["label"] for rows in datasets for row in rows if "label" in row]


def read_usd(label):
    [text] = re.findall(r"USD (-?[\d,.]+)", label)
    return float(text.replace(",", ""))


def test_the_labels_of_stacked_bars_add_up_to_the_total_to_the_cent():
    rows = ledger_rows([f"phase {n}" for n in range(9)])
    chart = cost.stacked_monthly_cost(rows, by="phase", title="t")
    total = sum(map(read_usd, labels_of(chart)))
    assert total == pytest.approx(rows["cost_usd"].sum(), abs=0.005)


def test_small_series_are_folded_so_that_the_rest_can_be_told_apart():
    rows = ledger_rows([f"phase {n}" for n in range(9)])
    labels = labels_of(cost.stacked_monthly_cost(rows, by="phase", title="t"))
    series = {label.split(", ")[1].split(":")[0] for label in labels}
    assert series == {"phase 8", "phase 7", "phase 6", "phase 5", "phase 4", style.REST}


def test_a_waterfall_ends_where_its_steps_lead():
    chart = cost.waterfall(
        {"before": 100.0, "people": 20.0, "tokens": -50.0}, start="before", end="after", title="t"
    )
    assert labels_of(chart)[-1] == "after, total: USD 70.000000"


def test_lines_that_never_cross_carry_no_mark():
    table = pd.DataFrame(
        {"month": [*MONTHS, *MONTHS], "series": ["a"] * 6 + ["b"] * 6, "cost_usd": range(12)}
    )
    without = cost.cumulative_cost(table, title="t")
    with_mark = cost.cumulative_cost(table, title="t", crossing=MONTHS[2])
    assert not any("break-even" in label for label in labels_of(without))
    assert any("break-even in 2027-03" in label for label in labels_of(with_mark))


def luminance(color):
    channels = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("colors", [style.FIVE, style.SIX])
def test_every_colour_stands_out_from_white(colors):
    for color in colors:
        assert 1.05 / (luminance(color) + 0.05) >= 3.0


@pytest.mark.parametrize("colors", [style.FIVE, style.SIX])
def test_no_two_colours_are_alike_in_grey(colors):
    grey = sorted(luminance(color) for color in colors)
    assert min(np.diff(grey)) > 0.001


def test_lines_are_told_by_their_dashes_too():
    table = pd.DataFrame(
        {
            "month": np.tile(MONTHS, 6),
            "series": np.repeat(list("abcdef"), 6),
            "cost_usd": np.arange(36.0),
        }
    )
    layer = cost.cumulative_cost(table, title="t").to_dict()["layer"][0]
    dashes = layer["encoding"]["strokeDash"]["scale"]["range"]
    assert all(a != b for a, b in itertools.combinations(dashes, 2))


def test_seven_series_are_refused():
    with pytest.raises(ValueError, match="7 series"):
        style.palette(7)


def tables():
    ranked = pd.DataFrame(
        {
            "option": ["=SUM(1)", "b"],
            "total_usd": [1.0e5, 2.0e5],
            "p10_usd": [0.9e5, np.nan],
            "p90_usd": [1.2e5, np.nan],
            "meets": [True, False],
        }
    )
    grid = pd.DataFrame(
        {
            "snapshot": ["a", "b"],
            "scenario": ["base", "base"],
            "rank": [1.0, np.nan],
            "total_usd": [1.0e5, np.nan],
        }
    )
    front = pd.DataFrame(
        {
            "option": ["a", "b"],
            "total_usd": [1.0e5, 2.0e5],
            "quality": [0.9, 0.8],
            "dominated_by": ["", "a"],
        }
    )
    months = pd.DataFrame({"month": MONTHS, "likely_usd": np.arange(6.0) + 100})
    months = months.assign(p10_usd=90.0, p50_usd=101.0, p90_usd=120.0)
    swings = pd.DataFrame(
        {"driver": ["x"], "low": ["1"], "high": ["3"], "low_usd": [50.0], "high_usd": [150.0]}
    )
    hours = pd.DataFrame({"day": ["Mon", "Sun"], "hour": [0, 23], "idle_share": [0.5, 0.75]})
    week = pd.DataFrame({"hour": [0.0, 1.0], "series": ["held", "held"], "value": [1.0, 2.0]})
    latency = pd.DataFrame(
        {"option": ["a", "a"], "quantile": ["p50", "p95"], "ms": [10, 30], "goal_ms": [np.nan, 50]}
    )
    points = pd.DataFrame({"batch": [1, 2], "value": [1.0, 1.5], "series": ["s", "s"]})
    line = points.assign(low=0.9, high=1.6)
    steps = {"a": 3.0, "people": 1.0, "tokens": -2.0}
    lines = pd.DataFrame({"month": [*MONTHS, *MONTHS], "series": ["a"] * 6 + ["b"] * 6})
    lines["cost_usd"] = np.arange(12.0)
    volumes = pd.DataFrame({"requests_per_month": [1, 2], "series": ["a", "b"], "usd": [1.0, 2.0]})
    return {
        "stack": cost.stacked_monthly_cost(ledger_rows(["x", "y"]), by="phase", title="t"),
        "waterfall": cost.waterfall(steps, start="a", end="b", title="t"),
        "so far": cost.cumulative_cost(lines, title="t"),
        "volume": cost.cost_against_volume(volumes, title="t", today=1.0),
        "ranking": ranking.ranking_with_ranges(ranked, title="t"),
        "grid": ranking.snapshots_by_scenario(grid, title="t"),
        "pareto": ranking.pareto(
            front, across="quality", axis="quality", title="t", more_is_better=True
        ),
        "fan": uncertainty.fan(months, title="t"),
        "tornado": uncertainty.tornado(swings, likely_usd=100.0, title="t"),
        "heat": idle.idle_heat_map(hours, title="t"),
        "week": idle.week_of_fleet(week, axis="replicas", title="t"),
        "latency": service.latency_against_goal(latency, title="t"),
        "curve": service.curve_with_points(points, line, axis="s", title="t"),
    }


def test_every_chart_says_its_values_and_draws_the_same_picture_twice():
    first, second = tables(), tables()
    for name, chart in first.items():
        assert labels_of(chart), name
        assert picture.as_svg(chart) == picture.as_svg(second[name]), name


def layers_of(chart):
    whole = chart.to_dict()
    return whole.get("layer", [whole])


def told_by_colour(chart):
    """Return the layers in which colours stand for names."""
    return [
        layer
        for layer in layers_of(chart)
        if len(layer["encoding"].get("color", {}).get("scale", {}).get("range", [])) > 1
    ]


@pytest.mark.parametrize("name", tables())
def test_series_are_told_apart_without_their_colours(name):
    """Apart in grey and for the colour-blind: by dash, shape, words, or a line between parts."""
    chart = tables()[name]
    words = any("text" in layer["encoding"] for layer in layers_of(chart))
    lines = {"strokeDash", "shape"}
    has_lines = any(lines & set(layer["encoding"]) for layer in layers_of(chart))
    for layer in told_by_colour(chart):
        is_parted = layer["mark"].get("stroke") == "white"
        assert words or has_lines or is_parted, f"{name} is told by colour alone"


def test_what_is_told_by_colour_stands_out_from_white():
    """Three to one at least; cells of a grid have their words in ink instead."""
    checked = 0
    for name, chart in tables().items():
        for layer in told_by_colour(chart):
            if layer["mark"]["type"] == "rect":
                continue
            for color in layer["encoding"]["color"]["scale"]["range"]:
                assert 1.05 / (luminance(color) + 0.05) >= 3.0, f"{name}: {color}"
                checked += 1
    assert checked > 10


def test_a_range_that_nobody_knows_is_not_read_out():
    labels = labels_of(tables()["ranking"])
    assert labels[0].endswith("P10 to P90: USD 90,000 to 120,000")
    assert labels[1] == "b: USD 200,000.000000"


def test_an_option_named_like_a_formula_stays_text():
    assert "=SUM(1)" in json.dumps(tables()["ranking"].to_dict())


def test_a_png_is_a_png():
    assert picture.as_png(tables()["fan"], width=100, height=60).startswith(b"\x89PNG")
