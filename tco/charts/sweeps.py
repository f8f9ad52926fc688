"""Charts of a sweep: who wins where, over two axes, and what each driver explains."""

from __future__ import annotations

import altair as alt
import pandas as pd

from tco.charts.style import (
    INK,
    PERCENT,
    REST,
    described,
    headline,
    largest_first,
    legend,
    palette,
)

WORDS_UP_TO = 60
"""With more places than that, words in them would not be read."""
SHORT = 14
HOW = ["by itself", "two together, beyond each"]


def regions(
    table: pd.DataFrame, *, across: str, up: str, nobody: str, title: str
) -> alt.LayerChart:
    """Draw which snapshot wins in each place of two axes, paler where it wins fewer of the cells.

    Args:
        table: Columns ``x``, ``y``, ``x_label``, ``y_label``, ``winner``, ``share``, ``cells``.
        across: Title of the axis from left to right, with unit.
        up: Title of the axis from below.
        nobody: What ``winner`` says where no option meets the goals.
        title: The finding, in words.
    """
    table = table.copy()
    winners = table[table["winner"] != nobody].groupby("winner")["cells"].sum()
    names, folded = largest_first(list(winners.index), [float(size) for size in winners])
    table["who"] = table["winner"].where(~table["winner"].isin(folded), REST)
    domain = [*names, *([REST] if folded else [])]
    colors = palette(len(domain)) if domain else []
    if (table["winner"] == nobody).any():
        domain, colors = [*domain, nobody], [*colors, "#D9D9D9"]
    table["label"] = [
        f"{across} {x}, {up} {y}: {winner} in {share:.0%} of {cells:,} cells"
        for x, y, winner, share, cells in zip(
            table["x_label"], table["y_label"], table["winner"], table["share"], table["cells"],
            strict=True,
        )
    ]  # fmt: skip
    table["word"] = [name if len(name) <= SHORT else f"{name[:SHORT]}…" for name in table["winner"]]
    columns = table.sort_values("x")["x_label"].drop_duplicates().tolist()
    rows = table.sort_values("y", ascending=False)["y_label"].drop_duplicates().tolist()
    base = alt.Chart(table).encode(
        x=alt.X("x_label:N", sort=columns, title=across, axis=alt.Axis(labelAngle=-30)),
        y=alt.Y("y_label:N", sort=rows, title=up, axis=alt.Axis(labelLimit=180)),
    )
    places = base.mark_rect(stroke="white").encode(
        color=alt.Color(
            "who:N",
            title="cheapest",
            sort=domain,
            legend=legend(domain),
            scale=alt.Scale(domain=domain, range=colors),
        ),
        opacity=alt.Opacity("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.2, 1])),
        description=described(),
        tooltip=[
            alt.Tooltip("x_label:N", title=across),
            alt.Tooltip("y_label:N", title=up),
            alt.Tooltip("winner:N", title="cheapest"),
            alt.Tooltip("share:Q", format=PERCENT),
            alt.Tooltip("cells:Q"),
        ],
    )
    if len(table) > WORDS_UP_TO:
        return alt.LayerChart(layer=[places], title=headline(title))
    ink = alt.condition("datum.share > 0.6", alt.value("white"), alt.value(INK))
    words = base.mark_text(aria=False, fontSize=10).encode(text="word:N", color=ink)
    return alt.LayerChart(layer=[places, words], title=headline(title))


def drivers(table: pd.DataFrame, *, title: str) -> alt.Chart:
    """Draw what each axis, and each pair beyond its axes, explains of the variance of a cost.

    Args:
        table: Columns ``driver`` (in words), ``alone`` (bool), ``share``.
        title: The finding, in words.
    """
    table = table.copy()
    table["what"] = table["alone"].map(dict(zip((True, False), HOW, strict=True)))
    table["label"] = [
        f"{driver}, {what}: {share:.1%}"
        for driver, what, share in zip(table["driver"], table["what"], table["share"], strict=True)
    ]
    chart: alt.Chart = (
        alt.Chart(table, title=headline(title))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", axis=alt.Axis(format=PERCENT, title="share of the variance")),
            y=alt.Y(
                "driver:N",
                sort=table["driver"].tolist(),
                title=None,
                axis=alt.Axis(labelLimit=260),
            ),
            color=alt.Color(
                "what:N",
                title=None,
                legend=legend(HOW),
                scale=alt.Scale(domain=HOW, range=["#0072B2", "#D55E00"]),
            ),
            description=described(),
        )
    )
    return chart
