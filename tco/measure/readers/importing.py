"""Result files of one tool become one measurement, or nothing at all is imported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from tco.domain.measured import (
    Hardware,
    LoadTimes,
    Measured,
    Runtime,
    Subject,
)
from tco.domain.record import Evidence
from tco.errors import Finding, InputError
from tco.measure.readers import (
    aiperf,
    codecarbon_csv,
    guidellm,
    optimum_benchmark,
    perf_analyzer,
    template_csv,
    traps,
    vllm_bench,
)
from tco.measure.readers.content import LONGEST_SHOWN, Content, refusal
from tco.measure.readers.reading import About, Reader, Reading

READERS: tuple[Reader, ...] = (
    vllm_bench,
    guidellm,
    optimum_benchmark,
    aiperf,
    perf_analyzer,
    codecarbon_csv,
    template_csv,
)
MOST_ID_LETTERS = 80


def import_results(paths: Sequence[Path], about: About, *, name: str | None = None) -> Measured:
    """Read files of one format as one measurement: a sweep may be spread over several.

    Raises:
        InputError: A file is cut off, of another version, in other units, contradicts itself, or
            what it leaves unsaid was not said; nothing is imported then.
    """
    contents = [Content.of(path) for path in paths]
    readers = [recognised(content) for content in contents]
    if len({reader.TOOL for reader in readers}) > 1:
        tools = " and ".join(dict.fromkeys(reader.TOOL for reader in readers))
        raise refusal(paths[-1], "", f"expected files of one tool, found {tools}", "import apart")
    readings: list[Reading] = []
    for reader, content in zip(readers, contents, strict=True):
        try:
            readings.append(reader.read(content, about))
        except ValidationError as error:
            raise _out_of_bounds(content.path, error) from None
    try:
        return _measured(contents, readings, about, name)
    except ValidationError as error:
        raise _out_of_bounds(contents[0].path, error) from None


def recognised(content: Content) -> Reader:
    """Tell by its content which tool wrote a file."""
    for reader in READERS:
        if reader.recognises(content):
            return reader
    tools = ", ".join(reader.TOOL for reader in READERS)
    raise refusal(
        content.path,
        "",
        f"expected a result of {tools}, found none of them",
        "write its figures into the table of 'tco measure import --template'",
    )


def _measured(
    contents: Sequence[Content], readings: Sequence[Reading], about: About, name: str | None
) -> Measured:
    first, path = readings[0], contents[0].path
    models = dict.fromkeys(reading.model for reading in readings if reading.model)
    if len(models) > 1:
        problem = f"expected one model, found {' and '.join(models)}"
        raise refusal(contents[-1].path, "model", problem, "import each model apart")
    accelerator = _said(path, "--accelerator", about.accelerator, first.hardware)
    runtime = _said(path, "--runtime", about.runtime, first.runtime)
    precision = _said(path, "--precision", about.precision, first.precision)
    count = about.accelerator_count
    if count is None:
        count = first.accelerator_count
    if count is None:
        raise refusal(
            path, "", "the file does not say how many accelerators", "say it with --count"
        )
    points = traps.with_doubts([point for reading in readings for point in reading.points])
    files = "; ".join(f"{c.path.name} sha256 {c.digest[:16]}" for c in contents)
    starts = tuple(seconds for reading in readings for seconds in reading.load_times_s)
    doubts = [*(d for r in readings for d in r.doubts), *traps.of_sweep(points)]
    letters = "-".join([about.snapshot, accelerator, str(count), runtime, precision])
    return Measured(
        format="measurement/1",
        id=name or re.sub(r"[^a-z0-9.]+", "-", letters.lower()).strip("-")[:MOST_ID_LETTERS],
        kind=first.kind,
        subject=Subject(
            snapshot=about.snapshot,
            source=next(iter(models), f"as {first.tool} was told"),
            weights="trained",
        ),
        hardware=Hardware(name=accelerator, accelerator_count=count),
        runtime=Runtime(name=runtime, version=first.runtime_version),
        precision=precision,
        measured_in=first.measured_in,
        evidence=Evidence.IMPORTED,
        source=f"{first.tool}: {files}",
        points=points,
        load_times=LoadTimes(seconds=starts, to="model loaded") if starts else None,
        doubts=tuple(dict.fromkeys(doubts)),
        notes=tuple(dict.fromkeys(note for reading in readings for note in reading.notes)),
    )


def _out_of_bounds(path: Path, error: ValidationError) -> InputError:
    """Name the figures that no measurement can have."""
    return InputError(
        [
            Finding(
                str(path),
                None,
                ".".join(map(str, problem["loc"])),
                f"{problem['msg']}, found {str(problem['input'])[:LONGEST_SHOWN]}",
                "nothing was imported",
            )
            for problem in error.errors(include_url=False)
        ]
    )


def _said(path: Path, option: str, person: str | None, file: str | None) -> str:
    found = person or file
    if found is None:
        raise refusal(path, "", f"the file does not say its {option[2:]}", f"say it with {option}")
    return found
