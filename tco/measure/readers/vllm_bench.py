"""``vllm bench serve``: a flat JSON object a run; summaries in milliseconds, arrays in seconds."""

from __future__ import annotations

from tco.domain.measured import Kind, Phase, Point, Spread, Unit
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading, numbers_of, spread_ms
from tco.units import MILLISECONDS_PER_SECOND

TOOL = "vLLM bench serve"
UNLIMITED = "inf"
MARKS = {"total_output_tokens", "request_throughput", "duration"}
AGREES_WITHIN = 0.05
LATENCY_AGREES = (0.5, 2.0)
SHARE_IN_CLIENT = 0.05
MOST_LENGTHS_APART = 0.01


def recognises(content: Content) -> bool:
    """Tell it by its fields."""
    return content.is_json and all(document.keys() >= MARKS for document in content.documents)


def read(content: Content, about: About) -> Reading:
    """Read one run, or several that were appended to one file."""
    found = list(content.fields())
    first = found[0]
    return Reading(
        tool=TOOL,
        kind=Kind.ENDPOINT,
        measured_in="server",
        points=tuple(_point(fields, about) for fields in found),
        model=first.text("model_id"),
        runtime=first.text("backend"),
        doubts=(
            "vLLM bench serve warms nothing up unless it is told to: the first run reads slow",
        ),
        notes=("its rates run from the first send to the last finish: ramp and drain are inside",),
    )


def _point(fields: Fields, about: About) -> Point:
    duration_s, completed = fields.positive("duration"), fields.count("completed")
    if not completed:
        raise fields.refusal("completed", "expected more than 0, found none", "did it answer?")
    tokens = fields.positive("total_output_tokens")
    _must_agree(fields, "request_throughput", completed / duration_s)
    _must_agree(fields, "output_throughput", tokens / duration_s)
    lengths = fields.numbers("output_lens")
    if lengths:
        counted = float(sum(lengths))
        if abs(counted / tokens - 1) > MOST_LENGTHS_APART:
            problem = f"expected the sum of output_lens, {counted:.0f}, found {tokens:.0f}"
            raise fields.refusal("total_output_tokens", problem, "the file contradicts itself")
    ttft = spread_ms(fields, "ttft", calls=completed)
    tpot = spread_ms(fields, "tpot", calls=completed)
    latency = spread_ms(fields, "e2el", calls=completed)
    each = tokens / completed
    if latency is None:
        latency = _from_array(fields) or _from_parts(fields, each)
    elif ttft is not None and tpot is not None and ttft.mean and tpot.mean and latency.mean:
        expected = ttft.mean + tpot.mean * (each - 1)
        ratio = latency.mean / expected
        if not LATENCY_AGREES[0] <= ratio <= LATENCY_AGREES[1]:
            raise fields.refusal(
                "mean_e2el_ms",
                f"expected about {expected * 1000:.0f} ms (first token + {each:.0f} tokens), found "
                f"{latency.mean * 1000:.4g}",
                "is one of them in seconds?",
            )
    return Point(
        phase=Phase.REQUEST,
        concurrency=None if _offered(fields) else _concurrency(fields, about),
        offered_per_s=_offered(fields),
        input_tokens=(fields.maybe("total_input_tokens") or 0) / completed or None,
        output_tokens=each,
        seconds=latency,
        ttft_s=ttft,
        tpot_s=tpot,
        throughput_per_s=tokens / duration_s,
        throughput_unit=Unit.TOKENS,
        completed=completed,
        failed=_failed(fields, completed),
        window_s=duration_s,
        doubts=tuple(_doubts(fields, latency.typical)),
    )


def _must_agree(fields: Fields, key: str, expected: float) -> None:
    found = fields.positive(key)
    if abs(found / expected - 1) > AGREES_WITHIN:
        problem = f"expected {expected:.4g} (count / duration), found {found:.4g}"
        raise fields.refusal(key, problem, "the file contradicts itself, or a unit was changed")


def _offered(fields: Fields) -> float | None:
    """Return the rate asked for; the text "inf" is no rate, and a cap on clients rules."""
    rate = fields.data.get("request_rate")
    if rate is None or rate == UNLIMITED or fields.maybe_positive("max_concurrency"):
        return None
    return fields.positive("request_rate")


def _concurrency(fields: Fields, about: About) -> float | None:
    """Return the clients at a time; without a cap all requests were sent at once."""
    asked = fields.maybe_positive("max_concurrency") or about.concurrency
    return asked or fields.maybe_positive("num_prompts")


def _failed(fields: Fields, completed: int) -> int | None:
    failed, asked = fields.count("failed"), fields.count("num_prompts")
    if failed is None and asked is not None:
        failed = max(0, asked - completed)
    return failed


def _from_array(fields: Fields) -> Spread | None:
    found = fields.numbers("latencies")
    return numbers_of(found) if found else None


def _from_parts(fields: Fields, tokens: float) -> Spread:
    """Put the latency together where the run did not ask for it."""
    first, each = fields.positive("mean_ttft_ms"), fields.positive("mean_tpot_ms")
    return Spread(mean=(first + each * (tokens - 1)) / MILLISECONDS_PER_SECOND)


def _doubts(fields: Fields, latency_s: float) -> list[str]:
    found = []
    if any(key.startswith("spec_decode") for key in fields.data):
        found.append(
            "speculative decoding: a step yields more than one token, so time per token is no step"
        )
    if (
        fields.maybe_positive("max_concurrency") is None
        and fields.data.get("request_rate") == UNLIMITED
    ):
        found.append("all requests were sent at once: the first token waits in a queue")
    queued = fields.numbers("queue_times")
    if queued:
        mean_s = sum(queued) / len(queued)
        if mean_s > SHARE_IN_CLIENT * latency_s:
            found.append(
                f"requests waited {mean_s:.3g} s in the client before they were sent: it was full "
                "before the server was"
            )
    return found
