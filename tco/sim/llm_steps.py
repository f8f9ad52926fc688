"""What a step of an LLM engine takes, and many steps at once.

A step makes one token for every decode in it, and may read pieces of prompts. Its time is

    tokens[all tokens] + sequences[sequences that get a token] + attention

where attention of decodes alone lies on straight lines between table columns for each batch, over
the length of what they have read, and that of steps with prompts in a table of prompt tokens, of
how many were read before, of decodes and of their length. A formula has a coefficient in the place
of each table, and is worked out from the tokens that all decodes together have read. Lengths grow
by one a step, so the time of many steps between two changes of a batch is a sum of arithmetic
series: exact, and as quick as one step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tco.sim.compiled import compiled

Array = NDArray[np.float64]


class StepTables(NamedTuple):
    """Seconds, or joules, of a step; what the compiled code reads."""

    tokens: Array
    """By number of tokens in the step, from 0."""
    sequences: Array
    """By number of sequences that get a token, from 0."""
    lengths: Array
    """Lengths of the decodes at which attention is known, rising [tokens]."""
    decode: Array
    """Attention of a step of decodes alone, by number of decodes (from 0) and length."""
    slope: Array
    """What it grows by a token, between two lengths."""
    prompts: Array
    """Prompt tokens at which steps with prompts are known, rising."""
    before: Array
    """Tokens of the prompt read before, at which they are known, rising."""
    decodes: Array
    """Decodes at which they are known, rising."""
    mixed: Array
    """Attention of steps with prompts, by prompt tokens, tokens before, decodes and length."""
    largest_weight: float
    """Where between the mean (0) and the largest (1) the length lies that a step is as long as."""
    one_piece: bool
    """Pieces of several prompts cost as one new prompt, not as what each has to attend to."""
    is_line: bool = False
    """Attention is these two coefficients; the tables say the same."""
    per_kv_token: float = 0.0
    per_prompt_token: float = 0.0


@dataclass(frozen=True, slots=True)
class StepCurve:
    """What a step takes of time, and of energy where it was measured."""

    seconds: StepTables
    joules: StepTables | None = None

    @property
    def most_tokens(self) -> int:
        """Tokens of the largest step that the curve covers."""
        return int(self.seconds.tokens.size) - 1

    @property
    def most_sequences(self) -> int:
        """Sequences of the largest step that the curve covers."""
        return int(self.seconds.sequences.size) - 1


def step_tables(  # noqa: PLR0913 - the parts of a table, all by name
    *,
    tokens: Array,
    sequences: Array,
    lengths: Array,
    decode: Array,
    prompts: Array,
    before: Array,
    decodes: Array,
    mixed: Array,
    largest_weight: float = 0.0,
    one_piece: bool = False,
) -> StepTables:
    """Lay out tables for the compiled code; a table of one column is level."""
    lengths, decode = _two_columns(lengths, decode)
    slope = np.diff(decode, axis=1) / np.diff(lengths)
    if mixed.shape[3] < lengths.size:
        mixed = np.repeat(mixed, lengths.size, axis=3)
    return StepTables(
        np.ascontiguousarray(tokens, dtype=np.float64),
        np.ascontiguousarray(sequences, dtype=np.float64),
        lengths,
        decode,
        np.ascontiguousarray(slope),
        np.ascontiguousarray(prompts, dtype=np.float64),
        np.ascontiguousarray(before, dtype=np.float64),
        np.ascontiguousarray(decodes, dtype=np.float64),
        np.ascontiguousarray(mixed, dtype=np.float64),
        float(largest_weight),
        bool(one_piece),
    )


def _two_columns(lengths: Array, decode: Array) -> tuple[Array, Array]:
    if lengths.size == 1:
        lengths, decode = np.array([0.0, 1.0]), np.repeat(decode, 2, axis=1)
    return (
        np.ascontiguousarray(lengths, dtype=np.float64),
        np.ascontiguousarray(decode, dtype=np.float64),
    )


def linear_tables(
    *,
    base: float,
    per_sequence: float,
    per_kv_token: float,
    per_prefill_token: float,
    most_sequences: int,
    most_tokens: int,
) -> StepTables:
    """Make the tables of a formula.

    Args:
        base: Every step [s or J].
        per_sequence: For each sequence that gets a token [s or J].
        per_kv_token: For each token that the decodes have read before [s or J].
        per_prefill_token: For each token of a prompt that is read [s or J].
        most_sequences: Sequences of the largest step.
        most_tokens: Tokens of the largest step.

    >>> tables = linear_tables(base=1.0, per_sequence=0.5, per_kv_token=0.01, per_prefill_token=0.1,
    ...                        most_sequences=4, most_tokens=64)
    >>> f"{decode_total(tables, 2, 200.0, 3):.6g}"  # 3 steps of 1 + 2 * 0.5 + 0.01 * what is read
    '12.06'
    """
    return line_tables(
        tokens=np.full(most_tokens + 1, base),
        sequences=per_sequence * np.arange(most_sequences + 1.0),
        per_kv_token=per_kv_token,
        per_prompt_token=per_prefill_token,
    )


def line_tables(
    *, tokens: Array, sequences: Array, per_kv_token: float, per_prompt_token: float
) -> StepTables:
    """Make the tables of steps whose attention is straight over tokens of prompts and of cache."""
    nodes = np.array([0.0, 1.0])
    tables = step_tables(
        tokens=tokens,
        sequences=sequences,
        lengths=nodes,
        decode=np.outer(np.arange(float(sequences.size)), per_kv_token * nodes),
        prompts=nodes,
        before=np.array([0.0]),
        decodes=nodes,
        mixed=(
            per_prompt_token * nodes[:, None, None, None]
            + per_kv_token * nodes[None, None, :, None] * nodes[None, None, None, :]
        ),
    )
    return tables._replace(
        is_line=True, per_kv_token=float(per_kv_token), per_prompt_token=float(per_prompt_token)
    )


@compiled
def _cell(nodes: Array, place: float) -> int:
    """Return the cell between nodes that a place lies in; the outer ones go on for ever."""
    low, high = 0, nodes.shape[0] - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if place >= nodes[middle]:
            low = middle
        else:
            high = middle
    return low


@compiled
def line_step(tables: StepTables, batch: int, held: float) -> tuple[float, float]:
    """Return what a step of decodes takes by a formula, and half of what the next takes more."""
    flat = tables.tokens[batch] + tables.sequences[batch]
    return flat + tables.per_kv_token * held, 0.5 * tables.per_kv_token * batch


@compiled
def line_total(tables: StepTables, batch: int, held: float, steps: int) -> float:
    """Return what so many steps of decodes take by a formula; see ``decode_total``."""
    first, half = line_step(tables, batch, held)
    return float(steps * (first + half * (steps - 1)))


@compiled
def line_steps_beyond(
    tables: StepTables, batch: int, held: float, seconds: float, most: int
) -> int:
    """Return the least number of steps that exceed so many seconds; see ``steps_beyond``."""
    first, half = line_step(tables, batch, held)
    return _least_steps(first, half, seconds, most)


@compiled
def line_mixed_step(
    tables: StepTables, prompt_tokens: int, decodes: int, held: float, sequences: int
) -> float:
    """Return what a step with pieces of prompts takes by a formula; see ``mixed_step``."""
    attention = tables.per_prompt_token * prompt_tokens + tables.per_kv_token * held
    flat = tables.tokens[decodes + prompt_tokens] + tables.sequences[sequences]
    return float(attention + flat)


@compiled
def decode_total(tables: StepTables, batch: int, held: float, steps: int) -> float:
    """Return what so many steps of decodes alone take; ``held`` tokens are read in the first."""
    if tables.is_line:
        return line_total(tables, batch, held, steps)
    flat = tables.tokens[batch] + tables.sequences[batch]
    nodes = tables.lengths
    last = nodes.shape[0] - 2
    length = held / batch
    cell = _cell(nodes, length)
    total, left = flat * steps, steps
    while True:
        here = left if cell == last else min(left, math.ceil(nodes[cell + 1] - length))
        if here > 0:
            slope = tables.slope[batch, cell]
            first = tables.decode[batch, cell] + slope * (length - nodes[cell])
            total += here * (first + slope * (0.5 * (here - 1)))
            left -= here
            if left == 0:
                return float(total)
            length += here
        cell += 1


@compiled
def steps_beyond(tables: StepTables, batch: int, held: float, seconds: float, most: int) -> int:
    """Return the least number of steps, up to the most, that together exceed so many seconds."""
    if tables.is_line:
        return line_steps_beyond(tables, batch, held, seconds, most)
    flat = tables.tokens[batch] + tables.sequences[batch]
    nodes = tables.lengths
    last = nodes.shape[0] - 2
    length = held / batch
    cell = _cell(nodes, length)
    gone, done = 0.0, 0
    while True:
        here = most - done
        if cell != last:
            here = min(here, math.ceil(nodes[cell + 1] - length))
        if here > 0:
            slope = tables.slope[batch, cell]
            first = flat + tables.decode[batch, cell] + slope * (length - nodes[cell])
            half = 0.5 * slope
            if here * (first + half * (here - 1)) > seconds - gone:
                return done + _least_steps(first, half, seconds - gone, here)
            gone += here * (first + half * (here - 1))
            done += here
            if done == most:
                return most
            length += here
        cell += 1


SLOW_GROWTH = 0.05
"""Up to this sum of what steps grow by, a quick guess of their number is off by one or so [-]."""


@compiled
def _least_steps(first: float, half: float, seconds: float, most: int) -> int:
    """Return the least number of steps, up to the most, that exceed so many seconds.

    The first takes ``first``, and each more than the one before by twice ``half``.
    """
    seconds = max(0.0, seconds)
    even, growth = seconds / first, half / first
    if growth * even < SLOW_GROWTH:
        steps = int(even - growth * even * even)
    else:
        straight = first - half
        root = math.sqrt(max(0.0, straight * straight + 4.0 * half * seconds))
        steps = int(2.0 * seconds / (straight + root)) if straight + root > 0 else 0
    steps = max(1, min(most, steps))
    while steps < most and steps * (first + half * (steps - 1)) <= seconds:
        steps += 1
    while steps > 1 and (steps - 1) * (first + half * (steps - 2)) > seconds:
        steps -= 1
    return steps


@compiled
def _corner(nodes: Array, place: float) -> tuple[int, int, float]:
    """Return the nodes on both sides of a place, and the weight of the second."""
    if nodes.shape[0] == 1:
        return 0, 0, 0.0
    cell = _cell(nodes, place)
    return cell, cell + 1, (place - nodes[cell]) / (nodes[cell + 1] - nodes[cell])


@compiled
def mixed_step(
    tables: StepTables,
    prompt_tokens: int,
    before: float,
    decodes: int,
    held: float,
    sequences: int,
) -> float:
    """Return what a step with pieces of prompts takes.

    Args:
        tables: What steps take.
        prompt_tokens: Tokens of prompts in the step.
        before: Tokens that were read before them, on the mean of the pieces.
        decodes: Decodes in the step.
        held: Tokens that they have read, all together.
        sequences: Sequences that get a token.
    """
    if tables.is_line:
        return line_mixed_step(tables, prompt_tokens, decodes, held, sequences)
    flat = tables.tokens[decodes + prompt_tokens] + tables.sequences[sequences]
    length = held / decodes if decodes > 0 else 0.0
    a0, a1, a = _corner(tables.prompts, prompt_tokens)
    b0, b1, b = _corner(tables.before, before)
    c0, c1, c = _corner(tables.decodes, decodes)
    d0, d1, d = _corner(tables.lengths, length)
    total = 0.0
    for i in range(2):
        p, p_weight = (a1, a) if i else (a0, 1.0 - a)
        for j in range(2):
            q, q_weight = (b1, b) if j else (b0, 1.0 - b)
            for k in range(2):
                r, r_weight = (c1, c) if k else (c0, 1.0 - c)
                weight = p_weight * q_weight * r_weight
                if weight != 0.0:
                    row = tables.mixed[p, q, r]
                    total += weight * ((1.0 - d) * row[d0] + d * row[d1])
    return float(total + flat)
