"""What people write into tables: every problem is named with its row, and nothing is guessed."""

import contextlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.errors import InputError
from tco.prices import schema
from tco.prices.overlay import replace_table
from tco.prices.tables import CellError, number, parse_table, read_table, share

HEADER = "role,price,low,high,unit,currency,checked_on,source,evidence"
GOOD = "engineer,100,80,120,hour,USD,2026-01-02,my books,stated"


def people(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def problems(content: bytes, table=schema.PEOPLE) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_table(table, content, file="people.csv")
    return [str(finding) for finding in caught.value.findings]


def test_a_good_row_is_read_as_it_stands():
    (line,) = parse_table(schema.PEOPLE, people(GOOD), file="people.csv")
    assert line.number == 2
    assert line.values["price"] == Decimal(100)
    assert line.values["checked_on"] == date(2026, 1, 2)
    assert line.values["valid_from"] is None
    assert line.values["negotiated"] is None


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_are_fine():
    content = b"\xef\xbb\xbf" + people(GOOD, "", ",,,,,,,,").replace(b"\n", b"\r\n")
    assert len(parse_table(schema.PEOPLE, content, file="people.csv")) == 1


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("-5", "'-5' is negative"),
        ("nan", "'nan' is not a number"),
        ("inf", "'inf' is not a number"),
        ("1e309", "'1e309' is beyond any price"),
        ('"1,234.50"', "'1,234.50' has thousands separators"),
        ("1 234", "'1 234' has thousands separators"),
        ("1'234", "'1'234' has thousands separators"),
        ('"12,50"', "'12,50' has a decimal comma"),
        ("$12", "'$12' carries a currency"),
        ("12 EUR", "'12 EUR' carries a currency"),
        ("€12", "'€12' carries a currency"),
        ("=A1*2", "'=A1*2' looks like a formula"),
        ("+12", "'+12' looks like a formula"),
        ("ten", "'ten' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("1_000", "'1_000' has thousands separators"),
        ("١٢", "is not a number"),
        ("0", "the figure is 0"),
        ("", "the cell is empty"),
    ],
)
def test_a_price_that_is_none_is_named_with_its_row(cell, problem):
    (found,) = problems(people(GOOD, f"other,{cell},80,120,hour,USD,2026-01-02,books,stated"))
    assert found.startswith("people.csv:3: price:")
    assert problem in found


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            "=cmd(),100,80,120,hour,USD,2026-01-02,books,stated",
            "role: '=cmd()' would run as a formula",
        ),
        ("@x,100,80,120,hour,USD,2026-01-02,books,stated", "would run as a formula"),
        ("a\x07b,100,80,120,hour,USD,2026-01-02,books,stated", "control character"),
        (f"{'a' * 2001},100,80,120,hour,USD,2026-01-02,books,stated", "2001 characters"),
        ("a,100,80,120,hour,usd,2026-01-02,books,stated", "'usd' is not a currency"),
        ("a,100,80,120,hour,USD,02.01.2026,books,stated", "'02.01.2026' is not a date"),
        ("a,100,80,120,hour,USD,2026-02-30,books,stated", "not a day of the calendar"),
        ("a,100,80,120,hour,USD,2026-01-02,books,publishd", "nearest: published"),
        ("a,100,80,120,day,USD,2026-01-02,books,stated", "write one of hour"),
        ("a,100,110,120,hour,USD,2026-01-02,books,stated", "are not in order"),
        ("a,100,80,120,hour,USD,2026-01-02,,stated", "source: the cell is empty"),
        ("a,100,80,120,hour,USD,2026-01-02,books", "8 cells where the header has 9"),
        ("a,100,80,120,hour,USD,2026-01-02,books,stated,more", "10 cells where the header has 9"),
        ('"a,100,80,120,hour,USD,2026-01-02,books,stated', "not readable as CSV"),
    ],
)
def test_a_row_with_a_problem_is_named(row, found):
    assert any("people.csv:2:" in each and found in each for each in problems(people(row)))


def test_all_problems_are_told_at_once():
    found = problems(
        people(
            "a,-1,80,120,hour,USD,2026-01-02,books,stated",
            "b,$2,80,x,hour,USD,2026-01-02,books,stated",
            "c,3,80,120,hour,US,2026-13-02,books,stated",
        )
    )
    assert [each.split(":")[1] for each in found] == ["2", "3", "3", "4", "4"]


def test_the_same_thing_on_the_same_day_twice_is_refused():
    (found,) = problems(people(GOOD, GOOD.replace("100", "110")))
    assert "people.csv:3: role, negotiated: same thing and same date as line 2" in found


