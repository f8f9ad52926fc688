"""Charts of cost over the horizon: by month, from one plan to another, and where two cross."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from tco.charts.style import (
    INK,
    MARKED,
    MONEY,
    QUIET,
    REST,
    described,
    exact_usd,
    headline,
    largest_first,
    legend,
    series_color,
    series_dash,
)

MONTH = alt.Axis(format="%b %Y", title="month", labelOverlap=True)
STEP_LETTERS = 16
"""So many letters of a step's name stand in a row under its bar."""
USD_A_MONTH = alt.Axis(format=MONEY, title="cost a month [USD]")


def stacked_monthly_cost(
    rows: pd.DataFrame, *, by: str, title: str, budget_usd: Sequence[float] | None = None
) -> alt.LayerChart:
    """Stack the monthly cost of one option by a column of the ledger [USD].

    Args:
        rows: Ledger rows of one option.
        by: Column that the layers stand for, such as ``phase``.
        title: The finding, in words.
        budget_usd: Budget of each month, drawn as a line; none where nobody gave one [USD].
    """
    summed = rows.groupby(["month", by], sort=True)["cost_usd"].sum().reset_index()
    sizes = summed.groupby(by)["cost_usd"].sum()
    shown, folded = largest_first(sizes.index.tolist(), sizes.tolist())
    summed["series"] = summed[by].where(~summed[by].isin(folded), REST)
    table = summed.groupby(["month", "series"], sort=True)["cost_usd"].sum().reset_index()
    domain = [*shown, REST] if folded else shown
    table["place"] = table["series"].map({name: n for n, name in enumerate(domain)})
    table["label"] = [
        exact_usd(f"{month:%Y-%m}, {series}", cost)
        for month, series, cost in zip(
            table["month"], table["series"], table["cost_usd"], strict=True
        )
    ]
    bars = (
        alt.Chart(table)
        .mark_bar(aria=True, stroke="white", strokeWidth=1)  # parted also where colours look alike
        .encode(
            x=alt.X("yearmonth(month):T", axis=MONTH),
            y=alt.Y("cost_usd:Q", stack=True, axis=USD_A_MONTH),
            color=series_color(domain, by),
            order=alt.Order("place:Q"),
            description=described(),
            tooltip=[
                alt.Tooltip("yearmonth(month):T", title="month"),
                alt.Tooltip("series:N", title=by),
                alt.Tooltip("cost_usd:Q", title="USD", format=",.2f"),
            ],
        )
    )
    layers: list[alt.Chart] = [bars]
    if budget_usd is not None:
        months = sorted(table["month"].unique())
        line = pd.DataFrame({"month": months, "budget_usd": list(budget_usd)})
        line["label"] = [
            exact_usd(f"{month:%Y-%m}, budget", usd)
            for month, usd in zip(line["month"], line["budget_usd"], strict=True)
        ]
        layers.append(
            alt.Chart(line)
            .mark_line(color=INK, strokeDash=[6, 3], interpolate="step")
            .encode(x="yearmonth(month):T", y="budget_usd:Q", description=described())
        )
    return alt.LayerChart(layer=[*layers], title=headline(title))


WATERFALL = ["total", "dearer", "cheaper"]


