"""A log of requests that an engine answered, and the same arrivals simulated."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tco.errors import TcoError
from tco.sim.llm_queues import LlmQueues, LlmRequests, LlmTimes
from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
COLUMNS = ("queued_ts", "first_token_ts", "last_token_ts", "input_toks", "output_toks")


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Requests of one replica in order of arrival; time 0 is the first arrival."""

    arrival_s: Array
    input_tokens: Whole
    output_tokens: Whole
    first_token_s: Array
    finish_s: Array


def read_request_log(file: Path) -> RequestLog:
    """Read a log of one JSON object a line, with the engine's own time stamps.

    Raises:
        TcoError: If a line is no such object.
    """
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            rows.append([float(row[name]) for name in COLUMNS])
        except (ValueError, TypeError, KeyError) as error:
            raise TcoError(
                f"{file}:{number}: no request with {', '.join(COLUMNS)} ({error}); "
                "give one JSON object a line"
            ) from None
    if not rows:
        raise TcoError(f"{file}: no request")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    times_s = table[:, :3] - table[0, 0]
    tokens = table[:, 3:].astype(np.int64)
    return RequestLog(times_s[:, 0], tokens[:, 0], tokens[:, 1], times_s[:, 1], times_s[:, 2])


def simulated_times(log: RequestLog, curve: StepCurve, limits: Limits) -> LlmTimes:
    """Run the arrivals of a log through one replica, to the last."""
    requests = LlmRequests(log.arrival_s, log.input_tokens, log.output_tokens)
    count = log.arrival_s.size
    queues = LlmQueues(curve, limits, [requests], replicas=1, hours=1, keep_requests=count)
    queues.takes[:] = 1
    queues.carry(math.inf)
    return queues.times
