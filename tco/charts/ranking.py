"""Charts that put options in order: with their ranges, under every scenario, and by two aims."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from tco.charts.style import INK, MONEY, QUIET, described, exact_usd, headline, legend

RANKED, NOT_RANKED = "meets the goals", "unproven or left out"
FRONT, BEATEN = "on the line", "beaten in cost and in the other aim"
LINE_PX = 13
"""Height of a name, so that names of points beside one another stand above one another."""


def ranking_with_ranges(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Draw one bar an option with the range from P10 to P90 where it is known [USD].

    Args:
        table: Columns ``option``, ``total_usd``, ``p10_usd``, ``p90_usd`` (nan where unknown),
            ``meets`` (bool), cheapest first.
        title: The finding, in words.
    """
    table = table.copy()
    table["what"] = table["meets"].map({True: RANKED, False: NOT_RANKED})
    table["label"] = [
        exact_usd(option, total)
        + ("" if pd.isna(p10) else f", P10 to P90: USD {p10:,.0f} to {p90:,.0f}")
        for option, total, p10, p90 in zip(
            table["option"], table["total_usd"], table["p10_usd"], table["p90_usd"], strict=True
        )
    ]
    base = alt.Chart(table).encode(
        y=alt.Y(
            "option:N", sort=table["option"].tolist(), title=None, axis=alt.Axis(labelLimit=260)
        )
    )
    bars = base.mark_bar().encode(
        x=alt.X("total_usd:Q", axis=alt.Axis(format=MONEY, title="total cost [USD]")),
        color=alt.Color(
            "what:N",
            title=None,
            legend=legend([RANKED, NOT_RANKED]),
            scale=alt.Scale(domain=[RANKED, NOT_RANKED], range=["#0072B2", "#7A7A7A"]),
        ),
        description=described(),
    )
    known = base.transform_filter("isValid(datum.p10_usd)")
    ranges = known.mark_rule(color=INK, strokeWidth=2, aria=False).encode(
        x="p10_usd:Q", x2="p90_usd:Q"
    )
    left_out = base.transform_filter("!datum.meets")
    words = left_out.mark_text(align="left", dx=6, color=INK, aria=False).encode(
        x=alt.X("total_usd:Q"), text="what:N"
    )
    return alt.LayerChart(layer=[bars, ranges, words], title=headline(title))


def snapshots_by_scenario(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Write the rank and cost of each snapshot under each scenario in a grid.

    Args:
        table: Columns ``snapshot``, ``scenario``, ``rank`` (nan where not ranked), ``total_usd``.
        title: The finding, in words.
    """
    table = table.copy()
    ranked = table["rank"].notna()
    table["text"] = [
        f"{int(rank)} · ${usd:,.0f}" if known else "not ranked"
        for rank, usd, known in zip(table["rank"], table["total_usd"], ranked, strict=True)
    ]
    table["label"] = [
        f"{snapshot} under {scenario}: "
        + (exact_usd(f"rank {int(r)}", usd) if known else "no rank")
        for snapshot, scenario, r, usd, known in zip(
            table["snapshot"],
            table["scenario"],
            table["rank"],
            table["total_usd"],
            ranked,
            strict=True,
        )
    ]
    table["best"] = table["rank"] == 1
    base = alt.Chart(table).encode(
        x=alt.X("scenario:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30, orient="top")),
        y=alt.Y("snapshot:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
    )
    cells = base.mark_rect(stroke="white").encode(
        color=alt.Color(
            "best:N",
            legend=None,
            scale=alt.Scale(domain=[True, False], range=["#9CCBE8", "#F0F0F0"]),
        ),
        description=described(),
    )
    words = base.mark_text(color=INK, aria=False, fontSize=11).encode(text="text:N")
    return alt.LayerChart(layer=[cells, words], title=headline(title))


def pareto(
    table: pd.DataFrame, *, across: str, axis: str, title: str, more_is_better: bool
) -> alt.LayerChart:
    """Set cost against another aim; what is dominated names what dominates it.

    Args:
        table: Columns ``option``, ``total_usd``, ``dominated_by`` (empty on the front) and the aim.
        across: Column of the other aim, such as ``quality``.
        axis: Title of its axis, with unit.
        title: The finding, in words.
        more_is_better: Whether more of the aim is better.
    """
    table = table.copy()
    on_front = table["dominated_by"] == ""
    table["what"] = on_front.map({True: FRONT, False: BEATEN})
    table["label"] = [
        f"{exact_usd(option, usd)}, {axis} {aim:,.4g}"
        + (f", dominated by {by}" if by else ", on the front")
        for option, usd, aim, by in zip(
            table["option"], table["total_usd"], table[across], table["dominated_by"], strict=True
        )
    ]
    x = alt.X(
        "total_usd:Q",
        scale=alt.Scale(type="log", padding=24, nice=False),
        axis=alt.Axis(format=MONEY, title="total cost [USD], logarithmic"),
    )
    y = alt.Y(
        f"{across}:Q",
        scale=alt.Scale(zero=False, padding=40, reverse=not more_is_better),
        axis=alt.Axis(title=axis),
    )
    kinds = [FRONT, BEATEN]
    shape = alt.Shape(
        "what:N",
        title=None,
        legend=legend(kinds),
        scale=alt.Scale(domain=kinds, range=["circle", "cross"]),
    )
    color = alt.Color(
        "what:N",
        title=None,
        legend=legend(kinds),
        scale=alt.Scale(domain=kinds, range=["#0072B2", "#7A7A7A"]),
    )
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=90)
        .encode(x=x, y=y, shape=shape, color=color, description=described())
    )
    middle_usd = math.sqrt(table["total_usd"].min() * table["total_usd"].max())
    table["align"] = (table["total_usd"] > middle_usd).map({True: "right", False: "left"})
    table["level"] = table.sort_values("total_usd").groupby(across).cumcount()
    words = [
        alt.Chart(here)
        .mark_text(
            align=here["align"].iloc[0],
            dy=-(int(here["level"].iloc[0]) + 1) * LINE_PX,
            color=INK,
            aria=False,
            limit=300,
        )
        .encode(x=x, y=y, text="option:N")
        for _, here in table.groupby(["align", "level"])
    ]
    front = (
        alt.Chart(table[on_front].sort_values("total_usd"))
        .mark_line(color=QUIET, strokeDash=[4, 4], interpolate="step-after", aria=False)
        .encode(x=x, y=y)
    )
    return alt.LayerChart(layer=[front, points, *words], title=headline(title))
