"""Measurements become curves: classic batches by padded size, steps of language models."""

import numpy as np
import pytest

from tco.domain.measured import (
    EnergyMethod,
    EnergyScope,
    Idle,
    Kind,
    LoadTimes,
    Phase,
    Spread,
    Unit,
)
from tco.domain.record import Evidence
from tco.errors import MissingFigureError
from tco.measure.curve import fit_curve, runtime_of
from tco.measure.curve_roofline import COMPUTE_EFFICIENCY, MEMORY_EFFICIENCY
from tests.measure.sweeps import architecture, batch, card, curve_of, decode, energy, llm, measured


def test_a_classic_sweep_gives_seconds_joules_range_and_grade():
    curve = curve_of(batch(n, 0.002 + 0.001 * n, 3 + 0.5 * n) for n in (1, 4, 16))
    seconds, joules = curve.table(16)
    assert seconds[[0, 15]] == pytest.approx([0.003, 0.018])
    assert joules is not None
    assert joules[3] / 4 == pytest.approx(0.5 + 3 / 4)
    assert curve.range == (1, 16)
    assert (curve.grade(8), curve.grade(32)) == (Evidence.IMPORTED, Evidence.ESTIMATED)
    assert curve.relative_error(32) > curve.relative_error(8)
    assert curve.energy_scope is EnergyScope.BOARD


def test_two_sizes_are_lines_of_their_own_and_a_line_lies_between_them():
    points = [batch(n, s / 100 * n, input_size=s) for s in (128, 256) for n in (1, 2, 4)]
    curve = curve_of(points)
    assert curve.batch is not None
    at = [float(curve.batch.seconds(2, size)) for size in (10, 128, 192, 256, 512)]
    assert at == pytest.approx([2.56, 2.56, 3.84, 5.12, 10.24])
    assert curve.grade(2, 200) is Evidence.IMPORTED
    assert curve.grade(2, 300) is Evidence.ESTIMATED


def test_joules_of_two_scopes_are_never_fitted_together():
    wall = batch(4, 0.2).model_copy(update={"energy": energy(5.0, EnergyScope.WALL)})
    curve = curve_of([batch(1, 0.1, 2.0), batch(2, 0.15, 3.0), wall])
    assert curve.table(4)[1] is None
    assert curve.energy_scope is None
    assert "different scopes (board and wall)" in curve.notes[0]


def test_in_process_is_said_and_a_server_is_not():
    points = [batch(n, 0.1 * n) for n in (1, 2, 4)]
    assert "host work of each request" in curve_of(points, measured_in="process").notes[0]
    assert curve_of(points).notes == ()
    assert not curve_of(points).has_front_end


def test_idle_power_and_starts_come_along_with_their_range():
    idle = Idle(
        watts=60,
        scope=EnergyScope.BOARD,
        method=EnergyMethod.COUNTER,
        evidence=Evidence.MEASURED,
        window_s=10,
    )
    curve = curve_of([batch(1, 0.1)], idle=idle, load_times=LoadTimes(seconds=(4.0, 9.0, 5.0)))
    assert curve.idle_w is not None
    assert curve.load_s is not None
    assert (curve.idle_w.likely, curve.idle_w.evidence) == (60, Evidence.MEASURED)
    assert (curve.load_s.low, curve.load_s.likely, curve.load_s.high) == (4, 5, 9)


def test_requests_that_overlap_are_no_batch():
    served = batch(1, 0.1, phase=Phase.REQUEST, concurrency=8, throughput_unit=Unit.REQUESTS)
    with pytest.raises(MissingFigureError, match="holds no batch that ran alone"):
        curve_of([served])


def test_training_says_nothing_of_serving():
    with pytest.raises(MissingFigureError, match="measures training"):
        curve_of([batch(1, 0.1, phase=Phase.TRAIN_STEP)], kind=Kind.TRAINING)


def test_threads_of_a_processor_and_modes_make_runtimes_of_their_own():
    on_cpu = measured(
        [batch(1, 0.1)],
        hardware={"name": "EPYC", "accelerator_count": 0},
        runtime={"name": "torch", "mode": "compiled", "threads": 1},
    )
    assert runtime_of(on_cpu) == "torch, compiled, 1 thread"
    on_card = measured([batch(1, 0.1)], runtime={"name": "torch", "threads": 16})
    assert runtime_of(on_card) == "torch"


