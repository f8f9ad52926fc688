"""What `tco rank` answers beside the ranking when asked: plans in stages, what a budget buys."""

import json
from pathlib import Path

import pytest

from tests.cases import worked_plans
from tests.cli.conftest import Tco

HOST = "{title: host, usd_per_month: 2500, phase: operation, payee: other}"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Write the worked plan with a small open model that is dear to keep and cheap to use."""
    text = (worked_plans.FOLDER / "staged" / "scenario.yaml").read_text()
    text = text[: text.index("  small-until-busy:")]
    text = text.replace(
        "snapshot: small\n", f"snapshot: own\n    lifecycle: {{monthly: {{host: {HOST}}}}}\n"
    )
    text = text[: text.index("    lifecycle:\n")]
    text += "staging: {migration_usd: 300, parallel_months: 0}\n"
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return path


def test_break_even_proposes_the_stages_of_a_pair_that_crosses(tco: Tco, plan: Path):
    arguments = ("--data", worked_plans.DATA.root, "rank", plan, "--break-even")
    document = json.loads(tco(*arguments, "--json").out)
    [found] = document["scenarios"]
    assert [option["option"] for option in found["options"]] == ["small", "big"]
    [pair] = found["break_even"]
    assert pair["month"] == 4
    [staged] = found["staged_plans"]
    assert (staged["first"], staged["then"], staged["switch_month"]) == ("big", "small", 3)
    assert round(staged["cost_usd"], 2) == 10_050.00
    assert (staged["migration_usd"], staged["migration_stated_in"]) == (300, "staging")
    assert staged["place"] == 1
    shown = " ".join(tco(*arguments).out.split())
    assert "proposed in stages: Big through its API, then Small through its API from" in shown
    assert "saves $520 against small alone" in shown


def test_a_budget_is_turned_into_volume_and_quality(tco: Tco, plan: Path):
    arguments = ("--data", worked_plans.DATA.root, "rank", plan, "--budget-usd-per-month", "3000")
    [found] = json.loads(tco(*arguments, "--json").out)["scenarios"]
    volume = found["budget"]["largest_volume"]
    assert volume["option"] == "small"
    assert volume["requests_per_month"] == pytest.approx(5e6, rel=2e-3)
    assert volume["cost_usd"] <= 12_000 < volume["just_above_usd"]
    assert "staged_plans" not in found, "not asked for"
    shown = " ".join(tco(*arguments).out.split())
    assert "$3,000 a month over 4 months buys" in shown
    assert "times today's, with small" in shown
    assert "the scenario has no quality goal" in shown


@pytest.mark.parametrize("usd", ["0", "-5", "nan", "inf"])
def test_a_budget_of_nothing_is_refused(tco: Tco, plan: Path, usd: str):
    done = tco("--data", worked_plans.DATA.root, "rank", plan, f"--budget-usd-per-month={usd}")
    assert (done.status, done.out) == (2, "")
    assert "name one above 0" in done.err
