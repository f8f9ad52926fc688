"""Every trap that result files are known for, and files that are no results at all."""

from dataclasses import replace
from typing import Any

import pytest

from tco.errors import InputError
from tco.measure.readers.content import Content
from tco.measure.readers.importing import READERS, import_results, recognised
from tests.measure.readers.foreign import (
    ABOUT,
    AIPERF,
    CODECARBON,
    GUIDELLM,
    OPTIMUM,
    PERF_ANALYZER,
    VLLM,
    changed,
    imported,
    refused,
    written,
)

REQUESTS = (
    "phase,concurrency,offered_per_s,seconds,ttft_s,throughput_per_s,completed,failed,window_s\n"
)
BATCHES = "phase,batch,seconds,throughput_per_s\n"


def doubts(folder, text):
    measured = imported(folder, text)
    return [doubt for point in measured.points for doubt in point.doubts] + [*measured.doubts]


def test_offered_is_not_completed(tmp_path):
    found = doubts(tmp_path, REQUESTS + "request,,100,0.5,,18,300,0,16.7\n")
    assert found == ["offered 100 a second, completed 18: the completed rate counts"]


def test_a_sweep_that_never_moves_did_not_control_its_load(tmp_path):
    rows = [f"request,{c},,{c / 5120},,5120,3000,0,60\n" for c in (8, 32, 128)]
    found = doubts(tmp_path, REQUESTS + "".join(rows))
    assert any("throughput does not move from concurrency 8 to 128" in doubt for doubt in found)


def test_clients_beyond_the_batch_limit_only_queue(tmp_path):
    rows = ["request,25,,1,0.69,15,3000,0,60\n", "request,50,,1,0.83,40,3000,0,60\n",
            "request,250,,6,88.6,41,3000,0,60\n"]  # fmt: skip
    found = doubts(tmp_path, REQUESTS + "".join(rows))
    assert any("from concurrency 50 to 250 the rate stays" in doubt for doubt in found)
    assert not any("from concurrency 25 to 50" in doubt for doubt in found)


def test_few_requests_are_mostly_ramp_and_drain(tmp_path):
    found = doubts(tmp_path, REQUESTS + "request,32,,2,,16,64,0,4\n")
    assert found == [
        "only 2.0 requests a client: the rate holds the ramp and the drain, and is under the "
        "steady one"
    ]


def test_failures_are_named(tmp_path):
    found = doubts(tmp_path, REQUESTS + "request,2,,0.1,,20,900,100,50\n")
    assert found == ["10.0% of the requests failed"]


def test_littles_law_holds_in_honest_files(tmp_path):
    short = changed(VLLM, lambda d: d.update(max_concurrency=64))
    found = [d for p in imported(tmp_path, short).points for d in p.doubts]
    assert any("rate x latency is 0.50 of the concurrency" in doubt for doubt in found)


def test_an_instances_throughput_hides_its_workers(tmp_path):
    found = doubts(tmp_path, BATCHES + "forward,8,0.006,2670\n")
    assert "throughput x latency / batch is 2.0" in found[0]


def test_a_larger_batch_is_not_always_faster(tmp_path):
    rows = "forward,16,0.0058,2760\nforward,32,0.0112,2858\nforward,64,0.0252,2534\n"
    assert doubts(tmp_path, BATCHES + rows) == [
        "11% slower than batch 32: a larger batch is not always faster"
    ]


# Files as such


CONTENTS = [VLLM, GUIDELLM, OPTIMUM, AIPERF, PERF_ANALYZER, CODECARBON, BATCHES + "forward,1,1,1\n"]


@pytest.mark.parametrize("number", range(7))
def test_each_file_is_recognised_by_its_content_and_by_one_reader_only(tmp_path, number):
    content = Content.of(written(tmp_path, CONTENTS[number], "no-suffix"))
    assert [reader for reader in READERS if reader.recognises(content)] == [READERS[number]]
    assert recognised(content) is READERS[number]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_refused(tmp_path, share):
    whole = written(tmp_path, VLLM, "whole").read_text()
    told = refused(tmp_path, whole[: int(len(whole) * share)])
    assert "expected whole JSON" in told
    assert "cut off" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a result of vLLM bench serve"),
        ("{}", "expected a result of vLLM bench serve"),
        ("hello", "expected a result of vLLM bench serve"),
        ("[1, 2]", "expected JSON objects, found others"),
        ("phase,seconds\n", "expected rows below the header, found none"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, told):
    assert told in refused(tmp_path, text)


def test_binary_files_and_missing_ones_are_refused(tmp_path):
    path = tmp_path / "result"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        import_results([path], ABOUT)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        import_results([tmp_path / "none"], ABOUT)


def test_two_tools_and_two_models_are_not_one_sweep(tmp_path):
    with pytest.raises(InputError, match="found vLLM bench serve and GuideLLM"):
        imported(tmp_path, VLLM, GUIDELLM)
    other = changed(VLLM, lambda d: d.update(model_id="another", max_concurrency=8))
    with pytest.raises(InputError, match="expected one model"):
        imported(tmp_path, VLLM, other)


def test_the_same_setting_twice_imports_nothing(tmp_path):
    with pytest.raises(InputError, match="the same setting stands there twice"):
        imported(tmp_path, VLLM, VLLM)


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("accelerator", "say it with --accelerator"),
        ("accelerator_count", "say it with --count"),
        ("precision", "say it with --precision"),
    ],
)
def test_what_a_file_leaves_unsaid_must_be_said(tmp_path, missing, told):
    gap: dict[str, Any] = {missing: None}
    about = replace(ABOUT, **gap)
    assert told in refused(tmp_path, VLLM, about=about)