# Steps of language models


def test_contexts_that_differ_identify_all_but_the_prompt():
    points = [
        decode(n, 0.01 + 1e-4 * n + 1e-8 * n * context, context_tokens=context)
        for n in (1, 8, 32)
        for context in (128, 1024)
    ]
    points += [
        decode(1, 0.01 + 2e-5 * size, phase=Phase.PREFILL, input_size=size) for size in (128, 512)
    ]
    curve = fit_curve(llm(points, measured_in="process"))
    assert curve.step is not None
    step = curve.step.seconds
    found = [step.base, step.per_sequence, step.per_kv_token, step.per_prefill_token]
    assert [part.value for part in found] == pytest.approx([0.01, 1e-4, 1e-8, 2e-5])
    assert {part.evidence for part in found} == {Evidence.IMPORTED}
    assert step.accuracy.left_out_error == pytest.approx(0, abs=1e-9)


def sweep(joules=None):
    return llm(
        [decode(n, 0.01 + 1e-4 * n, joules and 3 + 0.1 * n, context_tokens=500) for n in (1, 8, 32)]
    )


def test_what_one_context_cannot_show_comes_from_the_roofline():
    curve = fit_curve(sweep(joules=1), architecture=architecture(), accelerator=card())
    assert curve.step is not None
    step = curve.step.seconds
    per_kv = 1e5 / (1e12 * MEMORY_EFFICIENCY)
    assert step.per_kv_token.value == pytest.approx(per_kv)
    assert step.per_prefill_token.value == pytest.approx(2e9 / (1e14 * COMPUTE_EFFICIENCY))
    assert step.per_sequence.value == pytest.approx(1e-4 - 500 * per_kv)
    assert step.per_kv_token.evidence is Evidence.ESTIMATED
    assert step.per_sequence.evidence is Evidence.IMPORTED
    # At the context that was measured the parts add up to what was seen.
    assert float(step.at(8, 8 * 500)) == pytest.approx(0.0108)
    assert curve.step.joules is not None
    assert float(curve.step.joules.at(8, 8 * 500)) == pytest.approx(3.8)
    assert curve.step.joules.per_prefill_token.value == pytest.approx(
        step.per_prefill_token.value * 300
    )


def test_the_roofline_never_takes_more_than_the_sweep_leaves():
    large = architecture(kv_bytes_per_token=1e9)
    curve = fit_curve(sweep(), architecture=large, accelerator=card())
    assert curve.step is not None
    assert curve.step.seconds.per_kv_token.value == pytest.approx(1e-4 / 500)
    assert curve.step.seconds.per_sequence.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [({"accelerator": card()}, "models.csv"), ({"architecture": architecture()}, "hardware.csv")],
)
def test_without_a_roofline_nothing_is_made_up(given, lacking):
    with pytest.raises(MissingFigureError, match=lacking):
        fit_curve(sweep(), **given)


def test_one_running_batch_is_no_step_curve():
    with pytest.raises(MissingFigureError, match="one running batch only"):
        fit_curve(llm([decode(8, 0.01)]), architecture=architecture(), accelerator=card())


def served(concurrency, tokens_per_s, tpot_s):
    return decode(
        1,
        2.0,
        phase=Phase.REQUEST,
        batch=None,
        concurrency=concurrency,
        tpot_s=Spread(median=tpot_s),
        throughput_per_s=tokens_per_s,
        input_tokens=500,
        output_tokens=200,
    )


def test_clients_beyond_the_servers_limit_are_a_queue_and_left_out():
    points = [served(1, 50, 0.02), served(25, 800, 0.03), served(100, 920, 0.09)]
    points += [served(150, 921, 0.09), served(250, 920, 0.0905)]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    assert curve.range == pytest.approx((1, 82.8))
    assert "load 150 ran 83 sequences at once" in curve.notes[0]


def test_requests_a_second_say_tokens_a_second_where_the_answers_length_is_known():
    points = [
        served(c, rate, tpot).model_copy(
            update={"throughput_per_s": rate / 200, "throughput_unit": Unit.REQUESTS}
        )
        for c, rate, tpot in ((1, 50, 0.02), (25, 800, 0.03), (100, 920, 0.09))
    ]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    assert curve.range == pytest.approx((1, 82.8))


