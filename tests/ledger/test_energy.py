"""Energy and carbon beside money: the same lines, known or absent, never zero for unknown."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.record import Evidence
from tco.ledger import book
from tco.ledger.expression import Driver, Number
from tco.ledger.model import CostLine, CostModel
from tco.units import month_start

MONTHS = tuple(month_start(date(2027, 1, 1), k) for k in range(3))
WATTS = Driver("watts", "kW", 0.5, Evidence.MEASURED, "meter", 0.4, 0.6)
GRID = Driver("grid", "kg/kWh", 0.4, Evidence.PUBLISHED, "statistics")
MACHINE = CostLine(
    key="m",
    option="own",
    snapshot="own",
    phase=Phase.INFERENCE,
    category="compute",
    item="machine",
    quantity=Number(100.0),
    unit="instance-hour",
    unit_price_usd=Number(2.0),
    nature=Nature.RUN,
    behaviour=Behaviour.STEP,
    payee=Payee.CLOUD,
    kind=Kind.USED,
    energy_kwh=Number(100.0) * WATTS,
    co2e_kg_per_kwh=GRID,
)
PEOPLE = replace(
    MACHINE,
    category="people",
    kind=Kind.NONE,
    payee=Payee.PAYROLL,
    energy_kwh=None,
    co2e_kg_per_kwh=None,
)
UNMETERED = replace(MACHINE, energy_kwh=None, item="machine that nobody metered")
OWED = replace(UNMETERED, category="commitment", kind=Kind.IDLE, cause="unused commitment")


def model(*lines: CostLine) -> CostModel:
    return CostModel(MONTHS, lines)


def test_energy_and_carbon_are_sums_over_the_rows():
    found = model(MACHINE, PEOPLE)
    rows = book.ledger(found)
    assert book.physical_total(rows, "energy_kwh") == pytest.approx(150.0)
    assert book.physical_total(rows, "co2e_kg") == pytest.approx(60.0)
    assert rows.loc[rows["category"] == "people", "energy_kwh"].isna().all()
    assert found.totals_kwh()["own"] == pytest.approx([150.0])
    assert found.totals_co2e_kg()["own"] == pytest.approx([60.0])


def test_draws_move_energy_as_they_move_money():
    drawn = model(MACHINE).totals_co2e_kg({"watts": np.array([0.5, 0.6])})
    assert drawn["own"] == pytest.approx([60.0, 72.0])
    assert {"watts", "grid"} <= set(model(MACHINE).drivers())


def test_a_machine_that_nobody_metered_leaves_the_sum_unknown():
    found = model(MACHINE, UNMETERED)
    assert book.physical_total(book.ledger(found), "energy_kwh") is None
    assert found.totals_kwh() == {}


def test_what_is_owed_for_machines_given_back_draws_nothing():
    found = model(MACHINE, OWED)
    assert book.physical_total(book.ledger(found), "energy_kwh") == pytest.approx(150.0)
    assert found.totals_kwh()["own"] == pytest.approx([150.0])


def test_a_grid_that_nobody_knows_leaves_carbon_unknown_and_energy_known():
    rows = book.ledger(model(replace(MACHINE, co2e_kg_per_kwh=None)))
    assert book.physical_total(rows, "energy_kwh") == pytest.approx(150.0)
    assert book.physical_total(rows, "co2e_kg") is None


def test_people_alone_have_no_energy_that_is_known():
    assert book.physical_total(book.ledger(model(PEOPLE)), "energy_kwh") is None


def test_making_the_machine_stands_apart():
    rows = book.ledger(model(replace(MACHINE, embodied_co2e_kg=Number(5.0))))
    assert book.physical_total(rows, "embodied_co2e_kg") == pytest.approx(15.0)
    assert book.physical_total(rows, "co2e_kg") == pytest.approx(60.0)
