"""A measured step curve of a language model: an engine on our machines, and its error."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from tco.domain.curve import ServiceCurve, StepArrays
from tco.domain.deployment import SelfHostedDeployment
from tco.domain.fleet import LlmSettings
from tco.domain.hardware import Instance
from tco.domain.measurement import Architecture
from tco.domain.record import Evidence, worse
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError, MissingFigureError
from tco.hosting.measured_curve import P95_OVER_MEAN_MISS, name_of
from tco.hosting.request_time import Joules, ServiceTime, factor_of
from tco.ledger.expression import Driver, Expression, driver
from tco.ledger.option import Part, likely_months
from tco.ledger.volume import TokensPerRequest, tokens_per_request
from tco.sim.llm_curve import LlmCurve, StepLine, most_per_s
from tco.sim.llm_limits import groups_of, kv_room_tokens, vllm_limits
from tco.traffic.profile import week_of
from tco.traffic.rate import PiecewiseRate
from tco.traffic.requests import requests_by_hour
from tco.traffic.sessions import CallShape, draw_calls
from tco.units import (
    BYTES_PER_GB,
    BYTES_PER_GIB,
    HOURS_PER_DAY,
    HOURS_PER_WEEK,
    SECONDS_PER_HOUR,
    hours_in_month,
)

BLOCK_TOKENS = 16
"""Tokens of a block of KV memory, as vLLM cuts it."""
RESERVED_GB = 2.0
"""Held on each accelerator for activations, graphs and the runtime: our assumption [GB]."""
CROWD = 6
"""A replica's limit is found by serving so many times what it holds at once [-]."""
CROWD_SEED = 20261121
BYTES_PER_VALUE = 2
"""Of kept keys and values in the tables of models [B]."""


def steps_service(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    instance: Instance,
    known: ServiceCurve,
    architecture: Architecture,
) -> ServiceTime:
    """Return what serving takes by a measured step curve, simulated step by step.

    Args:
        scenario: Holds the sizes of requests and their sessions.
        part: The model.
        deployment: Limits of the engine, replicas.
        instance: Its accelerators and their memory.
        known: The curve.
        architecture: What a token of context takes of memory.
    """
    settings = deployment.llm or LlmSettings()
    tokens = tokens_per_request(scenario.workload, part.snapshot)
    engine = _engine(part, deployment, settings, instance, known, architecture)
    sequences, call_s = _usual(scenario, part, deployment, engine, tokens)
    # A part of several options has as many usual steps; figures of one name must be one figure.
    sequences = float(f"{sequences:.4g}")
    usual = f"{sequences:g}_sequences".replace(".", "_")
    name = f"{name_of(part, known)}.{usual}"
    shape = _shape(scenario, part, settings, call_s, tokens)
    curve = _with_limits(engine, shape, call_s * _likely(tokens.calls))
    error = _error(f"{name}.curve_error", known, sequences)
    work = _work(name, known, engine.seconds, sequences, tokens)
    own = factor_of(work)
    adapters = settings.adapters
    factor: Expression = error if own is None else error * own
    if adapters is not None and adapters.step_time_factor is not None:
        path = f"candidates.{part.name}.deployment.llm.adapters.step_time_factor"
        slower = driver(path, "-", adapters.step_time_factor)
        spread = factor_of(slower)
        factor = factor if spread is None else factor * spread
    return ServiceTime(
        curve,
        1,
        None,
        factor,
        joules=_joules(name, known, sequences, tokens),
        notes=_notes(part, known),
        calls=shape,
    )


def _likely(expression: Expression) -> float:
    return float(likely_months(expression, 1)[0])


def _engine(
    part: Part,
    deployment: SelfHostedDeployment,
    settings: LlmSettings,
    instance: Instance,
    known: ServiceCurve,
    architecture: Architecture,
) -> LlmCurve:
    """Return the steps and limits of an engine: presets and KV memory by the accelerators' own."""
    snapshot, group = part.snapshot, deployment.accelerators_per_replica
    groups_of(instance.accelerator_count, group)
    if instance.accelerator_memory_gib is None or snapshot.memory_gib is None:
        whose = instance.instance_type if snapshot.memory_gib else f"snapshot '{snapshot.id}'"
        raise MissingFigureError(
            f"memory of {whose} is unknown; it decides how many tokens an engine can hold"
        )
    memory_gb = instance.accelerator_memory_gib * BYTES_PER_GIB / BYTES_PER_GB
    reserved = settings.reserved_gb_per_accelerator
    room = kv_room_tokens(
        weight_bytes=snapshot.memory_gib * BYTES_PER_GIB,
        kv_bytes_per_token=architecture.kv_bytes_per_token
        * settings.kv_bytes_per_value
        / BYTES_PER_VALUE,
        memory_gb=memory_gb,
        accelerators=group,
        reserved_gb=RESERVED_GB if reserved is None else reserved,
    )
    sequences, step_tokens = vllm_limits(memory_gb, is_a100="A100" in (instance.accelerator or ""))
    adapters = settings.adapters
    slower = 1.0
    if adapters is not None and adapters.step_time_factor is not None:
        slower = adapters.step_time_factor.likely
    return LlmCurve(
        _step_line(known.step_arrays(), slower),
        max_sequences=settings.max_sequences or sequences,
        max_step_tokens=settings.max_step_tokens or step_tokens,
        kv_tokens=room,
        block_tokens=BLOCK_TOKENS,
        longest_context_tokens=snapshot.context_tokens,
        policy=settings.policy,
        admission=settings.admission,
        adapters=(0, 0, 0.0)
        if adapters is None
        else (adapters.count, adapters.resident, adapters.load_s),
    )


