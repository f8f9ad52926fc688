"""A trace through a fleet: figures, files, refusals, and the slots that real traffic needs."""

import csv
import io
import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tco.domain.fleet import ClassedQueue, QueueSettings, ReplayedFleet
from tco.domain.replay_files import load_fleet, load_service
from tco.domain.service import BatchService
from tco.errors import InfeasibleError, InputError, NotFoundError, TcoError
from tco.sim.kernel_cache import is_compiled
from tco.sim.replay import columns, document, replay
from tco.traffic.requests import Requests
from tests.oracles.batching import Server
from tests.traffic.traces import requests_of_2023

TCO = Path(sys.executable).with_name("tco")


def service(*seconds, **more) -> BatchService:
    return BatchService(kind="batch", seconds=seconds or (1.0,), **more)


def fleet(replicas=1, **more) -> ReplayedFleet:
    return ReplayedFleet.model_validate({"replicas": replicas, **more})


def trace(*arrivals_s, **more) -> Requests:
    return Requests(np.array(arrivals_s, dtype=np.float64), **more)


def test_the_figures_of_a_small_replay_by_hand():
    """Served 0-2 s alone, then two at once 2-5 s; one second idle before the last, 6-8 s."""
    found = replay(
        trace(0, 1, 1.5, 6), service(2.0, 3.0, joules=(10, 20)), fleet(batch={"max_size": 2})
    )
    answer = document(found)
    assert answer == {
        "requests": 4,
        "served": 4,
        "dropped": 0,
        "abandoned": 0,
        "in_system": 0,
        "instance_hours": pytest.approx(8 / 3600),
        "replica_hours": {
            "busy": pytest.approx(7 / 3600),
            "idle": pytest.approx(1 / 3600),
            "booting": 0.0,
            "draining": 0.0,
        },
        "latency_ms": pytest.approx({"p50": 2750, "p95": 3925, "p99": 3985, "mean": 2875}),
        "queue_ms": pytest.approx({"p50": 250, "p95": 925, "p99": 985, "mean": 375}),
        "batch_mean": pytest.approx(4 / 3),
        "energy_kwh": pytest.approx(40 / 3.6e6),
        "simulated_s": 8.0,
    }


def test_what_does_not_apply_is_absent():
    found = replay(trace(0, 1), service(100.0), fleet(queue={"limit": 0}))
    assert document(found)["dropped"] == 1
    assert "energy_kwh" not in document(found)
    nobody = fleet(
        None,
        autoscaler={
            "kind": "schedule",
            "replicas_by_hour": [0] * 12 + [1] * 12,
        },
        boot={"low_s": 0, "likely_s": 0, "high_s": 0, "source": "made up"},
        queue={"patience_s": 60.0},
    )
    answer = document(replay(trace(0, 1), service(1.0), nobody))
    assert answer["abandoned"] == 2
    assert not {"latency_ms", "queue_ms", "batch_mean"} & set(answer)


def test_classes_that_are_served_first_go_before_the_others():
    kinds = np.array([0, 0, 1, 0], dtype=np.int16)
    mixed = trace(0, 0, 0, 0, kind=kinds, classes=("bulk", "chat"))
    asked = fleet(queue={"served_first": ["chat"]})
    assert replay(mixed, service(1.0), fleet()).per_request.start_s.tolist() == [0, 1, 2, 3]
    assert replay(mixed, service(1.0), asked).per_request.start_s.tolist() == [0, 2, 1, 3]
    with pytest.raises(NotFoundError, match=r"no class 'chat'.*The trace has bulk"):
        replay(trace(0, kind=kinds[:1], classes=("bulk",)), service(1.0), asked)
    with pytest.raises(TcoError, match="no column class"):
        replay(trace(0), service(1.0), asked)


def test_seconds_a_token_need_the_tokens():
    figures = service(1.0, per_input_token_s=0.1, per_output_token_s=0.5)
    sized = trace(0, 0, input_tokens=np.array([10, 0]), output_tokens=np.array([2, 1]))
    assert replay(sized, figures, fleet()).per_request.finish_s.tolist() == [3.0, 4.5]
    with pytest.raises(TcoError, match="no column output_tokens"):
        replay(trace(0, input_tokens=np.array([1])), figures, fleet())


