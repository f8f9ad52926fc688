"""Reports, data and the command: the same figures everywhere, the same bytes twice."""

import io
import json
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]
import openpyxl
import pandas as pd
import pypdf
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tco.charts import frames
from tco.cli import rows
from tco.domain.cost import Basis
from tco.export.document import evaluation_json
from tco.export.facts import facts_of
from tco.export.files import ENDINGS, Format, Wanted, export_files, with_recovery
from tco.export.recovery import STOPPED
from tco.export.report import report_pdf, summary_pdf
from tco.rank.comparison import compared
from tests.cases import worked_plans
from tests.conftest import ROOT
from tests.shipped import NAMES, data, evaluated

NAME = "ticket-classification/base"
CENT = 0.005


@pytest.fixture(scope="module")
def files():
    found = evaluated(NAME)
    wanted = Wanted(formats=list(Format), option=found.ranking.options[0].option)
    return export_files(found, wanted)


def content(files, ending):
    [found] = [data for name, data in files.items() if name.endswith(ending)]
    return found


def test_every_format_is_written_under_a_name_that_tells_its_plan(files):
    found = evaluated(NAME)
    assert all(found.scenario.digest[:8] in name for name in files)
    assert all("ticket-classification-base" in name for name in files)
    assert len(files) >= len(Format)


def test_the_same_evaluation_gives_the_same_bytes(files):
    found = evaluated(NAME)
    wanted = Wanted(formats=list(Format), option=found.ranking.options[0].option)
    assert export_files(found, wanted) == files


def test_the_summary_is_one_page_with_total_digest_date_and_caveat(files):
    found = evaluated(NAME)
    best = found.ranking.options[0]
    assert best.money is not None
    document = pypdf.PdfReader(io.BytesIO(content(files, ENDINGS[Format.SUMMARY])))
    assert len(document.pages) == 1
    text = document.pages[0].extract_text()
    assert f"{best.money.basis_usd:,.0f}" in text
    assert found.scenario.digest[:16] in text
    assert f"{found.scenario.price_date:%Y-%m-%d}" in text
    assert "not a quote" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_summarys_totals_are_the_ledgers_to_the_cent(name):
    found = evaluated(name)
    document = pypdf.PdfReader(io.BytesIO(summary_pdf(found)))
    text = " ".join(page.extract_text() for page in document.pages)
    for answer in found.ranking.options:
        own = found.ledger[found.ledger["option"] == answer.option]
        assert found.settings.basis is Basis.ACCRUAL, "over the horizon it adds up to cash"
        assert f"{own['cost_usd'].sum():,.2f}" in text


def test_the_report_has_five_pages_and_names_every_priced_option(files):
    document = pypdf.PdfReader(io.BytesIO(content(files, ENDINGS[Format.REPORT])))
    assert len(document.pages) == 5
    text = " ".join(" ".join(page.extract_text().split()) for page in document.pages)
    for answer in evaluated(NAME).ranking.options:
        assert " ".join(answer.title.split()) in text


def test_the_json_holds_every_row_in_full(files):
    found = evaluated(NAME)
    document = json.loads(content(files, ".json"))
    total = sum(row["cost_usd"] for row in document["ledger"])
    assert total == pytest.approx(found.ledger["cost_usd"].sum(), rel=1e-12)
    assert document["ranking"]["digest"] == found.scenario.digest
    names = {driver["name"] for driver in document["assumptions"]}
    assert names == set(found.model.drivers())


def test_parquet_is_the_ledger(files):
    found = evaluated(NAME)
    back = pd.read_parquet(io.BytesIO(content(files, ENDINGS[Format.ROWS])))
    assert back["cost_usd"].sum() == found.ledger["cost_usd"].sum()
    assert list(back.columns) == list(found.ledger.columns)


def test_markdown_escapes_what_people_typed(files):
    text = content(files, ".md").decode()
    best = evaluated(NAME).ranking.options[0]
    assert best.money is not None
    assert f"{best.money.basis_usd:,.2f}" in text


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("/base")])
def test_the_json_keeps_to_its_published_schema(name):
    schema = json.loads((ROOT / "docs" / "schemas" / "evaluation.json").read_text())
    written = json.loads(evaluation_json(evaluated(name), ()))
    jsonschema.Draft202012Validator(schema).validate(written)
    del written["ledger"][0]["unit"]
    with pytest.raises(jsonschema.ValidationError, match="unit"):
        jsonschema.Draft202012Validator(schema).validate(written)


