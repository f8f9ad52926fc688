"""optimum-benchmark: config and report of a run in process; seconds, kilowatt-hours a call."""

from __future__ import annotations

from tco.domain.measured import (
    Energy,
    EnergyMethod,
    EnergyScope,
    Kind,
    Phase,
    Point,
    Unit,
)
from tco.domain.record import Evidence
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading, spread_of
from tco.units import BYTES_PER_GIB, JOULES_PER_KWH

TOOL = "optimum-benchmark"
SHORT = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32"}
BYTES_PER_MB = 1e6
LEAST_WINDOW_S = 5.0
LEAST_WARM_UPS = 3
QUANTILES = {"mean": "mean", "median": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}


def recognises(content: Content) -> bool:
    """Tell it by a configuration and a report side by side."""
    if not content.is_json or len(content.documents) != 1:
        return False
    config, report = (content.documents[0].get(key) for key in ("config", "report"))
    return isinstance(config, dict) and isinstance(report, dict) and "backend" in config


def read(content: Content, about: About) -> Reading:
    """Read one run: a forward pass, or prefill and decode."""
    document = next(content.fields())
    config, report = document.part("config"), document.part("report")
    backend, scenario = config.part("backend"), config.part("scenario")
    batch = scenario.part("input_shapes").positive("batch_size")
    size = scenario.part("input_shapes").maybe_positive("sequence_length")
    on_cpu = backend.text("device") == "cpu"
    points = []
    if report.has("decode"):
        points += [_prefill(report, batch, size, on_cpu=on_cpu)]
        points += [_decode(report, scenario, batch, size, on_cpu=on_cpu)]
    elif report.has("forward"):
        points.append(_point(report.part("forward"), Phase.FORWARD, batch, size, on_cpu=on_cpu))
    else:
        raise report.refusal(
            "forward", "expected forward, or prefill and decode, found neither", "run it again"
        )
    doubts = []
    warm_ups = scenario.maybe("warmup_runs")
    if warm_ups is None or warm_ups < LEAST_WARM_UPS:
        doubts.append(f"{warm_ups or 0:.0f} warm-up runs: a cold engine reads slow")
    environment = config.part("environment")
    boards = environment.data.get("gpu")
    hardware = environment.text("cpu")
    if not on_cpu:
        hardware = str(boards[0]) if isinstance(boards, list) and boards else None
    dtype = backend.text("torch_dtype")
    return Reading(
        tool=TOOL,
        kind=Kind.LLM if report.has("decode") else Kind.CLASSIC,
        measured_in="process",
        points=tuple(points),
        model=backend.text("model"),
        runtime=backend.text("name"),
        runtime_version=backend.text("version"),
        precision=None if dtype is None else SHORT.get(dtype, dtype),
        hardware=hardware,
        accelerator_count=0 if on_cpu else None,
        load_times_s=tuple(report.part("load", "latency").numbers("values")),
        doubts=tuple(doubts),
    )


def _prefill(report: Fields, batch: float, size: float | None, *, on_cpu: bool) -> Point:
    return _point(report.part("prefill"), Phase.PREFILL, batch, size, on_cpu=on_cpu)


def _decode(
    report: Fields, scenario: Fields, batch: float, size: float | None, *, on_cpu: bool
) -> Point:
    """Read a step of decoding: the whole decode over its steps, one fewer than the new tokens."""
    tokens = scenario.part("generate_kwargs").maybe_positive("max_new_tokens")
    if tokens is None or tokens <= 1:
        found = "nothing" if tokens is None else f"{tokens:g}"
        raise scenario.refusal(
            "generate_kwargs.max_new_tokens",
            f"expected more than 1 (decode is the time of all steps), found {found}",
            "say how many tokens were made",
        )
    point = _point(
        report.part("decode"), Phase.DECODE, batch, None, on_cpu=on_cpu, steps=tokens - 1
    )
    context = (size or 0.0) + tokens / 2
    return point.model_copy(update={"context_tokens": context, "output_tokens": tokens})


def _point(
    part: Fields,
    phase: Phase,
    batch: float,
    size: float | None,
    *,
    on_cpu: bool,
    steps: float = 1.0,
) -> Point:
    latency = part.part("latency")
    unit = latency.data.get("unit")
    if unit != "s":
        raise latency.refusal("unit", f"expected 's', found {unit!r}", "is it another version?")
    seconds = spread_of(latency, QUANTILES, 1 / steps, calls=latency.count("count") or None)
    if seconds is None:
        raise latency.refusal("mean", "expected more than 0, found none", "did the run end well?")
    tokens = phase is Phase.DECODE
    energy, withheld = _energy(part, phase, latency, steps, on_cpu=on_cpu)
    memory = part.part("memory")
    return Point(
        phase=phase,
        batch=batch,
        input_size=None if size is None else int(size),
        seconds=seconds,
        # Its own throughput says samples/s where it counted tokens: it is made from the latency.
        throughput_per_s=batch / seconds.typical,
        throughput_unit=Unit.TOKENS if tokens else Unit.ITEMS,
        window_s=latency.maybe_positive("total"),
        energy=energy,
        energy_withheld=withheld,
        peak_host_gib=_gib(memory, "max_ram"),
        peak_device_gib=_gib(memory, "max_global_vram"),
    )


def _gib(memory: Fields, key: str) -> float | None:
    found = memory.maybe_positive(key)
    if found is None:
        return None
    unit = memory.data.get("unit")
    if unit != "MB":
        raise memory.refusal("unit", f"expected 'MB', found {unit!r}", "is it another version?")
    return found * BYTES_PER_MB / BYTES_PER_GIB


def _energy(
    part: Fields, phase: Phase, latency: Fields, steps: float, *, on_cpu: bool
) -> tuple[Energy | None, str | None]:
    """Read joules of one call; what the tool sampled once a second needs some seconds."""
    if not part.has("energy"):
        return None, None
    energy = part.part("energy")
    unit = energy.data.get("unit")
    if unit != "kWh":
        raise energy.refusal("unit", f"expected 'kWh', found {unit!r}", "is it another version?")
    kwh = energy.maybe("gpu") or 0.0
    if on_cpu:
        kwh = (energy.maybe("cpu") or 0.0) + (energy.maybe("ram") or 0.0)
    if kwh <= 0:
        why = " (decode is generate minus prefill)" if phase is Phase.DECODE else ""
        return None, f"the tool gives {kwh:g} kWh{why}"
    total_s = latency.maybe("total") or 0.0
    if total_s < LEAST_WINDOW_S:
        return None, f"read over {total_s:.1f} s of work, sampled once a second: noise"
    return Energy(
        joules=kwh * JOULES_PER_KWH / steps,
        scope=EnergyScope.HOST if on_cpu else EnergyScope.BOARD,
        method=EnergyMethod.MODELLED if on_cpu else EnergyMethod.REPORTED,
        evidence=Evidence.ESTIMATED if on_cpu else Evidence.IMPORTED,
        window_s=total_s,
    ), None
