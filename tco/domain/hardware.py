"""What a machine is: instance types for rent and the accelerators in them. Prices are elsewhere."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tco.domain.record import Evidence, Record, Text

Count = Annotated[int, Field(ge=0, le=100_000)]
Positive = Annotated[float, Field(gt=0, lt=1e12)]


class Instance(Record):
    """One instance type of one seller in one region."""

    seller: Text
    region: Text
    instance_type: Text
    accelerator: str | None = None
    accelerator_count: Count = 0
    accelerator_memory_gib: Positive | None = None
    """Memory of each accelerator [GiB] as its driver reports it."""
    vcpus: Annotated[int, Field(gt=0)] | None = None
    memory_gib: Positive | None = None
    """Memory of the host [GiB]."""

    @property
    def sku(self) -> str:
        """The name under which its prices are kept."""
        return f"{self.seller}/{self.region}/{self.instance_type}"


class Precision(StrEnum):
    """Number formats in which peak compute is stated."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    FP4 = "fp4"


class MigSlice(Record):
    """One way to cut an accelerator into equal parts."""

    profile: Text
    memory_gib: Positive
    most_per_accelerator: Annotated[int, Field(gt=0, le=64)]


class Accelerator(Record):
    """One kind of accelerator, or a CPU package, with the dense peaks of its data sheet.

    A peak figure that the maker does not publish is absent, never 0.
    """

    name: Text
    maker: Text
    memory_gib: Positive | None = None
    """Memory that a program can use [GiB]; the data sheet's round figure is a little more."""
    memory_gb_per_s: Positive | None = None
    peak_tflops: dict[Precision, Positive] = Field(default_factory=dict)
    """Peak dense compute [10^12 operations/s] by number format."""
    mig_slices: tuple[MigSlice, ...] = ()
    peak_w: Positive | None = None
    """Board power limit [W]."""
    idle_w: Positive | None = None
    """Board power with a context open and no work [W]."""
    idle_low_w: Positive | None = None
    idle_high_w: Positive | None = None
    idle_evidence: Evidence | None = None
    source: Text
    evidence: Evidence
    checked_on: date | None = None
