"""What the audit finds, and what it leaves alone: each planted fault is found once."""

import csv
import shutil
from datetime import date, timedelta

import pytest

from tco.prices import Catalog
from tco.prices.audit import audit
from tests.prices.conftest import SHIPPED


def edited(tables, table, old, new, *, count=1):
    path = tables / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {table}.csv"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return audit(Catalog.load(tables))


def added(tables, table, row):
    path = tables / f"{table}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        columns = csv.DictReader(file).fieldnames or ()
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, columns, restval="").writerow(row)
    return audit(Catalog.load(tables))


def new_price(purchase, price, **cells):
    return {
        "seller": "runpod",
        "region": "global",
        "instance_type": "1x_L4_SECURE",
        "purchase": purchase,
        "price": price,
        "currency": "USD",
        "unit": "instance-hour",
        "checked_on": "2026-11-01",
        "source": "RunPod API",
        "evidence": "published",
        **cells,
    }


def machine(name, accelerator, count, memory_gib):
    return {
        "instance_type": name,
        "accelerator": accelerator,
        "accelerator_count": count,
        "accelerator_memory_gib": memory_gib,
    }


def test_the_shipped_tables_have_no_errors(shipped):
    found = audit(shipped)
    assert found.errors == ()
    assert found.passed
    assert found.as_of == shipped.as_of


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([new_price("spot", "0.5")], "spot at 0.5 is above on_demand at 0.39"),
        ([new_price("commit_1y", "0.4", plan="reserved")], "commit_1y at 0.4 is above on_demand"),
        (
            [
                new_price("commit_1y", "0.2", plan="reserved"),
                new_price("commit_3y", "0.3", plan="reserved"),
            ],
            "commit_3y at 0.3 is above commit_1y at 0.2",
        ),
        ([new_price("on_demand", "0.4", source="unknown")], "'unknown' is no source"),
        (
            [new_price("spot", "1", **machine("new", "L4", 1, 22.35))],
            "no price on demand",
        ),
        (
            [new_price("on_demand", "1", **machine("new", "H999", 1, 80))],
            "'H999' is not in hardware.csv",
        ),
        (
            [new_price("on_demand", "1", **machine("new", "L4", 1, 80))],
            "80 GiB, but hardware.csv gives L4 22.35 GiB",
        ),
        (
            [new_price("on_demand", "1", region="moon", **machine("1x_L4_SECURE", "L4", 2, 22.35))],
            "accelerator_count: 2, but 1 in line",
        ),
    ],
)
def test_a_planted_fault_is_found(tables, rows, problem):
    for row in rows:
        found = added(tables, "instances", row)
    matching = [str(error) for error in found.errors if problem in str(error)]
    assert len(matching) == 1
    assert not found.passed


def test_tiers_that_do_not_begin_at_0_are_a_gap(tables):
    found = edited(tables, "services", "egress-internet,0,0.09", "egress-internet,5,0.09")
    assert ["the first tier begins at 5" in str(error) for error in found.errors] == [True]


def test_a_server_must_power_its_accelerators(tables):
    found = edited(tables, "onprem", "B200,8,14.3", "B200,8,1.3")
    assert "1.3 kW, but its accelerators alone may draw 8 kW" in str(found.errors[0])


def test_a_currency_needs_a_rate(tables):
    found = edited(tables, "people", "USD", "CHF")
    assert ["no rate for CHF" in str(error) for error in found.errors] == [True]


def test_age_is_told_in_days_and_is_no_error(shipped):
    day = shipped.as_of + timedelta(days=200)
    found = audit(shipped, as_of=day)
    assert found.passed
    ages = [w for w in found.warnings if w.key == "checked_on" and "people" in w.file]
    assert len(ages) == len(shipped.roles)
    assert all("200 days old" in warning.problem for warning in ages)


def test_an_earlier_day_sees_only_what_was_known_then(shipped):
    found = audit(shipped, as_of=date(2026, 6, 20))
    assert not any("2026-07" in str(warning) for warning in found.warnings)
    instances = [w for w in found.warnings if w.key == "checked_on" and "instances" in w.file]
    assert 0 < len(instances) < 177


@pytest.mark.parametrize(
    ("price", "problem"), [("0.52", "0.39 to 0.52 (+33%)"), ("0.5", None), ("0.2", "(-49%)")]
)
def test_a_jump_is_worth_a_look(tables, price, problem):
    found = added(tables, "instances", new_price("on_demand", price))
    jumps = [w.problem for w in found.warnings if w.key == "price" and "instances" in w.file]
    assert found.passed
    assert len(jumps) == (problem is not None)
    assert problem is None or problem in jumps[0]


def test_a_region_without_a_grid_is_worth_a_look(tables):
    row = new_price(
        "on_demand",
        "1",
        seller="aws",
        region="moon-1",
        **machine("g6.xlarge", "L4", 1, 22.35),
    )
    found = added(tables, "instances", row)
    assert any("aws/moon-1 is not in regions.csv" in str(w) for w in found.warnings)


def test_what_has_ended_is_worth_a_look(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(SHIPPED, folder)
    (folder / "discounts.csv").write_text(
        "seller,region,product,purchase,discount,label,valid_from,valid_until,checked_on,source\n"
        "aws,*,*,*,0.1,old deal,2025-01-01,2025-12-31,2025-01-01,contract\n"
    )
    found = audit(Catalog.load(folder))
    assert any("ended on 2025-12-31" in str(warning) for warning in found.warnings)


def test_negotiated_prices_are_not_held_against_the_list(overlay):
    mine = overlay(
        "people",
        "role,price,low,high,unit,currency,checked_on,source,evidence,negotiated",
        "ml_engineer,20,10,30,hour,USD,2026-11-20,partner contract,stated,yes",
    )
    found = audit(Catalog.load(SHIPPED, overlays=[mine]))
    assert not [w for w in found.warnings if w.key == "price" and "people" in w.file]
