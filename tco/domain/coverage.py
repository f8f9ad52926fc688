"""Which phases of a model's life a plan does not price, and why that is right."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from tco.domain.record import Record, Text


class Unpriced(Record):
    """Why a phase has no price of its own: there is nothing to pay, or another line pays it."""

    none: Text | None = None
    included_in: Text | None = None

    @model_validator(mode="after")
    def _gives_one_reason(self) -> Self:
        if (self.none is None) == (self.included_in is None):
            raise ValueError("give a reason: either none: why, or included_in: where")
        return self
