"""AIPerf and genai-perf: every metric is a block that states its unit; absent ones are left out."""

from __future__ import annotations

from collections.abc import Iterator

from tco.domain.measured import (
    Energy,
    EnergyMethod,
    EnergyScope,
    Kind,
    Phase,
    Point,
    Spread,
    Unit,
)
from tco.domain.record import Evidence
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading, numbers_of, spread_of

TOOL = "AIPerf"
SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
JOULES = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "mJ": 1e-3}
PER_S = {"requests/sec", "requests/s", "tokens/sec", "tokens/s"}
NS_PER_S = 1e9
PROFILING = "profiling"
AGREES_WITHIN = 0.3
REASONING_SHARE = 0.01


def recognises(content: Content) -> bool:
    """Tell a summary by its blocks with units, and a recording by metadata and metrics a line."""
    return content.is_json and (_is_recording(content) or _is_summary(content))


def _is_summary(content: Content) -> bool:
    if len(content.documents) != 1:
        return False
    block = content.documents[0].get("request_latency")
    return isinstance(block, dict) and {"unit", "avg"} <= block.keys()


def _is_recording(content: Content) -> bool:
    first = content.documents[0] if content.documents else {}
    return {"metadata", "metrics"} <= first.keys() and isinstance(first["metadata"], dict)


def read(content: Content, about: About) -> Reading:
    """Read a summary, or the requests of a recording."""
    if _is_recording(content):
        point, model, notes = _of_recording(content, about)
    else:
        point, model, notes = _of_summary(next(content.fields()), about)
    return Reading(
        tool=TOOL,
        kind=Kind.ENDPOINT,
        measured_in="server",
        points=(point,),
        model=model,
        notes=tuple(notes),
    )


def _of_summary(report: Fields, about: About) -> tuple[Point, str | None, list[str]]:
    latency = _spread(report, "request_latency")
    if latency is None:
        raise report.refusal(
            "request_latency.avg", "expected more than 0, found none", "did it answer?"
        )
    requests = report.part("request_count").count("avg")
    rate = _per_second(report, "request_throughput")
    tokens_per_s = _per_second(report, "output_token_throughput")
    settings = report.part("input_config")
    offered, concurrency = _load(settings)
    energy, withheld, doubts = _energy(report, requests)
    doubts += _reasoning(report)
    point = Point(
        phase=Phase.REQUEST,
        concurrency=None if offered else concurrency or about.concurrency,
        offered_per_s=offered,
        input_tokens=report.part("input_sequence_length").maybe_positive("avg"),
        output_tokens=report.part("output_sequence_length").maybe_positive("avg"),
        seconds=latency,
        ttft_s=_spread(report, "time_to_first_token"),
        tpot_s=_spread(report, "inter_token_latency"),
        throughput_per_s=tokens_per_s or rate,
        throughput_unit=Unit.TOKENS if tokens_per_s else Unit.REQUESTS,
        completed=requests,
        failed=report.part("error_request_count").count("avg"),
        window_s=_seconds(report, "benchmark_duration"),
        energy=energy,
        energy_withheld=withheld,
        doubts=tuple(doubts),
    )
    names = settings.part("endpoint").data.get("model_names") or settings.data.get("model")
    model = str(names[0]) if isinstance(names, list) and names else None
    return point, model, []


def _load(settings: Fields) -> tuple[float | None, float | None]:
    """Find the load that was asked for, where the versions of the tool keep it: rate, clients."""
    places = (
        settings.part("loadgen"),
        settings.part("perf_analyzer", "stimulus"),
        settings,
    )
    offered = next((rate for p in places if (rate := p.maybe_positive("request_rate"))), None)
    clients = next((found for p in places if (found := p.maybe_positive("concurrency"))), None)
    return (None, clients) if clients else (offered, None)


def _unit(block: Fields, known: dict[str, float]) -> float:
    unit = block.data.get("unit")
    if not isinstance(unit, str) or unit not in known:
        problem = f"expected one of {', '.join(known)}, found {unit!r}"
        raise block.refusal("unit", problem, "the figure cannot be converted without it")
    return known[unit]


def _spread(report: Fields, name: str) -> Spread | None:
    if not report.has(name):
        return None
    block = report.part(name)
    names = {"mean": "avg", "median": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}
    return spread_of(block, names, _unit(block, SECONDS), calls=block.count("count") or None)


