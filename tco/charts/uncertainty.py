"""Charts of how sure an answer is: the fan of months, and the drivers that move it most."""

from __future__ import annotations

import altair as alt
import pandas as pd

from tco.charts.cost import MONTH, USD_A_MONTH
from tco.charts.style import INK, MONEY, QUIET, described, exact_usd, headline


def fan(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Draw the likely path and the band from P10 to P90 of each month [USD].

    Args:
        table: Columns ``month``, ``p10_usd``, ``p50_usd``, ``p90_usd``, ``likely_usd``.
        title: The finding, in words.
    """
    table = table.copy()
    table["label"] = [
        exact_usd(f"{month:%Y-%m}, likely", likely)
        + f", P10 USD {p10:,.0f}, P50 USD {p50:,.0f}, P90 USD {p90:,.0f}"
        for month, likely, p10, p50, p90 in zip(
            table["month"],
            table["likely_usd"],
            table["p10_usd"],
            table["p50_usd"],
            table["p90_usd"],
            strict=True,
        )
    ]
    base = alt.Chart(table).encode(x=alt.X("yearmonth(month):T", axis=MONTH))
    band = base.mark_area(color="#0072B2", opacity=0.25, aria=False).encode(
        y=alt.Y("p10_usd:Q", axis=USD_A_MONTH), y2="p90_usd:Q"
    )
    middle = base.mark_line(color="#0072B2", strokeDash=[6, 3], aria=False).encode(y="p50_usd:Q")
    likely = base.mark_line(color=INK, point=alt.OverlayMarkDef(color=INK)).encode(
        y="likely_usd:Q", description=described()
    )
    return alt.LayerChart(layer=[band, middle, likely], title=headline(title))


def tornado(table: pd.DataFrame, *, likely_usd: float, title: str) -> alt.LayerChart:
    """Draw what the low and the high value of each driver make of the total [USD].

    Args:
        table: Columns ``driver``, ``low``, ``high`` (values of the driver as text), ``low_usd``,
            ``high_usd`` (totals at them), widest first.
        likely_usd: The total at likely values.
        title: The finding, in words.
    """
    parts = [
        pd.DataFrame(
            {
                "driver": table["driver"],
                "usd": table[f"{end}_usd"],
                "likely_usd": likely_usd,
                "end": f"at its {end} value",
                "text": table[end],
            }
        )
        for end in ("low", "high")
    ]
    long = pd.concat(parts, ignore_index=True)
    long["label"] = [
        exact_usd(f"{driver} {end}, {text}", usd)
        for driver, end, text, usd in zip(
            long["driver"], long["end"], long["text"], long["usd"], strict=True
        )
    ]
    long["is_left"] = long["usd"] < likely_usd
    ends = ["at its low value", "at its high value"]
    base = alt.Chart(long).encode(
        y=alt.Y(
            "driver:N", sort=table["driver"].tolist(), title=None, axis=alt.Axis(labelLimit=300)
        ),
        x=alt.X(
            "usd:Q",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(format=MONEY, title="total [USD]", tickCount=6, labelOverlap=True),
        ),
    )
    bars = base.mark_bar().encode(
        x2="likely_usd:Q",
        color=alt.Color(
            "end:N", title=None, scale=alt.Scale(domain=ends, range=["#0072B2", "#D55E00"])
        ),
        description=described(),
    )
    left = (
        base.transform_filter("datum.is_left")
        .mark_text(align="right", dx=-4, color=INK, aria=False)
        .encode(text="text:N")
    )
    right = (
        base.transform_filter("!datum.is_left")
        .mark_text(align="left", dx=4, color=INK, aria=False)
        .encode(text="text:N")
    )
    today = (
        alt.Chart(pd.DataFrame({"usd": [likely_usd], "label": [exact_usd("likely", likely_usd)]}))
        .mark_rule(color=QUIET)
        .encode(x="usd:Q", description=described())
    )
    return alt.LayerChart(layer=[bars, left, right, today], title=headline(title))
