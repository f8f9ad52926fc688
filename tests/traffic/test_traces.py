"""Request logs: what is read, and how everything wrong with one is said at once."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from tco.errors import InputError
from tco.traffic.traces import MOST_FINDINGS, read_log
from tests.traffic.traces import requests_of_2023, trace_file

PLAIN = "arrival_s,input_tokens,output_tokens,class\n0,10,1,chat\n1.5,20,2,report\n1.5,30,3,chat\n"


@pytest.fixture
def log(tmp_path):
    def write(text, name="log.csv", **options):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_log(path, **options)

    return write


def problems(log, text, **options):
    with pytest.raises(InputError) as caught:
        log(text, **options)
    return [
        f"{finding.line or ''} {finding.key}: {finding.problem}"
        for finding in caught.value.findings
    ]


def test_a_log_is_read(log):
    found = log(PLAIN)
    assert found.requests.arrival_s.tolist() == [0, 1.5, 1.5]
    assert found.requests.input_tokens.tolist() == [10, 20, 30]
    assert found.requests.output_tokens.tolist() == [1, 2, 3]
    assert found.requests.classes == ("chat", "report")
    assert found.requests.kind.tolist() == [0, 1, 0]
    assert found.origin is None
    assert found.notes == ()
    assert len(found.sha256) == 64


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_marks_and_a_byte_order_mark_are_read(log, mark):
    text = "\ufeff" + PLAIN.replace(",", mark).replace("\n", "\r\n")
    assert log(text).requests.input_tokens.tolist() == [10, 20, 30]


def test_times_alone_are_enough_and_other_columns_are_named(log):
    found = log("user,arrival_s\na,3\nb,4\n")
    assert found.requests.arrival_s.tolist() == [3, 4]
    assert found.requests.input_tokens is None
    assert found.notes == ("columns not used: user",)


def test_rows_out_of_order_are_sorted_stably_and_it_is_said(log):
    found = log("arrival_s,input_tokens\n5,1\n2,2\n5,3\n2,4\n")
    assert found.requests.arrival_s.tolist() == [2, 2, 5, 5]
    assert found.requests.input_tokens.tolist() == [2, 4, 1, 3]
    assert found.notes == (
        "2 of 4 rows came before the row above them; sorted by time, ties keep their order",
    )


def test_dates_are_read_with_and_without_a_zone(log):
    found = log(
        "Timestamp,ContextTokens\n2026-11-21 10:00:01.25,1\n2026-11-21T11:00:02+01:00,2\n"
        "2026-11-21T10:00:03Z,3\n"
    )
    assert found.origin == datetime(2026, 11, 21, 10, 0, 1, tzinfo=UTC)
    assert found.requests.arrival_s.tolist() == [0.25, 1.0, 2.0]
    assert found.requests.input_tokens.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("factor", "unit"),
    [(1, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")],
)
def test_seconds_since_1970_are_recognised(log, factor, unit):
    moment = 1_790_000_000
    found = log(f"ts\n{moment * factor:.0f}\n{(moment + 2) * factor:.0f}\n")
    assert found.origin == datetime.fromtimestamp(moment, UTC)
    assert found.requests.arrival_s == pytest.approx([0, 2])
    assert found.notes == (f"ts read as {unit} since 1970",)


def test_columns_can_be_named(log):
    text = "when,asked,said,what\n1,2,3,a\n"
    columns = {
        "arrival_s": "when",
        "input_tokens": "asked",
        "output_tokens": "said",
        "class": "what",
    }
    found = log(text, columns=columns)
    assert found.requests.output_tokens.tolist() == [3]
    assert problems(log, text, columns={"arrival_s": "wenn"}) == [" arrival_s: no column 'wenn'"]


def test_parquet_is_read_like_csv(tmp_path):
    path = tmp_path / "log.parquet"
    moments = pd.to_datetime(["2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z"])
    pd.DataFrame({"timestamp": moments, "input_tokens": [1, 2], "class": ["a", "b"]}).to_parquet(
        path
    )
    found = read_log(path)
    assert found.requests.arrival_s.tolist() == [0, 1]
    assert found.requests.classes == ("a", "b")
    pd.DataFrame({"arrival_s": [1.0, np.nan], "input_tokens": [1, 2]}).to_parquet(path)
    with pytest.raises(InputError, match="row 2: arrival_s is empty"):
        read_log(path)


def test_every_wrong_row_is_named_with_its_line(log):
    text = (
        "arrival_s,input_tokens,output_tokens,class\n"
        "0,1,1,a\n"
        "NaN,1,1,a\n"
        "-2,1,1,a\n"
        "soon,1,1,a\n"
        "\n"
        "5,-1,1.5,\n"
        "inf,many,1e30,a\n"
    )
    assert problems(log, text) == [
        " line 3: arrival_s is 'NaN'",
        " line 5: arrival_s is 'soon'",
        " line 6: arrival_s is empty",
        " line 8: arrival_s is 'inf'",
        " line 4: arrival_s is '-2'",
        " line 6: input_tokens is empty",
        " line 7: input_tokens is '-1'",
        " line 8: input_tokens is 'many'",
        " line 6: output_tokens is empty",
        " line 7: output_tokens is '1.5'",
        " line 8: output_tokens is '1e+30'",
        " line 6: class is empty",
        " line 7: class is empty",
    ]


def test_wrong_dates_are_named_with_their_lines(log):
    text = "timestamp\n2026-11-21T10:00:00\n2026-13-45\n\n2026-11-21T10:00:02\n"
    assert problems(log, text) == [
        " line 3: timestamp is '2026-13-45'",
        " line 4: timestamp is empty",
    ]


def test_truth_is_no_number(log):
    assert problems(log, "arrival_s,input_tokens\n1,True\n2,False\n") == [
        " line 2: input_tokens is 'True'",
        " line 3: input_tokens is 'False'",
    ]


def test_negative_milliseconds_are_refused(log):
    assert problems(log, "ts\n1790000000000\n-5\n") == [" line 3: ts is '-5'"]


def test_many_wrong_rows_are_cut_short(log):
    found = problems(log, "arrival_s\n" + "x\n" * 100)
    assert len(found) == MOST_FINDINGS + 1
    assert found[-1].endswith("more rows have problems of these kinds")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("arrival_s,input_tokens\n", "no row below the header"),
        ("when,input_tokens\n1,2\n", "no column with times among when, input_tokens"),
        ("\n", "no column with times among none"),
        (
            "arrival_s,class\n" + "".join(f"{i},c{i}\n" for i in range(60)),
            "60 classes, more than 50",
        ),
        (b"arrival_s,class\n1,\xff\n", "not UTF-8 text"),
        ("arrival_s,class\n1,a\n2,b,c\n3,d\n4,e,f,g\n", "3 fields under a header of 2"),
        ('arrival_s,class\n1,"a\n2,b\n', "fields|cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_log_is_refused(log, text, problem):
    with pytest.raises(InputError, match=problem):
        log(text)


def test_lines_with_too_many_fields_are_all_named(log):
    text = "arrival_s,class\n1,a\n2,b,c\n3,d\n4,e,f,g\n"
    assert problems(log, text) == [
        "3 : 3 fields under a header of 2",
        "5 : 4 fields under a header of 2",
    ]


def test_a_first_line_with_too_many_fields_is_named(log):
    assert problems(log, "arrival_s,class\n1,a,b\n2,b,c\n") == [
        "2 : 3 fields under a header of 2",
        "3 : 3 fields under a header of 2",
    ]


def test_a_field_that_never_ends_is_refused(log):
    endless = 'arrival_s,class\n1,a,b\n2,"' + "x" * 200_000
    assert "no CSV: field larger than" in problems(log, endless)[-1]
    assert "no CSV: field larger than" in problems(log, 'arrival_s,class\n"' + "x" * 200_000)[-1]
    late = b"arrival_s,class\n" + b"1,a\n" * 3000 + b"1,\xff\n"
    assert problems(log, late) == [" : not UTF-8 text"]


def test_a_missing_file_and_a_false_parquet_are_refused(tmp_path, log):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_log(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no Parquet: "):
        log("arrival_s\n1\n", name="log.parquet")


@pytest.mark.parametrize(("name", "count"), [("conv", 19_366), ("code", 8_819)])
def test_published_logs_are_read_as_they_are(name, count):
    found = read_log(trace_file(f"azure_llm_2023_{name}.csv"))
    times, inputs, outputs = requests_of_2023(name)
    assert found.requests.count == count
    assert found.requests.arrival_s - found.requests.arrival_s[0] == pytest.approx(times, abs=1e-6)
    columns = found.requests.input_tokens, found.requests.output_tokens
    for column, expected in zip(columns, (inputs, outputs), strict=True):
        assert column is not None
        assert np.array_equal(column, expected)
    assert str(found.origin).startswith("2023-11-16 18:1")