def _seconds(report: Fields, name: str) -> float | None:
    if not report.has(name):
        return None
    block = report.part(name)
    return block.positive("avg") * _unit(block, SECONDS)


def _per_second(report: Fields, name: str) -> float | None:
    if not report.has(name):
        return None
    block = report.part(name)
    _unit(block, dict.fromkeys(sorted(PER_S), 1.0))
    return block.maybe_positive("avg")


def _reasoning(report: Fields) -> list[str]:
    hidden = report.part("reasoning_token_count").maybe_positive("avg")
    shown = report.part("output_sequence_length").maybe_positive("avg")
    if hidden and shown and hidden > REASONING_SHARE * shown:
        return [f"{hidden:.0f} hidden reasoning tokens a request are in its token counts"]
    return []


def _energy(report: Fields, requests: int | None) -> tuple[Energy | None, str | None, list[str]]:
    """Read the boards' counters: most minus least, never the average of a counter."""
    boards = list(_boards(report.part("telemetry_data")))
    if not boards or not requests:
        return None, None, []
    joules, watts, doubts = 0.0, 0.0, []
    for board in boards:
        counter = board.part("energy_consumption")
        if not counter.has("max"):
            return None, "a board has no energy counter", []
        drawn = (counter.number("max") - counter.number("min")) * _unit(counter, JOULES)
        if drawn <= 0:
            return None, f"the counter {counter.place} stands still", []
        joules += drawn
        watts += board.part("gpu_power_usage").maybe("avg") or 0.0
    seconds = _seconds(report, "benchmark_duration")
    if watts and seconds and abs(joules / (watts * seconds) - 1) > AGREES_WITHIN:
        doubts.append(
            f"the counters say {joules:.4g} J and mean power x time {watts * seconds:.4g} J"
        )
    energy = Energy(
        joules=joules / requests,
        scope=EnergyScope.BOARD,
        method=EnergyMethod.COUNTER,
        evidence=Evidence.IMPORTED,
        window_s=seconds,
        calls=requests,
    )
    return energy, None, doubts


def _boards(telemetry: Fields) -> Iterator[Fields]:
    endpoints = telemetry.part("endpoints")
    for endpoint in endpoints.data:
        boards = endpoints.part(endpoint, "gpus")
        for board in boards.data:
            yield boards.part(board, "metrics")


def _of_recording(content: Content, about: About) -> tuple[Point, str | None, list[str]]:
    """Put single requests together, without those of the warm-up."""
    records = list(content.fields())
    counted = [r for r in records if r.part("metadata").text("benchmark_phase") == PROFILING]
    answered = [r for r in counted if r.part("metrics").has("request_latency")]
    if not answered:
        raise records[0].refusal(
            "metadata.benchmark_phase",
            f"expected requests of phase '{PROFILING}', found none that were answered",
            "is it the recording of a warm-up?",
        )
    starts = [r.part("metadata").positive("request_start_ns") / NS_PER_S for r in answered]
    ends = [r.part("metadata").positive("request_end_ns") / NS_PER_S for r in answered]
    window_s = max(ends) - min(starts)
    lengths = _values(answered, "output_sequence_length", None)
    notes = []
    if len(counted) < len(records):
        notes.append(f"{len(records) - len(counted)} requests of the warm-up left out")
    first = _values(answered, "time_to_first_token", SECONDS)
    gaps = _values(answered, "inter_token_latency", SECONDS)
    inputs = _values(answered, "input_sequence_length", None)
    point = Point(
        phase=Phase.REQUEST,
        concurrency=about.concurrency,
        input_tokens=sum(inputs) / len(inputs) if inputs else None,
        output_tokens=sum(lengths) / len(lengths) if lengths else None,
        seconds=numbers_of(_values(answered, "request_latency", SECONDS)),
        ttft_s=numbers_of(first) if first else None,
        tpot_s=numbers_of(gaps) if gaps else None,
        throughput_per_s=(sum(lengths) or len(answered)) / window_s,
        throughput_unit=Unit.TOKENS if lengths else Unit.REQUESTS,
        completed=len(answered),
        failed=len(counted) - len(answered),
        window_s=window_s,
    )
    return point, None, notes


def _values(records: list[Fields], name: str, units: dict[str, float] | None) -> list[float]:
    blocks = [r.part("metrics", name) for r in records if r.part("metrics").has(name)]
    return [b.positive("value") * (_unit(b, units) if units else 1.0) for b in blocks]