def test_an_assumed_figure_needs_a_range():
    header = "figure,value,unit,checked_on,source,evidence"
    found = problems(f"{header}\npue,1.5,ratio,2026-01-02,me,assumed\n".encode(), schema.FIGURES)
    assert "an assumed figure has no range" in found[0]
    row = "figure,value,low,unit,checked_on,source,evidence\npue,1.5,1,ratio,2026-01-02,me,stated\n"
    assert "only one end of the range" in problems(row.encode(), schema.FIGURES)[0]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (HEADER.replace("price", "prize"), "people.csv:1: prize: unknown column; nearest: price"),
        (HEADER.replace("price,", ""), "people.csv:1: price: the column is missing"),
        (f"{HEADER},role", "people.csv:1: role: the column comes twice"),
        ("", "the column is missing"),
    ],
)
def test_wrong_columns_are_named(header, found):
    assert any(found in each for each in problems(f"{header}\n{GOOD}\n".encode()))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (people(GOOD).decode().encode("utf-16"), "the file is UTF-16"),
        (people(GOOD).decode().encode("utf-16-le"), "the file is UTF-16"),
        (people(GOOD.replace("my books", "caf\u00e9")).decode().encode("latin-1"), "not UTF-8"),
        (b"x" * 6_000_000, "the file has 6,000,000 bytes"),
    ],
)
def test_files_that_are_no_such_table_are_refused_whole(content, found):
    assert found in problems(content)[0]


@pytest.mark.parametrize(
    ("table", "content", "found"),
    [
        (
            schema.INSTANCES,
            "seller,region,instance_type,purchase,price,unit,currency,checked_on,source,evidence\n"
            "a,b,c,commit_1y,1,instance-hour,USD,2026-01-02,x,stated\n",
            "a commitment without its kind",
        ),
        (
            schema.INSTANCES,
            "seller,region,instance_type,purchase,plan,price,unit,currency,checked_on,source,"
            "evidence\na,b,c,spot,reserved,1,instance-hour,USD,2026-01-02,x,stated\n",
            "only commitments have a plan",
        ),
        (
            schema.INSTANCES,
            "seller,region,instance_type,vcpus,purchase,price,unit,currency,checked_on,source,"
            "evidence\na,b,c,2.5,spot,1,instance-hour,USD,2026-01-02,x,stated\n",
            "'2.5' is not whole",
        ),
        (
            schema.ELECTRICITY,
            "region,measure,value,unit,checked_on,source,evidence\n"
            "fr,tariff,0.1,kWh,2026-01-02,x,stated\nfr,carbon,44,kWh,2026-01-02,x,stated\n",
            "the tariff has no currency",
        ),
        (
            schema.ELECTRICITY,
            "region,measure,value,unit,checked_on,source,evidence\n"
            "fr,carbon,44,kWh,2026-01-02,x,stated\n",
            "a carbon in 'kWh'",
        ),
        (
            schema.COMMITMENTS,
            "seller,region,applies_to,plan,term_months,payment,unit,currency,checked_on,source,"
            "evidence\na,*,*,reserved,12,no_upfront,instance-hour,USD,2026-01-02,x,stated\n",
            "give either prices or a discount",
        ),
        (
            schema.DISCOUNTS,
            "seller,region,product,purchase,discount,label,valid_from,checked_on,source\n"
            "a,*,*,*,25,mine,2026-01-01,2026-01-01,x\n",
            "'25' is above 1",
        ),
    ],
)
def test_rows_that_contradict_themselves_are_named(table, content, found):
    assert any(found in each for each in problems(content.encode(), table))


def test_the_old_table_stays_in_force_when_an_upload_is_bad(tmp_path: Path):
    path = replace_table(tmp_path, schema.PEOPLE, people(GOOD))
    before = path.read_bytes()
    with pytest.raises(InputError, match="is negative"):
        replace_table(tmp_path, schema.PEOPLE, people(GOOD.replace("100", "-100")))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["people.csv"]
    assert read_table(schema.PEOPLE, path)[0].values["price"] == 100


@given(st.text(max_size=40))
def test_no_text_is_read_as_a_number_unless_python_agrees(cell):
    try:
        value = number(cell)
    except CellError:
        return
    assert float(value) == float(cell)


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_findings(content):
    with contextlib.suppress(InputError):
        parse_table(schema.PEOPLE, content, file="people.csv")


def test_a_share_is_a_fraction():
    assert share("0.25") == Decimal("0.25")
