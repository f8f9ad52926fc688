"""GuideLLM reports, version 2: latency in seconds, token times in milliseconds."""

from __future__ import annotations

from tco.domain.measured import Kind, Phase, Point, Spread, Unit
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading, spread_of
from tco.units import MILLISECONDS_PER_SECOND

TOOL = "GuideLLM"
VERSION = 2
PER_MS = 1 / MILLISECONDS_PER_SECOND
AGREES = (0.5, 2.0)


def recognises(content: Content) -> bool:
    """Tell it by its list of benchmarks, each with metrics."""
    if not content.is_json or len(content.documents) != 1:
        return False
    document = content.documents[0]
    runs = document.get("benchmarks")
    return isinstance(runs, list) and bool(runs) and isinstance(runs[0], dict) and (
        "metrics" in runs[0]
    )  # fmt: skip


def read(content: Content, about: About) -> Reading:
    """Read a report; one point a benchmark."""
    report = next(content.fields())
    version = report.part("metadata").data.get("version")
    if version != VERSION:
        raise report.refusal(
            "metadata.version",
            f"expected {VERSION}, found {version}",
            "write the report again with a GuideLLM of that version",
        )
    runs = [
        Fields(content.path, run, f"benchmarks[{number}]")
        for number, run in enumerate(report.data["benchmarks"])
    ]
    return Reading(
        tool=TOOL,
        kind=Kind.ENDPOINT,
        measured_in="server",
        points=tuple(_point(run, about) for run in runs),
        model=report.part("config").text("model"),
        doubts=(
            ()
            if all(run.maybe("warmup_duration") for run in runs)
            else ("no warm-up was cut off: a cold engine reads slow, and ramps are in the rates",)
        ),
    )


def _point(run: Fields, about: About) -> Point:
    metrics = run.part("metrics")
    latency = _spread(metrics, "request_latency", 1.0)
    if latency is None:
        raise metrics.refusal(
            "request_latency.successful", "expected a mean above 0, found none", "did any succeed?"
        )
    ttft = _spread(metrics, "time_to_first_token_ms", PER_MS)
    # Its "time per output token" counts the first token in; its gap between tokens does not.
    tpot = _spread(metrics, "inter_token_latency_ms", PER_MS)
    tokens = _mean(metrics, "output_token_count")
    if ttft and tpot and tokens and ttft.mean and tpot.mean and latency.mean:
        expected = ttft.mean + tpot.mean * (tokens - 1)
        if not AGREES[0] <= latency.mean / expected <= AGREES[1]:
            raise metrics.refusal(
                "request_latency.successful.mean",
                f"expected about {expected:.3g} s (first token + {tokens:.0f} tokens), found "
                f"{latency.mean:.4g}",
                "is one of them in another unit?",
            )
    made = run.part("scheduler_metrics", "requests_made")
    strategy = run.part("config", "strategy")
    offered = strategy.maybe_positive("rate")
    held = _mean(metrics, "request_concurrency")
    asked = (
        strategy.maybe_positive("streams")
        or strategy.maybe_positive("max_concurrency")
        or about.concurrency
    )
    rate, unit = _mean(metrics, "output_tokens_per_second"), Unit.TOKENS
    if rate is None:
        rate, unit = _mean(metrics, "requests_per_second"), Unit.REQUESTS
    return Point(
        phase=Phase.REQUEST,
        concurrency=None if offered else asked or held,
        offered_per_s=offered,
        input_tokens=_mean(metrics, "prompt_token_count"),
        output_tokens=tokens,
        seconds=latency,
        ttft_s=ttft,
        tpot_s=tpot,
        throughput_per_s=rate,
        throughput_unit=unit,
        completed=made.count("successful"),
        failed=made.count("errored"),
        window_s=run.maybe_positive("duration"),
    )


def _successful(metrics: Fields, name: str) -> Fields:
    return metrics.part(name, "successful")


def _mean(metrics: Fields, name: str) -> float | None:
    return _successful(metrics, name).maybe_positive("mean")


def _spread(metrics: Fields, name: str, seconds_per_unit: float) -> Spread | None:
    found = _successful(metrics, name)
    quantiles = found.part("percentiles")
    flat = {
        **{key: found.data.get(key) for key in ("mean", "median")},
        **{key: quantiles.data.get(key) for key in ("p90", "p95", "p99")},
    }
    names = {key: key for key in flat}
    count = found.count("count")
    return spread_of(
        Fields(found.path, flat, found.place), names, seconds_per_unit, calls=count or None
    )
