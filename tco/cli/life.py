"""The life of a model beside its total: phases covered, platforms, leaving, levelised cost."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from tco.domain.cost import Phase
from tco.ledger.coverage import State, coverage
from tco.ledger.finance import levelised_cost_per_1k_usd
from tco.ledger.leaving import Exit, exit_costs, is_plain
from tco.ledger.option import likely_months
from tco.ledger.platform import balances
from tco.ledger.waste import capacity_by_option
from tco.plan import Evaluation

SIGNS = {State.PRICED: "$", State.NONE: "-", State.ELSEWHERE: "in", State.SILENT: "?"}


def life_document(found: Evaluation) -> dict[str, Any]:
    """Write as plain data what stands beside every total."""
    scenario, rows = found.scenario, found.ledger
    rate = scenario.organisation.discount_rate_per_year.likely
    requests = likely_months(found.requests, scenario.horizon_months)
    document: dict[str, Any] = {
        "coverage": [
            {
                "option": one.option,
                "phase": one.phase.value,
                "state": one.state.value,
                "usd": one.usd,
                "reason": one.reason,
            }
            for one in coverage(scenario, rows)
        ],
        "levelised_cost_per_1k_usd": {
            str(option): levelised_cost_per_1k_usd(own, scenario.months, requests, rate)
            for option, own in rows.groupby("option", sort=False)
        },
        "exit_by_month_usd": {
            option: _exit(exit_costs(scenario, found.model, option))
            for option in dict.fromkeys(rows["option"])
            if option in scenario.candidates and is_plain(scenario, option)
        },
        "waste_by_cause_usd": {
            option: use.by_cause_usd() for option, use in capacity_by_option(rows).items()
        },
    }
    platforms = [
        {
            "option": balance.option,
            "fee_usd": balance.fee_usd,
            "saved_usd": balance.saved_usd,
            "needed_share": dict(balance.needed),
            **(
                {}
                if balance.needed_of_assumed is None
                else {"needed_of_assumed": balance.needed_of_assumed}
            ),
        }
        for balance in balances(found.model)
    ]
    return document | ({"platforms": platforms} if platforms else {})


def _exit(leaving: Exit) -> dict[str, list[float]]:
    """Write the known parts; work that nobody stated is absent."""
    parts = {"commitment": leaving.commitment_usd, "assets": leaving.assets_usd}
    if leaving.migration_usd is not None:
        parts["migration"] = leaving.migration_usd
    return {name: values.tolist() for name, values in parts.items()}


def coverage_table(found: Evaluation) -> Table:
    """Show which phases each option prices ($), lacks (-), pays elsewhere (in), or leaves open."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        style="dim",
        caption="$ priced, - none, in: included elsewhere, ? nobody says",
        caption_justify="left",
    )
    table.add_column("phases")
    for phase in Phase:
        table.add_column(phase.value[:8], justify="center")
    signs: dict[str, list[str]] = {}
    for one in coverage(found.scenario, found.ledger):
        signs.setdefault(one.option, []).append(SIGNS[one.state])
    for option, row in signs.items():
        table.add_row(option, *row)
    return table
