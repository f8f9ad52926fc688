"""What one snapshot did on one hardware with one runtime and precision."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from tco.domain.record import Evidence, Identifier, Record, Text

Positive = Annotated[float, Field(gt=0)]


class ConstantService(Record):
    """One published or measured operating point, read as a constant service time.

    A replica serves ``parallel`` requests at once and each takes ``seconds``. For a language model
    that is a point at full batch: right for capacity, and it overstates latency at lower load.
    """

    snapshot: Identifier
    accelerator: Text
    accelerator_count: Annotated[int, Field(ge=0)]
    runtime: Text
    precision: Text
    parallel: Annotated[int, Field(ge=1)]
    seconds: Positive
    shows_latency: bool = Field(
        description="false where only throughput at full load is known: seconds is its inverse"
    )
    input_tokens: Positive | None
    output_tokens: Annotated[float, Field(ge=0)] | None
    energy_j_per_request: Positive | None
    energy_scope: Text | None
    evidence: Evidence
    source: Text
    as_of: date | None = Field(description="date that the source gives; absent where it gives none")
    checked_on: date
