"""Months of a plan, counted from 1."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.record import Record

MonthNumber = Annotated[int, Field(ge=1, le=120)]


class Months(Record):
    """A stretch of the horizon; month 1 is the first, both ends count."""

    first: MonthNumber = 1
    last: MonthNumber | None = Field(default=None, description="absent: to the end of the horizon")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"the last month, {self.last}, lies before the first, {self.first}")
        return self
