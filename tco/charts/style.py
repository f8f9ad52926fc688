"""What all charts share: colours that the colour-blind tell apart, dashes, and labels to read."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import altair as alt

FIVE = ("#0072B2", "#D55E00", "#1E3A5F", "#7A7A7A", "#661100")
"""Told apart on white also by the colour-blind: 3.9:1 contrast or better."""
SIX = ("#0072B2", "#332288", "#882255", "#1A1A1A", "#EE6677", "#8A6D00")
"""As five, for six: 3.1:1 or better."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3])
"""A line is never told by its colour alone."""
INK, QUIET, MARKED = "#111111", "#7A7A7A", "#D55E00"
REST = "all other"
TITLE_LETTERS = 44
"""So many fit over a chart on a phone."""
SHORT_NAME, NAMES_IN_A_ROW, NAME_PX = 18, 2, 330
MOST_SERIES = len(SIX)
MONEY, PERCENT = "$,.0f", ".0%"


def palette(count: int) -> list[str]:
    """Return as many colours as there are series; more than six are not told apart.

    >>> len(palette(6)), len(palette(3))
    (6, 3)
    """
    if count > MOST_SERIES:
        raise ValueError(f"{count} series cannot be told apart; fold them to {MOST_SERIES}")
    return list((FIVE if count <= len(FIVE) else SIX)[:count])


def headline(title: str) -> list[str]:
    """Break a chart's title into lines; a chart cuts off what does not fit into its width.

    >>> headline("Open 20B through a hosted API: cost a month by phase")
    ['Open 20B through a hosted API: cost a month', 'by phase']
    """
    return textwrap.wrap(title, TITLE_LETTERS)


def largest_first(names: Sequence[str], sizes: Sequence[float]) -> tuple[list[str], list[str]]:
    """Return the names that are shown on their own, largest first, and those folded into the rest.

    >>> largest_first(["a", "b"], [1.0, 2.0])
    (['b', 'a'], [])
    """
    order = sorted(zip(names, sizes, strict=True), key=lambda pair: (-abs(pair[1]), pair[0]))
    ordered = [name for name, _ in order]
    if len(ordered) <= MOST_SERIES:
        return ordered, []
    return ordered[: MOST_SERIES - 1], ordered[MOST_SERIES - 1 :]


def exact_usd(label: str, value: float) -> str:
    """Write a mark's label with its value in full, so that what is read out adds up to the cent.

    >>> exact_usd("2026-12, people", 1234.5)
    '2026-12, people: USD 1,234.500000'
    """
    return f"{label}: USD {value:,.6f}"


def described() -> alt.Description:
    """Return the encoding that gives each mark the text of its row's ``label``."""
    return alt.Description("label:N")


def legend(names: Sequence[str]) -> alt.Legend:
    """Return a legend under the chart, which keeps its width; long names have a row each."""
    longest = max((len(name) for name in names), default=0)
    columns = NAMES_IN_A_ROW if longest <= SHORT_NAME else 1
    return alt.Legend(orient="bottom", columns=columns, labelLimit=NAME_PX)


def series_color(domain: Sequence[str], title: str) -> alt.Color:
    """Return the colour encoding of a ``series`` column."""
    return alt.Color(
        "series:N",
        sort=list(domain),
        title=title,
        legend=legend(domain),
        scale=alt.Scale(domain=list(domain), range=palette(len(domain))),
    )


def series_dash(domain: Sequence[str], title: str) -> alt.StrokeDash:
    """Return the dash encoding of a ``series`` column, in the order of its colours."""
    return alt.StrokeDash(
        "series:N",
        sort=list(domain),
        title=title,
        legend=legend(domain),
        scale=alt.Scale(domain=list(domain), range=list(DASHES[: len(domain)])),
    )