def _step_line(steps: StepArrays, slower: float) -> StepLine:
    def times(values: np.typing.NDArray[np.float64]) -> tuple[float, ...]:
        return tuple((values * slower).tolist())

    return StepLine(
        tuple(steps.from_sequences.tolist()),
        times(steps.base_s),
        times(steps.per_sequence_s),
        float(steps.per_kv_token_s[0]) * slower,
        float(steps.per_prefill_token_s[0]) * slower,
    )


def _usual(
    scenario: Scenario,
    part: Part,
    deployment: SelfHostedDeployment,
    engine: LlmCurve,
    tokens: TokensPerRequest,
) -> tuple[float, float]:
    """Return the sequences of a usual step, and how long a call lasts then [s], by Little's law.

    Of a fleet that scales, the smallest: what a replica has most of the time.
    """
    months = len(scenario.months)
    hours = sum(hours_in_month(month) for month in scenario.months)
    rate = float(likely_months(part.volume, months).sum()) / (hours * SECONDS_PER_HOUR)
    least = getattr(deployment.autoscaler, "minimum", None)
    replicas = deployment.replicas or max(1, least or 1)
    calls = _likely(tokens.calls)
    made = _likely(tokens.output + tokens.reasoning) / calls
    fresh = _likely(tokens.fresh_input) / calls
    held = _likely(tokens.fresh_input + tokens.cached_input) / calls + made / 2
    line = engine.seconds
    sequences = call_s = 1.0
    for _ in range(50):
        step_s = float(line.over(np.array([sequences]))[0]) + line.per_kv_token * held * sequences
        prefills = rate * calls / replicas * fresh * line.per_prefill_token
        call_s = made * step_s / max(0.05, 1.0 - prefills) + fresh * line.per_prefill_token
        running = rate * calls / replicas * call_s
        sequences += 0.5 * (min(max(1.0, running), engine.max_sequences) - sequences)
    return sequences, call_s


def _shape(
    scenario: Scenario, part: Part, settings: LlmSettings, call_s: float, tokens: TokensPerRequest
) -> CallShape:
    own = part.snapshot.tokens
    assert own is not None
    share = settings.prefix_cache_share
    if share is None:
        fresh, cached = _likely(tokens.fresh_input), _likely(tokens.cached_input)
        share = cached / (fresh + cached) if fresh + cached else 0.0
    return CallShape(
        workload=scenario.workload,
        input_factor=own.input_token_factor.likely,
        output_factor=own.output_token_factor.likely,
        reasoning_tokens=own.reasoning_tokens.likely,
        cached_share=share,
        call_s=call_s,
        adapters=0 if settings.adapters is None else settings.adapters.count,
    )


def _with_limits(engine: LlmCurve, shape: CallShape, latency_s: float) -> LlmCurve:
    key = shape.workload.model_dump_json(include={"tokens", "sessions", "sizes", "classes"})
    return replace(engine, latency_s=latency_s, requests_per_s=_most(engine, _Kept(key, shape)))


class _Kept:
    """A shape of calls, told apart by what its draws rest on."""

    def __init__(self, key: str, shape: CallShape) -> None:
        self.shape = shape
        self._key = key, *(
            getattr(shape, name)
            for name in ("input_factor", "output_factor", "reasoning_tokens", "cached_share")
        ), shape.adapters  # fmt: skip

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept) and self._key == other._key


@lru_cache(maxsize=256)
def _most(engine: LlmCurve, kept: _Kept) -> float:
    """Return the most requests that one replica serves [1/s]."""
    shape, random = kept.shape, np.random.default_rng(CROWD_SEED)
    hours_s = np.arange(HOURS_PER_WEEK + 1.0) * SECONDS_PER_HOUR
    by_hour = requests_by_hour(PiecewiseRate(hours_s, week_of(shape.workload.profile)))
    few = np.sort(random.uniform(0, HOURS_PER_DAY * SECONDS_PER_HOUR, 256))
    tried = draw_calls(shape, few, few, by_hour, random)
    longest = float((tried.input_tokens + tried.output_tokens).mean())
    at_once = max(1, min(engine.max_sequences, int(engine.kv_tokens / longest)))
    calls_each = tried.arrivals_s.size / few.size
    requests = max(64, int(CROWD * at_once / calls_each))
    times_s = np.sort(random.uniform(0, HOURS_PER_DAY * SECONDS_PER_HOUR, requests))
    crowd = draw_calls(shape, times_s, times_s, by_hour, random)
    return most_per_s(engine, crowd, requests)


