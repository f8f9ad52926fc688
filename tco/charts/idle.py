"""Charts of capacity that does not work: the hours of a week, and a simulated week of a fleet."""

from __future__ import annotations

import altair as alt
import pandas as pd

from tco.charts.style import PERCENT, described, headline, series_color, series_dash

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def idle_heat_map(table: pd.DataFrame, *, title: str) -> alt.Chart:
    """Draw the idle share of each hour of the week.

    Args:
        table: Columns ``day`` (Mon to Sun), ``hour`` (0 to 23), ``idle_share``.
        title: The finding, in words.
    """
    table = table.copy()
    table["label"] = [
        f"{day} {hour:02d}:00, idle {share:.1%}"
        for day, hour, share in zip(table["day"], table["hour"], table["idle_share"], strict=True)
    ]
    chart: alt.Chart = (
        alt.Chart(table, title=headline(title))
        .mark_rect()
        .encode(
            x=alt.X("hour:O", title="hour of the day, UTC", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("day:O", sort=list(DAYS), title=None),
            color=alt.Color(
                "idle_share:Q",
                title="idle",
                scale=alt.Scale(scheme="cividis", domain=[0, 1]),
                legend=alt.Legend(format=PERCENT),
            ),
            description=described(),
            tooltip=[
                alt.Tooltip("day:O"),
                alt.Tooltip("hour:O"),
                alt.Tooltip("idle_share:Q", title="idle", format=".1%"),
            ],
        )
    )
    return chart


def week_of_fleet(table: pd.DataFrame, *, axis: str, title: str) -> alt.Chart:
    """Draw what a fleet held and what it needed through a simulated week, as steps.

    Args:
        table: Columns ``hour`` (since the start of the week), ``series``, ``value``.
        axis: Title of the axis of values, with unit.
        title: The finding, in words.
    """
    table = table.copy()
    domain = list(dict.fromkeys(table["series"]))
    table["label"] = [
        f"hour {hour:,.2f}, {series}: {value:,.4g}"
        for hour, series, value in zip(table["hour"], table["series"], table["value"], strict=True)
    ]
    chart: alt.Chart = (
        alt.Chart(table, title=headline(title))
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X(
                "hour:Q", title="hour of the week", axis=alt.Axis(values=list(range(0, 169, 24)))
            ),
            y=alt.Y("value:Q", title=axis),
            color=series_color(domain, "what"),
            strokeDash=series_dash(domain, "what"),
            description=described(),
        )
    )
    return chart
