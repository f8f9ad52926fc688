"""Service files of a replay: what serving a batch takes, and the host work in front of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Identifier, Record

Seconds = Annotated[float, Field(ge=0, le=1e6)]
Spread = Annotated[float, Field(ge=0, le=10)]


class HostStage(Record):
    """Host work for each request, first come first served, one stage for the whole fleet."""

    seconds: Seconds
    parallel: Annotated[int, Field(ge=1, le=100_000)]
    cv: Spread = Field(default=0.0, description="standard deviation of the seconds over their mean")


class BatchFigures(Record):
    """Seconds and energy of a batch: a line over its size, or a table from batch 1 on."""

    base_s: Seconds | None = None
    per_item_s: Seconds | None = None
    max_batch: Annotated[int, Field(ge=1, le=65_536)] | None = None
    seconds: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=65_536)] | None = None
    joules: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        default=None, description="energy of a batch, from batch 1 on [J]"
    )
    idle_w: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        default=None, description="power of a replica that is held and not busy [W]"
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        line = (self.base_s, self.per_item_s, self.max_batch)
        given = [part for part in line if part is not None]
        if self.seconds is not None and given:
            raise ValueError("seconds does not go with base_s, per_item_s or max_batch")
        if self.seconds is None and len(given) < len(line) and (given or self._must_be_given):
            raise ValueError("give either seconds, or all of base_s, per_item_s and max_batch")
        table = self.table_s
        if self.joules is not None and len(self.joules) != len(table):
            raise ValueError(f"joules covers {len(self.joules)} batches, the seconds {len(table)}")
        return self

    @property
    def _must_be_given(self) -> bool:
        return True

    @property
    def table_s(self) -> tuple[float, ...]:
        """Seconds from batch 1 on; empty where they are given by hardware."""
        if self.seconds is not None:
            return self.seconds
        if self.base_s is None or self.per_item_s is None or self.max_batch is None:
            return ()
        return tuple(self.base_s + self.per_item_s * n for n in range(1, self.max_batch + 1))


class BatchService(BatchFigures):
    """What a batch takes, on one kind of hardware or on each of several, and the host around it.

    Where seconds a token are given, a batch takes longer by what its longest request needs.
    """

    kind: Literal["batch"]
    front_end: HostStage | None = Field(default=None, description="before a request is batched")
    back_end: HostStage | None = Field(default=None, description="after its batch")
    by_hardware: dict[Identifier, BatchFigures] | None = Field(
        default=None, description="figures for each kind of hardware, instead of one set of them"
    )
    cv: Spread = Field(
        default=0.0, description="standard deviation of a batch's seconds over their mean [-]"
    )
    per_input_token_s: Seconds = Field(
        default=0.0, description="more for each input token of the longest request [s]"
    )
    per_output_token_s: Seconds = Field(
        default=0.0, description="more for each output token of the longest request [s]"
    )

    @property
    def _must_be_given(self) -> bool:
        return not self.by_hardware

    @model_validator(mode="after")
    def _takes_some_time(self) -> Self:
        own = [self.table_s, self.joules, self.idle_w]
        if self.by_hardware and any(part not in (None, ()) for part in own):
            raise ValueError("figures by hardware do not go with figures outside it")
        tables = [part.table_s for part in self.figures.values()]
        if min(min(table) for table in tables) <= 0 and not self.depends_on_tokens:
            raise ValueError("a batch takes some time; every batch needs more than 0 seconds")
        return self

    @property
    def figures(self) -> dict[str, BatchFigures]:
        """Figures by kind of hardware; a single kind has no name."""
        return dict(self.by_hardware) if self.by_hardware else {"": self}

    @property
    def depends_on_tokens(self) -> bool:
        """Whether the tokens of a request make its batch longer."""
        return self.per_input_token_s > 0 or self.per_output_token_s > 0
