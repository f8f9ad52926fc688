"""Rows of the published tables: what others measured, and what their models are made of."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.measured import EnergyScope
from tco.domain.record import Evidence, Identifier, Record, Text, wrong_at

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


class PublishedPoint(Record):
    """What every row of a published sweep says: whose, on what, and where it was read."""

    snapshot: Identifier
    accelerator: Text
    accelerator_count: Annotated[int, Field(ge=0)]
    runtime: Text
    precision: Text
    evidence: Evidence
    source: Text
    as_of: date | None = Field(description="date that the source gives; absent where it gives none")
    checked_on: date

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """The five things by which a curve is chosen."""
        return (
            self.snapshot,
            self.accelerator,
            self.accelerator_count,
            self.runtime,
            self.precision,
        )


class PublishedStep(PublishedPoint):
    """One running batch of a language model, with the time each sequence waits for a token."""

    sequences: Positive = Field(description="mean running batch, measured in the server [-]")
    seconds_per_token: Positive
    output_tokens: Positive | None = Field(description="mean a request [tokens]")
    output_tokens_per_s: Positive | None
    energy_j_per_output_token: Positive | None
    energy_scope: EnergyScope | None

    @model_validator(mode="after")
    def _states_its_scope(self) -> Self:
        if (self.energy_j_per_output_token is None) != (self.energy_scope is None):
            raise wrong_at("energy_scope", says="joules and their scope come together")
        return self


class PublishedBatch(PublishedPoint):
    """One batch of a classic model."""

    input_size: Positive = Field(description="padded size: tokens, or pixels of a side")
    batch: Annotated[int, Field(ge=1)]
    seconds: Positive = Field(description="of the whole batch [s]")
    throughput_per_s: Positive | None
    measured_in: Literal["process", "server"]


class Architecture(Record):
    """What a roofline needs of a language model."""

    snapshot: Identifier
    name: Text
    parameters: Positive
    active_parameters: Positive | None = Field(description="read for one token; absent if all are")
    kv_bytes_per_token: Positive = Field(description="keys and values of one token [bytes]")
    evidence: Evidence
    source: Text
    checked_on: date

    @property
    def parameters_per_token(self) -> float:
        """Parameters that one token meets."""
        return self.parameters if self.active_parameters is None else self.active_parameters
