"""A fleet of LLM replicas: what it serves is what the plain program serves, and it adds up."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tco.domain.faults import Interruptions
from tco.errors import InfeasibleError
from tco.sim import kernel_layout as at
from tco.sim.faults import DrawnFaults, Outage
from tco.sim.fleet import Fleet
from tco.sim.latency_bins import quantile_s
from tco.sim.llm_engine import ROUTING
from tco.sim.llm_service import LlmService
from tco.sim.llm_steps import StepCurve, linear_tables
from tco.sim.packing import instances_needed
from tco.sim.replay import Replay
from tco.sim.run import (
    Discipline,
    FleetRecord,
    FleetRules,
    PerRequest,
    Requests,
    TokenWork,
)
from tco.sim.scaling import Hpa, QueueLength, Schedule, Static
from tco.sim.service import BatchRule, HostWork
from tco.sim.usage import fleet_usage, hours_of_week, rows_of
from tests.sim.test_faults import Told
from tests.sim.test_llm_kernel import engines, limits_of, plainly

LINES = {kernel: discipline for discipline, kernel in ROUTING.items()}


def times_of(found: FleetRecord | Replay) -> PerRequest:
    assert found.per_request is not None
    return found.per_request


def tokens_of(found: FleetRecord) -> TokenWork:
    assert found.tokens is not None
    return found.tokens


def service_of(**changes) -> LlmService:
    """Steps of 20 ms and a little, with room for some 8,000 tokens."""
    coefficients = {"base": 0.02, "per_sequence": 1e-3, "per_kv_token": 1e-6}
    tables = linear_tables(
        **coefficients, per_prefill_token=1e-4, most_sequences=16, most_tokens=512
    )
    watts = linear_tables(
        base=6.0, per_sequence=0.1, per_kv_token=0.0, per_prefill_token=0.01,
        most_sequences=16, most_tokens=512,
    )  # fmt: skip
    made = LlmService(
        StepCurve(tables, watts),
        max_sequences=16,
        max_step_tokens=512,
        blocks=500,
        block_tokens=16,
    )
    return replace(made, **changes)


def fleet_of(service, replicas=1, **rest) -> FleetRules:
    bounds = {"minimum": replicas, "maximum": replicas, "rule": Static(replicas), **rest}
    return FleetRules(service=service, batch=BatchRule(), **bounds)


def chunk_of(requests) -> Requests:
    columns = [[one.prompt for one in requests], [one.output for one in requests]]
    inputs, outputs = (np.array(column, dtype=np.float64) for column in columns)
    return Requests(
        np.array([one.came_s for one in requests]),
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=np.array([float(one.cached) for one in requests]),
        adapters=np.array([-1 if one.adapter is None else one.adapter for one in requests]),
    )


@given(case=engines())
@settings(max_examples=200)
def test_a_static_fleet_serves_every_request_as_the_plain_program_does(case):
    rules, seconds, joules, requests = case
    _, expected = plainly(rules, seconds, joules, requests)
    limits, sizes = limits_of(rules), (rules["sequences"], rules["tokens"])
    service = LlmService(
        StepCurve(seconds.tables(*sizes), None if joules is None else joules.tables(*sizes)),
        max_sequences=limits.most_sequences,
        max_step_tokens=limits.step_tokens,
        blocks=limits.blocks,
        block_tokens=limits.block_tokens,
        prefill_first=limits.prefill_first,
        whole_prompt_fits=limits.whole_prompt_fits,
        adapters=4,
        adapter_slots=limits.adapter_slots,
        swap_s=limits.swap_s,
    )
    fleet = fleet_of(
        service,
        rules["replicas"],
        discipline=LINES[limits.routing],
        queue_limit=limits.queue_limit,
        patience_s=None if math.isinf(limits.patience_s) else limits.patience_s,
    )
    until_s = requests[-1].came_s
    run = Fleet(fleet, [chunk_of(requests)], until_s=until_s, keep_requests=len(requests))
    found = run.run(to_the_last=True)
    for name, column in (
        ("start_s", times_of(found).start_s),
        ("first_s", times_of(found).first_token_s),
        ("finish_s", times_of(found).finish_s),
    ):
        served = [one.fate == "served" for one in expected]
        times = [getattr(one, name) for one in expected if one.fate == "served"]
        np.testing.assert_allclose(column[served], times, rtol=1e-9, atol=1e-9)
    assert found.served == sum(one.fate == "served" for one in expected)
    assert found.waiting == found.in_service == 0


def stream(rate_per_s, hours, seed, *, inputs=200.0, outputs=60.0):
    random = np.random.default_rng(seed)
    count = random.poisson(rate_per_s * hours * 3600)
    arrivals_s = np.sort(random.uniform(0, hours * 3600, count))
    tokens = random.uniform(0.5, 1.5, (2, count)) * np.array([[inputs], [outputs]])
    return Requests(arrivals_s, input_tokens=np.ceil(tokens[0]), output_tokens=np.ceil(tokens[1]))


RULES = st.sampled_from(
    [
        Hpa(0.4),
        Hpa(0.9, 7.0, 20.0),
        QueueLength(4.0, 5.0, 30.0),
        Schedule([3, 1] * 12),
        Schedule([2, 0] * 12),
    ]
)


@given(
    rule=RULES,
    discipline=st.sampled_from(list(ROUTING)),
    boot_s=st.sampled_from([0.0, 4.0, 33.0]),
    limit=st.sampled_from([-1, 5]),
    patience_s=st.sampled_from([None, 3.0]),
    front=st.sampled_from([None, HostWork(0.05, 1)]),
    rate_per_s=st.sampled_from([0.5, 4.0, 12.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=40)
def test_a_fleet_that_scales_keeps_every_request_and_every_second(
    rule, discipline, boot_s, limit, patience_s, front, rate_per_s, seed
):
    chunk = stream(rate_per_s, 0.05, seed)
    rules = fleet_of(
        service_of(front=front),
        rule=rule,
        minimum=0 if rule.starts_from_zero and isinstance(rule, Schedule) else 1,
        maximum=4,
        boot_s=lambda: boot_s,
        discipline=discipline,
        queue_limit=limit,
        patience_s=patience_s,
        replicas_per_instance=2,
        idle_w=(50.0,),
    )
    # The fleet itself refuses a run in which requests, latencies or seconds do not add up.
    found = Fleet(rules, [chunk], until_s=200.0, keep_requests=chunk.arrivals_s.size).run()
    times = times_of(found)
    served = times.status == at.STATUS_SERVED
    assert served.sum() == found.served
    came_s = chunk.arrivals_s[served]
    assert (times.start_s[served] >= came_s).all()
    assert (times.first_token_s[served] > times.start_s[served]).all()
    assert (times.finish_s[served] >= times.first_token_s[served]).all()
    assert found.hours[:, at.HOUR_OUTPUT_TOKENS].sum() >= chunk.output_tokens[served].sum()
    held = np.array([held for _, held in found.replicas_over_time])
    shared = [held for _, held in found.instances_over_time]
    assert max(shared, default=0) <= instances_needed(4, 2)
    assert held.max(initial=0) <= 4
    for histogram in (tokens_of(found).first_token_histograms, found.wait_histograms):
        assert histogram.sum() >= found.served
    idle_j = sum(part.sum() for use, part in found.joules.items() if use != "busy")
    idle_s = sum(part.sum() for part in found.idle_causes_s.values()) + found.booting_s.sum()
    assert idle_j == pytest.approx(50.0 * idle_s, rel=1e-6, abs=1e-3)


FAULTS = {
    "per_hour": 60.0,
    "retry_s": 5.0,
    "filled_share": 0.5,
    "source": "a test",
    "notice_s": 2.0,
}


@given(
    scaler=st.sampled_from([lambda: Hpa(0.4), lambda: QueueLength(4.0, 5.0, 30.0)]),
    discipline=st.sampled_from(list(ROUTING)),
    patience_s=st.sampled_from([None, 3.0]),
    front=st.sampled_from([None, HostWork(0.05, 1)]),
    fallback=st.sampled_from(["on_demand", "none"]),
    rate_per_s=st.sampled_from([0.5, 4.0, 12.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=40)
def test_a_fleet_that_loses_replicas_with_their_memory_keeps_every_request_and_second(
    scaler, discipline, patience_s, front, fallback, rate_per_s, seed
):
    chunk = stream(rate_per_s, 0.05, seed)
    spot = Interruptions.model_validate({**FAULTS, "fallback": fallback})
    rules = fleet_of(
        service_of(front=front),
        rule=scaler(),
        minimum=1,
        maximum=4,
        boot_s=lambda: 4.0,
        discipline=discipline,
        patience_s=patience_s if discipline is Discipline.ONE_LINE else None,
        idle_w=(50.0,),
        faults=DrawnFaults(spot, None, seed),
    )
    # The fleet itself refuses a run in which requests, latencies or seconds do not add up.
    found = Fleet(rules, [chunk], until_s=240.0, keep_requests=chunk.arrivals_s.size).run()
    times = times_of(found)
    served = times.status == at.STATUS_SERVED
    assert served.sum() == found.served
    assert (times.start_s[served] >= chunk.arrivals_s[served]).all()
    assert (times.first_token_s[served] > times.start_s[served]).all()
    assert (times.finish_s[served] >= times.first_token_s[served]).all()
    assert found.hours[:, at.HOUR_STARTED].sum() == found.served + found.in_service
    assert tokens_of(found).first_token_histograms.sum() >= found.served
    assert found.lost_s.sum() <= found.hours[:, at.HOUR_BUSY_S].sum() + 1e-6
    assert (found.lost_s.sum() > 0) == (found.requeued > 0)


@given(gone_s=st.integers(1, 30), count=st.integers(1, 40), seed=st.integers(0, 999))
@settings(max_examples=60)
def test_whoever_was_not_done_begins_anew_as_if_all_had_come_when_the_replica_is_back(
    gone_s, count, seed
):
    """One replica, taken at once and back 10 s later, booting for 4 s more."""
    chunk = stream(count / 180.0, 0.05, seed)
    assume(chunk.arrivals_s.size)
    chunk = replace(chunk, arrivals_s=np.sort(chunk.arrivals_s * (gone_s / 180.0)))
    rules = fleet_of(service_of(), rule=Static(1), minimum=1, maximum=1, boot_s=lambda: 4.0)
    loss = Outage((0,), float(gone_s), float(gone_s), gone_s + 10.0)
    told = replace(rules, faults=Told(((loss,),)))
    size = chunk.arrivals_s.size
    found = times_of(Fleet(told, [chunk], until_s=4000.0, keep_requests=size).run())
    bare = times_of(Fleet(rules, [chunk], until_s=4000.0, keep_requests=size).run())
    done = bare.finish_s <= gone_s
    for name in ("start_s", "first_token_s", "finish_s"):
        np.testing.assert_array_equal(getattr(found, name)[done], getattr(bare, name)[done])
    if done.all():
        return
    left = Requests(
        chunk.arrivals_s[~done],
        input_tokens=chunk.input_tokens[~done],
        output_tokens=chunk.output_tokens[~done],
    )
    away = replace(rules, rule=Static(1), faults=Told(((Outage((0,), -1, -1, gone_s + 10.0),),)))
    anew = times_of(Fleet(away, [left], until_s=4000.0, keep_requests=left.arrivals_s.size).run())
    for name in ("start_s", "first_token_s", "finish_s"):
        np.testing.assert_array_equal(getattr(found, name)[~done], getattr(anew, name))


def test_a_replica_that_drains_makes_what_it_runs_and_takes_no_more():
    """Two replicas until 3,600 s, then one: the request of the second goes on to its last token."""
    rules = fleet_of(
        service_of(),
        rule=Schedule([2, 1] + [1] * 22),
        minimum=1,
        maximum=2,
        discipline=Discipline.ROUND_ROBIN,
    )
    came_s = np.array([3599.0, 3599.0, 3600.5])
    chunk = Requests(came_s, input_tokens=np.full(3, 10.0), output_tokens=np.full(3, 200.0))
    found = Fleet(rules, [chunk], until_s=7200.0, keep_requests=3).run()
    # A prompt of 10 tokens, then 199 decodes that have read 10, 11, ... tokens.
    taken_s = (0.021 + 1e-3) + 199 * 0.021 + 1e-6 * sum(range(10, 209))
    assert times_of(found).finish_s[1] == pytest.approx(3599.0 + taken_s, rel=1e-9)
    assert found.draining_s.sum() == pytest.approx(taken_s - 1.0, rel=1e-6)
    assert found.idle_causes_s["draining"].sum() == pytest.approx(0.0, abs=1e-6)
    gone_s, left = found.replicas_over_time[-1]
    assert left == 1
    assert gone_s == pytest.approx(3599.0 + taken_s)


def test_who_waits_for_a_replica_that_goes_is_served_by_another():
    service = service_of(max_sequences=1)
    rules = fleet_of(
        service,
        rule=Schedule([2, 1] + [1] * 22),
        minimum=1,
        maximum=2,
        discipline=Discipline.ROUND_ROBIN,
    )
    came_s = np.array([3599.0] * 4)
    chunk = Requests(came_s, input_tokens=np.full(4, 10.0), output_tokens=np.full(4, 100.0))
    found = Fleet(rules, [chunk], until_s=7200.0, keep_requests=4).run()
    times = times_of(found)
    assert found.served == 4
    assert times.start_s[:2].tolist() == [3599.0, 3599.0]
    # Both others wait for the first replica; the second drains and is gone.
    assert times.start_s[2] == pytest.approx(times.finish_s[0])
    assert times.start_s[3] == pytest.approx(times.finish_s[2])


def test_an_autoscaler_follows_the_requests_in_flight():
    rules = fleet_of(service_of(), rule=QueueLength(4.0), minimum=1, maximum=6)
    quiet, busy = stream(0.4, 1.0, 1), stream(8.0, 1.0, 2)
    later = replace(busy, arrivals_s=busy.arrivals_s + 3600.0)
    found = Fleet(rules, [quiet, later], until_s=7200.0).run()
    by_hour = (found.serving_s / 3600.0).tolist()
    assert by_hour[0] < 1.5
    assert by_hour[1] > 3.0
    assert found.served > 0.99 * found.arrived


def test_one_instant_of_work_is_counted_in_the_hour_in_which_it_ends():
    """Histograms by hour of the week add up to those of the whole run."""
    calendar = hours_of_week(3)
    chunk = stream(2.0, 3.0, 5)
    rules = fleet_of(service_of(), 2, goal_s=2.0)
    until_s = 3 * 3600.0
    whole = Fleet(rules, [chunk], until_s=until_s).run()
    parts = Fleet(rules, [chunk], until_s=until_s, calendars=rows_of(calendar)).run()
    assert tokens_of(whole).first_token_histograms.shape[0] == 1
    np.testing.assert_array_equal(
        tokens_of(parts).first_token_histograms.sum(axis=0),
        tokens_of(whole).first_token_histograms[0],
    )
    np.testing.assert_array_equal(parts.histogram, whole.histogram)
    usage = fleet_usage(parts, calendar, slots=1)
    assert usage.requests["arrived"][:3].sum() == whole.arrived
    assert 1.0 <= usage.mean_batch[0] <= 16.0
    assert 0.0 <= usage.within_goal[:3].min() <= usage.within_goal[:3].max() <= 1.0
    # Little's law over each hour: waiting is what all waited, over the time.
    waited_s = whole.hours[:, at.HOUR_WAITING_S].sum()
    assert waited_s == pytest.approx(whole.hours[:, at.HOUR_WAIT_S].sum(), rel=1e-9)
    assert quantile_s(whole.histogram, 0.5) > quantile_s(whole.waits, 0.5)


@pytest.mark.parametrize(
    ("changes", "columns", "message"),
    [
        ({}, {"input_tokens": np.array([9000.0])}, "needs 566 KV blocks .* has 500"),
        ({"longest_context_tokens": 100}, {}, "150 input and 50 .* takes 100 at most"),
        ({"max_step_tokens": 0}, {}, "max_step_tokens is 0"),
        ({"max_sequences": 400, "max_step_tokens": 512}, {}, "400 sequences .* covers 16"),
        ({}, {"input_tokens": np.empty(0)}, "no input and output tokens"),
        ({}, {"due_s": np.array([3.0])}, "deadlines are not judged"),
        ({}, {"patience_s": np.array([3.0])}, "patience of their own"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_with_the_numbers(changes, columns, message):
    chunk = Requests(np.zeros(1), input_tokens=np.array([150.0]), output_tokens=np.array([50.0]))
    rules = fleet_of(service_of(**changes))
    with pytest.raises(InfeasibleError, match=message):
        Fleet(rules, [replace(chunk, **columns)], until_s=10.0).run()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": BatchRule(4)}, "batches of 4 .* are for models served in batches"),
        ({"slots": 8}, "8 slots are for models served in batches"),
        ({"discipline": Discipline.TWO_CHOICES}, "two choices are not simulated"),
        ({"hardware": (1,)}, "2 kinds of hardware .* the service covers 1"),
    ],
)
def test_rules_of_a_batched_fleet_are_refused_for_llm_replicas(changes, message):
    with pytest.raises(InfeasibleError, match=message):
        Fleet(replace(fleet_of(service_of()), **changes), [], until_s=1.0)
