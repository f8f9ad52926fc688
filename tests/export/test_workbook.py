"""The workbook recomputes to the engine's figures, and follows a changed assumption."""

import io
import shutil
import subprocess
import zipfile
from functools import cache

import openpyxl
import pytest

from tco.charts.frames import priced
from tco.domain.cost import Basis
from tco.export.workbook import workbook
from tco.plan import Settings, evaluate
from tests.export.recalculated import Recalculated
from tests.shipped import KEPT, NAMES, data, evaluated, loaded

ONE_A_USE_CASE = [name for name in NAMES if name.endswith("/base")]
FOLLOWED = "ticket-classification/base"
CENT = 0.005


@cache
def content(name):
    return workbook(evaluated(name))


@pytest.mark.parametrize("name", ONE_A_USE_CASE)
def test_every_formula_recalculates_to_the_engines_value(name):
    book = Recalculated(content(name))
    count = 0
    for sheet, row, column, formula in book.formulas():
        now, then = book.value(sheet, row, column), book.cached_value(sheet, row, column)
        if then in {None, ""}:
            assert now in {None, ""}, (sheet, row, column, formula)
        elif isinstance(then, str):
            assert now == then, (sheet, row, column, formula)
        else:
            assert now == pytest.approx(then, rel=1e-9, abs=1e-9), (sheet, row, column, formula)
        count += 1
    assert count > 1000


@pytest.mark.parametrize("name", NAMES)
def test_totals_equal_the_ledger_to_the_cent(name):
    found = evaluated(name)
    sheet = openpyxl.load_workbook(io.BytesIO(content(name)), data_only=True)["Summary"]
    shown = {row[2]: row for row in sheet.iter_rows(min_row=6, values_only=True) if row[4]}
    answers = priced(found)
    assert len(answers) > 0
    for answer in answers:
        assert answer.money is not None
        own = found.ledger[found.ledger["option"] == answer.option]
        assert shown[answer.title][5] == pytest.approx(own["cost_usd"].sum(), abs=CENT)
        assert shown[answer.title][4] == pytest.approx(answer.money.basis_usd, abs=CENT)


def test_the_checks_say_when_an_assumption_was_changed():
    book = Recalculated(content(FOLLOWED))
    row, cells = book.assumption_rows()["organisation.hours_per_fte_year"]
    assert book.value("Checks", 6, 3) == "ok"
    book.set("Assumptions", row, 2, cells[4] * 2)
    assert book.value("Checks", 3, 2) == 1
    assert book.value("Checks", 6, 2) == "ok"
    assert book.value("Checks", 6, 3) == "changed by you"


def test_the_same_evaluation_gives_the_same_bytes():
    assert workbook(evaluated(FOLLOWED)) == content(FOLLOWED)


def test_nothing_in_it_reaches_out_or_runs():
    with zipfile.ZipFile(io.BytesIO(content(FOLLOWED))) as packed:
        names = packed.namelist()
        text = b"".join(packed.read(name) for name in names if "sheet" in name)
    assert not [name for name in names if "vba" in name.lower() or "externalLink" in name]
    for volatile in (b"NOW(", b"TODAY(", b"RAND(", b"OFFSET(", b"INDIRECT("):
        assert volatile not in text


def test_every_basis_has_its_total():
    found = evaluated(FOLLOWED)
    best = found.ranking.options[0]
    assert best.money is not None
    book = openpyxl.load_workbook(io.BytesIO(content(FOLLOWED)), data_only=True)
    sheet = book[f"1 {best.option}"[:31]]
    totals = {row[0]: row[7] for row in sheet.iter_rows(values_only=True) if row[0]}
    cash = next(total for name, total in totals.items() if name.startswith("cash"))
    value = next(total for name, total in totals.items() if name.startswith("present value"))
    assert cash == pytest.approx(best.money.tco_usd, abs=CENT)
    assert value == pytest.approx(best.money.pv_usd, abs=CENT)
    assert found.settings.basis is Basis.ACCRUAL


STRANGE = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1", 'say "hi"', "🙂 שלום"]  # noqa: RUF001


@cache
def strangely_titled() -> bytes:
    """Make the workbook of a scenario whose options are called what a spreadsheet may misread."""
    scenario = loaded(FOLLOWED)
    candidates = {
        name: candidate.model_copy(update={"title": STRANGE[n % len(STRANGE)]})
        for n, (name, candidate) in enumerate(scenario.candidates.items())
    }
    strange = scenario.model_copy(update={"candidates": candidates})
    return workbook(evaluate(strange, *data(), settings=Settings(cache=KEPT)))


def titles_are_text(book: openpyxl.Workbook) -> None:
    """Check that every title that is shown is a text and no formula."""
    cells = [cell for row in book["Summary"].iter_rows() for cell in row]
    titles = [cell for cell in cells if cell.value in STRANGE]
    assert len({cell.value for cell in titles}) >= 5
    assert {cell.data_type for cell in titles} == {"s"}


def test_strange_titles_stay_text():
    titles_are_text(openpyxl.load_workbook(io.BytesIO(strangely_titled())))


RECALCULATE_ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Unable to read chart")  # LibreOffice's axes of dates
def test_libreoffice_recalculates_the_same_figures_and_reads_no_title_as_a_formula(tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed; tests/system_parts.sh names the command")
    profile = tmp_path / "profile" / "user"
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(RECALCULATE_ALWAYS)
    path = tmp_path / "book.xlsx"
    path.write_bytes(strangely_titled())
    convert = [office, f"-env:UserInstallation=file://{profile.parent}", "--headless"]
    for target, source in (("ods:calc8", path), ("xlsx", tmp_path / "book.ods")):
        where = tmp_path if target.startswith("ods") else tmp_path / "back"
        subprocess.run(
            [*convert, "--convert-to", target, "--outdir", str(where), str(source)],
            check=True,
            capture_output=True,
            timeout=120,
        )
    titles_are_text(openpyxl.load_workbook(tmp_path / "back" / "book.xlsx", read_only=True))
    recalculated = openpyxl.load_workbook(tmp_path / "back" / "book.xlsx", data_only=True)
    book = Recalculated(strangely_titled())
    compared = 0
    for sheet, row, column, formula in book.formulas():
        now = recalculated[sheet].cell(row, column).value
        then = book.cached_value(sheet, row, column)
        where = (sheet, row, column, formula)
        assert not (isinstance(now, str) and now.startswith("#")), where
        if then in {None, ""}:
            assert now in {None, ""}, where
        elif isinstance(then, str):
            assert now == then, where
        else:
            assert (now or 0.0) == pytest.approx(then, rel=1e-9, abs=1e-9), where
        compared += 1
    assert compared > 1000
