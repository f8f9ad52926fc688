"""Figures that made a log are found again in it, from the part of it that may be looked at."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tco.calibrate.fitting import FORMULA_START, fit_figures, fit_formula, fit_profile, of_formula
from tco.calibrate.fitting import of_profile as curves_of_profile
from tco.calibrate.kernel_profile import KernelProfile, profile_curve, read_kernel_profile
from tco.calibrate.request_log import RequestLog, read_request_log, simulated_times
from tco.errors import TcoError
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import decode_total, mixed_step

ROOT = Path(__file__).parents[2]
RUNS = ROOT.parent / "shared" / "serving_runs"
LIMITS = Limits(
    most_sequences=16,
    step_tokens=512,
    blocks=2000,
    block_tokens=16,
)
MADE_OF = {
    "base": 0.016,
    "per_sequence": 2e-4,
    "per_kv_token": 3e-7,
    "per_prefill_token": 5e-5,
}


def log_of(curve, requests=80):
    """Let an engine of known steps answer requests."""
    random = np.random.default_rng(3)
    arrival_s = np.cumsum(random.exponential(0.1, requests))
    arrival_s -= arrival_s[0]
    inputs, outputs = random.integers(50, 900, requests), random.integers(20, 300, requests)
    nothing = np.zeros(requests)
    log = RequestLog(arrival_s, inputs, outputs, nothing, nothing)
    times = simulated_times(log, curve, LIMITS)
    return replace(log, first_token_s=times.first_token_s, finish_s=times.finish_s)


@pytest.fixture(scope="module")
def log():
    return log_of(of_formula(LIMITS)(MADE_OF))


def decode_s(curve):
    return decode_total(curve.seconds, 12, 12 * 600.0, 1)


def test_steps_that_made_a_log_are_found_in_it(log):
    fitted = fit_formula(log, LIMITS, requests=80)
    assert fitted.error < 0.02
    assert fitted.left_out_error < 0.02
    make = of_formula(LIMITS)
    # A log pins down its times, less so how they part into decodes and prompts.
    assert decode_s(make(fitted.figures)) == pytest.approx(decode_s(make(MADE_OF)), rel=0.08)


def test_no_time_stamp_after_the_fitted_requests_is_looked_at(log):
    later = np.arange(80) >= 40
    stained = replace(
        log,
        first_token_s=np.where(later, np.nan, log.first_token_s),
        finish_s=np.where(later, np.nan, log.finish_s),
    )
    assert fit_formula(stained, LIMITS, requests=40) == fit_formula(log, LIMITS, requests=40)


def test_what_is_left_out_is_the_second_half_with_the_first_half_fitted(log):
    late = np.arange(80) >= 40
    slower = replace(
        log,
        first_token_s=np.where(late, log.arrival_s + 3.0, log.first_token_s),
        finish_s=np.where(late, log.arrival_s + 90.0, log.finish_s),
    )
    half = fit_formula(log, LIMITS, requests=40)
    whole = fit_formula(slower, LIMITS, requests=80)
    assert half.error < 0.01
    assert whole.left_out_error > 0.5


@pytest.mark.parametrize("requests", [19, 81])
def test_too_few_requests_are_refused_with_the_numbers(log, requests):
    with pytest.raises(TcoError, match=rf"{requests} of the log's 80 requests.* 20 at least"):
        fit_figures(log, LIMITS, of_formula(LIMITS), FORMULA_START, requests=requests)


def table(columns, rows):
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def profile():
    """Kernels on straight lines, so that every step can be added up by hand."""
    dense = [
        (layer, tokens, slope * tokens + base)
        for layer, base, slope in (("embedding", 5, 0), ("layernorm", 2, 0), ("qkv_proj", 100, 0.5))
        for tokens in (1, 1024)
    ]
    attention = [
        (chunk, before, decodes, length, chunk * 0.2 + before * 0.01 + decodes * length * 0.05)
        for chunk in (0, 16, 512)
        for before in ((0,) if chunk == 0 else (0, 512))
        for decodes in ((1, 16) if chunk == 0 else (0, 1, 16))
        for length in ((0,) if decodes == 0 else (16, 1024))
    ]
    return KernelProfile(
        table(["layer", "tokens", "time_us"], dense),
        table(["prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"], attention),
        table(["layer", "sequences", "time_us"], [("lm_head", n, 700 + n) for n in (1, 16)]),
    )


def test_a_step_is_the_sum_of_its_kernels(profile):
    curve = profile_curve(profile, layers=10, most_sequences=16, most_tokens=512).seconds
    # Embedding 5; ten layers of two norms of 2, 100 + 0.5 x 4 and 4 x 200 x 0.05; 704 at the end.
    assert decode_total(curve, 4, 4 * 200.0, 1) == pytest.approx(
        (5 + 10 * (4 + 102 + 40) + 704) * 1e-6, rel=1e-9
    )
    # 100 prompt tokens after 256, with 4 decodes of length 200; the prompt does not end.
    assert mixed_step(curve, 100, 256.0, 4, 4 * 200.0, 4) == pytest.approx(
        (5 + 10 * (4 + 100 + 52 + 20 + 2.56 + 40) + 704) * 1e-6, rel=1e-9
    )


def test_figures_beside_a_profile_change_their_part_of_a_step(profile):
    make = curves_of_profile(profile, LIMITS, layers=10)
    curve = make({"host_s": 0.5, "dense_factor": 2.0, "attention_factor": 3.0}).seconds
    step_s = 0.5 + (2 * (5 + 10 * (4 + 102) + 704) + 3 * 10 * 40) * 1e-6
    assert decode_total(curve, 4, 4 * 200.0, 1) == pytest.approx(step_s, rel=1e-9)
    step_s = 0.5 + (2 * (5 + 10 * (4 + 152) + 704) + 3 * 10 * (20 + 2.56 + 40)) * 1e-6
    assert mixed_step(curve, 100, 256.0, 4, 4 * 200.0, 4) == pytest.approx(step_s, rel=1e-9)


def test_of_the_figures_beside_a_profile_two_are_fitted(profile):
    make = curves_of_profile(profile, LIMITS, layers=10)
    truth = make({"host_s": 0.004, "attention_factor": 1.5})
    fitted = fit_profile(log_of(truth, requests=40), LIMITS, profile, layers=10, requests=40)
    assert len(fitted.figures) == 2
    assert fitted.left_out_error < 0.02
    assert decode_s(make(fitted.figures)) == pytest.approx(decode_s(truth), rel=0.08)


def test_a_log_is_read_in_order_of_arrival_from_its_first(tmp_path):
    file = tmp_path / "requests.jsonl"
    rows = [(105.0, 106.0, 108.0, 30, 3), (100.0, 101.5, 104.0, 20, 2)]
    names = ("queued_ts", "first_token_ts", "last_token_ts", "input_toks", "output_toks")
    file.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    log = read_request_log(file)
    assert log.arrival_s.tolist() == [0.0, 5.0]
    assert log.first_token_s.tolist() == [1.5, 6.0]
    assert log.finish_s.tolist() == [4.0, 8.0]
    assert log.input_tokens.tolist() == [20, 30]
    assert log.output_tokens.tolist() == [2, 3]


def test_a_line_that_is_no_request_is_named(tmp_path):
    file = tmp_path / "requests.jsonl"
    file.write_text('{"queued_ts": 1}\n')
    with pytest.raises(TcoError, match=r"requests.jsonl:1: no request with .*first_token_ts"):
        read_request_log(file)


def test_a_profile_without_a_table_or_a_column_is_refused(tmp_path):
    with pytest.raises(TcoError, match=r"no dense.csv"):
        read_kernel_profile(tmp_path)
    (tmp_path / "dense.csv").write_text("layer,time_us\nqkv_proj,1\n")
    with pytest.raises(TcoError, match=r"dense.csv: no column tokens"):
        read_kernel_profile(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not RUNS.is_dir(), reason="the recorded runs are not here")
def test_two_recorded_runs_are_met_within_their_targets():
    script = ROOT / "benchmarks" / "accuracy" / "llm_serving.py"
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(") met\n") == 4
