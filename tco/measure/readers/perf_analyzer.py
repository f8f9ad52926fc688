"""Triton's perf_analyzer: a CSV with one row a load, times in microseconds, batch not stated."""

from __future__ import annotations

from tco.domain.measured import Kind, Phase, Point, Spread, Unit
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading, spread_of

TOOL = "Triton perf_analyzer"
RATE = "Inferences/Second"
CLOSED, OPEN, BATCH = "Concurrency", "Request Rate", "Batch Size"
IN_CLIENT = ("Client Send", "Client Recv")
PARTS = (
    "Client Send",
    "Network+Server Send/Recv",
    "Server Queue",
    "Server Compute",
    "Server Compute Input",
    "Server Compute Infer",
    "Server Compute Output",
    "Client Recv",
)
SECONDS_PER_US = 1e-6
SHARE_IN_CLIENT = 0.10
LITTLE_APART = (0.5, 2.0)
QUANTILES = {"median": "p50 latency", "p90": "p90 latency", "p95": "p95 latency",
             "p99": "p99 latency"}  # fmt: skip


def recognises(content: Content) -> bool:
    """Tell it by its column of inferences a second."""
    return not content.is_json and RATE in content.header


def read(content: Content, about: About) -> Reading:
    """Read a sweep over clients or rates; it stands in order of throughput, not of load."""
    rows = list(content.row_fields())
    for column in (*QUANTILES.values(), "Client Send"):
        if column not in content.header:
            raise rows[0].refusal(column, "expected this column, found none", "write it with -f")
    points = [_point(row, about) for row in rows]
    points.sort(key=lambda point: (point.batch or 0, point.concurrency or point.offered_per_s or 0))
    return Reading(
        tool=TOOL,
        kind=Kind.ENDPOINT,
        measured_in="server",
        points=tuple(points),
        notes=("latency is the client's: its network round trip is inside",),
    )


def _point(row: Fields, about: About) -> Point:
    batch = row.maybe_positive(BATCH) or about.batch
    if batch is None:
        raise row.refusal(
            BATCH,
            "expected the batch that each request carried (-b), found nothing",
            "say it with --batch",
        )
    mean_s = sum(row.maybe(part) or 0.0 for part in PARTS) * SECONDS_PER_US
    quantiles = spread_of(row, QUANTILES, SECONDS_PER_US)
    if quantiles is None:
        raise row.refusal("p50 latency", "expected more than 0, found 0", "did the run end well?")
    seconds = Spread.model_validate(
        {**quantiles.model_dump(exclude_none=True), "mean": mean_s or None}
    )
    clients, rate = row.maybe_positive(CLOSED), row.positive(RATE)
    if clients is not None:
        held = rate / batch * (mean_s or seconds.typical) / clients
        if not LITTLE_APART[0] <= held <= LITTLE_APART[1]:
            raise row.refusal(
                RATE,
                f"expected about {clients * batch / seconds.typical:.4g} (clients x batch / "
                f"latency), found {rate:g}",
                "is the batch right, and are the times in microseconds?",
            )
    client_s = sum(row.maybe(part) or 0.0 for part in IN_CLIENT) * SECONDS_PER_US
    doubts = []
    if client_s > SHARE_IN_CLIENT * seconds.typical:
        doubts.append(
            f"{client_s / seconds.typical:.0%} of the latency is spent in the client: it may be "
            "full before the server is"
        )
    return Point(
        phase=Phase.REQUEST,
        batch=batch,
        concurrency=clients,
        offered_per_s=row.maybe_positive(OPEN) if clients is None else None,
        seconds=seconds,
        throughput_per_s=rate / batch,
        throughput_unit=Unit.REQUESTS,
        doubts=tuple(doubts),
    )
