"""Latency as somebody states it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.record import Evidence, Record, Text


class LatencyFigures(Record):
    """Quantiles of end-to-end latency that somebody measured, published or assumed [ms]."""

    p50: Annotated[float, Field(gt=0)] | None = None
    p95: Annotated[float, Field(gt=0)] | None = None
    p99: Annotated[float, Field(gt=0)] | None = None
    evidence: Evidence
    source: Text

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        given = [number for number in (self.p50, self.p95, self.p99) if number is not None]
        if not given:
            raise ValueError("give at least one of p50, p95 and p99")
        if given != sorted(given):
            raise ValueError("p50, p95 and p99 are not in order")
        return self
