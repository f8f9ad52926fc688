"""Published request traces, where this machine has them; a test that needs one is else skipped."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

FOLDERS = [ROOT / "shared" / "traces", ROOT.parent / "shared" / "traces"]


def trace_file(name: str) -> Path:
    """Find a trace, or skip the test that asked for it."""
    given = os.environ.get("TRACES")
    for folder in [Path(given)] if given else FOLDERS:
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"{name} is not on this machine; set TRACES to the folder that holds it")


def trace(name: str, **options) -> np.ndarray:
    """Read a trace with numpy."""
    return np.genfromtxt(trace_file(name), delimiter=",", **options)


def requests_of_2023(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the arrivals [s], input and output tokens of one of the hour-long traces."""
    lines = trace_file(f"azure_llm_2023_{name}.csv").read_text().split()[1:]
    days, rest = lines[0::2], [line.split(",") for line in lines[1::2]]
    origin = np.datetime64(f"{days[0]}T00:00:00.000000000")
    stamps = np.array([f"{day}T{row[0]}" for day, row in zip(days, rest, strict=True)], "M8[ns]")
    seconds = (stamps - origin) / np.timedelta64(1, "s")
    return (
        seconds - seconds[0],
        np.array([int(row[1]) for row in rest]),
        np.array([int(row[2]) for row in rest]),
    )