def words_of(name, content):
    """Everything that a file says, as one text."""
    ending = name.rpartition(".")[2]
    if ending == "xlsx":
        cells = openpyxl.load_workbook(io.BytesIO(content))["Cover"].iter_rows(values_only=True)
        return " ".join(str(cell) for row in cells for cell in row if cell)
    if ending == "pdf":
        pages = pypdf.PdfReader(io.BytesIO(content)).pages
        return " ".join(" ".join(page.extract_text().split()) for page in pages)
    if ending == "parquet":
        return " ".join(pd.read_parquet(io.BytesIO(content)).attrs.values())
    if ending == "png":
        picture = Image.open(io.BytesIO(content))
        picture.load()
        assert isinstance(picture, PngImageFile)
        return " ".join(map(str, picture.text.values()))
    if ending == "svg":
        described = ElementTree.fromstring(content).find("{http://www.w3.org/2000/svg}desc")
        assert described is not None
        return described.text or ""
    return content.decode("utf-8-sig")


def test_every_file_says_what_it_is_and_rests_on(files):
    found = evaluated(NAME)
    facts = facts_of(found)
    said = [facts["Product"], found.scenario.id, found.scenario.digest[:8], facts["Prices of"]]
    endings = {name.rpartition(".")[2] for name in files}
    assert endings == {"xlsx", "csv", "pdf", "json", "md", "parquet", "png", "svg"}
    for name, written in files.items():
        words = words_of(name, written)
        for fact in (*said, "accrual", "USD", "not a quote"):
            assert fact.lower() in words.lower(), (name, fact)


def test_a_csv_says_it_in_every_row(files):
    for form in (Format.BUDGET, Format.BUDGET_WIDE):
        table = pd.read_csv(io.BytesIO(content(files, ENDINGS[form])), keep_default_na=False).iloc[
            :-1
        ]
        for column in ("scenario", "scenario_digest", "prices_of", "product", "basis", "note"):
            assert set(table[column]) == {table[column].iloc[0]} != {""}


def text_of(document):
    pages = pypdf.PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def test_the_report_and_its_workbook_say_what_would_recover_the_waste():
    found = worked_plans.evaluated("experiments")
    wanted = Wanted([Format.REPORT, Format.WORKBOOK], found.ranking.options[0].option)
    tables = (worked_plans.catalog(), worked_plans.measurements())
    report, book = export_files(found, with_recovery(found, wanted, *tables)).values()
    # Worked out by hand in tests/recover: these three together save 4,235.00.
    text = text_of(report)
    assert "switch-off, then track-runs, then stop-early would save USD 4,235" in text
    assert "switch-off: saves" in text
    cells = list(openpyxl.load_workbook(io.BytesIO(book))["Waste"].iter_rows(values_only=True))
    start = next(n for n, row in enumerate(cells) if row[1] == "cause" and row[2] == "today [USD]")
    causes = [row[2:5] for row in cells[start + 1 :] if isinstance(row[4], float | int)]
    assert causes
    for today, recovered, stays in causes:
        assert recovered == pytest.approx(today - stays)


def test_nothing_is_tried_without_a_report_and_a_report_says_so(files):
    found = evaluated(NAME)
    wanted = Wanted([Format.SUMMARY], found.ranking.options[0].option)
    assert with_recovery(found, wanted, *data()) is wanted
    assert "was not asked for" in text_of(content(files, ENDINGS[Format.REPORT]))
    assert "was stopped" in text_of(report_pdf(found, recoverable=STOPPED))


def test_a_report_of_much_to_say_still_has_five_pages():
    found = evaluated("support-chat/base")
    crossings = compared(found.outlook, found.requests_answered, None)
    assert len(pypdf.PdfReader(io.BytesIO(report_pdf(found, crossings))).pages) == 5


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_command_adds_up_to_the_same_cent(name):
    found = evaluated(name)
    shown = found.ledger[["option", "cost_usd"]]
    written = pd.read_csv(io.StringIO(rows.write(shown, "csv", name)))
    totals = written.groupby("option")["cost_usd"].sum()
    for answer in frames.priced(found):
        assert answer.money is not None
        assert totals[answer.option] == pytest.approx(answer.money.tco_usd, abs=CENT)