def test_a_trace_that_begins_weeks_later_starts_the_fleet_in_its_own_week():
    later_s = 5 * 168 * 3600.0
    near, far = (replay(trace(s + 1, s + 2), service(3.0), fleet()) for s in (0.0, later_s))
    assert (far.per_request.finish_s - later_s).tolist() == near.per_request.finish_s.tolist()
    assert document(far) == document(near)


@given(
    arrivals=st.lists(st.integers(0, 60).map(float), min_size=1, max_size=40).map(sorted),
    host_s=st.sampled_from([0.25, 0.5, 1.0]),
    parallel=st.integers(1, 3),
    max_size=st.integers(1, 4),
    replicas=st.integers(1, 3),
)
@settings(max_examples=100)
def test_a_front_end_and_a_fleet_are_two_queues_in_a_row(
    arrivals, host_s, parallel, max_size, replicas
):
    host = Server(seconds_of=lambda _: host_s, replicas=parallel, max_size=1)
    left = [one.finish_s or 0.0 for one in host.run(arrivals)]
    expected = Server(
        seconds_of=lambda size: 1.0 + size / 4, replicas=replicas, max_size=max_size
    ).run(left)
    figures = service(
        *(1.0 + size / 4 for size in range(1, max_size + 1)),
        front_end={"seconds": host_s, "parallel": parallel},
    )
    found = replay(trace(*arrivals), figures, fleet(replicas, batch={"max_size": max_size}))
    assert found.per_request.start_s.tolist() == [one.start_s for one in expected]
    assert found.per_request.finish_s.tolist() == [one.finish_s for one in expected]
    latency_ms = np.mean([one.finish_s for one in expected]) - np.mean(arrivals)
    assert document(found)["latency_ms"]["mean"] == pytest.approx(1000 * latency_ms)


SCALERS = [
    {"kind": "hpa", "minimum": 1, "maximum": 9, "target_busy_share": 0.5},
    {"kind": "queue_length", "minimum": 0, "maximum": 9, "target_per_replica": 2.0},
]


@pytest.mark.parametrize("scaler", SCALERS, ids=lambda scaler: scaler["kind"])
def test_an_autoscaled_fleet_boots_in_its_range_of_times(scaler):
    boot = {"low_s": 20.0, "likely_s": 30.0, "high_s": 70.0, "source": "made up"}
    arrivals = trace(*np.arange(0.0, 300.0, 0.5))
    found = [
        replay(arrivals, service(1.0), fleet(None, autoscaler=scaler, boot=boot), seed=seed)
        for seed in (1, 1, 2)
    ]
    answers = [document(one) for one in found]
    assert answers[0] == answers[1] != answers[2]
    boots = sum(
        after > before
        for (_, before), (at_s, after) in pairwise(((0.0, 0), *found[0].record.replicas_over_time))
        if at_s > 0
    )
    assert 20 * boots <= answers[0]["replica_hours"]["booting"] * 3600 <= 70 * boots
    assert answers[0]["served"] == 600


def test_who_waits_for_ever_is_said_and_has_no_times():
    scaler = {"kind": "queue_length", "minimum": 0, "maximum": 1, "target_per_replica": 1.0}
    boot = {"low_s": 1e6, "likely_s": 1e6, "high_s": 1e6, "source": "made up"}
    late = replay(trace(0, 0), service(1.0), fleet(None, autoscaler=scaler, boot=boot))
    assert document(late)["served"] == 2, "a million seconds are waited for"
    night = {"kind": "schedule", "replicas_by_hour": [1] + [0] * 23}
    cut = fleet(None, autoscaler=night, boot=boot, batch={"max_size": 2, "max_wait_s": 1e6})
    found = replay(trace(0.0, 0.0, 7200.0), service(1.0, 1.0), cut)
    assert document(found)["in_system"] == 1
    assert found.notes == ("1 requests wait for ever: nothing in this fleet will serve them",)
    assert columns(found)["status"].tolist() == ["served", "served", "waiting"]
    assert np.isnan(columns(found)["finish_s"]).tolist() == [False, False, True]


