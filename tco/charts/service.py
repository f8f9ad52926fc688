"""Charts of speed: latency against its goal, and a curve with the points it was fitted to."""

from __future__ import annotations

import altair as alt
import pandas as pd

from tco.charts.style import INK, MARKED, described, headline, series_color, series_dash


def latency_against_goal(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Draw the latency quantiles of options with their goals [ms].

    Args:
        table: Columns ``option``, ``quantile`` (p50, p95, p99), ``ms``, ``goal_ms`` (nan: none).
        title: The finding, in words.
    """
    table = table.copy()
    table["label"] = [
        f"{option} {quantile}: {ms:,.1f} ms" + ("" if pd.isna(goal) else f", goal {goal:,.0f} ms")
        for option, quantile, ms, goal in zip(
            table["option"], table["quantile"], table["ms"], table["goal_ms"], strict=True
        )
    ]
    base = alt.Chart(table).encode(
        y=alt.Y("option:N", sort=None, title=None, axis=alt.Axis(labelLimit=260))
    )
    domain = list(dict.fromkeys(table["quantile"]))
    points = base.mark_point(filled=True, size=80).encode(
        x=alt.X(
            "ms:Q",
            scale=alt.Scale(type="log", padding=12),
            axis=alt.Axis(title="latency [ms], logarithmic"),
        ),
        shape=alt.Shape("quantile:N", title="quantile", scale=alt.Scale(domain=domain)),
        color=alt.value("#0072B2"),
        description=described(),
    )
    goals = (
        base.transform_filter("isValid(datum.goal_ms)")
        .mark_tick(color=MARKED, thickness=3, size=22, aria=False)
        .encode(x="goal_ms:Q")
    )
    return alt.LayerChart(layer=[points, goals], title=headline(title))


def curve_with_points(
    points: pd.DataFrame, line: pd.DataFrame, *, axis: str, title: str, across: str = "batch"
) -> alt.LayerChart:
    """Draw measured points, the fitted curve through them, and the band of its error.

    Args:
        points: Columns ``across`` and ``value``, ``series``.
        line: Columns ``across``, ``value``, ``low``, ``high``, ``series``.
        axis: Title of the axis of values, with unit.
        title: The finding, in words.
        across: Name of the column and axis across.
    """
    points, line = points.copy(), line.copy()
    domain = list(dict.fromkeys(line["series"]))
    points["label"] = [
        f"{series} measured at {across} {x:,.4g}: {value:,.6g}"
        for series, x, value in zip(points["series"], points[across], points["value"], strict=True)
    ]
    x = alt.X(f"{across}:Q", title=across)
    band = (
        alt.Chart(line)
        .mark_area(opacity=0.2, aria=False)
        .encode(x=x, y=alt.Y("low:Q", title=axis), y2="high:Q", color=series_color(domain, "what"))
    )
    fitted = (
        alt.Chart(line)
        .mark_line(aria=False)
        .encode(
            x=x,
            y="value:Q",
            color=series_color(domain, "what"),
            strokeDash=series_dash(domain, "what"),
        )
    )
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=60, color=INK)
        .encode(x=x, y="value:Q", description=described())
    )
    return alt.LayerChart(layer=[band, fitted, dots], title=headline(title))
