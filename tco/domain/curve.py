"""Service curves: seconds and joules as functions of what is served at once, with their error.

A batch curve gives the time of one batch by its size (and the padded size of its inputs). A step
curve gives the time of one step of a language model by the sequences in it, the tokens of their
cache and the prompt tokens that are read in. Outside what was measured the grade drops to
``estimated`` and the error widens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tco.domain.measured import EnergyScope
from tco.domain.record import Estimate, Evidence, Identifier, Record, Text, worse
from tco.domain.service import HostStage

Array = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

LEAST_FOR_ERROR = 3
"""With fewer settings than this nothing can be left out and predicted."""
LEAST_ERROR = 0.03
"""Repeats of one sweep on other hosts differ by 2 to 4 % in speed: nothing tighter is promised."""
UNPROVEN_ERROR = 0.25
"""Error of a curve too short to test: nine in ten left-out points of published sweeps miss less."""


class Line(Record):
    """Straight over the number served at once, or bent at one knee; it never falls."""

    base: NotNegative
    slope: NotNegative
    knee: Positive | None = None
    slope_after: NotNegative | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.knee is None) != (self.slope_after is None):
            raise ValueError("a knee comes with the slope after it")
        return self

    def at(self, number: ArrayLike) -> Array:
        """Return the value at each number served at once.

        >>> Line(base=1.0, slope=0.5, knee=4, slope_after=2.0).at([2, 4, 5]).tolist()
        [2.0, 3.0, 5.0]
        """
        served = np.asarray(number, dtype=np.float64)
        if self.knee is None or self.slope_after is None:
            return self.base + self.slope * served
        before, after = np.minimum(served, self.knee), np.maximum(served - self.knee, 0.0)
        return self.base + self.slope * before + self.slope_after * after


class Accuracy(Record):
    """Where a fit was measured and how well it foretells points that it has not seen."""

    numbers: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        description="batches or sequences at which there are points, ascending"
    )
    in_sample_error: NotNegative = Field(description="mean of |fitted / seen - 1| [-]")
    left_out_error: NotNegative | None = Field(
        default=None, description="mean of |foretold / seen - 1|, each number left out in turn [-]"
    )
    transfer_error: NotNegative | None = Field(
        default=None, description="what carrying a curve to other hardware adds [-]"
    )

    def covers(self, number: float) -> bool:
        """Tell whether the number was measured, or lies between enough that were."""
        between = self.numbers[0] <= number <= self.numbers[-1]
        enough = len(self.numbers) >= LEAST_FOR_ERROR
        return number in self.numbers or (enough and between)

    def relative_error(self, number: float) -> float:
        """Return the error to expect [-]: once more as much for every doubling beyond the range.

        >>> fit = Accuracy(numbers=(1, 4, 16), in_sample_error=0.01, left_out_error=0.05)
        >>> [round(fit.relative_error(number), 3) for number in (8, 16, 32, 64)]
        [0.05, 0.05, 0.1, 0.15]
        """
        tested = UNPROVEN_ERROR if self.left_out_error is None else self.left_out_error
        inside = max(tested, LEAST_ERROR)
        low, high = self.numbers[0], self.numbers[-1]
        doublings = max(0.0, math.log2(number / high), math.log2(low / number))
        return math.hypot(inside * (1 + doublings), self.transfer_error or 0.0)


class SizeCurve(Record):
    """Seconds and joules of one batch of inputs padded to one size."""

    input_size: Positive | None = Field(
        default=None, description="tokens or pixels that inputs are padded to; absent if fixed"
    )
    seconds: Line
    accuracy: Accuracy
    joules: Line | None = None
    joules_accuracy: Accuracy | None = None


class BatchStage(Record):
    """Seconds and joules of a batch, by padded size."""

    sizes: Annotated[tuple[SizeCurve, ...], Field(min_length=1)]
    cv: NotNegative = Field(
        default=0.0, description="standard deviation of a batch's seconds over their mean [-]"
    )

    @model_validator(mode="after")
    def _is_sorted(self) -> Self:
        sizes = [curve.input_size for curve in self.sizes]
        known = [size for size in sizes if size is not None]
        if len(sizes) > 1 and (len(known) < len(sizes) or known != sorted(set(known))):
            raise ValueError("curves of several sizes name them, ascending, each once")
        return self

    def seconds(self, batch: ArrayLike, size: float | None = None) -> Array:
        """Return the seconds of a batch: between sizes on a line, beyond the largest in ratio."""
        return self._over_sizes([curve.seconds.at(batch) for curve in self.sizes], size)

    def joules(self, batch: ArrayLike, size: float | None = None) -> Array | None:
        """Return the joules of a batch, or nothing where they were not measured at every size."""
        lines = [curve.joules for curve in self.sizes if curve.joules is not None]
        if len(lines) < len(self.sizes):
            return None
        return self._over_sizes([line.at(batch) for line in lines], size)

    def nearest(self, size: float | None) -> SizeCurve:
        """Return the curve of the smallest padded size that holds the input, else the largest."""
        if size is not None:
            for curve in self.sizes:
                if curve.input_size is not None and curve.input_size >= size:
                    return curve
        return self.sizes[-1]

    def covers_size(self, size: float | None) -> bool:
        """Tell whether inputs of this size were measured, or padded to one that was."""
        largest = self.sizes[-1].input_size
        return size is None or largest is None or size <= largest

    def _over_sizes(self, values: list[Array], size: float | None) -> Array:
        known = [curve.input_size for curve in self.sizes if curve.input_size is not None]
        if not known or size is None or size <= known[0]:
            return values[-1] if size is None or not known else values[0]
        if size >= known[-1]:
            return values[-1] * (size / known[-1])
        above = next(place for place, padded in enumerate(known) if padded >= size)
        share = (size - known[above - 1]) / (known[above] - known[above - 1])
        return values[above - 1] * (1 - share) + values[above] * share


class Coefficient(Record):
    """One number of a step curve, with where it comes from."""

    value: NotNegative
    evidence: Evidence
    source: Text


class StepLine(Record):
    """base + per sequence + per token of cache + per prompt token: of seconds, or of joules."""

    base: Coefficient
    per_sequence: Coefficient
    knee_sequences: Positive | None = None
    per_sequence_after: Coefficient | None = None
    per_kv_token: Coefficient
    per_prefill_token: Coefficient
    accuracy: Accuracy

    @property
    def over_sequences(self) -> Line:
        """The part that depends on the number of sequences alone."""
        after = None if self.per_sequence_after is None else self.per_sequence_after.value
        return Line(
            base=self.base.value,
            slope=self.per_sequence.value,
            knee=self.knee_sequences,
            slope_after=after,
        )

    def at(
        self, sequences: ArrayLike, kv_tokens: ArrayLike = 0.0, prefill_tokens: ArrayLike = 0.0
    ) -> Array:
        """Return the value of a step; ``kv_tokens`` are those of all sequences together."""
        kv = np.asarray(kv_tokens, dtype=np.float64)
        prefill = np.asarray(prefill_tokens, dtype=np.float64)
        cached = self.per_kv_token.value * kv + self.per_prefill_token.value * prefill
        return self.over_sequences.at(sequences) + cached


class StepStage(Record):
    """Seconds and joules of one step of a language model."""

    seconds: StepLine
    joules: StepLine | None = None


@dataclass(frozen=True, slots=True)
class StepArrays:
    """Coefficients of a step in plain arrays: one place for each straight part.

    Part ``i`` holds from ``from_sequences[i]`` sequences on. All joules are 0 where
    ``has_joules`` is false: they are unknown then, not nothing.
    """

    from_sequences: Array
    base_s: Array
    per_sequence_s: Array
    per_kv_token_s: Array
    per_prefill_token_s: Array
    base_j: Array
    per_sequence_j: Array
    per_kv_token_j: Array
    per_prefill_token_j: Array
    has_joules: bool


class ServiceCurve(Record):
    """What serving a snapshot takes on one hardware with one runtime and precision."""

    snapshot: Identifier
    accelerator: Text
    accelerator_count: Annotated[int, Field(ge=0)]
    runtime: Text
    precision: Text
    kind: Literal["batch", "llm"]
    measured_in: Literal["process", "server"] = Field(
        description="in process the host work of each request behind a server is left out"
    )
    front_end: HostStage | None = Field(
        default=None, description="host work of each request; absent until calibrated"
    )
    batch: BatchStage | None = None
    step: StepStage | None = None
    energy_scope: EnergyScope | None = None
    energy_evidence: Evidence | None = None
    idle_w: Estimate | None = Field(default=None, description="loaded and without work [W]")
    load_s: Estimate | None = Field(default=None, description="fresh process to first answer [s]")
    evidence: Evidence
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    checked_on: date | None = Field(default=None, description="day of the measurement")
    notes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _has_its_stage(self) -> Self:
        if (self.batch is None) == (self.kind == "batch"):
            raise ValueError("a batch curve has a batch stage, and no other has")
        if (self.step is None) == (self.kind == "llm"):
            raise ValueError("a curve of a language model has a step stage, and no other has")
        return self

    @property
    def has_front_end(self) -> bool:
        """Whether the host work of each request is known as a stage of its own."""
        return self.front_end is not None

    @property
    def range(self) -> tuple[float, float]:
        """Least and most that was served at once where it was measured, over all input sizes."""
        if self.step is not None:
            numbers = self.step.seconds.accuracy.numbers
            return numbers[0], numbers[-1]
        assert self.batch is not None
        ends = [curve.accuracy.numbers for curve in self.batch.sizes]
        return min(numbers[0] for numbers in ends), max(numbers[-1] for numbers in ends)

    def relative_error(self, number: float, size: float | None = None) -> float:
        """Return the error to expect of the seconds at a batch or number of sequences [-]."""
        return self._accuracy(size).relative_error(number)

    def joules_error(self, number: float, size: float | None = None) -> float | None:
        """Return the error to expect of the joules [-], or nothing where there are none."""
        found: Accuracy | None
        if self.step is not None:
            found = None if self.step.joules is None else self.step.joules.accuracy
        else:
            assert self.batch is not None
            found = self.batch.nearest(size).joules_accuracy
        return None if found is None else found.relative_error(number)

    def grade(self, number: float, size: float | None = None) -> Evidence:
        """Return the grade of the seconds at a batch or number of sequences."""
        inside = self._accuracy(size).covers(number)
        if self.batch is not None:
            inside = inside and self.batch.covers_size(size)
        return self.evidence if inside else worse(self.evidence, Evidence.ESTIMATED)

    def table(self, largest_batch: int, size: float | None = None) -> tuple[Array, Array | None]:
        """Return seconds and joules of batches 1, 2, ... up to the largest, of one input size."""
        if self.batch is None:
            raise TypeError("a language model has step_arrays(), not a table of batches")
        batches = np.arange(1.0, largest_batch + 1.0)
        return self.batch.seconds(batches, size), self.batch.joules(batches, size)

    def step_arrays(self) -> StepArrays:
        """Return the coefficients of a step in plain arrays, for the simulator."""
        if self.step is None:
            raise TypeError("a batch curve has table(), not coefficients of a step")
        seconds, joules = self.step.seconds, self.step.joules
        knees = {line.knee_sequences for line in (seconds, joules) if line is not None}
        starts = np.array([0.0, *sorted(knee for knee in knees if knee is not None)])
        none = np.zeros(starts.size)
        of_joules = (none, none, none, none) if joules is None else _parts(joules, starts)
        return StepArrays(starts, *_parts(seconds, starts), *of_joules, joules is not None)

    def _accuracy(self, size: float | None) -> Accuracy:
        if self.step is not None:
            return self.step.seconds.accuracy
        assert self.batch is not None
        return self.batch.nearest(size).accuracy


def _parts(line: StepLine, starts: Array) -> tuple[Array, Array, Array, Array]:
    """Write a line as straight parts that begin at the given numbers of sequences."""
    over = line.over_sequences
    ends = np.append(starts[1:], starts[-1] + 1.0)
    slopes = (over.at(ends) - over.at(starts)) / (ends - starts)
    return (
        over.at(starts) - slopes * starts,
        slopes,
        np.full(starts.size, line.per_kv_token.value),
        np.full(starts.size, line.per_prefill_token.value),
    )