def test_a_server_that_is_mostly_idle_is_no_slower_for_it():
    # 20 tokens a second at 10 ms each: a fifth of a sequence runs, and a step still takes 10 ms.
    points = [served(c, rate, tpot) for c, rate, tpot in ((1, 20, 0.01), (8, 640, 0.0125))]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    assert curve.step is not None
    assert float(curve.step.seconds.at(1, 600)) == pytest.approx(0.01)


def test_behind_a_server_a_step_takes_what_its_rate_says():
    # 32 sequences at 1,000 tokens/s: 32 ms a step, however short the median gap is.
    points = [
        decode(n, 0.5 * n / 1000, throughput_per_s=1000, output_tokens=300) for n in (8, 16, 32)
    ]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    assert curve.step is not None
    assert float(curve.step.seconds.at(32, 32 * 150)) == pytest.approx(0.032)


def test_plain_arrays_say_what_the_curve_says_on_both_sides_of_each_knee():
    points = [
        decode(n, 0.01 + 1e-4 * n + (5e-4 * (n - 8) if n > 8 else 0), 3 + 0.1 * n, context_tokens=9)
        for n in (1, 2, 4, 8, 16, 32, 64)
    ]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    arrays = curve.step_arrays()
    assert curve.step is not None
    assert curve.step.joules is not None
    assert arrays.from_sequences.tolist() == [0, 8]
    assert arrays.has_joules
    for n in (3.0, 8.0, 20.0, 100.0):
        part = np.searchsorted(arrays.from_sequences, n, side="right") - 1
        for base, per_sequence, per_kv, per_prefill, line in (
            (arrays.base_s, arrays.per_sequence_s, arrays.per_kv_token_s,
             arrays.per_prefill_token_s, curve.step.seconds),
            (arrays.base_j, arrays.per_sequence_j, arrays.per_kv_token_j,
             arrays.per_prefill_token_j, curve.step.joules),
        ):  # fmt: skip
            whole = base[part] + per_sequence[part] * n + per_kv[part] * 900 + per_prefill[part] * 7
            assert whole == pytest.approx(float(line.at(n, 900, 7)))


def test_each_kind_has_its_own_form():
    batches = curve_of(batch(n, 0.1 * n) for n in (1, 2, 4))
    steps = fit_curve(sweep(), architecture=architecture(), accelerator=card())
    with pytest.raises(TypeError, match="not coefficients of a step"):
        batches.step_arrays()
    with pytest.raises(TypeError, match="not a table of batches"):
        steps.table(4)
    assert not steps.step_arrays().has_joules
    assert steps.joules_error(8) is None


def test_steps_that_do_not_say_enough_are_refused_in_words():
    silent = served(8, 800, 0.01).model_copy(
        update={"throughput_per_s": None, "concurrency": None, "offered_per_s": 3.0}
    )
    with pytest.raises(MissingFigureError, match="neither its tokens a second nor its concurrency"):
        fit_curve(llm([silent]), architecture=architecture(), accelerator=card())
    bare = [decode(n, 0.01 * n) for n in (1, 2, 4)]
    with pytest.raises(MissingFigureError, match="neither the context nor the length of answers"):
        fit_curve(llm(bare), architecture=architecture(), accelerator=card())
    no_limit = card().model_copy(update={"peak_w": None})
    with pytest.raises(MissingFigureError, match="no peak_w of 'Card'"):
        fit_curve(sweep(joules=1), architecture=architecture(), accelerator=no_limit)


def test_prompts_show_their_joules_too():
    points = [*sweep(joules=1).points]
    points += [
        decode(1, 0.01 + 2e-5 * size, 1 + 0.01 * size, phase=Phase.PREFILL, input_size=size)
        for size in (128, 512)
    ]
    curve = fit_curve(llm(points), architecture=architecture(), accelerator=card())
    assert curve.step is not None
    assert curve.step.joules is not None
    assert curve.step.joules.per_prefill_token.value == pytest.approx(0.01)
    assert curve.joules_error(8) == pytest.approx(0.03)


def test_one_request_at_a_time_of_each_batch_is_a_batch_curve():
    points = [
        batch(n, 0.01 * n, phase=Phase.REQUEST, concurrency=1, throughput_unit=Unit.REQUESTS)
        for n in (1, 2, 4)
    ]
    curve = curve_of(points, doubts=("busy",))
    assert curve.range == (1, 4)
    assert "busy" in curve.notes
    assert curve.joules_error(2) is None
