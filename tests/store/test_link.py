"""A link carries every input, and is opened whole or not at all."""

import base64
import json
import zlib
from dataclasses import replace

import pytest

from tco.domain.changes import with_inputs
from tco.domain.cost import Basis
from tco.errors import TcoError
from tco.rank.scope import Scope
from tco.store.link import MOST_BYTES, link_values, read_link
from tco.store.plan import Plan, plan_of
from tests.shipped import NAMES, loaded

NAME = "ticket-classification/base"
PRICES = "0" * 64


@pytest.fixture
def plan():
    scenario = loaded(NAME)
    edited = with_inputs(scenario, {("goals", "budget_usd"): 500_000.0})
    return Plan(scenario, edited, 1.5, Basis.CASH, Scope.BILLS)


def packed(data):
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(data).encode())).decode()


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_scenario_comes_back_with_its_digest_and_fits_an_address(name):
    values = link_values(Plan(*(loaded(name),) * 2), PRICES)
    assert read_link(values).plan.digest == loaded(name).digest
    assert sum(map(len, values.values())) < 32_000, "longer is refused by many proxies"


def test_changed_inputs_and_how_they_are_looked_at_come_back(plan):
    read = read_link(link_values(plan, PRICES))
    assert read.plan.digest == plan.digest
    assert (read.plan.basis, read.plan.scope) == (Basis.CASH, Scope.BILLS)
    assert read.plan.scenario.goals.budget_usd == 500_000.0
    assert read.refused == ()
    assert read.prices_digest == PRICES


def test_a_value_that_is_not_known_is_named_and_left_out(plan):
    values = link_values(plan, PRICES) | {"scope": "Bogus", "volume": "9999"}
    read = read_link(values)
    assert read.refused == ("scope=Bogus", "volume=9999")
    assert read.plan.scope is Scope.ALL
    assert read.plan.digest == plan.digest


@pytest.mark.parametrize("version", ["0", "2", ""])
def test_another_version_is_refused_in_words(plan, version):
    with pytest.raises(TcoError, match=f"version '{version}', and this program reads version 1"):
        read_link(link_values(plan, PRICES) | {"link": version})


def test_inputs_that_do_not_give_the_digest_are_refused(plan):
    other = link_values(Plan(*(loaded(NAME),) * 2), PRICES)["scenario"]
    with pytest.raises(TcoError, match="changed or cut"):
        read_link(link_values(plan, PRICES) | {"scenario": other})


def test_an_input_that_is_not_valid_is_named(plan):
    data = plan.scenario.model_dump(mode="json") | {"horizon_months": 0}
    with pytest.raises(TcoError, match="horizon_months"):
        read_link(link_values(plan, PRICES) | {"scenario": packed(data)})


@pytest.mark.parametrize("cut", ["", "AAAA", "not base64 at all", "8J-YgA=="])
def test_a_link_that_was_cut_is_told(plan, cut):
    with pytest.raises(TcoError, match="cut or changed on its way"):
        read_link(link_values(plan, PRICES) | {"scenario": cut})


def test_a_few_bytes_do_not_unpack_to_a_memory_full(plan):
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * (MOST_BYTES + 1))).decode()
    with pytest.raises(TcoError, match="cut or changed"):
        read_link(link_values(plan, PRICES) | {"scenario": bomb})


def test_a_plan_comes_back_from_its_data_with_its_changes(plan):
    again = plan_of(json.loads(json.dumps(plan.as_data())), "a file")
    assert again == plan
    assert [change.key for change in again.changes] == [
        "workload.requests_per_month.likely",
        "goals.budget_usd",
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format": "plan/0"}, "reads 'plan/1'"),
        ({"volume_factor": -1}, "volume_factor is -1"),
        ({"basis": "cosh"}, "nearest: cash"),
        ({"origin": None}, "has no 'origin'"),
    ],
)
def test_data_that_is_no_plan_is_refused_with_what_is_wrong(plan, changed, says):
    with pytest.raises(TcoError, match=says):
        plan_of(plan.as_data() | changed, "a file")


def test_volumes_of_the_slider_are_multiples_of_the_first_month(plan):
    volumes = replace(plan, edited=loaded(NAME)).volumes
    assert volumes[1.0] == pytest.approx(3e6)
    assert volumes[10.0] == pytest.approx(3e7)
