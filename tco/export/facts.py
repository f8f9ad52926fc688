"""What every exported file says of itself: what was planned, with what, on which day."""

from __future__ import annotations

from importlib.metadata import version

from tco.plan import Evaluation

PRODUCT = "tco-planner"
NOT_A_QUOTE = "estimate, not a quote"


def facts_of(found: Evaluation) -> dict[str, str]:
    """Return the facts that a file carries, by name, in reading order."""
    scenario = found.scenario
    return {
        "Use case and scenario": scenario.id,
        "Question": scenario.question,
        "Horizon": f"{scenario.horizon_months} months from {scenario.start:%B %Y}",
        "Requests answered": f"{found.requests_answered:,.0f}",
        "Basis": f"{found.settings.basis}, nominal",
        "Currency": "USD",
        "Prices of": f"{scenario.price_date:%Y-%m-%d}",
        "Fidelity": found.settings.fidelity,
        "Seed": str(scenario.seed),
        "Scenario digest": scenario.digest,
        "Prices digest": found.catalog_digest,
        "Measurements digest": found.measurements_digest,
        "Product": f"{PRODUCT} {version(PRODUCT)}",
        "Illustrative": "yes: some figures are assumed" if scenario.illustrative else "no",
        "What this is": NOT_A_QUOTE,
    }


def footer_of(found: Evaluation) -> str:
    """Return one line for the foot of a page."""
    scenario = found.scenario
    return (
        f"{scenario.id} {scenario.digest[:8]}, prices of {scenario.price_date:%Y-%m-%d}, "
        f"{found.settings.basis}, USD, {NOT_A_QUOTE}"
    )


def file_name(found: Evaluation, ending: str) -> str:
    """Return a file's name: product, scenario, first month, digest.

    Two evaluations whose files have the same name rest on the same scenario.
    """
    scenario = found.scenario
    where = scenario.id.replace("/", "-")
    return f"{PRODUCT}_{where}_{scenario.start:%Y-%m}_{scenario.digest[:8]}.{ending}"
