"""Step times of an LLM engine from the times of its kernels.

A profile gives microseconds of the kernels of one layer: of dense ones by the tokens of a step, of
attention by prompt tokens, tokens before them, decodes and their mean length, and of the last ones
by the sequences that get a token. A step is their sum over the layers, and the host's time on top.
Kernels under lasting load may run slower than in a profile, hence the factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.errors import TcoError
from tco.sim.llm_steps import StepCurve, step_tables
from tco.units import MICROSECONDS_PER_SECOND

Array = NDArray[np.float64]

ONCE = ("embedding", "final_layernorm")
"""Dense kernels that run once in a step; all others run in every layer."""
TWICE = ("layernorm",)
"""Dense kernels that run twice in a layer."""
TABLES = {
    "dense": ["layer", "tokens", "time_us"],
    "attention": ["prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"],
    "per_sequence": ["layer", "sequences", "time_us"],
}


@dataclass(frozen=True, slots=True)
class KernelProfile:
    """Times of kernels, as recorded; one row a measurement."""

    dense: pd.DataFrame
    attention: pd.DataFrame
    per_sequence: pd.DataFrame


def read_kernel_profile(folder: Path) -> KernelProfile:
    """Read the three tables of a profile.

    Raises:
        TcoError: If a table is not there or lacks a column.
    """
    tables = {}
    for name, columns in TABLES.items():
        file = folder / f"{name}.csv"
        if not file.is_file():
            raise TcoError(f"{folder}: the profile has no {name}.csv; it needs {', '.join(TABLES)}")
        table = pd.read_csv(file)
        missing = [column for column in columns if column not in table.columns]
        if missing:
            raise TcoError(f"{file}: no column {missing[0]}; it needs {', '.join(columns)}")
        tables[name] = table
    return KernelProfile(**tables)


def profile_curve(
    profile: KernelProfile,
    *,
    layers: int,
    most_sequences: int,
    most_tokens: int,
    largest_weight: float = 0.0,
) -> StepCurve:
    """Add kernels up to steps.

    Args:
        profile: Times of the kernels of one layer.
        layers: Layers of the model.
        most_sequences: Sequences of the largest step.
        most_tokens: Tokens of the largest step.
        largest_weight: Where between the mean and the largest length the decodes of a step count.
    """
    per_us = 1 / MICROSECONDS_PER_SECOND
    dense_us = np.zeros(most_tokens + 1)
    for name, part in profile.dense.groupby("layer"):
        times = 1 if name in ONCE else layers * (2 if name in TWICE else 1)
        dense_us += times * _line(part["tokens"], part["time_us"], most_tokens)
    last_us = np.zeros(most_sequences + 1)
    for _, part in profile.per_sequence.groupby("layer"):
        last_us += _line(part["sequences"], part["time_us"], most_sequences)
    # A step that no prompt ends in gives no sequence a token, and skips these kernels.
    last_us[0] = 0.0

    attention = profile.attention
    scale = layers * per_us
    alone = attention[attention["prefill_chunk"] == 0].pivot_table(
        index="n_decode", columns="kv_decode", values="time_us"
    )
    by_batch = [_line(alone.index, alone[length], most_sequences) for length in alone.columns]
    lengths = alone.columns.to_numpy(dtype=np.float64)
    prompts, before, decodes, mixed = _grid(attention, lengths)
    return StepCurve(
        step_tables(
            tokens=per_us * dense_us,
            sequences=per_us * last_us,
            lengths=lengths,
            decode=scale * np.stack(by_batch, axis=1),
            prompts=prompts,
            before=before,
            decodes=decodes,
            mixed=scale * mixed,
            largest_weight=largest_weight,
        )
    )


def adjusted(
    curve: StepCurve,
    *,
    host_s: float = 0.0,
    dense_factor: float = 1.0,
    attention_factor: float = 1.0,
) -> StepCurve:
    """Return the curve of a profile with the figures that no profile holds.

    Args:
        curve: Of the kernels alone.
        host_s: Time of each step that is no kernel's [s].
        dense_factor: Factor on the time of all kernels but attention [-].
        attention_factor: Factor on the time of attention kernels [-].
    """
    kernels = curve.seconds
    return StepCurve(
        kernels._replace(
            tokens=host_s + dense_factor * kernels.tokens,
            sequences=dense_factor * kernels.sequences,
            decode=attention_factor * kernels.decode,
            slope=attention_factor * kernels.slope,
            mixed=attention_factor * kernels.mixed,
            per_kv_token=attention_factor * kernels.per_kv_token,
            per_prompt_token=attention_factor * kernels.per_prompt_token,
        )
    )


def _line(places: pd.Series | pd.Index, values: pd.Series, most: int) -> Array:
    """Return values at 0, 1, ... on straight lines between places; the last line goes on."""
    nodes, known = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    order = np.argsort(nodes)
    nodes, known = nodes[order], known[order]
    every = np.arange(most + 1.0)
    line = np.interp(every, nodes, known)
    beyond = every > nodes[-1]
    slope = (known[-1] - known[-2]) / (nodes[-1] - nodes[-2])
    line[beyond] = known[-1] + slope * (every[beyond] - nodes[-1])
    return np.asarray(line)


def _grid(attention: pd.DataFrame, lengths: Array) -> tuple[Array, Array, Array, Array]:
    """Return the nodes and times of attention with prompts, on the places measured throughout."""
    with_prompts = attention[attention["prefill_chunk"] > 0]
    decodes = np.array(sorted(set(with_prompts["n_decode"])), dtype=np.float64)
    # Measured grids may overlap: what the largest prompt was measured at leads.
    cases = with_prompts.groupby(["prefill_chunk", "kv_prefill"])["n_decode"].nunique()
    full = cases[cases == decodes.size].reset_index()
    largest = full["prefill_chunk"].max()
    before = full.loc[full["prefill_chunk"] == largest, "kv_prefill"].to_numpy(dtype=np.float64)
    covered = full[full["kv_prefill"].isin(before)].groupby("prefill_chunk").size()
    prompts = covered.index[covered == before.size].to_numpy(dtype=np.float64)
    cells = with_prompts.pivot_table(
        index=["prefill_chunk", "kv_prefill", "n_decode"], columns="kv_decode", values="time_us"
    )
    mixed = np.empty((prompts.size, before.size, decodes.size, lengths.size))
    for i, prompt in enumerate(prompts):
        for j, done in enumerate(before):
            for k, batch in enumerate(decodes):
                row = cells.xs((prompt, done, batch)).dropna()
                mixed[i, j, k] = np.interp(lengths, row.index.to_numpy(dtype=float), row.to_numpy())
    return prompts, before, decodes, mixed
