"""From an evaluation to the plain tables that charts are drawn from: sums over the lines alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tco.assemble import INCUMBENT
from tco.domain.cost import Phase
from tco.ledger.finance import by_month_usd
from tco.ledger.making import MAKING, passed_in
from tco.ledger.option import likely_months
from tco.measure.library import Measurements
from tco.plan import Evaluation, costs_at_volume
from tco.prices import Catalog
from tco.rank.pareto import QUALITY
from tco.rank.score import Answer
from tco.rank.sensitivity import tornado
from tco.units import REQUESTS_PER_THOUSAND

TEN, FIFTY, NINETY = 10, 50, 90
MADE_AND_SERVED = {"training and experiments": MAKING, "inference": (Phase.INFERENCE,)}
WIDEST = 8
"""So many drivers are drawn; the rest moves the answer less."""


def priced(found: Evaluation) -> list[Answer]:
    """Return every option with a price: ranked first, then unproven, then left out."""
    ranking = found.ranking
    answers = (*ranking.options, *ranking.unproven, *ranking.excluded)
    return [answer for answer in answers if answer.money is not None]


def monthly_usd(found: Evaluation, option: str) -> pd.Series:
    """Return an option's cost by month on the evaluation's basis [USD]."""
    rows = found.ledger[found.ledger["option"] == option]
    rate = found.scenario.organisation.discount_rate_per_year.likely
    amounts = by_month_usd(rows, found.model.months, found.settings.basis, rate)
    return pd.Series(amounts, index=pd.to_datetime(list(found.model.months)), name="cost_usd")


def monthly_parts(found: Evaluation, option: str, by: str) -> pd.DataFrame:
    """Return an option's cost by month and part on the evaluation's basis [USD].

    Args:
        found: The evaluation.
        option: The option whose lines are summed.
        by: Column of the ledger that parts are told by, such as ``phase``.
    """
    rows = found.ledger[found.ledger["option"] == option]
    months = pd.to_datetime(list(found.model.months))
    rate = found.scenario.organisation.discount_rate_per_year.likely
    parts = [
        pd.DataFrame(
            {
                "month": months,
                by: part,
                "cost_usd": by_month_usd(own, found.model.months, found.settings.basis, rate),
            }
        )
        for part, own in rows.groupby(by, sort=False)
    ]
    if not parts:
        return pd.DataFrame(columns=["month", by, "cost_usd"])
    table = pd.concat(parts, ignore_index=True)
    return table[table["cost_usd"] != 0].reset_index(drop=True)


def budget_by_month_usd(found: Evaluation) -> list[float] | None:
    """Return the stated budget spread evenly over the months; None where nobody gave one [USD]."""
    budget = found.scenario.goals.budget_usd
    months = found.scenario.horizon_months
    return None if budget is None else [budget / months] * months


def against_paid(found: Evaluation) -> pd.DataFrame | None:
    """Return what was paid last month beside what the model says; None without an incumbent.

    The incumbent's own row tells how well the model meets the bill: its volume is the scenario's.
    """
    incumbent = found.scenario.incumbent
    if incumbent is None:
        return None
    months = found.scenario.horizon_months
    first_month = float(likely_months(found.requests, months)[0])
    paid = incumbent.last_month_bill_usd.likely
    rows = [(f"Paid last month: {incumbent.title}", incumbent.last_month_requests, paid)]
    kept = [answer for answer in priced(found) if answer.option == INCUMBENT]
    for answer in [*kept, *found.ranking.options[:1]]:
        usd = float(monthly_usd(found, answer.option).iloc[0])
        rows.append((f"Modelled first month: {answer.title}", first_month, usd))
    table = pd.DataFrame(rows, columns=["what", "requests", "cost_usd"])
    table["per_1k_usd"] = table["cost_usd"] / (table["requests"] / REQUESTS_PER_THOUSAND)
    return table.drop_duplicates("what", ignore_index=True)


def ranking_table(found: Evaluation, *, only_ranked: bool = False) -> pd.DataFrame:
    """Return each priced option with its total and, where it is ranked, its range [USD]."""
    ranges = found.outlook.uncertainty.ranges
    rows = []
    for answer in found.ranking.options if only_ranked else priced(found):
        assert answer.money is not None
        known = ranges.get(answer.option)
        p10, p90 = (known.total_usd[p] if known else None for p in (TEN, NINETY))
        rows.append(
            {
                "option": answer.title,
                "total_usd": answer.money.basis_usd,
                "p10_usd": np.nan if p10 is None else p10,
                "p90_usd": np.nan if p90 is None else p90,
                "meets": answer.rank is not None,
            }
        )
    return pd.DataFrame(rows, columns=["option", "total_usd", "p10_usd", "p90_usd", "meets"])


def fan_table(found: Evaluation, option: str) -> pd.DataFrame:
    """Return the likely path of a ranked option and the percentiles of each month [USD]."""
    likely = monthly_usd(found, option)
    months = found.outlook.uncertainty.ranges[option].by_month_usd
    columns = {
        f"p{percentile}_usd": [np.nan if usd is None else usd for usd in months[percentile]]
        for percentile in (TEN, FIFTY, NINETY)
    }
    return pd.DataFrame({"month": likely.index, "likely_usd": likely.to_numpy(), **columns})


def tornado_table(found: Evaluation, option: str | None = None) -> pd.DataFrame:
    """Return the drivers that swing an option's total most, the widest first.

    Args:
        found: The evaluation.
        option: A ranked option; the cheapest if none is named.
    """
    outlook = found.outlook
    is_winner = option is None or option == outlook.winner
    swings = outlook.tornado if is_winner else tornado(outlook.view, str(option))
    rows = [
        {
            "driver": swing.driver.name,
            "low": f"{swing.driver.low:,.4g}",
            "high": f"{swing.driver.high:,.4g}",
            "low_usd": swing.at_low_usd,
            "high_usd": swing.at_high_usd,
        }
        for swing in swings
        if swing.width_usd > 0
    ]
    return pd.DataFrame(rows[:WIDEST], columns=["driver", "low", "high", "low_usd", "high_usd"])


def cumulative_table(found: Evaluation, answers: Sequence[Answer]) -> pd.DataFrame:
    """Return what each of some options has cost so far, by month [USD]."""
    parts = []
    for answer in answers:
        so_far = monthly_usd(found, answer.option).cumsum()
        parts.append(
            pd.DataFrame(
                {"month": so_far.index, "series": answer.title, "cost_usd": so_far.to_numpy()}
            )
        )
    return pd.concat(parts, ignore_index=True)


def _phases_by_month(found: Evaluation, option: str, phases: Sequence[Phase]) -> pd.Series:
    parts = monthly_parts(found, option, "phase")
    summed = parts[parts["phase"].isin(phases)].groupby("month")["cost_usd"].sum()
    return summed.reindex(pd.to_datetime(list(found.model.months)), fill_value=0.0)


def making_and_serving(found: Evaluation, option: str) -> pd.DataFrame:
    """Return what making an option's model and what serving it has cost so far, by month [USD]."""
    parts = []
    for words, phases in MADE_AND_SERVED.items():
        so_far = _phases_by_month(found, option, phases).cumsum()
        parts.append(
            pd.DataFrame({"month": so_far.index, "series": words, "cost_usd": so_far.to_numpy()})
        )
    return pd.concat(parts, ignore_index=True)


