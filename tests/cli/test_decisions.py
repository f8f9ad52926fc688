"""Decisions: written once, the same when run again, due when their day or a flip value comes."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from tco.cli.main import app
from tco.decide import as_json, as_markdown, decide, read_decision, reasons_to_review, verify
from tco.domain.scenario import Scenario
from tco.errors import InputError, TcoError
from tco.plan import Settings, evaluate
from tests.shipped import KEPT, data, evaluated, loaded

NAME = "ticket-classification/base"
DAY = date(2026, 11, 30)
RUN = CliRunner()


@pytest.fixture(scope="module")
def decision():
    return decide(evaluated(NAME), by="Ada", why="cheapest | *good* enough", on=DAY)


def test_a_decision_names_its_choice_its_evidence_and_its_day_of_review(decision):
    found = evaluated(NAME)
    assert decision.choice == found.ranking.options[0].option
    assert decision.runner_up == found.ranking.options[1].option
    assert decision.review_on == date(2027, 2, 28), "three months after a 30 November"
    assert decision.inputs.scenario_digest == found.scenario.digest
    assert len(decision.standings) == len(found.ranking.options)
    assert set(decision.left_out) == {
        answer.option for answer in (*found.ranking.excluded, *found.ranking.unproven)
    }
    for one in decision.standings:
        assert sum(one.evidence_shares.values()) == pytest.approx(1)
    text = as_markdown(decision)
    assert found.ranking.options[0].title in text
    assert r"cheapest \| \*good\* enough" in text


def test_the_recorded_plan_is_the_scenario(decision):
    assert Scenario.model_validate(decision.plan).digest == loaded(NAME).digest


def test_running_it_again_gives_the_same_bytes(decision, tmp_path):
    path = tmp_path / "decision.json"
    path.write_bytes(as_json(decision))
    read = read_decision(path)
    checked = verify(read, *data(), KEPT)
    assert checked.is_same
    assert checked.is_close


def test_a_changed_figure_is_told(decision):
    standing = decision.standings[0].model_copy(update={"cost_usd": 1.0})
    changed = decision.model_copy(update={"standings": (standing, *decision.standings[1:])})
    checked = verify(changed, *data(), KEPT)
    assert not checked.is_close
    assert [one for one in checked.differences if "cost_usd was 1" in one]


def test_nothing_is_due_before_its_day_while_nothing_moves(decision):
    assert reasons_to_review(decision, DAY, evaluated(NAME)) == ()
    assert reasons_to_review(decision, decision.review_on, evaluated(NAME)) != ()


def test_a_flip_value_that_is_reached_makes_it_due(decision):
    flip = next(flip for flip in decision.flips if flip.driver.startswith("workload.requests"))
    scenario = loaded(NAME)
    beyond = flip.value * (1.01 if flip.value > flip.likely else 0.99)
    assert scenario.workload.requests_per_month is not None
    moved = scenario.workload.requests_per_month.model_copy(
        update={"likely": beyond, "low": None, "high": None}
    )
    workload = scenario.workload.model_copy(update={"requests_per_month": moved})
    now = evaluate(
        scenario.model_copy(update={"workload": workload}), *data(), settings=Settings(cache=KEPT)
    )
    reasons = reasons_to_review(decision, DAY, now)
    assert [reason for reason in reasons if reason.startswith(flip.driver)]


def test_what_is_not_ranked_cannot_be_chosen():
    found = evaluated(NAME)
    with pytest.raises(TcoError, match="is not ranked"):
        decide(found, by="Ada", why="a wish", on=DAY, choice="nobody")
    with pytest.raises(TcoError, match="is not after"):
        decide(found, by="Ada", why="in a hurry", on=DAY, review_on=DAY)


def test_a_broken_file_says_what_is_wrong(tmp_path):
    path = tmp_path / "broken.json"
    path.write_text('{"format": "decision/1", "scenario": 3}')
    with pytest.raises(InputError, match="scenario"):
        read_decision(path)


def test_the_command_records_verifies_and_lists(tmp_path):
    wanted = ["decide", NAME, "--by", "Ada", "--why", "cheap", "--on", "2026-11-30"]
    done = RUN.invoke(app, [*wanted, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    [path] = tmp_path.glob("*.json")
    assert path.with_suffix(".md").exists()
    again = RUN.invoke(app, [*wanted, "--out", str(tmp_path)])
    assert isinstance(again.exception, TcoError), "a decision is not overwritten"
    checked = RUN.invoke(app, ["decide", "--verify", str(path)])
    assert checked.exit_code == 0
    assert "the same bytes" in checked.stdout
    for day, count in (("2026-12-01", 0), ("2027-02-28", 1)):
        done = RUN.invoke(app, ["decide", "--due", "--out", str(tmp_path), "--on", day, "--json"])
        assert len(json.loads(done.stdout)["due"]) == count


def test_a_decision_needs_a_name_and_a_reason():
    done = RUN.invoke(app, ["decide", NAME])
    assert isinstance(done.exception, TcoError)
    assert "--by" in str(done.exception)
