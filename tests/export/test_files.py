"""Reports, data and the command: the same figures everywhere, the same bytes twice."""

import io
import json

import jsonschema  # type: ignore[import-untyped]
import pandas as pd
import pypdf
import pytest

from tco.domain.cost import Basis
from tco.export.document import evaluation_json
from tco.export.files import ENDINGS, Format, Wanted, export_files
from tco.export.report import summary_pdf
from tests.conftest import ROOT
from tests.shipped import NAMES, evaluated

NAME = "ticket-classification/base"


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
