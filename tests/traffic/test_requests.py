"""A workload becomes requests; a recording becomes a larger, smaller or slower one."""

import json
import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tco.domain.demand import BatchJobs, Event, OnOffBursts, RecordedBursts
from tco.domain.source import parse_yaml
from tco.domain.workload import TableProfile, Workload
from tco.errors import TcoError
from tco.traffic.jobs import plan_jobs, week_jobs
from tco.traffic.replay import in_order, scaled_in_rate, scaled_in_time
from tco.traffic.requests import Requests, plan_requests, week_requests

TOKENS = {"input": 100.4, "output": 20, "cached_input_share": 0}
PLAIN = {
    "requests_per_month": 1000,
    "growth_per_year": 0,
    "profile": {
        "shape": "daily_weekly",
        "peak_hour_utc": 14,
        "night_to_peak": 0.2,
        "weekend_to_weekday": 0.5,
    },
}
JOBS = {"share": 0.25, "start_hour_utc": 22, "deadline_hours": 8}


def workload(**more):
    return Workload.model_validate(PLAIN | more)


def known(column):
    """Give a column that must be there."""
    assert column is not None
    return column


def test_a_week_has_its_requests_in_order():
    requests = week_requests(workload(), 50_000, np.random.default_rng(1))
    assert requests.count == pytest.approx(50_000, abs=4 * math.sqrt(50_000))
    assert np.all(np.diff(requests.arrival_s) >= 0)
    assert requests.arrival_s[-1] <= 7 * 86400
    absent = (requests.input_tokens, requests.kind, requests.deadline_s)
    assert absent == (None, None, None)


def test_requests_without_a_law_of_sizes_have_the_mean_size():
    requests = week_requests(workload(tokens=TOKENS), 50_000, np.random.default_rng(1))
    assert set(known(requests.input_tokens)) == {100, 101}
    assert known(requests.input_tokens).mean() == pytest.approx(100.4, abs=0.01)
    assert set(known(requests.output_tokens)) == {20}


def test_sizes_and_movement_do_not_move_the_arrivals():
    rows = {"kind": "rows", "rows": [[100, 20], [101, 20]]}
    sized = workload(tokens=TOKENS, sizes=rows)
    first = week_requests(workload(), 5_000, np.random.default_rng(3))
    second = week_requests(sized, 5_000, np.random.default_rng(3))
    assert np.array_equal(first.arrival_s, second.arrival_s)
    moving = workload(movement={"log_sd": 0.5, "correlation_hours": 10, "source": "test"})
    third = week_requests(moving, 5_000, np.random.default_rng(3))
    assert third.count != first.count


def test_batch_jobs_come_at_once_with_a_deadline():
    requests = week_requests(workload(batch_jobs=JOBS), 7_000, np.random.default_rng(4))
    deadline_s = known(requests.deadline_s)
    in_jobs = np.isfinite(deadline_s)
    assert in_jobs.sum() == 1750
    assert set(requests.arrival_s[in_jobs]) == {day * 86400 + 22 * 3600 for day in range(7)}
    assert set(deadline_s[in_jobs] - requests.arrival_s[in_jobs]) == {8 * 3600.0}


