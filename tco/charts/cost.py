"""Charts of cost over the horizon."""

from __future__ import annotations

import altair as alt
import pandas as pd

PALETTE = ("#0072B2", "#D55E00", "#1E3A5F", "#7A7A7A", "#661100")
"""Told apart on white also by the colour-blind: 3.9:1 contrast or better."""


def stacked_monthly_cost(rows: pd.DataFrame, *, by: str, title: str) -> alt.Chart:
    """Stack the monthly cost of one option by a column of the ledger [USD].

    Args:
        rows: Ledger rows of one option.
        by: Column that the layers stand for, such as ``phase``.
        title: The finding, in words.
    """
    summed = rows.groupby(["month", by], sort=True)["cost_usd"].sum().reset_index()
    largest_first = summed.groupby(by)["cost_usd"].sum().sort_values(ascending=False).index.tolist()
    chart: alt.Chart = (
        alt.Chart(summed, title=title)
        .mark_bar()
        .encode(
            x=alt.X("yearmonth(month):T", title="month"),
            y=alt.Y("sum(cost_usd):Q", title="cost a month [USD]", axis=alt.Axis(format="$,.0f")),
            color=alt.Color(
                f"{by}:N",
                sort=largest_first,
                title=by,
                scale=alt.Scale(domain=largest_first, range=list(PALETTE)),
            ),
            tooltip=[
                alt.Tooltip("yearmonth(month):T", title="month"),
                alt.Tooltip(f"{by}:N"),
                alt.Tooltip("sum(cost_usd):Q", title="USD", format=",.2f"),
            ],
        )
    )
    return chart
