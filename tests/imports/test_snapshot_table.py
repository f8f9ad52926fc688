"""A table becomes snapshots row by row, all or none, and every wrong cell is named."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest

from tco.errors import InputError, TcoError
from tco.imports.snapshot_facts import Imported, known_key, snapshots_of
from tco.imports.snapshot_table import read_table, template

ROUTER: dict[str, str] = {
    "id": "router",
    "name": "Router",
    "version": "4.10",
    "task": "routing",
    "architecture": "encoder",
    "licence": "mit",
    "source": "our own",
    "openness": "open",
    "uses_tokens": "false",
    "parameters": "66000000",
    "released": "2026-09-01",
    "training.approach": "distilled",
    "training.hyperparameters.optimiser.name": "adam",
    "metrics[0].name": "macro-F1",
    "metrics[0].value": "0.88",
    "metrics[0].split": "test",
    "metrics[0].task": "routing",
    "metrics[0].test_set": "tickets",
    "metrics[0].evidence": "measured",
    "metrics[0].source": "our own run",
}
CHAT = {
    **{key: value for key, value in ROUTER.items() if "[0]" not in key},
    "id": "chat",
    "uses_tokens": "true",
    "tokens.input_token_factor": "1.1",
    "tokens.output_token_factor": "1",
    "tokens.output_token_factor.low": "0.9",
    "tokens.output_token_factor.high": "1.2",
    "tokens.output_token_factor.evidence": "assumed",
    "tokens.output_token_factor.source": "answers differ in length",
    "tokens.reasoning_tokens": "0",
}


def as_csv(path: Path, *rows: dict[str, str]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def imported(path: Path) -> list[Imported]:
    return snapshots_of(read_table(path), {})


def findings(path: Path) -> list[str]:
    with pytest.raises(InputError) as refused:
        imported(path)
    return [f"{found.line} {found.key}: {found.problem}" for found in refused.value.findings]


def test_rows_become_snapshots(tmp_path: Path):
    router, chat = (each.snapshot for each in imported(as_csv(tmp_path / "t.csv", ROUTER, CHAT)))
    assert (router.version, router.parameters) == ("4.10", 66e6)
    assert router.training.hyperparameters == {"optimiser.name": "adam"}
    assert [metric.value for metric in router.metrics] == [0.88]
    assert chat.tokens is not None
    assert chat.tokens.input_token_factor.likely == 1.1
    assert chat.tokens.output_token_factor.low == 0.9
    assert chat.memory_gib is None, "what the table does not tell stays missing"


def test_the_template_filled_in_is_the_table(tmp_path: Path):
    header = template().strip().split(",")
    assert all(known_key(name) for name in header)
    wanted = {
        key for key in (*ROUTER, *CHAT) if "hyper" not in key and "output_token_factor." not in key
    }
    assert wanted <= set(header)
    path = as_csv(tmp_path / "t.csv", dict.fromkeys(header, "") | {"id": "only"})
    assert "2 licence: missing" in findings(path)


def test_a_table_printed_as_template_reads_back_the_same(tmp_path: Path):
    told = read_table(as_csv(tmp_path / "t.csv", ROUTER, CHAT))
    (tmp_path / "back.csv").write_text(template(told))
    assert [facts.values for facts in read_table(tmp_path / "back.csv")] == [
        facts.values for facts in told
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "../escape"}, "2 id: not a name (found \"../escape\")"),
        ({"id": "..\\escape"}, "2 id: not a name (found \"..\\\\escape\")"),
        ({"name": "=cmd|' /C calc'!A0"}, "2 name: '=cmd|' /C calc'!A0' begins as a formula does"),
        ({"source": "@SUM(1)"}, "2 source: '@SUM(1)' begins as a formula does"),
        ({"licence": ""}, "2 licence: missing"),
        ({"parameters": "8,190,000,000"}, "2 parameters: '8,190,000,000' is not a plain number"
                                          ", without commas or unit"),
        ({"parameters": "8B"}, "2 parameters: '8B' is not a plain number, without commas or unit"),
        ({"parameters": "nan"}, "2 parameters: 'nan' is not a plain number"
                                ", without commas or unit"),
        ({"parameters": "1e309"}, "2 parameters: '1e309' is more than a number can hold"),
        ({"parameters": "-5"}, "2 parameters: must be greater than 0 (found -5.0)"),
        ({"context_tokens": "0.5"}, "2 context_tokens: '0.5' is not a whole number"),
        ({"uses_tokens": "maybe"}, "2 uses_tokens: 'maybe' is neither true nor false"),
        ({"openness": "opened"}, "2 openness: 'opened' is not known here"),
        ({"released": "01.09.2026"}, "2 released: not a date (found \"01.09.2026\")"),
        ({"uses_tokens": "true"}, "2 tokens.reasoning_tokens.likely: missing"),
        ({"lisence": "mit"}, "1 lisence: no such column"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named_with_its_row(tmp_path: Path, changes, problem):
    assert problem in findings(as_csv(tmp_path / "t.csv", ROUTER | changes))


def test_ids_that_come_twice_and_all_other_problems_are_told_at_once(tmp_path: Path):
    path = as_csv(tmp_path / "t.csv", ROUTER, ROUTER | {"id": "b", "task": "A B"}, ROUTER)
    assert findings(path) == [
        '3 task: not a name (found "A B")',
        "4 id: 'router' comes twice (first in row 2)",
    ]


def test_lines_are_counted_through_cells_that_run_over_lines(tmp_path: Path):
    path = as_csv(tmp_path / "t.csv", ROUTER | {"notes.failures": "one\ntwo"}, ROUTER)
    assert findings(path) == [
        "2 notes.failures: a control character in a text",
        "4 id: 'router' comes twice (first in row 2)",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no header"),
        (b"id,name\n", "no row below the header"),
        (b"id,id\nx,y\n", "the column comes twice"),
        (b"id,name\nx,y,z\n", "cell 3 stands in no named column"),
        (b"id\n\xff\n", "not UTF-8"),
        (b'id\n"x\n', "not readable as CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, words: str):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(TcoError, match=words):
        read_table(tmp_path / "t.csv")


# ---- spreadsheets -------------------------------------------------------------------------------


def as_xlsx(path: Path, *rows: dict[str, object]) -> Path:
    book = openpyxl.Workbook()
    header = list(dict.fromkeys(key for row in rows for key in row))
    book.active.append(header)
    for row in rows:
        book.active.append([row.get(key) for key in header])
    book.save(path)
    return path


def test_a_spreadsheet_says_what_its_csv_says(tmp_path: Path):
    import datetime

    typed = {
        "parameters": 66000000,
        "released": datetime.datetime(2026, 9, 1),
        "uses_tokens": False,
    }
    book = as_xlsx(tmp_path / "t.xlsx", {**ROUTER, **typed, "metrics[0].value": 0.88})
    table = as_csv(tmp_path / "t.csv", ROUTER)
    assert [each.snapshot for each in imported(book)] == [each.snapshot for each in imported(table)]


def test_a_formula_and_a_version_that_became_a_number_are_refused(tmp_path: Path):
    row = {**ROUTER, "version": 4.1, "parameters": "=66*1000000", "name": "=A1"}
    found = findings(as_xlsx(tmp_path / "t.xlsx", row))
    assert [problem.partition(":")[0] for problem in found] == ["2 version", "2 parameters"]
    assert "4.10 would have become 4.1" in found[0]
    assert findings(as_xlsx(tmp_path / "t.xlsx", {**ROUTER, "name": "=A1"})) == [
        "2 name: '=A1' begins as a formula does"
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"id,name\n"])
def test_a_broken_spreadsheet_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(TcoError, match="not readable as XLSX"):
        read_table(tmp_path / "t.xlsx")


def test_a_book_that_unpacks_without_end_is_refused_before_it_is_read(tmp_path, monkeypatch):
    import zipfile

    monkeypatch.setattr("tco.imports.snapshot_table.MOST_UNPACKED_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", bytes(2_000_000))
    assert (tmp_path / "t.xlsx").stat().st_size < 100_000
    with pytest.raises(TcoError, match="unpacks to 2,000,000 bytes"):
        read_table(tmp_path / "t.xlsx")