def _error(name: str, known: ServiceCurve, sequences: float) -> Driver:
    """Return the factor by which all steps of a curve may miss, with its range and grade."""
    miss = known.relative_error(sequences)
    high = 1 + P95_OVER_MEAN_MISS * miss
    least, most = known.range
    source = (
        f"{'; '.join(known.sources)}; expected to miss by {miss:.1%} at {sequences:,.1f} sequences "
        f"in a usual step, measured at {least:,.0f} to {most:,.0f}"
    )
    return Driver(name, "-", 1.0, known.grade(sequences), source, 1 / high, high, known.checked_on)


def _work(
    name: str,
    known: ServiceCurve,
    line: StepLine,
    sequences: float,
    tokens: TokensPerRequest,
) -> Expression:
    """Return the seconds that a request takes of a replica in usual steps [s]."""
    source = "; ".join(known.sources)
    each_s = float(line.over(np.array([sequences]))[0]) / sequences
    grade = known.grade(sequences)
    made = Driver(
        f"{name}.seconds_per_output_token",
        "s/token",
        each_s,
        grade,
        source,
        checked_on=known.checked_on,
    )
    read = Driver(
        f"{name}.seconds_per_input_token",
        "s/token",
        line.per_prefill_token,
        worse(grade, Evidence.ESTIMATED),
        source,
        checked_on=known.checked_on,
    )
    return (tokens.output + tokens.reasoning) * made + tokens.fresh_input * read


def _joules(
    name: str, known: ServiceCurve, sequences: float, tokens: TokensPerRequest
) -> Joules | None:
    """Return the energy of serving: so many watts of busy time, and joules of each token.

    Steps take lines of seconds and of joules. So all of them together take their seconds times the
    watts of an empty step, and for every token what its joules exceed that.
    """
    if known.step is None or known.step.joules is None or known.energy_scope is None:
        return None
    steps = known.step_arrays()
    part = int(np.searchsorted(steps.from_sequences, sequences, side="right")) - 1
    if steps.base_s[part] <= 0:
        return None
    watts = float(steps.base_j[part] / steps.base_s[part])
    calls = _likely(tokens.calls)
    made = _likely(tokens.output + tokens.reasoning)
    held = _likely(tokens.fresh_input + tokens.cached_input) / calls + made / calls / 2
    of_kv = float(steps.per_kv_token_j[0] - watts * steps.per_kv_token_s[0]) * held
    of_made = float(steps.per_sequence_j[part] - watts * steps.per_sequence_s[part]) + of_kv
    of_read = float(steps.per_prefill_token_j[0] - watts * steps.per_prefill_token_s[0])
    miss = known.joules_error(sequences) or 0.0
    high = 1 + P95_OVER_MEAN_MISS * miss
    grade = worse(known.energy_evidence or Evidence.ESTIMATED, known.grade(sequences))
    source = f"{'; '.join(known.sources)}; scope: {known.energy_scope.value}"

    def figure(word: str, unit: str, value: float) -> Driver:
        return Driver(f"{name}.{word}", unit, value, grade, source, checked_on=known.checked_on)

    error = Driver(
        f"{name}.energy_error",
        "-",
        1.0,
        grade,
        f"{source}; expected to miss by {miss:.1%}",
        1 / high,
        high,
        known.checked_on,
    )
    beside = (tokens.output + tokens.reasoning) * figure(
        "joules_per_output_token", "J/token", of_made
    )
    beside = beside + tokens.fresh_input * figure("joules_per_input_token", "J/token", of_read)
    return Joules(error * beside, known.energy_scope, error * figure("busy_w", "W", watts))


def _notes(part: Part, known: ServiceCurve) -> tuple[str, ...]:
    """Return what must stand beside the figures of a curve."""
    if known.snapshot == part.snapshot.id:
        return known.notes
    return (f"steps are those of {known.snapshot}, which has its layers", *known.notes)


def refuse_classic(part: Part, known: ServiceCurve) -> None:
    """Refuse a curve over steps for a model that does not answer token by token."""
    if not part.snapshot.uses_tokens:
        least, most = known.range
        raise InfeasibleError(
            f"{part.snapshot.id} is a classic model without tokens, and its curve is one of LLM "
            f"steps, measured at {least:,.0f} to {most:,.0f} sequences; measure it by batch"
        )
