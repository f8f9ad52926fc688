"""rank, explain, ledger and diff: what is answered, on which stream and with which status."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from tco.cli.main import app
from tests.cli.conftest import LIBRARY, Tco

BASE, HIGH = "case/base", "case/high"


@pytest.fixture
def changed(tmp_path: Path):
    """Write a copy of the base scenario in which texts are replaced."""

    def write(*pairs: tuple[str, str], name: str = "changed.yaml") -> Path:
        text = (LIBRARY / "case" / "base.yaml").read_text()
        for old, new in pairs:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# rank


def test_rank_prints_each_scenario_with_its_options(tco: Tco):
    done = tco("rank")
    assert (done.status, done.err) == (0, "")
    for text in (BASE, HIGH, "An open model through an API (api)", "Illustrative"):
        assert text in done.out
    assert done.out.count("Which model sorts tickets at the least cost?") == 1


def test_rank_takes_use_cases_names_and_files(tco: Tco):
    whole = json.loads(tco("rank", "case", "--json").out)
    assert [found["scenario"] for found in whole["scenarios"]] == [BASE, HIGH]
    single = json.loads(tco("rank", HIGH, LIBRARY / "case" / "base.yaml", "--json").out)
    assert [found["scenario"] for found in single["scenarios"]] == [HIGH, BASE]


def test_the_json_of_rank_is_one_document_of_what_other_programs_rely_on(tco: Tco):
    document = json.loads(tco("rank", BASE, "--json").out)
    assert document["schema"] == "tco/rank/1"
    [found] = document["scenarios"]
    assert {
        "scenario", "use_case", "digest", "currency", "basis", "horizon_months", "price_date",
        "seed", "fidelity", "snapshots", "options", "unproven", "excluded",
    } <= set(found)  # fmt: skip
    assert [option["rank"] for option in found["options"]] == [1, 2, 3, 4, 5]
    totals = [option["tco_usd"] for option in found["options"]]
    assert totals == sorted(totals)
    assert {
        "option", "snapshot", "kind", "openness", "size_class", "tco_usd", "pv_usd",
        "cost_per_1k_usd", "inference_cost_per_1k_usd", "evidence_shares",
    } <= set(found["options"][0])  # fmt: skip


def test_an_option_without_a_figure_that_a_goal_asks_for_is_unproven(tco: Tco, changed):
    latency = "      latency_ms: {p50: 400, p95: 900, evidence: assumed, source: a guess}\n"
    path = changed((latency, ""))
    assert "unproven: An open model through an API (api)" in tco("rank", path).out
    [found] = json.loads(tco("rank", path, "--json").out)["scenarios"]
    unproven = {option["option"]: option["reasons"] for option in found["unproven"]}
    assert {"api", "both"} <= set(unproven)
    assert all("latency" in " ".join(reasons) for reasons in unproven.values())


@pytest.mark.parametrize("basis", ["accrual", "cash", "present value"])
def test_the_basis_is_stated(tco: Tco, basis: str):
    document = json.loads(tco("rank", BASE, "--basis", basis, "--json").out)
    assert document["scenarios"][0]["basis"] == basis


@pytest.fixture
def infeasible(changed) -> Path:
    """A scenario whose latency goal nothing meets, and that has nothing to keep."""
    path: Path = changed(("{p95: 9000}", "{p95: 1}"))
    text = path.read_text()
    path.write_text(text[: text.index("incumbent:")] + text[text.index("price_paths:") :])
    return path


def test_nothing_feasible_is_an_answer_with_reasons_and_status_1(tco: Tco, infeasible: Path):
    done = tco("rank", infeasible)
    assert (done.status, done.err) == (1, "")
    assert "No option meets every goal with known figures." in done.out
    assert done.out.count("left out:") == 4
    assert "- p95 latency" in done.out
    nearest = (
        "Nearest: Our encoder on CPU (own). To let it in, relax p95 latency to 50 ms (by 4900%)."
    )
    assert nearest in done.out
    assert tco("rank", infeasible, "--json").status == 1
    assert tco("rank", infeasible, BASE).status == 0, "one answer is enough"


def test_every_unreadable_scenario_is_told_before_any_work(tco: Tco, changed, tmp_path: Path):
    early = changed(("start: 2027-01-01", "start: 2027-01-02"), name="early.yaml")
    cut = changed(("title: Sort tickets\n", "title: ["), name="cut.yaml")
    done = tco("rank", BASE, early, cut, tmp_path / "none.yaml", "case/hihg")
    assert (done.status, done.out) == (2, "")
    lines = done.err.splitlines()
    assert lines[0].startswith("no scenario 'case/hihg'. Near it: case/high")
    found = [line.rpartition("/")[2].partition(";")[0] for line in lines[1:]]
    assert sorted(found) == [
        "cut.yaml:6: title[1]: not valid YAML: did not find expected ',' or ']'",
        'early.yaml:7: start: not the first of a month (found "2027-01-02")',
        "none.yaml: cannot be read: No such file or directory",
    ]


def test_a_data_folder_without_scenarios_says_so(tco: Tco, tmp_path: Path):
    for part in ("pricing", "scenarios", "benchmarks"):
        (tmp_path / part).mkdir()
    done = tco("--data", tmp_path, "rank")
    assert done.status == 2
    assert f"there is no scenario under {tmp_path}/scenarios" in done.err


# explain


def test_explain_opens_the_cheapest_option_as_a_tree(tco: Tco):
    done = tco("explain", BASE)
    assert (done.status, done.err) == (0, "")
    first, *rest = done.out.splitlines()
    assert first.startswith("api costs $")
    assert "over the horizon" in first
    assert all(line.lstrip("│ ").startswith(("├─ ", "└─ ")) for line in rest)
    assert "genai-prices" in done.out
    assert "price of the day" not in done.out


def test_explain_takes_one_month(tco: Tco):
    document = json.loads(tco("explain", BASE, "--month", "2027-03", "--json").out)
    assert (document["schema"], document["month"]) == ("tco/explain/1", "2027-03")
    assert document["tree"]["parts"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--option", "ap"), "no option 'ap'. Near it: api. The options of case/base: own, api,"),
        (("--month", "2027-07"), "month '2027-07' is not in the horizon, 2027-01 to 2027-06. Near"),
        (("--month", "July"), "month 'July' is not in the horizon, 2027-01 to 2027-06. Near it"),
    ],
)
def test_explain_names_what_is_near(tco: Tco, arguments: tuple[str, ...], words: str):
    done = tco("explain", BASE, *arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_explain_gives_the_reason_of_an_option_that_was_left_out(tco: Tco, changed):
    path = changed(("instance_type: c7i.xlarge", "instance_type: c7i.xlarg"))
    done = tco("explain", path, "--option", "own")
    assert done.status == 2
    assert done.err.startswith("tco: option 'own' could not be evaluated: ")
    assert "c7i.xlarge" in done.err


def test_explain_asks_for_an_option_where_none_is_feasible(tco: Tco, infeasible: Path):
    done = tco("explain", infeasible)
    assert (done.status, done.out) == (2, "")
    words = (
        "no option of case/base meets every goal; name one with --option: own, api, both, later."
    )
    assert done.err == f"tco: {words}\n"


# ledger


def test_the_ledger_sums_to_what_rank_says(tco: Tco):
    [ranked] = json.loads(tco("rank", BASE, "--json").out)["scenarios"]
    for option in ranked["options"]:
        document = json.loads(tco("ledger", BASE, "--option", option["option"], "--json").out)
        assert document["schema"] == "tco/ledger/1"
        total = sum(row["cost_usd"] for row in document["rows"])
        assert total == pytest.approx(option["tco_usd"], rel=1e-9)


@pytest.mark.parametrize("by", ["phase", "phase,payee", "month,phase,phase", "fiscal_year", "tags"])
def test_sums_over_columns_agree_with_all_rows(tco: Tco, by: str):
    rows = list(csv.DictReader(io.StringIO(tco("ledger", BASE, "--format", "csv").out)))
    summed = list(
        csv.DictReader(io.StringIO(tco("ledger", BASE, "--by", by, "--format", "csv").out))
    )
    assert set(summed[0]) == {*by.split(","), "cost_usd"}
    keys = [tuple(row[name] for name in row if name != "cost_usd") for row in summed]
    assert len(keys) == len(set(keys))
    totals = [sum(float(row["cost_usd"]) for row in some) for some in (rows, summed)]
    assert totals[0] == pytest.approx(totals[1], rel=1e-9)


def test_the_fiscal_year_is_named_by_the_year_in_which_it_ends(tco: Tco):
    rows = tco("ledger", BASE, "--by", "month,fiscal_year", "--format", "csv").out.splitlines()
    years = {row.split(",")[0]: row.split(",")[1] for row in rows[1:]}
    assert years["2027-03"] == "2027"
    assert years["2027-04"] == "2028"


@pytest.mark.parametrize("by", ["phas", "cost_usd", "", ",", "phase,,payee"])
def test_what_cannot_be_summed_by_is_refused(tco: Tco, by: str):
    done = tco("ledger", BASE, f"--by={by}")
    if by:
        assert (done.status, done.out) == (2, "")
        assert "the ledger cannot be summed by '" in done.err
    else:
        assert done.status == 0


def test_no_cell_of_the_csv_becomes_a_formula(tco: Tco, changed):
    evil = '=HYPERLINK("x")'
    path = changed(
        ("title: a labelling server", f"title: '{evil}'"),
        ("title: dashboards", "title: '  +1+1'"),
    )
    rows = list(csv.DictReader(io.StringIO(tco("ledger", path, "--format", "csv").out)))
    items = {row["item"] for row in rows}
    assert any(item.startswith("'=HYPERLINK") for item in items)
    starts = ("=", "+", "-", "@", "\t", "\r")
    numbers = {"quantity", "unit_price_usd", "cost_usd", "life_months", "energy_kwh", "co2e_kg"}
    for row in rows:
        for name, cell in row.items():
            assert name in numbers or not cell.lstrip().startswith(starts), (name, cell)


def test_the_table_shows_money_with_cents(tco: Tco):
    header, *rows = tco("ledger", BASE).out.splitlines()
    shown = {"month", "option", "item", "quantity", "unit_price_usd", "cost_usd"}
    assert shown <= set(header.split())
    assert all(re.search(r"\d\.\d\d +[a-z]+$", row) for row in rows)


def test_the_ledger_is_written_whole_into_a_file(tco: Tco, tmp_path: Path):
    done = tco("ledger", BASE, "--format", "csv", "--out", tmp_path / "rows.csv")
    assert (done.status, done.out) == (0, "")
    assert done.err == f"tco: wrote {tmp_path}/rows.csv\n"
    assert (tmp_path / "rows.csv").read_text() == tco("ledger", BASE, "--format", "csv").out


# diff


@pytest.mark.parametrize("option", ["own", "api", "later", "both"])
def test_the_parts_of_a_bridge_sum_exactly(tco: Tco, option: str):
    document = json.loads(tco("diff", BASE, HIGH, "--option", option, "--json").out)
    assert document["schema"] == "tco/diff/1"
    old, new = document["old"]["tco_usd"], document["new"]["tco_usd"]
    assert sum(document["parts_usd"].values()) == pytest.approx(new - old, abs=1e-6)
    assert document["difference_usd"] == new - old


def test_a_bridge_reads_from_the_old_total_to_the_new(tco: Tco):
    done = tco("diff", BASE, HIGH, "--option", "api")
    lines = done.out.splitlines()
    assert lines[0].startswith("case/base: api")
    assert lines[-2].startswith("case/high: api")
    assert lines[-1].startswith("difference")
    markdown = tco("diff", BASE, HIGH, "--option", "api", "--markdown").out
    assert markdown.startswith("| what moved | USD |\n|---|---:|\n| case/base: api | $")


def test_a_bridge_to_itself_is_empty(tco: Tco):
    document = json.loads(tco("diff", BASE, BASE, "--json").out)
    assert document["difference_usd"] == 0
    assert set(document["parts_usd"].values()) <= {0.0}


def test_another_cheapest_option_is_mentioned_on_stderr(tco: Tco, changed):
    title = "    title: An open model through an API\n"
    fee = "{title: a fee, usd_per_month: 9e6, phase: platform, payee: other}"
    dear = changed((title, f"{title}    lifecycle: {{monthly: {{fee: {fee}}}}}\n"))
    done = tco("diff", BASE, dear)
    assert done.status == 0
    assert "the cheapest option changes from api to " in done.err


# all of them


def test_every_command_with_json_documents_its_schema(tco: Tco):
    arguments = {
        "rank": (BASE,), "explain": (BASE,), "ledger": (BASE,), "diff": (BASE, HIGH),
        "check": (str(LIBRARY / "organisation.yaml"),), "doctor": (),
    }  # fmt: skip
    for name, positional in arguments.items():
        document = json.loads(tco(name, *positional, "--json").out)
        assert document["schema"] == f"tco/{name}/1"


def test_every_answering_command_offers_json():
    waiting = [get_command(app)]
    without = []
    while waiting:
        found = waiting.pop()
        below = getattr(found, "commands", {})
        waiting += below.values()
        words = [word for parameter in found.params for word in parameter.opts]
        if not below and "--json" not in words:
            without.append(found.name)
    assert without == ["app"]


def test_rank_shows_other_currencies_with_their_rate_and_its_day(tco: Tco):
    dollars, euros = tco("rank", BASE), tco("rank", BASE, "--currency", "EUR")
    assert euros.status == 0
    assert "nominal EUR at 1 EUR = 1." in " ".join(euros.out.split())
    assert "2026-" in euros.out.partition("1 EUR = ")[2]
    assert "$" in dollars.out
    assert "$" not in euros.out
    assert "€" in euros.out
