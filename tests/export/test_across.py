"""The ranking in each scenario: the report tells what `tco rank` tells of every one of them."""

import io
import re
import shutil
from dataclasses import replace

import pypdf
import pytest
from reportlab.platypus import SimpleDocTemplate

from tco.cli.ranking import across_scenarios
from tco.domain.changes import with_inputs
from tco.domain.loading import Library
from tco.export.across import NOT_LOOKED, STOPPED, by_snapshot_and_scenario
from tco.export.across_section import across_section
from tco.export.files import Format, Wanted, export_files, with_scenarios
from tco.export.page_style import one_page
from tco.export.report import report_pdf
from tco.plan import Settings, evaluate
from tests.conftest import ROOT
from tests.shipped import KEPT, LIBRARY, NAMES, data, evaluated

NAME = "ticket-classification/base"
SCENARIOS = [name for name in NAMES if name.startswith("ticket-classification/")]
WANTED = Wanted([Format.REPORT], "unused")


def seen_from(name, library=LIBRARY):
    found = evaluated(name)
    return with_scenarios(found, WANTED, library, library.find(name), *data()).across


def text_of(document):
    pages = pypdf.PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def section_of(found, seen):
    """The section alone, on a page of its own: what a report says of it, without the charts."""
    held = io.BytesIO()
    SimpleDocTemplate(held).build([one_page(across_section(found, seen))])
    return text_of(held.getvalue())


@pytest.fixture(scope="module")
def document():
    [written] = export_files(evaluated(NAME), replace(WANTED, across=seen_from(NAME))).values()
    return written


@pytest.fixture(scope="module")
def report(document):
    assert len(pypdf.PdfReader(io.BytesIO(document)).pages) == 5
    return text_of(document)


def test_the_reports_figures_are_those_of_rank_in_every_scenario(report):
    ranked = across_scenarios([evaluated(name) for name in SCENARIOS])["ticket-classification"]
    assert len(ranked) > 3
    rows = by_snapshot_and_scenario([evaluated(name) for name in SCENARIOS])
    assert list(rows)[: len(ranked)] == list(ranked)
    for snapshot, row in rows.items():
        cells = []
        for name in SCENARIOS:
            scenario = name.rpartition("/")[2]
            told, cell = ranked.get(snapshot, {}).get(scenario), row.get(scenario)
            if told is not None:
                cells.append(f"{told['place']}. {told['cost_usd']:,.0f}")
            elif cell is None:
                cells.append("no option")
            else:
                assert cell.cost_usd is not None
                cells.append(f"{cell.word} ({cell.cost_usd:,.0f})")
        assert " ".join([snapshot, *cells]) in report


def test_the_report_says_who_wins_where_and_who_is_left_out_for_what(report):
    told = re.search(r"The cheapest that meets every goal: (.*?)\.", report)
    assert told is not None
    wins = {
        scenario: part.partition(" in ")[0]
        for part in told[1].split("; ")
        for scenario in part.partition(" in ")[2].split(", ")
    }
    best = {name: evaluated(name).ranking.snapshots[0].profile for name in SCENARIOS}
    assert wins == {
        name.rpartition("/")[2]: "+".join(known.snapshots)
        for name, known in best.items()
        if known is not None
    }
    assert len(set(wins.values())) > 1, "or nobody would see which"
    for name in SCENARIOS:
        ranking = evaluated(name).ranking
        placed = {answer.profile.snapshots for answer in ranking.options if answer.profile}
        for answer in (*ranking.unproven, *ranking.excluded):
            if answer.profile is not None and answer.profile.snapshots not in placed:
                assert "; ".join(answer.reasons) in report


def test_a_report_from_any_of_the_scenarios_tells_the_same_and_which_one_it_is():
    seen = [seen_from(name) for name in SCENARIOS[:2]]
    for name, across in zip(SCENARIOS, seen, strict=False):
        text = section_of(evaluated(name), across)
        assert f"{name.rpartition('/')[2]} (this plan)" in text
        assert text.count("(this plan)") == 1
    tables = [by_snapshot_and_scenario(across.evaluations) for across in seen]
    figures = [
        {(s, n): (c.place, c.cost_usd) for s, row in table.items() for n, c in row.items()}
        for table in tables
    ]
    assert figures[0] == figures[1]


def test_the_same_scenarios_give_the_same_bytes_and_who_wants_no_report_none(document):
    found = evaluated(NAME)
    asked = replace(WANTED, across=seen_from(NAME))
    assert list(export_files(found, asked).values()) == [document]
    none = replace(WANTED, formats=[Format.SUMMARY])
    assert with_scenarios(found, none, LIBRARY, LIBRARY.find(NAME), *data()) is none
    assert NOT_LOOKED.why_not in section_of(found, NOT_LOOKED)
    assert STOPPED.why_not in section_of(found, STOPPED)


# ---- folders of one's own ------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path):
    """A library of its own: one use case with two small scenarios."""
    shutil.copytree(ROOT / "tests" / "domain" / "library", tmp_path / "scenarios")
    return Library(tmp_path / "scenarios")


def looked_at(library, scenario):
    found = evaluate(scenario, *data(), settings=Settings(cache=KEPT))
    seen = with_scenarios(found, WANTED, library, library.file_of(scenario), *data()).across
    return seen, section_of(found, seen)


def test_a_scenario_alone_is_said_to_be_the_only_one(library):
    (library.root / "case" / "high.yaml").unlink()
    seen, text = looked_at(library, library.load_scenario(library.find("case/base")))
    assert len(seen.evaluations) == 1
    assert "There is only one scenario of case: base." in text


def test_what_cannot_be_read_is_named_and_other_files_are_passed_over(library):
    folder = library.root / "case"
    (folder / "odd.yaml").write_text("extends: base.yaml\nname: odd\nhorizon_months: many\n")
    (folder / "fleet.yaml").write_text("replicas: 2\n")
    seen, text = looked_at(library, library.load_scenario(library.find("case/base")))
    assert [one.scenario.name for one in seen.evaluations] == ["base", "high"]
    assert [name for name, _ in seen.unread] == ["odd"]
    assert "odd is not here:" in text
    assert "horizon_months" in text
    assert "fleet" not in text


def test_a_changed_plan_stands_beside_the_others_as_their_files_say(library):
    scenario = library.load_scenario(library.find("case/base"))
    changed = with_inputs(scenario, {("horizon_months",): scenario.horizon_months + 12})
    seen, text = looked_at(library, changed)
    assert [one.scenario.digest for one in seen.evaluations] == [
        changed.digest,
        library.load_scenario(library.find("case/high")).digest,
    ]
    assert "This plan was changed; the other scenarios are as their files say." in text
    _, text = looked_at(library, scenario)
    assert "was changed" not in text


def test_what_a_table_has_no_room_for_is_counted(monkeypatch):
    rows = by_snapshot_and_scenario([evaluated(name) for name in SCENARIOS])
    monkeypatch.setattr("tco.export.across_section.MOST_ROWS", 2)
    monkeypatch.setattr("tco.export.report.MOST_RANKED", 3)
    found = evaluated(NAME)
    text = text_of(report_pdf(found, seen=seen_from(NAME)))
    assert f"and {len(rows) - 2} more snapshots" in text
    priced = len({line.option for line in found.model.lines})
    assert text.count(f"and {priced - 3} more options, in the workbook") == 4
    assert f"and {len(found.ranking.options) - 3} more options in the table" in text