# ---- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrivals", "message"),
    [
        ((), "no request; there is nothing to replay"),
        ((0.0, -1.0), "request 1 of the trace arrives at -1.0"),
        ((0.0, math.nan), "request 1 of the trace arrives at nan"),
        ((0.0, math.inf), "request 1 of the trace arrives at inf"),
        ((2.0, 1.0), "not in order of arrival"),
        ((0.0, 4e9), "are its times in seconds"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_refused(arrivals, message):
    with pytest.raises(TcoError, match=message):
        replay(trace(*arrivals), service(), fleet())


def test_a_batch_over_the_measured_range_is_refused():
    with pytest.raises(
        InfeasibleError, match="up to 3 are asked for and the service curve covers 2"
    ):
        replay(trace(0), service(1.0, 1.5), fleet(batch={"max_size": 3}))


def test_capacity_below_load_is_refused_with_the_numbers():
    arrivals = np.arange(2001) / 10
    with pytest.raises(InfeasibleError) as refusal:
        replay(trace(*arrivals), service(1.0, 1.25), fleet(4, batch={"max_size": 2}))
    # A replica serves 2 / 1.25 = 1.6/s; 10/s come and four serve 6.4/s.
    assert str(refusal.value) == (
        "capacity below load: the trace brings 10 requests/s and 4 replicas serve 6.4 at most; "
        "the queue grows by 12,960 requests an hour. At least 7 replicas are needed, "
        "or a queue limit, or patience that ends"
    )
    with pytest.raises(InfeasibleError, match=r"1 places of the front end.* At least 6 places"):
        replay(
            trace(*arrivals),
            service(0.1, front_end={"seconds": 0.5, "parallel": 1}),
            fleet(4, queue={"limit": 5}),
        )


@pytest.mark.parametrize("queue", [{"limit": 10}, {"patience_s": 3.0}])
def test_a_queue_that_cannot_grow_is_simulated_at_any_load(queue):
    found = replay(trace(*np.arange(2001) / 10), service(1.0), fleet(4, queue=queue))
    lost = document(found)["dropped"] + document(found)["abandoned"]
    assert lost == pytest.approx(2001 - 800, abs=20)
    assert found.notes == ()


def test_a_short_trace_above_capacity_is_served_and_said():
    found = replay(trace(*range(10)), service(2.0), fleet())
    assert document(found)["served"] == 10
    [note] = found.notes
    assert note.startswith("capacity below load: the trace brings 1 requests/s")


def test_a_burst_at_one_moment_has_no_rate_to_refuse():
    found = replay(trace(*[0.0] * 5000), service(1.0), fleet())
    assert found.record.simulated_s == 5000.0
    assert found.notes == ()


def test_load_0_999_of_random_arrivals_is_no_overload():
    arrivals = np.cumsum(np.random.default_rng(4).exponential(1 / 0.999, 100_000))
    assert document(replay(trace(*arrivals), service(1.0), fleet()))["served"] == 100_000


# ---- real traffic -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "slots"), [("conv", 28), ("code", 25)])
def test_recorded_traffic_needs_its_slots(name: str, slots: int):
    """0.1 ms an input token and 15 ms an output token; p99 of the wait within a second."""
    arrivals, inputs, outputs = requests_of_2023(name)
    recorded = trace(*arrivals, input_tokens=inputs, output_tokens=outputs)
    figures = BatchService(
        kind="batch",
        base_s=0.0,
        per_item_s=0.0,
        max_batch=1,
        per_input_token_s=1e-4,
        per_output_token_s=15e-3,
    )
    waits_ms = [
        document(replay(recorded, figures, fleet(places)))["queue_ms"]["p99"]
        for places in (slots - 1, slots)
    ]
    assert waits_ms[1] <= 1000 < waits_ms[0]


# ---- files and the command ----------------------------------------------------------------------

SERVICE = "kind: batch\nbase_s: 0.5\nper_item_s: 0.5\nmax_batch: 4\n"
FULL = """\
deployment:
  kind: self_hosted
  runtime: any
  accelerators_per_replica: 1
  machine: {seller: a, region: b, instance_type: c, purchase: {kind: on_demand}}
  replicas: 2
  batch: {max_size: 4, max_wait_s: 0.25}
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "replicas: 2\nbatch: {max_size: 4, max_wait_s: 0.25}\n",
        "deployment: {replicas: 2, batch: {max_size: 4, max_wait_s: 0.25}}\n",
        FULL,
        FULL.replace("deployment:\n", "").replace("\n  ", "\n").removeprefix("  "),
    ],
)
def test_a_deployment_is_read_alone_or_with_what_is_paid_for(tmp_path, text):
    found = load_fleet(written(tmp_path, "deployment.yaml", text))
    assert found == fleet(2, batch={"max_size": 4, "max_wait_s": 0.25})


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("replicas: 0", "1: replicas: must be greater than or equal to 1 (found 0)"),
        ("queue: {}", "1: give replicas for a static fleet, or an autoscaler"),
        ("kind: api\nmodel: x", "1: kind: 'api' has no replicas that a trace could be replayed on"),
        ("deployment:\n  kind: cascade", "2: deployment.kind: 'cascade' has no replicas"),
        ("deployment: 3", "1: deployment: not a mapping of keys to values"),
        ("deployment:\n  replica: 1", "2: deployment.replica: unknown key; nearest: replicas"),
        ("replicas: 1\nbatch:\n  max_size: '2'", "3: batch.max_size: not a whole number"),
    ],
)
def test_a_problem_of_a_deployment_has_file_line_and_key(tmp_path, text, finding):
    file = written(tmp_path, "deployment.yaml", text)
    with pytest.raises(InputError) as refusal:
        load_fleet(file)
    assert f"{file}:{finding}" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "kind: llm\nbase_s: 1\nper_prefill_token_s: 0\nkv_tokens: 99",
            "1: give either step_table",
        ),
        ("kind: batch\nseconds: [0]", "1: a batch takes some time"),
        ("kind: batch\nbase_s: 1", "1: give either seconds, or all of base_s"),
        ("kind: batch\nseconds: [1]\njoules: [1, 2]", "1: joules covers 2 batches"),
        ("seconds: [1]", "1: kind: missing"),
    ],
)
def test_a_problem_of_a_service_has_file_line_and_key(tmp_path, text, finding):
    file = written(tmp_path, "service.yaml", text)
    with pytest.raises(InputError) as refusal:
        load_service(file)
    assert f"{file}:{finding}" in str(refusal.value)


def run(*words) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TCO, "replay", *map(str, words)], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def files(tmp_path):
    return {
        "trace": written(tmp_path, "trace.csv", "arrival_s\n5\n0\n0\n40\n"),
        "service": written(tmp_path, "service.yaml", SERVICE),
        "deployment": written(tmp_path, "deployment.yaml", FULL),
    }


def words(files) -> list[str]:
    return [files["trace"], "--service", files["service"], "--deployment", files["deployment"]]


def test_the_command_answers_in_json_and_writes_requests_in_input_order(files, tmp_path):
    out = tmp_path / "requests.csv"
    done = run(*words(files), "--requests-out", out, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "tco/replay/1"
    assert (answer["requests"], answer["served"], answer["simulated_s"]) == (4, 4, 41.25)
    assert answer["wall_s"] > 0
    assert "sorted by time, ties keep their order" in done.stderr
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [list(row.values()) for row in rows] == [
        ["0", "5.0", "5.25", "", "6.25", "1", "served"],
        ["1", "0.0", "0.25", "", "1.75", "0", "served"],
        ["2", "0.0", "0.25", "", "1.75", "0", "served"],
        ["3", "40.0", "40.25", "", "41.25", "2", "served"],
    ]


def test_times_of_a_request_that_was_not_served_are_empty(files, tmp_path):
    written(tmp_path, "deployment.yaml", "replicas: 1\nqueue: {limit: 0}\n")
    out = tmp_path / "requests.parquet"
    done = run(*words(files), "--requests-out", out)
    assert done.returncode == 0, done.stderr
    rows = pd.read_parquet(out)
    assert rows["status"].tolist() == ["served", "served", "dropped", "served"]
    assert rows.loc[2, ["start_s", "finish_s", "batch"]].isna().all()
    assert "dropped                  1\n" in done.stdout
    assert "latency, p99" in done.stdout


def test_every_problem_of_both_files_is_said_at_once(files, tmp_path):
    written(tmp_path, "service.yaml", "kind: llm\n")
    written(tmp_path, "deployment.yaml", "replicas: 0\n")
    done = run(*words(files), "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "service.yaml:1: kv_tokens: missing" in done.stderr
    assert "deployment.yaml:1: replicas:" in done.stderr


def test_what_cannot_be_written_leaves_no_answer_behind(files, tmp_path):
    done = run(*words(files), "--requests-out", tmp_path / "no" / "folder.csv", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written" in done.stderr


def test_a_plan_does_not_know_classes_and_a_replay_does():
    with pytest.raises(ValidationError, match="served_first"):
        QueueSettings.model_validate({"served_first": ["chat"]})
    assert ClassedQueue(served_first=("chat",)).limit is None


def test_the_compiled_kernel_is_known_once_it_ran():
    replay(trace(0), service(), fleet())
    assert is_compiled()