def waterfall(steps: Mapping[str, float], *, start: str, end: str, title: str) -> alt.LayerChart:
    """Lead from one total to another in steps [USD].

    Args:
        steps: The first total, then each difference in reading order; the sum is the second total.
        start: Name of the first entry of ``steps``.
        end: Name for the sum at the end.
        title: The finding, in words.
    """
    rows, level = [], 0.0
    for name, value in steps.items():
        is_total = name == start
        low, high = (0.0, value) if is_total else (level, level + value)
        level = high
        what = "total" if is_total else ("dearer" if value > 0 else "cheaper")
        rows.append({"step": name, "low": low, "high": high, "what": what, "value": value})
    rows.append({"step": end, "low": 0.0, "high": level, "what": "total", "value": level})
    table = pd.DataFrame(rows)
    table["label"] = [
        exact_usd(f"{step}, {what}", value)
        for step, what, value in zip(table["step"], table["what"], table["value"], strict=True)
    ]
    table["top"] = table[["low", "high"]].max(axis=1)
    table["text"] = [
        f"{'+' if w == 'dearer' else ''}{v:,.0f}"
        for w, v in zip(table["what"], table["value"], strict=True)
    ]
    table["name"] = [textwrap.fill(step, STEP_LETTERS) for step in table["step"]]
    in_rows = alt.Axis(labelAngle=0, labelExpr="split(datum.label, '\\n')", labelOverlap=True)
    base = alt.Chart(table).encode(
        x=alt.X("name:N", sort=table["name"].tolist(), title=None, axis=in_rows)
    )
    bars = base.mark_bar().encode(
        y=alt.Y("low:Q", axis=alt.Axis(format=MONEY, title="cost [USD]")),
        y2="high:Q",
        color=alt.Color(
            "what:N",
            title=None,
            legend=legend(WATERFALL),
            scale=alt.Scale(domain=WATERFALL, range=["#1E3A5F", "#D55E00", "#0072B2"]),
        ),
        description=described(),
    )
    words = base.mark_text(dy=-8, color=INK, aria=False).encode(y="top:Q", text="text:N")
    return alt.LayerChart(layer=[bars, words], title=headline(title))


def cumulative_cost(
    table: pd.DataFrame,
    *,
    title: str,
    crossing: pd.Timestamp | None = None,
    crossing_word: str = "break-even",
) -> alt.LayerChart:
    """Draw what each option has cost so far, and the month in which two cross [USD].

    Args:
        table: Columns ``month``, ``series``, ``cost_usd`` (cumulative).
        title: The finding, in words.
        crossing: Month of the crossing; None where the lines never cross.
        crossing_word: What happens there.
    """
    table = table.copy()
    domain = list(dict.fromkeys(table["series"]))
    table["label"] = [
        exact_usd(f"{month:%Y-%m}, {series}", cost)
        for month, series, cost in zip(
            table["month"], table["series"], table["cost_usd"], strict=True
        )
    ]
    lines = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X("yearmonth(month):T", axis=MONTH),
            y=alt.Y("cost_usd:Q", axis=alt.Axis(format=MONEY, title="cost so far [USD]")),
            color=series_color(domain, "option"),
            strokeDash=series_dash(domain, "option"),
            description=described(),
        )
    )
    if crossing is None:
        return alt.LayerChart(layer=[lines], title=headline(title))
    mark = pd.DataFrame({"month": [crossing], "label": [f"{crossing_word} in {crossing:%Y-%m}"]})
    rule = (
        alt.Chart(mark)
        .mark_rule(color=MARKED, strokeDash=[4, 4])
        .encode(x="yearmonth(month):T", description=described())
    )
    words = (
        alt.Chart(mark)
        .mark_text(align="left", dx=4, baseline="top", color=INK, aria=False)
        .encode(x="yearmonth(month):T", y=alt.value(4), text="label:N")
    )
    return alt.LayerChart(layer=[lines, rule, words], title=headline(title))


def cost_against_volume(
    table: pd.DataFrame, *, title: str, today: float, unit: str = "cost per 1,000 requests [USD]"
) -> alt.LayerChart:
    """Draw the unit cost of each option over the volume, on logarithmic axes.

    Args:
        table: Columns ``requests_per_month``, ``series``, ``usd``.
        title: The finding, in words.
        today: The volume that the scenario states [requests a month].
        unit: Title of the axis of money.
    """
    table = table.copy()
    domain = list(dict.fromkeys(table["series"]))
    table["label"] = [
        exact_usd(f"{series} at {volume:,.0f} requests a month", usd)
        for series, volume, usd in zip(
            table["series"], table["requests_per_month"], table["usd"], strict=True
        )
    ]
    lines = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "requests_per_month:Q",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(format="~s", title="requests a month"),
            ),
            y=alt.Y(
                "usd:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="$,.4~g", title=unit)
            ),
            color=series_color(domain, "option"),
            strokeDash=series_dash(domain, "option"),
            description=described(),
        )
    )
    here = pd.DataFrame({"requests_per_month": [today], "label": ["volume of the scenario"]})
    rule = (
        alt.Chart(here)
        .mark_rule(color=QUIET, strokeDash=[2, 2])
        .encode(x="requests_per_month:Q", description=described())
    )
    return alt.LayerChart(layer=[lines, rule], title=headline(title))
