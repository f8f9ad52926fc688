"""Examples that others have published, as plans: utilisation is an outcome, never an input.

Each figure is held within what its own rounding allows.
"""

import csv
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from tco.data import data_folder
from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.loading import Library
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.ledger import book
from tco.ledger.expression import Driver, Series
from tco.ledger.model import CostLine, CostModel
from tco.ledger.waste import capacity_use
from tco.measure.library import Measurements
from tco.plan import Evaluation, costs_at_volume, evaluate
from tco.prices import Catalog
from tests.cases.worked_plans import changed

FOLDER = Path(__file__).parent
DATA = data_folder(FOLDER / "data")
JANUARY_HOURS = 744


@cache
def tables() -> tuple[Catalog, Measurements]:
    return Catalog.load(DATA.pricing), Measurements.load(DATA.benchmarks)


@cache
def scenario(name: str) -> Scenario:
    return Library(DATA.scenarios).load_scenario(FOLDER / name / "scenario.yaml")


@cache
def evaluated(name: str) -> Evaluation:
    return evaluate(scenario(name), *tables())


def money(found: Evaluation, option: str):
    [answer] = [answer for answer in found.ranking.options if answer.option == option]
    assert answer.money is not None
    return answer.money


def at_rate(name: str, requests_per_s: float) -> Evaluation:
    """Evaluate an example at another load; nothing else is said of how busy its machines are."""
    requests = requests_per_s * JANUARY_HOURS * 3600
    load = {"requests_per_month": {"likely": requests}}
    return evaluate(changed(scenario(name), workload=load), *tables())


def test_no_example_states_a_utilisation():
    files = list(FOLDER.rglob("*.yaml"))
    assert len(files) > 7
    for file in files:
        assert "utilisation:" not in file.read_text().replace("model_flops_utilisation:", "")


def test_the_request_of_the_mithril_calculator():
    # 500 x $0.0015 / 1,000 + 200 x $0.002 / 1,000 = $0.00115; a plan of 1,000 requests
    found = money(evaluated("mithril"), "api")
    assert found.inference_cost_per_1k_usd == pytest.approx(1.15, rel=1e-12)
    assert found.tco_usd == pytest.approx(1.15, rel=1e-12)


# ---- throughput of arXiv 2606.11690 -------------------------------------------------------------

OUTPUT_MTOK = 256 / 1e6


@pytest.mark.parametrize(
    ("option", "usd_per_mtok"),
    [
        ("llama-8b", 0.311),
        ("llama-8b-fp8", 0.238),
        ("qwen-30b", 0.364),
        ("qwen-30b-fp8", 0.209),
        ("mixtral", 0.871),
        ("mixtral-fp8", 0.515),
    ],
)
def test_the_price_of_work_is_that_of_a_saturated_card(option: str, usd_per_mtok: float):
    found = evaluated("throughput")
    used = capacity_use(found.ledger, option).used_usd
    assert used / (found.requests_answered * OUTPUT_MTOK) == pytest.approx(usd_per_mtok, abs=0.001)


def test_at_saturation_the_whole_bill_is_the_price_of_work():
    # One request in a thousand less than the card can serve.
    found = at_rate("throughput", 6238 / 256 * 0.999)
    bill = money(found, "llama-8b").tco_usd
    assert bill / (found.requests_answered * OUTPUT_MTOK) == pytest.approx(0.311, abs=0.001)


@pytest.mark.parametrize(("requests_per_s", "published"), [(1, 0.04), (5, 0.20), (10, 0.40)])
def test_utilisation_follows_from_the_load(requests_per_s: float, published: float):
    use = capacity_use(at_rate("throughput", requests_per_s).ledger, "llama-8b")
    # A constant rate of tokens is within 4 % of the paper's measured one below the knee.
    assert use.used_usd / use.paid_usd == pytest.approx(published, rel=0.04)


# ---- training -----------------------------------------------------------------------------------


def test_the_bill_for_the_training_of_deepseek_v3():
    found = evaluated("deepseek-v3")
    rows = found.ledger[found.ledger["phase"] == Phase.TRAINING]
    by_job = rows.groupby(rows["item"].str.split(":").str[0], sort=False)["cost_usd"].sum()
    assert by_job.to_dict() == pytest.approx(
        {"pre training": 5_328_000, "context extension": 238_000, "post training": 10_000}, rel=1e-9
    )
    assert money(found, "trained").training_usd == pytest.approx(5_576_000, rel=1e-9)


