"""Service files of a replay: what serving a batch takes, and the host work in front of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Record

Seconds = Annotated[float, Field(ge=0, le=1e6)]


class FrontEnd(Record):
    """Host work for each request before it can be batched."""

    seconds: Seconds
    parallel: Annotated[int, Field(ge=1, le=100_000)]


class BatchService(Record):
    """Seconds of a batch: a line over its size, or a table from batch 1 on.

    Where seconds a token are given, a batch takes longer by what its longest request needs.
    """

    kind: Literal["batch"]
    front_end: FrontEnd | None = None
    base_s: Seconds | None = None
    per_item_s: Seconds | None = None
    max_batch: Annotated[int, Field(ge=1, le=65_536)] | None = None
    seconds: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=65_536)] | None = None
    joules: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        default=None, description="energy of a batch, from batch 1 on [J]"
    )
    per_input_token_s: Seconds = Field(
        default=0.0, description="more for each input token of the longest request [s]"
    )
    per_output_token_s: Seconds = Field(
        default=0.0, description="more for each output token of the longest request [s]"
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        line = (self.base_s, self.per_item_s, self.max_batch)
        if (self.seconds is None) == any(part is None for part in line):
            raise ValueError("give either seconds, or all of base_s, per_item_s and max_batch")
        if self.seconds is not None and any(part is not None for part in line):
            raise ValueError("seconds does not go with base_s, per_item_s or max_batch")
        table = self.table_s
        if min(table) <= 0 and not self.depends_on_tokens:
            raise ValueError("a batch takes some time; every batch needs more than 0 seconds")
        if self.joules is not None and len(self.joules) != len(table):
            raise ValueError(f"joules covers {len(self.joules)} batches, the seconds {len(table)}")
        return self

    @property
    def depends_on_tokens(self) -> bool:
        """Whether the tokens of a request make its batch longer."""
        return self.per_input_token_s > 0 or self.per_output_token_s > 0

    @property
    def table_s(self) -> tuple[float, ...]:
        """Seconds from batch 1 on."""
        if self.seconds is not None:
            return self.seconds
        assert self.base_s is not None
        assert self.per_item_s is not None
        assert self.max_batch is not None
        return tuple(self.base_s + self.per_item_s * n for n in range(1, self.max_batch + 1))
