"""A machine as a plan chooses it: the instance type, where, and how it is bought."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tco.domain.price import Purchase
from tco.domain.record import Identifier, Record


class MachineChoice(Record):
    """An instance type as one seller offers it, and how it is bought."""

    seller: Identifier
    region: Annotated[str, Field(min_length=1, max_length=80)]
    instance_type: Annotated[str, Field(min_length=1, max_length=120)]
    purchase: Purchase