def test_the_bill_for_the_training_of_mpt_7b():
    found = evaluated("mpt-7b")
    rows = found.ledger[found.ledger["phase"] == Phase.TRAINING]
    assert rows["quantity"].sum() * 8 == pytest.approx(100_320, rel=1e-9), "GPU hours"
    assert money(found, "trained").training_usd == pytest.approx(200_640, rel=1e-9)
    assert money(found, "trained").training_usd == pytest.approx(200_000, rel=0.01)


def test_the_hours_of_llama_405b_by_six_operations():
    found = evaluated("llama-405b")
    rows = found.ledger[found.ledger["phase"] == Phase.TRAINING]
    gpu_hours = rows["quantity"].sum() * 8
    operations = gpu_hours * 3600 * 989e12 * 0.40
    assert operations == pytest.approx(3.8e25, rel=0.0132), "two digits are published"
    assert gpu_hours == pytest.approx(26.6e6, abs=0.05e6)
    assert gpu_hours == pytest.approx(30.84e6, rel=0.20), "restarts and downtime come on top"


# ---- waste --------------------------------------------------------------------------------------


def test_the_node_of_the_opencost_specification():
    use = capacity_use(evaluated("opencost").ledger, "node")
    an_hour = {
        kind: getattr(use, f"{kind}_usd") / JANUARY_HOURS for kind in ("paid", "used", "wasted")
    }
    assert an_hour == pytest.approx({"paid": 10.0, "used": 2.5, "wasted": 2.5}, rel=1e-9)
    assert use.idle_usd / JANUARY_HOURS == pytest.approx(5.0, rel=1e-9)
    assert [waste.cause for waste in use.wastes if waste.kind is Kind.IDLE] == [
        "unallocated capacity"
    ]


def test_who_has_what_of_the_node_from_a_table_of_usage():
    with (FOLDER / "opencost" / "usage.csv").open() as table:
        rows = book.ledger(_model_of(list(csv.DictReader(table))))
    by_app = {app: capacity_use(rows, app) for app in ("app-a", "app-b", "cluster")}
    assert by_app["app-a"].paid_usd == pytest.approx(3.75)
    assert by_app["app-a"].wasted_usd == pytest.approx(2.50)
    assert by_app["app-b"].paid_usd == pytest.approx(1.25)
    assert by_app["app-b"].lost_usd == 0
    assert by_app["cluster"].idle_usd == pytest.approx(5.00)
    assert book.total_usd(rows) == pytest.approx(10.00)


def _model_of(usage: list[dict[str, str]]) -> CostModel:
    """Price rows of usage at the node's $10 an hour over its eight CPUs."""
    price = Driver("price.cpu", "USD/CPU-hour", 10 / 8, Evidence.PUBLISHED, "OpenCost")
    lines = tuple(
        CostLine(
            key=f"{number}",
            option=row["app"],
            snapshot="served",
            phase=Phase.INFERENCE,
            category="compute",
            item="CPUs of a node",
            quantity=Series(
                f"usage.{number}", "CPU-hour", (float(row["cpu_hours"]),), Evidence.PUBLISHED, "it"
            ),
            unit="CPU-hour",
            unit_price_usd=price,
            nature=Nature.RUN,
            behaviour=Behaviour.STEP,
            payee=Payee.CLOUD,
            kind=Kind(row["kind"]),
            cause=row["cause"],
        )
        for number, row in enumerate(usage)
    )
    return CostModel((date(2027, 1, 1),), lines)


def test_usage_and_allocation_of_the_llm_d_proposal():
    found = evaluated("utilisation")
    use = capacity_use(found.ledger, "own")
    mtok = found.requests_answered * 1000 / 1e6
    assert use.used_usd / mtok == pytest.approx(1.0, rel=1e-9), "usage"
    assert use.paid_usd / mtok == pytest.approx(4.0, rel=1e-9), "allocation"
    assert use.used_usd / use.paid_usd == pytest.approx(0.25, rel=1e-9)
    assert found.ranking.options[0].option == "api"


def test_the_api_of_the_proposal_wins_until_half_of_the_card_is_used():
    found = evaluated("utilisation")
    costs = {factor: costs_at_volume(found, factor, *tables()) for factor in (1.99, 2.0, 2.01)}
    assert costs[1.99]["api"] < costs[1.99]["own"]
    assert costs[2.0]["api"] == pytest.approx(costs[2.0]["own"], rel=1e-9)
    assert costs[2.01]["api"] > costs[2.01]["own"]


def test_every_folder_is_told_of_in_the_list():
    told = (FOLDER / "README.md").read_text()
    names = {file.parent.name for file in FOLDER.glob("*/scenario.yaml")}
    assert names == {"deepseek-v3", "llama-405b", "mithril", "mpt-7b"} | {
        "opencost",
        "throughput",
        "utilisation",
    }
    assert all(f"| `{name}` |" in told for name in names)