def serving_passes_making(found: Evaluation, option: str) -> pd.Timestamp | None:
    """Return the month by whose end serving has for good cost more than making."""
    made, served = (_phases_by_month(found, option, ph) for ph in MADE_AND_SERVED.values())
    return passed_in(made, served)


def volume_points(
    found: Evaluation,
    factor: float,
    options: Sequence[str],
    catalog: Catalog,
    measurements: Measurements,
) -> pd.DataFrame:
    """Return what a thousand requests cost at a multiple of the volume [USD].

    An option that cannot carry the volume as it is described has no row.
    """
    titles = {answer.option: answer.title for answer in priced(found)}
    costs = costs_at_volume(found, factor, catalog, measurements)
    months = found.scenario.horizon_months
    requests = found.requests_answered * factor
    a_month = float(likely_months(found.requests, months)[0]) * factor
    rows = [
        (a_month, titles[option], costs[option] / (requests / REQUESTS_PER_THOUSAND))
        for option in options
        if option in costs
    ]
    return pd.DataFrame(rows, columns=["requests_per_month", "series", "usd"])


def crossing_month(table: pd.DataFrame) -> pd.Timestamp | None:
    """Return the first month in which the dearer of two at the end is no longer the cheaper."""
    wide = table.pivot_table(index="month", columns="series", values="cost_usd", sort=False)
    lead = (wide.iloc[:, 0] - wide.iloc[:, 1]).to_numpy()
    changes = np.flatnonzero(np.sign(lead[1:]) * np.sign(lead[:-1]) < 0)
    return None if changes.size == 0 else pd.Timestamp(wide.index[changes[-1] + 1])


