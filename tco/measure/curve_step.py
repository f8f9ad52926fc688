"""The step curve of a language model: what a sweep shows, and what only a roofline can add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from tco.domain.curve import LEAST_FOR_ERROR, Accuracy, Array, Coefficient, StepLine, StepStage
from tco.domain.measured import Measured, Phase, Point, Spread, Unit
from tco.domain.measurement import Architecture
from tco.domain.record import worse
from tco.errors import MissingFigureError
from tco.measure.curve_fit import fit_line, positive_fit
from tco.measure.curve_roofline import Roofline

SAME_NUMBER = 1.05
"""Running batches closer than this are one: above a server's limit more clients only queue."""
LEAST_CONTEXTS_APART = 1.5
"""Contexts must differ by this factor before a sweep shows what a token of cache costs."""


class Of(Enum):
    """Which figure of a point is fitted."""

    SECONDS = "seconds"
    JOULES = "joules"


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps that were seen: sequences in each, mean length of their cache, and the figure."""

    sequences: Array
    contexts: Array
    """Mean tokens of cache of each sequence; not a number where nobody says."""
    seen: Array

    def __len__(self) -> int:
        return int(self.seen.size)


def step_stage(
    measured: Measured, architecture: Architecture | None, roofline: Roofline | None
) -> tuple[StepStage, list[str]]:
    """Fit the step curve of a measurement; the notes say what a reader should know."""
    notes: list[str] = []
    decode = _running(measured, notes)
    if len({sequences_of(point) for point in decode}) <= 1:
        raise MissingFigureError(
            f"{measured.id} shows one running batch only: nobody can tell what a step takes with "
            "more sequences. Measure at three or more, or ask for an estimate from other hardware"
        )
    prefill = [point for point in measured.points if point.phase is Phase.PREFILL]
    maker = _Maker(measured, architecture, roofline, notes)
    seconds = maker.line(Of.SECONDS, _steps(measured, decode, Of.SECONDS), prefill)
    joules = None
    of_energy = _steps(measured, [p for p in decode if p.energy is not None], Of.JOULES)
    if len(of_energy):
        joules = maker.line(Of.JOULES, of_energy, prefill)
    return StepStage(seconds=seconds, joules=joules), notes


def sequences_of(point: Point) -> float:
    """Return the mean running batch: stated, or tokens a second x time per token (Little)."""
    if point.phase is Phase.DECODE and point.batch is not None:
        return point.batch
    assert point.tpot_s is not None
    tokens_per_s = _tokens_per_s(point)
    if tokens_per_s is not None:
        return max(1.0, tokens_per_s * _mean_gap(point.tpot_s))
    if point.concurrency is not None:
        return point.concurrency
    raise MissingFigureError(
        "a point says neither its tokens a second nor its concurrency: nobody can tell how many "
        "sequences ran at once"
    )


def step_seconds(measured: Measured, point: Point) -> float:
    """Return the seconds of one step for all of its sequences.

    Behind a server that is the running batch over the tokens a second, or the mean gap between
    tokens: the median leaves out the steps that were held up by reading a prompt, and capacity does
    not.
    """
    if point.tpot_s is not None:
        return _mean_gap(point.tpot_s)
    tokens_per_s = _tokens_per_s(point)
    if measured.measured_in == "server" and tokens_per_s is not None:
        return sequences_of(point) / tokens_per_s
    return point.seconds.typical


def _mean_gap(gap: Spread) -> float:
    return gap.typical if gap.mean is None else gap.mean


def _tokens_per_s(point: Point) -> float | None:
    """Return the output tokens of all sequences together [1/s], where a point tells them."""
    if point.throughput_per_s is None:
        return None
    if point.throughput_unit is Unit.TOKENS:
        return point.throughput_per_s
    if point.throughput_unit is Unit.REQUESTS and point.output_tokens is not None:
        return point.throughput_per_s * point.output_tokens
    return None


def _running(measured: Measured, notes: list[str]) -> list[Point]:
    """Return the points of decoding, without those that only made a queue longer."""
    points = [p for p in measured.points if p.phase is Phase.DECODE or p.tpot_s is not None]
    if not points:
        raise MissingFigureError(f"{measured.id} has no point with a time per output token")
    if all(point.phase is Phase.DECODE for point in points):
        return points
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (sequences_of(p), p.concurrency or 0.0)):
        asked = point.concurrency or point.offered_per_s
        if kept and sequences_of(point) < sequences_of(kept[-1]) * SAME_NUMBER:
            notes.append(
                f"load {asked:g} ran {sequences_of(point):.0f} sequences at once, as a lower one "
                "did: a queue, left out"
            )
        else:
            kept.append(point)
    return kept


def _steps(measured: Measured, points: list[Point], of: Of) -> Steps:
    sequences = np.array([sequences_of(point) for point in points])
    contexts = np.array([_context_of(point) for point in points])
    if of is Of.SECONDS:
        seen = np.array([step_seconds(measured, point) for point in points])
    else:
        seen = np.array([_step_joules(point) for point in points])
        known = ~np.isnan(seen)
        sequences, contexts, seen = sequences[known], contexts[known], seen[known]
    return Steps(sequences, contexts, seen)


def _context_of(point: Point) -> float:
    if point.context_tokens is not None:
        return point.context_tokens
    if point.input_tokens is not None and point.output_tokens is not None:
        return point.input_tokens + point.output_tokens / 2
    return float("nan")


def _step_joules(point: Point) -> float:
    assert point.energy is not None
    if point.phase is Phase.DECODE:
        return point.energy.joules
    if point.output_tokens is None:
        return float("nan")
    return point.energy.joules / point.output_tokens * sequences_of(point)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes lines of steps of one measurement."""

    measured: Measured
    architecture: Architecture | None
    roofline: Roofline | None
    notes: list[str]

    def line(self, of: Of, steps: Steps, prefill: list[Point]) -> StepLine:
        contexts = steps.contexts[~np.isnan(steps.contexts)]
        apart = contexts.size == len(steps) and np.max(contexts) >= (
            np.min(contexts) * LEAST_CONTEXTS_APART
        )
        per_prefill = self._per_prefill(of, prefill)
        if apart and len(steps) >= LEAST_FOR_ERROR:
            return self._identified(of, steps, per_prefill)
        return self._with_roofline(of, steps, contexts, per_prefill)

    def _identified(self, of: Of, steps: Steps, per_prefill: Coefficient) -> StepLine:
        """Fit all of base, sequences and cache: contexts were varied."""
        columns = np.column_stack(
            [np.ones(len(steps)), steps.sequences, steps.sequences * steps.contexts]
        )
        base, per_sequence, per_kv = positive_fit(columns, steps.seen)
        misses = np.full(len(steps), np.nan)
        for number in np.unique(steps.sequences):
            out = steps.sequences == number
            if np.count_nonzero(~out) >= columns.shape[1]:
                found = positive_fit(columns[~out], steps.seen[~out])
                misses[out] = np.abs(columns[out] @ found / steps.seen[out] - 1)
        fitted = columns @ np.array([base, per_sequence, per_kv])
        known = misses[~np.isnan(misses)]
        return StepLine(
            base=self._seen(of, base),
            per_sequence=self._seen(of, per_sequence),
            per_kv_token=self._seen(of, per_kv),
            per_prefill_token=per_prefill,
            accuracy=Accuracy(
                numbers=tuple(float(n) for n in np.unique(steps.sequences)),
                in_sample_error=float(np.mean(np.abs(fitted / steps.seen - 1))),
                left_out_error=float(np.mean(known)) if known.size else None,
            ),
        )

    def _with_roofline(
        self, of: Of, steps: Steps, contexts: Array, per_prefill: Coefficient
    ) -> StepLine:
        """Fit base and sequences; the cache's share of the slope comes from the roofline."""
        line, accuracy = fit_line(steps.sequences, steps.seen)
        context = float(np.mean(contexts)) if contexts.size else self._context_of_answers()
        slopes = [line.slope] + ([] if line.slope_after is None else [line.slope_after])
        most = min(slopes) / context
        per_kv = self._from_roofline(of, "kv")
        if per_kv.value > most:
            source = f"{per_kv.source}; no more than the sweep leaves room for"
            per_kv = per_kv.model_copy(update={"value": most, "source": source})
        own = per_kv.value * context
        after = None if line.slope_after is None else self._seen(of, line.slope_after - own)
        return StepLine(
            base=self._seen(of, line.base),
            per_sequence=self._seen(of, max(0.0, line.slope - own)),
            knee_sequences=line.knee,
            per_sequence_after=after,
            per_kv_token=per_kv,
            per_prefill_token=per_prefill,
            accuracy=accuracy,
        )

    def _context_of_answers(self) -> float:
        """Return half of the mean answer: what the cache holds at least, where nobody says more."""
        answers = [p.output_tokens for p in self.measured.points if p.output_tokens is not None]
        if not answers:
            raise MissingFigureError(
                f"{self.measured.id} says neither the context nor the length of answers: how much "
                "of a step is spent on the cache cannot be told"
            )
        self.notes.append(
            "prompts' length is not stated: the cache counts half of each answer only"
        )
        return float(np.mean(answers)) / 2

    def _per_prefill(self, of: Of, prefill: list[Point]) -> Coefficient:
        """Return what one more prompt token takes: seen, or from the roofline."""
        tokens, seen = [], []
        for point in prefill:
            value = point.seconds.typical if of is Of.SECONDS else None
            if of is Of.JOULES and point.energy is not None:
                value = point.energy.joules
            if value is not None and point.batch is not None and point.input_size is not None:
                tokens.append(point.batch * point.input_size)
                seen.append(value)
        if len(set(tokens)) <= 1:
            return self._from_roofline(of, "prefill")
        columns = np.column_stack([np.ones(len(tokens)), np.array(tokens)])
        return self._seen(of, float(positive_fit(columns, np.array(seen))[1]))

    def _from_roofline(self, of: Of, what: str) -> Coefficient:
        if self.architecture is None or self.roofline is None:
            lacking = "benchmarks/published/models.csv" if self.architecture is None else (
                "pricing/hardware.csv"
            )  # fmt: skip
            raise MissingFigureError(
                f"the sweep of {self.measured.subject.snapshot} does not show what a token of "
                f"{'cache' if what == 'kv' else 'the prompt'} costs, and a roofline needs a row of "
                f"{lacking}. Add it, or measure at several context and prompt lengths"
            )
        if what == "kv":
            seconds = self.roofline.per_kv_token_s(self.architecture)
        else:
            seconds = self.roofline.per_prefill_token_s(self.architecture)
        if of is Of.SECONDS:
            return seconds
        joules = self.roofline.joules_of(seconds)
        if joules is None:
            raise MissingFigureError(
                f"pricing/hardware.csv has no peak_w of '{self.roofline.accelerator.name}'"
            )
        return joules

    def _seen(self, of: Of, value: float) -> Coefficient:
        evidence = self.measured.evidence
        if of is Of.JOULES:
            grades = [p.energy.evidence for p in self.measured.points if p.energy is not None]
            evidence = worse(evidence, *grades)
        return Coefficient(value=value, evidence=evidence, source=self.measured.source)


def seen_steps(measured: Measured) -> Steps:
    """Return the steps of a language model that a measurement shows [s].

    Where nobody states the length of a cache it is what the fit takes: the mean of those stated,
    else half of the mean answer.
    """
    steps = _steps(measured, _running(measured, []), Of.SECONDS)
    unstated = np.isnan(steps.contexts)
    if not unstated.any():
        return steps
    answers = [p.output_tokens for p in measured.points if p.output_tokens is not None]
    known = steps.contexts[~unstated] if not unstated.all() else np.array(answers) / 2
    filled = np.where(unstated, known.mean() if known.size else 0.0, steps.contexts)
    return replace(steps, contexts=filled)


def is_of_steps(measured: Measured) -> bool:
    """Tell whether a measurement shows the steps of a language model."""
    return any(p.phase is Phase.DECODE or p.tpot_s is not None for p in measured.points)
