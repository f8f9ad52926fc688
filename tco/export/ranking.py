"""The ranking of a scenario and what stands around it, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tco.assemble import INCUMBENT
from tco.ledger.coverage import coverage
from tco.ledger.finance import levelised_cost_per_1k_usd
from tco.ledger.incumbent import Payback, check_bill, paybacks
from tco.ledger.leaving import Exit, exit_costs, is_plain
from tco.ledger.option import likely_months
from tco.ledger.platform import balances
from tco.ledger.waste import capacity_by_option
from tco.plan import Evaluation
from tco.rank.comparison import Compared
from tco.rank.document import left_out_document, option_document, outlook_document


def ranking_document(found: Evaluation, crossings: Sequence[Compared]) -> dict[str, Any]:
    """Write the ranking of one scenario and what stands around it."""
    scenario, ranking = found.scenario, found.ranking
    return {
        "scenario": scenario.id,
        "use_case": scenario.use_case,
        "title": scenario.title,
        "digest": scenario.digest,
        "catalog_digest": found.catalog_digest,
        "measurements_digest": found.measurements_digest,
        "currency": scenario.organisation.currency,
        "basis": found.settings.basis.value,
        "horizon_months": scenario.horizon_months,
        "price_date": f"{scenario.price_date:%Y-%m-%d}",
        "seed": scenario.seed,
        "fidelity": found.settings.fidelity,
        "illustrative": scenario.illustrative,
        "requests": found.requests_answered,
        "snapshots": [option_document(answer, found.outlook) for answer in ranking.snapshots],
        "options": [option_document(answer, found.outlook) for answer in ranking.options],
        "unproven": [left_out_document(answer) for answer in ranking.unproven],
        "excluded": [left_out_document(answer) for answer in ranking.excluded],
        **outlook_document(found.outlook),
        "break_even": [compared.as_data() for compared in crossings],
        **_life(found),
        **_incumbent(found),
    }


def _life(found: Evaluation) -> dict[str, Any]:
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


def _incumbent(found: Evaluation) -> dict[str, Any]:
    """Write what runs today against the options; absent where the scenario states nothing of it."""
    document: dict[str, Any] = {}
    saved = savings_of(found)
    if saved:
        document["against_incumbent"] = [
            {
                "option": one.option,
                "saving_usd": one.saving_usd,
                "saving_pv_usd": one.saving_pv_usd,
                "payback_month": one.payback_month,
                "discounted_payback_month": one.discounted_payback_month,
                "most_laid_out_usd": one.most_laid_out_usd,
                "roi": one.roi,
            }
            for one in saved
        ]
    checked = check_bill(found.model, found.scenario.incumbent)
    if checked is not None:
        document["last_bill"] = {
            "option": checked.option,
            "modelled_usd": checked.modelled_usd,
            "paid_usd": checked.paid_usd,
            "gap_usd": checked.gap_usd,
            "rows_most_likely_to_explain_it": [
                {
                    "item": one.item,
                    "modelled_usd": one.modelled_usd,
                    "movable_usd": one.movable_usd,
                }
                for one in checked.suspects
            ],
        }
    return document


def savings_of(found: Evaluation) -> tuple[Payback, ...]:
    """Return what each option saves against keeping things as they are."""
    scenario = found.scenario
    rate = scenario.organisation.discount_rate_per_year.likely
    return paybacks(found.ledger, INCUMBENT, scenario.months, rate)