def difference_steps(found: Evaluation, first: Answer, second: Answer, by: str) -> dict[str, float]:
    """Return the first option's total, then what each part makes the second differ by [USD]."""
    sums = found.ledger.groupby(["option", by], sort=False)["cost_usd"].sum()

    def of(option: str) -> pd.Series:
        known = sums.index.get_level_values(0) == option
        return sums[known].droplevel(0)

    one, other = of(first.option), of(second.option)
    assert first.money is not None
    steps = {first.title: first.money.tco_usd}
    changes = other.sub(one, fill_value=0.0)
    for name, usd in changes.sort_values().items():
        if abs(usd) > 0:
            steps[str(name)] = float(usd)
    return steps


def pareto_table(found: Evaluation, aim: str) -> pd.DataFrame:
    """Return the ranked options whose figure for an aim is known, and who beats each."""
    titles = {answer.option: answer.title for answer in found.ranking.options}
    totals = {
        answer.option: answer.money.basis_usd
        for answer in found.ranking.options
        if answer.money is not None
    }
    rows = [
        {
            "option": titles[place.option],
            "total_usd": totals[place.option],
            aim: -place.figures[aim] if aim == QUALITY else place.figures[aim],
            "dominated_by": ", ".join(titles[option] for option in place.dominated_by),
        }
        for place in found.outlook.places
        if aim in place.figures
    ]
    return pd.DataFrame(rows, columns=["option", "total_usd", aim, "dominated_by"])


def by_phase_table(found: Evaluation, answers: Sequence[Answer]) -> pd.DataFrame:
    """Return phases down and options across, nominal cost in the cells [USD]."""
    wanted = [answer.option for answer in answers]
    rows = found.ledger[found.ledger["option"].isin(wanted)]
    table = rows.pivot_table(
        index="phase", columns="option", values="cost_usd", aggfunc="sum", fill_value=0.0
    )
    return table.reindex(columns=wanted, fill_value=0.0).rename(
        columns={answer.option: answer.title for answer in answers}
    )


def latency_table(found: Evaluation) -> pd.DataFrame:
    """Return the known latency quantiles of each priced option beside their goals [ms]."""
    goal = found.scenario.goals.latency_ms
    rows = [
        (
            answer.title,
            quantile,
            ms,
            np.nan if goal is None or getattr(goal, quantile) is None else getattr(goal, quantile),
            answer.latency.evidence.value,
        )
        for answer in priced(found)
        if answer.latency is not None
        for quantile, ms in answer.latency.ms.items()
    ]
    return pd.DataFrame(rows, columns=["option", "quantile", "ms", "goal_ms", "evidence"])
