"""Small sweeps for tests: a data folder of their own, and what turns a file into results."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from tco.domain.loading import Library
from tco.sweep import Local, Question, ResultFolder, question_of, read_folder, run_sweep
from tests.conftest import ROOT
from tests.shipped import data

CELLS = int(os.environ.get("TCO_SWEEP_CELLS", "1000"))
"""Cells of the large sweep; a tenth of them are no valid scenario."""
APIS = """
extends: base.yaml
name: apis
horizon_months: 3
candidates: {own: null, both: null, later: null}
incumbent: null
"""
"""One option that is bought by the token: nothing is simulated, every cell only prices anew."""


def data_folder(folder: Path) -> Path:
    """Lay out scenarios, prices and measurements; return where they lie."""
    shutil.copytree(ROOT / "tests" / "domain" / "library", folder / "scenarios")
    (folder / "scenarios" / "case" / "apis.yaml").write_text(APIS)
    for part in ("pricing", "benchmarks"):
        (folder / part).symlink_to(ROOT / part)
    return folder


def sweep_file(folder: Path, **changes: Any) -> Path:
    """Write a sweep of six cells, or what the changes make of it."""
    content = {
        "format": "sweep/1",
        "name": "small",
        "title": "A small sweep",
        "question": "What does it cost?",
        "scenario": "case/apis",
        "axes": {
            "growth": values("workload.growth_per_year", [0.0, 0.5, 1.0]),
            "rise": values("price_paths.rise.shocks[0].change", [0.0, 0.4]),
        },
        "design": {"kind": "grid"},
        **changes,
    }
    path = folder / f"{content['name']}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def values(key: str, levels: list[Any]) -> dict[str, Any]:
    return {"kind": "values", "keys": [key], "values": levels}


def large_sweep(folder: Path) -> Path:
    """Write a sweep that only prices anew; at one level in ten of growth nothing is valid."""
    growth = [round(0.1 * n, 1) for n in range(9)] + [-5.0]
    rest = CELLS // len(growth) // 10
    return sweep_file(
        folder,
        name="large",
        axes={
            "growth": values("workload.growth_per_year", growth),
            "rise": values("price_paths.rise.shocks[0].change", [0.1 * n for n in range(10)]),
            "answer": values("workload.tokens.output", [40 + n for n in range(rest)]),
        },
    )


def question(path: Path, folder: Path) -> Question:
    library = Library(folder / "scenarios")
    return question_of(library.load_sweep(path), path.parent, library, *data())


def run_here(asked: Question, out: Path, **settings: Any) -> ResultFolder:
    """Run a sweep in this process and close its folder."""
    folder = ResultFolder.opened(out, asked, resume=settings.pop("resume", False))
    try:
        run_sweep(asked, folder, settings.pop("engine", Local(asked.ground, 1)), **settings)
    finally:
        folder.close()
    return folder


def content(out: Path) -> pa.Table:
    """Read what a folder holds, in an order that does not depend on who did what when."""
    return read_folder(out).table.sort_by([("cell", "ascending"), ("option", "ascending")])


def messages(out: Path) -> Mapping[str, int]:
    """Count the messages of refused cells."""
    found = content(out).to_pandas()
    refused = found[found["status"] == "refused"]
    return dict(refused["message"].value_counts())