@given(
    requests=st.lists(st.floats(0, 1e6), min_size=1, max_size=8),
    share=st.floats(0.01, 1),
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(sorted).map(tuple),
)
def test_jobs_sum_to_their_share_and_keep_to_their_days(requests, share, weekdays):
    jobs = BatchJobs(share=share, start_hour_utc=5, deadline_hours=1, weekdays=weekdays)
    plan = plan_jobs(jobs, date(2026, 11, 1), np.array(requests))
    assert plan.requests.sum() == pytest.approx(sum(requests) * share, abs=0.51)
    assert plan.requests.min() >= 0
    assert set((plan.release_s // 86400 + 6) % 7) <= set(weekdays)
    week = week_jobs(jobs, 1000.0)
    assert week.release_s.size == len(weekdays)
    assert week.requests.sum() == pytest.approx(1000 * share, abs=0.51)


def test_a_plan_has_its_months_its_events_and_its_jobs():
    event = {"title": "sale", "start": "2026-12-01", "end": "2027-01-01", "factor": 3}
    plan = workload(events=[event], batch_jobs=JOBS, tokens=TOKENS)
    requests = plan_requests(plan, date(2026, 11, 1), [40_000, 40_000], np.random.default_rng(5))
    second = requests.arrival_s >= 30 * 86400
    assert np.sum(~second) == pytest.approx(40_000, abs=4 * math.sqrt(30_000))
    assert np.sum(second) == pytest.approx(100_000, abs=4 * math.sqrt(90_000))
    assert np.all(np.diff(requests.arrival_s) >= 0)


def test_classes_of_a_week_with_jobs():
    rows = {"kind": "rows", "rows": [[100, 20]]}
    kinds = {"a": {"share": 0.5, "sizes": rows}, "b": {"share": 0.5, "sizes": rows}}
    both = workload(classes=kinds, tokens=TOKENS | {"input": 100}, batch_jobs=JOBS)
    requests = week_requests(both, 20_000, np.random.default_rng(6))
    assert requests.classes == ("a", "b")
    assert known(requests.kind).mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(20_000))
    quiet = week_requests(
        workload(classes=kinds, tokens=TOKENS | {"input": 100}), 0, np.random.default_rng(6)
    )
    assert quiet.count == 0


def test_bursts_reach_the_arrivals():
    bursts = {"kind": "on_off", "on_mean_s": 600, "off_mean_s": 5400}
    requests = week_requests(workload(bursts=bursts), 20_000, np.random.default_rng(7))
    hours = np.bincount((requests.arrival_s // 600).astype(int), minlength=1008)
    assert np.mean(hours == 0) > 0.3


# ---- replay -------------------------------------------------------------------------------------

tokens = st.integers(0, 100_000)
recordings = st.lists(
    st.tuples(st.floats(0, 1e5), tokens, tokens, st.integers(0, 2)), min_size=1, max_size=60
).map(
    lambda rows: Requests(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows], dtype=np.int16),
        ("a", "b", "c"),
        np.array([row[0] + 60 for row in rows]),
    )
)


def pairs(requests):
    return sorted(
        zip(
            requests.input_tokens.tolist(),
            requests.output_tokens.tolist(),
            requests.kind.tolist(),
            strict=True,
        )
    )


@given(recording=recordings)
def test_sorting_is_stable_and_keeps_every_row(recording):
    ordered = in_order(recording)
    assert np.all(np.diff(ordered.arrival_s) >= 0)
    expected = sorted(range(recording.count), key=lambda row: recording.arrival_s[row])
    assert known(ordered.input_tokens).tolist() == recording.input_tokens[expected].tolist()
    assert in_order(ordered) is ordered


@given(recording=recordings.map(in_order), factor=st.floats(0.01, 100))
def test_stretched_time_keeps_rows_tokens_and_deadlines(recording, factor):
    slow = scaled_in_time(recording, factor)
    assert slow.arrival_s == pytest.approx(recording.arrival_s * factor)
    assert pairs(slow) == pairs(recording)
    assert known(slow.deadline_s) - slow.arrival_s == pytest.approx(60, abs=1e-6)


@given(recording=recordings.map(in_order), copies=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_whole_factor_multiplies_rows_and_tokens_exactly(recording, copies, seed):
    more = scaled_in_rate(recording, float(copies), np.random.default_rng(seed))
    assert pairs(more) == sorted(pairs(recording) * copies)
    assert np.all(np.diff(more.arrival_s) >= 0)
    assert more.arrival_s[0] == recording.arrival_s[0]
    assert more.arrival_s[-1] <= recording.arrival_s[-1]


@given(recording=recordings.map(in_order), factor=st.floats(0.05, 4))
def test_any_factor_gives_the_rounded_rows_spread_evenly(recording, factor):
    other = scaled_in_rate(recording, factor, np.random.default_rng(0))
    assert other.count == round(recording.count * factor)
    assert set(pairs(other)) <= set(pairs(recording))
    until = np.searchsorted(other.arrival_s, recording.arrival_s[recording.count // 2])
    assert until <= recording.count // 2 * factor + recording.count


def test_a_recording_of_nothing_and_of_times_alone():
    nothing = Requests(np.zeros(0))
    assert scaled_in_rate(nothing, 3.0, np.random.default_rng(0)).count == 0
    bare = scaled_in_time(Requests(np.array([1.0, 2.0])), 2.0)
    assert bare.arrival_s.tolist() == [2.0, 4.0]
    assert scaled_in_rate(bare, 2.0, np.random.default_rng(0)).count == 4


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_a_factor_that_is_none_is_refused(factor):
    recording = Requests(np.array([0.0]))
    with pytest.raises(TcoError, match="the time of a replay cannot be scaled by"):
        scaled_in_time(recording, factor)
    with pytest.raises(TcoError, match="the rate of a replay cannot be scaled by"):
        scaled_in_rate(recording, factor, np.random.default_rng(0))


def test_a_replay_that_does_not_fit_is_refused():
    with pytest.raises(TcoError, match="2,000,000,000 rows does not fit"):
        scaled_in_rate(Requests(np.zeros(2)), 1e9, np.random.default_rng(0))


# ---- what a workload takes and refuses ----------------------------------------------------------


EVERYTHING = """
requests_per_month: 1000
growth_per_year: 0
profile: {shape: published, name: servegen-small-2025, shift_hours: -7}
tokens: {input: 100, output: 20, cached_input_share: 0}
bursts:
  {kind: two_state, high_to_low: 10, high_mean_s: 5, low_mean_s: 60, client_shares: [0.5, 0.5]}
events:
  - {title: sale, start: 2026-11-27, end: 2026-11-30 06:00, factor: 3}
  - {title: launch, start: "2026-12-01T09:00:00+01:00", end: 2026-12-02, factor: 2}
movement: {log_sd: 0.2, correlation_hours: 7, source: own figures}
batch_jobs: {share: 0.1, start_hour_utc: 22, deadline_hours: 8, weekdays: [0, 1, 2, 3, 4]}
classes:
  chat: {share: 0.5, sizes: {kind: rows, rows: [[50, 30], [70, 30]]}}
  report:
    share: 0.5
    sizes:
      kind: mixture
      parts: [{weight: 1, input_mean: 140, input_cv: 1, output_mean: 10, output_cv: 2}]
      input_cap_tokens: 4096
"""


def test_a_workload_file_may_say_all_of_it():
    read = parse_yaml(EVERYTHING.encode(), "all.yaml").data
    everything = Workload.model_validate_json(json.dumps(read), strict=True)
    assert [str(event.start) for event in everything.events] == [
        "2026-11-27 00:00:00+00:00",
        "2026-12-01 08:00:00+00:00",
    ]
    requests = plan_requests(everything, date(2026, 11, 1), [3000, 3000], np.random.default_rng(8))
    assert requests.count > 6000
    assert known(requests.input_tokens).mean() == pytest.approx(100, rel=0.1)


def test_an_event_ends_after_it_starts():
    with pytest.raises(ValidationError, match="ends at 2026-11-01 00:00, not after its start"):
        Event.model_validate(
            {"title": "x", "start": "2026-11-01", "end": "2026-11-01", "factor": 2}
        )


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="no such moment; write 2026-11-27 or"):
        Event.model_validate(
            {"title": "x", "start": "2026-13-01", "end": "2026-11-01", "factor": 2}
        )
    with pytest.raises(ValidationError, match="valid datetime"):
        Event.model_validate({"title": "x", "start": [1], "end": "2026-11-01", "factor": 2})


def test_client_shares_sum_to_one():
    with pytest.raises(ValidationError, match=r"client_shares sum to 0\.9"):
        OnOffBursts(kind="on_off", on_mean_s=1, off_mean_s=1, client_shares=(0.4, 0.5))


def test_a_week_of_zeros_is_refused():
    with pytest.raises(ValidationError, match="all rates are zero"):
        TableProfile(shape="table", rates=(0.0,) * 168)
    with pytest.raises(ValidationError, match="give either rates"):
        TableProfile(shape="table")


def test_a_recording_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="all factors are zero"):
        RecordedBursts(kind="recorded", step_s=1.0, factors=(0.0, 0.0))
